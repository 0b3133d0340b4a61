"""Files in Cloud Storage, read from a server of its JSON API that fails, shortens, lies and rewrites in mid-read."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace

import pytest
from rest_server import Answer, cut, refuse
from storage_server import StorageServer

from core import ConfigError, ConnectionConfig, DeliveryChanged, ExportConfig, FileCorrupt, LocationUnreachable
from ingest.deliveries import Delivery
from ingest.locations import Reading, Retries, gs, open_location

LINES = b'{"cost": 1.25, "currency": "INR"}\n' * 200
NUMBERS = itertools.count(1)
QUICK = Retries(attempts=3, base_seconds=0.001, cap_seconds=0.002, sleep=lambda _: None)


def part(extra: int = 0) -> bytes:
    return gzip.compress(LINES + LINES[:34] * extra, mtime=0)


@pytest.fixture(scope="module")
def running():
    server = StorageServer()
    yield server
    server.close()


class Bucket:
    """A bucket of its own for each test."""

    def __init__(self, server: StorageServer) -> None:
        self.server = server
        self.name = f"bills-{next(NUMBERS)}"
        server.buckets[self.name] = {}
        server.faults.clear()
        server.requests.clear()
        server.before = lambda _: None
        server.page_items = 1000

    def put(self, key: str, data: bytes, **options) -> None:
        self.server.put(self.name, key, data, **options)

    def shards(self, extra: int = 0) -> None:
        for number in range(3):
            self.put(f"gcp/bill-{number:012d}.json.gz", part(number + extra))

    def open(self, prefix: str = "gcp", retries: Retries = QUICK):
        access = ConnectionConfig.model_validate({"name": "g", "kind": "gcp", "endpoints": {"*": self.server.url}})
        config = ExportConfig(name="gcp", location=f"gs://{self.name}/{prefix}", connection="g")
        return open_location(config, Reading(retries=retries, connections={"g": access}))


@pytest.fixture
def bucket(running) -> Bucket:
    return Bucket(running)


def only(location) -> Delivery:
    (found,) = location.deliveries()
    assert isinstance(found, Delivery), found
    return found


def take(location, tmp_path):
    return location.fetch(only(location), tmp_path / "files")


def test_shards_arrive_verified_byte_for_byte_under_our_names(bucket, tmp_path):
    bucket.shards()
    bucket.put("gcp-old/x.json", LINES)
    files = take(bucket.open(), tmp_path)
    assert [file.path.name for file in files] == ["0001.json.gz", "0002.json.gz", "0003.json.gz"]
    assert [file.rows for file in files] == [200, 201, 202]
    assert [file.path.read_bytes() for file in files] == [part(number) for number in range(3)]
    assert files[0].origin == f"gs://{bucket.name}/gcp/bill-000000000000.json.gz"


def test_object_that_is_stored_as_gzip_is_not_unpacked_on_the_way(bucket, tmp_path):
    bucket.put("gcp/bill.json", part(), encoding="gzip")
    (file,) = take(bucket.open(), tmp_path)
    assert (file.rows, file.path.read_bytes()) == (200, part())


def test_many_objects_are_listed_page_by_page_and_each_page_is_asked_again(bucket):
    bucket.server.page_items = 2
    for number in range(9):
        bucket.put(f"in/name-{number:05d}.csv", b"a,b\n1,2\n")
    bucket.server.fail("prefix=", refuse(503, "backendError"), after=1, times=2)
    assert len(only(bucket.open("in")).files) == 9
    assert len(bucket.server.requests) == 5 + 2


def test_unchanged_files_keep_their_fingerprint_and_rewritten_ones_do_not(bucket):
    bucket.shards()
    first = only(bucket.open()).fingerprint
    assert only(bucket.open()).fingerprint == first
    bucket.shards()
    assert only(bucket.open()).fingerprint != first


def test_manifest_and_its_files_are_one_delivery(bucket, tmp_path):
    folder = "cur/report/20260701-20260801"
    bucket.put(f"{folder}/report-1.csv.gz", gzip.compress(b"a,b\n1,2\n"))
    period = {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"}
    content = {"assemblyId": "asm-1", "bucket": bucket.name, "billingPeriod": period,
               "reportKeys": [f"{folder}/report-1.csv.gz"]}  # fmt: skip
    bucket.put(f"{folder}/report-Manifest.json", json.dumps(content).encode())
    assert only(bucket.open("cur")).partition == "2026-07"
    assert [file.rows for file in take(bucket.open("cur"), tmp_path)] == [1]


@pytest.mark.parametrize("after", range(3))
def test_object_rewritten_before_any_of_the_downloads_is_never_mixed_in(bucket, tmp_path, after):
    bucket.shards()
    location = bucket.open()
    delivery = only(location)
    left = itertools.count(-after)

    def rewrite(asked: str) -> None:
        if "alt=media" in asked and next(left) == 0:
            bucket.shards(extra=50)

    bucket.server.before = rewrite
    with pytest.raises(DeliveryChanged):
        location.fetch(delivery, tmp_path / "files")
    assert not (tmp_path / "files").exists()
    bucket.server.before = lambda _: None
    assert [file.rows for file in take(location, tmp_path)] == [250, 251, 252]


def test_object_deleted_in_mid_read_is_a_change(bucket, tmp_path):
    bucket.shards()
    location = bucket.open()
    delivery = only(location)
    del bucket.server.buckets[bucket.name]["gcp/bill-000000000001.json.gz"]
    with pytest.raises(DeliveryChanged, match="went away"):
        location.fetch(delivery, tmp_path / "files")


DAMAGES = {
    "shortened": cut(lambda body: body[:-20]),
    "shortened, and the length with it": cut(lambda body: body[:-20], keep_length=False),
    "cut to nothing": cut(lambda body: b"", keep_length=False),
    "prolonged": cut(lambda body: body + b"more", keep_length=False),
    "one bit flipped": cut(lambda body: body[:40] + bytes([body[40] ^ 1]) + body[41:]),
    "another file and its hash": lambda answer: Answer(part(9)[: len(answer.body)]),
    "503": refuse(503, "backendError"),
    "429": refuse(429, "rateLimitExceeded"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_body_damaged_on_the_way_is_fetched_again(bucket, tmp_path, damage):
    bucket.shards()
    bucket.server.fail("bill-000000000001.json.gz?alt=media", DAMAGES[damage], times=1)
    assert [file.rows for file in take(bucket.open(), tmp_path)] == [200, 201, 202]


def test_object_that_lies_there_damaged_is_refused(bucket, tmp_path):
    bucket.put("gcp/bill.json.gz", part()[:-20])
    with pytest.raises(FileCorrupt, match="ends too early"):
        take(bucket.open(), tmp_path)


@pytest.mark.parametrize(
    ("status", "reason", "says"),
    [(403, "forbidden", "grant storage.objects.get and storage.objects.list"),
     (401, "authError", "renew the credentials"),
     (404, "notFound", "no such bucket")],
)  # fmt: skip
def test_refusals_are_told_at_once_without_the_server_s_words(bucket, status, reason, says):
    bucket.server.fail("prefix=", refuse(status, reason))
    with pytest.raises(LocationUnreachable, match=says) as caught:
        bucket.open().deliveries()
    assert not caught.value.transient
    assert "secret" not in str(caught.value)
    assert len(bucket.server.requests) == 1


def test_server_that_stays_away_is_a_passing_failure_after_bounded_attempts(bucket):
    bucket.server.fail("prefix=", refuse(503, "backendError"))
    with pytest.raises(LocationUnreachable, match="3 attempts") as caught:
        bucket.open(retries=replace(QUICK, attempts=3)).deliveries()
    assert caught.value.transient
    assert len(bucket.server.requests) == 3


def test_exactly_the_declared_permissions_are_used_and_proven_and_the_estimate_is_what_was_asked(bucket, tmp_path):
    bucket.shards()
    location = bucket.open()
    delivery = only(location)
    listed = location.meter.usage.requests
    expected = location.estimate([delivery])
    location.fetch(delivery, tmp_path / "files")
    assert location.meter.usage.requests - listed == expected.requests
    assert set(location.meter.calls) == set(gs.PERMISSIONS)
    for probe in location.probes():
        before = location.meter.calls[probe.permission]
        probe.call()
        assert location.meter.calls[probe.permission] > before


@pytest.mark.parametrize("address", ["gs://", "gs:///x", "gs://user:word@bucket/x", "gs://bucket/x?y=1"])
def test_address_that_is_none_is_told_and_never_repeated(address):
    access = ConnectionConfig.model_validate({"name": "g", "kind": "gcp"})
    config = ExportConfig(name="gcp", location=address, connection="g")
    with pytest.raises(ConfigError, match="is not gs://bucket/prefix") as caught:
        open_location(config, Reading(connections={"g": access}))
    assert "word" not in str(caught.value)
