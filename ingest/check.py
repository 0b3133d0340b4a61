"""What is wrong with the exports of a configuration, all at once, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from core import ExportConfig, KifayatError
from ingest.deliveries import Refused
from ingest.locations import open_location


def check_exports(exports: Sequence[ExportConfig]) -> list[str]:
    """One sentence per fault; empty when every export can be listed."""
    faults = []
    for export in exports:
        try:
            found = list(open_location(export).deliveries())
        except KifayatError as error:
            faults.append(f"exports.{export.name}: {error}")
            continue
        if not found:
            faults.append(f"exports.{export.name}: nothing to load at {export.location} yet.")
        faults += [f"exports.{export.name}: {item.error}" for item in found if isinstance(item, Refused)]
    return faults
