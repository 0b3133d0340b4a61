"""A daily series as trend x weekday x year x events, on the logarithm: a robust generalised ridge in closed form.

The season is told by events on their own clock (days before and after), which all their occurrences share, so that a
peak goes where its event goes. What an event and the time of the year explain equally well is given to the event: with
two or three seasons the data cannot tell the two apart, so it is a prior (`year` against `event_size`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from core import NotEnoughHistory
from models import design
from models.calendar import Calendar
from models.design import DAY, Days, Floats, Penalties
from models.series import known_days

MIN_DAYS: Final = 14
#: Below this share of the median a day counts as closed: its logarithm goes no lower.
_FLOOR: Final = 0.02
#: An event whose effect is learnt elsewhere is held to it by as much as this many days of its own would.
_SHARED_SHAPE: Final = 3.0
#: As many days before an event (before a season's: the second) it may change the weekday pattern: Sunday mocks.
_PATTERN_DAYS: Final = (7, 110)
_ROUNDS: Final = 4
#: The level moved for good where it did by so many spreads, and by so much on the logarithm.
_STEP: Final = (4.0, 0.2)
#: A trend that hardly bends, so that a step stays visible beside it.
_STRAIGHT: Final = 1e5
#: The spread that a series is thought to have before it was looked at.
_USUAL_SPREAD: Final = 0.09
_SINGULAR: Final = 1e-8


@dataclass(frozen=True)
class _Block:
    """Columns of one kind, how they are held back, and to what."""

    columns: Floats
    penalty: Floats
    prior: Floats


@dataclass
class _Fit:
    """Coefficients of one stiffness of the trend, and what was left over."""

    coefficients: Floats
    rest: Floats = field(repr=False)


class EventRidge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Median of a daily series on any day, past or future. Each parameter is a prior, chosen on public series.

    `calendar` holds the events; `penalties` how strongly each kind of column is held back; `harmonics` of the year;
    `knot_days` between bends of the trend, whose growth ends by `damping_days` (half-lives, averaged); observations
    weigh half after `memory_years`; the level of the last `level_days` is kept with `level_half_life_days`; a rest
    beyond `huber` spreads weighs less. `growth_per_year` states what the business plans instead of the trend's growth
    (0.2: a fifth more in a year). `shape` is a fitted EventRidge whose event effects are the starting point of these.

    After `fit`: `scale_` (spread of the rest, log), `steps_` (days on which the level moved for good), `names_` (events
    with an effect), `unseen_` (events of the calendar that the history never met).
    """

    def __init__(
        self,
        calendar: Calendar | None = None,
        *,
        penalties: Penalties | None = None,
        harmonics: int = 6,
        knot_days: int = 91,
        damping_days: tuple[float, ...] = (200.0, 1000.0),
        memory_years: float = 3.0,
        level_days: int = 21,
        level_half_life_days: float = 90.0,
        huber: float = 3.0,
        growth_per_year: float | None = None,
        shape: EventRidge | None = None,
    ) -> None:
        self.calendar = calendar
        self.penalties = penalties
        self.harmonics = harmonics
        self.knot_days = knot_days
        self.damping_days = damping_days
        self.memory_years = memory_years
        self.level_days = level_days
        self.level_half_life_days = level_half_life_days
        self.huber = huber
        self.growth_per_year = growth_per_year
        self.shape = shape

    def fit(self, days: Any, y: ArrayLike) -> Self:
        """Learn from `days` (n_days,) datetime64[D] or dates, in order, and `y` (n_days,) >= 0; NaN is unknown.

        Raises BadValue for other arrays, NotEnoughHistory below 14 known days.
        """
        when, values = known_days(days, y, "EventRidge.fit")
        if len(values) < MIN_DAYS or not (values > 0).any():
            raise NotEnoughHistory(int((values > 0).sum()), MIN_DAYS, where="days with a number above zero")
        self.floor_ = _FLOOR * float(np.median(values[values > 0])) if (values <= 0).any() else 0.0
        logs = np.log(values + self.floor_)
        self.center_ = float(np.median(logs))
        self.first_, self.end_ = when[0], when[-1]
        self.names_, self.unseen_ = self._seen(when)
        self.has_season_ = any(hi - lo >= design.SEASON_DAYS for lo, hi in map(self._windows, self.names_))
        self.knots_ = self._knots()
        self.pattern_, self.steps_ = np.zeros(7), np.array([], dtype="datetime64[D]")
        recency = 0.5 ** ((self.end_ - when) / DAY / (365.25 * self.memory_years))
        stiffness = (self.penalties or Penalties()).trend
        self.scale_ = _USUAL_SPREAD
        first = self._solve(when, logs, recency, _STRAIGHT, rounds=2)
        self.scale_ = design.local_spread(first.rest)
        self.steps_ = design.find_steps(when, first.rest, *_STEP)
        self.pattern_ = self._weekdays(first.coefficients)
        fits = [self._solve(when, logs, recency, value) for value in stiffness]
        self.coefficients_ = np.mean([fit.coefficients for fit in fits], axis=0)
        rest = np.mean([fit.rest for fit in fits], axis=0)
        self.scale_ = design.spread(rest)
        recent = np.clip(rest[(self.end_ - when) / DAY < self.level_days], -3 * self.scale_, 3 * self.scale_)
        self.level_ = float(recent.sum() / (len(recent) + 7))
        return self

    def __sklearn_clone__(self) -> EventRidge:
        """A copy that has learnt nothing, but for the fitted `shape`, which is a parameter and stays as it is."""
        return EventRidge(**self.get_params(deep=False))

    def predict(self, days: Any, calendar: Calendar | None = None) -> Floats:
        """The median (n_days,) on `days`; with another `calendar` where its events are on other days.

        Raises NotFittedError before `fit`.
        """
        return np.asarray(np.maximum(np.exp(self.predict_log(days, calendar)) - self.floor_, 0))

    def predict_log(self, days: Any, calendar: Calendar | None = None) -> Floats:
        """The logarithm of the median plus the floor of closed days, (n_days,)."""
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        blocks = self._blocks(when, self.calendar if calendar is None else calendar, self._stiffness)
        columns = np.hstack([block.columns for block in blocks.values()])
        return np.asarray(self.center_ + columns @ self.coefficients_ + self._ahead(when))

    def predict_level_log(self, days: Any) -> Floats:
        """Level, steps and trend alone, (n_days,), as `predict_log`: without weekdays, year and events."""
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        trend, steps = self._trend(when), self._steps(when)
        slices = self._slices
        logs = self.coefficients_[slices["level"]] + trend @ self.coefficients_[slices["trend"]]
        return np.asarray(self.center_ + logs + steps @ self.coefficients_[slices["steps"]] + self._ahead(when))

    def without_events(self, days: Any, names: tuple[str, ...] | None = None) -> Floats:
        """The median (n_days,) as if the events (all, or those named) had no effect: what a season adds is the rest."""
        check_is_fitted(self)
        kept = () if names is None else tuple(e for e in (self.calendar or ()) if e.name not in names)
        return self.predict(days, Calendar(kept))

    @property
    def _stiffness(self) -> float:
        return (self.penalties or Penalties()).trend[0]

    def _seen(self, when: Days) -> tuple[list[str], list[str]]:
        """Names of events that the history met, and those that it never did."""
        if self.calendar is None:
            return [], []
        seen = {event.name for event in self.calendar if np.isfinite(design.offsets(when, event)).sum() > 0}
        shared = set() if self.shape is None else set(self.shape.names_)
        names = self.calendar.names
        return [n for n in names if n in seen | shared], [n for n in names if n not in seen]

    def _knots(self) -> Days:
        """The start, and bends of the trend down from the end; none within the last `knot_days`."""
        span = int((self.end_ - self.first_) / DAY)
        bends = self.end_ - np.arange(span // self.knot_days, 0, -1) * self.knot_days * DAY
        return np.concatenate([[self.first_], bends[bends > self.first_]])

    def _solve(self, when: Days, logs: Floats, recency: Floats, stiffness: float, rounds: int = _ROUNDS) -> _Fit:
        """Iteratively reweighted least squares with Huber's weights (Huber 1964)."""
        blocks = self._blocks(when, self.calendar, stiffness)
        self._slices = _slices(blocks)
        columns = np.hstack([block.columns for block in blocks.values()])
        prior = np.concatenate([block.prior for block in blocks.values()])
        penalty = np.zeros((len(prior), len(prior)))
        for name, block in blocks.items():
            penalty[self._slices[name], self._slices[name]] = block.penalty
        penalty[np.diag_indices_from(penalty)] += _SINGULAR
        target = logs - self.center_
        weights, coefficients, rest = recency, prior, target
        for _ in range(rounds):
            weighted = columns * weights[:, None]
            normal = cho_factor(weighted.T @ columns + penalty, lower=True, overwrite_a=True, check_finite=False)
            coefficients = cho_solve(normal, weighted.T @ target + penalty @ prior, check_finite=False)
            rest = target - columns @ coefficients
            spread = design.spread(rest)
            weights = recency * np.minimum(1, self.huber * spread / np.maximum(np.abs(rest), 1e-12))
        return _Fit(coefficients, rest)

    def _blocks(self, when: Days, calendar: Calendar | None, stiffness: float) -> dict[str, _Block]:
        p = self.penalties or Penalties()
        trend = self._trend(when)
        weekdays = design.weekday_columns(when)
        year = design.year_columns(when, self.harmonics)
        slow = year[:, [0, 1, self.harmonics, self.harmonics + 1]] if self.harmonics > 1 else year
        season = (weekdays[:, :, None] * slow[:, None, :]).reshape(len(when), -1)
        held = np.full(trend.shape[1], stiffness)
        held[0] *= 0.1  # the first slope is growth, the others are its changes
        blocks = {
            "level": _held(np.ones((len(when), 1)), 0.0),
            "steps": _held(self._steps(when), 1.0),
            "trend": _Block(trend, np.diag(held), np.zeros(len(held))),
            "weekday": _held(weekdays, p.weekday),
            "year": _held(year, p.year_beside_season if self.has_season_ else p.year),
            "weekday_season": _held(season, p.weekday_season),
        }
        pattern = self.pattern_[design.weekday(when)]
        for name in self.names_:
            hats, knots = design.event_columns(when, calendar, name, self._windows(name))
            shape = self._shape(name, knots)
            held_back = design.event_penalty(p, self.scale_)
            strength = _SHARED_SHAPE if shape.any() else held_back
            blocks[f"event {name}"] = _Block(hats, design.bend_penalty(knots, strength, held_back), shape)
            near = (knots >= -_PATTERN_DAYS[int(knots[0] <= -design.SEASON_DAYS)]) & (knots <= _PATTERN_DAYS[0])
            blocks[f"weekday of {name}"] = _held(hats[:, near] * pattern[:, None], p.event_weekday)
        return blocks

    def _windows(self, name: str) -> tuple[int, int]:
        found = (self.calendar or Calendar()).of(name)
        return min(event.lo for event in found), max(event.hi for event in found)

    def _shape(self, name: str, knots: Floats) -> Floats:
        """What another series says of an event, on these knots."""
        if self.shape is None or f"event {name}" not in self.shape._slices:
            return np.zeros(len(knots))
        known = design.knots_of(*self.shape._windows(name))
        return np.asarray(
            np.interp(knots, known, self.shape.coefficients_[self.shape._slices[f"event {name}"]], 0.0, 0.0)
        )

    def _weekdays(self, coefficients: Floats) -> Floats:
        """The weekday pattern with spread 1: an event may lift it or wipe it out."""
        pattern = coefficients[self._slices["weekday"]]
        pattern = pattern - pattern.mean()
        return np.asarray(pattern / pattern.std()) if pattern.std() > 1e-6 else np.zeros(7)

    def _trend(self, when: Days) -> Floats:
        trend = design.trend_columns(when, self.knots_, self.end_, self.damping_days)
        if self.growth_per_year is not None:
            trend[when > self.end_] = design.trend_columns(np.array([self.end_]), self.knots_, self.end_, (1.0,))
        return trend

    def _steps(self, when: Days) -> Floats:
        return np.asarray((when[:, None] >= self.steps_[None, :]).astype(np.float64))

    def _ahead(self, when: Days) -> Floats:
        """What holds after the history only: the level of its last weeks, which fades, and a growth that is stated."""
        since = np.maximum((when - self.end_) / DAY, 0)
        level = np.where(since > 0, self.level_ * 0.5 ** (since / self.level_half_life_days), 0.0)
        return np.asarray(level + np.log1p(self.growth_per_year or 0.0) * since / 365.25)


def _held(columns: Floats, penalty: float) -> _Block:
    n = columns.shape[1]
    return _Block(columns, penalty * np.eye(n), np.zeros(n))


def _slices(blocks: dict[str, _Block]) -> dict[str, slice]:
    ends = np.cumsum([block.columns.shape[1] for block in blocks.values()])
    return {name: slice(end - blocks[name].columns.shape[1], end) for name, end in zip(blocks, ends, strict=True)}


IS_SLOW: Final = False


def make(calendar: Calendar | None) -> EventRidge:
    """With the events of a calendar."""
    return EventRidge(calendar)
