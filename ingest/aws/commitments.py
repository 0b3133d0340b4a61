"""aws://commitments: owned Savings Plans and reservations, with the day each ends.

APIs: Savings Plans (DescribeSavingsPlans) of the account that owns them, whatever it covers; EC2, RDS, ElastiCache,
OpenSearch and MemoryDB reservations, region by region. `hourly_commitment` and `upfront` are those of the whole
purchase, as Cost Explorer and the bill have them: a reservation's price times its instances. Ids are the ARNs of the
bill. Not for what they cover: the bill tells that hour by hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig
from ingest.aws._clients import AwsClients, action_of
from ingest.aws._topic import Topic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

_COLUMNS: Final = (
    "commitment_id", "provider", "kind", "account_id", "region", "service", "scope", "quantity", "unit",
    "hourly_commitment", "upfront", "currency", "purchase_option", "term_months", "start_at", "end_at", "state",
)  # fmt: skip
_PLANS: Final = "savings-plans"
#: What a plan pays for, as the bill calls it: type of the plan -> service.
_PLAN_SERVICES: Final = {
    "Compute": "Savings Plans for AWS Compute usage", "EC2Instance": "Savings Plans for AWS Compute usage",
    "SageMaker": "Savings Plans for AWS Machine Learning", "Database": "Savings Plans for AWS Database usage",
}  # fmt: skip
_YEAR_SECONDS: Final = 365 * 86400


@dataclass(frozen=True)
class Reserved:
    """How a service tells of its reservations: the names of what all of them say."""

    client: str
    operation: str
    service: str
    key: str
    type: str
    count: str
    arn: Callable[[Mapping[str, Any], str, str], str]
    token: tuple[str, str] = ("NextToken", "NextToken")
    page: Mapping[str, int] = field(default_factory=dict)
    start: str = "StartTime"
    option: str = "OfferingType"
    charge: str = "RecurringCharge"


_MARKED: Final[Any] = {"token": ("Marker", "Marker"), "page": {"MaxRecords": 100}}
RESERVED: Final = {
    "ec2": Reserved(
        "ec2", "DescribeReservedInstances", "Amazon Elastic Compute Cloud", "ReservedInstances", "InstanceType",
        "InstanceCount", lambda one, region, account: (
            f"arn:aws:ec2:{region}:{account}:reserved-instances/{one['ReservedInstancesId']}"
        ), start="Start", charge="",
    ),
    "rds": Reserved(
        "rds", "DescribeReservedDBInstances", "Amazon Relational Database Service", "ReservedDBInstances",
        "DBInstanceClass", "DBInstanceCount", lambda one, *_: str(one["ReservedDBInstanceArn"]), **_MARKED,
    ),
    "elasticache": Reserved(
        "elasticache", "DescribeReservedCacheNodes", "Amazon ElastiCache", "ReservedCacheNodes", "CacheNodeType",
        "CacheNodeCount", lambda one, *_: str(one["ReservationARN"]), **_MARKED,
    ),
    "opensearch": Reserved(
        "opensearch", "DescribeReservedInstances", "Amazon OpenSearch Service", "ReservedInstances", "InstanceType",
        "InstanceCount", lambda one, region, account: (
            f"arn:aws:es:{region}:{account}:reserved-instances/{one['ReservedInstanceId']}"
        ), page={"MaxResults": 100}, option="PaymentOption",
    ),
    "memorydb": Reserved(
        "memorydb", "DescribeReservedNodes", "Amazon MemoryDB", "ReservedNodes", "NodeType", "NodeCount",
        lambda one, *_: str(one["ARN"]), page={"MaxResults": 100},
    ),
}  # fmt: skip
ACTIONS: Final = (
    *sorted(action_of(one.client, one.operation) for one in RESERVED.values()),
    "savingsplans:DescribeSavingsPlans", "sts:GetCallerIdentity",
)  # fmt: skip


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """The commitments of the connection's accounts."""
    return Commitments(export, reading, clients)


class Commitments(Topic):
    """One part per account for its plans, and per region and service for reservations: one denied leaves the rest."""

    topic = "commitments"

    def parts(self) -> Iterator[Part]:
        """Every account: its plans, then its regions service by service."""
        for account in self._clients.accounts:
            yield Part(f"{account}/{_PLANS}", estimate=Usage(requests=1))
            for region in self._clients.regions:
                for noun in RESERVED:
                    yield Part(f"{account}/{region}/{noun}", estimate=Usage(requests=1))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per plan or reservation, whatever its state."""
        account, *place = part.group.split("/")
        if place == [_PLANS]:
            found = self._clients.pages(
                "savingsplans", "DescribeSavingsPlans", "savingsPlans", token=("nextToken", "nextToken"),
                account=account, maxResults=1000,
            )  # fmt: skip
            return text_table(_COLUMNS, map(_plan, found))
        region, noun = place
        how = RESERVED[noun]
        found = self._clients.pages(
            how.client, how.operation, how.key, token=how.token, account=account, region=region, **how.page
        )
        return text_table(_COLUMNS, [_reservation(one, how, region, account) for one in found])

    def probes(self) -> Iterator[Probe]:
        """Every call, in the first region of every account."""
        region = self._clients.regions[0]
        for account in self._clients.accounts:
            ask = partial(self._clients.call, account=account, region=region)
            yield Probe(
                "savingsplans:DescribeSavingsPlans", account, partial(ask, "savingsplans", "DescribeSavingsPlans")
            )
            for how in RESERVED.values():
                yield Probe(
                    action_of(how.client, how.operation),
                    f"{account}, {region}",
                    partial(ask, how.client, how.operation),
                )


def _plan(one: Mapping[str, Any]) -> tuple[Any, ...]:
    arn, kind = str(one["savingsPlanArn"]), one["savingsPlanType"]
    service = _PLAN_SERVICES.get(kind, f"{kind} Savings Plans")
    return (
        arn, "AWS", "savings_plan", arn.split(":")[4], one.get("region"), service, one.get("ec2InstanceFamily"),
        None, None, one["commitment"], one.get("upfrontPaymentAmount"), one["currency"],
        one["paymentOption"], _months(one["termDurationInSeconds"]), one["start"], one["end"], one["state"],
    )  # fmt: skip


def _reservation(one: Mapping[str, Any], how: Reserved, region: str, account: str) -> tuple[Any, ...]:
    count = one[how.count]
    hourly = sum(
        (_exact(charge[f"{how.charge}Amount"]) for charge in one.get("RecurringCharges", ())
         if charge[f"{how.charge}Frequency"] == "Hourly"), _exact(one.get("UsagePrice", 0)),
    )  # fmt: skip
    start: datetime = one[how.start]
    return (
        how.arn(one, region, account), "AWS", "reserved_instance", account, region, how.service, one[how.type], count,
        "instances", hourly * count, _exact(one.get("FixedPrice", 0)) * count, one.get("CurrencyCode", "USD"),
        str(one[how.option]).replace("_", " ").title(), _months(one["Duration"]), _instant(start),
        _instant(one.get("End") or start + timedelta(seconds=one["Duration"])), one["State"],
    )  # fmt: skip


def _exact(price: float) -> Decimal:
    """Prices come as binary numbers; the shortest decimal of one is what was written."""
    return Decimal(str(price))


def _months(seconds: int) -> int:
    return round(seconds * 12 / _YEAR_SECONDS)


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
