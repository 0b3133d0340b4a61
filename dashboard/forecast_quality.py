"""The part of the forecast page that tells how far to believe it: errors on the past, and remarks on the series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard import widgets
from dashboard.context import Context

#: Fewer trials than this and a mean of them says little.
FEW: Final = 3
_METRICS: Final = {"dau": "Daily users", "peak_share": "Peak of the day"}

Row = Mapping[str, Any]


def scores(context: Context) -> None:
    """How far off the champion was beside last year repeated, and the table of all candidates."""
    st.subheader("How good such forecasts were")
    result = context.query("SELECT * FROM forecast_scores ORDER BY metric, product, state, horizon_days, wape")
    rows = result.to_dicts()
    products = [row["product"] for row in rows if row["metric"] == "dau" and row["candidate"] == "champion"]
    if not products:
        st.caption("No forecast could be tried on the past yet: the history is too short.")
        return
    product = "all" if "all" in products else products[0]
    told = sentences(_of(rows, product, "champion"), _of(rows, product, "seasonal_naive"))
    of = "all daily users" if product == "all" else f"the daily users of {widgets.escape(product)}"
    if told:
        st.markdown(f"Tried on the past, a forecast of {of} was off on average:\n" + "\n".join(f"- {t}" for t in told))
    if any(row["origins"] < FEW for row in _of(rows, product, "champion").values()):
        st.caption(f"Fewer than {FEW} trials say little; more of the past has to be known before more can be made.")
    with st.expander("Every candidate, on rolling origins"):
        states = st.toggle("States as well", key="score-states")
        widgets.table(
            [
                {
                    "Figure": _METRICS.get(row["metric"], row["metric"]),
                    "Of": row["product"] + ("" if row["state"] == "all" else f", {row['state']}"),
                    "Days ahead": row["horizon_days"],
                    "Candidate": row["candidate"] + (" ✓" if row["is_champion"] else ""),
                    "Origins": row["origins"],
                    "WAPE": row["wape"],
                    "MASE": row["mase"],
                    "Bias": row["bias"],
                    "Near events": row["event_wape"],
                    "Peak size": row["peak_error"],
                    "Peak days off": row["peak_days"],
                    "In 80 %": row["cover80"],
                    "In 95 %": row["cover95"],
                }
                for row in rows
                if states or row["state"] == "all"
            ],
            money=dict.fromkeys(("MASE", "Peak days off"), lambda value: "—" if value is None else f"{value:.3g}"),
            percent=("WAPE", "Bias", "Near events", "Peak size", "In 80 %", "In 95 %"),
            alt="Errors of each candidate by days ahead",
            key="scores",
            height=360,
        )
        widgets.download(result, "forecast-scores", key="download-scores")
        st.caption(
            "Each origin saw only days before it and the calendar as it was known then. ✓: the one that is believed at"
            " that distance. WAPE: sum of the errors by sum of the users. MASE: error by the usual change over a week."
            " In 80 % and 95 %: how many days fell into the band that was to hold so many."
        )


def sentences(own: Mapping[int, Row], naive: Mapping[int, Row]) -> list[str]:
    """For each distance how far off the champion was, in how many trials, and last year repeated in the same ones."""
    told = []
    for days, row in sorted(own.items()):
        if row["wape"] is None:
            continue
        text = f"**{days} days ahead** by {100 * row['wape']:.1f} % in {_trials(row['origins'])}"
        beside = naive.get(days)
        if beside is not None and beside["wape"] is not None:
            text += f"; a repetition of last year by {100 * beside['wape']:.1f} %"
            if beside["origins"] != row["origins"]:
                text += f" in {_trials(beside['origins'])}"
            elif beside["wape"] < row["wape"]:
                text += ", which was better"
        told.append(text)
    return told


def _trials(origins: int) -> str:
    return "1 trial" if origins == 1 else f"{origins} trials"


def _of(rows: Sequence[Row], product: str, candidate: str) -> dict[int, Row]:
    wanted = ("dau", product, "all", candidate)
    return {
        row["horizon_days"]: row
        for row in rows
        if (row["metric"], row["product"], row["state"], row["candidate"]) == wanted
    }


def notes(context: Context) -> None:
    """What is odd about the series: each remark once, with all that it is about."""
    about: dict[str, list[str]] = {}
    for product, state, note in context.query("SELECT product, state, note FROM forecast_notes ORDER BY ALL").rows:
        name = ", ".join(word for word in (product, state) if word != "all") or "everybody"
        names = about.setdefault(note, [])
        if name not in names:
            names.append(name)
    for note, names in about.items():
        of = "" if names == ["everybody"] else f" ({widgets.escape('; '.join(names))})"
        st.caption(f":material/info: {widgets.escape(note)}{of}")
