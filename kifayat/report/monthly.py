"""The monthly close report: after the invoices, what the month cost to the last paisa and whether it ties."""

from __future__ import annotations

from datetime import date
from typing import Final

from core import BadValue, next_month
from kifayat.report.advice import realised
from kifayat.report.close import bills, budget_month, rates, restated, totals
from kifayat.report.health import badge, health
from kifayat.report.parts import Edition, Report, Section, written
from kifayat.report.reading import Answer, Reading
from kifayat.report.standing import read_standing, unpriced_warnings
from kifayat.report.users import per_user
from kifayat.report.weekly import EMPTY
from kifayat.report.why import last_month, why

ORDER: Final[dict[Edition, tuple[str, ...]]] = {
    "finance": ("close", "totals", "rates", "per-user", "budgets", "why", "restated", "realised", "health"),
    "engineering": ("totals", "why", "per-user", "realised", "budgets", "close", "rates", "restated", "health"),
}


def monthly(reading: Reading, edition: Edition, month: date | None = None) -> Report:
    """The report of an invoice month by its first day, or of the last one that is not open.

    Raises BadValue for a month of which there is no bill.
    """
    standing = read_standing(reading)
    newest = last_month(reading, date(9999, 1, 1))
    if standing is None:
        return _empty(reading, edition, month or reading.now.date().replace(day=1))
    month = month or newest or standing.known_through.replace(day=1)
    closed, answer = bills(reading, month)
    if not answer.rows:
        raise BadValue(
            f"no bill of {month:%B %Y} is loaded",
            expected="a month that `kifayat status` lists" + (f", such as {newest:%Y-%m}" if newest else ""),
        )
    cost, billed, effective = totals(reading, month)
    is_over = newest is not None and month <= newest and last_month(reading, month) == month
    users, per_user_figure = per_user(reading, month if is_over else None)
    sections: dict[str, Section] = {
        "close": closed,
        "totals": cost,
        "rates": rates(reading, month),
        "per-user": users,
        "budgets": budget_month(reading, month),
        "why": why(reading, month if is_over else None, edition),
        "restated": restated(reading, month),
        "realised": realised(reading),
        "health": health(reading, standing, next_month(month)),
    }
    name = f"{month:%B %Y}"
    open_ones = sum(1 for row in answer.rows if row["state"] == "open")
    return Report(
        "monthly",
        edition,
        f"{month:%Y-%m}",
        reading.company or "Kifayat",
        f"Close of {name}",
        name,
        f"{_states(answer)} Data whole to {written(standing.known_through, 'day')}, {standing.age(reading.now)} old",
        reading.now,
        reading.snapshot.generation,
        (billed, effective, per_user_figure),
        (),
        f"{name}: {billed.text} billed, {effective.text} effective without GST. {badge(reading)}",
        (
            *((f"{name} is not over: {open_ones} of {len(answer.rows)} bills are open.",) if open_ones else ()),
            *unpriced_warnings(reading, month, month),
        ),
        tuple(sections[key] for key in ORDER[edition]),
        reading.page_url,
    )


def _states(answer: Answer) -> str:
    """How many bills have their invoice."""
    done = sum(1 for row in answer.rows if row["state"] in ("invoiced", "restated"))
    return f"{done} of {len(answer.rows)} bills invoiced."


def _empty(reading: Reading, edition: Edition, month: date) -> Report:
    name = f"{month:%B %Y}"
    return Report(
        "monthly", edition, f"{month:%Y-%m}", reading.company or "Kifayat", f"Close of {name}", name,
        "No charges are loaded", reading.now, reading.snapshot.generation, (), (), f"{name}: {EMPTY}", (),
        (Section("close", "Bills and invoices", reason=EMPTY),), reading.page_url,
    )  # fmt: skip
