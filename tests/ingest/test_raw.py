"""Reading columns exactly: text, doubles, decimals, times, tags and lists in CSV, JSON and Parquet."""

from __future__ import annotations

import os
import random
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import BadValue
from warehouse import Column, Engine, FileGroup, Match, raw_select

SEED = int(os.environ.get("KIFAYAT_TEST_SEED", random.randrange(1 << 32)))


def rows(engine: Engine, group: FileGroup, *matches: Match, cost: str = "", nulls: tuple[str, ...] = ()) -> list[Any]:
    return engine.dicts(raw_select(group, matches, cost, nulls))


def csv_group(path: Path, text: str) -> FileGroup:
    path.write_text(text, encoding="utf-8")
    header = text.split("\n", 1)[0].split(",")
    return FileGroup("csv", (path,), dict.fromkeys(header, "VARCHAR"), (("compression", "none"),))


def json_group(path: Path, text: str, *names: str, layout: str = "newline_delimited") -> FileGroup:
    path.write_text(text, encoding="utf-8")
    return FileGroup("json", (path,), dict.fromkeys(names, "JSON"), (("compression", "none"), ("layout", layout)))


def parquet_group(engine: Engine, path: Path, **columns: pa.Array) -> FileGroup:
    pq.write_table(pa.table(columns), path)
    return FileGroup("parquet", (path,), engine.fields(f"SELECT * FROM read_parquet('{path}')"))


def one(engine: Engine, path: Path, kind: str, text: str) -> Any:
    """The value that a CSV's text becomes; the text stands quoted beside another column."""
    quoted = '"' + text.replace('"', '""') + '"'
    group = csv_group(path / "a.csv", f"v,w\n{quoted},1\n")
    (row,) = rows(engine, group, Match(Column("v", kind), "v"))
    return row["v"]


@pytest.mark.parametrize(
    "text",
    ["0", "-0.5", "1e-13", "1.3E-9", "5547.0", "-1234567890.123456789", "0.123456789012345678", "99999999999999999999",
     "1E5", ".5", "0.00000000011", "12345678.00000000009", "+3.25"],
)  # fmt: skip
def test_a_figure_is_exactly_what_its_text_says(engine, tmp_path, text):
    assert one(engine, tmp_path, "decimal", text) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [("0.1234567890123456785", "0.123456789012345679"), ("-0.1234567890123456785", "-0.123456789012345679"),
     ("5E-19", "0.000000000000000001"), ("4.9E-19", "0"), ("5E-20", "0"), ("-9.9E-25", "0")],
)  # fmt: skip
def test_more_than_eighteen_decimals_are_rounded_half_up(engine, tmp_path, text, stored):
    assert one(engine, tmp_path, "decimal", text) == Decimal(stored)


@pytest.mark.parametrize("text", ["abc", "1,234.50", "NaN", "inf", "0x10", "1 000", "$1", "--1", "1E400", "true"])
def test_what_is_no_figure_is_an_error_and_never_zero(engine, tmp_path, text):
    with pytest.raises(BadValue):
        one(engine, tmp_path, "decimal", text)


@pytest.mark.parametrize(
    ("text", "is_rounded"),
    [("0.123456789012345678", False), ("0.1234567890123456789", True), ("1E-18", False), ("1.5E-18", True),
     ("1e-20", True), ("1.2345678901234567E-1", False), ("12345678901234567890", False), ("-1e-19", True)],
)  # fmt: skip
def test_a_row_says_whether_its_cost_was_rounded(engine, tmp_path, text, is_rounded):
    group = csv_group(tmp_path / "a.csv", f"v,w\n{text},1\n")
    (row,) = rows(engine, group, Match(Column("v", "decimal"), "v"), cost="v")
    assert row["x_is_rounded"] is is_rounded


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-01T00:00:00Z", datetime(2026, 7, 1)),
        ("2026-07-01T01:02:03.000Z", datetime(2026, 7, 1, 1, 2, 3)),
        ("2026-07-01 00:00:00.000", datetime(2026, 7, 1)),
        ("2026-07-01 00:00", datetime(2026, 7, 1)),
        ("2026-07-01", datetime(2026, 7, 1)),
        ("2026-07-01T00:00:00+05:30", datetime(2026, 6, 30, 18, 30)),
        ("2026-07-01 00:00:00+0530", datetime(2026, 6, 30, 18, 30)),
        ("2026-07-01 00:00:00-07", datetime(2026, 7, 1, 7)),
        ("2026-07-01 00:00:00 UTC", datetime(2026, 7, 1)),
    ],
)
def test_a_time_is_kept_in_utc(engine, tmp_path, text, instant):
    assert one(engine, tmp_path, "timestamp", text) == instant


@pytest.mark.parametrize("kind", ["text", "decimal", "timestamp", "date", "boolean", "integer", "json"])
def test_an_empty_value_is_absent(engine, tmp_path, kind):
    group = csv_group(tmp_path / "a.csv", 'v,w,u\n,1,\n"",2,x\n')
    values = rows(engine, group, Match(Column("v", kind), "v"), Match(Column("w", "integer"), "w"))
    assert [row["v"] for row in values] == [None, None]


def test_a_word_for_nothing_is_absent_where_the_source_says_so(engine, tmp_path):
    group = csv_group(tmp_path / "a.csv", "v,w\nNULL,NULL\nx,1.5\n")
    matches = (Match(Column("v", "text"), "v"), Match(Column("w", "decimal"), "w"))
    assert [(row["v"], row["w"]) for row in rows(engine, group, *matches, nulls=("NULL",))] == [
        (None, None),
        ("x", Decimal("1.5")),
    ]


def test_quoted_commas_quotes_and_newlines_belong_to_the_value(engine, tmp_path):
    text = 'a "b", c\nd\r\ne'
    assert one(engine, tmp_path, "text", text) == text


def test_other_kinds_are_read_as_they_are(engine, tmp_path):
    assert one(engine, tmp_path, "date", "2026-07-18") == date(2026, 7, 18)
    assert one(engine, tmp_path, "integer", "41") == 41
    assert one(engine, tmp_path, "boolean", "true") is True
    assert one(engine, tmp_path, "text", "0007") == "0007"


def test_a_column_is_found_by_place_not_by_name(engine, tmp_path):
    group = csv_group(tmp_path / "a.csv", "Team,team\nBiology,Physics\n")
    matches = (Match(Column("lower", "text"), "team"), Match(Column("upper", "text"), "Team"))
    (row,) = rows(engine, group, *matches)
    assert (row["lower"], row["upper"]) == ("Physics", "Biology")


def test_an_absent_column_is_empty_of_its_type(engine, tmp_path):
    group = csv_group(tmp_path / "a.csv", "v,w\n1,2\n")
    select = raw_select(group, [Match(Column("x", "decimal")), Match(Column("y", "timestamp"))], "")
    assert [kind for _, kind in engine.describe(select)][:2] == ["DECIMAL(38,18)", "TIMESTAMP"]


def stored(text: str) -> Decimal:
    """What eighteen decimals can hold of a figure, in arithmetic that is not the engine's."""
    with localcontext(prec=400):
        return Decimal(text).quantize(Decimal("1E-18"), ROUND_HALF_UP)


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        0.1 + 0.2,
        1e-13,
        1.3e-09,
        2.675,
        899_999.9999,
        524_288.1,
        899_999.12345678,
        67_108_864.00000001,
        99_999_999.99,
        1e15 / 3,
        -123456.7890123,
        5e-324,
    ],
)
def test_a_double_is_its_shortest_text(engine, tmp_path, value):
    group = parquet_group(engine, tmp_path / "a.parquet", v=pa.array([value]))
    (row,) = rows(engine, group, Match(Column("v", "decimal"), "v"))
    assert row["v"] == stored(repr(value))


def test_any_double_is_its_shortest_text(engine, tmp_path):
    dice = random.Random(SEED)
    print(f"KIFAYAT_TEST_SEED={SEED}")
    wild = [dice.uniform(-1, 1) * 10.0 ** dice.randrange(-25, 14) for _ in range(2000)]
    prices = [round(dice.uniform(0, 1 << dice.choice((10, 21, 28))), dice.randrange(11)) for _ in range(12_000)]
    group = parquet_group(engine, tmp_path / "a.parquet", v=pa.array([*wild, *prices]))
    found = rows(engine, group, Match(Column("d", "text"), "v"), Match(Column("v", "decimal"), "v"))
    assert [row for row in found if row["v"] != stored(row["d"])] == []


def test_any_figure_with_an_exponent_is_exact(engine, tmp_path):
    dice = random.Random(SEED)
    print(f"KIFAYAT_TEST_SEED={SEED}")
    texts = [f"{dice.choice('-+ ')}{dice.randrange(10**6)}.{dice.randrange(10**9)}E{dice.randrange(-40, 13)}".strip()
             for _ in range(5000)]  # fmt: skip
    group = csv_group(tmp_path / "a.csv", "v,w\n" + "".join(f"{text},1\n" for text in texts))
    found = rows(engine, group, Match(Column("t", "text"), "v"), Match(Column("v", "decimal"), "v"))
    assert [row for row in found if row["v"] != stored(row["t"])] == []


def test_decimals_and_times_of_parquet_keep_their_values(engine, tmp_path):
    group = parquet_group(
        engine,
        tmp_path / "a.parquet",
        v=pa.array([Decimal("1.123456789012345678")], pa.decimal128(38, 18)),
        t=pa.array([datetime(2026, 7, 1, 5, 30)], pa.timestamp("us", "UTC")),
        n=pa.array([datetime(2026, 7, 1)], pa.timestamp("ns")),
    )
    (row,) = rows(
        engine,
        group,
        Match(Column("v", "decimal"), "v"),
        Match(Column("t", "timestamp"), "t"),
        Match(Column("n", "timestamp"), "n"),
    )
    assert row["v"] == Decimal("1.123456789012345678")
    assert (row["t"], row["n"]) == (datetime(2026, 7, 1, 5, 30), datetime(2026, 7, 1))


def test_a_map_of_parquet_becomes_an_object(engine, tmp_path):
    tags = pa.array([[("team", "Physics"), ("note", 'a "b"')], [], None], pa.map_(pa.string(), pa.string()))
    group = parquet_group(engine, tmp_path / "a.parquet", v=tags)
    found = rows(engine, group, Match(Column("v", "json"), "v"))
    assert [row["v"] for row in found] == ['{"team":"Physics","note":"a \\"b\\""}', None, None]


def test_one_value_of_a_map_can_be_a_column(engine, tmp_path):
    products = pa.array([[("product_name", "Amazon S3")], [], None], pa.map_(pa.string(), pa.string()))
    group = parquet_group(engine, tmp_path / "a.parquet", product=products)
    found = rows(engine, group, Match(Column("p", "text"), "product", key="product_name"))
    assert [row["p"] for row in found] == ["Amazon S3", None, None]


def test_one_value_of_an_object_in_a_csv_can_be_a_column(engine, tmp_path):
    group = csv_group(tmp_path / "a.csv", 'product,w\n"{""product_name"": ""Amazon S3""}",1\n{},2\n,3\n')
    found = rows(engine, group, Match(Column("p", "text"), "product", key="product_name"))
    assert [row["p"] for row in found] == ["Amazon S3", None, None]


def test_labels_as_pairs_become_an_object_with_every_pair(engine, tmp_path):
    pairs = pa.array(
        [[{"key": "team", "value": "Physics"}, {"key": "team", "value": None}], []],
        pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])),
    )
    group = parquet_group(engine, tmp_path / "a.parquet", labels=pairs)
    found = rows(engine, group, Match(Column("labels", "json"), "labels"))
    assert [row["labels"] for row in found] == ['{"team":"Physics","team":null}', None]


@pytest.mark.parametrize(
    ("text", "stored"),
    [('{"team": "Physics"}', '{"team":"Physics"}'), ("{}", None), ('[{"key": "a", "value": "b"}]', '{"a":"b"}'),
     ("[]", None), ("null", None)],
)  # fmt: skip
def test_tags_written_as_text_become_an_object(engine, tmp_path, text, stored):
    found = one(engine, tmp_path, "json", text)
    assert (None if found is None else found.replace(": ", ":")) == stored


def test_columns_of_a_prefix_become_an_object_without_the_empty_ones(engine, tmp_path):
    group = csv_group(tmp_path / "a.csv", "a,b,c\nPhysics,,\n,,\n")
    tags = Match(Column("t", "json"), None, (("team", "a"), ('odd "key"\\', "b")))
    assert [row["t"] for row in rows(engine, group, tags)] == ['{"team":"Physics"}', None]


def test_lists_keep_every_element(engine, tmp_path):
    credits = Column("credits", "list", fields=(("name", "text"), ("amount", "decimal")))
    text = (
        '{"credits": [{"name": "SUD", "amount": -0.1}, {"name": "Promotion", "amount": -1e-7}]}\n{"credits": []}\n{}\n'
    )
    found = rows(engine, json_group(tmp_path / "a.json", text, "credits"), Match(credits, "credits"))
    assert found[0]["credits"] == [
        {"name": "SUD", "amount": Decimal("-0.1")},
        {"name": "Promotion", "amount": Decimal("-0.0000001")},
    ]
    assert [row["credits"] for row in found[1:]] == [[], None]


def test_a_nested_field_is_read_by_its_path(engine, tmp_path):
    group = json_group(tmp_path / "a.json", '{"usage": {"amount": 0.1}}\n{"usage": null}\n{}\n', "usage.amount")
    found = rows(engine, group, Match(Column("usage.amount", "decimal"), "usage.amount"))
    assert [row["usage_amount"] for row in found] == [Decimal("0.1"), None, None]


@pytest.mark.parametrize("text", ["0.1", "1.3e-09", "123456789.12345678", "0.1234567890123456", "-2.675", "41"])
def test_a_number_of_json_has_the_digits_of_a_double(engine, tmp_path, text):
    # FLOAT64 columns of BigQuery, which is what these files are exported from; longer figures come as text.
    group = json_group(tmp_path / "a.json", f'{{"cost": {text}}}\n', "cost")
    (row,) = rows(engine, group, Match(Column("cost", "decimal"), "cost"))
    assert row["cost"] == Decimal(text)


def test_a_figure_written_as_text_in_json_keeps_all_its_digits(engine, tmp_path):
    group = json_group(tmp_path / "a.json", '{"cost": "12.123456789012345678"}\n', "cost")
    (row,) = rows(engine, group, Match(Column("cost", "decimal"), "cost"))
    assert row["cost"] == Decimal("12.123456789012345678")


@pytest.mark.parametrize("layout", ["array", "unstructured"])
def test_objects_may_stand_in_an_array_or_over_several_lines(engine, tmp_path, layout):
    objects = ['{\n  "cost": 1.5\n}', '{\n  "cost": 2\n}']
    text = f"[{','.join(objects)}]" if layout == "array" else "\n".join(objects)
    group = json_group(tmp_path / "a.json", text, "cost", layout=layout)
    found = rows(engine, group, Match(Column("cost", "decimal"), "cost"))
    assert sum(row["cost"] for row in found) == Decimal("3.5")
