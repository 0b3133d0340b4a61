"""Which forecast a purchase trusts, pool by pool: judged by what it would have saved, not by how near it came.

Where more than two years are known, every candidate buys at past dates with what was known then, and the year that
followed says what it captured of hindsight's saving. A pool's own record counts by the years that it spans; the rest is
the record of all pools. The model stands unless another is clearly better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.design import Floats
from recommender.ahead import DEATHS_PER_YEAR, look_ahead
from recommender.horizon import STRIDE, YEAR_HOURS
from recommender.tables import Demand

#: The calendar model; last year as it was; the last eight weeks again and again; all of them side by side.
Candidate = Literal["model", "last year", "last weeks", "blend"]
CANDIDATES: Final[tuple[Candidate, ...]] = get_args(Candidate)
_WEEKS: Final = 8
_EVERY: Final = timedelta(days=28)
_MOST_ORIGINS: Final = 26
#: Years of record that the record of all pools counts for beside a pool's own.
_COMMON_YEARS: Final = 2.0
#: By how much of hindsight's saving a challenger must have been better.
_CLEARLY: Final = 0.01


@dataclass(frozen=True, eq=False)
class Ahead:
    """Demand of the year ahead: `paths` (n_pools, n_paths * n_hours) on-demand USD, `chosen` (n_pools,) candidates;
    `record` (n_pools, n_candidates): captured shares of hindsight at past dates, NaN where no year could judge."""

    paths: NDArray[np.float32] = field(repr=False)
    chosen: tuple[Candidate, ...]
    record: Floats = field(repr=False)


def demand_ahead(
    demand: Demand, rates: Floats, exams: Sequence[date], *, growth_per_year: float | None = None, n_paths: int = 24,
) -> Ahead:  # fmt: skip
    """The year after `demand` (at least a year of hours) by each pool's champion. `rates` (n_pools,): price of a
    commitment as a share of on demand. Where growth is stated, the model is what knows it."""
    found = candidates(demand, exams, growth_per_year=growth_per_year, n_paths=n_paths)
    record = backtest(demand, rates, exams)
    chosen = np.zeros(len(demand.pools), dtype=int) if growth_per_year is not None else choose(record, _years(demand))
    paths = np.stack([found[at][row] for row, at in enumerate(chosen)])
    ratio = record[..., 0] / np.where(record[..., 1] > 0, record[..., 1], np.nan)
    return Ahead(paths, tuple(CANDIDATES[at] for at in chosen), ratio)


def candidates(
    demand: Demand, exams: Sequence[date], *, growth_per_year: float | None = None, n_paths: int = 24,
    stride: int = STRIDE,
) -> list[NDArray[np.float32]]:  # fmt: skip
    """The year ahead by each candidate, (n_pools, n_paths * n_hours) on-demand USD."""
    horizon = look_ahead(
        demand.fleet(exams), None, days=365, n_paths=n_paths, stride=stride, growth_per_year=growth_per_year,
        deaths_per_year=DEATHS_PER_YEAR,
    )  # fmt: skip
    nothing = np.zeros((n_paths, len(horizon.hours)))
    model = np.stack([horizon.units.get((pool, 0), nothing).ravel() for pool in demand.pools]).astype(np.float32)
    ahead = (horizon.hours - demand.hours[-1]).astype(np.int64)  # hours after the last that is known, 1 is the next
    year = demand.usd[:, len(demand.hours) - 1 + ahead - 52 * 168 - np.where(ahead > 52 * 168, 168, 0)]
    last_year = np.tile(year, n_paths).astype(np.float32)
    back = 1 + (ahead - 1) % 168  # the same hour of the week, in the last week that is known
    last_weeks = np.concatenate(
        [demand.usd[:, len(demand.hours) - 1 + back - 168 * (1 + path % _WEEKS)] for path in range(n_paths)], axis=1
    ).astype(np.float32)
    n_hours = len(ahead)
    third = [slice(part * n_paths // 3 * n_hours, (part + 1) * n_paths // 3 * n_hours) for part in range(3)]
    blend = np.concatenate([model[:, third[0]], last_year[:, third[1]], last_weeks[:, third[2]]], axis=1)
    return [model, last_year, last_weeks, blend]


def backtest(demand: Demand, rates: Floats, exams: Sequence[date]) -> Floats:
    """(n_pools, n_candidates, 2): what each candidate would have saved at past dates, USD, and the best in hindsight,
    summed over dates 28 days apart with a year known before and after. All 0 with less than two years of hours."""
    found = np.zeros((len(demand.pools), len(CANDIDATES), 2))
    for origin in _origins(demand):
        at = int((np.datetime64(origin, "h") - demand.hours[0]).astype(np.int64))
        real = demand.usd[:, at : at + YEAR_HOURS : 5]
        best = _saving(real, _levels(real, rates), rates)
        for index, paths in enumerate(candidates(demand.before(origin), exams, n_paths=6, stride=2 * STRIDE - 5)):
            found[:, index, 0] += _saving(real, _levels(paths, rates), rates)
            found[:, index, 1] += best
    return found


def choose(record: Floats, years: float) -> NDArray[np.int64]:
    """The champion of each pool, (n_pools,), indices of CANDIDATES, from a record (n_pools, n_candidates, 2) that spans
    so many `years` of terms."""
    if not record[..., 1].any():
        return np.zeros(len(record), dtype=np.int64)
    common = record[..., 0].sum(axis=0) / record[..., 1].sum(axis=0)
    own = np.divide(record[..., 0], record[..., 1], out=np.tile(common, (len(record), 1)), where=record[..., 1] > 0)
    score = (years * own + _COMMON_YEARS * common) / (years + _COMMON_YEARS)
    score[:, 0] += _CLEARLY
    return np.asarray(score.argmax(axis=1), dtype=np.int64)


def _years(demand: Demand) -> float:
    """Years of terms that a record spans."""
    return max(len(demand.hours) / YEAR_HOURS - 1, 0.0)


def _origins(demand: Demand) -> list[date]:
    """Days with a year before and after, newest first, 28 days apart."""
    first = (demand.hours[0] + np.timedelta64(YEAR_HOURS + 23, "h")).astype("datetime64[D]").astype(object)
    last = (demand.hours[-1] + 1 - np.timedelta64(YEAR_HOURS, "h")).astype("datetime64[D]").astype(object)
    found: list[date] = []
    while last >= first and len(found) < _MOST_ORIGINS:
        found.append(last)
        last -= _EVERY
    return found


def _levels(demand: NDArray[np.floating], rates: Floats) -> Floats:
    """The level of each pool that pays for itself: its (1 - rate) quantile, (n_pools,)."""
    return np.array([np.quantile(row, max(1 - rate, 0.0)) for row, rate in zip(demand, rates, strict=True)])


def _saving(real: NDArray[np.floating], levels: Floats, rates: Floats) -> Floats:
    """What levels save in the hours of `real` (n_pools, n_hours), (n_pools,)."""
    used = np.minimum(real, levels[:, None]).sum(axis=1, dtype=np.float64)
    return np.asarray(used - levels * rates * real.shape[1])
