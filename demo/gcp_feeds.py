"""Beside the bill: how busy the machines were (as Cloud Monitoring measures), what exists, and what is true of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from demo.company import DAY, LAST, Company, Dollar, midnight
from demo.gcp_fleet import REGION, ZONE, Rhythm, machines
from demo.gcp_line import HOURLY_MONTHS, Clock, Labels
from demo.gcp_skus import skus
from demo.gcp_usage import all_resources
from demo.users import Users

_SQL, _COMPUTE = "Cloud SQL", "Compute Engine"
#: What is true of resources that are no machines: name -> state, detail, owner.
_TRUE = {
    "encoder-old-data": ("idle", "a disk that no machine has attached", "content-platform/content"),
    "before-migration-2022": ("dormant", "snapshots of a migration that is long over", "identity/user"),
    "old-lb-ip": ("idle", "an address without a forwarding rule", "content-platform/content"),
    "test-vpn-ip": ("idle", "an address without a tunnel", "platform/platform"),
    "pragati-tmp-exports": ("untagged", "no labels", "content-platform/content"),
    "pragati-old-batches": ("untagged", "keys nobody reads", "content-platform/content"),
    "adhoc": ("untagged", "queries by hand", "data/analytics"),
    "bi": ("untagged", "keys and values misspelt", "data/analytics"),
    "sandbox_of_everyone": ("untagged", "labels that mean nothing", "data/analytics"),
    "dev-boot": ("untagged", "no labels", "identity/user"),
}

#: Collection -> asset type, service, state; what has no state in its API has none here.
_KINDS = {
    "addresses": ("compute.googleapis.com/Address", _COMPUTE, "RESERVED"),
    "buckets": ("storage.googleapis.com/Bucket", "Cloud Storage", ""),
    "clusters": ("container.googleapis.com/Cluster", "Kubernetes Engine", "RUNNING"),
    "datasets": ("bigquery.googleapis.com/Dataset", "BigQuery", ""),
    "disks": ("compute.googleapis.com/Disk", _COMPUTE, "READY"),
    "routers": ("compute.googleapis.com/Router", _COMPUTE, ""),
    "snapshots": ("compute.googleapis.com/Snapshot", _COMPUTE, "READY"),
    "topics": ("pubsub.googleapis.com/Topic", "Cloud Pub/Sub", "ACTIVE"),
}
#: Whose disks they are.
_ATTACHED = {"encoder-data": "encoder-1", "dev-boot": "dev-1a", "doubts-ocr-models": "doubts-ocr-1"}


def utilization(company: Company, users: Users) -> pa.Table:
    """CPU and memory of machines and databases by the hour, last thirteen months; nothing while one is off."""
    clock = Clock(company, Dollar())
    rhythm = Rhythm(clock, users)
    since = clock.is_from(clock.month_back(HOURLY_MONTHS))
    texts: dict[str, list[tuple[str, int]]] = {"resource_id": [], "metric": [], "unit": []}
    times, averages, highs, maxima = [], [], [], []
    for machine in machines(company):
        on = np.flatnonzero((rhythm.pattern(machine.runs) > 0) & since & clock.is_from(machine.since))
        rng = company.rng("gcp-utilization", machine.name)
        busy = rhythm.pattern(machine.busy)[on]
        # one peak an hour, the higher the busier; databases and machines alike
        cpu = (machine.idle_cpu + machine.busy_cpu * busy) * np.exp(rng.normal(0, 0.12, len(on)))
        memory = (machine.memory + 6 * np.minimum(busy, 3)) * np.exp(rng.normal(0, 0.02, len(on)))
        for metric, values, spread in (("cpu", cpu, 0.35), ("memory", memory, 0.04)):
            average = np.clip(values, 0.05, 97)
            p95 = np.clip(average * (1 + spread * rng.random(len(on))), 0, 99)
            times.append(clock.hours[on])
            averages.append(average)
            highs.append(p95)
            maxima.append(np.clip(p95 * (1 + 0.4 * spread * rng.random(len(on))), 0, 100))
            for name, text in (("resource_id", machine.resource_id), ("metric", metric), ("unit", "percent")):
                texts[name].append((text, len(on)))
    columns = {name: _repeated(pairs) for name, pairs in texts.items()}
    numbers = (("average", averages), ("maximum", maxima), ("p95", highs))
    columns |= {name: pa.array(np.round(np.concatenate(parts), 2)) for name, parts in numbers}
    columns["measured_at"] = pa.array(np.concatenate(times).astype("datetime64[us]")).cast(pa.timestamp("us", "UTC"))
    order = ("resource_id", "metric", "measured_at", "average", "maximum", "p95", "unit")
    return pa.table({name: columns[name] for name in order})


def _repeated(pairs: list[tuple[str, int]]) -> pa.Array:
    which = np.repeat(np.arange(len(pairs)), [count for _, count in pairs])
    return pa.array([text for text, _ in pairs], pa.string()).take(pa.array(which))


def inventory(company: Company) -> list[dict[str, Any]]:
    """Every machine, database and named resource as gcp://inventory would tell it when the files were written."""
    found = {}
    for machine in machines(company):
        cores, gib = machine.size
        attributes: dict[str, Any] = {"name": machine.name, "machine_type": machine.type, "vcpus": cores,
                                      "memory_gib": gib, "project": machine.project, "zone": ZONE}  # fmt: skip
        if machine.type.startswith("g2"):
            attributes["gpu"] = "nvidia-l4"
        kind = ("sqladmin.googleapis.com/Instance", _SQL, "RUNNABLE") if machine.is_database else (
            "compute.googleapis.com/Instance", _COMPUTE, "TERMINATED" if machine.runs == "notebook" else "RUNNING",
        )  # fmt: skip
        found[machine.resource_id] = _seen(
            machine.resource_id, *kind, REGION, machine.since, attributes, machine.labels
        )
    for meter, resource in all_resources():
        *_, collection, name = resource.path.split("/")
        if collection not in _KINDS or meter.sku.startswith("bq.analysis") or f"//{resource.path}" in found:
            continue
        attributes = {"name": name, "project": meter.project}
        if f"/{ZONE}/" in resource.path:
            attributes["zone"] = ZONE
        if collection in ("disks", "snapshots"):
            attributes["size_gib"] = float(meter.daily)
        if collection == "disks":
            attributes["kind"] = {"disk.balanced": "pd-balanced", "disk.ssd": "pd-ssd"}[meter.sku]
        if collection in ("disks", "addresses"):
            root = f"https://www.googleapis.com/compute/v1/projects/{meter.project}/zones/{ZONE}/instances"
            attributes["users"] = [f"{root}/{_ATTACHED[name]}"] if name in _ATTACHED else []
        if collection == "buckets":
            attributes["storage_class"] = meter.sku.partition(".")[2].upper()
        region = "global" if collection in ("snapshots", "topics") else REGION
        found[f"//{resource.path}"] = _seen(
            f"//{resource.path}", *_KINDS[collection], region, date(2022, 6, 1), attributes, meter.labels
        )
    return list(found.values())


def _seen(
    resource_id: str, kind: str, service: str, state: str, region: str, since: date, attributes: dict[str, Any],
    labels: Labels,
) -> dict[str, Any]:  # fmt: skip
    return {
        "resource_id": resource_id, "resource_type": kind, "region": region, "service": service, "state": state,
        "created_at": midnight(since), "attributes": json.dumps(attributes, ensure_ascii=False, sort_keys=True),
        "tags": json.dumps(dict(labels), ensure_ascii=False, sort_keys=True), "observed_at": midnight(LAST + DAY),
    }  # fmt: skip


def truth_resources(company: Company) -> Iterator[dict[str, Any]]:
    """What is true of each resource, state by state."""
    for machine in machines(company):
        base = {
            "resource_id": machine.resource_id, "provider": "Google Cloud", "account": machine.project,
            "service": _SQL if machine.is_database else _COMPUTE, "since": machine.since, "activity": machine.activity,
        }  # fmt: skip
        yield base | {"state": machine.state or "ok", "detail": machine.detail, "right_size": machine.right_size,
                      "owner": machine.owner}  # fmt: skip
        if machine.owner and machine.state != "untagged":
            yield base | {"state": "untagged", "detail": "labels missing or useless", "owner": machine.owner}
    done = set()
    for meter, resource in all_resources():
        if resource.name in _TRUE and resource.path not in done:
            done.add(resource.path)
            state, detail, owner = _TRUE[resource.name]
            yield {"resource_id": f"//{resource.path}", "provider": "Google Cloud", "account": meter.project,
                   "service": skus()[meter.sku].service, "state": state, "since": date(2022, 6, 1), "detail": detail,
                   "owner": owner}  # fmt: skip
