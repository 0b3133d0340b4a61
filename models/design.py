"""The columns that a daily series is explained by: trend, weekdays, the year, and events on their own clock.

A column group carries its own penalty, in pseudo-observations: a penalty of 30 pulls a coefficient to zero as 30 days
without any effect would. Pure arrays; what is estimated from them is `models.forecasters`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter  # type: ignore[import-untyped]

from models.calendar import Calendar, Event

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

DAY: Final = np.timedelta64(1, "D")
#: Offsets at which the effect of an event may bend: every day near it, ever fewer far away.
_KNOTS: Final = (0, 1, 2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 80, 110, 150, 200, 250, 300, 365)
#: An event that is felt for as many days makes a season.
SEASON_DAYS: Final = 90
#: An occurrence this soon after another of its name is a repetition, which nobody waits for before it is announced.
REPEAT_DAYS: Final = 150
_YEAR_DAYS: Final = 365.2425
_STEP_DAYS, _MAX_STEPS, _STAYS = 28, 3, 0.6


@dataclass(frozen=True)
class Penalties:
    """How strongly each kind of column is held back, in pseudo-observations (days); of `trend` several are averaged."""

    trend: tuple[float, ...] = (10.0, 100.0, 1000.0)
    weekday: float = 1.0
    weekday_season: float = 20.0
    year: float = 30.0
    #: where an event is felt for a season, what it and the time of the year explain equally well is the event's
    year_beside_season: float = 300.0
    #: of an event, by the spread of the series: what an effect of `event_scale` (log) counts beside the noise
    event_scale: float = 0.4
    event_bounds: tuple[float, float] = (0.003, 0.5)
    event_weekday: float = 1.0


@dataclass(frozen=True)
class Design:
    """Columns (n_days, n_columns) and the matrix (n_columns, n_columns) that holds their coefficients back."""

    columns: Floats
    penalty: Floats


def event_penalty(penalties: Penalties, spread: float) -> float:
    """How strongly an event is held back in a series of that spread: the noisier, the more."""
    return float(np.clip((spread / penalties.event_scale) ** 2, *penalties.event_bounds))


def weekday(days: Days) -> NDArray[np.int64]:
    """0 is Monday, (n_days,)."""
    return np.asarray((days.astype("datetime64[D]").astype(np.int64) + 3) % 7)


def trend_columns(days: Days, knots: Days, end: np.datetime64, half_lives_days: tuple[float, ...]) -> Floats:
    """One hinge a knot, in years, (n_days, n_knots); after `end` time slows down, by the mean of the half-lives.

    Damping: Gardner and McKenzie (1985). The mean of several hedges between growth that ends and growth that lasts.
    """
    since = (days - end) / DAY
    rates = np.log(2) / np.asarray(half_lives_days)
    after = np.maximum(since, 0)
    slowed = np.where(since > 0, np.mean([-np.expm1(-rate * after) / rate for rate in rates], axis=0), since)
    at = (knots - end) / DAY
    return np.asarray(np.maximum(slowed[:, None] - at[None, :], 0) / _YEAR_DAYS)


def weekday_columns(days: Days) -> Floats:
    """One column a weekday, (n_days, 7), each less a seventh."""
    return np.asarray(np.eye(7)[weekday(days)] - 1 / 7)


def year_columns(days: Days, harmonics: int) -> Floats:
    """Sines and cosines of the year, (n_days, 2 x harmonics)."""
    years = days.astype("datetime64[Y]")
    first = years.astype("datetime64[D]")
    length = (years + 1).astype("datetime64[D]") - first
    angle = 2 * np.pi * ((days - first) / DAY) / (length / DAY)
    turns = angle[:, None] * np.arange(1, harmonics + 1)
    return np.asarray(np.hstack([np.sin(turns), np.cos(turns)]))


def knots_of(lo: int, hi: int) -> Floats:
    """Offsets from `lo` to `hi` at which the effect may bend."""
    inside = {k for knot in _KNOTS for k in (-knot, knot) if lo <= k <= hi}
    return np.array(sorted(inside | {lo, hi}), dtype=np.float64)


def offsets(days: Days, event: Event, since: date | None = None) -> Floats:
    """Days from an event, (n_days,): negative before its first day, 0 during it, positive after its last day.

    NaN outside its window, and before `since`.
    """
    first, last = np.datetime64(event.on, "D"), np.datetime64(event.last, "D")
    away = np.minimum((days - first) / DAY, 0) + np.maximum((days - last) / DAY, 0)
    outside = (away < event.lo) | (away > event.hi)
    if since is not None:
        outside |= (away < 0) & (days < np.datetime64(since, "D"))
    return np.where(outside, np.nan, away)


def event_columns(days: Days, calendar: Calendar | None, name: str, window: tuple[int, int]) -> tuple[Floats, Floats]:
    """The effect of all occurrences of a name: hats over offsets within `window` (n_days, n_knots), and the knots."""
    found = [] if calendar is None else calendar.of(name)
    knots = knots_of(*window)
    columns = np.zeros((len(days), len(knots)))
    first, last = (days.min().item(), days.max().item()) if len(days) else (date.max, date.min)
    for before, event in zip([None, *found], found, strict=False):
        if event.last + timedelta(days=event.hi) < first or event.on + timedelta(days=event.lo) > last:
            continue  # a calendar holds decades
        since = None if before is None else _waiting_since(before, event)
        away = offsets(days, event, since)
        near = np.isfinite(away)
        if near.any():
            columns[near] += event.size * _hats(away[near], knots)
    return columns, knots


def nearest_offset(days: Days, calendar: Calendar, name: str) -> Floats:
    """Days from the nearest occurrence of a name whose window holds the day, (n_days,); NaN where there is none."""
    nearest = np.full(len(days), np.nan)
    for event in calendar.of(name):
        away = offsets(days, event)
        closer = np.isfinite(away) & ~(np.abs(nearest) <= np.abs(away))
        nearest[closer] = away[closer]
    return nearest


def bend_penalty(knots: Floats, size: float, bend: float) -> Floats:
    """Coefficients of hats held to zero and to their neighbours, (n_knots, n_knots); outside of the knots is zero."""
    steps = np.diff(np.eye(len(knots) + 2), axis=0)[:, 1:-1]
    return np.asarray(size * np.eye(len(knots)) + bend * steps.T @ steps)


def spread(values: Floats) -> float:
    """The median absolute deviation from zero, as a standard deviation; never 0."""
    return max(1.4826 * float(np.median(np.abs(values))), 1e-9)


def local_spread(rest: Floats) -> float:
    """The spread about the weeks around each day: noise, without what bends slowly."""
    if len(rest) < 2 * _STEP_DAYS:
        return spread(rest - np.median(rest))
    return spread(rest - median_filter(rest, _STEP_DAYS + 1, mode="nearest"))


def find_steps(when: Days, rest: Floats, spreads: float = 5.0, least: float = 0.0) -> Days:
    """Days on which the level moved, from four weeks to the next four, by `spreads` and `least`, and stayed there."""
    found: list[np.datetime64] = []
    rest = rest.copy()
    for _ in range(_MAX_STEPS):
        if len(rest) < 4 * _STEP_DAYS:
            break
        high = 6 * spread(rest)
        sums = np.concatenate([[0.0], np.cumsum(np.clip(rest, -high, high))])
        at = np.arange(_STEP_DAYS, len(rest) - _STEP_DAYS)
        jumps = (sums[at + _STEP_DAYS] - 2 * sums[at] + sums[at - _STEP_DAYS]) / _STEP_DAYS
        best = int(np.argmax(np.abs(jumps)))
        day, jump = int(at[best]), float(jumps[best])
        after, before = rest[day : day + 3 * _STEP_DAYS], rest[max(day - 3 * _STEP_DAYS, 0) : day]
        stays = (np.median(after) - np.median(before)) / jump if jump else 0.0
        if abs(jump) < max(spreads * local_spread(rest), least) or stays < _STAYS:
            break
        found.append(when[day])
        rest[day:] -= jump
    return np.unique(np.array(found, dtype="datetime64[D]"))


def _waiting_since(before: Event, event: Event) -> date:
    soon = (event.on - before.last).days <= REPEAT_DAYS
    return max(before.last, event.known_from) if soon and event.known_from else before.last


def _hats(away: Floats, knots: Floats) -> Floats:
    at = np.clip(np.searchsorted(knots, away, side="right") - 1, 0, max(len(knots) - 2, 0))
    hats = np.zeros((len(away), len(knots)))
    if len(knots) == 1:
        hats[:, 0] = 1.0
        return hats
    share = np.clip((away - knots[at]) / (knots[at + 1] - knots[at]), 0, 1)
    rows = np.arange(len(away))
    hats[rows, at], hats[rows, at + 1] = 1 - share, share
    return hats
