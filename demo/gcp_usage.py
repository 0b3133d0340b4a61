"""How much the company uses of every SKU of Google Cloud, hour by hour, and what went wrong on which days."""

# ruff: noqa: E501 - the tables of meters read best with one row a line

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from demo.gcp_fleet import HOSTILE, MISSPELT, OLD_KEYS, PROJECTS, ZONE, Rhythm, good, machines
from demo.gcp_line import NAMESPACE_MONTHS, Clock, Labels, Resource
from demo.gcp_skus import MONTH_HOURS
from demo.users import Users


@dataclass(frozen=True)
class Usage:
    """What one resource uses of one SKU: pricing units in each hour."""

    sku: str
    project: str
    hourly: np.ndarray
    labels: Labels = ()
    resource: Resource | None = None
    #: Rows by the hour in the last months.
    is_fine: bool = False
    #: Free units a day; -1: all of it.
    free: float = 0.0
    tags: Labels = ()
    system_labels: Labels = ()


@dataclass(frozen=True)
class Meter:
    """A SKU that follows the crowd: so many units a day at load 1, at scale 1, in September 2023."""

    sku: str
    project: str
    daily: float
    load: str = ""
    labels: Labels = ()
    resource: str = ""
    bend: float = 1.0
    growth: float = 0.0
    noise: float = 0.04
    free: float = 0.0
    tags: Labels = ()
    since: date = date(2022, 1, 1)


@dataclass(frozen=True)
class Incident:
    """Days [start, end) on which a usage was `factor` times the normal, or ran at a constant of `plus` units an hour."""

    id: str
    sku: str
    project: str
    resource: str
    start: date
    end: date
    factor: float
    why: str
    plus: float = 0.0


INCIDENTS = (
    Incident("gcp-bigquery-2023-11", "bq.analysis", "pragati-analytics", "etl", date(2023, 11, 21), date(2023, 11, 23), 7, "a cross join in a nightly query scanned everything, two days"),
    Incident("gcp-egress-2024-04", "net.egress", "pragati-content", "lecture-lb", date(2024, 4, 8), date(2024, 4, 15), 4, "a player without a cache fetched lectures from the origin for a week"),
    Incident("gcp-gpu-2024-09", "g2", "pragati-dev", "gpu-notebook", date(2024, 9, 13), date(2024, 9, 16), 1, "a GPU notebook forgotten over a weekend", plus=1),
    Incident("gcp-logging-2025-03", "log.volume", "pragati-analytics", "", date(2025, 3, 18), date(2025, 3, 21), 7, "log level debug went to production"),
    Incident("gcp-gemini-2025-08", "ai", "pragati-doubts", "", date(2025, 8, 9), date(2025, 8, 11), 5, "a retry without an end asked the model again and again"),
    Incident("gcp-bigquery-2026-02", "bq.analysis", "pragati-analytics", "etl", date(2026, 2, 11), date(2026, 2, 13), 8, "a dashboard refreshed an unpartitioned table every minute, two days"),
    Incident("gcp-gpu-2026-06", "g2", "pragati-dev", "gpu-notebook", date(2026, 6, 5), date(2026, 6, 8), 1, "a GPU notebook forgotten over a weekend", plus=1),
    Incident("gcp-nat-2026-07", "nat.data", "pragati-shared", "nat-mumbai", date(2026, 7, 13), date(2026, 7, 20), 9, "a backup went out through the NAT instead of Google's own network, a week"),
)  # fmt: skip

_DATA, _CONTENT, _HINTS = good("analytics", product="shared"), good("content"), good("assessment")
_TEST = good("assessment", product="test-series")
#: Allowed in values of tags, and read as a formula by spreadsheets.
_FORMULA = (("cost-centre", "=1+1 (a&b) [x], {y}: 100%"),)
_AN, _CO, _DO, _DEV, _SH = "pragati-analytics", "pragati-content", "pragati-doubts", "pragati-dev", "pragati-shared"
METERS = (
    Meter("bq.analysis", _AN, 2.3, "analytics", _DATA, "etl", 0.9, 0.05, 0.10),
    Meter("bq.analysis", _AN, 0.9, "analytics", MISSPELT, "bi", 0.9, 0.05, 0.15),
    Meter("bq.analysis", _AN, 0.35, "analytics", (), "adhoc", 0.5, 0.05, 0.35),
    Meter("bq.storage", _AN, 6800, "", _DATA, "events", growth=0.22, noise=0.002),
    Meter("bq.storage", _AN, 700, "", HOSTILE, "sandbox_of_everyone", growth=0.1, noise=0.002),
    Meter("bq.longterm", _AN, 9200, "", _DATA, "events_archive", growth=0.3, noise=0.001),
    Meter("bq.stream", _AN, 42_000, "analytics", _DATA, "events", 1.0, 0.0),
    Meter("pubsub", _AN, 0.055, "analytics", _DATA, "answers-topic", free=0.00033),
    Meter("pubsub", _DO, 0.012, "assessment", _HINTS, "doubts-topic"),
    Meter("log.volume", _AN, 9.5, "platform", good("platform", product="shared"), free=1.64),
    Meter("log.volume", _CO, 4.0, "content", ()),
    Meter("log.volume", _DEV, 0.9, "", (), noise=0.3),
    Meter("gcs.standard", _CO, 6200, "", _CONTENT, "pragati-lecture-masters", growth=0.2, noise=0.001),
    Meter("gcs.standard", _CO, 640, "", (), "pragati-tmp-exports", growth=0.25, noise=0.01),
    Meter("gcs.standard", _AN, 900, "", _DATA, "pragati-lake-landing", growth=0.15, noise=0.01),
    Meter("gcs.standard", _DO, 520, "", _HINTS, "pragati-doubt-images", growth=0.4, noise=0.005),
    Meter("gcs.nearline", _CO, 8200, "", _CONTENT, "pragati-lecture-masters", growth=0.2, noise=0.001),
    Meter("gcs.coldline", _CO, 11_000, "", OLD_KEYS, "pragati-old-batches", growth=0.1, noise=0.001, tags=_FORMULA),
    Meter("gcs.archive", _CO, 13_000, "", OLD_KEYS, "pragati-old-batches", growth=0.2, noise=0.001, tags=_FORMULA),
    Meter("gcs.class-a", _CO, 190_000, "content", _CONTENT, "pragati-lecture-masters", noise=0.2, free=160),
    Meter("gcs.class-b", _CO, 6_100_000, "content", _CONTENT, "pragati-lecture-masters", noise=0.1, free=1600),
    Meter("gcs.class-b", _DO, 900_000, "assessment", _HINTS, "pragati-doubt-images", noise=0.1),
    Meter("net.egress", _CO, 92, "content", _CONTENT, "lecture-lb", noise=0.08),
    Meter("net.egress", _DO, 12, "assessment", _HINTS, "doubts-lb", noise=0.08),
    Meter("net.egress", _DEV, 1.6, "", (), noise=0.5),
    Meter("net.zone", _CO, 240, "content", _CONTENT, "", noise=0.08),
    Meter("nat.hour", _CO, 48, "", good("platform", product="shared"), "nat-content", noise=0),
    Meter("nat.hour", _SH, 24, "", good("platform", product="shared"), "nat-mumbai", noise=0),
    Meter("nat.data", _CO, 30, "content", good("platform", product="shared"), "nat-content"),
    Meter("nat.data", _SH, 14, "platform", good("platform", product="shared"), "nat-mumbai"),
    Meter("ai.input", _DO, 26_000_000, "assessment", _HINTS, "", 1.05, 0.22, 0.08),
    Meter("ai.output", _DO, 3_800_000, "assessment", _HINTS, "", 1.05, 0.22, 0.08),
    Meter("ai.input", _DEV, 2_500_000, "", HOSTILE, "", noise=0.6, since=date(2024, 7, 1)),
    Meter("ai.output", _DEV, 300_000, "", HOSTILE, "", noise=0.6, since=date(2024, 7, 1)),
    Meter("disk.balanced", _CO, 1100, "", _CONTENT, "disk/encoder-data", growth=0.1, noise=0),
    Meter("disk.balanced", _CO, 400, "", OLD_KEYS, "disk/encoder-old-data", noise=0),
    Meter("disk.balanced", _DEV, 600, "", (), "disk/dev-boot", noise=0),
    Meter("disk.ssd", _DO, 220, "", _HINTS, "disk/doubts-ocr-models", noise=0),
    Meter("disk.snapshot", _CO, 1300, "", _CONTENT, "snapshot/daily", growth=0.15, noise=0.01),
    Meter("disk.snapshot", _DEV, 420, "", (), "snapshot/before-migration-2022", noise=0),
    Meter("ip.idle", _CO, 24, "", (), "address/old-lb-ip", noise=0),
    Meter("ip.idle", _DEV, 24, "", (), "address/test-vpn-ip", noise=0),
    Meter("sql.ssd", _CO, 320, "", _TEST, "quiz-db", growth=0.15, noise=0),
    Meter("sql.ssd", _DO, 260, "", _HINTS, "doubts-db-1", growth=0.3, noise=0),
    Meter("sql.ssd", _AN, 150, "", _DATA, "analytics-meta", noise=0),
    Meter("sql.ssd", _AN, 100, "", (), "legacy-reports", noise=0),
    Meter("gke.fee", _CO, 24, "", good("platform", product="shared"), "cluster/pragati-gke", noise=0, free=-1),
)  # fmt: skip
#: SKUs of which the month has a price: units are kept, not used up, and a day is a part of the month.
_KEPT = ("bq.storage", "bq.longterm", "gcs.standard", "gcs.nearline", "gcs.coldline", "gcs.archive", "sql.ssd")
#: Node units of the cluster at load 1 for each namespace, and what it follows.
_NAMESPACES = (("content", 1.15, "content-api"), ("assessment", 0.95, "quiz-engine"), ("analytics", 0.6, "event-sink"))
_FULL, _SYSTEM = 0.82, 0.06
_SINGLE = ("ip.idle", "nat.hour", "gke.fee", "disk.snapshot")


def all_usage(clock: Clock, users: Users) -> tuple[list[Usage], list[tuple[Incident, Usage, Usage]]]:
    """What runs; and for each incident the usage as it was and as it would have been."""
    rhythm = Rhythm(clock, users)
    found: list[Usage] = []
    changed: list[tuple[Incident, Usage, Usage]] = []
    for usage in [
        *_machines(clock, rhythm),
        *_trainers(clock, rhythm),
        *_cluster(clock, rhythm),
        *_meters(clock, rhythm),
    ]:
        since = clock.is_from(PROJECTS[usage.project].since)
        normal = replace(usage, hourly=np.where(since, usage.hourly, 0.0))
        now = normal
        for incident in INCIDENTS:
            if _hits(incident, usage) and (during := clock.between(incident.start, incident.end)).any():
                before = now
                often = now.hourly * incident.factor
                running = now.hourly[now.hourly > 0].max() if incident.plus else 0.0
                bad = np.where(during, np.maximum(often, incident.plus * running), now.hourly)
                now = replace(now, hourly=bad)
                changed.append((incident, now, before))
        if now.hourly.any():
            found.append(now)
    return found, changed


def _hits(incident: Incident, usage: Usage) -> bool:
    is_sku = usage.sku == incident.sku or usage.sku.partition(".")[0] == incident.sku
    name = usage.resource.name if usage.resource else ""
    return is_sku and usage.project == incident.project and (not incident.resource or name == incident.resource)


def _machines(clock: Clock, rhythm: Rhythm) -> Iterator[Usage]:
    for machine in machines(clock.company):
        series = "sql" if machine.is_database else machine.type.partition("-")[0]
        cores, gib = machine.size
        on = rhythm.pattern(machine.runs) * clock.is_from(machine.since)
        parts = [("core", cores), ("ram", gib), *([("gpu", 1.0)] if series == "g2" else [])]
        spec = () if machine.is_database else (
            ("compute.googleapis.com/cores", f"{cores:.0f}"), ("compute.googleapis.com/machine_spec", machine.type),
            ("compute.googleapis.com/memory", f"{gib * 1024:.0f}"),
        )  # fmt: skip
        for part, count in parts:
            yield Usage(f"{series}.{part}", machine.project, on * count, machine.labels, machine.resource,
                        machine.is_fine, system_labels=spec)  # fmt: skip


def _trainers(clock: Clock, rhythm: Rhythm) -> Iterator[Usage]:
    """Spot machines that train at night, as many as were to be had."""
    rng = clock.company.rng("gcp-trainers")
    had = rng.integers(2, 7, len(clock.midnights))[np.searchsorted(clock.midnights, clock.hours, "right") - 1]
    on = rhythm.pattern("training") * had * clock.company.scale
    path = f"compute.googleapis.com/projects/{_DO}/zones/{ZONE}/instanceGroups/hint-trainer"
    for part, count in (("core", 8), ("ram", 32)):
        yield Usage(f"spot.{part}", _DO, on * count, (), Resource("hint-trainer", path, ZONE), is_fine=True)


def _cluster(clock: Clock, rhythm: Rhythm) -> Iterator[Usage]:
    """One row per node pool until cost allocation is switched on, then one per namespace."""
    scale = clock.company.scale
    asked = {name: size * scale * rhythm.load(name) for name, size, _ in _NAMESPACES}
    nodes = np.ceil((sum(asked.values()) + 0.3) / _FULL)
    shares = dict(asked) | {"kube:system-overhead": nodes * _SYSTEM}
    shares["kube:unallocated"] = nodes - sum(shares.values())
    allocated = clock.is_from(clock.month_back(NAMESPACE_MONTHS))
    pool = "gke-pragati-gke-general-5f0e1c2a-grp"
    resource = Resource(pool, f"compute.googleapis.com/projects/{_CO}/zones/{ZONE}/instanceGroups/{pool}", ZONE)
    node = (*good("platform", product="shared"), ("goog-k8s-cluster-location", ZONE),
            ("goog-k8s-cluster-name", "pragati-gke"), ("goog-k8s-node-pool-name", "general"))  # fmt: skip
    apps = {name: app for name, _, app in _NAMESPACES}
    for part, count in (("core", 8), ("ram", 32)):
        yield Usage(f"e2.{part}", _CO, np.where(allocated, 0.0, nodes * count), node, resource, is_fine=True)
        for name, share in shares.items():
            more: Labels = (("k8s-namespace", name),)
            if name in apps:
                more = (("k8s-label/app", apps[name]), *more, ("k8s-workload-name", apps[name]),
                        ("k8s-workload-type", "apps/v1-Deployment"))  # fmt: skip
            yield Usage(
                f"e2.{part}", _CO, np.where(allocated, share * count, 0.0), (*node, *more), resource, is_fine=True
            )


def _meters(clock: Clock, rhythm: Rhythm) -> Iterator[Usage]:
    day = np.minimum(np.searchsorted(clock.midnights, clock.hours, "right") - 1, len(clock.midnights) - 1)
    for number, meter in enumerate(METERS):
        load = rhythm.load(meter.load) ** meter.bend if meter.load else 1.0
        rng = clock.company.rng("gcp-meter", number)
        noise = np.exp(rng.normal(0, meter.noise, len(clock.midnights)))[day] if meter.noise else 1.0
        scale = 1 if meter.sku in _SINGLE else clock.company.scale
        is_kept = meter.sku in _KEPT or meter.sku.startswith("disk.")
        units = meter.daily * 24 / MONTH_HOURS if is_kept else meter.daily
        hourly = units / 24 * scale * load * noise * (1 + meter.growth) ** clock.years
        yield Usage(meter.sku, meter.project, hourly * clock.is_from(meter.since), meter.labels, _resource(meter),
                    free=meter.free, tags=meter.tags)  # fmt: skip


def all_resources() -> Iterator[tuple[Meter, Resource]]:
    """Meters that belong to a resource with a name, and the resource."""
    for meter in METERS:
        if (resource := _resource(meter)) is not None:
            yield meter, resource


def _resource(meter: Meter) -> Resource | None:
    if not meter.resource:
        return None
    kind, _, name = meter.resource.rpartition("/")
    root = f"projects/{meter.project}"
    family = meter.sku.partition(".")[0]
    path = {
        "gcs": f"storage.googleapis.com/projects/_/buckets/{name}",
        "bq": f"bigquery.googleapis.com/{root}/datasets/{name}",
        "pubsub": f"pubsub.googleapis.com/{root}/topics/{name}",
        "sql": f"cloudsql.googleapis.com/{root}/instances/{name}",
        "gke": f"container.googleapis.com/{root}/locations/{ZONE}/clusters/{name}",
        "disk": f"compute.googleapis.com/{root}/zones/{ZONE}/disks/{name}",
        "ip": f"compute.googleapis.com/{root}/regions/asia-south1/addresses/{name}",
        "nat": f"compute.googleapis.com/{root}/regions/asia-south1/routers/{name}",
        "net": f"compute.googleapis.com/{root}/global/forwardingRules/{name}",
    }[family]
    if kind == "snapshot":
        path = f"compute.googleapis.com/{root}/global/snapshots/{name}"
    return Resource(name, path)
