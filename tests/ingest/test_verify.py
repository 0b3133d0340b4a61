"""Every byte is checked before the engine sees it; whatever is damaged is refused with hash and reason."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from core import FileCorrupt
from ingest.verify import FileDamaged, Limits, Verifier, verify_file

HEADER = b"lineItem/LineItemType,lineItem/LineItemDescription,lineItem/UnblendedCost\n"
ROWS = b"".join(b'Usage,"$0.1 per GB, first %d TB",%d.25\n' % (i, i) for i in range(1000))
TEXT = HEADER + ROWS


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def check(folder: Path, name: str, data: bytes, **options):
    return verify_file(write(folder, name, data), **options)


def reason(folder: Path, name: str, data: bytes, **options) -> str:
    with pytest.raises(FileDamaged) as caught:
        check(folder, name, data, **options)
    assert caught.value.sha256 == hashlib.sha256(data).hexdigest()
    assert caught.value.sha256 in str(caught.value)
    assert name in str(caught.value)
    assert "next delivery" in str(caught.value)
    return caught.value.what


# Whole files -----------------------------------------------------------------------------------------------


def test_whole_gzip_tells_rows_sizes_and_hash_of_the_delivered_bytes(tmp_path):
    data = gzip.compress(TEXT)
    found = check(tmp_path, "bill.csv.gz", data)
    assert (found.format, found.compression, found.rows) == ("csv", "gzip", 1000)
    assert (found.bytes, found.text_bytes) == (len(data), len(TEXT))
    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_several_gzip_members_are_one_file(tmp_path):
    data = b"".join(gzip.compress(TEXT[at : at + 777]) for at in range(0, len(TEXT), 777))
    assert check(tmp_path, "bill.csv.gz", data).rows == 1000


def test_empty_gzip_members_between_others_hold_nothing(tmp_path):
    assert check(tmp_path, "bill.csv.gz", gzip.compress(TEXT) + gzip.compress(b"") * 3).rows == 1000


@pytest.mark.parametrize("block_bytes", [1, 3, 7, 511, 513, 1 << 20])
def test_verdict_does_not_depend_on_how_the_bytes_come_in(block_bytes):
    text = HEADER + b'Usage,"two\r\nlines ""and"" quotes",1\r\n\r\n\n,"",\n' * 20 + b"Tax,x,3"
    data = gzip.compress(text[:300]) + gzip.compress(text[300:]) if block_bytes > 3 else gzip.compress(text)
    verifier = Verifier("bill.csv.gz")
    for at in range(0, len(data), block_bytes):
        verifier.update(data[at : at + block_bytes])
    if block_bytes > 3:  # several members and no newline at the end look like a cut
        with pytest.raises(FileCorrupt, match="member"):
            verifier.finish()
    else:
        assert verifier.finish().rows == 41


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"a,b\n1,2\n3,4\n", 2),
        (b"a,b\n1,2\n3,4", 2),
        (b"a,b\r\n1,2\r\n3,4\r\n", 2),
        (b"a,b\n1,2\n\n\n", 1),
        (b"\n\na,b\n1,2\n", 1),
        (b"a,b\n\n1,2\n\r\n3,4\n\r\n", 2),
        (b'a,b\n"1\n\n\n1",2\n', 1),
        (b'a,b\n"say ""hi""\nthere",2\n"x\n', None),
        (b'\xef\xbb\xbf"a",b\n1,2\n', 1),
        (b"a,b\n", 0),
        (b"a,b", 0),
        (b"a\n1\n\n2\n", 2),
        (b"a,b\r1,2\r3,4\r", None),
    ],
)
def test_records_of_a_csv_are_counted_as_a_csv_reader_counts_them(tmp_path, text, rows):
    if text.endswith(b'"x\n'):
        assert "inside a quoted value" in reason(tmp_path, "bill.csv", text)
    else:
        assert check(tmp_path, "bill.csv", text).rows == rows


@pytest.mark.parametrize("seed", range(20))
def test_random_csv_has_as_many_rows_as_python_reads(tmp_path, seed):
    import csv
    import io

    chance = random.Random(seed)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=chance.choice(["\n", "\r\n"]), quoting=chance.choice([0, 1]))
    cells = ["", "x", "a,b", 'say "hi"', "two\nlines", "\r\n", '"', "\n\n\n", "é₹", " "]
    for _ in range(chance.randrange(1, 400)):
        writer.writerow([chance.choice(cells) for _ in range(3)])
    text = out.getvalue()
    want = sum(1 for row in csv.reader(io.StringIO(text, newline="")) if row) - 1
    verifier = Verifier("x.csv")
    data = text.encode()
    while data:
        size = chance.randrange(1, 900)
        verifier.update(data[:size])
        data = data[size:]
    assert verifier.finish().rows == want


def test_json_lines_are_counted_and_blank_ones_are_not(tmp_path):
    lines = [json.dumps({"cost": index, "labels": [{"key": "a\nb"}]}) for index in range(100)]
    assert check(tmp_path, "gcp.json", "\n".join(lines).encode()).rows == 100
    found = check(tmp_path, "gcp.json.gz", gzip.compress(("\n\n".join(lines) + "\n").encode()))
    assert (found.format, found.rows) == ("json", 100)


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2}]', '{\n "a": 1\n}\n{\n "a": 2\n}\n', "[]"])
def test_json_over_several_lines_has_a_count_only_a_parser_knows(tmp_path, text):
    found = check(tmp_path, "gcp.json", text.encode())
    assert (found.format, found.rows) == ("json", None)


def test_json_line_that_is_cut_is_damage(tmp_path):
    assert "last object is cut" in reason(tmp_path, "gcp.jsonl", b'{"cost": 1}\n{"cost": 2')


# Formats ---------------------------------------------------------------------------------------------------


def parquet_like(footer_bytes: int = 100, size: int = 500) -> bytes:
    return b"PAR1" + b"x" * (size - 12) + struct.pack("<I", footer_bytes) + b"PAR1"


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("bill.csv", gzip.compress(TEXT), ("csv", "gzip")),
        ("bill.csv.gz", TEXT, ("csv", "")),
        ("bill", gzip.compress(TEXT), ("csv", "gzip")),
        ("bill.csv", b'{"a": 1}\n', ("json", "")),
        ("bill.json", parquet_like(), ("parquet", "")),
        ("bill.csv", b"[name],b\n1,2\n", ("csv", "")),
        ("bill.avro", b"Obj\x01" + bytes(600), ("avro", "")),
        ("crawler.yml", b"a: b\n", ("unknown", "")),
        ("bill.xlsx.bin", b"\xd0\xcf\x11\xe0" + bytes(100), ("unknown", "")),
        ("bill.csv", b"\xff\xfea\0,\0b\0\n\0", ("unknown", "")),
        ("bill.csv", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", ("unknown", "")),
        ("bill.parquet.gz", gzip.compress(parquet_like()), ("unknown", "gzip")),
    ],
)
def test_content_tells_the_format_and_the_name_only_helps(tmp_path, name, data, found):
    verified = check(tmp_path, name, data)
    assert (verified.format, verified.compression) == found


def test_real_parquet_is_whole_and_its_rows_are_left_to_the_loader(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "bill.snappy.parquet"
    pandas.DataFrame({"cost": [1, 2, 3]}).to_parquet(path)
    found = verify_file(path)
    assert (found.format, found.rows, found.bytes) == ("parquet", None, path.stat().st_size)


# Damage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 500])
def test_truncated_gzip_is_refused(tmp_path, cut):
    assert "it is cut" in reason(tmp_path, "bill.csv.gz", gzip.compress(TEXT)[:-cut])


def test_gzip_cut_within_its_header_is_refused(tmp_path):
    assert "it is cut" in reason(tmp_path, "bill.csv.gz", gzip.compress(TEXT)[:6])


@pytest.mark.parametrize("at", [-8, -5, -4, -1])
def test_wrong_crc_or_size_of_a_gzip_is_refused(tmp_path, at):
    data = bytearray(gzip.compress(TEXT))
    data[at] ^= 1
    assert "checksum" in reason(tmp_path, "bill.csv.gz", bytes(data))


def test_one_flipped_digit_in_a_stored_block_is_refused(tmp_path):
    data = gzip.compress(TEXT, compresslevel=0)
    flipped = data.replace(b",7.25\n", b",9.25\n")
    assert flipped != data
    assert len(flipped) == len(data)
    assert "checksum" in reason(tmp_path, "bill.csv.gz", flipped)


def test_wrong_crc_in_an_early_member_is_refused(tmp_path):
    first = bytearray(gzip.compress(TEXT))
    first[-6] ^= 1
    assert "checksum" in reason(tmp_path, "bill.csv.gz", bytes(first) + gzip.compress(ROWS))


def test_broken_deflate_data_is_refused(tmp_path):
    data = bytearray(gzip.compress(TEXT))
    data[15] ^= 0x55
    assert "broken" in reason(tmp_path, "bill.csv.gz", bytes(data))


def test_gzip_that_lost_its_last_members_in_the_middle_of_a_row_is_refused(tmp_path):
    members = [gzip.compress(TEXT[at : at + 777]) for at in range(0, len(TEXT), 777)]
    assert "member" in reason(tmp_path, "bill.csv.gz", b"".join(members[:-1]))


def test_gzip_that_lost_all_members_but_the_first_shows_by_its_last_row(tmp_path):
    end = TEXT.index(b"7.25") - 30
    what = reason(tmp_path, "bill.csv.gz", gzip.compress(TEXT[:end]))
    assert "last row is cut" in what or "quoted value" in what


@pytest.mark.parametrize("extra", [b"x", b"\0" * 512, b"\x1f", b"trailing bytes", b"\x1f\x8b"])
def test_bytes_after_the_end_of_a_gzip_are_refused(tmp_path, extra):
    assert reason(tmp_path, "bill.csv.gz", gzip.compress(TEXT) + extra)


@pytest.mark.parametrize("name", ["bill.csv", "bill.csv.gz", "bill.parquet", "gcp.json"])
def test_empty_file_is_refused(tmp_path, name):
    assert "empty" in reason(tmp_path, name, b"")


def test_gzip_of_nothing_is_refused(tmp_path):
    assert "empty" in reason(tmp_path, "bill.csv.gz", gzip.compress(b""))


def test_binary_file_called_gz_is_refused(tmp_path):
    assert "does not begin as one" in reason(tmp_path, "bill.csv.gz", os.urandom(50) + bytes(100))


def test_plain_csv_cut_in_its_last_row_is_refused(tmp_path):
    assert "1 of 3 columns" in reason(tmp_path, "bill.csv", TEXT + b"Usa")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (parquet_like()[:-10], "end mark"),
        (parquet_like(footer_bytes=0), "footer"),
        (parquet_like(footer_bytes=489), "footer"),
        (b"PAR1", "end mark|footer"),
        (b"not parquet at all", "does not begin"),
    ],
)
def test_parquet_without_both_ends_is_refused(tmp_path, data, words):
    import re

    assert re.search(words, reason(tmp_path, "bill.parquet", data))


def test_missing_file_is_an_error_of_the_system_not_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        verify_file(tmp_path / "absent.csv")


# Bombs -----------------------------------------------------------------------------------------------------


def test_gzip_bomb_is_refused_by_its_ratio(tmp_path):
    data = gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000)
    what = reason(tmp_path, "bill.csv.gz", data, limits=Limits(ratio_from_bytes=1 << 20, max_ratio=100))
    assert "100 times" in what
    assert check(tmp_path, "bill.csv.gz", data).rows == 2_000_000  # small as it is, nobody minds


def test_text_beyond_the_limit_is_refused(tmp_path):
    assert "unpacks" in reason(tmp_path, "a.csv.gz", gzip.compress(TEXT), limits=Limits(max_text_bytes=10_000))


def test_too_many_rows_are_refused(tmp_path):
    assert "rows" in reason(tmp_path, "a.csv", TEXT, limits=Limits(max_rows=500))


def test_endless_line_is_refused_and_not_kept_in_memory(tmp_path):
    data = gzip.compress(b"a,b\n" + b"x" * 30_000_000)
    assert "longer" in reason(tmp_path, "a.csv.gz", data, limits=Limits(max_record_bytes=1 << 20))


def test_tag_of_a_megabyte_is_no_bomb(tmp_path):
    assert check(tmp_path, "a.csv", b'a,b\n1,"' + b"x\n" * 500_000 + b'"\n').rows == 1


def test_myriads_of_empty_gzip_members_are_refused(tmp_path):
    data = gzip.compress(b"a,b\n") + gzip.compress(b"", mtime=0) * 3_000
    assert "members" in reason(tmp_path, "a.csv.gz", data, limits=Limits(max_members=1_000))


# Zip -------------------------------------------------------------------------------------------------------


def zipped(folder: Path, members: dict[str, bytes]) -> bytes:
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path.read_bytes()


def test_single_member_of_a_zip_becomes_a_plain_file_under_our_name(tmp_path):
    data = zipped(tmp_path, {"../../etc/bill-1.csv": TEXT, "__MACOSX/._bill-1.csv": b"x", "folder/": b""})
    target = tmp_path / "0001.csv"
    found = check(tmp_path, "bill-1.csv.zip", data, unzip_to=target)
    assert (found.format, found.compression, found.rows, found.bytes) == ("csv", "zip", 1000, len(data))
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert target.read_bytes() == TEXT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001.csv", "bill-1.csv.zip", "made.zip"]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a.csv": TEXT, "b.csv": TEXT}, "2 files"),
        ({}, "0 files"),
        ({"a.csv": b""}, "empty"),
        ({"a.csv": TEXT + b"Usa"}, "last row is cut"),
        ({"a.csv.gz": gzip.compress(TEXT)}, "packed again"),
        ({"a.zip": b"PK\x03\x04" + bytes(600)}, "packed again"),
    ],
)
def test_zip_that_does_not_hold_one_whole_plain_file_is_refused(tmp_path, members, words):
    data = zipped(tmp_path, members)
    assert words in reason(tmp_path, "bill.zip", data, unzip_to=tmp_path / "out")


def test_zip_with_a_wrong_crc_is_refused(tmp_path):
    path = tmp_path / "stored.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", TEXT)
    data = path.read_bytes().replace(b",7.25\n", b",9.25\n")
    assert "archive is broken" in reason(tmp_path, "bill.zip", data, unzip_to=tmp_path / "out")


def test_truncated_zip_is_refused(tmp_path):
    data = zipped(tmp_path, {"a.csv": TEXT})
    assert "is cut" in reason(tmp_path, "bill.zip", data[:-30], unzip_to=tmp_path / "out")
    assert reason(tmp_path, "bill.zip", data[:200] + data[260:], unzip_to=tmp_path / "out")


def test_zip_bomb_is_refused_while_it_unpacks(tmp_path):
    data = zipped(tmp_path, {"a.csv": b"a,b\n" + b"1,2\n" * 2_000_000})
    limits = Limits(ratio_from_bytes=1 << 20, max_ratio=100)
    assert "100 times" in reason(tmp_path, "bill.zip", data, limits=limits, unzip_to=tmp_path / "out")
    assert (tmp_path / "out").stat().st_size < 3_000_000


def test_zip_with_a_directory_of_myriads_is_refused_before_it_is_read(tmp_path):
    data = zipped(tmp_path, {"a.csv": TEXT})
    at = data.rindex(b"PK\x05\x06")
    data = data[: at + 12] + struct.pack("<I", 1 << 30) + data[at + 16 :]
    assert "directory" in reason(tmp_path, "bill.zip", data, unzip_to=tmp_path / "out")


def test_zip_that_lies_about_its_length_is_refused(tmp_path):
    data = bytearray(zipped(tmp_path, {"a.csv": TEXT}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    assert reason(tmp_path, "bill.zip", bytes(data), unzip_to=tmp_path / "out")


def test_compression_nobody_has_is_refused_by_name(tmp_path):
    data = bytearray(zipped(tmp_path, {"a.csv": TEXT}))
    for mark, at in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        found = data.rindex(mark)
        data[found + at : found + at + 2] = struct.pack("<H", 97)
    assert "not supported" in reason(tmp_path, "bill.zip", bytes(data), unzip_to=tmp_path / "out")


def test_raw_deflate_without_a_wrapper_is_not_taken_for_gzip(tmp_path):
    data = zlib.compress(TEXT)
    assert check(tmp_path, "bill.bin", data).format == "unknown"
