"""What happens when, and since when one could know it: events with windows, vintages and scenarios.

An event has a name that all its occurrences share (their effect has one shape), a first day, and a window of days
around it in which it is felt. What was announced, moved or cancelled keeps the days on which that became known, so that
a backtest reads the calendar of its own day. Which events NEET brings is `models.neet`; no model lives here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core import BadValue

#: Columns of an event file; the first two are required.
COLUMNS: Final = ("event", "date", "lo", "hi", "days", "size", "status", "known_from", "known_until")

Days = NDArray[np.datetime64]


@dataclass(frozen=True, order=True)
class Event:
    """One occurrence: `on` is its first day, `days` how many it lasts, `lo`..`hi` the window in which it is felt.

    `lo` counts days from the first day (-300: three hundred days before), `hi` from the last one. `size` is how strong
    this occurrence is beside the others of its name (an exam that is repeated draws 0.85 of the crowd). `known_from` is
    the first day on which this could be known, `known_until` the first on which it no longer held; None: always.
    """

    on: date
    name: str
    lo: int = -3
    hi: int = 3
    days: int = 1
    size: float = 1.0
    status: str = "actual"
    known_from: date | None = None
    known_until: date | None = None

    def __post_init__(self) -> None:
        if self.lo > 0 or self.hi < 0 or self.days < 1 or not 0 < self.size <= 10:
            raise BadValue(
                f"{self.name} on {self.on}: window {self.lo}..{self.hi}, {self.days} days, size {self.size}",
                where="event",
                expected="lo at most 0, hi at least 0, days at least 1, size above 0 and at most 10",
                fix="write the window as days before (negative) and after",
            )

    @property
    def last(self) -> date:
        """Its last day."""
        return self.on + timedelta(days=self.days - 1)

    def is_known(self, on: date) -> bool:
        """Whether a person of that day would have written it into the calendar."""
        return (self.known_from or date.min) <= on and (self.known_until is None or on < self.known_until)


class Calendar(Sequence[Event]):
    """Events in order of their days. Immutable; a change gives a new one."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = tuple(sorted(events, key=_order))

    def __getitem__(self, index: Any) -> Any:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self._events == other._events

    def __hash__(self) -> int:
        return hash(self._events)

    def __add__(self, other: Iterable[Event]) -> Calendar:
        return Calendar((*self._events, *other))

    def __repr__(self) -> str:
        names = ", ".join(self.names)
        return f"Calendar({len(self)} events: {names})"

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return sorted({event.name for event in self})

    def of(self, name: str) -> list[Event]:
        """The occurrences of a name, oldest first."""
        return [event for event in self if event.name == name]

    def as_known(self, on: date) -> Calendar:
        """The calendar as a person of that day would have written it: later announcements are not in it."""
        return Calendar(event for event in self if event.is_known(on))

    def moved(self, name: str, on: date, to: date) -> Calendar:
        """A scenario: the occurrence of `name` on the day `on` takes place on `to`. BadValue if there is none."""
        found = [event for event in self if event.name == name and event.on == on]
        if not found:
            known = ", ".join(f"{event.on}" for event in self.of(name)) or "none"
            raise BadValue(f"no {name} on {on}", where="calendar", expected=f"one of: {known}", fix="name one of them")
        return Calendar(replace(event, on=to, status="scenario") if event in found else event for event in self)

    def between(self, start: date, end: date) -> list[Event]:
        """Occurrences whose first day lies in [start, end)."""
        return [event for event in self if start <= event.on < end]

    @classmethod
    def read_csv(cls, path: Path) -> Calendar:
        """Events of a file with the columns `event`, `date` and optionally the others of COLUMNS.

        Raises BadValue, naming file and line, for a date that is none (YYYY-MM-DD), a number that is none, or a file
        without the two required columns.
        """
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or [])]
            if missing:
                raise BadValue(
                    f"{' and '.join(missing)} missing", where=str(path), expected=f"columns {', '.join(COLUMNS)}",
                    fix="name the columns in the first line; event and date are required",
                )  # fmt: skip
            return cls(event_of(row, f"{path}, line {reader.line_num}") for row in reader)


def _order(event: Event) -> tuple[Any, ...]:
    # The dataclass's own order cannot compare a day with None.
    known = (event.known_from or date.min, event.known_until or date.max)
    return (event.on, event.name, event.status, *known, event.lo, event.hi, event.days, event.size)


def event_of(row: Mapping[str, str | None], where: str) -> Event:
    """The event that a row with the keys of COLUMNS writes. Raises BadValue, naming `where`, for what is no event."""

    def text(name: str) -> str:
        return (row.get(name) or "").strip()

    def day(name: str) -> date | None:
        return date.fromisoformat(text(name)) if text(name) else None

    try:
        on = date.fromisoformat(text("date"))
        numbers = {name: int(text(name)) for name in ("lo", "hi", "days") if text(name)}
        size = float(text("size") or 1)
        known = {name: day(name) for name in ("known_from", "known_until")}
    except ValueError as error:
        raise BadValue(
            str(error), where=where, expected="dates as YYYY-MM-DD, whole numbers of days", fix="correct the line"
        ) from None
    if not text("event"):
        raise BadValue("an event without a name", where=where, expected="a name in the column event", fix="name it")
    try:
        return Event(on, text("event"), **numbers, size=size, status=text("status") or "actual", **known)  # type: ignore[arg-type]
    except BadValue as error:
        raise BadValue(error.what, where=where, expected=error.expected, fix=error.fix) from None
