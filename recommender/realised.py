"""What an applied proposal really saved: later bills against the same days billed without it.

The days since are billed twice with the commitments then in force: as they were used, and with the workload's usage put
back to what it was before, moved with the users as it had followed them. Nothing is estimated from what was expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from core import NotEnoughHistory
from models.design import Floats
from recommender.ahead import Users
from recommender.bill import Commitment
from recommender.book import Book, Use
from recommender.fleet import Fleet
from recommender.holdings import Holding, Rates
from recommender.levels import elasticity_of

#: A verdict on fewer days would be noise.
LEAST_DAYS: Final = 7
_BEFORE_DAYS: Final = 56


@dataclass(frozen=True)
class Realised:
    """INR saved on the `days` since `applied_on`: expected for these days, and found; a reason where there is none."""

    id: str
    check: str
    title: str
    applied_on: date
    days: int
    expected_inr: float
    realised_inr: float | None
    reason: str | None = None


def realised_saving(
    fleet: Fleet, holdings: Sequence[Holding], rates: Rates, users: Users | None, workload: str, applied_on: date
) -> tuple[float, int]:
    """INR saved by what was done to a workload on a day, and on how many days. The workload may be gone by now.

    Raises NotEnoughHistory with fewer than a week since, or less than a week of usage before.
    """
    since = fleet.ist_days > np.datetime64(applied_on, "D")
    before = (fleet.ist_days < np.datetime64(applied_on, "D")) & (
        fleet.ist_days >= np.datetime64(applied_on, "D") - _BEFORE_DAYS
    )
    days = int(since.sum() // 24)
    if days < LEAST_DAYS:
        raise NotEnoughHistory(days, LEAST_DAYS, where=f"days since {applied_on}")
    hours = fleet.hours[since]
    held = [one.commitment(fleet.inr[one.currency]) for one in holdings if one.currency in fleet.inr]
    book = Book(fleet, rates, hours)
    really: list[Use] = []
    without: list[Use] = []
    for one in fleet.workloads:
        for line in one.lines:
            if line.currency not in fleet.inr:
                continue
            really.append((one, line, line.hourly[since]))
            if one.id == workload:
                without.append((one, line, _as_before(fleet, line.hourly, before, since, users)))
            else:
                without.append(really[-1])
    if not any(one.id == workload for one in fleet.workloads):
        raise NotEnoughHistory(0, LEAST_DAYS, where=f"days of {workload} in the bill")
    return float((book.bill(without, held).cost - book.bill(really, held).cost).sum()), days


def realised_purchase(
    fleet: Fleet, holdings: Sequence[Holding], rates: Rates, kind: str, scope: str, applied_on: date
) -> tuple[float, int]:
    """The same of a commitment that was bought: the days since, billed with and without what began then.

    Raises NotEnoughHistory where no commitment of that kind and scope began within a week of the day.
    """
    since = fleet.ist_days > np.datetime64(applied_on, "D")
    days = int(since.sum() // 24)
    near = timedelta(days=7)
    bought = [
        one for one in holdings
        if one.kind.name.lower() == kind and one.scope == scope and abs(one.starts_on - applied_on) <= near
    ]  # fmt: skip
    if days < LEAST_DAYS or not bought:
        raise NotEnoughHistory(
            days if bought else 0, LEAST_DAYS, where=f"days of a {kind} {scope} bought about {applied_on}"
        )
    book = Book(fleet, rates, fleet.hours[since])
    uses = [(w, line, line.hourly[since]) for w in fleet.workloads for line in w.lines if line.currency in fleet.inr]

    def cost(of: Sequence[Holding]) -> float:
        held: list[Commitment] = [one.commitment(fleet.inr[one.currency]) for one in of if one.currency in fleet.inr]
        return float(book.bill(uses, held).cost.sum())

    return cost([one for one in holdings if one not in bought]) - cost(holdings), days


def _as_before(fleet: Fleet, hourly: Floats, before: np.ndarray, since: np.ndarray, users: Users | None) -> Floats:
    """Hours since, as the weeks before had them: the mean of the same hours of the week, moved with the users."""
    week = (fleet.hours.astype(np.int64)) % 168
    shape = np.zeros(168)
    counts = np.bincount(week[before], minlength=168)
    np.divide(np.bincount(week[before], hourly[before], minlength=168), counts, out=shape, where=counts > 0)
    found = shape[week[since]]
    if users is None:
        return np.asarray(found)
    known = np.interp(
        fleet.ist_days.astype(np.int64), users.days.astype(np.int64), np.log(np.maximum(users.known, 1.0))
    )
    until = before | (np.cumsum(before[::-1])[::-1] > 0)
    elasticity = elasticity_of(np.where(until, hourly, 0.0), known)
    lift = known[since] - known[before].mean() if before.any() else 0.0
    return np.asarray(found * np.exp(np.clip(elasticity * lift, -1.5, 1.5)))


def verdict(
    id: str,
    check: str,
    title: str,
    applied_on: date,
    expected_year_inr: float,
    found: tuple[float, int] | NotEnoughHistory,
) -> Realised:
    """A saving beside what was expected of these days, or the reason why there is none."""
    if isinstance(found, NotEnoughHistory):
        return Realised(id, check, title, applied_on, found.have, 0.0, None, str(found))
    saved, days = found
    return replace(
        Realised(id, check, title, applied_on, days, expected_year_inr * days / 365, None), realised_inr=saved
    )


def ratios(found: Sequence[Realised]) -> dict[str, float]:
    """Check -> realised over expected, of all its applied proposals together: shown beside new ones."""
    sums: dict[str, Floats] = {}
    for one in found:
        if one.realised_inr is not None and one.expected_inr > 0:
            sums[one.check] = sums.get(one.check, np.zeros(2)) + np.array([one.realised_inr, one.expected_inr])
    return {check: float(total[0] / total[1]) for check, total in sums.items()}
