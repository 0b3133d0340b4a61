"""Small bills for tests: AWS cost and usage lines of which a test states only what matters to it.

Figures are text, as in a provider's file; columns have their Athena names until they are written otherwise.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

PAYER = "111122223333"
ACCOUNT = "444455556666"
SAVINGS_PLAN = "arn:aws:savingsplans::111122223333:savingsplan/sp-1"
RESERVATION = "arn:aws:ec2:ap-south-1:111122223333:reserved-instances/ri-1"
MONTH_START = datetime(2026, 7, 1)
MONTH_END = datetime(2026, 8, 1)

Line = dict[str, str]

#: Category of a legacy column by the beginning of its Athena name.
_CATEGORIES = {
    "bill_": "bill",
    "line_item_": "lineItem",
    "product_": "product",
    "pricing_": "pricing",
    "reservation_": "reservation",
    "savings_plan_": "savingsPlan",
    "split_line_item_": "splitLineItem",
}
#: Names whose capitals no rule gives.
_SLASH_NAMES = {
    "reservation_reservation_a_r_n": "reservation/ReservationARN",
    "savings_plan_savings_plan_a_r_n": "savingsPlan/SavingsPlanARN",
    "product_region_code": "product/regionCode",
}
_TAG, _CATEGORY = "resource_tags_user_", "cost_category_"
_TIMES = (
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
)
_FIGURE = re.compile(r"_(cost|rate|amount|commitment|period|fee|to_date)$")


def cur_line(line_type: str = "Usage", cost: str = "1.00", *, at: datetime = MONTH_START, **more: str | None) -> Line:
    """One line of a cost and usage report: an hour of an instance in July 2026 unless told otherwise.

    `more` overrides or adds columns by Athena name; None leaves a column out.
    """
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    line: dict[str, str | None] = {
        "bill_payer_account_id": PAYER,
        "bill_billing_period_start_date": instant(month),
        "bill_billing_period_end_date": instant(next_month(month)),
        "bill_invoice_id": "",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_line_item_type": line_type,
        "line_item_usage_start_date": instant(at),
        "line_item_usage_end_date": instant(at + timedelta(hours=1)),
        "line_item_product_code": "AmazonEC2",
        "line_item_usage_type": "APS3-BoxUsage:m5.large",
        "line_item_operation": "RunInstances",
        "line_item_usage_amount": "1",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": cost,
    }
    line.update(more)
    return {name: value for name, value in line.items() if value is not None}


def monthly_line(line_type: str, cost: str, *, at: datetime = MONTH_START, **more: str | None) -> Line:
    """A line that spans its whole month, as fees and taxes do."""
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = {"line_item_usage_end_date": instant(next_month(month)), **more}
    return cur_line(line_type, cost, at=month, **end)


def sp_covered(on_demand: str, effective: str, *, at: datetime = MONTH_START, **more: str | None) -> list[Line]:
    """Usage under a Savings Plan: the covered line at its on-demand figure and the negation that cancels it."""
    shared = {"savings_plan_savings_plan_a_r_n": SAVINGS_PLAN, **more}
    return [
        cur_line(
            "SavingsPlanCoveredUsage",
            on_demand,
            at=at,
            savings_plan_savings_plan_effective_cost=effective,
            pricing_public_on_demand_cost=on_demand,
            **shared,
        ),
        cur_line("SavingsPlanNegation", f"{-Decimal(on_demand):f}", at=at, **shared),
    ]


def sp_fee(cost: str, commitment: str, used: str, *, at: datetime = MONTH_START, **more: str | None) -> Line:
    """The recurring fee of an hour of a Savings Plan: its commitment of that hour and how much of it was used."""
    shared = {
        "line_item_product_code": "ComputeSavingsPlans",
        "savings_plan_savings_plan_a_r_n": SAVINGS_PLAN,
        "savings_plan_total_commitment_to_date": commitment,
        "savings_plan_used_commitment": used,
        **more,
    }
    return cur_line("SavingsPlanRecurringFee", cost, at=at, **shared)


def ri_fee(
    cost: str, *, upfront: str = "0", unused_upfront: str = "0", unused_recurring: str = "0",
    at: datetime = MONTH_START, **more: str | None,
) -> Line:  # fmt: skip
    """The monthly fee line of a reservation with AWS's own unused figures."""
    shared = {
        "reservation_reservation_a_r_n": RESERVATION,
        "reservation_amortized_upfront_fee_for_billing_period": upfront,
        "reservation_unused_amortized_upfront_fee_for_billing_period": unused_upfront,
        "reservation_unused_recurring_fee": unused_recurring,
        **more,
    }
    return monthly_line("RIFee", cost, at=at, **shared)


def instant(at: datetime) -> str:
    """As AWS writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def next_month(month: datetime) -> datetime:
    """First instant of the following month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def slash_name(name: str) -> str:
    """The name of the slash layout: line_item_unblended_cost is lineItem/UnblendedCost."""
    if name in _SLASH_NAMES:
        return _SLASH_NAMES[name]
    if name.startswith(_TAG):
        return "resourceTags/user:" + name.removeprefix(_TAG)
    if name.startswith(_CATEGORY):
        return "costCategory/" + name.removeprefix(_CATEGORY)
    for prefix, category in _CATEGORIES.items():
        if name.startswith(prefix):
            words = name.removeprefix(prefix).split("_")
            camel = "".join(word.capitalize() for word in words)
            return f"{category}/{camel[:1].lower() + camel[1:] if category == 'pricing' else camel}"
    return name


def columns_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every column that any line has, in order of appearance."""
    return list(dict.fromkeys(name for line in lines for name in line))


def csv_text(lines: Sequence[Mapping[str, str]], columns: Sequence[str] = (), *, slash: bool = False) -> str:
    """Lines as CSV; a line that lacks a column has an empty value there."""
    columns = columns or columns_of(lines)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([slash_name(name) if slash else name for name in columns])
    writer.writerows([line.get(name, "") for name in columns] for line in lines)
    return text.getvalue()


def write_cur(
    path: Path, lines: Sequence[Mapping[str, str]], columns: Sequence[str] = (), *, slash: bool = False,
    maps: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Path:  # fmt: skip
    """Write a report; the ending says how: .csv, .csv.gz, .zip or .parquet (figures as doubles there).

    `maps` adds map columns to Parquet (and JSON text to a CSV), one mapping per line.
    """
    if path.suffix == ".parquet":
        _write_parquet(path, lines, columns or columns_of(lines), maps or {})
        return path
    for name, values in (maps or {}).items():
        lines = [{**line, name: json.dumps(value)} for line, value in zip(lines, values, strict=True)]
    return write_text(path, csv_text(lines, columns, slash=slash))


def write_text(path: Path, text: str) -> Path:
    """Write a text, packed as its ending says."""
    data = text.encode("utf-8")
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data, mtime=0))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{path.stem}.csv", data)
    else:
        path.write_bytes(data)
    return path


def _write_parquet(
    path: Path,
    lines: Sequence[Mapping[str, str]],
    columns: Sequence[str],
    maps: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays: dict[str, Any] = {}
    for name in columns:
        texts = [line.get(name) or None for line in lines]
        if name in _TIMES:
            moments = [None if t is None else datetime.fromisoformat(t.replace("Z", "")) for t in texts]
            arrays[name] = pa.array(moments, pa.timestamp("ms"))
        elif _FIGURE.search(name):
            arrays[name] = pa.array([None if t is None else float(t) for t in texts], pa.float64())
        else:
            arrays[name] = pa.array(texts, pa.string())
    for name, values in maps.items():
        kind = pa.float64() if name == "discount" else pa.string()
        arrays[name] = pa.array([list(value.items()) for value in values], pa.map_(pa.string(), kind))
    pq.write_table(pa.table(arrays), path)


def delivered(path: Path, at: datetime) -> Path:
    """Give a file the time at which the provider delivered it."""
    seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    os.utime(path, (seconds, seconds))
    return path


def money(text: str | Decimal | None) -> Decimal:
    """An amount with the 18 decimals in which it is stored; none is zero."""
    return Decimal(text or 0).quantize(Decimal(1).scaleb(-18))
