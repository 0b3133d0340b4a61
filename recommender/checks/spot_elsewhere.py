"""Batch that may move to another Indian region's Spot pools: by the class of interruptions first, by price second.

In Mumbai 47 % of the types lose more than a fifth of their machines a month, in Hyderabad 9 %; price does not follow
risk (Spot advisor, 2025-06-28). Only what can begin again, holds nothing of students and has its bytes measured; never
what takes money or keeps state. Comes before spot_mix: the plan takes the better pool where both are proposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from recommender.action import Action, Change, Operator, Recipe, Replacement, Split, SpotShare
from recommender.checks._activity import after_season, evidence, is_running, per_usd, target
from recommender.checks._transfer import ask, moved_bytes
from recommender.checks.spot_mix import BATCH, BATCH_SHARE, NEVER, candidates, fitting
from recommender.fleet import Fleet, Workload
from recommender.machines import UnknownMachine, interruption, machine
from recommender.prices import Catalogue, Offer
from recommender.residency import regulated

TITLE = "Batch that would be interrupted less, or cost less, on Spot in another region of India"
OPERATOR = Operator.SPOT
#: Classes of the Spot advisor, the rarest interruptions first; a pool of which nobody says it comes last.
BUCKETS: Final = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
#: In the same class only a price that much lower is worth a move.
_LEAST_RATIO: Final = 0.05
#: Pools of each region that an item shows.
_SHOWN: Final = 3


@dataclass(frozen=True)
class Pool:
    """Spot machines of a type in a region, USD an hour; `bucket` as the Spot advisor tells it."""

    region: str
    type: str
    usd: float
    bucket: str | None

    @property
    def risk(self) -> int:
        """0 for the rarest interruptions."""
        return BUCKETS.index(self.bucket) if self.bucket in BUCKETS else len(BUCKETS)

    def __str__(self) -> str:
        return f"{self.type} in {self.region}: {self.bucket or 'not known'} a month, ${self.usd:.4f} an hour"


def propose(fleet: Fleet) -> Iterator[Action]:
    """A move to better pools for each batch, or what is not known about it."""
    for workload in fleet.of("machine", "group"):
        words = " ".join((workload.name, workload.service or "", *workload.tags.values()))
        is_batch = bool(BATCH.search(workload.name)) and not NEVER.search(words) and workload.team is not None
        if workload.provider != "aws" or not is_batch or not is_running(workload):
            continue
        if regulated(fleet, workload) is not None:
            continue
        try:
            machine(str(workload.type))
        except UnknownMachine:
            continue  # spot_mix says so
        yield from _one(fleet, workload)


@lru_cache(maxsize=4096)
def pools(catalogue: Catalogue, region: str, type_: str, system: str) -> tuple[Pool, ...]:
    """What can do a type's work on Spot in a region: rarest interruptions first, then the lowest price."""
    found = [
        Pool(region, other, usd, interruption(region, other))
        for usd, other in fitting(catalogue, region, type_, system)
    ]
    return tuple(sorted(found, key=lambda pool: (pool.risk, pool.usd, pool.type)))


def _one(fleet: Fleet, workload: Workload) -> Iterator[Action]:
    own, system = str(workload.type), workload.lines[0].sku.rpartition("/")[2]
    here = pools(fleet.catalogue, workload.region, own, system)
    others = [
        found for region in fleet.home_regions
        if region != workload.region and (found := pools(fleet.catalogue, region, own, system))
    ]  # fmt: skip
    best = min(others, key=lambda found: (found[0].risk, found[0].usd, found[0].region), default=())
    if not best or (here and not _is_better(best[0], here[0])):
        return
    there = best[0]
    figures = {
        "Best here": "; ".join(map(str, here[:_SHOWN])) or f"no Spot price in {workload.region}",
        "Best there": "; ".join(map(str, best[:_SHOWN])),
        "Chosen by": "class of interruptions first, price second", "Data": "nothing says that it is regulated",
    }  # fmt: skip
    title = f"{workload.name}: Spot in {there.region}, taken away {there.bucket or 'nobody says how often'} a month"
    bytes_ = moved_bytes(fleet, workload, there.region)
    if isinstance(bytes_, str):
        why = f"{bytes_}; what it would fetch from {workload.region} may cost more than Spot saves"
        yield ask(fleet, "spot_elsewhere", workload, title, figures, why, operator=OPERATOR)
        return
    figures["Would cross"] = f"{bytes_.units:,.2f} GB an hour and machine at {bytes_.price:.4f} a GB"
    offer = fleet.catalogue.price(Offer("aws", there.region, f"{there.type}/{system}", "spot"))
    yield Action(
        "spot_elsewhere", OPERATOR, workload.id, title, _change(fleet, workload, there.region, system, bytes_),
        evidence(fleet, figures),
        Recipe("move_region", target(workload), {"to_region": there.region, "type": there.type, "spot": True}),
        "low", "Spot prices are averages of a month; all of its traffic is taken to cross", "days", True,
        f"run it on demand in {workload.region} again", "machines are taken away with two minutes' notice",
        interruption=there.bucket, starts_on=after_season(fleet), price_source=offer.source, price_on=offer.as_of,
    )  # fmt: skip


def _is_better(there: Pool, here: Pool) -> bool:
    return (there.risk, there.usd) < (here.risk, here.usd * (1 - _LEAST_RATIO))


def _change(fleet: Fleet, workload: Workload, region: str, system: str, bytes_: Replacement) -> Change:
    """What every SKU that it may be by then costs in the region's best pool; what is on Spot already moves as it is."""
    dollar = per_usd(fleet, workload) or 1.0
    best = {
        f"{type_}/{system}": found[0] for type_ in candidates(str(workload.type))
        if (found := pools(fleet.catalogue, region, type_, system))
    }  # fmt: skip
    if any(line.is_spot for line in workload.lines):
        return Split({
            sku: (Replacement(f"{pool.type}/{system}", pool.usd * dollar, region=region), bytes_)
            for sku, pool in best.items()
        })  # fmt: skip
    prices = {sku: pool.usd * dollar for sku, pool in best.items()}
    return SpotShare(prices, BATCH_SHARE, BATCH_SHARE, region=region, also=(bytes_,))
