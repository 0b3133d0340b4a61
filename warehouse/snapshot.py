"""Published generations: how a reader sees one, whole and unchanging, and how the pointer moves.

A reader opens an in-memory connection, attaches the generation read-only, lays views over its charge files
and locks itself: no other file, no setting, no statement but a SELECT.
"""

from __future__ import annotations

import csv
import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import duckdb

from core import KifayatError, QueryRefused, SnapshotMissing
from warehouse.engine import Engine, Limits, literal, path_list, quote, split_statements, translated
from warehouse.store import sync_folder
from warehouse.tables import empty_charges

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

POINTER = "CURRENT"

#: Before the one SELECT that may follow it.
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(?:ANALYZE\s+)?", re.IGNORECASE)
#: A share of nothing is NULL, neither infinite nor an error: DuckDB 1.5 has one of these settings, 2 has both.
_DIVISION = "SELECT name FROM duckdb_settings() WHERE name IN ('ieee_floating_point_ops', 'error_on_division_by_zero')"
_NAME = re.compile(r"snapshot-(\d+)\.duckdb")


@dataclass(frozen=True)
class Result:
    """Rows of a query. `rows` hold Decimal, date, datetime (UTC, naive), str, int, bool or None."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame; money stays Decimal (object dtype)."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.rows), columns=list(self.columns))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_csv(self, stream: IO[str]) -> None:
        """RFC 4180; a text that a spreadsheet would run as a formula gets a leading apostrophe."""
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow([inert(name) for name in self.columns])
        writer.writerows([inert(value) for value in row] for row in self.rows)


def inert(value: Any) -> Any:
    """A cell that no spreadsheet executes; numbers are left alone. (OWASP ASVS 5.3.10, CSV injection)"""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "\0"):
        return "'" + value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value


@dataclass(frozen=True)
class Pointer:
    """What CURRENT says."""

    generation: int
    file: str
    published_at: datetime


def read_pointer(snapshots: Path) -> Pointer:
    """The published generation. Raises SnapshotMissing."""
    try:
        content = json.loads((snapshots / POINTER).read_text())
        return Pointer(
            int(content["generation"]), str(content["file"]), datetime.fromisoformat(content["published_at"])
        )
    except FileNotFoundError:
        raise SnapshotMissing(
            "nothing has been published yet", where=str(snapshots), fix="run `kifayat ingest`"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotMissing(
            "the pointer to the published generation is damaged", where=str(snapshots / POINTER),
            fix="run `kifayat ingest`, which publishes again",
        ) from error  # fmt: skip


def snapshot_name(generation: int) -> str:
    """File name of a generation."""
    return f"snapshot-{generation:06d}.duckdb"


def kept_generations(snapshots: Path) -> list[int]:
    """Generations whose files are there, oldest first; other files beside them, such as copies, are not ours."""
    found = [_NAME.fullmatch(path.name) for path in snapshots.glob("snapshot-*.duckdb")]
    return sorted(int(match[1]) for match in found if match)


def folders_in_use(engine: Engine, snapshots: Path) -> set[str]:
    """Folders of charges, relative to the store, that a kept generation reads: its readers still need them."""
    folders: set[str] = set()
    for generation in kept_generations(snapshots):
        path = snapshots / snapshot_name(generation)
        try:
            engine.execute(f"ATTACH {literal(str(path))} AS kept (READ_ONLY)")
        except KifayatError:  # damaged: nobody can read it
            continue
        try:
            folders.update(str(Path(row[0]).parent) for row in engine.rows("SELECT path FROM kept.generation_files"))
        finally:
            engine.execute("DETACH kept")
    return folders


def write_pointer(snapshots: Path, pointer: Pointer) -> None:
    """Move the pointer: readers see the old or the new generation, never anything between."""
    content = {
        "generation": pointer.generation,
        "file": pointer.file,
        "published_at": pointer.published_at.isoformat(),
    }
    temporary = snapshots / f"{POINTER}.tmp"
    with temporary.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(snapshots / POINTER)
    sync_folder(snapshots)


def attach_generation(engine: Engine, storage: Path, pointer: Pointer) -> list[Path]:
    """Give an engine the tables and views of a generation under plain names, where every cursor finds them.

    Returns the charge files. Raises SnapshotMissing if the snapshot file is gone.
    """
    path = storage / "snapshots" / pointer.file
    if not path.exists():
        raise SnapshotMissing("the published snapshot file is gone", where=str(path), fix="run `kifayat refresh`")
    engine.execute(f"ATTACH {literal(str(path))} AS snapshot (READ_ONLY)")
    files = [storage / row[0] for row in engine.rows("SELECT path FROM snapshot.generation_files")]
    for (name,) in engine.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = 'snapshot'"):
        engine.execute(f"CREATE VIEW {quote(name)} AS SELECT * FROM snapshot.{quote(name)}")
    source = f"read_parquet({path_list(files)})" if files else f"({empty_charges()})"
    for name, sql in engine.rows("SELECT name, sql FROM generation_views ORDER BY position"):
        engine.execute(f"CREATE VIEW {quote(name)} AS {sql.replace('{files}', source)}")
    return files


class Snapshot:
    """One generation, read-only. Safe to share between threads: every query runs on a cursor of its own."""

    def __init__(
        self, storage: Path, pointer: Pointer, limits: Limits | None = None, *, is_fallback: bool = False
    ) -> None:
        self.storage = storage
        self.generation = pointer.generation
        self.published_at = pointer.published_at
        self.is_fallback = is_fallback
        self._engine = Engine(limits)
        self._lock = threading.Lock()
        self._connection = self._engine._connection
        try:
            files = attach_generation(self._engine, storage, pointer)
            self._engine.execute(f"SET allowed_paths = {path_list(files)}")
            self._engine.execute("SET enable_external_access = false")
            for (name,) in self._engine.rows(_DIVISION):
                self._engine.execute(f"SET GLOBAL {name} = false")
            self._engine.execute("SET lock_configuration = true")
        except BaseException:
            self._engine.close()
            raise

    @classmethod
    def open(cls, storage: Path, limits: Limits | None = None) -> Snapshot:
        """The published generation, or, if its pointer or file is damaged, the last good one (`is_fallback`)."""
        snapshots = storage / "snapshots"
        try:
            return cls(storage, read_pointer(snapshots), limits)
        except KifayatError as error:  # the pointer, the snapshot or a charge file is damaged or gone
            for generation in reversed(kept_generations(snapshots)):
                path = snapshots / snapshot_name(generation)
                published = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
                try:
                    return cls(storage, Pointer(generation, path.name, published), limits, is_fallback=True)
                except Exception:  # noqa: BLE001 - a damaged file is skipped, the first error is told
                    continue
            raise error

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> Result:
        """Run one SELECT. Raises QueryRefused for anything else, with the reason."""
        refuse_writes(sql)
        with self._lock:
            cursor = self._connection.cursor()
        try:
            with translated():
                cursor.execute(sql, dict(params) if params else None)
                described = cursor.description or []
                rows = tuple(cursor.fetchall())
            return Result(tuple(c[0] for c in described), tuple(str(c[1]) for c in described), rows)
        finally:
            cursor.close()

    def arrays(self, sql: str, params: Mapping[str, Any] | None = None) -> dict[str, NDArray[Any]]:
        """The columns of one SELECT as NumPy arrays: for millions of numbers, which as Python objects would be heavy.

        Raises QueryRefused for anything else. A column with NULLs is a masked array.
        """
        refuse_writes(sql)
        with self._lock:
            cursor = self._connection.cursor()
        try:
            with translated():
                found: Any = cursor.execute(sql, dict(params) if params else None).fetchnumpy()
            return dict(found)
        finally:
            cursor.close()

    def close(self) -> None:
        """Let go of the files."""
        self._engine.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refuse_writes(sql: str) -> None:
    """One reading statement, nothing else: EXPLAIN ANALYZE runs what it explains, so that must read too."""
    try:
        statements = split_statements(sql)
        if [statement.type.name for statement in statements] == ["EXPLAIN"]:
            explained = _EXPLAIN.match(statements[0].query)
            statements = split_statements(statements[0].query[explained.end() :]) if explained else []
    except duckdb.Error as error:
        raise QueryRefused(
            f"the query is not SQL: {str(error).splitlines()[0]}", fix="see `kifayat list marts`"
        ) from error
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        raise QueryRefused(
            f"only one SELECT is allowed here, this is {', '.join(kinds) or 'empty'}",
            expected="a query that reads", fix="the snapshot is read-only; nothing in it can be changed",
        )  # fmt: skip


def write_parquet(result: Result, to: Path) -> None:
    """Write the rows of a query as Parquet with their types."""
    with Engine() as engine:
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in zip(result.columns, result.types, strict=True))
        engine.execute(f"CREATE TABLE answer ({columns})")
        engine.insert("answer", result.rows)
        engine.copy_file("SELECT * FROM answer", to)
