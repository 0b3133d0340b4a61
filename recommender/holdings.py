"""Which commitments are held and what they cost, and which rates they give: learnt from the customer's own bill.

The bill says how much was committed in an hour and what it was used for; it does not say when a term ends. A term is
taken to begin on the first day that was billed and to end after the years that its meter names; where it was billed on
after that, it was renewed on the same day.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any, Final

import numpy as np

from core import BadValue
from recommender.bill import Commitment, Kind, Pool, normalisation_factor
from recommender.fleet import Line, Provider, Workload
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
    in `currency`. `ends_on` is the first day without it, `payment` as the meter names it, None where it does not."""

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

    `sources` tells for each kind what the prior rests on.
    """

    learnt: Mapping[tuple[Kind, str, str], float]
    priors: Mapping[Kind, float]

    def share(self, kind: Kind, region: str, sku: str) -> tuple[float, bool] | None:
        """The price under a plan as a share of the list price, and whether the bill showed it for this very SKU."""
        if (found := self.learnt.get((kind, region, sku))) is not None:
            return found, True
        prior = self.priors.get(kind)
        return None if prior is None else (prior, False)


#: Where no bill of the customer shows a plan: what public examples of one year without upfront cost (docs/plan.md;
#: Google, "Flexible CUDs": 28 % off). Marked as priors wherever they are used.
PRIORS: Final[Mapping[Kind, float]] = {
    Kind.COMPUTE_PLAN: 0.77, Kind.INSTANCE_PLAN: 0.66, Kind.DATABASE_PLAN: 0.82, Kind.FLEXIBLE_COMMITMENT: 0.72,
}  # fmt: skip


def read_holdings(snapshot: Snapshot, start: date, end: date) -> list[Holding]:
    """Commitments that were billed in [start, end) UTC, with what was billed then, in order of kind and id.

    `ends_on` may lie in the past where a term was over by `end`.
    """
    rows = snapshot.query(
        "WITH fees AS (SELECT * FROM charges WHERE ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL),"
        " terms AS (SELECT CommitmentDiscountId AS id, MIN(ChargePeriodStart) AS starts FROM fees GROUP BY id)"
        " SELECT fees.CommitmentDiscountId AS id, ANY_VALUE(ProviderName) AS provider, ANY_VALUE(SkuMeter) AS meter,"
        " ANY_VALUE(CommitmentDiscountType) AS type, ANY_VALUE(CommitmentDiscountCategory) AS category,"
        " ANY_VALUE(BillingAccountId) AS payer, ANY_VALUE(RegionId) AS region, ANY_VALUE(SubAccountId) AS account,"
        " ANY_VALUE(BillingCurrency) AS currency,"
        " ANY_VALUE(terms.starts) AS starts, MAX(ChargePeriodEnd) AS seen,"
        " SUM(COALESCE(x_CommitmentPeriodCost, EffectiveCost))::DOUBLE AS cost,"
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
    return sorted((one for one in found if one is not None), key=lambda one: (one.kind, one.id))


def _holding(row: Mapping[str, Any], region: str) -> Holding | None:
    meter, hours = row["meter"] or "", float(row["hours"] or 0)
    provider = PROVIDERS.get(row["provider"])
    what = None if provider is None else _kind_and_scope(provider, meter, row["category"], region)
    if what is None or provider is None or hours <= 0 or not row["cost"]:
        return None
    kind, scope = what
    starts = row["starts"].date()
    years = int(found[1]) if (found := _YEARS.search(meter)) else 1
    ends = _years_after(starts, years)
    # renewed on the same day as long as it was billed
    while ends <= row["seen"].date() - timedelta(days=32 if kind is Kind.REGIONAL_RESERVATION else 1):
        ends = _years_after(starts, ends.year - starts.year + years)
    payment = next((text for key, text in (("NoUpfront", "No Upfront"), ("PartialUpfront", "Partial Upfront"),
                                           ("AllUpfront", "All Upfront")) if key in meter), None)  # fmt: skip
    if kind.is_in_units:
        units = float(row["units"] or 0)
        if units <= 0:
            return None
        amount, fee = units / hours, row["cost"] / units
        reserved = meter.partition(":")[2]
        if kind is Kind.REGIONAL_RESERVATION and not reserved.startswith(("db.", "cache.")):
            factor = _factor(reserved)
            amount, fee = amount * factor, fee / factor
    else:
        amount, fee = row["cost"] / hours, 1.0
    return Holding(
        row["id"], provider, kind, scope, amount, fee, row["currency"], row["account"] or "", starts, ends, years,
        payment, row["payer"] or "",
    )  # fmt: skip


def _kind_and_scope(provider: Provider, meter: str, category: str | None, region: str) -> tuple[Kind, str] | None:
    if provider == "aws":
        for start, kind in _PLANS:
            if meter.startswith(start):
                family = meter.split(":")[1] if kind is Kind.INSTANCE_PLAN else ""
                return kind, f"{family}/{region}" if family else ""
        if "HeavyUsage:" in meter:
            return Kind.REGIONAL_RESERVATION, reservation_scope(meter.partition(":")[2], region)
        return None
    if provider == "gcp":
        if category == "Spend":
            return Kind.FLEXIBLE_COMMITMENT, ""
        if unit := _GOOGLE_UNIT.match(meter):
            part = "ram" if unit[2].lower() == "ram" else "core"
            return Kind.RESOURCE_COMMITMENT, f"{unit[1].lower()}.{part}/{region}"
    return None


def reservation_scope(type_: str, region: str) -> str:
    """What a reservation reaches: the family of EC2 types (sizes are exchanged), the type of databases and caches."""
    return f"{type_ if type_.startswith(('db.', 'cache.')) else type_.split('.', maxsplit=1)[0]}/{region}"


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
    for row in rows:
        provider = PROVIDERS.get(row["provider"])
        what = provider and _kind_and_scope(provider, meters.get(row["id"]) or "", "Spend", row["region"] or "")
        if what:
            key = what[0], row["region"] or "", sku_of(row)
            sums[key][0] += row["effective"]
            sums[key][1] += row["list"]
    learnt = {key: effective / listed for key, (effective, listed) in sums.items()}
    priors = dict(PRIORS)
    for kind in {kind for kind, _, _ in learnt}:
        priors[kind] = median(share for (other, _, _), share in learnt.items() if other is kind)
    return Rates(learnt, priors)


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
            if line.sku.endswith("/linux") and (factor := _factor(line.sku.split("/")[0])):
                units[Kind.REGIONAL_RESERVATION, reservation_scope(line.sku.split("/")[0], region)] = factor
        elif line.sku.startswith(("db.", "cache.")):
            units[Kind.REGIONAL_RESERVATION, reservation_scope(line.sku.split("/")[0], region)] = 1.0
        elif line.sku.endswith((".core", ".ram")):
            units[Kind.RESOURCE_COMMITMENT, f"{line.sku}/{region}"] = 1.0
            if family in _FLEXIBLE_SERIES:
                kinds = [(Kind.FLEXIBLE_COMMITMENT, "")]
        for kind, scope in kinds:
            if (share := rates.share(kind, region, line.sku)) is not None and share[0] < 1:
                plans[kind, scope] = price * share[0]
    # commitments reach what one payer is billed for
    payer = workload.payer
    return Pool(
        name, price, workload.account, {(kind, f"{payer}:{scope}"): rate for (kind, scope), rate in plans.items()},
        {(kind, f"{payer}:{scope}"): number for (kind, scope), number in units.items()}, line.sustained_ratio,
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
