"""The exam moves, is repeated, becomes a week: the forecast goes with it and the rest of the year stays."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from season import calendar, crowd, days, exam, first_sunday_of_may

from models.calendar import Calendar
from models.demand import OURS, DemandModel
from models.design import Floats
from models.forecasters.event_blend import EventBlend
from models.neet import central, futures, neet_calendar

pytestmark = pytest.mark.pure

PAST = days(date(2021, 9, 1), date(2024, 8, 31))
AHEAD = days(date(2024, 9, 1), date(2025, 11, 30))
USUAL = [exam(first_sunday_of_may(year)) for year in range(2021, 2026)]


def told_and_true(events: Calendar, known: Calendar | None = None) -> tuple[Floats, Floats]:
    """The median told with the calendar that is `known`, and what comes by `events`; both weeks' means."""
    whole = np.concatenate([PAST, AHEAD])
    model = EventBlend(known or events).fit(PAST, crowd(whole, events)[: len(PAST)])
    return weekly(model.predict(AHEAD)), weekly(crowd(whole, events, noise=0)[len(PAST) :])


def weekly(values: Floats) -> Floats:
    return np.convolve(values, np.ones(7) / 7, "valid")


@pytest.mark.parametrize("shift", [0, 21, 60, 133])
def test_peak_goes_where_the_exam_goes(shift: int) -> None:
    moved = calendar([*USUAL[:4], exam(first_sunday_of_may(2025) + timedelta(days=shift))])
    told, true = told_and_true(moved)
    assert abs(int(told.argmax()) - int(true.argmax())) <= 2
    assert told.max() == pytest.approx(true.max(), rel=0.075)
    assert np.abs(told - true).sum() / true.sum() < 0.05


def test_boards_and_diwali_stay_when_the_exam_moves() -> None:
    model = EventBlend(calendar(USUAL)).fit(PAST, crowd(PAST, calendar(USUAL)))
    other = calendar(USUAL).moved("exam", USUAL[4].on, date(2025, 9, 14))
    diwali = np.datetime64("2025-10-20") == AHEAD
    before = np.datetime64("2025-10-10") == AHEAD
    for events in (calendar(USUAL), other):
        told = model.predict(AHEAD, events)
        assert told[diwali][0] < 0.75 * told[before][0]
    boards = (np.datetime64("2024-11-01") > AHEAD) & (np.datetime64("2024-10-01") < AHEAD)
    np.testing.assert_allclose(model.predict(AHEAD, other)[boards], model.predict(AHEAD)[boards], rtol=0.02)


def test_corrected_date_is_followed_the_same_day() -> None:
    """Fitted once with the wrong date: another calendar moves the peak without another fit."""
    wrong = calendar(USUAL)
    model = DemandModel(wrong, candidates=(OURS,)).fit(PAST, crowd(PAST, wrong))
    right = wrong.moved("exam", USUAL[4].on, date(2025, 7, 20))
    peak = AHEAD[weekly(model.predict(AHEAD, right)).argmax() + 3]
    assert abs(peak - np.datetime64("2025-07-17")) <= np.timedelta64(2, "D")
    truth = crowd(np.concatenate([PAST, AHEAD]), right)[len(PAST) :]
    low, high = model.predict_quantiles(AHEAD, [0.025, 0.975], right).T
    assert ((truth >= low) & (truth <= high)).mean() > 0.85


def test_repeated_exam_is_a_second_peak_after_it_was_announced() -> None:
    again = exam(date(2025, 6, 22), size=0.85, known_from=date(2025, 5, 16))
    events = calendar([*USUAL, again])
    whole = np.concatenate([PAST, AHEAD])
    model = EventBlend(calendar(USUAL)).fit(PAST, crowd(PAST, calendar(USUAL)))
    told, true = model.predict(AHEAD, events), crowd(whole, events, noise=0)[len(PAST) :]
    second = (np.datetime64("2025-06-01") <= AHEAD) & (np.datetime64("2025-07-10") >= AHEAD)
    assert abs(int(told[second].argmax()) - int(true[second].argmax())) <= 2
    assert told[second].max() == pytest.approx(true[second].max(), rel=0.12)
    quiet = (np.datetime64("2025-05-08") <= AHEAD) & (np.datetime64("2025-05-15") >= AHEAD)
    assert told[quiet].mean() == pytest.approx(true[quiet].mean(), rel=0.12)


def test_exam_of_ten_days_is_a_week_and_a_half_at_the_top() -> None:
    window = calendar([*USUAL[:4], exam(date(2025, 5, 4), days=10)])
    told, true = told_and_true(window)
    assert np.abs(told - true).sum() / true.sum() < 0.05
    assert abs(int(told.argmax()) - int(true.argmax())) <= 9


@pytest.mark.parametrize("held", [date(2020, 9, 13), date(2022, 7, 17), date(2025, 5, 4)])
def test_mixture_of_calendars_held_the_truth_before_the_date_was_known(held: date) -> None:
    """300 days before: the 95 % band over the mixture holds the season that came, whatever its date."""
    known_on = held - timedelta(days=300)
    until = held + timedelta(days=60)
    facts = neet_calendar(holidays=False)
    real = Calendar(e for e in central(facts, date(2026, 8, 1), date(2026, 8, 2)) if e.name == "exam")
    past = days(known_on - timedelta(days=1095), known_on - timedelta(days=1))
    ahead = days(known_on, until)
    whole = crowd(np.concatenate([past, ahead]), real)
    given = central(facts, known_on, until)
    given = Calendar(e for e in given if e.name == "exam")
    model = DemandModel(given, candidates=(OURS,)).fit(past, whole[: len(past)])
    paths = np.concatenate(
        [
            model.sample(ahead, max(int(2000 * f.probability), 1), Calendar(e for e in f.calendar if e.name == "exam"))
            for f in futures(facts, known_on, until)
        ]
    )
    low, high = np.quantile(paths, (0.025, 0.975), axis=0)
    truth = whole[len(past) :]
    assert ((truth >= low) & (truth <= high)).mean() > 0.85
