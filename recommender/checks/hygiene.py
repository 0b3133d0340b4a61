"""What should be in order though no lever moves it: owners, regions, the rupee's rate, a brief for vendors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import numpy as np

from core import compact_inr
from recommender.action import Action, Nothing, Operator, Recipe
from recommender.checks._activity import evidence, is_running, target
from recommender.fleet import Fleet, Workload

TITLE = "Owners, regions, the rupee's rate, and what to bring to a vendor"
OPERATOR = Operator.KEEP_ORDER
_LEAST_INR: Final = 3000.0
#: A day's spread of the rate where no history of it is loaded: 5.7 % a year.
_USUAL_SPREAD: Final = 0.003
_HISTORY_DAYS: Final = 730


def propose(fleet: Fleet) -> Iterator[Action]:
    """Untagged workloads by cost, workloads outside the home regions, the dollar exposure, a brief for negotiations."""
    for workload in sorted(fleet.workloads, key=lambda w: w.id):
        monthly = workload.monthly() * fleet.inr.get(workload.currency, 0.0)
        if not is_running(workload) or monthly < _LEAST_INR:
            continue
        if workload.team is None:
            yield _untagged(fleet, workload, monthly)
        abroad = workload.region and workload.region not in fleet.home_regions
        if abroad and workload.kind in ("machine", "group", "database", "cache", "bucket", "disk"):
            yield _abroad(fleet, workload, monthly)
    if "USD" in fleet.inr:
        yield _exposure(fleet)
    for provider in sorted({w.provider for w in fleet.workloads}):
        yield _brief(fleet, provider)


def _inr(amount: float) -> str:
    return compact_inr(Decimal(round(amount)))


def _untagged(fleet: Fleet, workload: Workload, monthly: float) -> Action:
    peers = [w.team for w in fleet.workloads if w.account == workload.account and w.team is not None]
    guess = max(sorted(set(peers)), key=peers.count) if peers else None
    figures = {"Costs a month": _inr(monthly), "Account": workload.account}
    if guess is not None:
        figures["A guess"] = f"team {guess}: {peers.count(guess)} of {len(peers)} workloads of this account are theirs"
    return Action(
        "hygiene_owner",
        OPERATOR,
        workload.id,
        f"{workload.name} has no owner",
        Nothing(),
        evidence(fleet, figures),
        Recipe("set_tags", target(workload), {"tags": {"team": guess or "…"}}),
        "low",
        "",
        "minutes",
        reason="an owner saves nothing by himself, but nobody else can decide about it",
    )


def _abroad(fleet: Fleet, workload: Workload, monthly: float) -> Action:
    return Action(
        "hygiene_region",
        OPERATOR,
        workload.id,
        f"{workload.name} is in {workload.region}",
        Nothing(),
        evidence(fleet, {"Costs a month": _inr(monthly), "Home regions": ", ".join(fleet.home_regions)}),
        None,
        "low",
        "",
        "days",
        reason="data of students belongs into India unless it is a copy for disasters: ask its owner",
    )


def _exposure(fleet: Fleet) -> Action:
    """What of a year is owed in dollars, and what the rate may cost at 95 % (a random walk without drift)."""
    usd = sum(w.monthly(365) * 12 for w in fleet.workloads if w.currency == "USD")
    total = sum(w.monthly(365) * 12 * fleet.inr.get(w.currency, 0.0) for w in fleet.workloads)
    rates = np.array([rate for _, rate in fleet.usd_inr[-_HISTORY_DAYS:]], dtype=np.float64)
    steps = np.diff(np.log(rates)) if len(rates) > 250 else np.zeros(0)
    daily = max(float(steps.std()), _USUAL_SPREAD) if len(steps) else _USUAL_SPREAD
    yearly = daily * np.sqrt(252)
    # bills come month by month: the mean of a walk over a year has a third of its end's variance
    at_risk = usd * fleet.inr["USD"] * float(np.expm1(1.645 * yearly / np.sqrt(3)))
    figures = {
        "Billed in dollars": f"${usd:,.0f} a year, {usd * fleet.inr['USD'] / total:.0%} of usage at list"
        if total
        else "–",
        "Rate": f"{fleet.inr['USD']:.2f} on {fleet.inr_on}",
        "Spread of the rate": f"{yearly:.1%} a year"
        + (f", from {len(rates)} days of rates" if len(steps) else ", a prior: no history is loaded"),
        "At risk (95 %)": f"{_inr(at_risk)} more in a year",
        "Hedged": "nothing that the bills show",
        "A forward": "fixes a month's rate for about the difference of interest: it buys certainty, not a saving",
        "An Indian payer": "bills in rupees at the provider's rate of the month: the risk stays",
    }
    return Action(
        "hygiene_rupee",
        OPERATOR,
        "company/usd-inr",
        f"{_inr(at_risk)} a year hang on the rupee's rate",
        Nothing(),
        evidence(fleet, figures),
        None,
        "medium",
        "",
        "days",
        reason="whether to hedge is a decision of finance",
    )


def _brief(fleet: Fleet, provider: str) -> Action:
    """Spend of twelve months with its band, service mix and egress: what a talk about a discount begins with."""
    mine = [w for w in fleet.workloads if w.provider == provider]
    by_service: dict[str, float] = defaultdict(float)
    months = np.zeros(12)
    egress = 0.0
    for workload in mine:
        rate = fleet.inr.get(workload.currency, 0.0)
        hourly = workload.hourly * rate
        by_service[workload.service_name] += float(hourly.sum())
        if len(hourly) >= 8760:
            months += hourly[-8760:].reshape(12, 730).sum(axis=1)
        egress += sum(
            float((x.price * x.hourly).sum()) * rate
            for x in workload.lines
            if "Out" in x.meter and "Transfer" in x.meter
        )
    total = sum(by_service.values())
    low, middle, high = np.quantile(months, (0.1, 0.5, 0.9))
    largest = sorted(by_service.items(), key=lambda item: -item[1])[:5]
    figures = {
        "Usage at list, 12 months": _inr(total),
        "A month": f"{_inr(low)} / {_inr(middle)} / {_inr(high)} (P10 / P50 / P90)",
        "Largest services": ", ".join(f"{name} {cost / total:.0%}" for name, cost in largest) if total else "–",
        "Egress": _inr(egress),
        "Safe to promise": f"{_inr(12 * low)} a year: twelve times the lowest month in ten",
    }
    return Action(
        "hygiene_brief",
        OPERATOR,
        f"company/{provider}",
        f"What to bring to {provider.upper()} when a discount is negotiated",
        Nothing(),
        evidence(fleet, figures),
        None,
        "medium",
        "",
        "days",
        reason="a discount is what the talk brings",
    )
