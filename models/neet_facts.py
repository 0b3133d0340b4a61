"""What happened around NEET UG and what was known when: facts of a file and feasts, as events with vintages.

What may still become of an exam is `models.neet`. Sundays with mock tests are a matter of weekday and season, not of
this calendar; a company's own tests and launches come in as `extra`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from core import BadValue
from core.registry import nearest
from models.calendar import COLUMNS, Calendar, Event, event_of

FACTS: Final = Path(__file__).with_name("facts") / "neet_ug_calendar.csv"

#: Days before and after in which each event is felt. Preparation for the exam fills most of a year.
WINDOWS: Final[Mapping[str, tuple[int, int]]] = {
    "exam": (-300, 90),
    "registration_open": (-2, 5),
    "registration_close": (-2, 5),
    "city_slip": (-1, 3),
    "admit_card": (-2, 4),
    "answer_key": (-1, 3),
    "result": (-2, 6),
    "counselling_start": (-2, 10),
    "boards": (-7, 7),
    "jee_main": (-3, 2),
    "jee_advanced": (-3, 2),
}
#: Facts that are no events. The later phase for COVID cases (2020) and the repetition for 1,563 candidates (2024) moved
#: well below 1 % of the crowd; the revised result of 2024 is alone of its kind, so its effect cannot be learned.
LEFT_OUT: Final = ("exam_phase2", "re_exam_partial", "result_revised")
#: Boards and JEE have no `known_from`: their date sheets came out 60 to 150 days before; the latest is assumed.
ASSUMED_NOTICE_DAYS: Final = 60
#: Who sits for a repeated exam, beside a first one: nearly 20 of 22.05 lakh in 2026, and few prepare for it afresh.
REPEAT_SIZE: Final = 0.85
#: What the notes of the facts say: since when a date held no more although no other was known.
_WITHDRAWN: Final = {
    (2017, "result", date(2017, 6, 8)): date(2017, 5, 24),
    (2020, "exam", date(2020, 5, 3)): date(2020, 3, 27),
    (2026, "exam", date(2026, 5, 3)): date(2026, 5, 12),
}
_PERIOD: Final = re.compile(r"(cbse12|jee_main_s\d+)_(start|end)")

#: Feasts: the name in the package, ours, window. Each name is learned from two or three occurrences, so they are few.
_FEASTS: Final = {
    "Diwali": ("diwali", -5, 4),
    "Holi": ("holi", -2, 2),
    "Dussehra": ("dussehra", -3, 1),
    "Eid al-Fitr": ("eid_al_fitr", -1, 1),
    "Eid al-Adha": ("eid_al_adha", -1, 1),
    "Raksha Bandhan": ("raksha_bandhan", -1, 1),
    "Janmashtami (Vaishnava)": ("janmashtami", -1, 1),
    "Republic Day": ("republic_day", -1, 1),
    "Independence Day": ("independence_day", -1, 1),
    "Mahatma Gandhi's Birthday": ("gandhi_jayanti", -1, 1),
    "Christmas": ("christmas", -1, 1),
    "New Year's Day": ("new_year", -1, 1),
}
#: The package knows Indian feasts of these years. Those of the moon that lie ahead are computed, Eid to about a day.
_FEAST_YEARS: Final = (2001, 2035)


@dataclass(frozen=True)
class Fact:
    """One dated row of the file; `cycle` is the year of the exam, `where` file and line."""

    cycle: int
    event: str
    on: date
    status: str
    known_from: date | None
    where: str


def neet_calendar(
    extra: Iterable[Event] = (), holidays: bool = True, first: date = date(2017, 1, 1), last: date | None = None
) -> Calendar:
    """Every date there ever was, in [first, last], with the days on which it was known; read it with `as_known`.

    An exam that nobody announced is not in it: `models.neet.futures` makes one for every day on which it is asked. An
    event of `extra` takes the place of one with the same name and day. Feasts reach to 2035.
    """
    last = last or date(_FEAST_YEARS[1], 12, 31)
    given = tuple(extra)
    known = {(event.name, event.on) for event in given}
    found = [*events_of_facts(read_facts()), *(_feasts(first.year, last.year) if holidays else ())]
    return Calendar((*given, *(e for e in found if first <= e.on <= last and (e.name, e.on) not in known)))


def events_of(rows: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Events of plain tables with the keys of `models.calendar.COLUMNS`; values may be texts, days, numbers or None.

    An event of NEET has its own window unless the row says otherwise. Raises BadValue that counts rows from 1.
    """
    events = []
    for number, row in enumerate(rows, 1):
        where = f"event {number}"
        for key in row:
            if key not in COLUMNS:
                guess = nearest(key, COLUMNS)
                raise BadValue(
                    f"{key} is no key of an event", where=where, expected=", ".join(COLUMNS),
                    fix=f"write {guess}" if guess else "take it out",
                )  # fmt: skip
        texts = {key: "" if value is None else str(value) for key, value in row.items()}
        if window := WINDOWS.get(texts.get("event", "").strip()):
            for key, value in zip(("lo", "hi"), window, strict=True):
                texts[key] = texts.get(key) or str(value)
        events.append(event_of(texts, where))
    return events


def read_facts(path: Path = FACTS) -> list[Fact]:
    """Facts with a day: counts and what was cancelled before it had a day are left out.

    Raises BadValue, naming file and line, for a missing column, a date or year that is none, or an unknown event.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = ("cycle", "event", "date", "status", "known_from")
        if missing := [name for name in columns if name not in (reader.fieldnames or [])]:
            raise BadValue(
                f"{' and '.join(missing)} missing", where=str(path), expected=f"columns {', '.join(columns)}",
                fix="name the columns in the first line",
            )  # fmt: skip
        rows = ((row, f"{path}, line {reader.line_num}") for row in reader)
        return [_fact(row, where) for row, where in rows if row["status"] not in ("value", "cancelled")]


def events_of_facts(facts: Sequence[Fact]) -> list[Event]:
    """Facts as events with vintages; a date that was moved or withdrawn ends on the day this became known.

    Of an exam that was held and then cancelled there are two events on one day: the planned one, which ends with the
    cancellation, and from then on the one that took place. Raises BadValue, naming file and line, for a superseded
    fact without a successor and a period without an end.
    """
    ended = {fact: _ended(fact, facts) for fact in facts if fact.status in ("superseded", "held_then_cancelled")}
    events: list[Event] = []
    for fact in facts:
        if fact.event in LEFT_OUT or fact.status == "expected" or fact.event.endswith("_end"):
            continue
        event = _event(fact, facts)
        if fact not in ended:
            events.append(event)
            continue
        until = min([ended[fact], *_without_exam(fact, ended)])
        events.append(replace(event, status="superseded", known_until=until))
        if fact.status == "held_then_cancelled":
            events.append(replace(event, known_from=until))
    return events


def _event(fact: Fact, facts: Sequence[Fact]) -> Event:
    if fact.event == "re_exam":
        lo, hi = WINDOWS["exam"]
        return Event(fact.on, "exam", lo, hi, size=REPEAT_SIZE, status=fact.status, known_from=fact.known_from)
    period = _PERIOD.fullmatch(fact.event)
    name, days = fact.event, 1
    if period:
        name = "boards" if period[1] == "cbse12" else "jee_main"
        ends = [other.on for other in facts if (other.cycle, other.event) == (fact.cycle, f"{period[1]}_end")]
        if not ends or ends[0] < fact.on:
            raise BadValue(
                f"{fact.event} {fact.cycle} has no end after it", where=fact.where,
                expected=f"{period[1]}_end of the same cycle", fix="add its row",
            )  # fmt: skip
        days = (ends[0] - fact.on).days + 1
    known_from = fact.known_from
    if known_from is None and name in ("boards", "jee_main", "jee_advanced"):
        known_from = fact.on - timedelta(days=ASSUMED_NOTICE_DAYS)
    lo, hi = WINDOWS[name]
    return Event(fact.on, name, lo, hi, days, status=fact.status, known_from=known_from)


def _ended(fact: Fact, facts: Sequence[Fact]) -> date:
    """The day on which a superseded date was known to hold no more."""
    if (noted := _WITHDRAWN.get((fact.cycle, fact.event, fact.on))) is not None:
        return noted
    names = ("exam", "re_exam") if fact.event == "exam" else (fact.event,)
    since = fact.known_from or date.min
    later = [
        other.known_from
        for other in facts
        if other.cycle == fact.cycle and other.event in names and other.known_from and other.known_from > since
    ]
    if not later:
        raise BadValue(
            f"{fact.event} {fact.cycle} is {fact.status}, and nothing came after it", where=fact.where,
            expected="a later fact of the same cycle and event with known_from", fix="add its row",
        )  # fmt: skip
    return min(later)


def _without_exam(fact: Fact, ended: Mapping[Fact, date]) -> Iterator[date]:
    """Days on which a date fell because its exam did."""
    for exam, day in ended.items():
        same = exam.event == "exam" and exam.cycle == fact.cycle
        if same and (fact.known_from or date.min) < day <= fact.on and fact.status == "superseded":
            yield day


def _fact(row: Mapping[str, str], where: str) -> Fact:
    event = row["event"]
    try:
        on, known = date.fromisoformat(row["date"]), row["known_from"]
        cycle, known_from = int(row["cycle"]), date.fromisoformat(known) if known else None
    except (TypeError, ValueError) as error:
        raise BadValue(
            str(error), where=where, expected="a year as cycle, dates as YYYY-MM-DD", fix="correct the line"
        ) from None
    plain = (*WINDOWS, *LEFT_OUT, "re_exam")
    if event not in plain and not _PERIOD.fullmatch(event):
        guess = nearest(event, [*plain, "cbse12_start", "cbse12_end"]) or "exam"
        raise BadValue(f"an unknown event, {event!r}", where=where, expected=f"such as {guess}", fix="correct the line")
    return Fact(cycle, event, on, row["status"], known_from, where)


@cache
def _feasts(first: int, last: int) -> tuple[Event, ...]:
    """Feasts of these years. Raises BadValue if the package has another name for one of them."""
    from holidays import country_holidays  # half a second

    years = range(max(first, _FEAST_YEARS[0]), min(last, _FEAST_YEARS[1]) + 1)
    if not years:
        return ()
    india = country_holidays("IN", years=years, categories=("public", "optional"), language="en_US")
    events = []
    for day in sorted(india):
        for title in india.get_list(day):
            # Of a day that follows the moon the package says that it is an estimate, as long as nobody saw it.
            if feast := _FEASTS.get(title.removesuffix(" (estimated)")):
                events.append(Event(day, *feast, status="holiday"))
    if missing := sorted({name for name, _, _ in _FEASTS.values()} - {event.name for event in events}):
        raise BadValue(
            f"{', '.join(missing)} not found", where="the package holidays, country IN",
            expected="the names in models/neet_facts.py", fix="install the pinned version",
        )  # fmt: skip
    return tuple(events)
