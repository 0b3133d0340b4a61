"""What hangs on the dollar's rate: how much of the year, what one year of twenty costs more, what a hedge does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Operator
from recommender.checks._in_order import rupees, without_saving
from recommender.fleet import Fleet
from recommender.rupee import BANK_SPREAD, FORWARD_PREMIUM, MEAN_YEARS, history, rise_of

TITLE = "What hangs on the rupee's rate"
OPERATOR = Operator.KEEP_ORDER
#: Providers that bill in rupees at the dollar's rate of the month (Google Cloud, "Local currency billing").
_CONVERTED: Final = ("gcp",)


def propose(fleet: Fleet) -> Iterator[Action]:
    """One item where anything of the year ahead is billed in dollars at a known rate."""
    rate = fleet.inr.get("USD")
    usd = np.asarray(sum((paths for (_, money), paths in fleet.spend_ahead.items() if money == "USD"), np.zeros(1)))
    if rate is None or not usd.any():
        return
    total = sum(float(paths.mean()) * fleet.inr.get(money, 0.0) for (_, money), paths in fleet.spend_ahead.items())
    owed = float(np.median(usd)) * rate
    low, high = np.quantile(usd, (0.1, 0.9))
    rise = history()
    at_risk = owed * rise.worst
    converted = sum(
        float(paths.mean()) for (provider, money), paths in fleet.spend_ahead.items()
        if money == "INR" and provider in _CONVERTED
    )  # fmt: skip
    forward = owed * FORWARD_PREMIUM * MEAN_YEARS
    figures = {
        "Billed in dollars": f"${np.median(usd):,.0f} in the year ahead at list (P10 ${low:,.0f}, P90 ${high:,.0f}),"
        f" {owed / total:.0%} of all usage",
        "Rate": f"{rate:.2f} on {fleet.inr_on}",
        "At risk (95 %)": f"{rupees(at_risk)} more: in one year of twenty since {rise.since} the mean rate of twelve"
        f" months was {rise.worst:.1%} above the rate before them ({rise.windows} windows)",
        "To be expected": f"{rupees(owed * rise.mean)} more: {rise.mean:.1%} in the mean of these years",
        "Share hedged": "0 % as far as a bill can tell: a forward is not on it",
        "A forward": f"costs about {rupees(forward)} ({FORWARD_PREMIUM:.2%} a year over {MEAN_YEARS * 12:g} months in"
        " the mean; a prior: ask the bank for today's) and takes the risk of what is surely used",
        "An Indian payer": f"saves about {rupees(owed * BANK_SPREAD)} of the bank's margin ({BANK_SPREAD:.2%}, a prior)"
        " and leaves the risk: it is billed at the provider's rate of the month",
    }
    if converted:
        figures["In rupees at the dollar's rate"] = (
            f"{rupees(converted)} a year more follow the dollar, month by month; {rupees(converted * rise.worst)} of it"
            " are at risk too"
        )
    if (loaded := _loaded(fleet)) is not None:
        figures["The same from the rates that are loaded"] = loaded
    yield without_saving(
        fleet, "hygiene_rupee", "company/usd-inr", f"{rupees(at_risk)} a year hang on the rupee's rate", figures,
        "whether to hedge is a decision of finance",
    )  # fmt: skip


def _loaded(fleet: Fleet) -> str | None:
    """One year of twenty by the feed's own rates, the last of each month."""
    last = {f"{day:%Y-%m}": rate for day, rate in fleet.usd_inr}
    months = tuple(sorted(last))
    found = rise_of(months, np.array([last[month] for month in months], dtype=np.float64))
    return None if found is None else f"{found.worst:.1%} in {found.windows} windows since {found.since}"
