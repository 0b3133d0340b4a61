"""A schedule is learnt from activity: one window a kind of day, right in India, and never on too few quiet days."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.schedules import Score, fixture, score
from core import NotEnoughHistory
from recommender.action import Run
from recommender.schedule import Window, activity, learn

pytestmark = pytest.mark.pure

HOURS = np.arange(np.datetime64("2025-09-01T00", "h"), np.datetime64("2026-03-02T00", "h"))  # Mondays, 26 weeks
IST = HOURS.astype("datetime64[m]") + np.timedelta64(330, "m")
WEEKDAY = (IST.astype("datetime64[D]").astype(int) + 3) % 7
MINUTE = IST.astype(int) % 1440


def office(start: int = 570, end: int = 1260) -> np.ndarray:
    """Active Mon-Fri in the UTC hours that lie within [start, end) minutes of the Indian day."""
    return (WEEKDAY < 5) & (start <= MINUTE) & (end > MINUTE)


def test_office_hours_are_found_with_half_an_hour_before() -> None:
    found = learn(office(), HOURS)
    assert found.windows[:5] == (Window(540, 1290),) * 5, "09:00 to 21:30 for work from 09:30 to 21:00"
    assert found.windows[5:] == (None, None)
    assert found.off_hours == pytest.approx(168 - 5 * 12.5)
    assert [str(window) for window in found.days()] == ["09:00 to 21:30"]


def test_the_week_of_a_schedule_covers_every_active_hour_of_utc() -> None:
    active = office()
    factors = Run(learn(active, HOURS).week).factors(HOURS)
    assert factors[active].min() == 1.0
    assert factors[~active].sum() == pytest.approx(26 * 5 * 0.5), "half an hour before, nothing else"


def test_one_odd_evening_in_a_year_widens_nothing_but_is_told() -> None:
    hours = np.arange(np.datetime64("2025-03-03T00", "h"), np.datetime64("2026-03-02T00", "h"))
    ist = hours.astype("datetime64[m]") + np.timedelta64(330, "m")
    active = ((ist.astype("datetime64[D]").astype(int) + 3) % 7 < 5) & (ist.astype(int) % 1440 >= 570) & (
        ist.astype(int) % 1440 < 1260
    )  # fmt: skip
    active[np.flatnonzero(ist.astype("datetime64[D]") == np.datetime64("2025-10-15"))[-1]] = True
    found = learn(active, hours)
    assert str(found.windows[0]) == "09:00 to 21:30"
    assert [str(day) for day in found.rare] == ["2025-10-15"]


def test_releases_every_second_week_are_in_the_window() -> None:
    active = office()
    for start in range(0, len(HOURS), 2 * 168):
        active[start + 15 : start + 18] = True  # Monday 20:30 to 23:30
    window = learn(active, HOURS).windows[0]
    assert window is not None
    assert window.end >= 23 * 60


def test_eight_weeks_are_too_few_quiet_nights() -> None:
    short = slice(0, 8 * 168)
    with pytest.raises(NotEnoughHistory) as told:
        learn(office()[short], HOURS[short])
    assert (told.value.have, told.value.need) == (55, 60), "39 nights and 16 days of weekends"


def test_exam_weeks_are_no_evidence() -> None:
    unusual = (np.datetime64("2025-12-01") <= HOURS) & (np.datetime64("2025-12-15") > HOURS)
    active = office() | unusual
    assert learn(active, HOURS, unusual).windows[:5] == (Window(540, 1290),) * 5


def test_a_saturday_shift_has_a_window_of_its_own_kind() -> None:
    active = office() | ((WEEKDAY == 5) & (MINUTE >= 630) & (MINUTE < 870))
    year = np.concatenate([active, active, active])
    hours = np.arange(HOURS[0], HOURS[0] + np.timedelta64(len(year), "h"))
    found = learn(year, hours)
    assert str(found.windows[5]) == "10:00 to 14:30"
    assert found.windows[6] is None


def test_what_has_no_rhythm_is_no_activity_pattern() -> None:
    rng = np.random.default_rng(0)
    assert activity(30 + rng.normal(0, 0.3, len(HOURS))) is None
    assert activity(np.full(24 * 13, 5.0)) is None


def test_hours_that_nobody_measured_count_as_active() -> None:
    average = np.where(office(), 20.0, 1.0)
    average[1000] = np.nan
    found = activity(average)
    assert found is not None
    assert found[1000]
    assert not found[~office() & np.isfinite(average)].any()


def test_stops_during_activity_are_rare_and_most_quiet_hours_are_found() -> None:
    found: Score = score(fixture(60, seed=3))
    assert found.false_stop_ratio <= 0.01
    assert found.captured_ratio >= 0.85


HOLIDAYS = ("2025-10-02", "2025-10-21", "2025-11-05", "2025-12-25", "2026-01-26")
DAYS_OFF = {np.datetime64(day).astype(object): day for day in HOLIDAYS}


def test_holidays_on_which_nobody_came_are_days_off_and_widen_nothing() -> None:
    closed = np.isin(IST.astype("datetime64[D]"), np.array(list(DAYS_OFF), dtype="datetime64[D]"))
    found = learn(office() & ~closed, HOURS, None, DAYS_OFF)
    assert [str(day) for day in found.days_off] == list(HOLIDAYS)
    assert str(found.windows[0]) == "09:00 to 21:30"


def test_holidays_on_which_people_work_are_working_days() -> None:
    assert learn(office(), HOURS, None, DAYS_OFF).days_off == ()


def test_a_quiet_holiday_says_nothing_where_working_days_are_often_quiet() -> None:
    rng = np.random.default_rng(1)
    days = IST.astype("datetime64[D]").astype(int)
    used = np.isin(days, rng.choice(np.unique(days), size=len(np.unique(days)) // 2, replace=False))
    closed = np.isin(IST.astype("datetime64[D]"), np.array(list(DAYS_OFF), dtype="datetime64[D]"))
    assert learn(office() & used & ~closed, HOURS, None, DAYS_OFF).days_off == ()


def test_what_nobody_looked_at_is_no_evidence_of_quiet() -> None:
    with pytest.raises(NotEnoughHistory) as told:
        learn(office(), HOURS, np.ones(len(HOURS), dtype=bool))
    assert told.value.have == 0
