"""Exports in S3, read from a real server over HTTP that fails, shortens, lies and rewrites in mid-read."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import resource
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import aws_server as s3
import pytest

from core import (
    DeliveryChanged,
    DeliveryIncomplete,
    DiskFull,
    ExportConfig,
    FileCorrupt,
    FixedClock,
    LocationUnreachable,
    ManifestInvalid,
)
from ingest.deliveries import Delivery, Refused
from ingest.locations import Reading, Retries, open_location

TEXT = b"lineItem/LineItemType,lineItem/UnblendedCost\n" + b"Usage,1.25\n" * 200
JULY = "cur/report/20260701-20260801"
KEYS = [f"{JULY}/report-{number}.csv.gz" for number in (1, 2, 3)]
NUMBERS = itertools.count(1)
QUICK = Retries(attempts=3, base_seconds=0.01, cap_seconds=0.02)


def chunk(extra: int = 0) -> bytes:
    return gzip.compress(TEXT + b"Tax,1\n" * extra, mtime=0)


@pytest.fixture(scope="module")
def running():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = s3.AwsServer()
    yield server
    server.close()


@pytest.fixture
def server(running, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-print-me")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    running.faults.clear()
    running.requests.clear()
    return running


class Bucket:
    """A bucket of its own for each test."""

    def __init__(self, server) -> None:
        self.server = server
        self.client = server.client()
        self.name = f"bills-{next(NUMBERS)}"
        self.client.create_bucket(Bucket=self.name)

    def put(self, key: str, data: bytes, **options) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data, **options)

    def manifest(self, keys: list[str], execution: str = "asm-1", folder: str = JULY) -> None:
        period = {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"}
        content = {"assemblyId": execution, "bucket": self.name, "billingPeriod": period, "reportKeys": keys}
        self.put(f"{folder}/report-Manifest.json", json.dumps(content).encode())

    def report(self, execution: str = "asm-1", extra: int = 0) -> None:
        for number, key in enumerate(KEYS):
            self.put(key, chunk(number + extra))
        self.manifest(KEYS, execution)

    def open(self, prefix: str = "cur", reading: Reading | None = None, **export):
        config = ExportConfig(
            name="aws",
            location=f"s3://{self.name}/{prefix}",
            endpoint=export.pop("endpoint", self.server.url),
            **export,
        )
        return open_location(config, reading or Reading(retries=QUICK))


@pytest.fixture
def bucket(server) -> Bucket:
    return Bucket(server)


def only(location) -> Delivery:
    (found,) = location.deliveries()
    assert isinstance(found, Delivery), found
    return found


def take(location, staging: Path):
    return location.fetch(only(location), staging / "files")


def is_empty(staging: Path) -> bool:
    return not (staging / "files").exists()


# Reading ---------------------------------------------------------------------------------------------------


def test_listed_files_arrive_verified_under_our_names(bucket, tmp_path):
    bucket.report()
    bucket.put(f"{JULY}/report-4.csv.gz", b"stale")
    said: list[str] = []
    location = bucket.open()
    files = location.fetch(only(location), tmp_path / "files", said.append)
    assert [file.path.name for file in files] == ["0001.csv.gz", "0002.csv.gz", "0003.csv.gz"]
    assert [file.rows for file in files] == [200, 201, 202]
    assert [file.origin for file in files] == [f"s3://{bucket.name}/{key}" for key in KEYS]
    assert [file.path.read_bytes() for file in files] == [chunk(n) for n in range(3)]
    assert said[-1] == "aws: 3 of 3 files read and verified"
    location.confirm(only(location))


@pytest.mark.parametrize("prefix", ["", "cur", "cur/", "cur/report", JULY])
def test_location_may_be_the_bucket_or_any_folder_of_it(bucket, tmp_path, prefix):
    bucket.report()
    assert len(take(bucket.open(prefix), tmp_path)) == 3


def test_prefix_is_a_folder_and_not_the_beginning_of_a_word(bucket):
    bucket.report()
    bucket.put("cur-old/x.csv", TEXT)
    assert [item.group for item in bucket.open().deliveries()] == ["report/2026-07"]
    assert bucket.open("cu").deliveries() == []


def test_data_export_lists_addresses_with_their_bucket(bucket, tmp_path):
    key = "out/focus/data/BILLING_PERIOD=2026-07/focus-00001.csv.gz"
    bucket.put(key, chunk())
    content = {"dataFiles": [f"s3://{bucket.name}/{key}"], "executionId": "e-1"}
    bucket.put("out/focus/metadata/BILLING_PERIOD=2026-07/focus-Manifest.json", json.dumps(content).encode())
    location = bucket.open("out/focus")
    assert (only(location).partition, only(location).execution) == ("2026-07", "e-1")
    assert [file.rows for file in take(location, tmp_path)] == [200]


def test_single_object_is_a_location_too(bucket, tmp_path):
    bucket.put("feeds/rates.csv", TEXT)
    bucket.put("feeds/rates.csv.old", TEXT)
    (file,) = take(bucket.open("feeds/rates.csv"), tmp_path)
    assert (file.name, file.origin) == ("rates.csv", f"s3://{bucket.name}/feeds/rates.csv")


def test_loose_shards_of_every_format_are_taken(bucket, tmp_path):
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("x.csv", TEXT)
    bucket.put("in/a-1.csv", TEXT)
    bucket.put("in/a-2.csv.zip", archive.getvalue())
    bucket.put("in/b.json.gz", gzip.compress(b'{"a": 1}\n'))
    bucket.put("in/folder/", b"")
    location = bucket.open("in")
    one, other = location.deliveries()
    assert isinstance(one, Delivery)
    assert isinstance(other, Delivery)
    assert [file.path.name for file in location.fetch(one, tmp_path / "a")] == ["0001.csv", "0002.csv"]
    assert [file.path.name for file in location.fetch(other, tmp_path / "b")] == ["0001.json.gz"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["0001.csv", "0002.csv"]


def test_nothing_delivered_yet_is_normal(bucket):
    assert bucket.open().deliveries() == []


def test_many_objects_are_listed_page_by_page_and_each_page_is_asked_again(bucket, server):
    for number in range(9):
        bucket.put(f"in/name-{number:05d}.csv", b"a,b\n1,2\n")
    server.fail("list-type=2", s3.short_pages(2))
    for failing in (1, 5, 6):
        server.fail("list-type=2", s3.answer("503 Slow Down", "SlowDown"), after=failing, times=1)
    assert len(only(bucket.open("in")).files) == 9
    assert len(server.requests) == 5 + 3


def test_unchanged_delivery_has_the_same_fingerprint_and_costs_two_requests(bucket, server):
    bucket.report()
    first = only(bucket.open()).fingerprint
    server.requests.clear()
    assert only(bucket.open()).fingerprint == first
    assert len(server.requests) == 2


def test_what_reading_takes_is_told_before_and_measured(bucket, server, tmp_path):
    bucket.report()
    bucket.put("cur/loose/a-1.csv", TEXT)
    bucket.put("cur/loose/a-2.csv", TEXT)
    location = bucket.open()
    found = location.deliveries()
    assert location.meter.units == {"aws:s3:list": 1, "aws:s3:get": 1}
    expected = location.meter.usage + location.estimate(found)
    for number, item in enumerate(found):
        location.fetch(item, tmp_path / str(number))
    assert location.meter.usage == expected
    assert expected.requests == len(server.requests)
    assert expected.units == {"aws:s3:list": 2, "aws:s3:get": 1 + (3 + 2) + 2}


def test_hostile_keys_are_refused_and_never_asked_for(bucket, server):
    for number, key in enumerate(["../../x", f"s3://other/{KEYS[0]}", "elsewhere/x.csv", "/etc/passwd"]):
        bucket.put("elsewhere/x.csv", TEXT)
        bucket.manifest([key], folder=f"cur/r{number}/20260701-20260801")
    found = bucket.open().deliveries()
    assert len(found) == 4
    assert all(isinstance(item, Refused) and isinstance(item.error, ManifestInvalid) for item in found)
    assert not [path for _, path in server.requests if "passwd" in path or "elsewhere/x" in path or "/x?" in path]


def test_listed_object_that_is_absent_makes_the_delivery_incomplete(bucket):
    bucket.report()
    bucket.client.delete_object(Bucket=bucket.name, Key=KEYS[2])
    (bad,) = bucket.open().deliveries()
    assert isinstance(bad, Refused)
    assert isinstance(bad.error, DeliveryIncomplete)


# A delivery that is rewritten in mid-read ------------------------------------------------------------------


@pytest.mark.parametrize("after", range(3))
def test_object_rewritten_before_any_of_the_downloads_is_never_mixed_in(bucket, server, tmp_path, after):
    bucket.report()
    location = bucket.open()
    delivery = only(location)
    server.fail(".csv.gz", s3.meanwhile(lambda: bucket.report("asm-2", extra=50)), after=after, times=1)
    with pytest.raises(DeliveryChanged):
        location.fetch(delivery, tmp_path / "files")
    assert is_empty(tmp_path)
    files = take(location, tmp_path)  # started over from the manifest, it is the new delivery
    assert [file.rows for file in files] == [250, 251, 252]


def test_manifest_rewritten_at_the_very_end_throws_everything_away(bucket, server, tmp_path):
    bucket.report()
    location = bucket.open()
    delivery = only(location)
    server.fail("Manifest.json", s3.meanwhile(lambda: bucket.manifest(KEYS[:2], "asm-2")), after=1, times=1)
    with pytest.raises(DeliveryChanged, match="rewritten"):
        location.fetch(delivery, tmp_path / "files")
    assert is_empty(tmp_path)


def test_manifest_rewritten_between_listing_and_reading_stops_before_any_download(bucket, server, tmp_path):
    bucket.report()
    location = bucket.open()
    delivery = only(location)
    bucket.manifest(KEYS[:1], "asm-2")
    server.requests.clear()
    with pytest.raises(DeliveryChanged):
        location.fetch(delivery, tmp_path / "files")
    assert not [path for _, path in server.requests if ".csv.gz" in path]


def test_object_deleted_in_mid_read_is_a_change(bucket, server, tmp_path):
    bucket.report()
    location = bucket.open()
    delivery = only(location)
    bucket.client.delete_object(Bucket=bucket.name, Key=KEYS[1])
    with pytest.raises(DeliveryChanged, match="went away"):
        location.fetch(delivery, tmp_path / "files")


def test_loose_shard_that_arrives_in_mid_read_starts_it_over(bucket, server, tmp_path):
    bucket.put("in/a-1.csv", TEXT)
    location = bucket.open("in")
    delivery = only(location)
    server.fail("a-1.csv", s3.meanwhile(lambda: bucket.put("in/a-2.csv", TEXT)), times=1)
    with pytest.raises(DeliveryChanged):
        location.fetch(delivery, tmp_path / "files")
    assert len(take(location, tmp_path)) == 2


def test_object_of_another_delivery_that_arrives_meanwhile_disturbs_nothing(bucket, server, tmp_path):
    bucket.put("in/a-1.csv", TEXT)
    server.fail("a-1.csv", s3.meanwhile(lambda: bucket.put("in/b-2.csv", TEXT)), times=1)
    assert len(take(bucket.open("in"), tmp_path)) == 1


class Later(FixedClock):
    """A clock so many hours after now."""

    def __init__(self, hours: float) -> None:
        super().__init__(datetime.now(UTC) + timedelta(hours=hours))


def test_data_newer_than_its_manifest_is_a_delivery_being_rewritten(bucket, tmp_path):
    import time

    bucket.report()
    time.sleep(1.1)  # the server tells whole seconds
    bucket.put(KEYS[0], chunk(9))
    (bad,) = bucket.open().deliveries()
    assert isinstance(bad, Refused)
    assert isinstance(bad.error, DeliveryChanged)
    assert "being rewritten" in str(bad.error)
    # Hours later, still without a new manifest, it is a copy whose times mean nothing.
    location = bucket.open(reading=Reading(retries=QUICK, clock=Later(hours=4)))
    assert len(take(location, tmp_path)) == 3


# Failing servers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [("503 Slow Down", "SlowDown"), ("500 Internal Server Error", "InternalError"), ("400 Bad", "RequestTimeout")],
)
def test_server_that_fails_for_a_while_is_asked_again(bucket, server, tmp_path, status, code):
    bucket.report()
    fault = server.fail("report-2.csv.gz", s3.answer(status, code), times=2)
    assert [file.rows for file in take(bucket.open(), tmp_path)] == [200, 201, 202]
    assert fault.seen == 3


def test_failing_list_and_manifest_are_asked_again(bucket, server):
    bucket.report()
    server.fail("list-type=2", s3.answer("503 Slow Down", "SlowDown"), times=1)
    server.fail("Manifest.json", s3.answer("500 Internal Server Error", "InternalError"), times=1)
    assert only(bucket.open()).partition == "2026-07"


def test_server_that_never_recovers_ends_in_a_transient_failure_with_its_cause(bucket, server, tmp_path):
    bucket.report()
    waits: list[float] = []
    retries = Retries(attempts=2, base_seconds=1, cap_seconds=5, sleep=waits.append)
    location = bucket.open(reading=Reading(retries=retries))
    delivery = only(location)
    server.fail("report-2.csv.gz", s3.answer("503 Slow Down", "SlowDown"))
    with pytest.raises(LocationUnreachable, match=r"SlowDown \(503\), 2 attempts") as caught:
        location.fetch(delivery, tmp_path / "files")
    assert caught.value.transient
    assert caught.value.where.endswith(KEYS[1])
    assert len(waits) == 1
    assert 0 <= waits[0] <= 2
    assert is_empty(tmp_path)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("403 Forbidden", "AccessDenied", "allow s3:ListBucket"),
        ("403 Forbidden", "InvalidAccessKeyId", "renew the credentials"),
        ("403 Forbidden", "SignatureDoesNotMatch", "renew the credentials"),
        ("400 Bad Request", "ExpiredToken", "renew the credentials"),
        ("403 Forbidden", "InvalidObjectState", "archived"),
        ("403 Forbidden", "&lt;b&gt;odd", "an error"),
    ],
)
def test_refusal_by_the_server_is_not_repeated_and_tells_what_to_do(bucket, server, tmp_path, status, code, words):
    bucket.report()
    location = bucket.open()
    delivery = only(location)
    fault = server.fail("report-2.csv.gz", s3.answer(status, code))
    with pytest.raises(LocationUnreachable) as caught:
        location.fetch(delivery, tmp_path / "files")
    assert words in str(caught.value)
    assert not caught.value.transient
    assert fault.seen == 1
    for secret in ("do-not-print-me", "AKIAEXAMPLE", "secret-in-message"):
        assert secret not in str(caught.value)


def test_bucket_that_does_not_exist_is_told(bucket):
    bucket.name = "no-such-bucket"
    with pytest.raises(LocationUnreachable, match=r"NoSuchBucket.*correct the location") as caught:
        bucket.open().deliveries()
    assert not caught.value.transient


def test_missing_credentials_are_told_at_once(bucket, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(LocationUnreachable, match="name a profile in the connection") as caught:
        bucket.open().deliveries()
    assert not caught.value.transient


def test_profile_that_does_not_exist_is_told_at_once(bucket):
    with pytest.raises(LocationUnreachable, match=r"ProfileNotFound.*aws configure"):
        bucket.open(profile="nobody").deliveries()


def test_endpoint_that_is_no_address_is_told(bucket):
    with pytest.raises(LocationUnreachable, match="endpoint is no address"):
        bucket.open(endpoint="not an address").deliveries()


def test_server_that_is_not_there_is_a_transient_failure(bucket):
    retries = Retries(attempts=1)
    with pytest.raises(LocationUnreachable, match="EndpointConnectionError") as caught:
        bucket.open(endpoint="http://127.0.0.1:9", reading=Reading(retries=retries)).deliveries()
    assert caught.value.transient


def test_entities_in_an_error_body_are_not_expanded(bucket, server):
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 30}">' for n in range(1, 30))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "boom">{levels}]><Error><Code>&e29;</Code></Error>'.encode()
    server.fail("list-type=2", s3.answer("400 Bad Request", "", bomb))
    with pytest.raises(LocationUnreachable):
        bucket.open(reading=Reading(retries=Retries(attempts=1))).deliveries()


# Damaged bodies --------------------------------------------------------------------------------------------

DAMAGES = {
    "shortened": s3.spoil(lambda body: body[:-20]),
    "shortened, and the length with it": s3.spoil(lambda body: body[:-20], keep_length=False),
    "cut to nothing": s3.spoil(lambda body: b"", keep_length=False),
    "prolonged": s3.spoil(lambda body: body + b"more", keep_length=False),
    "one bit flipped": s3.spoil(lambda body: body[:40] + bytes([body[40] ^ 1]) + body[41:]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_body_damaged_on_the_way_is_fetched_again(bucket, server, tmp_path, damage):
    bucket.report()
    server.fail("report-2.csv.gz", DAMAGES[damage], times=1)
    files = take(bucket.open(), tmp_path)
    assert [file.rows for file in files] == [200, 201, 202]
    assert files[1].path.read_bytes() == chunk(1)


def test_flipped_bit_without_any_checksum_of_the_server_is_found_by_our_own(bucket, server, tmp_path):
    bucket.report()
    flip = s3.spoil(lambda b: b[:40] + bytes([b[40] ^ 1]) + b[41:], drop=("x-amz-checksum-crc32", "etag"))
    server.fail("report-2.csv.gz", flip, times=1)
    assert [file.rows for file in take(bucket.open(), tmp_path)] == [200, 201, 202]


def test_body_always_shortened_is_never_loaded(bucket, server, tmp_path):
    bucket.report()
    location = bucket.open()
    delivery = only(location)
    server.fail("report-2.csv.gz", DAMAGES["shortened"])
    with pytest.raises(LocationUnreachable) as caught:
        location.fetch(delivery, tmp_path / "files")
    assert caught.value.transient
    assert is_empty(tmp_path)


def test_damage_that_lies_in_the_bucket_is_fetched_twice_and_refused(bucket, server, tmp_path):
    bucket.report()
    bad = bytearray(chunk(1))
    bad[-6] ^= 1
    bucket.put(KEYS[1], bytes(bad))
    bucket.manifest(KEYS)
    location = bucket.open()
    delivery = only(location)
    with pytest.raises(FileCorrupt, match="checksum") as caught:
        location.fetch(delivery, tmp_path / "files")
    assert KEYS[1].removeprefix("cur/") in str(caught.value)
    assert len([path for _, path in server.requests if "report-2.csv.gz" in path]) == 2
    assert is_empty(tmp_path)


def test_slow_server_is_waited_for(bucket, server, tmp_path):
    bucket.report()
    server.fail("report-2.csv.gz", s3.slow(0.5), times=1)
    assert len(take(bucket.open(), tmp_path)) == 3


def test_trickle_is_given_up_and_tried_again(bucket, server, tmp_path):
    big = gzip.compress(b"a,b\n" + b"1,2\n" * 300_000, compresslevel=0)
    bucket.put("in/big.csv.gz", big)
    server.fail("big.csv.gz", s3.trickle(pieces=30, seconds=0.05), times=1)
    patience = Retries(attempts=2, base_seconds=0.01, patience_seconds=0.3, min_bytes_per_second=1e12)
    (file,) = take(bucket.open("in", reading=Reading(retries=patience)), tmp_path)
    assert file.rows == 300_000
    assert len([path for _, path in server.requests if "big.csv.gz" in path]) == 2


# Space -----------------------------------------------------------------------------------------------------


def test_too_little_space_is_told_before_anything_is_downloaded(bucket, server, tmp_path):
    bucket.report()
    location = bucket.open(reading=Reading(retries=QUICK, free_bytes=lambda folder: 100))
    delivery = only(location)
    with pytest.raises(DiskFull, match="100 bytes are free"):
        location.fetch(delivery, tmp_path / "files")
    assert not [path for _, path in server.requests if ".csv.gz" in path]


def test_disk_that_fills_up_during_the_download_ends_it_and_leaves_nothing(bucket, tmp_path):
    big = gzip.compress(b"a,b\n" + b"1,2\n" * 500_000, compresslevel=0)
    bucket.put("in/big.csv.gz", big)
    location = bucket.open("in")
    delivery = only(location)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))  # what the system lets us write to a file
    try:
        with pytest.raises(DiskFull, match="the disk is full"):
            location.fetch(delivery, tmp_path / "files")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert is_empty(tmp_path)
    assert len(take(location, tmp_path)) == 1
