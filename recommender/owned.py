"""What the providers themselves say of the commitments that are held: when they end and how they are paid.

The bill names a commitment but not its end; where the feed `owned_commitments` knows it, the end is known, not taken
from the term. Where the two contradict each other, what is billed counts and the contradiction is told. Google bills
resource commitments of a region together: they are told apart by the feed where its sum is what is billed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from recommender.action import Action, Evidence, Nothing, Operator
from recommender.bill import Kind
from recommender.provider_advice import provider_of
from warehouse import Snapshot

if TYPE_CHECKING:
    from recommender.fleet import Fleet, Provider
    from recommender.holdings import Holding

#: Amounts that differ by less are one.
_ALIKE: Final = 0.01
_PAYMENTS: Final = {"noupfront": "No Upfront", "partialupfront": "Partial Upfront", "allupfront": "All Upfront"}
_MEMORY: Final = {"gib": 1.0, "gb": 1.0, "mib": 1 / 1024, "mb": 1 / 1024}
_CORES: Final = ("vcpu", "vcpus", "core", "cores", "cpu")
#: Types of Google's commitments that do not name their series.
_SERIES: Final = {"general_purpose": "n1", "compute_optimized": "c2"}
_OVER: Final = ("retired", "returned", "expired", "cancelled", "canceled", "payment-failed", "queued-deleted")


@dataclass(frozen=True)
class Owned:
    """One commitment as its provider lists it. `ends_on` is the first day without it."""

    id: str
    provider: Provider
    kind: str
    starts_on: date
    ends_on: date
    region: str = ""
    scope: str = ""
    quantity: float | None = None
    unit: str = ""
    hourly: float | None = None
    currency: str = ""
    payment: str = ""
    months: int = 0
    state: str = ""

    @property
    def key(self) -> str:
        """The last part of its id, by which bills and APIs agree."""
        return _key(self.id)


def _key(id: str) -> str:
    return re.split(r"[/:]", id)[-1].lower()


def read_owned(snapshot: Snapshot) -> list[Owned]:
    """The newest row of each commitment."""
    rows = snapshot.query(
        "SELECT commitment_id, provider, kind, region, scope, quantity::DOUBLE AS quantity, unit,"
        " hourly_commitment::DOUBLE AS hourly, currency, purchase_option, term_months, start_at, end_at, state"
        " FROM owned_commitments WHERE end_at > start_at QUALIFY ROW_NUMBER() OVER"
        " (PARTITION BY provider, commitment_id, unit ORDER BY observed_at DESC NULLS LAST, end_at DESC) = 1"
        " ORDER BY commitment_id, unit"
    ).to_dicts()
    return [_owned(row) for row in rows]


def _owned(row: Mapping[str, Any]) -> Owned:
    return Owned(
        row["commitment_id"], provider_of(row["provider"]), row["kind"], _day(row["start_at"]), _day(row["end_at"]),
        row["region"] or "", row["scope"] or "", row["quantity"], (row["unit"] or "").strip().lower(), row["hourly"],
        (row["currency"] or "").upper(),
        _PAYMENTS.get(re.sub(r"[^a-z]", "", (row["purchase_option"] or "").lower()), ""), int(row["term_months"] or 0),
        (row["state"] or "").lower(),
    )  # fmt: skip


def _day(instant: datetime) -> date:
    """The nearest midnight (UTC): a term that ends a second before it ends on it."""
    return (instant + timedelta(hours=12)).date()


def with_terms(holdings: Sequence[Holding], owned: Sequence[Owned], seen: Mapping[str, date]) -> list[Holding]:
    """Holdings with what the provider says of them; `seen`: by id the day up to which each is billed."""
    exact, short = {one.id: one for one in owned}, Counter(one.key for one in owned)
    by_key = {one.key: one for one in owned if short[one.key] == 1}
    shared = Counter((one.kind, one.scope) for one in holdings)
    found: list[Holding] = []
    for held in holdings:
        told = exact.get(held.id) or by_key.get(_key(held.id))
        if told is not None and told.provider == held.provider:
            found.append(_told(held, told, seen.get(held.id, held.starts_on)))
        elif held.kind is Kind.RESOURCE_COMMITMENT and shared[held.kind, held.scope] == 1:
            found += _apart(held, owned, seen.get(held.id, held.starts_on))
        else:
            found.append(held)
    return found


def _told(held: Holding, told: Owned, seen: date) -> Holding:
    differences = []
    if told.ends_on != held.ends_on:
        differences.append(f"ends on {told.ends_on:%-d %b %Y}, by its bill it would on {held.ends_on:%-d %b %Y}")
    # a reservation is billed by the month
    if told.ends_on <= seen - timedelta(days=32 if held.kind is Kind.REGIONAL_RESERVATION else 1):
        late = f"ended on {told.ends_on:%-d %b %Y} by its provider, but is billed until {seen:%-d %b %Y}"
        return replace(held, disagreement=late)
    if told.hourly and not held.kind.is_in_units and told.currency == held.currency:
        if abs(told.hourly / held.amount - 1) > _ALIKE:
            differences.append(f"{told.hourly:g} {told.currency} an hour, billed {held.amount:.4g}")
    elif told.quantity and held.kind is Kind.RESOURCE_COMMITMENT and abs(told.quantity / held.amount - 1) > _ALIKE:
        differences.append(f"{told.quantity:g} {told.unit}, billed {held.amount:.4g}")
    scope = held.scope
    if held.kind is Kind.INSTANCE_PLAN and told.scope and told.region:
        scope = f"{told.scope.partition('.')[0].lower()}/{told.region}"
        if scope != held.scope:
            differences.append(f"is for {scope}, used for {held.scope}")
    return replace(
        held, starts_on=told.starts_on, ends_on=told.ends_on, years=max(1, round(told.months / 12)) if told.months
        else held.years, payment=told.payment or held.payment, scope=scope, is_told=True,
        disagreement="; ".join(differences),
    )  # fmt: skip


def _apart(held: Holding, owned: Sequence[Owned], seen: date) -> list[Holding]:
    """The commitments of a series and region that are billed as one, each with its own end."""
    what, _, region = held.scope.partition("/")
    series, _, part = what.partition(".")
    amounts: dict[str, tuple[Owned, float]] = {}
    for one in owned:
        factor = _MEMORY.get(one.unit, 0.0) if part == "ram" else float(one.unit in _CORES)
        is_his = one.kind == "committed_use_resource" and one.region == region and _series(one.scope) == series
        is_his = is_his and not one.id.endswith("#local_ssd")  # it has GiB too
        if is_his and factor and one.quantity and one.starts_on < seen <= one.ends_on and one.state not in _OVER:
            amounts[one.id] = one, one.quantity * factor
    whole = sum(amount for _, amount in amounts.values())
    if not amounts:
        return [held]
    if abs(whole / held.amount - 1) > _ALIKE:
        told = f"its provider lists {whole:g} in {len(amounts)} commitments, billed is {held.amount:.4g}"
        return [replace(held, disagreement=told)]
    return [
        replace(
            held, id=f"{held.id} {one.id}", amount=held.amount * amount / whole, starts_on=one.starts_on,
            ends_on=one.ends_on, years=max(1, round(one.months / 12)) if one.months else held.years, is_told=True,
        )
        for one, amount in amounts.values()
    ]  # fmt: skip


def _series(scope: str) -> str:
    low = scope.strip().lower()
    return _SERIES.get(low, re.split(r"[_/.\s-]", low)[-1])


def unbilled(snapshot: Snapshot, fleet: Fleet, day: date) -> Iterator[Action]:
    """Commitments that are in force on a day, or ordered, by their provider's word, but not on the bill of a year.

    Told only of a provider of which others are on the bill under the same ids: else it is another company's bill.
    """
    if not (owned := read_owned(snapshot)):
        return
    rows = snapshot.query(
        "SELECT DISTINCT CommitmentDiscountId FROM charges WHERE CommitmentDiscountId IS NOT NULL"
        " AND ChargePeriodStart >= $since",
        {"since": day - timedelta(days=365)},
    ).rows
    yield from _unbilled(fleet, {_key(id) for (id,) in rows}, owned, day)


def _unbilled(fleet: Fleet, known: Set[str], owned: Sequence[Owned], day: date) -> Iterator[Action]:
    matched = {one.provider for one in owned if one.key in known}
    by_kind: dict[str, list[Owned]] = defaultdict(list)
    for one in owned:
        if one.provider in matched and one.key not in known and one.ends_on > day and one.state not in _OVER:
            by_kind[one.kind].append(one)
    for kind, ones in sorted(by_kind.items()):
        for one in ones:
            if one.provider == "gcp" and kind == "committed_use_resource":
                continue  # billed together, without an id
            is_ahead = one.starts_on > day
            starts = f"starts on {one.starts_on:%-d %b %Y}" if is_ahead else "is in force"
            why = "it is ordered" if is_ahead else "its provider lists it, no export has billed it"
            yield Action(
                "unbilled", Operator.KEEP_ORDER, f"commitment/{one.id}",
                f"A {kind.replace('_', ' ')} {starts}, but is not on the bill", Nothing(),
                Evidence(fleet.today, fleet.today, {
                    "Id": one.id, "Of": one.scope or "anything", "From": str(one.starts_on), "Until": str(one.ends_on),
                }),
                confidence="high", effort="minutes",
                reason=f"{why}: the plan counts without it, so what it covers may be bought twice",
            )  # fmt: skip
