"""A folder of exports: found, verified in place, pinned while it is read."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import (
    ConfigError,
    DeliveryChanged,
    DeliveryIncomplete,
    DiskFull,
    ExportConfig,
    FileCorrupt,
    LocationUnreachable,
    ManifestInvalid,
)
from ingest.deliveries import Delivery, Refused
from ingest.locations import Reading, open_location

TEXT = b"lineItem/LineItemType,lineItem/UnblendedCost\n" + b"Usage,1.25\n" * 10
JULY = "cur/report/20260701-20260801"


class Place:
    """A folder with exports and a staging folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "exports"
        self.root.mkdir()
        self.staging = folder / "staging"

    def put(self, name: str, data: bytes = TEXT) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def manifest(self, folder: str, keys: list[str], **more) -> Path:
        period = {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"}
        content = {"assemblyId": "asm", "billingPeriod": period, "reportKeys": keys} | more
        return self.put(f"{folder}/report-Manifest.json", json.dumps(content).encode())

    def report(self, chunks: int = 2) -> list[str]:
        keys = [f"{JULY}/report-{number}.csv.gz" for number in range(1, chunks + 1)]
        for number, key in enumerate(keys):
            self.put(key, gzip.compress(TEXT + b"Tax,1\n" * number))
        self.manifest(JULY, keys)
        return keys

    def open(self, location: str | None = None, reading: Reading | None = None, **export):
        config = ExportConfig(name="aws", location=location or str(self.root), **export)
        return open_location(config, reading)


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def only(location) -> Delivery:
    (found,) = location.deliveries()
    assert isinstance(found, Delivery), found
    return found


def take(place: Place, location=None):
    location = location or place.open()
    return location.fetch(only(location), place.staging)


# Reading ---------------------------------------------------------------------------------------------------


def test_delivery_of_a_manifest_is_verified_and_handed_over_under_our_names(place):
    place.report(chunks=3)
    place.put(f"{JULY}/report-4.csv.gz", gzip.compress(b"stale"))
    files = take(place)
    assert [file.path.name for file in files] == ["0001.csv.gz", "0002.csv.gz", "0003.csv.gz"]
    assert [file.rows for file in files] == [10, 11, 12]
    assert [file.name for file in files] == [f"{JULY}/report-{n}.csv.gz" for n in (1, 2, 3)]
    assert [file.origin for file in files] == [str(place.root / file.name) for file in files]
    assert all(file.path.parent == place.staging and file.format == "csv" for file in files)
    assert files[0].path.read_bytes() == (place.root / files[0].name).read_bytes()


def test_nothing_at_the_location_is_touched(place):
    place.report()
    before = {path: path.stat() for path in place.root.rglob("*") if path.is_file()}
    take(place)
    assert {path: path.stat().st_ctime_ns for path in before} == {p: s.st_ctime_ns for p, s in before.items()}


@pytest.mark.parametrize("name", ["$(reboot).csv", "[a-z]*?.csv", 'it\'s "quoted".csv', "ü ₹.csv", "a'; DROP.csv"])
def test_name_of_a_file_never_becomes_a_name_of_ours(place, name):
    place.put(name)
    (file,) = take(place)
    assert (file.name, file.path.name, file.rows) == (name, "0001.csv", 10)


def test_folder_without_manifests_gives_one_delivery_per_group_of_names(place):
    for name in ("a-1.csv", "a-2.csv", "b.json", "notes/README.md", ".hidden.csv"):
        place.put(name, b'{"x": 1}\n' if name.endswith("json") else TEXT)
    assert [item.group for item in place.open().deliveries()] == ["a.csv", "b.json"]
    assert [item.group for item in place.open(shards="all").deliveries()] == ["all files"]


def test_single_file_is_a_location_too(place):
    path = place.put("feeds/rates.csv")
    place.put("feeds/other.csv")
    for location in (str(path), f"file://{path}"):
        (file,) = take(place, place.open(location))
        assert (file.name, file.origin) == ("rates.csv", str(path))
        shutil.rmtree(place.staging)


def test_zip_is_unpacked_into_staging(place):
    path = place.root / "bill-1.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../bill-1.csv", TEXT)
    (file,) = take(place)
    assert (file.path, file.format, file.rows) == (place.staging / "0001.csv", "csv", 10)
    assert file.path.read_bytes() == TEXT
    assert file.size == path.stat().st_size


def test_delivered_at_is_the_time_of_the_manifest(place):
    place.report()
    os.utime(place.root / JULY / "report-Manifest.json", (1_783_000_000, 1_783_000_000))
    assert only(place.open()).delivered_at == datetime.fromtimestamp(1_783_000_000, UTC)


def test_fingerprint_stays_when_nothing_changes_and_follows_every_change(place):
    keys = place.report()
    first = only(place.open()).fingerprint
    assert only(place.open()).fingerprint == first
    os.utime(place.root / keys[0], (1, 1))
    assert only(place.open()).fingerprint != first


def test_missing_folder_is_unreachable_with_a_sentence(place):
    with pytest.raises(LocationUnreachable, match=r"does not exist.*make the folder, or correct location") as caught:
        place.open(str(place.root / "absent")).deliveries()
    assert not caught.value.transient


def test_empty_folder_has_nothing_and_that_is_no_error(place):
    assert place.open().deliveries() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read_is_unreachable(place):
    place.put("secret/a.csv")
    (place.root / "secret").chmod(0)
    try:
        with pytest.raises(LocationUnreachable, match="permissions"):
            place.open().deliveries()
    finally:
        (place.root / "secret").chmod(0o700)


def test_links_are_followed_and_loops_are_not(place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_bytes(TEXT)
    (place.root / "linked").symlink_to(tmp_path / "elsewhere")
    (place.root / "loop").symlink_to(place.root)
    (place.root / "broken.csv").symlink_to(tmp_path / "absent.csv")
    assert [item.group for item in place.open().deliveries()] == ["linked/a.csv"]


def test_pipes_are_no_files(place):
    os.mkfifo(place.root / "pipe.csv")
    assert place.open().deliveries() == []


# Bad deliveries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "s3://other/x.csv", "cur/../../x.csv"])
def test_key_outside_of_the_location_is_refused_and_read_nowhere(place, key, tmp_path):
    (tmp_path / "x.csv").write_bytes(TEXT)
    place.put(f"{JULY}/report-1.csv.gz")
    place.manifest(JULY, [f"{JULY}/report-1.csv.gz", key], bucket="bills")
    (bad,) = place.open().deliveries()
    assert isinstance(bad, Refused)
    assert isinstance(bad.error, ManifestInvalid)
    assert repr(key) in str(bad.error)


def test_absent_chunk_refuses_the_period_and_names_it(place):
    keys = place.report()
    (place.root / keys[1]).unlink()
    (bad,) = place.open().deliveries()
    assert isinstance(bad, Refused)
    assert isinstance(bad.error, DeliveryIncomplete)
    assert keys[1] in str(bad.error)


def test_endless_manifest_is_refused_unread(place):
    place.put(f"{JULY}/report-Manifest.json", b" " * (17 << 20))
    (bad,) = place.open().deliveries()
    assert isinstance(bad, Refused)
    assert "longer than" in str(bad.error)


def test_one_damaged_chunk_refuses_the_whole_delivery_with_its_hash(place):
    keys = place.report(chunks=4)
    data = bytearray((place.root / keys[2]).read_bytes())
    data[-6] ^= 1
    (place.root / keys[2]).write_bytes(data)
    with pytest.raises(FileCorrupt, match="checksum") as caught:
        take(place)
    assert keys[2] in str(caught.value)
    assert len(caught.value.sha256) == 64
    assert (place.root / keys[2]).read_bytes() == data  # left where it is


def test_unknown_format_is_handed_on_for_the_loader_to_refuse(place):
    place.put("template.yml", b"Resources: []\n")
    (file,) = take(place)
    assert (file.format, file.rows, file.path.name) == ("unknown", None, "0001.unknown")


# Changes while it is read ----------------------------------------------------------------------------------


def test_manifest_that_changes_while_files_are_read_throws_everything_away(place):
    keys = place.report()
    location = place.open()
    delivery = only(location)
    with pytest.raises(DeliveryChanged, match="rewritten"):
        location.fetch(delivery, place.staging, lambda _: place.manifest(JULY, keys[:1]))


def test_file_that_is_rewritten_while_others_are_read_throws_everything_away(place):
    keys = place.report()
    location = place.open()
    with pytest.raises(DeliveryChanged, match="rewritten"):
        location.fetch(only(location), place.staging, lambda _: place.put(keys[0], gzip.compress(TEXT)))


def test_rewrite_that_keeps_size_and_time_is_noticed_all_the_same(place):
    keys = place.report()
    path = place.root / keys[0]
    status = path.stat()

    def rewrite(_):
        path.write_bytes(path.read_bytes())
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    location = place.open()
    with pytest.raises(DeliveryChanged):
        location.fetch(only(location), place.staging, rewrite)


def test_half_written_file_is_called_changed_not_damaged(place):
    keys = place.report(chunks=1)
    whole = (place.root / keys[0]).read_bytes()
    (place.root / keys[0]).write_bytes(whole[:-9])
    location = place.open(reading=Reading(free_bytes=lambda _: place.put(keys[0], whole) and 1 << 40))
    with pytest.raises(DeliveryChanged):
        location.fetch(only(location), place.staging)


def test_shard_that_arrives_while_others_are_read_starts_it_over(place):
    place.put("name-1.csv")
    location = place.open()
    delivery = only(location)
    with pytest.raises(DeliveryChanged, match="came or went"):
        location.fetch(delivery, place.staging, lambda _: place.put("name-2.csv"))
    assert not place.staging.exists()
    assert len(take(place)) == 2


def test_file_of_another_delivery_that_arrives_meanwhile_disturbs_nothing(place):
    place.put("name-1.csv")
    location = place.open()
    files = location.fetch(only(location), place.staging, lambda _: place.put("other.csv"))
    assert [file.name for file in files] == ["name-1.csv"]


def test_folder_that_arrives_while_the_whole_location_is_read_starts_it_over(place):
    place.put("a/name-1.csv")
    location = place.open(shards="all")
    delivery = only(location)
    with pytest.raises(DeliveryChanged, match="came or went"):
        location.fetch(delivery, place.staging, lambda _: place.put("b/c/name-2.csv"))


def test_confirm_tells_whether_files_are_still_what_was_verified(place):
    keys = place.report()
    location = place.open()
    delivery = only(location)
    location.fetch(delivery, place.staging)
    location.confirm(delivery)
    place.put(keys[1], gzip.compress(TEXT + b"Fee,7\n"))
    with pytest.raises(DeliveryChanged):
        location.confirm(delivery)


def test_file_that_went_away_is_a_change(place):
    keys = place.report()
    location = place.open()
    delivery = only(location)
    (place.root / keys[0]).unlink()
    with pytest.raises(DeliveryChanged, match="went away"):
        location.fetch(delivery, place.staging)


# Space, schemes --------------------------------------------------------------------------------------------


def test_too_little_space_is_told_before_anything_is_read(place):
    place.report()
    location = place.open(reading=Reading(free_bytes=lambda folder: 10))
    with pytest.raises(DiskFull, match="10 bytes are free") as caught:
        location.fetch(only(location), place.staging)
    assert caught.value.where == str(place.staging)
    assert list(place.staging.iterdir()) == []


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("gs://", "not gs://bucket/prefix"),
        ("bigquery://project.data.table", "is not bigquery://project/dataset"),
        ("s3a://key:hunter2@bucket/x", "Did you mean s3://"),
        ("ftp://host/x", "nothing reads ftp:// addresses, only folders, "),
        ("file://host/x", "three slashes"),
        ("s3://", "not s3://bucket/prefix"),
    ],
)
def test_address_nobody_serves_is_a_fault_of_the_configuration(location, words):
    with pytest.raises(ConfigError) as caught:
        open_location(ExportConfig(name="aws", location=location))
    assert words in str(caught.value)
    assert "exports.aws.location" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secret_in_an_address_is_not_repeated():
    with pytest.raises(ConfigError) as caught:
        open_location(ExportConfig(name="aws", location="s3://key:hunter2@bucket/x"))
    assert "hunter2" not in str(caught.value)
