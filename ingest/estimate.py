"""What asking now would take, before anything is asked for: the exports are listed, and nothing else is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from core import Clock, ConfigError, ConnectionConfig, DeliveryError, ExportConfig
from ingest.deliveries import Delivery
from ingest.locations import Location, Reading, never_seen, open_location
from ingest.meter import Usage
from ingest.run import is_settled, reason_of
from warehouse import Ledger, settled_at


@dataclass(frozen=True)
class Estimate:
    """One export: `parts` that are due and what they are expected to take, with what listing them took already.

    `reason`: why it could not be listed.
    """

    export: str
    parts: int = 0
    listing: Usage = field(default_factory=Usage)
    expected: Usage = field(default_factory=Usage)
    reason: str = ""


def estimate_exports(
    ledger: Ledger | None, clock: Clock, exports: Sequence[ExportConfig], connections: Sequence[ConnectionConfig]
) -> list[Estimate]:
    """Every export that a provider is asked for; files of our own cost nothing and are left out.

    `ledger`: what was taken already; None where nothing was ever loaded.
    """
    seen = never_seen if ledger is None else partial(settled_at, ledger)
    reading = Reading(clock=clock, connections={one.name: one for one in connections}, seen=seen)
    found = []
    for export in exports:
        location: Location | None = None
        try:
            location = open_location(export, reading)
            if location.meter is None:
                continue
            listed = location.deliveries()
        except (DeliveryError, ConfigError) as error:
            asked = location.meter if location is not None else None
            found.append(Estimate(export.name, listing=asked.usage if asked else Usage(), reason=reason_of(error)))
            continue
        due = [
            one for one in listed if isinstance(one, Delivery) and not (ledger is not None and is_settled(ledger, one))
        ]
        listing = location.meter.usage
        found.append(Estimate(export.name, len(due), listing, location.estimate(due)))
    return found
