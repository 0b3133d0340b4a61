"""The compute engine: one in-memory DuckDB connection that reads and writes files.

It holds no data of its own: charges are Parquet files, marts are built into a fresh snapshot file.
Everything that only DuckDB can do (casts that are exact and fast, Pacific month bounds) is a macro here,
so that the SQL of the sources stays inside the subset a cluster engine understands.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from core import BadValue, DiskFull, KifayatError

#: DuckDB's own spill goes here; the connection never opens a database file of the store.
Params = Mapping[str, Any] | Sequence[Any] | None

# BigQuery stores the invoice month as text; Google cuts it at midnight in US Pacific time.
_MACROS = """
CREATE MACRO gcp_month_start(month) AS
    timezone('UTC', timezone('America/Los_Angeles', strptime(month || '01', '%Y%m%d')));
CREATE MACRO gcp_month_end(month) AS
    timezone('UTC', timezone('America/Los_Angeles', strptime(month || '01', '%Y%m%d') + INTERVAL 1 MONTH));
-- India has no daylight saving: an IST day is a fixed shift of 5 h 30 min.
CREATE MACRO ist_date(instant) AS CAST(instant + INTERVAL 330 MINUTE AS DATE);
-- The sum of the credits of one type in a row of the GCP export.
CREATE MACRO credit_sum(credits, wanted) AS COALESCE(
    list_sum(list_transform(list_filter(credits, lambda c: c.type = wanted), lambda c: c.amount)), 0
);
-- Two JSON objects as one; where both have a key, the second counts.
CREATE MACRO tags_join(a, b) AS
    CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a ELSE CAST(json_merge_patch(a, b) AS VARCHAR) END;
-- Exact text to DECIMAL(38,18). The first arm takes what surely fits 18 digits with at most 10 decimals
-- (about forty times faster on DuckDB 1.5); everything else, exponents included, takes the second. What rounds
-- to nothing is said by hand: DuckDB 1.5 makes 1E-18 of 5E-20.
CREATE MACRO text_decimal(t) AS COALESCE(
    CASE
        WHEN strlen(t) - instr(t, '.') <= 10 AND NOT contains(t, 'E') AND NOT contains(t, 'e')
        THEN CAST(TRY_CAST(t AS DECIMAL(18, 10)) AS DECIMAL(38, 18))
    END,
    CASE
        WHEN (contains(t, 'E-') OR contains(t, 'e-')) AND abs(CAST(t AS DOUBLE)) < 5e-19
        THEN CAST(0 AS DECIMAL(38, 18))
        ELSE CAST(NULLIF(t, '') AS DECIMAL(38, 18))
    END
);
-- Shortest decimal that names the double. Below 2^19 doubles lie closer together than 10-decimal numbers (below 2^26
-- than 8-decimal ones), so at most one of those names the double and a fast arm is right whenever it gives the same
-- double back; DECIMAL(15, ...) holds none above those bounds. The rest goes through text.
CREATE MACRO double_decimal(d) AS COALESCE(
    CASE
        WHEN CAST(TRY_CAST(d AS DECIMAL(15, 10)) AS DOUBLE) = d
        THEN CAST(TRY_CAST(d AS DECIMAL(15, 10)) AS DECIMAL(38, 18))
        WHEN CAST(TRY_CAST(d AS DECIMAL(15, 8)) AS DOUBLE) = d
        THEN CAST(TRY_CAST(d AS DECIMAL(15, 8)) AS DECIMAL(38, 18))
        WHEN abs(d) < 5e-19 THEN CAST(0 AS DECIMAL(38, 18))
    END,
    CAST(CAST(d AS VARCHAR) AS DECIMAL(38, 18))
);
-- More than 18 decimals cannot be stored: the value is rounded, and the row says so.
CREATE MACRO text_is_rounded(t) AS CASE
    WHEN contains(t, '-') AND regexp_matches(t, '[eE]-')
    THEN strlen(split_part(split_part(lower(t), 'e', 1), '.', 2))
        + TRY_CAST(split_part(lower(t), 'e-', 2) AS INTEGER) > 18
    WHEN strlen(t) > 19 THEN contains(t, '.') AND strlen(t) - instr(t, '.') > 18
    ELSE FALSE
END;
-- A plain CAST drops an offset without a word; only texts long enough to carry one are looked at.
CREATE MACRO text_timestamp(t) AS CASE
    WHEN strlen(t) > 20 AND regexp_matches(t, '[+-][0-9]{2}(:?[0-9]{2})?$')
    THEN CAST(CAST(t AS TIMESTAMPTZ) AS TIMESTAMP)
    ELSE CAST(NULLIF(t, '') AS TIMESTAMP)
END;
-- GCP labels are lists of {key, value}; a MAP would refuse a doubled key, JSON text keeps both.
CREATE MACRO pairs_json(pairs) AS
    CASE WHEN len(pairs) > 0 THEN '{' || array_to_string(
        list_transform(
            pairs,
            lambda p: CAST(to_json(p.key) AS VARCHAR) || ':' || COALESCE(CAST(to_json(p.value) AS VARCHAR), 'null')
        ), ','
    ) || '}' END;
"""


_RAGGED = re.compile(r"CSV Error on Line: (\d+).*?Expected Number of Columns: (\d+) Found: (\d+)", re.DOTALL)


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL string literal: for file names and options, where DuckDB takes no parameters."""
    return "'" + text.replace("'", "''") + "'"


def path_list(paths: Sequence[Path]) -> str:
    """File paths as an SQL list literal."""
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"


def split_statements(sql: str) -> list[Any]:
    """The statements of an SQL text, as DuckDB's own parser sees them."""
    return list(duckdb.extract_statements(sql))


@dataclass(frozen=True)
class Limits:
    """What one process may take. Empty means the engine's own default (80 % of memory, all cores)."""

    memory_limit: str = ""
    threads: int = 0
    temp_directory: Path | None = None


class Engine:
    """A DuckDB connection with our limits and macros. Close it, or use it as a context manager."""

    def __init__(self, limits: Limits | None = None, database: str = ":memory:") -> None:
        self._limits = limits or Limits()
        self._database = database

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        # opened when first needed: a run that finds nothing new never does
        limits = self._limits
        settings = {
            "TimeZone": "UTC",
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "enable_progress_bar": "false",
            # it takes a file that is written anew at once, under the same name, for the one before
            "enable_external_file_cache": "false",
        }
        if limits.memory_limit:
            settings["memory_limit"] = limits.memory_limit
        if limits.threads:
            settings["threads"] = str(limits.threads)
        if limits.temp_directory is not None:
            limits.temp_directory.mkdir(parents=True, exist_ok=True)
            settings["temp_directory"] = str(limits.temp_directory)
        connection = duckdb.connect(self._database)
        for key, value in settings.items():
            connection.execute(f"SET {key} = {literal(value)}")
        connection.execute(_MACROS)
        return connection

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; spilled files are removed by DuckDB."""
        if "_connection" in self.__dict__:
            self._connection.close()

    def execute(self, sql: str, params: Params = None) -> None:
        """Run a statement; engine errors become ours."""
        with translated():
            self._connection.execute(sql, params).fetchall()

    def rows(self, sql: str, params: Params = None) -> list[tuple[Any, ...]]:
        """All rows of a SELECT."""
        with translated():
            return self._connection.execute(sql, params).fetchall()

    def dicts(self, sql: str, params: Params = None) -> list[dict[str, Any]]:
        """All rows of a SELECT as dictionaries by column name."""
        with translated():
            cursor = self._connection.execute(sql, params)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows of plain values (lookups, totals: not charges), cast to the table's types.

        They go through a JSON file: DuckDB's client imports pandas and numpy, a second of work, as soon as one
        value is bound to a statement.
        """
        columns = self.describe(f"SELECT * FROM {quote(table)}")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.json"
            with file.open("w", encoding="utf-8") as stream:
                stream.writelines(json.dumps(dict(enumerate(map(_plain, row)))) + "\n" for row in rows)
            if file.stat().st_size == 0:
                return
            spec = ", ".join(f"'{index}': 'VARCHAR'" for index in range(len(columns)))
            casts = ", ".join(f'CAST("{index}" AS {kind})' for index, (_, kind) in enumerate(columns))
            self.execute(
                f"INSERT INTO {quote(table)} SELECT {casts} FROM read_json({literal(str(file))}, columns = {{{spec}}},"
                " format = 'newline_delimited', maximum_object_size = 67108864)"
            )

    def describe(self, select: str) -> list[tuple[str, str]]:
        """Names and types of a SELECT's columns, without running it."""
        return [(row[0], row[1]) for row in self.rows("DESCRIBE " + select)]

    def constants(self, select: str) -> dict[str, str]:
        """Columns of a SELECT whose expression is one text literal, and that text."""
        (tree,) = self.rows(f"SELECT json_serialize_sql({literal(select)})")[0]
        node = json.loads(tree)["statements"][0]["node"]  # a UNION has no list of its own
        texts = {}
        for item in node.get("select_list", ()):
            if item["type"] == "VALUE_CONSTANT":
                held = item.get("literal") or item["value"]  # DuckDB 2.0, 1.5
                texts[item["alias"]] = held.get("text") if held.get("kind") == "STRING" else held.get("value")
        return {name: text for name, text in texts.items() if isinstance(text, str)}

    def fields(self, select: str) -> dict[str, str]:
        """Dotted paths to types, structs opened: {'usage.amount': 'DOUBLE', 'credits': 'STRUCT(...)[]'}."""
        with translated():
            cursor = self._connection.execute(f"SELECT * FROM ({select}) LIMIT 0")
            found: dict[str, str] = {}
            for name, kind in [(column[0], column[1]) for column in cursor.description or []]:
                found.update(_open_struct(name, kind))
            cursor.fetchall()
            return found

    def parquet_rows(self, files: Sequence[Path]) -> int:
        """Rows of Parquet files by their footers."""
        found = self.rows(f"SELECT SUM(num_rows) FROM parquet_file_metadata({path_list(files)})")
        return int(found[0][0])

    def null_counts(self, files: Sequence[Path]) -> dict[str, int]:
        """Empty values per top-level column of Parquet files, by the statistics in their footers."""
        rows = self.rows(
            "SELECT path_in_schema, CAST(SUM(stats_null_count) AS BIGINT)"
            f" FROM parquet_metadata({path_list(files)}) GROUP BY 1"
        )
        return dict(rows)

    def copy(self, select: str, folder: Path) -> list[Path]:
        """Write a SELECT as Parquet files into a new folder, one per thread; returns the files that have rows."""
        folder.mkdir(parents=True)
        with translated():
            self._connection.execute(
                f"COPY ({select}) TO {literal(str(folder))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1,"
                # measured: a fifth less work than the defaults; dictionaries large enough for tags and resources
                " WRITE_BLOOM_FILTER false, DICTIONARY_SIZE_LIMIT 30000,"
                " PER_THREAD_OUTPUT true, OVERWRITE_OR_IGNORE true)"
            ).fetchall()
        return sorted(folder.glob("*.parquet"))

    def copy_file(self, select: str, path: Path, options: str = "FORMAT parquet, COMPRESSION zstd") -> None:
        """Write a SELECT as one file."""
        with translated():
            self._connection.execute(f"COPY ({select}) TO {literal(str(path))} ({options})").fetchall()


def _plain(value: Any) -> str | None:
    return None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _open_struct(name: str, kind: Any) -> Iterator[tuple[str, str]]:
    if getattr(kind, "id", None) == "struct":
        for child, child_kind in kind.children:
            yield from _open_struct(f"{name}.{child}", child_kind)
    else:
        yield name, str(kind)


@contextmanager
def translated() -> Iterator[None]:
    """Engine errors as ours: what failed in a sentence, the cause kept."""
    try:
        yield
    except duckdb.IOException as error:
        if "No space left" in str(error) or "File too large" in str(error):
            raise DiskFull(
                "the disk is full",
                where=os.fspath(_first_line(error)),
                fix="free space and run the same command again",
            ) from error
        raise KifayatError(f"a file could not be read or written: {_first_line(error)}") from error
    except duckdb.OutOfMemoryException as error:
        if "temp_directory" in str(error) or "No space left" in str(error):
            raise DiskFull("the disk for spilled data is full", where=_first_line(error), fix="free space") from error
        raise KifayatError(
            f"not enough memory: {_first_line(error)}",
            fix="raise [engine] memory_limit or lower [engine] threads",
        ) from error
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        ragged = _RAGGED.search(str(error))
        if ragged:
            line, expected, found = ragged.groups()
            raise BadValue(
                f"line {line} has {found} values, the header names {expected}",
                expected="as many values as columns",
                fix="the file is cut or its header is damaged; nothing of it was loaded",
            ) from error
        raise BadValue(f"a value has the wrong form: {_first_line(error)}") from error
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        hint = next((line for line in lines[1:] if line.startswith(("Candidate", "Did you mean"))), "")
        what = lines[0].partition("Error: ")[2] or lines[0]
        raise KifayatError(
            f"the query cannot be run: {what}", expected=hint, fix="see `kifayat list marts` and `kifayat explain NAME`"
        ) from error
    except duckdb.Error as error:
        raise KifayatError(f"the engine refused: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]
