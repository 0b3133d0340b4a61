"""What a forecast of the company is made from: counts of users, daily cost by pool, rates. Estimates nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from models.cost_forecast import Pool
from models.crowd import CrowdHistory
from models.design import DAY, Days, Floats
from warehouse import Engine

#: What a pool is told apart by, and what a forecast can be asked by: columns of FOCUS, and whose it is.
DIMENSIONS: Final = (
    "ProviderName", "ServiceName", "RegionId", "SubAccountId", "x_Team", "x_Environment", "x_Product", "x_Service",
)  # fmt: skip
#: Cost is learnt from the last years.
_COST_YEARS: Final = 3


@dataclass(frozen=True)
class Bill:
    """Usage cost by IST day and pool, without the last days that are not billed whole; `inr` (n_days,) is the sum."""

    days: Days
    pools: list[Pool]
    inr: Floats
    inr_by: dict[tuple[str, str], Floats] = field(repr=False)
    inr_of_pools: list[Floats] = field(repr=False)
    rates: dict[str, float]
    fx: list[tuple[date, float]]
    without_rate: list[str]


def read_crowd(engine: Engine) -> CrowdHistory | None:
    """Daily and monthly users by IST day, state and hour; None where nobody is counted by the day."""
    rows = engine.rows("SELECT active_on, product, dau, peak_concurrent FROM users_daily ORDER BY active_on")
    known = [row for row in rows if row[2] is not None]
    if not known:
        return None
    days = _days(known[0][0], known[-1][0])
    dau: dict[str, Floats] = defaultdict(lambda: np.full(len(days), np.nan))
    peak: dict[str, Floats] = defaultdict(lambda: np.full(len(days), np.nan))
    for day, product, users, most in rows:
        at = (day - known[0][0]).days
        if 0 <= at < len(days):
            if users is not None:
                dau[product][at] = users
            if most is not None:
                peak[product][at] = most
    mau: dict[str, dict[date, int]] = defaultdict(dict)
    for month, product, users in engine.rows("SELECT month, product, mau FROM users_monthly WHERE mau IS NOT NULL"):
        mau[product][month] = users
    return CrowdHistory(
        days, dict(dau), {p: v for p, v in peak.items() if p in dau}, _by_state(engine, days, set(dau)),
        _hourly(engine, days), dict(mau),
    )  # fmt: skip


def _by_state(engine: Engine, days: Days, products: set[str]) -> dict[tuple[str, str], Floats]:
    found: dict[tuple[str, str], Floats] = defaultdict(lambda: np.full(len(days), np.nan))
    first = days[0].astype(object)
    for day, product, state, users in engine.rows(
        "SELECT active_on, product, state, MAX(active_users) FROM active_users"
        " WHERE metric = 'dau' AND state <> 'all' GROUP BY ALL ORDER BY ALL"
    ):
        at = (day - first).days
        if product in products and 0 <= at < len(days):
            found[product, state][at] = users
    return dict(found)


def _hourly(engine: Engine, days: Days) -> Floats | None:
    """The most at the same time of everybody in each IST hour, (n_days, 24); None where hours are not counted."""
    rows = engine.rows(
        """
        WITH cells AS (
            SELECT active_at, product, state, MAX(active_users) AS users
            FROM active_users WHERE metric = 'concurrent' AND active_at IS NOT NULL GROUP BY ALL
        ),
        india AS (
            SELECT active_at, product, COALESCE(MAX(users) FILTER (state = 'all'), SUM(users)) AS users
            FROM cells GROUP BY ALL
        ),
        everybody AS (
            SELECT active_at, COALESCE(MAX(users) FILTER (product = 'all'), SUM(users)) AS users
            FROM india GROUP BY ALL
        )
        SELECT
            CAST(active_at + INTERVAL 330 MINUTE AS DATE), HOUR(active_at + INTERVAL 330 MINUTE), MAX(users)
        FROM everybody GROUP BY ALL
        """
    )
    if not rows:
        return None
    hours, first = np.full((len(days), 24), np.nan), days[0].astype(object)
    for day, hour, users in rows:
        at = (day - first).days
        if 0 <= at < len(days):
            hours[at, hour] = users
    return hours


def read_bill(engine: Engine) -> Bill | None:
    """Usage by IST day and pool in native currency; None without any."""
    last = engine.rows(
        "SELECT CAST(MIN(complete_through) AS DATE) - 1 FROM freshness"
        " WHERE complete_through > (SELECT MAX(complete_through) - INTERVAL 7 DAY FROM freshness)"
    )[0][0]
    columns = ", ".join(f"COALESCE({name}, '')" for name in DIMENSIONS)
    rows = engine.rows(
        f"SELECT x_ChargeOn, {columns}, BillingCurrency, CAST(SUM(ListCost) AS DOUBLE),"
        " CAST(SUM(EffectiveCost) AS DOUBLE), CAST(SUM(x_EffectiveCostInr) AS DOUBLE) FROM cost_daily"
        " WHERE ChargeCategory = 'Usage' AND x_ChargeOn < $last"
        " AND x_ChargeOn >= CAST($last AS DATE) - $days GROUP BY ALL ORDER BY ALL",
        {"last": last, "days": 366 * _COST_YEARS},
    ) if last else []  # fmt: skip
    if not rows:
        return None
    days = _days(rows[0][0], last - timedelta(days=1))
    costs: dict[tuple[str, ...], Floats] = defaultdict(lambda: np.zeros((3, len(days))))
    for day, *key, listed, effective, inr in rows:
        costs[tuple(key)][:, (day - rows[0][0]).days] += (listed or 0.0, effective or 0.0, inr or 0.0)
    rates = _rates(engine)
    pools, of_pools, by = [], [], {("total", "all"): np.zeros(len(days))}
    for pool_key, (listed, effective, inr) in costs.items():
        if pool_key[-1] in rates:
            pools.append(Pool(dict(zip(DIMENSIONS, pool_key[:-1], strict=True)), pool_key[-1], listed, effective))
            of_pools.append(inr)
        for group in [("total", "all"), *zip(DIMENSIONS, pool_key[:-1], strict=True)]:
            by.setdefault(group, np.zeros(len(days)))
            by[group] += inr
    missing = sorted({key[-1] for key in costs} - set(rates))
    return Bill(days, pools, by["total", "all"], by, of_pools, rates, _fx(engine), missing)


def _rates(engine: Engine) -> dict[str, float]:
    """INR per unit of each currency, the newest that a bill was turned into rupees by."""
    rows = engine.rows(
        "SELECT currency, CAST(ARG_MAX(rate, x_BillingMonth) AS DOUBLE) FROM"
        " (SELECT BillingCurrency AS currency, rate, x_BillingMonth FROM inr_rates WHERE rate IS NOT NULL) GROUP BY 1"
    )
    return {"INR": 1.0, **dict(rows)}


def _fx(engine: Engine) -> list[tuple[date, float]]:
    return [
        (day, rate)
        for day, rate in engine.rows(
            "SELECT rate_on, CAST(AVG(rate) AS DOUBLE) FROM fx_rates WHERE base_currency = 'USD'"
            " AND quote_currency = 'INR' AND rate > 0 GROUP BY 1 ORDER BY 1"
        )
    ]


def align(history: CrowdHistory, days: Days, product: str = "all") -> Floats:
    """Daily users of a product on other days (n_days,); NaN where they are not known."""
    users = history.dau[product] if product in history.dau else next(iter(history.dau.values()))
    at = ((days - history.days[0]) / DAY).astype(np.int64)
    known = (at >= 0) & (at < len(users))
    return np.where(known, users[np.clip(at, 0, len(users) - 1)], np.nan)


def facts(*parts: Any) -> str:
    """A name for what a forecast was made from: the same inputs have the same name."""
    import hashlib

    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()[:20]


def _days(first: date, last: date) -> Days:
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)


def columns_of(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns by name."""
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}
