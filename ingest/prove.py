"""What must hold before a delivery counts: all rows, all required values, the promised period, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core import BadValue, ConformanceFailed, FileCorrupt
from ingest.deliveries import Delivery, FetchedFile
from ingest.source import Source
from warehouse import Engine, Event, path_list, required

_RETRY = "nothing of this delivery was loaded; the provider's next delivery is tried again"
#: How many unread columns a message names.
_NAMED = 20
#: The kind of event that tells them.
UNREAD = "unread columns"


def refuse_twins(files: Sequence[FetchedFile], group: str) -> None:
    """The same content twice in one delivery would double the bill."""
    seen: dict[str, str] = {}
    for file in files:
        twin = seen.setdefault(file.sha256, file.name)
        if twin != file.name:
            raise FileCorrupt(
                f"{twin} and {file.name} are the same file to the last byte",
                where=group,
                expected="each part once",
                fix="remove one; loading both would double the bill",
            )


def refuse_empty(
    engine: Engine, kind: str, parts: Sequence[Path], group: str, first_empty: Callable[[], str] = lambda: ""
) -> None:
    """Required values are there in every row. `first_empty` finds file and row of the first that is not."""
    missing = engine.null_counts(parts)
    bad = [f"{name} in {missing[name]} rows" for name in required(kind) if missing.get(name)]
    if bad:
        raise BadValue(
            f"required values are empty: {', '.join(bad)}",
            where=first_empty() or group,
            expected="a value in every row",
            fix=_RETRY,
        )


def refuse_lost_rows(engine: Engine, files: Sequence[FetchedFile], converted: int, group: str) -> None:
    """As many rows as the files hold, counted by the verifier (text) or by the file's own footer (Parquet)."""
    counted = 0
    for file in files:
        rows = engine.parquet_rows([file.path]) if file.format == "parquet" else file.rows
        if rows is None:  # JSON objects over several lines: no count without parsing
            return
        counted += rows
    if counted != converted:
        raise FileCorrupt(
            f"the files hold {counted} rows, the conversion {converted}",
            where=group,
            expected="the same number",
            fix="nothing was loaded; please report the layout of the file",
        )


def refuse_wrong_period(delivery: Delivery, totals: Sequence[dict[str, Any]]) -> None:
    """A manifest promises a billing period; rows of another one mean that the wrong files were read."""
    if delivery.partition is None:
        return
    other = sorted({row["billing_month"].strftime("%Y-%m") for row in totals} - {delivery.partition})
    if other:
        raise ConformanceFailed(
            f"the manifest promises {delivery.partition}, the files hold {', '.join(other)}",
            where=delivery.group,
            expected=f"only rows of {delivery.partition}",
            fix=_RETRY,
        )


def partition_of(source: Source, row: dict[str, Any], group: str) -> str:
    """What the rows replace: their billing month, or the file group they came in."""
    month: str = row["billing_month"].strftime("%Y-%m")
    return month if source.partition == "month" else group


def told(
    engine: Engine, parts: Sequence[Path], rows: Sequence[dict[str, Any]], unknown_columns: Sequence[str]
) -> list[Event]:
    """Nothing was lost, but a person should know: unknown types, rounded amounts, columns nobody read."""
    events = []
    if sum(row["unclassified"] for row in rows):
        events += [
            Event(
                "unclassified",
                f"{found['n']} rows of unknown type {found['type']!r}: counted in the totals, shown as unclassified",
                found["amount"],
                found["currency"],
            )
            for found in engine.dicts(
                "SELECT x_ChargeType AS type, BillingCurrency AS currency, COUNT(*) AS n, SUM(BilledCost) AS amount"
                f" FROM read_parquet({path_list(parts)}) WHERE x_ChargeSubcategory = 'Unclassified'"
                " GROUP BY ALL ORDER BY ALL"
            )
        ]
    if rounded := sum(row["rounded"] for row in rows):
        events.append(Event("rounded", f"{rounded} amounts had more than 18 decimals and were rounded half up"))
    if unknown_columns:
        more = len(unknown_columns) - _NAMED
        names = ", ".join(unknown_columns[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        events.append(Event(UNREAD, f"columns not read: {names}"))
    return events
