"""Provisioned IOPS and throughput against what is used, at the prices of the own bill."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from recommender.action import Swap
from recommender.checks import provisioned_iops

pytestmark = pytest.mark.pure


def volume(build: SimpleNamespace, sold: dict[str, float], **metrics: Any) -> Any:
    """A volume with what is provisioned by the month: sku -> units."""
    lines = [build.line("vol-1", sku=sku, price=0.07, meter=sku, hourly=units / 730) for sku, units in sold.items()]
    return build.fleet(build.workload("vol-1", kind="disk", type=None, lines=lines, metrics=metrics))


def after(fleet: Any, action: Any) -> dict[str, float]:
    """Units of a month that are billed afterwards."""
    assert isinstance(action.change, Swap), action.reason
    return {
        line.sku: round(
            sum(
                float(line.hourly[-1]) * 730 * float(share) for _, share in action.change.apply(line, fleet.hours[-1:])
            ),
            3,
        )
        for line in fleet["vol-1"].lines
    }


def test_io2_gives_back_its_dearest_tier_first(build: SimpleNamespace) -> None:
    sold = {"io2": 500.0, "io2.iops": 32_000.0, "io2.iops.tier2": 8_000.0}
    fleet = volume(build, sold, disk_ops=build.metric(22_000.0, unit="ops/s"))
    (action,) = provisioned_iops.propose(fleet)
    # 22,000 x 1.2 / 0.8 = 33,000
    left = after(fleet, action)
    assert left["io2"] == pytest.approx(500)
    assert left["io2.iops"] == pytest.approx(32_000)
    assert left["io2.iops.tier2"] == pytest.approx(1_000, abs=101)
    assert action.recipe is not None
    assert action.recipe.values["iops"] == pytest.approx(33_000, abs=101)
    assert "throughput_mibps" not in action.recipe.values


def test_gp3_keeps_what_its_price_holds_and_throughput_that_nobody_measures(build: SimpleNamespace) -> None:
    sold = {"gp3": 1000.0, "gp3.iops": 9_000.0, "gp3.throughput": 375 / 1024}
    fleet = volume(build, sold, disk_ops=build.metric(1_000.0, unit="iops"))
    (action,) = provisioned_iops.propose(fleet)
    assert after(fleet, action) == {"gp3": 1000.0, "gp3.iops": 0.0, "gp3.throughput": round(375 / 1024, 3)}
    assert action.recipe is not None
    assert (action.recipe.values["iops"], action.recipe.values["throughput_mibps"]) == (3000, 500)
    measured = volume(build, sold, disk_ops=build.metric(7_900.0, unit="iops"), disk=build.metric(300.0, unit="GB"))
    (less,) = provisioned_iops.propose(measured)
    assert after(measured, less)["gp3.iops"] == 9_000.0, "7,900 with room are all 12,000"
    assert after(measured, less)["gp3.throughput"] == 0.0, "300 GB an hour are 79 MiB/s, 119 with room"
    assert less.title.endswith("less throughput")


@pytest.mark.parametrize(
    ("unit", "used", "word"),
    [("ops/s", 30_000.0, "is needed"), ("count", 10.0, "not a second"), (None, 0.0, "not measured (metric disk_ops)")],
)
def test_what_is_needed_or_not_measured_is_a_reason(
    build: SimpleNamespace, unit: str | None, used: float, word: str
) -> None:
    metrics = {} if unit is None else {"disk_ops": build.metric(used, unit=unit)}
    (action,) = provisioned_iops.propose(volume(build, {"io1": 500.0, "io1.iops": 40_000.0}, **metrics))
    assert word in str(action.reason)


def test_a_plain_volume_is_none_of_its_business(build: SimpleNamespace) -> None:
    for sold in ({"gp3": 100.0}, {"gp2": 100.0}, {"standard": 10.0, "standard.requests": 1e6}):
        assert list(provisioned_iops.propose(volume(build, sold))) == []
