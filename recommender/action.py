"""What a check proposes: a change of what is used, with its evidence; never a saving.

A change turns one metered line into what is metered instead, hour by hour; the plan applies changes in the order of
their operators and lets the bill simulator say what is saved. Checks live in `recommender/checks/`, a file each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum
from typing import Any, Final, Literal, Protocol

import numpy as np

from core import BadValue
from models.design import Floats
from recommender.fleet import Hours, Line

Confidence = Literal["high", "medium", "low"]
Effort = Literal["minutes", "hours", "days"]


class Operator(IntEnum):
    """Kinds of levers in the order in which they are applied; a commitment is bought for what the others leave."""

    REMOVE = 1
    SCHEDULE = 2
    RESIZE = 3
    MODERNISE = 4
    SPOT = 5
    COMMIT = 6
    KEEP_ORDER = 7  # hygiene: changes no usage, so it saves nothing by itself


#: A line as it is metered after a change, and how many of its units remain for each unit before, by hour or always.
Part = tuple[Line, Floats | float]


class Change(Protocol):
    """How usage changes. Applied to every line of the workload in each hour of the horizon."""

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """What is metered instead of one unit of `line` in each of the UTC `hours` (n_hours,); [] is nothing.

        A line that the change does not concern is returned as it is: [(line, 1.0)].
        """
        ...


@dataclass(frozen=True, eq=False)
class Remove:
    """Nothing is used any more; meters in `keep` stay (a stopped machine's disk)."""

    keep: frozenset[str] = frozenset()

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """Nothing, or the line itself."""
        return [(line, 1.0)] if line.meter in self.keep else []


@dataclass(frozen=True, eq=False)
class Run:
    """Runs only in some hours: `week` (336,) factors of half hours from Monday 00:00 in IST, or (168,) of hours;
    `always` are IST days (half-open ranges) without the mask, `never` IST days off. `meters`: which lines sleep; None
    is all.
    """

    week: tuple[float, ...]
    always: tuple[tuple[date, date], ...] = ()
    meters: frozenset[str] | None = None
    never: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if len(self.week) not in (168, 336):
            raise BadValue(
                f"a week of {len(self.week)} parts", expected="168 hours or 336 half hours, from Monday in IST"
            )

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """The line with its factor in each hour."""
        if self.meters is not None and line.meter not in self.meters:
            return [(line, 1.0)]
        return [(line, self.factors(hours))]

    def factors(self, hours: Hours) -> Floats:
        """(n_hours,): a UTC hour begins at :30 in India, so it is two half hours; one on days that always run."""
        minutes = hours.astype("datetime64[m]") + np.timedelta64(330, "m")
        week = np.repeat(self.week, 336 // len(self.week))
        # 1970-01-01 was a Thursday
        first = (minutes.astype(np.int64) // 30 + 144) % 336
        found: Floats = np.asarray((week[first] + week[(first + 1) % 336]) / 2)
        days = minutes.astype("datetime64[D]")
        found[np.isin(days, np.array(self.never, dtype="datetime64[D]"))] = 0.0
        for start, end in self.always:
            found[(days >= np.datetime64(start, "D")) & (days < np.datetime64(end, "D"))] = 1.0
        return found


@dataclass(frozen=True, eq=False)
class Swap:
    """Other types for the same work: sku -> what takes its place. In each of the `seasons` (IST days, half-open, the
    first that holds a day counts) it is another that does, and the line itself where that names none: sizes by the
    calendar."""

    to: Mapping[str, Replacement]
    seasons: tuple[tuple[date, date, Mapping[str, Replacement]], ...] = ()

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """What takes its place, outside the seasons and in each of them."""
        if not any(line.sku in to for to in (self.to, *(to for _, _, to in self.seasons))):
            return [(line, 1.0)]
        if not self.seasons:
            return [_swapped(line, self.to, 1.0)]
        days = (hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
        left = np.ones(len(hours))
        parts: list[Part] = []
        for start, end, to in self.seasons:
            inside = left * ((days >= np.datetime64(start, "D")) & (days < np.datetime64(end, "D")))
            parts.append(_swapped(line, to, inside))
            left = left - inside
        return [_swapped(line, self.to, left), *parts]


def _swapped(line: Line, to: Mapping[str, Replacement], share: Floats | float) -> Part:
    new = to.get(line.sku)
    return (line, share) if new is None else (new.of(line), new.units * share)


@dataclass(frozen=True, eq=False)
class Split:
    """One meter becomes several: sku -> the parts that take its place, as classes of storage, or a machine elsewhere
    and the bytes that it then sends; () is nothing."""

    to: Mapping[str, tuple[Replacement, ...]]

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """The parts, or the line itself."""
        parts = self.to.get(line.sku)
        return [(line, 1.0)] if parts is None else [(part.of(line), part.units) for part in parts]


@dataclass(frozen=True)
class Replacement:
    """`units` of `sku` at `price` (the line's currency, a unit) for one unit before.

    `region`: where, if that changes: commitments of the region that it leaves reach it no more.
    """

    sku: str
    price: float
    units: float = 1.0
    meter: str = ""
    region: str = ""

    def of(self, line: Line) -> Line:
        """The line as it is metered then."""
        return replace(
            line, sku=self.sku, price=self.price, effective_price=self.price, meter=self.meter or line.meter,
            region=self.region or line.region,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class SpotShare:
    """A share of the units on Spot at `price`: `share` usually, `exam_share` in `exam_days` (IST, half-open). `region`:
    where, if not at home, and `also` what each unit then uses besides; what an earlier lever has moved is left alone,
    for these are not its prices."""

    price: Mapping[str, float]
    share: float
    exam_share: float
    exam_days: tuple[tuple[date, date], ...] = ()
    region: str = ""
    also: tuple[Replacement, ...] = ()

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """The part that stays, the part on Spot, and what that needs."""
        if line.is_spot or line.region or line.sku not in self.price:
            return [(line, 1.0)]
        days = (hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
        share = np.full(len(hours), self.share)
        for start, end in self.exam_days:
            inside = (days >= np.datetime64(start, "D")) & (days < np.datetime64(end, "D"))
            share[inside] = self.exam_share
        price = self.price[line.sku]
        spot = replace(line, price=price, effective_price=price, is_spot=True, region=self.region)
        return [(line, 1 - share), (spot, share), *((part.of(line), part.units * share) for part in self.also)]


@dataclass(frozen=True, eq=False)
class Nothing:
    """No change of usage: what should be put in order though no bill shows it."""

    def apply(self, line: Line, hours: Hours) -> list[Part]:
        """The line itself."""
        return [(line, 1.0)]


@dataclass(frozen=True)
class Evidence:
    """Why: what was looked at from `start` to `end` (days, half-open), `figures` label -> value with its unit as text,
    and `chart`: name of a series -> points (x as text, y), small enough for a page."""

    start: date
    end: date
    figures: Mapping[str, str]
    chart: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How to do it, for whoever writes the commands: a verb of `recommender/artefacts`, the target's names
    ("provider", "account", "region", "kind", "id", "name", …) and the values that the verb needs."""

    verb: str
    target: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """One proposal about one workload. `reason`: why no figure can be given, else None.

    `saturated_hours`: hours a year in which the proposed size is expected to be too small; `interruption`: bucket of
    the Spot advisor; `starts_on`: the day from which it can hold; `twins`: machine type -> what takes its place, for
    whatever type an earlier lever leaves.
    """

    check: str
    operator: Operator
    workload: str
    title: str
    change: Change
    evidence: Evidence
    recipe: Recipe | None = None
    confidence: Confidence = "medium"
    confidence_why: str = ""
    effort: Effort = "hours"
    needs_restart: bool = False
    rollback: str = ""
    risk: str = ""
    saturated_hours: float | None = None
    interruption: str | None = None
    starts_on: date | None = None
    price_source: str = ""
    price_on: date | None = None
    reason: str | None = None
    twins: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Stable from day to day: what is proposed about what, not how much."""
        return action_id(self.check, self.workload)


_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def action_id(check: str, workload: str) -> str:
    """Eight letters and digits that a person can read out, of the check's name and the workload's id."""
    value = int.from_bytes(hashlib.sha256(f"{check}\0{workload}".encode()).digest()[:5], "big")
    return "".join(_ALPHABET[(value >> 5 * at) & 31] for at in range(8))


class Check(Protocol):
    """A module of `recommender/checks/`: TITLE says what it looks for, OPERATOR where its actions stand."""

    TITLE: str
    OPERATOR: Operator

    def propose(self, fleet: Any) -> Iterator[Action]:
        """Actions about a fleet; nothing where there is no data, an action with a `reason` where data is missing."""
        ...
