"""What machine types can do: vCPU, memory, network, disk, architecture, speed; how often Spot is taken away.

Specifications of AWS are a dated file, Google's are read from the name of the type. Speeds per vCPU are priors, told as
such. No prices here: those are `recommender/prices.py`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from core import KifayatError
from recommender.bill import normalisation_factor
from recommender.prices import FACTS

#: Throughput of a vCPU against an Intel one of 2017 (m5). Priors from public benchmarks of web and compile loads,
#: rounded down for what is newer: a measure of one's own service should replace them.
_SPEED: Final[Mapping[str, float]] = {
    "4": 0.85, "5": 1.0, "5a": 0.9, "5n": 1.0, "5d": 1.0, "6i": 1.15, "6a": 1.15, "6g": 1.1, "6in": 1.15, "7i": 1.3,
    "7a": 1.6, "7g": 1.35, "8g": 1.6, "8i": 1.45, "8a": 1.75,
}  # fmt: skip
_GOOGLE_SPEED: Final[Mapping[str, float]] = {
    "n1": 0.85, "e2": 0.9, "n2": 1.0, "n2d": 1.05, "t2d": 1.45, "n4": 1.15, "n4d": 1.2, "c2": 1.15, "c2d": 1.2,
    "c3": 1.25, "c3d": 1.3, "c4": 1.4, "c4d": 1.5, "c4a": 1.4,
}  # fmt: skip
#: Most that a month of running takes off the list price (Google, "Sustained use discounts"); other series have none.
_SUSTAINED: Final[Mapping[str, float]] = {"n1": 0.3, "n2": 0.2, "n2d": 0.2, "c2": 0.2}
_GIB_PER_VCPU: Final = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_GOOGLE_GIB: Final = {("t2d", "standard"): 4.0, ("c3", "highcpu"): 2.0, ("n4", "highcpu"): 2.0, ("e2", "highcpu"): 1.0}
_AWS: Final = re.compile(r"^(?P<letter>[a-z]+?)(?P<generation>\d[a-z]*)\.(?P<size>[\w-]+)$")
_SHARED_CORE: Final = re.compile(r"^(t\d\w*\.|e2-(micro|small|medium)$|f1-micro$|g1-small$)")
_GOOGLE: Final = re.compile(r"^(?P<series>[a-z]\d[a-z]?)-(?P<shape>standard|highmem|highcpu)-(?P<vcpus>\d+)$")


class UnknownMachine(KifayatError):
    """A type that nobody described: a reason on the item, never a guess."""


@dataclass(frozen=True)
class Machine:
    """One type. `family` m6i or n2-standard, `speed` of a vCPU (1 is m5); `network_gbps`, `disk_mbps`: what it has all
    the time, 0 where nobody says."""

    type: str
    family: str
    vcpus: float
    memory_gib: float
    architecture: str
    speed: float
    network_gbps: float = 0.0
    disk_mbps: float = 0.0
    is_burstable: bool = False
    has_gpu: bool = False

    @property
    def throughput(self) -> float:
        """vCPUs times their speed."""
        return self.vcpus * self.speed


def machine(type_: str) -> Machine:
    """What a type can do. Raises UnknownMachine."""
    if (google := _google(type_)) is not None:
        return google
    found = _specs().get(type_)
    if found is None:
        raise UnknownMachine(f"the machine type {type_!r} is not known", expected="a type as m6i.xlarge")
    return found


def is_burstable(type_: str) -> bool:
    """Whether a type has a part of its vCPUs only: t3.large, db.t4g.medium, e2-medium."""
    return bool(_SHARED_CORE.match(type_.removeprefix("db.").removeprefix("cache.")))


@cache
def sizes(type_: str) -> tuple[Machine, ...]:
    """The types that differ from one in size or shape only: same generation and processor (m6i, c6i and r6i)."""
    return tuple(_sizes(type_))


def _sizes(type_: str) -> Iterator[Machine]:
    own = machine(type_)
    if google := _GOOGLE.match(type_):
        for shape in _GIB_PER_VCPU:
            for vcpus in (1, 2, 4, 8, 16, 32, 48, 64):
                if (one := _google(f"{google['series']}-{shape}-{vcpus}")) is not None:
                    yield one
        return
    generation = _AWS.match(type_)
    if generation is None or own.is_burstable or own.has_gpu:
        return
    shapes = ("c", "m", "r")
    for letter in shapes if generation["letter"] in shapes else (generation["letter"],):
        for other in _specs().values():
            if other.family == f"{letter}{generation['generation']}" and _is_size(other.type):
                yield other


def cache_node(type_: str) -> Machine:
    """What a node of ElastiCache can do: its vCPUs, and the memory that it has for data. Raises UnknownMachine."""
    found = _cache_nodes().get(type_)
    if found is None:
        raise UnknownMachine(f"the cache type {type_!r} is not known", expected="a type as cache.r6g.large")
    return found


def cache_sizes(type_: str) -> tuple[Machine, ...]:
    """Nodes that differ from one in size or shape only: cache.r6g.large and cache.m6g.large."""
    own = _AWS.match(cache_node(type_).type.removeprefix("cache."))
    return tuple(
        one for one in _cache_nodes().values()
        if own and (other := _AWS.match(one.type.removeprefix("cache."))) and not one.is_burstable
        and other["generation"] == own["generation"] and {other["letter"], own["letter"]} <= {"m", "r"}
    )  # fmt: skip


@cache
def alike(type_: str) -> tuple[Machine, ...]:
    """Types of one size and shape of other generations and processors: m6i.xlarge -> m6a.xlarge, m7g.xlarge, …"""
    return tuple(_alike(type_))


def _alike(type_: str) -> Iterator[Machine]:
    own = machine(type_)
    if own.has_gpu or own.is_burstable:
        return
    if google := _GOOGLE.match(type_):
        for series in _GOOGLE_SPEED:
            other = _google(f"{series}-{google['shape']}-{google['vcpus']}")
            if other is not None and other.memory_gib >= own.memory_gib and series != google["series"]:
                yield other
        return
    found = _AWS.match(type_)
    if found is None:
        return
    for generation in _SPEED:
        family = f"{found['letter']}{generation}"
        other = _specs().get(f"{family}.{found['size']}")
        if other is not None and family != own.family and other.memory_gib >= own.memory_gib and not other.has_gpu:
            yield other


def sustained_kept(own: Machine, new: Machine) -> float:
    """How much of its discount for sustained use a machine keeps as another, 0 to 1; none on E2, N4, C3, C4 and T2D."""
    most, then = (_SUSTAINED.get(one.family.partition("-")[0], 0.0) for one in (own, new))
    return min(then / most, 1.0) if most else 0.0


def interruption(region: str, type_: str) -> str | None:
    """How often Spot machines of a type are taken away a month ("<5%" to ">20%"), None where nobody says."""
    return _advisor().get((region, type_))


def _is_size(type_: str) -> bool:
    try:
        return normalisation_factor(type_.partition(".")[2]) >= 4
    except KifayatError:
        return False


def _google(type_: str) -> Machine | None:
    found = _GOOGLE.match(type_)
    if found is None or found["series"] not in _GOOGLE_SPEED:
        return None
    series, shape, vcpus = found["series"], found["shape"], float(found["vcpus"])
    if series == "t2d" and shape != "standard":
        return None
    gib = _GOOGLE_GIB.get((series, shape), _GIB_PER_VCPU[shape]) * vcpus
    arch = "arm64" if series == "c4a" else "x86_64"
    return Machine(type_, f"{series}-{shape}", vcpus, gib, arch, _GOOGLE_SPEED[series])


@cache
def _specs() -> Mapping[str, Machine]:
    found = {}
    for row in _rows("aws_ec2_specs.csv.gz"):
        name = _AWS.match(row["instance_type"])
        if name is None:
            continue
        found[row["instance_type"]] = Machine(
            row["instance_type"], f"{name['letter']}{name['generation']}", float(row["vcpus"]),
            float(row["memory_mib"]) / 1024, row["arch"].split(",")[0], _SPEED.get(name["generation"], 1.0),
            float(row["baseline_bandwidth_gbps"] or 0), float(row["ebs_baseline_mbps"] or 0) / 8,
            row["burstable"] == "True", bool(row["gpu_count"]),
        )  # fmt: skip
    return found


@cache
def _cache_nodes() -> Mapping[str, Machine]:
    found = {}
    for row in _rows("aws_elasticache_opensearch_prices.csv.gz"):
        name = _AWS.match(row["instance_type"].removeprefix("cache."))
        if row["service"] == "elasticache" and name is not None:
            found[row["instance_type"]] = Machine(
                row["instance_type"], f"cache.{name['letter']}{name['generation']}", float(row["vcpus"]),
                float(row["memory_gib"]), "", _SPEED.get(name["generation"], 1.0),
                is_burstable=name["letter"] == "t",
            )  # fmt: skip
    return found


@cache
def _advisor() -> Mapping[tuple[str, str], str]:
    return {
        (row["region"], row["instance_type"]): row["interruption_range"]
        for row in _rows("aws_spot_advisor.csv.gz")
        if row["os"] == "Linux"
    }


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(gzip.decompress((FACTS / name).read_bytes()).decode("utf-8")))
