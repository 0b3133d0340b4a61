"""Google's billing export in BigQuery: what a table's days hold, in SQL and in what was read of them.

A day is a day of _PARTITIONTIME: when Google wrote the rows, not when anything was used. Rows have no identity: a
correction repeats its original but for cost, credits, amount and export_time, and two equal rows are two charges. So a
day is known by its `Signature`, is read whole, and nothing is filtered by the time of usage. Source: Google Cloud,
"Structure of Detailed data export".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingest.source import sources

#: What a table must have to be one.
REQUIRED: Final = ("billing_account_id", "cost", "credits", "export_time", "invoice")
_SORTED_BY: Final = (
    "export_time", "usage_start_time", "usage_end_time", "cost", "sku.id", "project.id", "resource.name",
    "usage.amount", "cost_type",
)  # fmt: skip
_BILLION: Final = 1e9


@dataclass(frozen=True)
class Signature:
    """What rows add up to: number, newest export_time, cost and credits in billionths (rounded row by row)."""

    rows: int
    last: datetime
    cost: int
    credits: int

    def __add__(self, other: Signature) -> Signature:
        return Signature(
            self.rows + other.rows, max(self.last, other.last), self.cost + other.cost, self.credits + other.credits
        )


@dataclass(frozen=True)
class Partition:
    """A day that the table has, when it was last written to, and its rows."""

    day: date
    modified_at: datetime
    rows: int


def partitions_sql(dataset: str) -> str:
    """The days of `@table` of project.dataset without reading it: ten MB, whatever its size."""
    return (
        "SELECT partition_id, total_rows, last_modified_time"
        f" FROM `{dataset}`.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = @table"
    )


def partitions(answer: pa.Table) -> list[Partition]:
    """Days with rows, oldest first. Rows that are still streamed in have no day yet and are left for later."""
    return sorted(
        (
            Partition(date.fromisoformat(row["partition_id"]), row["last_modified_time"], row["total_rows"])
            for row in answer.to_pylist()
            if row["total_rows"] and str(row["partition_id"]).isdigit()
        ),
        key=lambda partition: partition.day,
    )  # fmt: skip


def signature_sql(table: str, ranges: Sequence[tuple[date, date]]) -> str:
    """The signature of every day in ranges [start, end)."""
    billionths = "SUM(CAST(ROUND({0} * 1e9) AS INT64))"
    return (
        "SELECT DATE(_PARTITIONTIME) AS day, COUNT(*) AS n, MAX(export_time) AS last,"
        f" {billionths.format('cost')} AS cost,"
        f" SUM((SELECT {billionths.format('c.amount')} FROM UNNEST(credits) AS c)) AS credits"
        f" FROM `{table}` WHERE {within(ranges)} GROUP BY day"
    )


def signatures(answer: pa.Table) -> dict[date, Signature]:
    """Signature of each day of `signature_sql`."""
    return {
        row["day"]: Signature(int(row["n"]), row["last"], int(row["cost"] or 0), int(row["credits"] or 0))
        for row in answer.to_pylist()
    }


def signature_of(rows: pa.Table) -> Signature:
    """The signature of rows that were read, by the same arithmetic. Not for no rows."""
    amounts = pc.struct_field(pc.list_flatten(rows["credits"]), "amount")
    return Signature(
        rows.num_rows, pc.max(rows["export_time"]).as_py(), _billionths(rows["cost"]), _billionths(amounts)
    )


def _billionths(values: Any) -> int:
    scaled = pc.multiply(pc.cast(values, pa.float64()), _BILLION)
    whole = pc.cast(pc.round(scaled, round_mode="half_towards_infinity"), pa.int64())
    return pc.sum(whole).as_py() or 0


def fingerprint(days: Mapping[date, Signature]) -> str:
    """Changes with the signature of any day."""
    lines = "\n".join(f"{day} {s.rows} {s.last.isoformat()} {s.cost} {s.credits}" for day, s in sorted(days.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def rows_sql(table: str, fields: Sequence[Any], start: date, end: date) -> str:
    """All rows of the days [start, end): of each field what a source reads, else NULL, which costs nothing.

    So a field that nobody reads keeps its name, and is told.
    """
    columns = ", ".join(f"{_field(field, '', _read())} AS `{field.name}`" for field in fields)
    return f"SELECT {columns} FROM `{table}` WHERE {within([(start, end)])}"


@cache
def _read() -> frozenset[str]:
    return frozenset(column.path for column in sources()["gcp_billing_detailed"].columns)


def _field(field: Any, above: str, read: frozenset[str]) -> str:
    path = f"{above}{field.name}"
    if path in read:
        return ".".join(f"`{name}`" for name in path.split("."))
    if field.field_type in ("RECORD", "STRUCT") and any(one.startswith(f"{path}.") for one in read):
        inner = ", ".join(f"{_field(child, f'{path}.', read)} AS `{child.name}`" for child in field.fields)
        return f"STRUCT({inner})"
    return "CAST(NULL AS STRING)"


def within(ranges: Sequence[tuple[date, date]]) -> str:
    """A condition: loaded in one of the ranges [start, end)."""
    return " OR ".join(
        f"(_PARTITIONTIME >= TIMESTAMP('{start}') AND _PARTITIONTIME < TIMESTAMP('{end}'))" for start, end in ranges
    )


def in_order(rows: pa.Table) -> pa.Table:
    """Rows in an order that does not depend on how the query was run."""
    keys = {}
    for path in _SORTED_BY:
        name, *inner = path.split(".")
        if name in rows.column_names and not (inner and rows.schema.field(name).type.get_field_index(inner[0]) < 0):
            keys[path] = pc.struct_field(rows[name], inner) if inner else rows[name]
    order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    return rows.take(order)


def holes(days: Sequence[Partition]) -> Iterator[tuple[date, str]]:
    """Days before which some are absent, and a sentence. An export that was off is not filled up afterwards."""
    for before, after in pairwise(days):
        count = (after.day - before.day).days - 1
        if count:
            first, last = before.day + timedelta(days=1), after.day - timedelta(days=1)
            when = f"on {first}" if count == 1 else f"from {first} to {last} ({count} days)"
            yield (
                after.day,
                f"Google exported nothing {when}: the export was off or interrupted, it fills no holes, and what was"
                " used then may be on the invoice and not here; compare with the invoice",
            )


def merged(ranges: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Ranges [start, end), oldest first, with those that touch each other as one."""
    found: list[tuple[date, date]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
