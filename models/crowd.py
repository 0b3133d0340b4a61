"""All students of the company at once: products, states, days, months and hours, as one set of joint sample paths.

Each product has its own DemandModel; the errors of the products are drawn together, as they came together in the past.
Everybody counted once ("all") is the sum of the products times the overlap, states are shares of their product, the
most at the same time is a share of the day, and hours are the shape of a day. So days, hours, products and states agree
on every path, and nothing is added up that may not be: months (MAU) have their own ratio to the days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from core import NotEnoughHistory
from models.backtest import AsOf
from models.calendar import Calendar
from models.demand import CANDIDATES, OURS, DemandModel
from models.design import DAY, Days, Floats, weekday

ALL: Final = "all"
#: Shares of states and the overlap of products are those of the last weeks.
_SHARE_DAYS: Final = 56
#: What the most at the same time is of a day depends on this much of the season, in days before and after an event.
_INTRADAY_WINDOW: Final = (-110, 7)
_Month = np.datetime64


@dataclass(frozen=True)
class CrowdHistory:
    """What was counted, by IST day; arrays (n_days,) or (n_days, 24), NaN is unknown.

    `dau` and `peak` (the most at the same time) by product, with "all" counted once; `by_state` daily active users by
    (product, state); `hourly` the most at the same time in each IST hour of all products together; `mau` by product and
    first day of the month.
    """

    days: Days
    dau: Mapping[str, Floats]
    peak: Mapping[str, Floats] = field(default_factory=dict)
    by_state: Mapping[tuple[str, str], Floats] = field(default_factory=dict)
    hourly: Floats | None = None
    mau: Mapping[str, Mapping[date, int]] = field(default_factory=dict)

    @property
    def products(self) -> list[str]:
        """The products without "all"; only "all" if nothing else is counted."""
        return sorted(set(self.dau) - {ALL}) or [ALL]


@dataclass(frozen=True)
class CrowdPaths:
    """Joint sample paths: `dau` and `peak` by product, each (n_paths, n_days) float32; path i is one story."""

    days: Days
    dau: Mapping[str, NDArray[np.float32]]
    peak: Mapping[str, NDArray[np.float32]]

    @property
    def n_paths(self) -> int:
        """How many stories."""
        return int(next(iter(self.dau.values())).shape[0])


class CrowdModel(BaseEstimator):  # type: ignore[misc]
    """Joint model of all counts. `calendar` is what is given, `as_of` how it looked earlier (for the backtests).

    After `fit`: `demand_` and `intraday_` (DemandModel by product), `overlap_`, `shares_` by (product, state),
    `together_` (correlation of the products' errors), `clock_` (3, 24: hours of a weekday, a Sunday, an event's day).
    """

    def __init__(
        self,
        calendar: Calendar | None = None,
        *,
        as_of: AsOf | None = None,
        candidates: Sequence[str] = CANDIDATES,
        growth_per_year: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.calendar = calendar
        self.as_of = as_of
        self.candidates = candidates
        self.growth_per_year = growth_per_year
        self.random_state = random_state

    def fit(self, history: CrowdHistory, y: None = None) -> Self:
        """Learn from what was counted. Raises NotEnoughHistory for a product with less than 14 known days."""
        self.history_ = history
        calendar = self.calendar or Calendar()
        self.demand_ = {
            p: self._demand(calendar, self.candidates).fit(history.days, history.dau[p]) for p in history.dau
        }
        near = _within(calendar, *_INTRADAY_WINDOW)
        self.intraday_, self.unseen_ = {}, {}
        for product, peaks in history.peak.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(history.dau[product] > 0, peaks / history.dau[product], np.nan)
            try:
                self.intraday_[product] = DemandModel(near, candidates=(OURS,), growth_per_year=0.0, trees=0.0).fit(
                    history.days, share
                )
            except NotEnoughHistory as error:
                self.unseen_[product] = str(error)
        parts = history.products
        recent = slice(-_SHARE_DAYS, None)
        whole = np.sum([history.dau[p] for p in parts], axis=0)
        self.overlap_ = float(np.nanmedian((history.dau[ALL] / whole)[recent])) if ALL in history.dau else 1.0
        self.shares_ = {
            (p, state): float(np.nanmedian((counts / history.dau[p])[recent]))
            for (p, state), counts in history.by_state.items()
            if np.isfinite((counts / history.dau[p])[recent]).any()
        }
        self.together_ = self._correlation(parts)
        self.clock_ = _clock(history, calendar)
        return self

    def predict(self, days: Any, calendar: Calendar | None = None) -> dict[str, Floats]:
        """The median of the daily active users by product, (n_days,) each; "all" is their sum times the overlap."""
        check_is_fitted(self)
        found = {p: self.demand_[p].predict(days, calendar) for p in self.history_.products}
        if ALL in self.history_.dau and ALL not in found:
            found[ALL] = self.overlap_ * np.sum(list(found.values()), axis=0)
        return found

    def sample(
        self, days: Any, n_paths: int = 500, calendar: Calendar | None = None, seed: int | None = None
    ) -> CrowdPaths:
        """Joint paths on future days, given a calendar."""
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        rng = np.random.default_rng(self.random_state if seed is None else seed)
        dau = self._dau(when, n_paths, calendar, rng)
        near = None if calendar is None else _within(calendar, *_INTRADAY_WINDOW)
        peak = {}
        for product, model in self.intraday_.items():
            share = model.sample(when, n_paths, near, model.dependence_.normals(n_paths, len(when), rng))
            peak[product] = (dau[product] * np.minimum(share, 1.0)).astype(np.float32)
        return CrowdPaths(when, dau, peak)

    def sample_futures(
        self, days: Any, futures: Sequence[tuple[float, Calendar]], n_paths: int = 500, seed: int | None = None
    ) -> CrowdPaths:
        """Joint paths over possible calendars, (probability, calendar) each: every path lives in one of them."""
        weights = np.array([weight for weight, _ in futures]) * n_paths
        counts = np.floor(weights).astype(int)
        for at in np.argsort(counts - weights)[: n_paths - counts.sum()]:
            counts[at] += 1
        first = self.random_state if seed is None else seed
        parts = [
            self.sample(days, int(count), calendar, first + at)
            for at, (count, (_, calendar)) in enumerate(zip(counts, futures, strict=True))
            if count
        ]
        return CrowdPaths(
            parts[0].days,
            {p: np.concatenate([part.dau[p] for part in parts]) for p in parts[0].dau},
            {p: np.concatenate([part.peak[p] for part in parts]) for p in parts[0].peak},
        )

    def hours(self, days: Days, peak: Floats, calendar: Calendar | None = None) -> Floats:
        """The most at the same time in each IST hour (…, n_days, 24) of days whose peak (…, n_days) is known."""
        check_is_fitted(self)
        kinds = _kind_of_day(days, (self.calendar if calendar is None else calendar) or Calendar())
        return np.asarray(peak[..., None] * self.clock_[kinds])

    def _demand(self, calendar: Calendar, candidates: Sequence[str]) -> DemandModel:
        return DemandModel(
            calendar, candidates=candidates, as_of=self.as_of, growth_per_year=self.growth_per_year,
            random_state=self.random_state,
        )  # fmt: skip

    def _dau(
        self, when: Days, n_paths: int, calendar: Calendar | None, rng: np.random.Generator
    ) -> dict[str, NDArray[np.float32]]:
        found: dict[str, NDArray[np.float32]] = {}
        parts = self.history_.products
        shared = self.demand_[parts[0]].dependence_.normals(n_paths, len(when), rng)
        for product in parts:
            model = self.demand_[product]
            own = model.dependence_.normals(n_paths, len(when), rng)
            normals = np.sqrt(self.together_) * shared + np.sqrt(1 - self.together_) * own
            found[product] = model.sample(when, n_paths, calendar, normals).astype(np.float32)
        if ALL in self.history_.dau and ALL not in found:
            found[ALL] = (self.overlap_ * np.sum([found[p] for p in parts], axis=0)).astype(np.float32)
        return found

    def _correlation(self, parts: Sequence[str]) -> float:
        """How far the weekly errors of the products go together, 0 to 1: the mean correlation of the rests."""
        days, dau = self.history_.days, self.history_.dau
        rests = []
        for product in parts:
            with np.errstate(divide="ignore", invalid="ignore"):
                rest = np.log(dau[product]) - np.log(self.demand_[product].ridge_.predict(days))
            weeks = np.where(np.isfinite(rest), rest, 0.0)[: len(rest) // 7 * 7].reshape(-1, 7).mean(axis=1)
            rests.append(weeks)
        if len(rests) < 2 or len(rests[0]) < 8:
            return 1.0
        known = np.corrcoef(np.array(rests))
        return float(np.clip(np.nanmean(known[np.triu_indices(len(rests), 1)]), 0.0, 1.0))


class MonthlyReach(BaseEstimator):  # type: ignore[misc]
    """Monthly active users from daily ones: the ratio of the month's union to the mean of its days, never a sum.

    log(ratio - 1) = level + slope x log(mean of the days / their mean over the year): in a season the same students
    come on more days, so the ratio falls. Bounded by the largest day below and the sum of the days above.
    After `fit`: `level_`, `slope_`, `spread_` (log).
    """

    def fit(self, dau_mean: Floats, mau: Floats) -> Self:
        """Learn from `dau_mean` and `mau`, whole months (n_months,). Raises NotEnoughHistory below three of them."""
        known = np.isfinite(dau_mean) & np.isfinite(mau) & (dau_mean > 0) & (mau > dau_mean)
        if known.sum() < 3:
            raise NotEnoughHistory(int(known.sum()), 3, where="whole months with daily and monthly active users")
        days, ratio = dau_mean[known], (mau / dau_mean)[known]
        self.usual_ = float(np.median(days[-12:]))
        about = np.log(days / _usual(days))
        logs = np.log(ratio - 1)
        design = np.column_stack([np.ones(len(about)), about])
        held = np.diag([0.0, 0.05])
        coefficients = np.linalg.solve(design.T @ design + held, design.T @ logs)
        self.level_, self.slope_ = float(coefficients[0]), float(coefficients[1])
        rest = logs - design @ coefficients
        self.spread_ = float(np.sqrt((rest**2).sum() / max(len(rest) - 2, 1)))
        return self

    def sample(self, dau: Floats, usual: float, rng: np.random.Generator) -> Floats:
        """Monthly active users (n_paths,) of paths of one month's days (n_paths, n_days); `usual`: the year's mean."""
        check_is_fitted(self)
        mean = dau.mean(axis=1)
        logs = self.level_ + self.slope_ * np.log(mean / usual) + self.spread_ * rng.standard_normal(len(mean))
        return np.asarray(np.clip(mean * (1 + np.exp(logs)), dau.max(axis=1), dau.sum(axis=1)))


def _usual(days: Floats) -> Floats:
    """The mean of the twelve months up to each, of as many as there are, but at least of the first twelve."""
    return np.array([days[max(at - 11, 0) : max(at + 1, min(12, len(days)))].mean() for at in range(len(days))])


def _within(calendar: Calendar, low: int, high: int) -> Calendar:
    """The same events with their windows cut."""
    return Calendar(replace(event, lo=max(event.lo, low), hi=min(event.hi, high)) for event in calendar)


def _kind_of_day(days: Days, calendar: Calendar) -> NDArray[np.int64]:
    """0 a weekday, 1 a Sunday, 2 a day on which everybody comes at once: exam, result, answer key, admit card."""
    kinds = np.where(weekday(days) == 6, 1, 0)
    for event in calendar:
        if event.name in ("result", "answer_key", "admit_card"):
            kinds[days == np.datetime64(event.on, "D")] = 2
    return kinds


def _clock(history: CrowdHistory, calendar: Calendar) -> Floats:
    """The hours of a day as shares of its peak, by the kind of the day, (3, 24); the mean of the last year."""
    flat = np.ones((3, 24))
    if history.hourly is None:
        return flat
    recent = history.days > history.days[-1] - 365 * DAY
    with np.errstate(divide="ignore", invalid="ignore"):
        share = history.hourly / np.nanmax(np.where(np.isfinite(history.hourly), history.hourly, 0.0), axis=1)[:, None]
    kinds = _kind_of_day(history.days, calendar)
    whole = np.isfinite(share).all(axis=1)
    for kind in (0, 1, 2):
        chosen = whole & (kinds == kind) & (recent if kind < 2 else True)
        if chosen.any():
            flat[kind] = share[chosen].mean(axis=0)
            flat[kind] /= flat[kind].max()
        elif kind:
            flat[kind] = flat[0]
    return flat
