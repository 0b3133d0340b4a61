"""What a user costs, as the pages read it: the parts and their words, the months, the users, the target.

Reads `unit_costs` and its neighbours; never sums cost of a month that is open with one that is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from core import compact_inr, format_inr, next_month
from dashboard.context import Context

#: Part of unit_costs -> words, in the order in which they are stacked.
PARTS: Final = {
    "base": "Always on",
    "peak": "Peak",
    "shared": "Shared",
    "unused": "Unused commitments",
    "other": "Credits and one-off",
    "tax": "GST",
    "prepayments": "Purchases and timing",
}
EXPLAINED: Final = {
    "base": "what a service costs even on its quietest days of the year",
    "peak": "what busier days cost on top of that",
    "shared": "support and other common cost, distributed by the rules of `[allocation]`",
    "unused": "what reservations and savings plans cost in the hours in which nothing used them",
    "other": "credits, refunds, fees and corrections that come once; often below zero",
    "tax": "GST and other taxes",
    "prepayments": "billed minus effective cost: upfront fees when paid, less what is spread over later months",
}
#: Parts that belong to one colour on every chart; the place in the palette of the charts.
COLOURS: Final = {"base": 0, "peak": 1, "shared": 2, "unused": 3, "other": 4, "tax": 8, "prepayments": 5}
#: SQL of the rows of unit_costs that a user costs; purchases belong to the months that they are spread over.
COUNTED: Final = "x_CostPart <> 'prepayments' AND (x_CostPart <> 'tax' OR $with_tax)"
#: SQL of a ratio as the marts make it: summed first, divided once.
PER_USER: Final = (
    "CASE WHEN MAX(x_ActiveUsers) > 0 THEN"
    f" CAST(CAST(SUM(x_CostInr) FILTER ({COUNTED}) AS DOUBLE) / MAX(x_ActiveUsers) AS DECIMAL(38, 12)) END"
)
ADVICE: Final = (
    "Add a file with counts of users as an export (`kifayat explain active_users` says which columns) and run "
    "`kifayat ingest`."
)
_UNPRICED: Final = (
    "SELECT DISTINCT x_BillingMonth FROM cost_daily WHERE x_EffectiveCostInr IS NULL AND EffectiveCost <> 0"
)
#: Days of a month that a lakh of daily users is reckoned for, as in the mart.
DAYS_OF_A_MONTH: Final = 30


@dataclass(frozen=True)
class Month:
    """One invoice month: INR without prepayments, users, INR per user; or why there is no such figure."""

    month: date
    cost_inr: Decimal | None
    users: int | None
    per_user_inr: Decimal | None
    reason: str
    is_open: bool


@dataclass(frozen=True)
class Story:
    """What the page tells: the months by date, the last whole one, the target in INR (None: none is set)."""

    months: Mapping[date, Month]
    last: date | None
    phases: Mapping[date, date]
    exams: Mapping[date, date]
    target_inr: Decimal | None
    with_tax: bool
    #: Months of which a part has no exchange rate: their figures lack it, and are compared with nothing.
    unpriced: frozenset[date]

    def before(self, month: date, comparison: str) -> date:
        """The month that a month is compared with: the one before ("month"), or as far from its exam ("year")."""
        if comparison == "month":
            return (month - timedelta(days=1)).replace(day=1)
        return self.phases.get(month) or month.replace(year=month.year - 1)

    @property
    def has_users(self) -> bool:
        """Whether monthly active users are counted in any month."""
        return any(month.users for month in self.months.values())


def read_story(context: Context, *, with_tax: bool) -> Story:
    """The months of the store, with or without GST."""
    open_months = {month for (month,) in context.query("SELECT x_BillingMonth FROM periods WHERE state = 'open'").rows}
    all_months = {month for (month,) in context.query("SELECT x_BillingMonth FROM periods").rows}
    rows = context.query(
        f"""
        SELECT
            x_BillingMonth AS month,
            SUM(x_CostInr) FILTER ({COUNTED}) AS cost,
            MAX(x_ActiveUsers) AS users,
            {PER_USER} AS per_user,
            MAX(x_UsersReason) AS reason
        FROM unit_costs GROUP BY 1 ORDER BY 1
        """,
        {"with_tax": with_tax},
    ).rows
    months = {
        month: Month(month, cost, users, per_user, reason or "nothing was charged", month in open_months)
        for month, cost, users, per_user, reason in rows
    }
    phases = context.query("SELECT month, same_phase_month, months_to_exam, exam_on FROM exam_phases").rows
    target = context.value("SELECT target FROM targets WHERE metric = 'cost_per_user_inr'")
    return Story(
        months,
        max(all_months - open_months, default=None),
        {month: same for month, same, _, _ in phases},
        {month: exam for month, _, away, exam in phases if away == 0},
        None if target is None else Decimal(str(target)),
        with_tax,
        frozenset(month for (month,) in context.query(_UNPRICED).rows),
    )


def month_reason(story: Story, month: date | None) -> str:
    """Why a month has no cost per user."""
    if month is None:
        return "no month is over yet"
    if month not in story.months:
        return "no cost in rupees is known for this month"
    return story.months[month].reason


def is_upper_bound(context: Context, month: date) -> bool:
    """Whether the users are a sum of products, in which somebody who uses two is counted twice."""
    sql = "SELECT is_upper_bound FROM users_monthly WHERE month = $month AND product = 'all'"
    return bool(context.value(sql, {"month": month}))


def daily_means(context: Context, month: date) -> dict[str, Any]:
    """INR of usage per daily user and per peak user-hour over the days of a month that are counted."""
    rows = context.query(
        """
        SELECT
            CASE WHEN SUM(x_DailyUsers) > 0 THEN CAST(
                CAST(SUM(x_UsageCostInr) FILTER (x_DailyUsers > 0) AS DOUBLE) / SUM(x_DailyUsers) AS DECIMAL(38, 12)
            ) END AS per_user,
            COUNT(*) FILTER (x_DailyUsers > 0) AS user_days,
            CASE WHEN SUM(x_PeakConcurrentUsers) > 0 THEN CAST(
                CAST(SUM(x_UsageCostInr) FILTER (x_PeakConcurrentUsers > 0) AS DOUBLE) / 24
                / SUM(x_PeakConcurrentUsers) AS DECIMAL(38, 12)
            ) END AS per_peak_hour,
            COUNT(*) FILTER (x_PeakConcurrentUsers > 0) AS peak_days,
            COUNT(*) AS days,
            MAX(x_UsersReason) AS reason
        FROM unit_costs_daily
        WHERE x_ChargeOn >= $first AND x_ChargeOn < $after
        """,
        {"first": month, "after": next_month(month)},
    ).to_dicts()
    return rows[0]


def marginal_rows(context: Context) -> list[dict[str, Any]]:
    """What more users cost by service, all services first; amounts of a lakh are for a month of 30 days."""
    return context.query(
        """
        SELECT
            x_Service, days, reason, inr_per_user_day, low_inr_per_user_day, high_inr_per_user_day,
            CAST(fixed_inr_per_day AS DECIMAL(38, 2)) AS fixed_inr_per_day,
            lakh_users_month_inr AS lakh_inr,
            CAST(low_inr_per_user_day * $users * $days AS DECIMAL(38, 2)) AS lakh_low_inr,
            CAST(high_inr_per_user_day * $users * $days AS DECIMAL(38, 2)) AS lakh_high_inr,
            CAST(average_inr_per_user_day * $users * $days AS DECIMAL(38, 2)) AS lakh_average_inr
        FROM marginal_costs
        ORDER BY x_Service IS DISTINCT FROM 'all', lakh_users_month_inr DESC NULLS LAST, x_Service
        """,
        {"users": 100_000, "days": DAYS_OF_A_MONTH},
    ).to_dicts()


def rupees_each(amount: Decimal | None) -> str:
    """Rupees for one user: four decimals, for they are few."""
    return format_inr(amount, 4)


def rupees_short(amount: Decimal | None) -> str:
    """Rupees for one user at a glance: with paise, and with four decimals where that would be next to nothing."""
    return format_inr(amount, 4 if amount is not None and abs(amount) < Decimal("0.1") else 2)


def people(count: int | None) -> str:
    """A number of people in Indian grouping: 7,77,654."""
    return "—" if count is None else format_inr(Decimal(count), 0).replace("₹", "")


def people_short(count: int | None) -> str:
    """A number of people as one says it: 7.78 lakh."""
    return "—" if count is None else compact_inr(Decimal(count)).replace("₹", "")
