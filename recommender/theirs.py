"""What the providers' advice is worth on the bill: every proposal as an action or a purchase of ours, priced by the one
simulator in the order in which our own plan is, each on what the others of theirs leave.

What saves nothing beside the rest is not counted, so the sum is what doing all of it would bring, counted once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.action import Action
from recommender.bill import Commitment
from recommender.book import Book
from recommender.fleet import Workload
from recommender.offers import Offers
from recommender.prepared import Prepared
from recommender.provider_advice import Advice, Resources, inr_of
from recommender.purchases import Purchase
from recommender.their_levers import lever_of
from recommender.their_purchases import TheirPurchases
from recommender.usage import Usage

#: The dearest by what they say; of the others it is only told what they say.
MOST_PRICED = 200
#: What counts as a saving, INR a year.
_LEAST_INR = 1.0


@dataclass(frozen=True, eq=False)
class Priced:
    """One advice of theirs and what it is worth, INR of the year ahead; None where nobody can say (`unpriced` tells).

    `said_inr`: its own figure; `list_inr`: of the same change at list prices without any commitment; `alone_inr`: on
    the bill, if it were the only one; `bill_inr`: on the bill, on what the ones before it leave, `beside` among them
    on the same thing. `is_counted`: whether it is part of the sum. `reach_inr`: list price of what a purchase could
    cover.
    """

    advice: Advice
    workload: Workload | None
    said_inr: float | None
    unpriced: str = ""
    lever: Action | Purchase | None = None
    list_inr: float | None = None
    alone_inr: float | None = None
    bill_inr: float | None = None
    is_counted: bool = False
    beside: Advice | None = None
    reach_inr: float | None = None


def price(prepared: Prepared, told: Sequence[Advice]) -> list[Priced]:
    """Each advice with its worth, in the order of `told`."""
    fleet = prepared.fleet
    start = Usage.of(fleet, prepared.horizon, Book(fleet, prepared.rates, prepared.horizon.columns))
    held = [one.commitment(fleet.inr[one.currency]) for one in prepared.holdings if one.currency in fleet.inr]
    pools, _ = start.pools
    offers = Offers(pools, prepared.holdings, prepared.rates, fleet.catalogue, fleet.inr)
    purchases, resources = TheirPurchases(start, offers, prepared.cost_of_capital), Resources(fleet)
    read = [_read(one, prepared, resources, purchases) for one in told]
    order = sorted(range(len(read)), key=lambda at: -(read[at].said_inr or 0.0))
    for at in order[MOST_PRICED:]:
        read[at] = replace(read[at], lever=None, unpriced=f"only the {MOST_PRICED} dearest are priced")
    worth = _levers(start, held, read, prepared)
    return [worth.get(id(one.advice), one) for one in read]


def _read(advice: Advice, prepared: Prepared, resources: Resources, purchases: TheirPurchases) -> Priced:
    fleet = prepared.fleet
    said = advice.yearly_inr(inr_of(fleet))
    if advice.is_purchase:
        bought = purchases.of(advice)
        if isinstance(bought, str):
            return Priced(advice, None, said, bought)
        return Priced(advice, None, said, lever=bought)
    workload = resources.find(advice)
    if workload is None:
        since = fleet.hours[0].astype("datetime64[D]").astype(object)
        return Priced(advice, None, said, f"the bill since {since:%-d %b %Y} has no such resource")
    lever = lever_of(advice, fleet, workload)
    if isinstance(lever, str):
        return Priced(advice, workload, said, lever)
    return Priced(advice, workload, said, lever=lever)


def _levers(start: Usage, held: Sequence[Commitment], read: Sequence[Priced], prepared: Prepared) -> dict[int, Priced]:
    """By the identity of the advice: actions by operator and workload, then purchases, the dearest first."""
    day = prepared.horizon.starts_on
    listed, billed = (float(start.cost(under).mean()) for under in ([], held))
    usage, cost, found = start, billed, {}
    taken: dict[str, Advice] = {}
    for one, action in _actions(read):
        alone = start.apply(action, day)
        changed = alone if usage is start else usage.apply(action, day)
        after = float(changed.cost(held).mean())
        saved = cost - after
        earlier = taken.get(action.workload)
        found[id(one.advice)] = replace(
            one, list_inr=listed - float(alone.cost([]).mean()), alone_inr=billed - float(alone.cost(held).mean()),
            bill_inr=saved, is_counted=saved >= _LEAST_INR, beside=earlier,
        )  # fmt: skip
        if saved >= _LEAST_INR:
            usage, cost = changed, after
            taken.setdefault(action.workload, one.advice)
    bought = list(held)
    for one, purchase, more in _purchases(read):
        after = float(usage.cost([*bought, *more]).mean())
        saved = cost - after
        found[id(one.advice)] = replace(
            one, list_inr=listed - float(start.cost(more).mean()),
            alone_inr=billed - float(start.cost([*held, *more]).mean()),
            bill_inr=saved, is_counted=saved >= _LEAST_INR, reach_inr=reach(start, purchase),
        )  # fmt: skip
        if saved >= _LEAST_INR:
            bought, cost = [*bought, *more], after
    return found


def reach(usage: Usage, purchase: Purchase) -> float:
    """List price of what a purchase could cover, INR of the year ahead."""
    keys = {(one.kind, one.scope) for one in purchase.commitments}
    pools, units = usage.pools
    listed = [
        pool.on_demand * used for pool, used in zip(pools, units, strict=True) if keys & {*pool.rates, *pool.units}
    ]
    return float(usage.horizon.yearly(np.sum(listed, axis=0)).mean()) if listed else 0.0


def _actions(read: Sequence[Priced]) -> Iterator[tuple[Priced, Action]]:
    found = [(one, one.lever) for one in read if isinstance(one.lever, Action)]
    yield from sorted(found, key=lambda pair: (pair[1].operator, pair[1].workload, -(pair[0].said_inr or 0.0)))


def _purchases(read: Sequence[Priced]) -> Iterator[tuple[Priced, Purchase, list[Commitment]]]:
    """Under ids of their own, for two of them may be of one kind and scope."""
    found = [(one, one.lever) for one in read if isinstance(one.lever, Purchase)]
    for at, (one, purchase) in enumerate(sorted(found, key=lambda pair: -(pair[0].said_inr or 0.0))):
        yield one, purchase, [replace(part, id=f"their {at} {part.id}") for part in purchase.commitments]
