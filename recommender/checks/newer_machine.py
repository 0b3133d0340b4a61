"""The same size on another processor or generation that costs less here: by live list prices of the region, never by a
rule of thumb (in Mumbai AMD and Graviton cost half of Intel, elsewhere a tenth less)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import evidence, is_running, target
from recommender.fleet import Fleet, Workload
from recommender.machines import Machine, UnknownMachine, alike, machine
from recommender.prices import ListPrice, MissingPrice, Offer

TITLE = "Machines that another processor or generation would carry for less"
OPERATOR = Operator.MODERNISE
#: Less than that is not worth a migration.
_LEAST_RATIO: Final = 0.05
#: Another architecture must save that much more than the best of the same one: everything is built anew for it.
_ARCHITECTURE_RATIO: Final = 0.15


def propose(fleet: Fleet) -> Iterator[Action]:
    """One type for each machine or group, x86 first; types without a price are not proposed."""
    for workload in fleet.of("machine", "group", "node_pool"):
        if not is_running(workload) or workload.provider == "azure" or any(line.is_spot for line in workload.lines):
            continue
        try:
            own = machine(str(workload.type))
            now = _price(fleet, workload, own)
        except (UnknownMachine, MissingPrice):
            continue
        offers = []
        for other in alike(own.type):
            if other.speed < own.speed * 0.99:
                continue  # slower: more of them would be needed
            try:
                offers.append((_price(fleet, workload, other), other))
            except MissingPrice:
                continue
        best = _choose(offers, own)
        if best is None or float(best[0].usd) > float(now.usd) * (1 - _LEAST_RATIO):
            continue
        yield _action(fleet, workload, own, now, *best)


def _choose(offers: list[tuple[ListPrice, Machine]], own: Machine) -> tuple[ListPrice, Machine] | None:
    """The cheapest; another architecture only where it saves much more."""

    def cost(offer: tuple[ListPrice, Machine]) -> tuple[float, float, str]:
        return float(offer[0].usd), -offer[1].speed, offer[1].type

    same = min((offer for offer in offers if offer[1].architecture == own.architecture), key=cost, default=None)
    other = min((offer for offer in offers if offer[1].architecture != own.architecture), key=cost, default=None)
    if same is None or (other is not None and float(other[0].usd) < float(same[0].usd) * (1 - _ARCHITECTURE_RATIO)):
        return other
    return same


def _price(fleet: Fleet, workload: Workload, one: Machine) -> ListPrice:
    sku = one.type if workload.provider == "gcp" else f"{one.type}/{workload.lines[0].sku.rpartition('/')[2]}"
    return fleet.catalogue.price(Offer(workload.provider, workload.region, sku))  # type: ignore[arg-type]


def _action(fleet: Fleet, workload: Workload, own: Machine, now: ListPrice, price: ListPrice, new: Machine) -> Action:
    ratio = float(price.usd / now.usd)
    if workload.provider == "gcp":
        series = new.family.partition("-")[0]
        swap = Swap({
            line.sku: Replacement(f"{series}.{line.sku.rpartition('.')[2]}", line.price * ratio)
            for line in workload.lines if line.sku.endswith((".core", ".ram"))
        })  # fmt: skip
    else:
        # every size of the family: the one before this lever may be another
        system = workload.lines[0].sku.rpartition("/")[2]
        swap = Swap(
            {
                f"{a.type}/{system}": Replacement(f"{b.type}/{system}", float(p.usd))
                for a, b, p in _sizes(fleet, workload, own, new)
            }
        )
    moves = own.architecture != new.architecture
    figures = {
        "Now": f"{own.type} at ${now.usd:.4f} an hour",
        "New": f"{new.type} at ${price.usd:.4f} an hour ({ratio - 1:+.0%})",
        "Processor": f"{own.architecture} to {new.architecture}, a vCPU {new.speed / own.speed:.2f} times as fast"
        " (a prior)",
        "List prices of": f"{price.as_of} in {workload.region}",
    }  # fmt: skip
    return Action(
        "newer_machine", OPERATOR, workload.id, f"{workload.name}: {own.type} to {new.type}", swap,
        evidence(fleet, figures),
        Recipe("modernise", target(workload), {"from": own.type, "to": new.type, "architecture": new.architecture}),
        "low" if moves else "medium",
        "built for another architecture: test it" if moves else "the same architecture; speeds are priors: test one",
        "days" if moves else "hours", True, f"set the type back to {own.type}",
        "images and dependencies must exist for Arm" if moves else "a restart, or a new template and a rolling refresh",
        price_source=price.source, price_on=price.as_of,
    )  # fmt: skip


def _sizes(
    fleet: Fleet, workload: Workload, own: Machine, new: Machine
) -> Iterator[tuple[Machine, Machine, ListPrice]]:
    """The same move for the shapes and sizes of a generation (m6i to m6a is c6i to c6a and r6i to r6a)."""
    from recommender.machines import sizes

    for one in {own.type: own, **{other.type: other for other in sizes(own.type)}}.values():
        letter = one.family[0]
        twin = f"{letter}{new.family[1:]}.{one.type.partition('.')[2]}"
        try:
            found = machine(twin)
            yield one, found, _price(fleet, workload, found)
        except (UnknownMachine, MissingPrice):
            continue
