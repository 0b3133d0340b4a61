"""Feeds: rates do not jump, zeros are no rates, counts are not negative, nobody is named."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from bills import write_text
from stores import AFTER_JULY, Store

from core import BadValue

DATA = Path(__file__).parent.parent / "data" / "fx"
LATER = AFTER_JULY + timedelta(days=1)


def rates(store: Store, *days: tuple[str, str], name: str = "rates.csv", currency: str = "USD") -> Path:
    text = "date,currency,inr_per_unit\n" + "".join(f"{day},{currency},{rate}\n" for day, rate in days)
    return write_text(store.folder / name, text)


def load(store: Store, path: Path, *, later: int = 0) -> str:
    return store.load(path, export="fx", at=AFTER_JULY + timedelta(days=later)).outcome


def accepted(store: Store) -> list[tuple[date, Decimal]]:
    return [
        (row["rate_on"], row["rate"])
        for row in store.rows("rate_on, rate", "TRUE ORDER BY rate_on, rate", kind="fx_rates")
    ]


def test_rates_are_loaded_as_they_are(store):
    load(store, rates(store, ("2026-07-01", "86.123456"), ("2026-07-02", "86.5")))
    assert accepted(store) == [(date(2026, 7, 1), Decimal("86.123456")), (date(2026, 7, 2), Decimal("86.5"))]


@pytest.mark.parametrize("rate", ["95.3", "77.1", "8650", "0.865"])
def test_a_jump_of_more_than_a_tenth_in_a_day_is_refused_with_its_date(store, rate):
    with pytest.raises(BadValue) as refused:
        load(store, rates(store, ("2026-07-01", "86"), ("2026-07-02", "86.5"), ("2026-07-03", rate)))
    assert f"the rate jumps from 86.500000 on 2026-07-02 to {Decimal(rate):.6f} on 2026-07-03" in str(refused.value)
    assert "rates.csv" in str(refused.value)
    assert not store.current("fx_rates")


def test_a_jump_against_the_rates_of_another_file_is_refused(store):
    load(store, rates(store, ("2026-07-01", "86"), name="rates-july.csv"))
    with pytest.raises(BadValue, match=r"from 86\.000000 on 2026-07-01 to 100\.000000 on 2026-07-02"):
        load(store, rates(store, ("2026-07-02", "100"), name="rates-next.csv"), later=1)
    assert accepted(store) == [(date(2026, 7, 1), 86)]


def test_a_tenth_for_every_day_of_a_gap_is_allowed(store):
    load(store, rates(store, ("2026-07-01", "86"), ("2026-07-05", "100")))
    assert len(accepted(store)) == 2


def test_two_rates_of_one_day_that_disagree_widely_are_refused(store):
    with pytest.raises(BadValue, match="jumps"):
        load(store, rates(store, ("2026-07-01", "86"), ("2026-07-01", "100")))


def test_a_correction_of_a_file_is_measured_against_the_days_before_it(store):
    load(store, rates(store, ("2026-07-01", "86"), ("2026-07-02", "90")))
    assert load(store, rates(store, ("2026-07-01", "86"), ("2026-07-02", "87")), later=1) == "loaded"
    assert accepted(store)[-1] == (date(2026, 7, 2), 87)


def test_currencies_do_not_jump_against_each_other(store):
    text = "date,currency,inr_per_unit\n2026-07-01,USD,86\n2026-07-01,EUR,101\n2026-07-02,USD,86\n"
    load(store, write_text(store.folder / "rates.csv", text))
    assert len(accepted(store)) == 3


def test_doubled_dates_are_counted(store):
    load(store, rates(store, ("2026-07-01", "86"), ("2026-07-01", "86.2"), ("2026-07-02", "86.1")))
    (event,) = store.events("doubled")
    assert event["message"].startswith("1 dates of rates.csv occur more than once")


def test_a_zero_or_an_empty_rate_is_absent(store):
    load(store, rates(store, ("2026-07-01", "86"), ("2026-07-02", "0.00"), ("2026-07-03", ""), ("2026-07-04", "86.3")))
    assert [on.day for on, _ in accepted(store)] == [1, 4]
    (event,) = store.events("absent")
    assert event["message"].startswith("2 rows of rates.csv have no rate")


def test_a_negative_rate_is_refused(store):
    with pytest.raises(BadValue, match="the rate is not positive"):
        load(store, rates(store, ("2026-07-01", "-86")))


def test_a_file_without_any_rate_is_refused_and_the_old_rates_stay(store):
    load(store, rates(store, ("2026-07-01", "86")))
    with pytest.raises(BadValue, match="no usable row"):
        load(store, rates(store, ("2026-07-02", "0")), later=1)
    assert accepted(store) == [(date(2026, 7, 1), 86)]


@pytest.mark.parametrize(
    ("name", "count", "doubled", "absent"),
    [("usd_inr_ecb_cross_daily.csv", 2118, 0, 0), ("usd_inr_sbi_tt_daily.csv", 1571, 12, 54),
     ("usd_inr_fred_monthly.csv", 642, 0, 0)],
)  # fmt: skip
def test_the_real_histories_load_with_their_zeros_gaps_and_doubles(store, name, count, doubled, absent):
    store.load(DATA / name, export="fx")
    assert len(accepted(store)) == count
    assert [row["message"].split()[0] for row in store.events("doubled")] == ([str(doubled)] if doubled else [])
    assert [row["message"].split()[0] for row in store.events("absent")] == ([str(absent)] if absent else [])


@pytest.mark.parametrize("column", ["email", "Student Name", "studentName", "PHONE", "Roll Number", "DeviceId", "name"])
def test_a_column_about_persons_is_refused(store, column):
    text = f"active_on,active_users,{column}\n2026-07-01,1,somebody\n"
    with pytest.raises(BadValue, match="columns about persons"):
        store.load(write_text(store.folder / "users.csv", text), export="users")
    assert not store.current("active_users")


def test_negative_users_are_refused(store):
    with pytest.raises(BadValue, match="active_users is negative in 1 rows"):
        store.load(write_text(store.folder / "users.csv", "active_on,active_users\n2026-07-01,-3\n"), export="users")


def test_zero_users_and_missing_days_are_facts(store):
    text = "active_on,active_users,state\n2026-07-01,0,Kerala\n2026-07-04,12,\n"
    store.load(write_text(store.folder / "users.csv", text), export="users")
    rows = store.rows("active_on, active_users, state, product, metric", "TRUE ORDER BY 1", kind="active_users")
    assert [tuple(row.values()) for row in rows] == [
        (date(2026, 7, 1), 0, "Kerala", "all", "dau"),
        (date(2026, 7, 4), 12, "all", "all", "dau"),
    ]


def test_an_invoice_rate_of_nothing_is_refused(store):
    header = "billing_account_id,invoice_id,billing_month,currency,amount,tax,inr_per_unit\n"
    path = write_text(store.folder / "invoices.csv", header + "1,IN-1,2026-07-01,USD,100,18,0\n")
    with pytest.raises(BadValue, match="inr_per_unit is not positive"):
        store.load(path, export="invoices")


def test_a_new_file_of_the_same_name_replaces_the_old_one(store):
    users = "active_on,active_users\n2026-07-01,{}\n"
    store.load(write_text(store.folder / "users.csv", users.format(5)), export="users")
    store.load(write_text(store.folder / "users.csv", users.format(6)), export="users", at=LATER)
    assert store.rows("SUM(active_users) AS n", kind="active_users") == [{"n": 6}]


def test_a_feed_row_without_its_key_is_refused_with_its_place(store):
    text = "active_on,active_users\n2026-07-01,5\n,6\n"
    with pytest.raises(BadValue, match=r"users\.csv, data row 2: active_on"):
        store.load(write_text(store.folder / "users.csv", text), export="users")
