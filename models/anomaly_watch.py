"""What each series should have cost on each day, said before that day, and how far it was from it.

A walk forward over days: expected = (level + weekday) x crowd. The crowd is the law of `models.cost_drivers` (a fixed
part and a part that bends with the averaged users), learnt again every four weeks from the changes of a week, which
know neither trend nor steps; level and weekdays follow the last weeks. What was odd teaches nothing: its days are
replaced by what was expected, until it has lasted so long that it is the new normal. Also for other steps than days,
and for series without users. Which oddities are one anomaly is `models.anomaly_episodes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.design import Floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: Page's cumulative sum (1954) of errors in spreads, each counted up to CAP: what lies within DRIFT is noise, ALARM is
#: odd. One day of five spreads, or three of three.
DRIFT: Final = 2.0
ALARM: Final = 3.0
CAP: Final = 7.0
#: Steps back within DRIFT after which an oddity has ended.
CALM: Final = 2
_BENDS: Final = (0.55, 0.85, 1.15, 2.0)
_SMOOTH: Final = (1, 2, 4)
_LEAST_SHAPE, _LEAST_LEVEL = 0.05, 0.2
#: The tail of errors that counts as 2.6 spreads: a series with spikes is judged by its spikes.
_TAIL, _TAIL_SPREADS, _KEPT_SPREADS, _LEARNT_SPREADS = 0.98, 2.6, 4.0, 3.0
#: Doubt of the crowd's part: of its move, beyond the crowds that were met often enough, and on days without a count.
_FORM, _BEYOND, _LEARNT, _UNCOUNTED = 0.10, 0.5, 0.95, 0.35
#: The variance of a median of normal errors by their squared median deviation: pi / 2 x 1.4826 squared.
_MEDIAN_NOISE: Final = 3.45
#: A crowd this many times the median of a round of training makes a season.
_SEASON: Final = 1.3
#: Less than this of what was expected may be rows that are late.
_MISSING: Final = 0.5
#: What a level was below for as much of the steps that are remembered is no news: a fleet of some months ended.
_LOW: Final = 0.1
#: The same phase of the cycle before is met when it is as near as this.
_LIKE, _PHASE_STEPS, _GROWTH = 0.25, 7, 1.5


@dataclass(frozen=True)
class Pace:
    """The walk in steps of its series: days by default. `season` steps are a round, `hold` steps make a new normal.

    The level follows with a half-life of a round. `floor`: a spread that no series is below, as a part of its level.
    """

    season: int = 7
    train: int = 364
    refit: int = 28
    warmup: int = 28
    spread: int = 56
    tail: int = 182
    hold: int = 28
    remembered: int = 180
    floor: float = 0.03

    @property
    def learning(self) -> float:
        """The part of an error that the level takes over."""
        return float(1 - 0.5 ** (1 / self.season))


@dataclass(frozen=True)
class Watched:
    """Of each step and series (n, m): expected, the spread of its error, the error, and both cumulative sums.

    `since_more`, `since_less`: the step on which the sum in force left zero. `elasticity` (m,), the last learnt.
    """

    expected: Floats = field(repr=False)
    spread: Floats = field(repr=False)
    error: Floats = field(repr=False)
    more: Floats = field(repr=False)
    less: Floats = field(repr=False)
    since_more: Ints = field(repr=False)
    since_less: Ints = field(repr=False)
    calm: Bools = field(repr=False)
    elasticity: Floats = field(repr=False)


def crowd_forms(users: Sequence[Floats]) -> Floats:
    """The users (n,) of each product in every form, (k, n); what is not counted is as a week before."""
    forms = [np.ones(len(users[0]))] if users else []
    for counts in users:
        known = _filled(counts)
        for steps in _SMOOTH:
            sums = np.cumsum(np.concatenate([np.full(steps, known[0]), known]))
            mean = np.maximum((sums[steps:] - sums[:-steps]) / steps, 1e-9)
            forms += [mean**bend for bend in _BENDS]
    return np.array(forms)


def _filled(counts: Floats) -> Floats:
    filled = counts.copy()
    seen = np.flatnonzero(np.isfinite(filled))
    if not len(seen):
        return np.ones(len(filled))
    filled[: seen[0]] = filled[seen[0]]
    for at in np.flatnonzero(~np.isfinite(filled)):
        filled[at] = filled[at - 7] if at >= 7 else filled[at - 1]
    return filled


def _crowded(users: Floats, train: int) -> Bools:
    """Whether the crowd of a week was a season's, (n,)."""
    week = np.convolve(users, np.ones(7) / 7)[: len(users)]
    usual = [float(np.median(users[max(t - train, 0) : t + 1])) for t in range(len(users))]
    return np.asarray(week > _SEASON * np.array(usual))


def watch(
    values: Floats,
    forms: Floats | None = None,
    *,
    pace: Pace | None = None,
    starts: Ints | None = None,
    settled: Bools | None = None,
    whole: Bools | None = None,
    counted: Bools | None = None,
    before: Ints | None = None,
    least: float = 0.0,
) -> Watched:
    """Judge `values` (n, m), each step by the steps before it.

    `forms` (k, n): the crowd, from `crowd_forms`; `counted` (n,): whether it was. `starts` (m,): the first step that
    could have a value. `settled` (n, m): False where more may still come, so that less means nothing; `whole` (n, m):
    False where something may be missing as a whole, so that less than half means nothing. `before` (n,): the step of
    the same phase in the cycle before, -1 for none. `least`: a spread that no series is below.
    """
    return _Walk(values, forms, pace or Pace(), starts, settled, whole, counted, before, least).run()


class _Walk:
    def __init__(self, values: Floats, forms: Any, pace: Pace, starts: Any, settled: Any, whole: Any, counted: Any,
                 before: Any, least: float) -> None:  # fmt: skip
        n, m = values.shape
        self.values, self.pace, self.least = values, pace, least
        self.forms = np.ones((1, n)) if forms is None or not len(forms) else forms
        self.starts = np.zeros(m, np.int64) if starts is None else starts
        self.settled = np.ones((n, m), bool) if settled is None else settled
        self.whole = np.ones((n, m), bool) if whole is None else whole
        self.counted = np.ones(n, bool) if counted is None else counted
        self.before = np.full(n, -1) if before is None else before
        self.clean = values.copy()
        self.crowded = _crowded(self.forms[min(1, len(self.forms) - 1)], self.pace.train)
        self.level = np.zeros(m)
        self.weekday = np.zeros((pace.season, m))
        self.elastic, self.doubt, self.form = np.zeros(m), np.zeros(m), np.zeros(m, np.int64)
        self.usual, self.highest = np.ones(m), np.full(m, np.inf)
        self.noise = np.zeros(m)
        self.rest = np.zeros((n, m))
        self.levels = np.full((n, m), np.inf)

    def run(self) -> Watched:
        pace, (n, m) = self.pace, self.values.shape
        expected, spread, error, more, less = (np.zeros((n, m)) for _ in range(5))
        since_more, since_less = np.zeros((n, m), np.int64), np.zeros((n, m), np.int64)
        calm = np.zeros((n, m), bool)
        up, down, odd_steps, calm_steps = np.zeros(m), np.zeros(m), np.zeros(m, np.int64), np.zeros(m, np.int64)
        since_up, since_down = np.zeros(m, np.int64), np.zeros(m, np.int64)
        for t in range(n):
            if t >= pace.warmup and (t - pace.warmup) % pace.refit == 0:
                self._refit(t)
            if t % pace.season == 0 and t:
                self._measure(t)
            shape, expected[t], above, below, unmet = self._expect(t)
            error[t] = self.values[t] - expected[t]
            spread[t] = np.where(error[t] < 0, below, above)
            known = self.settled[t] & (self.whole[t] | (self.values[t] > _MISSING * expected[t]))
            judged = t - self.starts >= pace.warmup
            beyond = np.where(error[t] < 0, np.minimum(error[t] + unmet, 0), error[t])
            scaled = np.where(judged, beyond / spread[t], 0.0)
            scaled = np.where(~known & (scaled < 0), 0.0, scaled)
            if (loud := np.flatnonzero(np.abs(scaled) > DRIFT)).size:
                scaled[loud] *= ~self._excused(t, loud, shape, spread[t], expected[t], error[t])
            rising, falling = np.minimum(scaled, CAP) - DRIFT, np.minimum(-scaled, CAP) - DRIFT
            since_up = np.where((up <= 0) & (rising > 0), t, since_up)
            since_down = np.where((down <= 0) & (falling > 0), t, since_down)
            up = np.where(known | (rising > 0), np.maximum(up + rising, 0), up)
            down = np.where(known, np.maximum(down + falling, 0), down)
            odd = (up >= ALARM) | (down >= ALARM)
            more[t], less[t], since_more[t], since_less[t] = up, down, since_up, since_down
            calm_steps = np.where(np.abs(scaled) < DRIFT, calm_steps + known, 0)
            odd_steps = np.where(odd, odd_steps + 1, 0)
            calm[t] = ended = odd & (calm_steps >= CALM)
            normal = odd & (odd_steps >= pace.hold)
            self._learn(t, shape, spread[t], expected[t], error[t], judged, known, odd, odd_steps > 1)
            if normal.any():
                self._accept(t, np.flatnonzero(normal))
            stopped = ended | normal
            up, down = np.where(stopped, 0, up), np.where(stopped, 0, down)
            odd_steps = np.where(stopped, 0, odd_steps)
        return Watched(expected, spread, error, more, less, since_more, since_less, calm, self.elastic)

    def _expect(self, t: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Shape, expected value, the spread of errors above and below it, and what rests on no crowd met, (m,) each.

        A crowd that was never met may cost as much again, or no more than the largest that was.
        """
        crowd = self.forms[self.form, t] / self.usual
        shape = np.maximum(1 + self.elastic * (crowd - 1), _LEAST_SHAPE)
        expected = np.maximum(self.level + self.weekday[t % self.pace.season], 0) * shape
        lately = self.forms[self.form, max(t - 2 * self.pace.season, 0) : t + 1].mean(axis=1) / self.usual
        doubt = np.hypot(2 * self.doubt, _FORM * self.elastic) * np.abs(crowd - lately)
        doubt += _UNCOUNTED * self.elastic * (not self.counted[t])
        unmet = np.maximum(crowd - self.highest, 0)
        noise = np.hypot(np.maximum(self.noise, self.pace.floor * self.level) * shape, self.least) + 1e-9
        above, below = np.hypot(noise, self.level * (doubt + _BEYOND * unmet)), np.hypot(noise, self.level * doubt)
        return shape, expected, above, below, self.level * self.elastic * unmet

    def _learn(self, t: int, shape: Floats, spread: Floats, expected: Floats, error: Floats, judged: Bools,
               known: Bools, odd: Bools, lasting: Bools) -> None:  # fmt: skip
        limit = np.where(judged, _LEARNT_SPREADS * spread, np.inf)
        taken = np.where(known & ~odd, np.clip(error, -limit, limit), 0.0)
        self.clean[t] = np.where(judged, expected + taken, self.values[t])
        kept = np.where(judged, _KEPT_SPREADS * spread, np.inf)
        self.levels[t] = np.where(t >= self.starts, self.clean[t] / shape, np.inf)
        self.rest[t] = np.where(known & (t - self.starts >= self.pace.season), np.clip(error, -kept, kept), 0.0) / shape
        # a spike widens the spread of what comes after it; what lasts does so once
        self.rest[t] = np.where(lasting, self.rest[t - self.pace.season], self.rest[t])
        # the first steps of a series find its level
        age = np.maximum(t - self.starts, 0) + 1
        pace = np.maximum(self.pace.learning, 1.0 / age)
        self.level = np.where(age > 0, np.maximum(self.level + pace * taken / shape, 0), self.level)

    def _accept(self, t: int, which: Ints) -> None:
        """What has lasted is the new normal: its days are learnt as they were, with the errors of its new level."""
        pace = self.pace
        steps = np.arange(max(t - pace.hold + 1, 0), t + 1)
        held = np.ix_(steps, which)
        crowd = self.forms[self.form[which]][:, steps].T / self.usual[which]
        plain = self.values[held] / np.maximum(1 + self.elastic[which] * (crowd - 1), _LEAST_SHAPE)
        at = plain - self.weekday[np.ix_(steps % pace.season, which)]
        self.level[which] = np.maximum(at[-2 * pace.season :].mean(axis=0), 0)
        self.clean[held], self.levels[held], self.rest[held] = self.values[held], plain, at - self.level[which]
        self._measure(t + 1)

    def _excused(self, t: int, loud: Ints, shape: Floats, spread: Floats, expected: Floats, error: Floats) -> Bools:
        """Whether less was as little lately too, or more was so at this phase of the cycle before, (len(loud),)."""
        value = self.values[t, loud]
        near = np.maximum(_LEARNT_SPREADS * spread[loud], _LIKE * value)
        back = (error[loud] < 0) & (self.pace.remembered > 0)
        if (falling := np.flatnonzero(back)).size:
            past = self.levels[max(t - self.pace.remembered, 0) : t, loud[falling]]
            low = np.quantile(past, _LOW, axis=0, method="lower") * shape[loud[falling]]
            back[falling] = value[falling] >= low - np.minimum(near[falling], _LEARNT_SPREADS * spread[loud[falling]])
        at = loud[back]
        level = value[back] / shape[at] - self.weekday[t % self.pace.season, at]
        self.level[at] = np.maximum(self.level[at] + self.pace.learning * (level - self.level[at]), 0)
        excused = back
        if (phase := int(self.before[t])) >= _PHASE_STEPS + self.pace.spread:
            # what was odd then is no excuse, but for a season: that it is odd once is why it is remembered
            source = self.values if self.crowded[phase] else self.clean
            alike = np.arange(phase - _PHASE_STEPS, phase + _PHASE_STEPS + 1)
            alike = alike[(alike - t) % self.pace.season == 0]
            high = source[np.ix_(alike, loud)].max(axis=0)
            rounds = alike[0] - np.arange(1, self.pace.spread // self.pace.season) * self.pace.season
            usual = self.clean[np.ix_(rounds[rounds >= 0], loud)].mean(axis=0)
            now, then = (self.clean[end - self.pace.spread : end, loud].mean(axis=0) for end in (t, phase))
            growth = np.clip(np.where(then > 0, now / np.maximum(then, 1e-9), 1.0), 1 / _GROWTH, _GROWTH)
            excused |= (error[loud] > 0) & (high > (1 + _LIKE) * usual) & (value <= high * growth + near)
        error[loud[excused]] = 0.0
        expected[loud[excused]] = value[excused]
        return excused

    def _measure(self, t: int) -> None:
        """The noise of each series at the usual crowd, from the errors that were made."""
        pace = self.pace
        lately = np.abs(self.rest[max(t - pace.spread, 0) : t])
        far = np.abs(self.rest[max(t - pace.tail, 0) : t])
        at = min(int(np.ceil(_TAIL * len(far))), len(far) - 1)
        tail = np.partition(far, at, axis=0)[at] / _TAIL_SPREADS
        self.noise = np.maximum(1.4826 * np.median(lately, axis=0), tail)

    def _refit(self, t: int) -> None:
        pace = self.pace
        start = max(t - pace.train, 0)
        if len(self.forms) > 1 and t - start >= 2 * pace.refit:
            self._follow(start, t)
        rounds = min(t // pace.season, 12)
        steps = np.arange(t - rounds * pace.season, t)
        crowd = self.forms[self.form][:, steps].T / self.usual
        level = self.clean[steps] / np.maximum(1 + self.elastic * (crowd - 1), _LEAST_SHAPE)
        if rounds >= 3:
            each = level.reshape(rounds, pace.season, -1)
            each = each - each.mean(axis=1, keepdims=True)
            pattern = np.median(each, axis=0)
            # what chance alone would make of it is taken off (James and Stein 1961)
            chance = np.median((each - pattern) ** 2, axis=(0, 1)) * _MEDIAN_NOISE / rounds
            signal = 1 - chance / np.maximum((pattern**2).mean(axis=0), 1e-12)
            self.weekday[steps[: pace.season] % pace.season] = pattern * np.maximum(signal, 0)
        lately = steps[-pace.warmup :]
        weights = (1 - pace.learning) ** np.arange(len(lately))[::-1]
        plain = level[-len(lately) :] - self.weekday[lately % pace.season]
        self.level = np.maximum(weights @ plain / weights.sum(), 0)

    def _follow(self, start: int, t: int) -> None:
        """How each series follows the crowd: its changes over a round, in parts of its level, on those of each form."""
        season, width = self.pace.season, 4 * self.pace.season
        values = self.clean[start:t]
        steps = np.arange(season, t - start)
        low = np.maximum(steps - width, 0)
        sums = np.cumsum(np.vstack([np.zeros(values.shape[1]), values]), axis=0)
        level = np.maximum(
            (sums[steps] - sums[low]) / (steps - low)[:, None], _LEAST_LEVEL * values.mean(axis=0) + 1e-9
        )
        change = (values[season:] - values[:-season]) / level
        limit = 6 * 1.4826 * np.median(np.abs(change), axis=0) + 0.02
        change = np.clip(change, -np.maximum(limit, 0.3), np.maximum(limit, 0.3))
        found = [self._slope(change, form[start:t] / form[start:t].mean(), steps, low) for form in self.forms[1:]]
        slopes, losses, errors = (np.array(part) for part in zip(*found, strict=True))
        best, every = losses.argmin(axis=0), np.arange(values.shape[1])
        slope, doubt = slopes[best, every], errors[best, every]
        follows = (slope > 2 * doubt) & (t - self.starts >= 2 * self.pace.refit)
        self.elastic, self.form = np.where(follows, slope, 0.0), np.where(follows, best + 1, 0)
        self.doubt = np.where(follows, np.minimum(doubt, 0.5), 0.0)
        self.usual = self.forms[self.form][:, start:t].mean(axis=1)
        self.highest = np.quantile(self.forms[:, start:t], _LEARNT, axis=1)[self.form] / self.usual

    def _slope(self, change: Floats, form: Floats, steps: Ints, low: Ints) -> tuple[Floats, Floats, Floats]:
        sums = np.cumsum(np.concatenate([[0.0], form]))
        lately = ((sums[steps] - sums[low]) / (steps - low))[:, None]
        moved = (form[self.pace.season :] - form[: -self.pace.season])[:, None]
        slope = np.full(change.shape[1], 0.5)
        for _ in range(2):
            crowd = moved / (1 + slope * (lately - 1))
            weight = np.einsum("ij,ij->j", crowd, crowd) + 1e-6
            slope = np.clip(np.einsum("ij,ij->j", crowd, change) / weight, 0.0, 1.0)
        rest = change - slope * crowd
        squares = np.einsum("ij,ij->j", rest, rest)
        return slope, squares, np.sqrt(3 * squares / len(rest) / weight)
