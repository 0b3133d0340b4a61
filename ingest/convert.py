"""From verified files to staged Parquet: detect the source, read the columns, run its SELECT in batches.

Nothing is published here and nothing is decided: a value that does not fit stops the whole delivery, and
the error names the file and the row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from isal import igzip

from core import (
    BadValue,
    ColumnMissing,
    ConformanceFailed,
    DeliveryError,
    FileCorrupt,
    KifayatError,
    SourceError,
    UnknownExport,
    WarehouseError,
)
from ingest.deliveries import FetchedFile
from ingest.persons import looks_like_a_person, names_a_person
from ingest.source import Source, detect, lookup, squeeze
from warehouse import Engine, FileGroup, Match, coded, literal, quote, raw_select, schema, sync_file

#: Shards of text read by one statement: bounds the reader's buffers, keeps both cores busy.
BATCH_FILES = 8
#: Parquet is read by row groups, of whichever file: there only progress asks for batches.
BATCH_PARQUET = 32
_RETRY = "nothing of this delivery was loaded; the provider's next delivery is tried again"
#: JSON objects looked at to learn the names in a file.
_SNIFF_OBJECTS = 200
Say = Callable[[str], None]
#: Format, columns with their types in order, reader options: files that agree in these are read by one statement.
_Layout = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Converted:
    """Staged Parquet of one delivery."""

    source: Source
    parts: tuple[Path, ...]
    unknown_columns: tuple[str, ...]


@dataclass(frozen=True)
class LoadContext:
    """What a source may know of its load, as the one-row table `load`."""

    export_name: str
    delivered_at: datetime
    payer: str


def group_files(engine: Engine, files: Sequence[FetchedFile]) -> list[tuple[FileGroup, tuple[FetchedFile, ...]]]:
    """Files of one format and one header together: a column never slips because another file orders it differently."""
    groups: dict[_Layout, list[FetchedFile]] = {}
    for file in files:
        names, options = _columns(engine, file)
        groups.setdefault((file.format, tuple(names.items()), options), []).append(file)
    return [
        (FileGroup(layout[0], tuple(file.path for file in members), dict(layout[1]), layout[2]), tuple(members))
        for layout, members in groups.items()
    ]


def _columns(engine: Engine, file: FetchedFile) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    if file.format == "parquet":
        with _readable([file]):
            return engine.fields(f"SELECT * FROM read_parquet({literal(str(file.path))})"), ()
    with file.path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    compression = "gzip" if compressed else "none"
    opener = igzip.open if compressed else open
    with opener(file.path, "rb") as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        try:
            if file.format == "json":
                names, layout = _json_names(text)
                return names, (("compression", compression), ("layout", layout))
            header = next(csv.reader(text), [])
        except UnicodeDecodeError as error:
            raise FileCorrupt("the file is not UTF-8 text", where=file.name, expected="UTF-8") from error
        except csv.Error as error:
            raise FileCorrupt(f"the header cannot be read: {error}", where=file.name, expected="a CSV") from error
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise BadValue(f"the header names {', '.join(doubled)} twice", where=file.name, expected="each column once")
    return dict.fromkeys(header, "VARCHAR"), (("compression", compression),)


def _json_names(text: io.TextIOWrapper) -> tuple[dict[str, str], str]:
    """Dotted names of the first objects of a JSON file, and how the objects follow each other."""
    head = text.read(1 << 20)
    layout = "newline_delimited"
    if head.lstrip().startswith("["):
        layout = "array"
        head = head.lstrip()[1:]
    else:
        first_line = head.lstrip().split("\n", 1)[0]
        try:
            json.loads(first_line)
        except ValueError:
            layout = "unstructured"  # objects over several lines, one after the other
    decoder = json.JSONDecoder()
    names: dict[str, str] = {}
    at = 0
    for _ in range(_SNIFF_OBJECTS):
        while at < len(head) and head[at] in " \t\r\n,":
            at += 1
        try:
            value, at = decoder.raw_decode(head, at)
        except ValueError:
            break
        if isinstance(value, dict):
            _open(value, "", names)
    return names, layout


def _open(value: dict[str, object], prefix: str, names: dict[str, str]) -> None:
    for key, child in value.items():
        if isinstance(child, dict) and child:
            _open(child, f"{prefix}{key}.", names)
        names.setdefault(f"{prefix}{key}", "JSON")


def convert(
    engine: Engine,
    files: Sequence[FetchedFile],
    context: LoadContext,
    staging: Path,
    *,
    wanted: str | None,
    say: Say,
) -> Converted:
    """Write the FOCUS rows (or feed rows) of all files into `staging`.

    Raises UnknownExport, ColumnMissing, BadValue (with file and row) or FileCorrupt (rows lost on the way).
    """
    grouped = group_files(engine, files)
    found = [(_recognise(group, members[0].name, wanted), group, members) for group, members in grouped]
    names = {source.name for source, _, _ in found}
    if len(names) > 1:
        raise ConformanceFailed(
            f"one delivery mixes {' and '.join(sorted(names))}",
            where=", ".join(file.name for file in files[:3]),
            fix="put each kind of file into an export of its own",
        )
    source = found[0][0]
    _prepare(engine, source, context)
    parts: list[Path] = []
    unknown: dict[str, None] = {}
    done = 0
    with ThreadPoolExecutor(1) as syncer:  # the disk works while the next batch converts
        synced: list[Future[None]] = []
        for _, group, members in found:
            refuse_forbidden(source, group, members[0].name)
            matches = source.match(group)
            unknown.update(dict.fromkeys(source.unknown_columns(group, matches)))
            size = BATCH_PARQUET if group.format == "parquet" else BATCH_FILES
            for start in range(0, len(members), size):
                batch = members[start : start + size]
                written = _run(engine, source, group.batch([f.path for f in batch]), batch, matches, context,
                               staging / f"batch-{len(synced):05d}")  # fmt: skip
                synced.append(syncer.submit(_sync_all, written))
                parts.extend(written)
                done += len(batch)
                say(f"{context.export_name}: {done} of {len(files)} files converted")
        for future in synced:
            future.result()
    return Converted(source, tuple(parts), tuple(unknown))


def _recognise(group: FileGroup, where: str, wanted: str | None) -> Source:
    names = list(group.physical)
    try:
        return detect(names, group.format, where, wanted)
    except UnknownExport:
        if not any(looks_like_a_person(name) for name in names):
            raise
    # a file without a header begins with a row: what stands there is repeated to nobody
    raise UnknownExport(
        "no source recognises this file, and its header holds what looks like a person (an e-mail, a number, a hash)",
        where=where,
        expected="names of columns in the first line",
        fix="write a header, and aggregate before export: student identities are never stored here",
    )


@contextmanager
def _readable(files: Sequence[FetchedFile]) -> Iterator[None]:
    """Where the engine stumbles over the bytes of a file, not over a value in it, the file is broken."""
    try:
        yield
    except (SourceError, DeliveryError, WarehouseError):
        raise
    except KifayatError as error:
        if error.fix:  # memory, and what else the machine lacks
            raise
        names = ", ".join(file.name for file in files[:3])
        raise FileCorrupt(error.what, where=names, expected="whole files", fix=_RETRY) from error


def _sync_all(paths: Sequence[Path]) -> None:
    for path in paths:
        sync_file(path)


def refuse_forbidden(source: Source, group: FileGroup, where: str) -> None:
    """A feed of counts may not carry a column that names a person."""
    words = {squeeze(word) for word in source.forbidden}
    bad = [name for name in group.physical if words and (squeeze(name) in words or names_a_person(name))]
    if bad:
        told = ["one that looks like a person itself" if looks_like_a_person(name) else name for name in bad]
        raise BadValue(
            f"the file has columns about persons: {', '.join(told)}",
            where=where,
            expected="counts per day, product and state only",
            fix="aggregate before export: student identities are never stored here",
        )


def _prepare(engine: Engine, source: Source, context: LoadContext) -> None:
    engine.execute("CREATE OR REPLACE TEMP TABLE load (export_name VARCHAR, delivered_at TIMESTAMP, payer VARCHAR)")
    engine.insert("load", [(context.export_name, context.delivered_at.replace(tzinfo=None), context.payer)])
    for name in source.lookups:
        columns, rows = lookup(name)
        declared = ", ".join(f"{quote(column)} VARCHAR" for column in columns)
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} ({declared})")
        engine.insert(name, [tuple(value or None for value in row) for row in rows])


def _run(
    engine: Engine,
    source: Source,
    group: FileGroup,
    files: Sequence[FetchedFile],
    matches: Sequence[Match],
    context: LoadContext,
    folder: Path,
) -> list[Path]:
    texts = {match.physical for match in matches if match.column.kind == "text" and match.physical and not match.key}
    with _readable(files):
        codes = coded(engine, group.files, texts, null_words=[""]) if group.format == "parquet" else {}
    raw = raw_select(group, matches, source.cost, source.null_words, codes)
    engine.execute(f"CREATE OR REPLACE TEMP VIEW raw AS {raw}")
    select = stored_select(engine, source, context)
    try:
        with _readable(files):
            return engine.copy(select, folder)
    except BadValue as error:
        raise _locate(engine, source, group, files, matches, error) from error


def stored_select(engine: Engine, source: Source, context: LoadContext) -> str:
    """The source's SELECT with every stored column, typed; a column it does not yield is NULL."""
    described = engine.describe(source.sql)
    have = {name.lower(): name for name, _ in described}
    columns = schema(source.into)
    strangers = sorted(set(have) - {name.lower() for name, _ in columns})
    if strangers:
        raise ConformanceFailed(
            f"source {source.name} yields columns that {source.into} does not have: {', '.join(strangers)}",
            expected="FOCUS 1.2 columns or the x_ columns of core/focus.py",
        )
    # ENUMs are written as text, at a tenth of the work
    are_enums = {name for name, kind in described if kind.startswith("ENUM(")}
    constants = {**engine.constants(source.sql), "x_ExportName": context.export_name}
    expressions = []
    for name, kind in columns:
        own = have.get(name.lower(), "")
        if kind == "VARCHAR" and name in constants:
            value = literal(constants[name])
            expressions.append(f"CAST({value} AS ENUM({value})) AS {quote(name)}")
        elif kind == "VARCHAR" and own in are_enums:
            expressions.append(f"{quote(own)} AS {quote(name)}")
        else:
            expressions.append(f"CAST({quote(own) if own else 'NULL'} AS {kind}) AS {quote(name)}")
    return f"SELECT {', '.join(expressions)} FROM ({source.sql})"


def _locate(
    engine: Engine,
    source: Source,
    group: FileGroup,
    files: Sequence[FetchedFile],
    matches: Sequence[Match],
    error: BadValue,
) -> BadValue | ColumnMissing:
    """Find the row that stopped the load: read each file again, column by column, only now that it failed."""
    engine.execute("SET preserve_insertion_order = true")
    try:
        for file in files:
            one = group.batch([file.path])
            for match in matches:
                if match.physical is None or match.column.kind in ("text", "json", "list"):
                    continue
                text_match = Match(type(match.column)(match.column.path, "text"), match.physical)
                text = raw_select(one, [text_match], "", source.null_words)
                name = quote(match.column.name)
                check = {"decimal": "text_decimal", "timestamp": "text_timestamp"}.get(match.column.kind)
                test = f"{check}({name})" if check else f"CAST({name} AS {match.column.sql_type})"
                try:
                    bad = engine.rows(
                        f"SELECT row_number, {name} FROM (SELECT row_number() OVER () AS row_number, * FROM ({text}))"
                        f" WHERE {name} IS NOT NULL AND TRY({test}) IS NULL LIMIT 1"
                    )
                except BadValue:
                    continue
                if bad:
                    row, value = bad[0]
                    # where persons could stand, no value is repeated
                    found = "something else" if source.forbidden else repr(str(value)[:60])
                    article = "an" if match.column.kind == "integer" else "a"
                    return BadValue(
                        f"{match.physical} is {found}",
                        where=f"{file.name}, data row {row}",
                        expected=f"{article} {match.column.kind}",
                        fix=_RETRY,
                    )
    finally:
        engine.execute("SET preserve_insertion_order = false")
    return BadValue(
        "a value has the wrong form" if source.forbidden else error.what,
        where=", ".join(file.name for file in files[:3]),
        expected=error.expected,
        fix=error.fix,
    )


def first_empty(engine: Engine, source: Source, files: Sequence[FetchedFile]) -> str:
    """File, row and column of the first empty value that the source requires; nothing if no column shows it."""
    return _first(
        engine, source, files, lambda match: f"{quote(match.column.name)} IS NULL" if match.column.required else ""
    )


def first_negative(engine: Engine, source: Source, files: Sequence[FetchedFile]) -> str:
    """File, row and column of the first number below zero; nothing if there is none."""
    return _first(
        engine, source, files, lambda match: f"{quote(match.column.name)} < 0" if match.column.kind == "integer" else ""
    )


def _first(engine: Engine, source: Source, files: Sequence[FetchedFile], unfit: Callable[[Match], str]) -> str:
    """The place of the first value of which a condition in SQL (none: not looked at) is true."""
    engine.execute("SET preserve_insertion_order = true")
    try:
        for group, members in group_files(engine, files):
            needed = [(match, unfit(match)) for match in source.match(group) if match.physical]
            for file in members:
                for match, condition in needed:
                    if not condition:
                        continue
                    text = raw_select(group.batch([file.path]), [match], "", source.null_words)
                    found = engine.rows(
                        f"SELECT row_number FROM (SELECT row_number() OVER () AS row_number, * FROM ({text}))"
                        f" WHERE {condition} LIMIT 1"
                    )
                    if found:
                        return f"{file.name}, data row {found[0][0]}: {match.physical}"
    finally:
        engine.execute("SET preserve_insertion_order = false")
    return ""
