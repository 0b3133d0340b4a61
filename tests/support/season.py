"""A made-up crowd on any calendar: what a moved, repeated or stretched exam does to it is known exactly."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.calendar import Calendar, Event

DIWALI = {2021: date(2021, 11, 4), 2022: date(2022, 10, 24), 2023: date(2023, 11, 12), 2024: date(2024, 11, 1),
          2025: date(2025, 10, 20), 2026: date(2026, 11, 8), 2027: date(2027, 10, 29)}  # fmt: skip
DAY = np.timedelta64(1, "D")


def first_sunday_of_may(year: int) -> date:
    """The day on which the exam is as a rule."""
    first = date(year, 5, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7)


def exam(on: date, **more: object) -> Event:
    """An exam with the window that the season has."""
    return Event(on, "exam", lo=-300, hi=90, **more)  # type: ignore[arg-type]


def calendar(exams: list[Event]) -> Calendar:
    """Exams with what does not hang on them: boards and Diwali."""
    years = range(2021, 2028)
    boards = [Event(date(year, 2, 15), "boards", lo=-7, hi=7, days=45) for year in years]
    return Calendar([*exams, *boards, *(Event(day, "diwali", lo=-5, hi=4) for day in DIWALI.values())])


def days(first: date, last: date) -> NDArray[np.datetime64]:
    """All days from one to the other, both with."""
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)


def crowd(when: NDArray[np.datetime64], events: Calendar, *, noise: float = 0.03, seed: int = 0) -> NDArray[np.float64]:
    """Daily users: growth of a sixth a year, weekdays, a climb to each exam and a fall after it, boards, Diwali."""
    since = ((when - when[0]) / DAY).astype(float)
    logs = np.log(100_000) + np.log(1.16) * since / 365.25
    logs += np.array([0.02, 0.03, 0.03, 0.02, -0.02, -0.04, -0.04])[(when.astype(int) + 3) % 7]
    for one in events:
        first, last = np.datetime64(one.on, "D"), np.datetime64(one.last, "D")
        away = np.minimum((when - first) / DAY, 0) + np.maximum((when - last) / DAY, 0)
        if one.name == "exam":
            climb = np.where(away <= 0, 0.9 * one.size * np.exp(away / 30), 0.0)
            if one.known_from:
                climb[when < np.datetime64(one.known_from, "D")] = 0
            logs += climb - np.where(away > 0, 0.3 * one.size * np.exp(-away / 16), 0.0)
        elif one.name == "boards":
            logs -= 0.12 * (away == 0)
        elif one.name == "diwali":
            logs -= 0.5 * np.exp(-0.5 * (away / 1.8) ** 2)
    return np.exp(logs + np.random.default_rng(seed).normal(0, noise, len(when)))
