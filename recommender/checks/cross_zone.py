"""Bytes between zones of a region, which cost both ways: how much of them could stay in the caller's zone.

That stands in flow logs, not in the bill: metric `avoidable_bytes` of the transfer (its id is account/service/meter)
are bytes to a service that also runs in the zone of the caller. Copies of a database to its standby are not such.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Operator, Replacement, Swap
from recommender.checks._activity import after_season, evidence
from recommender.checks._in_order import rupees
from recommender.checks._transfer import LEAST_INR, ask, monthly_gb, monthly_inr, share_of
from recommender.fleet import Fleet

TITLE = "Bytes between zones that could stay in one"
OPERATOR = Operator.MODERNISE
_METERS: Final = ("DataTransfer-Regional-Bytes", "Network Inter Zone")
_METRIC: Final = "avoidable_bytes"


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action where the avoidable share is measured, a question where it is not and the meter costs much."""
    for workload in sorted(fleet.workloads, key=lambda w: w.id):
        for line in workload.lines:
            if not any(part in line.meter for part in _METERS):
                continue
            measured = share_of(fleet, workload, line, (_METRIC,))
            gb, inr = monthly_gb(line), monthly_inr(fleet, line)
            figures = {"Volume": f"{gb:,.0f} GB a month", "It costs": f"{rupees(inr)} a month"}
            if measured is None and inr >= LEAST_INR:
                figures["Measure"] = f"bytes to services that also run in the caller's zone: {_METRIC} of flow logs"
                yield ask(
                    fleet, "cross_zone", workload, f"{gb:,.0f} GB a month between zones ({workload.name})", figures,
                    "not in the bill: which services talk across zones; zone-aware routing keeps them apart",
                )  # fmt: skip
            elif measured is not None and measured.share >= 0.01:
                yield Action(
                    "cross_zone", OPERATOR, workload.id,
                    f"Keep {measured.share:.0%} of the bytes between zones in the caller's ({workload.name})",
                    Swap({line.sku: Replacement(line.sku, line.price, 1 - measured.share)}),
                    evidence(fleet, figures | {"Avoidable": measured.told}), None, "medium",
                    "zone-aware routing gives way where a zone has too few replicas, as on exam days", "days", False,
                    "switch zone-aware routing off", "one zone's replicas may be busier than another's",
                    starts_on=after_season(fleet), price_source="your own bill",
                )  # fmt: skip
