"""What people decided about proposals, and when each was first made: kept in the ledger, for it cannot be rebuilt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, get_args

from core import BadValue, nearest
from warehouse.ledger import Ledger

Choice = Literal["accepted", "applied", "dismissed", "excluded", "pinned", "reopened"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
#: Choices for which a person says why.
_NEEDS_REASON: Final = ("dismissed", "excluded")


@dataclass(frozen=True)
class Decision:
    """The last choice about an item. `decided_on`: from when it holds; of what was applied, the day it was done."""

    item: str
    state: Choice
    reason: str
    decided_on: date
    expected_inr: float | None


@dataclass(frozen=True)
class Proposal:
    """An item as it was last planned; `expected_inr` a year."""

    item: str
    check: str
    workload: str
    title: str
    first_seen: date
    last_seen: date
    expected_inr: float


def decide(ledger: Ledger, item: str, state: Choice, reason: str, on: date, at: datetime) -> None:
    """Write a choice down. Raises BadValue for an item that was never proposed, and where a reason is missing."""
    known = {one.item: one for one in proposals(ledger)}
    if item not in known:
        near = nearest(item, known)
        guess = f"; did you mean {near} ({known[near].title})?" if near else ""
        raise BadValue(
            f"no proposal has the id {item!r}{guess}", fix="`kifayat recommend --published --all` lists them"
        )
    if state in _NEEDS_REASON and not reason.strip():
        raise BadValue(f"an item is {state} for a reason", fix="say why with --reason")
    if on > at.date():
        raise BadValue(f"{on} is in the future", where=item, fix="give the day on which it was done")
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO decisions (item, state, reason, decided_on, at, expected_inr) VALUES (?, ?, ?, ?, ?, ?)",
            (item, state, reason.strip(), on.isoformat(), at.isoformat(), known[item].expected_inr),
        )


def decisions(ledger: Ledger) -> dict[str, Decision]:
    """The choice that holds for each item; what was reopened has none."""
    found = {
        row["item"]: Decision(
            row["item"], row["state"], row["reason"], date.fromisoformat(row["decided_on"]), row["expected_inr"]
        )
        for row in ledger.rows("SELECT * FROM decisions ORDER BY decision_id")
    }
    return {item: one for item, one in found.items() if one.state != "reopened"}


def proposals(ledger: Ledger) -> list[Proposal]:
    """Every proposal ever made, by id."""
    return [
        Proposal(row["item"], row["check_name"], row["workload"], row["title"], date.fromisoformat(row["first_seen"]),
                 date.fromisoformat(row["last_seen"]), row["expected_inr"])
        for row in ledger.rows("SELECT * FROM proposals ORDER BY item")
    ]  # fmt: skip


def remember(ledger: Ledger, made: Iterable[Proposal]) -> None:
    """Write down what a plan proposes; the day on which an item was first made stays."""
    with ledger.transaction() as db:
        db.executemany(
            "INSERT INTO proposals VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item) DO UPDATE SET"
            " title = excluded.title, last_seen = excluded.last_seen, expected_inr = excluded.expected_inr",
            [(one.item, one.check, one.workload, one.title, one.first_seen.isoformat(), one.last_seen.isoformat(),
              one.expected_inr) for one in made],
        )  # fmt: skip
