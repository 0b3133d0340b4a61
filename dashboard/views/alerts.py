"""What is alarming: open alerts, budgets and their pace, anomalies with what was said of them, and who was not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import compact_inr
from dashboard import anomaly_parts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr
from dashboard.status import read_calendar, status
from dashboard.view import View
from dashboard.views.budgets import word_of
from models.budgets import lasts_text
from notify import SEVERITIES
from warehouse import TOLD_WITH, Alert, Feedback, Ledger, Run, alerts, feedback, last_runs, outbox

#: So many ended alerts and messages are listed.
_SHOWN: Final = 50
_ICONS: Final = {
    "info": ":material/info:", "warning": ":material/warning:", "error": ":material/error:",
    "critical": ":material/emergency_home:",
}  # fmt: skip
Row = Mapping[str, Any]


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Alerts")
    with closing(Ledger(context.snapshot.storage / "ledger.sqlite", readonly=True)) as ledger:
        known, said = alerts(ledger), feedback(ledger)
        dead, waiting = (outbox.entries(ledger, state, _SHOWN) for state in ("dead", "waiting"))
        runs = last_runs(ledger)
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
    else:
        status(context, calendar)
    states = context.query("SELECT * FROM budget_states ORDER BY financial_year DESC, pace_pct DESC, name").to_dicts()
    anomalies = anomaly_parts.read(context)
    opened = [alert for alert in known if alert.is_open]
    _figures(opened, states, anomalies, said, len(dead), len(waiting))
    _open(opened)
    _budgets(states)
    anomaly_parts.show(context, anomalies, said, None if calendar is None else calendar.whole_through)
    _messages([*dead, *waiting])
    _runs(runs)
    _ended([alert for alert in known if not alert.is_open])


def _figures(
    opened: Sequence[Alert], states: Sequence[Row], anomalies: Sequence[Row], said: Mapping[str, Feedback], dead: int,
    waiting: int,
) -> None:  # fmt: skip
    going = [row for row in anomalies if anomaly_parts.goes_on(row, said)]
    over = sum(1 for row in states if word_of(row)[0] == "over")
    with st.container(key="figures"):
        columns = st.columns(4)
        with columns[0]:
            grave = sum(1 for alert in opened if alert.severity in ("error", "critical"))
            widgets.figure("alerts-open", "Open alerts", str(len(opened)), f"{grave} of them grave")
        with columns[1]:
            widgets.figure("alerts-budgets", "Budgets over", str(over), f"of {len(states)}, by pace or result")
        with columns[2]:
            more, less = (sum(max(way * row["impact_inr"], 0.0) for row in going) for way in (1, -1))
            told = f"{short_inr(more)} above, {short_inr(less)} below what is expected"
            widgets.figure("alerts-anomalies", "Anomalies going on", str(len(going)), told)
        with columns[3]:
            widgets.figure("alerts-messages", "Not delivered", str(dead), f"given up; {waiting} wait")


def _open(opened: Sequence[Alert]) -> None:
    st.subheader("Open")
    if not opened:
        st.success("No alert is open.", icon=":material/check_circle:")
    grave_first = sorted(opened, key=lambda alert: SEVERITIES.index(alert.severity), reverse=True)
    for index, alert in enumerate(alert for alert in grave_first if alert.is_told):
        with st.container(border=True, key=f"alert-{index}"):
            st.markdown(f"{_ICONS.get(alert.severity, '')} **{widgets.escape(alert.title)}**")
            st.caption(f"{alert.severity}, told on {widgets.instant_text(alert.opened_at)}")
            facts = [f"{widgets.escape(label)} **{widgets.escape(text)}**" for label, text in alert.facts.items()]
            st.markdown(" · ".join(facts))
    if quiet := [alert for alert in opened if not alert.is_told]:
        with st.expander(f"{len(quiet)} more had no message of their own"):
            widgets.table(
                [{"What": alert.title, "Since": alert.opened_at, "Told with": alert.facts[TOLD_WITH]}
                 for alert in quiet],
                alt="Open alerts that had no message of their own", key="alerts-quiet",
            )  # fmt: skip


def _whole(count: Decimal | None) -> str:
    return "—" if count is None else f"{count:,.0f}"


def _budgets(states: Sequence[Row]) -> None:
    st.subheader("Budgets")
    if not states:
        st.caption("No budget is configured, or nothing is known yet; the page Budgets shows how to write one.")
        return
    widgets.table(
        [
            {
                "Budget": row["name"],
                "Year": f"{row['financial_year']}-{(row['financial_year'] + 1) % 100:02}",
                "State": word_of(row)[0],
                "Spent": row["spent_pct"] / 100,
                "Pace": None if row["pace_pct"] is None else row["pace_pct"] / 100,
                "At the end": None if row["forecast_pct"] is None else row["forecast_pct"] / 100,
                "Days left": row["days_left"],
                "Amount": row["amount_inr"],
                "Lasts": lasts_text(row),
                "Owner": row["owner"] or "",
            }
            for row in states
        ],
        money={"Amount": compact_inr, "Days left": _whole}, percent=("Spent", "Pace", "At the end"),
        alt="Budgets with what is spent, their pace and the end of the year", key="alerts-budgets-table",
    )  # fmt: skip
    st.caption(
        "Spent and at the end: of the budget. Pace: of what the season's plan has to the last day known. Alerts open "
        "at the thresholds of `[alerts]` and end two points below."
    )


def _messages(found: Sequence[outbox.Entry]) -> None:
    st.subheader("Messages")
    if not found:
        st.caption("Nothing waits and nothing was given up.")
        return
    if dead := sum(1 for one in found if one.state == "dead"):
        st.warning(f"{dead} could not be delivered; `kifayat notify resend` tries again.", icon=":material/error:")
    widgets.table(
        [
            {
                "State": "given up" if one.state == "dead" else "waits",
                "Message": one.title,
                "Channel": one.channel,
                "To": one.recipient,
                "Made": one.made_at,
                "Tried": one.attempts,
                "Next": None if one.state == "dead" else one.next_at,
                "Reason": one.last_error,
            }
            for one in found
        ],
        alt="Messages that wait or were given up", key="alerts-messages-table",
    )  # fmt: skip


def _runs(runs: Mapping[str, Run]) -> None:
    st.subheader("Jobs")
    if not runs:
        st.caption("No job has run yet; `kifayat serve` runs them.")
        return
    widgets.table(
        [
            {
                "Job": job,
                "State": run.state,
                "Started": run.started_at,
                "Ended": run.ended_at,
                "Result": run.error or run.result,
            }
            for job, run in runs.items()
        ],
        alt="The last run of each job", key="alerts-runs",
    )  # fmt: skip


def _ended(ended: Sequence[Alert]) -> None:
    if not ended:
        return
    with st.expander(f"Ended: {len(ended)}"):
        widgets.table(
            [
                {
                    "What": alert.title,
                    "From": alert.opened_at,
                    "To": alert.resolved_at,
                    "Reason": alert.resolution,
                }
                for alert in ended[:_SHOWN]
            ],
            alt="Alerts that have ended, and why", key="alerts-ended",
        )  # fmt: skip


VIEW = View("Alerts", "Costs", 17, ":material/notifications:", render)
