"""Bytes that cost for the way they take: NAT gateways, between zones, out to the internet.

How much of a NAT gateway's traffic goes to S3, how much of what leaves could be cached, is in flow logs, not in bills:
these items name what to measure and what is at stake at most; they claim no saving.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Nothing, Operator, Recipe
from recommender.checks._activity import evidence, target
from recommender.fleet import Fleet, Workload

TITLE = "Bytes that take a dear way"
OPERATOR = Operator.MODERNISE
#: Less than that a month is not worth measuring, INR.
_LEAST_INR: Final = 5000.0
#: Part of the meter -> (title, what is not known, recipe).
_WAYS: Final = (
    (
        "NatGateway-Bytes",
        "through the NAT gateway",
        "how much of it goes to S3 or DynamoDB, for which an endpoint costs nothing",
        "endpoint",
    ),
    (
        "Cloud NAT Gateway: Data processing",
        "through Cloud NAT",
        "how much of it goes to Google's own services, which need no NAT",
        "",
    ),
    (
        "DataTransfer-Regional-Bytes",
        "between zones",
        "which services talk across zones; zone-aware routing keeps them apart",
        "",
    ),
    (
        "Network Inter Zone",
        "between zones",
        "which services talk across zones; zone-aware routing keeps them apart",
        "",
    ),
    ("DataTransfer-Out-Bytes", "out to the internet", "which share could be cached at the edge", ""),
    ("Internet Data Transfer Out", "out to the internet", "which share could be cached at the edge", ""),
)


def propose(fleet: Fleet) -> Iterator[Action]:
    """One item for each way that costs much, with what it costs at most and what has to be measured."""
    for workload in sorted(fleet.workloads, key=lambda w: w.id):
        for line in workload.lines:
            for part, way, unknown, verb in _WAYS:
                inr = fleet.inr.get(line.currency, 0.0) * line.price * float(line.hourly[-30 * 24 :].mean()) * 730
                if part in line.meter and inr >= _LEAST_INR and "CloudFront" not in workload.service_name:
                    yield _ask(fleet, workload, way, unknown, verb, inr, float(line.hourly[-30 * 24 :].mean() * 730))
                    break


def _ask(fleet: Fleet, workload: Workload, way: str, unknown: str, verb: str, inr: float, gb: float) -> Action:
    return Action(
        f"data_transfer_{way.replace(' ', '_')}",
        OPERATOR,
        workload.id,
        f"{gb:,.0f} GB a month {way} ({workload.name})",
        Nothing(),
        evidence(fleet, {"Volume": f"{gb:,.0f} GB a month", "It costs": f"₹{inr:,.0f} a month", "Measure": unknown}),
        Recipe(verb, target(workload), {"service": "s3"}) if verb else None,
        "low",
        "",
        "hours",
        reason=f"not in the bill: {unknown}",
    )
