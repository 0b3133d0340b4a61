"""Is the simulator to be trusted: it bills past months again with the commitments then held, beside the real bill.

Where it is off by more than one per cent of a service's month, advice on that service is marked as uncalibrated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from core import next_month
from recommender.bill import Kind
from recommender.book import Book, Booked
from recommender.fleet import Fleet
from recommender.holdings import Rates, read_holdings
from recommender.reading import PROVIDERS, read_lines
from warehouse import Snapshot

#: Largest difference that is still called calibrated, as a share of the service's bill.
TOLERANCE: Final = 0.01
#: What a service-month may be off by in any case, INR: rounding of small bills.
_SMALL_INR: Final = 100.0
UNUSED: Final = "(unused commitments)"


@dataclass(frozen=True)
class Calibration:
    """One service's month: INR as simulated and as billed (effective cost, UTC month, without tax).

    `basis_inr` is what a difference is measured by: the bill, and for unused commitments what the commitments cost.
    """

    month: date
    provider: str
    service_name: str
    simulated_inr: float
    billed_inr: float
    basis_inr: float

    @property
    def difference_ratio(self) -> float:
        """Simulated minus billed, as a share of the basis; 0 where there is none."""
        return (self.simulated_inr - self.billed_inr) / self.basis_inr if self.basis_inr else 0.0

    @property
    def is_calibrated(self) -> bool:
        """Within one per cent, or a hundred rupees."""
        return abs(self.simulated_inr - self.billed_inr) <= max(TOLERANCE * abs(self.basis_inr), _SMALL_INR)


def calibrate(snapshot: Snapshot, fleet: Fleet, rates: Rates, months: int = 12) -> list[Calibration]:
    """The last whole UTC months before the end of the fleet's hours, oldest first."""
    end = fleet.hours[-1].astype("datetime64[D]").astype(object) + np.timedelta64(1, "D").astype(object)
    last = end.replace(day=1)
    found: list[Calibration] = []
    for back in range(months, 0, -1):
        month = _before(last, back)
        found += _month(snapshot, fleet, rates, month)
    return found


def uncalibrated(found: Sequence[Calibration]) -> set[tuple[str, str]]:
    """(provider, service name) of which the last three months together are off by more than the tolerance."""
    recent = sorted({one.month for one in found})[-3:]
    sums: dict[tuple[str, str], list[Calibration]] = defaultdict(list)
    for one in found:
        if one.month in recent:
            sums[one.provider, one.service_name].append(one)
    return {
        key
        for key, ones in sums.items()
        if abs(sum(one.simulated_inr - one.billed_inr for one in ones))
        > max(TOLERANCE * sum(one.basis_inr for one in ones), _SMALL_INR)
    }


def _month(snapshot: Snapshot, fleet: Fleet, rates: Rates, month: date) -> list[Calibration]:
    start, end = month, next_month(month)
    hours = np.arange(np.datetime64(start, "h"), np.datetime64(end, "h"))
    workloads = read_lines(snapshot, hours, mean_prices=True)
    if not workloads:
        return []
    held = [
        one.commitment(fleet.inr[one.currency])
        for one in read_holdings(snapshot, start, end)
        if one.currency in fleet.inr
    ]
    book = Book(fleet, rates, hours)
    booked = book.bill(
        [(w, line, line.hourly) for w in workloads for line in w.lines if line.currency in fleet.inr], held
    )
    cost: dict[tuple[str, str], float] = _by_service(book, booked)
    promised: dict[str, float] = defaultdict(float)
    for index, one in enumerate(booked.bill.commitments):
        promised[_provider_of(one.kind)] += float((booked.bill.used[index] + booked.bill.unused[index]).sum()) * one.fee
    billed = _billed(snapshot, fleet, start, end)
    if ("gcp", UNUSED) not in billed:
        # fees of Google's older model are not told apart from what they cover
        cost["gcp", "Compute Engine"] = cost.get(("gcp", "Compute Engine"), 0.0) + cost.pop(("gcp", UNUSED), 0.0)
    return [
        Calibration(
            month,
            provider,
            service,
            cost.get((provider, service), 0.0),
            billed.get((provider, service), 0.0),
            promised[provider] if service == UNUSED else abs(billed.get((provider, service), 0.0)),
        )
        for provider, service in sorted(cost.keys() | billed.keys())
        if abs(cost.get((provider, service), 0.0)) + abs(billed.get((provider, service), 0.0)) > 1
    ]


def _by_service(book: Book, booked: Booked) -> dict[tuple[str, str], float]:
    """What was simulated by provider and service; a pool that services share is split by their units."""
    cost: dict[tuple[str, str], float] = defaultdict(float)
    services: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for (workload, line, units), name in zip(booked.uses, booked.pool_names, strict=True):
        pool = book.pool(workload, line)
        if pool.rates or pool.units:
            services[name].append((workload.provider, line.service_name, float(units.sum())))
        else:
            cost[workload.provider, line.service_name] += pool.on_demand * float(units.sum())
    bill = booked.bill
    for at, pool in enumerate(bill.pools):
        total = float(bill.left_cost(at).sum()) + float(bill.covered_cost[at].sum())
        whole = sum(count for *_, count in services[pool.name]) or 1.0
        for provider, service, count in services[pool.name]:
            cost[provider, service] += total * count / whole
    for at, one in enumerate(bill.commitments):
        provider = _provider_of(one.kind)
        # fees of Google's resource commitments stand under the service itself, used or not
        service = "Compute Engine" if one.kind is Kind.RESOURCE_COMMITMENT else UNUSED
        cost[provider, service] += float(bill.unused[at].sum()) * one.fee
    return cost


def _provider_of(kind: Kind) -> str:
    return "gcp" if kind in (Kind.RESOURCE_COMMITMENT, Kind.FLEXIBLE_COMMITMENT) else "aws"


def _billed(snapshot: Snapshot, fleet: Fleet, start: date, end: date) -> dict[tuple[str, str], float]:
    rows = snapshot.query(
        "SELECT ProviderName, CASE WHEN CommitmentDiscountStatus = 'Unused' THEN $unused ELSE ServiceName END,"
        " BillingCurrency, SUM(EffectiveCost)::DOUBLE FROM charges"
        " WHERE ChargePeriodStart >= $start AND ChargePeriodStart < $end"
        " AND ChargeCategory IN ('Usage', 'Purchase', 'Adjustment')"
        " AND (ChargeCategory <> 'Adjustment' OR x_RowOrigin = 'credit')"
        " AND NOT (ChargeCategory = 'Purchase' AND COALESCE(x_ChargeSubcategory, '') = 'Support')"
        " AND (x_ChargeSubcategory IS NULL OR"
        " x_ChargeSubcategory IN ('Discount', 'Commitment Offset', 'Support', 'Marketplace'))"
        " GROUP BY ALL ORDER BY ALL",
        {"start": start, "end": end, "unused": UNUSED},
    ).rows
    found: dict[tuple[str, str], float] = defaultdict(float)
    for provider, service, currency, amount in rows:
        if currency in fleet.inr:
            found[PROVIDERS.get(provider, "azure"), service or ""] += float(amount) * fleet.inr[currency]
    return found


def _before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)
