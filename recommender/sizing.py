"""What must be carried in the year ahead, and which type carries it: one size, or others in the seasons of the year.

Sized so that the busiest hour in a thousand, grown as in the highest of ten courses, takes four fifths of the new size
in every dimension that is measured (reference, section 3). Seasons are found, not told: where a cheaper size would be
too small is a stretch of days before or after an exam, and there another size runs. No prices or commands of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.design import Floats
from recommender.ahead import PRIOR_GROWTH
from recommender.fleet import EXAM_WINDOW, Fleet, Metric
from recommender.levels import LEAST_DAYS, elasticity_of

Dimension = Literal["cpu", "memory", "network", "disk"]
Mask = NDArray[np.bool_]
PEAK: Final = 0.999
HEADROOM: Final = 0.8
#: Share of the hours that a measure must have to count.
MEASURED: Final = 0.2
#: Resized that long before a season begins.
BEFORE_DAYS: Final = 14
#: A season is as much longer on both sides than the days in which a size was too small: no two years are alike.
_SLACK_DAYS: Final = 7
#: Seasons with fewer days between them are one; more than two are not worth their restarts.
_APART_DAYS: Final = 28
_MOST_SEASONS: Final = 2
#: What runs longer than that is the base.
_MOST_OF_YEAR: Final = 0.6
N_COURSES: Final = len(PRIOR_GROWTH)
#: What a season must save of the cost to be worth its two restarts.
_LEAST_GAIN: Final = 0.005
_PHASES: Final = np.arange(-183, 184)


@dataclass(frozen=True)
class Candidate:
    """A type at its price (an hour, one currency for all), and what it can carry; a dimension that is not named is one
    that nobody knows of this type."""

    type: str
    price: float
    capacity: Mapping[Dimension, float]


#: First and last day after the exam (half-open) in which another type runs.
Season = tuple[int, int, Candidate]


@dataclass(frozen=True, eq=False)
class Demand:
    """What was used by hour, (n_hours,) in the unit of the capacity, NaN where nobody measured; a dimension without
    hours takes what `own` has. `courses`: (n_courses,) equally likely factors of the year ahead, the low ones first."""

    own: Candidate
    used: Mapping[Dimension, Floats] = field(repr=False)
    courses: Mapping[Dimension, Floats] = field(repr=False)

    @classmethod
    def of(cls, fleet: Fleet, own: Candidate, used: Mapping[Dimension, Floats]) -> Demand:
        """With courses as far as each dimension followed the users."""
        return cls(own, used, {dimension: _courses(fleet, values) for dimension, values in used.items()})

    def needs(self, hours: Mask) -> dict[Dimension, float]:
        """What the hours need, with growth and headroom, at most what there is: larger is another question. Memory that
        is not measured is never less; network and disk that are not measured do not count."""
        found: dict[Dimension, float] = {}
        for dimension, own in self.own.capacity.items():
            used = self.used.get(dimension)
            values = np.zeros(0) if used is None else used[hours & np.isfinite(used)]
            if len(values):
                found[dimension] = min(float(np.quantile(values, PEAK)) * self.growth[dimension] / HEADROOM, own)
            elif dimension in ("cpu", "memory"):
                found[dimension] = own
        return found

    @cached_property
    def growth(self) -> Mapping[Dimension, float]:
        """The highest of ten courses."""
        return {name: float(np.quantile(courses, 0.9, method="hazen")) for name, courses in self.courses.items()}

    def over(self, one: Candidate, factors: Mapping[Dimension, float]) -> Mask:
        """The hours in which uses so many times as high would be too much for a type that has less than one's own."""
        found = np.zeros(len(next(iter(self.used.values()))), dtype=np.bool_)
        for dimension, used in self.used.items():
            own, new = (some.capacity.get(dimension, np.inf) for some in (self.own, one))
            if new < own:
                found |= np.minimum(used * factors[dimension], own) > new
        return found


@dataclass(frozen=True, eq=False)
class Sizes:
    """`base`, and in each of the `seasons` (first and last day after the exam, half-open) another type. `cost`: mean
    price of an hour; `saturated_hours`: expected hours a year in which it is too small, though one's own would not be;
    `exam_risk`: share of courses with more than one such hour in an exam window."""

    base: Candidate
    seasons: tuple[Season, ...]
    cost: float
    saturated_hours: float
    exam_risk: float

    def windows(self, fleet: Fleet) -> tuple[tuple[date, date, Candidate], ...]:
        """Days in which another type runs, around exams that are not over, with the days before for the change."""
        found = [
            (exam + timedelta(days=start - BEFORE_DAYS), exam + timedelta(days=end), one)
            for exam in fleet.exams for start, end, one in self.seasons
            if exam + timedelta(days=end) > fleet.today
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda window: window[:2]))


def _courses(fleet: Fleet, used: Floats) -> Floats:
    """Factors of the year ahead, (n_courses,): the users' as far as the measure followed them (wholly where too little
    of it is known), times what is its own; that alone where no path of users is known."""
    own = np.asarray(PRIOR_GROWTH)
    if not fleet.growth or fleet.log_users is None:
        return own
    days = np.isfinite(used[: len(used) // 24 * 24]).reshape(-1, 24).any(axis=1)
    known = np.nan_to_num(used, nan=0.0)
    elasticity = elasticity_of(known, fleet.log_users) if days.sum() >= LEAST_DAYS else 1.0
    courses = np.multiply.outer(np.asarray(fleet.growth) ** elasticity, own)
    return np.asarray(np.quantile(courses, (np.arange(N_COURSES) + 0.5) / N_COURSES))


def is_measured(metric: Metric | None) -> bool:
    """Whether a measure is there often enough to count."""
    return metric is not None and metric.known >= MEASURED


def peak(metric: Metric, hours: Mask) -> float:
    """The highest hour in a thousand of the hours, by the maximum within hours; NaN if none was measured."""
    values = metric.maximum[hours & np.isfinite(metric.maximum)]
    return float(np.quantile(values, PEAK)) if len(values) else float("nan")


def one_size(fleet: Fleet, demand: Demand, candidates: Sequence[Candidate]) -> Sizes:
    """The cheapest type for the whole year; one's own is one of them."""
    best = _cheapest([*candidates, demand.own], demand.needs(np.ones(len(fleet.hours), dtype=np.bool_)))
    return _with_risk(fleet, demand, best, (), best.price)


def by_calendar(fleet: Fleet, demand: Demand, candidates: Sequence[Candidate]) -> Sizes:
    """The cheapest base with at most two seasons of other types; one's own is one of them."""
    phase = _phases(fleet)
    known = {one.type: one for one in (*candidates, demand.own)}.values()
    useful = [one for one in known if not any(_is_better(other, one) for other in known)]
    plans = [
        (cost * (1 + _LEAST_GAIN * len(seasons)), at, base, seasons, cost)
        for at, base in enumerate(useful)
        for least_hours in (2, 1)
        for seasons, cost in _seasons(demand, useful, base, phase, least_hours)
    ]
    _, _, base, seasons, cost = min(plans, key=lambda plan: plan[:2])
    return _with_risk(fleet, demand, base, seasons, cost)


def _seasons(
    demand: Demand, candidates: Sequence[Candidate], base: Candidate, phase: NDArray[np.int64], least_hours: int
) -> Iterator[tuple[tuple[Season, ...], float]]:
    """What runs when a base is too small, and the mean price of an hour; nothing where that is most of the time."""
    outside = np.ones(len(phase), dtype=np.bool_)
    seasons: list[Season] = []
    share = cost = 0.0
    for start, end in _stretches(demand, base, phase, least_hours):
        inside = (phase >= start) & (phase < end)
        larger = _cheapest(candidates, demand.needs(inside))
        seasons.append((start, end, larger))
        days = (end - start + BEFORE_DAYS) / 365
        share, cost, outside = share + days, cost + days * larger.price, outside & ~inside
    if share <= _MOST_OF_YEAR and _carries(base, demand.needs(outside)):
        yield tuple(seasons), cost + (1 - share) * base.price


def _is_better(one: Candidate, other: Candidate) -> bool:
    """Whether one costs less (or no more, and comes first by name) and has no less of anything."""
    return (one.price, one.type) < (other.price, other.type) and all(
        capacity <= one.capacity.get(dimension, 0.0) for dimension, capacity in other.capacity.items()
    )


def _carries(one: Candidate, needs: Mapping[Dimension, float]) -> bool:
    return all(one.capacity.get(dimension, np.inf) >= need * (1 - 1e-9) for dimension, need in needs.items())


def _cheapest(candidates: Sequence[Candidate], needs: Mapping[Dimension, float]) -> Candidate:
    return min((one for one in candidates if _carries(one, needs)), key=lambda one: (one.price, one.type))


def _phases(fleet: Fleet) -> NDArray[np.int64]:
    """Days after the nearest exam of each hour, (n_hours,); far beyond any season where no exam is near."""
    days = fleet.ist_days.astype(np.int64)
    exams = np.array([np.datetime64(exam, "D").astype(np.int64) for exam in fleet.exams], dtype=np.int64)
    if not len(exams):
        return np.full(len(days), 10_000)
    apart = days[:, None] - exams[None, :]
    return np.asarray(np.take_along_axis(apart, np.abs(apart).argmin(axis=1)[:, None], axis=1)[:, 0])


def _stretches(demand: Demand, base: Candidate, phase: NDArray[np.int64], least_hours: int) -> list[tuple[int, int]]:
    """Days after the exam in which a type is too small at least so often in a fortnight, as half-open stretches."""
    over = demand.over(base, {dimension: demand.growth[dimension] / HEADROOM for dimension in demand.used})
    near = np.abs(phase) <= _PHASES[-1]
    by_phase = np.bincount(phase[near & over] - _PHASES[0], minlength=len(_PHASES))
    hot = np.convolve(by_phase, np.ones(2 * _SLACK_DAYS + 1), "same") >= least_hours
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hot.astype(np.int8), [0]])))
    found = [(int(a) + int(_PHASES[0]), int(b) + int(_PHASES[0])) for a, b in edges.reshape(-1, 2)]
    while len(found) > 1:
        gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(found)]
        at = int(np.argmin(gaps))
        if gaps[at] >= _APART_DAYS and len(found) <= _MOST_SEASONS:
            break
        found[at : at + 2] = [(found[at][0], found[at + 1][1])]
    return found


def _with_risk(fleet: Fleet, demand: Demand, base: Candidate, seasons: tuple[Season, ...], cost: float) -> Sizes:
    """The last year's hours again on each course of growth, under the sizes of each day."""
    phase = _phases(fleet)
    season = [((phase >= start - BEFORE_DAYS) & (phase < end), one) for start, end, one in seasons]
    measured = np.zeros(len(phase), dtype=np.bool_)
    for used in demand.used.values():
        measured |= np.isfinite(used)
    near = (phase >= -EXAM_WINDOW[0]) & (phase < EXAM_WINDOW[1])
    yearly, risky = [], []
    for at in range(N_COURSES):
        factors = {dimension: float(courses[at]) for dimension, courses in demand.courses.items()}
        over = demand.over(base, factors)
        for inside, one in season:
            over = np.where(inside, demand.over(one, factors), over)
        yearly.append(over.sum() / max(measured.sum(), 1) * 8760)
        risky.append((over & near).sum() > 1)
    return Sizes(base, seasons, cost, float(np.mean(yearly)), float(np.mean(risky)))
