"""What an anomaly is made of, and the sentence that says it.

By each dimension that tells something (account, service, region, owner, meter, resource, one tag) the largest parts and
a rest, which add up to the anomaly; the dimension whose first part explains most comes first. Texts of bills are data:
here they lose control characters and length, and whoever shows them escapes them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from core import compact_inr
from models.anomaly_episodes import Episode, Node
from models.anomaly_inputs import Meter, Usage
from models.anomaly_watch import Watched
from warehouse import Engine

REST: Final = "rest"
_SHOWN, _LONGEST = 5, 120
_MISSING: Final = " is missing"
#: Resources and tags are compared with as many days before.
_USUAL_DAYS: Final = 28
#: From this share on, one part is named in the sentence; a price that explains as much is said to be the cause.
_MOSTLY: Final = 0.6
#: Where several dimensions tell as much, the nearest to what one can act on comes first.
_DIMENSIONS: Final = ("resource", "meter", "service", "account", "region", "owner", "tag")
_FIELDS: Final = (("account", "account"), ("service", "service_name"), ("region", "region"), ("owner", "service"),
                  ("meter", "meter"))  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """A part of an anomaly in INR; `impact_inr` is actual less expected."""

    dimension: str
    value: str
    expected_inr: float
    actual_inr: float

    @property
    def impact_inr(self) -> float:
        return round(self.actual_inr - self.expected_inr, 2)


@dataclass(frozen=True)
class Charges:
    """Native cost and quantity of one resource and tag set, on the days of an anomaly and a usual day's before it."""

    resource: str
    tags: str
    usual: tuple[float, float]
    actual: tuple[float, float]


def read_charges(engine: Engine, found: Sequence[Episode], nodes: Sequence[Node], usage: Usage) -> list[list[Charges]]:
    """The charges behind each anomaly, from the view `allocated` over the charge files."""
    windows = [
        (at, *nodes[node].scope[1:], _day(usage, one.first), _day(usage, one.last))
        for at, one in enumerate(found)
        for node in one.nodes
    ]
    charges: list[list[Charges]] = [[] for _ in found]
    if not windows:
        return charges
    names = ("at", "payer", "account", "service_name", "region", "service", "meter", "first_day", "last_day")
    unnested = ", ".join(f"UNNEST(${name}) AS {name}" for name in names)
    rows = engine.rows(
        f"""
        WITH windows AS (
            SELECT
                * EXCLUDE (first_day, last_day),
                CAST(first_day AS TIMESTAMP) - INTERVAL 330 MINUTE AS starts_at,
                CAST(last_day AS TIMESTAMP) + INTERVAL 1110 MINUTE AS ends_at
            FROM (SELECT {unnested})
        )
        SELECT
            windows.at, COALESCE(ResourceId, ''), COALESCE(Tags, ''), ChargePeriodStart >= starts_at,
            SUM(CAST(CASE WHEN CommitmentDiscountStatus = 'Used' THEN GREATEST(ListCost, ContractedCost)
                ELSE ContractedCost END AS DOUBLE)),
            SUM(CAST(PricingQuantity AS DOUBLE))
        FROM windows
        JOIN allocated
            ON allocated.BillingAccountId = windows.payer
            AND ChargePeriodStart >= starts_at - INTERVAL {_USUAL_DAYS} DAY AND ChargePeriodStart < ends_at
            AND (account IS NULL OR COALESCE(SubAccountId, '') = account)
            AND (service_name IS NULL OR COALESCE(ServiceName, '') = service_name)
            AND (region IS NULL OR COALESCE(RegionId, '') = region)
            AND (service IS NULL OR COALESCE(x_Service, '') = service)
            AND (meter IS NULL OR COALESCE(SkuMeter, '') = meter)
        WHERE ChargeCategory = 'Usage' AND ChargeClass IS NULL AND x_SplitCost IS NULL
            AND COALESCE(x_ChargeSubcategory, '') <> 'Support' AND COALESCE(CommitmentDiscountStatus, '') <> 'Unused'
            AND ChargePeriodStart >= $from
        GROUP BY ALL ORDER BY ALL
        """,
        {
            **{name: list(column) for name, column in zip(names, zip(*windows, strict=True), strict=True)},
            "from": min(window[-2] for window in windows) - timedelta(days=_USUAL_DAYS + 1),
        },
    )
    sums: dict[tuple[int, str, str], list[tuple[float, float]]] = defaultdict(lambda: [(0.0, 0.0), (0.0, 0.0)])
    for at, resource, tags, is_inside, cost, quantity in rows:
        days = 1 if is_inside else _USUAL_DAYS
        sums[at, resource, tags][bool(is_inside)] = (cost or 0.0) / days, (quantity or 0.0) / days
    for (at, resource, tags), (usual, actual) in sums.items():
        charges[at].append(Charges(resource, tags, usual, actual))
    return charges


def causes(
    one: Episode, nodes: Sequence[Node], usage: Usage, watched: Watched, charges: Sequence[Charges]
) -> list[Cause]:
    """The parts of an anomaly, dimension by dimension, each adding up to it."""
    total = round(one.expected, 2), round(one.actual, 2)
    found = []
    meters = sorted({meter for node in one.nodes for meter in nodes[node].meters})
    days = slice(one.first, one.last + 1)
    expected, actual = watched.expected[days].sum(axis=0), usage.inr[days].sum(axis=0)
    for dimension, name in _FIELDS:
        if dimension != "meter" and getattr(one.scope, name) is not None:
            continue
        parts: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for at in meters:
            value = getattr(usage.meters[at], name)
            parts[value] = parts[value][0] + float(expected[at]), parts[value][1] + float(actual[at])
        if len(parts) > 1 or dimension == "meter":
            found.append(_ranked(dimension, parts, total, one.sign))
    found += _from_charges(one, charges, total)
    order = sorted(found, key=lambda lines: (-round(_share(lines, one), 2), _DIMENSIONS.index(lines[0].dimension)))
    return [line for lines in order for line in lines]


def _from_charges(one: Episode, charges: Sequence[Charges], total: tuple[float, float]) -> list[list[Cause]]:
    """By resource, and by the tag that tells most; what the charges cost on those days is scaled to the anomaly."""
    usual, actual = (sum(part.usual[0] for part in charges), sum(part.actual[0] for part in charges))
    if actual <= 0:
        return []
    scale = total[1] / actual, total[0] / usual if usual > 0 else 0.0

    def split(values: Iterable[tuple[str, Charges]]) -> dict[str, tuple[float, float]]:
        parts: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for value, part in values:
            had = parts[value]
            parts[value] = had[0] + part.usual[0] * scale[1], had[1] + part.actual[0] * scale[0]
        return parts

    found = []
    if any(part.resource for part in charges):
        found.append(_ranked("resource", split((part.resource, part) for part in charges), total, one.sign))
    read = [(_tags(part.tags), part) for part in charges]
    keys = sorted({key for tags, _ in read for key in tags})
    by_tag = [
        _ranked(
            "tag",
            split((f"{key}={tags[key]}" if key in tags else f"{key}{_MISSING}", part) for tags, part in read),
            total,
            one.sign,
        )
        for key in keys
    ]
    by_tag = [lines for lines in by_tag if not lines[0].value.endswith((_MISSING, REST))]
    return found + sorted(by_tag, key=lambda lines: (-round(_share(lines, one), 2), -len(lines)))[:1]


def _tags(text: str) -> Mapping[str, str]:
    try:
        read = json.loads(text) if text else {}
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in read.items()} if isinstance(read, dict) else {}


def _ranked(
    dimension: str, parts: Mapping[str, tuple[float, float]], total: tuple[float, float], sign: int
) -> list[Cause]:
    ordered = sorted(parts.items(), key=lambda item: (sign * (item[1][0] - item[1][1]), item[0]))
    lines = [
        Cause(dimension, inert(value) or "(none)", round(expected, 2), round(actual, 2))
        for value, (expected, actual) in ordered[:_SHOWN]
        if round(abs(actual - expected), 2) >= 0.01
    ]
    rest = [
        round(total[0] - sum(line.expected_inr for line in lines), 2),
        round(total[1] - sum(line.actual_inr for line in lines), 2),
    ]
    if any(rest):
        lines.append(Cause(dimension, REST, rest[0], rest[1]))
    return lines


def _share(lines: Sequence[Cause], one: Episode) -> float:
    """The part of the anomaly that the first line explains; at most all of it."""
    first = lines[0]
    return 0.0 if first.value == REST or not one.impact else min(first.impact_inr / one.impact, 1.0)


def explain(one: Episode, usage: Usage, lines: Sequence[Cause], charges: Sequence[Charges]) -> str:
    """One sentence: what, how far from what was expected, what the users did, and what it is mostly made of."""
    n_days = one.last - one.first + 1
    scope = one.scope
    names = [
        inert(scope.meter or ("" if scope.service_name else "everything")),
        f"({inert(scope.service_name)})" if scope.meter and scope.service_name else inert(scope.service_name or ""),
        f"of {inert(scope.service)}" if scope.service else "",
        f"in {inert(scope.region)}" if scope.region else f"in {inert(scope.account or scope.provider)}",
    ]
    what = " ".join(name for name in names if name)
    much = compact_inr(Decimal(repr(round(abs(one.impact), 2))))
    said = f"{much} {'more' if one.sign > 0 else 'less'} than expected in {n_days} day{'s' if n_days > 1 else ''}"
    moved = "is new" if one.expected < 0.01 * one.actual else f"{100 * one.impact / one.expected:+.0f} %"
    if one.expected > 0 and (users := _users(one, usage)):
        moved += f" while users {users}"
    notes = [f"{what} {moved}: {said}"]
    if price := _price(one, charges):
        notes.append(price)
    best = next((line for line in lines if line.dimension in ("resource", "meter", "service", "account")), None)
    named = {inert(part or "") for part in scope}
    if best and best.value not in {REST, *named} and best.impact_inr / one.impact >= _MOSTLY:
        notes.append(f"mostly {best.dimension} {best.value} ({min(best.impact_inr / one.impact, 1.0):.0%})")
    if one.is_normal:
        notes.append("it has lasted so long that it is taken for normal now")
    return "; ".join(notes)


def _users(one: Episode, usage: Usage) -> str:
    """How the users of those days differ from those of the four weeks before, in words; "" where not counted."""
    if not usage.users:
        return ""
    counts = usage.users["all"] if "all" in usage.users else next(iter(usage.users.values()))
    now, before = counts[one.first : one.last + 1], counts[max(one.first - _USUAL_DAYS, 0) : one.first]
    if not np.isfinite(now).any() or not np.isfinite(before).any():
        return ""
    return f"{100 * (float(np.nanmean(now)) / max(float(np.nanmean(before)), 1e-9) - 1):+.0f} %"


def _price(one: Episode, charges: Sequence[Charges]) -> str:
    """That the price of a unit moved, where that explains most of it: then nobody used more."""
    if one.scope.meter is None:
        return ""
    (usual, was), (actual, now) = ([sum(pair) for pair in zip(*(getattr(part, when) for part in charges), strict=True)]
                                   if charges else [0.0, 0.0] for when in ("usual", "actual"))  # fmt: skip
    if min(usual, was, actual, now) <= 0:
        return ""
    change = (actual / now) / (usual / was) - 1
    if one.sign * (1 - 1 / (1 + change)) * one.actual < _MOSTLY * abs(one.impact):
        return ""
    return f"the price of a unit is {100 * change:+.0f} %, not the usage"


def inert(text: str | None) -> str:
    """A text of a bill in one line, without control characters, and not longer than fits into a mail."""
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text or "").split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def _day(usage: Usage, at: int) -> date:
    day: date = usage.days[at].astype(object)
    return day


def scope_key(scope: Meter) -> str:
    """The scope as one text: the same scope, the same text."""
    return json.dumps(list(scope), ensure_ascii=True)
