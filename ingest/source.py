"""Sources: one `.sql` file per export or feed, found by the columns of a file.

A source knows what a provider's columns mean; how files are read exactly is `warehouse.raw`, and when
they count is `ingest.load`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core import ConformanceFailed, SqlFile, UnknownExport, discover_sql, nearest
from warehouse import Column, FileGroup, Match

SOURCES = Path(__file__).parent / "sources"
LOOKUPS = Path(__file__).parent / "lookups"

_HEADER_KEYS = {
    "title", "into", "provider", "partition", "formats", "detect", "reject", "forbidden", "cost", "lookups",
    "columns", "prefixes", "null_words", "notes", "drop_null", "extends",
}  # fmt: skip
_KINDS = {"text", "decimal", "timestamp", "date", "boolean", "integer", "json"}


#: What spreadsheets put between values instead of commas.
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def squeeze(name: str) -> str:
    """A column name without case and punctuation: lineItem/UnblendedCost and line_item_unblended_cost are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True)
class Source:
    """A parsed source file.

    `into` is "charges" or a feed's name; `partition` "month" (a delivery replaces the billing months it holds)
    or "files" (it replaces the file group of the same name); `cost` the provider's own amount.
    """

    name: str
    title: str
    into: str
    provider: str
    partition: str
    formats: tuple[str, ...]
    detect: tuple[str, ...]
    reject: tuple[str, ...]
    forbidden: tuple[str, ...]
    cost: str
    lookups: tuple[str, ...]
    columns: tuple[Column, ...]
    prefixes: Mapping[str, tuple[str, ...]]
    null_words: tuple[str, ...]
    drop_null: str
    sql: str
    notes: str = ""

    @classmethod
    def from_file(cls, file: SqlFile, base: SqlFile | None = None) -> Source:
        """Read a source, refusing unknown header keys and types.

        A source that `extends` another is the same SELECT over a layout of its own: `base` is the other's file.
        """
        header = dict(file.header)
        if base is not None:
            declared = {**base.header.get("columns", {}), **header.get("columns", {})}
            header = {**base.header, **header, "columns": declared}
        unknown = sorted(set(header) - _HEADER_KEYS)
        if unknown:
            raise ConformanceFailed(
                f"source {file.name} has unknown header keys {', '.join(unknown)}",
                where=str(file.path), expected=", ".join(sorted(_HEADER_KEYS)),
            )  # fmt: skip
        columns = tuple(_column(path, text, file) for path, text in header.get("columns", {}).items())
        return cls(
            name=file.name,
            title=header["title"],
            into=header.get("into", "charges"),
            provider=header.get("provider", ""),
            partition=header.get("partition", "files"),
            formats=tuple(header["formats"]),
            detect=tuple(header["detect"]),
            reject=tuple(header.get("reject", ())),
            forbidden=tuple(header.get("forbidden", ())),
            cost=header.get("cost", "").replace(".", "_"),
            lookups=tuple(header.get("lookups", ())),
            columns=columns,
            prefixes={name: tuple(values) for name, values in header.get("prefixes", {}).items()},
            null_words=tuple(header.get("null_words", ())),
            drop_null=header.get("drop_null", ""),
            sql=file.sql if base is None else base.sql,
            notes=header.get("notes", ""),
        )

    def missing(self, names: Sequence[str]) -> list[str]:
        """What keeps a file with these column names from being this source: detection and required columns."""
        have = {squeeze(name) for name in names}
        aliases = {squeeze(column.path): column.aliases for column in self.columns}
        wanted = dict.fromkeys([*self.detect, *(column.path for column in self.columns if column.required)])
        return [
            name
            for name in wanted
            if not have & {squeeze(name), *(squeeze(alias) for alias in aliases.get(squeeze(name), ()))}
        ]

    def rejected(self, names: Sequence[str]) -> list[str]:
        """Columns whose presence says that the file is another source's."""
        have = {squeeze(name) for name in names}
        return [name for name in self.reject if squeeze(name) in have]

    def match(self, group: FileGroup) -> list[Match]:
        """Which physical column stands for each declared one."""
        by_name: dict[str, str] = {}
        for physical in group.physical:
            by_name.setdefault(squeeze(physical), physical)
        matches = []
        for column in self.columns:
            found = next((by_name[squeeze(n)] for n in (column.path, *column.aliases) if squeeze(n) in by_name), None)
            map_name, _, map_key = column.inside.partition(".")
            if found is None and squeeze(map_name) in by_name:
                matches.append(Match(column, by_name[squeeze(map_name)], key=map_key))
                continue
            members: tuple[tuple[str, str], ...] = ()
            if found is None and column.name in self.prefixes:
                members = tuple(self._members(column.name, group.physical))
            if found is None and group.format == "json":
                found = column.path  # a field that is empty in the first objects is not written there at all
            matches.append(Match(column, found, members))
        return matches

    def _members(self, name: str, physical: Iterable[str]) -> Iterator[tuple[str, str]]:
        for column in physical:
            prefix = next((p for p in self.prefixes[name] if column.startswith(p) and len(column) > len(p)), None)
            if prefix is not None:
                yield column[len(prefix) :], column

    def unknown_columns(self, group: FileGroup, matches: Sequence[Match]) -> list[str]:
        """Physical columns that this source does not read."""
        read = {match.physical for match in matches} | {name for match in matches for _, name in match.members}
        parents = {name.rpartition(".")[0] for name in read if name}
        parents |= {parent.rpartition(".")[0] for parent in parents}
        return [name for name in group.physical if name not in read and name not in parents]


def _column(path: str, text: str, file: SqlFile) -> Column:
    listed = re.fullmatch(r"list\((.*)\)(.*)", text)
    kind, rest = ("list", listed.group(2)) if listed else (text.split(maxsplit=1)[0], " ".join(text.split()[1:]))
    fields = tuple(tuple(field.split()) for field in listed.group(1).split(",")) if listed else ()
    words = rest.split()
    aliases = [word.removeprefix("alias=") for word in words if word.startswith("alias=")]
    inside = [word.removeprefix("in=") for word in words if word.startswith("in=")]
    other = [word for word in words if not word.startswith(("alias=", "in=")) and word != "required"]
    if (kind not in _KINDS and not listed) or other or any(len(f) != 2 or f[1] not in _KINDS for f in fields):
        raise ConformanceFailed(
            f"source {file.name} declares {path} = {text!r}", where=str(file.path),
            expected=f"one of {', '.join(sorted(_KINDS))} or list(name kind, …),"
            " then `required`, `alias=a,b`, `in=map.key`",
        )  # fmt: skip
    names = tuple(name for alias in aliases for name in alias.split(","))
    return Column(
        path,
        kind,
        "required" in words,
        names,
        tuple((f[0], f[1]) for f in fields),
        inside[0] if inside else "",
    )


@cache
def sources() -> dict[str, Source]:
    """All sources by name."""
    files = discover_sql(SOURCES, kind="source")
    return {
        name: Source.from_file(file, files[file.header["extends"]] if "extends" in file.header else None)
        for name, file in files.items()
    }


def detect(names: Sequence[str], file_format: str, where: str, wanted: str | None = None) -> Source:
    """The source whose columns a file has.

    `wanted` is the source named in the configuration. Raises UnknownExport with the nearest source and what the
    file lacks. Of several that fit, the one that asks for most columns wins.
    """
    if wanted and wanted not in sources():
        near = nearest(wanted, sources())
        raise UnknownExport(
            f"no source is called {wanted}" + (f"; did you mean {near}?" if near else ""),
            where=where, expected="one of " + ", ".join(sources()), fix="correct the export's section",
        )  # fmt: skip
    candidates = [sources()[wanted]] if wanted else list(sources().values())
    fitting = [
        source
        for source in candidates
        if file_format in source.formats and not source.missing(names) and not source.rejected(names)
    ]
    if fitting:
        return max(fitting, key=lambda source: len(source.detect))

    have = {squeeze(name) for name in names}

    def distance(source: Source) -> tuple[float, int, int]:
        asked = len(source.detect) + sum(column.required for column in source.columns)
        shared = sum(squeeze(column.path) in have for column in source.columns)
        return (len(source.missing(names)) / max(asked, 1), len(source.rejected(names)), -shared)

    if len(names) == 1 and file_format == "csv":
        separator = next((name for mark, name in _SEPARATORS.items() if mark in names[0]), "")
        if separator:
            raise UnknownExport(
                f"the values are separated by {separator}",
                where=where,
                expected="commas, as the providers write them",
                fix="export the file again as CSV with commas",
            )
    closest = min(candidates, key=distance)
    if not wanted and not set(closest.detect) - set(closest.missing(names)):
        raise UnknownExport(
            "no source recognises this file, and none is near: its columns are " + ", ".join(list(names)[:8])
            + (" …" if len(names) > 8 else ""),
            where=where, expected="a billing export or a feed that `kifayat list sources` names",
            fix="take the file away, or `kifayat explain SOURCE` for the columns a feed needs",
        )  # fmt: skip
    lacks, rejected = closest.missing(names), closest.rejected(names)
    reasons = []
    if lacks:
        reasons.append("missing " + ", ".join(lacks[:8]) + (" …" if len(lacks) > 8 else ""))
    if rejected:
        reasons.append("has " + ", ".join(rejected) + ", which that source never has")
    if file_format not in closest.formats:
        reasons.append(f"is {file_format}, not {' or '.join(closest.formats)}")
    raise UnknownExport(
        f"no source recognises this file: closest is {closest.name}, {'; '.join(reasons)}",
        where=where,
        expected=closest.title,
        fix=f"run `kifayat explain {closest.name}`, or name the source in the export's section",
    )


@cache
def lookup(name: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A lookup table: column names and rows, all text."""
    with (LOOKUPS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    return tuple(header), tuple(tuple(row) for row in rows)


def describe(source: Source) -> dict[str, Any]:
    """What the catalogue shows of a source."""
    return {
        "title": source.title,
        "into": source.into,
        "formats": ", ".join(source.formats),
        "replaces": "the billing months it holds" if source.partition == "month" else "the files of the same name",
        "detected by": ", ".join(source.detect),
        "required": ", ".join(column.path for column in source.columns if column.required),
        "notes": source.notes,
    }
