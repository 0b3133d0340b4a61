"""Google Cloud of the demo company: its billing export in BigQuery, its metrics in Cloud Monitoring."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bigquery_server import BigQueryServer
from google.cloud import monitoring_v3
from google_server import GoogleServer

DATASET = "pragati-billing.billing"
_FILTER = re.compile(r'metric\.type = "([^"]+)" AND resource\.type = "([^"]+)"')
_COLUMNS = {"ALIGN_MEAN": "average", "ALIGN_MAX": "maximum", "ALIGN_PERCENTILE_95": "p95"}
#: Type of metric and resource -> metric of ours, by how much Google's value is smaller.
_MEASURED = {
    ("compute.googleapis.com/instance/cpu/utilization", "gce_instance"): ("cpu", 100),
    ("agent.googleapis.com/memory/percent_used", "gce_instance"): ("memory", 1),
    ("cloudsql.googleapis.com/database/cpu/utilization", "cloudsql_database"): ("cpu", 100),
    ("cloudsql.googleapis.com/database/memory/utilization", "cloudsql_database"): ("memory", 100),
}
_MACHINE = re.compile(r"//compute\.googleapis\.com/projects/([^/]+)/zones/([^/]+)/instances/(\d+)")
_DATABASE = re.compile(r"//cloudsql\.googleapis\.com/projects/([^/]+)/instances/(.+)")
_HOUR = 3600


class GcpCompany:
    """`tables`: export -> table; `projects`: those with something that is measured."""

    def __init__(self, bigquery: BigQueryServer, google: GoogleServer, folder: Path) -> None:
        self.bigquery, self.google = bigquery, google
        self.tables = {name: _load(bigquery, folder / name) for name in ("gcp-standard", "gcp") if (folder / name).is_dir()}
        self._series = _series(folder / "utilization" / "gcp.parquet")
        self.projects = sorted({project for _, _, project in self._series})
        google.answers["ListTimeSeries"] = self._time_series

    def _time_series(self, request: Any) -> list[Any]:
        kind = _FILTER.match(request.filter)
        assert kind is not None
        metric, factor = _MEASURED.get(kind.groups(), ("", 1))
        column = _COLUMNS.get(request.aggregation.per_series_aligner.name, "")
        project = request.name.removeprefix("projects/")
        start, end = (int(at.timestamp()) for at in (request.interval.start_time, request.interval.end_time))
        found = []
        for labels, values in self._series.get((kind[2], metric, project), {}).items():
            at = values["at"]
            some = slice(bisect_left(at, start), bisect_left(at, end))
            made = monitoring_v3.TimeSeries.pb()()
            made.resource.type = kind[2]
            made.resource.labels.update(dict(labels))
            for second, value in zip(at[some].tolist(), (values[column][some] / factor).tolist(), strict=True):
                point = made.points.add()
                point.interval.end_time.seconds = second + _HOUR
                point.value.double_value = value
            if len(made.points):
                found.append(monitoring_v3.TimeSeries.wrap(made))
        return found


def _load(server: BigQueryServer, folder: Path) -> str:
    """The files of an export as days of when Google wrote the rows; returns the table."""
    files = sorted(path for path in folder.iterdir() if path.suffix == ".parquet")
    name = f"{DATASET}.{files[0].name.split('-')[0]}"
    name = f"{DATASET}.{re.sub('-20.*', '', files[0].name).replace('-', '_')}"
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        schema = pq.read_schema(files[0])
        rows = pa.concat_tables([pq.read_table(path).cast(schema) for path in files])
        db.register("rows", rows)
        # in the order of the files: equal rows are equal, whatever comes first
        days = db.execute("SELECT export_time::DATE AS day, LIST(n) FROM (SELECT export_time, ROW_NUMBER() OVER () - 1"
                          " AS n FROM rows) GROUP BY day ORDER BY day").fetchall()  # fmt: skip
    for day, numbers in days:
        server.append(name, day, rows.take(pa.array(sorted(numbers))))
    return name


def _series(path: Path) -> dict[tuple[str, str, str], dict[tuple[tuple[str, str], ...], dict[str, np.ndarray]]]:
    """(resource type, metric, project) -> labels -> at (begin of the hour), average, maximum, p95."""
    table = pq.read_table(path)
    found: dict[Any, Any] = defaultdict(dict)
    at = table["measured_at"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    names, metrics = (table[column].to_pylist() for column in ("resource_id", "metric"))
    edges = [n for n in range(len(names)) if n == 0 or (names[n], metrics[n]) != (names[n - 1], metrics[n - 1])]
    for start, end in zip(edges, [*edges[1:], len(names)], strict=True):
        if machine := _MACHINE.fullmatch(names[start]):
            kind, project = "gce_instance", machine[1]
            labels = (("project_id", project), ("zone", machine[2]), ("instance_id", machine[3]))
        else:
            database = _DATABASE.fullmatch(names[start])
            assert database is not None
            kind, project = "cloudsql_database", database[1]
            labels = (("project_id", project), ("database_id", f"{project}:{database[2]}"))
        values = {name: table[name].to_numpy()[start:end] for name in ("average", "maximum", "p95")}
        found[kind, metrics[start], project][labels] = {"at": at[start:end], **values}
    return found
