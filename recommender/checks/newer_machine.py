"""The same size on another processor or generation that costs less here: by live list prices of the region, never by a
rule of thumb (in Mumbai AMD and Graviton cost half of Intel, elsewhere a tenth less).

Prices are compared net of sustained use where the bill shows that it is given: E2, N4, C3, C4 and T2D lose it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import evidence, is_running, per_usd, target
from recommender.fleet import Fleet, Workload
from recommender.machines import Machine, UnknownMachine, alike, machine, sizes, sustained_kept
from recommender.prices import Catalogue, ListPrice, MissingPrice, Offer

TITLE = "Machines that another processor or generation would carry for less"
OPERATOR = Operator.MODERNISE
#: Less than that is not worth a migration.
LEAST_RATIO: Final = 0.05
#: Another architecture must save that much more than the best of the same one: everything is built anew for it.
_ARCHITECTURE_RATIO: Final = 0.15
#: GiB of a vCPU -> shape of Google's predefined machines.
_SHAPES: Final = {4.0: "standard", 8.0: "highmem", 1.0: "highcpu", 2.0: "highcpu"}


@dataclass(frozen=True)
class Choice:
    """A type with its list price, and `net`: USD an hour less what sustained use takes off."""

    machine: Machine
    price: ListPrice
    net: float


def propose(fleet: Fleet) -> Iterator[Action]:
    """One type for each machine, group or node pool, x86 first; types without a price are not proposed."""
    for workload in fleet.of("machine", "group", "node_pool"):
        if not is_running(workload) or workload.provider == "azure" or any(line.is_spot for line in workload.lines):
            continue
        own = own_machine(workload)
        if own is None:
            continue
        now, best = choices(fleet, workload, own, workload.region)
        if now is not None and best is not None and best.net <= now.net * (1 - LEAST_RATIO):
            yield _action(fleet, workload, now, best)


def own_machine(workload: Workload) -> Machine | None:
    """What it runs on; of a node pool of Google without a type a machine of 4 vCPU of its series and shape, for vCPU
    and memory have one price whatever the size. None where nobody knows."""
    try:
        return machine(str(workload.type))
    except UnknownMachine:
        pass
    units = {line.sku: float(line.hourly[-30 * 24 :].sum()) for line in workload.lines}
    cores = [sku for sku in units if sku.endswith(".core")]
    if workload.kind != "node_pool" or len(cores) != 1 or not units[cores[0]]:
        return None
    series = cores[0].partition(".")[0]
    shape = _SHAPES.get(round(units.get(f"{series}.ram", 0.0) / units[cores[0]], 2))
    try:
        return machine(f"{series}-{shape}-4")
    except UnknownMachine:
        return None


def choices(fleet: Fleet, workload: Workload, own: Machine, region: str) -> tuple[Choice | None, Choice | None]:
    """The own type in a region and the best other one there that is not slower; None where there is no price."""
    return _choices(fleet.catalogue, workload.provider, _system(workload), own.type, region, sustained(workload))


@lru_cache(maxsize=4096)
def _choices(
    catalogue: Catalogue, provider: str, system: str, type_: str, region: str, sustained_ratio: float
) -> tuple[Choice | None, Choice | None]:
    own, found = machine(type_), []
    now: Choice | None = None
    for one in (own, *alike(own.type)):
        if one.speed < own.speed * 0.99:
            continue  # slower: more of them would be needed
        try:
            price = catalogue.price(_offer(provider, system, one, region))
        except MissingPrice:
            continue
        kept = 1.0 if one is own else sustained_kept(own, one)
        choice = Choice(one, price, float(price.usd) * (1 - sustained_ratio * kept))
        if one is own:
            now = choice
        else:
            found.append(choice)
    return now, _choose(found, own)


def sustained(workload: Workload) -> float:
    """The share of the list price that sustained use takes off, as billed."""
    return max((line.sustained_ratio for line in workload.lines), default=0.0)


def _choose(found: list[Choice], own: Machine) -> Choice | None:
    """The cheapest; another architecture only where it saves much more."""

    def cost(one: Choice) -> tuple[float, float, str]:
        return one.net, -one.machine.speed, one.machine.type

    same = min((one for one in found if one.machine.architecture == own.architecture), key=cost, default=None)
    other = min((one for one in found if one.machine.architecture != own.architecture), key=cost, default=None)
    if same is None or (other is not None and other.net < same.net * (1 - _ARCHITECTURE_RATIO)):
        return other
    return same


def replacements(
    fleet: Fleet, workload: Workload, own: Machine, now: float, new: Choice, region: str = ""
) -> Mapping[str, Replacement]:
    """What takes the place of each SKU, in `region` if that is another; `now` is the own type's list price, USD."""
    if workload.provider == "gcp":
        series = new.machine.family.partition("-")[0]
        ratio = float(new.price.usd) / now
        return {
            line.sku: Replacement(
                f"{series}.{line.sku.rpartition('.')[2]}", line.price * ratio, region=region
            )
            for line in workload.lines if line.sku.endswith((".core", ".ram"))
        }  # fmt: skip
    # every size of the family: the one before this lever may be another
    system, dollar = _system(workload), per_usd(fleet, workload) or 1.0
    return {
        f"{a.type}/{system}": Replacement(f"{b.type}/{system}", float(price.usd) * dollar, region=region)
        for a, b, price in _sizes(fleet, workload, own, new.machine, region or workload.region)
    }


def _system(workload: Workload) -> str:
    """The operating system as SKUs of AWS name it."""
    return workload.lines[0].sku.rpartition("/")[2] if workload.provider == "aws" else ""


def _offer(provider: str, system: str, one: Machine, region: str) -> Offer:
    if provider == "gcp":
        return Offer("gcp", region, one.type)
    return Offer("aws", region, f"{one.type}/{system}")


def _action(fleet: Fleet, workload: Workload, now: Choice, best: Choice) -> Action:
    own, new = now.machine, best.machine
    moves = own.architecture != new.architecture
    known = str(workload.type) == own.type
    names = (own.type, new.type) if known else (own.family, new.family)
    figures = {
        "Now": f"{own.type} at ${now.price.usd:.4f} an hour",
        "New": f"{new.type} at ${best.price.usd:.4f} an hour ({float(best.price.usd / now.price.usd) - 1:+.0%})",
        "Processor": f"{own.architecture} to {new.architecture}, a vCPU {new.speed / own.speed:.2f} times as fast"
        " (a prior)",
        "List prices of": f"{best.price.as_of} in {workload.region}",
    }  # fmt: skip
    if sustained(workload) > 0:
        figures["Sustained use"] = (
            f"takes {sustained(workload):.1%} off now, {sustained(workload) * sustained_kept(own, new):.1%} then:"
            f" {best.net / now.net - 1:+.0%} net"
        )
    values = {"from": own.type, "to": new.type, "architecture": new.architecture}
    return Action(
        "newer_machine", OPERATOR, workload.id, f"{workload.name}: {names[0]} to {names[1]}",
        Swap(replacements(fleet, workload, own, float(now.price.usd), best)), evidence(fleet, figures),
        Recipe("modernise", target(workload), values) if known else None,
        "low" if moves else "medium",
        "built for another architecture: test it" if moves else "the same architecture; speeds are priors: test one",
        "days" if moves else "hours", True, f"set the type back to {names[0]}",
        "images and dependencies must exist for Arm" if moves else "a restart, or a new template and a rolling refresh",
        price_source=best.price.source, price_on=best.price.as_of, twins=dict(_twins(own, new)) if known else {},
    )  # fmt: skip


def _twins(own: Machine, new: Machine) -> Iterator[tuple[str, str]]:
    """Types of the own generation and what takes their place: what an earlier lever resizes moves on from there."""
    for one in sizes(own.type):
        twin = _twin(one, own, new)
        try:
            yield one.type, machine(twin).type
        except UnknownMachine:
            continue


def _twin(one: Machine, own: Machine, new: Machine) -> str:
    """Name of the size of another generation that stands where `one` stands in the generation of `own`."""
    if new.family == own.family:
        return one.type
    if "-" in own.type:  # Google: series-shape-vCPU
        return f"{new.family.partition('-')[0]}-{one.type.partition('-')[2]}"
    return f"{one.family[0]}{new.family[1:]}.{one.type.partition('.')[2]}"


def _sizes(
    fleet: Fleet, workload: Workload, own: Machine, new: Machine, region: str
) -> Iterator[tuple[Machine, Machine, ListPrice]]:
    """The same move for the shapes and sizes of a generation (m6i to m6a is c6i to c6a and r6i to r6a)."""
    for one in {own.type: own, **{other.type: other for other in sizes(own.type)}}.values():
        try:
            found = machine(_twin(one, own, new))
            yield one, found, fleet.catalogue.price(_offer("aws", _system(workload), found, region))
        except (UnknownMachine, MissingPrice):
            continue
