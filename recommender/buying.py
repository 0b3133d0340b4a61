"""A purchase as an item of the plan: what it is called, why, in which way it is paid, and the recipe to buy it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

import numpy as np

from core import compact_inr
from recommender.action import Action, Evidence, Nothing, Operator, Recipe
from recommender.bill import Kind
from recommender.fleet import Fleet
from recommender.holdings import Holding
from recommender.purchases import Purchase, return_by
from recommender.terms import NEUTRAL, compared

NAMES: Final[Mapping[Kind, str]] = {
    Kind.INSTANCE_PLAN: "EC2 Instance Savings Plan", Kind.COMPUTE_PLAN: "Compute Savings Plan",
    Kind.DATABASE_PLAN: "Database Savings Plan", Kind.SAGEMAKER_PLAN: "SageMaker Savings Plan",
    Kind.REGIONAL_RESERVATION: "Reservation", Kind.RESOURCE_COMMITMENT: "Committed use",
    Kind.FLEXIBLE_COMMITMENT: "Flexible committed use",
}  # fmt: skip
_PLAN_TYPES: Final = {
    Kind.INSTANCE_PLAN: "EC2Instance", Kind.COMPUTE_PLAN: "Compute", Kind.DATABASE_PLAN: "Database",
}  # fmt: skip
_YEARS: Final = {1: "one year", 3: "three years"}


def purchase_action(purchase: Purchase, fleet: Fleet, holdings: Iterable[Holding], cost_of_capital: float) -> Action:
    """A purchase as an item of the plan. `holdings` whose end it waited for are named."""
    what, _, region = purchase.scope.rpartition("/")
    way = purchase.way
    place = f" in {region}" if region else ""
    title = (
        f"{NAMES[purchase.kind]}: {_amount(purchase, what)}{place}, {_YEARS.get(way.years, way.name)},"
        f" {way.payment.lower()}, from {purchase.buy_on:%-d %b %Y}"
    )
    target = {"provider": purchase.provider, "account": purchase.payer, "region": region, "kind": "commitment",
              "id": purchase.workload, "name": what or NAMES[purchase.kind]}  # fmt: skip
    verb, values = _order(purchase, what, fleet.today)
    can_return = purchase.provider == "aws" and not purchase.kind.is_in_units
    return Action(
        "commit", Operator.COMMIT, purchase.workload, title, Nothing(),
        Evidence(
            fleet.hours[0].astype("datetime64[D]").astype(object),
            (fleet.hours[-1] + np.timedelta64(1, "h")).astype("datetime64[D]").astype(object),
            {
                **_price(purchase, fleet, cost_of_capital),
                **_calendar(purchase, fleet, holdings),
                **compared(way, purchase.others, cost_of_capital),
            },
        ),
        Recipe(verb, target, {**values, "term_years": way.years, "payment": way.payment}),
        "low" if purchase.is_capped else "high" if way.is_learnt else "medium",
        f"what it covers has been used for {purchase.known_days} days only" if purchase.is_capped
        else "the rate is that of your own bill" if way.is_learnt else f"the rate is not of your bill ({way.source})",
        "minutes", False,
        "a Savings Plan can be returned within 7 days in the same month" if can_return
        else "none: it can be neither returned nor cancelled",
        f"paid whether used or not for {_YEARS.get(way.years, way.name)}", starts_on=purchase.buy_on,
        price_source=way.source,
    )  # fmt: skip


def _amount(purchase: Purchase, what: str) -> str:
    if purchase.kind is Kind.RESOURCE_COMMITMENT:
        vcpus, gib = (part.amount for part in purchase.parts)
        return f"{vcpus:g} vCPU and {gib:g} GiB of {what}"
    if purchase.kind.is_in_units:
        return f"{purchase.count} x {purchase.machine.replace('/', ' ')}"
    return f"${purchase.parts[0].amount:,.2f} an hour{f' of {what}' if what else ''}"


def _price(purchase: Purchase, fleet: Fleet, cost_of_capital: float) -> dict[str, str]:
    way, usd = purchase.way, fleet.inr.get("USD", 1.0)
    on_demand = purchase.hourly_inr / way.share
    upfront = way.upfront * purchase.locked_inr
    found = {
        "Price under it": f"{way.share:.1%} of on demand ({way.source})",
        "Pays for itself when used": f"at least {way.share:.1%} of the hours",
        "Locked": f"{_inr(purchase.locked_inr)} over {12 * way.years} months"
                  f" (${purchase.hourly_inr / usd:,.2f} an hour)",
        "Paid at once": _inr(upfront) if upfront else "nothing",
        "Value today": f"{_inr(on_demand * way.present_value(cost_of_capital))} of payments at"
                       f" {cost_of_capital:.1%} a year",
        "Way": f"{way.name}: {_why(purchase, cost_of_capital)}",
    }  # fmt: skip
    if purchase.kind is Kind.REGIONAL_RESERVATION and purchase.parts[0].amount != purchase.count:
        found["Flexible in size"] = (
            f"{purchase.parts[0].amount:g} normalised units: any size of the family and engine uses them"
        )
    return found


def _why(purchase: Purchase, cost_of_capital: float) -> str:
    paid = purchase.way.effective(cost_of_capital)
    is_neutral = any(other.effective(cost_of_capital) < paid for other in purchase.others)
    if not purchase.others:
        return "the only one that has a price"
    told = f"as good as the cheapest (within {NEUTRAL:.0%}) and binds least" if is_neutral else "the cheapest"
    return f"{told} of {1 + len(purchase.others)} that have a price"


def _calendar(purchase: Purchase, fleet: Fleet, holdings: Iterable[Holding]) -> dict[str, str]:
    """When to buy, what ends then, until when it can be given back."""
    is_plan = purchase.provider == "aws" and not purchase.kind.is_in_units
    found = {}
    ended = [
        one for one in holdings
        if one.ends_on == purchase.buy_on and one.provider == purchase.provider
        # reservations make room for reservations of the same, plans for plans
        and (one.scope == purchase.scope or Kind.REGIONAL_RESERVATION not in (one.kind, purchase.kind))
    ]  # fmt: skip
    if ended:
        found["Ends that day"] = "; ".join(f"{NAMES[one.kind]} {one.scope or one.id}" for one in ended)
    if purchase.buy_on > fleet.today:
        found["Order"] = (
            "can be queued now: AWS starts it on the day" if is_plan else "on the day: it cannot be queued, so note it"
        )
    bought_at = datetime.combine(purchase.buy_on, time(), UTC)
    back = return_by(purchase.parts[0].amount, bought_at) if is_plan else None
    found["Return"] = "not possible" if back is None else f"until {back:%-d %b %Y %H:%M} UTC, at most ten a year"
    if purchase.is_capped:
        found["Step"] = (
            f"a part of the target: what it covers is known for {purchase.known_days} days, the rest follows later"
        )
    return found


def _order(purchase: Purchase, what: str, today: date) -> tuple[str, dict[str, Any]]:
    """The recipe's verb and values."""
    if purchase.kind in _PLAN_TYPES:
        values = {"plan_type": _PLAN_TYPES[purchase.kind], "family": what,
                  "hourly_usd": f"{purchase.parts[0].amount:.2f}"}  # fmt: skip
        later = {"starts_at": f"{purchase.buy_on.isoformat()}T00:00:00Z"} if purchase.buy_on > today else {}
        return "buy_plan", values | later
    if purchase.kind is Kind.REGIONAL_RESERVATION:
        type_, _, engine = purchase.machine.partition("/")
        product = "elasticache" if type_.startswith("cache.") else "rds"
        return "buy_reservation", {"product": product, "type": type_, "engine": engine, "count": purchase.count}
    if purchase.kind is Kind.RESOURCE_COMMITMENT:
        vcpus, gib = (int(part.amount) for part in purchase.parts)
        return "buy_cud", {"kind": "resource", "series": what, "vcpus": vcpus, "memory_gib": gib}
    return "buy_cud", {"kind": "flexible", "hourly_usd": f"{purchase.parts[0].amount:.2f}"}


def _inr(amount: float) -> str:
    return compact_inr(Decimal(round(amount)))
