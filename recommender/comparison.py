"""The providers' advice and our plan side by side, a row for each of theirs and each item of ours that they have not.

Compared, never added: nothing here changes the plan. What theirs are worth is `recommender/theirs.py`, why they differ
`recommender/differences.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from recommender.action import Operator, Remove
from recommender.buying import NAMES
from recommender.checks._in_order import rupees
from recommender.differences import ALIKE, against, of_ours, of_theirs
from recommender.plan import Item, Plan
from recommender.prepared import Prepared, Say
from recommender.provider_advice import Advice, Resources
from recommender.purchases import Purchase
from recommender.their_levers import ENDS, RESIZES, type_of
from recommender.theirs import Priced, price

Verdict = Literal["same", "different", "only theirs", "only ours"]
VERDICTS: Final[tuple[Verdict, ...]] = ("same", "different", "only theirs", "only ours")
NOTHING: Final = (
    "No advice of the providers was imported, or they had none: connect aws://advice or gcp://advice (or a"
    " file: `kifayat explain provider_advice`) and run `kifayat ingest`; the next plan is compared with it."
)
#: One row: what theirs say and what they are worth, INR a year.
TOTALS: Final = """
SELECT
    COUNT(advice_id) AS recommendations, SUM(said_inr) AS said_inr,
    COUNT(bill_inr) AS priced, SUM(said_inr) FILTER (bill_inr IS NOT NULL) AS said_priced_inr,
    COALESCE(SUM(bill_inr) FILTER (is_counted), 0) AS bill_inr,
    SUM(bill_inr) FILTER (is_counted AND is_risky) AS risky_inr,
    (SELECT MAX(saving_inr) FROM plan_runs) AS plan_inr
FROM plan_comparison
"""
_ENDING: Final = (Operator.REMOVE, Operator.SCHEDULE)
_CHANGING: Final = (Operator.RESIZE, Operator.MODERNISE)
_STATES: Final = ("planned", "set aside", "no figure", "dismissed", "excluded", "applied")
_PLACES: Final = ("name", "provider", "account", "region", "team")
Row = dict[str, Any]


def compare(prepared: Prepared, plan: Plan, told: Sequence[Advice], say: Say = lambda _: None) -> list[Row]:
    """Rows of `plan_comparison`, the dearest first; none where no advice was imported."""
    if not told:
        return []
    say(f"pricing {len(told)} recommendations of the providers")
    by_workload: dict[str, list[Item]] = defaultdict(list)
    for known in plan.items:
        by_workload[known.action.workload].append(known)
    theirs = price(prepared, told)
    rows, matched = [], set()
    other: dict[str, Priced] = {}
    for one in theirs:
        item = _match_purchase(one, plan.items) if one.advice.is_purchase else _match(one, by_workload)
        if one.workload is not None:
            other.setdefault(one.workload.id, one)
        if item is not None:
            matched.add(item.id)
        rows.append(_row(one, item, _others(one, item, by_workload), prepared, plan))
    advisers: set[str] = {one.provider for one in told}
    rows += [
        _ours(item, prepared, of_ours(item, prepared, advisers, other.get(item.action.workload)))
        for item in plan.planned if item.id not in matched
    ]  # fmt: skip
    rows.sort(key=lambda row: -max(row.get("said_inr") or 0.0, row["our_inr"] or 0.0))
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{**columns, **row, "position": at} for at, row in enumerate(rows)]


def totals_text(sums: Mapping[str, Any]) -> str:
    """A row of TOTALS as a sentence."""
    count, priced = sums["recommendations"], sums["priced"]
    said, worth = sums["said_inr"], rupees(sums["bill_inr"])
    text = f"The providers' {count} recommendations say {'nothing' if said is None else rupees(said)} a year, added up."
    if priced:
        which = "Done together" if priced == count else f"The {priced} of them that can be priced say" + (
            f" {rupees(sums['said_priced_inr'] or 0.0)}; done together"
        )  # fmt: skip
        text += f" {which}, nothing counted twice, your bill falls by {worth}"
        if sums["risky_inr"]:
            text += f", {rupees(sums['risky_inr'])} of it by what is not known to carry the season, or waits for it"
        text += "."
    else:
        text += " What they are worth on your bill cannot be told."
    return f"{text} Our plan saves {rupees(sums['plan_inr'])} a year." if sums["plan_inr"] is not None else text


def _match(one: Priced, items: dict[str, list[Item]]) -> Item | None:
    """Of ours about the same thing: what would do the same to it, and of those what is in the plan."""
    if one.workload is None:
        return None
    action = one.advice.action
    alike = _CHANGING if action in RESIZES else _ENDING if action in ENDS else ()
    new = type_of(one.advice)

    def rank(item: Item) -> tuple[bool, bool, int]:
        return item.action.operator not in alike, _target(item) != new, _STATES.index(item.state)

    about = [item for item in items.get(one.workload.id, ()) if item.action.operator in (*alike, *_CHANGING, *_ENDING)]
    return min(about, key=rank, default=None)


def _others(one: Priced, item: Item | None, items: dict[str, list[Item]]) -> list[Item]:
    """What else is planned about the same thing."""
    if one.workload is None:
        return []
    return [other for other in items.get(one.workload.id, ()) if other.state == "planned" and other is not item]


def _match_purchase(one: Priced, items: Iterable[Item]) -> Item | None:
    """Of ours of the same kind, payer and scope the first that is bought."""
    theirs = one.lever
    if not isinstance(theirs, Purchase):
        return None
    about = [
        item for item in items
        if item.purchase is not None
        and (item.purchase.kind, item.purchase.payer, item.purchase.scope) == (theirs.kind, theirs.payer, theirs.scope)
    ]  # fmt: skip
    return min(
        about, key=lambda item: (_STATES.index(item.state), item.purchase and item.purchase.buy_on), default=None
    )


def _target(item: Item) -> str:
    recipe = item.action.recipe
    return "" if recipe is None else str(recipe.values.get("to") or recipe.values.get("type") or "")


def _verdict(one: Priced, item: Item | None) -> Verdict:
    if item is None or item.state != "planned":
        return "only theirs"
    if isinstance(one.lever, Purchase):
        ours = item.purchase
        near = ours is not None and abs(one.lever.hourly_inr / ours.hourly_inr - 1) <= ALIKE
        return "same" if near and ours is not None and ours.way.name == one.lever.way.name else "different"
    action, operator = one.advice.action, item.action.operator
    if action in ENDS:
        return "same" if isinstance(item.action.change, Remove) else "different"
    if action in RESIZES and operator in _CHANGING:
        recipe = item.action.recipe
        seasons = recipe is not None and recipe.values.get("windows")
        new = "gp3" if "gp3" in one.advice.proposed.lower() else type_of(one.advice)
        return "same" if new and new == _target(item) and not seasons else "different"
    return "different"


def _row(one: Priced, item: Item | None, more: Sequence[Item], prepared: Prepared, plan: Plan) -> Row:
    advice = one.advice
    verdict = _verdict(one, item)
    reasons = list(dict.fromkeys(of_theirs(one, item, more, prepared, plan.usage, is_same=verdict == "same")))
    if not reasons:
        reasons = ["both say the same" if verdict == "same" else "nothing that is known here explains it"]
    bought = one.lever if isinstance(one.lever, Purchase) else None
    name = (bought.scope or "all compute") if bought else advice.resource or "all compute"
    row: Row = {
        "verdict": verdict, "adviser": advice.adviser, "advice_id": advice.id, "action": advice.action,
        "their_title": _title(one), "said_monthly": advice.monthly, "said_currency": advice.currency,
        "said_inr": one.said_inr, "list_inr": one.list_inr, "alone_inr": one.alone_inr, "bill_inr": one.bill_inr,
        "is_counted": one.is_counted, "is_risky": bool(against(one, prepared.fleet)),
        "lookback_days": advice.lookback_days, "observed_on": advice.observed_on,
        "finding": advice.finding or None, "workload": one.workload.id if one.workload else advice.resource or None,
        "name": name, "provider": advice.provider, "account": advice.account or None, "region": advice.region or None,
        "team": None, "why": "; ".join(reasons), **_of_item(item),
    }  # fmt: skip
    if one.workload is not None:
        row |= {place: getattr(one.workload, place) for place in _PLACES}
        if Resources.is_member(advice, one.workload):
            row["name"] = f"{advice.resource} of {one.workload.name}"
    return row


def _title(one: Priced) -> str:
    """As they say it; of a purchase that says nothing what was read from its details."""
    bought = one.lever
    if one.advice.proposed or not isinstance(bought, Purchase):
        return one.advice.title
    amount = f"{bought.count} x {bought.machine}" if bought.count else f"{rupees(bought.hourly_inr * 730)} a month"
    return f"{NAMES[bought.kind]}{f' of {bought.scope}' if bought.scope else ''}: {amount}, {bought.way.name}"


def _ours(item: Item, prepared: Prepared, reasons: Iterable[str]) -> Row:
    workload = prepared.fleet.workloads_by_id.get(item.action.workload)
    purchase = item.purchase
    row: Row = {
        "verdict": "only ours", "is_counted": False, "is_risky": False,
        "workload": item.action.workload, "why": "; ".join(reasons),
        "name": (purchase.scope or "all compute") if purchase else item.action.workload,
        "provider": purchase.provider if purchase else None, "account": purchase.payer if purchase else None,
        **_of_item(item),
    }  # fmt: skip
    if workload is not None:
        row |= {place: getattr(workload, place) for place in _PLACES}
    return row


def _of_item(item: Item | None) -> Row:
    if item is None:
        return {"item": None, "our_title": None, "our_state": None, "our_inr": None}
    saved = float(item.saving.mean()) if item.state == "planned" and item.saving is not None else None
    return {"item": item.id, "our_title": item.action.title, "our_state": item.state, "our_inr": saved}
