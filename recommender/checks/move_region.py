"""Machines that cost less in another region where their data may be: priced by the live catalogue with the bytes that
would then cross, or a reason where those are not known.

Between regions of India only; a region abroad is never proposed, and asked about only for what holds nothing of
students. What moves is covered by no commitment of the region that it leaves: the plan bills both. Comes before
newer_machine, for a type that is dear here may be cheap there (N2D in Mumbai costs 55 % of N2D in Delhi).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Operator, Recipe, Split
from recommender.checks._activity import after_season, evidence, is_kept_for_a_day, is_running, target
from recommender.checks._transfer import ask, moved_bytes
from recommender.checks.newer_machine import LEAST_RATIO, Choice, choices, own_machine, replacements, sustained
from recommender.fleet import Fleet, Workload
from recommender.machines import Machine, sustained_kept
from recommender.residency import regulated

TITLE = "Machines that cost less in another region"
OPERATOR = Operator.MODERNISE
#: What a region abroad must save before an owner is asked whether the work may leave India.
_LEAST_ABROAD: Final = 0.15


def propose(fleet: Fleet) -> Iterator[Action]:
    """A move, a question, or nothing for each machine, group or node pool that is not on Spot."""
    regions: dict[str, set[str]] = {"aws": set(), "gcp": set()}
    for offer in fleet.catalogue:
        regions[offer.provider].add(offer.region)
    for workload in fleet.of("machine", "group", "node_pool"):
        own = own_machine(workload) if workload.provider in regions else None
        if own is None or not is_running(workload) or any(line.is_spot for line in workload.lines):
            continue
        now, other = choices(fleet, workload, own, workload.region)
        if now is None:
            continue
        here = other if other is not None and other.net <= now.net * (1 - LEAST_RATIO) else now
        found = {
            region: best for region in sorted(regions[workload.provider] - {workload.region})
            if (best := _best(fleet, workload, own, region)) is not None
        }  # fmt: skip
        # what stands by for a disaster is of no use where the disaster is
        apart = {_main_region(fleet, workload)} if is_kept_for_a_day(workload) else set()
        home = {region: best for region, best in found.items() if region in fleet.home_regions and region not in apart}
        nearest = min(home, key=lambda region: (home[region].net, region), default=None)
        if nearest is not None and home[nearest].net <= here.net * (1 - LEAST_RATIO):
            yield _move(fleet, workload, now, here, nearest, home[nearest])
        elif workload.region in fleet.home_regions and not workload.is_production:
            yield from _abroad(fleet, workload, here, {r: b for r, b in found.items() if r not in home})


def _main_region(fleet: Fleet, workload: Workload) -> str:
    """Where most of the provider's machines run."""
    cost: dict[str, float] = defaultdict(float)
    for other in fleet.of("machine", "group", "node_pool"):
        if other.provider == workload.provider:
            cost[other.region] += other.monthly() * fleet.inr.get(other.currency, 0.0)
    return max(sorted(cost), key=lambda region: cost[region])


def _best(fleet: Fleet, workload: Workload, own: Machine, region: str) -> Choice | None:
    """The own type or a better one there, net of sustained use."""
    now, other = choices(fleet, workload, own, region)
    if now is not None and (other is None or other.net > now.net * (1 - LEAST_RATIO)):
        return now
    return other


def _move(fleet: Fleet, workload: Workload, now: Choice, here: Choice, region: str, best: Choice) -> Action:
    new = best.machine
    kept = sustained(workload) * (1.0 if new is now.machine else sustained_kept(now.machine, new))
    figures = {
        "Now": f"{now.machine.type} in {workload.region} at ${now.net:.4f} an hour",
        "There": f"{new.type} in {region} at ${best.net:.4f} ({best.net / now.net - 1:+.0%})",
        "Best here": f"{here.machine.type} at ${here.net:.4f}",
        "Data": regulated(fleet, workload) or "nothing says that it is regulated",
        "Stays in": "India",
    }  # fmt: skip
    if sustained(workload) > 0:
        figures["Sustained use"] = f"takes {sustained(workload):.1%} off here, {kept:.1%} there; prices are net of it"
    title = f"{workload.name}: {now.machine.type} to {new.type} in {region}"
    bytes_ = moved_bytes(fleet, workload, region)
    if isinstance(bytes_, str):
        saves = now.net - best.net
        figures["Saves before transfer"] = f"${saves:.4f} an hour and machine"
        return ask(fleet, "move_region", workload, title, figures, f"{bytes_}; it may eat what the region saves")
    figures["Would cross"] = f"{bytes_.units:,.2f} GB an hour and unit at {bytes_.price:.4f} {workload.currency} a GB"
    to = replacements(fleet, workload, now.machine, float(now.price.usd), best, region)
    # the bytes go with the machine's first meter: its hours, or its vCPUs
    with_bytes = {sku: (one,) if sku.endswith(".ram") else (one, bytes_) for sku, one in to.items()}
    return Action(
        "move_region", OPERATOR, workload.id, title, Split(with_bytes), evidence(fleet, figures),
        Recipe("move_region", target(workload), {"to_region": region, "type": new.type, "spot": False}), "low",
        "all of its traffic is taken to cross; latency to what stays is not measured", "days", True,
        f"start it again in {workload.region} from its image",
        "calls to what stays take some milliseconds more; move what talks together",
        starts_on=after_season(fleet), price_source=best.price.source, price_on=best.price.as_of,
    )  # fmt: skip


def _abroad(fleet: Fleet, workload: Workload, here: Choice, abroad: dict[str, Choice]) -> Iterator[Action]:
    region = min(abroad, key=lambda name: (abroad[name].net, name), default=None)
    if region is None or abroad[region].net > here.net * (1 - _LEAST_ABROAD):
        return
    if regulated(fleet, workload) is not None:
        return
    best = abroad[region]
    figures = {
        "Here": f"{here.machine.type} at ${here.net:.4f} an hour",
        "There": f"{best.machine.type} in {region} at ${best.net:.4f} ({best.net / here.net - 1:+.0%})",
    }  # fmt: skip
    yield ask(
        fleet, "move_region", workload, f"May {workload.name} leave India?", figures,
        f"nothing says whether it holds data of students: ask its owner before {region}",
    )  # fmt: skip
