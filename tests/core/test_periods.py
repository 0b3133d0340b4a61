"""Half-open periods and the three calendars of a bill."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import (
    IST,
    BadValue,
    Period,
    aws_billing_period,
    financial_year,
    gcp_invoice_period,
    ist_date,
    month_of,
    next_month,
    parse_month,
)

days = st.dates(min_value=date(2006, 1, 1), max_value=date(2100, 12, 31))
instants = st.datetimes(datetime(2006, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def test_a_period_holds_its_start_and_not_its_end():
    july = aws_billing_period("2026-07")
    assert july.start in july
    assert july.end - timedelta(microseconds=1) in july
    assert july.end not in july


def test_periods_that_touch_do_not_overlap():
    july, august = aws_billing_period("2026-07"), aws_billing_period("2026-08")
    assert not july.overlaps(august)
    assert july.overlaps(Period(july.end - timedelta(seconds=1), august.end))


def test_an_empty_period_overlaps_nothing_and_holds_nothing():
    july = aws_billing_period("2026-07")
    empty = Period(july.start, july.start)
    assert july.start not in empty
    assert not empty.overlaps(july)


def test_a_period_refuses_instants_without_a_zone_and_an_end_before_its_start():
    with pytest.raises(ValueError, match="add tzinfo"):
        Period(datetime(2026, 7, 1), datetime(2026, 8, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="ends before it starts"):
        Period(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def test_a_period_keeps_utc_whatever_zone_it_was_given():
    period = Period(datetime(2026, 7, 1, tzinfo=IST), datetime(2026, 7, 2, tzinfo=IST))
    assert period.start.tzinfo is UTC
    assert period.start == datetime(2026, 6, 30, 18, 30, tzinfo=UTC)
    assert period.duration == timedelta(days=1)


def test_an_aws_month_is_cut_at_midnight_in_utc():
    assert aws_billing_period("2026-12") == Period(datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_a_google_month_is_cut_at_pacific_midnight_with_daylight_saving():
    # Daylight saving began on 8 March 2026: the month starts at UTC-8 and ends at UTC-7.
    march = gcp_invoice_period("202603")
    assert march == Period(datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 4, 1, 7, tzinfo=UTC))
    assert march.duration == timedelta(days=31, hours=-1)


def test_the_evening_in_utc_is_the_next_day_in_india():
    assert ist_date(datetime(2026, 3, 31, 18, 29, tzinfo=UTC)) == date(2026, 3, 31)
    assert ist_date(datetime(2026, 3, 31, 18, 30, tzinfo=UTC)) == date(2026, 4, 1)
    with pytest.raises(ValueError, match="aware"):
        ist_date(datetime(2026, 3, 31))


def test_the_financial_year_begins_on_the_first_of_april():
    assert financial_year(date(2026, 3, 31)) == (date(2025, 4, 1), date(2026, 4, 1))
    assert financial_year(date(2026, 4, 1)) == (date(2026, 4, 1), date(2027, 4, 1))


def test_a_leap_day_belongs_to_its_month_and_year():
    assert month_of(date(2028, 2, 29)) == date(2028, 2, 1)
    assert next_month(date(2028, 2, 29)) == date(2028, 3, 1)
    assert aws_billing_period("2028-02").duration == timedelta(days=29)
    assert financial_year(date(2028, 2, 29)) == (date(2027, 4, 1), date(2028, 4, 1))


@pytest.mark.parametrize("text", ["2026-07", "202607", " 2026-07 "])
def test_a_month_is_read_with_and_without_a_dash(text):
    assert parse_month(text) == date(2026, 7, 1)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "0000-01", "2026", "2026-7", "07-2026", "2026-07-01", "", "২০২৬-০৭"]
)
def test_what_is_no_month_is_refused_with_an_example(text):
    with pytest.raises(BadValue, match="is not a month") as raised:
        parse_month(text)
    assert "2026-07" in raised.value.expected


@given(days)
def test_a_day_lies_in_its_financial_year_and_years_do_not_overlap(day):
    start, end = financial_year(day)
    assert start <= day < end
    assert financial_year(end)[0] == end
    assert (start.month, start.day) == (4, 1)


@given(days)
def test_every_day_lies_in_one_month_and_the_next_begins_where_it_ends(day):
    first, following = month_of(day), next_month(day)
    assert first <= day < following
    assert following.day == 1
    assert month_of(following - timedelta(days=1)) == first


@pytest.mark.parametrize("period_of", [aws_billing_period, gcp_invoice_period])
@given(days)
def test_the_months_of_a_provider_leave_no_gap_and_no_overlap(period_of, day):
    this, following = period_of(f"{day:%Y-%m}"), period_of(f"{next_month(day):%Y%m}")
    assert this.end == following.start
    assert timedelta(days=27) < this.duration < timedelta(days=32)


@given(instants)
def test_an_instant_lies_in_exactly_one_google_month_of_three(instant):
    first = month_of(instant)
    months = [month_of(first - timedelta(days=1)), first, next_month(first)]
    assert sum(instant in gcp_invoice_period(f"{month:%Y%m}") for month in months) == 1


@given(instants)
def test_the_indian_day_is_five_and_a_half_hours_ahead(instant):
    assert ist_date(instant) == (instant + timedelta(hours=5, minutes=30)).date()
