"""Budgets as alerts: thresholds on what is spent, on the forecast at completion and on the pace.

All figures are of a row of `budget_states`; nothing is computed here. docs/alerts.md states the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core import compact_inr
from core.service_sections import AlertsConfig, Severity
from kifayat.alerts import Finding, State, Watch, page_link, safe
from models.budgets import chance_text, lasts_text
from warehouse import Alert, Snapshot

Row = Mapping[str, Any]
#: An alert ends only so many points below its threshold: a forecast that wobbles is told once.
HYSTERESIS: Final = 2.0
#: Days of a year that are known before its pace is judged: the fees of 1 April are no pace.
PACE_DAYS: Final = 30
#: Days after a year in which its last bills may still pass a threshold.
SETTLING_DAYS: Final = 30


def watch(snapshot: Snapshot, rules: AlertsConfig, page: str) -> Watch:
    """Every budget of the generation."""
    return budget_watch(snapshot.query("SELECT * FROM budget_states ORDER BY financial_year, name").to_dicts(),
                        rules, page)  # fmt: skip


def budget_watch(rows: Sequence[Row], rules: AlertsConfig, page: str = "") -> Watch:
    """`rows` of budget_states."""
    findings = [one for row in rows for one in _findings(row, rules)]
    return Watch(
        "budget:", "budget", findings, "the budget or the threshold is no longer configured",
        link=page_link(page, "budgets"),
    )  # fmt: skip


def _findings(row: Row, rules: AlertsConfig) -> Iterator[Finding]:
    first, last = date(row["financial_year"], 4, 1), date(row["financial_year"] + 1, 3, 31)
    known, facts = row["known_through"], budget_facts(row)
    if known < first:
        return
    after = (known - last).days
    kinds = (
        ("actual", "spent_pct", rules.actual_pct, after > SETTLING_DAYS),
        ("forecast", "forecast_pct", rules.forecast_pct, after >= 0),
        ("pace", "pace_pct", rules.pace_pct, after >= 0),
    )
    for kind, column, thresholds, is_over in kinds:
        value = row[column]
        if kind == "pace" and (known - first).days + 1 < PACE_DAYS:
            value = None
        for threshold in sorted(set(thresholds)):
            state = "over" if is_over else _state(value, threshold)
            severity: Severity = "error" if kind == "actual" and threshold >= 100 else "warning"
            yield Finding(
                f"budget:{safe(row['name'])}:{row['financial_year']}:{kind}:{threshold}", row["name"], severity,
                _title(row, kind, value), _summary(row, kind, threshold), state, facts,
                partial(_ended, row, kind, value, is_over),
                group=f"{row['name']}:{row['financial_year']}:{kind}", rank=threshold,
            )  # fmt: skip


def _state(value: float | None, threshold: int) -> State:
    """What cannot be told now neither opens nor ends an alert."""
    if value is None:
        return "lingering"
    if value >= threshold:
        return "alarming"
    return "lingering" if value > threshold - HYSTERESIS else "over"


def _year(row: Row) -> str:
    return f"{row['financial_year']}-{(row['financial_year'] + 1) % 100:02}"


def _title(row: Row, kind: str, value: float | None) -> str:
    name, figure = f"{row['name']} {_year(row)}", "—" if value is None else f"{value:.1f} %"
    if kind == "actual":
        return f"{name}: {figure} of the budget is spent"
    if kind == "forecast":
        return f"{name}: forecast to end at {figure} of the budget"
    return f"{name}: spending runs at {figure} of the plan"


def _summary(row: Row, kind: str, threshold: int) -> str:
    amount, spent, day = compact_inr(row["amount_inr"]), compact_inr(row["spent_inr"]), _day(row["known_through"])
    if kind == "forecast":
        return (
            f"The year is forecast to cost {_inr(row['forecast_q50_inr'])} of {amount}, in eight of ten courses"
            f" {_inr(row['forecast_q10_inr'])} to {_inr(row['forecast_q90_inr'])}. The chance that the budget is"
            f" exceeded: {chance_text(row)}. Known to {day}; told from {threshold} %."
        )
    if kind == "pace":
        return (
            f"{spent} is spent to {day}, where the season's plan has {compact_inr(row['planned_to_date_inr'])}."
            f" Told from {threshold} %."
        )
    return f"{spent} of {amount} is spent to {day}. Told from {threshold} %."


def _ended(row: Row, kind: str, value: float | None, is_over: bool, alert: Alert) -> str:
    spent, amount = compact_inr(row["spent_inr"]), compact_inr(row["amount_inr"])
    if is_over:
        return f"the year has ended: {spent} of {amount} was spent, {row['spent_pct']:.1f} %"
    now = "" if value is None else f"{value:.1f} %"
    if alert.facts.get("Budget") != amount:
        return f"the budget was {alert.facts.get('Budget')} and is {amount}: now {now}"
    if kind == "forecast":
        return f"the forecast has fallen to {now} of the budget"
    if kind == "pace":
        return f"the pace has fallen to {now} of the plan"
    return f"the bills were restated: {spent}, {now} of the budget, is spent"


def budget_facts(row: Row) -> tuple[tuple[str, str], ...]:
    """A budget_states row as people read it."""
    facts = [
        ("Budget", compact_inr(row["amount_inr"])),
        ("Financial year", f"April {row['financial_year']} to March {row['financial_year'] + 1}"),
        ("Known to", _day(row["known_through"])),
        ("Spent", f"{compact_inr(row['spent_inr'])}, {row['spent_pct']:.1f} %"),
        ("Planned to then", compact_inr(row["planned_to_date_inr"])),
    ]
    if row["pace_pct"] is not None:
        facts.append(("Pace", f"{row['pace_pct']:.1f} % of the plan"))
    if row["forecast_q50_inr"] is not None:
        band = f"80 %: {_inr(row['forecast_q10_inr'])} to {_inr(row['forecast_q90_inr'])}"
        facts.append(
            ("At the end of the year", f"{_inr(row['forecast_q50_inr'])}, {row['forecast_pct']:.1f} % ({band})")
        )
        facts.append(("Chance of exceeding it", chance_text(row)))
    if row["reason"]:
        facts.append(("Not told", row["reason"]))
    facts.append(("Lasts", lasts_text(row)))
    facts.append(("Owner", row["owner"] or "nobody is named"))
    return tuple(facts)


def _day(day: date) -> str:
    return f"{day:%-d %B %Y}"


def _inr(value: float | None) -> str:
    return compact_inr(None if value is None else Decimal(str(round(value, 2))))
