"""Machines: sizes by the calendar, by every dimension that is measured, and reasons where one is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Nothing, Swap
from recommender.checks import oversized
from recommender.fleet import exam_mask

pytestmark = pytest.mark.pure


def sized(build: SimpleNamespace, type_: str, price: float, **metrics: Any) -> Any:
    """A machine of a type with metrics."""
    line = build.line(sku=f"{type_}/linux", price=price)
    return build.fleet(build.workload(type=type_, lines=[line], metrics=metrics))


def new_type(action: Any) -> str:
    """What runs outside seasons."""
    assert isinstance(action.change, Swap), action.reason
    (found,) = action.change.to.values()
    return str(found.sku.split("/")[0])


def test_without_a_measure_of_memory_there_is_never_less_of_it(build: SimpleNamespace) -> None:
    (action,) = oversized.propose(sized(build, "c6i.4xlarge", 0.68, cpu=build.metric(6.0)))
    assert new_type(action) == "m6i.2xlarge", (
        "32 GiB as before, and one step only though a quarter of the vCPUs would do"
    )
    assert action.confidence == "low"
    (largest,) = oversized.propose(sized(build, "r6i.4xlarge", 1.04, cpu=build.metric(6.0)))
    assert "install the agent" in str(largest.reason)
    worth = largest.evidence.figures["What a measure may be worth"]
    assert worth == "c6i.2xlarge would carry its CPU at 33% of the price, at most", "one step, as c and not r"
    busy = sized(build, "c6i.4xlarge", 0.68, cpu=build.metric(np.where(np.arange(8760) % 24 < 2, 70.0, 9.0)))
    assert list(oversized.propose(busy)) == [], "nothing to be had, whatever its memory"


def test_memory_that_is_full_today_is_not_told_as_if_it_had_room(build: SimpleNamespace) -> None:
    full = sized(build, "c6i.4xlarge", 0.68, cpu=build.metric(6.0), memory=build.metric(93.0))
    (action,) = oversized.propose(full)
    assert new_type(action) == "r6i.xlarge", "32 GiB as before"
    assert action.evidence.figures["Room"].endswith(
        "a fifth of the new size stays free, but for memory, of which it has no less than now"
    )
    (empty,) = oversized.propose(sized(build, "c6i.4xlarge", 0.68, cpu=build.metric(6.0), memory=build.metric(20.0)))
    assert empty.evidence.figures["Room"].endswith("stays free")


def test_two_sizes_where_only_the_season_needs_the_large_one(build: SimpleNamespace) -> None:
    window = exam_mask(build.hours, (date(2026, 5, 3),))
    cpu, memory = build.metric(np.where(window, 60.0, 12.0)), build.metric(np.where(window, 60.0, 15.0))
    (action,) = oversized.propose(sized(build, "m6i.4xlarge", 0.808, cpu=cpu, memory=memory))
    assert isinstance(action.change, Swap)
    ((start, end, _),) = action.change.seasons
    assert date(2027, 2, 20) <= start <= date(2027, 3, 4), "two weeks before the window, and a week of slack"
    assert date(2027, 5, 5) <= end <= date(2027, 5, 15)
    line = build.line(sku="m6i.4xlarge/linux", price=0.808)
    hours = np.array(["2026-11-11T06", "2027-04-20T06"], dtype="datetime64[h]")
    kept = {part.sku: np.broadcast_to(share, 2).tolist() for part, share in action.change.apply(line, hours)}
    assert kept["m6i.4xlarge/linux"] == [0, 1]
    assert action.recipe is not None
    assert action.recipe.values["windows"] == [
        {"start": start.isoformat(), "end": end.isoformat(), "type": "m6i.4xlarge"}
    ]


def test_a_second_session_of_the_year_is_a_season_of_its_own_size(build: SimpleNamespace) -> None:
    """A session in January, 110 days before the exam, and the exam itself."""
    january, exam = (exam_mask(build.hours, (date(2026, 5, 3),), *days) for days in ((120, -100), (20, 3)))
    busy = np.where(exam, 70.0, np.where(january, 30.0, 7.0))
    fleet = sized(build, "m6i.8xlarge", 1.616, cpu=build.metric(busy), memory=build.metric(busy))
    (action,) = oversized.propose(fleet)
    assert isinstance(action.change, Swap)
    first, second = action.change.seasons
    assert first[0] < date(2027, 1, 2) < date(2027, 1, 22) <= first[1] < second[0] < date(2027, 4, 12)
    sizes = [
        new_type(action),
        *(next(iter(to.values())).sku.split("/")[0] if to else "own" for _, _, to in action.change.seasons),
    ]
    assert sizes == ["m6i.xlarge", "m6i.4xlarge", "own"]


def test_a_history_without_a_season_sizes_nothing(build: SimpleNamespace) -> None:
    fleet = replace(sized(build, "m6i.4xlarge", 0.808, cpu=build.metric(8.0), memory=build.metric(9.0)),
                    exams=(date(2027, 5, 2),))  # fmt: skip
    (action,) = oversized.propose(fleet)
    assert "no exam window" in str(action.reason)
    assert isinstance(action.change, Nothing)


def test_an_unknown_type_gets_a_reason_and_a_busy_machine_no_item(build: SimpleNamespace) -> None:
    (action,) = oversized.propose(sized(build, "x99.huge", 1.0, cpu=build.metric(8.0), memory=build.metric(9.0)))
    assert "not known" in str(action.reason)
    assert list(oversized.propose(sized(build, "x99.huge", 1.0, cpu=build.metric(80.0)))) == []


@pytest.mark.parametrize(
    ("dimension", "unit", "per_hour", "least"),
    # 2,000 GB an hour are 4.4 Gbit/s and 556 MB/s; with growth and room half as much again
    [("network", "GB", 2000.0, 6.6), ("disk", "MB", 2_000_000.0, 833.0), ("network", "furlongs", 2000.0, 0.0)],
)
def test_network_and_disk_decide_where_they_are_measured(
    build: SimpleNamespace, dimension: str, unit: str, per_hour: float, least: float
) -> None:
    from recommender.machines import machine

    light = {"cpu": build.metric(6.0), "memory": build.metric(6.0)}
    (plain,) = oversized.propose(sized(build, "m6i.16xlarge", 3.232, **light))
    (action,) = oversized.propose(
        sized(build, "m6i.16xlarge", 3.232, **light, **{dimension: build.metric(per_hour, unit=unit)})
    )
    one = machine(new_type(action))
    assert (one.network_gbps if dimension == "network" else one.disk_mbps) >= least
    if least:
        assert one.vcpus > machine(new_type(plain)).vcpus
        assert dimension not in action.evidence.figures["Not measured"]
    else:
        assert new_type(action) == new_type(plain)
        assert "network" in action.evidence.figures["Not measured"], "a unit that nobody knows is no measure"


def test_a_machine_that_follows_the_users_is_sized_for_more_of_them(build: SimpleNamespace) -> None:
    log_users = np.log(1000.0) + 0.5 * np.sin(np.arange(8760) / 8760 * 2 * np.pi)
    follows = 20 * np.exp(log_users - np.log(1000.0))
    grown = {"growth": (1.6,) * 5, "log_users": log_users}
    types = []
    for cpu in (follows, np.full(8760, float(np.quantile(follows, 0.999)))):
        fleet = replace(sized(build, "m6i.8xlarge", 1.616, cpu=build.metric(cpu), memory=build.metric(5.0)), **grown)
        (action,) = oversized.propose(fleet)
        figure = action.evidence.figures["Room"]
        types.append((figure.split("cpu x ")[1][:4], action.saturated_hours))
    (followed, risk), (steady, _) = types
    assert float(followed) > 1.8, "1.6 times the users, and its own tenth course"
    assert float(steady) == pytest.approx(1.2, abs=0.01), "what does not follow the users has the prior only"
    assert risk is not None
    assert 0 <= risk < 1


def test_one_measured_hour_of_an_exam_window_is_no_season(build: SimpleNamespace) -> None:
    cpu = np.full(8760, 8.0)
    cpu[np.flatnonzero(exam_mask(build.hours, (date(2026, 5, 3),)))[1:]] = np.nan
    (action,) = oversized.propose(sized(build, "m6i.4xlarge", 0.808, cpu=build.metric(cpu), memory=build.metric(9.0)))
    assert "no exam window" in str(action.reason)


def test_a_bill_of_another_price_keeps_the_ratio_of_list_prices(build: SimpleNamespace) -> None:
    """In rupees, or at a price of one's own: half the size costs half of what the bill says."""
    light = {"cpu": build.metric(6.0), "memory": build.metric(16.0)}
    (action,) = oversized.propose(sized(build, "m6i.4xlarge", 70.0, **light))
    assert isinstance(action.change, Swap)
    (new,) = action.change.to.values()
    assert new.price < 70.0
    assert new.price == pytest.approx(70.0 * float(_list_price(new.sku)) / float(_list_price("m6i.4xlarge/linux")))


def _list_price(sku: str) -> Any:
    from recommender.prices import Catalogue, Offer

    return Catalogue.shipped().price(Offer("aws", "ap-south-1", sku)).usd
