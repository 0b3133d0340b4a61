"""One plan: every lever in a fixed order, each worth the difference of two simulated bills, none counted twice.

The order is that of `Operator`: remove, schedule, resize, modernise, Spot, commit; within an operator by check and
workload, so that the order in which checks came changes nothing. A lever that saves nothing beside the others is set
aside with the reason. What the levers save in their order adds up to what the plan saves, on every path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np

from core import compact_inr
from models.design import Floats
from recommender.action import Action, Evidence, Nothing, Operator, Recipe
from recommender.bill import Commitment, Kind
from recommender.book import Book
from recommender.commit import Committing, Purchase
from recommender.fleet import Fleet
from recommender.holdings import Holding, Rates
from recommender.horizon import Horizon
from recommender.short_history import is_short, paid_for_already, reason
from recommender.terms import alternatives
from recommender.usage import Usage

State = Literal["planned", "set aside", "no figure", "excluded", "dismissed", "applied"]
#: Less than this a year is not worth a person's minute, INR.
LEAST_INR: Final = 500.0
#: Nor is a commitment for less than this worth being locked in for a year.
LEAST_LOCKED_INR: Final = 5_000.0
#: Whether a lever beats commitments is asked on every so many columns; what is bought is sized on all.
_RIVAL_THIN: Final = 11
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
    decisions: Decisions | None = None, *, cost_of_capital: float = 0.11, say: Say = lambda _: None,
) -> Plan:  # fmt: skip
    """The plan of these actions and the commitments that fit what they leave.

    Two actions of one id, or two that would remove, move or resize the same thing in the same operator, keep the first
    by check; the second is set aside.
    """
    decided = decisions or Decisions()
    book = Book(fleet, rates, horizon.columns)
    start = Usage.of(fleet, horizon, book)
    held = [one.commitment(fleet.inr[one.currency]) for one in holdings if one.currency in fleet.inr]
    ordered = sorted(actions, key=lambda a: (a.operator, a.check, a.workload))
    before = start.cost(held)
    items: list[Item] = []
    levers: list[Action] = []
    seen: set[tuple[Operator, str]] = set()
    for action in ordered:
        if action.id in decided.out:
            state, why = decided.out[action.id]
            items.append(Item(action, state, why=why))
        elif (why_not := _why_no_figure(action, fleet)) is not None:
            items.append(Item(action, "no figure", why=why_not))
        elif (action.operator, action.workload) in seen:
            items.append(Item(action, "set aside", why="another lever of the same kind already changes it"))
        else:
            seen.add((action.operator, action.workload))
            levers.append(action)
    say(f"billing {len(levers)} levers")
    planned, usage = _waterfall(start, held, levers, decided.pinned, horizon.starts_on)
    say("sizing commitments")
    if not is_short(fleet):
        planned, usage = _without_rivals(start, held, holdings, rates, planned, usage, decided, horizon.starts_on)
    cost = left = usage.cost(held)
    bought: list[Item] = []
    commitments = list(held)
    for purchase in _purchases(usage, holdings, held, rates, horizon.starts_on, items):
        action = purchase_action(purchase, fleet, cost_of_capital)
        if action.id in decided.out:
            state, why = decided.out[action.id]
            bought.append(Item(action, state, why=why, purchase=purchase))
            continue
        after = usage.cost([*commitments, purchase.commitment])
        saving = cost - after
        if saving.mean() < LEAST_LOCKED_INR and action.id not in decided.pinned:
            bought.append(Item(action, "set aside", saving, why="saves nothing beside the others", purchase=purchase))
            continue
        # alone among the purchases: on what the levers leave, for without them it may reach nothing at all
        alone = left - usage.cost([*held, purchase.commitment])
        bought.append(Item(action, "planned", saving, alone, purchase=purchase, is_pinned=action.id in decided.pinned))
        commitments.append(purchase.commitment)
        cost = after
    everything = [*planned, *bought, *items]
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
    usage: Usage, holdings: Sequence[Holding], held: Sequence[Commitment], rates: Rates, day: date, items: list[Item]
) -> list[Purchase]:
    """What to buy; where the bill holds no whole year only what has paid for itself, and an item that says so."""
    committing, fleet = Committing(usage, holdings, rates), usage.fleet
    if not is_short(fleet):
        return committing.ladder(day)
    wanted = committing.buy(day, held)
    bought = paid_for_already(wanted, fleet, rates, held)
    if bought != wanted:
        action = reason(fleet, len(wanted), len(bought))
        items.append(Item(action, "no figure", why=action.reason or ""))
    return bought


def _waterfall(
    start: Usage, held: Sequence[Commitment], levers: Sequence[Action], pinned: frozenset[str], day: date
) -> tuple[list[Item], Usage]:
    """Each lever on what the earlier ones left; alone beside it."""
    usage, cost = start, start.cost(held)
    first = cost
    found: list[Item] = []
    for action in levers:
        changed = usage.apply(action, day)
        after = changed.cost(held)
        saving = cost - after
        only = first - start.apply(action, day).cost(held)
        if saving.mean() < LEAST_INR and action.id not in pinned:
            why = (
                "what it would save is already paid for by commitments, or saved by another lever"
                if only.mean() < LEAST_INR or saving.mean() >= 0
                else "it would cost more than it saves beside the others"
            )
            found.append(Item(action, "set aside", saving, only, why))
            continue
        found.append(Item(action, "planned", saving, only, is_pinned=action.id in pinned))
        usage, cost = changed, after
    return found, usage


def _without_rivals(
    start: Usage, held: Sequence[Commitment], holdings: Sequence[Holding], rates: Rates, items: list[Item],
    usage: Usage, decided: Decisions, day: date,
) -> tuple[list[Item], Usage]:  # fmt: skip
    """Levers that move usage to another price compete with commitments: one without which the whole plan is cheaper is
    set aside, the worst first. Levers that only use less cannot be such."""
    rivals = [
        item for item in items
        if item.state == "planned" and not item.is_pinned and item.action.operator >= Operator.MODERNISE
    ]  # fmt: skip
    best = _committed_cost(usage, held, holdings, rates, day)
    while rivals:
        planned = [one for one in items if one.state == "planned"]
        gains = {}
        for item in rivals:
            without = start
            for one in planned:
                if one is not item:
                    without = without.apply(one.action, day)
            gains[item.id] = best - _committed_cost(without, held, holdings, rates, day)
        # only what was a rival once can be one again, for the others it has become cheaper to stay
        rivals = [item for item in rivals if gains[item.id] > LEAST_INR]
        if not rivals:
            break
        dropped = max(rivals, key=lambda item: gains[item.id])
        rivals.remove(dropped)
        rest, usage = _waterfall(
            start, held, [one.action for one in planned if one is not dropped], decided.pinned, day
        )
        aside = replace(dropped, state="set aside", why="commitments on what it would move save more")
        items = [*rest, *(one for one in items if one.state != "planned"), aside]
        best = _committed_cost(usage, held, holdings, rates, day)
        kept = {one.id for one in rest if one.state == "planned"}
        rivals = [one for one in rest if one.id in kept and one.id in {rival.id for rival in rivals}]
    return items, usage


def _committed_cost(
    usage: Usage, held: Sequence[Commitment], holdings: Sequence[Holding], rates: Rates, day: date
) -> float:
    bought = Committing(usage, holdings, rates).buy(day, held, _RIVAL_THIN)
    return float(usage.cost([*held, *(one.commitment for one in bought)]).mean())


_NAMES: Final[Mapping[Kind, str]] = {
    Kind.INSTANCE_PLAN: "EC2 Instance Savings Plan", Kind.COMPUTE_PLAN: "Compute Savings Plan",
    Kind.DATABASE_PLAN: "Database Savings Plan", Kind.REGIONAL_RESERVATION: "Reservation",
    Kind.RESOURCE_COMMITMENT: "Committed use", Kind.FLEXIBLE_COMMITMENT: "Flexible committed use",
}  # fmt: skip


def purchase_action(purchase: Purchase, fleet: Fleet, cost_of_capital: float) -> Action:
    """A purchase as an item of the plan, with its evidence and the recipe to buy it."""
    usd = fleet.inr.get("USD", 1.0)
    what, _, region = purchase.scope.rpartition("/")
    is_money = not purchase.kind.is_in_units
    amount = f"${purchase.amount:,.2f} an hour" if is_money else f"{purchase.amount:g} x {what}"
    place = f" in {region}" if region else ""
    locked = compact_inr(Decimal(round(purchase.hourly_inr * 8760)))
    of = f" of {what}" if is_money and what else ""
    title = f"{_NAMES[purchase.kind]}: {amount}{of}{place}, one year, from {purchase.buy_on:%-d %b %Y}"
    target = {"provider": purchase.provider, "account": purchase.payer, "region": region, "kind": "commitment",
              "id": purchase.workload, "name": what or _NAMES[purchase.kind]}  # fmt: skip
    values: dict[str, Any]
    if purchase.kind in (Kind.INSTANCE_PLAN, Kind.COMPUTE_PLAN, Kind.DATABASE_PLAN):
        plan_type = {Kind.INSTANCE_PLAN: "EC2Instance", Kind.COMPUTE_PLAN: "Compute"}.get(purchase.kind, "Database")
        verb, values = "buy_plan", {"plan_type": plan_type, "family": what, "hourly_usd": f"{purchase.amount:.2f}"}
    elif purchase.kind is Kind.REGIONAL_RESERVATION:
        product = "elasticache" if what.startswith("cache.") else "rds"
        verb, values = "buy_reservation", {"product": product, "type": what, "count": int(purchase.amount)}
    elif purchase.kind is Kind.RESOURCE_COMMITMENT:
        series, _, part = what.partition(".")
        size = {"vcpus": int(purchase.amount)} if part == "core" else {"memory_gib": int(purchase.amount)}
        verb, values = "buy_cud", {"kind": "resource", "series": series, **size}
    else:
        verb, values = "buy_cud", {"kind": "flexible", "hourly_usd": f"{purchase.amount:.2f}"}
    return Action(
        "commit", Operator.COMMIT, purchase.workload, title, Nothing(),
        Evidence(
            fleet.hours[0].astype("datetime64[D]").astype(object), fleet.today,
            {
                "Price under it": f"{purchase.share:.1%} of on demand ({purchase.source})",
                "Pays for itself when used": f"at least {purchase.share:.1%} of the hours",
                "Locked": f"{locked} over 12 months (${purchase.hourly_inr / usd:,.2f} an hour)",
                "Return": "within 7 days and in the same UTC month, at most $100 an hour"
                if purchase.provider == "aws" and is_money else "not possible",
                **alternatives(purchase, fleet.catalogue, cost_of_capital),
            },
        ),
        Recipe(verb, target, {**values, "term_years": 1, "payment": "No Upfront"}),
        "high" if purchase.is_learnt else "medium",
        "the rate is that of your own bill" if purchase.is_learnt else f"the rate is a prior ({purchase.source})",
        "minutes", False,
        "a Savings Plan can be returned within 7 days in the same month; reservations cannot" if is_money else "none",
        "paid whether used or not for a year", starts_on=purchase.buy_on, price_source=purchase.source,
    )  # fmt: skip


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
