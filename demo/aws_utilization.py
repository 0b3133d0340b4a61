"""How busy machines were, as CloudWatch and its agent measure it: by the hour, consistent with the load they had."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo.aws_fleet import GROUPS, PROD, Group
from demo.aws_usage import HOURLY_MONTHS, Usage

#: Metrics that count what happened in the hour.
_ADDED_UP = ("requests", "network")


def utilization(usage: Usage) -> pa.Table:
    """resource_id, metric, measured_at (UTC hour), average, maximum, p95, unit: standing machines one by one, groups
    that scale as a whole (by their name), databases and caches, load balancer and NAT gateway; the last 13 months."""
    company = usage.company
    months = company.billing_months
    since = company.hours_of(months[-min(HOURLY_MONTHS, len(months))], months[-1]).start
    hours = company.hours[since:]
    columns: dict[str, list[pa.Array]] = {name: [] for name in ("at", "average", "maximum", "p95")}
    texts: dict[str, list[tuple[str, int]]] = {name: [] for name in ("resource_id", "metric", "unit")}

    def add(resource: str, metric: str, unit: str, values: np.ndarray, spread: float, on: np.ndarray) -> None:
        rng = company.rng("utilization", resource, metric)
        average = np.round(values[on] * np.exp(rng.normal(0, 0.08, int(on.sum()))), 3)
        p95 = np.round(average * (1 + spread * rng.random(len(average))), 3)
        limit = 100.0 if unit == "percent" else np.inf
        for name, array in (("average", average), ("p95", p95), ("maximum", np.round(p95 * (1 + spread / 2), 3))):
            # what an hour adds up to has neither
            kept = np.minimum(array, limit) if name == "average" or metric not in _ADDED_UP else [None] * len(array)
            columns[name].append(pa.array(kept, pa.float64()))
        columns["at"].append(pa.array(hours[on].astype("datetime64[ms]")))
        for name, text in (("resource_id", resource), ("metric", metric), ("unit", unit)):
            texts[name].append((text, len(average)))

    for group in GROUPS:
        count = usage.count(group)[since:]
        busy = _busy(usage, group)[since:]
        scales = bool(group.per_load)
        names = (
            [f"asg/{group.name}"] if scales else [usage.machine_id(group, n) for n in range(int(count.max(initial=0)))]
        )
        for number, name in enumerate(names):
            on = count > (0 if scales else number)
            add(name, "cpu", "percent", group.cpu * busy, 0.4, on)
            if group.kind != "ec2" or number == 0:
                add(name, "memory", "percent", np.clip(30 + 18 * busy, 5, 92), 0.06, on)
            if group.kind == "rds":
                add(name, "connections", "count", (12 + 90 * busy) * usage.when(group.needed)[since:], 0.5, on)
    always = np.ones(len(hours), bool)
    platform = usage.loads["platform"][since:]
    add(f"arn:aws:elasticloadbalancing:ap-south-1:{PROD}:loadbalancer/app/public/50dc", "requests", "count",
        2.2e6 * company.scale * platform, 0.3, always)  # fmt: skip
    add(
        f"arn:aws:ec2:ap-south-1:{PROD}:natgateway/nat-0a1", "network", "GB", 33 * company.scale * platform, 0.3, always
    )
    return pa.table(
        {
            **{name: _repeated(pairs) for name, pairs in texts.items() if name != "unit"},
            "measured_at": pa.chunked_array(columns["at"]),
            **{name: pa.chunked_array(columns[name]) for name in ("average", "maximum", "p95")},
            "unit": _repeated(texts["unit"]),
        }
    )


def _busy(usage: Usage, group: Group) -> np.ndarray:
    """How busy one machine of a group was against load 1: what scales stays near its target."""
    load = usage.loads[group.service]
    if group.needed != "always":
        return np.where(usage.when(group.needed), np.clip(load, 0.6, 2.2), 0.12)
    if not group.per_load:
        return np.clip(load, 0.4, 2.4)
    return np.clip(load / (group.least + np.ceil(np.maximum(load - 1, 0) * group.per_load)) * group.least, 0.3, 2.4)


def _repeated(pairs: list[tuple[str, int]]) -> pa.Array:
    known = sorted({text for text, _ in pairs})
    codes = np.repeat([known.index(text) for text, _ in pairs], [count for _, count in pairs]).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(known))
