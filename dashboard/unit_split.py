"""One month of cost per user taken apart: by service, provider or product, in sums that are the bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final

import streamlit as st

from core import format_inr
from dashboard import unit_charts, widgets
from dashboard.context import Context
from dashboard.unit_cost import COUNTED, EXPLAINED, PARTS, PER_USER, Story, people, rupees_each
from warehouse import Result

#: Tab -> column of unit_costs; what nobody owns has none.
DIMENSIONS: Final = {"Service": "x_Service", "Provider": "ProviderName"}
PRODUCT: Final = "Product"
UNALLOCATED: Final = "unallocated"
#: Headings of narrow columns.
HEADINGS: Final = {**PARTS, "unused": "Unused", "other": "One-off", "prepayments": "Purchases, timing"}
#: Names on the chart; the table has them all.
DRAWN: Final = 12

_SUMS: Final = ", ".join(f"SUM(x_CostInr) FILTER (x_CostPart = '{part}') AS \"{part}\"" for part in PARTS)


def split(context: Context, story: Story, month: date) -> None:
    """The three tabs, the sums under them and what the parts mean."""
    bill = context.value("SELECT SUM(x_BilledCostInr) FROM cost_daily WHERE x_BillingMonth = $month", {"month": month})
    tabs = st.tabs([f"By {label.lower()}" for label in (*DIMENSIONS, PRODUCT)], key="split", on_change="rerun")
    for tab, label in zip(tabs, (*DIMENSIONS, PRODUCT), strict=True):
        if not tab.open:
            continue
        with tab:
            if label == PRODUCT:
                _products(context, month, bill)
            else:
                _parts(context, story, month, label, bill)


def _parts(context: Context, story: Story, month: date, label: str, bill: Decimal | None) -> None:
    result = _read(context, story, month, DIMENSIONS[label])
    if not result.rows:
        st.caption("No cost in rupees is known for this month.")
        return
    rows, whole = result.to_dicts(), _read(context, story, month, None).to_dicts()[0]
    known = [part for part in PARTS if whole[part] is not None]
    if whole["users"]:
        _draw(rows, known, story, label, month)
    cost, share, whole_rupees = "₹ per user", "Share", partial(format_inr, decimals=0)
    widgets.table(
        [
            {
                label: widgets.plain(_name(row["name"])),
                "Cost": row["counted"],
                cost: row["per_user"],
                share: widgets.ratio(row["counted"], whole["counted"]),
                **{HEADINGS[part]: row[part] for part in known},
                "Bill": row["billed"],
            }
            for row in rows
        ],
        money={
            "Cost": format_inr, cost: rupees_each, "Bill": format_inr,
            **dict.fromkeys((HEADINGS[part] for part in known), whole_rupees),
        },
        percent=(share,),
        alt=f"Cost per user by {label.lower()} and part, {widgets.month_text(month)}",
        key=f"split-{label.lower()}",
    )  # fmt: skip
    with st.container(key="split-sum"):
        _footer(month, [(PARTS[part], whole[part]) for part in known], whole["billed"], bill)
    gst = "with GST" if story.with_tax else "without GST"
    st.caption(
        f"Cost and ₹ per user are {gst} and without purchases and timing; Bill is every part. The parts are in whole "
        "rupees here and exact in the download. "
        f"**{PARTS['prepayments']}**: {EXPLAINED['prepayments']}; no service owns it. "
        f"**{UNALLOCATED.capitalize()}**: no tag or rule says whose it is."
    )
    widgets.download(result, f"cost-per-user-{label.lower()}-{month:%Y-%m}", key=f"download-split-{label.lower()}")


def _read(context: Context, story: Story, month: date, column: str | None) -> Result:
    """By a column of `DIMENSIONS`, or the whole month in one row."""
    return context.query(
        f"""
        SELECT
            {column or "NULL"} AS name,
            SUM(x_CostInr) FILTER ({COUNTED}) AS counted,
            {PER_USER} AS per_user,
            MAX(x_ActiveUsers) AS users,
            {_SUMS},
            SUM(x_CostInr) AS billed
        FROM unit_costs
        WHERE x_BillingMonth = $month
        GROUP BY 1 ORDER BY counted DESC NULLS LAST, name
        """,
        {"month": month, "with_tax": story.with_tax},
    )


def _name(name: str | None) -> str:
    return UNALLOCATED if name is None else name


def _draw(rows: Sequence[Mapping[str, Any]], known: Sequence[str], story: Story, label: str, month: date) -> None:
    parts = [part for part in known if part != "prepayments" and (story.with_tax or part != "tax")]
    drawn = [
        (_name(row["name"]), part, row[part] / row["users"])
        for row in rows[:DRAWN]
        for part in parts
        if row[part] is not None
    ]
    if drawn:
        largest = f"{_name(rows[0]['name'])} {rupees_each(rows[0]['per_user'])}"
        words = f"₹ per monthly active user by {label.lower()}, {widgets.month_text(month)}; the largest is {largest}"
        unit_charts.by_name(drawn, alt_text=words)
        more = f" The {DRAWN} largest of {len(rows)}." if len(rows) > DRAWN else ""
        st.caption(f"₹ per monthly active user, in its parts.{more}")


def _footer(
    month: date, parts: Sequence[tuple[str, Decimal | None]], total: Decimal | None, bill: Decimal | None
) -> None:
    """The parts, their sum, and that it is the bill; in red by how much it is not."""
    terms: list[str] = []
    for part, amount in parts:
        sign = "−" if amount is not None and amount < 0 else "+" if terms else ""
        terms.append(f"{sign} {part} {widgets.escape(format_inr(None if amount is None else abs(amount)))}".strip())
    name = f"bill of {widgets.month_text(month)}"
    st.markdown(" ".join(terms))
    if total == bill:
        st.markdown(
            f"= {name} **{widgets.escape(format_inr(bill))}**, to the paisa",
            help="The sum of the invoice month as it is billed, in ₹.",
        )
        return
    difference = (total or Decimal(0)) - (bill or Decimal(0))
    st.error(
        f"The parts are {widgets.escape(format_inr(total))} and the {name} is {widgets.escape(format_inr(bill))}: "
        f"{widgets.escape(format_inr(difference))} apart. See the data health page and run `kifayat refresh`."
    )


def _products(context: Context, month: date, bill: Decimal | None) -> None:
    result = context.query(
        "SELECT x_Product, mau, x_CostPerUserInr, x_CostInr, x_OwnCostInr, x_CommonCostInr FROM product_costs"
        " WHERE x_BillingMonth = $month ORDER BY x_CostInr DESC, x_Product",
        {"month": month},
    )
    if not result.rows:
        st.caption("No cost in rupees is known for this month.")
        return
    rows = result.to_dicts()
    total = sum((row["x_CostInr"] for row in rows), Decimal(0))
    widgets.table(
        [
            {
                PRODUCT: "no product" if row["x_Product"] is None else widgets.plain(row["x_Product"]),
                "Users": people(row["mau"]),
                "₹ per user": row["x_CostPerUserInr"],
                "Cost": row["x_CostInr"],
                "Share": widgets.ratio(row["x_CostInr"], total),
                "Own": row["x_OwnCostInr"],
                "Of the common cost": row["x_CommonCostInr"],
            }
            for row in rows
        ],
        money={"₹ per user": rupees_each, "Cost": format_inr, "Own": format_inr, "Of the common cost": format_inr},
        percent=("Share",),
        alt=f"Cost per user by product, {widgets.month_text(month)}",
        key="split-product",
    )
    timing = context.value(
        "SELECT SUM(x_CostInr) FROM unit_costs WHERE x_BillingMonth = $month AND x_CostPart = 'prepayments'",
        {"month": month},
    )
    terms = [("All products", total), (PARTS["prepayments"], timing)]
    with st.container(key="split-sum"):
        _footer(month, [term for term in terms if term[1] is not None], total + (timing or Decimal(0)), bill)
    st.caption(
        "GST is always counted here. A product is divided by its own monthly active users; what no product owns is "
        "shared by them."
    )
    if any(row["mau"] is None for row in rows):
        st.caption(
            "Products without users are tagged in the bill but not counted in the feed of users: write both the same "
            "way, or count them under that name."
        )
    widgets.download(result, f"cost-per-user-product-{month:%Y-%m}", key="download-split-product")
