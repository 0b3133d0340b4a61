"""Bytes that take a dear way: a figure where their share is measured, else what to measure."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.action import Action, Nothing, Split, Swap
from recommender.checks import cdn, cross_zone, nat_endpoints

pytestmark = pytest.mark.pure


def only(found: Any) -> Action:
    actions = list(found)
    assert len(actions) == 1, [action.title for action in actions]
    return actions[0]  # type: ignore[no-any-return]


def nat(build: SimpleNamespace, **metrics: Any) -> Any:
    """A NAT gateway with 30 GB an hour."""
    meter = "APS3-NatGateway-Bytes"
    line = build.line("nat", sku=meter, meter=meter, price=0.056, hourly=30.0, unit="GB")
    return build.workload("nat-0a1", kind="nat", type=None, lines=[line], metrics=metrics)


def test_the_measured_share_of_s3_and_dynamodb_leaves_the_meter(build: SimpleNamespace) -> None:
    metrics = {"s3_bytes": build.metric(12e9, unit="bytes"), "dynamodb_bytes": build.metric(3.0, unit="GB")}
    action = only(nat_endpoints.propose(build.fleet(nat(build, **metrics))))
    assert isinstance(action.change, Swap)
    (new,) = action.change.to.values()
    assert (new.sku, new.price, new.units) == ("APS3-NatGateway-Bytes", 0.056, pytest.approx(0.5))
    assert action.confidence == "high"
    assert action.recipe is not None
    assert action.recipe.values["services"] == ["s3", "dynamodb"]


def test_a_share_without_an_exam_window_says_so_and_one_of_a_week_is_none(build: SimpleNamespace) -> None:
    hours = np.arange(len(build.hours))
    late = build.metric(np.where(hours > len(hours) - 40 * 24, 15.0, np.nan), unit="GB")
    action = only(nat_endpoints.propose(build.fleet(nat(build, s3_bytes=late))))
    assert action.confidence == "medium"
    assert "no exam window" in action.evidence.figures["To S3 and DynamoDB"]
    week = build.metric(np.where(hours > len(hours) - 7 * 24, 15.0, np.nan), unit="GB")
    assert only(nat_endpoints.propose(build.fleet(nat(build, s3_bytes=week)))).reason is not None


def test_bytes_of_s3_on_the_bill_are_a_bound_and_no_share(build: SimpleNamespace) -> None:
    meter = "APS3-C3DataTransfer-Out-Bytes"
    free = build.line("b", sku=meter, meter=meter, price=0.0, hourly=10.0, unit="GB")
    bucket = build.workload("b", kind="bucket", type=None, lines=[free])
    action = only(nat_endpoints.propose(build.fleet(nat(build), bucket)))
    assert isinstance(action.change, Nothing)
    assert action.evidence.figures["At most"].startswith("7,300 GB a month")
    assert only(nat_endpoints.propose(build.fleet(nat(build)))).evidence.figures.get("At most") is None


def test_more_than_all_is_all_and_an_unknown_unit_is_nothing(build: SimpleNamespace) -> None:
    action = only(nat_endpoints.propose(build.fleet(nat(build, s3_bytes=build.metric(99.0, unit="GB")))))
    assert isinstance(action.change, Swap)
    assert next(iter(action.change.to.values())).units == 0
    odd = only(nat_endpoints.propose(build.fleet(nat(build, s3_bytes=build.metric(9.0, unit="furlongs")))))
    assert odd.reason is not None


def test_googles_own_services_need_no_nat(build: SimpleNamespace) -> None:
    meter = "Cloud NAT Gateway: Data processing charge in Mumbai"
    line = build.line("n", sku=meter, meter=meter, price=0.045, hourly=10.0, unit="gibibyte")
    gateway = build.workload(
        "n", kind="nat", provider="gcp", region="asia-south1", type=None, lines=[line],
        metrics={"google_bytes": build.metric(4 * 2**30, unit="bytes")},
    )  # fmt: skip
    action = only(nat_endpoints.propose(build.fleet(gateway)))
    assert isinstance(action.change, Swap)
    assert next(iter(action.change.to.values())).units == pytest.approx(0.6)


def test_nothing_is_rerouted_within_an_exam_window(build: SimpleNamespace) -> None:
    metrics = {"s3_bytes": build.metric(15.0, unit="GB")}
    april = build.fleet(nat(build, **metrics), now=datetime(2027, 4, 10, tzinfo=UTC))
    assert str(only(nat_endpoints.propose(april)).starts_on) == "2027-05-05"
    assert only(nat_endpoints.propose(build.fleet(nat(build, **metrics)))).starts_on is None


def zones(build: SimpleNamespace, **metrics: Any) -> Any:
    meter = "APS3-DataTransfer-Regional-Bytes"
    line = build.line("t", sku=meter, meter=meter, price=0.01, hourly=80.0, unit="GB")
    return build.workload("1/AWS Data Transfer/x", kind="transfer", type=None, lines=[line], metrics=metrics)


def test_bytes_between_zones_are_a_question_until_they_are_measured(build: SimpleNamespace) -> None:
    assert only(cross_zone.propose(build.fleet(zones(build)))).reason is not None
    action = only(cross_zone.propose(build.fleet(zones(build, avoidable_bytes=build.metric(20.0, unit="GB")))))
    assert isinstance(action.change, Swap)
    assert next(iter(action.change.to.values())).units == pytest.approx(0.75)


def origin(build: SimpleNamespace, **metrics: Any) -> Any:
    meter = "APS3-DataTransfer-Out-Bytes"
    line = build.line("o", sku=meter, meter=meter, price=0.1093, hourly=10.0, unit="GB")
    return build.workload("1/AWS Data Transfer/o", kind="transfer", type=None, lines=[line], metrics=metrics)


def distribution(build: SimpleNamespace, *edges: str) -> Any:
    lines = [
        build.line("d", sku=f"{edge}-DataTransfer-Out-Bytes", meter=f"{edge}-DataTransfer-Out-Bytes", price=0.085,
                   hourly=9.0, unit="GB")
        for edge in edges
    ]  # fmt: skip
    lines.append(
        build.line("d", sku="IN-Requests-Tier1", meter="IN-Requests-Tier1", price=9e-7, hourly=1e5, unit="Requests")
    )
    return build.workload("d", kind="transfer", type=None, service_name="Amazon CloudFront", lines=lines)


def test_only_cacheable_hits_go_to_the_edge_at_the_price_of_the_own_bill(build: SimpleNamespace) -> None:
    metrics = {
        "cacheable_share": build.metric(0.8, unit="ratio"), "hit_ratio": build.metric(75.0, unit="percent"),
        "requests": build.metric(50_000.0, unit="count"),
    }  # fmt: skip
    action = only(cdn.propose(build.fleet(origin(build, **metrics), distribution(build, "IN"))))
    assert isinstance(action.change, Split)
    stays, edge, asked = action.change.to["APS3-DataTransfer-Out-Bytes"]
    assert (stays.units, stays.price) == (pytest.approx(0.4), 0.1093)
    assert (edge.units, edge.price) == (pytest.approx(0.6), 0.085)
    assert asked.units == pytest.approx(4000), "5,000 requests a GB, of which four fifths can be cached"
    assert asked.price == 9e-7


@pytest.mark.parametrize("missing", ["cacheable_share", "hit_ratio", "requests", "a CDN on the bill"])
def test_what_is_not_measured_about_a_cdn_is_a_reason(build: SimpleNamespace, missing: str) -> None:
    metrics = {
        "cacheable_share": build.metric(0.8, unit="ratio"), "hit_ratio": build.metric(0.75, unit="ratio"),
        "requests": build.metric(50_000.0, unit="count"),
    }  # fmt: skip
    others = [] if missing.startswith("a CDN") else [distribution(build, "IN")]
    metrics.pop(missing, None)
    action = only(cdn.propose(build.fleet(origin(build, **metrics), *others)))
    assert isinstance(action.change, Nothing)
    assert action.reason


def test_dear_edges_are_named_and_india_is_never_left_out(build: SimpleNamespace) -> None:
    assert list(cdn.propose(build.fleet(distribution(build, "IN", "US", "AP")))) == []
    action = only(cdn.propose(build.fleet(distribution(build, "IN", "AU"))))
    assert "PriceClass_200" in action.title
    assert isinstance(action.change, Nothing)
    assert "no edge in India" in action.evidence.figures["Never"]
