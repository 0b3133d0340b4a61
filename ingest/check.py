"""What is wrong with the exports of a configuration, all at once, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from core import ConnectionConfig, ExportConfig, KifayatError
from ingest.deliveries import Refused
from ingest.locations import Reading, open_location
from ingest.pull import PullLocation


def check_exports(exports: Sequence[ExportConfig], connections: Sequence[ConnectionConfig] = ()) -> list[str]:
    """One sentence per fault; empty when every export can be listed and every permission is there."""
    faults = []
    reading = Reading(connections={one.name: one for one in connections})
    for export in exports:
        try:
            location = open_location(export, reading)
            if isinstance(location, PullLocation):
                faults += [f"exports.{export.name}: {fault}" for fault in denied(location)]
                continue
            found = list(location.deliveries())
        except KifayatError as error:
            faults.append(f"exports.{export.name}: {error}")
            continue
        if not found:
            faults.append(f"exports.{export.name}: nothing to load at {export.location} yet.")
        faults += [f"exports.{export.name}: {item.error}" for item in found if isinstance(item, Refused)]
    return faults


def denied(location: PullLocation) -> list[str]:
    """One sentence for every permission whose call is refused."""
    faults = []
    for probe in location.probes():
        try:
            probe.call()
        except KifayatError as error:
            faults.append(f"{probe.permission} ({probe.where}): {error}")
    return faults
