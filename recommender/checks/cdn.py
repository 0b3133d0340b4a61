"""What leaves from the origin though a CDN could answer, and edges that cost more than those at home.

Gain = hits x (price at the origin - price at the CDN) less what the CDN takes for requests; only what can be cached and
hits counts. Metrics of the origin's egress: `cacheable_share` and `hit_ratio` (0 to 1, or per cent) from access logs,
`requests` an hour. The CDN's prices are those of the own bill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Replacement, Split
from recommender.checks._activity import after_season, evidence, saw_season
from recommender.checks._in_order import rupees
from recommender.checks._transfer import LEAST_DAYS, LEAST_INR, ask, line_gigabytes, monthly_gb, monthly_inr
from recommender.fleet import Fleet, Line, Workload

TITLE = "Egress that a CDN would answer, and edges that cost more"
OPERATOR = Operator.MODERNISE
_EGRESS: Final = ("DataTransfer-Out-Bytes", "Internet Data Transfer Out")
#: Beginning of CloudFront's meters -> the class of prices that holds the edge (AWS, "Choosing the price class").
_CLASS: Final = {
    "US": "100", "CA": "100", "MX": "100", "EU": "100", "IN": "200", "JP": "200", "AP": "200", "ZA": "200", "ME": "200",
    "SA": "All", "AU": "All",
}  # fmt: skip


def propose(fleet: Fleet) -> Iterator[Action]:
    """The origin's egress, and the classes of prices of distributions."""
    for workload in sorted(fleet.workloads, key=lambda w: w.id):
        if "CloudFront" in workload.service_name:
            yield from _price_class(fleet, workload)
            continue
        lines = [line for line in workload.lines if any(part in line.meter for part in _EGRESS) and line.hourly.any()]
        if lines:
            yield from _origin(fleet, workload, lines)


def _ratio(workload: Workload, name: str) -> float | None:
    metric = workload.metrics.get(name)
    if metric is None or np.isfinite(metric.average).sum() < LEAST_DAYS * 24:
        return None
    percent = metric.unit.strip().lower() in ("percent", "%", "pct")
    return float(np.clip(np.nanmean(metric.average) / (100 if percent else 1), 0, 1))


def _origin(fleet: Fleet, workload: Workload, lines: list[Line]) -> Iterator[Action]:
    gb, inr = sum(map(monthly_gb, lines)), sum(monthly_inr(fleet, line) for line in lines)
    figures = {"Volume": f"{gb:,.0f} GB a month", "It costs": f"{rupees(inr)} a month"}
    found = _at_edge(fleet, workload, lines, figures)
    if isinstance(found, str):
        if inr >= LEAST_INR:
            title = f"{gb:,.0f} GB a month out to the internet ({workload.name})"
            yield ask(fleet, "cdn", workload, title, figures, found)
        return
    season = saw_season(fleet, np.isfinite(workload.metrics["cacheable_share"].average))
    yield Action(
        "cdn", OPERATOR, workload.id, f"Answer {figures['Hits']} of {workload.name} at the edge", found,
        evidence(fleet, figures), None, "medium" if season else "low",
        "measured through an exam window" if season else "measured, but not in an exam window", "days", False,
        "point the name back at the origin", "what is cached too long is old; never cache what is one student's",
        starts_on=after_season(fleet), price_source="your own bill",
    )  # fmt: skip


def _at_edge(fleet: Fleet, workload: Workload, lines: list[Line], figures: dict[str, str]) -> Split | str:
    """The egress with its hits at the CDN's prices, and what was looked at; else why it cannot be said."""
    cacheable, hits = _ratio(workload, "cacheable_share"), _ratio(workload, "hit_ratio")
    if cacheable is None or hits is None:
        figures["Measure"] = "cacheable_share and hit_ratio of access logs"
        return "not in the bill: which share could be cached at the edge, and how often it would hit"
    edge = _edge(fleet, workload.provider, lines[0].currency)
    figures |= {"Could be cached": f"{cacheable:.0%}", "Hits": f"{cacheable * hits:.0%}"}
    if edge is None:
        return "no CDN is on your bill, so what a GB at its edge costs you is not known"
    delivery, request = edge
    figures["At the edge"] = f"{delivery.price:.4f} {delivery.currency} a {delivery.unit}, as you pay already"
    asked = 0.0  # requests at the edge for a GB
    if request is not None:
        if (requests := workload.metrics.get("requests")) is None:
            return "the CDN also takes for requests, and how many there are is not measured (metric requests)"
        volume = np.asarray(sum(line_gigabytes(line) for line in lines))
        counted = np.isfinite(requests.average) & (volume > 0)
        asked = float(requests.average[counted].sum() / max(volume[counted].sum(), 1e-12)) * cacheable
        figures["Requests at the edge"] = f"{asked * sum(map(monthly_gb, lines)):,.0f} a month"
    to = {}
    for line in lines:
        size = _gb(line)
        parts = [
            Replacement(line.sku, line.price, 1 - cacheable * hits),
            Replacement(delivery.sku, delivery.price, cacheable * hits * size / _gb(delivery), delivery.meter),
        ]
        if request is not None:
            parts.append(Replacement(request.sku, request.price, asked * size, request.meter))
        to[line.sku] = tuple(parts)
    return Split(to)


def _gb(line: Line) -> float:
    """GB of one unit of the line."""
    total = float(line.hourly.sum())
    return float(line_gigabytes(line).sum()) / total if total > 0 else 1.0


def _edge(fleet: Fleet, provider: str, currency: str) -> tuple[Line, Line | None] | None:
    """The line of the provider's CDN that delivers most of all, and that of its requests, from the own bill."""
    word = "CloudFront" if provider == "aws" else "Cloud CDN"
    lines = [
        line for workload in fleet.workloads if workload.provider == provider for line in workload.lines
        if (word in workload.service_name or word in line.meter) and line.currency == currency and line.price > 0
    ]  # fmt: skip
    out = [line for line in lines if "Out-Bytes" in line.meter or "Data Transfer" in line.meter]
    asked = [line for line in lines if "Requests" in line.meter or "Lookup" in line.meter]
    if not out:
        return None

    def size(line: Line) -> float:
        return float(line.hourly.sum())

    return max(out, key=size), max(asked, key=size, default=None)


def _price_class(fleet: Fleet, workload: Workload) -> Iterator[Action]:
    """Edges outside the class that holds India and its neighbours; what their users would cost from another edge
    depends on which one answers, so no figure."""
    volume: dict[str, float] = defaultdict(float)
    for line in workload.lines:
        if "DataTransfer-Out-Bytes" in line.meter:
            volume[line.meter.partition("-")[0]] += monthly_gb(line)
    total = sum(volume.values())
    beyond = sum(gb for edge, gb in volume.items() if _CLASS.get(edge) == "All")
    if total <= 0 or beyond <= 0:
        return
    mix = ", ".join(f"{edge} {gb / total:.1%}" for edge, gb in sorted(volume.items(), key=lambda item: -item[1]))
    prices = {line.meter.partition("-")[0]: line.price for line in workload.lines if "Out-Bytes" in line.meter}
    figures = {
        "Edges by volume": mix, "Prices": ", ".join(f"{edge} ${usd:.3f} a GB" for edge, usd in sorted(prices.items())),
        "Only in PriceClass_All": f"{beyond:,.0f} GB a month",
        "Never": "PriceClass_100: it has no edge in India",
    }  # fmt: skip
    yield ask(
        fleet, "cdn", workload, f"{workload.name}: PriceClass_200 leaves out the dearest edges", figures,
        "which edge would answer instead, and at which of its prices, is not in the bill",
    )  # fmt: skip
