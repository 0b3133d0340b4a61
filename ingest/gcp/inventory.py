"""gcp://inventory: machines, disks, addresses, databases, buckets, clusters … of each project, with labels.

API: Cloud Asset Inventory, ListAssets (content type RESOURCE). Ids are those of the detailed billing export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig
from ingest.gcp._clients import GcpClients
from ingest.gcp._machines import size_of
from ingest.gcp._topic import LIST_ASSETS, Asset, ProjectTopic, assets, last
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

PERMISSIONS: Final = (LIST_ASSETS,)
APIS: Final = ("cloudasset.googleapis.com",)
#: Asset type -> service, as the bills name it.
TYPES: Final = {
    **{f"compute.googleapis.com/{kind}": "Compute Engine" for kind in (
        "Address", "Disk", "ForwardingRule", "GlobalAddress", "GlobalForwardingRule", "Image", "Instance",
        "InstanceGroupManager", "RegionDisk", "Router", "Snapshot",
    )},
    "bigquery.googleapis.com/Dataset": "BigQuery", "container.googleapis.com/Cluster": "Kubernetes Engine",
    "pubsub.googleapis.com/Topic": "Cloud Pub/Sub", "redis.googleapis.com/Instance": "Cloud Memorystore for Redis",
    "run.googleapis.com/Service": "Cloud Run", "sqladmin.googleapis.com/Instance": "Cloud SQL",
    "storage.googleapis.com/Bucket": "Cloud Storage",
}  # fmt: skip
_COLUMNS: Final = (
    "resource_id", "resource_type", "region", "service", "state", "created_at", "attributes", "tags",
)  # fmt: skip
#: Where each API keeps the same thing.
_STATES: Final = ("status", "state", "lifecycleState")
_LABELS: Final = ("labels", "resourceLabels")
_CREATED: Final = ("creationTimestamp", "timeCreated", "createTime", "creationTime")
_SIZES: Final = ("sizeGb", "diskSizeGb")


def open_at(export: ExportConfig, reading: Reading, clients: GcpClients) -> PullLocation:
    """What the projects of the connection have. Raises ConfigError if it names none."""
    return Inventory(export, reading, clients)


class Inventory(ProjectTopic):
    """One part: a project, as it is now."""

    topic = "inventory"

    def parts(self) -> Iterator[Part]:
        """The projects."""
        yield from (Part(project, estimate=Usage(requests=1)) for project in self.projects)

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per resource; one that is named twice (a page that overlaps) counts once."""
        found = {asset.resource_id: asset for asset in assets(self.clients, part.group, TYPES)}
        return text_table(_COLUMNS, [_row(asset, part.group) for asset in found.values()])

    def probes(self) -> Iterator[Probe]:
        """Listing the machines of each project."""
        for project in self.projects:
            yield Probe(LIST_ASSETS, project, partial(self._prove, project))

    def _prove(self, project: str) -> None:
        next(assets(self.clients, project, ["compute.googleapis.com/Instance"]), None)


def _row(asset: Asset, project: str) -> tuple[str | None, ...]:
    data = asset.data
    labels = _first(data, _LABELS) or _inside(data, "settings").get("userLabels") or {}
    return (
        asset.resource_id, asset.type, asset.region, TYPES[asset.type], _first(data, _STATES),
        _instant(_first(data, _CREATED)), _json(_attributes(asset, project)), _json(labels),
    )  # fmt: skip


def _attributes(asset: Asset, project: str) -> dict[str, Any]:
    data, settings = asset.data, _inside(asset.data, "settings")
    found: dict[str, Any] = {"name": data.get("name") or last(asset.name), "project": project}
    found["name"] = last(found["name"])
    zone = data.get("zone") or data.get("gceZone") or (asset.location if asset.location != asset.region else "")
    if zone:
        found["zone"] = last(zone)
    if machine_type := last(data.get("machineType") or settings.get("tier") or ""):
        found["machine_type"] = machine_type
        if (size := size_of(machine_type)) is not None:
            found["vcpus"], found["memory_gib"] = size
    if size_gib := _first(data, _SIZES) or settings.get("dataDiskSizeGb"):
        found["size_gib"] = float(size_gib)
    if asset.type.endswith(("/Disk", "/RegionDisk", "Address")):
        found["users"] = data.get("users") or []  # the field is absent where nobody uses it
    if gpus := data.get("guestAccelerators"):
        found["gpu"] = last(gpus[0].get("acceleratorType", ""))
    if _inside(data, "scheduling").get("provisioningModel") == "SPOT" or _inside(data, "scheduling").get("preemptible"):
        found["spot"] = True
    if group := _created_by(data):
        found["group"] = group
    for key, value in (("kind", last(str(data.get("type") or ""))), ("storage_class", data.get("storageClass")),
                       ("engine", data.get("databaseVersion")), ("availability", settings.get("availabilityType")),
                       ("nodes", data.get("currentNodeCount")), ("source", data.get("sourceDisk"))):  # fmt: skip
        if value:
            found[key] = value
    return found


def _created_by(data: Mapping[str, Any]) -> str:
    """The managed instance group of a machine."""
    items = _inside(data, "metadata").get("items") or []
    return next((last(str(item.get("value", ""))) for item in items if item.get("key") == "created-by"), "")


def _inside(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _first(data: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((data[key] for key in keys if data.get(key) and not (key == "status" and isinstance(data[key], dict))),
                None)  # fmt: skip


def _instant(text: Any) -> str | None:
    """RFC 3339, or milliseconds (BigQuery), in UTC to the second."""
    if not text:
        return None
    found = datetime.fromtimestamp(int(text) / 1000, UTC) if str(text).isdigit() else datetime.fromisoformat(str(text))
    return found.astimezone(UTC).replace(microsecond=0).isoformat(" ")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
