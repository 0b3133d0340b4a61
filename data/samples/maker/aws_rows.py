"""Rows of a legacy AWS report: what all lines of a month have in common, and how a line is priced and tagged."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from maker.aws_layout import header
from maker.files import ZERO, code, places
from maker.fleet import ACCOUNT_ENV, DEV, MARKETPLACE, PAYER, PODS_FROM, TEAMS
from maker.season import DAY, days, midnight, next_month

AWS_INDIA = "Amazon Web Services India Private Limited"
AWS_INC = "Amazon Web Services, Inc."

EDP_FROM = date(2026, 1, 1)
EDP_SHARE = Decimal("0.06")
_EDP_PRODUCTS = {"AmazonEC2", "AmazonCloudFront", "AmazonS3", "AmazonRDS"}

PRODUCTS = {
    "AmazonEC2": "Amazon Elastic Compute Cloud",
    "AmazonS3": "Amazon Simple Storage Service",
    "AmazonCloudFront": "Amazon CloudFront",
    "AmazonRDS": "Amazon Relational Database Service",
    "AmazonDynamoDB": "Amazon DynamoDB",
    "AWSLambda": "AWS Lambda",
    "AWSQueueService": "Amazon Simple Queue Service",
    "AmazonElastiCache": "Amazon ElastiCache",
    "AmazonApiGateway": "Amazon API Gateway",
    "AmazonSNS": "Amazon Simple Notification Service",
    "AmazonSES": "Amazon Simple Email Service",
    "awskms": "AWS Key Management Service",
    "AmazonRedshift": "Amazon Redshift",
    "AWSGlue": "AWS Glue",
    "AmazonAthena": "Amazon Athena",
    "AmazonKinesis": "Amazon Kinesis",
    "AWSDataTransfer": "AWS Data Transfer",
    "AWSELB": "Elastic Load Balancing",
    "AmazonCloudWatch": "AmazonCloudWatch",
    "AmazonGuardDuty": "Amazon GuardDuty",
    "awswaf": "AWS WAF",
    "AmazonEKS": "Amazon Elastic Container Service for Kubernetes",
    "AWSElementalMediaConvert": "AWS Elemental MediaConvert",
    "AmazonES": "Amazon OpenSearch Service",
    "ComputeSavingsPlans": "Savings Plans for AWS Compute usage",
    "AWSSupportBusiness": "AWS Support (Business)",
    MARKETPLACE.product: "MongoDB Atlas (pay-as-you-go)",
}
Row = dict[str, str]
Tags = tuple[tuple[str, str], ...] | None
#: From, to.
Span = tuple[datetime, datetime]


def invoice_ids(month: date) -> dict[str, str]:
    """Invoice ids of a closed month: AWS India, marketplace (sold by AWS Inc.), refunds."""
    return {
        "aws": "AIN" + code("in", month, length=12, alphabet="0123456789"),
        "marketplace": "21" + code("mp", month, length=8, alphabet="0123456789"),
        "refund": "AIN" + code("rf", month, length=12, alphabet="0123456789"),
    }


class Rows:
    """The rows of one delivery of one month, usage known up to and with `through`.

    A delivery that `is_final` has invoice ids, the support fee and refunds.
    """

    def __init__(self, month: date, through: date, *, is_final: bool) -> None:
        self.month, self.through, self.is_final = month, through, is_final
        self.has_net = month >= EDP_FROM
        self.has_split = month >= PODS_FROM
        self.header = header(has_net=self.has_net, has_split=self.has_split)
        self.invoices = invoice_ids(month) if is_final else dict.fromkeys(("aws", "marketplace", "refund"), "")
        self.all: list[Row] = []
        #: Discount under the agreement by day, account and product.
        self.discounts: dict[tuple[date, str, str], Decimal] = defaultdict(Decimal)

    def days(self) -> Iterator[date]:
        """The days of the month with usage."""
        return days(self.month, self.through)

    @property
    def whole_month(self) -> Span:
        """From the first to the end of the last day."""
        return midnight(self.month), midnight(next_month(self.month))

    def sum(self) -> Decimal:
        """What the rows cost together."""
        return sum((Decimal(row["lineItem/UnblendedCost"]) for row in self.all), ZERO)

    def written(self) -> list[Row]:
        """The rows with the columns that this month's report has."""
        names = set(self.header)
        return [{name: value for name, value in row.items() if name in names} for row in self.all]

    def add(
        self,
        kind: str,
        account: str,
        product: str,
        span: Span,
        cost: Decimal,
        what: str,
        *,
        usage_type: str = "",
        operation: str = "",
        resource: str = "",
        amount: Decimal = ZERO,
    ) -> Row:
        """Add a line; the columns that only some lines have are for the caller to set."""
        start, end = span
        # AWS's id is not unique over a delivery: the same line of the next day has it again.
        line = f"{self.month}|{kind}|{account}|{usage_type}|{operation}|{resource}"
        row = {
            "identity/LineItemId": base64.b32encode(hashlib.sha256(line.encode()).digest()).decode().strip("=").lower(),
            "identity/TimeInterval": f"{instant(start)}/{instant(end)}",
            "bill/InvoiceId": self.invoices["aws"],
            "bill/InvoicingEntity": AWS_INDIA,
            "bill/BillingEntity": "AWS",
            "bill/BillType": "Anniversary",
            "bill/PayerAccountId": PAYER,
            "bill/BillingPeriodStartDate": instant(self.whole_month[0]),
            "bill/BillingPeriodEndDate": instant(self.whole_month[1]),
            "lineItem/UsageAccountId": account,
            "lineItem/LineItemType": kind,
            "lineItem/UsageStartDate": instant(start),
            "lineItem/UsageEndDate": instant(end),
            "lineItem/ProductCode": product,
            "lineItem/UsageType": usage_type,
            "lineItem/Operation": operation,
            "lineItem/ResourceId": resource,
            "lineItem/UsageAmount": number(amount),
            "lineItem/CurrencyCode": "USD",
            "lineItem/UnblendedCost": number(cost),
            "lineItem/BlendedCost": number(cost),
            "lineItem/LineItemDescription": what,
            "lineItem/LegalEntity": AWS_INDIA,
            "lineItem/NetUnblendedCost": number(cost),
            "product/ProductName": PRODUCTS[product],
            "product/servicecode": product,
            "pricing/currency": "USD",
        }
        self.all.append(row)
        return row

    def price(self, row: Row, list_rate: str, unit: str, *, term: str = "OnDemand") -> None:
        """Fill the price columns of a usage line."""
        usage_type, operation = row["lineItem/UsageType"], row["lineItem/Operation"]
        sku = code("sku", row["lineItem/ProductCode"], usage_type, operation)
        row |= {
            "product/sku": sku,
            "product/usagetype": usage_type,
            "product/operation": operation,
            "pricing/RateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
            "pricing/RateId": code("rate", sku, alphabet="0123456789", length=10),
            "pricing/publicOnDemandRate": f"{Decimal(list_rate):f}",
            "pricing/publicOnDemandCost": number(places(Decimal(row["lineItem/UsageAmount"]) * Decimal(list_rate), 10)),
            "pricing/term": term,
            "pricing/unit": unit,
        }

    def discount(self, row: Row, day: date) -> None:
        """Under the agreement a usage line has a net cost; the discount itself becomes a line later."""
        product, cost = row["lineItem/ProductCode"], Decimal(row["lineItem/UnblendedCost"])
        if not self.has_net or product not in _EDP_PRODUCTS:
            return
        discount = places(cost * EDP_SHARE, 10)
        row["lineItem/NetUnblendedCost"] = number(cost - discount)
        row["discount/EdpDiscount"] = row["discount/TotalDiscount"] = number(-discount)
        self.discounts[day, row["lineItem/UsageAccountId"], product] += discount


def whole_day(day: date) -> Span:
    """From midnight to midnight, UTC."""
    return midnight(day), midnight(day + DAY)


def tags(account: str, service: str, resource: str, given: Tags = None, name: str = "") -> Row:
    """Tag columns. Most resources follow the rules; some were tagged by hand, or not at all."""
    if given is not None:
        return {f"resourceTags/{key}": value for key, value in given}
    columns = {
        "resourceTags/user:team": TEAMS[service],
        "resourceTags/user:env": ACCOUNT_ENV[account],
        "resourceTags/user:service": service,
        "resourceTags/user:Name": name,
    }
    if account == DEV:
        columns["resourceTags/aws:createdBy"] = f"IAMUser:AIDA{code('user', resource, length=16)}:asha"
    return {key: value for key, value in columns.items() if value}


def instant(at: datetime) -> str:
    """A time as AWS writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def number(value: Decimal) -> str:
    """Ten decimals as AWS writes them; what is too small for that in scientific notation, as AWS does too."""
    if value and abs(value) < Decimal("0.000001"):
        return f"{value.normalize():E}"
    return f"{places(value, 10):f}"
