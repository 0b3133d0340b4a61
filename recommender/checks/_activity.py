"""What checks share: was something active, and when last; evidence and targets in one form. No check by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.action import Evidence
from recommender.fleet import EXAM_WINDOW, Fleet, Workload
from recommender.prices import MissingPrice, Offer

#: Peak CPU below which a machine does nothing (AWS Compute Optimizer, "idle": below 5 % of CPU in 14 days).
IDLE_CPU_PCT: Final = 5.0
#: Signals that are more than nothing whatever their level.
_COUNTS: Final = ("connections", "requests", "network")
#: Words in names and tags of what is kept for a day that may come.
_KEPT_FOR: Final = re.compile(r"(?<![a-z])(dr|disaster|standby|exam|proctor|failover)(?![a-z])", re.IGNORECASE)
_RECENT_HOURS: Final = 7 * 24


def is_running(workload: Workload) -> bool:
    """Whether it was billed in the last week."""
    return bool(workload.hourly[-_RECENT_HOURS:].any())


def active_hours(workload: Workload, floor_pct: float = IDLE_CPU_PCT) -> NDArray[np.bool_] | None:
    """For each hour whether a signal says that it was used: CPU at its peak above `floor_pct`, or any connection,
    request or traffic, and of nodes without such a measure any pod; None where nothing is measured that could say it.
    Hours without a measure are not active."""
    signals = [name for name in ("cpu", *_COUNTS) if name in workload.metrics]
    if not signals and "pods" in workload.metrics:
        signals = ["pods"]
    if not signals:
        return None
    found = np.zeros(len(workload.hourly), dtype=np.bool_)
    for name in signals:
        peak = workload.metrics[name].maximum
        peak = np.where(np.isfinite(peak), peak, workload.metrics[name].average)
        found |= np.nan_to_num(peak, nan=0.0) > (floor_pct if name == "cpu" else 0.0)
    return found


def known_days(workload: Workload) -> int:
    """Days in which something was measured."""
    hours = np.zeros(len(workload.hourly), dtype=np.bool_)
    for metric in workload.metrics.values():
        hours |= np.isfinite(metric.average)
    return int(hours.reshape(-1, 24).any(axis=1).sum()) if len(hours) % 24 == 0 else int(hours.sum() // 24)


def is_kept_for_a_day(workload: Workload) -> bool:
    """Whether its name or tags say that it waits for an exam or a disaster."""
    return any(_KEPT_FOR.search(text) for text in (workload.name, *workload.tags.values(), *workload.tags))


def exam_windows(
    fleet: Fleet, days_before: int = EXAM_WINDOW[0], days_after: int = EXAM_WINDOW[1]
) -> tuple[tuple[date, date], ...]:
    """The windows around exams that are not over, half-open days."""
    return tuple(
        (exam - timedelta(days=days_before), exam + timedelta(days=days_after))
        for exam in fleet.exams
        if exam + timedelta(days=days_after) > fleet.today
    )


def after_season(fleet: Fleet) -> date | None:
    """The day after the window that today lies in: nothing is rebuilt in a season. None outside of one."""
    return next((end for start, end in exam_windows(fleet) if start <= fleet.today < end), None)


def saw_season(fleet: Fleet, known: NDArray[np.bool_]) -> bool:
    """Whether most of the last exam window that lies in the history was among the `known` hours, (n_hours,)."""
    inside = fleet.in_exam_window
    return bool(inside.any() and known[inside].mean() >= 0.5)


def target(workload: Workload) -> dict[str, str]:
    """Names for a recipe."""
    return {
        "provider": workload.provider, "account": workload.account, "region": workload.region, "kind": workload.kind,
        "id": workload.id, "name": workload.name, "type": workload.type or "",
    }  # fmt: skip


def evidence(
    fleet: Fleet, figures: Mapping[str, str], chart: Mapping[str, tuple[tuple[str, float], ...]] | None = None
) -> Evidence:
    """Over all of the history."""
    start, end = fleet.ist_days[0].astype(object), fleet.ist_days[-1].astype(object)
    return Evidence(start, end + timedelta(days=1), figures, chart or {})


def weekly(fleet: Fleet, values: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
    """The highest value of each week, as points of a chart."""
    weeks = len(values) // 168
    parts = values[-weeks * 168 :].reshape(weeks, 168)
    days = fleet.ist_days[-weeks * 168 :].reshape(weeks, 168)[:, 0]
    return tuple(
        (str(day), round(float(np.nanmax(part)), 2))
        for day, part in zip(days, parts, strict=True)
        if np.isfinite(part).any()
    )


def last_active(fleet: Fleet, active: NDArray[np.bool_]) -> str:
    """The IST day of the last active hour, as text."""
    when = np.flatnonzero(active)
    return str(fleet.ist_days[when[-1]]) if len(when) else f"never since {fleet.ist_days[0]}"


def per_usd(fleet: Fleet, workload: Workload) -> float | None:
    """What a dollar of AWS's list price is in the currency of a machine's bill, by the list price of its own type on
    both; 1 for a bill in dollars, None where one of the two is not known."""
    if workload.currency == "USD":
        return 1.0
    line = workload.lines[0]
    try:
        listed = float(fleet.catalogue.price(Offer("aws", workload.region, line.sku)).usd)
    except MissingPrice:
        return None
    return line.price / listed if line.price > 0 else None
