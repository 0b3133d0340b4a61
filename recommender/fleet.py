"""What the company runs, as checks see it: workloads with their metered lines, hour by hour, and how busy they were.

A workload is what a person would decide about at once: an auto-scaling group, one machine, a database, a disk. Its
lines are what it is billed for. Plain data; `recommender/reading.py` fills it from a generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from core import IST
from models.design import Floats
from recommender.prices import Catalogue

Hours = NDArray[np.datetime64]
Provider = Literal["aws", "gcp", "azure"]
Kind = Literal[
    "machine", "group", "node_pool", "database", "cache", "search", "disk", "snapshot", "address", "balancer", "nat",
    "bucket", "log", "function", "cluster", "endpoint", "transfer", "commitment", "other",
]  # fmt: skip
#: An exam window: so many days before an exam until so many after it, in IST (the demo's proctors run 45 to 2).
EXAM_WINDOW: Final = (45, 3)


@dataclass(frozen=True, eq=False)
class Line:
    """What is metered alike. `hourly` (n_hours,) units in each hour of `Fleet.hours`; a day's sum is spread over its
    hours where the bill has no hours (`is_hourly` is False then).

    `sku` is what the catalogue calls it ("m6i.2xlarge/linux", "db.r6g.xlarge/postgresql", "cache.r6g.large/redis",
    "n2.core", "gp2"), else the provider's meter; `price` the list price of a unit in `currency` as it was last billed.
    `effective_price` what a unit cost lately after commitments and discounts. `region` is where it is metered, if not
    where its workload is; `sustained_ratio` the share of the list price that sustained use took off what no commitment
    covered (Google), as billed. Money here is a simulation: floats.
    """

    workload: str
    sku: str
    meter: str
    unit: str
    currency: str
    price: float
    hourly: Floats = field(repr=False)
    effective_price: float = 0.0
    is_hourly: bool = True
    is_spot: bool = False
    service_name: str = ""
    region: str = ""
    sustained_ratio: float = 0.0


@dataclass(frozen=True, eq=False)
class Metric:
    """A measure by hour, (n_hours,), NaN where nobody measured; `maximum` and `p95` too where only means are known."""

    unit: str
    average: Floats = field(repr=False)
    maximum: Floats = field(repr=False)
    p95: Floats = field(repr=False)

    @property
    def known(self) -> float:
        """The share of the hours that was measured."""
        return float(np.isfinite(self.average).mean()) if len(self.average) else 0.0


@dataclass(frozen=True, eq=False)
class Workload:
    """Something one decides about. `id` is the resource id, or "group/<account>/<name>" for machines that scale as one.

    `type` is the machine, node or volume type where there is one. `metrics`: "cpu" and "memory" in per cent, "network"
    and "disk" in GB an hour, "disk_ops" in operations a second, "connections", "requests" and "evictions" as counts,
    "cpu_credit_balance" and "cpu_surplus_credits_charged" in credits, "pods" as the share of nodes that pods asked for
    (from the bill), and those of docs/plan.md for transfer and storage. `team`, `service`, `environment`: whose it is,
    None is nobody's.
    `payer` is the billing account: commitments of one reach nothing of another.
    """

    id: str
    name: str
    kind: Kind
    provider: Provider
    account: str
    region: str
    service_name: str
    lines: tuple[Line, ...]
    type: str | None = None
    members: tuple[str, ...] = ()
    state: str | None = None
    created_at: datetime | None = None
    team: str | None = None
    service: str | None = None
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict, repr=False)
    payer: str = ""

    @cached_property
    def hourly(self) -> Floats:
        """List cost by hour in the currency of its lines, (n_hours,); a workload has one currency."""
        return np.asarray(sum((line.price * line.hourly for line in self.lines), np.zeros(1)))

    @property
    def currency(self) -> str:
        """Of all its lines."""
        return self.lines[0].currency if self.lines else "USD"

    @property
    def is_production(self) -> bool:
        """Whether its environment is production, or nobody said what it is: what is unknown is treated with care."""
        return (self.environment or "prod").strip().lower() in ("prod", "production", "prd", "live")

    def monthly(self, days: int = 30) -> float:
        """List cost of a month of 730 hours at the pace of the last `days`, in its currency."""
        recent = self.hourly[-24 * days :]
        return float(recent.mean() * 730) if len(recent) else 0.0


@dataclass(frozen=True, eq=False)
class Pods:
    """The pods of one deployment on one group of nodes. `nodes` is the workload that they run on, `share` (0 to 1)
    their part of its cost lately as the provider splits it. `metrics`: of one pod "cpu_request" in cores and
    "memory_request" in GiB, of the busiest "cpu_used" and "memory_used"; "replicas"; "hpa" above 0 where an autoscaler
    owns those."""

    cluster: str
    namespace: str
    name: str
    nodes: str
    share: float
    metrics: Mapping[str, Metric] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Fleet:
    """Everything checks may look at. `hours` (n_hours,) are the UTC hours of history, without holes, oldest first.

    `exams` are days of exams, past and to come, IST; `inr` the INR of one unit of each currency (today's, `inr_on`);
    `usd_inr` the published rates by day, oldest first; `growth` equally likely factors of the users' highest day in the
    year ahead over that of the last, () where no path of users is known; `log_users` (n_hours,) of each hour's day.
    """

    hours: Hours
    workloads: tuple[Workload, ...]
    exams: tuple[date, ...]
    inr: Mapping[str, float]
    inr_on: date
    now: datetime
    catalogue: Catalogue
    holidays: tuple[date, ...] = ()
    usd_inr: tuple[tuple[date, float], ...] = field(default=(), repr=False)
    growth: tuple[float, ...] = field(default=(), repr=False)
    log_users: Floats | None = field(default=None, repr=False)
    pods: tuple[Pods, ...] = field(default=(), repr=False)
    home_regions: tuple[str, ...] = ("ap-south-1", "ap-south-2", "asia-south1", "asia-south2", "centralindia")
    #: Services whose data the company itself names as regulated.
    regulated_services: tuple[str, ...] = ()

    @cached_property
    def ist_hours(self) -> Hours:
        """The same hours on Indian clocks (minutes cut: an hour that begins 18:30 UTC... begins at :30 in IST)."""
        return (self.hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[m]")

    @cached_property
    def ist_days(self) -> NDArray[np.datetime64]:
        """The IST day of each hour's beginning."""
        return self.ist_hours.astype("datetime64[D]")

    @cached_property
    def in_exam_window(self) -> NDArray[np.bool_]:
        """For each hour whether it lies in the window around an exam."""
        return exam_mask(self.hours, self.exams)

    @property
    def today(self) -> date:
        """The IST day of `now`."""
        return self.now.astimezone(IST).date()

    def __getitem__(self, workload_id: str) -> Workload:
        return self.workloads_by_id[workload_id]

    @cached_property
    def workloads_by_id(self) -> dict[str, Workload]:
        """The workloads by id."""
        return {workload.id: workload for workload in self.workloads}

    def of(self, *kinds: Kind) -> list[Workload]:
        """The workloads of some kinds, in order of id."""
        return sorted((w for w in self.workloads if w.kind in kinds), key=lambda w: w.id)


def exam_mask(
    hours: Hours, exams: tuple[date, ...], before: int = EXAM_WINDOW[0], after: int = EXAM_WINDOW[1]
) -> NDArray[np.bool_]:
    """For each UTC hour whether its IST day is within [exam - before, exam + after) days of an exam, (n_hours,)."""
    days = (hours.astype("datetime64[m]") + np.timedelta64(330, "m")).astype("datetime64[D]")
    inside = np.zeros(len(hours), dtype=np.bool_)
    for exam in exams:
        on = np.datetime64(exam, "D")
        inside |= (days >= on - before) & (days < on + after)
    return inside
