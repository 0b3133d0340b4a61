"""Databases: one size for the year, priced by the own bill, memory and connections kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Nothing, Swap
from recommender.checks import oversized_database

pytestmark = pytest.mark.pure


def database(build: SimpleNamespace, type_: str, price: float, sku: str = "", **metrics: Any) -> Any:
    """An RDS instance of a type at a price of the own bill."""
    line = build.line("db", sku=sku or type_, price=price, meter=f"APS3-InstanceUsage:{type_}")
    storage = build.line("db", sku="APS3-RDS:GP3-Storage", meter="APS3-RDS:GP3-Storage", price=0.131)
    given = {name: metric if hasattr(metric, "known") else build.metric(metric) for name, metric in metrics.items()}
    return build.fleet(build.workload("db", kind="database", type=type_, lines=[line, storage], metrics=given))


def test_a_smaller_size_costs_in_proportion_to_what_the_own_bill_says(build: SimpleNamespace) -> None:
    fleet = database(build, "db.r6g.4xlarge", 2.2, "db.r6g.4xlarge/multi-az", cpu=9.0, memory=20.0, connections=50.0)
    (action,) = oversized_database.propose(fleet)
    assert isinstance(action.change, Swap)
    assert not action.change.seasons, "a restart for every season is not cheap"
    new = action.change.to["db.r6g.4xlarge/multi-az"]
    # 128 GiB x 20 % x 1.2 / 0.8 = 38 GiB: 64 are enough, 32 are not
    assert (new.sku, new.price) == ("db.r6g.2xlarge/multi-az", pytest.approx(1.1))
    assert action.confidence == "medium"
    assert "derived from your own bill" in action.price_source
    parts = action.change.apply(fleet["db"].lines[1], build.hours[:3])
    assert parts[0][0] is fleet["db"].lines[1], "the disk stays what it is"


def test_memory_and_connections_keep_a_database_large(build: SimpleNamespace) -> None:
    assert list(oversized_database.propose(database(build, "db.r6g.xlarge", 0.5, cpu=9.0, memory=80.0))) == []
    # 16 GiB take about 1,365 connections by default
    few = database(build, "db.m6g.2xlarge", 0.7, cpu=9.0, memory=20.0, connections=500.0)
    many = database(build, "db.m6g.2xlarge", 0.7, cpu=9.0, memory=20.0, connections=1500.0)
    (action,) = oversized_database.propose(few)
    assert isinstance(action.change, Swap)
    assert action.change.to["db.m6g.2xlarge"].sku == "db.m6g.xlarge"
    assert list(oversized_database.propose(many)) == []


def test_what_only_the_exam_window_needs_counts_for_the_whole_year(build: SimpleNamespace) -> None:
    fleet = database(build, "db.r6g.2xlarge", 1.0, cpu=np.where(build.hours > np.datetime64("2026-04-20"), 60.0, 9.0),
                     memory=10.0)  # fmt: skip
    (action, *_) = [*oversized_database.propose(fleet), None]
    assert action is None


@pytest.mark.parametrize(
    ("type_", "metrics", "word"),
    [
        ("db.r6g.xlarge", {"cpu": 9.0}, "no memory is measured"),
        ("db.t4g.large", {"cpu": 9.0, "memory": 9.0}, "credits"),
        ("db.x99.huge", {"cpu": 9.0, "memory": 9.0}, "not known"),
        ("db-custom-8-32768", {"cpu": 9.0}, "memory is not measured"),
    ],
)
def test_what_is_missing_is_a_reason(build: SimpleNamespace, type_: str, metrics: dict[str, float], word: str) -> None:
    (action,) = oversized_database.propose(database(build, type_, 1.0, **metrics))
    assert word in str(action.reason)
    assert isinstance(action.change, Nothing)


@pytest.mark.parametrize(
    ("memory", "vcpus", "gib"),
    # 25 % are 12 GiB with room; 30 % are 14.4, more than two vCPUs may have
    [(25.0, 2, 12.0), (30.0, 4, 14.5)],
)
def test_cloud_sql_is_cut_to_its_vcpus_and_gib(build: SimpleNamespace, memory: float, vcpus: int, gib: float) -> None:
    names = {"vCPU": 5.0, "RAM": 0.8}
    lines = [
        build.line("sql", sku=f"Cloud SQL for PostgreSQL: Zonal - {name} in Mumbai", price=price)
        for name, price in names.items()
    ]
    metrics = {"cpu": build.metric(12.0), "memory": build.metric(memory)}
    workload = build.workload(
        "sql", kind="database", provider="gcp", type="db-custom-8-32768", lines=lines, metrics=metrics
    )
    (action,) = oversized_database.propose(build.fleet(workload))
    assert isinstance(action.change, Swap)
    left = {sku.split(" - ")[1][:4].strip(): new.units for sku, new in action.change.to.items()}
    assert left == {"vCPU": vcpus / 8, "RAM": gib / 32}
    assert action.title.endswith(f"db-custom-{vcpus}-{gib * 1024:.0f}")
