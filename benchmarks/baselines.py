"""The peers Kifayat's ingest is measured against, one per process.

    python -m benchmarks.baselines duckdb_count --source BUCKET [--out DIR]

prints one JSON line {name, seconds, cpu_seconds, peak_mb, rows}; `seconds` is the work without
interpreter start-up. These are honest, idiomatic jobs, not strawmen: a peer that does less than
Kifayat (a count, a copy) is a floor, and polars does the same normalisation and roll-up.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cur_columns import NEEDED, athena_name
from benchmarks.layout import data_files, is_csv

if TYPE_CHECKING:
    import duckdb


def duckdb_source(files: list[Path]) -> str:
    """The FROM clause over the files: everything text from CSV, typed from Parquet."""
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    return f"read_csv([{names}], all_varchar = true, header = true)" if is_csv(files) else f"read_parquet([{names}])"


def _needed(files: list[Path]) -> str:
    return ", ".join(f'"{name}"' if is_csv(files) else f'"{athena_name(name)}"' for name in NEEDED)


def _connect(path: str = ":memory:") -> "duckdb.DuckDBPyConnection":
    """DuckDB with its defaults: every core, 80 % of the memory."""
    import duckdb

    connection = duckdb.connect(path)
    connection.execute("SET enable_progress_bar = false")
    return connection


def duckdb_count(files: list[Path], out: Path) -> int:
    """Nothing but reading: the floor under anything that starts from these files."""
    row = _connect().execute(f"SELECT count(*) FROM {duckdb_source(files)}").fetchone()
    assert row is not None
    return int(row[0])


def duckdb_copy_42(files: list[Path], out: Path) -> int:
    """The 42 needed raw columns as they are, into zstd Parquet: no casts, no CASE, no roll-up."""
    connection = _connect()
    connection.execute("SET preserve_insertion_order = false")
    target = str(out / "copy_42.parquet").replace("'", "''")
    row = connection.execute(
        f"COPY (SELECT {_needed(files)} FROM {duckdb_source(files)}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    assert row is not None
    return int(row[0])


def duckdb_table(files: list[Path], out: Path) -> int:
    """The same 42 columns into a native table on disk."""
    (out / "table.duckdb").unlink(missing_ok=True)
    connection = _connect(str(out / "table.duckdb"))
    connection.execute(f"CREATE TABLE raw AS SELECT {_needed(files)} FROM {duckdb_source(files)}")
    row = connection.execute("SELECT count(*) FROM raw").fetchone()
    connection.close()
    assert row is not None
    return int(row[0])


def polars_focus(files: list[Path], out: Path) -> int:
    """FOCUS-like normalisation to zstd Parquet, and a daily roll-up, in streaming polars."""
    from benchmarks.polars_focus import normalise

    return normalise(files, is_csv(files), out)


BASELINES: dict[str, Callable[[list[Path], Path], int]] = {
    "duckdb_count": duckdb_count,
    "duckdb_copy_42": duckdb_copy_42,
    "duckdb_table": duckdb_table,
    "polars": polars_focus,
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(BASELINES))
    parser.add_argument("--source", type=Path, required=True, help="the --out of benchmarks.make_cur")
    parser.add_argument(
        "--out",
        type=Path,
        help="where to leave the result (default: a folder removed afterwards)",
    )
    given = parser.parse_args()
    files = data_files(given.source)
    with tempfile.TemporaryDirectory(dir=given.source) as scratch:
        out = given.out or Path(scratch)
        out.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        rows = BASELINES[given.name](files, out)
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_SELF)
    report = {
        "name": given.name,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "peak_mb": round(used.ru_maxrss * 1024 / 1e6, 1),
        "rows": rows,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
