"""NEET UG: what happened and what was known when, feasts, and events of a configuration."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from core import BadValue
from models import neet_facts
from models.calendar import Calendar, Event
from models.neet import events_of, neet_calendar, read_facts
from models.neet_facts import FACTS, events_of_facts

pytestmark = pytest.mark.pure

CALENDAR = neet_calendar()
#: Days on which the national exam was really held.
HELD = (
    date(2017, 5, 7), date(2018, 5, 6), date(2019, 5, 5), date(2020, 9, 13), date(2021, 9, 12), date(2022, 7, 17),
    date(2023, 5, 7), date(2024, 5, 5), date(2025, 5, 4), date(2026, 5, 3), date(2026, 6, 21),
)  # fmt: skip


def exams(known_on: date, year: int) -> list[date]:
    """The exams of a year that were known on a day."""
    return [event.on for event in CALENDAR.as_known(known_on).of("exam") if event.on.year == year]


def on(calendar: Calendar, name: str, year: int) -> list[date]:
    return [event.on for event in calendar.of(name) if event.on.year == year]


# Facts and vintages ------------------------------------------------------------------------------------------


def test_in_the_end_the_exams_are_those_that_were_held():
    known = CALENDAR.as_known(date.max)
    assert tuple(event.on for event in known.of("exam")) == HELD
    assert [event.size for event in known.of("exam")] == [1.0] * 10 + [0.85]


@pytest.mark.parametrize(
    ("known_on", "expected"),
    [
        (date(2019, 8, 21), []),
        (date(2020, 3, 26), [date(2020, 5, 3)]),
        (date(2020, 3, 27), []),
        (date(2020, 4, 15), []),
        (date(2020, 5, 4), []),
        (date(2020, 5, 5), [date(2020, 7, 26)]),
        (date(2020, 6, 1), [date(2020, 7, 26)]),
        (date(2020, 7, 2), [date(2020, 7, 26)]),
        (date(2020, 7, 4), [date(2020, 9, 13)]),
        (date(2023, 1, 1), [date(2020, 9, 13)]),
    ],
)
def test_the_exam_of_2020_is_where_it_was_thought_to_be(known_on, expected):
    assert exams(known_on, 2020) == expected


@pytest.mark.parametrize(
    ("known_on", "n_exams"),
    [(date(2026, 2, 7), 0), (date(2026, 5, 4), 1), (date(2026, 5, 14), 1), (date(2026, 5, 15), 2)],
)
def test_the_exam_of_2026_was_held_twice_which_was_known_from_15_may(known_on, n_exams):
    assert exams(known_on, 2026) == [date(2026, 5, 3), date(2026, 6, 21)][:n_exams]


def test_a_result_falls_with_its_exam():
    assert on(CALENDAR.as_known(date(2020, 3, 26)), "result", 2020) == [date(2020, 6, 4)]
    assert on(CALENDAR.as_known(date(2020, 3, 27)), "result", 2020) == []
    assert on(CALENDAR.as_known(date(2026, 5, 12)), "result", 2026) == []


def test_a_result_that_came_early_was_not_known_to_be_early():
    assert on(CALENDAR.as_known(date(2024, 6, 3)), "result", 2024) == [date(2024, 6, 14)]
    assert on(CALENDAR.as_known(date(2024, 6, 4)), "result", 2024) == [date(2024, 6, 4)]


def test_boards_and_jee_main_are_events_of_several_days_known_two_months_before():
    boards = next(event for event in CALENDAR.of("boards") if event.on.year == 2025)
    assert (boards.on, boards.last, boards.known_from) == (date(2025, 2, 15), date(2025, 4, 4), date(2024, 12, 17))
    sessions = [(event.on, event.last) for event in CALENDAR.of("jee_main") if event.on.year == 2026]
    assert sessions == [(date(2026, 1, 21), date(2026, 1, 29)), (date(2026, 4, 2), date(2026, 4, 9))]
    assert on(CALENDAR, "boards", 2021) == []  # cancelled


def test_nothing_of_neet_was_known_at_all_times():
    assert [event for event in CALENDAR if event.known_from is None and event.status != "holiday"] == []


def test_small_repetitions_are_no_exams():
    assert set(CALENDAR.names).isdisjoint(neet_facts.LEFT_OUT)


def test_the_facts_are_those_of_the_demo_company():
    demo = Path(__file__).parents[2] / "demo" / "facts" / "neet_ug_calendar.csv"
    assert FACTS.read_bytes() == demo.read_bytes()


def test_an_event_of_the_company_takes_the_place_of_the_same_fact():
    mine = Event(date(2025, 5, 4), "exam", -300, 90, size=0.5)
    calendar = neet_calendar([mine, Event(date(2026, 4, 5), "mock_test")], holidays=False)
    assert [event for event in calendar.of("exam") if event.on.year == 2025] == [mine]
    assert calendar.of("mock_test")


def test_first_and_last_bound_what_is_in_the_calendar():
    calendar = neet_calendar(first=date(2024, 1, 1), last=date(2024, 12, 31))
    assert {event.on.year for event in calendar} == {2024}


COLUMNS = "cycle,event,date,status,known_from"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("2026,exam,3.5.2026,actual,", "3.5.2026"),
        ("2026,exam,,actual,", "Invalid isoformat"),
        ("next,exam,2026-05-03,actual,", "next"),
        ("2026,exam,2026-05-03,actual,soon", "soon"),
        ("2026,resutl,2026-05-03,actual,", "such as result"),
        ("2026,exam", "expected: a year"),
    ],
)
def test_a_fault_in_the_facts_names_file_and_line(tmp_path, line, word):
    file = tmp_path / "facts.csv"
    file.write_text(f"{COLUMNS}\n2025,exam,2025-05-04,actual,2025-02-07\n{line}\n", encoding="utf-8")
    with pytest.raises(BadValue) as fault:
        read_facts(file)
    assert f"{file}, line 3" in str(fault.value)
    assert word.lower() in str(fault.value).lower()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("2025,exam,2025-05-04,superseded,2025-02-07", "nothing came after it"),
        ("2025,cbse12_start,2025-02-15,actual,", "no end"),
        ("2025,cbse12_start,2025-02-15,actual,\n2025,cbse12_end,2025-02-14,actual,", "no end"),
    ],
)
def test_a_fact_without_its_counterpart_names_file_and_line(tmp_path, line, word):
    file = tmp_path / "facts.csv"
    file.write_text(f"{COLUMNS}\n{line}\n", encoding="utf-8")
    with pytest.raises(BadValue, match=word) as fault:
        events_of_facts(read_facts(file))
    assert f"{file}, line 2" in str(fault.value)


def test_facts_without_their_columns_are_refused(tmp_path):
    file = tmp_path / "facts.csv"
    file.write_text("cycle,event,date\n2025,exam,2025-05-04\n", encoding="utf-8")
    with pytest.raises(BadValue, match="status and known_from missing"):
        read_facts(file)


# Feasts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("diwali", date(2024, 10, 31)),  # as gazetted; in many states it was 1 November
        ("diwali", date(2025, 10, 20)),
        ("diwali", date(2026, 11, 8)),
        ("holi", date(2025, 3, 14)),
        ("holi", date(2026, 3, 4)),
        ("dussehra", date(2025, 10, 2)),
        ("gandhi_jayanti", date(2025, 10, 2)),
        ("eid_al_fitr", date(2024, 4, 11)),
        ("republic_day", date(2026, 1, 26)),
        ("independence_day", date(2026, 8, 15)),
        ("christmas", date(2026, 12, 25)),
        ("new_year", date(2027, 1, 1)),
    ],
)
def test_a_feast_is_on_its_day(name, day):
    assert on(CALENDAR, name, day.year) == [day]


def test_every_feast_has_one_name_and_a_day_in_every_year():
    for name in {event.name for event in CALENDAR if event.status == "holiday"}:
        years = {event.on.year for event in CALENDAR.of(name)}
        assert years == set(range(2017, 2036)), name


def test_the_weeks_of_diwali_and_holi_are_felt_longer_than_other_feasts():
    windows = {event.name: (event.lo, event.hi) for event in CALENDAR}
    assert (windows["diwali"], windows["holi"], windows["christmas"]) == ((-5, 4), (-2, 2), (-1, 1))


def test_without_feasts_only_facts_are_left():
    assert "diwali" not in neet_calendar(holidays=False).names


def test_feasts_beyond_what_is_computed_are_left_out_silently():
    assert neet_calendar(first=date(2036, 1, 1), last=date(2040, 12, 31)).names == []


# Events of tables --------------------------------------------------------------------------------------------


def test_tables_of_a_configuration_become_events_with_the_windows_of_their_names():
    rows = [
        {"event": "exam", "date": date(2027, 5, 3), "days": 8, "known_from": date(2027, 1, 9)},
        {"event": "mock_test", "date": "2027-03-07", "size": 0.4, "status": None},
        {"event": "result", "date": "2027-06-20", "lo": -1},
    ]
    assert events_of(rows) == [
        Event(date(2027, 5, 3), "exam", -300, 90, 8, known_from=date(2027, 1, 9)),
        Event(date(2027, 3, 7), "mock_test", size=0.4),
        Event(date(2027, 6, 20), "result", -1, 6),
    ]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"event": "exam", "date": "soon"}, "soon"),
        ({"event": "exam"}, "Invalid isoformat"),
        ({"date": "2027-05-02"}, "without a name"),
        ({"event": "exam", "date": "2027-05-02", "day": 3}, "write days"),
        ({"event": "exam", "date": "2027-05-02", "size": 0}, "size"),
        ({"event": "exam", "date": "2027-05-02", "lo": 5}, "window 5..90"),
    ],
)
def test_a_table_that_is_no_event_is_named_by_its_number(row, word):
    with pytest.raises(BadValue, match="event 2") as fault:
        events_of([{"event": "exam", "date": "2026-05-03"}, row])
    assert word in str(fault.value)
