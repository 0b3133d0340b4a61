"""What the bill tells besides usage: sustained use, what pods ask for of nodes; and the names of what is metered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.pods import read_pods
from recommender.reading import _sustained, sku_of
from warehouse import Engine

HOURS = np.arange(np.datetime64("2026-06-01", "h"), np.datetime64("2026-06-04", "h"))
BOUNDS = {"start": HOURS[0].astype(object), "end": (HOURS[-1] + 1).astype(object)}


def snapshot(name: str, columns: str, rows: list[tuple[Any, ...]]) -> Any:
    """A published generation that has one table."""
    engine = Engine()
    engine.execute(f"CREATE TABLE {name} ({columns})")
    engine.insert(name, rows)
    return SimpleNamespace(query=lambda sql, params=None: SimpleNamespace(rows=engine.rows(sql, params)))


def charge(region: str, meter: str, category: str, kind: str, cost: float, pricing: str | None = "Standard") -> Any:
    return ("Google Cloud", "B", region, meter, category, kind, pricing, cost, cost, *BOUNDS.values())


CHARGES = (
    "ProviderName VARCHAR, BillingAccountId VARCHAR, RegionId VARCHAR, SkuMeter VARCHAR, ChargeCategory VARCHAR,"
    " x_ChargeType VARCHAR, PricingCategory VARCHAR, ListCost DOUBLE, EffectiveCost DOUBLE,"
    " ChargePeriodStart TIMESTAMP, ChargePeriodEnd TIMESTAMP"
)


def test_sustained_use_is_a_share_of_what_no_commitment_covered() -> None:
    made = snapshot("charges", CHARGES, [
        charge("asia-south1", "N2 core", "Usage", "regular", 100.0),
        charge("asia-south1", "N2 core", "Usage", "regular", 40.0, "Committed"),
        charge("asia-south1", "N2 core", "Adjustment", "COMMITTED_USAGE_DISCOUNT", -60.0, None),
        charge("asia-south1", "N2 core", "Adjustment", "SUSTAINED_USAGE_DISCOUNT", -8.0, None),
        charge("asia-south2", "N2 core", "Usage", "regular", 100.0),
        charge("asia-south1", "E2 core", "Usage", "regular", 100.0),
    ])  # fmt: skip
    assert _sustained(made, BOUNDS) == {("B", "asia-south1", "N2 core"): pytest.approx(8 / 40)}


def test_no_series_has_more_than_thirty_per_cent_off() -> None:
    made = snapshot("charges", CHARGES, [
        charge("asia-south1", "N1 core", "Usage", "regular", 10.0),
        charge("asia-south1", "N1 core", "Adjustment", "SUSTAINED_USAGE_DISCOUNT", -9.0, None),
    ])  # fmt: skip
    assert _sustained(made, BOUNDS) == {("B", "asia-south1", "N1 core"): 0.3}


ALLOCATED = (
    "ResourceId VARCHAR, x_ParentResourceId VARCHAR, x_Namespace VARCHAR, x_SplitCost DOUBLE,"
    " x_SplitUnusedCost DOUBLE, ListCost DOUBLE, ChargeCategory VARCHAR, ChargePeriodStart TIMESTAMP"
)


def test_pods_of_eks_count_by_node_and_day_without_those_of_the_cluster() -> None:
    first, second = BOUNDS["start"], BOUNDS["start"].replace(day=2)
    made = snapshot("allocated", ALLOCATED, [
        ("pod/web", "i-1", "web", 3.0, 1.0, 0.0, "Usage", first),
        ("pod/dns", "i-1", "kube-system", 1.0, 0.0, 0.0, "Usage", first),
        ("pod/dns", "i-1", "kube-system", 1.0, 0.0, 0.0, "Usage", second),
        ("i-1", None, None, None, None, 5.0, "Usage", first),
    ])  # fmt: skip
    (pods,) = read_pods(made, HOURS).values()
    assert pods.average[:24].tolist() == [0.6] * 24
    assert pods.average[24:48].tolist() == [0.0] * 24, "only what runs on every node"
    assert np.isnan(pods.average[48:]).all(), "no allocation, no measure"


def test_pods_of_gke_are_namespaces_of_the_pool() -> None:
    at = BOUNDS["start"]
    made = snapshot("allocated", ALLOCATED, [
        ("pool", None, "content", None, None, 30.0, "Usage", at),
        ("pool", None, "kube:unallocated", None, None, 60.0, "Usage", at),
        ("pool", None, "kube:system-overhead", None, None, 10.0, "Usage", at),
        ("vm", None, None, None, None, 9.0, "Usage", at),
    ])  # fmt: skip
    found = read_pods(made, HOURS)
    assert list(found) == ["pool"]
    assert found["pool"].average[0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("meter", "sku"),
    [
        ("APS3-EBS:VolumeUsage.gp3", "gp3"),
        ("APS3-EBS:VolumeP-IOPS.gp3", "gp3.iops"),
        ("APS3-EBS:VolumeP-Throughput.gp3", "gp3.throughput"),
        ("APS3-EBS:VolumeUsage.piops", "io1"),
        ("APS3-EBS:VolumeP-IOPS.piops", "io1.iops"),
        ("APS3-EBS:VolumeP-IOPS.io2.tier2", "io2.iops.tier2"),
        ("EBS:VolumeUsage", "standard"),
        ("APS3-EBS:VolumeIOUsage", "standard.requests"),
        ("APS3-EBS:SnapshotUsage", "snapshot"),
        ("APS3-EBS:SnapshotArchiveStorage", "SnapshotArchiveStorage"),
        ("APS3-InstanceUsage:db.r6g.2xl", "db.r6g.2xlarge"),
        ("APS3-InstanceUsage:db.r6g.xl", "db.r6g.xlarge"),
        ("APS3-Multi-AZUsage:db.r6g.large", "db.r6g.large/multi-az"),
        ("APS3-InstanceUsage:db.r6g.xlarge", "db.r6g.xlarge"),
    ],
)
def test_parts_of_a_volume_and_short_names_of_databases_are_told_apart(meter: str, sku: str) -> None:
    assert sku_of({"provider": "AWS", "meter": meter, "operation": None, "sku_id": None, "service_name": "EC2"}) == sku


@pytest.mark.parametrize(
    ("meter", "sku"),
    [
        ("E2 Instance Core running in Mumbai", "e2.core"),
        ("N1 Predefined Instance Ram running in Mumbai", "n1.ram"),
        ("N2 Custom Instance Core running in Delhi", "n2.core"),
        ("N2D AMD Instance Ram running in Mumbai", "n2d.ram"),
        ("T2D AMD Instance Core running in Mumbai", "t2d.core"),
        ("C4A Arm Instance Core running in Mumbai", "c4a.core"),
        ("Compute optimized Core running in Mumbai", "c2.core"),
        ("Spot Preemptible N2 Instance Ram running in Mumbai", "n2.ram"),
        ("Spot Preemptible Compute optimized Ram running in Mumbai", "c2.ram"),
        ("N2 Custom Extended Instance Ram running in Mumbai", "N2 Custom Extended Instance Ram running in Mumbai"),
    ],
)
def test_a_series_has_one_name(meter: str, sku: str) -> None:
    assert sku_of({"provider": "Google Cloud", "meter": meter, "sku_id": "", "service_name": ""}) == sku
