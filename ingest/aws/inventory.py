"""aws://inventory: what there is in the connection's accounts and regions, its state, its attributes, its tags.

API: the Describe… and List… calls of `_found_ec2`, `_found_services` and `_found_s3`; tags, and whatever else bears
any, from the Resource Groups Tagging API, GetResources. A part is a region of an account; buckets and what belongs to
no region (as ARNs say) are its part `global`. Nothing is billed but the metrics of buckets.

Ids are those of the bill. States are AWS's words, except that a database or cache that is available is said to run: a
volume or address that is available is used by nothing. `users` lists what uses a part, [] if nothing does; `schedule`
is the tag of the Instance Scheduler.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache, partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig, LocationUnreachable
from ingest.aws import _found_ec2, _found_s3, _found_services
from ingest.aws._clients import AwsClients
from ingest.aws._cloudwatch import UNIT, CloudWatch, batches
from ingest.aws._errors import AwsRefused
from ingest.aws._found import COLUMNS, Asking, Found, kind_of, tagged, type_of
from ingest.aws._measures import Asked
from ingest.aws._topic import Topic
from ingest.deliveries import Refused
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

ACTIONS: Final = tuple(sorted(
    {*_found_ec2.ACTIONS, *_found_services.ACTIONS, *_found_s3.ACTIONS, "sts:GetCallerIdentity", "tag:GetResources"}
))  # fmt: skip
_FINDERS: Final = (*_found_ec2.FINDERS, *_found_services.FINDERS)
_GLOBAL, _GLOBAL_REGION = "global", "us-east-1"
_LEAST_REQUESTS: Final = 19
#: Of these the tags outlive the resource for a while.
_FORGOTTEN: Final = (("ec2", "instance"), ("ec2", "volume"), ("ec2", "natgateway"), ("ec2", "elastic-ip"))
#: A question about something that is not there proves a permission as well.
_NOBODY: Final = "kifayat-asks-whether-it-may"
_ABSENT: Final = ("ResourceNotFoundException", "TargetGroupNotFound", "ValidationError", "NoSuchLifecycleConfiguration")


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """What there is in the connection's accounts and regions."""
    return Inventory(export, reading, clients)


class Inventory(Topic):
    """Regions of accounts: 222233334444/ap-south-1, and 222233334444/global."""

    topic = "inventory"

    def __init__(self, export: ExportConfig, reading: Reading, clients: AwsClients) -> None:
        super().__init__(export, reading, clients)
        self._cloudwatch = CloudWatch(clients, reading.retries)
        self._buckets = cache(self._buckets_of)

    def parts(self) -> Iterator[Part | Refused]:
        """A part for each region of each account, and one for what has none."""
        for account in self._clients.accounts:
            for region in self._clients.regions:
                # one page of each; target groups and clusters are asked one by one
                yield Part(f"{account}/{region}", estimate=Usage(requests=_LEAST_REQUESTS))
            whole = Part(f"{account}/{_GLOBAL}")
            if self._is_due(whole, self.reading.clock.now()):
                try:
                    whole = Part(whole.group, estimate=self._global_usage(account))
                except LocationUnreachable as error:
                    yield Refused(whole.group, error)
                    continue
            yield whole

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """resource_id, resource_type, region, service, state, created_at, attributes and tags (JSON)."""
        account, _, region = part.group.partition("/")
        if region == _GLOBAL:
            return text_table(COLUMNS, self._global_rows(account))
        return text_table(COLUMNS, self._rows(Asking(self._clients, account, region), say))

    def probes(self) -> Iterator[Probe]:
        """Every action once for each account, in its first region; what is there in the others is told by a pull."""
        for account in self._clients.accounts:
            for action in ACTIONS:
                if action != "sts:GetCallerIdentity":  # which everybody may
                    told = f"{account}, {self._clients.regions[0]}"
                    yield Probe(action, told, partial(self._prove, account, action))

    def _prove(self, account: str, action: str) -> None:
        asking = Asking(self._clients, account, self._clients.regions[0])
        if action == "cloudwatch:GetMetricData":
            now = self.reading.clock.now().replace(minute=0, second=0, microsecond=0)
            objects = Asked("AWS/S3", "NumberOfObjects", (), "daily")
            self._cloudwatch.values([objects], account, asking.region, now - timedelta(days=1), now)
            return
        service, operation, params = _QUESTIONS[action]
        if action == "s3:GetLifecycleConfiguration":  # of a bucket that there is: of another S3 answers anybody
            if not (buckets := self._buckets(account).listed):
                return
            params = {"Bucket": buckets[0]["Name"]}
        if action == "elasticloadbalancing:DescribeTargetHealth":
            params = {"TargetGroupArn": asking.arn("elasticloadbalancing", f"targetgroup/{_NOBODY}/0123456789abcdef")}
        try:
            asking.one(service, operation, **params)
        except AwsRefused as error:
            if error.code not in _ABSENT:
                raise

    def _rows(self, asking: Asking, say: Say) -> Iterator[tuple[str, ...]]:
        tags = {arn: found for arn, found in tagged(asking) if arn.split(":")[3]}
        for finder in _FINDERS:
            say(f"{asking.account}/{asking.region}: {finder.__name__.replace('_', ' ')}")
            for one in finder(asking):
                yield one.row(asking.region, tags.pop(one.arn or one.id, {}))
        for arn, known in tags.items():
            if known and kind_of(arn) not in _FORGOTTEN:
                yield Found(arn, type_of(arn)).row(asking.region, known)

    def _global_rows(self, account: str) -> Iterator[tuple[str, ...]]:
        for region, bucket in self._buckets(account).found(self.reading.clock.now()):
            yield bucket.row(region, {})
        for arn, known in tagged(Asking(self._clients, account, _GLOBAL_REGION)):
            if known and not arn.split(":")[3] and not arn.startswith("arn:aws:s3:"):
                yield Found(arn, type_of(arn)).row(_GLOBAL, known)

    def _buckets_of(self, account: str) -> _found_s3.Buckets:
        return _found_s3.Buckets(self._clients, self._cloudwatch, account)

    def _global_usage(self, account: str) -> Usage:
        buckets = self._buckets(account)
        metrics = sum(map(len, buckets.measured.values()))
        asked = sum(len(list(batches(some, _found_s3.LOOK_BACK))) for some in buckets.measured.values())
        # rules of each, tags of each region
        return Usage({UNIT: metrics} if metrics else {}, len(buckets.listed) + asked + len(buckets.measured) + 1)


_QUESTIONS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "autoscaling:DescribeAutoScalingGroups": ("autoscaling", "DescribeAutoScalingGroups", {"MaxRecords": 1}),
    "cloudwatch:ListMetrics": ("cloudwatch", "ListMetrics", {"Namespace": "AWS/S3"}),
    "ec2:DescribeAddresses": ("ec2", "DescribeAddresses", {}),
    "ec2:DescribeImages": ("ec2", "DescribeImages", {"Owners": ["self"], "MaxResults": 5}),
    "ec2:DescribeInstances": ("ec2", "DescribeInstances", {"MaxResults": 5}),
    "ec2:DescribeNatGateways": ("ec2", "DescribeNatGateways", {"MaxResults": 5}),
    "ec2:DescribeSnapshots": ("ec2", "DescribeSnapshots", {"OwnerIds": ["self"], "MaxResults": 5}),
    "ec2:DescribeVolumes": ("ec2", "DescribeVolumes", {"MaxResults": 5}),
    "eks:DescribeCluster": ("eks", "DescribeCluster", {"name": _NOBODY}),
    "eks:DescribeNodegroup": ("eks", "DescribeNodegroup", {"clusterName": _NOBODY, "nodegroupName": _NOBODY}),
    "eks:ListClusters": ("eks", "ListClusters", {"maxResults": 1}),
    "eks:ListNodegroups": ("eks", "ListNodegroups", {"clusterName": _NOBODY}),
    "elasticache:DescribeCacheClusters": ("elasticache", "DescribeCacheClusters", {"MaxRecords": 20}),
    "elasticloadbalancing:DescribeLoadBalancers": ("elbv2", "DescribeLoadBalancers", {"PageSize": 1}),
    "elasticloadbalancing:DescribeTargetGroups": ("elbv2", "DescribeTargetGroups", {"PageSize": 1}),
    "elasticloadbalancing:DescribeTargetHealth": ("elbv2", "DescribeTargetHealth", {}),
    "lambda:ListFunctions": ("lambda", "ListFunctions", {"MaxItems": 1}),
    "logs:DescribeLogGroups": ("logs", "DescribeLogGroups", {"limit": 1}),
    "rds:DescribeDBClusterSnapshots": ("rds", "DescribeDBClusterSnapshots", {"MaxRecords": 20}),
    "rds:DescribeDBClusters": ("rds", "DescribeDBClusters", {"MaxRecords": 20}),
    "rds:DescribeDBInstances": ("rds", "DescribeDBInstances", {"MaxRecords": 20}),
    "rds:DescribeDBSnapshots": ("rds", "DescribeDBSnapshots", {"MaxRecords": 20}),
    "s3:GetLifecycleConfiguration": ("s3", "GetBucketLifecycleConfiguration", {}),
    "s3:ListAllMyBuckets": ("s3", "ListBuckets", {"MaxBuckets": 1}),
    "tag:GetResources": ("resourcegroupstaggingapi", "GetResources", {"ResourcesPerPage": 1}),
}
