"""The providers' own advice beside the plan: theirs, ours, what both save, and why they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard import plan_items, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr
from dashboard.status import read_calendar, status
from dashboard.view import View
from recommender.comparison import NOTHING, TOTALS, VERDICTS, totals_text

Row = Mapping[str, Any]
_MONEY: Final = ("They say", "At list price", "On your bill", "Ours saves")


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Compared with the providers")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    run = plan_items.read_run(context)
    if run is None:
        st.info(plan_items.NOTHING, icon=":material/lightbulb:")
        return
    (sums,) = context.query(TOTALS).to_dicts()
    if not sums["recommendations"]:
        st.info(NOTHING, icon=":material/compare_arrows:")
        return
    result = context.query("SELECT * FROM plan_comparison ORDER BY position")
    rows = result.to_dicts()
    _figures(sums, rows)
    st.markdown(widgets.escape(totals_text(sums)))
    shown = st.multiselect("Show", VERDICTS, default=VERDICTS[:3], key="compared-verdicts", placeholder="everything")
    chosen = [row for row in rows if not shown or row["verdict"] in shown]
    if not chosen:
        st.caption("Nothing here.")
        return
    picked = widgets.table(
        [_cells(row) for row in chosen],
        money=dict.fromkeys(_MONEY, whole_inr),
        alt="Recommendations of the providers and of the plan side by side",
        key="compared",
        select=True,
    )
    st.caption(
        "INR a year. Theirs is their own figure at today's rate; on your bill: by our simulator, under the commitments"
        " held, on what their other advice leaves. Nothing of theirs is added to the plan. " + plan_items.caption(run)
    )
    widgets.download(result, "compared", key="download-compared")
    _drawer(chosen[picked if picked is not None else 0])


def _figures(sums: Row, rows: Sequence[Row]) -> None:
    counts = Counter(row["verdict"] for row in rows)
    with st.container(key="figures"):
        columns = st.columns(4)
        with columns[0]:
            said = "—" if sums["said_inr"] is None else short_inr(sums["said_inr"])
            widgets.figure("said", "They say, added up", said, f"{sums['recommendations']} recommendations, a year")
        with columns[1]:
            worth = short_inr(sums["bill_inr"]) if sums["priced"] else "—"
            widgets.figure("worth", "Theirs on your bill", worth, f"{sums['priced']} that can be priced, done together")
        with columns[2]:
            widgets.figure("ours", "Our plan", short_inr(sums["plan_inr"]), "a year, nothing of theirs in it")
        with columns[3]:
            told = (
                f"{counts['different']} different, {counts['only theirs']} theirs only, {counts['only ours']} ours only"
            )
            widgets.figure("alike", "Both say the same", str(counts["same"]), told)


def _cells(row: Row) -> Row:
    return {
        "Of": row["name"],
        "They propose": row["their_title"],
        "They say": row["said_inr"],
        "On your bill": row["bill_inr"],
        "Ours": row["our_title"],
        "Ours saves": row["our_inr"],
        "Verdict": row["verdict"],
        "Why": row["why"],
        "At list price": row["list_inr"],
        "Adviser": row["adviser"],
        "Team": row["team"] or "",
        "Item": row["item"],
    }


def _drawer(row: Row) -> None:
    with st.container(border=True, key="drawer"):
        st.subheader(widgets.escape(row["name"] or row["their_title"] or ""))
        left, right = st.columns(2)
        with left:
            _theirs(row)
        with right:
            saves = "no figure" if row["our_inr"] is None else f"{whole_inr(row['our_inr'])} a year"
            _lines("Ours", {
                "Proposes": row["our_title"], "Item": row["item"], "State": row["our_state"],
                "Saves in the plan": saves if row["item"] else None,
            })  # fmt: skip
        st.markdown(f"**{row['verdict'].capitalize()}**: {widgets.escape(row['why'])}")


def _theirs(row: Row) -> None:
    said = row["said_monthly"]
    steps = {"At list price": "list_inr", "As the only one": "alone_inr", "Beside the others": "bill_inr"}
    lines: dict[str, Any] = {
        "Proposes": row["their_title"],
        "Adviser": row["adviser"],
        "Says": None if said is None else f"{said:,.2f} {row['said_currency']} a month",
        "A year": None if row["said_inr"] is None else whole_inr(row["said_inr"]),
    }
    lines |= {label: f"{whole_inr(row[name])} a year" for label, name in steps.items() if row[name] is not None}
    lines |= {
        "Looked at": None if row["lookback_days"] is None else f"{row['lookback_days']} days",
        "Imported": None if row["observed_on"] is None else f"{row['observed_on']:%d %b %Y}",
        "Finding": row["finding"],
    }
    _lines("Theirs", lines)


def _lines(title: str, lines: Mapping[str, Any]) -> None:
    st.markdown(f"**{title}**")
    told = [f"{label}: {value}" for label, value in lines.items() if value not in (None, "")]
    for text in told or ("nothing",):
        st.markdown(f"- {widgets.escape(text)}")


VIEW = View("Compared", "Savings", 25, ":material/compare_arrows:", render)
