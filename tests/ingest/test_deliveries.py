"""Which files belong together, what they replace, and which of several deliveries counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from core import DeliveryIncomplete, ExportConfig, LocationUnreachable, ManifestInvalid
from ingest.deliveries import Delivery, Refused, RemoteFile, find_deliveries
from ingest.manifests import find_all, find_in_copy, key_path
from ingest.shards import group_names, is_data

T0 = datetime(2026, 7, 3, 6, tzinfo=UTC)
JULY = "cur/report/20260701-20260801"
PERIODS = {
    "2026-06": {"start": "20260601T000000.000Z", "end": "20260701T000000.000Z"},
    "2026-07": {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"},
}


class Tree:
    """A location in memory: names, bytes and times."""

    def __init__(self, **export) -> None:
        self.export = ExportConfig(name="aws", location="bills", **export)
        self.files: dict[str, tuple[bytes, datetime]] = {}
        self.reads: list[str] = []

    def put(self, name: str, data: bytes | dict = b"x", hours: float = 0) -> None:
        if isinstance(data, dict):
            data = json.dumps(data).encode()
        self.files[name] = (data, T0 + timedelta(hours=hours))

    def legacy(self, folder: str, keys: list[str], *, execution="", partition="2026-07", hours: float = 0) -> None:
        content = {"assemblyId": execution, "reportKeys": keys, "billingPeriod": PERIODS[partition]}
        self.put(f"{folder}/report-Manifest.json", content, hours)

    def _remote(self, name: str) -> RemoteFile:
        data, at = self.files[name]
        return RemoteFile(name, len(data), at, str(hash(data)))

    def _read(self, file: RemoteFile) -> tuple[bytes, RemoteFile]:
        self.reads.append(file.name)
        return self.files[file.name][0], self._remote(file.name)

    def _resolve(self, manifest, file, listing):
        def find(key):
            return find_in_copy(manifest, key_path(manifest, key, None), (), listing)

        return tuple(listing[name] for name in find_all(manifest, find))

    def find(self):
        return find_deliveries(self.export, {n: self._remote(n) for n in self.files}, self._read, self._resolve)

    def one(self) -> Delivery:
        (found,) = self.find()
        assert isinstance(found, Delivery), found
        return found


def names(delivery: Delivery) -> list[str]:
    return [file.name for file in delivery.files]


# With manifests --------------------------------------------------------------------------------------------


def test_overwritten_report_is_what_its_manifest_lists_and_no_stale_chunk():
    tree = Tree()
    for number in (1, 2, 3):
        tree.put(f"{JULY}/report-{number}.csv.gz")
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz", f"{JULY}/report-2.csv.gz"], execution="asm-2", hours=1)
    found = tree.one()
    assert names(found) == [f"{JULY}/report-1.csv.gz", f"{JULY}/report-2.csv.gz"]
    assert (found.partition, found.group, found.execution) == ("2026-07", "cur/report/2026-07", "asm-2")
    assert found.delivered_at == T0 + timedelta(hours=1)
    assert found.size == 2


def test_of_several_executions_the_newest_counts_and_the_others_are_told():
    tree = Tree()
    for number, hours in ((1, 0), (2, 8), (3, 16)):
        folder = f"{JULY}/asm-{number}"
        tree.put(f"{folder}/report-1.csv.gz", hours=hours)
        tree.legacy(folder, [f"{folder}/report-1.csv.gz"], execution=f"asm-{number}", hours=hours)
    tree.legacy(JULY, [f"{JULY}/asm-3/report-1.csv.gz"], execution="asm-3", hours=16)
    found = tree.one()
    assert names(found) == [f"{JULY}/asm-3/report-1.csv.gz"]
    assert [older.where for older in found.superseded] == [
        f"{JULY}/asm-2/report-Manifest.json",
        f"{JULY}/asm-1/report-Manifest.json",
    ]
    assert tree.reads == [f"{JULY}/report-Manifest.json"]  # a year of kept executions costs one read per month


def test_newer_execution_counts_although_the_manifest_above_is_not_there_yet():
    tree = Tree()
    for number, hours in ((1, 0), (2, 8)):
        folder = f"{JULY}/asm-{number}"
        tree.put(f"{folder}/report-1.csv.gz")
        tree.legacy(folder, [f"{folder}/report-1.csv.gz"], execution=f"asm-{number}", hours=hours)
    tree.legacy(JULY, [f"{JULY}/asm-1/report-1.csv.gz"], execution="asm-1", hours=0)
    assert tree.one().execution == "asm-2"


def test_manifest_above_the_executions_decides_when_a_copy_levelled_all_times():
    tree = Tree()
    for number in (1, 2):
        folder = f"{JULY}/asm-{number}"
        tree.put(f"{folder}/report-1.csv.gz")
        tree.legacy(folder, [f"{folder}/report-1.csv.gz"], execution=f"asm-{number}", hours=number / 100)
    tree.legacy(JULY, [f"{JULY}/asm-1/report-1.csv.gz"], execution="asm-1", hours=0)
    assert tree.one().execution == "asm-1"


def test_executions_of_data_exports_are_ordered_by_the_time_in_their_folder():
    tree = Tree()
    for stamp, hours in (("2026-07-03T10:00:00.000Z-bb", 0), ("2026-07-02T10:00:00.000Z-aa", 9)):
        key = f"x/data/BILLING_PERIOD=2026-07/{stamp}/x-1.parquet"
        tree.put(key)
        content = {"dataFiles": [f"s3://bills/{key}"], "executionId": stamp[-2:]}
        tree.put(f"x/metadata/BILLING_PERIOD=2026-07/{stamp}/x-Manifest.json", content, hours)
    found = tree.one()
    assert found.execution == "bb"
    assert found.delivered_at == datetime(2026, 7, 3, 10, tzinfo=UTC)
    assert len(found.superseded) == 1


def test_bad_manifest_is_refused_by_name_and_hides_no_other_period():
    tree = Tree()
    june = "cur/report/20260601-20260701"
    tree.put(f"{june}/report-1.csv.gz")
    tree.legacy(june, [f"{june}/report-1.csv.gz"], partition="2026-06")
    tree.put(f"{JULY}/report-1.csv.gz")
    tree.put(f"{JULY}/report-Manifest.json", b'{"reportKeys": ["cur/rep')
    good, bad = tree.find()
    assert isinstance(good, Delivery)
    assert good.partition == "2026-06"
    assert isinstance(bad, Refused)
    assert bad.where == f"{JULY}/report-Manifest.json"
    assert isinstance(bad.error, ManifestInvalid)


def test_manifest_in_the_folder_of_another_period_is_refused():
    tree = Tree()
    tree.put(f"{JULY}/report-1.csv.gz")
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz"], partition="2026-06")
    (bad,) = tree.find()
    assert isinstance(bad, Refused)
    assert "2026-06 but lies in the folder of 2026-07" in str(bad.error)


def test_absent_chunk_of_the_newest_execution_leaves_the_one_before_in_use():
    tree = Tree()
    tree.put(f"{JULY}/asm-1/report-1.csv.gz")
    tree.legacy(f"{JULY}/asm-1", [f"{JULY}/asm-1/report-1.csv.gz"], execution="asm-1")
    tree.legacy(f"{JULY}/asm-2", [f"{JULY}/asm-2/report-1.csv.gz"], execution="asm-2", hours=8)
    good, bad = tree.find()
    assert isinstance(good, Delivery)
    assert good.execution == "asm-1"
    assert isinstance(bad, Refused)
    assert isinstance(bad.error, DeliveryIncomplete)


def test_two_reports_with_the_same_name_below_one_location_stay_two():
    tree = Tree()
    for payer in ("payer-a", "payer-b"):
        folder = f"{payer}/report/20260701-20260801"
        tree.put(f"{folder}/report-1.csv.gz")
        tree.legacy(folder, [f"{folder}/report-1.csv.gz"])
    assert [item.group for item in tree.find()] == ["payer-a/report/2026-07", "payer-b/report/2026-07"]


def test_copies_of_one_period_in_folders_of_ones_own_naming_are_one_delivery():
    tree = Tree()
    for number, folder in enumerate(("july", "july-again")):
        tree.put(f"{folder}/report-1.csv.gz", str(number).encode())
        tree.legacy(folder, [f"{JULY}/asm-{number}/report-1.csv.gz"], execution=f"asm-{number}", hours=number * 24)
    found = tree.one()
    assert names(found) == ["july-again/report-1.csv.gz"]
    assert [older.where for older in found.superseded] == ["july/report-Manifest.json"]


def test_loose_files_outside_of_every_report_are_still_found():
    tree = Tree()
    tree.put(f"{JULY}/report-1.csv.gz")
    tree.put(f"{JULY}/report-2.csv.gz")
    tree.put("cur/report/status/status.parquet")
    tree.put("by-hand/june.csv")
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz"])
    assert [item.group for item in tree.find()] == ["by-hand/june.csv", "cur/report/2026-07"]


def test_manifest_at_the_top_of_the_location_rules_over_all_of_it():
    tree = Tree()
    tree.put("report-1.csv.gz")
    tree.put("stale/report-2.csv.gz")
    content = {"reportKeys": [f"{JULY}/report-1.csv.gz"], "billingPeriod": PERIODS["2026-07"]}
    tree.put("report-Manifest.json", content)
    assert names(tree.one()) == ["report-1.csv.gz"]


def test_unreadable_location_is_not_taken_for_a_bad_manifest():
    tree = Tree()
    tree.put(f"{JULY}/report-1.csv.gz")
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz"])

    def read(file):
        raise LocationUnreachable("no", transient=True)

    listing = {name: tree._remote(name) for name in tree.files}
    with pytest.raises(LocationUnreachable):
        find_deliveries(tree.export, listing, read, tree._resolve)


def test_execution_id_that_is_no_folder_name_is_hashed():
    tree = Tree()
    tree.put(f"{JULY}/report-1.csv.gz")
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz"], execution="../../etc")
    assert "/" not in tree.one().execution
    assert len(tree.one().execution) == 12


# Without manifests -----------------------------------------------------------------------------------------


def groups(*found: str, whole_folder: bool = False) -> dict[str, list[str]]:
    return {group.name: list(group.names) for group in group_names(found, whole_folder=whole_folder)}


@pytest.mark.parametrize(
    ("found", "group"),
    [
        (["a/name-00001.csv.gz", "a/name-00002.csv.gz"], "a/name.csv"),
        (["name_000000000000.json.gz", "name_000000000001.json.gz"], "name.json"),
        (["name000000000000.json", "name000000000001.json"], "name.json"),
        (["part-0001.parquet", "part-0002.snappy.parquet"], "part.parquet"),
        (["report-1.csv.zip", "report-2.csv.zip", "report-10.csv.zip"], "report.csv"),
        (["000000000000.jsonl", "000000000001.jsonl"], "files.json"),
        (["part-0999.parquet", "part-2000.parquet"], "part.parquet"),
        (
            [f"part-0000{n}-0b3c6d1e-8f5a-4c1e-9d7b-2a1f3e4d5c6b-c000.snappy.parquet" for n in (0, 1)],
            "part.parquet",
        ),
        (["bill-2026-07_1.csv", "bill-2026-07_2.csv"], "bill-2026-07.csv"),
    ],
)
def test_names_that_differ_by_a_running_number_are_one_delivery(found, group):
    assert groups(*found) == {group: found}


@pytest.mark.parametrize(
    "found",
    [
        ["bill-2026-06.csv", "bill-2026-07.csv"],
        ["bill_202606.csv", "bill_202607.csv"],
        ["gcp20260701.json", "gcp20260702.json"],
        ["2026-06-30.csv", "2026-07-01.csv"],
        ["rates_2019.csv", "rates_2020.csv"],
        ["cur1.csv", "cur2.csv"],
        ["ec2.csv", "ebs.csv"],
        ["june/name-1.csv", "july/name-1.csv"],
        ["name-1.csv", "name-1.parquet"],
    ],
)
def test_dates_and_words_tell_deliveries_apart(found):
    assert sorted(groups(*found).values()) == sorted([name] for name in found)


def test_whole_folder_is_one_delivery_when_the_export_says_so():
    tree = Tree(shards="all")
    tree.put("a/one.csv")
    tree.put("b/two.csv", hours=5)
    tree.put("README.md")
    found = tree.one()
    assert (found.group, names(found)) == ("all files", ["a/one.csv", "b/two.csv"])
    assert found.delivered_at == T0 + timedelta(hours=5)


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.csv", "a/.git/x.csv", "README", "readme.txt", "SOURCES.md", "x.csv.tmp", "x.csv.part", "x.csv~",
        "_SUCCESS", "_temporary/0/part-0.parquet", "x.csv.gz.6eF3b12a", "__MACOSX/x.csv", "Thumbs.db",
        "aws-programmatic-access-test-object", "x.csv.crdownload",
    ],
)  # fmt: skip
def test_what_is_no_data_is_passed_over(name):
    assert not is_data(name)


@pytest.mark.parametrize(
    "name", ["x.csv", "x.txt", "x.yml", "strange", "x.csv.abcdefgh", "a b/[1]*?.csv", "_x.csv", "readmetrics.csv"]
)
def test_what_may_be_data_is_never_passed_over_silently(name):
    assert is_data(name)


def test_same_file_packed_and_unpacked_is_refused_not_doubled():
    tree = Tree()
    tree.put("bill-1.csv")
    tree.put("bill-1.csv.gz")
    tree.put("bill-2.csv")
    (bad,) = tree.find()
    assert isinstance(bad, Refused)
    assert bad.where == "bill.csv"
    assert "bill-1.csv and bill-1.csv.gz" in str(bad.error)


def test_loose_delivery_promises_no_period_and_is_as_new_as_its_newest_file():
    tree = Tree()
    tree.put("bill-1.csv")
    tree.put("bill-2.csv", hours=3)
    found = tree.one()
    assert (found.partition, found.manifest) == (None, None)
    assert found.delivered_at == T0 + timedelta(hours=3)
    assert found.fingerprint.startswith(found.execution)


def test_fingerprint_changes_with_any_file_and_with_the_manifest_alone():
    tree = Tree()
    tree.put(f"{JULY}/report-1.csv.gz")
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz"], execution="asm-1")
    first = tree.one().fingerprint
    assert tree.one().fingerprint == first
    tree.legacy(JULY, [f"{JULY}/report-1.csv.gz"], execution="asm-2")
    second = tree.one().fingerprint
    tree.put(f"{JULY}/report-1.csv.gz", b"y")
    assert len({first, second, tree.one().fingerprint}) == 3


def test_empty_location_has_no_delivery_and_no_complaint():
    assert Tree().find() == []
