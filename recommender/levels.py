"""Where the level of each line stands and whither it goes: its days cleared of the users, of the season, of exams.

What a whole fleet does together and undoes within a year is its season. It is found as the fleet's common motions
(principal components of the days' logarithms), each bent so that it ends where it began: what does not come back is
growth. Where too few lines are there to tell it, days near exams are left out instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes  # type: ignore[import-untyped]

from models.design import Floats
from recommender.fleet import Fleet, exam_mask
from recommender.horizon import Key

#: Days that a level is a mean of, on either side.
LEVEL_DAYS: Final = 14
#: Days before and after an exam that tell nothing of a line's level.
_HUMP: Final = (75, 50)
_MOST_ELASTIC: Final = 1.5
#: A line follows the users only where they explain that much of its days.
_LEAST_CORRELATION: Final = 0.4
LEAST_DAYS: Final = 200
#: Days that must be known before a season of the year is told from a trend.
_WHOLE_YEAR_DAYS: Final = 330
#: Lines that a common season is told from, and how many motions it may have.
_LEAST_LINES: Final = 12
_MOTIONS: Final = 3
_TURNS: Final = 4
#: Days away from exams that a year must have for them to be told apart.
_LEAST_USUAL_DAYS: Final = 90
_SMOOTH_DAYS: Final = 7
_EDGE_DAYS: Final = 7
#: Days that today's level is a mean of.
_NOW_DAYS: Final = 28


@dataclass(frozen=True, eq=False)
class Level:
    """Of the logarithm of a line's days: `plain` (n_days,) without users and season, NaN near exams and where it did
    not run; `elasticity`: how far it follows the users; `slope` a year, None where too little is known or the year
    goes round; `today`: where the level stands at the end of the last day."""

    plain: Floats = field(repr=False)
    elasticity: float
    slope: float | None
    today: float


def levels(fleet: Fleet, log_users: Floats | None) -> dict[Key, Level]:
    """Of every line that ran at all; `log_users` (n_hours,) of the past, None where nobody counts."""
    n_days = len(fleet.hours) // 24
    users = None if log_users is None else log_users[: n_days * 24].reshape(-1, 24).mean(axis=1)
    near = np.asarray(exam_mask(fleet.hours, fleet.exams, *_HUMP)[: n_days * 24].reshape(-1, 24).any(axis=1))
    if (~near).sum() < _LEAST_USUAL_DAYS:
        near = np.zeros(n_days, dtype=np.bool_)  # exams all year bend nothing: there is no usual day to compare with
    logs: dict[Key, Floats] = {}
    follow: dict[Key, float] = {}
    for workload in fleet.workloads:
        for at, line in enumerate(workload.lines):
            daily = line.hourly[: n_days * 24].reshape(-1, 24).sum(axis=1)
            if not daily.any():
                continue
            key = workload.id, at
            follow[key] = 0.0 if users is None else _elasticity(daily, users)
            cleared = np.log(np.maximum(_weekly(daily), 1e-12)) - (0.0 if users is None else follow[key] * users)
            logs[key] = np.where(daily > 0, cleared, np.nan)
    whole = [
        key for key, log in logs.items()
        if np.isfinite(log).sum() >= _WHOLE_YEAR_DAYS and np.nanmax(log) - np.nanmin(log) > 1e-6
    ]  # fmt: skip
    seasons: dict[Key, Floats] = {}
    if len(whole) >= _LEAST_LINES:
        seasons = dict(zip(whole, common_season(np.stack([logs[key] for key in whole]), near), strict=True))
    return {key: _level(log, near, follow[key], seasons.get(key)) for key, log in logs.items()}


def _level(log: Floats, near: NDArray[np.bool_], elasticity: float, season: Floats | None) -> Level:
    """Of one line: `log` (n_days,), cleared of users; near exams only a known season tells its level."""
    clear = np.where(near, np.nan, log) if season is None else log - season
    if np.isfinite(clear).sum() < LEVEL_DAYS:
        clear = log
    known = np.flatnonzero(np.isfinite(clear))
    slope = None
    if season is not None or (len(known) >= LEAST_DAYS and not is_seasonal(clear)):
        slope = _slope(known, clear[known])
    recent = known[-_NOW_DAYS:]
    # brought up to today: where nothing is told near an exam, the level was seen weeks ago
    today = float(np.mean(clear[recent] + (slope or 0.0) * (len(log) - 1 - recent) / 365))
    plain = clear if season is None else np.where(near, np.nan, clear)
    return Level(plain, elasticity, slope, today)


def _slope(days: NDArray[np.int64], values: Floats) -> float:
    """A year, by the middle of the slopes between any two weeks (Theil and Sen): a hump of some weeks is no growth."""
    return float(theilslopes(values[::7], days[::7] / 365).slope)


def common_season(logs: Floats, near: NDArray[np.bool_]) -> Floats:
    """The season of each line, (n_lines, n_days), of logarithms `logs` (n_lines, n_days), NaN where a line did not run;
    `near` (n_days,): days that an exam bends.

    First the year without those days: straight lines and the motions of what they leave, in turns. Then the exam days:
    motions that begin and end where the year without them goes on, beside a step for each line.
    """
    n_days = logs.shape[1]
    usual = np.where(np.isfinite(logs), logs, np.nanmean(logs, axis=1, keepdims=True))
    t = (np.arange(n_days) - (n_days - 1)) / 365
    trend, motions = _year(usual[:, ~near], t[~near])
    season = np.zeros_like(usual)
    season[:, ~near] = motions
    if near.any():
        season[:, near] = _exam(usual[:, near] - trend @ np.vstack([np.ones(near.sum()), t[near]]), near)
    return season


def _year(logs: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Level at t = 0 and slope of each line, (n_lines, 2), and its season on the days t, (n_lines, n)."""
    n_lines, n = logs.shape
    line = np.column_stack([np.ones(n), t])
    # growth is what the year's end has over its beginning: what comes and goes within it is none
    first, last = _ends(logs, t)
    slope = (last - first) / (t[-1] - t[0])
    rest = logs - slope[:, None] * t
    rest = rest - rest.mean(axis=1, keepdims=True)
    trend, season = np.zeros((n_lines, 2)), np.zeros_like(logs)
    for _ in range(_TURNS):
        motions = _motions(rest)
        # what a motion has not undone after the year is growth: it ends where it began
        first, last = _ends(motions, t)
        motions = motions - last[:, None] - (last - first)[:, None] * (t - t[-1]) / (t[-1] - t[0])
        solved = _regress(logs, np.column_stack([line, motions.T]), 2)
        trend, season = solved[:, :2], solved[:, 2:] @ motions
        rest = logs - trend @ line.T
    return trend, season


def _ends(values: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Where each row, (n_rows, n), stands at the first and the last instant of t, by straight lines of two weeks: its
    season may be steep there."""
    found = []
    # the first and last three days are of weeks that are cut
    for part, at in ((slice(3, 3 + LEVEL_DAYS), t[0]), (slice(-3 - LEVEL_DAYS, -3), t[-1])):
        start, slope = np.polynomial.polynomial.polyfit(t[part], values[:, part].T, 1)
        found.append(np.asarray(start + slope * at, dtype=np.float64))
    return found[0], found[1]


def _exam(rest: Floats, near: NDArray[np.bool_]) -> Floats:
    """What exams do to each line on the days near them, (n_lines, n_near), of what its trend leaves, `rest`."""
    motions = _motions(rest)
    days = np.flatnonzero(near)
    for part in np.split(np.arange(len(days)), np.flatnonzero(np.diff(days) > 1) + 1):
        # anchored where the year without exams goes on: on both sides, or on the one that is known
        start = motions[:, part[:_EDGE_DAYS]].mean(axis=1) if days[part[0]] > 0 else None
        end = motions[:, part[-_EDGE_DAYS:]].mean(axis=1) if days[part[-1]] < len(near) - 1 else None
        first, last = (
            (start, end) if start is not None and end is not None else (start, start) if end is None else (end, end)
        )
        if first is None or last is None:
            continue
        ramp = np.linspace(0, 1, len(part))
        motions[:, part] -= first[:, None] * (1 - ramp) + last[:, None] * ramp
    beside = np.column_stack([np.ones(len(days)), days - days[0]])
    solved = _regress(rest, np.column_stack([beside, motions.T]), 2)
    return np.asarray(solved[:, 2:] @ motions)


def _motions(rest: Floats) -> Floats:
    """The principal components of the days of all lines, smoothed, (n_motions, n_days), by their size."""
    _, size, rows = np.linalg.svd(_smooth(np.clip(rest, -3.0, 3.0)), full_matrices=False)
    return np.asarray(rows[:_MOTIONS] * size[:_MOTIONS, None] / np.sqrt(len(rest)))


def _regress(values: Floats, design: Floats, free: int) -> Floats:
    """Ridge coefficients of each row, (n_rows, n_columns); the first `free` columns are not shrunk."""
    ridge = np.diag([*np.zeros(free), *np.full(design.shape[1] - free, 1e-3 * len(design))])
    return np.asarray(np.linalg.solve(design.T @ design + ridge, design.T @ values.T).T)


def _weekly(daily: Floats) -> Floats:
    """Mean of the week around each day, (n_days,), of the nearest whole week at the edges: no level of weekdays."""
    if len(daily) < 7:
        return np.full(len(daily), daily.mean())
    means = np.convolve(daily, np.ones(7) / 7, "valid")
    return np.pad(means, (3, len(daily) - len(means) - 3), mode="edge")


def _smooth(values: Floats) -> Floats:
    kernel = np.ones(_SMOOTH_DAYS) / _SMOOTH_DAYS
    padded = np.pad(values, ((0, 0), (_SMOOTH_DAYS // 2, _SMOOTH_DAYS // 2)), mode="edge")
    return np.stack([np.convolve(row, kernel, "valid") for row in padded])


def is_seasonal(plain: Floats) -> bool:
    """Whether the level of a line, (n_days,), goes round with the year rather than up or down: a wave of one year
    leaves less than half of what a straight line leaves of it."""
    level = rolling(plain)
    known = np.flatnonzero(np.isfinite(level))
    if len(known) < _WHOLE_YEAR_DAYS:
        return False
    t, y = known / 365, level[known]
    wave = np.column_stack([np.ones(len(t)), np.sin(2 * np.pi * t), np.cos(2 * np.pi * t)])
    line = np.column_stack([np.ones(len(t)), t])
    left = [float(((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum()) for x in (wave, line)]
    return left[0] < 0.5 * left[1]


def elasticity_of(hourly: Floats, log_users: Floats) -> float:
    """How far units by hour follow the logarithm of the users, both (n_hours,): the slope of their logarithms over the
    days it ran, between 0 and 1.5; 0 where users explain little, or with less than 200 such days."""
    n_days = len(hourly) // 24
    return _elasticity(
        hourly[: n_days * 24].reshape(-1, 24).sum(axis=1), log_users[: n_days * 24].reshape(-1, 24).mean(axis=1)
    )


def _elasticity(daily: Floats, users: Floats) -> float:
    ran = (daily > 0) & np.isfinite(users)
    if ran.sum() < LEAST_DAYS:
        return 0.0
    x, y = users[ran] - users[ran].mean(), np.log(daily[ran])
    y = y - y.mean()
    if not x.any() or not y.any():
        return 0.0
    correlation = float(x @ y / np.sqrt((x @ x) * (y @ y)))
    return float(np.clip(x @ y / (x @ x), 0.0, _MOST_ELASTIC)) if correlation >= _LEAST_CORRELATION else 0.0


def rolling(values: Floats) -> Floats:
    """Centred mean of the known values within two weeks on either side of each day, (n,); NaN where nothing is
    known."""
    known = np.isfinite(values)
    kernel = np.ones(2 * LEVEL_DAYS + 1)
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    count = np.convolve(known.astype(np.float64), kernel, "same")
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def filled(values: Floats) -> Floats:
    """Holes as straight lines between what is known, (n,)."""
    known = np.isfinite(values)
    return np.interp(np.arange(len(values)), np.flatnonzero(known), values[known]) if known.any() else values
