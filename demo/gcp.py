"""The Google Cloud account of the company, billed in rupees: the standard export, then the detailed one.

The account exported the standard table until the middle of its history, then the detailed one: each is dumped by month
of export, so that one invoice can have rows in both. Corrections, invoices and their tax as the documentation of the
export says: nothing is edited, a closed month is corrected on the next invoice, tax is split by project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from core import next_month
from demo.company import DAY, Company, Dollar
from demo.gcp_bill import PROMOTED, PROMOTION_END, PROMOTION_SHARE, Bill
from demo.gcp_feeds import inventory, truth_resources, utilization
from demo.gcp_line import ACCOUNT, MICRO, Adjustment, Clock, Line, after_month, micro, pacific_midnight
from demo.gcp_skus import skus
from demo.gcp_table import DETAILED, STANDARD, Tables
from demo.gcp_usage import Incident, Usage, all_usage
from demo.truth import Truth
from demo.users import Users

__all__ = ["ACCOUNT", "inventory", "utilization", "write_gcp"]

GST_PERCENT, SUPPORT_PERCENT = 18, 3
_PAISA = MICRO // 100
#: Months, counted from the end, of which something was corrected a month later, and with a payment for goodwill.
_CORRECTED, _GOODWILL = (3, 8, 15, 21, 29), (2, 13, 24)
_STRANGE = '=HYPERLINK("https://example.invalid"), "Pub/Sub"; आउटेज\nticket 4711'


def write_gcp(
    folder: Path, company: Company, users: Users, truth: Truth, dollar: Dollar, say: Callable[[str], None]
) -> list[tuple[Any, ...]]:
    """Write all files of both exports; returns the rows of the invoices feed, one per closed month."""
    clock = Clock(company, dollar)
    usages, incidents = all_usage(clock, users)
    lines = Bill(clock, usages, truth).lines
    lines = [line.pick(line.exported < clock.now) for line in lines]
    lines += list(_corrections(clock, lines))  # whole before it is added to what it reads
    lines += _goodwill(clock)
    closing, invoices = _close(clock, lines)
    lines = [line for line in [*lines, *closing] if len(line)]
    truth.anomalies += _anomalies(clock, incidents)
    truth.resources += truth_resources(company)
    _write(folder, clock, Tables(lines), truth, say)
    return invoices


def _write(folder: Path, clock: Clock, tables: Tables, truth: Truth, say: Callable[[str], None]) -> None:
    months = tables.exported.astype("datetime64[M]")
    known = [np.datetime64(month, "M") for month in clock.company.billing_months]
    switch = known[len(known) // 2]
    nets, invoiced = tables.rows.net(), tables.rows.column("month")
    for month in known:
        index = tables.order(months == month)
        names: tuple[str, ...] = STANDARD
        export, table = "gcp-standard", "gcp_billing_export_v1"
        if month >= switch:
            export, table, names = "gcp", "gcp_billing_export_resource_v1", DETAILED
        stem = f"{table}_{ACCOUNT.replace('-', '_')}-{str(month).replace('-', '_')}-000000000000"
        # the last two months came another way
        if month >= max(switch + 1, known[-1] - 1):
            tables.write_json(folder / export / f"{stem}.json.gz", names, index)
        else:
            tables.write_parquet(folder / export / f"{stem}.parquet", names, index)
        for invoice in np.unique(invoiced[index]):
            mine = index[invoiced[index] == invoice]
            truth.charge(export, ACCOUNT, str(invoice), "INR", len(mine), Decimal(int(nets[mine].sum())) / MICRO)
        say(f"{export}: {month}, {len(index):,} rows")


def _row(clock: Clock, month: date, exported: np.datetime64, sku: str, project: str, cost: int, **more: Any) -> Line:
    """One row of the last Pacific day of a month, on that month's invoice."""
    days = np.array([pacific_midnight(next_month(month) - DAY), pacific_midnight(next_month(month))])
    months = np.array([month], "datetime64[M]")
    amount, costs = (np.array([value], np.int64) for value in (more.pop("amount", 0), cost))
    return Line(skus()[sku], project, days[:1], days[1:], np.array([exported]), months, amount, costs,
                clock.rates(months), **more)  # fmt: skip


def _corrections(clock: Clock, lines: list[Line]) -> Iterator[Line]:
    """Three days of queries were priced wrongly: taken back and charged again, a month later, on that invoice."""
    months = clock.company.billing_months
    for number in _CORRECTED:
        if number > len(months):
            continue
        month = months[-number]
        exported = after_month(month, 16, 9, 30)
        info = Adjustment(
            f"adj-{month:%Y-%m}", "On-demand analysis was priced at the wrong tier",
            "COMPLETE_NEGATION_WITH_REMONETIZATION", "PRICE_CORRECTION",
        )  # fmt: skip
        for line in lines:
            if line.sku.name != skus()["bq.analysis"].name or line.resource is None or line.resource.name != "etl":
                continue
            days = [pacific_midnight(month.replace(day=day)) for day in (10, 13)]
            old = line.pick((line.start >= days[0]) & (line.start < days[1]))
            old = replace(old, adjustment=info, exported=np.full(len(old), exported),
                          month=np.full(len(old), exported.astype("datetime64[M]")))  # fmt: skip
            yield replace(old, cost=-old.cost, amount=-old.amount, credits=tuple((c, -a) for c, a in old.credits))
            credits = tuple((credit, np.rint(amount * 0.8).astype(np.int64)) for credit, amount in old.credits)
            yield replace(old, cost=np.rint(old.cost * 0.8).astype(np.int64), credits=credits)


def _goodwill(clock: Clock) -> Iterator[Line]:
    months = clock.company.billing_months
    for number, back in enumerate(_GOODWILL):
        if back <= len(months):
            month = months[-back]
            exported = np.datetime64(month.replace(day=9), "s") + np.timedelta64(11, "h")
            kind = "SLA_VIOLATION" if number % 2 else "GOODWILL"
            info = Adjustment(f"adj-{month:%Y-%m}-09", _STRANGE, "MANUAL_ADJUSTMENT", kind)
            cost = -4_999_990_000 * clock.company.scale - 370_001
            line = _row(clock, month, exported, "goodwill", "", cost, kind="adjustment", adjustment=info)
            at = np.array([pacific_midnight(month.replace(day=8)), pacific_midnight(month.replace(day=9))])
            yield replace(line, start=at[:1], end=at[1:])


def _close(clock: Clock, lines: list[Line]) -> tuple[list[Line], list[tuple[Any, ...]]]:
    """Support, tax by project and rounding of each closed month, and its invoice: whole paise."""
    projects = sorted({line.project for line in lines})
    sums = {(month, project): 0 for month in clock.company.billing_months for project in projects}
    for line in lines:
        for month in np.unique(line.month):
            sums[month.astype("datetime64[D]").item(), line.project] += int(line.net()[line.month == month].sum())
    closing, invoices = [], []
    for month in clock.company.billing_months:
        if clock.company.is_open(month):
            continue
        nets = {project: sums[month, project] for project in projects if sums[month, project] or not project}
        fee = sum(nets.values()) * SUPPORT_PERCENT // 100 // _PAISA * _PAISA
        closing.append(_row(clock, month, after_month(month, 2, 8, 45), "support", "", fee, amount=MICRO))
        nets[""] += fee
        at = after_month(month, 4, 12)
        taxes = {}
        for project, net in nets.items():
            taxes[project] = (net * GST_PERCENT // 100 + _PAISA // 2) // _PAISA * _PAISA
            closing.append(_row(clock, month, at, "tax", project, taxes[project], kind="tax"))
        before, tax = sum(nets.values()), sum(taxes.values())
        rest = (before + _PAISA // 2) // _PAISA * _PAISA - before
        closing.append(_row(clock, month, at, "rounding", "", rest, kind="rounding_error"))
        invoices.append((
            ACCOUNT, clock.company.code("gcp-invoice", month, length=10, alphabet="123456789"), month, "INR",
            Decimal(before + rest).scaleb(-6).quantize(Decimal("0.01")),
            Decimal(tax).scaleb(-6).quantize(Decimal("0.01")), "", next_month(month).replace(day=5),
        ))  # fmt: skip
    return closing, invoices


def _anomalies(clock: Clock, incidents: list[tuple[Incident, Usage, Usage]]) -> Iterator[dict[str, Any]]:
    """What each incident cost above the normal course."""
    windows = clock.daily
    found: dict[str, tuple[Incident, Usage, int]] = {}
    for incident, now, before in incidents:
        units = micro(windows.total(now.hourly)) - micro(windows.total(before.hourly))
        cost = units * skus()[now.sku].usd * windows.rate
        if now.project in PROMOTED:
            cost = cost * np.where(windows.start < pacific_midnight(PROMOTION_END), 1 - PROMOTION_SHARE, 1)
        _, _, extra = found.get(incident.id, (incident, now, 0))
        found[incident.id] = incident, now, extra + int(cost.sum())
    for incident, usage, extra in found.values():
        yield {
            "id": incident.id, "provider": "Google Cloud", "service": skus()[usage.sku].service,
            "resource_id": f"//{usage.resource.path}" if usage.resource else "",
            "start_on": incident.start, "end_on": incident.end - DAY, "extra": round(Decimal(extra) / MICRO, 2),
            "currency": "INR", "why": incident.why,
        }  # fmt: skip
