"""Groups: the template's shape changes, never their scaling."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Swap
from recommender.checks import oversized_group
from recommender.fleet import Pods
from recommender.machines import machine

pytestmark = pytest.mark.pure


def group(build: SimpleNamespace, hourly: Any = None, type_: str = "m6i.2xlarge", **metrics: float) -> Any:
    """A group of machines, more of them by day."""
    units = np.where(build.ist_hour < 8, 4.0, 10.0) if hourly is None else hourly
    line = build.line("group/1/web", sku=f"{type_}/linux", price=0.404, hourly=units)
    measured = {name: build.metric(value) for name, value in metrics.items()}
    return build.fleet(
        build.workload("group/1/web", name="web", kind="group", type=type_, lines=[line], metrics=measured)
    )


def test_a_web_tier_that_never_needs_its_memory_runs_on_compute_machines(build: SimpleNamespace) -> None:
    fleet = group(build, cpu=65.0, memory=30.0)
    (action,) = oversized_group.propose(fleet)
    assert isinstance(action.change, Swap)
    new = action.change.to["m6i.2xlarge/linux"]
    assert (new.sku, new.units) == ("c6i.2xlarge/linux", 1.0), "as many, for its CPU is what scales it"
    assert action.recipe is not None
    assert action.recipe.verb == "resize_template"
    kept = sum(
        float(np.sum(np.asarray(share) * 1.0))
        for _, share in action.change.apply(fleet["group/1/web"].lines[0], build.hours[:5])
    )
    assert kept == 1.0


def test_memory_of_a_machine_does_not_shrink_with_it(build: SimpleNamespace) -> None:
    """55 % of 32 GiB with room are 22 GiB: no half machine holds them, though there would be two."""
    assert list(oversized_group.propose(group(build, cpu=65.0, memory=55.0))) == []


def test_the_count_of_smaller_machines_keeps_the_throughput(build: SimpleNamespace) -> None:
    """r6i.2xlarge with 5 GiB in use: half as large machines are twice as many."""
    (action,) = oversized_group.propose(group(build, type_="r6i.2xlarge", cpu=65.0, memory=8.0))
    assert isinstance(action.change, Swap)
    (new,) = action.change.to.values()
    assert new.units * machine(new.sku.split("/")[0]).throughput == pytest.approx(machine("r6i.2xlarge").throughput)


def test_a_group_of_a_fixed_number_is_sized_as_a_machine(build: SimpleNamespace) -> None:
    (action,) = oversized_group.propose(group(build, 6.0, cpu=10.0, memory=10.0))
    assert isinstance(action.change, Swap)
    (new,) = action.change.to.values()
    assert new.units == 1.0
    assert new.sku == "m6i.large/linux", "1.2 vCPUs and 4.8 GiB with room"


@pytest.mark.parametrize(("metrics", "word"), [({"cpu": 50.0}, "memory"), ({"cpu": 50.0, "memory": 9.0}, "no exam")])
def test_what_is_missing_is_a_reason(build: SimpleNamespace, metrics: dict[str, float], word: str) -> None:
    fleet = group(build, **metrics)
    (action,) = oversized_group.propose(replace(fleet, exams=()) if word == "no exam" else fleet)
    assert word in str(action.reason)


def test_nodes_of_kubernetes_are_not_judged_by_what_pods_use(build: SimpleNamespace) -> None:
    fleet = group(build, cpu=65.0, memory=10.0)
    known = replace(fleet, pods=(Pods("prod", "web", "api", "group/1/web", 1.0),))
    assert list(oversized_group.propose(known)) == [], "the check of requests speaks of them"
    tagged = replace(fleet["group/1/web"], tags={"eks:cluster-name": "prod"})
    (action,) = oversized_group.propose(build.fleet(tagged))
    assert "ask for" in str(action.reason)
