"""Commitments at AWS, applied hour by hour as AWS does: reservations first, the EC2 plan next, Compute Savings Plans
last, and what is left of an hour is lost.

Rules: AWS, "Understanding how Savings Plans apply to your usage" (highest saving first, family plans before compute
plans), "Reserved DB instances for Amazon RDS" and "Size flexibility for Amazon ElastiCache reserved nodes": any size of
the family, in any account of the payer.
"""

# ruff: noqa: E501 - the table reads best with one row a line

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from demo.aws_fleet import COMPUTE_PLAN_SHARE, INSTANCE_PLAN_SHARE, PAYER, PROD
from demo.aws_line import MONEY, QUANTITY
from demo.company import Company
from demo.prices import cache_node, hourly, money


@dataclass(frozen=True)
class Plan:
    """A Savings Plan: `hourly` USD an hour at scale 1; `family` for an EC2 plan, empty for a compute plan."""

    id: str
    kind: str
    hourly: Decimal
    start: date
    end: date
    family: str = ""
    upfront: bool = False

    @property
    def share(self) -> Decimal:
        """Its price as a share of on demand (no upfront; stated for the demo, no public table)."""
        return INSTANCE_PLAN_SHARE if self.family else COMPUTE_PLAN_SHARE

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:savingsplans::{PAYER}:savingsplan/{self.id}"

    def covers(self, instance_type: str) -> bool:
        """Whether it may pay for a type."""
        return not self.family or instance_type.startswith(self.family + ".")


@dataclass(frozen=True)
class Reservation:
    """Reserved databases or cache nodes: all of one type in one account. `upfront` is the share paid at once."""

    id: str
    kind: str
    type: str
    count: int
    start: date
    end: date
    share: Decimal
    upfront: Decimal = Decimal(0)

    @property
    def arn(self) -> str:
        """Its ARN."""
        noun = {"rds": "rds", "cache": "elasticache"}[self.kind]
        return f"arn:aws:{noun}:ap-south-1:{PROD}:{'ri' if self.kind == 'rds' else 'reserved-instance'}:{self.id}"

    def covers(self, type_: str) -> bool:
        """Whether it may pay for a type: any size of its family."""
        return type_.rpartition(".")[0] == self.type.rpartition(".")[0]

    @property
    def hour(self) -> int:
        """What an hour of one unit costs, amortised, in 1e-10 USD."""
        if self.kind == "cache":
            return money(cache_node(self.type, "ri_1y_noupfront"))
        return money((hourly(self.kind, self.type) * self.share).quantize(Decimal("0.0001")))

    @property
    def upfront_hour(self) -> int:
        """How much of it was paid at once, in 1e-10 USD."""
        return money((Decimal(self.hour) / MONEY * self.upfront).quantize(Decimal("0.00001")))


def size_units(type_: str) -> int:
    """How many units a machine takes of a reservation: large is 4, xlarge 8, 2xlarge 16."""
    size = type_.rpartition(".")[2]
    return 4 if size == "large" else 8 * int(size.removesuffix("xlarge") or 1)


def _years(start: date, count: int) -> list[tuple[date, date]]:
    return [(start.replace(year=start.year + n), start.replace(year=start.year + n + 1)) for n in range(count)]


PLANS = (
    *(Plan(f"00000000-m6i{n}-4000-8000-00000000000{n}", "EC2InstanceSavingsPlans", hourly, start, end, "m6i")
      for n, (hourly, (start, end)) in enumerate(zip(
          (Decimal("1.70"), Decimal("1.80"), Decimal("1.95")), _years(date(2023, 11, 1), 3), strict=True))),
    # small, paid at once, always used
    Plan("44444444-dddd-4000-8000-000000000004", "ComputeSavingsPlans", Decimal("0.40"), date(2025, 9, 1), date(2026, 9, 1), upfront=True),
    # bought in the peak of April: too much for the rest of the year
    Plan("11111111-aaaa-4000-8000-000000000001", "ComputeSavingsPlans", Decimal("9.80"), date(2025, 4, 20), date(2026, 4, 20)),
    Plan("22222222-bbbb-4000-8000-000000000002", "ComputeSavingsPlans", Decimal("2.10"), date(2024, 2, 1), date(2025, 2, 1)),
    Plan("33333333-cccc-4000-8000-000000000003", "ComputeSavingsPlans", Decimal("3.00"), date(2026, 4, 20), date(2027, 4, 20)),
)  # fmt: skip
RESERVATIONS = (
    *(Reservation(f"db-xlarge-{n}", "rds", "db.r6g.xlarge", 5, start, end, Decimal("0.66"), Decimal("0.5"))
      for n, (start, end) in enumerate(_years(date(2023, 10, 1), 3))),
    *(Reservation(f"db-2xlarge-{n}", "rds", "db.r6g.2xlarge", 2, start, end, Decimal("0.66"), Decimal("0.5"))
      for n, (start, end) in enumerate(_years(date(2024, 1, 1), 3))),
    *(Reservation(f"cache-large-{n}", "cache", "cache.r6g.large", 5, start, end, Decimal(1))
      for n, (start, end) in enumerate(_years(date(2024, 3, 1), 3))),
)  # fmt: skip


def in_force(start: date, end: date, hours: np.ndarray) -> np.ndarray:
    """For each hour whether a term covers it, as integers."""
    return ((hours >= np.datetime64(start, "h")) & (hours < np.datetime64(end, "h"))).astype(np.int64)


def cover(plan: Plan, rate: int, wanted: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What of the wanted units (1e-6 an hour) a plan pays for with what is left of its hour, and what that uses up.

    `rate` is on demand in 1e-10 USD an hour. Returns units and plan money, both by hour; never more than is left.
    """
    plan_rate = int((Decimal(rate) * plan.share).quantize(Decimal(1)))
    units = np.minimum(wanted, left * QUANTITY // plan_rate)
    return units, units * plan_rate // QUANTITY


def commitment(plan: Plan, company: Company, hours: np.ndarray) -> np.ndarray:
    """What a plan commits to in each hour, in 1e-10 USD."""
    return in_force(plan.start, plan.end, hours) * money(plan.hourly * company.scale)
