"""How sure a forecast is: bands from the errors of rolling origins, and joint paths that agree with them.

Conformal in spirit (Vovk et al. 2005; rolling origins instead of exchangeable days): no distribution is assumed, only
that errors will be as they were, in units of the spread of the series, at that distance and nearness to an event. A
series has few origins, so its errors are set beside those of public series and the wider ones count.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

from models.backtest import Backtest
from models.design import Floats

#: Last day of each class of distance, and the day that stands for it.
EDGES: Final = (7, 30, 90, 180, 365)
_CENTRES: Final = np.array([3.0, 15.0, 55.0, 130.0, 260.0])
#: Shares of the errors that a band of that half-width holds.
LEVELS: Final = (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
#: How far other series count, and what is added far from events, near them and at hand.
OTHERS: Final = 1 / 3
MARGINS: Final = (0.95, 1.3, 1.4)
#: With fewer errors than this a series says nothing of a class.
_MIN_ERRORS: Final = 28
_FACTS: Final = Path(__file__).parent / "facts" / "forecast_errors.csv"


@dataclass(frozen=True)
class Errors:
    """Half-widths of bands in spreads, (n_edges, 3, n_levels): by distance, nearness, level; NaN: unknown."""

    widths: Floats

    @classmethod
    def of(cls, run: Backtest, logs: Floats, scale: float) -> Errors:
        """Of the errors of one series; `logs` are the forecasts that were believed, `scale` its spread."""
        wrong = np.abs(run.truth - logs) / scale
        widths = np.full((len(EDGES), 3, len(LEVELS)), np.nan)
        for at, (low, high) in enumerate(zip((0, *EDGES[:-1]), EDGES, strict=True)):
            for near in (0, 1, 2):
                chosen = wrong[:, low:high][run.near[:, low:high] == near]
                chosen = chosen[np.isfinite(chosen)]
                if len(chosen) >= _MIN_ERRORS:
                    widths[at, near] = np.quantile(chosen, LEVELS)
        return cls(widths)

    def beside(self, others: Errors) -> Errors:
        """With what other series say: a third of the way to them (geometrically), and a margin near events.

        A series has ten origins, but of an event only two or three occurrences, and those say little of the next.
        """
        own = np.where(np.isfinite(self.widths), self.widths, others.widths)
        other = np.where(np.isfinite(others.widths), others.widths, own)
        return Errors(own ** (1 - OTHERS) * other**OTHERS * np.array(MARGINS)[:, None])

    def half_widths(self, ahead: Floats, near: NDArray[np.int8], coverage: Floats) -> Floats:
        """Half-widths in spreads, (n_days, n_coverages), `ahead` days from now on, at shares of coverage below 1."""
        table = np.maximum.accumulate(np.nan_to_num(self.widths), axis=0)
        table = np.maximum.accumulate(table, axis=1)
        levels = np.array([0.0, *LEVELS])
        table = np.concatenate([np.zeros((len(EDGES), 3, 1)), table], axis=2)
        # beyond the last level as the tails of a normal distribution widen
        inside = np.minimum(coverage, LEVELS[-1])
        stretch = np.maximum(_normal_width(coverage) / _normal_width(inside), 1.0)
        at = np.interp(np.log(np.maximum(ahead, 1.0)), np.log(_CENTRES), np.arange(len(EDGES)))
        low = np.minimum(at.astype(np.int64), len(EDGES) - 2)
        share = (at - low)[:, None]
        rows = (1 - share) * table[low, near.astype(np.int64)] + share * table[low + 1, near.astype(np.int64)]
        further = np.sqrt(np.maximum(ahead / 365.0, 1.0))[:, None]
        upper = np.clip(np.searchsorted(levels, inside, side="right"), 1, len(levels) - 1)
        part = (inside - levels[upper - 1]) / (levels[upper] - levels[upper - 1])
        width = (1 - part) * rows[:, upper - 1] + part * rows[:, upper]
        return np.asarray(width * stretch * further)


def _normal_width(coverage: Floats) -> Floats:
    return np.asarray(ndtri(0.5 + np.clip(coverage, 1e-6, 1 - 1e-9) / 2))


def pool(parts: Iterable[Errors]) -> Errors:
    """What several series say together: the mean of their widths."""
    widths = np.array([part.widths for part in parts])
    known = np.isfinite(widths)
    with np.errstate(invalid="ignore"):
        return Errors(np.where(known, widths, 0.0).sum(axis=0) / known.sum(axis=0))


@cache
def public_errors(without: str = "") -> Errors:
    """Of the public series that Kifayat was tried on (facts/SOURCES.md), all or all but one."""
    found: dict[str, Floats] = {}
    with _FACTS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            table = found.setdefault(row["series"], np.full((len(EDGES), 3, len(LEVELS)), np.nan))
            at = EDGES.index(int(row["days"])), int(row["near"])
            table[at] = [float(row[f"w{round(level * 100)}"] or "nan") for level in LEVELS]
    return pool(Errors(table) for name, table in found.items() if name != without)


@dataclass(frozen=True)
class Dependence:
    """How errors of a path hang together: a share lasts, one fades over weeks, one over days, the rest is loose."""

    lasting: float = 0.22
    weeks: float = 0.40
    days: float = 0.25
    weeks_fade: float = 45.0
    days_fade: float = 2.5

    @classmethod
    def of(cls, wrong: Floats) -> Dependence:
        """Half by the errors (n_origins, horizon) of one series, half by the default, that of public series."""
        usual = cls()
        seen = [_alike(wrong, lag) for lag in (3, 21, 150)]
        if any(value is None for value in seen):
            return usual
        near, month, long = (float(np.clip(value, 0.0, 0.98)) for value in seen if value is not None)
        lasting = min(long, month)
        weeks = (month - lasting) / np.exp(-21 / usual.weeks_fade)
        weeks = min(weeks, 1 - lasting)
        days = (near - lasting - weeks * np.exp(-3 / usual.weeks_fade)) / np.exp(-3 / usual.days_fade)
        days = float(np.clip(days, 0.0, 1 - lasting - weeks))
        return cls((usual.lasting + lasting) / 2, (usual.weeks + weeks) / 2, (usual.days + days) / 2)

    def normals(self, n_paths: int, n_days: int, rng: np.random.Generator) -> Floats:
        """Standard normal errors, (n_paths, n_days), each path one story."""
        loose = max(1 - self.lasting - self.weeks - self.days, 0.0)
        paths = np.sqrt(self.lasting) * rng.standard_normal((n_paths, 1))
        paths = paths + np.sqrt(self.weeks) * _fading(n_paths, n_days, self.weeks_fade, rng)
        paths += np.sqrt(self.days) * _fading(n_paths, n_days, self.days_fade, rng)
        return np.asarray(paths + np.sqrt(loose) * rng.standard_normal((n_paths, n_days)))


def _alike(wrong: Floats, lag: int) -> float | None:
    """The correlation, about zero, of errors `lag` days apart; None with few of them."""
    if wrong.shape[1] <= lag:
        return None
    first, second = wrong[:, :-lag], wrong[:, lag:]
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 10 * _MIN_ERRORS:
        return None
    high = 4 * np.nanmedian(np.abs(wrong)) + 1e-12
    first, second = np.clip(first[both], -high, high), np.clip(second[both], -high, high)
    return float((first * second).mean() / np.sqrt((first**2).mean() * (second**2).mean() + 1e-24))


def _fading(n_paths: int, n_days: int, fade: float, rng: np.random.Generator) -> Floats:
    """A stationary autoregression of order one with variance 1."""
    from scipy.signal import lfilter  # type: ignore[import-untyped]

    keep = np.exp(-1 / fade)
    steps = rng.standard_normal((n_paths, n_days)) * np.sqrt(1 - keep**2)
    steps[:, 0] /= np.sqrt(1 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], steps, axis=1))


def coverage_of(normals: Floats) -> Floats:
    """The two-sided share of a normal distribution within each value."""
    return np.asarray(2 * ndtr(np.abs(normals)) - 1)
