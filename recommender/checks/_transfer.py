"""What checks of data transfer share: measured bytes, and what bytes between regions cost on the bill. No check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.design import Floats
from recommender.action import Action, Nothing, Operator, Recipe, Replacement
from recommender.checks._activity import evidence, saw_season
from recommender.fleet import Fleet, Line, Metric, Workload

#: Less than that a month is not worth measuring, INR.
LEAST_INR: Final = 5000.0
#: Days that have to be measured before a share is believed.
LEAST_DAYS: Final = 30
#: Bytes of a unit, small letters: of metrics and of meters.
_BYTES: Final = {
    "": 1e9, "gb": 1e9, "gigabytes": 1e9, "gib": 2**30, "gibibyte": 2**30, "gibibytes": 2**30, "mb": 1e6,
    "megabytes": 1e6, "mib": 2**20, "kb": 1e3, "kib": 2**10, "bytes": 1.0, "byte": 1.0, "b": 1.0, "tb": 1e12,
    "tib": 2**40, "tebibyte": 2**40,
}  # fmt: skip
#: Region -> how meters of AWS begin there, how meters of Google call it (AWS, "Understanding your usage reports").
_CODES: Final = {"ap-south-1": "APS3", "ap-south-2": "APS5", "ap-southeast-1": "APS1", "us-east-1": "USE1",
                 "us-east-2": "USE2"}  # fmt: skip
_PLACES: Final = {"asia-south1": "Mumbai", "asia-south2": "Delhi", "asia-southeast1": "Singapore",
                  "us-central1": "Iowa", "us-east1": "South Carolina"}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A `share` (0 to 1) of a meter's units, over `days` that were measured, with an exam window or without."""

    share: float
    days: int
    with_season: bool

    @property
    def told(self) -> str:
        """For a person."""
        season = "an exam window among them" if self.with_season else "no exam window among them"
        return f"{self.share:.0%} of the volume, measured on {self.days} days, {season}"


def gigabytes(metric: Metric) -> Floats:
    """GB of each hour, (n_hours,), NaN where nobody measured or the unit is not known."""
    size = _BYTES.get(metric.unit.strip().lower())
    return metric.average * (size / 1e9 if size else np.nan)


def line_gigabytes(line: Line) -> Floats:
    """GB that a meter of bytes counted in each hour, (n_hours,)."""
    return line.hourly * _BYTES.get(line.unit.strip().lower(), 1e9) / 1e9


def share_of(fleet: Fleet, workload: Workload, line: Line, names: Sequence[str]) -> Measured | None:
    """How much of a line's bytes the metrics `names` together explain; None if measured on less than 30 days."""
    found = [gigabytes(workload.metrics[name]) for name in names if name in workload.metrics]
    if not found:
        return None
    known: NDArray[np.bool_] = np.asarray(np.isfinite(np.stack(found)).any(axis=0))
    whole = float(line_gigabytes(line)[known].sum())
    if known.sum() < LEAST_DAYS * 24 or whole <= 0:
        return None
    part = float(np.nansum(np.stack(found)))
    return Measured(float(np.clip(part / whole, 0, 1)), int(known.sum() // 24), saw_season(fleet, known))


def monthly_gb(line: Line) -> float:
    """GB of a month at the pace of the last 30 days."""
    return float(line_gigabytes(line)[-30 * 24 :].mean() * 730)


def monthly_inr(fleet: Fleet, line: Line) -> float:
    """List cost of a month at the pace of the last 30 days, INR."""
    return fleet.inr.get(line.currency, 0.0) * line.price * float(line.hourly[-30 * 24 :].mean()) * 730


def between(fleet: Fleet, provider: str, one: str, other: str, currency: str) -> tuple[float, str] | None:
    """What a GB between two regions costs on the own bill, in `currency`, the dearer direction, and its meter."""
    found: list[tuple[float, str]] = []
    for workload in fleet.workloads:
        if workload.provider != provider:
            continue
        for line in workload.lines:
            if line.currency == currency and line.price > 0 and _joins(line.meter, provider, one, other):
                found.append((line.price * 1e9 / _BYTES.get(line.unit.strip().lower(), 1e9), line.meter))
    return max(found, default=None)


def _joins(meter: str, provider: str, one: str, other: str) -> bool:
    if provider == "aws":
        a, b = _CODES.get(one, "?"), _CODES.get(other, "?")
        return meter in (f"{a}-{b}-AWS-Out-Bytes", f"{b}-{a}-AWS-Out-Bytes")
    a, b = _PLACES.get(one, "?"), _PLACES.get(other, "?")
    return "Inter Region" in meter and (f"from {a} to {b}" in meter or f"from {b} to {a}" in meter)


def moved_bytes(fleet: Fleet, workload: Workload, to: str) -> Replacement | str:
    """What a unit of the workload's machines sends and receives, as a meter between its region and `to`; else why it
    cannot be said. All of its traffic is taken to cross: a bound that only a map of its callers would lower."""
    network = workload.metrics.get("network")
    lines = [line for line in workload.lines if line.sku.endswith(".core") or "/" in line.sku]
    units = np.asarray(sum((line.hourly for line in lines), np.zeros(len(fleet.hours))))
    if network is None:
        return "how much it sends and receives is not measured (metric network)"
    traffic = gigabytes(network)
    known = np.isfinite(traffic) & (units > 0)
    if known.sum() < LEAST_DAYS * 24 or not saw_season(fleet, np.isfinite(traffic)):
        return "its traffic is not measured through an exam window (metric network)"
    price = between(fleet, workload.provider, workload.region, to, workload.currency)
    if price is None:
        return f"no byte between {workload.region} and {to} is on your bill, so what one costs is not known"
    usd, meter = price
    return Replacement(meter, usd, float(traffic[known].sum() / units[known].sum()), meter, region=to)


def ask(
    fleet: Fleet, check: str, workload: Workload, title: str, figures: dict[str, str], unknown: str,
    recipe: Recipe | None = None, operator: Operator = Operator.MODERNISE,
) -> Action:  # fmt: skip
    """What to measure, and what is at stake at most; no figure."""
    return Action(
        check, operator, workload.id, title, Nothing(), evidence(fleet, figures), recipe, "low", "", "hours",
        reason=unknown,
    )  # fmt: skip
