"""Batch moves to better Spot pools by the class of interruptions first; never what takes money or keeps state."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.action import Action, Nothing, Split, SpotShare
from recommender.ahead import look_ahead
from recommender.checks import spot_elsewhere, spot_mix
from recommender.checks.spot_elsewhere import BUCKETS, Pool
from recommender.holdings import PRIORS, Rates
from recommender.machines import interruption
from recommender.plan import make_plan

pytestmark = pytest.mark.pure

METER = "APS3-APS5-AWS-Out-Bytes"


def batch(build: SimpleNamespace, name: str = "transcoder", **more: Any) -> Any:
    line = build.line("i-b", sku="c6i.4xlarge/linux", price=0.68)
    given = {"name": name, "type": "c6i.4xlarge", "lines": [line], "service": "content"}
    return build.workload("i-b", metrics={"network": build.metric(1.5, unit="GB")}, **(given | more))


def crossing(build: SimpleNamespace) -> Any:
    line = build.line("net", sku=METER, meter=METER, price=0.02, unit="GB")
    return build.workload("net", kind="transfer", type=None, lines=[line])


def of(fleet: Any) -> Action | None:
    return next((action for action in spot_elsewhere.propose(fleet) if action.workload == "i-b"), None)


def test_a_batch_goes_where_it_is_interrupted_less(build: SimpleNamespace) -> None:
    action = of(build.fleet(batch(build), crossing(build)))
    assert action is not None
    assert isinstance(action.change, SpotShare)
    assert action.change.region == "ap-south-2"
    assert action.interruption is not None
    here = spot_elsewhere.pools(build.fleet().catalogue, "ap-south-1", "c6i.4xlarge", "linux")[0]
    assert BUCKETS.index(action.interruption) < here.risk
    hours = build.hours[:2]
    parts = action.change.apply(build.line("i-b", sku="c6i.4xlarge/linux", price=0.68), hours)
    spot, bytes_ = parts[1][0], parts[2]
    assert (spot.region, spot.is_spot) == ("ap-south-2", True)
    assert (bytes_[0].meter, bytes_[0].price, float(bytes_[1][0])) == (METER, 0.02, 1.5)


def test_the_class_comes_before_the_price() -> None:
    rare, dear = Pool("ap-south-2", "a", 0.9, "<5%"), Pool("ap-south-1", "b", 0.1, ">20%")
    assert spot_elsewhere._is_better(rare, dear)
    assert not spot_elsewhere._is_better(dear, rare)
    assert not spot_elsewhere._is_better(replace(dear, region="ap-south-2", usd=0.099), dear), "five per cent at least"
    assert Pool("x", "y", 0.1, None).risk > dear.risk, "what nobody tells comes last"


@pytest.mark.parametrize(
    "more",
    [{"name": "payment-worker"}, {"name": "redis-loader"}, {"service": "user"}, {"team": None}, {"name": "web"},
     {"tags": {"data-class": "student"}}],
    ids=str,
)  # fmt: skip
def test_what_keeps_state_money_or_students_stays(build: SimpleNamespace, more: dict[str, Any]) -> None:
    assert of(build.fleet(batch(build, **more), crossing(build))) is None


def test_without_measured_bytes_it_is_a_question_and_spot_at_home_is_still_proposed(build: SimpleNamespace) -> None:
    fleet = build.fleet(replace(batch(build), metrics={}), crossing(build))
    action = of(fleet)
    assert action is not None
    assert isinstance(action.change, Nothing)
    assert action.reason is not None
    assert isinstance(next(spot_mix.propose(fleet)).change, SpotShare)


def test_spot_prices_of_home_are_not_used_for_what_has_moved(build: SimpleNamespace) -> None:
    share = SpotShare({"m6i.xlarge/linux": 0.07}, 1.0, 1.0)
    moved = replace(build.line(), region="ap-south-2")
    assert share.apply(moved, build.hours[:1]) == [(moved, 1.0)]


def test_what_is_on_spot_already_moves_as_it_is(build: SimpleNamespace) -> None:
    line = replace(build.line("i-b", sku="c6i.4xlarge/linux", price=0.35), is_spot=True)
    action = of(build.fleet(batch(build, lines=[line]), crossing(build)))
    assert action is not None
    assert isinstance(action.change, Split)
    (machine, share), (bytes_, gb) = action.change.apply(line, build.hours[:1])
    assert (machine.region, machine.is_spot, share, bytes_.meter, gb) == ("ap-south-2", True, 1.0, METER, 1.5)


def test_the_advisor_knows_both_regions() -> None:
    assert interruption("ap-south-1", "m5.xlarge") in BUCKETS
    assert interruption("ap-south-2", "m7g.xlarge") in BUCKETS


def test_the_plan_takes_the_better_pool_and_pays_for_the_bytes(build: SimpleNamespace) -> None:
    fleet = build.fleet(batch(build), crossing(build))
    actions = [*spot_mix.propose(fleet), *spot_elsewhere.propose(fleet)]
    plan = make_plan(fleet, look_ahead(fleet, None, n_paths=2, stride=131), [], Rates({}, PRIORS), actions)
    states = {item.action.check: item.state for item in plan.items if item.action.workload == "i-b"}
    assert states["spot_elsewhere"] == "planned"
    assert states["spot_mix"] == "set aside"
    moved = next(item for item in plan.planned if item.action.check == "spot_elsewhere")
    assert moved.saving is not None
    pool = spot_elsewhere.pools(fleet.catalogue, "ap-south-2", "c6i.4xlarge", "linux")[0]
    hourly = 0.68 - pool.usd - 1.5 * 0.02
    assert moved.saving.mean() == pytest.approx(hourly * 95 * 8760, rel=0.1), "the level ahead is drawn"
