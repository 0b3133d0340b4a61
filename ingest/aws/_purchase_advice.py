"""What Cost Explorer advises to buy, as rows of advice: one set of questions, told with their answers.

Every answer costs a request ("ce" in `api_prices.csv`), so that only what differs is asked: without upfront, for one
and three years, over 60 days, for the whole payer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingest.aws._optimizer import Row, as_json

LOOKBACK_DAYS: Final = 60
_ASKED: Final = {"LookbackPeriodInDays": "SIXTY_DAYS", "PaymentOption": "NO_UPFRONT", "AccountScope": "PAYER"}
_YEARS: Final = {"ONE_YEAR": 1, "THREE_YEARS": 3}
_PLANS: Final = {
    "COMPUTE_SP": "Compute Savings Plan", "EC2_INSTANCE_SP": "EC2 Instance Savings Plan",
    "DATABASE_SP": "Database Savings Plan",
}  # fmt: skip
_RESERVED: Final = (
    "Amazon Elastic Compute Cloud - Compute", "Amazon ElastiCache", "Amazon MemoryDB Service",
    "Amazon OpenSearch Service", "Amazon Relational Database Service",
)  # fmt: skip


def plan_questions() -> Iterator[dict[str, str]]:
    """Parameters of each GetSavingsPlansPurchaseRecommendation. Database plans have no term of three years."""
    for kind in _PLANS:
        for term in _YEARS:
            if (kind, term) != ("DATABASE_SP", "THREE_YEARS"):
                yield _ASKED | {"SavingsPlansType": kind, "TermInYears": term}


def reservation_questions() -> Iterator[dict[str, str]]:
    """Parameters of each GetReservationPurchaseRecommendation."""
    for service in _RESERVED:
        for term in _YEARS:
            yield _ASKED | {"Service": service, "TermInYears": term}


def plan_rows(asked: Mapping[str, str], answer: Mapping[str, Any], payer: str) -> Iterator[Row]:
    """Rows of one page of an answer."""
    found = answer.get("SavingsPlansPurchaseRecommendation", {})
    for one in found.get("SavingsPlansPurchaseRecommendationDetails", ()):
        scope, kind = one.get("SavingsPlansDetails", {}), _PLANS[asked["SavingsPlansType"]]
        region, family = scope.get("Region", ""), scope.get("InstanceFamily", "")
        hourly, currency, years = one["HourlyCommitmentToPurchase"], one["CurrencyCode"], _YEARS[asked["TermInYears"]]
        details = {
            "plan_type": asked["SavingsPlansType"], "hourly_commitment": hourly, "term_years": years, "family": family,
            "payment": "No Upfront", "upfront_cost": one.get("UpfrontCost"), "region": region,
            "utilization_pct": one.get("EstimatedAverageUtilization"),
            "savings_pct": one.get("EstimatedSavingsPercentage"),
        }  # fmt: skip
        name = " ".join(part for part in (asked["SavingsPlansType"], f"{years}y", family, region) if part)
        what = " ".join(part for part in (kind, family, region) if part)
        yield (
            name, "AWS", "cost-explorer", one.get("AccountId") or payer, region, "", "buy_savings_plan", "",
            f"{what}, {years} years, {hourly} {currency} an hour", one["EstimatedMonthlySavingsAmount"], currency,
            LOOKBACK_DAYS, "", as_json(details),
        )  # fmt: skip


def reservation_rows(asked: Mapping[str, str], answer: Mapping[str, Any], payer: str) -> Iterator[Row]:
    """Rows of one page of an answer."""
    for found in answer.get("Recommendations", ()):
        for one in found.get("RecommendationDetails", ()):
            what: Mapping[str, Any] = next(iter(one.get("InstanceDetails", {}).values()), {})
            type_ = what.get("InstanceType") or what.get("NodeType") or _search_type(what)
            engine = what.get("DatabaseEngine") or what.get("Platform") or what.get("ProductDescription") or ""
            count, years = one["RecommendedNumberOfInstancesToPurchase"], _YEARS[asked["TermInYears"]]
            region, extra = what.get("Region", ""), what.get("DeploymentOption") or what.get("Tenancy") or ""
            details = {
                "service": asked["Service"], "type": type_, "count": count, "term_years": years, "engine": engine,
                "payment": "No Upfront", "upfront_cost": one.get("UpfrontCost"), "region": region, "deployment": extra,
                "recurring_monthly_cost": one.get("RecurringStandardMonthlyCost"),
                "utilization_pct": one.get("AverageUtilization"),
                "break_even_months": one.get("EstimatedBreakEvenInMonths"),
            }  # fmt: skip
            name = " ".join(part for part in (type_, engine, extra, f"{years}y", region) if part)
            what_to_buy = ", ".join(part for part in (f"{count} x {type_}", engine, f"{years} years") if part)
            yield (
                name, "AWS", "cost-explorer",
                one.get("AccountId") or payer, region, "", "buy_reserved_instance", "",
                what_to_buy, one["EstimatedMonthlySavingsAmount"],
                one["CurrencyCode"], LOOKBACK_DAYS, "", as_json(details),
            )  # fmt: skip


def _search_type(what: Mapping[str, Any]) -> str:
    """OpenSearch tells class and size apart."""
    return f"{what.get('InstanceClass', '')}.{what.get('InstanceSize', '')}.search" if what else ""
