"""What commitments that are held already tell: which lie under others, and which were just bought and can go back.

Neither is a saving: both are said as reasons beside the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

import numpy as np

from models.design import Floats
from recommender.action import Action, Evidence, Nothing, Operator, Recipe
from recommender.bill import Commitment, Kind
from recommender.book import Book
from recommender.buying import NAMES
from recommender.fleet import Fleet, Hours
from recommender.holdings import Holding, Rates
from recommender.horizon import Horizon
from recommender.purchases import RETURNS_A_YEAR, return_by
from recommender.usage import Usage
from warehouse import Decision, Proposal

RETURN: Final = "plan_return"
_DAYS: Final = 30
#: Below it a commitment is looked at; and by so much more it must have been used without the others.
_LITTLE: Final = 0.5
_RETURNABLE: Final = (Kind.INSTANCE_PLAN, Kind.COMPUTE_PLAN, Kind.DATABASE_PLAN, Kind.SAGEMAKER_PLAN)
#: Days between what was decided and what the bill calls the start.
_NEAR: Final = timedelta(days=7)


def overlaps(fleet: Fleet, holdings: Sequence[Holding], rates: Rates) -> Iterator[Action]:
    """Commitments of which less than half was used in the last 30 days because others cover the same usage first."""
    ones = [one for one in holdings if one.currency in fleet.inr]
    hours = fleet.hours[-24 * _DAYS :]
    past = _Past(fleet, rates, hours)
    held = [one.commitment(fleet.inr[one.currency]) for one in ones]
    together = past.used(held)
    for at, one in enumerate(ones):
        used = together.get(held[at].id, 1.0)
        if used >= _LITTLE:
            continue
        alone = past.used([held[at]]).get(held[at].id, 0.0)
        if alone - used < _LITTLE:
            continue  # there is nothing that it could cover: that is another matter
        over = [
            other for n, other in enumerate(ones)
            if n != at and past.used([*held[:n], *held[n + 1 :]]).get(held[at].id, 0.0) > used + 0.05
        ]  # fmt: skip
        names = " and ".join(_name(other) for other in over) or "the others together"
        month = one.amount * one.fee * fleet.inr[one.currency] * 730
        yield Action(
            "overlap", Operator.KEEP_ORDER, one.id, f"{_name(one)} is covered by {names}", Nothing(),
            Evidence(fleet.hours[-24 * _DAYS].astype("datetime64[D]").astype(object), fleet.today, {
                "Used": f"{used:.0%} in {_DAYS} days; {alone:.0%} if it were alone",
                "Costs a month": f"INR {month:,.0f}, used or not",
                "Ends": f"{one.ends_on:%-d %b %Y}",
            }),
            confidence="high", effort="minutes",
            reason=f"{names} come first for the same usage, so {1 - used:.0%} of it is paid for nothing until"
                   f" {one.ends_on:%-d %b %Y}: do not renew both, and let usage that it reaches grow onto it",
        )  # fmt: skip


def returns(
    fleet: Fleet, horizon: Horizon, holdings: Sequence[Holding], rates: Rates, decided: Mapping[str, Decision],
    known: Sequence[Proposal],
) -> Iterator[Action]:  # fmt: skip
    """Of every Savings Plan that was applied and can still go back: whether to return it, or what is not known yet."""
    proposals = {one.item: one for one in known}
    applied = [(one, proposals[item]) for item, one in sorted(decided.items())
               if one.state == "applied" and item in proposals]  # fmt: skip
    for decision, proposal in applied:
        payer, _, rest = proposal.workload.partition(":")
        kind = next((kind for kind in _RETURNABLE if rest.startswith(f"{kind.name.lower()}:")), None)
        bought_at = datetime.combine(decision.decided_on, time(), UTC)
        until = return_by(0.0, bought_at)
        if proposal.check != "commit" or kind is None or until is None or not bought_at <= fleet.now < until:
            continue
        scope = rest.split(":")[1]
        mine = [one for one in holdings if (one.kind, one.scope, one.payer) == (kind, scope, payer)
                and abs(one.starts_on - decision.decided_on) <= _NEAR]  # fmt: skip
        gone = sum(
            1 for other, what in applied
            if what.check == RETURN and what.workload.startswith(f"{payer}:")
            and fleet.today - other.decided_on < timedelta(days=365)
        )  # fmt: skip
        what = f"{NAMES[kind]}{f' of {scope}' if scope else ''} of {decision.decided_on:%-d %b %Y}"
        figures = {"Can be returned": f"until {until:%-d %b %Y %H:%M} UTC",
                   "Returns in a year": f"{gone} of {RETURNS_A_YEAR}"}  # fmt: skip
        recipe = None
        if not mine:
            title, reason = f"Look at the {what} again", "it is not on the bill yet; its use cannot be told"
        elif return_by(mine[0].amount, bought_at) is None:
            title, reason = f"Keep the {what}", "plans above $100 an hour cannot be returned"
        elif gone >= RETURNS_A_YEAR:
            title, reason = f"Keep the {what}", f"{gone} plans were returned in a year, more are not allowed"
        else:
            is_kept, reason, more = _verdict(fleet, horizon, holdings, rates, mine[0])
            title, figures = f"{'Keep' if is_kept else 'Return'} the {what}", figures | more
            target = {"provider": "aws", "account": payer, "region": "", "kind": "commitment", "id": mine[0].id,
                      "name": what}  # fmt: skip
            recipe = None if is_kept else Recipe("return_plan", target)
        yield Action(
            RETURN, Operator.KEEP_ORDER, proposal.workload, title, Nothing(),
            Evidence(decision.decided_on, fleet.today, figures), recipe, effort="minutes", reason=reason,
        )  # fmt: skip


def _verdict(
    fleet: Fleet, horizon: Horizon, holdings: Sequence[Holding], rates: Rates, mine: Holding
) -> tuple[bool, str, dict[str, str]]:
    """Whether to keep a plan, why, and the figures: what was used of it beside what the year ahead says of these weeks,
    and what it saves in that year. It stands last among its kind: what it adds to the others is its use."""
    others = [one.commitment(fleet.inr[one.currency]) for one in holdings
              if one is not mine and one.currency in fleet.inr]  # fmt: skip
    new = mine.commitment(fleet.inr[mine.currency])
    since = fleet.hours[fleet.hours >= np.datetime64(mine.starts_on, "h")]
    usage = Usage.of(fleet, horizon, Book(fleet, rates, horizon.columns))
    saved = float((usage.cost(others) - usage.cost([*others, new])).mean())
    first = horizon.hours < horizon.hours[0] + np.timedelta64(24 * _DAYS, "h")
    used = usage.bill([*others, new]).used[-1].reshape(horizon.n_paths, -1)[:, first].mean(axis=1) / new.amount
    low, mean = float(np.quantile(used, 0.1)), float(used.mean())
    figures = {"Expected use": f"{mean:.0%} in the next {_DAYS} days, P10 {low:.0%}",
               "Saves in the year ahead": f"INR {saved:,.0f}"}  # fmt: skip
    if saved < 0:
        return False, f"by what is known today it would lose INR {-saved:,.0f} in the year", figures
    if len(since) < 24:
        return True, "less than a day of it is billed; in the year ahead it saves", figures
    really = _Past(fleet, rates, since).used([*others, new])[new.id]
    figures = {"Used": f"{really:.0%} in {len(since)} hours"} | figures
    if really < low - 0.01:
        return False, f"{really:.0%} of it was used, where {low:.0%} were to be expected at the least (P10)", figures
    return True, f"{really:.0%} of it was used, as expected, and in the year ahead it saves", figures


class _Past:
    """Hours of the past, billed under any commitments."""

    def __init__(self, fleet: Fleet, rates: Rates, hours: Hours) -> None:
        inside = np.isin(fleet.hours, hours)
        self._book = Book(fleet, rates, hours)
        self._uses = [
            (workload, line, np.asarray(line.hourly[inside], dtype=np.float64))
            for workload in fleet.workloads for line in workload.lines if line.currency in fleet.inr
        ]  # fmt: skip

    def used(self, held: Sequence[Commitment]) -> dict[str, float]:
        """Id -> used share, of those that promised anything in these hours."""
        bill = self._book.bill(self._uses, held).bill
        ratios: Floats = bill.utilization_ratio
        return {one.id: float(ratio) for one, ratio in zip(held, ratios, strict=True) if np.isfinite(ratio)}


def _name(one: Holding) -> str:
    return f"{NAMES[one.kind]} {one.scope or one.id.rpartition('/')[2]}"
