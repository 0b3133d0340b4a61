"""What is used in the months ahead: each line's own last year, moved with the exam, lifted by the users' paths.

A day ahead takes its hours from the day of last year that was as far from its exam (and of the same weekday); they are
scaled by what the users do on a path, as far as the line followed the users, and by how far the line's level, cleared
of users, has moved since then. So a forecast made in June does not follow June. What has not run lately is believed to
come back only if it ran in the last exam window. No cost, no commitments: units only.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.design import Days, Floats
from recommender.fleet import Fleet, Line
from recommender.horizon import STRIDE, Horizon, Key, hours_ahead
from recommender.levels import LEVEL_DAYS, Level, filled, is_seasonal, levels, rolling
from warehouse import Snapshot

#: Spread of the logarithm of a line's level after a year: its own part, and what all lines have in common (a fifth a
#: year together, of which three tenths common: the fleets that the method was tried on).
OWN_SPREAD: Final = 0.12
COMMON_SPREAD: Final = 0.08
#: Spread of what all lines together are told wrong of today's level.
TODAY_SPREAD: Final = 0.04
#: Share of pools that end for good in a year, where nothing but their hours is known: a prior.
DEATHS_PER_YEAR: Final = 0.04
#: Days around an exam in which days are matched by their distance from it.
_NEAR_EXAM: Final = (-120, 45)
#: What has not run for so many days is gone, unless an exam brings it back.
_GONE_DAYS: Final = 28
#: Equally likely factors of a year's growth of one thing by itself: a prior, log-normal around 1, its P90 is 1.2.
PRIOR_GROWTH: Final = tuple(
    float(np.exp(np.log(1.2) * NormalDist().inv_cdf((at + 0.5) / 45) / NormalDist().inv_cdf(0.9))) for at in range(45)
)
#: What is believed of a line's own slope, and the most that a year of it may add (logarithms).
_OWN_SLOPE: Final = 0.75
_MOST_DRIFT: Final = 0.35


@dataclass(frozen=True, eq=False)
class Users:
    """Daily active users: `days` and `known` (n_days,) of the past, `paths` (n_paths, n_ahead) from `ahead[0]` on."""

    days: Days = field(repr=False)
    known: Floats = field(repr=False)
    ahead: Days = field(repr=False)
    paths: Floats = field(repr=False)


def read_users(snapshot: Snapshot) -> Users | None:
    """What was counted and the forecast's paths; None where nobody is counted or nothing was forecast."""
    past = snapshot.query(
        "SELECT active_on, dau::DOUBLE FROM users_daily WHERE dau IS NOT NULL"
        " AND product = (SELECT COALESCE(MAX(product) FILTER (product = 'all'), MIN(product)) FROM users_daily)"
        " ORDER BY active_on"
    ).rows
    ahead = snapshot.query("SELECT path, day, dau FROM forecast_paths ORDER BY path, day").rows
    if not past or not ahead:
        return None
    n_paths = len({path for path, _, _ in ahead})
    days = np.array([day for path, day, _ in ahead if path == ahead[0][0]], dtype="datetime64[D]")
    values = np.array([users for _, _, users in ahead], dtype=np.float64).reshape(n_paths, len(days))
    return Users(
        np.array([day for day, _ in past], dtype="datetime64[D]"), np.array([users for _, users in past]), days, values
    )


def growth_ahead(users: Users | None, growth_per_year: float | None = None) -> tuple[float, ...]:
    """Equally likely factors of the users' highest day of the year ahead over that of the last, one a path. What the
    business states replaces their middle, not their spread; without paths it moves the prior, and () is not known."""
    if users is None or not len(users.known):
        return () if growth_per_year is None else tuple(one * (1 + growth_per_year) for one in PRIOR_GROWTH)
    factors = users.paths[:, :365].max(axis=1) / max(float(users.known[-365:].max()), 1.0)
    if growth_per_year is not None:
        factors = factors / np.median(factors) * (1 + growth_per_year)
    return tuple(float(factor) for factor in factors)


def log_users(fleet: Fleet, users: Users) -> Floats:
    """Logarithm of the users of each hour's IST day, (n_hours,)."""
    return np.interp(fleet.ist_days.astype(np.int64), users.days.astype(np.int64), np.log(np.maximum(users.known, 1.0)))


def look_ahead(
    fleet: Fleet, users: Users | None, *, days: int = 545, n_paths: int = 40, stride: int = STRIDE, seed: int = 0,
    growth_per_year: float | None = None, deaths_per_year: float = 0.0,
) -> Horizon:  # fmt: skip
    """The horizon of a fleet. `growth_per_year`: what the business states, in place of what the users' paths hold."""
    hours = hours_ahead(fleet, days, stride)
    source = _source_hours(fleet, hours)
    n_paths = n_paths if users is None else min(n_paths, len(users.paths))
    rng = np.random.default_rng(seed)
    years = (hours - hours[0]).astype(np.float64) / 8760
    # what is not known of today's level, and how it wanders from there
    wandering = COMMON_SPREAD * np.sqrt(years) + TODAY_SPREAD
    common = rng.standard_normal(n_paths)[:, None] * wandering
    ratio, past = _ratios(fleet, users, hours, source, n_paths)
    if growth_per_year is not None and users is not None:
        # a day and the day of last year that it is compared with are a year apart: what is stated replaces the mean
        ratio = ratio - ratio.mean() + np.log1p(growth_per_year)
    stated = 1.0 if users is not None else np.exp(np.log1p(growth_per_year or 0.0) * years)
    known = levels(fleet, past)
    steady = {(w.id, at) for w in fleet.workloads for at, line in enumerate(w.lines) if _is_steady(line.hourly)}
    drifts = _drifts(known, steady)
    units: dict[Key, Floats] = {}
    for workload in fleet.workloads:
        for at, line in enumerate(workload.lines):
            noise = common + rng.standard_normal(n_paths)[:, None] * OWN_SPREAD * np.sqrt(years)
            if (level := known.get((workload.id, at))) is None:
                continue
            drift = drifts.get((workload.id, at), 0.0)
            course, elasticity = _course(fleet, line, source, level)
            if not course.any():
                continue
            if elasticity == 0.0 and (workload.id, at) in steady:
                # one machine that runs is one machine, whatever the users do
                noise = np.zeros_like(noise)
            wander = np.exp(noise)
            grown = np.exp(drift * years) if growth_per_year is None else stated
            lifted = course * np.exp(np.clip(elasticity * ratio, -1.5, 1.5)) * wander / wander.mean(axis=0) * grown
            units[workload.id, at] = lifted * _alive(rng, n_paths, years, deaths_per_year)
    return Horizon(hours, units, n_paths)


def _drifts(known: Mapping[Key, Level], steady: Set[Key]) -> dict[Key, float]:
    """How each line's level is believed to move in a year: 0.75 of its own slope and 0.25 of the middle of all lines,
    at most 0.35. Steady lines and those of too few days have none."""
    slopes = {key: one.slope for key, one in known.items() if one.slope is not None and key not in steady}
    middle = float(np.median(list(slopes.values()))) if slopes else 0.0
    return {
        key: float(np.clip(_OWN_SLOPE * slope + (1 - _OWN_SLOPE) * middle, -_MOST_DRIFT, _MOST_DRIFT))
        for key, slope in slopes.items()
    }


def _alive(rng: np.random.Generator, n_paths: int, years: Floats, deaths_per_year: float) -> Floats:
    """1 until a line ends for good on a path, 0 after it, (n_paths, n_hours)."""
    if deaths_per_year <= 0:
        return np.ones((n_paths, len(years)))
    ends = rng.exponential(1 / deaths_per_year, n_paths)
    return np.asarray(years[None, :] < ends[:, None], dtype=np.float64)


def _source_hours(fleet: Fleet, hours: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """For each hour ahead the index of its hour of the year: as far from the exam near one, else 364 days back."""
    day = (hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
    first, n = fleet.hours[0], len(fleet.hours)
    last_day = fleet.ist_days[-1]
    past = [
        np.datetime64(exam, "D") for exam in fleet.exams if fleet.ist_days[0] <= np.datetime64(exam, "D") <= last_day
    ]
    back = np.full(len(hours), 364)
    if past:
        main = past[0]
        for exam in (np.datetime64(exam, "D") for exam in fleet.exams if np.datetime64(exam, "D") > last_day):
            apart = (day - exam).astype(int)
            near = (apart >= _NEAR_EXAM[0]) & (apart <= _NEAR_EXAM[1])
            weeks = int(np.round(int((exam - main).astype(int)) / 7)) * 7
            back[near] = weeks
    index = ((hours - first).astype(np.int64)) - back * 24
    # beyond the year: whole weeks back until it is within
    while (late := index >= n).any():
        index[late] -= 52 * 168
    while (early := index < 0).any():
        index[early] += 52 * 168
    return np.asarray(np.minimum(index, n - 1), dtype=np.int64)


def _ratios(
    fleet: Fleet, users: Users | None, hours: NDArray[np.datetime64], source: NDArray[np.int64], n_paths: int
) -> tuple[Floats, Floats | None]:
    """Logarithms: users of each path over those of the source day, (n_paths, n_hours); users by hour of the past."""
    if users is None:
        return np.zeros((n_paths, len(hours))), None
    past = log_users(fleet, users)
    day = (hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]").astype(np.int64)
    at = np.clip(day - users.ahead[0].astype(np.int64), 0, len(users.ahead) - 1)
    ahead = np.log(np.maximum(users.paths[:n_paths], 1.0))[:, at]
    return ahead - past[source], past


def _course(fleet: Fleet, line: Line, source: NDArray[np.int64], known: Level) -> tuple[Floats, float]:
    """Expected units without users' growth, (n_hours,), and how far the line follows the users."""
    hourly = line.hourly
    daily = hourly[: len(hourly) // 24 * 24].reshape(-1, 24).sum(axis=1)
    if not daily[-_GONE_DAYS:].any():
        # gone, unless it comes back with the exam
        window = fleet.in_exam_window
        return (hourly * window)[source] if (hourly * window)[-8760:].any() else np.zeros(len(source)), 0.0
    seen = np.flatnonzero(daily > 0)
    plain = known.plain
    level = rolling(plain)
    level[-1] = known.today
    level = filled(level)
    if known.slope is None and is_seasonal(plain):
        # a year that goes round: what its days were is what they will be
        level = np.full(len(daily), known.today)
    # days on which it did not exist yet, or stood still: hours of the last weeks in their place
    week = hourly[-LEVEL_DAYS * 24 :].reshape(-1, 168).mean(axis=0)
    start = (len(hourly) - LEVEL_DAYS * 24) % 168
    fallback = week[(source - start) % 168]
    existed = source // 24 >= seen[0]
    moved = np.exp(np.clip(known.today - level, -1.5, 1.5))[np.minimum(source // 24, len(daily) - 1)]
    if _is_steady(hourly):
        return np.full(len(source), float(hourly[-1])), 0.0
    return np.where(existed, hourly[source] * moved, fallback), known.elasticity


def _is_steady(hourly: Floats) -> bool:
    """Whether it ran at one pace in every hour of the last eight weeks."""
    recent = hourly[-56 * 24 :]
    return bool(recent.min() > 0 and np.ptp(recent) <= 1e-6 * recent.max())
