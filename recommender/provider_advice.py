"""What the providers themselves advise, as it was imported: read, never trusted, never added to the plan.

`kifayat explain provider_advice` tells the columns. Details are the provider's own JSON, of any depth; what is looked
up in them is found by its name, however it is written: hourly_commitment, HourlyCommitmentToPurchase.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

from recommender.fleet import Fleet, Provider, Workload
from warehouse import Snapshot

#: Longer texts of a provider are cut: they are only shown.
_LONGEST: Final = 160
#: So many values of a JSON are looked at.
_MOST_VALUES: Final = 2_000
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_BEFORE_ID: Final = re.compile(r"^arn:aws[\w-]*:ec2:[^:]*:\d*:(?:instance|volume)/")
_AUTO_SCALING: Final = re.compile(r":autoScalingGroupName/(.+)$")


@dataclass(frozen=True, eq=False)
class Advice:
    """One recommendation. `monthly` is the provider's own figure in `currency`, None where it gave none; `observed_on`
    the day on which it was read; `details` its JSON."""

    id: str
    provider: Provider
    adviser: str
    action: str
    account: str = ""
    region: str = ""
    resource: str = ""
    current: str = ""
    proposed: str = ""
    monthly: float | None = None
    currency: str = "USD"
    lookback_days: int | None = None
    finding: str = ""
    observed_on: date | None = None
    details: Any = field(default=None, repr=False)

    @property
    def is_purchase(self) -> bool:
        """Whether it is a commitment to be bought."""
        return self.action.startswith("buy_")

    @property
    def title(self) -> str:
        """What it says, in one line."""
        what = self.action.replace("_", " ")
        change = " to ".join(text for text in (self.current, self.proposed) if text)
        return f"{what}: {change}" if change else what

    def yearly_inr(self, inr: Mapping[str, float]) -> float | None:
        """What it says to save, as INR of a year at today's rate."""
        rate = inr.get(self.currency)
        return None if rate is None or self.monthly is None else 12 * self.monthly * rate

    def detail(self, *names: str) -> str:
        """The first of these that the details have, as text; "" where they have none. Names without "_", small."""
        return next((self._details[name] for name in names if self._details.get(name)), "")

    def number(self, *names: str) -> float | None:
        """The same as a number."""
        found = _NUMBER.search(self.detail(*names).replace(",", ""))
        return float(found[0]) if found else None

    @cached_property
    def _details(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for at, (key, value) in enumerate(_flat(self.details)):
            if at >= _MOST_VALUES:
                break
            found.setdefault(key, value)
        return found


def _flat(value: Any) -> Iterator[tuple[str, str]]:
    """Values by the name of their key, what lies less deep first; a key that holds more counts as a name too."""
    level = [("", value)]
    while level:
        deeper: list[tuple[str, Any]] = []
        for key, one in level:
            if isinstance(one, Mapping):
                if key:
                    yield key, key
                deeper += [(_NOT_A_LETTER.sub("", str(name).lower()), inner) for name, inner in one.items()]
            elif isinstance(one, list):
                deeper += [(key, inner) for inner in one]
            elif one is not None:
                yield key, str(one)
        level = deeper


def read_advice(snapshot: Snapshot) -> list[Advice]:
    """What was imported, the newest of each recommendation, in order of what it says to save."""
    rows = snapshot.query(
        "SELECT advice_id, provider, adviser, account_id, region, resource_id, action, current, proposed,"
        " monthly_saving::DOUBLE AS monthly, currency, lookback_days, finding, details, observed_at"
        " FROM provider_advice QUALIFY ROW_NUMBER() OVER"
        " (PARTITION BY provider, adviser, advice_id ORDER BY observed_at DESC NULLS LAST, monthly_saving DESC) = 1"
        " ORDER BY monthly_saving DESC NULLS LAST, provider, adviser, advice_id"
    ).to_dicts()
    return [_advice(row) for row in rows]


def _advice(row: Mapping[str, Any]) -> Advice:
    try:
        details = json.loads(row["details"] or "null")
    except (ValueError, RecursionError):
        details = None
    return Advice(
        row["advice_id"], provider_of(row["provider"]), _cut(row["adviser"]), _cut(row["action"]).lower(),
        (row["account_id"] or "").removeprefix("billingAccounts/").removeprefix("projects/"), row["region"] or "",
        row["resource_id"] or "", _cut(row["current"]), _cut(row["proposed"]), row["monthly"],
        (row["currency"] or "").upper(), row["lookback_days"], _cut(row["finding"]),
        row["observed_at"].date() if row["observed_at"] else None, details,
    )  # fmt: skip


def inr_of(fleet: Fleet) -> Mapping[str, float]:
    """INR of one unit of each currency: as the bills have it, of the dollar also where none is in dollars."""
    return {**({"USD": fleet.usd_inr[-1][1]} if fleet.usd_inr else {}), **fleet.inr}


def provider_of(name: str) -> Provider:
    """As workloads have it, however it is written."""
    low = name.lower()
    return "gcp" if "google" in low or "gcp" in low else "azure" if "azure" in low or "microsoft" in low else "aws"


def _cut(text: str | None) -> str:
    known = text or ""
    return known if len(known) <= _LONGEST else f"{known[:_LONGEST]}…"


class Resources:
    """Workloads by the ids that a provider may call them."""

    def __init__(self, fleet: Fleet) -> None:
        self._known: dict[str, Workload] = {}
        for workload in fleet.workloads:
            for member in workload.members:
                self._known.setdefault(member, workload)
        self._known |= {workload.id: workload for workload in fleet.workloads}

    def find(self, advice: Advice) -> Workload | None:
        """What it speaks of; None where the bill does not have it."""
        bare = _BEFORE_ID.sub("", advice.resource)
        group = _AUTO_SCALING.search(bare)
        name = group[1] if group else bare.removeprefix("asg/") if bare.startswith("asg/") else None
        found = self._known.get(f"group/{advice.account}/{name}") if name else self._known.get(bare)
        return found if found is not None and found.provider == advice.provider else None

    @staticmethod
    def is_member(advice: Advice, workload: Workload) -> bool:
        """Whether it speaks of one machine of a group."""
        return workload.kind == "group" and _BEFORE_ID.sub("", advice.resource) in workload.members
