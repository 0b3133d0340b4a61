"""Why a provider's advice and our plan differ: sentences that follow from what is measured, billed, held and decided.

Nothing is guessed about the provider: what cannot be derived from facts here is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from core import KifayatError
from recommender.checks import _sizes
from recommender.checks._activity import active_hours, is_kept_for_a_day, is_running, last_active
from recommender.checks._in_order import rupees
from recommender.fleet import Fleet, Workload
from recommender.machines import cache_node, machine
from recommender.plan import Item
from recommender.prepared import Prepared
from recommender.purchases import Purchase
from recommender.short_history import is_short
from recommender.sizing import Candidate, peak
from recommender.their_levers import ENDS, RESIZES, type_of
from recommender.their_purchases import UNKNOWN_TERM
from recommender.theirs import Priced, reach
from recommender.usage import Usage

#: Two figures that differ by less are one.
ALIKE: Final = 0.1
#: A season whose CPU peaks no higher than that above their window's has shown them nothing new, per cent of the CPU.
_NO_PEAK_PCT: Final = 2.0
#: Checks of ours that look for what the providers look for too (AWS: actions and resources of Cost Optimization Hub;
#: Google: recommenders of idle and oversized machines, disks, addresses, databases, and of committed use).
THEIRS_TOO: Final = frozenset({
    "burstable", "commit", "idle_compute", "newer_machine", "oversized", "oversized_cache", "oversized_database",
    "oversized_group", "provisioned_iops", "storage", "unused_parts",
})  # fmt: skip


def against(one: Priced, fleet: Fleet) -> list[str]:
    """What stands against doing it: a type that does not carry the year, or a thing that waits for its season."""
    workload = one.workload
    if workload is None:
        return []
    if one.advice.action in ENDS:
        return list(_waits(workload, fleet))
    if one.advice.action in RESIZES and workload.type is not None:
        return list(_too_small(one, workload, fleet))
    return []


def of_theirs(
    one: Priced, item: Item | None, more: Sequence[Item], prepared: Prepared, after: Usage, *, is_same: bool
) -> Iterator[str]:  # fmt: skip
    """Why what they say is not what we say of the same thing: our `item`, and `more` of ours that is planned for it;
    `after` is what the plan's other levers leave."""
    if one.unpriced:
        yield one.unpriced
    workload = one.workload
    if workload is not None:
        if not is_same:
            yield from _window(one, workload, prepared.fleet)
        if not is_running(workload):
            used = np.flatnonzero(workload.hourly)
            last = f", last on {_day(prepared.fleet, used[-1])}" if len(used) else ""
            yield f"it is billed no more{last}"
        yield from against(one, prepared.fleet)
    yield from _money(one)
    if isinstance(one.lever, Purchase):
        yield from _commitment(one, one.lever, item, prepared, after)
    if item is not None:
        yield from _item(item, more)


def _item(item: Item, more: Sequence[Item]) -> Iterator[str]:
    """What is to be known of ours."""
    if item.state != "planned":
        yield f"ours is {item.state}" + (f": {item.why}" if item.why else "")
    recipe = item.action.recipe
    if recipe is not None and (windows := recipe.values.get("windows")):
        yield f"ours runs {', '.join(sorted({str(one['type']) for one in windows}))} in the exam season"
    if more:
        told = "; ".join(f"{one.action.title} ({one.id})" for one in more[:_NAMED])
        yield f"ours also has {told}" + (f"; {len(more) - _NAMED} more" if len(more) > _NAMED else "")


def of_ours(item: Item, prepared: Prepared, advisers: set[str], other: Priced | None) -> Iterator[str]:
    """Why they do not propose what we do. `advisers`: providers of which advice was imported; `other`: what they
    propose about the same thing."""
    workload = prepared.fleet.workloads_by_id.get(item.action.workload)
    provider = workload.provider if workload else item.purchase.provider if item.purchase else ""
    if provider not in advisers:
        yield f"no advice of {_NAMES.get(provider, provider or 'its provider')} was imported"
    elif item.action.check not in THEIRS_TOO:
        yield f"a kind of change that they do not look for ({item.action.check.replace('_', ' ')})"
    elif item.purchase is not None and item.purchase.buy_on > prepared.horizon.starts_on:
        yield f"it is bought on {item.purchase.buy_on:%-d %b %Y}; they look at what is used and held today only"
    elif other is not None:
        yield f"they propose something else about it: {other.advice.title} ({other.advice.adviser})"
    else:
        yield "nothing of theirs about it was imported; why, their advice does not tell"


#: So many items of ours are named.
_NAMED: Final = 2
_NAMES: Final = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}


def _window(one: Priced, workload: Workload, fleet: Fleet) -> Iterator[str]:
    """What they looked at beside the last exam season."""
    advice = one.advice
    if not advice.lookback_days or advice.lookback_days <= 0 or not fleet.in_exam_window.any():
        return
    end = advice.observed_on or fleet.today
    start = end - timedelta(days=min(advice.lookback_days, 4000))
    seen = (fleet.ist_days >= np.datetime64(start, "D")) & (fleet.ist_days < np.datetime64(end, "D"))
    if not seen.any() or (seen & fleet.in_exam_window).any():
        return
    told = f"their {advice.lookback_days} days to {end:%-d %b %Y} have seen no exam season"
    cpu = workload.metrics.get("cpu")
    if cpu is not None:
        then, season = peak(cpu, seen), peak(cpu, fleet.in_exam_window)
        if np.isfinite(then) and np.isfinite(season):
            if season <= then + _NO_PEAK_PCT:
                return
            told += f": CPU peaked at {then:.0f} % in them, at {season:.0f} % in the last season"
    yield told


def _waits(workload: Workload, fleet: Fleet) -> Iterator[str]:
    active = active_hours(workload)
    if active is not None and (active & fleet.in_exam_window).any():
        yield f"it was active in the last exam season (last active {last_active(fleet, active)}): dormant, not idle"
    if is_kept_for_a_day(workload):
        yield "its name or tags say that it waits for an exam or is a standby"


def _day(fleet: Fleet, at: int) -> str:
    day: date = fleet.ist_days[at].astype(object)
    return f"{day:%-d %b %Y}"


def _too_small(one: Priced, workload: Workload, fleet: Fleet) -> Iterator[str]:
    """Whether the proposed type carries the year, by the rule of our own sizes (`recommender/sizing.py`)."""
    name = type_of(one.advice)
    try:
        own, new = _size(str(workload.type)), _size(name)
    except KifayatError:
        return
    asked = _sizes.demand(fleet, workload, own)
    needs = asked.needs(np.ones(len(fleet.hours), dtype=np.bool_))
    short = {
        what: needs[what] / new.capacity[what] for what in asked.used
        if what in needs and new.capacity.get(what, np.inf) < needs[what] * (1 - 1e-9)
    }  # fmt: skip
    if short:
        told = " and ".join(f"{ratio:.0%} of its {_DIMENSIONS[what]}" for what, ratio in short.items())
        yield f"{name} is too small: the year's peak, grown and with a fifth to spare, takes {told}"
    if "memory" not in asked.used and new.capacity["memory"] < own.capacity["memory"]:
        yield (
            f"no memory is measured, so ours takes none away: {name} has {new.capacity['memory']:g} GiB,"
            f" now it has {own.capacity['memory']:g}"
        )
    if "cpu" not in asked.used:
        yield "its CPU is not measured here, so ours proposes no size"


_DIMENSIONS: Final = {"cpu": "CPU", "memory": "memory", "network": "network", "disk": "disk throughput"}


def _size(type_: str) -> Candidate:
    """What a machine, database or cache can carry; its price does not matter. Raises UnknownMachine."""
    if type_.startswith("db-custom-"):
        _, _, cores, mib = type_.split("-")
        return Candidate(type_, 0.0, {"cpu": float(cores), "memory": float(mib) / 1024})
    one = cache_node(type_) if type_.startswith("cache.") else machine(type_.removeprefix("db."))
    found = {"cpu": one.throughput, "memory": one.memory_gib, "network": one.network_gbps, "disk": one.disk_mbps}
    return Candidate(type_, 0.0, {name: value for name, value in found.items() if value})  # type: ignore[misc]


def _money(one: Priced) -> Iterator[str]:
    """From what they say to what the bill falls by, step by step."""
    listed, alone, bill = one.list_inr, one.alone_inr, one.bill_inr
    if listed is None or alone is None or bill is None:
        return
    if isinstance(one.lever, Purchase):
        if _differ(listed, alone) and alone < listed:
            yield (f"what is held already covers a part: {rupees(listed)} a year without it, {rupees(alone)} beside it")
    elif _differ(listed, alone) and alone < listed:
        yield (
            f"commitments that are held pay for a part of it: {rupees(listed)} a year at list price, but the bill falls"
            f" by {rupees(alone)}"
            + (" (theirs is before discounts)" if one.advice.detail("afterdiscounts") == "False" else "")
        )
    said = one.said_inr
    if said is not None and _differ(said, listed) and _differ(said, alone):
        yield f"they say {rupees(said)} a year; over the year ahead it is {rupees(listed)} at list price"
    if _differ(alone, bill) and bill < alone:
        what = f"{one.beside.title} ({one.beside.adviser})" if one.beside is not None else "the rest of their advice"
        if bill < -1:
            told = f"would cost {rupees(-bill)} more"
        else:
            told = f"saves {rupees(bill) if bill > 1 else 'nothing'}"
        yield f"counted twice: it would save {rupees(alone)} alone, beside {what} it {told}"


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > ALIKE * max(abs(one), abs(other), 100.0)


def _commitment(
    one: Priced, theirs: Purchase, item: Item | None, prepared: Prepared, after: Usage
) -> Iterator[str]:  # fmt: skip
    """Term, payment, size, and what the other levers leave of what it would cover."""
    fleet = prepared.fleet
    if one.advice.lookback_days:
        yield (
            f"theirs is sized on {one.advice.lookback_days} days as they were, ours on {prepared.horizon.n_paths}"
            " courses of the year ahead, on what the other levers leave"
        )
    if one.reach_inr is not None and _differ(one.reach_inr, left := reach(after, theirs)):
        yield (
            f"what it could cover costs {rupees(one.reach_inr)} a year at list price, {rupees(left)} when the other"
            " levers of the plan are done"
        )
    if UNKNOWN_TERM in theirs.way.source:
        yield theirs.way.source
    if is_short(fleet):
        yield f"the bill holds {fleet.known_days} days: ours buys only what has paid for itself"
    ours = item.purchase if item is not None else None
    if ours is None:
        if not is_short(fleet):
            yield "beside what is held and the other levers ours buys none of it in the year"
        return
    if ours.way.name != theirs.way.name:
        yield (
            f"theirs is for {theirs.way.name}, ours for {ours.way.name}: the least value today at"
            f" {prepared.cost_of_capital:.0%} a year, what a term loses counted"
        )
    if ours.buy_on > prepared.horizon.starts_on:
        yield f"ours buys it on {ours.buy_on:%-d %b %Y}, when it is missing"
    if _differ(theirs.hourly_inr, ours.hourly_inr):
        yield f"theirs is {rupees(theirs.hourly_inr * 730)} a month, ours {rupees(ours.hourly_inr * 730)}"
