"""A fleet of a year of hours, built by hand: `build.workload(...)`, `build.fleet(...)`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recommender.fleet import Fleet, Line, Metric, Workload
from recommender.prices import Catalogue

HOURS = np.arange(np.datetime64("2025-08-21", "h"), np.datetime64("2026-08-21", "h"))
IST_MINUTES = HOURS.astype("datetime64[m]") + np.timedelta64(330, "m")
IST_WEEKDAY = (IST_MINUTES.astype("datetime64[D]").astype(int) + 3) % 7  # Monday is 0
IST_HOUR = (IST_MINUTES.astype("datetime64[h]").astype(int)) % 24
EXAMS = (date(2024, 5, 5), date(2025, 5, 4), date(2026, 5, 3), date(2027, 5, 2))


def metric(average: Any, maximum: Any = None, unit: str = "percent") -> Metric:
    """Of a value, or of values by hour."""
    mean = np.broadcast_to(np.asarray(average, dtype=np.float64), HOURS.shape).copy()
    top = mean if maximum is None else np.broadcast_to(np.asarray(maximum, dtype=np.float64), HOURS.shape).copy()
    return Metric(unit, mean, top, (mean + top) / 2)


def line(
    workload: str = "i-1", sku: str = "m6i.xlarge/linux", price: float = 0.202, hourly: Any = 1.0, **more: Any
) -> Line:
    """A metered line of one unit in every hour."""
    units = np.broadcast_to(np.asarray(hourly, dtype=np.float64), HOURS.shape).copy()
    given = {"meter": "APS3-BoxUsage:m6i.xlarge", "unit": "Hrs", "currency": "USD", "effective_price": price} | more
    return Line(workload, sku, price=price, hourly=units, **given)


def workload(id: str = "i-1", *, lines: Any = None, **more: Any) -> Workload:
    """One machine m6i.xlarge of production in Mumbai."""
    given: dict[str, Any] = {
        "name": id, "kind": "machine", "provider": "aws", "account": "222233334444", "region": "ap-south-1",
        "service_name": "Amazon Elastic Compute Cloud", "type": "m6i.xlarge", "members": (id,), "state": "running",
        "environment": "prod", "team": "platform", "service": "platform",
        "lines": (line(id),) if lines is None else tuple(lines),
    }  # fmt: skip
    return Workload(id, **(given | more))


def fleet(*workloads: Workload, **more: Any) -> Fleet:
    """The fleet on 21 August 2026."""
    given: dict[str, Any] = {
        "hours": HOURS, "exams": EXAMS, "inr": {"USD": 95.0, "INR": 1.0}, "inr_on": date(2026, 8, 20),
        "now": datetime(2026, 8, 21, 3, tzinfo=UTC), "catalogue": Catalogue.shipped(),
    }  # fmt: skip
    return Fleet(workloads=tuple(workloads), **(given | more))


@pytest.fixture
def build() -> SimpleNamespace:
    """The builders above, and the IST hour and weekday of each hour."""
    return SimpleNamespace(
        metric=metric,
        line=line,
        workload=workload,
        fleet=fleet,
        hours=HOURS,
        ist_hour=IST_HOUR,
        ist_weekday=IST_WEEKDAY,
    )
