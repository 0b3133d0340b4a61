"""Node pools that nobody measures, by what pods ask for: none came, so no node; the exam's pool is kept for it."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Remove, Run
from recommender.checks import idle_compute
from recommender.fleet import Metric, exam_mask
from recommender.pods import pods_of

pytestmark = pytest.mark.pure


def pool(build: SimpleNamespace, pods: Any, **more: Any) -> Any:
    given = {"kind": "node_pool", "provider": "gcp", "region": "asia-south1", "type": None, "name": "batch-pool",
             "tags": {"goog-k8s-cluster-name": "pragati", "goog-k8s-node-pool-name": "batch"},
             "metrics": {"pods": build.metric(pods, unit="ratio")}}  # fmt: skip
    return build.workload("pool", **(given | more))


def test_a_pool_without_a_pod_is_scaled_to_none(build: SimpleNamespace) -> None:
    (action,) = idle_compute.propose(build.fleet(pool(build, 0.0)))
    assert isinstance(action.change, Remove)
    assert action.recipe is not None
    assert action.recipe.verb == "empty_pool"
    assert action.recipe.values == {"cluster": "pragati", "pool": "batch"}


def test_a_pool_of_the_exam_season_is_kept_for_it(build: SimpleNamespace) -> None:
    window = exam_mask(build.hours, (date(2026, 5, 3),))
    (action,) = idle_compute.propose(build.fleet(pool(build, np.where(window, 0.7, 0.0))))
    assert isinstance(action.change, Run)
    assert action.recipe is not None
    assert action.recipe.verb == "empty_pool"


def test_a_pool_with_pods_stays_and_one_without_allocation_is_not_guessed_about(build: SimpleNamespace) -> None:
    assert list(idle_compute.propose(build.fleet(pool(build, 0.05)))) == []
    hours = np.arange(len(build.hours))
    young = np.where(hours > len(hours) - 10 * 24, 0.0, np.nan)
    assert list(idle_compute.propose(build.fleet(pool(build, young)))) == [], "ten days are too few"
    assert list(idle_compute.propose(build.fleet(pool(build, 0.0, metrics={})))) == []


def test_a_groups_share_is_that_of_the_nodes_that_ran() -> None:
    def node(*values: float) -> dict[str, Metric]:
        array = np.array(values)
        return {"pods": Metric("ratio", array, array, array)}

    found = pods_of(("a", "b", "c"), {"a": node(0.4, np.nan), "b": node(0.8, np.nan)})
    assert found is not None
    assert found.average[0] == pytest.approx(0.6)
    assert np.isnan(found.average[1])
    assert pods_of(("c",), {}) is None
