"""Machines move between regions of India only, with their bytes, and out of the old region's commitments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Nothing, Split
from recommender.ahead import look_ahead
from recommender.bill import Commitment, Kind
from recommender.checks import move_region
from recommender.checks import newer_machine as newer
from recommender.holdings import PRIORS, Rates
from recommender.plan import make_plan
from recommender.prices import Catalogue, ListPrice, Offer

pytestmark = pytest.mark.pure


def google(build: SimpleNamespace, type_: str, region: str, price: float = 0.05, **more: Any) -> Any:
    """A machine of Google that sends 2 GB an hour."""
    series = type_.partition("-")[0]
    lines = [
        build.line("vm", sku=f"{series}.{part}", meter=f"{series} {part}", price=price, hourly=units, unit="hour")
        for part, units in (("core", 4.0), ("ram", 16.0))
    ]
    metrics = {"network": build.metric(2.0, unit="GB")}
    given = {"name": "encoder", "provider": "gcp", "region": region, "type": type_, "lines": lines, "metrics": metrics}
    return build.workload("vm", **(given | {"service": "content"} | more))


def crossing(build: SimpleNamespace, price: float = 0.01) -> Any:
    """A GB between Delhi and Mumbai as it was billed before."""
    meter = "Network Inter Region Data Transfer Out from Delhi to Mumbai"
    line = build.line("net", sku=meter, meter=meter, price=price, unit="gibibyte")
    return build.workload("net", kind="transfer", provider="gcp", region="asia-south2", type=None, lines=[line])


def cheap_abroad() -> Catalogue:
    """Prices with an E2 for two cents in Iowa."""
    price = ListPrice(Decimal("0.02"), "Hour", date(2026, 8, 1), "test")
    return Catalogue.shipped().with_prices([(Offer("gcp", "us-central1", "e2-standard-4"), price)])


def of(fleet: Any, id: str = "vm") -> Action | None:
    """The proposal about a workload."""
    return next((action for action in move_region.propose(fleet) if action.workload == id), None)


def test_amd_in_delhi_moves_to_mumbai_where_it_costs_half(build: SimpleNamespace) -> None:
    action = of(build.fleet(google(build, "n2d-standard-4", "asia-south2"), crossing(build)))
    assert action is not None
    assert isinstance(action.change, Split)
    core, bytes_ = action.change.to["n2d.core"]
    assert (core.region, core.sku) == ("asia-south1", "n2d.core")
    assert core.price == pytest.approx(0.05 * 0.111532 / 0.202968)
    assert bytes_.units == pytest.approx(0.5), "2 GB an hour are half a GB for each of 4 vCPU"
    assert bytes_.price == pytest.approx(0.01 / 1.073741824), "a GB is less than a GiB"
    assert len(action.change.to["n2d.ram"]) == 1, "bytes are counted once"
    assert action.recipe is not None
    assert action.recipe.values["to_region"] == "asia-south1"


@pytest.mark.parametrize("missing", ["traffic", "price of a byte", "season of traffic"])
def test_what_would_cross_is_measured_or_it_is_a_reason(build: SimpleNamespace, missing: str) -> None:
    workload = google(build, "n2d-standard-4", "asia-south2")
    others = [] if missing.startswith("price") else [crossing(build)]
    if missing == "traffic":
        workload = replace(workload, metrics={})
    elif missing.startswith("season"):
        late = np.where(np.arange(len(build.hours)) > len(build.hours) - 60 * 24, 2.0, np.nan)
        workload = replace(workload, metrics={"network": build.metric(late, unit="GB")})
    action = of(build.fleet(workload, *others))
    assert action is not None
    assert isinstance(action.change, Nothing)
    assert action.reason is not None
    assert "may eat what the region saves" in action.reason


def test_prices_that_are_equal_in_both_regions_move_nothing(build: SimpleNamespace) -> None:
    assert of(build.fleet(google(build, "e2-standard-4", "asia-south1"), crossing(build))) is None
    assert of(build.fleet(build.workload("vm"))) is None, "m6i costs the same in Mumbai and Hyderabad"


@pytest.mark.parametrize("service", ["user", "payment", "assessment"])
def test_what_handles_students_is_never_asked_to_leave_india(build: SimpleNamespace, service: str) -> None:
    free = google(build, "e2-standard-4", "asia-south1", environment="dev")
    abroad = cheap_abroad()
    action = of(build.fleet(free, catalogue=abroad))
    assert action is not None
    assert isinstance(action.change, Nothing)
    assert action.reason is not None
    assert "ask its owner" in action.reason
    assert of(build.fleet(replace(free, service=service), catalogue=abroad)) is None
    assert of(build.fleet(replace(free, tags={"data-class": "PII"}), catalogue=abroad)) is None
    assert of(build.fleet(free, regulated_services=("content",), catalogue=abroad)) is None
    assert of(build.fleet(replace(free, environment="prod"), catalogue=abroad)) is None, "it serves India"


def test_machines_of_mumbai_cost_less_than_those_abroad_so_nobody_is_asked(build: SimpleNamespace) -> None:
    free = google(build, "e2-standard-4", "asia-south1", environment="dev")
    assert of(build.fleet(free)) is None, "T2D in Mumbai costs less than anything in Iowa"


def test_no_proposal_ever_has_a_figure_for_a_region_abroad(build: SimpleNamespace) -> None:
    workload = google(build, "e2-standard-4", "asia-south1", environment="dev")
    fleet = build.fleet(workload, crossing(build), catalogue=cheap_abroad())
    actions = list(move_region.propose(fleet))
    assert actions
    assert all(isinstance(action.change, Nothing) for action in actions)


def test_a_standby_does_not_move_to_where_the_disaster_would_be(build: SimpleNamespace) -> None:
    line = build.line("i-dr", sku="m6g.xlarge/linux", price=0.192)
    standby = build.workload("i-dr", name="dr-standby", type="m6g.xlarge", region="ap-southeast-1", lines=[line])
    action = of(build.fleet(build.workload("i-1"), standby), "i-dr")
    assert action is not None
    assert "ap-south-2" in action.title


def test_a_moved_machine_is_covered_by_no_commitment_of_the_region_it_left(build: SimpleNamespace) -> None:
    fleet = build.fleet(google(build, "n2d-standard-4", "asia-south2"), crossing(build))
    action = of(fleet)
    assert action is not None
    horizon = look_ahead(fleet, None, n_paths=2, stride=131)
    plan = make_plan(fleet, horizon, [], Rates({}, PRIORS), [action])
    item = next(item for item in plan.items if item.action is action)
    assert item.state == "planned"
    pools, _ = plan.usage.pools
    scopes = {scope for pool in pools for _, scope in pool.units}
    assert ":n2d.core/asia-south1" in scopes
    held = Commitment("cud", Kind.RESOURCE_COMMITMENT, 4.0, ":n2d.core/asia-south2", 3.0)
    bill = plan.usage.bill([held])
    assert bill.used.sum() == 0, "the commitment stays behind"
    assert bill.unused.sum() == pytest.approx(4.0 * bill.unused.shape[1])


# -- series, net of sustained use -----------------------------------------------------------------------------------


def sustained(build: SimpleNamespace, type_: str, ratio: float) -> Any:
    workload = google(build, type_, "asia-south1")
    return replace(workload, lines=tuple(replace(line, sustained_ratio=ratio) for line in workload.lines))


def test_a_series_that_loses_sustained_use_is_compared_net_of_it(build: SimpleNamespace) -> None:
    with_it = next(newer.propose(build.fleet(sustained(build, "n2-standard-4", 0.2))))
    without = next(newer.propose(build.fleet(sustained(build, "n2-standard-4", 0.0))))
    assert with_it.recipe is not None
    assert without.recipe is not None
    assert with_it.recipe.values["to"] == "n2d-standard-4", "N2D keeps the discount, T2D of the same price loses it"
    assert without.recipe.values["to"] == "t2d-standard-4", "as cheap and faster"
    assert "20.0% then" in with_it.evidence.figures["Sustained use"]
    assert "Sustained use" not in without.evidence.figures


def test_a_discount_is_kept_in_the_part_that_the_new_series_has(build: SimpleNamespace) -> None:
    now, other = newer.choices(
        build.fleet(), sustained(build, "n1-standard-4", 0.27), newer.machine("n1-standard-4"), "asia-south1"
    )
    assert now is not None
    assert other is not None
    assert now.net == pytest.approx(0.2282 * 0.73)
    assert other.machine.type == "n2d-standard-4"
    assert other.net == pytest.approx(0.111532 * (1 - 0.27 * 2 / 3))


def test_a_node_pool_without_a_type_is_known_by_its_cores_and_memory(build: SimpleNamespace) -> None:
    pool = replace(google(build, "e2-standard-4", "asia-south1"), kind="node_pool", type=None)
    action = next(newer.propose(build.fleet(pool)))
    assert action.title == "encoder: e2-standard to t2d-standard"
    assert action.recipe is None, "its size is not known, so no command can be written"
    odd = [replace(line, hourly=line.hourly * (1.3 if line.sku.endswith(".ram") else 1)) for line in pool.lines]
    assert list(newer.propose(build.fleet(replace(pool, lines=tuple(odd))))) == []
