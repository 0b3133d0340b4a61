"""When to buy how much of what `recommender/portfolio.py` wants to hold, and which way of paying is the cheapest.

Base-stock: a purchase only closes the gap between a target and what is active, so that a month that looked high is not
bought for ever again (buying a recommendation every month is a ratchet). Where history is shorter than a term there is
no target to trust; then the online rule buys what has already paid for itself, never costing more than twice the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from core import BadValue, next_month
from models.design import Floats

#: AWS, "Returning a purchased Savings Plan": at most 100 USD an hour, within 7 days, in the same UTC month.
RETURN_LIMIT_USD_PER_HOUR: Final = 100.0
RETURN_DAYS: Final = 7
#: The same, for one management account.
RETURNS_A_YEAR: Final = 10


def purchase(target: ArrayLike, active: ArrayLike, cap_ratio: float | None = None) -> Floats:
    """How much to buy now, (n,): what is missing to `target` (n,) beside what is `active` (n,), never less than 0.

    `cap_ratio` limits one purchase to that share of the target (a sixth where confidence is low); None does not.
    Raises BadValue for targets or active amounts below 0 or not finite, and for a cap that is not within (0, 1].
    """
    wanted, held = np.asarray(target, dtype=np.float64), np.asarray(active, dtype=np.float64)
    if not (np.isfinite(wanted).all() and np.isfinite(held).all() and (wanted >= 0).all() and (held >= 0).all()):
        raise BadValue("a target or an active commitment is below zero or not a number")
    if cap_ratio is not None and not 0 < cap_ratio <= 1:
        raise BadValue(f"the cap of a purchase is {cap_ratio}", expected="a share of the target above 0, at most 1")
    gap = np.maximum(wanted - held, 0.0)
    return gap if cap_ratio is None else np.minimum(gap, wanted * cap_ratio)


def online_levels(demand: Floats, committed: ArrayLike, term_hours: int) -> Floats:
    """Levels that have already paid for themselves, (n_pools,): the largest that was in use in so many of the last
    `term_hours` that its on-demand price reached the price of a commitment for the whole term; 0 before that.

    `demand` (n_pools, n_hours) in on-demand USD, `committed` (n_pools,) as a share of on demand. It needs no forecast
    and is 2-competitive (Wang, Li and Liang, "To Reserve or Not to Reserve", arXiv 1305.5608, usage free if reserved).
    Raises BadValue for a term below one hour.
    """
    if term_hours < 1:
        raise BadValue(f"a term of {term_hours} hours", expected="at least one hour")
    if not demand.shape[1]:
        return np.zeros(len(demand))
    recent = -np.sort(-np.asarray(demand, dtype=np.float64)[:, -term_hours:], axis=1)
    needed = np.maximum(np.ceil(np.asarray(committed, dtype=np.float64) * term_hours - 1e-9).astype(int), 1)
    reached = needed <= recent.shape[1]
    at = np.minimum(needed, recent.shape[1]) - 1
    return np.where(reached, recent[np.arange(len(recent)), at], 0.0)


def return_by(amount: float, bought_at: datetime) -> datetime | None:
    """Until when (exclusive) a Savings Plan of `amount` USD an hour can be given back; None if it cannot.

    Raises BadValue where `bought_at` has no zone. That a management account has ten returns a year is not looked at.
    """
    if bought_at.tzinfo is None:
        raise BadValue(f"the time of purchase {bought_at} has no zone", fix="give it in UTC")
    if amount > RETURN_LIMIT_USD_PER_HOUR:
        return None
    bought = bought_at.astimezone(UTC)
    month_ends = datetime.combine(next_month(bought.date()), time(), UTC)
    return min(bought + timedelta(days=RETURN_DAYS), month_ends)


@dataclass(frozen=True)
class Payment:
    """A way of paying for a commitment of `years`: `upfront_usd` at once, then `hourly_usd` in every hour."""

    name: str
    years: int
    upfront_usd: float
    hourly_usd: float

    def present_value_usd(self, cost_of_capital: float) -> float:
        """What it costs today in USD, months paid at their end; `cost_of_capital` a year (0.11 is 11 %)."""
        if cost_of_capital <= -1:
            raise BadValue(f"a cost of capital of {cost_of_capital}", expected="a share a year, as 0.11")
        months = np.arange(1, 12 * self.years + 1)
        worth = (1 + cost_of_capital) ** (-months / 12)
        return float(self.upfront_usd + self.hourly_usd * (8760 / 12) * worth.sum())
