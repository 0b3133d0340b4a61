"""Which commitments are held and what they cost, and which rates they give: learnt from the customer's own bill.

The bill says how much was committed in an hour and what it was used for; it does not say when a term ends. Where its
provider has not told (`recommender/owned.py`), a term is taken to begin on the first day that was billed and to end
after the years that its meter names; where it was billed on after that, it was renewed on the same day.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from statistics import median
from typing import Any, Final

import numpy as np

from core import BadValue
from recommender.bill import Commitment, Kind, Pool, normalisation_factor
from recommender.databases import is_in_database_plans, reservation_of
from recommender.fleet import Line, Provider, Workload
from recommender.owned import read_owned, with_terms
from recommender.price_list import read_plan_shares
from recommender.prices import database_plan_prices
from recommender.reading import PROVIDERS, sku_of
from warehouse import Snapshot

_YEARS: Final = re.compile(r"(\d)\s*-?\s*(?:yr|year)", re.IGNORECASE)
_PLANS: Final = (
    ("EC2SP", Kind.INSTANCE_PLAN), ("EC2InstanceSP", Kind.INSTANCE_PLAN), ("ComputeSP", Kind.COMPUTE_PLAN),
    ("DatabaseSP", Kind.DATABASE_PLAN), ("SageMakerSP", Kind.SAGEMAKER_PLAN),
    ("MachineLearningSP", Kind.SAGEMAKER_PLAN),
)  # fmt: skip
_GOOGLE_UNIT: Final = re.compile(r"Commitment v1: (\w+) (Cpu|Core|Ram) in .+", re.IGNORECASE)
#: Series that Google's flexible commitments reach (cloud.google.com, "Flexible CUDs": general purpose and compute).
_FLEXIBLE_SERIES: Final = ("e2", "n1", "n2", "n2d", "n4", "c2", "c2d", "c3", "c3d", "c4", "c4a", "c4d", "t2d")


@dataclass(frozen=True)
class Holding:
    """A commitment in force. `amount` is money or units an hour, `fee` what one unit of it costs an hour (1: money);
    in `currency`. `ends_on` is the first day without it, `payment` as the meter names it, None where it does not.
    `is_told`: its provider has told its term; `disagreement` between that and the bill, "" where there is none."""

    id: str
    provider: Provider
    kind: Kind
    scope: str
    amount: float
    fee: float
    currency: str
    account: str
    starts_on: date
    ends_on: date
    years: int
    payment: str | None
    payer: str = ""
    is_told: bool = False
    disagreement: str = ""

    @property
    def bought_as(self) -> str:
        """The scope of the purchase that it is (part of): vCPU and memory of a Google series are bought together."""
        return self.scope.replace(".core/", "/").replace(".ram/", "/") if self.provider == "gcp" else self.scope

    def commitment(self, inr: float) -> Commitment:
        """As the simulator wants it, money in INR at `inr` for one unit of the currency."""
        is_money = not self.kind.is_in_units
        return Commitment(
            self.id, self.kind, self.amount * (inr if is_money else 1.0), f"{self.payer}:{self.scope}",
            1.0 if is_money else self.fee * inr, self.account, True,
            np.datetime64(self.starts_on, "h"), np.datetime64(self.ends_on, "h"),
        )  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """Shares of the list price under plans: (kind, region, sku) as billed; else the median of the kind, a prior.

    `terms`: kind -> years and payment of the plans that the bill shows. `listed`: (kind, region, sku) -> USD under a
    plan by a dated price list; `pulled`: the same as a share of on demand and the day on which both were pulled.
    `sustained`: payers whose bill shows Google's sustained-use discounts (only self-serve
    accounts have them).
    """

    learnt: Mapping[tuple[Kind, str, str], float]
    priors: Mapping[Kind, float]
    terms: Mapping[Kind, tuple[int, str]] = field(default_factory=dict)
    listed: Mapping[tuple[Kind, str, str], float] = field(default_factory=dict)
    sustained: frozenset[str] = frozenset()
    pulled: Mapping[tuple[Kind, str, str], tuple[float, date]] = field(default_factory=dict)

    def pulled_on(self, kind: Kind, region: str) -> date | None:
        """The oldest day on which rates of a kind were pulled of a region."""
        return self._days.get((kind, region))

    @cached_property
    def _days(self) -> Mapping[tuple[Kind, str], date]:
        days: dict[tuple[Kind, str], date] = {}
        for (kind, region, _), (_, on) in self.pulled.items():
            days[kind, region] = min(on, days.get((kind, region), on))
        return days

    def plan_price(self, kind: Kind, region: str, line: Line) -> float | None:
        """What a unit of a line costs under a plan, in its currency; None where that is not known."""
        listed = self.listed.get((kind, region, line.sku))
        if (kind, region, line.sku) in self.pulled and (kind, region, line.sku) not in self.learnt:
            return line.price * self.pulled[kind, region, line.sku][0]
        if listed is not None and line.currency == "USD" and (kind, region, line.sku) not in self.learnt:
            return listed
        share = self.learnt.get((kind, region, line.sku), self.priors.get(kind))
        return None if share is None else line.price * share


#: Where no bill of the customer shows a plan: what public examples of one year without upfront cost (docs/plan.md;
#: Google, "Flexible CUDs": 28 % off; databases: every cache node of AWS's price list for Hyderabad, April 2026). Marked
#: as priors wherever they are used.
PRIORS: Final[Mapping[Kind, float]] = {
    Kind.COMPUTE_PLAN: 0.77, Kind.INSTANCE_PLAN: 0.66, Kind.DATABASE_PLAN: 0.80, Kind.FLEXIBLE_COMMITMENT: 0.72,
}  # fmt: skip
#: Series with a sustained-use discount -> tiers of `recommender/sustained.py` (Google, "Sustained use discounts").
_SUSTAINED_SERIES: Final = {"n1": "n1", "n2": "n2", "n2d": "n2", "c2": "n2"}


def read_holdings(snapshot: Snapshot, start: date, end: date) -> list[Holding]:
    """Commitments that were billed in [start, end) UTC, with what was billed then, in order of kind and id.

    `ends_on` may lie in the past where a term was over by `end`.
    """
    rows = snapshot.query(
        "WITH fees AS (SELECT * FROM charges WHERE ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL),"
        " terms AS (SELECT CommitmentDiscountId AS id, MIN(ChargePeriodStart) AS starts FROM fees GROUP BY id)"
        " SELECT fees.CommitmentDiscountId AS id, ANY_VALUE(ProviderName) AS provider, ANY_VALUE(SkuMeter) AS meter,"
        " ANY_VALUE(x_Operation) AS operation, ANY_VALUE(CommitmentDiscountCategory) AS category,"
        " ANY_VALUE(BillingAccountId) AS payer, ANY_VALUE(RegionId) AS region, ANY_VALUE(SubAccountId) AS account,"
        " ANY_VALUE(BillingCurrency) AS currency,"
        " ANY_VALUE(terms.starts) AS starts, MAX(ChargePeriodEnd) AS seen,"
        " SUM(COALESCE(x_CommitmentPeriodCost, EffectiveCost))::DOUBLE AS cost, SUM(BilledCost)::DOUBLE AS billed,"
        " SUM(COALESCE(CommitmentDiscountQuantity, PricingQuantity))::DOUBLE AS units,"
        " COUNT(DISTINCT ChargePeriodStart) * ANY_VALUE(date_diff('hour', ChargePeriodStart, ChargePeriodEnd)) AS hours"
        " FROM fees JOIN terms ON fees.CommitmentDiscountId = terms.id"
        " WHERE ChargePeriodStart >= $start AND ChargePeriodStart < $end"
        " AND x_ChargeType NOT IN ('SavingsPlanUpfrontFee', 'Fee')"
        " GROUP BY fees.CommitmentDiscountId ORDER BY id",
        {"start": start, "end": end},
    ).to_dicts()  # fmt: skip
    regions = dict(snapshot.query(
        "SELECT CommitmentDiscountId, MODE(RegionId) FROM charges WHERE CommitmentDiscountStatus = 'Used'"
        " AND CommitmentDiscountId IS NOT NULL GROUP BY 1"
    ).rows)  # fmt: skip
    found = [_holding(row, regions.get(row["id"]) or row["region"] or "") for row in rows]
    told = with_terms(
        [one for one in found if one is not None], read_owned(snapshot), {row["id"]: row["seen"].date() for row in rows}
    )
    return sorted(told, key=lambda one: (one.kind, one.id))


def _holding(row: Mapping[str, Any], region: str) -> Holding | None:
    meter, hours = row["meter"] or "", float(row["hours"] or 0)
    provider = PROVIDERS.get(row["provider"])
    what = None if provider is None else _kind_and_scope(provider, row, region)
    if what is None or provider is None or hours <= 0 or not row["cost"]:
        return None
    kind, scope, factor = what
    starts = row["starts"].date()
    years = _years(meter)
    ends = _years_after(starts, years)
    # renewed on the same day as long as it was billed
    while ends <= row["seen"].date() - timedelta(days=32 if kind is Kind.REGIONAL_RESERVATION else 1):
        ends = _years_after(starts, ends.year - starts.year + years)
    if kind.is_in_units:
        units = float(row["units"] or 0)
        if units <= 0:
            return None
        amount, fee = units / hours * factor, row["cost"] / units / factor
    else:
        amount, fee = row["cost"] / hours, 1.0
    return Holding(
        row["id"], provider, kind, scope, amount, fee, row["currency"], row["account"] or "", starts, ends, years,
        _payment(meter, float(row["billed"] or 0) / row["cost"]) if provider == "aws" else "No Upfront",
        row["payer"] or "",
    )  # fmt: skip


def _years(meter: str) -> int:
    return int(found[1]) if (found := _YEARS.search(meter)) else 1


def _payment(meter: str, billed_ratio: float) -> str:
    """As the meter names it, else by how much of what a commitment costs is still billed."""
    for key, text in (
        ("NoUpfront", "No Upfront"),
        ("PartialUpfront", "Partial Upfront"),
        ("AllUpfront", "All Upfront"),
    ):
        if key in meter:
            return text
    return "No Upfront" if billed_ratio > 0.98 else "All Upfront" if billed_ratio < 0.02 else "Partial Upfront"


def _kind_and_scope(provider: Provider, row: Mapping[str, Any], region: str) -> tuple[Kind, str, float] | None:
    """Of a fee: kind, what it reaches, and how many units one of what is billed reserves."""
    meter = row["meter"] or ""
    if provider == "aws":
        for start, kind in _PLANS:
            if meter.startswith(start):
                family = meter.split(":")[1] if kind is Kind.INSTANCE_PLAN else ""
                return kind, f"{family}/{region}" if family else "", 1.0
        if "HeavyUsage:" in meter:
            return Kind.REGIONAL_RESERVATION, *reserved_units(sku_of({**row, "provider": "AWS"}), region)
        return None
    if provider == "gcp":
        if row["category"] == "Spend":
            return Kind.FLEXIBLE_COMMITMENT, "", 1.0
        if unit := _GOOGLE_UNIT.match(meter):
            part = "ram" if unit[2].lower() == "ram" else "core"
            return Kind.RESOURCE_COMMITMENT, f"{unit[1].lower()}.{part}/{region}", 1.0
    return None


def reserved_units(sku: str, region: str) -> tuple[str, float]:
    """Scope of the reservations that reach a machine, database or cache of AWS, and the units that one of it takes: the
    family of Linux machines (sizes are exchanged), else the very type."""
    type_, _, system = sku.partition("/")
    if type_.startswith(("db.", "cache.")):
        return reservation_of(sku, region)
    factor = _factor(type_) if system == "linux" else 0.0
    return (f"{type_.partition('.')[0]}/{region}", factor) if factor else (f"{sku}/{region}", 1.0)


def read_rates(snapshot: Snapshot) -> Rates:
    """What usage under plans cost as a share of its list price in the last 13 months."""
    rows = snapshot.query(
        "SELECT CommitmentDiscountId AS id, ProviderName AS provider, RegionId AS region, SkuMeter AS meter,"
        " x_Operation AS operation, SkuId AS sku_id, ServiceName AS service_name,"
        " SUM(EffectiveCost)::DOUBLE AS effective, SUM(ListCost)::DOUBLE AS list FROM charges"
        " WHERE CommitmentDiscountStatus = 'Used' AND CommitmentDiscountCategory = 'Spend' AND ListCost > 0"
        " AND ChargePeriodStart > (SELECT MAX(ChargePeriodStart) FROM charges) - INTERVAL 400 DAY"
        " GROUP BY ALL ORDER BY ALL"
    ).to_dicts()
    meters = dict(snapshot.query(
        "SELECT CommitmentDiscountId, ANY_VALUE(SkuMeter) FROM charges WHERE ChargeCategory = 'Purchase'"
        " AND CommitmentDiscountCategory = 'Spend' GROUP BY 1"
    ).rows)  # fmt: skip
    sums: dict[tuple[Kind, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    terms: dict[Kind, list[tuple[float, int, str]]] = defaultdict(list)
    for row in rows:
        provider = PROVIDERS.get(row["provider"])
        fee = {"meter": meters.get(row["id"]) or "", "category": "Spend"}
        what = provider and _kind_and_scope(provider, fee, row["region"] or "")
        if what:
            terms[what[0]].append((row["list"], _years(fee["meter"]), _payment(fee["meter"], 1.0)))
            key = what[0], row["region"] or "", sku_of(row)
            sums[key][0] += row["effective"]
            sums[key][1] += row["list"]
    learnt = {key: effective / listed for key, (effective, listed) in sums.items()}
    priors = dict(PRIORS)
    for kind in {kind for kind, _, _ in learnt}:
        priors[kind] = median(share for (other, _, _), share in learnt.items() if other is kind)
    sustained = snapshot.query(
        "SELECT DISTINCT BillingAccountId FROM charges WHERE ProviderName = 'Google Cloud' AND x_RowOrigin = 'credit'"
        " AND ChargeDescription ILIKE 'sustained us%'"
        " AND ChargePeriodStart > (SELECT MAX(ChargePeriodStart) FROM charges) - INTERVAL 400 DAY"
    ).rows
    return Rates(
        learnt, priors, {kind: max(found)[1:] for kind, found in terms.items()},
        {(Kind.DATABASE_PLAN, *key): usd for key, usd in database_plan_prices().items()},
        frozenset(payer for (payer,) in sustained), read_plan_shares(snapshot),
    )  # fmt: skip


def pool_of(name: str, workload: Workload, line: Line, rates: Rates, inr: float) -> Pool:
    """A line as a pool of the simulator, prices in INR; Spot and what no commitment reaches have no rates or units."""
    price = max(line.price * inr, 1e-12)
    plans: dict[tuple[Kind, str], float] = {}
    units: dict[tuple[Kind, str], float] = {}
    if not line.is_spot:
        family, region = line.sku.split(".")[0], line.region or workload.region
        kinds: list[tuple[Kind, str]] = []
        if workload.provider == "aws" and line.sku.endswith(("/linux", "/windows", "/rhel", "/suse")):
            kinds = [(Kind.INSTANCE_PLAN, f"{family}/{region}"), (Kind.COMPUTE_PLAN, "")]
            scope, factor = reserved_units(line.sku, region)
            units[Kind.REGIONAL_RESERVATION, scope] = factor
        elif line.sku.startswith(("db.", "cache.")):
            scope, factor = reserved_units(line.sku, region)
            units[Kind.REGIONAL_RESERVATION, scope] = factor
            if is_in_database_plans(line.sku):
                kinds = [(Kind.DATABASE_PLAN, "")]
        elif line.sku.endswith((".core", ".ram")):
            units[Kind.RESOURCE_COMMITMENT, f"{line.sku}/{region}"] = 1.0
            if family in _FLEXIBLE_SERIES:
                kinds = [(Kind.FLEXIBLE_COMMITMENT, "")]
        for kind, scope in kinds:
            rate = rates.plan_price(kind, region, line)
            if rate is not None and rate < line.price:
                plans[kind, scope] = rate * inr
    # commitments reach what one payer is billed for
    payer = workload.payer
    tiers = _SUSTAINED_SERIES.get(line.sku.split(".")[0]) if units and payer in rates.sustained else None
    return Pool(
        name, price, workload.account, {(kind, f"{payer}:{scope}"): rate for (kind, scope), rate in plans.items()},
        {(kind, f"{payer}:{scope}"): number for (kind, scope), number in units.items()},
        None if tiers is None else (tiers, f"{payer}:{line.sku}/{line.region or workload.region}"),
    )  # fmt: skip


def _factor(type_: str) -> float:
    try:
        return normalisation_factor(type_.rpartition(".")[2])
    except BadValue:
        return 0.0


def _years_after(start: date, years: int) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February
        return start.replace(year=start.year + years, day=28)
