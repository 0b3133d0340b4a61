"""Holt and Winters' exponential smoothing by weekdays (statsmodels): knows nothing of seasons, good for some days."""

from __future__ import annotations

import warnings
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from core import NotEnoughHistory
from models.calendar import Calendar
from models.design import DAY, Floats
from models.series import filled, known_days

IS_SLOW: Final = True
#: As many days of history are smoothed: what lies further back counts for nothing anyway.
_DAYS: Final = 210
#: Two weeks: less shows no weekdays.
_MIN_DAYS: Final = 14


class ExponentialSmoothing(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Damped trend and additive weekdays on the logarithm."""

    def fit(self, days: Any, y: ArrayLike) -> Self:
        """Learn from `days` (n_days,) in order and `y` (n_days,); NaN is unknown.

        Raises BadValue for other arrays, NotEnoughHistory below two weeks or without a number above zero.
        """
        from statsmodels.tsa.holtwinters import ExponentialSmoothing as HoltWinters  # type: ignore[import-untyped]

        self.end_, values = filled(*known_days(days, y, "ExponentialSmoothing.fit"))
        self.values_ = values
        if len(values) < _MIN_DAYS or not (values > 0).any():
            raise NotEnoughHistory(int((values > 0).sum()), _MIN_DAYS, where="days with a number above zero")
        self.floor_ = 0.02 * float(np.median(values[values > 0])) if (values <= 0).any() else 0.0
        logs = np.log(values[-_DAYS:] + self.floor_)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence: the backtest judges what comes out
            model = HoltWinters(logs, trend="add", damped_trend=True, seasonal="add", seasonal_periods=7)
            self.model_ = model.fit()
        return self

    def predict(self, days: Any) -> Floats:
        """The forecast (n_days,) for days after the history, the number itself for days in it."""
        check_is_fitted(self)
        since = ((np.asarray(days, dtype="datetime64[D]") - self.end_) / DAY).astype(np.int64)
        ahead = self.model_.forecast(max(int(since.max(initial=0)), 1))
        later = np.maximum(np.exp(ahead[np.maximum(since - 1, 0)]) - self.floor_, 0)
        return np.where(
            since > 0, later, self.values_[np.clip(len(self.values_) - 1 + since, 0, len(self.values_) - 1)]
        )


def make(calendar: Calendar | None) -> ExponentialSmoothing:
    """This one needs no calendar."""
    return ExponentialSmoothing()
