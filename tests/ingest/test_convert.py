"""From files to rows: layouts, packings and orders that must not matter, and values that stop a delivery."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bills import Line, columns_of, csv_text, cur_line, ri_fee, sp_covered, sp_fee, write_cur, write_text
from stores import Store

from core import BadValue, ConformanceFailed, FileCorrupt, KifayatError, UnknownExport

LINES: list[Line] = [
    cur_line(cost="0.1", line_item_resource_id="i-1", resource_tags_user_team="Physics"),
    cur_line(cost="1234.5678901", line_item_resource_id="i-2", pricing_public_on_demand_cost="1300"),
    cur_line("Credit", "-0.0000000013", line_item_line_item_description='"quoted", and\nbroken'),
    *sp_covered("24", "16.25"),
    sp_fee("12", commitment="20", used="16.25"),
    ri_fee("9", upfront="6", unused_upfront="1.2", unused_recurring="1.8"),
    cur_line("DiscountedUsage", "0", at=datetime(2026, 7, 31, 23), reservation_effective_cost="12"),
]
MONEY = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "x_SourceCost", "x_UnusedCost")
SHOWN = "ChargePeriodStart, x_ChargeType, ResourceId, Tags, ChargeDescription, " + ", ".join(MONEY)


def shown(store: Store) -> list[tuple[Any, ...]]:
    return sorted(tuple(str(value) for value in row.values()) for row in store.rows(SHOWN))


@pytest.mark.parametrize("name", ["bill.csv.gz", "bill.zip", "bill.parquet"])
def test_packings_give_the_same_rows(store, name):
    store.load(write_cur(store.folder / "plain.csv", LINES), export="plain")
    plain = shown(store)
    store.load(write_cur(store.folder / name, LINES), export="packed")
    both = shown(store)
    assert len(both) == 2 * len(plain)
    assert both == sorted(plain * 2)


def test_slash_names_and_athena_names_give_the_same_rows(store):
    store.load(write_cur(store.folder / "athena.csv", LINES), export="athena")
    plain = shown(store)
    store.load(write_cur(store.folder / "slash.csv", LINES, slash=True), export="slash")
    assert (store.folder / "slash.csv").read_text(encoding="utf-8").startswith("bill/PayerAccountId,")
    assert shown(store) == sorted(plain * 2)


def test_the_order_of_columns_does_not_matter(store):
    columns = columns_of(LINES)
    store.load(write_cur(store.folder / "a.csv", LINES), export="a")
    plain = shown(store)
    random.Random(7).shuffle(columns)
    store.load(write_cur(store.folder / "b.csv", LINES, columns), export="b")
    assert shown(store) == sorted(plain * 2)


def test_parts_that_order_their_columns_differently_are_one_bill(store):
    columns = columns_of(LINES)
    parts = [
        write_cur(store.folder / "part-1.csv", LINES[:3], columns),
        write_cur(store.folder / "part-2.csv.gz", LINES[3:], columns[::-1]),
    ]
    store.load(*parts)
    assert len(store.rows(where="x_RowOrigin = 'row'")) == len(LINES)
    assert store.total("x_SourceCost") == sum(Decimal(line["line_item_unblended_cost"]) for line in LINES)


def test_many_parts_are_read_in_batches_without_losing_one(store):
    parts = [
        write_cur(store.folder / f"part-{n}.csv", [cur_line(cost=str(n), line_item_resource_id=f"i-{n}")])
        for n in range(19)
    ]
    store.load(*parts)
    assert store.total("BilledCost") == sum(range(19))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\n\n"),
    ],
    ids=["byte order mark", "return and newline", "no last newline", "blank lines"],
)
def test_ways_of_writing_a_csv_do_not_matter(store, change: Callable[[str], str]):
    lines = [cur_line(cost="1"), cur_line(cost="2")]
    store.load(write_text(store.folder / "bill.csv", change(csv_text(lines))))
    assert store.total("BilledCost") == 3


def test_a_new_column_is_loaded_past_and_named(store):
    store.load(write_cur(store.folder / "bill.csv", [cur_line(cost="2", line_item_moon_phase="full")]))
    (event,) = store.events("unread columns")
    assert "line_item_moon_phase" in event["message"]
    assert store.total("BilledCost") == 2


def test_an_optional_column_may_be_missing(store):
    optional = ("line_item_usage_amount", "line_item_operation", "bill_invoice_id", "line_item_usage_account_id")
    line = {name: value for name, value in cur_line(cost="2").items() if name not in optional}
    store.load(write_cur(store.folder / "bill.csv", [line]))
    (charge,) = store.rows("BilledCost, InvoiceId, x_Operation, ConsumedQuantity")
    assert charge == {"BilledCost": 2, "InvoiceId": None, "x_Operation": None, "ConsumedQuantity": None}


def test_a_missing_required_column_is_refused_with_the_nearest_source(store):
    line = {name: value for name, value in cur_line().items() if name != "line_item_unblended_cost"}
    with pytest.raises(UnknownExport) as refused:
        store.load(write_cur(store.folder / "bill.csv", [line]))
    assert "closest is aws_cur, missing line_item_unblended_cost" in str(refused.value)
    assert not store.current()


@pytest.mark.parametrize("packed", ["bill.csv", "bill.csv.gz"])
@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("line_item_unblended_cost", "abc", "a decimal"),
        ("line_item_unblended_cost", "1,234.50", "a decimal"),
        ("line_item_usage_amount", "lots", "a decimal"),
        ("line_item_usage_start_date", "yesterday", "a timestamp"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_with_file_and_row(store, packed, column, value, kind):
    lines = [cur_line(), cur_line(), cur_line(**{column: value}), cur_line()]
    with pytest.raises(BadValue) as refused:
        store.load(write_cur(store.folder / packed, lines))
    assert f"{column} is {value!r}" in str(refused.value)
    assert f"Where: {packed}, data row 3" in str(refused.value)
    assert f"Expected: {kind}" in str(refused.value)
    assert not store.current()


@pytest.mark.parametrize("name", ["bill.csv", "bill.parquet"])
def test_an_empty_cost_is_refused_with_file_and_row(store, name):
    lines = [cur_line(), cur_line(cost=""), cur_line()]
    with pytest.raises(BadValue) as refused:
        store.load(write_cur(store.folder / name, lines))
    assert "required values are empty: x_SourceCost in 1 rows" in str(refused.value)
    assert f"{name}, data row 2: line_item_unblended_cost" in str(refused.value)


def test_the_bad_file_of_many_is_the_one_that_is_named(store):
    good = write_cur(store.folder / "part-1.csv", [cur_line()])
    bad = write_cur(store.folder / "part-2.csv", [cur_line(), cur_line(cost="n/a")])
    with pytest.raises(BadValue, match=r"part-2\.csv, data row 2"):
        store.load(good, bad)


def test_a_charge_without_a_currency_is_refused(store):
    with pytest.raises(BadValue, match="BillingCurrency in 1 rows"):
        store.load(write_cur(store.folder / "bill.csv", [cur_line(), cur_line(line_item_currency_code="")]))


@pytest.mark.parametrize("row", ["a,b\n", ",".join("x" * 40) + "\n"], ids=["short", "long"])
def test_a_row_with_another_number_of_values_is_refused(store, row):
    path = write_text(store.folder / "bill.csv", csv_text([cur_line(), cur_line()]) + row)
    with pytest.raises(KifayatError) as refused:
        store.load(path)
    assert "bill.csv" in str(refused.value)
    assert not store.current()


def test_more_decimals_than_can_be_stored_are_rounded_and_counted(store):
    costs = ["0.12345678901234567890", "1e-13", "1.3E-9", "-5", "4E-20"]
    store.load(write_cur(store.folder / "bill.csv", [cur_line(cost=cost) for cost in costs]))
    (event,) = store.events("rounded")
    assert event["message"].startswith("2 amounts")
    assert store.total("BilledCost") == Decimal("-4.876543209687554321")


def test_tiny_amounts_add_up_exactly(store):
    store.load(write_cur(store.folder / "bill.csv", [cur_line(cost=cost) for cost in ["1e-13", "1.3E-9"] * 50]))
    assert store.total("BilledCost") == Decimal("6.5005E-8")
    assert not store.events("rounded")


def test_an_amount_that_no_bill_has_is_refused_and_not_cut(store):
    with pytest.raises(BadValue, match="data row 1"):
        store.load(write_cur(store.folder / "bill.csv", [cur_line(cost="1234567890123456789012")]))


def test_one_delivery_of_two_kinds_is_refused(store):
    bill = write_cur(store.folder / "bill.csv", [cur_line()])
    users = write_text(store.folder / "users.csv", "active_on,active_users\n2026-07-01,5\n")
    with pytest.raises(ConformanceFailed, match="mixes active_users and aws_cur"):
        store.load(bill, users)


def test_a_header_that_names_a_column_twice_is_refused(store):
    text = csv_text([cur_line()]).replace("bill_invoice_id", "line_item_operation", 1)
    with pytest.raises(BadValue, match="names line_item_operation twice"):
        store.load(write_text(store.folder / "bill.csv", text))


@pytest.mark.parametrize("column", ["line_item_resource_id", "line_item_moon_phase"])
def test_a_file_that_is_not_utf8_is_refused(store, column):
    path = store.folder / "bill.csv"
    path.write_bytes(csv_text([cur_line(), cur_line(**{column: "Zürich"})]).encode("latin-1"))
    with pytest.raises((FileCorrupt, BadValue), match=r"bill\.csv"):
        store.load(path)


def test_a_header_of_one_endless_word_is_refused(store):
    with pytest.raises(KifayatError, match=r"bill\.csv"):
        store.load(write_text(store.folder / "bill.csv", "x" * 200_000 + "\n1\n"))


def test_a_damaged_parquet_file_is_refused_by_name(store):
    lines = [cur_line(cost=str(n), line_item_resource_id=f"i-{n}") for n in range(500)]
    whole = write_cur(store.folder / "whole.parquet", lines).read_bytes()
    refused = []
    for eighth in range(1, 8):
        at = len(whole) * eighth // 8
        path = store.folder / "damaged.parquet"
        path.write_bytes(whole[:at] + b"\xff" * 64 + whole[at + 64 :])
        try:
            store.load(path)
        except KifayatError as error:  # not every byte is checked by the format
            refused.append(str(error))
    assert len(refused) >= 3
    assert all("damaged.parquet" in message for message in refused)


def test_a_field_that_first_appears_late_in_a_json_file_is_read(store):
    text = "".join(
        json.dumps({"active_on": "2026-07-01", "active_users": n, **({"state": "Kerala"} if n == 400 else {})}) + "\n"
        for n in range(401)
    )
    store.load(write_text(store.folder / "users.json", text))
    states = store.rows("state, active_users AS n", "TRUE ORDER BY n", kind="active_users")
    # rows of one day and state are one cell
    assert states == [{"state": "Kerala", "n": 400}, {"state": "all", "n": sum(range(400))}]


def test_maps_give_the_same_rows_in_parquet_and_in_csv(store):
    lines = [cur_line(cost="1"), cur_line(cost="2")]
    maps: dict[str, list[dict[str, Any]]] = {
        "product": [{"product_name": "Amazon Moonbase"}, {}],
        "resource_tags": [{"user_team": "Physics", "user_Team": "Biology"}, {}],
        "cost_category": [{"centre": "A"}, {}],
        "discount": [{"total_discount": -0.5}, {}],
    }
    tests: list[list[dict[str, Any]]] = []
    for name in ("bill.parquet", "bill.csv.gz"):
        path = write_cur(store.folder / name, lines, maps=maps)
        store.load(path)
        assert store.current()[0].source == "aws_cur_2"
        tests.append(
            store.rows(
                "BilledCost, ServiceName, json(Tags) AS tags, x_CostCategories AS categories,"
                " json_extract_string(x_Discounts, '/total_discount') AS discount",
                "TRUE ORDER BY BilledCost",
            )
        )
    for row in [*tests[0], *tests[1]]:
        row["tags"] = json.loads(row["tags"] or "{}")
        row["categories"] = json.loads(row["categories"] or "{}")
    assert tests[0] == tests[1]
    assert tests[0][0]["categories"] == {"centre": "A"}
    assert tests[0][0]["discount"] == "-0.5"


def test_the_name_of_a_file_is_no_part_of_a_statement(store):
    path = write_cur(store.folder / "a', (SELECT 1)) --.csv", [cur_line(cost="4")])
    assert store.load(Path(path)).outcome == "loaded"
    assert store.total("BilledCost") == 4
