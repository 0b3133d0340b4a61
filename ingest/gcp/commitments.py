"""gcp://commitments: resource-based committed use discounts, with the day they end; one row per kind of resource.

API: Cloud Asset Inventory, ListAssets of compute.googleapis.com/Commitment. Their price is in no API but in the bill,
so `hourly_commitment` is empty. Spend-based ("flexible") commitments belong to the billing account, and no public API
lists them: the billing export has their fees.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig
from ingest.gcp._clients import GcpClients
from ingest.gcp._topic import LIST_ASSETS, Asset, ProjectTopic, assets
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

PERMISSIONS: Final = (LIST_ASSETS,)
APIS: Final = ("cloudasset.googleapis.com",)
_TYPE: Final = "compute.googleapis.com/Commitment"
_COLUMNS: Final = (
    "commitment_id", "provider", "kind", "account_id", "region", "service", "scope", "quantity", "unit",
    "purchase_option", "term_months", "start_at", "end_at", "state",
)  # fmt: skip
_MONTHS: Final = {"TWELVE_MONTH": 12, "THIRTY_SIX_MONTH": 36, "SIXTY_MONTH": 60}


def open_at(export: ExportConfig, reading: Reading, clients: GcpClients) -> PullLocation:
    """The commitments that the projects of the connection bought. Raises ConfigError if it names none."""
    return Commitments(export, reading, clients)


class Commitments(ProjectTopic):
    """One part: a project, as it is now."""

    topic = "commitments"

    def parts(self) -> Iterator[Part]:
        """The projects."""
        yield from (Part(project, estimate=Usage(requests=1)) for project in self.projects)

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """Of each commitment a row for its vCPUs, its GiB, its GPUs."""
        return text_table(_COLUMNS, [
            row for asset in assets(self.clients, part.group, [_TYPE]) for row in _rows(asset, part.group)
        ])  # fmt: skip

    def probes(self) -> Iterator[Probe]:
        """Listing the commitments of each project."""
        for project in self.projects:
            yield Probe(LIST_ASSETS, project, partial(self._prove, project))

    def _prove(self, project: str) -> None:
        next(assets(self.clients, project, [_TYPE]), None)


def _rows(asset: Asset, project: str) -> Iterator[tuple[Any, ...]]:
    data = asset.data
    if not data.get("startTimestamp") or not data.get("endTimestamp"):
        return  # being made: it has no term yet
    for resource in data.get("resources") or ():
        kind, amount = str(resource.get("type", "")), Decimal(str(resource.get("amount", 0)))
        # "amount": the number of vCPUs or accelerators; of memory and disks in MB (compute v1, ResourceCommitment)
        quantity, unit = (amount / 1024, "GiB") if kind in ("MEMORY", "LOCAL_SSD") else (amount, _UNITS.get(kind, kind))
        scope = str(resource.get("acceleratorType") or data.get("type", ""))
        yield (
            f"{asset.name}#{kind.lower()}", "Google Cloud", "committed_use_resource", project, asset.region,
            "Compute Engine", scope, f"{quantity.normalize():f}", unit, "monthly", _MONTHS.get(str(data.get("plan"))),
            data["startTimestamp"], data["endTimestamp"], data.get("status"),
        )  # fmt: skip


_UNITS: Final = {"VCPU": "vCPU", "ACCELERATOR": "GPU"}
