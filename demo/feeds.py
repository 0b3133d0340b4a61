"""The feeds beside the bills: students as counts, exchange rates, invoices' rates aside, utilisation, inventory.

Formats are Kifayat's own (`kifayat explain active_users` and so on), except the rates, which are a bank's file.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core import financial_year
from demo.company import FACTS, LAST, Company
from demo.files import write_csv
from demo.truth import Truth
from demo.users import Users

_INVENTORY = (
    "resource_id", "resource_type", "region", "service", "state", "created_at", "attributes", "tags", "observed_at",
)  # fmt: skip


def write_users(folder: Path, company: Company, users: Users, truth: Truth) -> None:
    """Counts by product and state: daily, monthly (CSV) and hourly (Parquet), a file for every financial year."""
    for year, months in _years(company).items():
        rows = [
            (day, product, state, "dau", int(counts[at]))
            for (product, state), counts in users.dau.items()
            for at, day in enumerate(company.days)
            if months[0] <= day.astype(date) < _after(months[-1])
        ]
        rows += [
            (month, product, state, "mau", count)
            for month in months
            for (product, state), count in users.mau(month).items()
        ]
        header = ("active_on", "product", "state", "metric", "active_users")
        write_csv(folder / f"active_users_{year}.csv", header, rows)
        hours = company.hours_of(months[0], _after(months[-1]))
        hourly = _hourly(company, users, hours)
        pq.write_table(hourly, folder / f"concurrent_users_{year}.parquet", compression="zstd")
        truth.feeds["users"] = truth.feeds.get("users", 0) + len(rows) + hourly.num_rows


def _hourly(company: Company, users: Users, hours: slice) -> pa.Table:
    at = company.hours[hours].astype("datetime64[ms]")
    cells = [(key, counts[hours]) for key, counts in users.concurrent.items()]

    def repeated(texts: Iterable[str]) -> pa.Array:
        texts = list(texts)
        known = sorted(set(texts))
        codes = np.repeat(np.array([known.index(text) for text in texts], dtype=np.int32), len(at))
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(known))

    in_india = (at + np.timedelta64(330, "m")).astype("datetime64[D]")
    return pa.table(
        {
            "active_on": pa.array(np.tile(in_india, len(cells))),
            "active_at": pa.array(np.tile(at, len(cells))),
            "product": repeated(product for (product, _), _ in cells),
            "state": repeated(state for (_, state), _ in cells),
            "metric": repeated("concurrent" for _ in cells),
            "active_users": pa.array(np.concatenate([counts for _, counts in cells])),
        }
    )


def write_rates(folder: Path) -> None:
    """The published rates, as the bank's file has them."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(FACTS / "usd_inr_sbi_tt_daily.csv", folder)


def write_inventory(folder: Path, name: str, resources: Sequence[Mapping[str, Any]], truth: Truth) -> None:
    """What existed on the last day."""
    rows = ([row.get(column, "") for column in _INVENTORY] for row in resources)
    write_csv(folder / f"{name}_inventory.csv", _INVENTORY, rows)
    truth.feeds["inventory"] = truth.feeds.get("inventory", 0) + len(resources)


def write_utilization(folder: Path, name: str, table: pa.Table, truth: Truth) -> None:
    """How busy resources were, hour by hour."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    truth.feeds["utilization"] = truth.feeds.get("utilization", 0) + table.num_rows


def _years(company: Company) -> dict[str, list[date]]:
    years: dict[str, list[date]] = {}
    for month in company.billing_months:
        years.setdefault(f"{financial_year(month)[0].year}", []).append(month)
    return years


def _after(month: date) -> date:
    return min(date(month.year + month.month // 12, month.month % 12 + 1, 1), date(LAST.year, LAST.month, LAST.day + 1))
