"""The forecast of one daily series that one may plan with: a champion chosen by evidence, bands and joint paths.

Candidates (`models.forecasters`) are tried on rolling origins of the series itself; per distance the one believed is
ours unless another was clearly better there, or both together. Bands come from the errors of those origins and of
public series, and paths agree with the bands by construction. Many series at once are `models.crowd`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils import check_random_state  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core import NotEnoughHistory
from models import backtest as rolling
from models.backtest import HORIZONS, AsOf, Backtest, Score
from models.bands import Dependence, Errors, coverage_of, public_errors
from models.calendar import Calendar
from models.design import DAY, Days, Floats
from models.forecasters.event_blend import EventBlend
from models.forecasters.event_ridge import EventRidge
from models.series import known_days, whole_days

OURS: Final = "event_blend"
#: The candidates that are tried when nothing else is said.
CANDIDATES: Final = (OURS, "seasonal_naive", "event_naive", "exponential_smoothing", "boosting")
#: Another candidate is believed where its error was smaller by this share, and from nearly every origin: ten origins of
#: three years overlap so much that less would be chance.
_CLEARLY, _NEARLY_ALL, _FEW_ORIGINS = 0.10, 0.8, 4
#: Together: this share of the other candidate beside ours.
_TOGETHER: Final = 0.3
#: Four years say what there is to say of a season; older days weigh little, and cost time.
_MAX_DAYS: Final = 1461
#: A band wider than this on the logarithm says nothing and would overflow.
_WIDEST: Final = 4.0
_GRID: Final = np.linspace(0, 4.5, 46)


class DemandModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Median, quantiles and sample paths of a daily count. Verbs of scikit-learn; the same state, the same answer.

    `calendar`: the events (None: none). `candidates`: names of `models.forecasters`; without a second one nothing is
    compared. `as_of`: how the calendar looked on an earlier day (default: what was known on it). `growth_per_year`:
    what the business states instead of the trend. `shape`: a fitted EventRidge that a short series starts from.
    `trees`: share of gradient boosting in ours. `public`: errors of others to set the bands by (default: shipped).

    After `fit`: `champion_` (days ahead -> candidate), `scores_` (one Score per candidate and distance), `ridge_`,
    `scale_`, `notes_` (what one should know: no season seen, steps of the level).
    """

    def __init__(
        self,
        calendar: Calendar | None = None,
        *,
        candidates: Sequence[str] = CANDIDATES,
        as_of: AsOf | None = None,
        growth_per_year: float | None = None,
        shape: EventRidge | None = None,
        trees: float = 0.35,
        public: Errors | None = None,
        dependence: Dependence | None = None,
        random_state: int = 0,
    ) -> None:
        self.calendar = calendar
        self.candidates = candidates
        self.as_of = as_of
        self.growth_per_year = growth_per_year
        self.shape = shape
        self.trees = trees
        self.public = public
        self.dependence = dependence
        self.random_state = random_state

    @threadpool_limits.wrap(limits=1)  # type: ignore[untyped-decorator]  # many small problems: threads only wait for each other
    def fit(self, days: Any, y: ArrayLike) -> Self:
        """Learn from `days` (n_days,) in order and `y` (n_days,), not negative; NaN or a missing day is unknown.

        Raises BadValue for other arrays, NotEnoughHistory below 14 known days.
        """
        when, values = whole_days(*known_days(days, y, "DemandModel.fit"))
        when, values = when[-_MAX_DAYS:], values[-_MAX_DAYS:]
        self.first_, self.end_ = when[0], when[-1]
        self.ours_ = self._ours(self.calendar, self.growth_per_year).fit(when, values)
        self.ridge_ = self.ours_.ridge_
        self.scale_, self.floor_ = self.ours_.scale_, self.ours_.floor_
        run = self._backtest(when, values)
        self.scores_ = self._scores(run, values)
        self.champion_ = self._champions()
        self.others_ = {
            name: _module(name).make(self.calendar or Calendar()).fit(when, values)
            for name in {part for champion in self.champion_.values() for part in _parts(champion)} - {OURS}
        }
        believed = self._combined(run.logs, run.truth.shape[1])
        own = Errors.of(run, believed, self.scale_)
        self.dependence_ = self.dependence or Dependence.of(run.truth - believed)
        self.errors_ = own.beside(self.public if self.public is not None else public_errors())
        self._score_bands(run)
        self.notes_ = self._notes(when)
        return self

    def __sklearn_clone__(self) -> DemandModel:
        """A copy that has learnt nothing, but for the fitted `shape`, which is a parameter and stays as it is."""
        return DemandModel(**self.get_params(deep=False))

    def predict(self, days: Any, calendar: Calendar | None = None) -> Floats:
        """The median (n_days,) on future days; on past days what the model makes of them.

        `calendar`: the same events on other days (a scenario).
        """
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        return np.asarray(np.maximum(np.exp(self._median_log(when, calendar)) - self.floor_, 0))

    def predict_quantiles(self, days: Any, quantiles: ArrayLike, calendar: Calendar | None = None) -> Floats:
        """Quantiles (n_days, n_quantiles), each between 0 and 1, given the calendar."""
        check_is_fitted(self)
        when, levels = np.asarray(days, dtype="datetime64[D]"), np.asarray(quantiles, dtype=np.float64)
        width = self._half_widths(when, np.abs(2 * levels - 1), calendar)
        logs = self._median_log(when, calendar)[:, None] + np.sign(levels - 0.5) * width
        return np.asarray(np.maximum(np.exp(logs) - self.floor_, 0))

    def sample(
        self, days: Any, n_paths: int = 500, calendar: Calendar | None = None, normals: Floats | None = None
    ) -> Floats:
        """Joint sample paths (n_paths, n_days) whose days have the quantiles of `predict_quantiles`.

        `normals` (n_paths, n_days): standard normal errors that several series share in part; else drawn.
        """
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        if normals is None:
            seed = check_random_state(self.random_state).randint(2**31)
            normals = self.dependence_.normals(n_paths, len(when), np.random.default_rng(seed))
        widths = self._half_widths(when, coverage_of(_GRID), calendar)
        away = np.abs(normals)
        moved = np.empty_like(normals)
        for at in range(len(when)):
            moved[:, at] = np.interp(away[:, at], _GRID, widths[at])
        logs = self._median_log(when, calendar)[None, :] + np.sign(normals) * moved
        return np.asarray(np.maximum(np.exp(logs) - self.floor_, 0))

    def _ours(self, calendar: Calendar | None, growth_per_year: float | None = None) -> EventBlend:
        ridge = EventRidge(calendar, growth_per_year=growth_per_year, shape=self.shape)
        return EventBlend(calendar, ridge=ridge, trees=self.trees, random_state=self.random_state)

    def _backtest(self, when: Days, values: Floats) -> Backtest:
        made: dict[str, tuple[Callable[[Calendar], Any], bool]] = {OURS: (self._ours, False)}
        for name in self.candidates:
            if name != OURS:
                made[name] = (_module(name).make, _module(name).IS_SLOW)
        return rolling.backtest(
            when, values, self.calendar or Calendar(), made, floor=self.floor_, as_of=self.as_of or Calendar.as_known
        )

    def _scores(self, run: Backtest, values: Floats) -> list[Score]:
        steps = np.abs(values[7:] - values[:-7])
        mase_scale = float(np.nanmean(steps)) if np.isfinite(steps).any() else 0.0
        self.run_, self._mase_scale = run, mase_scale
        logs = dict(run.logs)
        for name in self.candidates:
            if name != OURS:
                logs[f"{OURS} + {name}"] = _together(run.logs[OURS], run.logs[name])
        self.run_ = Backtest(run.origins, run.truth, run.near, logs)
        return [
            rolling.score(self.run_, name, horizon, self.floor_, mase_scale) for name in logs for horizon in HORIZONS
        ]

    def _champions(self) -> dict[int, str]:
        """Per distance the candidate with the smallest mean error on the same origins; ours unless clearly beaten."""
        chosen = {}
        for horizon in HORIZONS:
            chosen[horizon], best = OURS, 1 - _CLEARLY
            truth = self.run_.truth[:, :horizon]
            for name, logs in self.run_.logs.items():
                both = np.isfinite(truth) & np.isfinite(logs[:, :horizon])
                if name == OURS or (both.mean(axis=1) >= 0.5).sum() < _FEW_ORIGINS:
                    continue
                theirs, ours = (
                    np.where(both, np.abs(np.exp(truth) - np.exp(each[:, :horizon])), 0.0).sum(axis=1)
                    for each in (logs, self.run_.logs[OURS])
                )
                won = (theirs < ours)[both.any(axis=1)].mean()
                if won >= _NEARLY_ALL and theirs.sum() < best * ours.sum():
                    best, chosen[horizon] = float(theirs.sum() / ours.sum()), name
        return chosen

    def _combined(self, logs: Any, n_days: int) -> Floats:
        """The believed forecast from those of the candidates (…, n_days), column j being j + 1 days ahead."""
        ahead = np.arange(1, n_days + 1)
        return self._mix(logs, ahead)

    def _mix(self, logs: Any, ahead: Any) -> Floats:
        """Between two distances the champions change over smoothly, by the logarithm of the days ahead."""
        at = np.interp(np.log(np.maximum(ahead, 1)), np.log(HORIZONS), np.arange(len(HORIZONS)))
        total = np.zeros(np.shape(logs[OURS]))
        for index, horizon in enumerate(HORIZONS):
            weight = np.clip(1 - np.abs(at - index), 0, 1)
            if weight.any():
                parts = _parts(self.champion_[horizon])
                one = logs[parts[0]]
                if len(parts) > 1:
                    one = _together(logs[parts[0]], logs[parts[1]])
                total = total + weight * np.where(np.isfinite(one), one, logs[OURS])
        return np.asarray(total)

    def _median_log(self, when: Days, calendar: Calendar | None) -> Floats:
        logs = {OURS: self.ours_.predict_log(when, calendar)}
        if not self.others_:
            return np.asarray(logs[OURS])
        ahead = (when - self.end_) / DAY
        for name, model in self.others_.items():
            if calendar is not None and "calendar" in model.get_params():
                told = model.predict(when) if model.calendar == calendar else _on(model, calendar).predict(when)
            else:
                told = model.predict(when)
            logs[name] = np.where(ahead > 0, np.log(told + self.floor_ + 1e-9), logs[OURS])
        return self._mix(logs, np.maximum(ahead, 1))

    def _half_widths(self, when: Days, coverage: Floats, calendar: Calendar | None) -> Floats:
        near = rolling.near_events(when, self.calendar if calendar is None else calendar)
        ahead = np.maximum((when - self.end_) / DAY, 1.0)
        return np.minimum(self.scale_ * self.errors_.half_widths(ahead, near, coverage), _WIDEST)

    def _score_bands(self, run: Backtest) -> None:
        """Pinball loss and coverage of the believed forecast, filled into `scores_` as the candidate "champion"."""
        logs = self._combined(run.logs, run.truth.shape[1])
        believed = Backtest(run.origins, run.truth, run.near, {"champion": logs})
        grid = np.round(np.arange(0.05, 1, 0.05), 2)
        ahead = np.arange(1.0, run.truth.shape[1] + 1)
        for horizon in HORIZONS:
            plain = rolling.score(believed, "champion", horizon, self.floor_, self._mase_scale)
            truth, told = run.truth[:, :horizon], logs[:, :horizon]
            both = np.isfinite(truth) & np.isfinite(told)
            if not both.any():
                self.scores_.append(plain)
                continue
            inside: dict[int, list[Floats]] = {}
            losses: list[Floats] = []
            for row in range(len(truth)):
                widths = self.scale_ * self.errors_.half_widths(
                    ahead[:horizon], run.near[row, :horizon], np.array([0.8, 0.95, *np.abs(2 * grid - 1)])
                )
                ok = both[row]
                wrong = np.abs(truth[row] - told[row])
                for at, level in enumerate((80, 95)):
                    inside.setdefault(level, []).append((wrong <= widths[:, at])[ok])
                quantiles = np.exp(told[row][:, None] + np.sign(grid - 0.5) * widths[:, 2:]) - self.floor_
                actual = (np.exp(truth[row]) - self.floor_)[:, None]
                loss = np.maximum(grid * (actual - quantiles), (grid - 1) * (actual - quantiles))
                losses.append(loss[ok].mean(axis=1))
            self.scores_.append(
                Score(
                    **{
                        **plain.__dict__,
                        "pinball": float(np.concatenate(losses).mean()),
                        "cover80": float(np.concatenate(inside[80]).mean()),
                        "cover95": float(np.concatenate(inside[95]).mean()),
                    }
                )
            )

    def _notes(self, when: Days) -> list[str]:
        notes = []
        if len(when) < 365:
            notes.append(str(NotEnoughHistory(len(when), 365, where="days of history, to have seen one season")))
        if self.ridge_.unseen_ and self.shape is None:
            notes.append(
                f"never seen in the history, so without effect in the forecast: {', '.join(self.ridge_.unseen_)}"
            )
        notes += [f"the level moved for good on {step}" for step in self.ridge_.steps_]
        return notes


def _module(name: str) -> Any:
    from importlib import import_module

    return import_module(f"models.forecasters.{name}")


def _parts(champion: str) -> list[str]:
    return champion.split(" + ")


def _together(ours: Floats, other: Floats) -> Floats:
    return np.asarray((1 - _TOGETHER) * ours + _TOGETHER * other)


def _on(model: Any, calendar: Calendar) -> Any:
    """The same fitted model with its events on other days."""
    from copy import copy

    moved = copy(model)
    moved.calendar = calendar
    return moved


def day_range(first: date, n_days: int) -> Days:
    """`n_days` days from `first` on."""
    return np.datetime64(first, "D") + np.arange(n_days) * DAY
