"""Logs kept for ever, log groups and exports that nobody reads: what the season, the law or a doubt keeps, stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Nothing, Remove, Swap
from recommender.checks import log_retention, unused_parts, zombie_exports
from recommender.fleet import exam_mask

pytestmark = pytest.mark.pure


def group(build: SimpleNamespace, level: Any = None, **more: Any) -> Any:
    """A log group of 50 to 150 TB that only grows and that nobody searches."""
    stored = np.linspace(50_000, 150_000, len(build.hours)) / 730 if level is None else level
    meter = "APS3-TimedStorage-ByteHrs"
    lines = [build.line("g", sku=meter, meter=meter, price=0.03, hourly=stored, unit="GB-Mo")]
    given = {"name": "web", "kind": "log", "type": None, "service": "content", "lines": lines,
             "metrics": {"queries": build.metric(0.0, unit="count")}}  # fmt: skip
    return build.workload("g", **(given | more))


def of(found: Any) -> Action | None:
    return next(iter(found), None)


def test_a_retention_leaves_what_was_added_in_it(build: SimpleNamespace) -> None:
    action = of(log_retention.propose(build.fleet(group(build))))
    assert action is not None
    assert isinstance(action.change, Swap)
    (new,) = action.change.to.values()
    assert new.units == pytest.approx(1 - (150 - 100 * 180 / 365) / 150, abs=0.01)
    assert action.recipe is not None
    assert action.recipe.values["days"] == 180


def test_logs_of_exams_and_students_stay_a_year(build: SimpleNamespace) -> None:
    for name in ("exam-audit", "payment-api"):
        action = of(log_retention.propose(build.fleet(group(build, name=name))))
        assert action is not None
        assert action.recipe is not None
        assert action.recipe.values["days"] == 365


@pytest.mark.parametrize("why", ["shrinks", "stands still", "has a retention", "is searched", "searched in May only"])
def test_what_is_deleted_already_or_read_stays(build: SimpleNamespace, why: str) -> None:
    level = {
        "shrinks": np.linspace(150_000, 50_000, len(build.hours)) / 730,
        "stands still": np.full(len(build.hours), 100_000 / 730),
    }.get(why)
    more: dict[str, Any] = {}
    if why == "has a retention":
        more["attributes"] = {"retention_days": 90}
    elif why == "is searched":
        more["metrics"] = {"queries": build.metric(0.1, unit="count")}
    elif why.startswith("searched"):
        window = exam_mask(build.hours, (date(2026, 5, 3),))
        more["metrics"] = {"queries": build.metric(np.where(window, 2.0, 0.0), unit="count")}
    assert of(log_retention.propose(build.fleet(group(build, level, **more)))) is None


def test_reads_that_are_not_measured_are_a_question(build: SimpleNamespace) -> None:
    action = of(log_retention.propose(build.fleet(group(build, metrics={}))))
    assert action is not None
    assert isinstance(action.change, Nothing)
    assert action.reason is not None
    assert "queries" in action.reason


def test_a_log_group_that_nothing_wrote_to_in_a_year_is_deleted(build: SimpleNamespace) -> None:
    still = np.full(len(build.hours), 10.0)
    quiet = group(build, still)
    written = build.line("g", sku="w", meter="APS3-DataProcessing-Bytes", price=0.67,
                         hourly=np.where(exam_mask(build.hours, (date(2026, 5, 3),)), 1.0, 0.0))  # fmt: skip
    action = of(unused_parts.propose(build.fleet(quiet)))
    assert action is not None
    assert isinstance(action.change, Remove)
    assert of(unused_parts.propose(build.fleet(replace(quiet, lines=(*quiet.lines, written))))) is None
    assert of(unused_parts.propose(build.fleet(quiet, exams=(date(2027, 5, 2),)))) is None


def way(build: SimpleNamespace, kind: str, name: str, hourly: Any) -> Any:
    lines = [build.line(name, sku="hours", meter=f"APS3-{name}-Hours", price=0.013)]
    lines.append(build.line(name, sku="bytes", meter=f"APS3-{name}-Bytes", price=0.01, hourly=hourly))
    return build.workload(name, kind=kind, type=None, lines=lines, name=name)


@pytest.mark.parametrize(("kind", "name"), [("endpoint", "VpcEndpoint"), ("nat", "NatGateway")])
def test_a_way_without_bytes_is_idle_and_one_of_the_exam_is_dormant(
    build: SimpleNamespace, kind: str, name: str
) -> None:
    idle = of(unused_parts.propose(build.fleet(way(build, kind, name, 0.0))))
    assert idle is not None
    assert isinstance(idle.change, Remove)
    assert of(unused_parts.propose(build.fleet(way(build, kind, name, 1.0)))) is None
    window = exam_mask(build.hours, (date(2026, 5, 3),))
    dormant = of(unused_parts.propose(build.fleet(way(build, kind, name, np.where(window, 1.0, 0.0)))))
    assert dormant is not None
    assert isinstance(dormant.change, Nothing)
    assert dormant.reason is not None
    assert "last exam window" in dormant.reason


def export(build: SimpleNamespace, name: str = "crm-exports", writes: float = 50.0, reads: float = 0.0) -> Any:
    lines = [
        build.line("x", sku="s", meter="APS3-TimedStorage-ByteHrs", price=0.025, hourly=5.0),
        build.line("x", sku="w", meter="APS3-Requests-Tier1", price=5e-6, hourly=writes),
    ]
    if reads:
        lines.append(build.line("x", sku="r", meter="APS3-Requests-Tier2", price=4e-7, hourly=reads))
    return build.workload("x", kind="bucket", name=name, type=None, lines=lines)


def test_an_export_that_is_written_and_never_read_ends(build: SimpleNamespace) -> None:
    action = of(zombie_exports.propose(build.fleet(export(build))))
    assert action is not None
    assert isinstance(action.change, Remove)
    assert action.recipe is not None
    assert action.recipe.verb == "expire"


@pytest.mark.parametrize(
    "more", [{"reads": 0.001}, {"writes": 0.0}, {"name": "video-masters"}, {"name": "exam-exports"}], ids=str
)
def test_other_buckets_are_no_zombies(build: SimpleNamespace, more: dict[str, Any]) -> None:
    assert of(zombie_exports.propose(build.fleet(export(build, **more)))) is None


def test_no_export_ends_on_a_history_without_an_exam(build: SimpleNamespace) -> None:
    assert of(zombie_exports.propose(build.fleet(export(build), exams=(date(2027, 5, 2),)))) is None
