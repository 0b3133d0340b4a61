"""The demo company served by a Google Cloud on this machine: its inventory and its measures, as the APIs have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from google.cloud import asset_v1, monitoring_v3
from google_server import GoogleServer, asset

from ingest.gcp._measures import MEASURES

_COLUMNS = {"ALIGN_MEAN": "average", "ALIGN_MAX": "maximum", "ALIGN_PERCENTILE_95": "p95"}


def serve(server: GoogleServer, inventory: Sequence[Mapping[str, Any]], utilization: pa.Table) -> None:
    """Answer for what demo.gcp_feeds made of a company."""
    assets = [(json.loads(row["attributes"])["project"], _asset(row)) for row in inventory]
    server.answers["ListAssets"] = lambda request: [
        one
        for project, one in assets
        if request.parent == f"projects/{project}" and one.asset_type in request.asset_types
    ]
    measured = _measured(utilization)
    server.answers["ListTimeSeries"] = lambda request: [
        made for one in measured.get((request.name, request.filter.split('"')[1]), ()) if (made := one(request))
    ]


def _asset(row: Mapping[str, Any]) -> asset_v1.Asset:
    told, kind = json.loads(row["attributes"]), row["resource_type"]
    labels = json.loads(row["tags"])
    name = row["resource_id"]
    data = {"name": told["name"], "status": row["state"], "labels": labels, "sizeGb": told.get("size_gib"),
            "storageClass": told.get("storage_class"), "type": told.get("kind"), "users": told.get("users"),
            "creationTimestamp": row["created_at"].isoformat()}  # fmt: skip
    if kind == "compute.googleapis.com/Instance":
        name, _, number = name.rpartition("/")
        name = f"{name}/{told['name']}"
        data |= {"id": number, "machineType": f"zones/z/machineTypes/{told['machine_type']}"}
        if "gpu" in told:
            data["guestAccelerators"] = [{"acceleratorType": f"zones/z/acceleratorTypes/{told['gpu']}"}]
    elif kind == "sqladmin.googleapis.com/Instance":
        data |= {"labels": None, "settings": {"tier": told["machine_type"], "userLabels": labels},
                 "gceZone": told["zone"]}  # fmt: skip
    elif kind == "storage.googleapis.com/Bucket":
        name = f"//storage.googleapis.com/{told['name']}"
    location = told.get("zone", row["region"]) if kind != "sqladmin.googleapis.com/Instance" else row["region"]
    return asset(name, kind, location, {key: value for key, value in data.items() if value not in (None, "")})


def _measured(table: pa.Table) -> dict[tuple[str, str], list[Any]]:
    """By project and type of metric: functions that answer with the series, or with nothing."""
    found: dict[tuple[str, str], list[Any]] = {}
    ids, metrics = (np.asarray(table[name].to_pylist()) for name in ("resource_id", "metric"))
    hours = table["measured_at"].cast(pa.int64()).to_numpy() // 1_000_000
    values = {name: table[name].to_numpy() for name in _COLUMNS.values()}
    for measure in MEASURES:
        host = measure.resource_id.split("/projects")[0]
        for resource in sorted(set(ids[(metrics == measure.metric) & np.char.startswith(ids, host)].tolist())):
            mine = np.flatnonzero((ids == resource) & (metrics == measure.metric))
            one = _Series(measure.factor, resource, hours[mine], {name: each[mine] for name, each in values.items()})
            found.setdefault((f"projects/{resource.split('/')[4]}", measure.type), []).append(one)
    return found


class _Series:
    """One resource's series; called with a request it gives what that asks for."""

    def __init__(self, factor: Any, resource: str, hours: Any, values: Mapping[str, Any]) -> None:
        parts = resource.split("/")
        self._labels = {"project_id": parts[4], "zone": parts[6], "instance_id": parts[-1],
                        "database_id": f"{parts[4]}:{parts[-1]}"}  # fmt: skip
        self._factor, self._hours, self._values = float(factor), hours, values

    def __call__(self, request: Any) -> monitoring_v3.TimeSeries | None:
        start, end = (instant.timestamp() for instant in (request.interval.start_time, request.interval.end_time))
        mine = np.flatnonzero((self._hours >= start) & (self._hours < end))
        if not len(mine):
            return None
        made = monitoring_v3.TimeSeries(resource={"type": "any", "labels": self._labels})
        points = type(made).pb(made).points
        column = self._values[_COLUMNS[request.aggregation.per_series_aligner.name]]
        # of a ratio the shortest text that is the same percentage
        numbers = np.round(column[mine] / self._factor, 4)
        for hour, value in zip(self._hours[mine][::-1].tolist(), numbers[::-1].tolist(), strict=True):
            point = points.add()
            point.interval.end_time.seconds = hour + 3600
            point.value.double_value = value
        return made
