"""Requests of pods: by what the busiest uses, and only whole nodes that really go are a saving."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Swap
from recommender.checks import pod_requests
from recommender.fleet import Pods

pytestmark = pytest.mark.pure


def pods(build: SimpleNamespace, name: str = "web-api", **more: float) -> Pods:
    """Twenty pods that ask for 2 cores and 8 GiB and use half a core and 2 GiB."""
    given = {"cpu_request": 2.0, "cpu_used": 0.5, "memory_request": 8.0, "memory_used": 2.0, "replicas": 20.0} | more
    return Pods("prod", "web", name, "group/1/node", 0.5, {key: build.metric(value) for key, value in given.items()})


def nodes(build: SimpleNamespace, *running: Pods, hourly: Any = None) -> Any:
    """Ten to twelve nodes m6i.2xlarge."""
    units = np.where(build.ist_hour < 12, 10.0, 12.0) if hourly is None else hourly
    line = build.line("group/1/node", sku="m6i.2xlarge/linux", price=0.404, hourly=units)
    group = build.workload("group/1/node", name="node", kind="group", type="m6i.2xlarge", lines=[line])
    return replace(build.fleet(group), pods=running)


def test_nodes_go_when_requests_are_lower(build: SimpleNamespace) -> None:
    """0.5 x 1.2 / 0.8 = 0.75 of 2 cores, 3 of 8 GiB: 25 cores and 100 GiB are free, three nodes of 8 and 32."""
    (action,) = pod_requests.propose(nodes(build, pods(build)))
    assert isinstance(action.change, Swap)
    assert action.change.to["m6i.2xlarge/linux"].units == pytest.approx(1 - 3 / 11)
    assert action.recipe is not None
    assert action.recipe.values["requests"] == [
        {"namespace": "web", "name": "web-api", "cpu": "750m", "memory": "3072Mi"}
    ]
    assert action.saturated_hours is not None
    assert action.saturated_hours < 1


def test_the_dimension_that_is_short_decides(build: SimpleNamespace) -> None:
    (action,) = pod_requests.propose(nodes(build, pods(build, memory_used=5.0)))
    assert "no whole node" in str(action.reason), "10 GiB are free, however many cores"


def test_what_an_autoscaler_owns_is_left_alone(build: SimpleNamespace) -> None:
    (action,) = pod_requests.propose(nodes(build, pods(build, hpa=1.0)))
    assert "autoscaler owns" in str(action.reason)
    (action,) = pod_requests.propose(nodes(build, pods(build, hpa=1.0), pods(build, "worker")))
    assert action.recipe is not None
    assert [row["name"] for row in action.recipe.values["requests"]] == ["worker"]


def test_without_requests_it_says_what_to_feed(build: SimpleNamespace) -> None:
    (action,) = pod_requests.propose(nodes(build, replace(pods(build), metrics={})))
    assert "k8s/prod/web/web-api" in str(action.reason)
    assert "cpu_request" in str(action.reason)


def test_a_fixed_number_of_nodes_saves_nothing_and_a_fleet_without_pods_is_silent(build: SimpleNamespace) -> None:
    (action,) = pod_requests.propose(nodes(build, pods(build), hourly=11.0))
    assert "number is fixed" in str(action.reason)
    assert list(pod_requests.propose(nodes(build))) == []
