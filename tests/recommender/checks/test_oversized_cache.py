"""Caches: memory decides, evictions forbid, and nothing is taken away that is not measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from recommender.action import Swap
from recommender.checks import oversized_cache

pytestmark = pytest.mark.pure


def cache(build: SimpleNamespace, type_: str = "cache.r6g.2xlarge", price: float = 0.9, **metrics: float) -> Any:
    """A node of Redis in Mumbai."""
    line = build.line("c", sku=f"{type_}/redis", price=price, meter=f"APS3-NodeUsage:{type_}")
    measured = {name: build.metric(value) for name, value in metrics.items()}
    return build.fleet(build.workload("c", kind="cache", type=type_, lines=[line], metrics=measured))


def test_a_cache_of_little_data_is_smaller_at_the_ratio_of_list_prices(build: SimpleNamespace) -> None:
    fleet = cache(build, cpu=6.0, memory=15.0, evictions=0.0)
    (action,) = oversized_cache.propose(fleet)
    assert isinstance(action.change, Swap)
    new = action.change.to["cache.r6g.2xlarge/redis"]
    # 52.8 GiB x 15 % x 1.2 / 0.8 = 11.9 GiB: the 12.93 of m6g.xlarge do, the 6.38 of m6g.large do not
    assert new.sku in ("cache.m6g.xlarge/redis", "cache.r6g.large/redis")
    assert 0 < new.price < 0.9 * 0.4
    assert action.confidence == "medium"


@pytest.mark.parametrize(
    ("metrics", "word"),
    [
        ({"cpu": 6.0}, "memory is not measured"),
        ({"cpu": 6.0, "memory": 15.0, "evictions": 2.0}, "evicted"),
    ],
)
def test_without_its_measure_or_with_evictions_memory_stays(
    build: SimpleNamespace, metrics: dict[str, float], word: str
) -> None:
    (action,) = oversized_cache.propose(cache(build, **metrics))
    assert word in str(action.reason)


def test_an_unknown_type_or_region_is_a_reason_and_a_full_cache_no_item(build: SimpleNamespace) -> None:
    (action,) = oversized_cache.propose(cache(build, "cache.x9.huge", cpu=6.0, memory=15.0))
    assert "not known" in str(action.reason)
    assert list(oversized_cache.propose(cache(build, cpu=6.0, memory=75.0))) == []


def test_evictions_that_nobody_measures_lower_the_confidence(build: SimpleNamespace) -> None:
    (action,) = oversized_cache.propose(cache(build, cpu=6.0, memory=15.0))
    assert action.confidence == "low"
    assert "not measured" in action.evidence.figures["Evictions"]
