"""Which commitments to hold: a level for every pool and one plan over all of them, sized together on many hours.

Hours may be those of one year, or of many sample paths side by side: the best levels of a distribution are quantiles
(newsvendor), and with a plan that every pool shares they are quantiles weighted with what an hour is still worth to it.
Alternating between the two reaches the optimum of the linear programme (HiGHS is the oracle of the tests) without
building it, which 2,000 pools of 8,760 hours would not allow.

Everything is in on-demand dollars: a level of 3 reserves what would cost 3 USD an hour on demand. What an uncovered
dollar really costs may be less than one, where the provider gives a discount for sustained use by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import BadValue
from models.design import Floats

_PASSES: Final = 12
_LEAST_PASSES: Final = 3
#: Passes end when one has moved the cost by less than this share, and the plan is known to this share of its most.
_SETTLED: Final = 1e-6
_CLOSE: Final = 1e-7
#: So few are sooner counted than searched.
_FEW_POOLS: Final = 64


@dataclass(frozen=True)
class Portfolio:
    """`levels` (n_pools,) in on-demand USD an hour, `plan` USD an hour at plan rates, `cost` USD of all hours given,
    `on_demand_cost` what the same hours cost without any commitment. `worth` (n_pools, n_hours): what one on-demand
    dollar above the pool's level adds to the bill of an hour, 0 where the plan has slack, 1 where it is on demand."""

    levels: Floats
    plan: float
    cost: float
    on_demand_cost: float
    worth: NDArray[np.float32]

    @property
    def saving(self) -> float:
        """USD saved over the hours given; the difference of two bills."""
        return self.on_demand_cost - self.cost


def optimise(
    demand: NDArray[np.floating], committed: Floats, planned: Floats | None = None,
    uncovered: NDArray[np.floating] | None = None,
) -> Portfolio:  # fmt: skip
    """The cheapest levels and plan for `demand` (n_pools, n_hours), on-demand USD.

    `committed` (n_pools,): price of a reserved dollar as a share of on demand; 1 or more is never bought. `planned`
    (n_pools,): the same for the plan that all share, None without one. `uncovered` (n_pools, n_hours): what a dollar
    that nothing covers is billed at, where that is less than 1 (sustained use); not above 1.

    Raises BadValue for shapes that do not fit, prices that are not above 0, demand below 0 or not a number.
    """
    wanted = np.asarray(demand)
    if wanted.ndim != 2 or not wanted.shape[1] or len(committed) != len(wanted):
        raise BadValue(f"demand has shape {wanted.shape} and {len(committed)} prices; (n_pools, n_hours) is expected")
    if not np.isfinite(wanted).all() or (wanted < 0).any():
        raise BadValue("demand is below zero or not a number in some hour")
    rates = np.full(len(wanted), np.inf) if planned is None else np.asarray(planned, dtype=np.float64)
    if len(rates) != len(wanted) or not ((np.asarray(committed) > 0).all() and (rates > 0).all()):
        raise BadValue("prices of commitments are shares of on demand above 0, one for each pool")
    # the highest saving of the plan first, as the provider applies it
    by_rate = np.argsort(rates, kind="stable")
    ranked, price, rate = wanted[by_rate], np.asarray(committed, dtype=np.float64)[by_rate], rates[by_rate]
    # a level that is not cheaper than the plan is never bought: the plan pays for the same, and for others
    price = np.where(price < rate, price, 1.0)
    billed = np.broadcast_to(np.float32(1), ranked.shape) if uncovered is None else uncovered[by_rate]
    order = np.argsort(-ranked, axis=1).astype(np.int32)
    n_planned = int((rate < 1).sum())
    levels, plan = np.zeros(len(ranked)), 0.0
    worth = np.array(billed, dtype=np.float32)
    nothing = float((ranked if uncovered is None else ranked * billed).sum(dtype=np.float64))
    cost = nothing
    best: tuple[float, Floats, float] = (nothing, levels, plan)
    for turn in range(_PASSES):
        target = _levels(ranked, order, worth, price)
        # damped, so that levels and plan do not take each other's hours in turns
        levels = target if turn == 0 else (levels + target) / 2
        rest, need = _needs(ranked, levels, rate[:n_planned])
        plan = _plan(need, rate[:n_planned], billed)
        worth = _worth(need, rate, plan, billed, worth)
        before, cost = cost, _cost(ranked, levels, price, rate[:n_planned], rest, need, plan, billed)
        if cost < best[0]:
            best = (cost, levels, plan)
        if turn >= _LEAST_PASSES and abs(cost - before) <= _SETTLED * nothing:
            break
    cost, levels, plan = best
    worth = _worth(_needs(ranked, levels, rate[:n_planned])[1], rate, plan, billed, worth)
    back = np.empty_like(by_rate)
    back[by_rate] = np.arange(len(by_rate))
    return Portfolio(levels[back], plan, cost, nothing, worth[back])


def bill_of(
    demand: NDArray[np.floating], committed: Floats, planned: Floats | None, levels: Floats, plan: float
) -> float:
    """USD of all hours of `demand` (n_pools, n_hours) with given levels and plan; prices as for `optimise`."""
    rates = np.full(len(demand), np.inf) if planned is None else planned
    by_rate = np.argsort(rates, kind="stable")
    rate = rates[by_rate][: int((rates < 1).sum())]
    ranked = demand[by_rate]
    rest, need = _needs(ranked, levels[by_rate], rate)
    billed = np.broadcast_to(np.float32(1), ranked.shape)
    return _cost(ranked, levels[by_rate], committed[by_rate], rate, rest, need, plan, billed)


def _needs(demand: NDArray[np.floating], levels: Floats, rate: Floats) -> tuple[NDArray[np.floating], Floats]:
    """What levels leave of each pool that a plan reaches, (n, n_hours), and the plan dollars for the first pools,
    cumulated, (n_hours, n)."""
    rest = np.maximum(demand[: len(rate)] - levels[: len(rate), None].astype(demand.dtype), 0)
    return rest, np.cumsum(rest * rate[:, None], axis=0, dtype=np.float64).T.copy()


def _levels(
    demand: NDArray[np.floating], order: NDArray[np.int32], worth: NDArray[np.float32], price: Floats
) -> Floats:
    """For each pool the largest level whose hours, weighted with their worth, still pay for it; 0 if none does."""
    total = np.cumsum(np.take_along_axis(worth, order, axis=1), axis=1, dtype=np.float64)
    pays = total >= (price * demand.shape[1])[:, None] * (1 - 1e-12)
    first = np.argmax(pays, axis=1)
    at = order[np.arange(len(order)), first]
    return np.where(pays[:, -1] & (price < 1), demand[np.arange(len(demand)), at], 0.0)


def _crossing(need: Floats, plan: float) -> NDArray[np.int64]:
    """For each hour how many pools, highest saving first, a plan pays for whole: (n_hours,). `need` (n_hours, n)."""
    if need.shape[1] <= _FEW_POOLS:
        return np.asarray((need <= plan).sum(axis=1))
    low, high = np.zeros(len(need), dtype=np.int64), np.full(len(need), need.shape[1])
    rows = np.arange(len(need))
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = need[rows, np.minimum(middle, need.shape[1] - 1)] <= plan
        low = np.where(open_ & below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
    return low


def _earns(whole: NDArray[np.int64], rate: Floats, billed: NDArray[np.floating]) -> Floats:
    """What a plan dollar replaces in each hour, at the pool where it ends; nothing where it has slack, (n_hours,)."""
    at = np.minimum(whole, len(rate) - 1)
    return np.where(whole < len(rate), billed[at, np.arange(len(whole))] / rate[at], 0.0)


def _plan(need: Floats, rate: Floats, billed: NDArray[np.floating]) -> float:
    """The largest commitment whose last dollar still earns itself back over all hours."""
    if not need.size:
        return 0.0
    low, high = 0.0, float(need[:, -1].max())
    close = _CLOSE * high
    while high - low > close:
        middle = (low + high) / 2
        if _earns(_crossing(need, middle), rate, billed).sum() >= len(need):
            low = middle
        else:
            high = middle
    return low


def _worth(
    need: Floats, rate: Floats, plan: float, billed: NDArray[np.floating], into: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What an uncovered dollar of each pool costs in each hour, given what the plan is worth there."""
    n_planned = need.shape[1]
    if n_planned:
        earns = _earns(_crossing(need, plan), rate[:n_planned], billed)
        np.minimum(billed[:n_planned], earns * rate[:n_planned, None], out=into[:n_planned], casting="same_kind")
    return into


def _cost(
    demand: NDArray[np.floating], levels: Floats, price: Floats, rate: Floats, rest: NDArray[np.floating],
    need: Floats, plan: float, billed: NDArray[np.floating],
) -> float:  # fmt: skip
    """The bill of all hours: reservations and plan, used or not, and what is left on demand."""
    n_hours = demand.shape[1]
    above = np.maximum(demand - levels[:, None].astype(demand.dtype), 0)
    above *= billed
    uncovered = float(above.sum(dtype=np.float64))
    if need.size:
        whole = _crossing(need, plan)
        rows = np.arange(n_hours)
        before = np.where(whole > 0, need[rows, np.maximum(whole - 1, 0)], 0.0)
        rest *= billed[: len(rate)]
        saved = np.concatenate([np.zeros((1, n_hours)), np.cumsum(rest, axis=0, dtype=np.float64)])[whole, rows]
        last = _earns(whole, rate, billed) * np.maximum(plan - before, 0.0)
        uncovered -= float((saved + last).sum())
    return float((levels * price).sum() * n_hours + plan * n_hours + uncovered)
