"""What was spent: the week beside the week before, and the month so far; each change as a sum of its parts.

Effective cost in rupees without GST, by IST day for a week, by invoice month for a month, as on the overview page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from core import next_month
from kifayat.report import charts
from kifayat.report.parts import Column, Edition, Figure, Section, Table
from kifayat.report.period import Week, days_text, month_before
from kifayat.report.reading import Answer, Reading
from kifayat.report.standing import Standing

#: SQL of what is charged by the day, as on the pages: the rest comes all at once and makes two periods differ.
USAGE: Final = (
    "(ChargeCategory = 'Usage' AND COALESCE(x_ChargeSubcategory, '') <> 'Support' OR COALESCE(x_ChargeSubcategory, '')"
    " IN ('Discount', 'Savings Plan Negation', 'Commitment Offset'))"
)
_NO_TAX: Final = "ChargeCategory IS DISTINCT FROM 'Tax'"
#: By what the two editions break a change down: title, column of cost_daily, lines in the mail.
DIMENSIONS: Final[Mapping[Edition, tuple[tuple[str, str, int], ...]]] = {
    "finance": (("Provider", "ProviderName", 4), ("Team", "x_Team", 6)),
    "engineering": (("Service of ours", "x_Service", 8), ("Cloud service", "ServiceName", 8)),
}
_WEEK: Final = f"""
WITH days AS (
    SELECT x_ChargeOn BETWEEN $first AND $last AS is_now, {USAGE} AS is_usage, x_EffectiveCostInr AS cost
    FROM cost_daily WHERE x_ChargeOn BETWEEN $before_first AND $last AND {_NO_TAX}
),
sums AS (
    SELECT
        SUM(cost) FILTER (is_now) AS spent,
        SUM(cost) FILTER (NOT is_now) AS before,
        SUM(cost) FILTER (is_now AND is_usage) AS usage,
        SUM(cost) FILTER (NOT is_now AND is_usage) AS usage_before,
        SUM(cost) FILTER (is_now AND is_usage IS NOT TRUE) AS at_once
    FROM days
)
SELECT *, spent - before AS change, usage - usage_before AS usage_change,
    CASE WHEN before > 0 THEN 100 * (CAST(spent AS DOUBLE) / CAST(before AS DOUBLE) - 1) END AS change_pct,
    CASE WHEN usage_before > 0 THEN 100 * (CAST(usage AS DOUBLE) / CAST(usage_before AS DOUBLE) - 1) END AS usage_pct
FROM sums
"""
_MONTH: Final = f"""
WITH sums AS (
    SELECT
        SUM(x_EffectiveCostInr) FILTER (x_BillingMonth = $month) AS total,
        SUM(x_EffectiveCostInr) FILTER (x_BillingMonth = $before) AS before,
        SUM(x_EffectiveCostInr) FILTER ({USAGE} AND x_ChargeOn BETWEEN $now_from AND $now_to) AS usage,
        SUM(x_EffectiveCostInr) FILTER ({USAGE} AND x_ChargeOn BETWEEN $before_from AND $before_to) AS usage_before
    FROM cost_daily WHERE {_NO_TAX} AND x_BillingMonth >= $before AND x_BillingMonth <= $month
)
SELECT *, usage - usage_before AS usage_change,
    CASE WHEN usage_before > 0 THEN 100 * (CAST(usage AS DOUBLE) / CAST(usage_before AS DOUBLE) - 1) END AS usage_pct
FROM sums
"""
_MOVES: Final = """
WITH moved AS (
    SELECT COALESCE({column}, '(none)') AS name,
        COALESCE(SUM(x_EffectiveCostInr) FILTER (x_ChargeOn < $first), 0) AS before,
        COALESCE(SUM(x_EffectiveCostInr) FILTER (x_ChargeOn >= $first), 0) AS after
    FROM cost_daily
    WHERE x_ChargeOn BETWEEN $before_first AND $last AND ChargeCategory IS DISTINCT FROM 'Tax' GROUP BY 1
),
ranked AS (SELECT *, ROW_NUMBER() OVER (ORDER BY ABS(after - before) DESC, name) AS place FROM moved),
lines AS (
    SELECT LEAST(place, $lines + 1) AS place, CASE WHEN place <= $lines THEN name ELSE 'All others' END AS name,
        SUM(before) AS before, SUM(after) AS after
    FROM ranked GROUP BY ALL
    UNION ALL
    SELECT $lines + 2, 'Total', SUM(before), SUM(after) FROM ranked HAVING COUNT(*) > 0
)
SELECT name, before, after, after - before AS change FROM lines ORDER BY place
"""
_EXPECTED: Final = """
SELECT day, actual_inr, q10, q50, q90 FROM cost_bands
WHERE dimension = 'total' AND day BETWEEN $first AND $last ORDER BY day
"""
_INCOMPLETE: Final = "not compared: a bill is late, so this week lacks a part that the week before has"
_CHANGES: Final = ("change", "change_pct", "usage_change", "usage_pct")
_UNPRICED: Final = "not compared: a part has no exchange rate"


@dataclass(frozen=True)
class Spend:
    """The section, and its figures that stand at the top of the report."""

    section: Section
    week: Figure
    change: Figure
    usage_change: Figure
    month: Figure


def spend(reading: Reading, standing: Standing, week: Week, edition: Edition, *, is_priced: bool) -> Spend:
    """What the week cost, why it differs from the week before, and the month so far.

    Without `is_priced` a part of either has no rupees, so that nothing is compared.
    """
    answer = _ask_week(reading, week)
    reason = f"no charges of {week.text} are loaded"
    spent = answer.figure("spent", "Spent in the week", "inr", reason=reason)
    is_short = bool(standing.short(week.last))
    why = _INCOMPLETE if is_short else f"nothing is known of {week.before.text}" if is_priced else _UNPRICED
    if is_short or not is_priced:  # what cannot be compared is no figure
        answer = Answer(answer.question, ({**answer.first, **dict.fromkeys(_CHANGES)},))
    share = answer.figure("change_pct", "Against the week before, %", "percent_change", reason=why, is_shown=False)
    change = answer.figure("change", "Against the week before", "change", note=share.text, reason=why)
    before = answer.figure("before", "Week before", "inr", note=week.before.text, reason=why)
    usage_share = answer.figure("usage_pct", "Usage, %", "percent_change", reason=why, is_shown=False)
    usage_change = answer.figure(
        "usage_change", "Usage against the week before", "change", note=usage_share.text, reason=why,
        is_shown=answer.first.get("usage_change") != answer.first.get("change"),
    )  # fmt: skip
    usage = answer.figure("usage", "Usage", "inr", note="charged by the day", reason=reason)
    once = answer.figure(
        "at_once", "What comes at once", "inr", note="support, fees, credits, corrections", reason="there was none"
    )
    month, month_figures = _month(reading, standing, week.last.replace(day=1))
    tables = tuple(_moves(reading, week, *dimension) for dimension in DIMENSIONS[edition])
    expected = reading.ask("expected", _EXPECTED, first=week.first - timedelta(days=49), last=week.last)
    chart = charts.expected_days(expected.rows, week) if expected.rows else None
    return Spend(
        Section(
            "spend",
            "What was spent, and what moved",
            figures=(spent, usage, once, before, change, share, usage_change, usage_share, *month_figures),
            tables=() if spent.value is None else (*tables, _band(expected)),
            charts=(chart,) if chart else (),
            notes=(
                "Effective cost in rupees without GST: upfront fees and commitments are spread over their term.",
                *(() if chart else ("No forecast is made yet, so no expected band is drawn: run `kifayat forecast`.",)),
            ),
            reason=reason if spent.value is None else "",
        ),
        spent,
        change,
        usage_change,
        month,
    )


def _ask_week(reading: Reading, week: Week) -> Answer:
    return reading.ask("week", _WEEK, first=week.first, last=week.last, before_first=week.before.first)


def _month(reading: Reading, standing: Standing, month: date) -> tuple[Figure, tuple[Figure, ...]]:
    """The month in which the week ends: so far if it is open, and its usage on whole days beside the same days before.

    Which days are compared is the overview page's rule: the days known whole that the month before has too.
    """
    before = month_before(month)
    whole = min(standing.known_through, next_month(month) - timedelta(days=1))
    same = max(0, min((whole - month).days + 1, (month - before).days))
    is_open = whole < next_month(month) - timedelta(days=1)
    now, earlier = ((one, one + timedelta(days=same - 1)) for one in (month, before))
    answer = reading.ask(
        "month", _MONTH, month=month, before=before,
        now_from=now[0], now_to=now[1], before_from=earlier[0], before_to=earlier[1],
    )  # fmt: skip
    name = f"{month:%B %Y}" + (" so far" if is_open else "")
    total = answer.figure(
        "total", name, "inr", note="all charges, fees included", reason=f"no charges of {month:%B %Y} are loaded"
    )
    last = answer.figure("before", f"{before:%B %Y}", "inr", note="the whole month", reason="no charges are loaded")
    if same == 0:
        return total, (total, last)
    days, then = days_text(*now), days_text(*earlier)
    why = f"nothing is known of {then}"
    share = answer.figure("usage_pct", f"Against {then}, %", "percent_change", reason=why, is_shown=False)
    return total, (
        total,
        last,
        answer.figure("usage", f"Usage, {days}", "inr", note="whole days", reason=f"no usage of {days} is known"),
        answer.figure("usage_change", f"Against {then}", "change", note=share.text, reason=why),
        share,
    )


def _moves(reading: Reading, week: Week, title: str, column: str, lines: int) -> Table:
    answer = reading.ask(
        f"moves.{column}", _MOVES.format(column=column), first=week.first, last=week.last,
        before_first=week.before.first, lines=lines,
    )  # fmt: skip
    return answer.table(
        f"By {title[0].lower()}{title[1:]}",
        Column("name", title),
        Column("before", "Week before", "inr"),
        Column("after", "This week", "inr"),
        Column("change", "Change", "change"),
        has_total=True,
        reason="nothing was charged in either week",
        shown=lines + 2,
    )


def _band(expected: Answer) -> Table:
    """What the picture shows, for the workbook."""
    return expected.table(
        "Usage by day as expected",
        Column("day", "Day", "day"),
        Column("actual_inr", "Billed", "inr"),
        Column("q10", "80 % from", "inr"),
        Column("q50", "Expected", "inr"),
        Column("q90", "80 % to", "inr"),
        shown=0,
    )
