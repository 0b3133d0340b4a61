"""Which forecast a purchase trusts, pool by pool: judged by what it would have saved, not by how near it came.

Where more than two years are known, every candidate buys at past dates with what was known then, and the year that
followed says what it captured of hindsight's saving. A pool's own record counts by the years that it spans; the rest is
the record of all pools. The model stands unless another is clearly better. Of a company's own bill only lines that do
not follow the users are judged: the users' forecast has champions of its own (`models/demand.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.design import Floats
from recommender.ahead import DEATHS_PER_YEAR, Users, log_users, look_ahead
from recommender.fleet import Fleet, Workload
from recommender.horizon import STRIDE, YEAR_HOURS, Horizon, Key
from recommender.levels import levels
from recommender.tables import Demand

#: The calendar model; last year as it was; the last eight weeks again and again; all of them side by side.
Candidate = Literal["model", "last year", "last weeks", "blend"]
CANDIDATES: Final[tuple[Candidate, ...]] = get_args(Candidate)
_WEEKS: Final = 8
_EVERY: Final = timedelta(days=28)
_MOST_ORIGINS: Final = 26
#: Years of record that the record of all pools counts for beside a pool's own.
_COMMON_YEARS: Final = 2.0
#: What a year of commitment costs about, as a share of on demand: what lines of a bill are judged at.
_USUAL_RATE: Final = 0.65
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
    ahead = (horizon.hours - demand.hours[-1]).astype(np.int64)
    return [
        np.stack(
            [
                _course(one, row.reshape(n_paths, -1), usd, ahead).ravel()
                for row, usd in zip(model, demand.usd, strict=True)
            ]
        )
        for one in CANDIDATES
    ]


def _course(
    candidate: Candidate, model: NDArray[np.floating], past: Floats, ahead: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What a candidate expects of one line, (n_paths, n_ahead): `model` (n_paths, n_ahead) is the model's, `past`
    (n_hours,) what was used, `ahead` (n_ahead,) hours after the last of them, 1 is the next."""
    n_paths = len(model)
    if candidate == "model":
        return model.astype(np.float32)
    if candidate == "last year":
        year = past[len(past) - 1 + ahead - 52 * 168 * -(-ahead // (52 * 168))]
        return np.tile(year, (n_paths, 1)).astype(np.float32)
    if candidate == "last weeks":
        week = len(past) + (ahead - 1) % 168  # the same hour of the week
        return np.stack([past[week - 168 * (1 + path % _WEEKS)] for path in range(n_paths)]).astype(np.float32)
    others = [_course(one, model, past, ahead) for one in CANDIDATES if one != "blend"]
    return np.stack([others[path % len(others)][path] for path in range(n_paths)])


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


def disputed(fleet: Fleet, users: Users | None, horizon: Horizon) -> dict[Key, str]:
    """Lines that more than a year of hours may judge, with their resource: of machines, databases and caches that stand
    alone, do not follow the users and do not run steadily."""
    known = levels(fleet, None if users is None else log_users(fleet, users))
    return {
        (workload.id, at): workload.members[0]
        for workload in fleet.of("machine", "database", "cache", "search")
        for at, line in enumerate(workload.lines)
        if len(workload.members) == 1 and (workload.id, at) in horizon.units
        and np.ptp(line.hourly) > 0 and not known[workload.id, at].elasticity
    }  # fmt: skip


def trusted(fleet: Fleet, lines: Iterable[Key], earlier: Sequence[Workload]) -> dict[Key, Candidate]:
    """Champions of `lines` where one is not the model. `earlier`: the same workloads with all hours that are to judge,
    up to the fleet's last."""
    whole = {(w.id, line.sku, line.meter, line.is_spot): line.hourly for w in earlier for line in w.lines}
    judged: dict[Key, Floats] = {}
    for id, at in lines:
        line = fleet[id].lines[at]
        past = whole.get((id, line.sku, line.meter, line.is_spot))
        if past is not None and past[: -2 * YEAR_HOURS].any():
            judged[id, at] = past * line.price
    if not judged:
        return {}
    usd = np.stack(list(judged.values()))
    hours = np.arange(fleet.hours[-1] - usd.shape[1] + 1, fleet.hours[-1] + 1)
    demand = Demand(hours, tuple(f"{at:05d}" for at in range(len(usd))), usd)
    chosen = choose(backtest(demand, np.full(len(usd), _USUAL_RATE), fleet.exams), _years(demand))
    return {key: CANDIDATES[at] for key, at in zip(judged, chosen, strict=True) if at}


def with_champions(fleet: Fleet, horizon: Horizon, champions: Mapping[Key, Candidate]) -> Horizon:
    """The horizon with what each line's champion expects of it."""
    ahead = (horizon.hours - fleet.hours[-1]).astype(np.int64)
    changed = {
        key: _course(one, horizon.units[key], fleet[key[0]].lines[key[1]].hourly, ahead).astype(np.float64)
        for key, one in champions.items()
    }
    return replace(horizon, units={**horizon.units, **changed})


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
