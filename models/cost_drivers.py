"""How the daily cost of a pool follows the users: a fixed part, a part that bends with the crowd, a trend, weekdays.

A pool is what is metered alike at one place. Cost = level + weekdays + trend + steps + elastic x (users / usual)^bend,
with the users averaged over the last days (a queue is worked off late, a cluster scales down late). Bend and averaging
are tried on a grid and weighed by how well each explains the days, so that what cannot be told apart stays uncertain.
Not for money that must add up: floats of a statistic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve  # type: ignore[import-untyped]
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from core import BadValue
from models import design
from models.design import DAY, Days, Floats

BENDS: Final = (0.4, 0.55, 0.7, 0.85, 1.0, 1.15)
SMOOTH_DAYS: Final = (1, 2, 4, 7)
MIN_DAYS: Final = 60
#: Below this share of the cost, or three standard errors, a pool does not follow the users.
_MIN_ELASTIC, _MIN_SIGNIFICANCE = 0.03, 3.0
#: A pool that cost nothing for as many days has ended; one that costs something on fewer of its days is no series.
_ENDED_DAYS, _RARE = 21, 0.15
_TREND_KNOT_DAYS, _TREND_PENALTY, _DAMPING_DAYS = 120, 30.0, (180.0, 540.0)
_HALF_LIFE_DAYS: Final = 365.0
_BLOCK_DAYS: Final = 14
#: The formula itself is only about right: its part of the doubt of an elasticity.
_FORM: Final = 0.03
#: How far a pool drifts in a year for reasons of its own (spread of the logarithm): a prior, not learnt.
DRIFT: Final = 0.12

#: From (bend, averaged days) the users (n_paths, n_days) in that form: paths of all pools are made once.
Powers = Callable[[float, int], NDArray[np.float32]]


@dataclass(frozen=True)
class _Candidate:
    """One form of the users, with the coefficients that it leads to."""

    bend: float
    smooth_days: int
    coefficients: Floats
    covariance: Floats
    loss: float


class CostDriver(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Daily cost of one pool from daily users, with the verbs of scikit-learn; `sample` carries paths.

    After `fit`: `kind_` (elastic, fixed, stock, new, ended, rare), `reason_` (why nothing more is known, or empty),
    `elasticity_` (per cent of cost for one per cent of users, at the usual level) with `interval_` (middle 80 %),
    `fixed_share_` (of the present cost, without any user), `bend_`, `smooth_days_`, `steps_`, `scale_` (of the rest).
    """

    def __init__(self, n_draws: int = 500, random_state: int = 0) -> None:
        self.n_draws = n_draws
        self.random_state = random_state

    def fit(self, days: Any, users: ArrayLike, cost: ArrayLike) -> Self:
        """Learn from `days` (n_days,) without holes, `users` and `cost` (n_days,); NaN is unknown.

        Raises BadValue for other shapes, or users that are negative. A negative cost (a credit) is left out of the fit.
        """
        when, heads, amounts = (
            np.asarray(v, dtype=t) for v, t in ((days, "datetime64[D]"), (users, float), (cost, float))
        )
        if when.ndim != 1 or when.shape != heads.shape or when.shape != amounts.shape or bool((heads < 0).any()):
            raise BadValue(
                f"days {when.shape}, users {heads.shape}, cost {amounts.shape}", where="CostDriver.fit",
                expected="one number for each day, users of zero or more", fix="put NaN where nothing is known",
            )  # fmt: skip
        self.end_ = when[-1]
        heads = _interpolated(heads)
        self.usual_ = max(float(np.mean(heads[-365:])), 1e-9)
        self.tail_ = heads[-max(SMOOTH_DAYS) :]
        known = np.isfinite(amounts) & (amounts >= 0)
        self.mean_ = float(np.mean(amounts[known][-365:])) if known.any() else 0.0
        self.kind_, self.reason_, self.steps_ = "fixed", "", np.array([], dtype="datetime64[D]")
        self.elasticity_, self.interval_, self.fixed_share_, self.bend_, self.smooth_days_ = (
            0.0,
            (0.0, 0.0),
            1.0,
            1.0,
            1,
        )
        self.scale_ = 0.0
        if not self._simple(when, amounts, known):
            self._fit(when, heads, amounts, known)
        return self

    def predict(self, days: Any, users: ArrayLike) -> Floats:
        """Expected cost (n_days,) of days that follow the history without a hole, at `users` (n_days,)."""
        check_is_fitted(self)
        heads = np.asarray(users, dtype=np.float64)[None, :]
        return self._mean(np.asarray(days, dtype="datetime64[D]"), self.powers(heads))

    def refit_mean(self, days: Any, users: ArrayLike) -> Floats:
        """Expected cost (n_days,) of the days it was learnt from, at the `users` that came."""
        check_is_fitted(self)
        heads = _interpolated(np.asarray(users, dtype=np.float64))

        def form(bend: float, smooth: int) -> NDArray[np.float32]:
            return np.asarray((_averaged(heads[None, :], smooth) / self.usual_) ** bend, dtype=np.float32)

        return self._mean(np.asarray(days, dtype="datetime64[D]"), form)

    def sample(self, days: Any, users: ArrayLike, powers: Powers | None = None) -> NDArray[np.float32]:
        """Paths (n_paths, n_days) of the cost along `users` (n_paths, n_days): one draw of the parameters a path."""
        check_is_fitted(self)
        when, heads = np.asarray(days, dtype="datetime64[D]"), np.asarray(users)
        n_paths, rng = len(heads), np.random.default_rng(self.random_state)
        if not hasattr(self, "candidates_"):
            noise = rng.standard_normal((n_paths, 1)) * 0.1 * (self.kind_ == "new")
            return np.full((n_paths, len(when)), self.level_, dtype=np.float32) * np.exp(noise).astype(np.float32)
        forms = powers or self.powers(heads)
        plain = self._plain_columns(when).astype(np.float32)
        paths = np.empty((n_paths, len(when)), dtype=np.float32)
        chosen = rng.choice(len(self.candidates_), size=n_paths, p=self.weights_)
        for at in np.unique(chosen):
            one, rows = self.candidates_[at], np.flatnonzero(chosen == at)
            root = np.linalg.cholesky(one.covariance + 1e-12 * np.eye(len(one.coefficients)))
            drawn = one.coefficients + rng.standard_normal((len(rows), len(one.coefficients))) @ root.T
            drawn = drawn.astype(np.float32)
            paths[rows] = drawn[:, :-1] @ plain.T
            if self.kind_ == "elastic":
                paths[rows] += np.maximum(drawn[:, -1:], 0) * (forms(one.bend, one.smooth_days)[rows] - 1)
        paths += self._blocks(n_paths, len(when), rng)
        return np.asarray(np.maximum(paths, 0) * np.float32(self.unit_) * drift(n_paths, len(when), DRIFT, rng))

    def powers(self, users: Any) -> Powers:
        """The users (n_paths, n_days) after the history in every form, made when asked for and kept."""
        kept: dict[tuple[float, int], NDArray[np.float32]] = {}
        whole = np.concatenate([np.broadcast_to(self.tail_, (len(users), len(self.tail_))), users], axis=1)

        def form(bend: float, smooth: int) -> NDArray[np.float32]:
            if (bend, smooth) not in kept:
                mean = _averaged(whole, smooth)[:, len(self.tail_) :]
                kept[bend, smooth] = ((mean / self.usual_) ** bend).astype(np.float32)
            return kept[bend, smooth]

        return form

    def _simple(self, when: Days, amounts: Floats, known: NDArray[np.bool_]) -> bool:
        """Pools that are no series of their own: nothing, ended, rare, or too new."""
        spent = known & (amounts > 0)
        self.level_ = 0.0
        if not spent.any():
            self.kind_, self.reason_ = "ended", "it never cost anything"
            return True
        first, last = int(np.argmax(spent)), len(when) - 1 - int(np.argmax(spent[::-1]))
        # what is billed once a month has not ended after three weeks
        pause = int(np.diff(np.flatnonzero(spent)).max(initial=1))
        if len(when) - 1 - last >= max(_ENDED_DAYS, 1.5 * min(pause, 60)):
            self.kind_, self.reason_ = "ended", f"nothing was billed after {when[last]}"
            return True
        if spent[first:].mean() < _RARE:
            self.kind_, self.reason_ = "rare", f"billed on {int(spent.sum())} days only: the mean of the last year"
            self.level_ = float(np.nan_to_num(amounts[-365:]).mean())
            return True
        if len(when) - first < MIN_DAYS:
            self.kind_, self.reason_ = "new", f"billed since {when[first]} only: the mean of its last weeks"
            self.level_ = float(np.mean(amounts[max(first, len(when) - 28) :][known[max(first, len(when) - 28) :]]))
            return True
        return False

    def _fit(self, when: Days, heads: Floats, amounts: Floats, known: NDArray[np.bool_]) -> None:
        first = int(np.argmax(known & (amounts > 0)))
        days = np.arange(first, len(when))[known[first:]]
        self.unit_ = max(float(np.mean(amounts[days])), 1e-12)
        y = amounts[days] / self.unit_
        self.knots_ = self._bends(when[first])
        recency = 0.5 ** ((self.end_ - when[days]) / DAY / _HALF_LIFE_DAYS)
        forms = {(b, m): (_averaged(heads[None, :], m)[0] / self.usual_) ** b - 1 for m in SMOOTH_DAYS for b in BENDS}
        plain = self._plain_columns(when[days])
        start = self._solve(np.column_stack([plain, forms[1.0 if 1.0 in BENDS else BENDS[0], 1][days]]), y, recency)
        self.steps_ = design.find_steps(when[days], start[2])
        plain = self._plain_columns(when[days])
        candidates, rests = [], []
        for (bend, smooth), form in forms.items():
            coefficients, covariance, rest, weights = self._solve(np.column_stack([plain, form[days]]), y, recency)
            candidates.append(_Candidate(bend, smooth, coefficients, covariance, float(np.sum(weights * rest**2))))
            rests.append(rest)
        best = int(np.argmin([one.loss for one in candidates]))
        halves = self._halves(plain, forms[candidates[best].bend, candidates[best].smooth_days][days], y, recency)
        self._choose(candidates, best, rests[best], halves)

    def _halves(self, plain: Floats, form: Floats, y: Floats, recency: Floats) -> float:
        """How far the elastic parts of the two halves of the history lie from each other: what no formula knows."""
        middle = len(y) // 2
        found = [
            self._solve(np.column_stack([plain, form])[part], y[part], recency[part])[0][-1]
            for part in (slice(None, middle), slice(middle, None))
        ]
        return float(abs(found[0] - found[1])) / 2

    def _choose(self, candidates: list[_Candidate], best: int, rest: Floats, halves: float) -> None:
        """Weigh the candidates, say what kind the pool is, and how elastic."""
        self.rest_, self.scale_ = rest, design.spread(rest)
        like = float(np.clip(np.corrcoef(rest[1:], rest[:-1])[0, 1] if rest.std() > 0 else 0.0, 0.0, 0.97))
        counted = max(len(rest) * (1 - like) / (1 + like), 10.0)
        losses = np.array([one.loss for one in candidates])
        weights = np.exp(-0.5 * counted * np.log(np.maximum(losses, 1e-12) / max(losses[best], 1e-12)))
        # a form by which the pool would cost less than nothing without users is none
        level = self._plain_columns(np.array([self.end_]))[0]
        possible = np.array([c.coefficients[-1] <= 1.03 * (level @ c.coefficients[:-1]) for c in candidates])
        if possible.any() and not possible[best]:
            best = int(np.argmin(np.where(possible, losses, np.inf)))
            weights = np.where(possible, losses[best] / losses, 0.0) ** (0.5 * counted)
        kept = weights > 0.01
        wider = (1 + like) / (1 - like)
        doubt = np.zeros_like(candidates[best].covariance)
        doubt[-1, -1] = halves**2
        self.candidates_ = [
            _Candidate(c.bend, c.smooth_days, c.coefficients, c.covariance * wider + doubt, c.loss)
            for c, keep in zip(candidates, kept, strict=True)
            if keep
        ]
        self.weights_ = weights[kept] / weights[kept].sum()
        one = candidates[best]
        self.bend_, self.smooth_days_ = one.bend, one.smooth_days
        present = max(float(self._plain_columns(np.array([self.end_]))[0] @ one.coefficients[:-1]), 1e-9)
        elastic, error = float(one.coefficients[-1]), float(np.sqrt(one.covariance[-1, -1] * wider))
        if elastic > _MIN_ELASTIC * present and elastic > _MIN_SIGNIFICANCE * error:
            self.kind_ = "elastic"
            rng = np.random.default_rng(self.random_state)
            picked = rng.choice(len(self.candidates_), size=self.n_draws, p=self.weights_)
            # no pool follows the users by more than all of it
            shares = np.array([
                np.clip(rng.normal(c.coefficients[-1], np.sqrt(c.covariance[-1, -1])) / present, 0, 1)
                for c in (self.candidates_[at] for at in picked)
            ])  # fmt: skip
            draws = shares * np.array([self.candidates_[at].bend for at in picked])
            self.elasticity_ = float(one.bend * min(elastic / present, 1.0))
            low, high = np.quantile(draws, (0.1, 0.9)) * (1 - _FORM, 1 + _FORM)
            self.interval_ = float(low), float(high)
            self.fixed_share_ = float(np.clip(1 - elastic / present, 0.0, 1.0))
        else:
            trend = self._plain_columns(self.end_ - np.array([365, 0]) * DAY)[:, 8 : 8 + len(self.knots_)]
            moved = float(np.abs((trend[1] - trend[0]) @ one.coefficients[8 : 8 + len(self.knots_)]))
            self.kind_ = "stock" if moved > 0.1 * present else "fixed"

    def _solve(self, columns: Floats, y: Floats, recency: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Coefficients, their covariance, the rest and its weights: ridge with Huber's weights."""
        held = np.full(columns.shape[1], 0.1)
        held[0], held[-1] = 1e-6, 1e-3
        held[8 : 8 + len(self.knots_)] = _TREND_PENALTY
        weights, rest, coefficients = recency, y, held
        normal: Any = None
        for _ in range(3):
            weighted = columns * weights[:, None]
            normal = cho_factor(weighted.T @ columns + np.diag(held), lower=True, check_finite=False)
            coefficients = cho_solve(normal, weighted.T @ y, check_finite=False)
            rest = y - columns @ coefficients
            weights = recency * np.minimum(1, 2.5 * design.spread(rest) / np.maximum(np.abs(rest), 1e-12))
        variance = float(np.sum(weights * rest**2) / max(weights.sum(), 1.0))
        return coefficients, variance * cho_solve(normal, np.eye(len(held)), check_finite=False), rest, weights

    def _bends(self, first: np.datetime64) -> Days:
        span = int((self.end_ - first) / DAY)
        bends = self.end_ - np.arange(span // _TREND_KNOT_DAYS, 0, -1) * _TREND_KNOT_DAYS * DAY
        return np.concatenate([[first], bends[bends > first]])

    def _plain_columns(self, when: Days) -> Floats:
        """Level, weekdays (7), trend, steps: all but the users. The trend is 0 at the end of the history."""
        trend = design.trend_columns(when, self.knots_, self.end_, _DAMPING_DAYS)
        trend = trend - design.trend_columns(np.array([self.end_]), self.knots_, self.end_, _DAMPING_DAYS)
        steps = (when[:, None] >= self.steps_[None, :]).astype(np.float64) - 1.0
        return np.hstack([np.ones((len(when), 1)), design.weekday_columns(when), trend, steps])

    def _mean(self, when: Days, forms: Powers) -> Floats:
        if not hasattr(self, "candidates_"):
            return np.full(len(when), self.level_)
        total = np.zeros(len(when))
        plain = self._plain_columns(when)
        for weight, one in zip(self.weights_, self.candidates_, strict=True):
            part = plain @ one.coefficients[:-1]
            if self.kind_ == "elastic":
                part = part + one.coefficients[-1] * (forms(one.bend, one.smooth_days)[0] - 1)
            total += weight * part
        return np.asarray(np.maximum(total, 0) * self.unit_)

    def _blocks(self, n_paths: int, n_days: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """What was left over, drawn in blocks of days that followed each other (Künsch 1989); spikes cut."""
        rest = np.clip(self.rest_[-365:], -4 * self.scale_, 4 * self.scale_).astype(np.float32)
        rest = rest - rest.mean()
        count = -(-n_days // _BLOCK_DAYS)
        starts = rng.integers(0, max(len(rest) - _BLOCK_DAYS, 1), size=(n_paths, count))
        at = (starts[:, :, None] + np.arange(_BLOCK_DAYS)).reshape(n_paths, -1)[:, :n_days]
        return np.asarray(rest[np.minimum(at, len(rest) - 1)])


def drift(n_paths: int, n_days: int, per_year: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Factors (n_paths, n_days) of a random walk with mean 1: what changes in a fleet for reasons nobody counted."""
    step = per_year / np.sqrt(365)
    steps = rng.standard_normal((n_paths, n_days), dtype=np.float32) * np.float32(step)
    walk = np.cumsum(steps, axis=1, dtype=np.float32) - np.float32(step**2 / 2) * np.arange(
        1, n_days + 1, dtype=np.float32
    )
    return np.asarray(np.exp(walk))


def _interpolated(values: Floats) -> Floats:
    known = np.isfinite(values)
    if not known.any():
        return np.ones(len(values))
    return np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])


def _averaged(values: Floats, days: int) -> Floats:
    """The mean of each day and the ones before it, (n_paths, n_days); the first days of what there is."""
    if days == 1:
        return values
    sums = np.cumsum(np.pad(values, ((0, 0), (days, 0)), mode="edge"), axis=1)
    return np.asarray((sums[:, days:] - sums[:, :-days]) / days)
