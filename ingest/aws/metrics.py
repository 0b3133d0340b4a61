"""aws://metrics: how busy resources were, hour by hour, as CloudWatch measured it.

API: CloudWatch, ListMetrics and GetMetricData; RDS, DescribeDBInstances and EC2, DescribeInstanceTypes, because the
memory of a database is measured as bytes that are free. What is billed: `_cloudwatch`.

A part is a week (from Monday, UTC) of an account's region, asked as a whole until it is settled. It is no longer,
because ListMetrics forgets a metric two weeks after its last value, and what is asked again replaces what was there:
a machine that is gone would take its hours of a longer part with it. A week by the hour also fits 500 queries into
the 100,800 values of one answer. Which metrics there are: `_measures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig, LocationUnreachable
from ingest.aws._clients import AwsClients
from ingest.aws._cloudwatch import UNIT, CloudWatch, batches
from ingest.aws._measures import CDN_MEASURES, MEASURES, Asked, Measure, Target, targets
from ingest.aws._metric_hours import Values, hours_table
from ingest.aws._topic import Topic
from ingest.deliveries import Refused
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage

ACTIONS: Final = (
    "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstanceTypes", "rds:DescribeDBInstances",
    "sts:GetCallerIdentity",
)  # fmt: skip
_WEEK, _HOUR = timedelta(days=7), timedelta(hours=1)
#: How long values by the hour and by five minutes are kept (GetMetricStatistics, "CloudWatch retains metric data").
_KEPT, _KEPT_FINE = timedelta(days=455), timedelta(days=63)
_HISTORY: Final = timedelta(days=396)
#: Values of CloudFront and late agents arrive within this time.
_SETTLING: Final = timedelta(days=2)
_CDN_REGION: Final = "us-east-1"


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """What CloudWatch measured in the connection's accounts and regions."""
    return Metrics(export, reading, clients)


class Metrics(Topic):
    """Weeks of accounts and regions: 222233334444/ap-south-1/2026-08-17."""

    topic = "metrics"

    def __init__(self, export: ExportConfig, reading: Reading, clients: AwsClients) -> None:
        super().__init__(export, reading, clients)
        self._cloudwatch = CloudWatch(clients, reading.retries)
        self._targets = cache(self._listed)
        self._memory = cache(self._memory_of)

    def parts(self) -> Iterator[Part | Refused]:
        """The weeks since `since` (13 months, if not said) of every account and region."""
        regions = dict.fromkeys((*self._clients.regions, _CDN_REGION))
        for account in self._clients.accounts:
            for region in regions:
                try:
                    yield from self._weeks(account, region)
                except LocationUnreachable as error:
                    yield Refused(f"{account}/{region}", error)

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """resource_id, metric, measured_at (UTC hour), average, maximum, p95, unit, of hours that are over."""
        account, region, monday = part.group.split("/")
        start, end = self._bounds(date.fromisoformat(monday))
        wanted = self._due_targets(account, region, start)
        asked = sorted({one for target in wanted for one in target.asked})
        found: dict[Asked, dict[str, Values]] = {}
        requests = list(batches(asked, end - start))
        for number, batch in enumerate(requests, 1):
            say(f"{part.group}: {number} of {len(requests)} requests, {len(asked)} metrics")
            found |= self._cloudwatch.values(batch, account, region, start, end)
        has_free = any(target.measure.kind == "free" for target in wanted)
        memory = self._memory(account, region) if has_free else {}
        return hours_table(wanted, found, start, memory)

    def probes(self) -> Iterator[Probe]:
        """Each action once in every account and region; one metric is billed for each."""
        now = self.reading.clock.now().replace(minute=0, second=0, microsecond=0)
        cpu = Asked("AWS/EC2", "CPUUtilization", (), "level")
        for account in self._clients.accounts:
            for region in self._clients.regions:

                def ask(service: str, operation: str, where: tuple[str, str] = (account, region), **params: Any) -> Any:
                    return self._clients.call(service, operation, account=where[0], region=where[1], **params)

                def values(where: tuple[str, str] = (account, region)) -> object:
                    return self._cloudwatch.values([cpu], *where, now - _HOUR, now)

                told = f"{account}, {region}"
                yield Probe(ACTIONS[0], told, values)
                yield Probe(ACTIONS[1], told, lambda ask=ask: ask("cloudwatch", "ListMetrics", Namespace="AWS/EC2"))  # type: ignore[misc]
                yield Probe(ACTIONS[2], told, lambda ask=ask: ask("ec2", "DescribeInstanceTypes", MaxResults=5))  # type: ignore[misc]
                yield Probe(ACTIONS[3], told, lambda ask=ask: ask("rds", "DescribeDBInstances", MaxRecords=20))  # type: ignore[misc]

    # -- what there is -----------------------------------------------------------------------------------------

    def _weeks(self, account: str, region: str) -> Iterator[Part]:
        now = self.reading.clock.now()
        since = datetime.combine(self.export.since, datetime.min.time(), UTC) if self.export.since else now - _HISTORY
        first = max(since, now - _KEPT).date()
        monday = first - timedelta(days=first.weekday())
        found = []
        while (end := datetime.combine(monday, datetime.min.time(), UTC) + _WEEK) <= now + _WEEK - _HOUR:
            found.append(Part(f"{account}/{region}/{monday}", settles_at=end + _SETTLING))
            monday += _WEEK
        if not any(self._is_due(part, now) for part in found):
            return  # nothing to ask, so nothing to list
        for part in found:
            start, end = self._bounds(date.fromisoformat(part.group.rpartition("/")[2]))
            wanted = self._due_targets(account, region, start)
            # where nothing is measured there is a part too: it is listed again as seldom as others are asked
            asked = {one for target in wanted for one in target.asked}
            requests = len(list(batches(sorted(asked), end - start)))
            yield Part(
                part.group, settles_at=part.settles_at, estimate=Usage({UNIT: len(asked)} if asked else {}, requests)
            )

    def _bounds(self, monday: date) -> tuple[datetime, datetime]:
        """The hours of a week that are over and kept, half-open."""
        now = self.reading.clock.now().replace(minute=0, second=0, microsecond=0)
        start = datetime.combine(monday, datetime.min.time(), UTC)
        return max(start, now - _KEPT + _HOUR), min(start + _WEEK, now)

    def _due_targets(self, account: str, region: str, start: datetime) -> list[Target]:
        """Without the busiest five minutes where they are not kept any more: an hour's mean would be taken for them."""
        is_fine = start > self.reading.clock.now() - _KEPT_FINE
        return [one for one in self._targets(account, region) if is_fine or one.measure.kind != "burst"]

    def _listed(self, account: str, region: str) -> list[Target]:
        measures: list[Measure] = []
        measures += MEASURES if region in self._clients.regions else ()
        measures += CDN_MEASURES if region == _CDN_REGION else ()
        wanted = {(measure.namespace, name) for measure in measures for name in measure.names}
        return targets(measures, self._cloudwatch.listed(wanted, account, region), account, region)

    def _memory_of(self, account: str, region: str) -> Mapping[str, float]:
        """Bytes of memory of each database. A class has what the machine of the same name has (RDS, "DB instance
        classes"); one that is no machine's is left out."""
        classes = {
            one["DBInstanceArn"]: str(one["DBInstanceClass"]).removeprefix("db.")
            for one in self._clients.pages(
                "rds", "DescribeDBInstances", "DBInstances", token=("Marker", "Marker"), account=account, region=region
            )
        }
        known = {}
        for at in range(0, len(names := sorted(set(classes.values()))), 100):
            for one in self._clients.pages(
                "ec2", "DescribeInstanceTypes", "InstanceTypes", account=account, region=region,
                Filters=[{"Name": "instance-type", "Values": names[at : at + 100]}],
            ):  # fmt: skip
                known[one["InstanceType"]] = one["MemoryInfo"]["SizeInMiB"] * 2.0**20
        return {arn: known[name] for arn, name in classes.items() if name in known}
