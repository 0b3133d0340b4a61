"""Are Kifayat's totals those of the delivered files? A fast wrong answer is not a benchmark result.

    python -m benchmarks.verify --config kifayat.toml --source BUCKET

Compares number of lines and billed cost, exactly, between the raw files and `charges`; exit 1 if
they differ. Only for generated deliveries; the product's own audits are not replaced by this.
"""

import argparse
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.baselines import duckdb_source
from benchmarks.cur_columns import athena_name
from benchmarks.layout import data_files, is_csv

# Rows that Kifayat derives (the unused part of a commitment) have another origin and no billed cost.
CHARGES = "SELECT count(*) FILTER (x_RowOrigin = 'row'), sum(BilledCost) FROM charges"


def rows_of(result: Any) -> list[tuple[Any, ...]]:
    """The rows of what `App.query` returns, or of a DuckDB cursor."""
    return list(result.fetchall()) if hasattr(result, "fetchall") else list(result.rows)


def delivered(source: Path) -> tuple[int, Decimal]:
    """Lines and billed cost of the raw files."""
    import duckdb

    files = data_files(source)
    cost = "lineItem/UnblendedCost" if is_csv(files) else athena_name("lineItem/UnblendedCost")
    row = duckdb.execute(f'SELECT count(*), sum("{cost}"::DECIMAL(38, 10)) FROM {duckdb_source(files)}').fetchone()
    assert row is not None
    return row[0], row[1]


def published(config: Path) -> tuple[int, Decimal]:
    """Lines and billed cost of Kifayat's charges."""
    from kifayat import App  # type: ignore[attr-defined, unused-ignore]

    lines, billed = rows_of(App.from_toml(config).query(CHARGES))[0]
    return int(lines), billed if isinstance(billed, Decimal) else Decimal(str(billed))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--source", type=Path, required=True)
    given = parser.parse_args()
    raw, ours = delivered(given.source), published(given.config)
    agree = raw == ours
    print(
        json.dumps(
            {
                "agree": agree,
                "delivered": list(map(str, raw)),
                "published": list(map(str, ours)),
            }
        )
    )
    raise SystemExit(0 if agree else 1)


if __name__ == "__main__":
    main()
