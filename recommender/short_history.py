"""Commitments where the history holds no whole year: nothing is bought on a forecast of a season that nobody has seen.

Then the online rule holds (`recommender/purchases.py`): of what a plan would buy today, only that much which has been
used so often already that its price on demand has paid for a whole term. It never costs more than twice the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from models.design import Floats
from recommender.action import Action, Evidence, Nothing, Operator
from recommender.bill import Commitment, Pool
from recommender.book import Book
from recommender.fleet import Fleet
from recommender.holdings import Rates
from recommender.horizon import YEAR_HOURS, history
from recommender.purchases import Part, Purchase, online_levels
from recommender.usage import Usage

#: Days of a bill that hold a year's season.
WHOLE_YEAR_DAYS: Final = 330


def is_short(fleet: Fleet) -> bool:
    """Whether the bill does not hold a whole year."""
    return fleet.known_days < WHOLE_YEAR_DAYS


def paid_for_already(
    wanted: Sequence[Purchase], fleet: Fleet, rates: Rates, held: Sequence[Commitment]
) -> list[Purchase]:
    """What may be bought of the purchases `wanted`, in their order, each beside the earlier ones."""
    past = Usage.of(fleet, history(fleet, fleet.hours), Book(fleet, rates, fleet.hours))
    pools, _ = past.pools
    active, found = list(held), []
    for purchase in wanted:
        left = past.bill(active).left
        multiple = min(_paid_for(purchase, part, pools, left) / part.amount for part in purchase.parts)
        if multiple <= 0:
            continue
        bought = purchase.scaled(min(multiple, 1.0))
        found.append(bought)
        active += [replace(one, starts=fleet.hours[0]) for one in bought.commitments]
    return found


def _paid_for(purchase: Purchase, part: Part, pools: Sequence[Pool], left: Floats) -> float:
    """Amount of a part that has paid for itself already, in whole units, or whole cents an hour."""
    key = purchase.kind, f"{purchase.payer}:{part.scope}"
    used = np.zeros((1, left.shape[1]))
    for pool, units in zip(pools, left, strict=True):
        is_units = purchase.kind.is_in_units
        used[0] += units * (pool.units.get(key, 0.0) if is_units else pool.rates.get(key, 0.0) / part.fee_inr)
    step = 1.0 if purchase.kind.is_in_units else 0.01
    return float(np.floor(online_levels(used, [purchase.way.share], YEAR_HOURS)[0] / step + 1e-9) * step)


def reason(fleet: Fleet, wanted: int, bought: int) -> Action:
    """Why less is bought than a plan of a whole year would buy."""
    days = fleet.known_days
    why = (
        f"the bill holds {days} days and no whole year: only what has paid for itself already is bought"
        f" ({bought} of {wanted} that a forecast would buy)"
    )
    start, end = fleet.ist_days[0].astype(object), fleet.today
    return Action(
        "commit_later", Operator.COMMIT, "company/short-history", "Commitments wait for a year of bills", Nothing(),
        Evidence(start, end, {"Days of history": f"{days}", "Needed": f"{WHOLE_YEAR_DAYS}", "Until then": why}),
        confidence="low", reason=why,
    )  # fmt: skip
