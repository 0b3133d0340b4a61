"""What may become of an exam: the mixture of futures on many days, the given one, and scenarios."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import BadValue
from models import neet, neet_facts
from models.calendar import Calendar
from models.neet import central, events_of, expected_exam, futures, neet_calendar, scenario

pytestmark = pytest.mark.pure

CALENDAR = neet_calendar()
YEAR = timedelta(days=365)
#: Days on which the national exam was really held.
HELD = (
    date(2017, 5, 7), date(2018, 5, 6), date(2019, 5, 5), date(2020, 9, 13), date(2021, 9, 12), date(2022, 7, 17),
    date(2023, 5, 7), date(2024, 5, 5), date(2025, 5, 4), date(2026, 5, 3), date(2026, 6, 21),
)  # fmt: skip


def on(calendar: Calendar, name: str, year: int) -> list[date]:
    return [event.on for event in calendar.of(name) if event.on.year == year]


# Futures -----------------------------------------------------------------------------------------------------


@given(st.integers(2000, 2100))
def test_an_exam_is_expected_on_the_first_sunday_of_may(cycle):
    day = expected_exam(cycle)
    assert (day.year, day.month, day.weekday()) == (cycle, 5, 6)
    assert day.day <= 7


@settings(max_examples=60, deadline=None)
@given(st.dates(date(2016, 6, 1), date(2030, 12, 31)), st.integers(1, 730))
def test_on_any_day_the_probabilities_sum_to_one_and_the_first_is_the_greatest(known_on, n_days):
    found = futures(CALENDAR, known_on, known_on + timedelta(n_days))
    assert sum(future.probability for future in found) == pytest.approx(1, abs=1e-9)
    assert all(0 < future.probability <= found[0].probability + 1e-6 for future in found)
    assert 1 <= len(found) <= 15
    assert len({future.label for future in found}) == len(found)
    assert central(CALENDAR, known_on, known_on + timedelta(n_days)) == found[0].calendar


@settings(max_examples=40, deadline=None)
@given(st.dates(date(2017, 2, 1), date(2026, 7, 5)))
def test_no_future_knows_more_than_its_day(known_on):
    later = [event for event in CALENDAR if (event.known_from or date.min) > known_on]
    past = Calendar(event for event in CALENDAR.as_known(known_on) if event.on <= known_on)
    known = {(event.name, event.on) for event in CALENDAR.as_known(known_on)}
    for future in futures(CALENDAR, known_on, known_on + YEAR):
        days = {(event.name, event.on) for event in future.calendar}
        assert {(event.name, event.on) for event in past} <= days
        assert {event.status for event in future.calendar if event.on > known_on} <= {
            "announced",
            "expected",
            "holiday",
        }
        assert not any(event.known_until for event in future.calendar)
        assert len(days) == len(future.calendar)  # nothing twice
        guessed = {event for event in future.calendar if (event.name, event.on) not in known}
        assert {event.status for event in guessed} <= {"expected"}
        assert not set(later) & set(future.calendar)


@settings(max_examples=40, deadline=None)
@given(st.dates(date(2017, 2, 1), date(2026, 7, 5)))
def test_what_became_known_later_changes_no_future(known_on):
    # One later fact is left: that somebody went on keeping them.
    last = max((event for event in CALENDAR if event.known_from), key=lambda event: event.known_from)
    known = [event for event in CALENDAR if (event.known_from or date.min) <= known_on or event == last]
    assert futures(Calendar(known), known_on, known_on + YEAR) == futures(CALENDAR, known_on, known_on + YEAR)


@pytest.mark.parametrize("exam", HELD, ids=str)
@pytest.mark.parametrize("lead_days", [330, 120, 45])
def test_the_true_day_of_every_exam_was_among_the_futures(exam, lead_days):
    known_on = exam - timedelta(lead_days)
    near = [
        future.probability
        for future in futures(CALENDAR, known_on, known_on + YEAR)
        if any(abs((event.on - exam).days) <= 7 for event in future.calendar.of("exam"))
    ]
    assert sum(near) > 0.023  # the rarest: 2020, moved by 133 days after it was announced: 0.12 / 5


def test_a_year_before_the_exam_the_mixture_is_that_of_ten_cycles():
    found = futures(CALENDAR, date(2025, 8, 1), date(2026, 8, 1))
    days = [on(future.calendar, "exam", 2026) for future in found]
    first = date(2026, 5, 3)
    shares = [sum(f.probability for f, d in zip(found, days, strict=True) if test(d)) for test in (
        lambda d: d == [first], lambda d: len(d) == 1 and d != [first], lambda d: len(d) == 2
    )]  # fmt: skip
    assert shares == pytest.approx([0.65, 0.20, 0.15])
    assert all(40 <= (d[0] - first).days <= 140 for d in days if len(d) == 1 and d != [first])
    assert all(35 <= (d[1] - first).days <= 60 for d in days if len(d) == 2)
    assert all(day.weekday() == 6 for d in days for day in d)
    second = next(event for event in found[-1].calendar.of("exam") if event.on == days[-1][1])
    assert (second.size, second.known_from) == (0.85, date(2026, 5, 15))


def kept(known_on: date) -> float:
    """The probability that the exam of 2026-05-03 is neither moved nor repeated."""
    found = futures(CALENDAR, known_on, known_on + YEAR)
    return sum(f.probability for f in found if on(f.calendar, "exam", 2026) == [date(2026, 5, 3)])


def test_an_announcement_and_the_days_after_it_make_a_date_more_certain():
    before, announced, near = kept(date(2025, 12, 1)), kept(date(2026, 2, 8)), kept(date(2026, 4, 15))
    eve, day_of, week_after = kept(date(2026, 5, 2)), kept(date(2026, 5, 3)), kept(date(2026, 5, 10))
    assert before < announced < near < eve < day_of < week_after < 1
    assert announced == pytest.approx(0.73)
    assert day_of == pytest.approx(0.85)


def test_after_the_follow_up_nothing_is_uncertain_about_an_exam():
    known_on = date(2025, 5, 18)
    found = futures(CALENDAR, known_on, date(2025, 6, 30))
    assert {tuple(on(future.calendar, "exam", 2025)) for future in found} == {(date(2025, 5, 4),)}
    assert [future.label for future in futures(CALENDAR, known_on, known_on - timedelta(1))] == ["no exam is open"]


@pytest.mark.parametrize("known_on", [date(2020, 3, 27), date(2020, 4, 15), date(2020, 5, 4)])
def test_while_no_date_was_known_only_moved_ones_are_left(known_on):
    found = futures(CALENDAR, known_on, known_on + YEAR)
    days = {day for future in found for day in on(future.calendar, "exam", 2020)}
    assert min(days) >= known_on + timedelta(28)
    assert date(2020, 9, 13) in days
    assert sorted(days)[len(days) // 2] == on(found[0].calendar, "exam", 2020)[0]  # the middle one is the given one


def test_between_cancellation_and_new_date_the_exam_will_be_repeated():
    for future in futures(CALENDAR, date(2026, 5, 13), date(2027, 5, 13)):
        first, second = on(future.calendar, "exam", 2026)
        assert first == date(2026, 5, 3)
        assert 35 <= (second - first).days <= 60
        assert on(future.calendar, "result", 2026)[0] > second


def test_a_repetition_is_not_repeated_again_but_may_be_moved():
    found = futures(CALENDAR, date(2026, 5, 20), date(2027, 5, 20))
    days = {tuple(on(future.calendar, "exam", 2026)) for future in found}
    assert all(len(day) == 2 and day[0] == date(2026, 5, 3) for day in days)
    assert (date(2026, 5, 3), date(2026, 6, 21)) in days
    assert len(days) > 1


def test_without_a_word_the_first_sunday_of_may_becomes_less_likely():
    shares = []
    for known_on in (date(2022, 1, 15), date(2022, 3, 1), date(2022, 3, 25)):
        found = futures(CALENDAR, known_on, known_on + YEAR)
        shares.append(sum(f.probability for f in found if on(f.calendar, "exam", 2022) == [date(2022, 5, 1)]))
    assert shares[0] == pytest.approx(0.65)
    assert shares[0] > shares[1] > shares[2] > 0
    assert on(central(CALENDAR, date(2022, 4, 4), date(2023, 4, 4)), "exam", 2022) == [date(2022, 7, 31)]


def test_where_nobody_kept_the_facts_silence_means_nothing():
    given = central(CALENDAR, date(2028, 4, 20), date(2029, 4, 20))
    assert on(given, "exam", 2027) == [date(2027, 5, 2)]
    assert on(given, "exam", 2028) == [date(2028, 5, 7)]
    assert "2027: no fact" in futures(CALENDAR, date(2028, 4, 20), date(2029, 4, 20))[0].label
    assert {event.status for event in given if event.on.year == 2027 and event.status != "holiday"} == {"assumed"}
    assert on(scenario(given, {"exam": date(2028, 6, 18)}), "exam", 2028) == [date(2028, 6, 18)]  # not that of 2027


def test_the_exam_of_2027_is_a_window_of_days():
    given = central(CALENDAR, date(2026, 8, 1), date(2027, 8, 1))
    assert [(exam.on, exam.days) for exam in given.of("exam") if exam.on.year > 2025] == [
        (date(2026, 5, 3), 1), (date(2026, 6, 21), 1), (date(2027, 5, 2), 10), (date(2028, 5, 7), 10),
    ]  # fmt: skip
    result = on(given, "result", 2027)[0]
    assert result == date(2027, 5, 11) + timedelta(37)  # the median of 2022-2026 after the last day


def test_an_announced_window_of_the_company_takes_the_place_of_the_rule():
    own = events_of([{"event": "exam", "date": "2027-05-09", "days": 14, "known_from": "2026-12-20"}])
    calendar = neet_calendar(own)
    assert on(central(calendar, date(2026, 12, 19), date(2027, 12, 19)), "exam", 2027) == [date(2027, 5, 2)]
    given = central(calendar, date(2026, 12, 20), date(2027, 12, 20))
    assert [(exam.on, exam.days) for exam in given.of("exam") if exam.on.year == 2027] == [(date(2027, 5, 9), 14)]


def test_an_expected_date_of_the_company_takes_the_place_of_the_first_sunday():
    own = events_of([{"event": "exam", "date": "2027-05-16", "status": "expected"}])
    found = futures(neet_calendar(own), date(2026, 10, 1), date(2027, 10, 1))
    assert on(found[0].calendar, "exam", 2027) == [date(2027, 5, 16)]
    assert found[0].probability == pytest.approx(0.65)


def test_a_company_that_withdraws_a_date_without_a_new_one_gets_moved_ones():
    own = events_of([{"event": "exam", "date": "2027-05-09", "known_from": "2026-12-20", "known_until": "2027-02-01"}])
    for future in futures(neet_calendar(own), date(2027, 2, 1), date(2028, 2, 1)):
        assert all(40 <= (day - date(2027, 5, 9)).days <= 140 for day in on(future.calendar, "exam", 2027))


def test_what_hangs_on_the_exam_moves_with_it_in_each_future():
    known_on = date(2025, 9, 1)
    for future in futures(CALENDAR, known_on, known_on + YEAR):
        days = on(future.calendar, "exam", 2026)
        for name in ("registration_open", "registration_close", "admit_card"):
            assert on(future.calendar, name, 2026)[0] < days[0]
        assert days[-1] < on(future.calendar, "answer_key", 2026)[0] < on(future.calendar, "result", 2026)[0]
        assert (on(future.calendar, "admit_card", 2026)[0] - days[0]).days == -4  # the median of 2021-2025
        assert (on(future.calendar, "result", 2026)[0] - days[-1]).days == 41


def test_what_was_announced_moves_only_where_its_exam_does():
    known_on = date(2025, 3, 1)
    for future in futures(CALENDAR, known_on, date(2025, 6, 1)):
        days = on(future.calendar, "exam", 2025)
        assert on(future.calendar, "registration_open", 2025) == [date(2025, 2, 7)]  # has happened
        assert (on(future.calendar, "result", 2025)[0] - days[-1]).days == 41


def test_what_is_late_is_expected_soon_and_before_the_exam():
    given = central(CALENDAR, date(2021, 6, 1), date(2022, 6, 1))  # registration came as late as July
    assert on(given, "registration_open", 2021)[0] == date(2021, 6, 8)
    assert on(given, "registration_close", 2021)[0] == date(2021, 7, 6)
    assert on(given, "exam", 2021) == [date(2021, 8, 1)]


def test_boards_and_jee_that_were_not_announced_are_those_of_the_year_before():
    given = central(CALENDAR, date(2026, 8, 1), date(2027, 8, 1))
    assert on(given, "boards", 2027) == [date(2027, 2, 17)]
    assert on(given, "jee_main", 2027) == [date(2027, 1, 21), date(2027, 4, 2)]
    known = central(CALENDAR, date(2022, 12, 20), date(2023, 12, 20))
    assert on(known, "boards", 2023) == [date(2023, 2, 15)]  # announced, so not that of April 2022 as well


# Scenarios ---------------------------------------------------------------------------------------------------


def test_moving_the_exam_moves_what_hangs_on_it_and_has_not_happened():
    given = central(CALENDAR, date(2026, 2, 20), date(2027, 2, 20))
    moved = scenario(given, {"exam": date(2026, 6, 21)})
    assert on(moved, "exam", 2026) == [date(2026, 6, 21)]
    assert on(moved, "registration_open", 2026) == [date(2026, 2, 8)]
    for name in ("registration_close", "admit_card", "answer_key", "result", "counselling_start"):
        assert on(moved, name, 2026)[0] - on(given, name, 2026)[0] == timedelta(49), name
    for name in ("boards", "diwali", "holi", "jee_main", "jee_advanced"):
        assert moved.of(name) == given.of(name)
    assert [event for event in moved.of("exam") if event.on.year != 2026] == [
        event for event in given.of("exam") if event.on.year != 2026
    ]


def test_a_name_of_its_own_day_does_not_follow_the_exam():
    given = central(CALENDAR, date(2026, 2, 20), date(2027, 2, 20))
    moved = scenario(given, {"exam": date(2026, 6, 21), "result": date(2026, 8, 30)})
    assert on(moved, "result", 2026) == [date(2026, 8, 30)]
    alone = scenario(given, {"result": date(2026, 7, 1)})
    assert on(alone, "exam", 2026) == [date(2026, 5, 3)]


def test_a_scenario_can_be_moved_again():
    given = central(CALENDAR, date(2026, 2, 20), date(2026, 12, 31))
    there = scenario(given, {"exam": date(2026, 6, 21)})
    back = scenario(there, {"exam": date(2026, 5, 3)})
    assert [(event.on, event.name) for event in back] == [(event.on, event.name) for event in given]


@settings(max_examples=40, deadline=None)
@given(st.dates(date(2017, 6, 1), date(2026, 7, 5)), st.integers(-30, 140))
def test_a_scenario_keeps_the_number_of_events_and_what_has_happened(known_on, days):
    given = central(CALENDAR, known_on, known_on + YEAR)
    exam = next(event for event in given.of("exam") if event.on > known_on)
    moved = scenario(given, {"exam": exam.on + timedelta(days)})
    assert len(moved) == len(given)
    past = [event for event in given if event.on <= known_on]
    assert [event for event in past if event in list(moved)] == past


@pytest.mark.parametrize(("calendar", "name"), [(central(CALENDAR, date(2026, 2, 20), date(2027, 2, 20)), "exma")])
def test_a_scenario_of_nothing_that_is_ahead_names_what_is(calendar, name):
    with pytest.raises(BadValue, match="no exma is ahead") as fault:
        scenario(calendar, {name: date(2026, 6, 21)})
    assert "counselling_start" in str(fault.value)


def test_names_of_the_facts_are_to_be_had_from_one_module():
    assert neet.neet_calendar is neet_facts.neet_calendar
    assert set(neet.__all__) <= set(dir(neet))
