"""What usage costs hour by hour under a set of commitments, applied in the order in which providers apply them.

Every commitment draws from what is left of each hour: a reservation in units (normalisation factors at AWS, vCPU or
GiB at Google), a plan in dollars at plan rates. One mechanism serves both; what it does not draw is lost with its hour.

Rules. AWS, "How reserved instances are applied": exact types in their zone first, then those of a region, flexible in
size from the smallest up. AWS, "Understanding how Savings Plans apply to your usage": after reservations, EC2 Instance
plans before Compute plans; the owner's usage first, then everybody's if shared; the highest saving first, the lowest
plan rate where savings are equal. Google, "Committed use discounts": resource, then flexible commitments; sustained use
on the rest only (`recommender/sustained.py`).

Not for a provider's file: floats of a simulation, which turn into Decimal once, where a figure is published. Taxes,
credits and what no commitment can reach are not its business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from core import BadValue
from models.design import Floats
from recommender.sustained import SUSTAINED_TIERS, billing_months, sustained_cost

_ALWAYS: Final = np.datetime64("1970-01-01", "h")
_NEVER: Final = np.datetime64("2200-01-01", "h")

#: Sizes below xlarge -> normalisation factor (AWS, whitepaper "Reservation models").
_SMALL_SIZES: Final[Mapping[str, float]] = {
    "nano": 0.25, "micro": 0.5, "small": 1, "medium": 2, "large": 4, "xlarge": 8,
}  # fmt: skip


def normalisation_factor(size: str) -> float:
    """How many reserved units an instance of a size takes: "large" is 4, "xlarge" 8, "12xlarge" 12 times as much.

    Raises BadValue for a size that has no flexibility, as "metal".
    """
    if size in _SMALL_SIZES:
        return _SMALL_SIZES[size]
    count = size.removesuffix("xlarge")
    if count == size or not count.isdecimal() or int(count) < 2:
        raise BadValue(
            f"{size!r} is no size that can be normalised", expected=f"{', '.join(_SMALL_SIZES)}, 2xlarge and so on",
            fix="reserve such machines by their exact type",
        )  # fmt: skip
    return 8.0 * int(count)


def size_of(units: float) -> tuple[str, float]:
    """The size that takes so many units, and its factor; the next larger one where there is none ("large" of 3.2)."""
    if units <= _SMALL_SIZES["xlarge"]:
        return next((size, factor) for size, factor in _SMALL_SIZES.items() if factor >= units - 1e-9)
    count = int(np.ceil(units / _SMALL_SIZES["xlarge"] - 1e-9))
    return f"{count}xlarge", normalisation_factor(f"{count}xlarge")


class Kind(IntEnum):
    """Kinds of commitments; a smaller number is applied earlier."""

    ZONAL_RESERVATION = 1
    REGIONAL_RESERVATION = 2
    RESOURCE_COMMITMENT = 3
    INSTANCE_PLAN = 4
    DATABASE_PLAN = 5
    SAGEMAKER_PLAN = 6
    COMPUTE_PLAN = 7
    FLEXIBLE_COMMITMENT = 8

    @property
    def is_in_units(self) -> bool:
        """Whether it reserves units rather than an amount of money an hour."""
        return self <= Kind.RESOURCE_COMMITMENT


@dataclass(frozen=True)
class Pool:
    """Usage that is one price: the same SKU in one account. `on_demand` is USD for a unit and hour.

    `rates`: (kind, scope) of the plans that reach it -> USD for a unit at that plan's rate; `units`: (kind, scope) of
    the reservations that reach it -> reserved units (normalised size, vCPU, GiB) that one unit takes. `sustained`: the
    tiers of sustained use by which Google bills what commitments leave (SUSTAINED_TIERS), and whose usage is counted
    together with it.
    """

    name: str
    on_demand: float
    account: str = ""
    rates: Mapping[tuple[Kind, str], float] = field(default_factory=dict)
    units: Mapping[tuple[Kind, str], float] = field(default_factory=dict)
    sustained: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        for key, value in ("on_demand", self.on_demand), *self.rates.items(), *self.units.items():
            if not np.isfinite(value) or value <= 0:
                raise BadValue(f"{key} of pool {self.name!r} is {value}", expected="a finite number above 0")


@dataclass(frozen=True)
class Commitment:
    """What was promised: `amount` USD an hour at plan rates, or units of a reservation.

    `scope` names what it reaches (a family in a region, a region, or "" for everything of its kind) as pools name it;
    `fee` is what an hour of one unit of `amount` costs, amortised (1 for plans: they are stated in money). `owner` is
    an account, whose usage comes first; the rest is drawn from the others only if `is_shared`. The term is
    [`starts`, `ends`) in UTC hours. `rate_ratio`: its rates as a multiple of those that pools have for its kind (a
    longer term's are lower).
    """

    id: str
    kind: Kind
    amount: float
    scope: str = ""
    fee: float = 1.0
    owner: str = ""
    is_shared: bool = True
    starts: np.datetime64 = _ALWAYS
    ends: np.datetime64 = _NEVER
    rate_ratio: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.amount) and self.amount >= 0 and np.isfinite(self.fee) and self.fee >= 0):
            raise BadValue(
                f"commitment {self.id!r}: amount {self.amount}, fee {self.fee}", expected="finite numbers, not below 0"
            )
        if not (self.owner or self.is_shared):
            raise BadValue(
                f"commitment {self.id!r} is not shared and has no owner", fix="name the account that owns it"
            )
        if self.ends <= self.starts:
            raise BadValue(f"commitment {self.id!r} ends at {self.ends}, not after its start at {self.starts}")
        if not (np.isfinite(self.rate_ratio) and self.rate_ratio > 0):
            raise BadValue(f"commitment {self.id!r} has rates of {self.rate_ratio}", expected="a multiple above 0")
        if not self.kind.is_in_units and self.fee != 1.0:
            raise BadValue(f"plan {self.id!r} has a fee of {self.fee}", expected="1: a plan is stated in money")


@dataclass(frozen=True)
class Bill:
    """Simulated hours. `left` (n_pools, n_hours) is billed on demand, `covered_cost` (n_pools, n_hours) is what
    commitments cost that paid for the rest; `used` and `unused` (n_commitments, n_hours) add up to what was promised in
    each hour, in the commitment's own measure; costs are in the currency of the pools. `sustained`: index of a pool ->
    what sustained use takes off the list price of what is left, (n_hours,)."""

    pools: tuple[Pool, ...]
    commitments: tuple[Commitment, ...]
    left: Floats
    covered_cost: Floats
    used: Floats
    unused: Floats
    sustained: Mapping[int, Floats] = field(default_factory=dict)

    @property
    def on_demand_cost(self) -> Floats:
        """What is billed for what commitments leave in each hour, less sustained use, (n_hours,)."""
        listed = np.array([pool.on_demand for pool in self.pools]) @ self.left
        return np.asarray(listed - sum(self.sustained.values()))

    def left_cost(self, pool: int) -> Floats:
        """The same of one pool, (n_hours,)."""
        return np.asarray(self.pools[pool].on_demand * self.left[pool] - self.sustained.get(pool, 0.0))

    @property
    def commitment_cost(self) -> Floats:
        """What commitments cost in each hour, used or not, (n_hours,)."""
        return np.asarray(np.array([one.fee for one in self.commitments]) @ (self.used + self.unused))

    @property
    def cost(self) -> Floats:
        """All of it by hour, (n_hours,)."""
        return self.on_demand_cost + self.commitment_cost

    @property
    def utilization_ratio(self) -> Floats:
        """Used share of each commitment, (n_commitments,); NaN where it promised nothing in these hours."""
        promised = (self.used + self.unused).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.used.sum(axis=1) / promised)


def simulate(hours: NDArray[np.datetime64], pools: Sequence[Pool], usage: Floats, held: Sequence[Commitment]) -> Bill:
    """The bill of `usage` (n_pools, n_hours) of `pools` in UTC `hours` (n_hours,) under the commitments `held`.

    Where the hours go back, another story of the same months begins (`Horizon.columns`): it matters for what is billed
    by the month. Hours may be thinned, each then stands for its neighbours.

    Raises BadValue for shapes that do not fit, usage below zero or not finite, and a commitment named twice.
    """
    when = np.asarray(hours, dtype="datetime64[h]")
    left = np.array(usage, dtype=np.float64)
    if left.shape != (len(pools), len(when)):
        raise BadValue(f"usage has shape {left.shape}; {len(pools)} pools in {len(when)} hours are expected")
    if not np.isfinite(left).all() or (left < 0).any():
        where = int(np.flatnonzero(~np.isfinite(left).all(axis=1) | (left < 0).any(axis=1))[0])
        raise BadValue(
            f"usage of pool {pools[where].name!r} is below zero or not a number in some hour",
            expected="units, 0 where unused",
        )
    if len({one.id for one in held}) < len(held):
        raise BadValue("two commitments have one id: each is paid once", fix="leave out the second, or rename it")
    promised = np.zeros((len(held), len(when)))
    for at, one in enumerate(held):
        promised[at, (when >= one.starts) & (when < one.ends)] = one.amount
    used, covered = np.zeros_like(promised), np.zeros_like(left)
    fees = np.array([one.fee for one in held])
    for kind in sorted({one.kind for one in held}):
        members = [at for at, one in enumerate(held) if one.kind == kind]
        for draws in _rounds(held, members, pools):
            _draw(draws, left, promised, used, covered, fees)
    off = _sustained(when, pools, left)
    return Bill(tuple(pools), tuple(held), left, covered, used, promised - used, off)


@dataclass(frozen=True)
class _Draw:
    """Commitments that act as one (members), and the pools they draw from in that order, with their weights."""

    members: list[int]
    pools: list[int]
    weights: list[float]

    @classmethod
    def of(
        cls, pools: Sequence[Pool], kind: Kind, scope: str, ratio: float, members: list[int], account: str | None
    ) -> Self:  # fmt: skip
        """From the usage of one account, or of everybody."""
        reached = []
        for at, pool in enumerate(pools):
            weight = (pool.units if kind.is_in_units else pool.rates).get((kind, scope))
            if weight is not None and account in (None, pool.account):
                weight *= 1.0 if kind.is_in_units else ratio
                # the smallest size first; or the highest saving, of equal ones the lowest rate
                saving = 0.0 if kind.is_in_units else 1 - weight / pool.on_demand
                reached.append((-round(saving, 9), weight, pool.name, at))
        reached.sort()
        return cls(members, [at for *_, at in reached], [weight for _, weight, _, _ in reached])


def _rounds(held: Sequence[Commitment], members: list[int], pools: Sequence[Pool]) -> list[_Draw]:
    """Of one kind: each owner on its own usage, then what is shared on everybody's. Equal scopes act as one, lower
    rates first."""
    kind = held[members[0]].kind
    found = []
    for owned in (True, False):
        groups: dict[tuple[str, float, str], list[int]] = {}
        for at in members:
            one = held[at]
            if owned and one.owner:
                groups.setdefault((one.scope, one.rate_ratio, one.owner), []).append(at)
            elif not owned and one.is_shared:
                groups.setdefault((one.scope, one.rate_ratio, ""), []).append(at)
        found += [
            _Draw.of(pools, kind, scope, ratio, group, owner or None)
            for (scope, ratio, owner), group in sorted(groups.items())
        ]
    return found


def _draw(draw: _Draw, left: Floats, promised: Floats, used: Floats, covered: Floats, fees: Floats) -> None:
    """Take from `left` what the members can still pay for, and add it to `used`, the earlier member first; `covered`
    grows by what that cost."""
    rest = (promised[draw.members] - used[draw.members]).sum(axis=0)
    taken = np.zeros_like(rest)
    drawn: list[tuple[int, Floats]] = []
    for pool, weight in zip(draw.pools, draw.weights, strict=True):
        units = np.minimum(left[pool], (rest - taken) / weight)
        left[pool] -= units
        taken = np.minimum(taken + units * weight, rest)
        drawn.append((pool, units * weight))
    whole, paid = taken, np.zeros_like(rest)
    for member in draw.members:
        part = np.minimum(promised[member] - used[member], taken)
        used[member] += part
        taken = taken - part
        paid += part * fees[member]
    mean_fee = np.divide(paid, whole, out=np.zeros_like(rest), where=whole > 0)
    for pool, amount in drawn:
        covered[pool] += amount * mean_fee


def _sustained(hours: NDArray[np.datetime64], pools: Sequence[Pool], left: Floats) -> dict[int, Floats]:
    groups: dict[tuple[str, str], list[int]] = {}
    for at, pool in enumerate(pools):
        if pool.sustained is not None:
            groups.setdefault(pool.sustained, []).append(at)
    months = billing_months(hours) if groups else np.zeros(0, dtype=np.int64)
    found = {}
    for (tiers, _), members in groups.items():
        units = left[members].sum(axis=0)
        cost = sustained_cost(units, months, SUSTAINED_TIERS[tiers])
        off = 1 - np.divide(cost, units, out=np.ones_like(units), where=units > 0)
        for at in members:
            found[at] = pools[at].on_demand * left[at] * off
    return found
