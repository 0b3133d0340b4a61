"""The year ahead as columns: every line's units on many stories at once, thinned to some hours of the week.

A column is one hour of one story. Hours are taken at a stride that is coprime to 168, so that every hour of the week is
seen; a year is then the mean of the columns times 8,760.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import BadValue
from models.design import Floats
from recommender.fleet import Fleet, Hours

YEAR_HOURS: Final = 8760
#: Hours between columns: coprime to 168 (5, 11, 13, 23), or some hours of the week are never seen.
STRIDE: Final = 23

#: (workload id, index of the line in the workload).
Key = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Horizon:
    """`hours` (n_hours,) UTC, ascending, of the months ahead; `units` of each line (n_paths, n_hours)."""

    hours: Hours = field(repr=False)
    units: Mapping[Key, Floats] = field(repr=False)
    n_paths: int

    def __post_init__(self) -> None:
        for key, values in self.units.items():
            if values.shape != (self.n_paths, len(self.hours)):
                raise BadValue(
                    f"{key}: units have shape {values.shape}", expected=f"({self.n_paths}, {len(self.hours)})"
                )

    @property
    def columns(self) -> Hours:
        """The hour of each column, path after path, (n_paths * n_hours,)."""
        return np.tile(self.hours, self.n_paths)

    @property
    def starts_on(self) -> date:
        """The first day."""
        day: date = self.hours[0].astype("datetime64[D]").astype(object)
        return day

    @property
    def first_year(self) -> NDArray[np.bool_]:
        """Which hours count for a year's bill, (n_hours,): the first 365 days."""
        return np.asarray(self.hours < self.hours[0] + np.timedelta64(YEAR_HOURS, "h"))

    def first(self, n_paths: int) -> Horizon:
        """The first so many stories: enough to compare two plans with each other."""
        few = {key: values[:n_paths] for key, values in self.units.items()}
        return Horizon(self.hours, few, min(n_paths, self.n_paths))

    def yearly(self, by_column: Floats) -> Floats:
        """Sums of a year for each path, (n_paths,), from amounts by column."""
        inside = by_column.reshape(self.n_paths, -1)[:, self.first_year]
        return np.asarray(inside.mean(axis=1) * YEAR_HOURS)


def history(fleet: Fleet, hours: Hours) -> Horizon:
    """Hours of the past as one story."""
    inside = np.isin(fleet.hours, hours)
    units = {(w.id, at): line.hourly[inside][None, :] for w in fleet.workloads for at, line in enumerate(w.lines)}
    return Horizon(hours, units, 1)


def hours_ahead(fleet: Fleet, days: int, stride: int = STRIDE) -> Hours:
    """Every `stride`-th UTC hour of the `days` after the fleet's history."""
    first = fleet.hours[-1] + np.timedelta64(1, "h")
    return np.arange(first, first + np.timedelta64(24 * days, "h"), np.timedelta64(stride, "h"))
