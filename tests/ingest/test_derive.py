"""What a bill implies: unused commitment over the hours that have passed, without the spike on day one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from bills import MONTH_END, MONTH_START, RESERVATION, Line, cur_line, ri_fee, sp_covered, sp_fee, write_cur
from stores import AFTER_JULY, IN_JULY, Store

from ingest.derive import known_through, spread

DAY = timedelta(days=1)
RESERVED = {"reservation_reservation_a_r_n": RESERVATION}

# A reservation of 10 a day; on 11 July AWS counts the 21 days to come as unused.
OPEN_MONTH = {"period_cost": Decimal(310), "complete_through": datetime(2026, 7, 11)}


def pieces(unused: str, **more: object) -> list[tuple[datetime, datetime, Decimal]]:
    return spread(MONTH_START, MONTH_END, Decimal(unused), **{**OPEN_MONTH, **more})  # type: ignore[arg-type]


def test_hours_to_come_are_not_unused():
    assert pieces("210") == []


def test_what_was_not_used_so_far_is_spread_over_the_days_that_passed():
    found = pieces("260")
    assert [start.day for start, _, _ in found] == list(range(1, 11))
    assert {amount for _, _, amount in found} == {5}


def test_a_figure_smaller_than_the_hours_to_come_is_nothing_and_never_negative():
    assert pieces("200") == []


def test_a_day_that_has_only_begun_gets_the_share_of_its_hours():
    found = pieces("155", complete_through=datetime(2026, 7, 16, 12))
    assert found == []
    found = pieces("170", complete_through=datetime(2026, 7, 16, 12))
    assert sum(amount for _, _, amount in found) == 15
    assert found[-1][:2] == (datetime(2026, 7, 16), datetime(2026, 7, 16, 12))
    assert found[-1][2] < found[0][2]


def test_a_closed_month_adds_up_to_the_whole_figure():
    found = pieces("100", complete_through=MONTH_END)
    assert len(found) == 31
    assert sum(amount for _, _, amount in found) == 100


def test_a_period_that_begins_in_the_middle_of_a_day_is_cut_at_midnights():
    found = spread(datetime(2026, 7, 10, 18), datetime(2026, 7, 12, 6), Decimal(36), None, MONTH_END)
    assert [(start, amount) for start, _, amount in found] == [
        (datetime(2026, 7, 10, 18), 6),
        (datetime(2026, 7, 11), 24),
        (datetime(2026, 7, 12), 6),
    ]


def test_before_the_period_begins_nothing_is_unused():
    assert pieces("310", complete_through=datetime(2026, 6, 30)) == []


@pytest.mark.parametrize(
    ("complete", "delivered", "is_invoiced", "expected"),
    [
        (datetime(2026, 7, 11), datetime(2026, 7, 11), False, datetime(2026, 7, 11)),  # an open month
        (datetime(2026, 7, 31, 20), datetime(2026, 8, 1, 2), False, datetime(2026, 7, 31, 20)),  # its last hours
        (datetime(2026, 7, 31, 20), datetime(2026, 8, 3), False, MONTH_END),  # over; nothing ran in the last hours
        (datetime(2026, 7, 11), datetime(2026, 8, 3), False, datetime(2026, 7, 11)),  # an old copy, delivered late
        (datetime(2026, 7, 11), datetime(2026, 8, 3), True, MONTH_END),  # billed: usage stopped, the fee did not
    ],
)
def test_a_period_is_known_as_far_as_usage_until_it_is_billed(complete, delivered, is_invoiced, expected):
    assert known_through(MONTH_END, complete, delivered, is_invoiced=is_invoiced) == expected


# -- through the loader -------------------------------------------------------------------------------------------


def load(store: Store, *lines: Line, at: datetime = AFTER_JULY) -> None:
    store.load(write_cur(store.folder / "bill.csv", lines), at=at)


def unused_by_day(store: Store) -> dict[date, Decimal]:
    rows = store.rows(
        "CAST(ChargePeriodStart AS DATE) AS day, SUM(EffectiveCost) AS cost",
        "x_RowOrigin = 'unused' GROUP BY ALL ORDER BY ALL",
    )
    return {row["day"]: row["cost"] for row in rows}


def reservation(unused_recurring: str, used: str, last_hour: datetime, **more: str) -> list[Line]:
    fee = ri_fee("310", unused_recurring=unused_recurring, **more)
    usage = cur_line("DiscountedUsage", "0", at=last_hour, reservation_effective_cost=used, **RESERVED, **more)
    return [fee, usage]


def test_an_open_month_shows_waste_by_day_and_no_spike_on_the_first(store):
    load(store, *reservation("260", used="50", last_hour=datetime(2026, 7, 10, 23)), at=IN_JULY)
    days = unused_by_day(store)
    assert list(days) == [date(2026, 7, day) for day in range(1, 11)]
    assert set(days.values()) == {5}
    assert store.total("EffectiveCost") == 100  # ten days of ten


def test_a_reservation_that_is_fully_used_wastes_nothing_in_an_open_month(store):
    load(store, *reservation("210", used="100", last_hour=datetime(2026, 7, 10, 23)), at=IN_JULY)
    assert unused_by_day(store) == {}
    assert store.total("EffectiveCost") == 100


def test_the_closed_month_replaces_the_open_one_and_adds_up(store):
    load(store, *reservation("260", used="50", last_hour=datetime(2026, 7, 10, 23)), at=IN_JULY)
    load(store, *reservation("100", used="210", last_hour=datetime(2026, 7, 31, 23)))
    days = unused_by_day(store)
    assert (len(days), sum(days.values())) == (31, 100)
    assert store.total("EffectiveCost") == store.total("BilledCost") == 310


def test_a_billed_reservation_without_usage_is_unused_to_its_last_hour(store):
    last = datetime(2026, 7, 3)
    load(store, *reservation("300", used="10", last_hour=last, bill_invoice_id="IN-1"))
    assert (len(unused_by_day(store)), store.total("EffectiveCost")) == (31, 310)


def test_rows_dated_in_the_future_do_not_move_the_watermark(store):
    usage = [cur_line(at=datetime(2026, 7, 10, 23)), cur_line(at=datetime(2026, 7, 20))]
    load(store, *usage, ri_fee("310", unused_recurring="310"), at=IN_JULY)
    (now,) = store.current()
    assert now.complete_through == IN_JULY
    assert sum(unused_by_day(store).values()) == 100


def test_the_watermark_is_the_end_of_the_last_usage(store):
    load(store, cur_line(at=datetime(2026, 7, 10, 3)), cur_line("Tax", "5", at=datetime(2026, 7, 10, 9)), at=IN_JULY)
    assert store.current()[0].complete_through == datetime(2026, 7, 10, 4, tzinfo=UTC)


def test_an_hourly_fee_keeps_its_hour(store):
    at = datetime(2026, 7, 10, 3)
    load(store, sp_fee("5", commitment="5", used="2", at=at), *sp_covered("3", "2", at=at), at=IN_JULY)
    (row,) = store.rows("ChargePeriodStart, ChargePeriodEnd, EffectiveCost", "x_RowOrigin = 'unused'")
    assert row == {"ChargePeriodStart": at, "ChargePeriodEnd": at + timedelta(hours=1), "EffectiveCost": 3}


def test_a_fully_used_plan_has_no_unused_row(store):
    load(store, sp_fee("5", commitment="5", used="5"), *sp_covered("8", "5"))
    assert store.rows(where="x_RowOrigin = 'unused'") == []
    assert store.total("EffectiveCost") == 5


def test_an_unused_row_belongs_to_the_account_invoice_and_month_of_its_fee(store):
    load(store, sp_fee("5", commitment="5", used="2", bill_invoice_id="IN-7", line_item_usage_account_id="777"))
    (row,) = store.rows(where="x_RowOrigin = 'unused'")
    assert (row["SubAccountId"], row["InvoiceId"], row["x_BillingMonth"]) == ("777", "IN-7", date(2026, 7, 1))
    assert (row["BilledCost"], row["x_SourceCost"], row["ListCost"], row["ContractedCost"]) == (0, 0, 0, 0)
    assert (row["ConsumedQuantity"], row["x_UnusedCost"], row["BillingCurrency"]) == (None, None, "USD")


def test_the_unused_share_of_a_commitment_is_counted_in_its_unit(store):
    load(store, sp_fee("5", commitment="5", used="2"))
    (row,) = store.rows("CommitmentDiscountQuantity AS quantity", "x_RowOrigin = 'unused'")
    assert abs(row["quantity"] - 3) < Decimal("1e-12")


def test_two_fees_of_one_commitment_are_both_spread(store):
    load(store, ri_fee("31", unused_recurring="31", bill_invoice_id="IN-1"),
         ri_fee("62", unused_recurring="62", bill_invoice_id="IN-1"))  # fmt: skip
    assert set(unused_by_day(store).values()) == {3}


def test_a_bill_without_commitments_has_no_derived_rows(store):
    load(store, cur_line())
    (now,) = store.current()
    assert not list(store.warehouse.folder(now).glob("derived*"))
