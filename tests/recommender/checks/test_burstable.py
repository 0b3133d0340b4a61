"""Burstable machines: by the credits they earn and spend, and a reason where those are not measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Swap
from recommender.checks import burstable

pytestmark = pytest.mark.pure


def small(build: SimpleNamespace, type_: str = "t3.xlarge", **metrics: Any) -> Any:
    """A machine of the t family."""
    line = build.line(sku=f"{type_}/linux", price=0.1792)
    measured = {name: build.metric(value) for name, value in metrics.items()}
    return build.fleet(build.workload(type=type_, lines=[line], metrics=measured))


def test_a_machine_with_credits_to_spare_is_smaller(build: SimpleNamespace) -> None:
    """4 vCPUs at 6 % spend 14 credits an hour, 17 with growth; t3.large earns 36, t3.medium 24."""
    (action,) = burstable.propose(small(build, cpu=6.0, memory=12.0, cpu_credit_balance=2304.0))
    assert isinstance(action.change, Swap)
    (new,) = action.change.to.values()
    assert new.sku == "t3.medium/linux", "4 GiB hold 12 % of 16 with room"


def test_long_work_empties_the_balance_of_a_smaller_one(build: SimpleNamespace) -> None:
    """24 % of 4 vCPUs are 58 credits an hour, 69 with growth: t3.large earns 36."""
    busy = small(build, cpu=24.0, memory=12.0, cpu_credit_balance=500.0)
    assert list(burstable.propose(busy)) == []
    # the same work in two hours a day is 4.8 credits an hour on average
    short = np.where(build.ist_hour < 2, 24.0, 0.5)
    (action,) = burstable.propose(small(build, cpu=short, memory=12.0, cpu_credit_balance=2000.0))
    assert isinstance(action.change, Swap)


@pytest.mark.parametrize(
    ("metrics", "word"),
    [
        ({"cpu": 8.0, "memory": 9.0}, "credits, which are not measured"),
        ({"cpu": 8.0, "cpu_credit_balance": 900.0}, "no memory is measured"),
        ({"cpu": 8.0, "memory": 9.0, "cpu_credit_balance": 900.0, "cpu_surplus_credits_charged": 3.0}, "surplus"),
    ],
)
def test_what_is_missing_or_too_small_is_a_reason(build: SimpleNamespace, metrics: dict[str, float], word: str) -> None:
    (action,) = burstable.propose(small(build, **metrics))
    assert word in str(action.reason)


def test_a_shared_core_of_google_is_a_reason(build: SimpleNamespace) -> None:
    shared = build.workload(provider="gcp", type="e2-medium", metrics={"cpu": build.metric(8.0)})
    (action,) = burstable.propose(build.fleet(shared))
    assert "Google" in str(action.reason)
