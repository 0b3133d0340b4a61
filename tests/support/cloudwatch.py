"""A CloudWatch in memory, over the JSON that boto3 speaks: ListMetrics and GetMetricData, with paging and tokens.

moto's has no percentiles and no paging of values. `cloudwatch = CloudWatch(server)` answers in its place:
`cloudwatch.put(account, region, "AWS/EC2", "CPUUtilization", {"InstanceId": …}, times, Average=…, p95=…)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aws_server import Asked, AwsServer, Refusal
from moto.iam.models import get_account_id_from

_MOST_VALUES = 100_800
Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass
class Series:
    """Values of one metric: `at` are seconds since 1970 of the period's begin, ascending; NaN is no value."""

    at: np.ndarray
    statistics: dict[str, np.ndarray]


@dataclass
class CloudWatch:
    """What `server` answers for CloudWatch. `page` metrics a page of ListMetrics; `most` values an answer.

    `partial`: so many answers say that they are parts only, and leave values out. `forgets_after`: seconds after its
    last value in which a metric is not listed any more, counted from `now`.
    """

    server: AwsServer
    page: int = 500
    most: int = _MOST_VALUES
    partial: int = 0
    now: float = 0.0
    series: dict[tuple[str, str], dict[Key, Series]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.answers["monitoring:ListMetrics"] = self._list
        self.server.answers["monitoring:GetMetricData"] = self._data

    def put(
        self, account: str, region: str, namespace: str, name: str, dimensions: dict[str, str], at: Sequence[float],
        **statistics: Sequence[float],
    ) -> None:  # fmt: skip
        """Add a metric."""
        key = namespace, name, tuple(sorted(dimensions.items()))
        values = {name: np.asarray(column, float) for name, column in statistics.items()}
        self.series.setdefault((account, region), {})[key] = Series(np.asarray(at, float), values)

    def _of(self, asked: Asked) -> dict[Key, Series]:
        return self.series.get((get_account_id_from(asked.key), asked.region), {})

    def _list(self, asked: Asked) -> dict[str, Any]:
        body = asked.body
        found = [
            {"Namespace": namespace, "MetricName": name, "Dimensions": _named(dimensions)}
            for (namespace, name, dimensions), series in sorted(self._of(asked).items(), key=lambda item: item[0])
            if namespace == body.get("Namespace", namespace) and name == body.get("MetricName", name)
            and series.at[-1] >= self.now - 14 * 86400
        ]  # fmt: skip
        start = int(body.get("NextToken", 0))
        more = {"NextToken": str(start + self.page)} if len(found) > start + self.page else {}
        return {"Metrics": found[start : start + self.page], **more}

    def _data(self, asked: Asked) -> dict[str, Any]:
        queries, limit = asked.body["MetricDataQueries"], min(asked.body.get("MaxDatapoints", self.most), self.most)
        if len(queries) > 500 or len({query["Id"] for query in queries}) < len(queries):
            raise Refusal("ValidationError")
        # values are counted through all queries; a token says how many were given already
        skip = given = int(asked.body.get("NextToken", 0))
        results, at = [], 0
        for query in queries:
            times, values = _picked(self._of(asked), query["MetricStat"], asked.body)
            part = slice(max(skip - at, 0), max(skip + limit - at, 0))
            times, values, whole = times[part], values[part], len(times)
            given += len(times)
            at += whole
            if len(times) or whole == 0 or skip + limit >= at > skip:
                status = "Complete" if at <= skip + limit else "PartialData"
                results.append({"Id": query["Id"], "Label": "m", "Timestamps": times.tolist(),
                                "Values": values.tolist(), "StatusCode": status})  # fmt: skip
        if self.partial:
            self.partial -= 1
            return {"MetricDataResults": [one | {"StatusCode": "PartialData", "Values": [], "Timestamps": []}
                                          for one in results]}  # fmt: skip
        return {"MetricDataResults": results} | ({"NextToken": str(given)} if given < at else {})


def _named(dimensions: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions]


def _picked(known: dict[Key, Series], stat: dict[str, Any], body: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    metric = stat["Metric"]
    dimensions = tuple(sorted((one["Name"], one["Value"]) for one in metric.get("Dimensions", ())))
    series = known.get((metric["Namespace"], metric["MetricName"], dimensions))
    if series is None or stat["Stat"] not in series.statistics:
        return np.zeros(0), np.zeros(0)
    values = series.statistics[stat["Stat"]]
    kept = (series.at >= body["StartTime"]) & (series.at < body["EndTime"]) & np.isfinite(values)
    kept &= series.at % stat["Period"] == 0
    return series.at[kept], values[kept]
