"""From a published generation to the fleet that checks look at: lines by hour, workloads, metrics, rates, exams.

It reads; what to make of it is the business of checks and of the plan.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from core import NotEnoughHistory
from models.design import Floats
from recommender.databases import database_sku
from recommender.finance import read_finance
from recommender.fleet import Fleet, Hours, Kind, Line, Metric, Provider, Workload
from recommender.pods import pods_of, read_deployments, read_pods
from recommender.price_list import read_catalogue
from recommender.prices import Catalogue
from recommender.surroundings import (
    exam_days,
    newest_rates,
    public_holidays,
    refuse_older,
    regulated_services,
    release_days,
)
from warehouse import Snapshot

YEAR_HOURS: Final = 365 * 24
PROVIDERS: Final[Mapping[str, Provider]] = {"AWS": "aws", "Google Cloud": "gcp", "Microsoft": "azure"}
_OS: Final = {
    "RunInstances": "linux",
    "RunInstances:0002": "windows",
    "RunInstances:0010": "rhel",
    "RunInstances:000g": "suse",
}
#: Beginning of a meter of AWS, after its region code -> kind of what bears it.
_AWS_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("BoxUsage", "machine"), ("SpotUsage", "machine"), ("DedicatedUsage", "machine"), ("EBS:SnapshotUsage", "snapshot"),
    ("EBS:", "disk"), ("NatGateway", "nat"), ("VpcEndpoint", "endpoint"), ("LoadBalancerUsage", "balancer"),
    ("LCUUsage", "balancer"), ("ElasticIP", "address"), ("PublicIPv4", "address"), ("InstanceUsage", "database"),
    ("RDS:", "database"), ("Multi-AZUsage", "database"), ("NodeUsage", "cache"), ("ESInstance", "search"),
    ("TimedStorage", "bucket"), ("Requests-Tier", "bucket"), ("Lambda", "function"), ("AmazonEKS-Hours", "cluster"),
    ("DataTransfer", "transfer"),
)  # fmt: skip
#: Part of the path of a Google resource -> kind.
_GOOGLE_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("/instanceGroups/", "node_pool"), ("cloudsql.googleapis.com", "database"), ("/instances/", "machine"),
    ("/disks/", "disk"), ("/snapshots/", "snapshot"), ("/addresses/", "address"), ("/forwardingRules/", "balancer"),
    ("/routers/", "nat"), ("/buckets/", "bucket"), ("/clusters/", "cluster"), ("/functions/", "function"),
)  # fmt: skip
_REGION_CODE: Final = re.compile(r"^(?:[A-Z]{2,4}\d?-|[a-z]{2}-[a-z]+-\d-)")
_GOOGLE_SKU: Final = re.compile(
    r"^(?:Spot Preemptible )?(?:([A-Z]\d+[A-Z]?)(?: AMD| Arm)? (?:Predefined |Custom )?Instance|Compute optimized)"
    r" (Core|Ram) running in"
)
#: The series whose SKUs Google names by what it is for.
_COMPUTE_OPTIMIZED: Final = "C2"
_DATABASE_METERS: Final = ("InstanceUsage", "Multi-AZUsage", "NodeUsage", "HeavyUsage")
_NAME_TAGS: Final = ("name", "user_name", "aws_name")
_GROUP_TAGS: Final = (
    "aws:autoscaling:groupname", "aws_autoscaling_groupname", "aws_autoscaling_group_name", "eks_nodegroup_name",
    "eks:nodegroup-name", "eks_nodegroup-name",
)  # fmt: skip
_VOLUME: Final = re.compile(
    r"^Volume(?P<part>Usage|P-IOPS|P-Throughput|IOUsage)(?:\.(?P<name>\w+))?(?:\.(?P<tier>tier\d))?$"
)
_VOLUME_NAMES: Final = {"piops": "io1"}
_VOLUME_PARTS: Final = {"Usage": "", "P-IOPS": "iops", "P-Throughput": "throughput", "IOUsage": "requests"}
_NUMBERED: Final = re.compile(r"^(?P<base>.+?)-\d+$")


@dataclass
class _Seen:
    """One distinct (resource, meter, Spot or not) of the bill."""

    key: int
    row: Mapping[str, Any]
    hourly: Floats = field(repr=False)
    is_hourly: bool = True


def read_fleet(snapshot: Snapshot, now: datetime, catalogue: Catalogue | None = None) -> Fleet:
    """The fleet of the year before the last whole day of the bill, at the known list prices or `catalogue`'s.

    Raises NotEnoughHistory where no usage is billed, KifayatError for a generation of an older version. Currencies
    without a rate are left out of `inr`; whoever needs one says so.
    """
    refuse_older(snapshot)
    # the last day that every provider has billed whole
    last = snapshot.query(
        "SELECT MIN(upto) FROM (SELECT MAX(ChargePeriodEnd) AS upto, MAX(upto) OVER () AS newest FROM charges"
        " WHERE ChargeCategory = 'Usage' AND PricingQuantity IS NOT NULL GROUP BY ProviderName)"
        " WHERE upto > newest - INTERVAL 10 DAY"
    ).rows[0][0]
    if last is None:
        raise NotEnoughHistory(0, 1, where="hours of usage in the bill")
    end = np.datetime64(last, "D").astype("datetime64[h]")
    hours = np.arange(end - YEAR_HOURS, end)
    metrics = _metrics(snapshot, hours)
    for node, pods in read_pods(snapshot, hours).items():
        metrics[node]["pods"] = pods
    workloads = read_lines(snapshot, hours, _inventory(snapshot), metrics)
    inr, on = newest_rates(snapshot)
    ends_on = end.astype(object).date()
    return Fleet(
        hours, tuple(workloads), exam_days(snapshot), inr, on or now.date(), now, catalogue or read_catalogue(snapshot),
        holidays=public_holidays(hours), releases=release_days(snapshot), finance=read_finance(snapshot, ends_on),
        usd_inr=tuple(snapshot.query(
            "SELECT rate_on, AVG(rate)::DOUBLE FROM fx_rates WHERE base_currency = 'USD' AND quote_currency = 'INR'"
            " GROUP BY rate_on ORDER BY rate_on"
        ).rows),
        pods=tuple(read_deployments(snapshot, workloads, metrics)),
        regulated_services=regulated_services(snapshot),
    )  # fmt: skip


def read_lines(
    snapshot: Snapshot,
    hours: Hours,
    inventory: Mapping[str, Mapping[str, Any]] | None = None,
    metrics: Mapping[str, Mapping[str, Metric]] | None = None,
    *,
    mean_prices: bool = False,
    resources: Sequence[str] | None = None,
) -> list[Workload]:
    """What was used in the UTC `hours` (without holes) as workloads; with what is known of them where it is given.

    Prices are the last that were billed; with `mean_prices` those of the period (rates of exchange move within it).
    `resources`: only these ids; all, and what has none, if not said.
    """
    known = _inventory(snapshot) if inventory is None else inventory
    return _workloads(_lines(snapshot, hours, mean_prices, resources), hours, known, metrics or {})


def _inventory(snapshot: Snapshot) -> dict[str, Mapping[str, Any]]:
    return {row["resource_id"]: row for row in snapshot.query(
        "SELECT resource_id, resource_type, region, state, created_at, attributes, tags FROM resource_inventory"
        " QUALIFY ROW_NUMBER() OVER (PARTITION BY resource_id ORDER BY observed_at DESC) = 1"
    ).to_dicts()}  # fmt: skip


def _lines(snapshot: Snapshot, hours: Hours, mean_prices: bool, resources: Sequence[str] | None) -> list[_Seen]:
    period = {"start": hours[0].astype(object), "end": (hours[-1] + 1).astype(object)}
    bounds: dict[str, Any] = dict(period)
    key = (
        "hash(ResourceId, ServiceName, SkuMeter, SkuId, x_Operation, RegionId, SubAccountId,"
        " BillingAccountId, PricingCategory = 'Dynamic')"
    )
    where = (
        "ChargeCategory = 'Usage' AND x_RowOrigin = 'row' AND PricingQuantity IS NOT NULL"
        " AND ChargePeriodEnd > $start AND ChargePeriodStart < $end"
    )
    if resources is not None:
        bounds["resources"] = list(resources)
        where += " AND list_contains($resources, ResourceId)"
    rows = snapshot.query(
        f"SELECT {key} AS key, ANY_VALUE(ProviderName) AS provider, ANY_VALUE(SubAccountId) AS account,"
        " ANY_VALUE(BillingAccountId) AS payer,"
        " ANY_VALUE(RegionId) AS region, ANY_VALUE(ServiceName) AS service_name, ANY_VALUE(SkuMeter) AS meter,"
        " ANY_VALUE(SkuId) AS sku_id, ANY_VALUE(x_Operation) AS operation, ANY_VALUE(PricingUnit) AS unit,"
        " ANY_VALUE(BillingCurrency) AS currency, ANY_VALUE(ResourceId) AS resource, ANY_VALUE(ResourceName) AS name,"
        " ARG_MAX(Tags, ChargePeriodStart) AS tags, ARG_MAX(x_Team, ChargePeriodStart) AS team,"
        " ARG_MAX(x_Service, ChargePeriodStart) AS service, ARG_MAX(x_Environment, ChargePeriodStart) AS environment,"
        " ANY_VALUE(PricingCategory) = 'Dynamic' AS is_spot,"
        " (CASE WHEN $mean THEN SUM(ListCost) / NULLIF(SUM(PricingQuantity), 0)"
        " ELSE ARG_MAX(COALESCE(ListUnitPrice, ListCost / NULLIF(PricingQuantity, 0)), ChargePeriodStart) END)::DOUBLE"
        " AS price,"
        " (SUM(EffectiveCost) FILTER (ChargePeriodStart >= $recent)"
        "  / NULLIF(SUM(PricingQuantity) FILTER (ChargePeriodStart >= $recent), 0))::DOUBLE AS effective_price,"
        " (SUM(EffectiveCost) / NULLIF(SUM(PricingQuantity), 0))::DOUBLE AS usual_price"
        f" FROM allocated WHERE {where} GROUP BY ALL ORDER BY resource, meter, key",
        bounds | {"recent": (hours[-1] - 30 * 24).astype(object), "mean": mean_prices},
    ).to_dicts()  # fmt: skip
    found = snapshot.arrays(
        f"SELECT {key} AS key, date_diff('hour', $start, ChargePeriodStart) AS first,"
        " date_diff('hour', ChargePeriodStart, ChargePeriodEnd) AS length, SUM(PricingQuantity)::DOUBLE AS units"
        f" FROM charges WHERE {where} GROUP BY ALL",
        bounds,
    )
    order = np.argsort(found["key"], kind="stable")
    keys = found["key"][order]
    known, firsts = np.unique(keys, return_index=True)
    edges = {
        int(key): slice(int(start), int(end))
        for key, start, end in zip(known, firsts, [*firsts, len(keys)][1:], strict=True)
    }
    # what lines of months gone by and of single resources are asked for needs it not
    sustained = {} if mean_prices or resources is not None else _sustained(snapshot, period)
    seen = []
    for row in rows:
        row["sustained"] = sustained.get((row["payer"], row["region"], row["meter"]), 0.0)
        mine = order[edges[row["key"]]]
        first, length, units = (np.asarray(found[name])[mine] for name in ("first", "length", "units"))
        length = np.maximum(length, 1)
        # a difference array: what is billed for several hours is spread over them
        steps = np.zeros(len(hours) + 1)
        np.add.at(steps, np.clip(first, 0, len(hours)), units / length)
        np.add.at(steps, np.clip(first + length, 0, len(hours)), -units / length)
        hourly = np.maximum(np.cumsum(steps)[:-1], 0.0)
        hourly[hourly < 1e-9 * max(float(hourly.max(initial=0)), 1e-30)] = 0.0
        whole = float(units.sum())
        is_hourly = whole > 0 and float(units[length == 1].sum()) > 0.5 * whole
        seen.append(_Seen(row["key"], row, hourly, is_hourly))
    return seen


def _sustained(snapshot: Snapshot, bounds: Mapping[str, Any]) -> dict[tuple[str, str, str], float]:
    """By payer, region and meter: the share of what no commitment covered that sustained use took off (Google)."""
    rows = snapshot.query(
        "SELECT BillingAccountId, RegionId, SkuMeter,"
        " -SUM(EffectiveCost) FILTER (x_ChargeType = 'SUSTAINED_USAGE_DISCOUNT')::DOUBLE AS off,"
        " (SUM(ListCost) FILTER (ChargeCategory = 'Usage' AND PricingCategory = 'Standard')"
        " + COALESCE(SUM(EffectiveCost) FILTER (x_ChargeType LIKE 'COMMITTED_USAGE_DISCOUNT%'), 0))::DOUBLE AS list"
        " FROM charges WHERE ProviderName = 'Google Cloud' AND ChargePeriodEnd > $start AND ChargePeriodStart < $end"
        " GROUP BY ALL HAVING off > 0 AND list > 0",
        bounds,
    ).rows
    # no series has more than 30 % off (Google, "Sustained use discounts")
    return {(payer, region, meter): min(off / whole, 0.3) for payer, region, meter, off, whole in rows}


def _metrics(snapshot: Snapshot, hours: Hours) -> dict[str, dict[str, Metric]]:
    """By resource and name; several measures of an hour are averaged, their maxima are the highest."""
    found: dict[str, dict[str, Metric]] = defaultdict(dict)
    names = snapshot.query("SELECT DISTINCT resource_id, metric, hash(resource_id, metric), unit FROM utilization").rows
    table = snapshot.arrays(
        "SELECT hash(resource_id, metric) AS key, date_diff('hour', $start, measured_at) AS hour,"
        " AVG(average)::DOUBLE AS average, MAX(COALESCE(maximum, average))::DOUBLE AS maximum,"
        " MAX(COALESCE(p95, average))::DOUBLE AS p95"
        " FROM utilization WHERE measured_at >= $start AND measured_at < $end GROUP BY ALL",
        {"start": hours[0].astype(object), "end": (hours[-1] + 1).astype(object)},
    )
    order = np.argsort(table["key"], kind="stable")
    keys, firsts = np.unique(table["key"][order], return_index=True)
    edges = dict(zip(keys.tolist(), np.split(order, firsts[1:]), strict=True)) if len(keys) else {}
    for resource, name, key, unit in names:
        mine = edges.get(key)
        if mine is None:
            continue
        at = np.asarray(table["hour"])[mine]
        columns = []
        for column in ("average", "maximum", "p95"):
            values = np.full(len(hours), np.nan)
            values[at] = np.ma.filled(table[column][mine].astype(np.float64), np.nan)
            columns.append(values)
        found[resource][name] = Metric(unit or "", *columns)
    return found


def _workloads(
    seen: Iterable[_Seen],
    hours: Hours,
    inventory: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, Metric]],
) -> list[Workload]:
    """Lines of one resource together; machines of a group that scales as one; what has no resource by its meter."""
    metered = {name.removeprefix("asg/") for name in metrics if name.startswith("asg/")}
    members: dict[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        members[_workload_id(one.row, inventory, metered)].append(one)
    return [_workload(id, lines, hours, inventory, metrics) for id, lines in sorted(members.items())]


def _workload_id(row: Mapping[str, Any], inventory: Mapping[str, Mapping[str, Any]], metered: set[str]) -> str:
    resource = row["resource"]
    if resource is None:
        return f"{row['account']}/{row['service_name']}/{row['meter'] or row['sku_id']}"
    if _kind(row) == "machine":
        tags = {key.lower(): value for key, value in _object(row["tags"]).items()}
        group = next((tags[key] for key in _GROUP_TAGS if tags.get(key)), None)
        if group is None and (numbered := _NUMBERED.match(_name(row, inventory, tags))):
            group = numbered["base"] if numbered["base"] in metered else None
        if group is not None:
            return f"group/{row['account']}/{group}"
    return str(resource)


def _workload(
    id: str,
    seen: list[_Seen],
    hours: Hours,
    inventory: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, Metric]],
) -> Workload:
    main = max(seen, key=lambda one: (float(one.row["price"] or 0) * float(one.hourly[-24 * 60 :].sum()), -one.key))
    row = main.row
    known = inventory.get(row["resource"] or "", {})
    is_group = id.startswith("group/")
    tags = _object(row["tags"])
    name = id.rsplit("/", 1)[-1] if is_group else _name(row, inventory, {k.lower(): v for k, v in tags.items()})
    attributes = _object(known.get("attributes"))
    lines: dict[tuple[Any, ...], list[_Seen]] = defaultdict(list)
    for one in seen:
        what = one.row["meter"], one.row["is_spot"], one.row["currency"], one.row["service_name"]
        lines[sku_of(one.row), *what].append(one)
    kind: Kind = "group" if is_group else _kind(row)
    resources = tuple(sorted({str(one.row["resource"]) for one in seen if one.row["resource"] is not None}))
    measured = metrics.get(f"asg/{name}" if is_group else str(row["resource"] or id), {})
    if is_group and (pods := pods_of(resources, metrics)) is not None:
        measured = {**measured, "pods": pods}
    type_ = attributes.get("type") or attributes.get("machine_type")
    sku = sku_of(row)
    if type_ is None and kind in ("machine", "group", "database", "cache"):
        type_ = sku.split("/")[0]
    return Workload(
        id, name, kind, PROVIDERS.get(row["provider"], "azure"), row["account"] or "", row["region"] or "",
        row["service_name"] or "",
        tuple(_line(id, parts) for _, parts in sorted(lines.items(), key=lambda item: repr(item[0]))),
        type_ if not is_group else sku.split("/")[0],
        resources, known.get("state"), known.get("created_at"), row["team"], row["service"], row["environment"],
        {key: str(value) for key, value in tags.items()}, attributes, measured, row['payer'] or '',
    )  # fmt: skip


def _line(workload: str, parts: list[_Seen]) -> Line:
    row = max(parts, key=lambda one: (np.flatnonzero(one.hourly).max(initial=-1), -one.key)).row
    recent = [one.row["effective_price"] for one in parts if one.row["effective_price"] is not None]
    listed = float(row["price"] or 0.0)
    effective = float(np.mean(recent)) if recent else float(row["usual_price"] or listed)
    # the list price of Spot is that on demand: what it costs is what was billed
    price = effective if row["is_spot"] else listed
    return Line(
        workload, sku_of(row), row["meter"] or row["sku_id"] or row["service_name"] or "", row["unit"] or "",
        row["currency"], price, np.asarray(sum(one.hourly for one in parts)), effective,
        all(one.is_hourly for one in parts), bool(row["is_spot"]), row["service_name"] or "",
        sustained_ratio=0.0 if row["is_spot"] else row["sustained"],
    )  # fmt: skip


def _kind(row: Mapping[str, Any]) -> Kind:
    if row["provider"] == "Google Cloud":
        return next((kind for part, kind in _GOOGLE_KINDS if part in (row["resource"] or "")), "other")
    meter = _REGION_CODE.sub("", row["meter"] or "")
    if row["provider"] == "AWS":
        if "CloudWatch" in (row["service_name"] or "") and "Byte" in meter:
            return "log"
        if row["resource"] is None:
            return "transfer" if "Bytes" in meter else "other"
        return next((kind for start, kind in _AWS_KINDS if meter.startswith(start)), "other")
    return "machine" if "/virtualmachines/" in (row["resource"] or "").lower() else "other"


def sku_of(row: Mapping[str, Any]) -> str:
    """The catalogue's name of what is metered, else its meter; of a row of the bill (provider, meter, operation…)."""
    meter, bare = row["meter"] or "", _REGION_CODE.sub("", row["meter"] or "")
    if row["provider"] == "AWS":
        what, _, type_ = bare.partition(":")
        if type_.startswith(("db.", "cache.")) and what.endswith(_DATABASE_METERS):
            return database_sku(type_, row["operation"] or "", is_multi_az=what.startswith("Multi-AZ"))
        if what in ("BoxUsage", "SpotUsage", "DedicatedUsage", "HeavyUsage"):
            operation = (row["operation"] or "RunInstances").split(":SV")[0]
            return f"{type_}/{_OS.get(operation, operation)}"
        if what == "EBS":
            if (volume := _VOLUME.match(type_)) is None:
                return "snapshot" if type_ == "SnapshotUsage" else type_.rpartition(".")[2]
            # a volume is sold by the GB, the IOPS (of io2 in tiers) and the throughput: "io2", "io2.iops"
            name = volume["name"] or "standard"
            parts = _VOLUME_NAMES.get(name, name), _VOLUME_PARTS[volume["part"]], volume["tier"]
            return ".".join(part for part in parts if part)
    if google := _GOOGLE_SKU.match(meter):
        return f"{(google[1] or _COMPUTE_OPTIMIZED).lower()}.{google[2].lower()}"
    return meter or row["sku_id"] or row["service_name"] or ""


def _name(row: Mapping[str, Any], inventory: Mapping[str, Mapping[str, Any]], tags: Mapping[str, Any]) -> str:
    told = next((str(tags[key]) for key in _NAME_TAGS if tags.get(key)), None)
    known = _object(inventory.get(row["resource"] or "", {}).get("attributes")).get("name")
    fallback = (row["resource"] or row["meter"] or row["service_name"] or "").rstrip("/").rsplit("/", 1)[-1]
    return str(told or known or row["name"] or fallback)


def _object(text: Any) -> dict[str, Any]:
    if isinstance(text, str) and text:
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    return dict(text) if isinstance(text, Mapping) else {}


def utc(instant: datetime) -> datetime:
    """With its zone."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
