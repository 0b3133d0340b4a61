"""A provider's advice to commit as a purchase of ours, so that one simulator prices both; or why that cannot be.

What is read of the details, by these names or as the providers' own APIs write them: plan_type, hourly_commitment,
term_years, payment, family, type, engine, count, upfront_cost, recurring_monthly_cost; of Google series, vcpus,
memory_gib. What is not there is looked for in the text of what is proposed.
"""

from __future__ import annotations

import re
from statistics import median
from typing import Final, Literal

from recommender.bill import Kind
from recommender.fleet import Fleet
from recommender.holdings import reserved_units
from recommender.offers import Offers
from recommender.provider_advice import Advice, inr_of
from recommender.purchases import Part, Purchase
from recommender.terms import Way
from recommender.their_levers import type_of
from recommender.usage import Usage

_HOURLY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:USD|INR)?\s*(?:/|an?|per)\s*h", re.IGNORECASE)
_FAMILY: Final = re.compile(r"\b([a-z]+\d[a-z]*(?:-\w+)?)\b")
_SERIES: Final = re.compile(r"\b([a-z]\d[a-z]?)\b", re.IGNORECASE)
_COUNT: Final = re.compile(r"\b(\d+)\s*(?:x|×)\s")
_PLANS: Final = (
    ("ec2instance", Kind.INSTANCE_PLAN), ("instancesaving", Kind.INSTANCE_PLAN), ("database", Kind.DATABASE_PLAN),
    ("sagemaker", Kind.SAGEMAKER_PLAN), ("machinelearning", Kind.SAGEMAKER_PLAN), ("compute", Kind.COMPUTE_PLAN),
)  # fmt: skip
_PLAN_KEYS: Final = (
    "plantype", "savingsplanstype", "type", "resourcetype", "ec2instancesavingsplans", "computesavingsplans",
    "sagemakersavingsplans", "databasesavingsplans",
)  # fmt: skip
_MONTH_HOURS: Final = 730
UNKNOWN_TERM: Final = "the rates of its term are not known here: billed at those of"


class TheirPurchases:
    """Turns advice into purchases, at the prices that are known for what is used now."""

    def __init__(self, usage: Usage, offers: Offers, cost_of_capital: float) -> None:
        self._usage, self._offers, self._cost_of_capital = usage, offers, cost_of_capital
        self._pools, _ = usage.pools
        self._fleet: Fleet = usage.fleet
        self._inr = inr_of(usage.fleet)

    def of(self, advice: Advice) -> Purchase | str:
        """What it would buy, today; or why its worth cannot be told."""
        payer = self._payer(advice)
        if payer is None:
            return f"the bill has no account {advice.account or 'for it'}, so nobody knows whose usage it would cover"
        if advice.action == "buy_savings_plan":
            return self._plan(advice, payer)
        if advice.action == "buy_reserved_instance":
            return self._reservation(advice, payer)
        if advice.action == "buy_committed_use":
            return self._committed_use(advice, payer)
        return f"{advice.action.replace('_', ' ')} is no commitment that is known here"

    def _payer(self, advice: Advice) -> str | None:
        mine = [workload for workload in self._fleet.workloads if workload.provider == advice.provider]
        payers = {workload.payer for workload in mine}
        if advice.account in payers:
            return advice.account
        of_account = {workload.payer for workload in mine if workload.account == advice.account}
        found = of_account or payers
        return found.pop() if len(found) == 1 else None

    def _plan(self, advice: Advice, payer: str) -> Purchase | str:
        kind = _plan_kind(advice)
        if kind is None:
            return "it does not tell the kind of the plan"
        if kind is Kind.SAGEMAKER_PLAN:
            return "what a SageMaker plan reaches is not simulated here"
        scope = ""
        if kind is Kind.INSTANCE_PLAN:
            family = advice.detail("family", "instancefamily") or _first(_FAMILY, advice.proposed)
            region = advice.detail("region", "savingsplansregion") or advice.region
            if not family or not region:
                return "it does not tell family and region of the plan"
            scope = f"{family.lower()}/{region}"
        return self._money(advice, payer, kind, scope)

    def _money(self, advice: Advice, payer: str, kind: Kind, scope: str) -> Purchase | str:
        hourly = advice.number("hourlycommitment", "hourlycommitmenttopurchase", "amount")
        if hourly is None:
            text = _first(_HOURLY, advice.proposed)
            hourly = float(text) if text else None
        if not hourly or hourly <= 0 or hourly > 1e6:
            return "it does not tell how much an hour is committed"
        inr = self._inr.get(advice.currency)
        if inr is None:
            return f"no rate turns {advice.currency or 'a currency without a name'} into INR"
        own = [pool for pool in self._pools if (kind, f"{payer}:{scope}") in pool.rates]
        if not own:
            return f"nothing that runs today is reached by it{f' ({scope})' if scope else ''}"
        rate = median(pool.rates[kind, f"{payer}:{scope}"] / pool.on_demand for pool in own)
        years, upfront = _term(advice)
        known, _ = self._usage.book.rates.terms.get(kind, (1, ""))
        source = f"{UNKNOWN_TERM} {known} year{'s' if known > 1 else ''}" if years != known else "as billed, or a prior"
        way, ratio = Way(years, upfront, rate, source), 1.0
        if kind is Kind.INSTANCE_PLAN:
            ways = self._offers.own("aws", kind, scope, rate, self._cost_of_capital)
            for one in ways:
                if (one.years, one.upfront) == (way.years, way.upfront):
                    way, ratio = one, one.share / rate
        return Purchase(
            kind, _seller(advice), payer, scope, (Part(scope, hourly, inr),), self._usage.horizon.starts_on, way,
            rate_ratio=ratio,
        )  # fmt: skip

    def _reservation(self, advice: Advice, payer: str) -> Purchase | str:
        type_ = advice.detail("type", "instancetype", "nodetype") or type_of(advice)
        region = advice.detail("region", "reservedinstancesregion") or advice.region
        engine = advice.detail("engine", "databaseengine", "platform", "productdescription").lower()
        count = advice.number("count", "numberofinstancestopurchase", "recommendednumberofinstancestopurchase")
        if count is None:
            text = _first(_COUNT, advice.proposed)
            count = float(text) if text else None
        if not type_ or not count or count <= 0 or count > 1e6:
            return "it does not tell the type and number of what is reserved"
        skus = {
            line.sku for workload in self._fleet.workloads if workload.payer == payer for line in workload.lines
            if line.sku.split("/")[0] == type_ and region in (line.region or workload.region, "") and not line.is_spot
        }  # fmt: skip
        if not skus:
            return f"no {type_} runs in {region or 'the bill'} today"
        words = set(re.findall(r"[a-z]+", engine))
        sku = min(skus, key=lambda one: (not words & set(re.findall(r"[a-z]+", one.partition("/")[2])), one))
        scope, factor = reserved_units(sku, region)
        key = Kind.REGIONAL_RESERVATION, f"{payer}:{scope}"
        prices = [pool.on_demand / pool.units[key] for pool in self._pools if key in pool.units]
        if not prices:
            return f"no reservation reaches a {type_} in {region} by what is known here"
        years, upfront = _term(advice)
        units, on_demand = count * factor, median(prices)
        way = Way(years, upfront, 1.0, "what the provider asks for it")
        paid = self._asked(advice, years)
        if paid is None:
            ways = self._offers.own("aws", Kind.REGIONAL_RESERVATION, scope, 1.0, self._cost_of_capital)
            known = next((one for one in ways if (one.years, one.upfront) == (years, upfront)), None)
            if known is None:
                return f"no price of a reservation of {type_} for {way.name} is known here"
            way, fee = known, on_demand * known.share
        else:
            fee = paid / units
        part = Part(scope, units, fee)
        return Purchase(
            Kind.REGIONAL_RESERVATION, "aws", payer, scope, (part,), self._usage.horizon.starts_on, way, machine=type_,
            count=round(count),
        )  # fmt: skip

    def _asked(self, advice: Advice, years: int) -> float | None:
        """What the provider asks for all of it, INR an hour, upfront spread over the term."""
        monthly = advice.number("recurringmonthlycost", "recurringstandardmonthlycost", "monthlyrecurringcost")
        upfront = advice.number("upfrontcost", "upfront")
        inr = self._inr.get(advice.currency)
        if inr is None or (monthly is None and upfront is None):
            return None
        paid = (monthly or 0.0) / _MONTH_HOURS + (upfront or 0.0) / (12 * years * _MONTH_HOURS)
        return paid * inr if paid > 0 else None

    def _committed_use(self, advice: Advice, payer: str) -> Purchase | str:
        vcpus, gib = advice.number("vcpus", "vcpu"), advice.number("memorygib", "gib")
        if vcpus is None or gib is None:
            return self._money(advice, payer, Kind.FLEXIBLE_COMMITMENT, "")
        series = (advice.detail("series", "family") or _first(_SERIES, advice.proposed)).lower()
        region = advice.detail("region") or advice.region
        years, _ = _term(advice)
        parts = []
        for name, amount in ((f"{series}.core/{region}", vcpus), (f"{series}.ram/{region}", gib)):
            key = Kind.RESOURCE_COMMITMENT, f"{payer}:{name}"
            prices = [pool.on_demand for pool in self._pools if key in pool.units]
            ways = self._offers.own("gcp", Kind.RESOURCE_COMMITMENT, name, 1.0, self._cost_of_capital)
            way = next((one for one in ways if one.years == years), None)
            if not prices or way is None:
                return f"nothing of the series {series} in {region} is used today, or its price is not known"
            parts.append((Part(name, amount, median(prices) * way.share), way))
        return Purchase(
            Kind.RESOURCE_COMMITMENT, "gcp", payer, f"{series}/{region}", tuple(part for part, _ in parts),
            self._usage.horizon.starts_on, parts[0][1],
        )  # fmt: skip


def _plan_kind(advice: Advice) -> Kind | None:
    for text in (advice.proposed, *(advice.detail(key) for key in _PLAN_KEYS)):
        bare = re.sub(r"[^a-z0-9]", "", text.lower())
        for word, kind in _PLANS:
            if word in bare:
                return kind
    return None


def _seller(advice: Advice) -> Literal["aws", "gcp"]:
    return "gcp" if advice.provider == "gcp" else "aws"


def _term(advice: Advice) -> tuple[int, float]:
    """Years and the share paid at once; one year without upfront where it does not tell."""
    told = f"{advice.detail('termyears', 'terminyears', 'term', 'plan')} {advice.proposed}".lower()
    years = 3 if re.search(r"\b3\b|\b3[ -]?y|three|thirty|\b36\b", told.replace("_", " ")) else 1
    paid = f"{advice.detail('payment', 'paymentoption', 'purchaseoption')} {advice.proposed}".lower()
    paid = re.sub(r"[^a-z]", "", paid)
    return years, 0.5 if "partialupfront" in paid else 1.0 if "allupfront" in paid else 0.0


def _first(pattern: re.Pattern[str], text: str) -> str:
    return found[1] if (found := pattern.search(text)) else ""
