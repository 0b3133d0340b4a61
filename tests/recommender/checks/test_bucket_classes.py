"""Colder classes step by step: ages, reads and moves are measured or are a reason; a season must have been seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Nothing, Split
from recommender.checks import bucket_classes, unfinished_uploads

pytestmark = pytest.mark.pure

GB = 10_000.0


def bucket(build: SimpleNamespace, *, reads: bool = False, **metrics: Any) -> Any:
    """10,000 GB in Standard."""
    lines = [storage(build, "", 0.025, GB)]
    if reads:
        lines.append(build.line("b", sku="APS3-Requests-Tier2", meter="APS3-Requests-Tier2", price=4e-7, hourly=1e5))
    return build.workload("b", kind="bucket", type=None, lines=lines, metrics=metrics, service="content", name="b")


def storage(build: SimpleNamespace, word: str, price: float, gb: float = 1.0) -> Any:
    meter = f"APS3-TimedStorage-{word}ByteHrs"
    return build.line("b", sku=meter, meter=meter, price=price, hourly=gb / 730, unit="GB-Mo")


def others(build: SimpleNamespace, *more: tuple[str, float]) -> Any:
    """What else the bill has prices of."""
    lines = [storage(build, "SIA-", 0.0138), storage(build, "GIR-", 0.005)]
    lines += [build.line("c", sku=f"APS3-{meter}", meter=f"APS3-{meter}", price=price) for meter, price in more]
    return build.workload("c", kind="bucket", type=None, lines=lines)


def of(fleet: Any) -> Action | None:
    return next((action for action in bucket_classes.propose(fleet) if action.workload == "b"), None)


def measured(build: SimpleNamespace, **more: float) -> dict[str, Any]:
    """8,000 GB older than 30 days, 6,000 older than 90, a million objects, hardly a read."""
    values = {"older_30d": 8000.0, "older_90d": 6000.0, "read_older_30d": 0.0, "read_older_90d": 0.0, "objects": 1e6}
    return {name: build.metric(value, unit="GB") for name, value in (values | more).items()}


def cost(action: Action, build: SimpleNamespace) -> float:
    """USD of a GB and month of Standard afterwards."""
    line = storage(build, "", 0.025, GB)
    return sum(part.price * float(np.asarray(units)) for part, units in action.change.apply(line, build.hours[:1]))


def test_objects_walk_through_both_classes_and_pay_for_each_move(build: SimpleNamespace) -> None:
    fleet = build.fleet(bucket(build, reads=True, **measured(build)), others(build, ("Requests-Tier4", 1e-5)))
    action = of(fleet)
    assert action is not None
    assert isinstance(action.change, Split)
    assert action.recipe is not None
    assert action.recipe.values["steps"] == [{"days": 30, "to": "STANDARD_IA"}, {"days": 90, "to": "GLACIER_IR"}]
    storage_cost = 0.2 * 0.025 + 0.2 * 0.0138 + 0.6 * 0.005
    moves = 1e6 * (0.8 + 0.6) / 12 / GB * 1e-5
    assert cost(action, build) == pytest.approx(storage_cost + moves)


def test_many_small_objects_make_fewer_moves_or_none(build: SimpleNamespace) -> None:
    many = bucket(build, reads=True, **measured(build, objects=6e8))
    small = of(build.fleet(many, others(build, ("Requests-Tier4", 1e-5))))
    assert small is not None
    assert small.reason is not None
    assert "17 KB on average" in small.reason
    dear = bucket(build, reads=True, **measured(build, objects=7e7))
    assert of(build.fleet(dear, others(build, ("Requests-Tier4", 1e-4)))) is None, "moves cost more than they save"
    some = bucket(build, reads=True, **measured(build, objects=6e7))
    action = of(build.fleet(some, others(build, ("Requests-Tier4", 1e-5))))
    assert action is not None
    assert action.recipe is not None
    assert len(action.recipe.values["steps"]) == 1


def test_reads_of_old_objects_pay_for_retrieval_or_are_a_reason(build: SimpleNamespace) -> None:
    read = bucket(build, reads=True, **measured(build, read_older_30d=1.0, read_older_90d=1.0))
    action = of(build.fleet(read, others(build)))
    assert action is not None
    assert isinstance(action.change, Nothing)
    assert action.reason is not None
    assert "no such price" in action.reason
    priced = others(build, ("Retrieval-SIA", 0.01), ("Retrieval-GIR", 0.03), ("Requests-Tier4", 1e-5))
    action = of(build.fleet(read, priced))
    assert action is not None
    assert isinstance(action.change, Split)
    (parts,) = action.change.to.values()
    out = {part.meter: part.units for part in parts if "Retrieval" in part.meter}
    assert sum(out.values()) == pytest.approx(730 / GB)


def test_a_bucket_that_is_read_and_not_measured_is_a_question(build: SimpleNamespace) -> None:
    action = of(build.fleet(bucket(build, reads=True), others(build)))
    assert action is not None
    assert isinstance(action.change, Nothing)
    assert "older_30d" in action.evidence.figures["Measure"]


def test_a_history_without_a_season_moves_nothing(build: SimpleNamespace) -> None:
    fleet = build.fleet(bucket(build), others(build), exams=(date(2027, 5, 2),))
    action = of(fleet)
    assert action is not None
    assert action.reason is not None
    assert "no exam window" in action.reason


def test_of_objects_that_nobody_counted_each_moves_once_and_what_is_new_stays(build: SimpleNamespace) -> None:
    growing = storage(build, "", 0.025, GB)
    growing = replace(growing, hourly=growing.hourly * np.linspace(0.5, 1.0, len(growing.hourly)))
    action = of(build.fleet(replace(bucket(build), lines=(growing,)), others(build)))
    assert action is not None
    assert isinstance(action.change, Split)
    assert action.recipe is not None
    assert action.recipe.values["steps"] == [{"days": 90, "to": "GLACIER_IR"}]
    stays = action.change.to[growing.sku][0].units
    assert 0.08 < stays < 0.13, "what was added in 90 days stays in Standard"


def test_a_price_that_is_on_no_bill_is_a_reason(build: SimpleNamespace) -> None:
    action = of(build.fleet(bucket(build)))
    assert action is not None
    assert action.reason is not None
    elsewhere = replace(others(build), region="ap-southeast-1")
    assert of(build.fleet(bucket(build), elsewhere)) is not None
    assert isinstance(of(build.fleet(bucket(build), elsewhere)).change, Nothing)  # type: ignore[union-attr]


def test_uploads_that_never_ended_are_what_stood_there_all_month(build: SimpleNamespace) -> None:
    hours = np.arange(len(build.hours))
    gb = np.where(hours % 48 < 24, 700.0, 500.0)
    metric = build.metric(gb, unit="GB")
    (action,) = unfinished_uploads.propose(build.fleet(bucket(build, incomplete_multipart=metric)))
    (new,) = action.change.to.values()
    assert new.units == pytest.approx(0.95)
    assert list(unfinished_uploads.propose(build.fleet(bucket(build)))) == []
