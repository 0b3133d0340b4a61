"""Weeks are Monday to Sunday in India, whole days only; years of weeks are ISO 8601's."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from owned import published, used

from core import BadValue
from kifayat.report.parts import written
from kifayat.report.period import Week, days_text, last_week, month_before, parse_week


def test_last_week_is_the_newest_of_which_every_day_is_known():
    sunday = date(2026, 8, 16)
    assert last_week(sunday) == Week(date(2026, 8, 10))
    for days in range(1, 7):
        assert last_week(sunday + timedelta(days=days)) == Week(date(2026, 8, 10))
    assert last_week(sunday + timedelta(days=7)) == Week(date(2026, 8, 17))


@pytest.mark.parametrize(
    ("text", "first", "days"),
    [
        ("2026-W53", date(2026, 12, 28), "28 December 2026 – 3 January 2027"),
        ("2020-W53", date(2020, 12, 28), "28 December 2020 – 3 January 2021"),
        ("2027-W01", date(2027, 1, 4), "4–10 January 2027"),
        ("2028W09", date(2028, 2, 28), "28 February – 5 March 2028"),
        ("2026-w30", date(2026, 7, 20), "20–26 July 2026"),
    ],
)
def test_weeks_of_all_years_are_read_and_written(text, first, days):
    week = parse_week(text)
    assert week.first == first
    assert week.text == days
    assert parse_week(week.label) == week


def test_a_week_of_february_has_the_29th_in_it():
    week = parse_week("2028-W09")
    assert week.first <= date(2028, 2, 29) <= week.last
    assert last_week(date(2028, 3, 5)) == week
    assert last_week(date(2028, 2, 29)) == week.before


@pytest.mark.parametrize("text", ["2026-W54", "2025-W53", "2026-30", "2026-W00", "last", "", "9999-W99"])
def test_what_is_no_week_is_refused_with_an_example(text):
    with pytest.raises(BadValue, match="2026-W30"):
        parse_week(text)


def test_single_days_and_months_are_written_as_people_do():
    assert days_text(date(2026, 8, 1), date(2026, 8, 1)) == "1 August 2026"
    assert month_before(date(2026, 1, 1)) == date(2025, 12, 1)
    assert written(datetime(2026, 7, 19, 18, 30), "instant") == "20 Jul 2026, 00:00 IST"


@pytest.mark.parametrize(("minute", "label"), [("18:30", "2026-W29"), ("18:29", "2026-W28")])
def test_a_week_is_whole_at_midnight_in_india_and_no_minute_before(tmp_path, minute, label):
    midnight_in_india = used("5", at=datetime(2026, 7, 12, 18, 30))  # Monday there, Sunday in UTC
    last = used("2", at=datetime(2026, 7, 19, 18), line_item_usage_end_date=f"2026-07-19T{minute}:00Z")
    report = published(tmp_path, [midnight_in_india, last]).weekly_report()
    assert report.label == label
    assert report.headline[0].text == ("₹7" if label == "2026-W29" else "—")
