"""Budgets as they stand: spent, planned to the last day that is known, the end of the year as forecast, days left.

Reads marts and the forecast of a generation that is being built and fills `budget_states`. Pages, alerts, mails and
queries read that row and compute nothing. The forecast is of usage; the rest of what a budget counts (its share of
common cost, unused commitments, support, credits, GST) is taken in proportion, as it was in the last whole months, and
where that proportion is not steady there is a reason instead of a figure.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any, Final

from core import month_of, next_month
from warehouse import REACH, Engine, whole_through

#: Whole months from which the proportion of a budget's cost to its usage is taken, and by how much it may vary.
RATIO_MONTHS, MOST_VARIED = 6, 1.5
#: By how much known usage may differ from what the forecast was made from: more is another scope, or other bills.
MOST_RESTATED: Final = 0.1
_PAISA, _SIX = Decimal("0.01"), Decimal("0.000001")
_SCOPE = " AND ".join(
    f"(b.{name} IS NULL OR b.{name} IS NOT DISTINCT FROM c.{column})"
    for name, column in (
        ("provider", "ProviderName"), ("team", "x_Team"), ("environment", "x_Environment"), ("product", "x_Product"),
        ("service", "x_Service"),
    )
)  # fmt: skip
Row = Mapping[str, Any]


@dataclass(frozen=True)
class AtCompletion:
    """A financial year's whole cost in INR: the middle 80 % of the forecast, and the median's way there.

    `path`: (last day, cost up to it) of each month that is still to be finished.
    """

    q10: float
    q50: float
    q90: float
    path: tuple[tuple[date, float], ...]


def build(engine: Engine, say: Callable[[str], None]) -> None:
    """Fill `budget_states` of the generation in use; without charges nothing is known, and there is no row."""
    newest, complete_through = engine.rows(REACH)[0]
    budgets = engine.dicts("SELECT * FROM budgets ORDER BY financial_year, name")
    if newest is None or not budgets:
        return
    say("judging the budgets")
    known = whole_through(newest, complete_through)
    months = _by_budget(engine.dicts("SELECT * FROM budget_months ORDER BY month"), "x_Budget", "x_FinancialYear")
    curves = _by_budget(engine.dicts("SELECT * FROM budget_curves ORDER BY month"))
    costs = _by_budget(_costs(engine, known))
    bills = engine.dicts("SELECT ProviderName, x_BillingMonth, x_InrReason FROM periods ORDER BY x_BillingMonth")
    rows = []
    for budget in budgets:
        key = budget["name"], budget["financial_year"]
        rows.append(state_of(
            budget, months[key], curves[key], costs[key],
            [bill for bill in bills if budget["provider"] in (None, bill["ProviderName"])], known,
        ))  # fmt: skip
    engine.insert("budget_states", rows)


def _by_budget(
    rows: Sequence[Row], name: str = "name", year: str = "financial_year"
) -> defaultdict[tuple[str, int], list[Row]]:
    found: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name], row[year]].append(row)
    return found


def _costs(engine: Engine, known: date) -> list[dict[str, Any]]:
    """By budget and month: all that it counts, its usage as the forecast counts it, and its usage after `known`.

    The usage is that of IST days, before containers and common cost are moved: what the pools of the forecast hold.
    """
    return engine.dicts(
        f"""
        WITH whole AS (
            SELECT b.name, b.financial_year, c.x_BillingMonth AS month, SUM(c.x_EffectiveCostInr) AS cost
            FROM budgets AS b JOIN cost_allocated AS c ON {_SCOPE} AND (b.with_tax OR c.x_CostPart <> 'tax')
            GROUP BY ALL
        ),
        -- summed before the join: few rows then meet every budget
        pools AS (
            SELECT
                ProviderName, x_Team, x_Environment, x_Product, x_Service,
                CAST(DATE_TRUNC('month', x_ChargeOn) AS DATE) AS month, SUM(x_EffectiveCostInr) AS usage,
                SUM(x_EffectiveCostInr) FILTER (x_ChargeOn > $known) AS usage_later
            FROM cost_daily WHERE ChargeCategory = 'Usage' GROUP BY ALL
        ),
        used AS (
            SELECT b.name, b.financial_year, c.month, SUM(c.usage) AS usage, SUM(c.usage_later) AS usage_later
            FROM budgets AS b JOIN pools AS c ON {_SCOPE}
            GROUP BY ALL
        )
        SELECT
            name, financial_year, month, CAST(COALESCE(whole.cost, 0) AS DOUBLE) AS cost,
            CAST(COALESCE(used.usage, 0) AS DOUBLE) AS usage, CAST(COALESCE(usage_later, 0) AS DOUBLE) AS usage_later
        FROM whole FULL JOIN used USING (name, financial_year, month)
        ORDER BY ALL
        """,
        {"known": known},
    )


def state_of(
    budget: Row, months: Sequence[Row], curve: Sequence[Row], costs: Sequence[Row], bills: Sequence[Row], known: date
) -> tuple[Any, ...]:
    """The row of a budget: `months` of budget_months, `curve` of budget_curves, `costs` as `_costs` gives them,
    `bills` of periods; `known` is the last day that is known."""
    year, amount = budget["financial_year"], budget["amount_inr"]
    first, last = date(year, 4, 1), date(year + 1, 3, 31)
    spent = sum((row["x_SpentInr"] or Decimal(0) for row in months), Decimal(0))
    planned = sum((planned_to_date(row, known) for row in months), Decimal(0))
    reasons = []
    if not planned:
        reasons.append("the year has not begun" if known < first else "no bills are loaded for it, so it has no pace")
    ahead: AtCompletion | None = None
    if known >= last:
        reasons.append("the year is over: its result counts")
    elif why := _incomplete(bills, first, known):
        reasons.append(why)
    else:
        found = at_completion(float(spent), curve, costs, first, known)
        if isinstance(found, str):
            reasons.append(found)
        ahead = found if isinstance(found, AtCompletion) else None
    exhausted = exhausted_on(float(amount), _way(months, spent, first, known), ahead)
    days_left = None if exhausted is None or known >= last else max((exhausted - known).days, 0)
    figures = (ahead.q10, ahead.q50, ahead.q90) if ahead else (None, None, None)
    return (
        budget["name"], year, budget["owner"] or budget["team"], amount, known, spent.quantize(_SIX),
        planned.quantize(_SIX), _percent(spent, amount), _percent(spent, planned), *figures,
        None if ahead is None else 100 * ahead.q50 / float(amount), exhausted, days_left, "; ".join(reasons) or None,
    )  # fmt: skip


def planned_to_date(row: Row, known: date) -> Decimal:
    """What was planned for a month as far as its days are known: nothing for months to come.

    `row` of budget_months. A month of which no bill is loaded is not known, and nothing was saved in it.
    """
    if row["x_SpentInr"] is None:
        return Decimal(0)
    month, planned = row["month"], Decimal(row["x_PlannedInr"])
    days = monthrange(month.year, month.month)[1]
    days_known = min(max((known - month).days + 1, 0), days)
    return planned if days_known == days else (planned * days_known / days).quantize(_PAISA)


def _incomplete(bills: Sequence[Row], first: date, known: date) -> str:
    """Why what is spent in a year is more than is known."""
    unrated = {row["x_BillingMonth"] for row in bills if row["x_InrReason"] and first <= row["x_BillingMonth"] <= known}
    if unrated:
        told = f"{min(unrated):%B %Y}" + ("" if len(unrated) == 1 else f" to {max(unrated):%B %Y}")
        return f"charges of {told} have no rate to rupees and are missing in what is spent, so its end cannot be told"
    begin = min((row["x_BillingMonth"] for row in bills), default=None)
    if begin is not None and first < begin <= known:
        return f"no bills before {begin:%B %Y} are loaded, so the end of the year cannot be told"
    return ""


def at_completion(
    spent: float, curve: Sequence[Row], costs: Sequence[Row], first: date, known: date
) -> AtCompletion | str:
    """The whole year from what is spent and the usage that is forecast after the last day known; else the reason.

    Between two month ends of a curve every day is taken for the same. A forecast that is older than the newest bill
    counts from its median: what was billed since stays as it was billed.
    """
    last = date(first.year + 1, 3, 1)
    if not curve:
        return "no forecast of its usage has been made"
    ends = {row["month"]: row for row in curve}
    if last not in ends:
        return f"the forecast ends in {max(ends):%B %Y}, before the year does"
    ratios = _ratios(costs, known)
    if not ratios:
        return "no whole month is known yet that tells what the budget counts beside usage"
    if max(ratios) > MOST_VARIED * min(ratios):
        return (
            f"what it counts was {min(ratios):.2f} to {max(ratios):.2f} times its usage in the last months: too"
            " unsteady to tell the end of the year from a forecast of usage"
        )
    settled = [row for row in curve if row["q10"] == row["q90"]]
    told = settled[-1]["known_inr"] if settled else 0.0
    used = sum(row["usage"] for row in costs if settled and first <= row["month"] <= settled[-1]["month"])
    if abs(used - told) > MOST_RESTATED * max(used, told):
        return "the forecast was made from other bills or for another scope: run `kifayat forecast`"
    opened = max(month_of(known + timedelta(days=1)), first)  # the first month of which a day is still to come
    before = month_of(opened - timedelta(days=1))
    base = ends[before]["q50"] if before >= first else 0.0
    share = max((known - opened).days + 1, 0) / monthrange(opened.year, opened.month)[1]
    later = sum(row["usage_later"] for row in costs if row["month"] >= first)
    gone = base + share * (ends[opened]["q50"] - base) + later
    low, middle, high = (
        spent + ratio * max(ends[last][q] - gone, 0.0)
        for q, ratio in (("q10", min(ratios)), ("q50", median(ratios)), ("q90", max(ratios)))
    )
    path = tuple(
        (next_month(month) - timedelta(days=1), spent + median(ratios) * max(row["q50"] - gone, 0.0))
        for month, row in sorted(ends.items())
        if month >= opened
    )
    return AtCompletion(low, middle, high, path)


def _ratios(costs: Sequence[Row], known: date) -> list[float]:
    """All that a budget counts as a multiple of its usage, in the last whole months."""
    whole = [row for row in costs if next_month(row["month"]) <= known + timedelta(days=1) and row["usage"] > 0]
    found = [row["cost"] / row["usage"] for row in sorted(whole, key=lambda row: row["month"])[-RATIO_MONTHS:]]
    return found if all(ratio > 0 for ratio in found) else []


def _way(months: Sequence[Row], spent: Decimal, first: date, known: date) -> list[tuple[date, float]]:
    """(last day, cost up to it) of the months that are known, the open one up to the last day known."""
    way, so_far = [(first - timedelta(days=1), 0.0)], Decimal(0)
    for row in months:
        end = next_month(row["month"]) - timedelta(days=1)
        so_far += row["x_SpentInr"] or Decimal(0)
        if end <= known:
            way.append((end, float(so_far)))
    if way[-1][0] < known <= date(first.year + 1, 3, 31):
        way.append((known, float(spent)))
    return way


def exhausted_on(amount: float, way: Sequence[tuple[date, float]], ahead: AtCompletion | None) -> date | None:
    """The first day at whose end more than `amount` is spent, as billed and then as the median of the forecast.

    Within a month every day costs the same. None where the amount lasts, or as far as it is known.
    """
    points = [*way, *(ahead.path if ahead else ())]
    for (start, before), (end, after) in pairwise(points):
        if after > amount:
            days = (end - start).days
            step = int((amount - before) / (after - before) * days) + 1 if after > before else 1
            return start + timedelta(days=min(max(step, 1), days))
    return None


def _percent(part: Decimal, whole: Decimal) -> float | None:
    return float(100 * part / whole) if whole > 0 else None


def chance_text(row: Row) -> str:
    """How probable it is that a budget is exceeded, as far as the band tells; "" without one. A budget_states row."""
    if row["forecast_q50_inr"] is None:
        return ""
    amount = float(row["amount_inr"])
    for name, words in (("forecast_q10_inr", "more than 9 in 10"), ("forecast_q50_inr", "between 5 and 9 in 10"),
                        ("forecast_q90_inr", "between 1 and 5 in 10")):  # fmt: skip
        if row[name] > amount:
            return words
    return "less than 1 in 10"


def lasts_text(row: Row) -> str:
    """Until when a budget lasts. A budget_states row."""
    on, known = row["exhausted_on"], row["known_through"]
    if on is None:
        is_known = row["forecast_q50_inr"] is not None or known >= date(row["financial_year"] + 1, 3, 31)
        return "the whole year" if is_known else "not known"
    if on <= known:
        return f"exceeded since {on:%-d %B %Y}"
    return f"until {on:%-d %B %Y}, {row['days_left']} days from {known:%-d %B}"
