"""Sizes by look-back against sizes by the calendar: `python -m benchmarks.rightsizing`.

Services that do not exist: exam-facing, core and steady ones, each one machine that was bought 1.6 times as large as
last year's busiest hour and rounded up. Every rule decides on 15 February; the next twelve months judge it. A saturated
hour is one whose demand is above the size. Our rule is the check itself (`recommender/checks/oversized.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.action import Swap
from recommender.checks import oversized
from recommender.fleet import Fleet, Line, Metric, Workload
from recommender.machines import machine
from recommender.prices import Catalogue, Offer

Floats = NDArray[np.float64]
SIZES: Final = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge")
DECIDED: Final = np.datetime64("2026-02-15T00", "h")
EXAMS: Final = (date(2025, 5, 4), date(2026, 5, 3), date(2027, 5, 2))
KINDS: Final = ("exam-facing", "core", "steady")


@dataclass(frozen=True)
class Service:
    """Demand in vCPU of its machine, two years by the hour, and the type it runs on."""

    kind: str
    demand: Floats
    type: str


def services(count: int, seed: int, strong: bool) -> list[Service]:
    """A third of each kind."""
    rng = np.random.default_rng(seed)
    hours = np.arange(DECIDED - 8760, DECIDED + 8760)
    found = []
    for at in range(count):
        kind = KINDS[at % 3]
        season = np.sum(
            [np.exp(-((((hours - np.datetime64(e, "h")).astype(float) / 24) / 16) ** 2) / 2) for e in EXAMS], 0
        )
        january = np.sum(
            [np.exp(-((((hours - np.datetime64(e, "h")).astype(float) / 24 + 110) / 8) ** 2)) for e in EXAMS], 0
        )
        height = {"exam-facing": rng.uniform(2, 6) if strong else rng.uniform(0.5, 3), "core": rng.uniform(0.1, 0.5),
                  "steady": 0.0}[kind]  # fmt: skip
        day = 1 + 0.4 * np.sin((hours.astype(int) % 24 - 8) / 24 * 2 * np.pi)
        growth = np.exp(rng.normal(0.15, 0.12) * (hours - DECIDED).astype(float) / 8760)
        noise = rng.lognormal(0, 0.08, len(hours))
        demand = rng.uniform(2, 12) * day * (1 + height * season + 0.15 * height * january) * growth * noise
        wanted = 1.6 * demand[:8760].max()
        type_ = next((f"m6i.{size}" for size in SIZES if machine(f"m6i.{size}").vcpus >= wanted), "m6i.32xlarge")
        found.append(Service(kind, demand, type_))
    return found


def ladder(vcpus: float) -> str:
    """The smallest type that has so many vCPU."""
    return next((f"m6i.{size}" for size in SIZES if machine(f"m6i.{size}").vcpus >= vcpus), "m6i.32xlarge")


def look_back(days: int, statistic: float, headroom: float) -> Callable[[Service], Floats]:
    """A rule of one size: a statistic of the last days, and headroom."""

    def size(service: Service) -> Floats:
        past = service.demand[8760 - 24 * days : 8760]
        return np.full(8760, machine(ladder(float(np.quantile(past, statistic)) * headroom)).vcpus)

    return size


def ours(service: Service) -> tuple[Floats, Floats]:
    """vCPU and USD by hour of the year after, as the check proposes."""
    own = machine(service.type)
    past = service.demand[:8760] / own.vcpus * 100
    metrics = {
        "cpu": Metric("percent", past, np.minimum(past, 100), past),
        "memory": Metric("percent", *(0.25 * past,) * 3),
    }
    line = Line("s", f"{service.type}/linux", "BoxUsage", "Hrs", "USD", price(service.type), np.ones(8760))
    workload = Workload("s", "s", "machine", "aws", "1", "ap-south-1", "EC2", (line,), service.type, metrics=metrics)
    now = datetime(2026, 2, 15, tzinfo=UTC)
    fleet = Fleet(np.arange(DECIDED - 8760, DECIDED), (workload,), EXAMS, {"USD": 95.0}, now.date(), now, CATALOGUE)
    vcpus, usd = np.zeros(8760), np.zeros(8760)
    actions = [one for one in oversized.propose(fleet) if isinstance(one.change, Swap)]
    ahead = np.arange(DECIDED, DECIDED + 8760)
    for part, share in actions[0].change.apply(line, ahead) if actions else [(line, 1.0)]:
        vcpus += machine(part.sku.split("/")[0]).throughput / own.speed * np.asarray(share)
        usd += part.price * np.asarray(share)
    return vcpus, usd


CATALOGUE: Final = Catalogue.shipped()


def price(type_: str) -> float:
    """USD an hour in Mumbai."""
    return float(CATALOGUE.price(Offer("aws", "ap-south-1", f"{type_}/linux")).usd)


RULES: Final[dict[str, Callable[[Service], Floats]]] = {
    "Compute Optimizer, 14 d": look_back(14, 0.995, 1.2), "Compute Optimizer, 93 d": look_back(93, 0.995, 1.2),
    "Q99 of 3 d": look_back(3, 0.99, 1 / 0.8), "VPA P90 of 8 d": look_back(8, 0.9, 1.15),
    "365 d P99.9": look_back(365, 0.999, 1.2),
}  # fmt: skip


def main() -> None:
    """Print saturated hours a year and service, and what is saved, base and strong."""
    for strong in (False, True):
        fleet = services(120, 5, strong)
        before = sum(price(one.type) for one in fleet)
        print(f"\n{'strong' if strong else 'base'} season, {len(fleet)} services")
        print(f"{'rule':26} {'saved':>7} {'saturated h/yr':>15} {'services > 10 h':>16}")
        for name, rule in RULES.items():
            sizes = [rule(one) for one in fleet]
            cost = sum(price(ladder(float(size[0]))) for size in sizes)
            over = np.array([(one.demand[8760:] > size).sum() for one, size in zip(fleet, sizes, strict=True)])
            print(f"{name:26} {1 - cost / before:7.0%} {over.mean():15.1f} {(over > 10).mean():16.0%}")
        results = [ours(one) for one in fleet]
        over = np.array([(one.demand[8760:] > vcpus).sum() for one, (vcpus, _) in zip(fleet, results, strict=True)])
        cost = sum(float(usd.mean()) for _, usd in results)
        print(f"{'ours, by calendar':26} {1 - cost / before:7.0%} {over.mean():15.1f} {(over > 10).mean():16.0%}")
    print("\nbars: at most 1 saturated hour a year and service, at least 25 % saved")


if __name__ == "__main__":
    main()
