"""What may still become of the NEET UG exams ahead: a mixture of calendars, the most probable one, and scenarios.

An exam that is not announced lies on the first Sunday of May; announced or not, it may be moved, or held and repeated.
What happened and was announced is `models.neet_facts`, whose names are to be had here too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate, pairwise
from statistics import median
from typing import Final

from core import BadValue
from models.calendar import Calendar, Event
from models.neet_facts import FACTS, REPEAT_SIZE, WINDOWS, Fact, events_of, neet_calendar, read_facts

__all__ = [
    "FACTS", "WINDOWS", "Fact", "Future", "central", "events_of", "expected_exam", "futures", "neet_calendar",
    "read_facts", "scenario",
]  # fmt: skip

# The mixture: own judgement from the ten cycles 2017-2026. Three exams were moved against the first Sunday of May (by
# 133, 133 and 77 days), one was held and repeated (49 days later), six were on time.
ON_TIME: Final = 0.65
MOVED: Final = 0.20
REPEATED: Final = 0.15
#: A moved exam, in days after its first date: the middles of five equal parts of 40..140 days, on the same weekday.
MOVED_DAYS: Final = (49, 70, 91, 112, 133)
#: The same for the repetition: two halves of 35..60 days.
REPEATED_DAYS: Final = (42, 56)
#: Of 13 announced dates 3 were moved, all in COVID's two years, hence less than 3/13. That was 37, 23 and 20 days
#: before: the doubt stays whole until 40 days before the exam, then fades to nothing on its day.
ANNOUNCED_MOVED: Final = 0.12
MOVED_FADE_DAYS: Final = 40
#: The exam of 2026 was cancelled 9 days after it, and its new date was known 12 days after it. The doubt whether an
#: exam counts fades from its day to this one.
FOLLOW_UP_DAYS: Final = 14
CANCELLED_DAYS: Final = 12
#: Every exam that was on time was announced at least 84 days before; the shortest notice of all was 37 days (2026).
#: As the first Sunday of May comes nearer without a word, being on time fades between these two.
USUAL_NOTICE_DAYS: Final = 84
NOTICE_DAYS: Final = 28
#: From 2027 the exam is at computers, in sessions. An assumption: JEE Main took 8 to 10 days a session in 2023-2026.
WINDOW_FROM: Final = 2027
WINDOW_DAYS: Final = 10
#: What hangs on an exam lies at the median of this many cycles.
MEDIAN_CYCLES: Final = 5

_BEFORE: Final = ("registration_open", "registration_close", "city_slip", "admit_card")
_AFTER: Final = ("answer_key", "result", "counselling_start")
_HANGING: Final = (*_BEFORE, *_AFTER)
_YEARLY: Final = ("boards", "jee_main", "jee_advanced")
_OPEN_DAYS: Final = 150  # counselling began up to 129 days after the exam
_REGISTRATION_DAYS: Final = 28  # the shortest one
_SOON_DAYS: Final = 7  # what should have happened and was not announced is expected in a week
#: Sundays from today, if every date of a withdrawn exam has passed without a new one.
_LATE_DAYS: Final = (42, 70, 98)
#: What a calendar of `futures` says of dates that have not come, and `scenario` of those that it moved.
_AHEAD: Final = ("announced", "expected", "scenario")
_TINY: Final = 1e-9


@dataclass(frozen=True)
class Future:
    """One way the exams ahead may go, as a whole calendar.

    Read the calendar as it is: `as_known` would take away what is only supposed to become known later.
    """

    probability: float
    label: str
    calendar: Calendar


@dataclass(frozen=True)
class _Branch:
    """One way a cycle may go: all its exams, those that were held before included."""

    weight: float
    label: str
    exams: tuple[Event, ...]


def expected_exam(cycle: int) -> date:
    """The first Sunday of May, on which the exam lay in seven of ten years as long as nothing came between."""
    first = date(cycle, 5, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7)


def central(calendar: Calendar, known_on: date, until: date) -> Calendar:
    """The most probable calendar, seen from the end of the day `known_on`: the one that a forecast takes as given."""
    return futures(calendar, known_on, until)[0].calendar


def futures(calendar: Calendar, known_on: date, until: date) -> list[Future]:
    """The calendars that are possible on `known_on` for a forecast to `until`, the most probable first.

    Probabilities sum to 1. Pass the whole calendar with its vintages: only what was known on that day is used, but that
    a date was withdrawn, and that nothing was announced while somebody kept the facts, is known from it too. Cycles are
    coupled: a disturbed year goes with a disturbed next one, as in 2020-2022, which keeps the number near 15. Boards
    and JEE that nobody announced lie on the day of the year before, the same in all futures.
    """
    seen = Calendar(_as_seen(event, known_on) for event in calendar.as_known(known_on))
    informed = _is_informed(calendar, known_on)
    cycles = _cycles(calendar, seen, known_on, until + timedelta(days=-WINDOWS["exam"][0]), informed)
    rest = Calendar((*seen, *_yearly(seen, known_on, until)))
    main = {cycle: branches[0] for cycle, branches in cycles.items()}
    sums = {cycle: list(accumulate(branch.weight for branch in branches)) for cycle, branches in cycles.items()}
    cuts = sorted({0.0, 1.0, *(round(cut, 6) for found in sums.values() for cut in found[:-1])})
    found = []
    for low, high in pairwise(cuts):
        at = (low + high) / 2
        chosen = {c: cycles[c][min(bisect_right(sums[c], at), len(cycles[c]) - 1)] for c in cycles}
        label = "; ".join(branch.label for branch in chosen.values() if branch.label) or "no exam is open"
        found.append(Future(high - low, label, _written(rest, chosen, main, known_on, informed)))
    return found


def scenario(calendar: Calendar, moves: Mapping[str, date]) -> Calendar:
    """What if: the next event of each name on another day. With an exam goes what hangs on it and has not happened.

    For calendars of `central` and `futures`, which say what is ahead. Raises BadValue for a name of which nothing is.
    """
    ahead = [event for event in calendar if event.status in _AHEAD]
    to: dict[Event, date] = {}
    for name, day in moves.items():
        event = next((event for event in ahead if event.name == name), None)
        if event is None:
            names = ", ".join(sorted({event.name for event in ahead})) or "none"
            raise BadValue(
                f"no {name} is ahead", where="scenario", expected=f"one of: {names}",
                fix="name one of them, in a calendar of central()",
            )  # fmt: skip
        to[event] = day
    exam = next((event for event in to if event.name == "exam"), None)
    if exam is not None:
        exams = calendar.of("exam")
        for event in ahead:
            if event not in to and event.name in ("exam", *_HANGING) and _cycle_of(event, exams) == exam.on.year:
                to[event] = event.on + (to[exam] - exam.on)
    return Calendar(replace(e, on=to[e], status="scenario") if e in to else e for e in calendar)


def _as_seen(event: Event, known_on: date) -> Event:
    """Without hindsight: nobody sees that a date will be moved, or that it is going to be kept."""
    status = event.status
    if status in ("actual", "superseded", "held_then_cancelled") and event.on > known_on:
        status = "announced"
    elif status in ("superseded", "announced") and event.on <= known_on:
        status = "actual"
    return replace(event, status=status, known_until=None)


def _is_informed(calendar: Calendar, known_on: date) -> bool:
    """Whether silence means something on that day: facts of NEET became known before and after it."""
    known = [e.known_from for e in calendar if e.known_from and e.name in ("exam", *_HANGING)]
    return bool(known) and min(known) <= known_on <= max(known)


def _cycle_of(event: Event, exams: Sequence[Event]) -> int | None:
    """The year of the exam that an event hangs on: of the next exam for a registration, of the last for a result."""
    if event.name == "exam":
        return event.on.year
    if event.name in _BEFORE:
        return next((exam.on.year for exam in exams if exam.on >= event.on), None)
    return next((exam.on.year for exam in reversed(exams) if exam.on <= event.on), None)


def _anchor(exams: Sequence[Event], name: str) -> date:
    """The day that an event's distance is counted from: before the first exam of a cycle, after the last one."""
    return exams[0].on if name in _BEFORE else exams[-1].last


# The ways a cycle may go --------------------------------------------------------------------------------------


def _cycles(
    calendar: Calendar, seen: Calendar, known_on: date, horizon: date, informed: bool
) -> dict[int, list[_Branch]]:
    """The ways of every cycle that is open: its exam lies ahead, or what hangs on it does. The likeliest is first."""
    held = [exam for exam in seen.of("exam") if exam.on <= known_on]
    found = {}
    for cycle in range(held[-1].on.year if held else known_on.year, horizon.year + 1):
        exams = [exam for exam in seen.of("exam") if exam.on.year == cycle]
        if exams and (known_on - exams[-1].last).days > _OPEN_DAYS:
            continue
        announced = [exam for exam in exams if exam.status != "expected"]
        if announced:
            branches = _announced(cycle, announced, known_on)
        else:
            fallen = [e for e in calendar.of("exam") if e.on.year == cycle and (e.known_until or date.max) <= known_on]
            given = (exams or fallen or [_exam(cycle)])[-1]
            plan = replace(given, status="expected", known_from=None, known_until=None)
            branches = _unannounced(cycle, plan, known_on, informed, withdrawn=bool(fallen) and not exams)
        if branches[0].exams[0].on <= horizon:
            found[cycle] = branches
    return found


def _exam(cycle: int) -> Event:
    lo, hi = WINDOWS["exam"]
    return Event(expected_exam(cycle), "exam", lo, hi, WINDOW_DAYS if cycle >= WINDOW_FROM else 1, status="expected")


def _announced(cycle: int, exams: Sequence[Event], known_on: date) -> list[_Branch]:
    held, ahead = [e for e in exams if e.on <= known_on], [e for e in exams if e.on > known_on]
    moved = repeated = 0.0
    if ahead:
        moved = ANNOUNCED_MOVED * min(1.0, (ahead[0].on - known_on).days / MOVED_FADE_DAYS)
        repeated = 0.0 if held else REPEATED
    elif held[-1].status == "held_then_cancelled":
        repeated = 1.0
    elif len(held) == 1:
        since = max(0, (known_on - held[-1].last).days)
        repeated = REPEATED * max(0.0, 1 - since / FOLLOW_UP_DAYS)
    if not moved + repeated:
        return [_Branch(1.0, "", tuple(exams))]
    label = f"{cycle}: announced for {exams[-1].on}" if ahead else f"{cycle}: held on {exams[-1].on}"
    branches = [_Branch(1 - moved - repeated, label, tuple(exams))]
    for days in MOVED_DAYS if ahead else ():
        later = [replace(e, on=e.on + timedelta(days), status="expected", known_from=None) for e in ahead]
        branches.append(_Branch(moved / len(MOVED_DAYS), f"{cycle}: moved to {later[-1].on}", (*held, *later)))
    return _weighed([*branches, *_repeated(cycle, exams, repeated, known_on)])


def _unannounced(cycle: int, plan: Event, known_on: date, informed: bool, withdrawn: bool) -> list[_Branch]:
    """An exam without a date. Where nobody kept the facts, silence means nothing, and a past one counts as held."""
    if plan.on <= known_on and not withdrawn and (not informed or cycle < known_on.year):
        return [_Branch(1.0, f"{cycle}: no fact, taken as held on {plan.on}", (plan,))]
    notice = (plan.on - known_on).days
    share = min(1.0, max(0.0, (notice - NOTICE_DAYS) / (USUAL_NOTICE_DAYS - NOTICE_DAYS))) if informed else 1.0
    share = 0.0 if withdrawn else share
    days = [day for days in MOVED_DAYS if (day := plan.on + timedelta(days)) >= known_on + timedelta(NOTICE_DAYS)]
    if not days and not share:
        days = _sundays(known_on)
    moved = [(MOVED / len(MOVED_DAYS), f"{cycle}: moved to {day}", (replace(plan, on=day),)) for day in days]
    branches = [_Branch(ON_TIME * share, f"{cycle}: expected on {plan.on}", (plan,)), *(_Branch(*way) for way in moved)]
    return _weighed([*branches, *_repeated(cycle, (plan,), REPEATED * share, known_on)])


def _repeated(cycle: int, exams: Sequence[Event], weight: float, known_on: date) -> list[_Branch]:
    """The exam and a second one, of which nobody knows before the first is cancelled."""
    first = exams[-1]
    days = [day for days in REPEATED_DAYS if (day := first.on + timedelta(days)) >= known_on + timedelta(NOTICE_DAYS)]
    days = days or _sundays(known_on)
    known = max(known_on, first.last + timedelta(CANCELLED_DAYS))
    branches = []
    for day in days:
        second = replace(first, on=day, size=REPEAT_SIZE, status="expected", known_from=known)
        branches.append(_Branch(weight / len(days), f"{cycle}: {first.on}, again on {day}", (*exams, second)))
    return branches


def _sundays(known_on: date) -> list[date]:
    sunday = known_on + timedelta(6 - known_on.weekday())
    return [sunday + timedelta(days) for days in _LATE_DAYS]


def _weighed(branches: Iterable[_Branch]) -> list[_Branch]:
    """Weights that sum to 1, the likeliest way first; of equally likely ones the middle one."""
    found = [branch for branch in branches if branch.weight > _TINY]
    total, most = sum(branch.weight for branch in found), max(branch.weight for branch in found)
    likeliest = [branch for branch in found if branch.weight >= most - _TINY]
    found.insert(0, found.pop(found.index(likeliest[(len(likeliest) - 1) // 2])))
    return [replace(branch, weight=branch.weight / total) for branch in found]


# What hangs on the exams --------------------------------------------------------------------------------------


def _written(
    seen: Calendar, chosen: Mapping[int, _Branch], main: Mapping[int, _Branch], known_on: date, informed: bool
) -> Calendar:
    """The calendar in which each cycle goes as chosen. `main` is what the announced dates were made for."""
    closed = [exam for exam in seen.of("exam") if exam.on.year not in chosen]
    exams = sorted((*closed, *(exam for branch in main.values() for exam in branch.exams)), key=lambda e: e.on)
    events: list[Event] = [exam for branch in chosen.values() for exam in branch.exams]
    told: dict[tuple[int, str], Event] = {}
    for event in seen:
        cycle = _cycle_of(event, exams) if event.name in ("exam", *_HANGING) else None
        if cycle is not None and cycle in chosen:
            if event.name == "exam":
                continue
            shift = _anchor(chosen[cycle].exams, event.name) - _anchor(main[cycle].exams, event.name)
            if shift and event.on > known_on:
                event = replace(event, on=event.on + shift, status="expected")
            told[cycle, event.name] = event
        events.append(event)
    offsets = _offsets(seen, known_on)
    for cycle, branch in chosen.items():
        events += _hanging(cycle, branch, told, offsets, known_on, informed)
    past = (event.status == "expected" and event.on <= known_on for event in events)
    return Calendar(replace(e, status="assumed") if is_past else e for e, is_past in zip(events, past, strict=True))


def _hanging(
    cycle: int,
    branch: _Branch,
    told: Mapping[tuple[int, str], Event],
    offsets: Mapping[str, int],
    known_on: date,
    informed: bool,
) -> Iterator[Event]:
    """What nobody announced yet, where it usually lies. What should have happened long ago is about to."""
    opened = told.get((cycle, "registration_open"))
    for name, days in offsets.items():
        if (cycle, name) in told or (name in _BEFORE and informed and branch.exams[0].on <= known_on):
            continue
        on = _anchor(branch.exams, name) + timedelta(days)
        if informed:
            on = max(on, known_on + timedelta(_SOON_DAYS))
            if name == "registration_close" and opened:
                on = max(on, opened.on + timedelta(_REGISTRATION_DAYS))
            if name in _BEFORE and (on := min(on, branch.exams[0].on - timedelta(1))) <= known_on:
                continue
        event = Event(on, name, *WINDOWS[name], status="expected")
        opened = event if name == "registration_open" else opened
        yield event


def _offsets(seen: Calendar, known_on: date) -> dict[str, int]:
    """Days from the exam to what hangs on it, the median of the last cycles in which it happened (at least two)."""
    held = [exam for exam in seen.of("exam") if exam.on <= known_on]
    found = {}
    for name in _HANGING:
        days: dict[int, int] = {}
        for event in seen.of(name):
            cycle = _cycle_of(event, held)
            if cycle is not None and event.on <= known_on:
                exams = [exam for exam in held if exam.on.year == cycle]
                days.setdefault(cycle, (event.on - _anchor(exams, name)).days)
        last = [days[cycle] for cycle in sorted(days)[-MEDIAN_CYCLES:]]
        if len(last) >= 2:
            found[name] = round(median(last))
    return found


def _yearly(seen: Calendar, known_on: date, until: date) -> list[Event]:
    """Boards and JEE of the years ahead: those that were not announced, on the day of the year before."""
    added: list[Event] = []
    for name in _YEARLY:
        events = seen.of(name)
        for year in range(known_on.year, until.year + 1):
            before = max((event.on.year for event in events if event.on.year < year), default=None)
            pattern = [event for event in events if event.on.year == before]
            announced = sum(event.on.year == year for event in events)
            for event in pattern[announced:]:
                leap = event.on.month == 2 and event.on.day == 29
                on = event.on.replace(year=year, day=28 if leap else event.on.day)
                if on > known_on:
                    events.append(replace(event, on=on, status="expected", known_from=None))
                    added.append(events[-1])
    return added
