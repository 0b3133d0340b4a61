"""List prices in 1e-10 dollars, from the tables in `facts/`; what they lack is written where it is used."""

from __future__ import annotations

import csv
from decimal import Decimal
from functools import cache

from demo.aws_line import MONEY
from demo.company import FACTS

MUMBAI, SINGAPORE = "ap-south-1", "ap-southeast-1"
#: RDS PostgreSQL, single zone, USD an hour in Mumbai: of the size of the public price, in no table here.
RDS = {
    "db.r6g.2xlarge": "1.048", "db.r6g.xlarge": "0.524", "db.r6g.large": "0.262", "db.m6g.large": "0.195",
    "db.t4g.medium": "0.085",
}  # fmt: skip


def money(usd: str | Decimal) -> int:
    """Dollars as an integer of 1e-10."""
    return int(Decimal(usd) * MONEY)


@cache
def _table(name: str, key: str, column: str, region: str, only: str = "") -> dict[str, Decimal]:
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        return {
            row[key]: Decimal(row[column])
            for row in csv.DictReader(file)
            if row["region"] == region and row[column] and (not only or row.get("engine") == only)
        }


def ec2(instance_type: str, region: str = MUMBAI, column: str = "ondemand_usd_hr") -> Decimal:
    """USD an hour of a Linux instance; `column` spot_avg_usd_hr for Spot."""
    return _table("aws_ec2_prices.csv", "instance_type", column, region)[instance_type]


def cache_node(node_type: str, column: str = "ondemand_usd_hr") -> Decimal:
    """USD an hour of an ElastiCache node (Redis) in Mumbai; `column` ri_1y_noupfront for a reserved one."""
    return _table("aws_cache_prices.csv", "instance_type", column, MUMBAI, "Redis")[node_type]


def disk(volume_type: str, region: str = MUMBAI) -> Decimal:
    """USD per GB and month of an EBS volume."""
    return _table("aws_ebs_prices.csv", "volume_type", "usd_per_gb_month", region)[volume_type]


def hourly(kind: str, instance_type: str, region: str = MUMBAI) -> Decimal:
    """On-demand USD an hour: kind ec2, rds or cache."""
    if kind == "rds":
        return Decimal(RDS[instance_type])
    return cache_node(instance_type) if kind == "cache" else ec2(instance_type, region)
