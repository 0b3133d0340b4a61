"""CloudWatch as it is asked: what it lists, and values of many metrics in few requests. What they mean is `_measures`.

API: ListMetrics and GetMetricData, which takes 500 queries and gives 100,800 values at most. It is billed by the
metric and request, whatever the range of time; up to five statistics of a metric in a request count as one (Amazon
CloudWatch pricing); a further page is taken to be a request of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from core import LocationUnreachable
from ingest.aws._clients import AwsClients
from ingest.aws._measures import AGENTS, PERIOD_SECONDS, STATISTICS, Asked, Dimensions
from ingest.aws._metric_hours import Values
from ingest.locations import Retries

UNIT: Final = "aws:cloudwatch:metric"
_MOST_QUERIES, _MOST_VALUES = 500, 100_800


class CloudWatch:
    """The CloudWatch of a connection's accounts and regions. Every method raises LocationUnreachable."""

    def __init__(self, clients: AwsClients, retries: Retries) -> None:
        self._clients, self._retries = clients, retries

    def listed(
        self, wanted: set[tuple[str, str]], account: str, region: str
    ) -> dict[tuple[str, str], list[Dimensions]]:
        """The dimensions, in order, of the metrics (namespace, name) that had a value in the last two weeks."""
        found: dict[tuple[str, str], set[Dimensions]] = defaultdict(set)
        # of an agent there may be thousands: of every process, of every pod
        for namespace, name in sorted({(space, name if space in AGENTS else "") for space, name in wanted}):
            which: dict[str, Any] = {"Namespace": namespace} | ({"MetricName": name} if name else {})
            for one in self._clients.pages(
                "cloudwatch", "ListMetrics", "Metrics", account=account, region=region, **which
            ):
                if (key := (namespace, one["MetricName"])) in wanted:
                    found[key].add(tuple(sorted((each["Name"], each["Value"]) for each in one.get("Dimensions", ()))))
        return {key: sorted(dimensions) for key, dimensions in found.items()}

    def values(
        self, batch: Sequence[Asked], account: str, region: str, start: datetime, end: datetime
    ) -> dict[Asked, dict[str, Values]]:
        """Of one of `batches`: each statistic, a value for each of its periods from `start`, NaN where none is."""
        retries = self._retries
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
            self._clients.meter.bill(UNIT, count)
            answer = self._clients.call(
                "cloudwatch", "GetMetricData", account=account, region=region, **params, **token
            )
            yield from answer["MetricDataResults"]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}


def _periods(one: Asked, length: timedelta) -> int:
    return -(-int(length.total_seconds()) // PERIOD_SECONDS[one.kind])


def batches(asked: Sequence[Asked], length: timedelta) -> Iterator[list[Asked]]:
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
