"""What is to come: users and cost with bands, the exam that moves them, and how good such forecasts were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from core import ist_date
from dashboard import forecast_charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import Flag, day_range, grouped, short_inr
from dashboard.forecast_cost import CALENDARS, OWN, calendar_name, cost, in_order
from dashboard.forecast_quality import notes, scores
from dashboard.status import Calendar, read_calendar, status
from dashboard.view import View

METRICS: Final = {"dau": "Daily active users", "peak_concurrent": "Most at the same time"}
#: Days ahead; the season ends two weeks after its exam.
RANGES: Final = {"Season": 300, "12 months": 365, "All": 10_000}
AFTER_EXAM_DAYS: Final = 14
NOTHING: Final = "No forecast yet. Run `kifayat forecast` (or `kifayat ingest --forecast`) and come back."
STALE_DAYS: Final = 7

Row = Mapping[str, Any]


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Forecast")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    runs = context.query("SELECT * FROM forecast_runs").to_dicts()
    if not runs:
        st.info(NOTHING, icon=":material/timeline:")
        notes(context)
        return
    known: date = runs[0]["known_through"]
    exam = _next_exam(context, known)
    _figures(context, known, exam)
    _age(context, runs[0], calendar)
    _users(context, known, exam)
    _calendars(context)
    cost(context)
    scores(context)
    notes(context)


def _next_exam(context: Context, known: date) -> Row | None:
    """The exam that comes next, or goes on: a window of days."""
    rows = context.query(
        "SELECT first_day, last_day, status FROM forecast_events WHERE event = 'exam' AND last_day > $known"
        " ORDER BY first_day LIMIT 1",
        {"known": known},
    ).to_dicts()
    return rows[0] if rows else None


def _figures(context: Context, known: date, exam: Row | None) -> None:
    with st.container(key="figures"):
        columns = st.columns(4)
        with columns[0]:
            _exam_card(context, exam)
        with columns[1]:
            _peak_card(context, exam["last_day"] if exam else known + timedelta(days=365))
        with columns[2]:
            _month_card(context)
        with columns[3]:
            _year_card(context)


def _exam_card(context: Context, exam: Row | None) -> None:
    if exam is None:
        widgets.figure("exam", "Next exam", "—", "no exam within the days that are forecast")
        return
    sure = context.value("SELECT MAX(probability) FROM forecast_futures")
    likely = "" if sure is None else f"; its calendar is {100 * sure:.0f} % likely"
    widgets.figure("exam", "Next exam", day_range(exam["first_day"], exam["last_day"]), f"{exam['status']}{likely}")


def _peak_card(context: Context, until: date) -> None:
    """The most of a month is more uncertain than any of its days: the day of the peak is not known either."""
    rows = context.query(
        "SELECT month, q50, q90 FROM forecast_monthly WHERE metric = 'peak_concurrent' AND product = 'all'"
        " AND calendar = 'given' AND month <= $until ORDER BY q50 DESC, month LIMIT 1",
        {"until": until},
    ).to_dicts()
    if not rows:
        widgets.figure("peak", "Most at the same time", "—", "users at the same time are not counted")
        return
    row = rows[0]
    note = f"in {row['month']:%B %Y}; 1 in 10: over {grouped(row['q90'])}"
    widgets.figure("peak", "Most at the same time", grouped(row["q50"]), note)


def _month_card(context: Context) -> None:
    rows = context.query(
        "SELECT month, q10, q50, q90 FROM forecast_monthly WHERE metric = 'mau' AND product = 'all'"
        " AND calendar = 'given' ORDER BY month LIMIT 2"
    ).to_dicts()
    if not rows:
        widgets.figure("mau", "Monthly users", "—", "monthly active users are not counted")
        return
    bands = [f"{grouped(row['q10'])} to {grouped(row['q90'])}" for row in rows]
    after = f"{rows[1]['month']:%B}: {grouped(rows[1]['q50'])} ({bands[1]})" if len(rows) > 1 else ""
    name = f"Monthly users, {rows[0]['month']:%B}"
    widgets.figure("mau", name, grouped(rows[0]["q50"]), f"80 %: {bands[0]}", note=after)


def _year_card(context: Context) -> None:
    rows = context.query(
        "SELECT starts_on, mean, q10, q90, known_inr FROM cost_forecasts WHERE dimension = 'total'"
        " AND period = 'financial_year' AND calendar = 'given' ORDER BY starts_on LIMIT 1"
    ).to_dicts()
    if not rows:
        widgets.figure("year", "Usage of the financial year", "—", "no cost is forecast")
        return
    row = rows[0]
    widgets.figure(
        "year",
        f"Usage, {row['starts_on']:%Y}-{(row['starts_on'].year + 1) % 100:02}",
        short_inr(row["mean"]),
        f"80 %: {short_inr(row['q10'])} to {short_inr(row['q90'])}; known {short_inr(row['known_inr'])}",
    )


def _age(context: Context, run: Row, calendar: Calendar) -> None:
    """When it was made, from what; and a warning when the published data has gone on without it."""
    known: date = run["known_through"]
    st.caption(
        f"Made {widgets.instant_text(run['made_at'])} from what was known through {known:%d %B %Y},"
        f" {run['horizon_days']} days ahead, {run['n_paths']} sample paths."
    )
    users = context.value("SELECT MAX(active_on) FROM users_daily WHERE dau IS NOT NULL")
    billed = context.value("SELECT MAX(day) FROM cost_bands WHERE actual_inr IS NOT NULL")
    charges = None if calendar.complete_through is None else calendar.whole_through
    if (days := _later(users, known)) > STALE_DAYS:
        st.warning(f"Users are known {days} days further than this forecast: run `kifayat forecast`.")
    elif (days := _later(charges, billed)) > STALE_DAYS:
        st.warning(f"Charges are known {days} days further than this forecast: run `kifayat forecast`.")
    elif (days := _later(charges, known)) > STALE_DAYS:
        st.warning(f"Charges are known {days} days further than the users: bring newer counts (feed active_users).")


def _later(day: date | None, than: date | None) -> int:
    """Days from one to another; none where one of them is not known."""
    return 0 if day is None or than is None else (day - than).days


@st.fragment
def _users(context: Context, known: date, exam: Row | None) -> None:
    st.subheader("Users")
    kept = context.query("SELECT DISTINCT metric, product, state, calendar FROM forecast_daily").rows
    left, middle, right, last = st.columns(4)
    metrics = [name for name in METRICS if any(row[0] == name for row in kept)]
    if not metrics:
        st.caption("No users are forecast; the reasons stand below.")
        return
    metric = left.selectbox("Figure", metrics, format_func=METRICS.__getitem__, key="forecast-metric")
    products = sorted({row[1] for row in kept if row[0] == metric}, key=lambda name: (name != "all", name))
    product = middle.selectbox("Product", products, format_func=_everybody, key="forecast-product")
    states = sorted({r[2] for r in kept if r[:2] == (metric, product)}, key=lambda name: (name != "all", name))
    state = right.selectbox("State", states, format_func=_everywhere, key="forecast-state")
    calendar = last.selectbox(
        "Calendar",
        in_order({r[3] for r in kept if r[:3] == (metric, product, state)}),
        format_func=calendar_name,
        key="forecast-calendar",
        help="  \n".join(CALENDARS.values()),
    )
    span = st.segmented_control("Days ahead", list(RANGES), default="12 months", key="forecast-range", required=True)
    until = known + timedelta(days=RANGES[span or "12 months"])
    if span == "Season" and exam is not None:
        until = exam["last_day"] + timedelta(days=AFTER_EXAM_DAYS)
    chosen = {"metric": metric, "product": product, "state": state, "until": until}
    ahead = _ahead(context, calendar, chosen)
    if not ahead:
        st.caption("Nothing is forecast of this.")
        return
    behind = _ahead(context, "mixture", chosen) if calendar == "given" else []
    rows = context.query(
        "SELECT event, first_day, last_day, status FROM forecast_events ORDER BY first_day, event"
    ).rows
    # over many calendars, or on another one, what is ahead is not on these days
    flags = [Flag(*row) for row in rows if calendar == "given" or row[1] <= known]
    top = max(ahead, key=lambda row: row["q50"])
    forecast_charts.fan(
        _past(context, metric, product, state, known - timedelta(days=400)),
        ahead,
        flags,
        behind=behind,
        today=ist_date(context.clock.now()),
        alt_text=f"{METRICS[metric]}: highest median {grouped(top['q50'])} on {top['day']}, in 95 % of cases"
        f" {grouped(top['q025'])} to {grouped(top['q975'])}",
    )
    sand = " The sand-coloured band behind holds 80 % over all calendars that are possible." if behind else ""
    st.caption(
        f"Highest day: {top['day']:%a %d %B %Y} with {grouped(top['q50'])} (95 %: {grouped(top['q025'])} to"
        f" {grouped(top['q975'])}). The shades hold 50, 80 and 95 % of what may come."
        f" {CALENDARS.get(calendar, OWN)}{sand}"
    )


def _ahead(context: Context, calendar: str, chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
    return context.query(
        "SELECT * FROM forecast_daily WHERE metric = $metric AND product = $product AND state = $state"
        " AND calendar = $calendar AND day <= $until ORDER BY day",
        {**chosen, "calendar": calendar},
    ).to_dicts()


def _past(context: Context, metric: str, product: str, state: str, since: date) -> list[tuple[date, float]]:
    """What was counted; of a state only daily users are."""
    if state != "all":
        return [
            (day, float(users))
            for day, users in context.query(
                "SELECT active_on, MAX(active_users) FROM active_users WHERE metric = $metric AND product = $product"
                " AND state = $state AND active_on > $since GROUP BY 1 ORDER BY 1",
                {"metric": metric, "product": product, "state": state, "since": since},
            ).rows
        ]
    column = "peak_concurrent" if metric == "peak_concurrent" else "dau"
    return [
        (day, float(users))
        for day, users in context.query(
            f"SELECT active_on, {column} FROM users_daily WHERE product = $product AND {column} IS NOT NULL"
            " AND active_on > $since ORDER BY 1",
            {"product": product, "since": since},
        ).rows
    ]


def _calendars(context: Context) -> None:
    rows = [
        (label, float(probability), exams)
        for label, probability, exams in context.query(
            "SELECT label, probability, exams FROM forecast_futures ORDER BY probability DESC, label"
        ).rows
    ]
    if not rows:
        return
    with st.expander("If the exam moves"):
        told = f"{rows[0][0]} with {100 * rows[0][1]:.0f} %"
        forecast_charts.futures(rows, alt_text=f"{len(rows)} possible calendars by probability; the first: {told}")
        widgets.table(
            [{"Calendar": label, "Probability": share, "Exams": exams} for label, share, exams in rows],
            percent=("Probability",),
            alt="Possible calendars with their probabilities",
            key="futures",
        )
        st.caption(
            "In 4 of the 10 years to 2026 the exam was moved or held again. What-if calendars of your own:"
            ' [[season.scenarios]] with name = "June" and moves = { exam = 2027-06-20 }.'
        )


def _everybody(product: str) -> str:
    return "Everybody, counted once" if product == "all" else widgets.shown(product)


def _everywhere(state: str) -> str:
    return "All of India" if state == "all" else widgets.shown(state)


VIEW = View("Forecast", "Costs", 11, ":material/timeline:", render)
