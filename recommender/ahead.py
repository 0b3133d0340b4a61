"""What is used in the months ahead: each line's own last year, moved with the exam, lifted by the users' paths.

A day ahead takes its hours from the day of last year that was as far from its exam (and of the same weekday); they are
scaled by what the users do on a path, as far as the line followed the users, and by how far the line's level, cleared
of users, has moved since then. So a forecast made in June does not follow June. What has not run lately is believed to
come back only if it ran in the last exam window. No cost, no commitments: units only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.design import Days, Floats
from recommender.fleet import Fleet, Line, exam_mask
from recommender.horizon import STRIDE, Horizon, Key, hours_ahead
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
_LEVEL_DAYS: Final = 14
#: What has not run for so many days is gone, unless an exam brings it back.
_GONE_DAYS: Final = 28
#: Days before and after an exam that tell nothing of a line's level.
_HUMP: Final = (75, 35)
_MOST_ELASTIC: Final = 1.5
#: A line follows the users only where they explain that much of its days.
_LEAST_CORRELATION: Final = 0.4
_LEAST_DAYS: Final = 200
#: Days that must be known before a season of the year is told from a trend.
_WHOLE_YEAR_DAYS: Final = 330
#: What is believed of a line's own slope, and the most that a year of it may add (logarithms).
_OWN_SLOPE: Final = 0.85
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
    drifts = _drifts(fleet, past)
    units: dict[Key, Floats] = {}
    for workload in fleet.workloads:
        for at, line in enumerate(workload.lines):
            noise = common + rng.standard_normal(n_paths)[:, None] * OWN_SPREAD * np.sqrt(years)
            course, elasticity = _course(fleet, line, source, past)
            if not course.any():
                continue
            if elasticity == 0.0 and _is_steady(line.hourly):
                # one machine that runs is one machine, whatever the users do
                noise = np.zeros_like(noise)
            wander = np.exp(noise)
            grown = np.exp(drifts.get((workload.id, at), 0.0) * years) if growth_per_year is None else stated
            lifted = course * np.exp(np.clip(elasticity * ratio, -1.5, 1.5)) * wander / wander.mean(axis=0) * grown
            units[workload.id, at] = lifted * _alive(rng, n_paths, years, deaths_per_year)
    return Horizon(hours, units, n_paths)


def _drifts(fleet: Fleet, past: Floats | None) -> dict[Key, float]:
    """How each line's level, cleared of users and season, has moved in the year: its logarithm's slope, 0.85 of its own
    and 0.15 of the middle of all lines, at most 0.35 a year. Steady lines and those of less than 200 days have none."""
    slopes: dict[Key, float] = {}
    for workload in fleet.workloads:
        for at, line in enumerate(workload.lines):
            if _is_steady(line.hourly) or not line.hourly[-24 * _GONE_DAYS :].any():
                continue
            elasticity = 0.0 if past is None else elasticity_of(line.hourly, past)
            plain = _plain(fleet, line, past, elasticity)
            known = np.isfinite(plain)
            if known.sum() >= _LEAST_DAYS and not _is_seasonal(plain):
                slopes[workload.id, at] = float(np.polyfit(np.flatnonzero(known) / 365, plain[known], 1)[0])
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
    past = np.interp(fleet.ist_days.astype(np.int64), users.days.astype(np.int64), np.log(np.maximum(users.known, 1.0)))
    day = (hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]").astype(np.int64)
    at = np.clip(day - users.ahead[0].astype(np.int64), 0, len(users.ahead) - 1)
    ahead = np.log(np.maximum(users.paths[:n_paths], 1.0))[:, at]
    return ahead - past[source], past


def _course(fleet: Fleet, line: Line, source: NDArray[np.int64], past: Floats | None) -> tuple[Floats, float]:
    """Expected units without users' growth, (n_hours,), and how far the line follows the users."""
    hourly = line.hourly
    daily = hourly[: len(hourly) // 24 * 24].reshape(-1, 24).sum(axis=1)
    if not daily[-_GONE_DAYS:].any():
        # gone, unless it comes back with the exam
        window = fleet.in_exam_window
        return (hourly * window)[source] if (hourly * window)[-8760:].any() else np.zeros(len(source)), 0.0
    seen = np.flatnonzero(daily > 0)
    age = len(daily) - seen[0]
    elasticity = 0.0 if past is None or age < _LEAST_DAYS else elasticity_of(hourly, past)
    plain = _plain(fleet, line, past, elasticity)
    level = _filled(_rolling(plain))
    now = float(np.median(plain[np.isfinite(plain)][-_LEVEL_DAYS:]))
    if _is_seasonal(plain):
        # a year that goes round: what its days were is what they will be
        level = np.full(len(daily), now)
    # days on which it did not exist yet, or stood still: hours of the last weeks in their place
    week = _recent_week(hourly, age)
    start = (len(hourly) - _LEVEL_DAYS * 24) % 168
    fallback = week[(source - start) % 168]
    existed = source // 24 >= seen[0]
    moved = np.exp(np.clip(now - np.where(np.isfinite(level), level, now), -1.5, 1.5))[
        np.minimum(source // 24, len(daily) - 1)
    ]
    if _is_steady(hourly):
        return np.full(len(source), float(hourly[-1])), 0.0
    return np.where(existed, hourly[source] * moved, fallback), elasticity


def _recent_week(hourly: Floats, age: int) -> Floats:
    """Mean units of the last two weeks by hour of the week, (168,), from the `age` days that it exists; an hour of the
    week that was not seen yet takes the mean of its hour of the day."""
    recent = hourly[-_LEVEL_DAYS * 24 :]
    known = np.arange(len(recent)) >= len(recent) - 24 * age
    count = known.reshape(-1, 168).sum(axis=0)
    total = np.where(known, recent, 0.0).reshape(-1, 168).sum(axis=0)
    by_hour = recent[known].reshape(-1, 24).mean(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.tile(by_hour, 7))


def _plain(fleet: Fleet, line: Line, past: Floats | None, elasticity: float) -> Floats:
    """Logarithm of a line's days, cleared of users, (n_days,); NaN where it did not run, and near exams: what an exam
    does is season, not level, and June must not be taken for the year."""
    daily = line.hourly[: len(line.hourly) // 24 * 24].reshape(-1, 24).sum(axis=1)
    users = 0.0 if past is None else elasticity * past[: len(daily) * 24].reshape(-1, 24).mean(axis=1)
    cleared = np.log(np.maximum(daily, 1e-12)) - users
    cleared[daily <= 0] = np.nan
    near = exam_mask(fleet.hours, fleet.exams, *_HUMP)[: len(daily) * 24].reshape(-1, 24).any(axis=1)
    plain = np.where(near, np.nan, cleared)
    return cleared if np.isfinite(plain).sum() < _LEVEL_DAYS else plain


def _is_seasonal(plain: Floats) -> bool:
    """Whether the level of a line, (n_days,), goes round with the year rather than up or down: a wave of one year
    leaves less than half of what a straight line leaves of it."""
    level = _rolling(plain)
    known = np.flatnonzero(np.isfinite(level))
    if len(known) < _WHOLE_YEAR_DAYS:
        return False
    t, y = known / 365, level[known]
    wave = np.column_stack([np.ones(len(t)), np.sin(2 * np.pi * t), np.cos(2 * np.pi * t)])
    line = np.column_stack([np.ones(len(t)), t])
    left = [float(((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum()) for x in (wave, line)]
    return left[0] < 0.5 * left[1]


def _is_steady(hourly: Floats) -> bool:
    """Whether it ran at one pace in every hour of the last eight weeks."""
    recent = hourly[-56 * 24 :]
    return bool(recent.min() > 0 and np.ptp(recent) <= 1e-6 * recent.max())


def elasticity_of(hourly: Floats, log_users: Floats) -> float:
    """How far units by hour follow the logarithm of the users, both (n_hours,): the slope of their logarithms over the
    days it ran, between 0 and 1.5; 0 where users explain little, or with less than 200 such days."""
    n_days = len(hourly) // 24
    daily = hourly[: n_days * 24].reshape(-1, 24).sum(axis=1)
    users = log_users[: n_days * 24].reshape(-1, 24).mean(axis=1)
    ran = (daily > 0) & np.isfinite(users)
    if ran.sum() < _LEAST_DAYS:
        return 0.0
    x, y = users[ran] - users[ran].mean(), np.log(daily[ran])
    y = y - y.mean()
    if not x.any() or not y.any():
        return 0.0
    correlation = float(x @ y / np.sqrt((x @ x) * (y @ y)))
    return float(np.clip(x @ y / (x @ x), 0.0, _MOST_ELASTIC)) if correlation >= _LEAST_CORRELATION else 0.0


def _rolling(values: Floats) -> Floats:
    """Centred mean of the known values within four weeks of each day, (n,); NaN where nothing is known."""
    known = np.isfinite(values)
    kernel = np.ones(2 * _LEVEL_DAYS + 1)
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    count = np.convolve(known.astype(np.float64), kernel, "same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _filled(values: Floats) -> Floats:
    """Holes as straight lines between what is known, (n,)."""
    known = np.isfinite(values)
    return np.interp(np.arange(len(values)), np.flatnonzero(known), values[known]) if known.any() else values
