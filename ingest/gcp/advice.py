"""gcp://advice: what Google itself advises (Recommender), to be compared with ours and never added to it.

API: Recommender, ListRecommendations of seven recommenders, in every zone and region where the project has something
(Cloud Asset Inventory, ListAssets, which also translates names into the ids of the bill). `monthly_saving` is Google's
own figure, brought to 30 days where it is for another time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig
from ingest.gcp._clients import GcpClients
from ingest.gcp._topic import LIST_ASSETS, Asset, ProjectTopic, assets, last
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table


@dataclass(frozen=True)
class Recommender:
    """One kind of advice: about which asset type, where it lives, what it needs, what it says is to be done."""

    id: str
    asset_type: str
    permission: str
    action: str
    is_regional: bool = False


_MACHINE, _SQL = "compute.googleapis.com/Instance", "sqladmin.googleapis.com/Instance"
RECOMMENDERS: Final = tuple(
    Recommender(f"google.{id}", type_, f"recommender.{permission}Recommendations.list", action, is_regional)
    for id, type_, permission, action, is_regional in (
        ("compute.instance.MachineTypeRecommender", _MACHINE, "computeInstanceMachineType", "rightsize", False),
        ("compute.instance.IdleResourceRecommender", _MACHINE, "computeInstanceIdleResource", "stop", False),
        ("compute.disk.IdleResourceRecommender", "compute.googleapis.com/Disk", "computeDiskIdleResource", "delete",
         False),
        ("compute.address.IdleResourceRecommender", "compute.googleapis.com/Address", "computeAddressIdleResource",
         "delete", True),
        ("compute.commitment.UsageCommitmentRecommender", _MACHINE, "usageCommitment", "buy_committed_use", True),
        ("cloudsql.instance.IdleRecommender", _SQL, "cloudsqlIdleInstance", "stop", True),
        ("cloudsql.instance.OverprovisionedRecommender", _SQL, "cloudsqlOverprovisionedInstance", "rightsize", True),
    )
)  # fmt: skip
PERMISSIONS: Final = tuple(sorted([LIST_ASSETS, *(one.permission for one in RECOMMENDERS)]))
APIS: Final = ("cloudasset.googleapis.com", "recommender.googleapis.com")
_TYPES: Final = sorted({one.asset_type for one in RECOMMENDERS})
_COLUMNS: Final = (
    "advice_id", "provider", "adviser", "account_id", "region", "resource_id", "action", "current", "proposed",
    "monthly_saving", "currency", "finding", "details",
)  # fmt: skip
_MONTH_SECONDS: Final = 30 * 86400


def open_at(export: ExportConfig, reading: Reading, clients: GcpClients) -> PullLocation:
    """Advice about the projects of the connection. Raises ConfigError if it names none."""
    return Advice(export, reading, clients)


class Advice(ProjectTopic):
    """One part: a project, as it is advised today."""

    topic = "advice"

    def parts(self) -> Iterator[Part]:
        """The projects. In one zone that is as many requests as there are recommenders, and one for the assets."""
        for project in self.projects:
            yield Part(project, estimate=Usage(requests=1 + len(RECOMMENDERS)))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per recommendation that is neither dismissed nor done."""
        known = list(assets(self.clients, part.group, _TYPES))
        names = {_place(name): asset for asset in known for name in (asset.name, asset.resource_id)}
        rows = []
        for one in RECOMMENDERS:
            mine = [asset for asset in known if asset.type == one.asset_type]
            for place in sorted({asset.region if one.is_regional else asset.location for asset in mine}):
                rows += [_row(found, one, part.group, place, names) for found in self._ask(one, part.group, place)]
        return text_table(_COLUMNS, rows)

    def probes(self) -> Iterator[Probe]:
        """Each recommender of each project, in the region of the connection."""
        for project in self.projects:
            yield Probe(LIST_ASSETS, project, partial(self._prove_assets, project))
            for one in RECOMMENDERS:
                yield Probe(one.permission, project, partial(self._prove, one, project))

    def _prove_assets(self, project: str) -> None:
        next(assets(self.clients, project, _TYPES), None)

    def _prove(self, one: Recommender, project: str) -> None:
        region = self.clients.regions[0]
        next(self._ask(one, project, region if one.is_regional else f"{region}-a"), None)

    def _ask(self, one: Recommender, project: str, place: str) -> Iterator[Any]:
        from google.cloud.recommender_v1 import ListRecommendationsRequest, RecommenderClient
        from google.cloud.recommender_v1.services.recommender.transports import RecommenderGrpcTransport

        client = self.clients.grpc("recommender", RecommenderClient, RecommenderGrpcTransport)
        request = ListRecommendationsRequest(
            parent=f"projects/{project}/locations/{place}/recommenders/{one.id}", filter="stateInfo.state = ACTIVE",
            page_size=500,
        )  # fmt: skip
        where = f"{project}, {place}"
        return self.clients.pages(one.permission, client.list_recommendations, request, "recommendations", where=where)


def _row(found: Any, one: Recommender, project: str, place: str, names: Mapping[str, Asset]) -> tuple[Any, ...]:
    operations = [operation for group in found.content.operation_groups for operation in group.operations]
    target = next(iter(found.target_resources), "") or next((one.resource for one in operations if one.resource), "")
    asset = names.get(_place(target))
    is_purchase = one.action == "buy_committed_use"
    saving, currency = _saving(found)
    told = type(found).to_dict(found).get("content") or {}
    details = {
        "recommender": one.id, "priority": found.priority.name, "description": found.description,
        "refreshed_at": found.last_refresh_time.isoformat() if found.last_refresh_time else None,
        "overview": told.get("overview") or {},
    } | (_purchase(told) if is_purchase else {})  # fmt: skip
    return (
        found.name, "Google Cloud", "recommender", project, asset.region if asset else place,
        None if is_purchase else (asset.resource_id if asset else target), one.action,
        _size(asset) if asset else None, found.description if is_purchase else _proposed(operations), saving, currency,
        found.recommender_subtype,
        json.dumps(details, ensure_ascii=False, sort_keys=True),
    )  # fmt: skip


def _place(name: str) -> str:
    """A resource's name below its project: Recommender names projects by number, inventories by id."""
    return name.partition("/projects/")[2].partition("/")[2]


def _saving(found: Any) -> tuple[str | None, str | None]:
    """What 30 days cost less, and its currency: Google projects a change of cost, negative where it saves."""
    for impact in (found.primary_impact, *found.additional_impact):
        if impact.category.name != "COST":
            continue
        projection = impact.cost_projection
        local, seconds = projection.cost_in_local_currency, Decimal(projection.duration.total_seconds())
        money = local if local.currency_code else projection.cost
        if not money.currency_code or not seconds:
            continue
        change = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
        monthly = change if seconds == _MONTH_SECONDS else round(change * _MONTH_SECONDS / seconds, 9)
        return f"{0 - monthly:f}", money.currency_code
    return None, None


def _purchase(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a commitment would hold, where an operation adds one (compute v1, Commitment): series, vCPUs, GiB, years."""
    for group in content.get("operation_groups") or ():
        for operation in group.get("operations") or ():
            value = operation.get("value")
            if isinstance(value, dict) and isinstance(value.get("resources"), list):
                amounts = {one.get("type"): Decimal(str(one.get("amount", 0))) for one in value["resources"]}
                return {
                    "family": str(value.get("type", "")).rpartition("_")[2].lower(),
                    "vcpus": float(amounts.get("VCPU", 0)), "memory_gib": float(amounts.get("MEMORY", 0) / 1024),
                    "term_years": 3 if value.get("plan") == "THIRTY_SIX_MONTH" else 1,
                }  # fmt: skip
    return {}


def _size(asset: Asset) -> str | None:
    settings = asset.data.get("settings")
    return last(asset.data.get("machineType") or (settings or {}).get("tier") or "") or None


def _proposed(operations: list[Any]) -> str | None:
    """The machine type or tier that an operation would set."""
    for operation in operations:
        if operation.action.lower() == "replace" and operation.path.endswith(("/machineType", "/tier")):
            return last(str(operation.value)) or None
    return None
