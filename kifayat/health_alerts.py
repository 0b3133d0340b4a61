"""The service's own health as alerts: stale bills, what is refused, a bill that does not tie, an old forecast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from core import Money, ist_date
from core.service_sections import AlertsConfig, Topic
from kifayat.alerts import Finding, Watch, page_link, safe
from warehouse import REACH, Ledger, Snapshot, first_ingest, last_ingest, refusals, whole_through

#: What is older is not told by the first check: days of refusals, days of bills.
RECENT_REFUSAL, RECENT_BILL = timedelta(days=14), timedelta(days=92)
#: A forecast is old when bills have come for so many days since.
FORECAST_DAYS: Final = 8
_SHOWN: Final = 5
_REFUSED: Final = "Nothing of it was loaded and no figure has changed; what was loaded before still counts."
_LEFT: Final = (
    "The other accounts, regions and months were loaded; of these what was loaded before still counts. They are asked"
    " for again with every ingest; `kifayat check` tells what is missing."
)
_WHO: Final[tuple[Topic, ...]] = ("operations",)


def of_ledger(
    ledger: Ledger, rules: AlertsConfig, now: datetime, page: str, asked: Collection[str] = ()
) -> list[Watch]:
    """What is told also when nothing was ever published: stale bills, refused files and parts.

    `asked`: the exports whose parts (an account's region, a month) are asked for, where others have files.
    """
    link = page_link(page, "data_health")
    return [
        Watch("health:stale_ingest:", "health", _stale(ledger, rules, now), "bills are loaded again", _WHO, link),
        Watch("health:refused:", "health", _refused(ledger, now, asked), "nothing is refused any more", _WHO, link),
    ]


def of_snapshot(snapshot: Snapshot, rules: AlertsConfig, now: datetime, page: str) -> list[Watch]:
    """What the published generation tells: bills that are old or do not tie, an old forecast, a damaged generation."""
    newest, complete_through = snapshot.query(REACH).rows[0]
    known = None if newest is None else whole_through(newest, complete_through)
    health = page_link(page, "data_health")
    return [
        Watch("health:stale_bills:", "health", _old_bills(snapshot, rules, now), "newer bills are loaded",
              ("operations", "finance"), health),
        Watch("health:unreconciled:", "health", _unreconciled(snapshot, known), "the bill ties again",
              ("operations", "finance"), health),
        Watch("health:old_forecast:", "health", _old_forecast(snapshot, known, now), "a new forecast was made", _WHO,
              page_link(page, "forecast")),
        Watch("health:damaged:", "health", _damaged(snapshot), "the newest generation is read again", _WHO, health),
    ]  # fmt: skip


def _stale(ledger: Ledger, rules: AlertsConfig, now: datetime) -> list[Finding]:
    succeeded = last_ingest(ledger, now)
    last = succeeded or first_ingest(ledger)
    if last is None or now - last < timedelta(hours=rules.stale_ingest_hours):
        return []
    label = "Last success" if succeeded else "Never with success, since"
    return [Finding(
        f"health:stale_ingest:{last:%Y-%m-%dT%H%M%SZ}", "ingest", "error",
        f"No bills were loaded with success for {rules.stale_ingest_hours} hours",
        "Every figure stands still since then. Run `kifayat ingest` and `kifayat jobs` to see why.", "alarming",
        ((label, f"{last:%-d %B %Y, %H:%M} UTC"),),
    )]  # fmt: skip


def _old_bills(snapshot: Snapshot, rules: AlertsConfig, now: datetime) -> list[Finding]:
    """An ingest that finds nothing new is a success; that nothing new comes is not."""
    complete_through: datetime | None = snapshot.query("SELECT MAX(complete_through) FROM freshness").rows[0][0]
    if complete_through is None:
        return []
    end = complete_through if complete_through.tzinfo else complete_through.replace(tzinfo=UTC)
    if now - end < timedelta(hours=rules.stale_bills_hours):
        return []
    return [Finding(
        f"health:stale_bills:{end:%Y-%m-%d}", "bills", "error", f"No bill holds a day after {end:%-d %B %Y}",
        f"The newest charge is {(now - end).days} days old. See whether the provider still delivers its export, and"
        " whether its place is the one in kifayat.toml.", "alarming",
        (("Newest charge", f"{end:%-d %B %Y, %H:%M} UTC"),),
    )]  # fmt: skip


def _refused(ledger: Ledger, now: datetime, asked: Collection[str]) -> list[Finding]:
    """One alert per export and day, however many files or parts."""
    groups: dict[tuple[str, date], list[dict[str, Any]]] = defaultdict(list)
    for row in refusals(ledger):
        groups[row["export"], ist_date(row["at"])].append(row)
    return [
        Finding(
            f"health:refused:{safe(export)}:{day}", export, "warning", f"{export}: {_what(len(rows), export in asked)}",
            _LEFT if export in asked else _REFUSED, "alarming",
            tuple((row["file"], row["reason"]) for row in rows[:_SHOWN]),
            is_recent=rows[-1]["at"] > now - RECENT_REFUSAL,
        )
        for (export, day), rows in sorted(groups.items())
    ]  # fmt: skip


def _what(count: int, is_asked: bool) -> str:
    if is_asked:
        return "a part could not be had" if count == 1 else f"{count} parts could not be had"
    return "a file was refused" if count == 1 else f"{count} files were refused"


def _unreconciled(snapshot: Snapshot, known: date | None) -> list[Finding]:
    rows = snapshot.query(
        "SELECT x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency, invoice_currency,"
        " invoice_difference, difference FROM reconciliation WHERE NOT is_reconciled ORDER BY ALL"
    ).to_dicts()
    return [
        Finding(
            f"health:unreconciled:{safe(row['x_ExportName'])}:{safe(row['BillingAccountId'])}:"
            f"{row['x_BillingMonth']:%Y-%m}:{row['BillingCurrency']}", row["x_ExportName"], "error",
            f"{row['x_ExportName']}: the bill of {row['x_BillingMonth']:%B %Y} does not tie",
            "What the pages sum is not what the provider billed.", "alarming",
            (("Account", row["BillingAccountId"]), ("Month", f"{row['x_BillingMonth']:%B %Y}"),
             ("Pages minus bill", _difference(row))),
            is_recent=known is None or row["x_BillingMonth"] > known - RECENT_BILL,
        )
        for row in rows
    ]  # fmt: skip


def _difference(row: dict[str, Any]) -> str:
    if row["invoice_difference"] is not None:
        return f"{Money(row['invoice_difference'], row['invoice_currency'])} against the invoice"
    return f"{Money(row['difference'] or Decimal(0), row['BillingCurrency'])} against the files"


def _old_forecast(snapshot: Snapshot, known: date | None, now: datetime) -> list[Finding]:
    """Only where bills have come since: where nothing is new a forecast is as good as it was."""
    rows = snapshot.query("SELECT made_at FROM forecast_runs").rows
    last = snapshot.query("SELECT MAX(day) FROM cost_bands WHERE actual_inr IS NOT NULL").rows[0][0]
    if not rows or known is None or last is None or (known - last).days <= FORECAST_DAYS:
        return []
    made = rows[0][0]
    if now.replace(tzinfo=None) - made <= timedelta(days=FORECAST_DAYS):
        return []
    return [Finding(
        f"health:old_forecast:{made:%Y-%m-%dT%H%M%SZ}", "forecast", "warning", "The forecast is old",
        "Bills have come since it was made; budgets and plans still count on it. Run `kifayat forecast`.", "alarming",
        (("Made", f"{made:%-d %B %Y}"), ("From bills to", f"{last:%-d %B %Y}"), ("Bills now to", f"{known:%-d %B %Y}")),
    )]  # fmt: skip


def _damaged(snapshot: Snapshot) -> list[Finding]:
    if not snapshot.is_fallback:
        return []
    return [Finding(
        f"health:damaged:{snapshot.generation}", "snapshot", "error", "The newest generation cannot be read",
        f"Generation {snapshot.generation}, the last good one, is shown instead. Run `kifayat refresh`.", "alarming",
    )]  # fmt: skip
