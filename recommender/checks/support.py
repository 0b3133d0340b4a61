"""What support costs beside what its own price list says of this bill: a question, with figures.

Plans are priced by bands of the month's gross charges, so support grows with the bill whether or not anybody asks it
anything. No bill tells how often it was asked: whether a smaller plan would do is for people to say.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from recommender.action import Action, Operator
from recommender.checks._in_order import rupees, without_saving
from recommender.finance import SupportMonth
from recommender.fleet import Fleet
from recommender.prices import FACTS

TITLE = "What support costs beside its price list"
OPERATOR = Operator.KEEP_ORDER
_SOURCE: Final = "aws.amazon.com/premiumsupport/pricing, read in November 2026; plans change: look it up"
#: A plan's minimum, and its bands: (from USD of a month, share).
Plan = tuple[float, Sequence[tuple[float, float]]]


def propose(fleet: Fleet) -> Iterator[Action]:
    """One item for each payer with a support plan on its last whole months."""
    months: dict[tuple[str, str], list[SupportMonth]] = defaultdict(list)
    for one in fleet.finance.support:
        months[one.provider, one.payer].append(one)
    for _, ones in sorted(months.items()):
        yield _item(fleet, ones)


def fee(plan: Plan, gross_usd: float) -> float:
    """What a plan costs in a month of `gross_usd` of charges, USD."""
    least, bands = plan
    ends = [start for start, _ in bands[1:]] + [float("inf")]
    parts = sum(ratio * max(0.0, min(gross_usd, end) - start) for (start, ratio), end in zip(bands, ends, strict=True))
    return max(least, parts)


@cache
def plans() -> Mapping[str, Plan]:
    """The published plans of AWS by name (recommender/facts/SOURCES.md)."""
    found: dict[str, tuple[float, list[tuple[float, float]]]] = {}
    with (FACTS / "aws_support_plans.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            bands = found.setdefault(row["plan"], (float(row["minimum_usd"]), []))[1]
            bands.append((float(row["above_usd"]), float(row["ratio"])))
    return found


def _item(fleet: Fleet, months: Sequence[SupportMonth]) -> Action:
    last = max(months, key=lambda one: one.month)
    rate = fleet.inr.get(last.currency, 0.0)
    figures = {
        f"{one.month:%B %Y}": f"{rupees(one.fee * rate)}, {one.fee / one.basis:.1%} of {rupees(one.basis * rate)} gross"
        for one in sorted(months, key=lambda one: one.month)
        if one.basis > 0
    }
    mine = next((name for name in plans() if name.lower() in last.plan.lower()), None)
    if last.provider != "AWS" or mine is None or last.currency != "USD":
        figures["By its price list"] = f"not known here for {last.plan}: compare it with the contract"
    else:
        listed = fee(plans()[mine], last.basis)
        figures[f"{mine} by its price list"] = (
            f"{rupees(listed * rate)} for {last.month:%B %Y}; billed {last.fee / listed - 1:+.1%}"
            + (": discounts come off first, or it is negotiated" if abs(last.fee / listed - 1) > 0.01 else "")
        )
        for name in plans():
            if name != mine:
                figures[f"{name} by its price list"] = f"{rupees(fee(plans()[name], last.basis) * rate)} a month"
        top = max(start for start, _ in plans()[mine][1] if start < last.basis)
        ratio = dict(plans()[mine][1])[top]
        figures["The next rupee"] = f"adds {ratio:.0%} of support; what the plan saves, support follows at that rate"
        figures["Price list"] = _SOURCE
    return without_saving(
        fleet, "hygiene_support", f"support/{last.provider}/{last.payer}",
        f"{last.plan} costs {rupees(last.fee * rate)} a month: how often was it asked?", figures,
        "a smaller plan is a question of how fast an answer has to come, which no bill can tell",
    )  # fmt: skip
