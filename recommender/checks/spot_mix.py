"""Machines whose work can be taken away and begun again: on Spot, in part or whole, and less of it on exam days.

Never what takes money or keeps state. Spot pools grow tight when everybody peaks, so on exam days at most 30 % of a web
tier is on them. Savings Plans and reservations do not reach Spot: the plan sizes them on what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from recommender.action import Action, Nothing, Operator, Recipe, SpotShare
from recommender.checks._activity import evidence, is_running, per_usd, target
from recommender.fleet import Fleet, Workload
from recommender.machines import UnknownMachine, alike, interruption, machine, sizes
from recommender.prices import Catalogue, MissingPrice, Offer

TITLE = "Work that can be interrupted"
OPERATOR = Operator.SPOT
BATCH: Final = re.compile(
    r"(?<![a-z])(batch|ci|runner|etl|loader|transcod\w*|encoder|train\w*|render|worker|spark|emr)(?![a-z])", re.I
)
NEVER: Final = re.compile(
    r"(?<![a-z])(pay\w*|billing|ledger|db|database|sql|redis|kafka|etcd|search|bastion|vpn|proctor|standby)(?![a-z])",
    re.I,
)
#: Shares on Spot: of batch, of a web tier above the machines it always has, and of it on exam days.
BATCH_SHARE, WEB_SHARE, EXAM_SHARE = 1.0, 0.6, 0.3
#: Exam days: so many before and after.
_EXAM_DAYS: Final = (3, 2)
_LEAST_TYPES: Final = 10
#: Less than that of a tier is not worth the trouble.
LEAST_SHARE: Final = 0.05


def propose(fleet: Fleet) -> Iterator[Action]:
    """A share on Spot for each web tier and batch; a reason where no Spot price is known."""
    for workload in fleet.of("machine", "group"):
        if not is_running(workload) or workload.provider != "aws" or any(line.is_spot for line in workload.lines):
            continue
        words = " ".join((workload.name, workload.service or "", *workload.tags.values()))
        if NEVER.search(words) or workload.team is None:
            continue  # what nobody owns is not moved: nobody could say whether it may be interrupted
        batch = bool(BATCH.search(workload.name))
        if not batch and workload.kind != "group":
            continue
        found = _action(fleet, workload, batch)
        if found is not None:
            yield found


def _action(fleet: Fleet, workload: Workload, batch: bool) -> Action | None:
    try:
        own = machine(str(workload.type))
    except UnknownMachine as error:
        return _reason(fleet, workload, str(error))
    dollar = per_usd(fleet, workload)
    prices = {} if dollar is None else _prices(fleet.catalogue, workload, dollar)
    if not any(line.sku in prices for line in workload.lines):
        return _reason(fleet, workload, f"no Spot price of {own.type} in {workload.region} is known")
    units = np.asarray(sum(line.hourly for line in workload.lines))
    night = units[(fleet.ist_hours.astype("datetime64[h]").astype(int) % 24) < 5]
    base = 0.0 if batch else float(np.median(night[night > 0])) if (night > 0).any() else 0.0
    above = float(np.maximum(units - base, 0).sum() / max(units.sum(), 1e-9))
    share, exam_share = (BATCH_SHARE, BATCH_SHARE) if batch else (WEB_SHARE * above, EXAM_SHARE * above)
    if max(share, exam_share) < LEAST_SHARE:
        return None
    days = tuple(
        (exam - timedelta(days=_EXAM_DAYS[0]), exam + timedelta(days=_EXAM_DAYS[1]))
        for exam in fleet.exams
        if exam >= fleet.today
    )
    system = workload.lines[0].sku.rpartition("/")[2]
    types = [type_ for _, type_ in fitting(fleet.catalogue, workload.region, own.type, system)]
    bucket = interruption(workload.region, own.type)
    figures = {
        "Tier": "batch that can begin again"
        if batch
        else f"web tier; {base:.0f} machines stay, and all others above {1 - WEB_SHARE:.0%}",
        "Share on Spot": f"{share:.0%}; {exam_share:.0%} on exam days",
        "Taken away a month": bucket or "not known",
        "Types to mix": f"{len(types)}: {', '.join(types[:6])} …" if len(types) > 6 else ", ".join(types),
    }
    if len(types) < _LEAST_TYPES and not batch:
        figures["Few types"] = f"{len(types)} of {_LEAST_TYPES} that a mixed group should have"
    offer = fleet.catalogue.price(Offer("aws", workload.region, workload.lines[0].sku, "spot"))
    return Action(
        "spot_mix",
        OPERATOR,
        workload.id,
        f"{workload.name}: {share:.0%} on Spot" + ("" if batch else f", {exam_share:.0%} on exam days"),
        SpotShare(prices, share, exam_share, days),
        evidence(fleet, figures),
        Recipe(
            "spot_mix",
            target(workload),
            {
                "on_demand_base": round(base),
                "spot_percentage": round(100 * (BATCH_SHARE if batch else WEB_SHARE)),
                "exam_percentage": round(100 * (BATCH_SHARE if batch else EXAM_SHARE)),
                "exam_windows": [[a.isoformat(), b.isoformat()] for a, b in days],
                "types": types,
            },
        ),
        "medium" if batch else "low",
        "Spot prices are averages of a month" if batch else "capacity may be short when all peak",
        "hours",
        True,
        "set the share on demand to 100 %",
        "machines are taken away with two minutes' notice",
        interruption=bucket,
        price_source=offer.source,
        price_on=offer.as_of,
    )


def _prices(catalogue: Catalogue, workload: Workload, dollar: float) -> dict[str, float]:
    """Spot prices of every SKU that the machines may have become by earlier levers, in the currency of the bill."""
    found = {}
    system = workload.lines[0].sku.rpartition("/")[2]
    for type_ in candidates(str(workload.type)):
        if (price := spot_price(catalogue, workload.region, f"{type_}/{system}")) is not None:
            found[f"{type_}/{system}"] = price * dollar
    return found


def candidates(own: str) -> set[str]:
    """A type, and all that earlier levers may make of it."""
    found = {one.type for one in sizes(own)} | {one.type for one in alike(own)} | {own}
    return found | {other.type for one in found for other in alike(one)}


def spot_price(catalogue: Catalogue, region: str, sku: str) -> float | None:
    """USD an hour; None where no Spot price is known."""
    try:
        return float(catalogue.price(Offer("aws", region, sku, "spot")).usd)
    except MissingPrice:
        return None


def fitting(catalogue: Catalogue, region: str, type_: str, system: str) -> list[tuple[float, str]]:
    """Price and type of what can take its place: the same architecture, at least its vCPU and memory and at most twice
    as much, with a Spot price in the region; the cheapest first."""
    own = machine(type_)
    near = {one.type: one for one in (own, *alike(own.type), *sizes(own.type))}
    near |= {other.type: other for one in tuple(near) for other in alike(one)}
    found = []
    for one in near.values():
        fits = own.vcpus <= one.vcpus <= 2 * own.vcpus and own.memory_gib <= one.memory_gib <= 2 * own.memory_gib
        if not fits or one.architecture != own.architecture:
            continue
        if (price := spot_price(catalogue, region, f"{one.type}/{system}")) is not None:
            found.append((price, one.type))
    return sorted(found)


def _reason(fleet: Fleet, workload: Workload, why: str) -> Action:
    return Action(
        "spot_mix",
        OPERATOR,
        workload.id,
        f"{workload.name} on Spot",
        Nothing(),
        evidence(fleet, {"Why not": why}),
        confidence="low",
        reason=why,
    )
