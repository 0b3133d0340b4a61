"""From the values of CloudWatch, by statistic and period, to hours of our metrics. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.aws._measures import STATISTICS, Asked, Target

_AMOUNT: Final = pa.decimal128(18, 6)

Values = NDArray[np.float64]


def hours_table(
    wanted: Sequence[Target], found: Mapping[Asked, Mapping[str, Values]], start: datetime, memory: Mapping[str, float]
) -> pa.Table | None:
    """resource_id, metric, measured_at, average, maximum, p95 and unit of hours that have a value, in that order; None
    without any. `found`: a value for each period from `start`, NaN where there is none. `memory`: bytes by resource.
    """
    rows: list[tuple[Target, NDArray[np.intp], tuple[Values, Values, Values]]] = []
    for target in wanted:
        values = _merged([_hourly(target, member, found, memory) for member in target.members])
        hours = np.flatnonzero(np.isfinite(values[0]))
        if len(hours):
            rows.append((target, hours, values))
    if not rows:
        return None
    counts = [len(hours) for _, hours, _ in rows]

    def repeated(texts: Sequence[str]) -> pa.Array:
        return pa.array(texts, pa.string()).take(pa.array(np.repeat(np.arange(len(texts)), counts)))

    def amounts(which: int) -> pa.Array:
        all_values = np.round(np.concatenate([values[which][hours] for _, hours, values in rows]), 6)
        return pa.array(all_values, mask=~np.isfinite(all_values)).cast(_AMOUNT)

    first = np.datetime64(start.replace(tzinfo=None), "us")
    steps = np.concatenate([hours * (24 if target.measure.kind == "daily" else 1) for target, hours, _ in rows])
    return pa.table({
        "resource_id": repeated([target.resource for target, _, _ in rows]),
        "metric": repeated([target.measure.metric for target, _, _ in rows]),
        "measured_at": pa.array(first + steps.astype("timedelta64[h]")),
        "average": amounts(0), "maximum": amounts(1), "p95": amounts(2),
        "unit": repeated([target.measure.unit for target, _, _ in rows]),
    })  # fmt: skip


def _hourly(
    target: Target, member: Sequence[Asked], found: Mapping[Asked, Mapping[str, Values]], memory: Mapping[str, float]
) -> tuple[Values, Values, Values]:
    """Average, maximum and 95th percentile of each hour (of each day, if daily), NaN where not known."""
    measure = target.measure
    summed = [_sum(np.stack([found[one][name] for one in member])) for name in STATISTICS[measure.kind]]
    nothing = np.full(len(summed[0]), np.nan)
    if measure.kind == "level":
        return summed[0], summed[1], summed[2]
    if measure.kind == "free":
        size = memory.get(target.resource, np.nan)
        # the least that was free is the most that was used
        used = [np.where(value <= size, 100 - 100 * value / size, np.nan) for value in summed]
        return used[0], used[1], used[2]
    if measure.kind == "burst":
        fine = np.concatenate([summed[0], np.full(-len(summed[0]) % 12, np.nan)]).reshape(-1, 12)
        total, most = _sum(fine.T), _highest(fine.T) * 12
        return total / measure.divisor, most / measure.divisor, np.full(len(total), np.nan)
    return summed[0] / measure.divisor, nothing, nothing


def _sum(stack: Values) -> Values:
    return np.where(np.isfinite(stack).any(axis=0), np.nansum(stack, axis=0), np.nan)


def _merged(members: Sequence[tuple[Values, Values, Values]]) -> tuple[Values, Values, Values]:
    if len(members) == 1:
        return members[0]
    averages, maxima, highs = (np.stack(column) for column in zip(*members, strict=True))
    count = np.isfinite(averages).sum(axis=0)
    mean = np.where(count > 0, np.nansum(averages, axis=0) / np.maximum(count, 1), np.nan)
    return mean, _highest(maxima), _highest(highs)


def _highest(stack: Values) -> Values:
    known = np.isfinite(stack).any(axis=0)
    return np.where(known, np.nan_to_num(stack, nan=-np.inf).max(axis=0), np.nan)
