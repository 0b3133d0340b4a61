"""Sizes by the calendar: what is needed, which seasons are found, and how often it would be too small."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.fleet import exam_mask
from recommender.sizing import Candidate, Demand, by_calendar, one_size

pytestmark = pytest.mark.pure

SIZES = tuple(Candidate(f"s{n}", float(n), {"cpu": float(n)}) for n in (1, 2, 4, 8, 16))


def demand(fleet: Any, used: np.ndarray) -> Demand:
    """Of the largest size."""
    return Demand.of(fleet, SIZES[-1], {"cpu": used})


def test_one_size_carries_the_peak_with_growth_and_room(build: SimpleNamespace) -> None:
    fleet = build.fleet()
    used = np.full(8760, 1.0)
    used[:10] = 2.6  # more than one hour in a thousand: 2.6 x 1.2 / 0.8 = 3.9
    assert one_size(fleet, demand(fleet, used), SIZES).base.type == "s4"
    used[:10] = 2.7
    assert one_size(fleet, demand(fleet, used), SIZES).base.type == "s8"
    assert one_size(fleet, demand(fleet, np.full(8760, 15.0)), SIZES).base.type == "s16", "never larger than one's own"
    assert one_size(fleet, demand(fleet, used), ()).base.type == "s16", "one's own where nothing else is for sale"


def test_a_season_costs_its_days_and_two_weeks_before(build: SimpleNamespace) -> None:
    fleet = build.fleet()
    used = np.where(exam_mask(build.hours, (date(2026, 5, 3),), 20, 3), 9.0, 1.2)
    found = by_calendar(fleet, demand(fleet, used), SIZES)
    ((start, end, larger),) = found.seasons
    assert (found.base.type, larger.type) == ("s2", "s16")
    assert (start, end) == (-27, 10), "a week of slack on both sides"
    assert found.cost == pytest.approx(2 + (37 + 14) / 365 * 14)
    (coming,) = found.windows(fleet)
    assert coming[:2] == (date(2027, 3, 22), date(2027, 5, 12))


def test_peaks_all_over_the_year_are_no_season(build: SimpleNamespace) -> None:
    fleet = build.fleet()
    used = np.where(np.arange(8760) % 240 < 5, 9.0, 1.2)
    found = by_calendar(fleet, demand(fleet, used), SIZES)
    assert (found.base.type, found.seasons) == ("s16", ())


def test_no_more_than_two_seasons_and_close_ones_are_one(build: SimpleNamespace) -> None:
    fleet = build.fleet()
    used = np.full(8760, 1.0)
    for first in (130, 90, 45, 10):
        used[exam_mask(build.hours, (date(2026, 5, 3),), first, -first + 3)] = 5.0
    found = by_calendar(fleet, demand(fleet, used), SIZES)
    assert 1 <= len(found.seasons) <= 2
    over = demand(fleet, used).over(found.base, {"cpu": 1.2 / 0.8})
    inside = np.zeros(8760, dtype=bool)
    for start, end, _ in found.seasons:
        inside |= exam_mask(build.hours, (date(2026, 5, 3),), -start, end)
    assert not (over & ~inside).any()


def test_saturated_hours_are_those_that_the_old_size_would_not_have_had(build: SimpleNamespace) -> None:
    """100 hours of 3.9 are too many for 4 on a course of 1.05, and for 16 on none."""
    fleet = build.fleet()
    used = np.full(8760, 1.0)
    used[4000:4100] = 3.9
    courses = np.array([0.7] * 41 + [1.05] * 3 + [5.0])
    asked = replace(demand(fleet, used), courses={"cpu": courses})
    found = one_size(fleet, asked, SIZES)
    assert found.base.type == "s4"
    assert found.saturated_hours == pytest.approx((100 * 3 + 8760) / 45)
    assert found.exam_risk == pytest.approx(1 / 45), "the 100 hours are not in the exam window"
    assert one_size(fleet, asked, ()).saturated_hours == 0


def test_another_unit_of_growth_needs_another_size(build: SimpleNamespace) -> None:
    log_users = np.linspace(5, 6, 8760)
    fleet = replace(build.fleet(), growth=(2.0,) * 9, log_users=log_users)
    followed, steady = (demand(fleet, used).growth["cpu"] for used in (np.exp(log_users), np.full(8760, 3.0)))
    assert followed == pytest.approx(2.4, rel=0.02)
    assert steady == pytest.approx(1.2, rel=0.02)
    short = np.full(8760, np.nan)
    short[-100 * 24 :] = 3.0
    assert demand(fleet, short).growth["cpu"] == pytest.approx(2.4, rel=0.02), "too little is known: it may follow"
