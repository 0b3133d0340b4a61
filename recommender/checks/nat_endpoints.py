"""Bytes that go through a NAT gateway though their service can be reached without: S3 and DynamoDB by a gateway
endpoint, Google's services by Private Google Access; both cost nothing, a NAT gateway counts every GB.

How much that is stands in flow logs: metrics `s3_bytes` and `dynamodb_bytes` of the NAT gateway, `google_bytes` of
Cloud NAT. Without them the item says what to measure; what the bill shows of S3 is a bound, for it tells no way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import after_season, evidence, target
from recommender.checks._in_order import rupees
from recommender.checks._transfer import LEAST_INR, ask, line_gigabytes, monthly_gb, monthly_inr, share_of
from recommender.fleet import Fleet, Line, Workload

TITLE = "Bytes through NAT gateways that need none"
OPERATOR = Operator.MODERNISE
#: Part of the meter -> (metrics of the NAT gateway, what takes its place, what they are).
_WAYS: Final = (
    ("NatGateway-Bytes", ("s3_bytes", "dynamodb_bytes"), "gateway endpoints", "S3 and DynamoDB"),
    ("Cloud NAT Gateway: Data processing", ("google_bytes",), "Private Google Access", "Google's own services"),
)
#: Less of the bytes is not worth a route.
_LEAST_SHARE: Final = 0.01


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each NAT gateway of which the share is measured, a question for each other that costs much."""
    for workload in fleet.of("nat"):
        for line in workload.lines:
            for part, metrics, instead, what in _WAYS:
                if part in line.meter and monthly_inr(fleet, line) > 0:
                    yield from _one(fleet, workload, line, metrics, instead, what)


def _one(
    fleet: Fleet, workload: Workload, line: Line, metrics: tuple[str, ...], instead: str, what: str
) -> Iterator[Action]:
    measured = share_of(fleet, workload, line, metrics)
    gb, inr = monthly_gb(line), monthly_inr(fleet, line)
    figures = {"Volume": f"{gb:,.0f} GB a month", "It costs": f"{rupees(inr)} a month"}
    services = [name.removesuffix("_bytes") for name in metrics if name in workload.metrics] or ["s3"]
    recipe = Recipe("endpoint", target(workload), {"services": services})
    if measured is None:
        if inr < LEAST_INR:
            return
        if (bound := _billed(fleet, workload)) is not None:
            figures["At most"] = f"{bound:,.0f} GB a month between S3 and machines of this account and region"
        figures["Measure"] = f"bytes to {what}: {', '.join(metrics)} of flow logs"
        title = f"{gb:,.0f} GB a month through {workload.name}: how much of it goes to {what}?"
        yield ask(fleet, "nat_endpoints", workload, title, figures, f"not in the bill: how much of it goes to {what}",
                  recipe)  # fmt: skip
        return
    if measured.share < _LEAST_SHARE:
        return
    yield Action(
        "nat_endpoints", OPERATOR, workload.id, f"{workload.name}: {instead} for {measured.share:.0%} of its bytes",
        Swap({line.sku: Replacement(line.sku, line.price, 1 - measured.share)}),
        evidence(fleet, figures | {f"To {what}": measured.told, "Instead": f"{instead}, which cost nothing"}),
        recipe, "high" if measured.with_season else "medium",
        "measured through an exam window" if measured.with_season else "measured, but not in an exam window",
        "minutes", False, "delete the endpoint, or switch the access off: routes go back to the NAT gateway",
        "connections that are open break once when the route changes; a bucket policy may name the NAT's address",
        starts_on=after_season(fleet), price_source="your own bill",
    )  # fmt: skip


def _billed(fleet: Fleet, workload: Workload) -> float | None:
    """GB a month that S3 and machines of the same account and region exchanged, as S3 bills it at nothing (usage types
    C3DataTransfer-…: AWS, "Understanding your AWS billing and usage reports for Amazon S3")."""
    lines = [
        line for other in fleet.workloads if (other.account, other.region) == (workload.account, workload.region)
        for line in other.lines if "C3DataTransfer" in line.meter
    ]  # fmt: skip
    return float(sum(line_gigabytes(line)[-30 * 24 :].mean() * 730 for line in lines)) if lines else None
