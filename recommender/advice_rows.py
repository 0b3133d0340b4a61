"""The plan as rows of its tables: items, steps, commitments held, coverage, the curve of risk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np

from recommender.action import Operator
from recommender.bill import Commitment, Kind
from recommender.book import Book
from recommender.calibration import UNUSED
from recommender.horizon import history
from recommender.plan import Item, Plan, Risk, break_even_drop, break_even_month
from recommender.prepared import Prepared
from recommender.usage import Usage
from warehouse import Decision, Proposal

Row = dict[str, Any]
_MULTIPLES: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
#: Proposals that were made no longer ago are still shown when they are no more.
_EXPIRED_DAYS: Final = 90
_APPLIED_DAYS: Final = 365
_OF_WORKLOAD: Final = ("name", "kind", "provider", "account", "region", "team", "service", "environment")


def items_rows(
    plan: Plan, prepared: Prepared, decided: Mapping[str, Decision], first: Mapping[str, date],
    doubtful: set[tuple[str, str]], found: Mapping[str, float],
) -> list[Row]:  # fmt: skip
    return [
        _item(at, item, plan, prepared, decided.get(item.id), first.get(item.id), doubtful, found)
        for at, item in enumerate(plan.items)
    ]


def past_rows(
    current: Sequence[Row], known: Sequence[Proposal], decided: Mapping[str, Decision], today: date
) -> list[Row]:
    """What is not proposed any more: what was decided for good keeps its state and its reason, the rest is expired.

    What was last proposed more than 90 days ago is shown no longer, what was applied for a year.
    """
    there = {row["id"] for row in current}
    rows: list[Row] = []
    for one in known:
        decision = decided.get(one.item)
        is_applied = decision is not None and decision.state == "applied"
        if one.item in there or (today - one.last_seen).days > (_APPLIED_DAYS if is_applied else _EXPIRED_DAYS):
            continue
        is_final = decision is not None and decision.state in ("applied", "dismissed", "excluded")
        state = decision.state if decision is not None and is_final else "expired"
        why = f"last proposed on {one.last_seen}: it is done, gone, or no longer worth it"
        if decision is not None:
            reason = f" ({decision.reason})" if decision.reason else ""
            why = f"{decision.state} on {decision.decided_on}{reason}; {why}"
        rows.append({
            "position": len(current) + len(rows), "id": one.item, "state": state, "status": state, "why": why,
            "check": one.check, "operator": "", "workload": one.workload, "title": one.title, "effort": "minutes",
            "needs_restart": False, "confidence": "low", "is_calibrated": True, "window_start": one.first_seen,
            "window_end": one.last_seen, "chart": "{}", "first_seen": one.first_seen, "is_pinned": False,
            "figures": json.dumps({"First proposed": str(one.first_seen), "Last proposed": str(one.last_seen)}),
            **_decided(decision),
        })  # fmt: skip
    return rows


def _decided(decision: Decision | None) -> Row:
    if decision is None:
        return {"decided_on": None, "reason": None}
    return {"decided_on": decision.decided_on, "reason": decision.reason or None}


def _item(
    position: int, item: Item, plan: Plan, prepared: Prepared, decision: Decision | None, first: date | None,
    doubtful: set[tuple[str, str]], found: Mapping[str, float],
) -> Row:  # fmt: skip
    fleet, action = prepared.fleet, item.action
    workload = fleet.workloads_by_id.get(action.workload)
    purchase = item.purchase
    risk = Risk.of(item.saving) if item.saving is not None else None
    usd = fleet.inr.get("USD")
    provider = workload.provider if workload else purchase.provider if purchase else ""
    service = provider, workload.service_name if workload else UNUSED
    row: Row = {
        "position": position, "id": item.id, "state": item.state, "status": _status(item, decision, first, fleet.today),
        "why": item.why or None, "check": action.check, "operator": action.operator.name.lower().replace("_", " "),
        "workload": action.workload, "title": action.title,
    }  # fmt: skip
    if workload is not None:
        row |= {name: getattr(workload, name) for name in _OF_WORKLOAD}
    elif purchase is not None:
        row |= {"name": purchase.scope or "all compute", "kind": "commitment", "provider": purchase.provider,
                "account": purchase.payer, "region": purchase.scope.rpartition("/")[2] or None}  # fmt: skip
    row |= {
        "saving_inr": risk.expected if risk else None, "saving_p10_inr": risk.p10 if risk else None,
        "saving_p90_inr": risk.p90 if risk else None, "loss_ratio": risk.loss_ratio if risk else None,
        "cvar5_inr": risk.cvar5 if risk else None,
        "alone_inr": float(item.alone.mean()) if item.alone is not None else None,
        "saving_usd": risk.expected / usd if risk and usd else None,
        "locked_inr": purchase.locked_inr if purchase else None,
        "locked_months": 12 * purchase.way.years if purchase else None,
        "break_even_month": break_even_month(item, plan.starts_on),
        "break_even_drop": break_even_drop(item, plan.starts_on), "saturated_hours": action.saturated_hours,
        "interruption": action.interruption, "effort": action.effort, "needs_restart": action.needs_restart,
        "rollback": action.rollback, "risk": action.risk, "confidence": action.confidence,
        "confidence_why": action.confidence_why, "is_calibrated": service not in doubtful,
        "realised_ratio": found.get(action.check), "starts_on": action.starts_on, "price_source": action.price_source,
        "price_on": action.price_on, "window_start": action.evidence.start, "window_end": action.evidence.end,
        "figures": json.dumps(dict(action.evidence.figures), ensure_ascii=False),
        "chart": json.dumps({name: list(points) for name, points in action.evidence.chart.items()}, ensure_ascii=False),
        "recipe": None if action.recipe is None else json.dumps(
            {"verb": action.recipe.verb, "target": dict(action.recipe.target), "values": dict(action.recipe.values)},
            ensure_ascii=False, default=str,
        ),
        "first_seen": first or fleet.today, "is_pinned": item.is_pinned, **_decided(decision),
    }  # fmt: skip
    return row


def _status(item: Item, decision: Decision | None, first: date | None, today: date) -> str:
    """new, open, accepted, applied, dismissed, excluded, pinned: what a person sees of its life."""
    if decision is not None:
        return decision.state
    return "new" if first is None or first == today else "open"


def steps_rows(plan: Plan) -> list[Row]:
    alone: dict[Operator, float] = dict.fromkeys(Operator, 0.0)
    count: dict[Operator, int] = dict.fromkeys(Operator, 0)
    for item in plan.planned:
        count[item.action.operator] += 1
        alone[item.action.operator] += float(item.alone.mean()) if item.alone is not None else 0.0
    return [
        {"position": int(operator), "operator": operator.name.lower(), "items": count[operator], "saving_inr": saving,
         "alone_inr": alone[operator]}
        for operator, saving in plan.by_operator().items()
    ]  # fmt: skip


def holdings_rows(prepared: Prepared) -> list[Row]:
    fleet = prepared.fleet
    recent = fleet.hours[-30 * 24 :]
    held = [one for one in prepared.holdings if one.currency in fleet.inr]
    past = Usage.of(fleet, history(fleet, recent), Book(fleet, prepared.rates, recent))
    ratio = past.bill([one.commitment(fleet.inr[one.currency]) for one in held]).utilization_ratio
    return [
        {"id": one.id, "provider": one.provider, "kind": one.kind.name.lower(), "scope": one.scope,
         "amount": one.amount, "unit": "units" if one.kind.is_in_units else f"{one.currency} an hour",
         "currency": one.currency, "hourly_inr": one.amount * one.fee * fleet.inr[one.currency],
         "starts_on": one.starts_on, "ends_on": one.ends_on, "payment": one.payment,
         "utilization_ratio": None if np.isnan(used) else float(used),
         "term_source": "provider" if one.is_told else "bill", "disagreement": one.disagreement or None}
        for one, used in zip(held, ratio, strict=True)
    ]  # fmt: skip


def coverage_rows(plan: Plan, prepared: Prepared) -> list[Row]:
    """By month: the last 90 days under what is held now, and the year ahead under what is held and bought."""
    fleet = prepared.fleet
    held = [one.commitment(fleet.inr[one.currency]) for one in prepared.holdings if one.currency in fleet.inr]
    recent = fleet.hours[-90 * 24 :]
    past = Usage.of(fleet, history(fleet, recent), Book(fleet, prepared.rates, recent))
    bought = [part for item in plan.planned if item.purchase is not None for part in item.purchase.commitments]
    return [*_months(past, held, is_ahead=False), *_months(plan.usage, [*held, *bought], is_ahead=True)]


def _months(usage: Usage, held: Sequence[Commitment], *, is_ahead: bool) -> list[Row]:
    bill = usage.bill(held)
    pools, units = usage.pools
    columns = usage.horizon.columns.astype("datetime64[M]")
    hours = usage.horizon.hours
    # a thinned hour stands for several, a path for its share of the stories
    weight = (float((hours[-1] - hours[0]).astype(int)) / max(len(hours) - 1, 1)) / usage.horizon.n_paths
    prices = np.array([pool.on_demand for pool in pools])
    listed = prices[:, None] * units
    rows = []
    for provider in ("aws", "gcp"):
        mine = np.array([pool.name.startswith(f"{provider} ") for pool in pools], dtype=bool)
        google = (Kind.RESOURCE_COMMITMENT, Kind.FLEXIBLE_COMMITMENT)
        theirs = [at for at, one in enumerate(bill.commitments) if (one.kind in google) == (provider == "gcp")]
        fees = np.array([bill.commitments[at].fee for at in theirs])
        if not mine.any():
            continue
        year = np.tile(usage.horizon.first_year, usage.horizon.n_paths)
        for month in np.unique(columns[year]):
            inside = (columns == month) & year
            left = float((prices[mine, None] * bill.left[mine][:, inside]).sum()) * weight
            off = sum(float(part[inside].sum()) for at, part in bill.sustained.items() if mine[at]) * weight
            whole = float(listed[mine][:, inside].sum()) * weight
            used = float((fees[:, None] * bill.used[theirs][:, inside]).sum()) * weight if theirs else 0.0
            unused = float((fees[:, None] * bill.unused[theirs][:, inside]).sum()) * weight if theirs else 0.0
            rows.append({
                "month": month.astype("datetime64[D]").astype(object), "provider": provider, "is_ahead": is_ahead,
                "list_inr": whole, "covered_list_inr": whole - left, "on_demand_inr": left - off,
                "commitment_inr": used + unused, "unused_inr": unused,
            })  # fmt: skip
    return rows


def curve_rows(plan: Plan, prepared: Prepared) -> list[Row]:
    """What buying less or more than the plan's purchases of its first day would save."""
    fleet = prepared.fleet
    now = [item.purchase for item in plan.planned if item.purchase and item.purchase.buy_on == plan.starts_on]
    if not now:
        return []
    held = [one.commitment(fleet.inr[one.currency]) for one in prepared.holdings if one.currency in fleet.inr]
    nothing = plan.usage.cost(held)
    rows = []
    for multiple in _MULTIPLES:
        bought = [part for one in now for part in one.scaled(multiple).commitments]
        risk = Risk.of(nothing - plan.usage.cost([*held, *bought]))
        rows.append({
            "multiple": multiple, "hourly_inr": sum(one.hourly_inr for one in now) * multiple,
            "saving_inr": risk.expected, "saving_p10_inr": risk.p10, "saving_p90_inr": risk.p90,
            "loss_ratio": risk.loss_ratio,
        })  # fmt: skip
    return rows
