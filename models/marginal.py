"""What more users cost: a fixed part a day and a price per daily active user, from daily users and daily cost.

The slope is the Theil-Sen estimate (Sen 1968) of pairs of days that are whole weeks apart, as Hirsch, Slack and Smith
(1982) compare only equal seasons: a weekday pattern of cost that has nothing to do with users (machines switched off at
weekends) cancels, and so do anomalies of up to about a quarter of the days. Each pair counts with the difference of its
users (Sievers 1978), up to three times the usual difference, so that one wrong user count cannot carry the line. A
Huber regression is as good against spikes of cost, but not against wrong user counts, and it would need a
parameter per weekday.

Not for bills: floats of a statistic, which turn into Decimal once, in `marginal_lakh`. And not for causes: what grew
along with the users for other reasons is counted as theirs.
"""

from __future__ import annotations

import warnings
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils import check_random_state  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from core import LAKH, BadValue, NotEnoughHistory

MIN_DAYS = 60
#: Coefficient of variation of the users below which nothing can be learned from them.
MIN_VARIATION_PCT = 5
#: The same beyond the weekday pattern, which says nothing here: cost may have a pattern of its own.
MIN_WEEKLY_VARIATION_PCT = 1
DAYS_OF_A_MONTH = 30

_WEEK = 7
_BAND_PCT = (10, 90)
_MAX_LEVERAGE = 3.0

_Floats = NDArray[np.float64]


class MarginalCost(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Cost of a day = fixed_ + per_user_ · daily active users, neither below zero; with the verbs of scikit-learn.

    `n_bootstrap` samples of weeks (at least 2) and `random_state` make the band; the same state gives the same band.

    After `fit`: `fixed_` (INR a day at zero users), `per_user_` (INR a day per daily active user), `interval_` (low,
    high: the middle 80 % of per_user_ over weeks drawn with replacement, the block bootstrap of Künsch 1989), `n_days_`
    (days with both figures), `r2_` (1 - (spread of the rest / spread of the cost)², spreads as median absolute
    deviations, so that spikes do not count; `score` is the plain R², which they dominate). The band knows nothing of a
    cost that drifts over months.
    """

    fixed_: float
    per_user_: float
    interval_: tuple[float, float]
    n_days_: int
    r2_: float

    def __init__(self, n_bootstrap: int = 400, random_state: int | None = 0) -> None:
        self.n_bootstrap = n_bootstrap
        self.random_state = random_state

    def fit(self, users: ArrayLike, cost: ArrayLike) -> Self:
        """Learn from `users` (n_days,), daily active users, and `cost` (n_days,), INR of the same day.

        Days follow each other without a hole; a day without a figure is NaN. Where the line would start below zero it
        starts at zero, and where it would fall it is level; the other parameter is then estimated anew.
        Raises BadValue for arrays of another shape, negative users, infinite values or n_bootstrap below 2;
        NotEnoughHistory(have, need) below 60 days, or (in per cent) where users vary by less than 5 % of their mean,
        or beyond their weekday pattern by less than 1 %.
        """
        heads, amounts = _days(users, "users"), _days(cost, "cost")
        if heads.shape != amounts.shape:
            raise BadValue(
                f"{heads.size} days of users and {amounts.size} days of cost",
                where="MarginalCost.fit",
                expected="both of the same days",
                fix="put NaN where a day has no figure",
            )
        if self.n_bootstrap < 2:
            raise BadValue(
                f"n_bootstrap is {self.n_bootstrap}",
                where="MarginalCost",
                expected="2 or more; a steady band needs some hundreds",
                fix="leave it out, the default is 400",
            )
        known = np.isfinite(heads) & np.isfinite(amounts)
        by_week = _weeks(np.where(known, heads, np.nan)), _weeks(np.where(known, amounts, np.nan))
        _require_history(heads[known], by_week[0])
        pairs = _Pairs(*by_week)
        fixed, per_user = _line(by_week[0][np.newaxis], by_week[1][np.newaxis], np.array([pairs.slope()]))
        draws = check_random_state(self.random_state).randint(len(by_week[0]), size=(self.n_bootstrap, len(by_week[0])))
        slopes = np.array([pairs.slope(draw) for draw in draws])
        low, high = np.percentile(_line(by_week[0][draws], by_week[1][draws], slopes)[1], _BAND_PCT)
        self.fixed_, self.per_user_ = float(fixed[0]), float(per_user[0])
        self.interval_ = float(low), float(high)
        self.n_days_ = int(known.sum())
        spread = _spread(amounts[known])
        self.r2_ = 1 - (_spread(amounts[known] - self.predict(heads[known])) / spread) ** 2 if spread else 0.0
        return self

    def predict(self, users: ArrayLike) -> _Floats:
        """INR a day, (n_days,), for `users` (n_days,), on the average weekday.

        Raises BadValue for what `fit` refuses, NotFittedError before it.
        """
        check_is_fitted(self)
        return np.asarray(self.fixed_ + self.per_user_ * _days(users, "users"), dtype=np.float64)


def marginal_lakh(model: MarginalCost) -> Decimal:
    """INR a month of 30 days for one lakh (100,000) more daily active users, to the paisa.

    Raises NotFittedError for a model that has not been fitted.
    """
    check_is_fitted(model)
    monthly = Decimal(repr(model.per_user_)) * LAKH * DAYS_OF_A_MONTH
    return monthly.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


class _Pairs:
    """The slopes between days that are whole weeks apart, in their order, so that every sample only weighs anew."""

    def __init__(self, users: _Floats, cost: _Floats) -> None:
        first, second = np.triu_indices(len(users), k=1)
        step, rise = (users[second] - users[first]).ravel(), (cost[second] - cost[first]).ravel()
        usable = np.isfinite(step) & (step != 0)
        step, rise = step[usable], rise[usable]
        self._slopes = rise / step
        order = np.argsort(self._slopes, kind="stable")
        self._slopes = self._slopes[order]
        self._weights = np.minimum(np.abs(step), _MAX_LEVERAGE * np.median(np.abs(step)))[order]
        self._first, self._second = (np.repeat(end, _WEEK)[usable][order] for end in (first, second))
        self._weeks = len(users)

    def slope(self, draw: NDArray[np.int64] | None = None) -> float:
        """The weighted median of the slopes, over all weeks or over those drawn."""
        weights = self._weights
        if draw is not None:
            count = np.bincount(draw, minlength=self._weeks)
            weights = weights * count[self._first] * count[self._second]
        running = np.cumsum(weights)
        if not running[-1]:  # one and the same week was drawn every time
            return self.slope()
        return float(self._slopes[np.searchsorted(running, running[-1] / 2)])


def _line(users: _Floats, cost: _Floats, slopes: _Floats) -> tuple[_Floats, _Floats]:
    """(fixed, per user) of samples (n, weeks, 7) with their slopes (n,), neither below zero."""
    per_user = np.maximum(slopes, 0)
    fixed = _level(cost - per_user[:, np.newaxis, np.newaxis] * users)
    below = fixed < 0
    if below.any():
        per_user[below] = np.maximum(_level(cost[below]) / _level(users[below]), 0)
    return np.maximum(fixed, 0), per_user


def _level(amounts: _Floats) -> _Floats:
    """The average weekday (n,): the mean of the medians of the weekdays, so that spikes of single days do not count."""
    return np.asarray(np.nanmean(_weekdays(amounts), axis=-1), dtype=np.float64)


def _weekdays(amounts: _Floats) -> _Floats:
    """The median of each weekday, (…, weeks, 7) as (…, 7); NaN for a weekday that has no figure in any week."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.asarray(np.nanmedian(amounts, axis=-2), dtype=np.float64)


def _spread(amounts: _Floats) -> float:
    """The median absolute deviation."""
    return float(np.median(np.abs(amounts - np.median(amounts))))


def _weeks(days: _Floats) -> _Floats:
    """(n_days,) as (weeks, 7), the last week filled up with NaN."""
    filled = np.full(-(-days.size // _WEEK) * _WEEK, np.nan)
    filled[: days.size] = days
    return filled.reshape(-1, _WEEK)


def _days(values: ArrayLike, name: str) -> _Floats:
    days = np.asarray(values, dtype=np.float64)
    if days.ndim != 1 or np.isinf(days).any() or (name == "users" and bool((days < 0).any())):
        raise BadValue(
            f"{name} has the shape {days.shape}, or a value that cannot be",
            where="MarginalCost",
            expected="one finite number a day, users of zero or more; NaN where a day has no figure",
            fix="hand over one value a day, without holes between the days",
        )
    return days


def _require_history(users: _Floats, by_week: _Floats) -> None:
    if users.size < MIN_DAYS:
        raise NotEnoughHistory(users.size, MIN_DAYS, where="days with both daily active users and a cost")
    mean = float(users.mean())
    beyond = by_week - _weekdays(by_week)
    for spread, need, words in (
        (float(users.std()), MIN_VARIATION_PCT, "they hardly vary"),
        (float(np.nanstd(beyond)), MIN_WEEKLY_VARIATION_PCT, "beyond their weekday pattern they hardly vary"),
    ):
        have = 100 * spread / mean if mean else 0.0
        if have < need:
            raise NotEnoughHistory(
                int(have),
                need,
                where=f"variation of the daily active users in % of their mean; {words}, so they cannot show "
                "what one more of them costs",
            )
