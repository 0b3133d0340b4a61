"""The FOCUS 1.2 export of Data Exports from the same bill: Parquet, one row per charge, four costs in each.

Columns and types (doubles, millisecond instants, maps) as in AWS's table dictionary of "FOCUS 1.2 with AWS columns".
What covers usage is billed once, as a purchase without effective cost: covered usage is billed 0 and effectively costs
its share, what nobody used is a row of its own, and the negation rows of the legacy report have no counterpart.
Tag keys are taken to be those of CUR 2.0; no published export was found to check it on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from demo.aws_cur2 import TEXT_MAP, by_line, discounts, instants, numbers, tag_map
from demo.aws_line import Bill, Line
from demo.aws_products import PRODUCTS, REGIONS, product_of
from demo.aws_table import SPLIT, Table, doubles, month_bounds, on_demand_cost

#: LineItemType -> ChargeCategory and ChargeFrequency.
_KINDS = {
    "Usage": ("Usage", "Usage-Based"),
    "DiscountedUsage": ("Usage", "Usage-Based"),
    "SavingsPlanCoveredUsage": ("Usage", "Usage-Based"),
    "SavingsPlanUpfrontFee": ("Purchase", "One-Time"),
    "SavingsPlanRecurringFee": ("Purchase", "Recurring"),
    "RIFee": ("Purchase", "Recurring"),
    "Fee": ("Purchase", "One-Time"),
    "Tax": ("Tax", "One-Time"),
    "Credit": ("Credit", "One-Time"),
    "EdpDiscount": ("Credit", "One-Time"),
    "PrivateRateDiscount": ("Credit", "One-Time"),
    "BundledDiscount": ("Credit", "One-Time"),
    "Refund": ("Adjustment", "One-Time"),
}
_COVERED = ("SavingsPlanCoveredUsage", "DiscountedUsage")
_PLAN, _RESERVATION = "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"
_TYPES = {"i": "instance", "vol": "volume", "nat": "natgateway", "snap": "snapshot"}


@dataclass(frozen=True)
class Charge:
    """Rows of one line as FOCUS sees them: texts by column, costs and the commitment's quantity row by row."""

    line: Line
    texts: dict[str, str]
    billed: np.ndarray
    effective: np.ndarray
    listed: np.ndarray
    contracted: np.ndarray
    committed: np.ndarray | None = None


def focus_table(bill: Bill) -> pa.Table:
    """All rows of a bill; their BilledCost is the bill's total. Raises ValueError if negations do not cancel usage."""
    found = list(charges(bill))
    table = Table(replace(bill, lines=tuple(charge.line for charge in found)))
    if table.rows != sum(len(charge.billed) for charge in found):
        raise ValueError("a charge and its line have different lengths")
    billed, effective, listed, contracted = (
        np.concatenate([getattr(charge, name) for charge in found])
        for name in ("billed", "effective", "listed", "contracted")
    )
    kinds = [charge.texts["ChargeCategory"] for charge in found]
    has_price = np.array([kind in ("Usage", "Purchase") for kind in kinds])[table.of_line]
    is_used = np.array([c.texts["ChargeCategory"] == "Usage" and c.line.kind != "Unused" for c in found])[table.of_line]
    has_quantity = np.array([charge.committed is not None for charge in found])[table.of_line]
    quantity = np.concatenate([np.zeros_like(c.billed) if c.committed is None else c.committed for c in found])
    start, end = month_bounds(bill.month)
    amount = doubles(table.amount, 6)
    list_price = _prices(table, [charge.line for charge in found])
    columns: dict[str, pa.Array] = {
        "BilledCost": numbers(billed, None),
        "EffectiveCost": numbers(effective, None),
        "ListCost": numbers(listed, None),
        "ContractedCost": numbers(contracted, None),
        "PricingCurrencyEffectiveCost": numbers(effective, None),
        "CommitmentDiscountQuantity": numbers(quantity, has_quantity),
        "ConsumedQuantity": pa.array(amount, mask=~is_used),
        "PricingQuantity": pa.array(amount, mask=~has_price),
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": list_price,
        "PricingCurrencyListUnitPrice": list_price,
        "PricingCurrencyContractedUnitPrice": list_price,
        "BillingPeriodStart": instants(np.full(table.rows, start)),
        "BillingPeriodEnd": instants(np.full(table.rows, end)),
        "ChargePeriodStart": instants(table.start),
        "ChargePeriodEnd": instants(table.end),
        "SkuPriceDetails": by_line(table, [_details(charge) for charge in found], TEXT_MAP),
        "Tags": by_line(table, [tag_map(charge.line.tags) for charge in found], TEXT_MAP),
        "x_Discounts": discounts(table),
    }
    texts = [_texts(table, index) | charge.texts for index, charge in enumerate(found)]
    for name in _TEXTS.split():
        columns[name] = by_line(table, [text.get(name) or None for text in texts], pa.string())
    return pa.table(dict(sorted(columns.items())))


def charges(bill: Bill) -> Iterator[Charge]:
    """The bill's lines as FOCUS has them, and a line for each commitment that was not used up."""
    cancelled = 0
    for line in bill.lines:
        if not len(line.cost):
            continue
        if line.operation in SPLIT:
            if line.cost.any():
                raise ValueError("a split line has a cost")
            continue
        if line.kind in ("SavingsPlanCoveredUsage", "SavingsPlanNegation"):
            cancelled += int(line.cost.sum())
        if line.kind != "SavingsPlanNegation":
            yield _charge(line)
        if (unused := _unused(bill, line)) is not None:
            yield unused
    if cancelled:
        raise ValueError(f"the negations of {bill.payer} {bill.month} leave {cancelled} of the covered usage")


def _charge(line: Line) -> Charge:
    category, frequency = _KINDS.get(line.kind, ("Adjustment", "One-Time"))
    zero = np.zeros_like(line.cost)
    texts = {"ChargeCategory": category, "ChargeFrequency": frequency, **_commitment(line)}
    listed = on_demand_cost(line) if category == "Usage" else None
    contracted = line.cost if line.kind != "DiscountedUsage" or listed is None else listed
    if line.kind == "Refund":
        texts["ChargeClass"] = "Correction"
    if category == "Usage":
        texts["PricingCategory"] = "Dynamic" if line.term == "Spot" else "Standard"
    elif category == "Purchase":
        texts["PricingCategory"] = "Standard"
    billed, effective, quantity = line.cost, line.cost, None
    if line.kind in _COVERED:
        texts |= {"PricingCategory": "Committed", "CommitmentDiscountStatus": "Used"}
        is_plan = line.kind == "SavingsPlanCoveredUsage"
        effective = line.money["savings_plan_savings_plan_effective_cost" if is_plan else "reservation_effective_cost"]
        billed, quantity = zero, effective if is_plan else line.amount * 10_000
    elif category == "Purchase" and texts.get("CommitmentDiscountId"):
        effective = zero
        quantity = line.cost if _PLAN in line.texts else line.amount * 10_000
    listed = zero if line.kind.endswith("Discount") else (line.cost if listed is None else listed)
    return Charge(line, texts, billed, effective, listed, contracted, quantity)


def _unused(bill: Bill, line: Line) -> Charge | None:
    """What was paid for and not used. In an open month the legacy figure counts the hours to come: not here."""
    money = line.money
    if line.kind == "SavingsPlanRecurringFee":
        whole = money["savings_plan_total_commitment_to_date"]
        unused = whole - money["savings_plan_used_commitment"]
    elif line.kind == "RIFee":
        nothing = np.zeros_like(line.cost)
        whole = line.cost + money.get("reservation_amortized_upfront_fee_for_billing_period", nothing)
        unused = money.get("reservation_unused_amortized_upfront_fee_for_billing_period", nothing)
        unused = unused + money.get("reservation_unused_recurring_fee", nothing)
    else:
        return None
    hours = np.broadcast_to(line.hours, line.cost.shape).astype(np.int64)
    known = np.datetime64(bill.through + timedelta(days=1), "h")
    to_come = np.clip((line.start + hours.astype("timedelta64[h]") - known).astype(np.int64), 0, hours)
    unused = np.maximum(unused - (whole.astype(object) * to_come // hours).astype(np.int64), 0)
    rows = (unused > 0) & (to_come < hours)
    if not rows.any():
        return None
    arn = _commitment(line)["CommitmentDiscountId"]
    left = replace(
        line, kind="Unused", start=line.start[rows], hours=(hours - to_come)[rows], amount=np.zeros_like(unused[rows]),
        cost=np.zeros_like(unused[rows]), money={}, resource=line.resource or arn, list_rate=None,
        description="Unused commitment",
    )  # fmt: skip
    texts = {
        "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based", "PricingCategory": "Committed",
        **_commitment(line), "CommitmentDiscountStatus": "Unused",
    }  # fmt: skip
    quantity = unused[rows] if line.kind == "SavingsPlanRecurringFee" else None
    return Charge(left, texts, left.cost, unused[rows], left.cost, left.cost, quantity)


def _commitment(line: Line) -> dict[str, str]:
    if arn := line.texts.get(_PLAN):
        kind = line.texts.get("savings_plan_offering_type", "ComputeSavingsPlans")
        category, unit, kind = "Spend", "USD", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind)
    elif arn := line.texts.get(_RESERVATION):
        category, unit, kind = "Usage", "Hours", "Reserved Instances"
    else:
        return {}
    return {
        "CommitmentDiscountId": arn,
        "CommitmentDiscountCategory": category,
        "CommitmentDiscountType": kind,
        "CommitmentDiscountUnit": unit,
    }


_TEXTS = """
    AvailabilityZone BillingAccountId BillingAccountName BillingAccountType BillingCurrency CapacityReservationId
    CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription ChargeFrequency CommitmentDiscountCategory
    CommitmentDiscountId CommitmentDiscountName CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit
    ConsumedUnit InvoiceId InvoiceIssuerName PricingCategory PricingCurrency PricingUnit ProviderName PublisherName
    RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId
    SkuMeter SkuPriceId SubAccountId SubAccountName SubAccountType x_Operation x_ServiceCode
"""


def _texts(table: Table, index: int) -> dict[str, str]:
    """What a row says besides its kind, from the columns of CUR 2.0."""
    line = table.lines[index]

    def of(name: str) -> str:
        return table.texts[name][index] if name in table.texts else ""

    product = product_of(line.product, of("product_product_name"))
    is_ours = of("bill_billing_entity") != "AWS Marketplace"
    has_unit = bool(line.unit) and _KINDS.get(line.kind, ("",))[0] in ("Usage", "Purchase")
    return {
        "AvailabilityZone": of("line_item_availability_zone"),
        "BillingAccountId": of("bill_payer_account_id"),
        "BillingAccountName": of("bill_payer_account_name"),
        "BillingAccountType": "Management Account",
        "BillingCurrency": "USD",
        "ChargeDescription": line.description,
        "ConsumedUnit": line.unit if has_unit and _KINDS[line.kind][0] == "Usage" else "",
        "InvoiceId": of("bill_invoice_id"),
        "InvoiceIssuerName": of("bill_invoicing_entity"),
        "PricingCurrency": "USD",
        "PricingUnit": line.unit if has_unit else "",
        "ProviderName": "AWS",
        "PublisherName": of("bill_invoicing_entity") if is_ours or line.product in PRODUCTS else product.name,
        "RegionId": line.region,
        "RegionName": REGIONS.get(line.region, line.region),
        "ResourceId": line.resource,
        "ResourceType": _resource_type(line.resource),
        "ServiceCategory": product.category,
        "ServiceName": product.name,
        "ServiceSubcategory": product.subcategory,
        "SkuId": of("product_sku"),
        "SkuMeter": line.usage_type,
        "SkuPriceId": of("pricing_rate_code"),
        "SubAccountId": line.account,
        "SubAccountName": of("line_item_usage_account_name"),
        "SubAccountType": "Management Account" if line.account == table.bill.payer else "Member Account",
        "x_Operation": line.operation,
        "x_ServiceCode": line.product,
    }


def _resource_type(resource: str) -> str:
    """What a resource is, by its ARN or the letters its id begins with."""
    if not resource:
        return ""
    if resource.startswith("arn:"):
        return resource.split(":", 5)[-1].replace(":", "/").split("/")[0]
    return _TYPES.get(resource.partition("-")[0], "other")


def _details(charge: Charge) -> list[tuple[str, str]]:
    instance = charge.line.texts.get("product_instance_type", "")
    return [("InstanceType", instance)] if instance else []


def _prices(table: Table, lines: list[Line]) -> pa.Array:
    """The public price; AWS's own discounts are separate rows, so that it is also the contracted one."""
    return by_line(table, [None if line.list_rate is None else float(line.list_rate) for line in lines], pa.float64())
