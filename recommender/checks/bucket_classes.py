"""Objects that are old and hardly read, in colder classes step by step: Standard-IA, then Glacier Instant Retrieval.

Age is measured (metrics `older_30d` and `older_90d`, GB of objects that old: S3 Inventory, Storage Class Analysis) or,
of a bucket whose bill shows no request in the year, taken from its size then. What is read out of them
(`read_older_30d`, `read_older_90d`, GB an hour) pays for retrieval, each object (`objects`) for its moves, and it stays
for the least time of its class before it moves on. Prices are those of the own bill in the region. Reads of an exam
season count: a history without one moves nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from recommender.action import Action, Operator, Recipe, Replacement, Split
from recommender.checks._activity import evidence, is_kept_for_a_day, is_running, saw_season, target
from recommender.checks._transfer import LEAST_INR, ask, gigabytes, monthly_inr
from recommender.fleet import Fleet, Line, Workload

TITLE = "Objects that cost less in a colder class"
OPERATOR = Operator.MODERNISE
#: What moving an object costs where the bill shows no move: a prior, USD (AWS, list price of us-east-1 to Instant
#: Retrieval, the dearer of both).
MOVE_PRIOR_USD: Final = 0.00002
#: Objects that are smaller are not moved by lifecycle rules (AWS, "Constraints and considerations for transitions").
_LEAST_KB: Final = 128
_GB_KB: Final = 1e6


@dataclass(frozen=True)
class Step:
    """A class: objects enter it at `days`, and stay for at least `least_days` or pay for them."""

    days: int
    name: str
    meter: str
    retrieval: tuple[str, ...]
    least_days: int


#: In the order in which an object walks; 30 + 60 days leave the least time of Standard-IA behind.
STEPS: Final = (
    Step(30, "STANDARD_IA", "TimedStorage-SIA-ByteHrs", ("Retrieval-SIA",), 30),
    Step(90, "GLACIER_IR", "TimedStorage-GIR-ByteHrs", ("Retrieval-GIR", "Retrieval-SIA-GIR"), 90),
)


def propose(fleet: Fleet) -> Iterator[Action]:
    """Steps for each bucket of AWS that has objects in Standard, or what is not known about it."""
    for workload in fleet.of("bucket"):
        standard = next((x for x in workload.lines if x.meter.endswith("-TimedStorage-ByteHrs")), None)
        if (
            workload.provider == "aws"
            and standard is not None
            and standard.currency in fleet.inr
            and is_running(workload)
        ):
            yield from _bucket(fleet, workload, standard)


def _bucket(fleet: Fleet, workload: Workload, standard: Line) -> Iterator[Action]:
    gb = float(standard.hourly[-30 * 24 :].mean() * 730)
    figures = {"Size": f"{gb:,.0f} GB in Standard at {standard.price:.4f} {standard.currency}"}
    title = f"{workload.name}: colder classes"

    def question(why: str) -> Iterator[Action]:
        if monthly_inr(fleet, standard) >= LEAST_INR:
            yield ask(fleet, "bucket_classes", workload, title, figures, why)

    measured = all(f"older_{step.days}d" in workload.metrics for step in STEPS)
    requests = any("Requests" in line.meter and line.hourly.any() for line in workload.lines)
    if not measured and requests:
        figures["Measure"] = "older_30d, older_90d, read_older_30d, read_older_90d and objects of S3 Inventory"
        yield from question("it is read, and how old the objects are that are read is not measured")
        return
    if not fleet.in_exam_window.any():
        yield from question("its history holds no exam window, so what the season reads is not known")
        return
    billed = {step: _billed(fleet, workload, (step.meter,)) for step in STEPS}
    prices = {step: price for step, price in billed.items() if price is not None and price < standard.price}
    if not prices:
        yield from question("no colder class of S3 is on your bill, so its price in this region is not known")
        return
    old = _old(workload, standard, gb, measured)
    reads = _reads(fleet, workload, list(prices), requests)
    if isinstance(reads, str):
        yield from question(reads)
        return
    walks = [_walk(fleet, workload, standard, gb, prices, walk, old, reads) for walk in _walks(workload, prices)]
    possible = [walk for walk in walks if isinstance(walk, Walk)]
    if not possible:
        yield from question(next(why for why in walks if isinstance(why, str)))
        return
    best = max(possible, key=lambda walk: walk.saved)
    if best.saved <= 0:
        return
    figures |= best.told
    moved = old[best.steps[0]]
    rules = [{"days": step.days, "to": step.name} for step in best.steps]
    yield Action(
        "bucket_classes", OPERATOR, workload.id,
        f"{workload.name}: {moved * gb:,.0f} GB to {' and '.join(step.name for step in best.steps)}",
        Split({standard.sku: best.parts}), evidence(fleet, figures),
        Recipe("storage_class", target(workload), {"steps": rules, "prefix": ""}),
        "medium" if measured and not is_kept_for_a_day(workload) else "low",
        "age and reads were measured through an exam window" if measured and requests
        else "the bill shows no request in the year, but not when single objects were read",
        "minutes", False, "copy the objects back to Standard",
        "objects that are read cost for each GB; one deleted early is paid for its least time",
        price_source="your own bill",
    )  # fmt: skip


def _billed(fleet: Fleet, workload: Workload, endings: tuple[str, ...]) -> float | None:
    """Price of a meter of S3 in the bucket's region on the own bill, in its currency."""
    found = [
        line.price for other in fleet.of("bucket") if (other.provider, other.region) == ("aws", workload.region)
        for line in other.lines
        if line.meter.endswith(endings) and line.price > 0 and line.currency == workload.currency
    ]  # fmt: skip
    return max(found, default=None)


def _old(workload: Workload, standard: Line, gb: float, measured: bool) -> dict[Step, float]:
    """The share of the bytes in Standard that is older than each step; what was not there then is younger."""
    found: dict[Step, float] = {}
    for step in STEPS:
        if measured:
            known = gigabytes(workload.metrics[f"older_{step.days}d"])
            known = known[np.isfinite(known)]
            then = float(known[-1]) if len(known) else 0.0
        else:
            then = float(standard.hourly[-(step.days + 1) * 24 : -step.days * 24].mean() * 730)
        found[step] = float(np.clip(then / max(gb, 1e-9), 0, min(found.values(), default=1.0)))
    return found


def _reads(fleet: Fleet, workload: Workload, steps: list[Step], requests: bool) -> dict[Step, float] | str:
    """GB a month that are read out of each step; 0 where no request was billed; else why that is not known."""
    if not requests:
        return dict.fromkeys(steps, 0.0)
    found = {}
    for step in steps:
        metric = workload.metrics.get(f"read_older_{step.days}d")
        if metric is None:
            return f"what is read of objects older than {step.days} days is not measured (read_older_{step.days}d)"
        values = gigabytes(metric)
        known = np.isfinite(values)
        if not saw_season(fleet, known):
            return "what is read of old objects is not measured through an exam window"
        found[step] = float(values[known].mean() * 730)
    return found


@dataclass(frozen=True)
class Walk:
    """Classes that objects walk through: `parts` of a GB and month, what is `saved` of its price, and figures."""

    steps: tuple[Step, ...]
    parts: tuple[Replacement, ...]
    saved: float
    told: dict[str, str]


def _walks(workload: Workload, prices: dict[Step, float]) -> list[tuple[Step, ...]]:
    """Every way through the classes; of objects that nobody has counted only those with one move each."""
    most = len(prices) if _objects(workload) is not None else 1
    return [walk for n in range(1, most + 1) for walk in itertools.combinations(prices, n)]


def _objects(workload: Workload) -> float | None:
    metric = workload.metrics.get("objects")
    known = np.zeros(0) if metric is None else metric.average[np.isfinite(metric.average)]
    return float(known[-1]) if len(known) else None


def _walk(
    fleet: Fleet, workload: Workload, standard: Line, gb: float, prices: dict[Step, float], walk: tuple[Step, ...],
    old: dict[Step, float], reads: dict[Step, float],
) -> Walk | str:  # fmt: skip
    """What it makes of the bucket; else why that is not known: retrieval has no price, or moves may eat it all."""
    count = _objects(workload)
    if count and gb * _GB_KB / count < _LEAST_KB:
        return f"its objects have {gb * _GB_KB / count:,.0f} KB on average, and below {_LEAST_KB} KB none is moved"
    code = standard.meter.partition("-")[0]
    parts = [Replacement(standard.sku, standard.price, 1 - old[walk[0]])]
    told: dict[str, str] = {}
    for step, following in itertools.zip_longest(walk, walk[1:]):
        share = old[step] - (old[following] if following else 0.0)
        parts.append(Replacement(f"{code}-{step.meter}", prices[step], share, f"{code}-{step.meter}"))
        told[step.name] = (
            f"{share * gb:,.0f} GB from day {step.days} at {prices[step]:.4f}; least time {step.least_days} days"
        )
        # reads of what is older than the next step are counted there
        out = reads[step] - (reads[following] if following else 0.0)
        if out > 0:
            price = _billed(fleet, workload, step.retrieval)
            if price is None:
                return f"reading out of {step.name} costs for each GB, and no such price is on your bill"
            parts.append(Replacement(f"{code}-{step.retrieval[0]}", price, out / gb, f"{code}-{step.retrieval[0]}"))
            told[f"Read out of {step.name}"] = f"{out:,.0f} GB a month at {price:.4f}"
    billed = _billed(fleet, workload, ("Requests-Tier4",))
    if billed is None and "USD" not in fleet.inr:
        return "what a move costs is known in dollars only, and there is no rate"
    move = billed or MOVE_PRIOR_USD * fleet.inr["USD"] / fleet.inr[workload.currency]
    told["A move of an object"] = f"{move:.6f} {workload.currency}" + ("" if billed else " (a prior)")
    if count is not None:
        moves = sum(count * old[step] for step in walk) / 12 / gb
        parts.append(Replacement(f"{code}-Requests-Tier4", move, moves, f"{code}-Requests-Tier4"))
        told["Objects"] = f"{count:,.0f}; those that are old move {len(walk)} times at most, paid over a year"
    saved = standard.price - sum(part.price * part.units for part in parts)
    if count is None and old[walk[0]] > 0:
        size_kb = move * _GB_KB / max(12 * saved / old[walk[0]], 1e-12)
        told["Objects"] = f"not counted; moves are paid back in a year if they have {size_kb:,.0f} KB on average"
        if size_kb > _LEAST_KB:
            return "moves cost for each object, and how many there are is not measured (metric objects)"
    return Walk(walk, tuple(parts), saved, told)
