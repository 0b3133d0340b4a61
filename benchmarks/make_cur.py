"""Generate a legacy Cost and Usage Report of any size, in the layout AWS delivers.

For benchmarks only: 120 columns, hourly lines, shuffled, sharded, with manifests, and a marker
file that says what was made so that a second call is free. It is not the demo company: no
season, no planted anomalies. Known truths: covered usage and its negation cancel, and the used
and unused of a commitment add up to its fees, so amortised cost is billed cost.

    python -m benchmarks.make_cur --rows 1000000 --format csv.gz --out DIR
"""

import argparse
import json
import math
import os
import shutil
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache, lru_cache
from multiprocessing import get_context
from pathlib import Path

import duckdb

from benchmarks.cur_columns import COLUMNS, Column
from benchmarks.layout import FORMATS, MANIFEST, NAME, export_folder, period_folder

LAST_MONTH = date(2026, 7, 1)
MARKER = "made.json"

# Kinds 1..9 of `pool` in cur_meters.sql: one line in so many, and never fewer than.
# Every plan and every reservation has its fee, or its cost would be paid by nobody.
LINES_PER = (12.5, 12.5, 16, 2_000, 5_000, 2_000, 5_000, 200, 20_000)
AT_LEAST = (1, 1, 1, 3, 240, 1, 1, 1, 1)


@dataclass(frozen=True)
class Recipe:
    """What to make. Equal recipes give equal lines under the same DuckDB version."""

    rows: int
    format: str
    rows_per_file: int = 500_000
    seed: int = 7
    months: int = 1

    @property
    def resources(self) -> int:
        """Distinct resources: about one per 500 lines of a month, 2,000 to 20,000."""
        return min(20_000, max(2_000, self.rows // self.months // 500))


@dataclass(frozen=True)
class Shard:
    """Lines [first, last) of one month, and the file they go to."""

    recipe: Recipe
    month: date
    month_lines: int
    first: int
    last: int
    path: Path


def months_of(count: int) -> list[date]:
    """`count` consecutive first-of-months, the last being 2026-07."""
    last = LAST_MONTH.year * 12 + LAST_MONTH.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(last - count + 1, last + 1)]


def next_month(month: date) -> date:
    """The first of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def kind_bounds(lines: int) -> list[int]:
    """Positions at which each of the nine special kinds of line ends."""
    counts = [max(least, int(lines / per)) for per, least in zip(LINES_PER, AT_LEAST, strict=True)]
    bounds = [sum(counts[: n + 1]) for n in range(len(counts))]
    if bounds[-1] >= lines:
        raise SystemExit(f"{lines} lines a month are too few: at least 500 are needed")
    return bounds


def stride_for(lines: int) -> int:
    """A step near the golden section with no common factor with `lines`: walks every position once."""
    step = max(1, round(lines * 0.6180339887))
    while math.gcd(step, lines) != 1:
        step += 1
    return step


def select_list(populated: set[str], format: str) -> str:
    """All 120 columns in order; the ones `line` does not have are NULL."""

    def expression(column: Column) -> str:
        known = column.slash in populated
        if format == "csv.gz":
            return f'"{column.slash}"' if known else f'NULL::VARCHAR AS "{column.slash}"'
        value = f'"{column.slash}"' if known else "NULL"
        if column.is_decimal:
            value += "::DOUBLE"
        elif column.type != "DateTime":
            value += "::VARCHAR"
        return f'{value} AS "{column.athena}"'

    return ",\n".join(map(expression, COLUMNS))


@cache
def _generator(seed: int, resources: int) -> duckdb.DuckDBPyConnection:
    """A connection with the dimension tables built, once per process."""
    connection = duckdb.connect(config={"threads": 1, "memory_limit": "1GB"})
    connection.execute("SET enable_progress_bar = false")
    _set(connection, seed=seed, resources=resources)
    connection.execute(_sql("cur_meters.sql"))
    # Keep the lines on the probe side of every join: built on, they would come out sorted by meter.
    connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    return connection


def _sql(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _set(connection: duckdb.DuckDBPyConnection, **values: int | date) -> None:
    for name, value in values.items():
        type_ = "TIMESTAMP" if isinstance(value, date) else "BIGINT"
        connection.execute(f"SET VARIABLE {name} = ?::{type_}", [value])


@lru_cache(maxsize=1)
def _month(seed: int, resources: int, month: date, lines: int) -> duckdb.DuckDBPyConnection:
    """The generator, turned to one month. Kept while shards of the same month follow."""
    connection = _generator(seed, resources)
    bounds = {f"until_{n}": bound for n, bound in enumerate(kind_bounds(lines), start=1)}
    _set(connection, month_starts=month, month_ends=next_month(month), lines=lines, **bounds)
    connection.execute(_sql("cur_month.sql"))
    return connection


def write_shard(shard: Shard) -> None:
    """Generate one file. Runs in a worker process."""
    lines = shard.month_lines
    connection = _month(shard.recipe.seed, shard.recipe.resources, shard.month, lines)
    _set(
        connection,
        stride=stride_for(lines),
        shift=shard.recipe.seed * 7919 % lines,
        first_line=shard.first,
        last_line=shard.last,
    )
    connection.execute(_sql("cur_lines.sql"))
    populated = {row[0] for row in connection.execute("DESCRIBE line").fetchall()}
    unknown = populated - {column.slash for column in COLUMNS}
    assert not unknown, f"cur_lines.sql yields columns the report does not have: {sorted(unknown)}"
    options = (
        "FORMAT csv, HEADER, COMPRESSION gzip, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ'"
        if shard.recipe.format == "csv.gz"
        else "FORMAT parquet, COMPRESSION snappy"
    )
    target = str(shard.path).replace("'", "''")
    query = f"SELECT {select_list(populated, shard.recipe.format)} FROM line"
    connection.execute(f"COPY ({query}) TO '{target}' ({options})")


def write_manifest(recipe: Recipe, month: date, assembly: str, out: Path, files: list[Path]) -> None:
    """The manifest of one delivery, in the assembly folder and beside it, as in create-new mode."""
    is_csv = recipe.format == "csv.gz"
    manifest = {
        "assemblyId": assembly,
        "account": "210987654321",
        "columns": [{"category": c.category, "name": c.name, "type": c.type} for c in COLUMNS],
        "charset": "UTF-8",
        "compression": "GZIP" if is_csv else "Parquet",
        "contentType": "text/csv" if is_csv else "Parquet",
        "reportId": f"{uuid.uuid5(uuid.NAMESPACE_URL, NAME).hex}{uuid.uuid5(uuid.NAMESPACE_DNS, NAME).hex}",
        "reportName": NAME,
        "billingPeriod": {
            "start": f"{month:%Y%m%dT%H%M%S}.000Z",
            "end": f"{next_month(month):%Y%m%dT%H%M%S}.000Z",
        },
        "bucket": "benchmark-bills",
        "reportKeys": [path.relative_to(out).as_posix() for path in files],
        "additionalArtifactKeys": [],
    }
    text = json.dumps(manifest, indent=2) + "\n"
    for folder in (files[0].parent, files[0].parent.parent):
        (folder / MANIFEST).write_text(text, encoding="utf-8")


def plan(recipe: Recipe, out: Path) -> dict[tuple[date, str], list[Shard]]:
    """Deliveries (month, assembly id) and the shards of each; the lines are spread evenly."""
    deliveries: dict[tuple[date, str], list[Shard]] = {}
    months = months_of(recipe.months)
    for number, month in enumerate(months):
        lines = recipe.rows * (number + 1) // len(months) - recipe.rows * number // len(months)
        kind_bounds(lines)  # refuse before anything is written
        assembly = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{recipe}/{month:%Y-%m}"))
        folder = period_folder(out, month, next_month(month)) / assembly
        deliveries[month, assembly] = [
            Shard(
                recipe,
                month,
                lines,
                first,
                min(first + recipe.rows_per_file, lines),
                folder / f"{NAME}-{index:05d}{FORMATS[recipe.format]}",
            )
            for index, first in enumerate(range(0, lines, recipe.rows_per_file), start=1)
        ]
    return deliveries


def make(recipe: Recipe, out: Path, workers: int | None = None) -> dict[str, object]:
    """Generate the deliveries under `out` (the bucket root) unless they are there; return the marker."""
    marker = out / MARKER
    if marker.exists():
        made: dict[str, object] = json.loads(marker.read_text(encoding="utf-8"))
        if made["recipe"] == asdict(recipe):
            return made
        shutil.rmtree(export_folder(out), ignore_errors=True)
        marker.unlink()
    elif export_folder(out).exists():
        raise SystemExit(f"{export_folder(out)} exists but has no {MARKER}: remove it or choose another --out")

    started = time.perf_counter()
    deliveries = plan(recipe, out)
    shards = [shard for group in deliveries.values() for shard in group]
    for shard in shards:
        shard.path.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(
        min(workers or os.cpu_count() or 1, len(shards)),
        mp_context=get_context("spawn"),
    ) as pool:
        list(pool.map(write_shard, shards))
    for (month, assembly), group in deliveries.items():
        write_manifest(recipe, month, assembly, out, [shard.path for shard in group])
    made = {
        "recipe": asdict(recipe),
        "resources": recipe.resources,
        "files": len(shards),
        "bytes": sum(shard.path.stat().st_size for shard in shards),
        "seconds": round(time.perf_counter() - started, 1),
        "duckdb": duckdb.__version__,
    }
    marker.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return made


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, required=True, help="lines in all, over all months")
    parser.add_argument("--format", choices=sorted(FORMATS), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder that stands for the bucket")
    parser.add_argument("--rows-per-file", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--months", type=int, default=1, help="consecutive months ending 2026-07")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    given = parser.parse_args()
    recipe = Recipe(given.rows, given.format, given.rows_per_file, given.seed, given.months)
    print(json.dumps(make(recipe, given.out, given.workers)))


if __name__ == "__main__":
    main()
