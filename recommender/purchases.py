"""A purchase, and when to buy how much of what `recommender/portfolio.py` wants to hold.

Base-stock: a purchase only closes the gap between a target and what is active, so that a month that looked high is not
bought for ever again (buying a recommendation every month is a ratchet). Where history is shorter than a term there is
no target to trust; then the online rule buys what has already paid for itself, never costing more than twice the best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from core import BadValue, next_month
from models.design import Floats
from recommender.bill import Commitment, Kind
from recommender.horizon import YEAR_HOURS
from recommender.terms import Way

Provider = Literal["aws", "gcp"]
#: AWS, "Returning a purchased Savings Plan": at most 100 USD an hour, within 7 days, in the same UTC month.
RETURN_LIMIT_USD_PER_HOUR: Final = 100.0
RETURN_DAYS: Final = 7
#: The same, for one management account.
RETURNS_A_YEAR: Final = 10


@dataclass(frozen=True)
class Part:
    """What one meter of a purchase reserves: `amount` units of what `scope` reaches, or USD an hour at plan rates;
    `fee_inr` is the INR an hour of one unit (or dollar)."""

    scope: str
    amount: float
    fee_inr: float


@dataclass(frozen=True)
class Purchase:
    """One commitment to buy on `buy_on` in a `way`; `others` are ways that were dearer. `parts`: one, or vCPU and
    memory of a Google series. `machine` and `count` say which machines to reserve. `rate_ratio`: its rates as a
    multiple of those that pools have for its kind. `is_capped`: only a part of what is wanted is bought now, for what
    it covers has been used for `known_days` only. `is_another`: not the first of its kind and scope in its month."""

    kind: Kind
    provider: Provider
    payer: str
    scope: str
    parts: tuple[Part, ...]
    buy_on: date
    way: Way
    others: tuple[Way, ...] = ()
    rate_ratio: float = 1.0
    machine: str = ""
    count: int = 0
    is_capped: bool = False
    known_days: int = 365
    is_another: bool = False

    @property
    def workload(self) -> str:
        """What it is about, as a name that is stable in its month; of another in the same month in its day."""
        day = self.buy_on.isoformat()
        return f"{self.payer}:{self.kind.name.lower()}:{self.scope}:{day if self.is_another else day[:7]}"

    @property
    def ends_on(self) -> date:
        """The first day without it."""
        return self.buy_on + timedelta(days=365 * self.way.years)

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        """As the simulator wants it."""
        is_money = not self.kind.is_in_units
        return tuple(
            Commitment(
                f"new {self.workload} {part.scope}", self.kind, part.amount * (part.fee_inr if is_money else 1.0),
                f"{self.payer}:{part.scope}", 1.0 if is_money else part.fee_inr, "", True,
                np.datetime64(self.buy_on, "h"), np.datetime64(self.ends_on, "h"), self.rate_ratio,
            )
            for part in self.parts
        )  # fmt: skip

    @property
    def hourly_inr(self) -> float:
        """What it costs an hour, used or not, upfront spread over the term."""
        return sum(part.amount * part.fee_inr for part in self.parts)

    @property
    def locked_inr(self) -> float:
        """What it costs over its term."""
        return self.hourly_inr * YEAR_HOURS * self.way.years

    def scaled(self, multiple: float) -> Purchase:
        """So many times as much."""
        return replace(self, parts=tuple(replace(part, amount=part.amount * multiple) for part in self.parts))


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
