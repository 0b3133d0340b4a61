"""From the users' paths to rupees: every pool of cost along the same stories, then summed by whatever is asked for.

A pool's list cost follows the users (`models.cost_drivers`); what commitments and discounts take off it stays as it was
in the last weeks, in money, because a commitment is an amount and the next user is paid at list price. Dollars become
rupees on a rate of their own: a random walk without drift. Tax is not in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.cost_drivers import CostDriver, Powers, drift
from models.design import Days, Floats

#: What is taken off list prices is that of the last days.
_SAVED_DAYS: Final = 56
#: Daily spread of the logarithm of a rate, at least: 5.7 % a year. A rate that its bank keeps calm for two years
#: (USD/INR moved 3 % a year) then moves by 8 % in one; calm is not taken for safety.
USUAL_FX_SPREAD: Final = 0.003
#: How far all pools drift together in a year (spread of the logarithm): new things that nobody planned. A prior.
COMMON_DRIFT: Final = 0.05
_YEAR, _BELIEVED, _MOST_UNPLANNED = 365, 0.7, 0.08
PARTS: Final = ("base", "growth", "season", "fx", "unknown")


@dataclass(frozen=True)
class Pool:
    """Daily cost (n_days,) of what is metered alike, in its own currency; `key`: dimension -> value."""

    key: Mapping[str, str | None]
    currency: str
    list_cost: Floats = field(repr=False)
    effective_cost: Floats = field(repr=False)


@dataclass(frozen=True)
class UserPaths:
    """The same stories for all pools: `given` (n_paths, n_days), and two plain courses (n_days,) beside them.

    `expected`: the median; `without_season`: what it would be if no event had an effect; `now`: a number, the level of
    today without any event.
    """

    given: NDArray[np.float32]
    expected: Floats
    without_season: Floats
    now: float


@dataclass(frozen=True)
class CostPaths:
    """Sums in INR of one group: `paths` (n_paths, n_days) float32, and the mean course of each part (n_days,)."""

    days: Days
    paths: NDArray[np.float32]
    parts: Mapping[str, Floats]

    def between(self, start: date, end: date) -> tuple[Floats, dict[str, float]]:
        """Sums (n_paths,) over the days in [start, end), and their mean split into parts that add up to it."""
        inside = (self.days >= np.datetime64(start, "D")) & (self.days < np.datetime64(end, "D"))
        sums = self.paths[:, inside].sum(axis=1, dtype=np.float64)
        parts = {name: float(course[inside].sum()) for name, course in self.parts.items()}
        parts["unknown"] = float(sums.mean()) - sum(parts.values())
        return sums, parts


class CostModel:
    """The drivers of all pools. `fit` once, then `forecast` along any user paths.

    After `fit`: `drivers_` in the order of the pools, `saved_` (n_pools,) per day in native currency, `unplanned_`.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, days: Days, users: Floats, pools: Sequence[Pool], *, learn_unplanned: bool = True) -> CostModel:
        """Learn every pool from `days` (n_days,) without holes and the daily `users` (n_days,), NaN is unknown."""
        self.pools_ = list(pools)
        self.drivers_, saved = [], []
        for at, pool in enumerate(self.pools_):
            # an unused commitment and the like have no list price: they are what they cost
            at_list = np.nanmean(pool.list_cost[-365:]) > 0.2 * np.nanmean(pool.effective_cost[-365:])
            cost = pool.list_cost if at_list else pool.effective_cost
            self.drivers_.append(CostDriver(random_state=self.random_state + at).fit(days, users, cost))
            off = (pool.list_cost - pool.effective_cost)[-_SAVED_DAYS:] if at_list else np.zeros(1)
            saved.append(float(np.nanmean(off)) if self.drivers_[-1].kind_ not in ("ended", "rare") else 0.0)
        self.saved_ = np.array(saved)
        self.unplanned_ = self._unplanned(days, users) if learn_unplanned else 0.0
        return self

    def _unplanned(self, days: Days, users: Floats) -> float:
        """Growth a year that no driver knows (new things, larger machines): what a year ago was told too little by.

        Log, of all pools together, believed by 70 % and at most 8 %; 0 without a year and a half of history.
        """
        cut = len(days) - _YEAR
        if cut < _YEAR // 2:
            return 0.0
        before = [
            Pool(pool.key, pool.currency, pool.list_cost[:cut], pool.effective_cost[:cut])
            for pool in self.pools_
            if pool.effective_cost[:cut].sum() > 0
        ]
        earlier = CostModel(self.random_state).fit(days[:cut], users[:cut], before, learn_unplanned=False)
        weights = {"INR": 1.0}  # currencies are weighed by nothing better than 1 to 90
        told, came = np.zeros(_YEAR), np.zeros(_YEAR)
        known = np.where(np.isfinite(users), users, np.nanmean(users))[cut:]
        for pool, driver, saved in zip(earlier.pools_, earlier.drivers_, earlier.saved_, strict=True):
            told += weights.get(pool.currency, 90.0) * np.maximum(driver.predict(days[cut:], known) - saved, 0)
        for pool in self.pools_:
            came += weights.get(pool.currency, 90.0) * pool.effective_cost[cut:]
        months = [slice(at, at + 30) for at in range(120, _YEAR - 29, 30)]
        ratios = [np.log(max(came[m].sum(), 1e-9) / max(told[m].sum(), 1e-9)) * _YEAR / (m.start + 15) for m in months]
        return float(np.clip(_BELIEVED * np.median(ratios), -_MOST_UNPLANNED, _MOST_UNPLANNED))

    def forecast(
        self,
        days: Days,
        users: UserPaths,
        rates: Mapping[str, float],
        groups: Iterable[tuple[str, str]],
        *,
        fx_spread: float = USUAL_FX_SPREAD,
    ) -> dict[tuple[str, str], CostPaths]:
        """Cost of `days` (n_days,) that follow the history, in INR, for each group (dimension, value); "total", "all".

        `rates`: INR per unit of each currency, today's; INR itself is 1. A pool of a currency without a rate raises
        KeyError: the caller says that it has none.
        """
        wanted = list(groups)
        n_paths, n_days = users.given.shape
        rng = np.random.default_rng(self.random_state)
        walk = np.exp(
            np.cumsum(rng.normal(0, fx_spread, (n_paths, n_days)), axis=1) - fx_spread**2 / 2 * np.arange(1, n_days + 1)
        )
        walk = walk.astype(np.float32)
        together = drift(n_paths, n_days, COMMON_DRIFT, rng)
        unplanned = np.exp(self.unplanned_ * np.arange(1, n_days + 1) / _YEAR).astype(np.float32)
        sums = {group: np.zeros((n_paths, n_days), dtype=np.float32) for group in wanted}
        parts = {group: {name: np.zeros(n_days) for name in PARTS[:-1]} for group in wanted}
        forms: Powers | None = None
        for pool, driver, saved in zip(self.pools_, self.drivers_, self.saved_, strict=True):
            member = [g for g in wanted if g == ("total", "all") or (pool.key.get(g[0]) or "") == g[1]]
            if not member or driver.kind_ == "ended":
                continue
            forms = forms or driver.powers(users.given)
            rate = rates[pool.currency]
            native = np.maximum(driver.sample(days, users.given, forms) - np.float32(saved), 0)
            native *= np.float32(rate) * together * unplanned
            abroad = pool.currency != "INR"
            course = self._parts(driver, days, users, saved, rate)
            course["fx"] = np.zeros(n_days)
            if abroad:
                moved = native * walk
                course["fx"] = (moved - native).mean(axis=0, dtype=np.float64)
                native = moved
            for group in member:
                sums[group] += native
                for name in PARTS[:-1]:
                    parts[group][name] += course[name]
        return {group: CostPaths(days, sums[group], parts[group]) for group in wanted}

    def expected(self, days: Days, users: Floats) -> list[Floats]:
        """Expected list cost (n_days,) of each pool on days of the history itself: what an anomaly is measured by."""
        return [driver.predict(days, users) for driver in self.drivers_]

    def _parts(self, driver: CostDriver, days: Days, users: UserPaths, saved: float, rate: float) -> dict[str, Floats]:
        """Base: all as today, without events. Growth: what the trend adds to it. Season: what the events add."""
        level = np.full(len(days), users.now)
        still = (
            driver.predict(np.full(len(days), driver.end_), level)
            if hasattr(driver, "knots_")
            else driver.predict(days, level)
        )
        if hasattr(driver, "knots_"):
            still = still + _weekdays(driver, days)
        grown = driver.predict(days, users.without_season)
        told = driver.predict(days, users.expected)
        base, grown, told = (rate * np.maximum(course - saved, 0) for course in (still, grown, told))
        return {"base": base, "growth": grown - base, "season": told - grown}


def _weekdays(driver: CostDriver, days: Days) -> Floats:
    """The weekday pattern of a pool less that of its last day, in its own currency."""
    from models.design import weekday_columns

    pattern = sum(w * one.coefficients[1:8] for w, one in zip(driver.weights_, driver.candidates_, strict=True))
    return np.asarray((weekday_columns(days) - weekday_columns(np.array([driver.end_]))) @ pattern * driver.unit_)


def fx_spread(rates: Sequence[tuple[date, float]]) -> float:
    """The daily spread of a rate's logarithm from (day, rate) of the last two years; the usual one at least."""
    newest = sorted(rates)[-520:]
    if len(newest) < 60:
        return USUAL_FX_SPREAD
    values = np.log([value for _, value in newest])
    gaps = np.array([(b - a).days for (a, _), (b, _) in itertools.pairwise(newest)])
    return max(float(np.sqrt(np.mean(np.diff(values) ** 2 / np.maximum(gaps, 1)))), USUAL_FX_SPREAD)


def months_of(days: Days) -> list[tuple[date, date]]:
    """First days of the calendar months that `days` touch, with the first day after each."""
    months = np.unique(days.astype("datetime64[M]"))
    return [
        (month.astype("datetime64[D]").astype(object), (month + 1).astype("datetime64[D]").astype(object))
        for month in months
    ]
