"""The decisions worth most this week, and what the applied ones really saved: rows of the plan in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from kifayat.report.parts import Column, Decision, Edition, Figure, Section, Table, clean, written
from kifayat.report.reading import Answer, Reading

#: How many decisions a report asks for: three that are taken are worth more than thirty that are read.
SHOWN: Final[Mapping[Edition, int]] = {"finance": 3, "engineering": 6}
_MISSING: Final = "no plan has been made yet: run `kifayat recommend`"
_RUN: Final = """
SELECT saving_inr, saving_p10_inr, saving_p90_inr, cost_before_inr, known_through,
    CASE WHEN cost_before_inr > 0 THEN 100 * saving_inr / cost_before_inr END AS saving_pct
FROM plan_runs
"""
_ITEMS: Final = """
SELECT * FROM plan_items
WHERE state = 'planned' AND saving_inr > 0 AND status IN ('new', 'open', 'reopened')
    -- what begins later is decided later
    AND COALESCE(starts_on, DATE '1970-01-01') <= $until AND NOT LIST_CONTAINS($decided, id)
ORDER BY saving_inr DESC, position
"""
_ITEM: Final = "SELECT saving_inr, saving_p10_inr, saving_p90_inr FROM plan_items WHERE id = $item"
_REALISED: Final = """
SELECT id, title, applied_on, days, expected_inr, realised_inr, reason FROM plan_realised ORDER BY applied_on DESC, id
"""
_REALISED_SUM: Final = """
SELECT SUM(realised_inr) AS realised, SUM(expected_inr) AS expected, COUNT(*) AS items
FROM plan_realised WHERE realised_inr IS NOT NULL
"""


def decisions(reading: Reading, edition: Edition, day: date) -> tuple[Section, Figure]:
    """What is to be decided, the largest saving first, and what the whole plan saves."""
    title = "Decisions worth most this week"
    run = reading.ask("plan", _RUN)
    saving = run.figure("saving_inr", "The plan saves a year", "inr", reason=_MISSING)
    if not run.rows:
        return Section("decisions", title, reason=f"{_MISSING}."), saving
    first = run.first
    band = f"80 %: {written(first['saving_p10_inr'], 'inr')} to {written(first['saving_p90_inr'], 'inr')}"
    saving = run.figure("saving_inr", "The plan saves a year", "inr", note=band)
    # a choice that opens an item again leaves it to be decided
    decided = sorted(item for item, choice in reading.decisions.items() if choice.state != "reopened")
    items = reading.ask("items", _ITEMS, until=day + timedelta(days=14), decided=decided)
    chosen = items.rows[: SHOWN[edition]]
    columns = (
        Column("title", "What"),
        Column("saving_inr", "A year", "inr"),
        Column("saving_p10_inr", "P10", "inr"),
        Column("saving_p90_inr", "P90", "inr"),
        Column("locked_inr", "Locked in", "inr"),
        Column("operator", "Lever"),
        Column("team", "Team"),
        Column("effort", "Effort"),
        Column("confidence", "Confidence"),
        Column("risk", "Risk"),
        Column("rollback", "Undo"),
        Column("id", "Id"),
    )
    section = Section(
        "decisions",
        title,
        figures=(
            saving,
            run.figure("saving_p10_inr", "80 % from", "inr", is_shown=False),
            run.figure("saving_p90_inr", "80 % to", "inr", is_shown=False),
            run.figure("saving_pct", "Of a year's usage", "percent", reason="nothing is billed"),
        ),
        decisions=tuple(_decision(reading, row, edition) for row in chosen),
        tables=(items.table("All that can be decided now", *columns, shown=0, reason="all is decided"),),
        notes=(
            "INR of a year without GST, each as a part of one plan.",
            f"What the plan knows ends on {written(first['known_through'], 'day')}.",
        ),
        lead="" if chosen else "Everything that the plan proposes for now is decided.",
    )
    return section, saving


def _decision(reading: Reading, row: Mapping[str, Any], edition: Edition) -> Decision:
    item = str(row["id"])
    answer = reading.ask(f"item.{item}", _ITEM, item=item)
    band = f"{written(row['saving_p10_inr'], 'inr')} to {written(row['saving_p90_inr'], 'inr')} in four cases of five"
    why = f"{row['confidence']}: {row['confidence_why']}" if row["confidence_why"] else str(row["confidence"])
    effort = f"{row['effort']}{', with a restart' if row['needs_restart'] else ''}"
    facts = {
        "Risk": row["risk"] or "none is known",
        "Confidence": why + ("" if row["is_calibrated"] else "; this service's bill is not simulated exactly"),
        "Loses money": f"on {row['loss_ratio']:.0%} of the courses of the season" if row["loss_ratio"] else None,
        "Locked in": None if row["locked_inr"] is None else _locked(row),
        "Effort": f"{effort}; undo: {row['rollback']}" if row["rollback"] else effort,
        "Owner": row["team"] or "nobody owns it",
    }
    commands = [f"kifayat plan decide {item} accepted"]
    if edition == "engineering":
        facts |= {"Where": " · ".join(clean(row[name]) for name in ("provider", "account", "region") if row[name])}
        if row["recipe"] is not None:
            commands.insert(0, f"kifayat plan export {item}")
    return Decision(
        item,
        clean(row["title"]),
        answer.figure("saving_inr", "Saves a year", "inr", note=band),
        tuple((label, clean(value)) for label, value in facts.items() if value),
        tuple(commands),
    )


def _locked(row: Mapping[str, Any]) -> str:
    return f"{written(row['locked_inr'], 'inr')} over {row['locked_months']} months"


def realised(reading: Reading) -> Section:
    """Applied advice: later bills against the same bills without it."""
    title = "What applied advice really saved"
    answer = reading.ask("realised", _REALISED)
    if not answer.rows:
        return Section("realised", title, reason=_nothing_applied(reading))
    sums = reading.ask("realised_sum", _REALISED_SUM)
    reason = "nothing applied has been billed yet"
    return Section(
        "realised",
        title,
        figures=(
            sums.figure("realised", "Saved so far", "inr", reason=reason),
            sums.figure("expected", "Expected of it", "inr", reason=reason),
        ),
        tables=(_table(answer),),
    )


def _nothing_applied(reading: Reading) -> str:
    if any(choice.state == "applied" for choice in reading.decisions.values()):
        return "what was applied is compared with later bills by the next `kifayat recommend`."
    return "no advice has been marked as applied yet (`kifayat plan decide ID applied`)."


def _table(answer: Answer) -> Table:
    return answer.table(
        "Expected and saved",
        Column("title", "What"),
        Column("applied_on", "Applied", "day"),
        Column("expected_inr", "Expected", "inr"),
        Column("realised_inr", "Saved", "inr"),
        Column("reason", "Why not", is_note=True),
    )
