"""What the topics of gcp:// share: their clients, their name, and what a project has (Cloud Asset Inventory)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from core import ExportConfig
from ingest.gcp._clients import GcpClients
from ingest.locations import Reading
from ingest.pull import PullLocation

LIST_ASSETS: Final = "cloudasset.assets.listResource"
#: Most that a page of ListAssets may have.
_PAGE: Final = 1000
_ZONE: Final = re.compile(r"-[a-z]$")
_NUMBERED: Final = ("Instance", "Disk", "RegionDisk", "Address", "GlobalAddress", "Snapshot", "Image")


class Topic(PullLocation):
    """A topic of gcp://; its `topic` is the module's name."""

    topic: ClassVar[str]

    def __init__(self, export: ExportConfig, reading: Reading, clients: GcpClients) -> None:
        super().__init__(export, reading)
        self.clients = clients
        self.meter = clients.meter

    @property
    def origin(self) -> str:
        """The topic."""
        return f"gcp://{self.topic}"


class ProjectTopic(Topic):
    """A topic that is asked of each of the connection's `projects`. Raises ConfigError if there are none."""

    def __init__(self, export: ExportConfig, reading: Reading, clients: GcpClients) -> None:
        super().__init__(export, reading, clients)
        self.projects = clients.projects


@dataclass(frozen=True)
class Asset:
    """A resource as Cloud Asset Inventory has it. `data`: its own API's representation, numbers as float."""

    name: str
    type: str
    location: str
    data: dict[str, Any]

    @property
    def resource_id(self) -> str:
        """Its name in the detailed billing export: of machines, disks, addresses and snapshots by number."""
        host, _, kind = self.type.partition("/")
        if host == "compute.googleapis.com" and kind in _NUMBERED and isinstance(self.data.get("id"), str):
            return f"{self.name.rpartition('/')[0]}/{self.data['id']}"
        if host == "storage.googleapis.com":
            return f"//{host}/projects/_/buckets/{last(self.name)}"
        if host == "container.googleapis.com":
            return self.name.replace("/zones/", "/locations/")
        return self.name

    @property
    def region(self) -> str:
        """asia-south1, also of a zone; or global, asia."""
        return _ZONE.sub("", self.location.lower())


def assets(clients: GcpClients, project: str, types: Iterable[str]) -> Iterator[Asset]:
    """What a project has of these asset types. Raises LocationUnreachable.

    API: AssetService.ListAssets with content type RESOURCE, which needs cloudasset.assets.listResource.
    """
    from google.cloud.asset_v1 import Asset as Found
    from google.cloud.asset_v1 import AssetServiceClient, ContentType, ListAssetsRequest
    from google.cloud.asset_v1.services.asset_service.transports import AssetServiceGrpcTransport

    client = clients.grpc("cloudasset", AssetServiceClient, AssetServiceGrpcTransport)
    request = ListAssetsRequest(
        parent=f"projects/{project}", asset_types=sorted(types), content_type=ContentType.RESOURCE, page_size=_PAGE
    )
    for found in clients.pages(LIST_ASSETS, client.list_assets, request, "assets", where=project):
        resource = Found.to_dict(found).get("resource") or {}
        yield Asset(found.name, found.asset_type, resource.get("location") or "", resource.get("data") or {})


def last(path: str) -> str:
    """The end of a name or address: …/machineTypes/n2-standard-4 -> n2-standard-4."""
    return path.rstrip("/").rpartition("/")[2]
