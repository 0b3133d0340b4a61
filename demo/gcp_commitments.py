"""Google's discounts for commitments and for running long: what of each hour's usage they cover.

In Google's order: resource commitments, then spend-based ("flexible") ones, then sustained use on the rest
(cloud.google.com: "Committed use discounts", "Sustained use discounts"). Coverage is shared out in proportion to
usage, hour by hour, as Google attributes it by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from demo.gcp_line import Clock
from demo.gcp_skus import MONTH_HOURS, one_year_share, skus
from demo.gcp_usage import Usage

#: What a spend-based commitment of a year leaves of the list price.
FLEX_SHARE = 0.72
#: Series that it covers; the resource commitments are N2 alone.
FLEX_SKUS = ("e2.core", "e2.ram", "n2.core", "n2.ram")
#: Sustained use of N2: the part of the month that has run, and what is off from there on.
_TIERS = ((0.0, 0.0), (0.25, 0.1322), (0.5, 0.267), (0.75, 0.4))


@dataclass(frozen=True)
class Commitment:
    """A commitment of a year, [start, end). `hourly`: units of each SKU, or USD at list price under "usd"."""

    id: str
    start: date
    end: date
    hourly: dict[str, float]

    @property
    def is_flexible(self) -> bool:
        """Whether it is of money, not of vCPUs and GiB."""
        return "usd" in self.hourly


#: At scale 1: the encoders' floor, bought again every September; of E2 about what an ordinary term needs.
RESOURCE = tuple(
    Commitment(f"cud-n2-mumbai-{year}", date(year, 9, 1), date(year + 1, 9, 1), {"n2.core": 20, "n2.ram": 80})
    for year in (2023, 2024, 2025)
)
FLEXIBLE = tuple(
    Commitment(id, start, end, {"usd": usd})
    for id, start, end, usd in (
        ("subscriptions/3a7c51de-8e0b-4d1f-9c52-6f1f0a2b7d10", date(2024, 3, 1), date(2025, 3, 1), 2.8),
        ("subscriptions/b41e9f07-52c6-47aa-8d3e-0e9c7741f5a2", date(2025, 3, 1), date(2026, 3, 1), 3.2),
        ("subscriptions/e09d2c88-1b7a-4f63-a5e4-93d8c06ab471", date(2026, 3, 1), date(2027, 3, 1), 3.3),
    )
)


@dataclass(frozen=True)
class Cover:
    """Of a usage's units in each hour, what each discount takes; `sustained` is the part of the rest that is off."""

    resource: np.ndarray
    flexible: np.ndarray
    sustained: np.ndarray


def hourly_price(commitment: Commitment, sku: str = "") -> float:
    """USD an hour at scale 1 for a SKU, or for the whole flexible commitment."""
    if commitment.is_flexible:
        return commitment.hourly["usd"] * FLEX_SHARE
    return commitment.hourly[sku] * skus()[sku].usd * one_year_share("n2")


def committed(clock: Clock, commitments: tuple[Commitment, ...], key: str) -> np.ndarray:
    """What is committed in each hour at this scale: units of a SKU, or USD at list price."""
    total = np.zeros(len(clock.hours))
    for commitment in commitments:
        total = total + clock.between(commitment.start, commitment.end) * commitment.hourly[key]
    return total * clock.company.scale


def covers(clock: Clock, usages: list[Usage]) -> list[Cover | None]:
    """The cover of each usage; None where no commitment can reach it."""
    zero = np.zeros(len(clock.hours))
    resource: dict[int, np.ndarray] = {}
    for sku in ("n2.core", "n2.ram"):
        members = [index for index, usage in enumerate(usages) if usage.sku == sku]
        total = sum((usages[index].hourly for index in members), zero)
        share = np.minimum(1.0, committed(clock, RESOURCE, sku) / np.maximum(total, 1e-9))
        resource |= {index: usages[index].hourly * share for index in members}
    eligible = [index for index, usage in enumerate(usages) if usage.sku in FLEX_SKUS]
    rests = {index: usages[index].hourly - resource.get(index, zero) for index in eligible}
    spend = sum((rests[index] * skus()[usages[index].sku].usd for index in eligible), zero)
    share = np.minimum(1.0, committed(clock, FLEXIBLE, "usd") / np.maximum(spend, 1e-9))
    found: list[Cover | None] = [None] * len(usages)
    for index in eligible:
        is_sustained = usages[index].sku.startswith("n2")
        sustained = _sustained(clock, usages[index].hourly) if is_sustained else zero
        found[index] = Cover(resource.get(index, zero), rests[index] * share, sustained)
    return found


def _sustained(clock: Clock, hourly: np.ndarray) -> np.ndarray:
    """What is off in each hour for a machine that has run so much of its month before."""
    months = clock.daily.month[np.minimum(np.searchsorted(clock.midnights, clock.hours, "right") - 1,
                                          len(clock.daily.month) - 1)]  # fmt: skip
    running = (hourly > 0).astype(float)
    _, first, where = np.unique(months, return_index=True, return_inverse=True)
    so_far = np.cumsum(running)
    so_far = so_far - (so_far[first] - running[first])[where]
    part = so_far / MONTH_HOURS
    return np.select([part > edge for edge, _ in reversed(_TIERS)], [off for _, off in reversed(_TIERS)], 0.0)
