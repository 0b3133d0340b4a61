"""Anomalies on a page: the list, one with its days, band and causes, and what people say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from core import KifayatError
from dashboard import charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr
from warehouse import VERDICTS, Feedback, Ledger, Verdict, give_feedback

Row = Mapping[str, Any]
#: Days that are drawn before an anomaly begins and after it ends.
_BEFORE, _AFTER = timedelta(days=42), timedelta(days=14)
_SCOPE: Final = ("ProviderName", "x_Service", "ServiceName", "SubAccountId", "RegionId")


def read(context: Context) -> list[dict[str, Any]]:
    """Rows of anomalies: those that go on first, then the newest."""
    return context.query(
        "SELECT * FROM anomalies ORDER BY is_open DESC, detected_on DESC, ABS(impact_inr) DESC"
    ).to_dicts()


def goes_on(row: Row, said: Mapping[str, Feedback]) -> bool:
    """Whether an anomaly still counts: it is open, and nobody said that it is none."""
    verdict = said.get(row["anomaly_id"])
    return row["is_open"] and (verdict is None or verdict.verdict == "real")


def show(context: Context, rows: Sequence[Row], said: Mapping[str, Feedback], known: date | None) -> None:
    """The list and the chosen one; `known` is the last whole day."""
    st.subheader("Anomalies")
    if not rows:
        st.caption("No day cost more or less than users, season and its own past explain.")
        return
    picked = widgets.table(
        [
            {
                "Since": row["first_day"],
                "To": row["last_day"],
                "Where": name(row),
                "Difference": row["impact_inr"],
                "Expected": row["expected_inr"],
                "State": _state(row, said),
                "What": row["explanation"],
            }
            for row in rows
        ],
        money=dict.fromkeys(("Difference", "Expected"), whole_inr),
        alt="Anomalies, those that go on first", key="anomalies", select=True,
    )  # fmt: skip
    st.caption("Choose a row to see its days and causes, and say what it was.")
    _one(context, rows[picked or 0], said, known)


#: The anomaly may be of one meter; the chart shows all of its place, so the difference is taken off that.
_EXPECTED: Final = "Without the anomaly"


def name(row: Row) -> str:
    """Where it is: the service of the company or of the provider."""
    return " / ".join(row[part] for part in ("x_Service", "ServiceName") if row[part]) or row["ProviderName"]


def _state(row: Row, said: Mapping[str, Feedback]) -> str:
    verdict = said.get(row["anomaly_id"])
    if verdict is not None:
        return verdict.verdict
    return "goes on" if row["is_open"] else "has ended"


def _one(context: Context, row: Row, said: Mapping[str, Feedback], known: date | None) -> None:
    with st.container(border=True, key="anomaly"):
        st.markdown(f"**{widgets.escape(name(row))}** — {widgets.escape(row['explanation'])}")
        where = [row[part] for part in _SCOPE if row[part]]
        st.caption(
            widgets.escape(f"{' · '.join(where)} · found on {row['detected_on']:%d %B %Y} · {row['anomaly_id']}")
        )
        left, right = st.columns([3, 2])
        with left:
            _days(context, row, known)
        with right:
            _causes(context, row)
        _say(context, row, said.get(row["anomaly_id"]))


def _days(context: Context, row: Row, known: date | None) -> None:
    """What its place was billed by day, the same without the anomaly, and the model's band where it has one."""
    first, last = row["first_day"] - _BEFORE, min(row["last_day"] + _AFTER, known or date.max)
    scope = {part: row[part] for part in _SCOPE if row[part] is not None}
    where = " AND ".join(f"{part} = ${part}" for part in scope)
    actual = context.query(
        "SELECT x_ChargeOn AS day, CAST(SUM(x_EffectiveCostInr) AS DOUBLE) AS inr FROM cost_daily"
        f" WHERE ChargeCategory = 'Usage' AND x_ChargeOn BETWEEN $first AND $last AND {where} GROUP BY 1 ORDER BY 1",
        {"first": first, "last": last, **scope},
    ).to_dicts()
    days = (row["last_day"] - row["first_day"]).days + 1
    odd = [one for one in actual if row["first_day"] <= one["day"] <= row["last_day"]]
    expected = [(one["day"], one["inr"] - row["impact_inr"] / days) for one in odd]
    frame = pd.DataFrame(
        [{"day": pd.Timestamp(one["day"]), "inr": one["inr"], "What": "Billed", "Cost": _inr(one["inr"])}
         for one in actual]
        + [{"day": pd.Timestamp(day), "inr": inr, "What": _EXPECTED, "Cost": _inr(inr)} for day, inr in expected]
    )  # fmt: skip
    layers: list[alt.Chart] = []
    if band := _band(context, scope, first, last):
        area = alt.Chart(pd.DataFrame(band)).mark_area(color=charts.GREY, opacity=0.45)
        layers.append(area.encode(x=alt.X("yearmonthdate(day):T"), y=alt.Y("low:Q"), y2="high:Q"))
    lines = alt.Chart(frame).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=18)).encode(
        x=alt.X("yearmonthdate(day):T", title=None, axis=alt.Axis(format="%d %b", labelOverlap=True, grid=False)),
        y=alt.Y("inr:Q", axis=charts.amount_axis("INR")),
        color=alt.Color("What:N", legend=charts.legend(), scale=alt.Scale(
            domain=["Billed", _EXPECTED], range=[charts.PALETTE[0], charts.PALETTE[1]])),
        tooltip=[alt.Tooltip("day:T", title="Day", format="%a %d %b %Y"), "What:N", "Cost:N"],
    )  # fmt: skip
    layers.append(lines)
    charts.show(
        alt.LayerChart(layer=layers), height=240,
        alt_text=f"Cost of {name(row)} by day: {_inr(row['actual_inr'])}, expected {_inr(row['expected_inr'])}",
    )  # fmt: skip
    if band:
        st.caption("Grey: where four of five days are expected.")


def _band(context: Context, scope: Mapping[str, str], first: date, last: date) -> list[dict[str, Any]]:
    """Days of cost_bands, which are kept by service of the company and by provider."""
    if set(scope) == {"ProviderName"}:
        dimension = "ProviderName"
    elif set(scope) == {"ProviderName", "x_Service"} and _is_alone(context, scope):
        dimension = "x_Service"
    else:
        return []
    return [
        {"day": pd.Timestamp(one["day"]), "low": one["q10"], "high": one["q90"]}
        for one in context.query(
            "SELECT day, q10, q90 FROM cost_bands WHERE dimension = $dimension AND value = $value"
            " AND day BETWEEN $first AND $last AND actual_inr IS NOT NULL ORDER BY day",
            {"dimension": dimension, "value": scope[dimension], "first": first, "last": last},
        ).to_dicts()
    ]


def _is_alone(context: Context, scope: Mapping[str, str]) -> bool:
    """Whether a service of the company is at one provider only: its band is then that of the scope."""
    return bool(context.value(
        "SELECT COUNT(DISTINCT ProviderName) = 1 FROM cost_daily WHERE x_Service = $service",
        {"service": scope["x_Service"]},
    ))  # fmt: skip


def _causes(context: Context, row: Row) -> None:
    causes = context.query(
        "SELECT * FROM anomaly_causes WHERE anomaly_id = $id ORDER BY position", {"id": row["anomaly_id"]}
    ).to_dicts()
    if not causes:
        st.caption("No part of it stands out.")
        return
    widgets.table(
        [
            {
                "By": one["dimension"],
                "Which": one["value"],
                "Difference": one["impact_inr"],
                "Cost": one["actual_inr"],
                "Expected": one["expected_inr"],
            }
            for one in causes
        ],
        money=dict.fromkeys(("Difference", "Cost", "Expected"), whole_inr),
        alt="What the anomaly is made of", key=f"causes-{row['anomaly_id']}",
    )  # fmt: skip


def _say(context: Context, row: Row, verdict: Feedback | None) -> None:
    if verdict is not None:
        told = f"Said to be {verdict.verdict} on {widgets.instant_text(verdict.at)}"
        st.markdown(widgets.escape(told + (f": {verdict.reason}" if verdict.reason else "")))
    with st.expander("Say what it was"), st.form(f"say-{row['anomaly_id']}"):
        chosen = st.segmented_control(
            "It was", VERDICTS, default="real", key=f"verdict-{row['anomaly_id']}", required=True
        )
        reason = st.text_input("Reason (needed for expected and noise)", max_chars=400, key=f"why-{row['anomaly_id']}")
        if st.form_submit_button("Write it down"):
            _write(context, row["anomaly_id"], chosen, reason)


def _write(context: Context, anomaly_id: str, verdict: Verdict, reason: str) -> None:
    ledger = Ledger(context.snapshot.storage / "ledger.sqlite")
    try:
        give_feedback(ledger, anomaly_id, verdict, reason, context.clock.now())
        st.success("Written down. What was expected or noise ends at the next check and stays closed.")
    except KifayatError as error:
        st.error(widgets.escape(str(error)))
    finally:
        ledger.close()


def _inr(amount: float) -> str:
    return short_inr(amount)
