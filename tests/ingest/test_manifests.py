"""Manifests are read leniently, refused loudly, and can point nowhere but at files that are there."""

from __future__ import annotations

import json

import pytest

from core import DeliveryIncomplete, ManifestInvalid
from ingest.manifests import find_all, find_in_copy, key_path, parse_manifest, place_of

PERIOD = {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"}
LEGACY = "cur/report/20260701-20260801/report-Manifest.json"
EXPORT = "out/focus/metadata/BILLING_PERIOD=2026-07/focus-Manifest.json"


def legacy(**changes):
    content = {
        "assemblyId": "asm-2",
        "account": "123456789012",
        "columns": [{"category": "lineItem", "name": "UnblendedCost", "type": "BigDecimal"}],
        "compression": "GZIP",
        "contentType": "text/csv",
        "reportName": "report",
        "billingPeriod": PERIOD,
        "bucket": "bills",
        "reportKeys": [f"cur/report/20260701-20260801/asm-2/report-{n}.csv.gz" for n in (1, 2)],
    }
    return {key: value for key, value in (content | changes).items() if value is not None}


def parsed(content, name=LEGACY):
    place = place_of(name)
    assert place is not None
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse_manifest(place, data)


def refusal(content, name=LEGACY) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        parsed(content, name)
    assert caught.value.where == name
    assert "last good delivery stays" in str(caught.value)
    return str(caught.value)


# What it says ----------------------------------------------------------------------------------------------


def test_legacy_manifest_tells_period_files_and_columns():
    found = parsed(legacy())
    assert (found.layout, found.partition, found.execution) == ("cur", "2026-07", "asm-2")
    assert (found.report, found.group) == ("report", "cur/report/2026-07")
    assert found.columns == (("lineItem/UnblendedCost", "BigDecimal"),)
    assert len(found.keys) == 2


def test_data_export_manifest_may_lack_nearly_everything():
    found = parsed({"dataFiles": ["s3://bills/out/focus/data/BILLING_PERIOD=2026-07/focus-1.parquet"]}, EXPORT)
    assert (found.layout, found.partition, found.execution) == ("data-exports", "2026-07", "")
    assert (found.report, found.group, found.columns) == ("focus", "out/focus/2026-07", ())


def test_real_sample_without_keys_is_no_bill_of_zero():
    assert "reportKeys is empty" in refusal(legacy(reportKeys=[]))


@pytest.mark.parametrize(
    ("name", "root", "slot", "execution"),
    [
        (LEGACY, "cur/report", "2026-07", ""),
        ("cur/report/20260701-20260801/asm-2/report-Manifest.json", "cur/report", "2026-07", "asm-2"),
        (EXPORT, "out/focus", "2026-07", ""),
        ("metadata/BILLING_PERIOD=2026-07/2026-07-03T01:02:03.4Z-ab/focus-Manifest.json", "", "2026-07",
         "2026-07-03T01:02:03.4Z-ab"),
        ("hub/metadata/date=2026-07-01/hub-Manifest.json", "hub", "date=2026-07-01", ""),
        ("july/report-Manifest.json", "july", "", ""),
        ("Manifest.json", "", "", ""),
    ],
)  # fmt: skip
def test_path_of_a_manifest_tells_report_period_and_execution(name, root, slot, execution):
    place = place_of(name)
    assert place is not None
    assert (place.root, place.slot, place.execution) == (root, slot, execution)


def test_execution_folder_of_a_data_export_tells_when_it_was_made():
    place = place_of("metadata/BILLING_PERIOD=2026-07/2026-07-03T01:02:03.437Z-ab/focus-Manifest.json")
    assert place is not None
    assert f"{place.delivered_at:%Y-%m-%d %H:%M:%S%z}" == "2026-07-03 01:02:03+0000"


@pytest.mark.parametrize(
    "name",
    [
        "r-RedshiftManifest.json",
        "p/r-QuickSightManifest.json",
        "report-1.csv.gz",
        "manifest.json.gz",
        "MyManifest.json",
    ],
)
def test_lists_for_other_consumers_are_no_manifests(name):
    assert place_of(name) is None


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2026-07-01T00:00:00Z", "end": "2026-08-01T00:00:00.000Z"},
        {"start": "2026-07-01", "end": "2026-08-01"},
        {"start": "20260701T000000.000Z"},
        "2026-07",
        None,
    ],
)
def test_billing_period_is_read_in_every_known_form(period):
    assert parsed(legacy(billingPeriod=period)).partition == "2026-07"


def test_december_ends_in_january():
    period = {"start": "20261201T000000.000Z", "end": "20270101T000000.000Z"}
    assert parsed(legacy(billingPeriod=period, reportKeys=["a/b.csv"]), "x/b-Manifest.json").partition == "2026-12"


# What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (json.dumps(legacy()).encode()[:-40], "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 200_000, "too deeply nested"),
        (b'{"a":' * 100_000, "too deeply nested"),
        (b'{"reportKeys": ' + b"9" * 5_000 + b"}", "not JSON"),
        (["reportKeys"], "a list"),
        ({"files": ["a"], "version": 3}, "neither reportKeys nor dataFiles"),
        (legacy(reportKeys="a"), "reportKeys is not a list"),
        (legacy(reportKeys=["a", 7]), "reportKeys[1] is not text"),
        (legacy(reportKeys=[""]), "reportKeys[0] is not text"),
        (legacy(reportKeys=["a", "b", "a"]), "'a' 2 times"),
        (legacy(billingPeriod={"start": "20260601T000000.000Z", "end": "20260701T000000.000Z"}), "for 2026-06"),
        (legacy(billingPeriod={"start": "20260701T000000.000Z", "end": "20260901T000000.000Z"}), "calendar month"),
        (legacy(billingPeriod={"start": "20260702T000000.000Z"}), "calendar month"),
        (legacy(billingPeriod={"start": "99991201T000000.000Z", "end": "soon"}), "cannot be read"),
        (legacy(billingPeriod=7), "cannot be read"),
        (legacy(reportKeys=["cur/report/20260601-20260701/asm-1/report-1.csv.gz"]), "a file of 2026-06"),
        (legacy(reportKeys=["cur/report/report/year=2026/month=6/report-1.parquet"]), "a file of 2026-06"),
    ],
)
def test_manifest_of_unknown_shape_is_refused_with_the_field(content, words):
    assert words in refusal(content)


def test_refusal_names_the_fields_that_are_there():
    assert "it has files, version" in refusal({"files": ["a"], "version": 3})


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "cur/../../x.csv",
        "/etc/passwd",
        "./x.csv",
        "cur\\..\\x.csv",
        "cur/x.csv\0",
        "cur/x\n.csv",
        "cur/folder/",
        "s3://other/cur/x.csv",
        "https://bills/cur/x.csv",
        "file:///etc/passwd",
        "s3://bills",
        "s3:///x.csv",
    ],
)
def test_key_that_leaves_the_location_is_refused(key):
    manifest = parsed(legacy(reportKeys=[key]), "x/r-Manifest.json")
    with pytest.raises(ManifestInvalid) as caught:
        key_path(manifest, key, None)
    assert repr(key) in str(caught.value)


def test_key_in_another_bucket_is_refused_by_name():
    manifest = parsed({"dataFiles": ["s3://theirs/out/x.parquet"]}, EXPORT)
    with pytest.raises(ManifestInvalid, match=r"in another bucket.*s3://ours"):
        key_path(manifest, manifest.keys[0], "ours")
    assert key_path(manifest, manifest.keys[0], "theirs") == "out/x.parquet"
    assert key_path(manifest, manifest.keys[0], None) == "out/x.parquet"  # a copy of an unknown bucket


def test_odd_but_real_keys_are_taken_as_they_are_on_s3():
    manifest = parsed(legacy())
    assert key_path(manifest, "/report/x.csv", "bills") == "/report/x.csv"
    assert key_path(manifest, "cur//report/x.csv", "bills") == "cur//report/x.csv"
    assert key_path(manifest, "cur//report/x.csv", None) == "cur/report/x.csv"


# Where files lie in a copy ---------------------------------------------------------------------------------

KEY = "cur/report/20260701-20260801/asm-2/report-1.csv.gz"
AT = "20260701-20260801"


@pytest.mark.parametrize(
    ("manifest_at", "above", "file"),
    [
        (LEGACY, (), KEY),
        (f"backup/{LEGACY}", (), f"backup/{KEY}"),
        (f"report/{AT}/report-Manifest.json", ("cur",), f"report/{AT}/asm-2/report-1.csv.gz"),
        (f"{AT}/report-Manifest.json", ("home", "bills"), f"{AT}/asm-2/report-1.csv.gz"),
        ("report-Manifest.json", ("bills", AT), "asm-2/report-1.csv.gz"),
        ("report-Manifest.json", ("bills", "asm-2"), "report-1.csv.gz"),
        (f"{AT}/asm-2/report-Manifest.json", (), f"{AT}/asm-2/report-1.csv.gz"),
        ("july/report-Manifest.json", ("bills",), "july/report-1.csv.gz"),
        ("report-Manifest.json", ("report",), "report-1.csv.gz"),
        ("july/report-Manifest.json", ("bills",), "july/asm-2/report-1.csv.gz"),
    ],
)
def test_files_are_found_wherever_the_copy_begins(manifest_at, above, file):
    manifest = parsed(legacy(), manifest_at)
    assert find_in_copy(manifest, KEY, above, {file, "other/report-1.csv.gz"}) == file


def test_file_beside_is_found_for_data_and_metadata_under_another_name():
    manifest = parsed({"dataFiles": ["x"]}, "mine/metadata/BILLING_PERIOD=2026-07/focus-Manifest.json")
    file = "mine/data/BILLING_PERIOD=2026-07/focus-1.parquet"
    assert find_in_copy(manifest, "out/focus/data/BILLING_PERIOD=2026-07/focus-1.parquet", (), {file}) == file


def test_athena_layout_is_found_with_its_doubled_folder():
    manifest = parsed(legacy(), LEGACY)
    key = "cur/report/report/year=2026/month=7/report-1.snappy.parquet"
    assert find_in_copy(manifest, key, (), {key}) == key
    manifest = parsed(legacy(), f"{AT}/report-Manifest.json")
    short = "report/year=2026/month=7/report-1.snappy.parquet"
    assert find_in_copy(manifest, key, ("bills",), {short}) == short


@pytest.mark.parametrize(
    ("manifest_at", "above", "stale"),
    [
        (f"{AT}/report-Manifest.json", (), f"{AT}/report-1.csv.gz"),
        (f"{AT}/report-Manifest.json", (), f"{AT}/asm-1/report-1.csv.gz"),
        ("report-Manifest.json", (AT,), "report-1.csv.gz"),
        (LEGACY, (), "report-1.csv.gz"),
        (LEGACY, (), "cur/report/20260601-20260701/asm-2/report-1.csv.gz"),
        ("july/report-Manifest.json", (), "june/report-1.csv.gz"),
        ("july/report-Manifest.json", (), "report-1.csv.gz"),
    ],
)
def test_chunk_of_another_delivery_is_never_taken_for_one_that_is_absent(manifest_at, above, stale):
    manifest = parsed(legacy(), manifest_at)
    assert find_in_copy(manifest, KEY, above, {stale}) is None


def test_listed_file_that_is_absent_makes_the_delivery_incomplete():
    manifest = parsed(legacy())
    with pytest.raises(DeliveryIncomplete, match=r"1 of 2 files .*report-2\.csv\.gz") as caught:
        find_all(manifest, lambda key: "one" if key.endswith("-1.csv.gz") else None)
    assert caught.value.where == LEGACY


def test_two_keys_for_one_file_are_refused():
    with pytest.raises(ManifestInvalid, match="are one file"):
        find_all(parsed(legacy()), lambda key: "same.csv.gz")
