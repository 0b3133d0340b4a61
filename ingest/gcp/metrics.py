"""gcp://metrics: how busy machines, databases, deployments and load balancers were, hour by hour (UTC).

API: Cloud Monitoring, ListTimeSeries, aligned to hours: mean, highest and 95th percentile. Billed is each time series
of an answer. Google keeps its own metrics in full for six weeks, so that far a pull looks back; `since` of the export
reaches further (agents' and users' metrics are kept 24 months, coarser). A month is asked every day until two days
after its end, then never again; nor is one whose first days Google has already dropped, if it was taken before.

Memory of machines needs the Ops Agent; of pods requests and use are those of a deployment's pod, as k8s/<cluster>/…
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig, next_month
from ingest.gcp._clients import GcpClients
from ingest.gcp._errors import QuestionRefused
from ingest.gcp._measures import MEASURES, QUERIES, Aligner, Measure
from ingest.gcp._topic import ProjectTopic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

PERMISSIONS: Final = ("monitoring.timeSeries.list",)
APIS: Final = ("monitoring.googleapis.com",)
_COLUMNS: Final = ("resource_id", "metric", "measured_at", "average", "maximum", "p95", "unit")
_KEPT: Final = timedelta(weeks=6)
#: Agents may deliver a day late ("Writing time series": points up to 25 hours old).
_SETTLED: Final = timedelta(days=2)
_HOUR: Final = timedelta(hours=1)
_HOUR_SECONDS: Final = 3600
_PAGE: Final = 50_000
_UNIT: Final = "gcp:monitoring:series"
#: As the feed has it: DECIMAL(18,6).
_PLACES: Final = Decimal("0.000001")


def open_at(export: ExportConfig, reading: Reading, clients: GcpClients) -> PullLocation:
    """Metrics of the projects of the connection. Raises ConfigError if it names none."""
    return Metrics(export, reading, clients)


class Metrics(ProjectTopic):
    """One part: a month of a project, as pragati-content/2026-08."""

    topic = "metrics"

    def parts(self) -> Iterator[Part]:
        """The months that Google still has, oldest first. The estimate takes one series for each query."""
        now = self.reading.clock.now()
        kept = now - _KEPT
        since = self.export.since or kept.date()
        month = since.replace(day=1)
        while month <= now.date():
            following = next_month(month)
            for project in self.projects:
                group = f"{project}/{month:%Y-%m}"
                is_dropped = _midnight(month) < kept
                if not (is_dropped and self.reading.seen(self.export.name, group)):
                    yield Part(group, settles_at=_midnight(following) + _SETTLED,
                               estimate=Usage({_UNIT: QUERIES}, QUERIES))  # fmt: skip
            month = following

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per resource, metric and hour. Raises LocationUnreachable."""
        project, _, month = part.group.partition("/")
        first = date.fromisoformat(f"{month}-01")
        since = max(first, self.export.since or first)
        start = _midnight(since)
        end = min(_midnight(next_month(first)), self.reading.clock.now().replace(minute=0, second=0, microsecond=0))
        if end <= start:
            return None
        rows: list[tuple[str | None, ...]] = []
        for _, alike in groupby(MEASURES, lambda one: (one.metric, one.resource_id)):
            rows += self._rows(list(alike), project, start, end)
        return text_table(_COLUMNS, rows)

    def _rows(self, measures: list[Measure], project: str, start: datetime, end: datetime) -> list[tuple[Any, ...]]:
        """Of measures that are one metric, as bytes that went out and came in: they are added up."""
        values: dict[tuple[str, int], dict[str, Decimal]] = defaultdict(dict)
        for measure in measures:
            for column, aligner in measure.columns:
                try:
                    points = list(self._ask(measure, aligner, project, start, end))
                except QuestionRefused:
                    if column != "p95":
                        raise
                    continue  # promised for distributions only: whoever reads takes the mean where there is no p95
                for resource_id, hour, value in points:
                    cell = values[resource_id, hour]
                    cell[column] = cell.get(column, Decimal(0)) + value
                if not points:
                    break  # who has no mean has no maximum either: a query less is a query not billed
        metric, unit = measures[0].metric, measures[0].unit
        return [
            (resource_id, metric, _utc(hour), *(_text(cell.get(name)) for name in _COLUMNS[3:6]), unit)
            for (resource_id, hour), cell in values.items()
        ]

    def probes(self) -> Iterator[Probe]:
        """One metric of the last hour of each project."""
        for project in self.projects:
            yield Probe(PERMISSIONS[0], project, partial(self._prove, project))

    def _prove(self, project: str) -> None:
        now = self.reading.clock.now().replace(minute=0, second=0, microsecond=0)
        next(self._ask(MEASURES[0], "ALIGN_MEAN", project, now - _HOUR, now), None)

    def _ask(
        self, measure: Measure, aligner: Aligner, project: str, start: datetime, end: datetime
    ) -> Iterator[tuple[str, int, Decimal]]:
        from google.cloud.monitoring_v3 import ListTimeSeriesRequest, MetricServiceClient, TimeInterval
        from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

        client = self.clients.grpc("monitoring", MetricServiceClient, MetricServiceGrpcTransport)
        request = ListTimeSeriesRequest(
            name=f"projects/{project}", filter=measure.filter, page_size=_PAGE,
            interval=TimeInterval(start_time=start, end_time=end), **measure.steps(aligner),
        )  # fmt: skip
        self.meter.bill(_UNIT, 1)  # an answer without a series is billed as one
        last, first, limit = None, start.timestamp(), end.timestamp()
        for series in self.clients.pages(
            PERMISSIONS[0], client.list_time_series, request, "time_series", where=f"{project}, {measure.type}"
        ):
            owner = series.resource.labels.get("project_id") or project
            if owner != project and owner in self.projects:
                continue  # a project may watch others (metrics scope): these are asked themselves
            resource_id = _resource_id(measure, owner, series)
            if resource_id != last:  # a long series goes on on the next page
                self.meter.bill(_UNIT, 0 if last is None else 1)
                last = resource_id
            for point in type(series).pb(series).points:  # bare, for speed: there may be a million
                # an aligned point stands at the end of its hour
                hour = point.interval.end_time.seconds - _HOUR_SECONDS
                if first <= hour < limit:
                    kind = point.value.WhichOneof("value")
                    yield resource_id, hour, Decimal(str(getattr(point.value, kind))) * measure.factor


def _resource_id(measure: Measure, project: str, series: Any) -> str:
    labels = dict(series.resource.labels)
    system = series.metadata.system_labels if series.metadata else None
    labels |= {str(key): str(value) for key, value in (system or {}).items()}
    labels["project"] = project
    labels["database"] = labels.get("database_id", "").rpartition(":")[2]  # "project:instance"
    return measure.resource_id.format_map(defaultdict(str, labels))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.quantize(_PLACES).normalize():f}"


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
