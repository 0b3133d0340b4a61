"""Google's own advice from a Recommender over gRPC, in the words of ours."""

from __future__ import annotations

import json
from datetime import timedelta

import grpc
import pytest
from google.cloud.recommender_v1 import Recommendation
from google_server import asset, machine, rows_of

from core import LocationUnreachable
from ingest.gcp import advice

VM = "//compute.googleapis.com/projects/pragati-content/zones/asia-south1-a/instances/vm-1"
#: Recommender -> the permission that listing needs (Recommender documentation, "Roles and permissions").
NEEDS = {
    "google.compute.instance.MachineTypeRecommender": "recommender.computeInstanceMachineTypeRecommendations.list",
    "google.compute.instance.IdleResourceRecommender": "recommender.computeInstanceIdleResourceRecommendations.list",
    "google.compute.disk.IdleResourceRecommender": "recommender.computeDiskIdleResourceRecommendations.list",
    "google.compute.address.IdleResourceRecommender": "recommender.computeAddressIdleResourceRecommendations.list",
    "google.compute.commitment.UsageCommitmentRecommender": "recommender.usageCommitmentRecommendations.list",
    "google.cloudsql.instance.IdleRecommender": "recommender.cloudsqlIdleInstanceRecommendations.list",
    "google.cloudsql.instance.OverprovisionedRecommender":
        "recommender.cloudsqlOverprovisionedInstanceRecommendations.list",
}  # fmt: skip


def money(units, nanos=0, currency="USD"):
    return {"currency_code": currency, "units": units, "nanos": nanos}


def recommendation(parent, *, target=VM, cost=None, local=None, days=30.0, type_=None, subtype="CHANGE_MACHINE_TYPE"):
    projection = {"duration": timedelta(days=days), "cost": cost or money(0, currency="")}
    if local:
        projection["cost_in_local_currency"] = local
    return Recommendation(
        name=f"{parent}/recommendations/r1", description="Save cost by <b>resizing</b>", recommender_subtype=subtype,
        primary_impact={"category": "COST", "cost_projection": projection}, priority="P2",
        target_resources=[target] if target else [],
        content={"operation_groups": [{"operations": [
            {"action": "test", "path": "/machineType", "resource": VM},
            {"action": "replace", "path": "/machineType", "resource": VM, "value": type_},
        ]}]} if type_ else {},
    )  # fmt: skip


@pytest.fixture
def advised(server):
    """advised[recommender] = what it says, as a function of the request; the project has one of each type."""
    known = {}
    region = "//compute.googleapis.com/projects/pragati-content/regions/asia-south1"
    server.answers["ListAssets"] = lambda _: [
        machine(1), machine(2),
        asset(VM.replace("instances/vm-1", "disks/old"), "compute.googleapis.com/Disk", "asia-south1-b", {"id": "77"}),
        asset(f"{region}/addresses/ip", "compute.googleapis.com/Address", "asia-south1", {"id": "78"}),
        asset(VM.split("/zones", maxsplit=1)[0].replace("compute", "cloudsql") + "/instances/quiz-db",
              "sqladmin.googleapis.com/Instance", "asia-south1", {"settings": {"tier": "db-custom-4-16384"}}),
    ]  # fmt: skip
    server.answers["ListRecommendations"] = lambda request: known.get(request.parent.rpartition("/")[2], lambda _: [])(
        request
    )
    return known


def test_a_smaller_machine_is_advised_with_the_id_of_the_bill_and_what_a_month_saves(server, advised, open_gcp):
    advised["google.compute.instance.MachineTypeRecommender"] = lambda asked: [
        recommendation(
            asked.parent, cost=money(-12, -340000000), type_="zones/asia-south1-a/machineTypes/n2-standard-4"
        )
    ]
    (row,) = rows_of(open_gcp("advice"))
    assert row["resource_id"] == VM.replace("vm-1", "1000001")
    assert (row["action"], row["current"], row["proposed"]) == ("rightsize", "n2-standard-8", "n2-standard-4")
    assert (row["monthly_saving"], row["currency"], row["finding"]) == ("12.340000000", "USD", "CHANGE_MACHINE_TYPE")
    assert (row["adviser"], row["account_id"], row["region"]) == ("recommender", "pragati-content", "asia-south1")
    assert json.loads(row["details"])["description"] == "Save cost by <b>resizing</b>"
    assert {one.request.filter for one in server.asked if one.method != "ListAssets"} == {"stateInfo.state = ACTIVE"}


@pytest.mark.parametrize(
    ("how", "saving", "currency"),
    [
        ({"cost": money(-10), "local": money(-870, -500000000, "INR")}, "870.500000000", "INR"),
        ({"cost": money(-365), "days": 365}, "30.000000000", "USD"),
        ({"cost": money(5)}, "-5.000000000", "USD"),
        ({"cost": money(-10), "days": 0}, None, None),
        ({}, None, None),
    ],
)
def test_a_saving_is_brought_to_thirty_days_in_the_currency_of_the_bill(advised, open_gcp, how, saving, currency):
    advised["google.compute.instance.IdleResourceRecommender"] = lambda asked: [recommendation(asked.parent, **how)]
    (row,) = rows_of(open_gcp("advice"))
    assert (row["monthly_saving"], row["currency"]) == (saving, currency)


@pytest.mark.parametrize("target", [VM.replace("pragati-content", "415000000001"), VM.replace("vm-1", "1000001"), ""])
def test_a_machine_is_found_by_the_number_of_its_project_its_own_or_what_is_to_be_changed(advised, open_gcp, target):
    advised["google.compute.instance.MachineTypeRecommender"] = lambda asked: [
        recommendation(asked.parent, target=target, type_="n2-standard-4")
    ]
    (row,) = rows_of(open_gcp("advice"))
    assert (row["resource_id"], row["current"]) == (VM.replace("vm-1", "1000001"), "n2-standard-8")


def test_what_google_names_and_nobody_knows_keeps_its_name_and_a_purchase_has_none(advised, open_gcp):
    gone = VM.replace("vm-1", "vm-gone")
    advised["google.compute.instance.IdleResourceRecommender"] = lambda asked: [
        recommendation(asked.parent, target=gone, subtype="STOP_VM")
    ]
    advised["google.compute.commitment.UsageCommitmentRecommender"] = lambda asked: [
        recommendation(asked.parent, target="", cost=money(-100))
    ]
    rows = {row["action"]: row["resource_id"] for row in rows_of(open_gcp("advice"))}
    assert rows == {"stop": gone, "buy_committed_use": None}


def test_a_commitment_that_is_advised_tells_what_it_would_hold(advised, open_gcp):
    value = {"plan": "THIRTY_SIX_MONTH", "type": "GENERAL_PURPOSE_N2",
             "resources": [{"type": "VCPU", "amount": "20"}, {"type": "MEMORY", "amount": "81920"}]}  # fmt: skip

    def answer(asked):
        made = recommendation(asked.parent, target="", cost=money(-100), subtype="NEW_RESOURCE_BASED_COMMITMENT")
        made.content = {"operation_groups": [{"operations": [{"action": "add", "value": value}]}],
                        "overview": {"algorithm": "OPTIMAL"}}  # fmt: skip
        return [made]

    advised["google.compute.commitment.UsageCommitmentRecommender"] = answer
    (row,) = rows_of(open_gcp("advice"))
    details = json.loads(row["details"])
    assert [details[name] for name in ("family", "vcpus", "memory_gib", "term_years")] == ["n2", 20.0, 80.0, 3]
    assert details["overview"] == {"algorithm": "OPTIMAL"}
    assert (row["action"], row["resource_id"], row["region"]) == ("buy_committed_use", None, "asia-south1")


def test_every_recommender_is_asked_where_its_resources_are_and_only_with_the_declared_permissions(
    server, advised, open_gcp
):
    location = open_gcp("advice")
    rows_of(location)
    asked = [one.request.parent for one in server.asked if one.method == "ListRecommendations"]
    places = {parent.split("/")[5]: parent.split("/")[3] for parent in asked}
    assert {place for name, place in places.items() if "compute.instance" in name} == {"asia-south1-a"}
    assert places["google.compute.disk.IdleResourceRecommender"] == "asia-south1-b"
    assert places["google.cloudsql.instance.IdleRecommender"] == "asia-south1"
    used = {NEEDS[name] for name in places} | {"cloudasset.assets.listResource"}
    assert used == set(advice.PERMISSIONS) == set(location.meter.calls)
    assert {probe.permission for probe in location.probes()} == used
    (part,) = location.parts()
    assert location.meter.usage == part.estimate


def test_each_probe_asks_with_the_permission_that_it_proves(server, advised, open_gcp):
    for probe in open_gcp("advice").probes():
        server.asked.clear()
        probe.call()
        (one,) = server.asked
        name = one.request.parent.rpartition("/")[2]
        assert probe.permission == NEEDS.get(name, "cloudasset.assets.listResource")


def test_a_project_that_is_denied_leaves_the_other(server, advised, open_gcp, tmp_path):
    advised["google.compute.instance.IdleResourceRecommender"] = lambda asked: [recommendation(asked.parent)]
    server.fail("ListRecommendations", grpc.StatusCode.PERMISSION_DENIED, where="projects/pragati-secret")
    location = open_gcp("advice", projects=["pragati-secret", "pragati-content"])
    denied, content = location.deliveries()
    with pytest.raises(LocationUnreachable, match=r"grant recommender\.\w+\.list"):
        location.fetch(denied, tmp_path / "1")
    assert len(location.fetch(content, tmp_path / "2")) == 1
