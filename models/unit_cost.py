"""What is estimated about the cost of a user: why it changed, and what one more lakh of users would cost.

Reads the marts of a generation that is being built and fills `cost_changes` and `marginal_costs`. The cost per user
itself is no estimate: it is the mart `unit_costs`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from core import NotEnoughHistory
from models.variance import EFFECTS, PoolCost, Variance, split
from warehouse import Engine

#: How many months back a change is explained.
MONTHS = 25
#: Days of history that the marginal cost is learnt from: one whole exam cycle, and no older prices.
DAYS = 365
#: As many days with usage and users as the estimate needs.
MIN_DAYS = 60


def build(engine: Engine, say: Callable[[str], None]) -> None:
    """Fill the estimated tables of the generation in use."""
    say("explaining what changed")
    engine.insert("cost_changes", _changes(engine))
    say("estimating what one more lakh users costs")
    engine.insert("marginal_costs", _marginals(engine))


def _changes(engine: Engine) -> list[tuple[Any, ...]]:
    pools = _pools(engine)
    users = dict(engine.rows("SELECT month, mau FROM users_monthly WHERE product = 'all'"))
    phases = dict(engine.rows("SELECT month, same_phase_month FROM exam_phases"))
    # a part of a month explains nothing beside a whole one
    is_open = {month for (month,) in engine.rows("SELECT DISTINCT x_BillingMonth FROM periods WHERE state = 'open'")}
    rows: list[tuple[Any, ...]] = []
    for month in sorted(set(pools) - is_open)[-MONTHS:]:
        for comparison, before in (("month", _earlier(month, 1)), ("year", phases.get(month, _earlier(month, 12)))):
            if before in pools:
                rows += _rows(month, before, comparison, _split(pools, users, before, month))
    return rows


def _split(
    pools: Mapping[date, Sequence[PoolCost]], users: Mapping[date, int | None], before: date, after: date
) -> Variance:
    counts = [None if (count := users.get(month)) is None else Decimal(count) for month in (before, after)]
    return split(pools[before], pools[after], *counts, names=(f"{before:%Y-%m}", f"{after:%Y-%m}"))


def _rows(month: date, before: date, comparison: str, variance: Variance) -> list[tuple[Any, ...]]:
    """One row per provider and service, which add up to the whole."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * (len(EFFECTS) + 2))
    for pool in variance.by_pool:
        figures = [pool.cost_before_inr, pool.cost_after_inr, *(amount for _, amount in pool.effects.items())]
        key = pool.pool[0], pool.pool[1]
        sums[key] = [total + figure for total, figure in zip(sums[key], figures, strict=True)]
    return [
        (month, before, comparison, provider, service, *figures, variance.reason or None)
        for (provider, service), figures in sorted(sums.items())
        if any(figures)
    ]


def _pools(engine: Engine) -> dict[date, list[PoolCost]]:
    rows = engine.rows(
        """
        SELECT
            pools.x_BillingMonth, pools.ProviderName, pools.ServiceName, pools.BillingAccountId,
            COALESCE(pools.RegionId, ''), COALESCE(pools.SkuMeter, ''), COALESCE(pools.PricingUnit, ''),
            pools.x_PoolKind, pools.BillingCurrency,
            COALESCE(SUM(pools.PricingQuantity), 0), SUM(pools.ListCost), SUM(pools.EffectiveCost), rates.rate
        FROM rollup_pools AS pools
        JOIN inr_rates AS rates
            ON pools.BillingAccountId = rates.BillingAccountId
            AND pools.BillingCurrency = rates.BillingCurrency
            AND pools.x_BillingMonth = rates.x_BillingMonth
            AND COALESCE(pools.InvoiceId, '') = rates.InvoiceId
        WHERE rates.reason IS NULL
        GROUP BY ALL
        ORDER BY ALL
        """
    )
    pools: dict[date, list[PoolCost]] = defaultdict(list)
    for month, *pool, kind, currency, quantity, list_cost, cost, rate in rows:
        pools[month].append(PoolCost(tuple(pool), kind, currency, quantity, list_cost, cost, rate))
    return dict(pools)


def _earlier(month: date, months: int) -> date:
    index = month.year * 12 + month.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def _marginals(engine: Engine) -> list[tuple[Any, ...]]:
    rows = engine.rows(
        """
        WITH days AS (
            SELECT x_ChargeOn, x_Service, SUM(x_EffectiveCostInr) AS cost
            FROM cost_owned WHERE x_CostPart = 'usage' GROUP BY ALL
            UNION ALL
            SELECT x_ChargeOn, 'all' AS x_Service, SUM(x_EffectiveCostInr) AS cost
            FROM cost_owned WHERE x_CostPart = 'usage' GROUP BY ALL
        ),
        -- the newest days are not billed whole yet
        known AS (
            SELECT CAST(MIN(complete_through) AS DATE) - 1 AS last FROM freshness
            WHERE complete_through > (SELECT MAX(complete_through) - INTERVAL 7 DAY FROM freshness)
        )
        SELECT days.x_Service, days.x_ChargeOn, CAST(days.cost AS DOUBLE), CAST(users.dau AS DOUBLE)
        FROM days JOIN known ON days.x_ChargeOn < known.last AND days.x_ChargeOn >= known.last - $days
        LEFT JOIN users_daily AS users ON days.x_ChargeOn = users.active_on AND users.product = 'all'
        ORDER BY days.x_Service NULLS LAST, days.x_ChargeOn
        """,
        {"days": DAYS},
    )
    by_service: dict[str | None, list[tuple[date, float, float | None]]] = defaultdict(list)
    for service, day, cost, users in rows:
        by_service[service].append((day, cost, users))
    return [_marginal(service, days) for service, days in by_service.items()]


def _marginal(service: str | None, days: Sequence[tuple[date, float, float | None]]) -> tuple[Any, ...]:
    counted = [(cost, users) for _, cost, users in days if users]
    if not counted:
        return (service, 0, None, None, None, None, None, None, "no daily active users are counted")
    average = sum(cost for cost, _ in counted) / sum(users for _, users in counted)
    if len(counted) < MIN_DAYS:
        reason = str(NotEnoughHistory(len(counted), MIN_DAYS, where="days with usage and users"))
        return (service, len(counted), None, None, None, None, None, average, reason)

    # numpy and scikit-learn take a second to load: only where there is something to learn from
    import numpy as np

    from models.marginal import MarginalCost, marginal_lakh

    span = (days[-1][0] - days[0][0]).days + 1
    users, cost = np.full(span, np.nan), np.full(span, np.nan)
    for day, amount, count in days:
        at = (day - days[0][0]).days
        cost[at], users[at] = amount, np.nan if count is None else count
    try:
        model = MarginalCost().fit(users, cost)
    except NotEnoughHistory as error:
        return (service, len(counted), None, None, None, None, None, average, str(error))
    low, high = model.interval_
    return (service, model.n_days_, model.fixed_, model.per_user_, low, high, marginal_lakh(model), average, None)
