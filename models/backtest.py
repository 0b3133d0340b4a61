"""Rolling origins: what each candidate would have said in the past, and how wrong it was.

Every origin sees only days before it, and the calendar as it was known on it. A day near an event whose name an origin
had never met is left out where the history has met it since: that error will not be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core import NotEnoughHistory
from models.calendar import Calendar
from models.design import Days, Floats, offsets

HORIZONS: Final = (7, 30, 90, 365)
#: Within its window an event is near (1) on days no further from it than this, and at hand (2) on the closest of them.
NEAR_DAYS: Final = 21
AT_HAND_DAYS: Final = 3
N_ORIGINS: Final = 10
_MIN_TRAIN: Final = 365
_SLOW_EVERY: Final = 3

#: From a calendar (None: no events) an estimator with fit(days, y) and predict(days).
Make = Callable[[Calendar], Any]
#: The calendar as it was known on a day, completed with what was then expected.
AsOf = Callable[[Calendar, date], Calendar]


@dataclass(frozen=True)
class Backtest:
    """Forecasts from origins inside a history; rows are origins, columns days ahead from 1, logs are natural.

    `truth` and `logs[name]` (n_origins, horizon); NaN: unknown, left out or not tried. `near`: as `near_events`.
    """

    origins: Days
    truth: Floats = field(repr=False)
    near: NDArray[np.int8] = field(repr=False)
    logs: Mapping[str, Floats] = field(repr=False)

    def errors(self, name: str) -> Floats:
        """log(truth) - log(forecast), (n_origins, horizon)."""
        return self.truth - self.logs[name]


@dataclass(frozen=True)
class Score:
    """How wrong a candidate was over the first `horizon` days of all its origins; ratios, days, None: not measured."""

    candidate: str
    horizon: int
    origins: int
    wape: float | None
    mase: float | None
    bias: float | None
    event_wape: float | None
    peak_error: float | None
    peak_days: float | None
    pinball: float | None = None
    cover80: float | None = None
    cover95: float | None = None


def near_events(days: Days, calendar: Calendar | None) -> NDArray[np.int8]:
    """How near some event is on each day, (n_days,): 0 not, 1 near, 2 at hand."""
    near = np.zeros(len(days), dtype=np.int8)
    for event in calendar or ():
        away = np.abs(offsets(days, event))
        near = np.maximum(near, (away <= NEAR_DAYS).astype(np.int8) + (away <= AT_HAND_DAYS))
    return near


def backtest(
    days: Days,
    values: Floats,
    calendar: Calendar,
    candidates: Mapping[str, tuple[Make, bool]],
    *,
    floor: float,
    horizon: int = 365,
    n_origins: int = N_ORIGINS,
    as_of: AsOf = Calendar.as_known,
) -> Backtest:
    """Forecast `horizon` days from up to `n_origins` days of a history (n_days,) without holes; NaN is unknown.

    `candidates`: name -> (how it is made, whether it is slow); a slow one is tried from every third origin.
    """
    positions = origin_positions(len(days), n_origins)
    truth, near = np.full((len(positions), horizon), np.nan), np.zeros((len(positions), horizon), dtype=np.int8)
    logs = {name: np.full((len(positions), horizon), np.nan) for name in candidates}
    for row, at in enumerate(positions):
        ahead = days[at : at + horizon]
        with np.errstate(invalid="ignore"):
            truth[row, : len(ahead)] = np.log(values[at : at + horizon] + floor + _TINY)
        near[row, : len(ahead)] = near_events(ahead, calendar)
        truth[row, : len(ahead)][_never_met(days, at, ahead, calendar)] = np.nan
        known = as_of(calendar, days[at].astype(object))
        for name, (make, is_slow) in candidates.items():
            if is_slow and row % _SLOW_EVERY:
                continue
            try:
                forecast = make(known).fit(days[:at], values[:at]).predict(ahead)
            except NotEnoughHistory:  # nothing was counted yet at that origin
                continue
            logs[name][row, : len(ahead)] = np.log(forecast + floor + _TINY)
    return Backtest(days[positions] if positions else days[:0], truth, near, logs)


_TINY: Final = 1e-9


def origin_positions(n_days: int, n_origins: int) -> list[int]:
    """Where the origins lie in a history, newest first: evenly from its first year, or its half, to its last weeks."""
    first, last = min(_MIN_TRAIN, max(n_days // 2, 28)), n_days - 28
    if last < first:
        return []
    count = max(min(n_origins, (last - first) // 14 + 1), 1)
    return [int(at) for at in np.linspace(last, first, count)]


def _never_met(days: Days, at: int, ahead: Days, calendar: Calendar) -> NDArray[np.bool_]:
    """Days near an event whose name was not met before the origin though the whole history has met it earlier."""
    unmet = np.zeros(len(ahead), dtype=bool)
    for name in calendar.names:
        found = calendar.of(name)
        if not any(np.isfinite(offsets(days[:at], event)).any() for event in found):
            for event in found:
                unmet |= np.abs(offsets(ahead, event)) <= NEAR_DAYS
    return unmet


def score(run: Backtest, name: str, horizon: int, floor: float, mase_scale: float) -> Score:
    """The figures of one candidate within `horizon`; `mase_scale` is the mean step of the history over seven days."""
    truth = np.exp(run.truth[:, :horizon]) - floor
    forecast = np.exp(run.logs[name][:, :horizon]) - floor
    both = np.isfinite(truth) & np.isfinite(forecast)
    whole = both.mean(axis=1) >= 0.8 if horizon <= 90 else both.mean(axis=1) >= 0.25
    both &= whole[:, None]
    if not both.any():
        return Score(name, horizon, 0, None, None, None, None, None, None)
    wrong, total = np.abs(truth - forecast), float(np.abs(truth[both]).sum())
    close = both & (run.near[:, :horizon] > 0)
    sizes, shifts = _peaks(truth, forecast, close)
    return Score(
        name, horizon, int(whole.sum()),
        wape=float(wrong[both].sum() / total) if total else None,
        mase=float(wrong[both].mean() / mase_scale) if mase_scale else None,
        bias=float((forecast - truth)[both].sum() / total) if total else None,
        event_wape=float(wrong[close].sum() / truth[close].sum()) if close.any() and truth[close].sum() else None,
        peak_error=float(np.median(sizes)) if sizes else None,
        peak_days=float(np.median(shifts)) if shifts else None,
    )  # fmt: skip


def _peaks(truth: Floats, forecast: Floats, close: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    """Of each origin that met an event: error of the largest week near it (ratio), and how far off its day lies."""
    sizes, shifts = [], []
    for actual, told, near in zip(truth, forecast, close, strict=True):
        if near.sum() < 14:
            continue
        week, said = (np.convolve(np.where(near, row, 0.0), np.ones(7) / 7, "valid") for row in (actual, told))
        sizes.append(abs(said.max() / week.max() - 1))
        shifts.append(float(abs(int(said.argmax()) - int(week.argmax()))))
    return sizes, shifts
