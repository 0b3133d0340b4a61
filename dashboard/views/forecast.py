"""What is to come: users and cost with bands, the exam that moves them, and how good such forecasts were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import compact_inr, format_inr
from dashboard import forecast_charts, widgets
from dashboard.context import Context
from dashboard.forecast_charts import day_range, grouped
from dashboard.status import read_calendar, status
from dashboard.view import View

METRICS: Final = {"dau": "Daily active users", "peak_concurrent": "Most at the same time"}
RANGES: Final = {"Season": 300, "12 months": 365, "All": 10_000}
DIMENSIONS: Final = {
    "total": "Everything",
    "x_Service": "Service",
    "x_Team": "Team",
    "x_Product": "Product",
    "x_Environment": "Environment",
    "ProviderName": "Provider",
    "ServiceName": "Cloud service",
    "RegionId": "Region",
    "SubAccountId": "Account",
}
CALENDARS: Final = {
    "given": "Given the calendar: the bands hold if every event is on its day.",
    "mixture": "Over all calendars: the exam may also be moved, or repeated; the bands hold that as well.",
}
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
        _notes(context)
        return
    _figures(context, runs[0])
    _users(context, runs[0])
    _calendars(context)
    _cost(context)
    _scores(context)
    _notes(context)


def _figures(context: Context, run: Row) -> None:
    known: date = run["known_through"]
    exam = context.query(
        "SELECT first_day, last_day, status FROM forecast_events WHERE event = 'exam' AND first_day > $known"
        " ORDER BY first_day LIMIT 1",
        {"known": known},
    ).to_dicts()
    sure = context.query("SELECT MAX(probability) FROM forecast_futures").rows[0][0]
    peak = context.query(
        "SELECT day, q50, q90 FROM forecast_daily"
        " WHERE metric = 'peak_concurrent' AND product = 'all' AND state = 'all'"
        " AND calendar = 'given' AND day <= $until ORDER BY q50 DESC, day LIMIT 1",
        {"until": exam[0]["last_day"] if exam else known + timedelta(days=365)},
    ).to_dicts()
    month = context.query(
        "SELECT month, q10, q50, q90 FROM forecast_monthly WHERE metric = 'mau' AND product = 'all'"
        " AND calendar = 'given' ORDER BY month LIMIT 1"
    ).to_dicts()
    year = context.query(
        "SELECT starts_on, mean, q10, q90, known_inr FROM cost_forecasts WHERE dimension = 'total'"
        " AND period = 'financial_year' AND calendar = 'given' ORDER BY starts_on LIMIT 1"
    ).to_dicts()
    with st.container(key="figures"):
        columns = st.columns(4)
        with columns[0]:
            if exam:
                first, last = exam[0]["first_day"], exam[0]["last_day"]
                days = day_range(first, last)
                likely = "" if sure is None else f", as likely as {100 * sure:.0f} %"
                widgets.figure("exam", "Next exam", days, f"{exam[0]['status']}{likely}")
            else:
                widgets.figure("exam", "Next exam", "—", "no exam within the days that are forecast")
        with columns[1]:
            if peak:
                widgets.figure(
                    "peak",
                    "Most at the same time",
                    grouped(peak[0]["q50"]),
                    f"{peak[0]['day']:%d %b %Y}; 1 in 10: over {grouped(peak[0]['q90'])}",
                )
            else:
                widgets.figure("peak", "Most at the same time", "—", "users at the same time are not counted")
        with columns[2]:
            if month:
                band = f"80 %: {grouped(month[0]['q10'])} to {grouped(month[0]['q90'])}"
                name = f"Monthly users, {month[0]['month']:%B}"
                widgets.figure("mau", name, grouped(month[0]["q50"]), band)
            else:
                widgets.figure("mau", "Monthly users", "—", "monthly active users are not counted")
        with columns[3]:
            if year:
                row = year[0]
                widgets.figure(
                    "year",
                    f"Usage, {row['starts_on']:%Y}-{row['starts_on'].year + 1 - 2000:02}",
                    _short(row["mean"]),
                    f"80 %: {_short(row['q10'])} to {_short(row['q90'])}; known {_short(row['known_inr'])}",
                )
            else:
                widgets.figure("year", "Usage of the financial year", "—", "no cost is forecast")
    made = widgets.instant_text(run["made_at"])
    st.caption(
        f"Made {made} from what was known through {known:%d %B %Y}, {run['horizon_days']} days ahead,"
        f" {run['n_paths']} sample paths."
    )
    last = context.query("SELECT MAX(active_on) FROM users_daily WHERE dau IS NOT NULL").rows[0][0]
    if last is not None and (last - known).days > STALE_DAYS:
        st.warning(f"Users are known {(last - known).days} days further than this forecast: run `kifayat forecast`.")


@st.fragment
def _users(context: Context, run: Row) -> None:
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
    calendars = {r[3] for r in kept if r[:3] == (metric, product, state)}
    known_names = [name for name in CALENDARS if name in calendars]
    calendar = last.selectbox(
        "Calendar",
        [*known_names, *sorted(calendars - set(CALENDARS))],
        format_func=_calendar_name,
        key="forecast-calendar",
    )
    span = st.segmented_control("Days ahead", list(RANGES), default="12 months", key="forecast-range", required=True)
    until = run["known_through"] + timedelta(days=RANGES[span or "12 months"])
    ahead = context.query(
        "SELECT * FROM forecast_daily WHERE metric = $metric AND product = $product AND state = $state"
        " AND calendar = $calendar AND day <= $until ORDER BY day",
        {"metric": metric, "product": product, "state": state, "calendar": calendar, "until": until},
    ).to_dicts()
    if not ahead:
        st.caption("Nothing is forecast of this.")
        return
    past = (
        []
        if state != "all"
        else context.query(
            f"SELECT active_on, CAST({metric} AS DOUBLE) FROM users_daily"
            f" WHERE product = $product AND {metric} IS NOT NULL"
            " AND active_on > $since ORDER BY 1",
            {"product": product, "since": run["known_through"] - timedelta(days=400)},
        ).rows
    )
    events = context.query(
        "SELECT first_day, last_day, event FROM forecast_events WHERE first_day <= $until ORDER BY first_day",
        {"until": until},
    ).rows
    top = max(ahead, key=lambda row: row["q50"])
    forecast_charts.fan(
        past,
        ahead,
        events if calendar == "given" else [e for e in events if e[0] <= run["known_through"]],
        alt_text=f"{METRICS[metric]}: highest median {grouped(top['q50'])} on {top['day']}, in 95 % of cases"
        f" {grouped(top['q025'])} to {grouped(top['q975'])}",
    )
    st.caption(
        f"Highest day: {top['day']:%a %d %B %Y} with {grouped(top['q50'])} (95 %: {grouped(top['q025'])} to"
        f" {grouped(top['q975'])}). The shades hold 50, 80 and 95 % of what may come."
        f" {CALENDARS.get(calendar, 'A calendar of your own, from [season] scenarios.')}"
    )


def _calendars(context: Context) -> None:
    rows = context.query("SELECT label, probability, exams FROM forecast_futures ORDER BY probability DESC, label").rows
    if len(rows) < 2:
        return
    with st.expander("If the exam moves"):
        widgets.table(
            [
                {"Calendar": label, "Probability": float(probability), "Exams": exams}
                for label, probability, exams in rows
            ],
            percent=("Probability",),
            alt="Possible calendars with their probabilities",
            key="futures",
        )
        st.caption(
            "In 4 of the 10 years to 2026 the exam was moved or held again. What-if calendars of your own:"
            ' [[season.scenarios]] with name = "June" and moves = { exam = 2027-06-20 }.'
        )


@st.fragment
def _cost(context: Context) -> None:
    st.subheader("Cost of usage")
    dimensions = [name for (name,) in context.query("SELECT DISTINCT dimension FROM cost_forecasts").rows]
    if not dimensions:
        st.caption("No cost is forecast.")
        return
    left, right = st.columns(2)
    dimension = left.selectbox(
        "By",
        [name for name in DIMENSIONS if name in dimensions],
        format_func=DIMENSIONS.__getitem__,
        key="cost-dimension",
    )
    values = [
        value
        for value, _ in context.query(
            "SELECT value, SUM(mean) FROM cost_forecasts WHERE dimension = $dimension AND calendar = 'given'"
            " AND period = 'month' GROUP BY 1 ORDER BY 2 DESC, 1",
            {"dimension": dimension},
        ).rows
    ]
    value = right.selectbox("Which", values, format_func=lambda name: widgets.shown(name or None), key="cost-value")
    result = context.query(
        "SELECT * FROM cost_forecasts WHERE dimension = $dimension AND value = $value AND calendar = 'given'"
        " ORDER BY period, starts_on",
        {"dimension": dimension, "value": value},
    )
    rows = result.to_dicts()
    months = [row for row in rows if row["period"] == "month"]
    if months:
        ends = [f"{row['starts_on']:%B %Y} {_short(row['mean'])}" for row in (months[0], months[-1])]
        forecast_charts.cost_months(months, alt_text=f"Cost by month in parts, from {' to '.join(ends)}")
    names = {"month": "Month", "season": "Season", "financial_year": "Financial year"}
    order = {"financial_year": 0, "season": 1, "month": 2}
    widgets.table(
        [
            {
                "Period": names[row["period"]],
                "From": row["starts_on"],
                "To": row["ends_on"] - timedelta(days=1),
                "Expected": row["mean"],
                "80 % from": row["q10"],
                "80 % to": row["q90"],
                "Known": row["known_inr"],
                "Season's part": row["season_inr"],
            }
            for row in sorted(rows, key=lambda row: (order[row["period"]], row["starts_on"]))
        ],
        money=dict.fromkeys(("Expected", "80 % from", "80 % to", "Known", "Season's part"), _whole),
        alt="Cost of periods ahead with bands",
        key="cost-table",
    )
    widgets.download(result, f"cost-forecast-{dimension.lower()}", key="download-cost-forecast")
    st.caption(
        "Usage in rupees, before tax and fees. **Always there**: as today, without events. **Growth**: what the trend "
        "of users and of stored data adds. **Season**: what exams, boards and festivals add. **Exchange rate**: the "
        "dollar "
        "is not expected to move, only its band is. Commitments keep taking off the amount that they take off now."
    )


def _scores(context: Context) -> None:
    st.subheader("How good such forecasts were")
    result = context.query("SELECT * FROM forecast_scores ORDER BY metric, product, state, horizon_days, wape")
    rows = result.to_dicts()
    own = {row["horizon_days"]: row for row in rows if _is(row, "champion")}
    naive = {row["horizon_days"]: row for row in rows if _is(row, "seasonal_naive")}
    if not own:
        st.caption("No forecast could be tried on the past yet: the history is too short.")
        return
    told = [
        f"{days} days ahead off by {100 * own[days]['wape']:.1f} %"
        + (f" (last year repeated: {100 * naive[days]['wape']:.1f} %)" if days in naive and naive[days]["wape"] else "")
        for days in sorted(own)
        if own[days]["wape"] is not None
    ]
    origins = max(row["origins"] for row in own.values())
    st.markdown(f"Made from {origins} earlier days, all users by day were on average {'; '.join(told)}.")
    with st.expander("Every candidate, on rolling origins"):
        states = st.toggle("States as well", key="score-states")
        widgets.table(
            [
                {
                    "Figure": {"dau": "Daily users", "peak_share": "Peak of the day"}.get(row["metric"], row["metric"]),
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
            "Each origin saw only days before it and the calendar as it was known then. ✓: the one that is believed at "
            "that "
            "distance. WAPE: sum of the errors by sum of the users. MASE: error by the usual change over a week."
        )


def _is(row: Row, candidate: str) -> bool:
    return bool(
        row["candidate"] == candidate and row["metric"] == "dau" and row["product"] == "all" and row["state"] == "all"
    )


def _notes(context: Context) -> None:
    rows: Sequence[tuple[Any, ...]] = context.query("SELECT product, state, note FROM forecast_notes ORDER BY ALL").rows
    for product, state, note in rows:
        where = " ".join(name for name in (product, state) if name != "all")
        st.caption(f":material/info: {widgets.escape(where + ': ' if where else '')}{widgets.escape(note)}")


def _everybody(product: str) -> str:
    return "Everybody, counted once" if product == "all" else widgets.shown(product)


def _everywhere(state: str) -> str:
    return "All of India" if state == "all" else widgets.shown(state)


def _calendar_name(name: str) -> str:
    return {"given": "As given", "mixture": "All that is possible"}.get(name, widgets.shown(name))


def _short(amount: float) -> str:
    return compact_inr(Decimal(str(round(amount, 2))))


def _whole(amount: Decimal | None) -> str:
    return format_inr(None if amount is None else Decimal(round(amount)))


VIEW = View("Forecast", "Costs", 11, ":material/timeline:", render)
