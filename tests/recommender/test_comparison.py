"""The providers' advice beside the plan: matched, priced by the one simulator, with reasons that follow from facts."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action
from recommender.ahead import look_ahead
from recommender.bill import Kind
from recommender.checks import idle_compute, oversized
from recommender.comparison import compare, totals_text
from recommender.fleet import Fleet
from recommender.holdings import Holding, Rates
from recommender.plan import Decisions
from recommender.prepared import Prepared
from recommender.provider_advice import Advice

pytestmark = pytest.mark.pure

RATES = Rates({}, {Kind.INSTANCE_PLAN: 0.63, Kind.COMPUTE_PLAN: 0.77})
#: A year of one m6i.xlarge in Mumbai, INR.
YEAR_INR = 0.202 * 95 * 8760
TODAY = date(2026, 8, 20)


def advice(resource: str = "i-1", action: str = "rightsize", **more: Any) -> Advice:
    """What Compute Optimizer says of one machine on 14 days of August."""
    given: dict[str, Any] = {
        "id": f"{action} {resource}", "provider": "aws", "adviser": "compute-optimizer", "resource": resource,
        "account": "222233334444", "region": "ap-south-1", "monthly": 73.0, "lookback_days": 14, "observed_on": TODAY,
    }  # fmt: skip
    return Advice(action=action, **(given | more))


def plan(amount: float, kind: Kind = Kind.COMPUTE_PLAN, scope: str = "") -> Holding:
    """A Savings Plan in force for two years."""
    return Holding("sp", "aws", kind, scope, amount, 1.0, "USD", "", date(2026, 1, 1), date(2028, 1, 1), 1, None)


def rows(
    fleet: Fleet, told: list[Advice], actions: list[Action] | None = None, holdings: list[Holding] | None = None,
    decisions: Decisions | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Of a plan on a few courses of thinned hours."""
    prepared = Prepared(
        fleet, look_ahead(fleet, None, n_paths=3, stride=131), holdings or [], RATES, actions or [], None
    )
    return compare(prepared, prepared.plan(decisions), told)


def theirs(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what only we propose."""
    return [row for row in found if row["verdict"] != "only ours"]


@pytest.fixture
def seasonal(build: SimpleNamespace) -> Fleet:
    """One machine that is idle but in the season of May."""
    fleet = build.fleet(build.workload("i-1"))
    cpu = np.where(fleet.in_exam_window, 78.0, 11.0)
    metrics = {"cpu": build.metric(cpu), "memory": build.metric(40.0)}
    return build.fleet(build.workload("i-1", metrics=metrics))  # type: ignore[no-any-return]


def test_without_their_advice_there_is_nothing_to_compare(seasonal: Fleet) -> None:
    assert rows(seasonal, []) == []


def test_a_window_without_an_exam_season_is_named_with_what_it_missed(seasonal: Fleet) -> None:
    (row,) = theirs(rows(seasonal, [advice(current="m6i.xlarge", proposed="m6i.large")]))
    assert row["verdict"] == "only theirs"
    assert (
        "their 14 days to 20 Aug 2026 have seen no exam season: CPU peaked at 11 % in them, at 78 % in the last"
        in row["why"]
    )
    assert (
        "m6i.large is too small: the year's peak, grown and with a fifth to spare, takes 200% of its CPU" in row["why"]
    )


def test_a_window_that_saw_the_season_is_not_blamed(seasonal: Fleet) -> None:
    told = advice(current="m6i.xlarge", proposed="m6i.large", lookback_days=150)
    assert "exam season" not in theirs(rows(seasonal, [told]))[0]["why"]


def test_theirs_is_priced_by_the_bill_and_not_by_what_they_say(build: SimpleNamespace) -> None:
    told = advice(current="m6i.xlarge", proposed="m6i.large", monthly=200.0)
    (row,) = theirs(rows(build.fleet(build.workload()), [told]))
    assert row["said_inr"] == 12 * 200 * 95
    assert row["list_inr"] == row["bill_inr"] == pytest.approx(YEAR_INR / 2, rel=0.001)
    assert row["is_counted"]
    assert "they say ₹2.28 lakh a year; over the year ahead it is ₹84,052 at list price" in row["why"]


def test_what_a_commitment_pays_for_does_not_fall_from_the_bill(build: SimpleNamespace) -> None:
    told = advice(action="delete", monthly=0.202 * 730)
    found = rows(build.fleet(build.workload()), [told], holdings=[plan(0.202 * 0.77)])
    (row,) = theirs(found)
    assert row["list_inr"] == pytest.approx(YEAR_INR, rel=0.001)
    assert row["bill_inr"] == pytest.approx(0.0, abs=1.0)
    assert not row["is_counted"]
    assert "commitments that are held pay for a part of it: ₹1.68 lakh a year at list price" in row["why"]


def test_a_smaller_size_and_a_plan_for_the_larger_one_are_counted_once(build: SimpleNamespace) -> None:
    """As Compute Optimizer and Cost Explorer tell them: each from today's bill."""
    size = advice(current="m6i.xlarge", proposed="m6i.large", monthly=0.101 * 730)
    bought = advice(
        "", "buy_savings_plan", id="ce", adviser="cost-explorer", monthly=0.202 * 0.23 * 730, lookback_days=30,
        details={"SavingsPlansType": "COMPUTE_SP", "HourlyCommitmentToPurchase": f"{0.202 * 0.77}",
                 "TermInYears": "ONE_YEAR", "PaymentOption": "NO_UPFRONT"},
    )  # fmt: skip
    found = theirs(rows(build.fleet(build.workload()), [size, bought]))
    by_action = {row["action"]: row for row in found}
    plan_row = by_action["buy_savings_plan"]
    assert plan_row["alone_inr"] == pytest.approx(YEAR_INR * 0.23, rel=0.01)
    assert plan_row["bill_inr"] < 0, "half of it would be paid for nothing"
    assert not plan_row["is_counted"]
    assert "counted twice" in plan_row["why"]
    said = sum(row["said_inr"] for row in found)
    worth = sum(row["bill_inr"] for row in found if row["is_counted"])
    assert (said, worth) == (pytest.approx(YEAR_INR * 0.73, rel=0.001), pytest.approx(YEAR_INR * 0.5, rel=0.001))


def test_two_of_their_advisers_with_one_proposal_are_counted_once(build: SimpleNamespace) -> None:
    told = [
        advice(current="m6i.xlarge", proposed="m6i.large", id=name, adviser=name)
        for name in ("compute-optimizer", "cost-optimization-hub")
    ]
    found = theirs(rows(build.fleet(build.workload()), told))
    assert sorted(row["is_counted"] for row in found) == [False, True]
    (second,) = [row for row in found if not row["is_counted"]]
    assert "beside rightsize: m6i.xlarge to m6i.large (compute-optimizer) it saves nothing" in second["why"]


def test_what_both_would_remove_is_the_same(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload(metrics={"cpu": build.metric(0.2)}))
    (row,) = rows(fleet, [advice(action="stop")], list(idle_compute.propose(fleet)))
    assert row["verdict"] == "same"
    assert row["our_inr"] == pytest.approx(row["bill_inr"])


def test_a_standby_for_the_exam_is_theirs_to_delete_and_ours_to_keep(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("i-1"))
    cpu = np.where(fleet.in_exam_window, 60.0, 0.2)
    fleet = build.fleet(build.workload("i-1", name="exam-standby-1", metrics={"cpu": build.metric(cpu)}))
    (row,) = rows(fleet, [advice(action="delete", finding="Idle")], list(idle_compute.propose(fleet)))
    assert row["verdict"] == "different"
    assert "it was active in the last exam season" in row["why"]
    assert "its name or tags say that it waits for an exam" in row["why"]
    assert row["our_title"] == "Stop exam-standby-1 until it is needed"


def test_what_people_dismissed_is_told_with_their_reason(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload(metrics={"cpu": build.metric(0.2)}))
    (ours,) = idle_compute.propose(fleet)
    decided = Decisions({ours.id: ("dismissed", "needed for the audit")})
    (row,) = theirs(rows(fleet, [advice(action="delete")], [ours], decisions=decided))
    assert (row["verdict"], row["our_state"], row["our_inr"]) == ("only theirs", "dismissed", None)
    assert "ours is dismissed: needed for the audit" in row["why"]


def test_memory_that_nobody_measures_is_a_reason(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload(metrics={"cpu": build.metric(20.0)}))
    (row,) = theirs(rows(fleet, [advice(current="m6i.xlarge", proposed="m6i.large")], list(oversized.propose(fleet))))
    assert "no memory is measured, so ours takes none away: m6i.large has 8 GiB, now it has 16" in row["why"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (advice("i-gone"), "the bill since 21 Aug 2025 has no such resource"),
        (advice(proposed="x99.huge"), "the machine type 'x99.huge' is not known"),
        (advice(proposed="smaller"), "it names no type that is known here"),
        (advice(action="scale_in"), "what scale in would leave of it is not told"),
        (advice("", "buy_savings_plan"), "it does not tell the kind of the plan"),
        (advice("", "buy_savings_plan", account="999", proposed="Compute, $1 an hour"), "reached"),
    ],
)
def test_what_cannot_be_priced_has_no_figure_but_a_reason(build: SimpleNamespace, told: Advice, why: str) -> None:
    (row,) = theirs(rows(build.fleet(build.workload(lines=[build.line(sku="odd")])), [told]))
    assert row["bill_inr"] is None
    assert why in row["why"]


def test_one_machine_of_a_group_is_the_groups_business(build: SimpleNamespace) -> None:
    group = build.workload("group/222233334444/web", name="web", kind="group", members=("i-1", "i-2"))
    found = theirs(rows(build.fleet(group), [advice(action="stop"), advice("asg/web", proposed="m6i.large")]))
    by_action = {row["action"]: row for row in found}
    assert by_action["stop"]["name"] == "i-1 of web"
    assert "it is one machine of the group web" in by_action["stop"]["why"]
    assert by_action["rightsize"]["bill_inr"] == pytest.approx(YEAR_INR / 2, rel=0.001)


def test_ours_that_they_have_not_is_told_with_what_they_do_not_look_for(build: SimpleNamespace) -> None:
    fleet = build.fleet(
        build.workload("i-1", metrics={"cpu": build.metric(0.2)}),
        build.workload("i-2", provider="gcp"),
        build.workload("i-3"),
    )
    (item,) = [row for row in rows(fleet, [advice("i-3", "delete")], list(idle_compute.propose(fleet)))
               if row["verdict"] == "only ours" and row["workload"] == "i-1"]  # fmt: skip
    assert item["why"] == "nothing of theirs about it was imported; why, their advice does not tell"
    (item,) = [row for row in rows(fleet, [advice("i-3", provider="gcp")], list(idle_compute.propose(fleet)))
               if row["verdict"] == "only ours" and row["workload"] == "i-1"]  # fmt: skip
    assert item["why"] == "no advice of AWS was imported"


def test_the_comparison_changes_nothing_of_the_plan(seasonal: Fleet) -> None:
    prepared = Prepared(seasonal, look_ahead(seasonal, None, n_paths=3, stride=131), [], RATES, [], None)
    before = prepared.plan()
    compare(prepared, before, [advice(action="delete")])
    np.testing.assert_array_equal(before.saving, prepared.plan().saving)


def test_totals_are_one_sentence() -> None:
    sums = {"recommendations": 3, "said_inr": 250_000.0, "priced": 2, "said_priced_inr": 200_000.0,
            "bill_inr": 120_000.0, "risky_inr": 30_000.0, "plan_inr": 400_000.0}  # fmt: skip
    assert totals_text(sums) == (
        "The providers' 3 recommendations say ₹2.50 lakh a year, added up. The 2 of them that can be priced say ₹2.00"
        " lakh; done together, nothing counted twice, your bill falls by ₹1.20 lakh, ₹30,000 of it by what is not"
        " known to carry the season, or waits for it. Our plan saves ₹4.00 lakh a year."
    )
