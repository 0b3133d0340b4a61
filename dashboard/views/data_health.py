"""Whether the figures can be trusted: how old they are, whether they tie back to the files, what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import Money, format_inr
from dashboard import widgets
from dashboard.context import Context
from dashboard.status import AMBER_HOURS, RED_HOURS, age_text, light, reconciled_badge
from dashboard.view import View
from warehouse import Result

ROWS: Final = 500
#: Why a bill is in its state, as `warehouse/sql/marts/periods.sql` decides it.
STATES: Final = {
    "open": "usage of the month is still to come.",
    "provisional": "the month is over, but some of its charges name no invoice yet. Google's export never names one: "
    "such a month becomes invoiced when an export of invoices (`kifayat explain invoices`) brings its invoice.",
    "invoiced": "every charge names its invoice, or the invoice itself was brought.",
    "restated": "the provider changed the bill after its invoice; see Restatements.",
}


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Data health")
    reconciled_badge(context)
    _freshness(context)
    _reconciliation(context)
    _unclassified(context)
    _quarantine(context)
    _restatements(context)
    _rates(context)
    _events(context)


def _freshness(context: Context) -> None:
    st.subheader("Freshness")
    rows = context.query(
        "SELECT x_ExportName, BillingAccountId, x_Source, delivered_at, complete_through, loaded_at"
        " FROM freshness ORDER BY complete_through, x_ExportName"
    ).to_dicts()
    if not rows:
        st.info("No export has been loaded yet.")
        return
    now = context.clock.now()
    ages = [widgets.age_hours(row["complete_through"], now) for row in rows]
    worst = ("green", "orange", "red")
    colour = max((light(age) for age in ages), key=worst.index)
    oldest = age_text(None if None in ages else max(age for age in ages if age is not None))
    text = f"The oldest export ends {oldest} ago"
    if colour == "green":
        text = f"All bills are fresh: at most {oldest} old"
    st.badge(text, icon=":material/schedule:", color=colour)
    words = {"green": "fresh", "orange": "late", "red": "stuck"}
    widgets.table(
        [
            {
                "State": words[light(age)],
                "Age": age_text(age),
                "Export": row["x_ExportName"],
                "Account": row["BillingAccountId"],
                "Data ends": row["complete_through"],
                "Delivered": row["delivered_at"],
                "Loaded": row["loaded_at"],
                "Source": row["x_Source"],
            }
            for row, age in zip(rows, ages, strict=True)
        ],
        tones=("State",),
        alt="How old each export is",
        key="freshness",
    )
    st.caption(f"Late after {AMBER_HOURS:.0f} hours without newer usage, stuck after {RED_HOURS / 24:.0f} days.")


def _reconciliation(context: Context) -> None:
    st.subheader("Reconciliation")
    st.caption(
        "Per bill: the files' own sum, and how far the loaded rows and the pages are from it, and the invoice, where "
        "one is given. All sums are in the download."
    )
    result = context.query(
        "SELECT r.x_BillingMonth, r.x_ExportName, r.BillingAccountId, r.BillingCurrency, p.state, r.files_rows,"
        " r.row_rows, r.files_cost, r.billed_cost, r.mart_cost, r.difference, r.invoice_currency, r.invoice_amount,"
        " r.invoice_difference, r.is_reconciled FROM reconciliation AS r"
        " LEFT JOIN periods AS p USING (x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency)"
        " ORDER BY r.is_reconciled, r.x_BillingMonth DESC, r.x_ExportName, r.BillingAccountId"
    )
    if not result.rows:
        st.info("There is no bill to reconcile yet.")
        return
    rows = result.to_dicts()
    widgets.table(
        [
            {
                "Result": "reconciled" if row["is_reconciled"] else "differs",
                "Month": f"{row['x_BillingMonth']:%Y-%m}",
                "Export": row["x_ExportName"],
                "Account": row["BillingAccountId"],
                "State": row["state"],
                "Rows": row["files_rows"],
                "Files": _money(row["files_cost"], row["BillingCurrency"]),
                "Difference": _money(row["difference"], row["BillingCurrency"]),
                "Invoice": _money(row["invoice_amount"], row["invoice_currency"]),
                "Invoice difference": _money(row["invoice_difference"], row["invoice_currency"]),
            }
            for row in rows
        ],
        tones=("Result",),
        alt="Each bill against its files and its invoice",
        key="reconciliation",
    )
    states = {row["state"] for row in rows}
    st.caption("  \n".join(f"**{state}**: {why}" for state, why in STATES.items() if state in states))
    widgets.download(result, "reconciliation", key="download-reconciliation")


def _unclassified(context: Context) -> None:
    st.subheader("Unclassified charges")
    result = context.query(
        "SELECT x_BillingMonth, x_ExportName, BillingAccountId, ServiceName, BillingCurrency, x_Charges, BilledCost,"
        " x_BilledCostInr FROM unclassified ORDER BY x_BillingMonth DESC, BilledCost DESC"
    )
    if not result.rows:
        st.caption("None: every line type is known.")
        return
    known = [row["x_BilledCostInr"] for row in result.to_dicts() if row["x_BilledCostInr"] is not None]
    st.markdown(f"**{format_inr(sum(known, Decimal(0)))}** of line types that nobody mapped; counted in every total.")
    _listing(result, "unclassified")


def _quarantine(context: Context) -> None:
    st.subheader("Refused files and parts")
    result = context.query("SELECT noted_at, x_ExportName, file, reason FROM quarantine ORDER BY noted_at DESC")
    if not result.rows:
        st.caption("None: everything was accepted.")
        return
    st.caption(
        "They changed no figure: files stay where the provider put them, and parts that could not be had (an account's"
        " region, a month) are asked for again."
    )
    _listing(result, "quarantine")


def _restatements(context: Context) -> None:
    st.subheader("Restatements")
    result = context.query(
        "SELECT noted_at, x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency, before_cost, after_cost,"
        " difference, was_invoiced FROM restatements ORDER BY was_invoiced DESC, noted_at DESC"
    )
    if not result.rows:
        st.caption("None: no delivery replaced an earlier one with other figures.")
        return
    _listing(result, "restatements")


def _rates(context: Context) -> None:
    st.subheader("Rupees per unit of the bill")
    result = context.query(
        "SELECT x_BillingMonth, BillingAccountId, BillingCurrency, NULLIF(InvoiceId, '') AS InvoiceId, rate, rate_on,"
        " rate_source, rate_state, reason FROM inr_rates WHERE BillingCurrency <> 'INR' OR reason IS NOT NULL"
        " ORDER BY reason IS NULL, x_BillingMonth DESC, BillingAccountId"
    )
    missing = [row for row in result.to_dicts() if row["reason"] is not None]
    if missing:
        st.warning(f"{len(missing)} rates are missing; what they would convert is in no rupee total.")
    if not result.rows:
        st.caption("Nothing needs a rate: every bill is in rupees.")
        return
    _listing(result, "inr-rates")


def _events(context: Context) -> None:
    st.subheader("What else was noted")
    result = context.query(
        "SELECT noted_at, kind, x_ExportName, partition, message, amount, currency FROM events"
        " ORDER BY noted_at DESC LIMIT 500"
    )
    if not result.rows:
        st.caption("Nothing.")
        return
    _listing(result, "events")


def _money(amount: Decimal | None, currency: str | None) -> Money | str:
    return "—" if amount is None or currency is None else Money(amount, currency)


TITLES: Final = {
    "noted_at": "When",
    "kind": "Kind",
    "x_ExportName": "Export",
    "BillingAccountId": "Account",
    "x_BillingMonth": "Month",
    "InvoiceId": "Invoice",
    "BillingCurrency": "Currency",
    "ServiceName": "Service",
    "x_Charges": "Charges",
    "BilledCost": "Billed",
    "x_BilledCostInr": "Billed, ₹",
    "partition": "Delivery",
    "message": "What",
    "amount": "Amount",
    "file": "File or part",
    "reason": "Reason",
    "before_cost": "Before",
    "after_cost": "After",
    "difference": "Difference",
    "was_invoiced": "After the invoice",
    "rate": "Rate",
    "rate_on": "Rate of",
    "rate_source": "From",
    "rate_state": "State",
}
_NATIVE: Final = {"BilledCost", "amount", "before_cost", "after_cost", "difference"}
_CURRENCY: Final = {"BillingCurrency", "currency"}


def _listing(result: Result, name: str) -> None:
    """A table with titles for people, and its download."""
    rows = [
        {TITLES.get(column, column): _value(column, row) for column in row if column not in _hidden(row)}
        for row in result.to_dicts()[:ROWS]
    ]
    widgets.table(rows, alt=name.replace("-", " ").capitalize(), money={"Billed, ₹": format_inr}, key=name)
    widgets.download(result, name, key=f"download-{name}")


def _hidden(row: Mapping[str, Any]) -> set[str]:
    """The currency is written with the amounts; where there are none it stays a column."""
    return _CURRENCY if _NATIVE & row.keys() else set()


def _value(column: str, row: Mapping[str, Any]) -> Any:
    if column in _NATIVE:
        return _money(row[column], row.get("BillingCurrency") or row.get("currency"))
    if column == "x_BillingMonth" and row[column]:
        return f"{row[column]:%Y-%m}"
    return row[column]


VIEW = View("Data health", "Trust", 30, ":material/health_and_safety:", render)
