"""Why the cost changed between two periods: users, usage, mix, list price, rate, exchange rate, other, tax.

Sequential substitution in that order, the price-volume-mix analysis of management accounting (Horngren, Datar, Rajan:
Cost Accounting, sales-variance analysis): each effect is the difference of two levels, so nothing is left unexplained.
For usage pools, with q quantity, l list cost per unit, r effective cost per list cost, f INR per unit of the currency,
C0 = Σ q0·l0·r0·f0 the earlier cost, Q = Σ q·l0·f0 the usage at earlier list prices and U the users:

    users           C0 · (U1/U0 - 1)
    usage_per_user  C0 · (Q1/Q0 - U1/U0)
    mix             Σ q1·l0·r0·f0 - C0 · Q1/Q0
    list_price      Σ q1·(l1 - l0)·r0·f0
    rate            Σ q1·l1·(r1 - r0)·f0, and all native change of "commitment" rows at f0
    fx              Σ native cost after · (f1 - f0), of rows of every kind
    other, tax      native change of rows of that kind at f0

What the formulas leave open:

* A pool without rows before enters at its own later price and rate (l0 = l1, r0 = r1) and its currency's earlier
  exchange rate, so it is usage and mix; a pool without rows after leaves with q1 = 0. Both are `usage_per_user` alone
  where their rate is the average one.
* Cost without a list cost or without a quantity has no unit price: all its native change is `rate`. Where an export
  knows no list cost at all, hand over its contracted cost as list cost.
* Free usage (quantity, but neither list cost nor cost) that gets a list price is `list_price`, and so is the way back.
* No list value before (Q0 not above zero): usage and mix cannot be told apart, all of it is `usage_per_user`.
* A pool's f is Σ INR / Σ native. Where charges and refunds of different rates nearly cancel, that quotient is no rate
  (it is outside its rows' rates); then f is the currency's rate of the period, weighted by absolute cost, and what the
  rows' own rates add to it is `fx`.

Not for forecasts, and not for reconciling: the figures are rounded to a millionth of a rupee.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from itertools import accumulate, pairwise
from typing import Literal, get_args

from core import BadValue

Kind = Literal["usage", "commitment", "other", "tax"]

#: The order of substitution, which is also the order of a waterfall.
EFFECTS = ("users", "usage_per_user", "mix", "list_price", "rate", "fx", "other", "tax")

#: Like core/money.py: DECIMAL(38,18) times a rate has 50 digits, quotients of such sums need as many again.
_WIDE = Context(prec=100, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])
_MICRO = Decimal("0.000001")
#: Finer than any product of the store's decimals: quotients lose their last digits before they are rounded for good.
_FINE = Decimal(1).scaleb(-30)
_ZERO = Decimal(0)
_ONE = Decimal(1)
_KINDS = get_args(Kind)
_NAMES = ("the earlier period", "the later period")
_NUMBERS = ("quantity", "list_cost", "cost", "inr_per_unit")


@dataclass(frozen=True)
class PoolCost:
    """Cost of one pool in one period; several rows of one pool (invoices, covered and on-demand) are summed.

    `pool` is what is alike in both periods: (provider, account, service, region, usage type, unit …). `quantity` is in
    the pool's unit; `list_cost` and `cost` (the effective cost) are in `currency`; `inr_per_unit` is above zero.
    Kinds: "usage" has quantity and list cost; "commitment" changes the rate without a quantity (unused commitments,
    discounts); "other" is one-off (support, credits, refunds, marketplace); "tax".
    """

    pool: tuple[str, ...]
    kind: Kind
    currency: str
    quantity: Decimal
    list_cost: Decimal
    cost: Decimal
    inr_per_unit: Decimal


@dataclass(frozen=True)
class Effects:
    """What each cause adds to the cost (INR, six decimals); they add up to the change to the last digit."""

    users: Decimal
    usage_per_user: Decimal
    mix: Decimal
    list_price: Decimal
    rate: Decimal
    fx: Decimal
    other: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """The change of the cost (INR)."""
        with localcontext(_WIDE):
            return sum((amount for _, amount in self.items()), _ZERO)

    def items(self) -> list[tuple[str, Decimal]]:
        """(name, INR) in the order of EFFECTS."""
        return [(each.name, getattr(self, each.name)) for each in fields(self)]


@dataclass(frozen=True)
class PoolVariance:
    """The change of one pool, kind and currency (INR, six decimals): after - before = the sum of its effects."""

    pool: tuple[str, ...]
    kind: Kind
    currency: str
    cost_before_inr: Decimal
    cost_after_inr: Decimal
    effects: Effects


@dataclass(frozen=True)
class Variance:
    """The change between two periods: Σ effects = after - before, and Σ `by_pool` = these figures, all exactly.

    Costs are the exact sums rounded once to six decimals (INR); an effect is within 0.000001 of its formula, a figure
    of a pool within 0.00001. `by_pool` holds every pool, the largest change first. `reason` says what could not be
    told apart ("" = nothing).
    """

    cost_before_inr: Decimal
    cost_after_inr: Decimal
    effects: Effects
    by_pool: tuple[PoolVariance, ...]
    reason: str = ""


def split(
    before: Sequence[PoolCost],
    after: Sequence[PoolCost],
    users_before: Decimal | None,
    users_after: Decimal | None,
    *,
    names: tuple[str, str] = _NAMES,
) -> Variance:
    """Split the change of cost between two periods into its causes; the rules are in the module's docstring.

    Without users (None or 0) in a period there is no `users` effect: `usage_per_user` takes all of it, and `reason`
    says so with the period's name from `names`. Tax follows the cost it is levied on, so `tax` also moves with usage.
    Raises BadValue for a number that is no finite Decimal, an exchange rate not above zero, an unknown kind or
    negative users.
    """
    with localcontext(_WIDE):
        earlier, later = _Period(before, names[0]), _Period(after, names[1])
        keys = sorted(earlier.pools.keys() | later.pools.keys())
        levels = {key: _levels(key, earlier, later) for key in keys}
        growth, reasons = _growth((users_before, users_after), names)
        list_before = sum((level.list_before for level in levels.values()), _ZERO)
        list_after = sum((level.list_after for level in levels.values()), _ZERO)
        volume = list_after / list_before if list_before > 0 else None
        if volume is None and (list_before or list_after):
            reasons.append(f"no usage at list prices in {names[0]}, so usage and mix are not told apart")
        keys.sort(key=lambda key: (-abs(levels[key].after - levels[key].before), key))
        exact = {key: _effects(key[0], levels[key], growth, volume) for key in keys}
        return _rounded(keys, levels, exact, "; ".join(reasons))


_Key = tuple[Kind, str, tuple[str, ...]]


@dataclass
class _Sum:
    """The rows of one pool in one period; `inr` is exact, `rates` are those of its rows."""

    quantity: Decimal = _ZERO
    list_cost: Decimal = _ZERO
    cost: Decimal = _ZERO
    inr: Decimal = _ZERO
    rates: list[Decimal] = field(default_factory=list)


class _Period:
    def __init__(self, rows: Sequence[PoolCost], name: str) -> None:
        self.pools: dict[_Key, _Sum] = {}
        by_currency: dict[str, list[tuple[Decimal, Decimal]]] = {}
        for number, row in enumerate(rows, start=1):
            _check(row, f"row {number} of {name}, pool {' / '.join(row.pool)}")
            pool = self.pools.setdefault((row.kind, row.currency, row.pool), _Sum())
            pool.quantity += row.quantity
            pool.list_cost += row.list_cost
            pool.cost += row.cost
            pool.inr += row.cost * row.inr_per_unit
            pool.rates.append(row.inr_per_unit)
            by_currency.setdefault(row.currency, []).append((abs(row.cost), row.inr_per_unit))
        self.rates = {currency: _mean(pairs) for currency, pairs in by_currency.items()}

    def rate(self, key: _Key) -> Decimal | None:
        """INR per unit of the pool's currency, else of its currency; None where the period has neither."""
        pool = self.pools.get(key)
        if pool and pool.cost:
            own = pool.inr / pool.cost
            if min(pool.rates) <= own <= max(pool.rates):
                return own
        return self.rates.get(key[1])


@dataclass(frozen=True)
class _Levels:
    """INR of one pool as one factor after the other is taken from the later period."""

    before: Decimal
    base: Decimal  # native cost before at f0: `before`, but for a pool whose own quotient is no rate
    listed: Decimal  # the part of `base` that has a list price and a quantity
    at_quantity: Decimal
    at_list: Decimal
    at_rate: Decimal
    after: Decimal
    list_before: Decimal
    list_after: Decimal


def _levels(key: _Key, earlier: _Period, later: _Period) -> _Levels:
    old, new = earlier.pools.get(key, _Sum()), later.pools.get(key, _Sum())
    rate = earlier.rate(key) or later.rate(key) or _ONE  # never the last: a pool has rows in one of the two
    base, at_rate = old.cost * rate, new.cost * rate
    listed = list_before = list_after = _ZERO
    at_quantity = at_list = base
    if key[0] == "usage":
        priced = bool(new.quantity and new.list_cost)
        if old.quantity and old.list_cost:
            listed, list_before = base, old.list_cost * rate
            list_after = list_before * new.quantity / old.quantity
            at_quantity = at_list = base * new.quantity / old.quantity
            if priced or (new.quantity and not new.cost):
                at_list = base * new.list_cost / old.list_cost
        elif priced and not (old.quantity or old.list_cost or old.cost):
            list_after, at_quantity, at_list = new.list_cost * rate, at_rate, at_rate
        elif priced and not (old.list_cost or old.cost):
            at_list = at_rate
    return _Levels(old.inr, base, listed, at_quantity, at_list, at_rate, new.inr, list_before, list_after)


def _effects(kind: Kind, level: _Levels, growth: Decimal, volume: Decimal | None) -> list[Decimal]:
    """The unrounded effects of one pool, in the order of EFFECTS."""
    users = level.listed * (growth - 1)
    moved = level.at_quantity - level.base
    usage = moved - users if volume is None else level.listed * (volume - growth)
    native = level.at_rate - level.at_list
    return [
        users,
        usage,
        moved - users - usage,
        level.at_list - level.at_quantity,
        native if kind in ("usage", "commitment") else _ZERO,
        (level.after - level.at_rate) - (level.before - level.base),
        native if kind == "other" else _ZERO,
        native if kind == "tax" else _ZERO,
    ]


def _rounded(
    keys: Sequence[_Key], levels: dict[_Key, _Levels], exact: dict[_Key, list[Decimal]], reason: str
) -> Variance:
    """Six decimals everywhere, with every sum kept: an effect is the difference of two rounded levels."""
    before = [levels[key].before for key in keys]
    columns = [[exact[key][index] for key in keys] for index in range(len(EFFECTS))]
    ends = list(accumulate((sum(column, _ZERO) for column in columns), initial=sum(before, _ZERO)))
    ends[-1] = sum((levels[key].after for key in keys), _ZERO)  # the same, without the last digits of quotients
    marks = [_micro(end) for end in ends]
    steps = [end - start for start, end in pairwise(marks)]
    costs = _shares(before, marks[0])
    shares = [_shares(column, step) for column, step in zip(columns, steps, strict=True)]
    by_pool = []
    for index, (kind, currency, pool) in enumerate(keys):
        effects = Effects(*(share[index] for share in shares))
        by_pool.append(PoolVariance(pool, kind, currency, costs[index], costs[index] + effects.total, effects))
    return Variance(marks[0], marks[-1], Effects(*steps), tuple(by_pool), reason)


def _shares(cells: Sequence[Decimal], total: Decimal) -> list[Decimal]:
    """The cells rounded so that they add up to `total`: differences of rounded running sums, so zero stays zero."""
    marks = [_micro(end) for end in accumulate(cells, initial=_ZERO)]
    shares = [end - start for start, end in pairwise(marks)]
    if shares:
        shares[max(range(len(cells)), key=lambda index: abs(cells[index]))] += total - marks[-1]
    return shares


def _micro(amount: Decimal) -> Decimal:
    return amount.quantize(_FINE).quantize(_MICRO)


def _mean(pairs: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """The mean of (weight, rate); the plain one where all weights are zero."""
    weight = sum((weight for weight, _ in pairs), _ZERO)
    if not weight:
        return sum((rate for _, rate in pairs), _ZERO) / len(pairs)
    return sum((weight * rate for weight, rate in pairs), _ZERO) / weight


def _growth(users: tuple[Decimal | None, Decimal | None], names: tuple[str, str]) -> tuple[Decimal, list[str]]:
    """U1/U0, or 1 and the reason why there is none."""
    given: tuple[object, ...] = users
    for count, name in zip(given, names, strict=True):
        if count is not None and not (isinstance(count, Decimal) and count.is_finite() and count >= 0):
            raise BadValue(
                f"{count!r} is no number of users",
                where=name,
                expected="a finite Decimal of zero or more, or None where nobody counted",
                fix="hand over the average of the period's daily active users",
            )
    missing = [name for count, name in zip(users, names, strict=True) if not count]
    start, end = users
    if missing or not start or not end:
        return _ONE, [f"no user count for {' and '.join(missing)}"]
    return end / start, []


def _check(row: PoolCost, where: str) -> None:
    if row.kind not in _KINDS:
        raise BadValue(
            f"{row.kind!r} is no kind of cost",
            where=where,
            expected=f"one of {', '.join(_KINDS)}",
            fix="sort the row into one of them; what is none of the first three and no tax is other",
        )
    for name in _NUMBERS:
        number = getattr(row, name)
        if not isinstance(number, Decimal) or not number.is_finite():
            raise BadValue(
                f"{name} is {number!r}",
                where=where,
                expected="a finite Decimal",
                fix="hand over the store's decimals as they are; an absent quantity or list cost is Decimal(0)",
            )
    if row.inr_per_unit <= 0:
        raise BadValue(
            f"inr_per_unit is {row.inr_per_unit}",
            where=where,
            expected="rupees for one unit of the currency, above zero; 1 for INR",
            fix="leave the rows without a rate out, and tell their reason beside the result",
        )
