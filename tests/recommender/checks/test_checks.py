"""Every check: no data, no claim; hostile names change nothing; and what each may and may never propose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Nothing, Operator, Remove, Run, SpotShare, Swap
from recommender.ahead import look_ahead
from recommender.checks import checks, newer_machine, off_hours, propose, spot_mix, storage, unused_parts
from recommender.checks import idle_compute as idle
from recommender.fleet import exam_mask
from recommender.holdings import Rates
from recommender.plan import make_plan

pytestmark = pytest.mark.pure

HOSTILE = "<script>alert(1)</script>'; DROP TABLE x; --\u202egpj"
each_check = pytest.mark.parametrize("name", list(checks()))


def only(found: Iterable[Action]) -> Action:
    """The only action."""
    actions = list(found)
    assert len(actions) == 1, [action.title for action in actions]
    return actions[0]


@each_check
def test_a_check_says_what_it_is_and_is_silent_without_data(build: SimpleNamespace, name: str) -> None:
    check = checks()[name]
    assert check.TITLE
    assert isinstance(check.OPERATOR, Operator)
    fleet = build.fleet()
    assert [action for action in check.propose(fleet) if action.operator is not Operator.KEEP_ORDER] == []


@each_check
def test_a_machine_without_metrics_is_never_guessed_about(build: SimpleNamespace, name: str) -> None:
    bare = build.workload("i-9", environment="dev", team="data")
    for action in checks()[name].propose(build.fleet(bare)):
        if action.operator in (Operator.REMOVE, Operator.SCHEDULE, Operator.RESIZE):
            assert action.reason is not None
            assert isinstance(action.change, Nothing)


@each_check
def test_hostile_names_are_names(build: SimpleNamespace, name: str) -> None:
    quiet = {"cpu": build.metric(0.2), "memory": build.metric(20.0)}
    odd = build.workload(HOSTILE, name=HOSTILE, metrics=quiet, tags={HOSTILE: HOSTILE}, team=HOSTILE, environment="dev")
    for action in checks()[name].propose(build.fleet(odd)):
        assert len(action.id) == 8
        assert action.id.isalnum()
        assert action.evidence.figures


def test_the_same_fleet_gets_the_same_ids_and_no_two_items_share_one(build: SimpleNamespace) -> None:
    fleet = build.fleet(*(
        build.workload(f"i-{n}", environment="dev", metrics={"cpu": build.metric(0.1)}) for n in range(5)
    ))  # fmt: skip
    first, second = [action.id for action in propose(fleet)], [action.id for action in propose(fleet)]
    assert first == second
    assert len(set(first)) == len(first)


def test_nothing_saves_more_than_it_costs(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload("i-1", environment="dev", metrics={"cpu": build.metric(0.1)}))
    horizon = look_ahead(fleet, None, n_paths=3, stride=131)
    plan = make_plan(fleet, horizon, [], Rates({}, {}), list(propose(fleet)))
    assert sum(item.saving.mean() for item in plan.planned if item.saving is not None) <= plan.before.mean() + 1e-6


# -- remove ---------------------------------------------------------------------------------------------------------


def test_an_idle_machine_is_removed_with_an_image_first(build: SimpleNamespace) -> None:
    action = only(idle.propose(build.fleet(build.workload(metrics={"cpu": build.metric(0.2, 0.4)}))))
    assert isinstance(action.change, Remove)
    assert action.recipe is not None
    assert (action.recipe.verb, action.recipe.values["snapshot_first"]) == ("delete", True)


@pytest.mark.parametrize("how", ["it worked in the last exam window", "its name says so"])
def test_a_dormant_machine_is_stopped_until_the_exam_and_never_deleted(build: SimpleNamespace, how: str) -> None:
    window = exam_mask(build.hours, (date(2026, 5, 3),))
    cpu = np.where(window, 60.0, 0.3) if how.startswith("it worked") else np.full(len(build.hours), 0.3)
    name = "web" if how.startswith("it worked") else "exam-standby-1"
    action = only(idle.propose(build.fleet(build.workload(name=name, metrics={"cpu": build.metric(cpu)}))))
    assert isinstance(action.change, Run)
    assert action.recipe is not None
    assert (action.recipe.verb, action.recipe.values["start_again"]) == ("stop_and_snapshot", "2027-03-18")
    days = np.array(["2026-12-01T06", "2027-04-20T06"], dtype="datetime64[h]")
    assert action.change.factors(days).tolist() == [0, 1], "it runs in the coming window"


def test_a_history_without_an_exam_deletes_nothing(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload(metrics={"cpu": build.metric(0.2)}), exams=(date(2027, 5, 2),))
    assert isinstance(only(idle.propose(fleet)).change, Run)


@pytest.mark.parametrize(
    "metrics", [{"cpu": 7.0}, {"cpu": 0.2, "connections": 3.0}, {"cpu": 0.2, "requests": 1.0}], ids=str
)
def test_what_shows_any_activity_is_not_idle(build: SimpleNamespace, metrics: dict[str, float]) -> None:
    measured = {name: build.metric(value) for name, value in metrics.items()}
    assert list(idle.propose(build.fleet(build.workload(metrics=measured)))) == []


@pytest.mark.parametrize(
    ("kind", "state", "more", "found"),
    [
        ("disk", "available", {}, True), ("disk", "in-use", {}, False), ("disk", "READY", {"users": []}, True),
        ("disk", "READY", {"users": ["vm"]}, False), ("snapshot", "available", {}, True),
        ("snapshot", "ACTIVE", {}, False), ("balancer", "available", {}, True), ("balancer", "in-use", {}, False),
    ],
)  # fmt: skip
def test_parts_go_by_the_inventorys_word(
    build: SimpleNamespace, kind: Any, state: str, more: dict[str, Any], found: bool
) -> None:
    part = build.workload("part", kind=kind, state=state, attributes=more)
    assert bool(list(unused_parts.propose(build.fleet(part)))) is found


def test_a_nat_gateway_with_bytes_stays(build: SimpleNamespace) -> None:
    hours = build.line("nat", sku="NatGateway-Hours", meter="APS3-NatGateway-Hours")
    traffic = build.line("nat", sku="NatGateway-Bytes", meter="APS3-NatGateway-Bytes", hourly=3.0)
    busy = build.workload("nat", kind="nat", lines=[hours, traffic])
    quiet = build.workload("nat", kind="nat", lines=[hours])
    assert list(unused_parts.propose(build.fleet(busy))) == []
    assert only(unused_parts.propose(build.fleet(quiet))).recipe is not None


# -- schedule -------------------------------------------------------------------------------------------------------


def office(build: SimpleNamespace) -> Any:
    """Busy Mon-Fri in the hours that begin 09:30 to 20:30 in India."""
    busy = (build.ist_weekday < 5) & (build.ist_hour >= 9) & (build.ist_hour < 21)
    return {"cpu": build.metric(np.where(busy, 30.0, 1.0))}


def test_non_production_sleeps_when_nobody_uses_it(build: SimpleNamespace) -> None:
    action = only(off_hours.propose(build.fleet(build.workload(environment="staging", metrics=office(build)))))
    assert action.recipe is not None
    values = action.recipe.values
    assert (values["days"], values["start"], values["end"], values["timezone"]) == (
        ["Mon", "Tue", "Wed", "Thu", "Fri"], "09:00", "21:30", "Asia/Kolkata",
    )  # fmt: skip
    assert values["exceptions"] == [["2027-03-18", "2027-05-05"]]


def test_production_and_what_has_no_environment_never_sleep(build: SimpleNamespace) -> None:
    for environment in ("prod", "Production", None):
        workload = build.workload(environment=environment, metrics=office(build))
        assert list(off_hours.propose(build.fleet(workload))) == []


# -- modernise, storage, Spot ---------------------------------------------------------------------------------------


def test_another_processor_is_chosen_by_the_prices_of_the_region(build: SimpleNamespace) -> None:
    action = only(newer_machine.propose(build.fleet(build.workload())))
    assert isinstance(action.change, Swap)
    assert action.change.to["m6i.xlarge/linux"].sku == "m6a.xlarge/linux"
    assert action.change.to["m6i.xlarge/linux"].price == pytest.approx(0.1111)
    assert action.price_on is not None
    elsewhere = build.workload(region="eu-north-1")
    assert list(newer_machine.propose(build.fleet(elsewhere))) == [], "no prices of that region, no proposal"


@pytest.mark.parametrize(
    ("gb", "iops", "mibps", "ratio"),
    [(100, 3000, 125, 0.8), (400, 3000, 250, 0.8 + 0.8 * 0.5 * 125 / 400),
     (2000, 6000, 250, 0.8 + 0.8 * (0.06 * 3000 + 0.5 * 125) / 2000)],
)  # fmt: skip
def test_gp3_is_priced_as_fast_as_gp2_was(gb: float, iops: int, mibps: int, ratio: float) -> None:
    price, *speed = storage.gp3_cost(gb, 0.8)
    assert speed == [iops, mibps]
    assert price == pytest.approx(ratio)


@pytest.mark.parametrize("name", ["payment-api", "orders-db", "redis-sessions", "exam-proctor"])
def test_what_takes_money_or_keeps_state_is_never_on_spot(build: SimpleNamespace, name: str) -> None:
    group = build.workload(f"group/1/{name}", name=name, kind="group")
    assert list(spot_mix.propose(build.fleet(group))) == []


def test_a_web_tier_has_less_on_spot_on_exam_days(build: SimpleNamespace) -> None:
    units = np.where(build.ist_hour < 6, 2.0, 10.0)
    line = build.line(sku="c6i.2xlarge/linux", price=0.34, hourly=units)
    group = build.workload("group/1/web", name="web", kind="group", type="c6i.2xlarge", lines=[line])
    action = only(spot_mix.propose(build.fleet(group)))
    assert isinstance(action.change, SpotShare)
    assert 0 < action.change.exam_share < action.change.share < 0.6
    assert action.change.exam_days == ((date(2027, 4, 29), date(2027, 5, 4)),)
    assert action.interruption
    assert action.recipe is not None
    assert len(action.recipe.values["types"]) >= 5


def test_a_bill_in_rupees_is_not_given_dollars_as_its_price(build: SimpleNamespace) -> None:
    in_dollars = build.workload("i-1", team="web", name="etl-1")
    line = replace(in_dollars.lines[0], currency="INR", price=in_dollars.lines[0].price * 90)
    in_rupees = replace(in_dollars, lines=(line,))
    for check in (newer_machine, spot_mix):
        dear, cheap = (
            next(one for one in check.propose(build.fleet(workload)) if one.reason is None)
            for workload in (in_rupees, in_dollars)
        )
        prices = [
            part.price
            for one, metered in ((dear, line), (cheap, in_dollars.lines[0]))
            for part, _ in one.change.apply(metered, build.hours[:2])
            if part.price != metered.price
        ]
        assert prices[0] == pytest.approx(90 * prices[1]), check.__name__
