"""The bill of the Indian payer: a legacy report with reserved databases, a Savings Plan, discounts, credits and GST."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from maker.aws_layout import deliver, header
from maker.files import ZERO, Totals, code, hexadecimal, places
from maker.fleet import (
    ACCOUNT_ENV, DEV, GROUPS, LINES, MARKETPLACE, PAYER, PLAN, PODS, PODS_FROM, PROD, RESERVATION, SPOT,
    SPOT_LIST_RATE, TEAMS, Group, Line,
)  # fmt: skip
from maker.season import DAY, FIRST, LAST, days, hour_shares, load_on, midnight, months, next_month, noise

EXPORT = "aws-india"
AWS_INDIA = "Amazon Web Services India Private Limited"
AWS_INC = "Amazon Web Services, Inc."
GST = Decimal("0.18")

EDP_FROM = date(2026, 1, 1)
EDP_SHARE = Decimal("0.06")
_EDP_PRODUCTS = {"AmazonEC2", "AmazonCloudFront", "AmazonS3", "AmazonRDS"}
#: Migration credits of the first year; the bill rises on the day they end.
CREDIT_PER_DAY = Decimal("65")
CREDIT_LAST = date(2026, 3, 31)
REFUND_ON = date(2026, 5, 14)
REFUND = Decimal("-412.37")
HOURLY_FROM = date(2026, 8, 1)
#: July 2026 was delivered twice: on 1 August before the last day was complete, and final a week later.
EARLY_MONTH = date(2026, 7, 1)
EARLY_THROUGH = date(2026, 7, 30)

_PRODUCTS = {
    "AmazonEC2": "Amazon Elastic Compute Cloud", "AmazonS3": "Amazon Simple Storage Service",
    "AmazonCloudFront": "Amazon CloudFront", "AmazonRDS": "Amazon Relational Database Service",
    "AmazonDynamoDB": "Amazon DynamoDB", "AWSLambda": "AWS Lambda", "AWSQueueService": "Amazon Simple Queue Service",
    "AmazonElastiCache": "Amazon ElastiCache", "AmazonApiGateway": "Amazon API Gateway",
    "AmazonSNS": "Amazon Simple Notification Service", "AmazonSES": "Amazon Simple Email Service",
    "awskms": "AWS Key Management Service", "AmazonRedshift": "Amazon Redshift", "AWSGlue": "AWS Glue",
    "AmazonAthena": "Amazon Athena", "AmazonKinesis": "Amazon Kinesis", "AWSDataTransfer": "AWS Data Transfer",
    "AWSELB": "Elastic Load Balancing", "AmazonCloudWatch": "AmazonCloudWatch", "AmazonGuardDuty": "Amazon GuardDuty",
    "awswaf": "AWS WAF", "AmazonEKS": "Amazon Elastic Container Service for Kubernetes",
    "AWSElementalMediaConvert": "AWS Elemental MediaConvert", "AmazonES": "Amazon OpenSearch Service",
    "ComputeSavingsPlans": "Savings Plans for AWS Compute usage", "AWSSupportBusiness": "AWS Support (Business)",
    MARKETPLACE.product: "MongoDB Atlas (pay-as-you-go)",
}  # fmt: skip
Row = dict[str, str]


@dataclass(frozen=True)
class Invoice:
    """One invoice in USD: what it says before tax, and the tax, to the cent."""

    month: date
    invoice_id: str
    amount: Decimal
    tax: Decimal


def invoice_ids(month: date) -> dict[str, str]:
    """Invoice ids of a closed month: AWS India, marketplace (sold by AWS Inc.), refunds."""
    return {
        "aws": "AIN" + code("in", month, length=12, alphabet="0123456789"),
        "marketplace": "21" + code("mp", month, length=8, alphabet="0123456789"),
        "refund": "AIN" + code("rf", month, length=12, alphabet="0123456789"),
    }


def write(folder: Path, totals: Totals) -> list[Invoice]:
    """Write every month; returns the invoices of the closed ones."""
    invoices: list[Invoice] = []
    for month in months():
        after = next_month(month)
        closed = after <= LAST
        if month == EARLY_MONTH:
            early = Bill(month, EARLY_THROUGH, is_final=False)
            when = datetime(2026, 8, 1, 4, 15, 0, tzinfo=UTC)
            deliver(folder, month, after, when, early.header, early.rows, is_newest=False)
            totals.superseded.append({
                "export": EXPORT, "payer": PAYER, "month": f"{month:%Y-%m}", "currency": "USD",
                "delivered_at": when.isoformat(), "rows": len(early.rows), "sum": f"{early.sum().normalize():f}",
            })  # fmt: skip
        bill = Bill(month, LAST, is_final=closed)
        at = midnight(after) + timedelta(days=6, hours=5, minutes=22) if closed else midnight(LAST + DAY) + timedelta(hours=3, minutes=15)  # fmt: skip
        deliver(folder, month, after, at, bill.header, bill.rows, is_newest=True)
        totals.add(EXPORT, PAYER, month, "USD", bill.sum(), len(bill.rows))
        if closed:
            invoices += bill.invoices()
    return invoices


class Bill:
    """One delivery of one month: the rows, in the order they were metered."""

    def __init__(self, month: date, through: date, *, is_final: bool) -> None:
        self.month, self.through, self.is_final = month, through, is_final
        self.has_net = month >= EDP_FROM
        self.has_split = month >= PODS_FROM
        self.header = header(has_net=self.has_net, has_split=self.has_split)
        self.rows: list[Row] = []
        self._ids = invoice_ids(month) if is_final else dict.fromkeys(("aws", "marketplace", "refund"), "")
        self._commitment_used: dict[date, Decimal] = {}
        self._negations: dict[tuple[date, str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        self._discounts: dict[tuple[date, str, str], Decimal] = defaultdict(Decimal)
        self._node_cost: dict[tuple[date, int], tuple[Decimal, Decimal]] = {}
        self._fill()
        # As metered by resource, then by time: how AWS orders its rows is not documented.
        self.rows = [{name: row.get(name, "") for name in self.header if name in row} for row in self.rows]

    def sum(self) -> Decimal:
        """What the file says it costs."""
        return sum((Decimal(row["lineItem/UnblendedCost"]) for row in self.rows), ZERO)

    def invoices(self) -> list[Invoice]:
        """Before tax and tax per invoice id, to the cent."""
        sums: dict[str, list[Decimal]] = {}
        for row in self.rows:
            pair = sums.setdefault(row["bill/InvoiceId"], [ZERO, ZERO])
            pair[row["lineItem/LineItemType"] == "Tax"] += Decimal(row["lineItem/UnblendedCost"])
        return [Invoice(self.month, name, places(net, 2), places(tax, 2)) for name, (net, tax) in sorted(sums.items())]

    def _fill(self) -> None:
        for line in (*LINES, MARKETPLACE):
            for day in days(self.month, self.through):
                self._metered(line, day)
        self._covered_groups()
        for group in GROUPS:
            if not group.is_covered:
                for day in days(self.month, self.through):
                    self._instances(group, day)
        for day in days(self.month, self.through):
            self._spot(day)
        self._reserved()
        self._plan_fees()
        self._pods()
        self._discount_rows()
        self._credits()
        if self.is_final:
            self._refund()
            self._support()
        self._tax()

    # rows -------------------------------------------------------------------------------------------------------

    def _row(
        self, kind: str, account: str, product: str, usage_type: str, operation: str, resource: str,
        start: datetime, end: datetime, amount: Decimal, cost: Decimal, what: str, **more: str,
    ) -> Row:  # fmt: skip
        # AWS's id is not unique over a delivery: the same line of the next day has it again.
        identity = base64.b32encode(hashlib.sha256(f"{self.month}|{kind}|{account}|{usage_type}|{operation}|{resource}".encode()).digest())
        row = {
            "identity/LineItemId": identity.decode().strip("=").lower(),
            "identity/TimeInterval": f"{_instant(start)}/{_instant(end)}",
            "bill/InvoiceId": self._ids["aws"],
            "bill/InvoicingEntity": AWS_INDIA,
            "bill/BillingEntity": "AWS",
            "bill/BillType": "Anniversary",
            "bill/PayerAccountId": PAYER,
            "bill/BillingPeriodStartDate": _instant(midnight(self.month)),
            "bill/BillingPeriodEndDate": _instant(midnight(next_month(self.month))),
            "lineItem/UsageAccountId": account,
            "lineItem/LineItemType": kind,
            "lineItem/UsageStartDate": _instant(start),
            "lineItem/UsageEndDate": _instant(end),
            "lineItem/ProductCode": product,
            "lineItem/UsageType": usage_type,
            "lineItem/Operation": operation,
            "lineItem/ResourceId": resource,
            "lineItem/UsageAmount": _number(amount),
            "lineItem/CurrencyCode": "USD",
            "lineItem/UnblendedCost": _number(cost),
            "lineItem/BlendedCost": _number(cost),
            "lineItem/LineItemDescription": what,
            "lineItem/LegalEntity": AWS_INDIA,
            "lineItem/NetUnblendedCost": _number(cost),
            "product/ProductName": _PRODUCTS[product],
            "product/servicecode": product,
            "pricing/currency": "USD",
            **more,
        }
        self.rows.append(row)
        return row

    def _priced(self, row: Row, rate: str, unit: str, usage_type: str, *, term: str = "OnDemand", cost: Decimal | None = None) -> Row:
        """Price columns of a usage row; a discount of the agreement becomes a net cost and a discount row."""
        sku = code("sku", row["lineItem/ProductCode"], usage_type, row["lineItem/Operation"])
        list_cost = places(Decimal(row["lineItem/UsageAmount"]) * Decimal(rate), 10) if cost is None else cost
        row.update({
            "product/sku": sku,
            "product/usagetype": usage_type,
            "product/operation": row["lineItem/Operation"],
            "pricing/RateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
            "pricing/RateId": code("rate", sku, alphabet="0123456789", length=10),
            "pricing/publicOnDemandRate": f"{Decimal(rate):f}",
            "pricing/publicOnDemandCost": _number(list_cost),
            "pricing/term": term,
            "pricing/unit": unit,
        })  # fmt: skip
        return row

    def _discounted(self, row: Row, day: date) -> None:
        product, billed = row["lineItem/ProductCode"], Decimal(row["lineItem/UnblendedCost"])
        if not self.has_net or product not in _EDP_PRODUCTS:
            return
        discount = places(billed * EDP_SHARE, 10)
        row["lineItem/NetUnblendedCost"] = _number(billed - discount)
        row["discount/EdpDiscount"] = row["discount/TotalDiscount"] = _number(-discount)
        self._discounts[day, row["lineItem/UsageAccountId"], product] += discount

    def _metered(self, line: Line, day: date) -> None:
        quantity = line.quantity(day)
        if not quantity:
            return
        if line.is_hourly and day >= HOURLY_FROM:
            pieces = [(at, at + timedelta(hours=1), places(quantity * share, 6)) for at, share in hour_shares(day)]
        else:
            pieces = [(midnight(day), midnight(day + DAY), quantity)]
        for start, end, amount in pieces:
            cost = places(amount * Decimal(line.rate), 10)
            row = self._row("Usage", line.account, line.product, line.usage_type, line.operation, line.resource,
                            start, end, amount, cost, line.what)  # fmt: skip
            if line is MARKETPLACE:
                row.update({"bill/InvoiceId": self._ids["marketplace"], "bill/BillingEntity": "AWS Marketplace",
                            "bill/InvoicingEntity": AWS_INC, "lineItem/LegalEntity": "MongoDB, Inc."})  # fmt: skip
            row.update({"lineItem/UnblendedRate": line.rate, "lineItem/BlendedRate": line.rate,
                        "product/productFamily": line.family, "product/region": line.region})  # fmt: skip
            self._priced(row, line.rate, line.unit, line.usage_type)
            self._discounted(row, day)
            row.update(_tags(line.account, line.service, line.resource, line.tags))

    # instances --------------------------------------------------------------------------------------------------

    def _instance(
        self, kind: str, group: Group, index: int, day: date, start: datetime, end: datetime, hours: Decimal,
        rate: str, cost: Decimal, what: str, *, operation: str = "RunInstances", list_rate: str = "", term: str = "OnDemand",
    ) -> Row:  # fmt: skip
        usage = f"APS3-{'SpotUsage' if term == 'Spot' else 'BoxUsage'}:{group.instance_type}"
        row = self._row(kind, group.account, "AmazonEC2", usage, operation, _instance_id(group, index, day),
                        start, end, hours, cost, what)  # fmt: skip
        row.update({
            "lineItem/UnblendedRate": rate, "lineItem/BlendedRate": rate,
            "lineItem/AvailabilityZone": f"ap-south-1{'abc'[index % 3]}",
            "product/instanceType": group.instance_type, "product/instanceFamily": _family(group.instance_type),
            "product/operatingSystem": "Linux", "product/tenancy": "Shared", "product/preInstalledSw": "NA",
            "product/productFamily": "Compute Instance", "product/region": "ap-south-1",
            "product/location": "Asia Pacific (Mumbai)",
        })  # fmt: skip
        self._priced(row, list_rate or rate, "Hrs", usage, term=term)
        name = f"{group.name}-{index + 1}"
        row.update(_tags(group.account, group.service, name, group.tags, name=name))
        return row

    def _instances(self, group: Group, day: date) -> None:
        what = f"${group.rate} per On Demand Linux {group.instance_type} Instance Hour"
        for index, hours in enumerate(group.running(day)):
            if group.is_hourly and day >= HOURLY_FROM:
                # Office hours begin at 09:30 in India, which is 04:00 UTC.
                opened = midnight(day) + timedelta(hours=0 if hours == 24 else 4)
                pieces = [(opened + timedelta(hours=n), opened + timedelta(hours=n + 1), Decimal(1)) for n in range(int(hours))]
            else:
                pieces = [(midnight(day), midnight(day + DAY), hours)]
            for start, end, amount in pieces:
                row = self._instance("Usage", group, index, day, start, end, amount, group.rate,
                                     places(amount * Decimal(group.rate), 10), what)  # fmt: skip
                self._discounted(row, day)

    def _covered_groups(self) -> None:
        """Production instances: the Savings Plan covers them in this order until its day's commitment is used up."""
        by_group: dict[str, list[Row]] = defaultdict(list)
        for day in days(self.month, self.through):
            left = PLAN.hourly * 24 if PLAN.first <= day < PLAN.end else ZERO
            for group in (group for group in GROUPS if group.is_covered):
                rate = Decimal(group.rate)
                plan_rate = places(rate * PLAN.share, 5)
                for index, hours in enumerate(group.running(day)):
                    covered = min(hours, places(left / plan_rate, 6)) if left > 0 else ZERO
                    if covered * plan_rate > left:  # rounding up must not use more than there is
                        covered -= Decimal("0.000001")
                    effective = places(covered * plan_rate, 10)
                    left -= effective
                    before = len(self.rows)
                    if covered:
                        self._covered(group, index, day, covered, plan_rate, effective)
                    rest = hours - covered
                    if rest:
                        what = f"${group.rate} per On Demand Linux {group.instance_type} Instance Hour"
                        row = self._instance("Usage", group, index, day, midnight(day), midnight(day + DAY), rest,
                                             group.rate, places(rest * rate, 10), what)  # fmt: skip
                        self._discounted(row, day)
                    by_group[f"{group.name}-{index}"] += self.rows[before:]
                    del self.rows[before:]
                    if group.name == "eks-node":
                        self._node_cost[day, index] = (effective + places(rest * rate, 10), places(hours * rate, 10))
            self._commitment_used[day] = PLAN.hourly * 24 - left
        for rows in by_group.values():
            self.rows += rows
        for (day, account, instance_type), (hours, cost) in self._negations.items():
            row = self._row("SavingsPlanNegation", account, "AmazonEC2", f"APS3-BoxUsage:{instance_type}", "RunInstances", "",
                            midnight(day), midnight(day + DAY), hours, -cost, f"SavingsPlanNegation used by AccountId : {account} and UsageSku : {code('sku', 'AmazonEC2', f'APS3-BoxUsage:{instance_type}', 'RunInstances')}")  # fmt: skip
            row.update({"savingsPlan/SavingsPlanARN": PLAN.arn, "product/region": "ap-south-1"})

    def _covered(self, group: Group, index: int, day: date, hours: Decimal, plan_rate: Decimal, effective: Decimal) -> None:
        cost = places(hours * Decimal(group.rate), 10)
        row = self._instance("SavingsPlanCoveredUsage", group, index, day, midnight(day), midnight(day + DAY), hours,
                             group.rate, cost, f"${group.rate} per On Demand Linux {group.instance_type} Instance Hour")  # fmt: skip
        row.update({
            "savingsPlan/SavingsPlanARN": PLAN.arn, "savingsPlan/SavingsPlanRate": f"{plan_rate:f}",
            "savingsPlan/SavingsPlanEffectiveCost": _number(effective), "savingsPlan/OfferingType": "ComputeSavingsPlans",
            "savingsPlan/PaymentOption": "No Upfront", "savingsPlan/PurchaseTerm": "1yr",
            "savingsPlan/NetSavingsPlanEffectiveCost": _number(effective),
        })  # fmt: skip
        used = self._negations[day, group.account, group.instance_type]
        used[0] += hours
        used[1] += cost

    def _plan_fees(self) -> None:
        for day in days(self.month, self.through):
            if not PLAN.first <= day < PLAN.end:
                continue
            fee = PLAN.hourly * 24
            row = self._row("SavingsPlanRecurringFee", PAYER, "ComputeSavingsPlans", "ComputeSP:1yrNoUpfront", "", "",
                            midnight(day), midnight(day + DAY), Decimal(24), fee,
                            "1 year No Upfront Compute Savings Plan")  # fmt: skip
            row.update({
                "savingsPlan/SavingsPlanARN": PLAN.arn, "savingsPlan/TotalCommitmentToDate": _number(fee),
                "savingsPlan/UsedCommitment": _number(self._commitment_used[day]), "savingsPlan/OfferingType": "ComputeSavingsPlans",
                "savingsPlan/RecurringCommitmentForBillingPeriod": _number(PLAN.hourly * 24 * self._days_in_month()),
                "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": "0.0000000000",
                "savingsPlan/PaymentOption": "No Upfront", "savingsPlan/PurchaseTerm": "1yr",
                "savingsPlan/StartTime": f"{PLAN.first}T00:00:00.000Z", "savingsPlan/EndTime": f"{PLAN.end}T00:00:00.000Z",
            })  # fmt: skip

    def _spot(self, day: date) -> None:
        for index in range(2):
            wanted = SPOT.base / 2 * load_on(day, SPOT.service) ** SPOT.bend * 11 * noise(f"spot-{index}", day, 0.5)
            hours = places(Decimal(min(wanted, 24.0)), 6)
            rate = places(Decimal(SPOT.rate) * Decimal(noise("spot-price", day, 0.08)), 6)
            self._instance("Usage", SPOT, index, day, midnight(day), midnight(day + DAY), hours, f"{rate:f}",
                           places(hours * rate, 10), f"{SPOT.instance_type} Linux/UNIX Spot Instance-hour in Asia Pacific (Mumbai)",
                           operation="RunInstances:SV001", list_rate=SPOT_LIST_RATE, term="Spot")  # fmt: skip

    # commitments ------------------------------------------------------------------------------------------------

    def _days_in_month(self) -> int:
        return (next_month(self.month) - self.month).days

    def _reserved(self) -> None:
        """Four databases: on demand until reservations were bought, then DiscountedUsage, the fees and what is unused."""
        r = RESERVATION
        used_hours = 0
        for name, service in r.databases:
            for day in days(self.month, self.through):
                if (name, service) not in r.databases_on(day):
                    continue
                arn = f"arn:aws:rds:ap-south-1:{PROD}:db:{name}"
                reserved = day >= r.bought
                cost = ZERO if reserved else places(24 * r.list_rate, 10)
                row = self._row("DiscountedUsage" if reserved else "Usage", PROD, "AmazonRDS", "APS3-InstanceUsage:db.r6g.xlarge",
                                "CreateDBInstance:0014", arn, midnight(day), midnight(day + DAY), Decimal(24), cost,
                                "PostgreSQL, db.r6g.xlarge reserved instance applied" if reserved else "$0.536 per db.r6g.xlarge Single-AZ instance hour running PostgreSQL")  # fmt: skip
                self._priced(row, f"{r.list_rate}", "Hrs", "APS3-InstanceUsage:db.r6g.xlarge", term="Reserved" if reserved else "OnDemand")
                row.update(_tags(PROD, service, name, None, name=name))
                row.update({"product/instanceType": "db.r6g.xlarge", "product/productFamily": "Database Instance", "product/region": "ap-south-1"})
                if reserved:
                    used_hours += 24
                    row.update(self._reservation_of_usage())
                elif self.month < r.bought:
                    row["lineItem/UnblendedRate"] = f"{r.list_rate}"
        if next_month(self.month) > r.bought:
            self._reservation_fees(used_hours)

    def _reservation_of_usage(self) -> Row:
        r = RESERVATION
        upfront, recurring = 24 * r.upfront_hourly, 24 * r.recurring_hourly
        return {
            "reservation/ReservationARN": r.arn, "reservation/SubscriptionId": r.subscription,
            "reservation/AmortizedUpfrontCostForUsage": _number(upfront), "reservation/RecurringFeeForUsage": _number(recurring),
            "reservation/EffectiveCost": _number(upfront + recurring), "reservation/NetEffectiveCost": _number(upfront + recurring),
            "reservation/NetAmortizedUpfrontCostForUsage": _number(upfront), "reservation/NetRecurringFeeForUsage": _number(recurring),
            "pricing/LeaseContractLength": "1yr", "pricing/OfferingClass": "standard", "pricing/PurchaseOption": "Partial Upfront",
        }  # fmt: skip

    def _reservation_fees(self, used_hours: int) -> None:
        r = RESERVATION
        start = max(self.month, r.bought)
        end = min(next_month(self.month), r.bought + timedelta(hours=r.term_hours))
        hours = (end - start).days * 24 * r.count
        unused = hours - used_hours  # in an open month this counts the hours to come, as AWS's own figure does
        term = {
            "reservation/ReservationARN": r.arn, "reservation/SubscriptionId": r.subscription,
            "reservation/NumberOfReservations": str(r.count), "reservation/UnitsPerReservation": f"{hours // r.count}",
            "reservation/StartTime": f"{r.bought}T00:00:00.000Z",
            "reservation/EndTime": f"{r.bought + timedelta(hours=r.term_hours)}T00:00:00.000Z",
            "pricing/LeaseContractLength": "1yr", "pricing/OfferingClass": "standard", "pricing/PurchaseOption": "Partial Upfront",
            "pricing/term": "Reserved", "product/region": "ap-south-1",
        }  # fmt: skip
        if self.month <= r.bought < next_month(self.month):
            row = self._row("Fee", PROD, "AmazonRDS", "APS3-HeavyUsage:db.r6g.xlarge", "CreateDBInstance:0014", r.arn,
                            midnight(r.bought), midnight(r.bought + DAY), Decimal(r.count), places(r.upfront, 10),
                            f"Sign up charge for subscription: {r.subscription}, planId: 2187654")  # fmt: skip
            row.update({**term, "bill/BillType": "Purchase", "reservation/UpfrontValue": _number(r.upfront)})
        row = self._row("RIFee", PROD, "AmazonRDS", "APS3-HeavyUsage:db.r6g.xlarge", "CreateDBInstance:0014", r.arn,
                        midnight(start), midnight(end), Decimal(hours), places(hours * r.recurring_hourly, 10),
                        f"USD {r.recurring_hourly} hourly fee per PostgreSQL, db.r6g.xlarge instance")  # fmt: skip
        row.update({
            **term,
            "reservation/TotalReservedUnits": str(hours),
            "reservation/UnusedQuantity": str(unused),
            "reservation/AmortizedUpfrontFeeForBillingPeriod": _number(hours * r.upfront_hourly),
            "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": _number(unused * r.upfront_hourly),
            "reservation/UnusedRecurringFee": _number(unused * r.recurring_hourly),
            "reservation/NetAmortizedUpfrontFeeForBillingPeriod": _number(hours * r.upfront_hourly),
            "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod": _number(unused * r.upfront_hourly),
            "reservation/NetUnusedRecurringFee": _number(unused * r.recurring_hourly),
        })  # fmt: skip

    def _pods(self) -> None:
        """Split cost allocation: per pod a CPU and a memory row; together they share out the node's amortised cost."""
        if not self.has_split:
            return
        for node, pods in enumerate(PODS):
            asked = sum(Decimal(share) for *_, share in pods)
            for number, (namespace, deployment, service, share) in enumerate(pods):
                for day in days(self.month, self.through):
                    cost, list_cost = self._node_cost[day, node]
                    parent = _instance_id(GROUPS[0], node, day)
                    pod = f"arn:aws:eks:ap-south-1:{PROD}:pod/pragati-prod/{namespace}/{deployment}-{hexadecimal(deployment, length=10)}/{hexadecimal('pod', deployment, length=12)}"
                    for resource, unit, weight, capacity in (("vCPU", "vCPU-Hours", Decimal("0.9"), 16), ("GB", "GB-Hours", Decimal("0.1"), 64)):
                        part, list_part = places(cost * weight, 10), places(list_cost * weight, 10)
                        if resource == "GB":  # the rest, so that the parts are the node's cost to the last digit
                            part, list_part = cost - places(cost * Decimal("0.9"), 10), list_cost - places(list_cost * Decimal("0.9"), 10)
                        split, unused = _share(part, Decimal(share), asked, number, pods)
                        list_split, list_unused = _share(list_part, Decimal(share), asked, number, pods)
                        usage = places(Decimal(share) * capacity * 24, 6)
                        row = self._row("Usage", PROD, "AmazonEKS", f"APS3-EKS-EC2-{unit}", "EKSPod-EC2", pod, midnight(day),
                                        midnight(day + DAY), ZERO, ZERO, f"AmazonEKS EC2 {resource} of a pod")  # fmt: skip
                        row.update({
                            "splitLineItem/ParentResourceId": parent, "splitLineItem/ReservedUsage": _number(usage),
                            "splitLineItem/ActualUsage": _number(places(usage * Decimal("0.62"), 6)), "splitLineItem/SplitUsage": _number(usage),
                            "splitLineItem/SplitUsageRatio": share, "splitLineItem/SplitCost": _number(split),
                            "splitLineItem/UnusedCost": _number(unused), "splitLineItem/PublicOnDemandSplitCost": _number(list_split),
                            "splitLineItem/PublicOnDemandUnusedCost": _number(list_unused), "product/region": "ap-south-1",
                        })  # fmt: skip
                        row.update(_tags(PROD, service, deployment, None, name=deployment))

    # below the line ---------------------------------------------------------------------------------------------

    def _discount_rows(self) -> None:
        for (day, account, product), discount in sorted(self._discounts.items(), key=lambda item: (item[0][1:], item[0][0])):
            row = self._row("EdpDiscount", account, product, "", "", "", midnight(day), midnight(day + DAY), ZERO, -discount,
                            "Enterprise Discount Program: 6 percent on usage")  # fmt: skip
            row["lineItem/NetUnblendedCost"] = "0.0000000000"  # the usage rows' net cost has it already

    def _credits(self) -> None:
        for day in days(self.month, min(self.through, CREDIT_LAST)):
            self._row("Credit", PROD, "AmazonEC2", "", "", "", midnight(day), midnight(day + DAY), ZERO, -CREDIT_PER_DAY,
                      "AWS Migration Acceleration Program credits, valid to 2026-03-31")  # fmt: skip

    def _refund(self) -> None:
        if self.month <= REFUND_ON < next_month(self.month):
            row = self._row("Refund", PROD, "AmazonEC2", "APS3-NatGateway-Bytes", "NatGateway", "", midnight(REFUND_ON),
                            midnight(REFUND_ON + DAY), ZERO, REFUND, "Refund for NAT gateway data processing of February 2026")  # fmt: skip
            row.update({"bill/BillType": "Refund", "bill/InvoiceId": self._ids["refund"]})

    def _support(self) -> None:
        """Business support: 10 percent of the first 10,000 USD, 7 percent above. It is added on the 6th of the next month."""
        spend = sum((Decimal(row["lineItem/UnblendedCost"]) for row in self.rows if row["bill/BillingEntity"] == "AWS"), ZERO)
        fee = places(min(spend, Decimal(10000)) * Decimal("0.10") + max(spend - 10000, ZERO) * Decimal("0.07"), 2)
        self._row("Fee", PAYER, "AWSSupportBusiness", "Dollar", "", "", midnight(self.month), midnight(next_month(self.month)),
                  Decimal(1), fee, "AWS Support (Business)")  # fmt: skip

    def _tax(self) -> None:
        """IGST of 18 percent per account, product and invoice, in cents; a refund gives its tax back."""
        bases: dict[tuple[str, str, str, str, str], Decimal] = defaultdict(Decimal)
        for row in self.rows:
            key = ("bill/BillingEntity", "lineItem/UsageAccountId", "lineItem/ProductCode", "bill/InvoiceId", "bill/BillType")
            *first, bill_type = (row[name] for name in key)
            bases[*first, "Refund" if bill_type == "Refund" else "Anniversary"] += Decimal(row["lineItem/UnblendedCost"])
        for (entity, account, product, invoice, bill_type), base in sorted(bases.items()):
            tax = places(base * GST, 2)
            if not tax:
                continue
            row = self._row("Tax", account, product, "", "", "", midnight(self.month), midnight(next_month(self.month)), Decimal(1), tax,
                            f"IGST 18% on {_PRODUCTS[product]}")  # fmt: skip
            row.update({"bill/BillingEntity": entity, "bill/InvoiceId": invoice, "bill/BillType": bill_type, "lineItem/TaxType": "IGST"})
            if entity == "AWS Marketplace":
                row.update({"bill/InvoicingEntity": AWS_INC, "lineItem/LegalEntity": AWS_INC})


def _share(part: Decimal, share: Decimal, asked: Decimal, number: int, pods: tuple[tuple[str, ...], ...]) -> tuple[Decimal, Decimal]:
    """A pod's own share of a node's cost and its share of what nobody asked for; the last pod takes the rest."""
    idle = part - sum((places(part * Decimal(other[3]), 10) for other in pods), ZERO)
    given = sum((places(idle * Decimal(other[3]) / asked, 10) for other in pods[:number]), ZERO)
    own = idle - given if number == len(pods) - 1 else places(idle * share / asked, 10)
    return places(part * share, 10), own


def _instance_id(group: Group, index: int, day: date) -> str:
    """The first machines of a group live on; those that the season adds are new every month."""
    keeps = index < max(int(group.base * 0.5), 1) or not group.bend
    return "i-" + hexadecimal(group.account, group.name, index, "" if keeps else f"{day:%Y-%m}")


def _family(instance_type: str) -> str:
    names = {"m": "General purpose", "c": "Compute optimized", "r": "Memory optimized", "t": "General purpose", "g": "GPU instance"}
    return names[instance_type[0]]


def _tags(account: str, service: str, resource: str, given: tuple[tuple[str, str], ...] | None, name: str = "") -> Row:
    """Tag columns. Most resources follow the rules; some were tagged by hand, or not at all."""
    if given is not None:
        return {f"resourceTags/{key}": value for key, value in given}
    env = ACCOUNT_ENV[account]
    tags = {"resourceTags/user:team": TEAMS[service], "resourceTags/user:env": env, "resourceTags/user:service": service}
    if name:
        tags["resourceTags/user:Name"] = name
    if account == DEV:
        tags["resourceTags/aws:createdBy"] = f"IAMUser:AIDA{code('user', resource, length=16)}:asha"
    return {key: value for key, value in tags.items() if value}


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _number(value: Decimal) -> str:
    """Ten decimals as AWS writes them; what is too small for that in scientific notation, as AWS does too."""
    if value and abs(value) < Decimal("0.000001"):
        return f"{value.normalize():E}"
    return f"{places(value, 10):f}"


def all_days() -> Iterator[date]:
    """Every day with usage."""
    day = FIRST
    while day <= LAST:
        yield day
        day += DAY
