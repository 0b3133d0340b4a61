"""What to bring to a vendor: the year behind and the year ahead, what it is spent on, what leaves the cloud.

What is safe to promise is known only when the plan is made: `recommender/headroom.py` adds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Operator
from recommender.checks._in_order import rupees, without_saving
from recommender.fleet import Fleet, Provider

TITLE = "What to bring to a vendor when a discount is negotiated"
OPERATOR = Operator.KEEP_ORDER
CHECK: Final = "hygiene_brief"
_LARGEST: Final = 5

#: As people call them.
_VENDORS: Final = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}


def propose(fleet: Fleet) -> Iterator[Action]:
    """One brief for each provider that is used."""
    for provider in sorted({w.provider for w in fleet.workloads}):
        if any(w.currency in fleet.inr for w in fleet.workloads if w.provider == provider):
            yield _brief(fleet, provider)


def _brief(fleet: Fleet, provider: Provider) -> Action:
    by_service: dict[str, float] = defaultdict(float)
    hourly, egress = np.zeros(len(fleet.hours)), 0.0
    for workload in fleet.workloads:
        rate = fleet.inr.get(workload.currency)
        if workload.provider != provider or rate is None:
            continue
        hourly += workload.hourly * rate
        by_service[workload.service_name] += float(workload.hourly.sum()) * rate
        for line in workload.lines:
            if "Transfer" in line.meter and "Out" in line.meter:
                egress += float((line.price * line.hourly).sum()) * rate
    total = float(hourly.sum())
    days = min(fleet.known_days, len(fleet.hours) // 24)
    months = np.array([part.sum() for part in np.array_split(hourly, 12)])
    largest = sorted(by_service.items(), key=lambda item: -item[1])[:_LARGEST]
    figures = {f"The last {days} days at list": rupees(total)}
    if days >= len(fleet.hours) // 24:
        low, middle, high = np.quantile(months, (0.1, 0.5, 0.9))
        figures["A month of them"] = f"{rupees(low)} / {rupees(middle)} / {rupees(high)} (P10 / P50 / P90)"
    ahead = [
        paths * fleet.inr[money]
        for (whose, money), paths in fleet.spend_ahead.items()
        if whose == provider and money in fleet.inr
    ]
    if ahead:
        low, middle, high = np.quantile(np.sum(ahead, axis=0), (0.1, 0.5, 0.9))
        figures["The 12 months ahead at list"] = f"{rupees(low)} / {rupees(middle)} / {rupees(high)} (P10 / P50 / P90)"
    figures["Largest services"] = ", ".join(f"{name} {cost / total:.0%}" for name, cost in largest) if total else "–"
    figures["Egress"] = f"{rupees(egress)}, {egress / total:.1%} of it" if egress else "none on the bill"
    return without_saving(
        fleet, CHECK, f"company/{provider}",
        f"What to bring to {_VENDORS.get(provider, provider)} when a discount is negotiated",
        figures, "a discount is what the talk brings",
    )  # fmt: skip
