"""The second opinion: Python's own csv, json and Decimal find in the files what the engine loaded."""

from __future__ import annotations

import json
import os
import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from bills import cur_line, sp_covered, sp_fee, write_cur, write_text
from stores import AFTER_JULY, IN_JULY, Store

from core import BadValue
from ingest import recount
from ingest.recount import Recount, count_file
from ingest.source import sources

DATA = Path(__file__).parent.parent / "data"
SEED = int(os.environ.get("KIFAYAT_TEST_SEED", random.randrange(1 << 32)))


def only(store: Store) -> Recount:
    (found,) = recount(store.warehouse.ledger)
    return found


@pytest.mark.parametrize("name", ["bill.csv", "bill.csv.gz", "bill.zip", "bill.parquet"])
def test_files_and_rows_agree_whatever_the_packing(store, name):
    lines = [cur_line(cost="0.1"), cur_line(cost="-1234567.13"), cur_line("Credit", "-1.3E-9"),
             *sp_covered("24", "16"), sp_fee("12", commitment="20", used="16")]  # fmt: skip
    store.load(write_cur(store.folder / name, lines))
    found = only(store)
    assert found.is_reconciled
    assert (found.files_rows, found.loaded_rows) == (6, 6)
    assert found.files_cost == found.loaded_cost == Decimal("-1234555.0300000013")


def random_costs(count: int) -> list[str]:
    dice = random.Random(SEED)
    print(f"KIFAYAT_TEST_SEED={SEED}")
    return [
        dice.choice(
            [
                f"{dice.randrange(-(10**6), 10**6)}.{dice.randrange(10**10):010d}",
                f"{dice.random():.16g}",
                f"{dice.randrange(1, 99)}E-{dice.randrange(1, 25)}",
                f"0.{dice.randrange(10**25):025d}",
            ]
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("name", ["bill.csv.gz", "bill.parquet"])
def test_files_and_rows_agree_for_any_figures(store, name):
    store.load(write_cur(store.folder / name, [cur_line(cost=cost) for cost in random_costs(2000)]))
    found = only(store)
    assert found.is_reconciled, (found.files_cost, found.loaded_cost)


#: Samples that are not what they say: the reason why each is refused.
REFUSED = {
    "koku_cur1_2018_legacy.csv": "line 2 has 130 values, the header names 131",
    "commitment_discount_purchase_scenario_2.csv": "data row 3. Expected: a timestamp",  # it ends at 30 o'clock
}
SAMPLES = [*sorted((DATA / "aws-cur").glob("koku_*.csv")), *sorted((DATA / "focus").rglob("*.csv*"))]


def test_a_sample_that_contradicts_itself_is_refused_with_the_reason(store):
    for path in SAMPLES:
        if path.name in REFUSED:
            with pytest.raises(BadValue, match=REFUSED[path.name]):
                store.load(path)


@pytest.mark.parametrize("path", [path for path in SAMPLES if path.name not in REFUSED], ids=lambda path: path.name)
def test_every_sample_is_loaded_to_its_last_digit(store, path):
    store.load(path)
    found = only(store)
    assert found.is_reconciled, (found.files_rows, found.loaded_rows, found.files_cost, found.loaded_cost)


@pytest.mark.parametrize("path", sorted((DATA / "gcp-billing").glob("*.csv*")), ids=lambda p: p.name)
def test_every_gcp_sample_is_loaded_with_its_credits(store, path):
    store.load(path)
    assert all(found.is_reconciled for found in recount(store.warehouse.ledger))


def test_huge_sums_are_not_rounded(store):
    costs = ["99999999999.123456789012345678", "0.000000000000000001", "-1"]
    store.load(write_cur(store.folder / "bill.csv", [cur_line(cost=cost) for cost in costs]))
    found = only(store)
    assert found.is_reconciled
    assert str(found.files_cost) == "99999999998.123456789012345679"


def test_a_value_of_a_megabyte_is_counted(store):
    store.load(write_cur(store.folder / "bill.csv", [cur_line(cost="3", resource_tags_user_note="x" * 1_000_000)]))
    assert only(store).is_reconciled


def test_a_file_that_is_gone_is_unknown_and_not_wrong(store):
    path = write_cur(store.folder / "bill.csv", [cur_line()])
    store.load(path)
    path.unlink()
    found = only(store)
    assert (found.files_rows, found.files_cost) == (None, None)
    assert found.note == "bill.csv is no longer what was loaded"
    assert found.is_reconciled is None


def test_a_file_that_was_changed_is_not_counted(store):
    path = write_cur(store.folder / "bill.csv", [cur_line(cost="1")])
    store.load(path)
    write_cur(path, [cur_line(cost="2")])
    assert only(store).note == "bill.csv is no longer what was loaded"


def test_several_loads_of_one_file_are_one_figure(store):
    lines = [cur_line(cost="1", bill_payer_account_id="p1"), cur_line(cost="2", bill_payer_account_id="p2")]
    store.load(write_cur(store.folder / "bill.csv", lines))
    found = only(store)
    assert (found.payer, found.files_cost, found.is_reconciled) == ("2 loads", 3, True)


def test_a_delivery_of_which_a_part_was_replaced_is_not_compared(store):
    lines = [cur_line(cost="1", bill_payer_account_id="p1"), cur_line(cost="2", bill_payer_account_id="p2")]
    store.load(write_cur(store.folder / "both.csv", lines))
    one = write_cur(store.folder / "one.csv", [cur_line(cost="5", bill_payer_account_id="p1")])
    store.load(one, at=AFTER_JULY + timedelta(days=1))
    notes = {found.payer: found.note for found in recount(store.warehouse.ledger)}
    assert notes == {"p1": "", "p2": "part of the delivery has been replaced"}


@pytest.mark.parametrize("name", ["both.csv", "both.parquet"])
def test_a_delivery_of_which_a_part_came_too_late_is_not_compared(store, name):
    store.load(write_cur(store.folder / "one.csv", [cur_line(cost="5", bill_payer_account_id="p1")]))
    lines = [cur_line(cost="1", bill_payer_account_id="p1"), cur_line(cost="2", bill_payer_account_id="p2")]
    store.load(write_cur(store.folder / name, lines), at=IN_JULY)
    notes = {found.payer: found.note for found in recount(store.warehouse.ledger)}
    assert notes["p1"] == ""
    assert "older than what is loaded" in notes["p2"]
    states = {found.payer: found.is_reconciled for found in recount(store.warehouse.ledger)}
    assert states == {"p1": True, "p2": None}


def test_a_content_that_came_back_is_compared_again(store):
    path = store.folder / "bill.csv"
    for day, cost in enumerate(("1", "2", "1")):
        store.load(write_cur(path, [cur_line(cost=cost)]), at=AFTER_JULY + timedelta(days=day))
    found = only(store)
    assert (found.files_cost, found.is_reconciled, found.note) == (1, True, "")


def test_credits_count_with_the_cost(tmp_path):
    rows = [
        {"cost": 10.5, "credits": [{"amount": -0.5}, {"amount": -2}]},
        {"cost": 1, "credits": []},
        {"cost": 2},
    ]
    path = write_text(tmp_path / "gcp.json", "".join(json.dumps(row) + "\n" for row in rows))
    assert count_file(path, sources()["gcp_billing_standard"]) == (3, 11)


def test_what_is_no_figure_is_an_error(tmp_path):
    path = write_cur(tmp_path / "bill.csv", [cur_line(cost="1,5")])
    with pytest.raises(BadValue, match="is not a number"):
        count_file(path, sources()["aws_cur"])
