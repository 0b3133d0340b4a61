"""Answers of Compute Optimizer and Cost Optimization Hub as rows of advice. Not for how they are asked: `advice`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

Row = tuple[Any, ...]
COLUMNS: Final = (
    "advice_id", "provider", "adviser", "account_id", "region", "resource_id", "action", "current", "proposed",
    "monthly_saving", "currency", "lookback_days", "finding", "details",
)  # fmt: skip
#: Its own words for what is to be done.
_HUB_ACTIONS: Final = {
    "Rightsize": "rightsize", "Stop": "stop", "Upgrade": "upgrade", "Delete": "delete", "ScaleIn": "scale_in",
    "PurchaseSavingsPlans": "buy_savings_plan", "PurchaseReservedInstances": "buy_reserved_instance",
    "MigrateToGraviton": "migrate_arm",
}  # fmt: skip
#: An ARN -> the id that the bill has for it.
_BILLED: Final = (
    (re.compile(r"arn:[\w-]+:ec2:[^:]*:\d*:(?:instance|volume)/(.+)"), "{}"),
    (re.compile(r"arn:[\w-]+:autoscaling:.*:autoScalingGroupName/(.+)"), "asg/{}"),
    (re.compile(r"(arn:[\w-]+:lambda:[^:]*:\d*:function:[^:]+):.+"), "{}"),
)


def billed_id(arn: str) -> str:
    """The resource id of the bill for an ARN: i-…, vol-…, asg/<name>, a function without its version; else itself."""
    for pattern, form in _BILLED:
        if found := pattern.fullmatch(arn):
            return form.format(found[1])
    return arn


@dataclass(frozen=True)
class Topic:
    """A request to Compute Optimizer, the list that it answers with, and the rows of one item."""

    operation: str
    key: str
    rows: Callable[[Mapping[str, Any]], Iterator[Row]]


def _row(
    one: Mapping[str, Any], noun: str, arn: str, action: str, change: tuple[str, str], option: Mapping[str, Any],
    finding: str, reasons: list[str] | None = None,
) -> Row:  # fmt: skip
    """`option` is the one it ranks first: its saving, after discounts where it knows them."""
    after, before = option.get("savingsOpportunityAfterDiscounts"), option.get("savingsOpportunity")
    saving = (after or before or {}).get("estimatedMonthlySavings", {})
    days = one.get("lookBackPeriodInDays", one.get("lookbackPeriodInDays"))
    details = {
        "after_discounts": bool(after), "effort": option.get("migrationEffort"), "reasons": reasons,
        "performance_risk": option.get("performanceRisk"), "platform_differences": option.get("platformDifferences"),
        "measured": {f"{m['name']} {m['statistic']}": m["value"] for m in one.get("utilizationMetrics", ())},
    }  # fmt: skip
    return (
        f"{noun} {arn}", "AWS", "compute-optimizer", one["accountId"], arn.split(":")[3], billed_id(arn), action,
        *change, exact(saving.get("value")), saving.get("currency"), None if days is None else round(days), finding,
        as_json(details),
    )  # fmt: skip


def as_json(details: Mapping[str, Any]) -> str:
    """What is known of it, in an order that is always the same."""
    return json.dumps({key: value for key, value in details.items() if value not in (None, "", [], {})}, sort_keys=True)


def exact(amount: float | None) -> str | None:
    """Amounts come as binary numbers; the shortest decimal of one, without an exponent, is what was meant."""
    return None if amount is None else f"{Decimal(str(amount)):f}"


def _best(options: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return min(options, key=lambda one: one.get("rank", 99), default={})


def _instance(one: Mapping[str, Any]) -> Iterator[Row]:
    option = _best(one.get("recommendationOptions", []))
    now, then = one["currentInstanceType"], option.get("instanceType", "")
    finding, reasons = one["finding"], one.get("findingReasonCodes")
    if one.get("idle") == "True":
        yield _row(one, "ec2", one["instanceArn"], "stop", (now, ""), option, "Idle", reasons)
    elif finding.upper() != "OPTIMIZED" and then not in ("", now):
        action = "migrate_arm" if "Architecture" in option.get("platformDifferences", ()) else "rightsize"
        yield _row(one, "ec2", one["instanceArn"], action, (now, then), option, finding, reasons)


def _group(one: Mapping[str, Any]) -> Iterator[Row]:
    option = _best(one.get("recommendationOptions", []))
    now, then = (_capacity(of) for of in (one["currentConfiguration"], option.get("configuration", {})))
    if one["finding"].upper() != "OPTIMIZED" and then not in ("", now):
        yield _row(one, "asg", one["autoScalingGroupArn"], "rightsize", (now, then), option, one["finding"])


def _capacity(of: Mapping[str, Any]) -> str:
    types = of.get("instanceType") or ", ".join(of.get("mixedInstanceTypes", ()))
    sizes = [of.get(name) for name in ("minSize", "maxSize")]
    return types + (f", {sizes[0]} to {sizes[1]} instances" if types and None not in sizes else "")


def _volume(one: Mapping[str, Any]) -> Iterator[Row]:
    option = _best(one.get("volumeRecommendationOptions", []))
    now, then = one["currentConfiguration"], option.get("configuration", {})
    if one["finding"].upper() != "OPTIMIZED" and then and _disk(then) != _disk(now):
        action = "rightsize" if now["volumeType"] == then["volumeType"] else "upgrade"
        yield _row(one, "ebs", one["volumeArn"], action, (_disk(now), _disk(then)), option, one["finding"])


def _disk(of: Mapping[str, Any]) -> str:
    parts = (("volumeSize", "GiB"), ("volumeBaselineIOPS", "IOPS"), ("volumeBaselineThroughput", "MiB/s"))
    return " ".join([of["volumeType"], *(f"{of[name]} {unit}" for name, unit in parts if of.get(name))])


def _function(one: Mapping[str, Any]) -> Iterator[Row]:
    option = _best(one.get("memorySizeRecommendationOptions", []))
    if one["finding"].upper() == "NOTOPTIMIZED" and option:
        change = f"{one['currentMemorySize']} MB", f"{option['memorySize']} MB"
        arn, reasons = one["functionArn"], one.get("findingReasonCodes")
        yield _row(one, "lambda", arn, "rightsize", change, option, one["finding"], reasons)


def _database(one: Mapping[str, Any]) -> Iterator[Row]:
    option = _best(one.get("instanceRecommendationOptions", []))
    now, then = one.get("currentDBInstanceClass", ""), option.get("dbInstanceClass", "")
    finding, reasons = one.get("instanceFinding", "Optimized"), one.get("instanceFindingReasonCodes")
    if one.get("idle") == "True":
        yield _row(one, "rds", one["resourceArn"], "stop", (now, ""), option, "Idle", reasons)
    elif finding.upper() != "OPTIMIZED" and then not in ("", now):
        yield _row(one, "rds", one["resourceArn"], "rightsize", (now, then), option, finding, reasons)
    option = _best(one.get("storageRecommendationOptions", []))
    finding, reasons = one.get("storageFinding", "Optimized"), one.get("storageFindingReasonCodes")
    if finding.upper() != "OPTIMIZED" and option:
        change = _storage(one.get("currentStorageConfiguration", {})), _storage(option["storageConfiguration"])
        yield _row(one, "rds-storage", one["resourceArn"], "rightsize", change, option, finding, reasons)


def _storage(of: Mapping[str, Any]) -> str:
    parts = (("allocatedStorage", "GiB"), ("iops", "IOPS"), ("storageThroughput", "MiB/s"))
    return " ".join(
        [of.get("storageType", ""), *(f"{of[name]} {unit}" for name, unit in parts if of.get(name))]
    ).strip()


TOPICS: Final = {
    "ec2": Topic("GetEC2InstanceRecommendations", "instanceRecommendations", _instance),
    "asg": Topic("GetAutoScalingGroupRecommendations", "autoScalingGroupRecommendations", _group),
    "ebs": Topic("GetEBSVolumeRecommendations", "volumeRecommendations", _volume),
    "lambda": Topic("GetLambdaFunctionRecommendations", "lambdaFunctionRecommendations", _function),
    "rds": Topic("GetRDSDatabaseRecommendations", "rdsDBRecommendations", _database),
}


def hub_row(one: Mapping[str, Any]) -> Row:
    """An item of Cost Optimization Hub, which knows discounts and counts nothing twice."""
    details = {
        "effort": one.get("implementationEffort"), "restart_needed": one.get("restartNeeded"),
        "source": one.get("source"), "rollback_possible": one.get("rollbackPossible"),
        "savings_pct": one.get("estimatedSavingsPercentage"), "monthly_cost": one.get("estimatedMonthlyCost"),
        "resource_type": one.get("recommendedResourceType"),
    }  # fmt: skip
    arn = one.get("resourceArn") or one.get("resourceId") or ""
    return (
        one["recommendationId"], "AWS", "cost-optimization-hub", one.get("accountId"), one.get("region"),
        billed_id(arn), _HUB_ACTIONS.get(one.get("actionType", ""), "other"), one.get("currentResourceSummary"),
        one.get("recommendedResourceSummary"), exact(one.get("estimatedMonthlySavings")), one.get("currencyCode"),
        one.get("recommendationLookbackPeriodInDays"), one.get("actionType"), as_json(details),
    )  # fmt: skip
