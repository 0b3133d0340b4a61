"""Workloads that nobody owns, and such that lie outside the home regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Operator, Recipe
from recommender.checks._activity import is_running, target
from recommender.checks._in_order import rupees, without_saving
from recommender.fleet import Fleet, Workload

TITLE = "Workloads without an owner, or outside the home regions"
OPERATOR = Operator.KEEP_ORDER
_LEAST_INR: Final = 3000.0
_HOLDS_DATA: Final = ("machine", "group", "database", "cache", "bucket", "disk")


def propose(fleet: Fleet) -> Iterator[Action]:
    """One item for each that costs more than ₹3,000 a month."""
    for workload in sorted(fleet.workloads, key=lambda w: w.id):
        monthly = workload.monthly() * fleet.inr.get(workload.currency, 0.0)
        if not is_running(workload) or monthly < _LEAST_INR:
            continue
        if workload.team is None:
            yield _untagged(fleet, workload, monthly)
        if workload.region and workload.region not in fleet.home_regions and workload.kind in _HOLDS_DATA:
            yield without_saving(
                fleet, "hygiene_region", workload.id, f"{workload.name} is in {workload.region}",
                {"Costs a month": rupees(monthly), "Home regions": ", ".join(fleet.home_regions)},
                "data of students belongs into India unless it is a copy for disasters: ask its owner",
                confidence="low",
            )  # fmt: skip


def _untagged(fleet: Fleet, workload: Workload, monthly: float) -> Action:
    peers = [w.team for w in fleet.workloads if w.account == workload.account and w.team is not None]
    most = max(sorted(set(peers)), key=peers.count) if peers else None
    guess = most if most is not None and peers.count(most) * 2 > len(peers) else None
    figures = {"Costs a month": rupees(monthly), "Account": workload.account}
    if guess is not None:
        figures["A guess"] = f"team {guess}: {peers.count(guess)} of {len(peers)} workloads of this account are theirs"
    return without_saving(
        fleet, "hygiene_owner", workload.id, f"{workload.name} has no owner", figures,
        "an owner saves nothing by himself, but nobody else can decide about it",
        recipe=Recipe("set_tags", target(workload), {"tags": {"team": guess or "YOUR-TEAM"}}),
        confidence="low", effort="minutes",
    )  # fmt: skip
