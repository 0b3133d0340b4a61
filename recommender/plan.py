"""One plan: every lever in a fixed order, each worth the difference of two simulated bills, none counted twice.

The order is that of `Operator`: remove, schedule, resize, modernise, Spot, commit; within an operator by workload and
check, so that the order in which checks came changes nothing. A lever that saves nothing beside the others is set
aside with the reason. What the levers save in their order adds up to what the plan saves, on every path.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal

import numpy as np

from models.design import Floats
from recommender.action import Action, Operator
from recommender.bill import Commitment
from recommender.book import Book
from recommender.buying import purchase_action
from recommender.commit import Committing
from recommender.fleet import Fleet
from recommender.holdings import Holding, Rates
from recommender.horizon import Horizon
from recommender.purchases import Purchase
from recommender.short_history import is_short, paid_for_already, reason
from recommender.succession import after_each_other, with_prerequisites
from recommender.usage import Usage

State = Literal["planned", "set aside", "no figure", "excluded", "dismissed", "applied"]
#: Less than this a year is not worth a person's minute, INR.
LEAST_INR: Final = 500.0
#: Nor is a commitment for less than this worth being locked in for a year.
LEAST_LOCKED_INR: Final = 5_000.0
#: Whether a lever beats commitments is asked on so many paths; what is bought is sized on all.
_RIVAL_PATHS: Final = 6
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Item:
    """One proposal in a plan. `saving` (n_paths,): INR a year as the plan attributes it, `alone` (n_paths,) if it were
    the only one; both None where there is no figure. `why` explains the state. Commitments carry their purchase."""

    action: Action
    state: State
    saving: Floats | None = field(default=None, repr=False)
    alone: Floats | None = field(default=None, repr=False)
    why: str = ""
    purchase: Purchase | None = None
    is_pinned: bool = False

    @property
    def id(self) -> str:
        """Of its action."""
        return self.action.id


@dataclass(frozen=True)
class Risk:
    """Of yearly savings on paths, INR: `expected`, the tenth and ninetieth percentile, how likely a loss is, and the
    mean of the worst twentieth (CVaR 5 %)."""

    expected: float
    p10: float
    p90: float
    loss_ratio: float
    cvar5: float

    @classmethod
    def of(cls, saving: Floats) -> Risk:
        """From savings by path, (n_paths,)."""
        worst = np.sort(saving)[: max(1, int(np.ceil(0.05 * len(saving))))]
        low, high = np.quantile(saving, (0.1, 0.9))
        return cls(float(saving.mean()), float(low), float(high), float((saving < 0).mean()), float(worst.mean()))


@dataclass(frozen=True, eq=False)
class Plan:
    """`items` in the order of the plan, then what is not in it. Costs are INR of the year ahead on each path."""

    items: tuple[Item, ...]
    before: Floats = field(repr=False)
    after: Floats = field(repr=False)
    holdings: tuple[Holding, ...]
    starts_on: date
    usage: Usage = field(repr=False)

    @property
    def saving(self) -> Floats:
        """What the whole plan saves a year on each path, (n_paths,): the sum of what its items save."""
        return self.before - self.after

    @property
    def planned(self) -> list[Item]:
        """What is in the plan, in order."""
        return [item for item in self.items if item.state == "planned"]

    def by_operator(self) -> dict[Operator, float]:
        """Expected INR a year of each operator: the steps of the waterfall."""
        steps: dict[Operator, float] = {operator: 0.0 for operator in Operator if operator is not Operator.KEEP_ORDER}
        for item in self.planned:
            if item.saving is not None and item.action.operator in steps:
                steps[item.action.operator] += float(item.saving.mean())
        return steps


@dataclass(frozen=True)
class Decisions:
    """What people decided, by item id: `out` left out of the plan with its state and the reason, `pinned` kept in."""

    out: Mapping[str, tuple[State, str]] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()


def make_plan(
    fleet: Fleet, horizon: Horizon, holdings: Sequence[Holding], rates: Rates, actions: Iterable[Action],
    decisions: Decisions | None = None, *, cost_of_capital: float = 0.11, every_months: Literal[1, 3] = 3,
    say: Say = lambda _: None,
) -> Plan:  # fmt: skip
    """The plan of these actions and the commitments that fit what they leave, bought in the way that is cheapest at a
    `cost_of_capital` a year, today, at the ends of terms and every so many months.

    Of levers that would remove, move or resize the same thing in the same operator the one that saves most is taken,
    what is pinned before the others; the rest is set aside.
    """
    decided = decisions or Decisions()
    book = Book(fleet, rates, horizon.columns)
    start = Usage.of(fleet, horizon, book)
    held = [one.commitment(fleet.inr[one.currency]) for one in holdings if one.currency in fleet.inr]
    ordered = sorted(actions, key=lambda a: (a.operator, a.workload, a.check))
    before = start.cost(held)
    items: list[Item] = []
    levers: list[Action] = []
    for action in ordered:
        if action.id in decided.out:
            state, why = decided.out[action.id]
            items.append(Item(action, state, why=why))
        elif (why_not := _why_no_figure(action, fleet)) is not None:
            items.append(Item(action, "no figure", why=why_not))
        else:
            levers.append(action)
    say(f"billing {len(levers)} levers")
    planned, usage = _waterfall(start, held, levers, decided.pinned, horizon.starts_on)
    say("sizing commitments")
    buyer = _Buyer(held, holdings, rates, cost_of_capital, horizon.starts_on)
    if not is_short(fleet):
        planned, usage = _without_rivals(start, buyer, planned, usage, decided)
    cost = left = usage.cost(held)
    bought: list[Item] = []
    commitments = list(held)
    buying = Committing(usage, holdings, rates, cost_of_capital, every_months)
    for purchase in _purchases(buying, usage, held, horizon.starts_on, items):
        action = purchase_action(purchase, fleet, holdings, cost_of_capital)
        if action.id in decided.out:
            state, why = decided.out[action.id]
            bought.append(Item(action, state, why=why, purchase=purchase))
            continue
        after = usage.cost([*commitments, *purchase.commitments])
        saving = cost - after
        if saving.mean() < LEAST_LOCKED_INR and action.id not in decided.pinned:
            if purchase.buy_on > horizon.starts_on:
                continue  # it is asked again when its day has come
            bought.append(Item(action, "set aside", saving, why="saves nothing beside the others", purchase=purchase))
            continue
        # alone among the purchases: on what the levers leave, for without them it may reach nothing at all
        alone = left - usage.cost([*held, *purchase.commitments])
        bought.append(Item(action, "planned", saving, alone, purchase=purchase, is_pinned=action.id in decided.pinned))
        commitments += purchase.commitments
        cost = after
    levers_told = after_each_other([item for item in planned if item.state == "planned"])
    levers_told += [item for item in planned if item.state != "planned"]
    everything = [*levers_told, *with_prerequisites(bought, [*levers_told, *items], start, usage), *items]
    order = {"planned": 0, "no figure": 1, "set aside": 2, "excluded": 3, "dismissed": 4, "applied": 5}
    everything.sort(key=lambda item: order[item.state])
    return Plan(tuple(everything), before, cost, tuple(holdings), horizon.starts_on, usage)


def _why_no_figure(action: Action, fleet: Fleet) -> str | None:
    """Why the plan cannot say what an action saves; None where it can."""
    if action.reason is not None or action.operator is Operator.KEEP_ORDER:
        return action.reason or ""
    workload = fleet.workloads_by_id.get(action.workload)
    if workload is not None and workload.currency not in fleet.inr:
        return f"no rate turns {workload.currency} into INR: load one (`kifayat explain fx_rates`)"
    if workload is not None and not workload.hourly.any() and any(line.hourly.any() for line in workload.lines):
        return "the bill has no list price of what it uses"
    return None


def _purchases(
    committing: Committing, usage: Usage, held: Sequence[Commitment], day: date, items: list[Item]
) -> list[Purchase]:
    """What to buy; where the bill holds no whole year only what has paid for itself, and an item that says so."""
    fleet = usage.fleet
    if not is_short(fleet):
        return committing.ladder(day)
    wanted = committing.buy(day, held)
    bought = paid_for_already(wanted, fleet, committing.rates, held)
    if bought != wanted:
        action = reason(fleet, len(wanted), len(bought))
        items.append(Item(action, "no figure", why=action.reason or ""))
    return bought


def _waterfall(
    start: Usage, held: Sequence[Commitment], levers: Sequence[Action], pinned: frozenset[str], day: date
) -> tuple[list[Item], Usage]:
    """Each lever on what the earlier ones left; alone beside it. `levers` in order of operator and workload."""
    usage, cost = start, start.cost(held)
    first = cost
    found: list[Item] = []
    for _, rivals in itertools.groupby(levers, key=lambda a: (a.operator, a.workload)):
        tried = []
        for action in rivals:
            changed = usage.apply(action, day)
            saving = cost - changed.cost(held)
            only = first - start.apply(action, day).cost(held)
            item = Item(action, "planned", saving, only, is_pinned=action.id in pinned)
            tried.append((item.is_pinned, float(saving.mean()), changed, item))
        best = max(tried, key=lambda one: one[:2])
        for one in tried:
            is_pinned, saved, changed, item = one
            if one is best and (is_pinned or saved >= LEAST_INR):
                found.append(item)
                usage, cost = changed, changed.cost(held)
            else:
                found.append(replace(item, state="set aside", why=_why_aside(item, saved, best[1])))
    return found, usage


def _why_aside(item: Item, saved: float, best: float) -> str:
    """Why a lever is not in the plan that saves so much where it stands, and the best of its kind so much."""
    if saved >= LEAST_INR or (saved < best and best >= LEAST_INR):
        return "another lever of the same kind on the same thing saves more"
    if saved >= 0 or item.alone is None or item.alone.mean() < LEAST_INR:
        return "what it would save is already paid for by commitments, or saved by another lever"
    return "it would cost more than it saves beside the others"


@dataclass(frozen=True)
class _Buyer:
    """What commitments would make of a usage if they were bought for it on a day."""

    held: Sequence[Commitment]
    holdings: Sequence[Holding]
    rates: Rates
    cost_of_capital: float
    day: date

    def cost(self, usage: Usage) -> float:
        """INR of the year with them, the mean of the paths."""
        committing = Committing(usage, self.holdings, self.rates, self.cost_of_capital)
        bought = [part for one in committing.buy(self.day, self.held) for part in one.commitments]
        return float(usage.cost([*self.held, *bought]).mean())


def _without_rivals(
    start: Usage, buyer: _Buyer, items: list[Item], usage: Usage, decided: Decisions
) -> tuple[list[Item], Usage]:
    """Levers that move usage to another price compete with commitments: one without which the whole plan is cheaper is
    set aside, the worst first. Levers that only use less cannot be such."""
    few = start.on_paths(_RIVAL_PATHS)
    rivals = {
        item.id for item in items
        if item.state == "planned" and not item.is_pinned and item.action.operator >= Operator.MODERNISE
        and start.is_reached(item.action.workload)
    }  # fmt: skip
    while rivals:
        planned = [one for one in items if one.state == "planned"]
        best = buyer.cost(few.apply_all([one.action for one in planned], buyer.day))
        gains = {
            item.id: best
            - buyer.cost(few.apply_all([one.action for one in planned if one is not item], buyer.day))
            for item in planned if item.id in rivals
        }  # fmt: skip
        # only what was a rival once can be one again, for the others it has become cheaper to stay
        rivals = {id for id, gain in gains.items() if gain > LEAST_INR}
        if not rivals:
            break
        worst = max(rivals, key=lambda id: (gains[id], id))
        rivals.remove(worst)
        dropped = next(item for item in planned if item.id == worst)
        kept = [one.action for one in planned if one is not dropped]
        rest, usage = _waterfall(start, buyer.held, kept, decided.pinned, buyer.day)
        aside = replace(dropped, state="set aside", why="commitments on what it would move save more")
        items = [*rest, *(one for one in items if one.state != "planned"), aside]
    return items, usage


def break_even_drop(item: Item, starts_on: date) -> float | None:
    """By what share demand may fall before a commitment loses money: 1 - break-even / utilisation, over the part of the
    plan's year (from `starts_on`) in which it runs; None for other levers."""
    purchase = item.purchase
    if purchase is None or item.saving is None:
        return None
    days = max(0, 365 - (purchase.buy_on - starts_on).days)
    paid = purchase.hourly_inr * 24 * days
    worth = float(item.saving.mean()) + paid
    return max(0.0, 1 - paid / worth) if worth > 0 else 0.0


def break_even_month(item: Item, starts_on: date) -> int | None:
    """The month of the term by which what a commitment covers would have cost on demand as much as the whole of it: who
    stops needing it then has lost nothing. None for other levers, and where it never does."""
    purchase, drop = item.purchase, break_even_drop(item, starts_on)
    if purchase is None or not drop:
        return None
    return math.ceil(12 * purchase.way.years * (1 - drop) - 1e-9)
