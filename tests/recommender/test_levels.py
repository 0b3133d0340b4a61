"""Where a line stands, told from what the season, the weekdays and the users do to it."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from recommender.fleet import Fleet
from recommender.levels import Level, levels

pytestmark = pytest.mark.pure

EXAMS = np.array(["2025-05-04T00", "2026-05-03T00"], dtype="datetime64[h]")
COUNT = 30
GROWTH = np.linspace(-0.2, 0.5, COUNT)
HEIGHTS = np.where(np.arange(COUNT) % 3 == 0, 0.0, np.linspace(0.3, 4, COUNT))


def company(build: SimpleNamespace, until: str) -> Fleet:
    """A year of lines that end at a level of 1, grown, with a hump at the exam, a smaller one in January, and noise."""
    end = np.datetime64(until, "h")
    hours = np.arange(end - 8760, end)
    away = (hours[None, :] - EXAMS[:, None]).astype(float) / 24
    hump = (np.exp(-((away / 16) ** 2) / 2) + 0.25 * np.exp(-(((away + 110) / 10) ** 2) / 2)).sum(axis=0)
    year = np.arange(-8760, 0) / 8760
    rng = np.random.default_rng(0)
    lines = [
        build.line(f"i-{n}", hourly=np.exp(GROWTH[n] * year) * (1 + HEIGHTS[n] * hump) * rng.lognormal(0, 0.03, 8760))
        for n in range(COUNT)
    ]
    fleet: Fleet = build.fleet(*(build.workload(one.workload, lines=[one]) for one in lines), hours=hours)
    return fleet


def told(fleet: Fleet) -> list[Level]:
    """In order of the lines."""
    found = levels(fleet, None)
    return [found[f"i-{n}", 0] for n in range(COUNT)]


@pytest.mark.parametrize("until", ["2026-02-01", "2026-05-03", "2026-06-01", "2026-06-15", "2026-09-01"])
def test_growth_is_what_the_year_did_not_undo(build: SimpleNamespace, until: str) -> None:
    slopes = np.array([one.slope for one in told(company(build, until))], dtype=float)
    assert np.abs(slopes - GROWTH).mean() < 0.1, "two humps of four times the level stand in it"


@pytest.mark.parametrize("until", ["2026-05-03", "2026-06-01", "2026-06-15", "2026-09-01"])
def test_what_the_fleet_does_together_is_season_and_no_level(build: SimpleNamespace, until: str) -> None:
    off = np.array([one.today - np.log(24) for one in told(company(build, until))])
    assert np.abs(off).mean() < 0.06, "the level of the last day without any hump"


def test_a_hump_that_stands_today_is_not_taken_for_a_level(build: SimpleNamespace) -> None:
    fleet = company(build, "2026-05-10")
    last = np.array([np.log(w.lines[0].hourly[-168:].mean()) for w in fleet.workloads])
    assert last.max() > 1.2, "on its face the highest stands at more than three times its level"
    assert max(abs(one.today - np.log(24)) for one in told(fleet)) < 0.25


def test_weekends_do_not_bend_the_level_where_days_are_left_out(build: SimpleNamespace) -> None:
    office = np.where((build.ist_weekday < 5) & (build.ist_hour >= 9) & (build.ist_hour < 21), 10.0, 0.1)
    fleet = build.fleet(build.workload(lines=[build.line(hourly=office)]))
    plain = levels(fleet, None)["i-1", 0].plain
    known = plain[np.isfinite(plain)]
    assert np.ptp(known) < 0.02, "a week is a week, also beside days that an exam hides"
    assert not np.isfinite(plain).all()


def test_few_lines_have_no_common_season(build: SimpleNamespace) -> None:
    fleet = company(build, "2026-06-01")
    one = fleet.workloads[14]
    found = levels(build.fleet(one, hours=fleet.hours), None)[one.id, 0]
    assert found.today - np.log(24) == pytest.approx(0, abs=0.15), "exam days are left out instead"
    assert np.log(one.lines[0].hourly[-168:].mean()) > 0.3, "not what it is on its face"


def test_exams_all_year_are_no_season(build: SimpleNamespace) -> None:
    fleet = company(build, "2026-09-01")
    monthly = build.fleet(
        *fleet.workloads, hours=fleet.hours, exams=tuple(date(2025 + m // 12, m % 12 + 1, 15) for m in range(24))
    )
    found = levels(monthly, None)
    assert all(np.isfinite(found[f"i-{n}", 0].today) for n in range(COUNT))
