"""Gradient boosting on calendar columns and distances from events: what a general learner makes of the same facts."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from core import NotEnoughHistory
from models.calendar import Calendar
from models.design import DAY, Days, Floats, nearest_offset, weekday
from models.forecasters.seasonal_naive import growth
from models.series import filled, known_days

IS_SLOW: Final = True
#: Two weeks: less shows no weekdays.
_MIN_DAYS: Final = 14


class EventBoosting(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """HistGradientBoostingRegressor (absolute loss) on the logarithm, less a straight growth."""

    def __init__(self, calendar: Calendar | None = None, max_iter: int = 100, random_state: int = 0) -> None:
        self.calendar = calendar
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, days: Any, y: ArrayLike) -> Self:
        """Learn from `days` (n_days,) in order and `y` (n_days,); NaN is unknown.

        Raises BadValue for other arrays, NotEnoughHistory below 14 known days or without a number above zero.
        """
        from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]

        when, values = known_days(days, y, "EventBoosting.fit")
        if len(values) < _MIN_DAYS or not (values > 0).any():
            raise NotEnoughHistory(int((values > 0).sum()), _MIN_DAYS, where="days with a number above zero")
        self.end_, whole = filled(when, values)
        self.rate_ = np.log(growth(whole)) / 364
        self.floor_ = 0.02 * float(np.median(values[values > 0])) if (values <= 0).any() else 0.0
        logs = np.log(values + self.floor_) - self._trend(when)
        self.model_ = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=self.max_iter, max_depth=4, learning_rate=0.1, min_samples_leaf=10,
            early_stopping=False, random_state=self.random_state,
        )  # fmt: skip
        columns = self._columns(when)
        # the library refuses a column without two different numbers: an event that the history never met
        known = np.isfinite(columns)
        self.used_ = np.flatnonzero(
            [len(np.unique(column[has])) > 1 for column, has in zip(columns.T, known.T, strict=True)]
        )
        self.model_.fit(columns[:, self.used_], logs)
        recent = when > self.end_ - 28 * DAY
        self.level_ = float(np.median(logs[recent] - self._seasonal(when[recent])))
        return self

    def predict(self, days: Any) -> Floats:
        """The forecast (n_days,) on any days."""
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        since = np.maximum((when - self.end_) / DAY, 0)
        logs = self._seasonal(when) + self._trend(when) + self.level_ * 0.5 ** (since / 60)
        return np.asarray(np.maximum(np.exp(logs) - self.floor_, 0))

    def _seasonal(self, when: Days) -> Floats:
        return np.asarray(self.model_.predict(self._columns(when)[:, self.used_]))

    def _trend(self, when: Days) -> Floats:
        since = (when - self.end_) / DAY
        return np.asarray(self.rate_ * np.where(since > 0, 270 * (1 - np.exp(-since / 270)), since))

    def _columns(self, when: Days) -> Floats:
        day_of_year = (when - when.astype("datetime64[Y]").astype("datetime64[D]")) / DAY
        calendar = self.calendar or Calendar()
        return np.column_stack(
            [weekday(when), day_of_year, *(nearest_offset(when, calendar, name) for name in calendar.names)]
        )


def make(calendar: Calendar | None) -> EventBoosting:
    """With the events of a calendar."""
    return EventBoosting(calendar)
