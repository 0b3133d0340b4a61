"""How dear a dollar may become in a year: from every month since the rupee floats, not from a bell curve."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from models.design import Floats

#: The dual exchange rate ended in March 1993; what was before tells nothing of a floating rupee.
_FLOATS_SINCE: Final = "1993-04"
_MONTHS: Final = 12
#: Implied yield of a year's USD/INR forward in December 2025 (news agencies): the difference of interest. A prior.
FORWARD_PREMIUM: Final = 0.0264
#: By what a bank's selling rate is above the middle: State Bank of India over ECB's cross, 2023 to 2026. A prior.
BANK_SPREAD: Final = 0.0051
#: Monthly bills of a year are paid 6.5 months from today in the mean.
MEAN_YEARS: Final = 6.5 / 12


@dataclass(frozen=True)
class Rise:
    """By how much the mean rate of twelve months lay above the rate before them: its mean and what one year of twenty
    exceeded, as ratios, from `windows` starts of months since `since` ("1993-04")."""

    mean: float
    worst: float
    windows: int
    since: str


def rise_of(months: tuple[str, ...], rates: Floats) -> Rise | None:
    """From rates by month, (n_months,), oldest first; None with fewer than three years."""
    if len(rates) < 3 * _MONTHS:
        return None
    ahead = np.lib.stride_tricks.sliding_window_view(rates[1:], _MONTHS).mean(axis=1)
    above = ahead / rates[: len(ahead)] - 1
    return Rise(float(above.mean()), float(np.quantile(above, 0.95)), len(above), months[0])


@cache
def history() -> Rise:
    """From the monthly rates of the US Federal Reserve that are shipped (recommender/facts/SOURCES.md)."""
    with (Path(__file__).parent / "facts" / "usd_inr_monthly.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["month_start"][:7], float(row["inr_per_usd"])) for row in csv.DictReader(file)]
    known = [(month, rate) for month, rate in rows if month >= _FLOATS_SINCE]
    found = rise_of(tuple(month for month, _ in known), np.array([rate for _, rate in known]))
    assert found is not None
    return found
