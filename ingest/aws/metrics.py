"""aws://metrics: how busy resources were, hour by hour, as CloudWatch measured it.

API: CloudWatch, ListMetrics and GetMetricData; RDS, DescribeDBInstances and EC2, DescribeInstanceTypes, because the
memory of a database is measured as bytes that are free. GetMetricData is billed by the metric and request, whatever
the range of time; up to five statistics of a metric in a request count as one (Amazon CloudWatch pricing).

A part is a week (from Monday, UTC) of an account's region, asked as a whole until it is settled. It is no longer,
because ListMetrics forgets a metric two weeks after its last value, and what is asked again replaces what was there:
a machine that is gone would take its hours of a longer part with it. A week by the hour also fits 500 queries into
the 100,800 values of one answer. Which metrics there are: `_measures`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from core import ExportConfig, LocationUnreachable
from ingest.aws._clients import AwsClients
from ingest.aws._measures import (
    AGENTS,
    CDN_MEASURES,
    MEASURES,
    PERIOD_SECONDS,
    STATISTICS,
    Asked,
    Dimensions,
    Measure,
    Target,
    targets,
)
from ingest.aws._metric_hours import Values, hours_table
from ingest.deliveries import Refused
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage

ACTIONS: Final = (
    "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "ec2:DescribeInstanceTypes", "rds:DescribeDBInstances",
    "sts:GetCallerIdentity",
)  # fmt: skip
UNIT: Final = "aws:cloudwatch:metric"
_WEEK, _HOUR = timedelta(days=7), timedelta(hours=1)
#: How long values by the hour and by five minutes are kept (GetMetricStatistics, "CloudWatch retains metric data").
_KEPT, _KEPT_FINE = timedelta(days=455), timedelta(days=63)
_HISTORY: Final = timedelta(days=396)
#: Values of CloudFront and late agents arrive within this time.
_SETTLING: Final = timedelta(days=2)
_MOST_QUERIES, _MOST_VALUES = 500, 100_800
_CDN_REGION: Final = "us-east-1"


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """What CloudWatch measured in the connection's accounts and regions."""
    return Metrics(export, reading, clients)


class Metrics(PullLocation):
    """Weeks of accounts and regions: 222233334444/ap-south-1/2026-08-17."""

    every: ClassVar[timedelta] = timedelta(hours=24)

    def __init__(self, export: ExportConfig, reading: Reading, clients: AwsClients) -> None:
        super().__init__(export, reading)
        self._clients = clients
        self.meter = clients.meter
        self._targets = cache(self._listed)
        self._memory = cache(self._memory_of)

    @property
    def origin(self) -> str:
        """The topic."""
        return "aws://metrics"

    def parts(self) -> Iterator[Part | Refused]:
        """The weeks since `since` (13 months, if not said) of every account and region that has metrics."""
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
        batches = list(_batches(asked, end - start))
        for number, batch in enumerate(batches, 1):
            say(f"{part.group}: {number} of {len(batches)} requests, {len(asked)} metrics")
            found |= self._values(batch, account, region, start, end)
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
                    return self._values([cpu], *where, now - _HOUR, now)

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
            asked = {one for target in wanted for one in target.asked}
            if asked:
                requests = len(list(_batches(sorted(asked), end - start)))
                yield Part(part.group, settles_at=part.settles_at, estimate=Usage({UNIT: len(asked)}, requests))

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
        listed: dict[tuple[str, str], set[Dimensions]] = defaultdict(set)
        # of an agent there may be thousands: of every process, of every pod
        for namespace, name in sorted({(space, name if space in AGENTS else "") for space, name in wanted}):
            which: dict[str, Any] = {"Namespace": namespace} | ({"MetricName": name} if name else {})
            for found in self._clients.pages(
                "cloudwatch", "ListMetrics", "Metrics", account=account, region=region, **which
            ):
                if (key := (namespace, found["MetricName"])) in wanted:
                    listed[key].add(tuple(sorted((one["Name"], one["Value"]) for one in found.get("Dimensions", ()))))
        return targets(measures, {key: sorted(found) for key, found in listed.items()}, account, region)

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

    # -- asking ------------------------------------------------------------------------------------------------

    def _values(
        self, batch: Sequence[Asked], account: str, region: str, start: datetime, end: datetime
    ) -> dict[Asked, dict[str, Values]]:
        """Each statistic of each metric, a value for each of its periods from `start`, NaN where there is none."""
        retries = self.reading.retries
        for attempt in range(1, retries.attempts + 1):
            found = self._asked_once(batch, account, region, start, end)
            if found is not None:
                return found
            if attempt < retries.attempts:
                retries.wait(attempt)
        raise LocationUnreachable(
            f"CloudWatch gave a part of its values only, {retries.attempts} attempts",
            where=f"cloudwatch:GetMetricData in {account}, {region}", transient=True,
            fix="nothing was loaded; ask again later",
        )  # fmt: skip

    def _asked_once(
        self, batch: Sequence[Asked], account: str, region: str, start: datetime, end: datetime
    ) -> dict[Asked, dict[str, Values]] | None:
        queries = {
            f"q{number}_{at}": (one, statistic)
            for number, one in enumerate(batch)
            for at, statistic in enumerate(STATISTICS[one.kind])
        }
        found = {
            one: {name: np.full(_periods(one, end - start), np.nan) for name in STATISTICS[one.kind]} for one in batch
        }
        status: dict[str, str] = {}
        params: dict[str, Any] = {
            "MetricDataQueries": [_query(id, *query) for id, query in queries.items()],
            "StartTime": start, "EndTime": end, "ScanBy": "TimestampAscending", "MaxDatapoints": _MOST_VALUES,
        }  # fmt: skip
        for result in self._paged(params, len(batch), account, region):
            one, statistic = queries[result["Id"]]
            status[result["Id"]] = result.get("StatusCode", "Complete")
            values, length = found[one][statistic], PERIOD_SECONDS[one.kind]
            for at, value in zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True):
                place, rest = divmod(at.timestamp() - start.timestamp(), length)
                if rest == 0 and 0 <= place < len(values):
                    values[int(place)] = value
        is_whole = status.keys() == queries.keys() and set(status.values()) <= {"Complete"}
        return found if is_whole else None

    def _paged(self, params: Mapping[str, Any], count: int, account: str, region: str) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            self.meter.bill(UNIT, count)
            answer = self._clients.call(
                "cloudwatch", "GetMetricData", account=account, region=region, **params, **token
            )
            yield from answer["MetricDataResults"]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}


def _periods(one: Asked, length: timedelta) -> int:
    return -(-int(length.total_seconds()) // PERIOD_SECONDS[one.kind])


def _batches(asked: Sequence[Asked], length: timedelta) -> Iterator[list[Asked]]:
    """As many metrics as one request and its answer hold; the statistics of one are never parted."""
    batch: list[Asked] = []
    queries = values = 0
    for one in asked:
        more = len(STATISTICS[one.kind])
        size = more * _periods(one, length)
        if batch and (queries + more > _MOST_QUERIES or values + size > _MOST_VALUES):
            yield batch
            batch, queries, values = [], 0, 0
        batch.append(one)
        queries, values = queries + more, values + size
    if batch:
        yield batch


def _query(id: str, one: Asked, statistic: str) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in one.dimensions]
    metric = {"Namespace": one.namespace, "MetricName": one.name, "Dimensions": dimensions}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS[one.kind], "Stat": statistic}}
