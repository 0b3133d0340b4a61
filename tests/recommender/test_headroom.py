"""Briefs for vendors: the year behind, the year ahead, and what is safe to promise when the plan is done."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from recommender.ahead import look_ahead
from recommender.checks import idle_compute, vendor_brief
from recommender.headroom import with_headroom
from recommender.holdings import Rates
from recommender.plan import make_plan

pytestmark = pytest.mark.pure


def test_a_brief_tells_bands_services_and_egress(build: SimpleNamespace) -> None:
    out = build.line("cdn", sku="out", meter="APS3-DataTransfer-Out-Bytes", price=0.1)
    fleet = build.fleet(
        build.workload(), build.workload("cdn", kind="transfer", service_name="CloudFront", lines=[out]),
        spend_ahead={("aws", "USD"): np.linspace(2000, 3000, 11)},
    )  # fmt: skip
    (found,) = vendor_brief.propose(fleet)
    figures = found.evidence.figures
    assert figures["The last 365 days at list"] == "₹2.51 lakh"
    assert figures["The 12 months ahead at list"] == "₹2.00 lakh / ₹2.38 lakh / ₹2.76 lakh (P10 / P50 / P90)"
    assert figures["Largest services"] == "Amazon Elastic Compute Cloud 67%, CloudFront 33%"
    assert figures["Egress"] == "₹83,220, 33.1% of it"
    assert "Safe to promise" not in figures, "that is known when a plan is made"


def test_what_the_plan_removes_is_not_promised(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("i-1", metrics={"cpu": build.metric(40.0)}),
                        build.workload("i-2", metrics={"cpu": build.metric(0.2)}))  # fmt: skip
    horizon = look_ahead(fleet, None, n_paths=3, stride=131)
    fleet = replace(fleet, spend_ahead={("aws", "USD"): np.full(3, 2 * 0.202 * 8760)})
    actions = [*vendor_brief.propose(fleet), *idle_compute.propose(fleet)]
    made = with_headroom(make_plan(fleet, horizon, [], Rates({}, {}), actions))
    (brief,) = [item for item in made.items if item.action.check == vendor_brief.CHECK]
    left = 0.202 * 8760 * 95
    assert brief.action.evidence.figures["Safe to promise"].startswith(f"₹{left / 1e5:.2f} lakh a year ($1,770)")
    assert made.after.mean() == pytest.approx(left, rel=0.001)


def test_nothing_is_promised_on_a_few_months_of_bills(build: SimpleNamespace) -> None:
    young = np.where(np.arange(len(build.hours)) > len(build.hours) - 90 * 24, 1.0, 0.0)
    fleet = build.fleet(build.workload(lines=[build.line(hourly=young)]), spend_ahead={("aws", "USD"): np.ones(3)})
    horizon = look_ahead(fleet, None, n_paths=3, stride=131)
    made = with_headroom(make_plan(fleet, horizon, [], Rates({}, {}), list(vendor_brief.propose(fleet))))
    assert "not known" in made.items[0].action.evidence.figures["Safe to promise"]
