"""Last year again, but around an event the days around its last occurrence: the simplest thing that follows a date."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from models.calendar import Calendar
from models.design import DAY, Days, Floats, offsets
from models.forecasters.seasonal_naive import YEAR, SeasonalNaive

IS_SLOW: Final = False
#: No further from an event than this its days are taken from its last occurrence.
_NEAR_DAYS: Final = 45


class EventNaive(SeasonalNaive):
    """The same distance from the last occurrence of an event, else the same weekday a year ago; times growth."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        self.calendar = calendar

    def fit(self, days: Any, y: ArrayLike) -> Self:
        """As SeasonalNaive."""
        return super().fit(days, y)

    def predict(self, days: Any) -> Floats:
        """As SeasonalNaive."""
        check_is_fitted(self)
        when = np.asarray(days, dtype="datetime64[D]")
        forecast = super().predict(when)
        start = self.end_ - (len(self.values_) - 1) * DAY
        nearest = np.full(len(when), np.inf)
        for event in self.calendar or ():
            away = offsets(when, event)
            near = (np.abs(away) <= _NEAR_DAYS) & (when > self.end_) & (np.abs(away) < nearest)
            if not near.any():
                continue
            source, years = self._last(event.name, when[near], away[near])
            usable = (source >= start) & (source <= self.end_)
            target = np.flatnonzero(near)[usable]
            at = ((source[usable] - start) / DAY).astype(np.int64)
            forecast[target] = self.values_[at] * self.growth_ ** years[usable]
            nearest[target] = np.abs(away[target])
        return forecast

    def _last(self, name: str, when: Days, away: Floats) -> tuple[Days, Floats]:
        """The day as far from the last occurrence in the history, and how many years back it is."""
        source = np.full(len(when), np.datetime64("NaT", "D"))
        for event in (self.calendar or Calendar()).of(name):
            first = np.datetime64(event.on, "D")
            day = first + away.astype(np.int64) * DAY
            source = np.where((first < when - 180 * DAY) & (day <= self.end_), day, source)
        return source, np.round((when - source) / DAY / YEAR)


def make(calendar: Calendar | None) -> EventNaive:
    """With the events of a calendar."""
    return EventNaive(calendar)
