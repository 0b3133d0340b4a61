"""What is safe to promise a vendor: what he is still paid on the poor courses of the year when the plan is done.

A promise of yearly spend (EDP, PPA, committed spend) is made once for years, so it is sized on what the plan leaves, on
the tenth percentile, never on today's bill: whoever promises first and saves afterwards pays for what he saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from recommender.checks._in_order import rupees
from recommender.checks.vendor_brief import CHECK
from recommender.fleet import Provider
from recommender.plan import Plan
from recommender.short_history import is_short


def with_headroom(plan: Plan) -> Plan:
    """The plan whose briefs for vendors tell what is left for them when it is done."""
    providers = {f"company/{provider}": provider for provider, _ in plan.usage.fleet.spend_ahead}
    items = []
    for item in plan.items:
        action = item.action
        if action.check == CHECK and action.workload in providers:
            figures = {**action.evidence.figures, **_figures(plan, providers[action.workload])}
            item = replace(item, action=replace(action, evidence=replace(action.evidence, figures=figures)))
        items.append(item)
    return replace(plan, items=tuple(items))


def _figures(plan: Plan, provider: Provider) -> Mapping[str, str]:
    fleet = plan.usage.fleet
    if is_short(fleet):
        return {"Safe to promise": f"not known: the bill holds {fleet.known_days} days and no whole year"}
    held = [
        one.commitment(fleet.inr[one.currency])
        for one in plan.holdings
        if one.provider == provider and one.currency in fleet.inr
    ]
    held += [
        one
        for item in plan.planned
        if item.purchase is not None and item.purchase.provider == provider
        for one in item.purchase.commitments
    ]
    low, middle, high = np.quantile(plan.usage.of_provider(provider).cost(held), (0.1, 0.5, 0.9))
    dollars = f" (${low / fleet.inr['USD']:,.0f})" if "USD" in fleet.inr else ""
    return {
        "The 12 months ahead when the plan is done": f"{rupees(low)} / {rupees(middle)} / {rupees(high)}"
        " (P10 / P50 / P90), commitments included",
        "Safe to promise": f"{rupees(low)} a year{dollars}: still paid in nine of ten years when the plan is done,"
        " before any negotiated discount, without marketplace, support and tax",
    }
