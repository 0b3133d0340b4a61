"""Names of what is metered, as the catalogue has them."""

from __future__ import annotations

import pytest

from recommender.reading import sku_of

pytestmark = pytest.mark.pure


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
