"""What databases and caches of AWS are called, and which of them a reservation or a Database Savings Plan reaches.

Rules. AWS, "Reserved DB instances for Amazon RDS": one region, engine, licence and family; any size within it for
MySQL, MariaDB, PostgreSQL, Aurora and Oracle with one's own licence, the same size only for SQL Server and Oracle with
licence; a Multi-AZ instance takes twice the units. AWS, "New - Size flexibility for Amazon ElastiCache reserved nodes"
(October 2024): any size of the family; a node of Valkey takes 0.8 of the units of one of Redis OSS, as it costs 0.8.
AWS, "Database Savings Plans" (December 2025): machines of the seventh generation and newer, of caches only Valkey.
"""

from __future__ import annotations

import re
from typing import Final

from core import BadValue
from recommender.bill import normalisation_factor

#: Last part of the operation on the bill -> engine, and whether a reservation of it is flexible in size.
_ENGINES: Final = {
    "0002": ("mysql", True), "0005": ("oracle-ee-byol", True), "0014": ("postgresql", True),
    "0016": ("aurora-mysql", True), "0018": ("mariadb", True), "0019": ("oracle-se2-byol", True),
    "0021": ("aurora-postgresql", True), "0008": ("sqlserver-se-byol", False), "0009": ("sqlserver-ee-byol", False),
    "0010": ("sqlserver-ex", False), "0011": ("sqlserver-web", False), "0012": ("sqlserver-se", False),
    "0015": ("sqlserver-ee", False), "0020": ("oracle-se2", False),
}  # fmt: skip
_FLEXIBLE: Final = {name for name, is_flexible in _ENGINES.values() if is_flexible}
_CACHES: Final = {"0001": "memcached", "0002": "redis", "valkey": "valkey"}
_VALKEY_UNITS: Final = 0.8
_MULTI_AZ: Final = "/multi-az"
_GENERATION: Final = re.compile(r"^(?:db|cache)\.[a-z]+(\d+)")


def database_sku(type_: str, operation: str, *, is_multi_az: bool = False) -> str:
    """The catalogue's name: "db.r6g.xlarge/postgresql", "db.r7g.large/mysql/multi-az", "cache.r6g.large/redis".

    `type_` as a meter has it, where sizes may be short ("db.r7i.2xl"); an operation that is not known leaves no engine.
    """
    known = re.sub(r"xl$", "xlarge", type_)
    code = operation.rpartition(":")[2].lower()
    if known.startswith("cache."):
        return f"{known}/{_CACHES.get(code, 'redis')}"
    engine = f"/{_ENGINES[code][0]}" if code in _ENGINES else ""
    return f"{known}{engine}{_MULTI_AZ if is_multi_az else ''}"


def reservation_of(sku: str, region: str) -> tuple[str, float]:
    """Scope of the reservations that reach a database or cache, and the units that one of it takes: normalised ones of
    its family and engine ("db.r6g/postgresql/ap-south-1", 8.0), or whole machines of its type where sizes are fixed."""
    bare = sku.removesuffix(_MULTI_AZ)
    type_, _, engine = bare.partition("/")
    family, _, size = type_.rpartition(".")
    times = 2.0 if sku.endswith(_MULTI_AZ) else 1.0
    try:
        factor = normalisation_factor(size)
    except BadValue:
        factor = 0.0
    if not factor or (type_.startswith("db.") and engine not in _FLEXIBLE):
        return f"{bare}/{region}", times
    if engine == "valkey":
        return f"{family}/redis/{region}", factor * _VALKEY_UNITS
    return f"{family}/{engine}/{region}", factor * times


def is_in_database_plans(sku: str) -> bool:
    """Whether a Database Savings Plan reaches a database or cache."""
    type_, _, engine = sku.removesuffix(_MULTI_AZ).partition("/")
    generation = _GENERATION.match(type_)
    if generation is None or int(generation[1]) < 7:
        return False
    return engine == "valkey" if type_.startswith("cache.") else engine in _FLEXIBLE
