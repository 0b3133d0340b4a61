"""Rows that no file holds but the bill implies: unused commitment, and what negation rows fail to cancel.

Both are added as `derived.parquet` beside the converted rows, so that per commitment used + unused = purchase
and the sum of BilledCost stays the sum of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from typing import Any

from core import CHARGE_SCHEMA
from warehouse import Engine, Event, path_list, quote, sync_file

_UNIT = Decimal(1).scaleb(-18)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
#: A DECIMAL(38,18) times a share of a period stays exact enough to be rounded once.
_DIGITS = 76

# What an unused row says differently from the fee row that it comes from.
_UNUSED = {
    "x_RowOrigin": "'unused'",
    "ChargeCategory": "'Usage'",
    "ChargeFrequency": "'Usage-Based'",
    "ChargeDescription": "'Unused commitment'",
    "PricingCategory": "'Committed'",
    "CommitmentDiscountStatus": "'Unused'",
    "ResourceId": "COALESCE(ResourceId, CommitmentDiscountId)",
    "BilledCost": "0",
    "x_SourceCost": "0",
    "ListCost": "0",
    "ContractedCost": "0",
    "ListUnitPrice": "NULL",
    "ContractedUnitPrice": "NULL",
    "PricingQuantity": "NULL",
    "PricingUnit": "NULL",
    "ConsumedQuantity": "NULL",
    "ConsumedUnit": "NULL",
    # the unused share of the commitment, in its unit; cost per unit is constant within a period
    "CommitmentDiscountQuantity": "CASE WHEN x_CommitmentPeriodCost <> 0 THEN"
    " CAST(CommitmentDiscountQuantity AS DOUBLE) * CAST(spread.amount AS DOUBLE)"
    " / CAST(x_CommitmentPeriodCost AS DOUBLE) END",
    "x_UnusedCost": "NULL",
    "x_CommitmentPeriodCost": "NULL",
    "x_IsRounded": "FALSE",
    "ChargePeriodStart": "spread.start_at",
    "ChargePeriodEnd": "spread.end_at",
    "EffectiveCost": "spread.amount",
    "x_NetBilledCost": "CASE WHEN x_NetBilledCost IS NOT NULL THEN 0 END",
    "x_NetEffectiveCost": "CASE WHEN x_NetBilledCost IS NOT NULL THEN spread.amount END",
}

_RESIDUE = """
    SELECT
        BillingAccountId, BillingCurrency, x_BillingMonth, SubAccountId, CommitmentDiscountId,
        SUM(x_SourceCost) - SUM(BilledCost) AS amount
    FROM read_parquet({parts})
    GROUP BY ALL
    HAVING SUM(x_SourceCost) <> SUM(BilledCost)
"""


def derive(
    engine: Engine,
    folder: Path,
    members: Sequence[dict[str, Any]],
    complete_through: datetime | None,
    delivered_at: datetime,
) -> list[Event]:
    """Write `derived.parquet` into the folder if the rows imply any; returns what a person should know.

    `complete_through` is the instant up to which the delivery knows usage (None if it holds none): the unused part
    of an open month is counted only for the hours that have passed, spread evenly over them.
    """
    parts = sorted(folder.glob("part-*.parquet"))
    has_fees = any(member["fees"] for member in members)
    has_residue = any(member["file_cost"] != member["billed_cost"] for member in members)
    if not has_fees and not has_residue:
        return []
    selects: list[str] = []
    events: list[Event] = []
    if has_fees:
        delivered = delivered_at.replace(tzinfo=None)
        complete = delivered if complete_through is None else complete_through.replace(tzinfo=None)
        selects.append(_unused(engine, parts, complete, delivered))
    if has_residue:
        select, events = _residue(engine, parts)
        selects.append(select)
    target = folder / "derived.parquet"
    engine.copy_file(" UNION ALL ".join(selects), target)
    sync_file(target)
    return events


def _unused(engine: Engine, parts: Sequence[Path], complete_through: datetime, delivered_at: datetime) -> str:
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE fees AS SELECT *"  # a row's own number is its id: a window would need one thread
        f" FROM read_parquet({path_list(parts)}) WHERE x_UnusedCost IS NOT NULL"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE spread"
        " (fee_id BIGINT, start_at TIMESTAMP, end_at TIMESTAMP, amount DECIMAL(38,18))"
    )
    # Hourly and daily fee rows keep their period; only longer ones (RIFee: a month) are spread.
    engine.execute(
        "INSERT INTO spread SELECT rowid, ChargePeriodStart, ChargePeriodEnd, x_UnusedCost FROM fees"
        " WHERE ChargePeriodEnd - ChargePeriodStart <= INTERVAL 1 DAY AND x_UnusedCost <> 0"
    )
    long_fees = engine.rows(
        "SELECT rowid, ChargePeriodStart, ChargePeriodEnd, x_UnusedCost, x_CommitmentPeriodCost,"
        " InvoiceId IS NOT NULL FROM fees"
        " WHERE ChargePeriodEnd - ChargePeriodStart > INTERVAL 1 DAY AND x_UnusedCost <> 0"
    )
    engine.insert("spread", [
        (fee_id, *piece)
        for fee_id, start, end, unused, period_cost, is_invoiced in long_fees
        for piece in spread(
            start, end, unused, period_cost, known_through(end, complete_through, delivered_at, is_invoiced=is_invoiced)
        )
    ])  # fmt: skip
    columns = ", ".join(
        f"CAST({_UNUSED.get(name, quote(name))} AS {kind}) AS {quote(name)}" for name, kind in CHARGE_SCHEMA
    )
    return f"SELECT {columns} FROM spread JOIN fees ON spread.fee_id = fees.rowid"


def known_through(end: datetime, complete_through: datetime, delivered_at: datetime, *, is_invoiced: bool) -> datetime:
    """Up to when the period of a fee that ends at `end` is known: as far as usage is, and whole once it is billed.

    An account whose usage stops early goes on paying for its commitments; an old copy of an open month, delivered
    again, is still an open month. Within a day of the end the provider may just have had no usage to report.
    """
    is_over = delivered_at - end >= _DAY and end - complete_through <= _DAY
    return end if is_invoiced or is_over else complete_through


def spread(
    start: datetime, end: datetime, unused: Decimal, period_cost: Decimal | None, complete_through: datetime
) -> list[tuple[datetime, datetime, Decimal]]:
    """The unused part of a period's fee as daily pieces (start, end, amount) over the hours that have passed.

    A provider's figure for an open period starts at the whole period and shrinks with every delivery, because it
    counts the hours to come as unused. Those are taken off first: wasted so far = unused - cost of the hours to
    come, never below zero. The pieces add up to that exactly; over a closed period they add up to `unused`.
    """
    elapsed_end = min(max(complete_through, start), end)
    elapsed, whole = (elapsed_end - start) // _SECOND, (end - start) // _SECOND
    pieces: list[tuple[datetime, datetime, Decimal]] = []
    with localcontext(prec=_DIGITS):
        wasted = unused
        if elapsed < whole and period_cost is not None and unused > 0:
            to_come = period_cost * (whole - elapsed) / whole
            wasted = max(unused - to_come, Decimal(0)).quantize(_UNIT, ROUND_HALF_EVEN)
        given = Decimal(0)
        at = start
        while at < elapsed_end:
            until = min(at.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY, elapsed_end)
            share = Decimal((until - start) // _SECOND) / elapsed if elapsed else Decimal(1)
            upto = (wasted * share).quantize(_UNIT, ROUND_HALF_EVEN) if until < elapsed_end else wasted
            if upto != given:
                pieces.append((at, until, upto - given))
            given, at = upto, until
    return pieces


def _residue(engine: Engine, parts: Sequence[Path]) -> tuple[str, list[Event]]:
    files = path_list(parts)
    engine.execute(f"CREATE OR REPLACE TEMP TABLE residue AS {_RESIDUE.format(parts=files)}")
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE model AS SELECT * FROM read_parquet({files})"
        " WHERE x_SourceCost <> BilledCost"
        " QUALIFY row_number() OVER (PARTITION BY BillingAccountId, BillingCurrency, x_BillingMonth, SubAccountId,"
        " CommitmentDiscountId ORDER BY ChargePeriodStart, ChargePeriodEnd, ResourceId, x_UsageType) = 1"
    )
    said = {
        "x_RowOrigin": "'residue'",
        "ChargeCategory": "'Adjustment'",
        "x_ChargeSubcategory": "'Residue'",
        "ChargeFrequency": "'One-Time'",
        "ChargeDescription": "'Commitment covered usage that this file does not cancel'",
        "BilledCost": "residue.amount",
        "x_SourceCost": "0",
        "EffectiveCost": "0",
        "ListCost": "0",
        "ContractedCost": "0",
        "x_NetBilledCost": "CASE WHEN x_NetBilledCost IS NOT NULL THEN residue.amount END",
        "x_NetEffectiveCost": "CASE WHEN x_NetBilledCost IS NOT NULL THEN 0 END",
        "x_IsRounded": "FALSE",
    }
    empty = {
        "CommitmentDiscountStatus", "PricingCategory", "PricingQuantity", "PricingUnit", "ConsumedQuantity",
        "ConsumedUnit", "ListUnitPrice", "ContractedUnitPrice", "x_UnusedCost", "x_CommitmentPeriodCost",
        "ResourceId", "ResourceName", "ResourceType", "SkuId", "SkuPriceId", "SkuMeter", "Tags",
    }  # fmt: skip
    columns = ", ".join(
        f"CAST({said.get(name, 'NULL' if name in empty else 'model.' + quote(name))} AS {kind}) AS {quote(name)}"
        for name, kind in CHARGE_SCHEMA
    )
    keys = " AND ".join(
        f"residue.{key} IS NOT DISTINCT FROM model.{key}"
        for key in (
            "BillingAccountId",
            "BillingCurrency",
            "x_BillingMonth",
            "SubAccountId",
            "CommitmentDiscountId",
        )
    )
    events = [
        Event(
            "residue",
            f"{count} commitments have covered usage that the file's negation rows do not cancel to the last digit:"
            " kept as adjustment rows so that the total stays the file's",
            amount,
            currency,
        )
        for currency, count, amount in engine.rows(
            "SELECT BillingCurrency, COUNT(*), SUM(amount) FROM residue GROUP BY 1 ORDER BY 1"
        )
    ]
    return f"SELECT {columns} FROM residue JOIN model ON {keys}", events
