"""A provider's advice about a resource as an action of ours, so that one simulator prices both; or why that cannot be.

Prices are those of our own checks: the bill's, in the ratio of list prices, never the provider's saving.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from core import BadValue
from recommender.action import Action, Change, Evidence, Nothing, Operator, Remove, Replacement, Run, Swap
from recommender.bill import normalisation_factor
from recommender.checks import _sizes, storage
from recommender.fleet import Fleet, Workload
from recommender.machines import UnknownMachine, cache_node, machine
from recommender.prices import MissingPrice, Offer
from recommender.provider_advice import Advice, Resources

_TYPE: Final = re.compile(
    r"(?<![\w-])(?:db-custom-\d+-\d+|(?:db\.|cache\.)?[a-z][a-z0-9-]*\d[a-z0-9-]*\.[a-z0-9-]+"
    r"|[a-z]\d[a-z]?-(?:standard|highmem|highcpu|micro|small|medium)(?:-\d+)?)(?![\w-])"
)
_STORAGE: Final = re.compile("storage|backup|snapshot", re.IGNORECASE)
#: What changes the type or form of a thing.
RESIZES: Final = ("rightsize", "upgrade", "migrate_arm")
#: What ends its use.
ENDS: Final = ("stop", "delete")


def type_of(advice: Advice) -> str:
    """The type that it proposes, as a bill names it; "" where it names none."""
    told = advice.detail("proposedtype", "recommendedinstancetype", "recommendedtype")
    found = _TYPE.search(advice.proposed) or _TYPE.search(told)
    return found[0] if found else ""


def lever_of(advice: Advice, fleet: Fleet, workload: Workload) -> Action | str:
    """What it would change in the bill, or the reason why nobody can say what that saves."""
    if Resources.is_member(advice, workload):
        return f"it is one machine of the group {workload.name}, which starts another in its place"
    if workload.currency not in fleet.inr:
        return f"no rate turns {workload.currency} into INR"
    if advice.action == "delete":
        return _action(advice, fleet, workload, Operator.REMOVE, Remove())
    if advice.action == "stop":
        meters = frozenset(line.meter for line in workload.lines if not _STORAGE.search(line.meter))
        return _action(advice, fleet, workload, Operator.REMOVE, Run((0.0,) * 168, meters=meters))
    if advice.action not in RESIZES:
        return f"what {advice.action.replace('_', ' ') or 'it'} would leave of it is not told"
    try:
        change = _change(advice, fleet, workload)
    except (UnknownMachine, MissingPrice, BadValue) as error:
        return str(error)
    if isinstance(change, str):
        return change
    operator = Operator.RESIZE if advice.action == "rightsize" else Operator.MODERNISE
    return _action(advice, fleet, workload, operator, change)


def _action(advice: Advice, fleet: Fleet, workload: Workload, operator: Operator, change: Change) -> Action:
    return Action(
        f"their {advice.action}", operator, workload.id, advice.title, change, Evidence(fleet.today, fleet.today, {})
    )


def _change(advice: Advice, fleet: Fleet, workload: Workload) -> Change | str:
    if workload.kind == "disk":
        alone = replace(fleet, workloads=(workload,))
        if "gp3" in advice.proposed.lower():
            for ours in storage.propose(alone):
                if not isinstance(ours.change, Nothing):
                    return ours.change
        return "only a move from gp2 to gp3 is priced here"
    new = type_of(advice)
    if not new:
        return "it names no type that is known here"
    if new == workload.type:
        return "it already is of the proposed type"
    if workload.kind == "database":
        return _database(workload, new)
    if workload.kind == "cache":
        return _cache(fleet, workload, new)
    if workload.kind not in ("machine", "group", "node_pool"):
        return f"a {workload.kind} of the type {new} has no price here"
    own, other = machine(str(workload.type)), machine(new)
    now, then = _sizes.candidate(fleet, workload, own), _sizes.candidate(fleet, workload, other)
    if workload.provider != "gcp":
        return Swap(_sizes.replacements(workload, now, then))
    series, found = other.family.partition("-")[0], {}
    for line in workload.lines:
        part = line.sku.rpartition(".")[2]
        if line.sku.endswith((".core", ".ram")):
            units = other.vcpus / own.vcpus if part == "core" else other.memory_gib / own.memory_gib
            found[line.sku] = Replacement(f"{series}.{part}", line.price * then.price / now.price / units, units)
    return Swap(found)


def _database(workload: Workload, new: str) -> Change | str:
    """By vCPU and GiB, or in proportion to the normalisation factor of the family (`checks/oversized_database.py`)."""
    own = str(workload.type)
    if own.startswith("db-custom-") and new.startswith("db-custom-"):
        (cores, mib), (fewer, less) = (map(float, one.split("-")[2:4]) for one in (own, new))
        parts = {"vCPU": fewer / cores, "RAM": less / mib}
        return Swap({
            line.sku: Replacement(line.sku, line.price, ratio)
            for line in workload.lines for word, ratio in parts.items() if word in line.sku
        })  # fmt: skip
    (family, _, size), (other, _, smaller) = own.rpartition("."), new.rpartition(".")
    if family != other or not family:
        return f"no list price of {new} is known here: its family is another than that of {own}"
    ratio = normalisation_factor(smaller) / normalisation_factor(size)
    return Swap({
        line.sku: Replacement(f"{new}{line.sku.removeprefix(own)}", line.price * ratio)
        for line in workload.lines if line.sku.split("/")[0] == own
    })  # fmt: skip


def _cache(fleet: Fleet, workload: Workload, new: str) -> Change | str:
    found = {}
    for line in workload.lines:
        type_, _, engine = line.sku.partition("/")
        if type_ == workload.type:
            prices = [
                float(fleet.catalogue.price(Offer("aws", workload.region, f"{cache_node(one).type}/{engine}")).usd)
                for one in (type_, new)
            ]
            found[line.sku] = Replacement(f"{new}/{engine}", line.price * prices[1] / prices[0])
    return Swap(found) if found else "its hours are not on the bill by size, so no price of another can be derived"
