"""Ours: the event ridge, and beside it trees on the same series without its trend, because the two err differently.

Both share level, trend and steps of the ridge; what the trees add is only another reading of weekdays, of the year and
of the distance from events. Where an event makes a season the trees do not see the day of the year, so that they too
follow the event and not the date.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from models.calendar import Calendar
from models.design import DAY, Days, Floats, nearest_offset, weekday
from models.forecasters.event_ridge import EventRidge
from models.series import known_days

IS_SLOW: Final = False
#: With fewer days the trees have nothing to say.
_MIN_DAYS: Final = 200
_SPIKE: Final = 4.0


class EventBlend(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Median of a daily series: (1 - `trees`) of the ridge and `trees` of gradient boosting, on the logarithm.

    `ridge`: an EventRidge to begin with (default: one with `calendar`). After `fit`: `ridge_`, `scale_`, `floor_`.
    """

    def __init__(
        self,
        calendar: Calendar | None = None,
        *,
        ridge: EventRidge | None = None,
        trees: float = 0.35,
        random_state: int = 0,
    ) -> None:
        self.calendar = calendar
        self.ridge = ridge
        self.trees = trees
        self.random_state = random_state

    def fit(self, days: Any, y: ArrayLike) -> Self:
        """As EventRidge."""
        self.ridge_ = copy(self.ridge or EventRidge(self.calendar)).fit(days, y)  # a parameter is not learnt into
        self.scale_, self.floor_ = self.ridge_.scale_, self.ridge_.floor_
        self.trees_: Any = None
        when, values = known_days(days, y, "EventBlend.fit")
        if len(when) >= _MIN_DAYS and self.trees:
            self._grow(when, np.log(values + self.floor_))
        return self

    def predict(self, days: Any, calendar: Calendar | None = None) -> Floats:
        """The median (n_days,) on any days; with another `calendar` where its events are on other days."""
        return np.asarray(np.maximum(np.exp(self.predict_log(days, calendar)) - self.floor_, 0))

    def predict_log(self, days: Any, calendar: Calendar | None = None) -> Floats:
        """The logarithm of the median plus the floor of closed days, (n_days,)."""
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        ridge = self.ridge_.predict_log(when, calendar)
        if self.trees_ is None:
            return ridge
        shape = self.trees_.predict(self._columns(when, calendar)[:, self.used_])
        return (1 - self.trees) * ridge + self.trees * np.asarray(self.ridge_.predict_level_log(when) + shape)

    def _grow(self, when: Days, logs: Floats) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]

        rest = logs - self.ridge_.predict_log(when)
        high = _SPIKE * self.scale_
        shape = logs - rest + np.clip(rest, -high, high) - self.ridge_.predict_level_log(when)
        columns = self._columns(when)
        # the library refuses a column without two different numbers: an event that the history never met
        self.used_ = [at for at, c in enumerate(columns.T) if len(np.unique(c[np.isfinite(c)])) > 1]
        recency = 0.5 ** ((when[-1] - when) / DAY / (365.25 * self.ridge_.memory_years))
        self.trees_ = HistGradientBoostingRegressor(
            max_iter=90, learning_rate=0.1, max_depth=4, min_samples_leaf=10, early_stopping=False,
            random_state=self.random_state,
        ).fit(columns[:, self.used_], shape, recency)  # fmt: skip

    def _columns(self, when: Days, calendar: Calendar | None = None) -> Floats:
        known = self.calendar or self.ridge_.calendar or Calendar()
        moved = known if calendar is None else calendar
        years = [] if self.ridge_.has_season_ else [(when - when.astype("datetime64[Y]").astype("datetime64[D]")) / DAY]
        return np.column_stack([weekday(when), *years, *(nearest_offset(when, moved, name) for name in known.names)])


def make(calendar: Calendar | None) -> EventBlend:
    """With the events of a calendar."""
    return EventBlend(calendar)
