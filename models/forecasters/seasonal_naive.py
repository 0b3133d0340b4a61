"""Last year again, 364 days back so that weekdays stay, times the growth of the last year over the one before."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from models.calendar import Calendar
from models.design import DAY, Floats
from models.series import filled, known_days

IS_SLOW: Final = False
YEAR: Final = 364
#: Growth is believed within these bounds.
_GROWTH: Final = (0.5, 2.0)


class SeasonalNaive(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The same weekday a year ago times growth; with less than a year of history the same weekday of the last week.

    After `fit`: `growth_` (1.0 without two years), `season_days_` (364 or 7).
    """

    def fit(self, days: Any, y: ArrayLike) -> Self:
        """Learn from `days` (n_days,) in order and `y` (n_days,); NaN is unknown. Raises BadValue for other arrays."""
        self.end_, self.values_ = filled(*known_days(days, y, "SeasonalNaive.fit"))
        self.season_days_ = YEAR if len(self.values_) >= YEAR else 7
        self.growth_ = growth(self.values_)
        return self

    def predict(self, days: Any) -> Floats:
        """The forecast (n_days,) for days after the history, the number itself for days in it."""
        check_is_fitted(self)
        since = ((np.asarray(days, dtype="datetime64[D]") - self.end_) / DAY).astype(np.int64)
        seasons = np.maximum(-(-since // self.season_days_), 0)
        at = len(self.values_) - 1 + since - seasons * self.season_days_
        return np.asarray(self.values_[np.maximum(at, 0)] * self.growth_**seasons)


def growth(values: Floats) -> float:
    """The last 364 days over the 364 before, between 0.5 and 2; 1.0 with less than two years."""
    if len(values) < 2 * YEAR:
        return 1.0
    before = float(values[-2 * YEAR : -YEAR].mean())
    return float(np.clip(values[-YEAR:].mean() / before, *_GROWTH)) if before > 0 else 1.0


def make(calendar: Calendar | None) -> SeasonalNaive:
    """This one needs no calendar."""
    return SeasonalNaive()
