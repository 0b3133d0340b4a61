"""Events and calendars: windows, vintages, order, files, and faults that name their line."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import BadValue
from models.calendar import Calendar, Event, event_of

pytestmark = pytest.mark.pure

DAYS = st.dates(date(2015, 1, 1), date(2030, 12, 31))
EVENTS = st.builds(
    Event,
    on=DAYS,
    name=st.sampled_from(["exam", "result", "diwali"]),
    lo=st.integers(-300, 0),
    hi=st.integers(0, 90),
    days=st.integers(1, 20),
    known_from=st.none() | DAYS,
    known_until=st.none() | DAYS,
)


def test_an_event_of_several_days_ends_on_its_last():
    assert Event(date(2027, 5, 2), "exam", days=10).last == date(2027, 5, 11)


def test_an_event_is_known_from_its_first_day_and_no_more_on_its_last():
    event = Event(date(2020, 5, 3), "exam", known_from=date(2019, 8, 22), known_until=date(2020, 3, 27))
    known = [
        event.is_known(day) for day in (date(2019, 8, 21), date(2019, 8, 22), date(2020, 3, 26), date(2020, 3, 27))
    ]
    assert known == [False, True, True, False]


@pytest.mark.parametrize(
    "wrong", [{"lo": 1}, {"hi": -1}, {"days": 0}, {"size": 0.0}, {"size": 11.0}, {"size": float("nan")}]
)
def test_a_window_or_size_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(BadValue, match="exam on 2027-05-02"):
        Event(date(2027, 5, 2), "exam", **wrong)


@given(st.lists(EVENTS, max_size=12), DAYS)
def test_what_is_known_is_the_part_that_is_known_and_reading_it_twice_changes_nothing(events, day):
    calendar = Calendar(events)
    known = calendar.as_known(day)
    assert list(known) == [event for event in calendar if event.is_known(day)]
    assert known.as_known(day) == known


@given(st.lists(EVENTS, max_size=12).flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_the_order_in_which_events_are_given_does_not_matter(both):
    events, shuffled = both
    assert Calendar(events) == Calendar(shuffled)
    assert hash(Calendar(events)) == hash(Calendar(shuffled))
    assert [event.on for event in Calendar(events)] == sorted(event.on for event in events)


def test_events_of_one_day_that_differ_only_in_when_they_were_known_can_be_ordered():
    event = {"on": date(2025, 6, 14), "name": "result"}
    assert len(Calendar([Event(**event), Event(**event, known_from=date(2025, 2, 7))])) == 2


def test_a_calendar_and_more_events_are_a_new_calendar():
    calendar = Calendar([Event(date(2026, 5, 3), "exam")])
    more = calendar + Calendar([Event(date(2025, 5, 4), "exam")])
    assert [event.on.year for event in more] == [2025, 2026]
    assert len(calendar) == 1
    assert more.names == ["exam"]


def test_between_holds_its_start_and_not_its_end():
    calendar = Calendar(Event(date(2026, 5, day), "exam") for day in (1, 2, 3))
    assert [event.on.day for event in calendar.between(date(2026, 5, 1), date(2026, 5, 3))] == [1, 2]


def test_moving_an_event_leaves_the_others_and_says_that_it_is_a_scenario():
    calendar = Calendar([Event(date(2026, 5, 3), "exam"), Event(date(2025, 5, 4), "exam")])
    moved = calendar.moved("exam", date(2026, 5, 3), date(2026, 6, 21))
    assert [(event.on, event.status) for event in moved] == [
        (date(2025, 5, 4), "actual"),
        (date(2026, 6, 21), "scenario"),
    ]


def test_moving_an_event_that_is_not_there_names_those_that_are():
    with pytest.raises(BadValue, match="2026-05-03") as fault:
        Calendar([Event(date(2026, 5, 3), "exam")]).moved("exam", date(2026, 5, 4), date(2026, 6, 21))
    assert "no exam on 2026-05-04" in str(fault.value)


# Files -------------------------------------------------------------------------------------------------------


def written(folder: Path, text: str) -> Path:
    file = folder / "events.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_needs_only_names_and_dates(tmp_path):
    calendar = Calendar.read_csv(written(tmp_path, "event,date\nmock_test,2026-04-05\n"))
    assert list(calendar) == [Event(date(2026, 4, 5), "mock_test")]


def test_every_column_of_a_file_is_read(tmp_path):
    text = (
        "\ufeffdate,event,lo,hi,days,size,status,known_from,known_until,remark\n"
        "2026-04-05,mock_test,-1,2,3,0.5,expected,2026-01-01,2026-03-01,in all centres\n"
    )
    expected = Event(date(2026, 4, 5), "mock_test", -1, 2, 3, 0.5, "expected", date(2026, 1, 1), date(2026, 3, 1))
    assert list(Calendar.read_csv(written(tmp_path, text))) == [expected]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("exam,3 May 2026,,,", "3 May 2026"),
        ("exam,,,,", "Invalid isoformat"),
        (",2026-05-03,,,", "without a name"),
        ("exam,2026-05-03,-3.5,,", "-3.5"),
        ("exam,2026-05-03,,two,", "two"),
        ("exam,2026-05-03,,,2026-02-30", "day is out of range"),
        ("exam,2026-05-03,4,,", "window 4..3"),
    ],
)
def test_a_fault_in_a_file_names_file_and_line(tmp_path, line, word):
    file = written(tmp_path, f"event,date,lo,hi,known_from\nexam,2025-05-04,,,\n{line}\n")
    with pytest.raises(BadValue) as fault:
        Calendar.read_csv(file)
    assert f"{file}, line 3" in str(fault.value)
    assert word in str(fault.value)


def test_a_file_without_dates_is_refused_by_its_columns(tmp_path):
    with pytest.raises(BadValue, match="date missing") as fault:
        Calendar.read_csv(written(tmp_path, "event,day\nexam,2026-05-03\n"))
    assert fault.value.where.endswith("events.csv")


@given(EVENTS)
def test_an_event_that_is_written_down_is_read_again(event):
    names = ("lo", "hi", "days", "size", "status", "known_from", "known_until")
    row = {name: "" if getattr(event, name) is None else str(getattr(event, name)) for name in names}
    assert event_of({"event": event.name, "date": str(event.on), **row}, "here") == event
    assert event.last - event.on == timedelta(days=event.days - 1)
