"""The real calendar that drives the company: NEET, boards, festivals. Which days, not how many people come.

Facts of NEET are in `facts/neet_ug_calendar.csv` with a source each; festivals are public holidays of India.
"""

from __future__ import annotations

import csv
from datetime import date
from functools import cache

from demo.company import FACTS

#: Diwali and Holi: the two weeks of the year in which nobody studies.
DIWALI = (date(2022, 10, 24), date(2023, 11, 12), date(2024, 11, 1), date(2025, 10, 20), date(2026, 11, 8))
HOLI = (date(2023, 3, 8), date(2024, 3, 25), date(2025, 3, 14), date(2026, 3, 4))
#: Dates of which no source was found: the company's own planning stands in.
_PLANNED = {("2026", "admit_card"): date(2026, 4, 29), ("2026", "result"): date(2026, 7, 18)}


@cache
def facts() -> dict[tuple[int, str], date]:
    """The day on which each event of each cycle really was; cycle is the year of the exam."""
    found: dict[tuple[int, str], date] = {(int(year), event): day for (year, event), day in _PLANNED.items()}
    with (FACTS / "neet_ug_calendar.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] in ("actual", "held_then_cancelled", "expected") and row["date"]:
                found.setdefault((int(row["cycle"]), row["event"]), date.fromisoformat(row["date"]))
    return found


def event_days(event: str) -> list[date]:
    """All days of an event, oldest first."""
    return sorted(day for (_, name), day in facts().items() if name == event)


def exams() -> list[tuple[date, float]]:
    """Days of the national exam and how many of the candidates sat for it; 2026 was held twice.

    The second number is the share of the cycle's crowd that prepares towards that day.
    """
    return sorted([*((day, 1.0) for day in event_days("exam")), *((day, 0.85) for day in event_days("re_exam"))])


def boards() -> list[tuple[date, date]]:
    """First and last day of the class-12 boards (CBSE) of each year."""
    found = facts()
    return [
        (found[year, "cbse12_start"], found[year, "cbse12_end"])
        for year in sorted({cycle for cycle, _ in found})
        if (year, "cbse12_start") in found and (year, "cbse12_end") in found
    ]
