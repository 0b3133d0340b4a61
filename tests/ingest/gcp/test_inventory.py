"""What a project has, and what it committed to, from a Cloud Asset Inventory over gRPC."""

from __future__ import annotations

import json

import grpc
import pyarrow.parquet as pq
import pytest
from google.cloud.asset_v1 import Asset
from google_server import asset, machine, rows_of

from core import LocationUnreachable
from ingest.gcp import commitments, inventory
from ingest.gcp._machines import size_of

ZONE = "projects/pragati-content/zones/asia-south1-a"
REGION = "projects/pragati-content/regions/asia-south1"
DATABASE = "//cloudsql.googleapis.com/projects/pragati-content/instances/quiz-db"
HOSTILE = {"note": "'; DROP TABLE x; --", "team": "=1+1", "अ": "<script>", "empty": ""}


@pytest.fixture
def project(server):
    """One of everything that the recommender reads."""
    server.answers["ListAssets"] = lambda request: [] if request.parent != "projects/pragati-content" else [
        machine(1, labels=HOSTILE, scheduling={"provisioningModel": "SPOT"}, metadata={"items": [
            {"key": "created-by", "value": "projects/415/zones/asia-south1-a/instanceGroupManagers/encoders"}]}),
        machine(2, status="TERMINATED", machineType="zones/asia-south1-a/machineTypes/g2-standard-8",
                guestAccelerators=[{"acceleratorType": "zones/asia-south1-a/acceleratorTypes/nvidia-l4"}]),
        asset(f"//compute.googleapis.com/{ZONE}/disks/old", "compute.googleapis.com/Disk", "asia-south1-a",
              {"id": "77", "name": "old", "sizeGb": "400", "status": "READY",
               "type": f"https://www.googleapis.com/compute/v1/{ZONE}/diskTypes/pd-balanced"}),
        asset(f"//compute.googleapis.com/{ZONE}/disks/used", "compute.googleapis.com/Disk", "asia-south1-a",
              {"name": "used", "sizeGb": "10", "users": ["…/instances/vm-1"]}),
        asset(f"//compute.googleapis.com/{REGION}/addresses/ip", "compute.googleapis.com/Address", "asia-south1",
              {"id": "78", "status": "RESERVED"}),
        asset(DATABASE, "sqladmin.googleapis.com/Instance", "asia-south1", {
                  "name": "quiz-db", "state": "RUNNABLE", "databaseVersion": "POSTGRES_16", "settings": {
                  "tier": "db-custom-4-16384", "dataDiskSizeGb": "320", "userLabels": {"team": "assessment"}}}),
        asset("//storage.googleapis.com/pragati-masters", "storage.googleapis.com/Bucket", "ASIA-SOUTH1",
              {"timeCreated": "2022-06-01T00:00:00.123Z", "storageClass": "STANDARD"}),
        asset("//bigquery.googleapis.com/projects/pragati-content/datasets/events", "bigquery.googleapis.com/Dataset",
              "asia-south1", {"creationTime": "1654041600000"}),
        asset(f"//container.googleapis.com/{ZONE}/clusters/gke", "container.googleapis.com/Cluster", "asia-south1-a",
              {"status": "RUNNING", "currentNodeCount": 3, "resourceLabels": {"env": "prod"}}),
    ]  # fmt: skip
    return server


def test_ids_are_those_of_the_bill(project, open_gcp):
    assert {row["resource_id"] for row in rows_of(open_gcp("inventory"))} == {
        f"//compute.googleapis.com/{ZONE}/instances/1000001", f"//compute.googleapis.com/{ZONE}/instances/1000002",
        f"//compute.googleapis.com/{ZONE}/disks/77", f"//compute.googleapis.com/{ZONE}/disks/used",
        f"//compute.googleapis.com/{REGION}/addresses/78",
        DATABASE,
        "//storage.googleapis.com/projects/_/buckets/pragati-masters",
        "//bigquery.googleapis.com/projects/pragati-content/datasets/events",
        "//container.googleapis.com/projects/pragati-content/locations/asia-south1-a/clusters/gke",
    }  # fmt: skip


def test_what_is_known_of_a_resource_stands_in_its_row(project, open_gcp):
    rows = {row["resource_id"].rpartition("/")[2]: row for row in rows_of(open_gcp("inventory"))}
    told = {name: json.loads(row["attributes"]) for name, row in rows.items()}
    assert told["1000001"] == {
        "name": "vm-1", "project": "pragati-content", "zone": "asia-south1-a", "machine_type": "n2-standard-8",
        "vcpus": 8.0, "memory_gib": 32.0, "spot": True, "group": "encoders",
    }  # fmt: skip
    assert (told["1000002"]["gpu"], rows["1000002"]["state"]) == ("nvidia-l4", "TERMINATED")
    assert (told["77"]["users"], told["77"]["size_gib"], told["77"]["kind"]) == ([], 400.0, "pd-balanced")
    assert told["used"]["users"] == ["…/instances/vm-1"]
    assert (told["78"]["users"], rows["78"]["state"]) == ([], "RESERVED")
    assert (told["quiz-db"]["vcpus"], told["quiz-db"]["memory_gib"], told["quiz-db"]["size_gib"]) == (4.0, 16.0, 320.0)
    assert {name: row["created_at"] for name, row in rows.items() if row["created_at"]} == {
        "1000001": "2024-06-11 00:00:00+00:00", "1000002": "2024-06-11 00:00:00+00:00",
        "pragati-masters": "2022-06-01 00:00:00+00:00", "events": "2022-06-01 00:00:00+00:00",
    }  # fmt: skip
    assert {row["region"] for row in rows.values()} == {"asia-south1"}


def test_hostile_labels_are_kept_as_they_are(project, open_gcp):
    rows = {row["resource_id"].rpartition("/")[2]: json.loads(row["tags"]) for row in rows_of(open_gcp("inventory"))}
    assert rows["1000001"] == HOSTILE
    assert (rows["quiz-db"], rows["gke"], rows["77"]) == ({"team": "assessment"}, {"env": "prod"}, {})


def test_pages_are_joined_and_the_same_rows_are_the_same_bytes(project, open_gcp, tmp_path):
    taken = []
    for size in (2, 5, 100):
        project.page_size = size
        location = open_gcp("inventory")
        (delivery,) = location.deliveries()
        (file,) = location.fetch(delivery, tmp_path / f"staging-{size}")
        taken.append(file.sha256)
    assert len(set(taken)) == 1
    assert location.meter.usage == location.estimate([delivery])


def test_a_project_that_is_denied_leaves_the_other(project, open_gcp, tmp_path):
    project.fail("ListAssets", grpc.StatusCode.PERMISSION_DENIED, where="projects/pragati-secret")
    location = open_gcp("inventory", projects=["pragati-secret", "pragati-content"])
    denied, content = location.deliveries()
    with pytest.raises(LocationUnreachable, match=r"grant cloudasset\.assets\.listResource") as caught:
        location.fetch(denied, tmp_path / "1")
    assert "pragati-secret" in str(caught.value)
    (file,) = location.fetch(content, tmp_path / "2")
    assert pq.read_table(file.path).num_rows == 9


@pytest.mark.parametrize(("topic", "module"), [("inventory", inventory), ("commitments", commitments)])
def test_exactly_the_declared_permissions_are_used(project, open_gcp, topic, module):
    location = open_gcp(topic)
    rows_of(location)
    assert project.methods() == {"ListAssets"}
    assert set(location.meter.calls) == set(module.PERMISSIONS)
    assert {probe.permission for probe in location.probes()} == set(module.PERMISSIONS)
    assert project.asked[0].request.content_type.name == "RESOURCE"


@pytest.mark.parametrize(
    ("type_", "size"),
    [
        ("e2-standard-4", (4, 16)), ("n1-highmem-8", (8, 52)), ("c3-highcpu-22", (22, 44)), ("g2-standard-8", (8, 32)),
        ("custom-4-5120", (4, 5)), ("n2-custom-6-32768-ext", (6, 32)), ("e2-medium", (2, 4)), ("db-f1-micro", (1, 0.6)),
        ("db-custom-2-7680", (2, 7.5)), ("db-n1-standard-4", (4, 15)), ("db-perf-optimized-N-8", (8, 64)),
        ("a2-highgpu-1g", None), ("", None),
    ],
)  # fmt: skip
def test_a_machine_type_s_name_tells_its_size(type_, size):
    assert size_of(type_) == size


def test_an_asset_of_which_nothing_is_told_has_its_name(server, open_gcp):
    name = f"//compute.googleapis.com/{REGION}/routers/nat"
    server.answers["ListAssets"] = lambda _: [Asset(name=name, asset_type="compute.googleapis.com/Router")]
    (row,) = rows_of(open_gcp("inventory"))
    assert (row["resource_id"], row["state"], json.loads(row["attributes"])["name"]) == (name, None, "nat")


def test_a_commitment_has_a_row_for_each_resource_with_the_day_it_ends(server, open_gcp):
    name = f"//compute.googleapis.com/{REGION}/commitments/cud-n2-mumbai"
    server.answers["ListAssets"] = lambda request: [asset(name, request.asset_types[0], "asia-south1", {
        "name": "cud-n2-mumbai", "status": "ACTIVE", "plan": "TWELVE_MONTH", "type": "GENERAL_PURPOSE_N2",
        "startTimestamp": "2025-09-01T00:00:00.000-07:00", "endTimestamp": "2026-09-01T00:00:00.000-07:00",
        "resources": [{"type": "VCPU", "amount": "20"}, {"type": "MEMORY", "amount": "81920"}],
    }), asset(f"{name}-new", request.asset_types[0], "asia-south1", {"status": "CREATING"})]  # fmt: skip
    memory, vcpu = rows_of(open_gcp("commitments"))
    assert (memory["commitment_id"], memory["quantity"], memory["unit"]) == (f"{name}#memory", "80", "GiB")
    assert (vcpu["quantity"], vcpu["unit"], vcpu["scope"]) == ("20", "vCPU", "GENERAL_PURPOSE_N2")
    assert {(row["kind"], row["term_months"], row["state"], row["end_at"]) for row in (memory, vcpu)} == {
        ("committed_use_resource", "12", "ACTIVE", "2026-09-01T00:00:00.000-07:00")
    }
