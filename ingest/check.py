"""What is wrong with the exports of a configuration, all at once, before anything is loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core import ConnectionConfig, ExportConfig, KifayatError, LocationUnreachable
from ingest.deliveries import Refused
from ingest.locations import Location, Reading, Retries, open_location
from ingest.pull import Probe, PullLocation

#: Whoever checks waits in front of the screen: what does not answer soon is told, not waited for.
_RETRIES: Final = Retries(attempts=3, cap_seconds=2.0)


@dataclass(frozen=True)
class Proof:
    """What the test call of one permission showed; `reason` says what to do unless it is ok.

    denied: it was answered with no; not reached: it was not answered, which may pass.
    """

    export: str
    permission: str
    where: str
    result: Literal["ok", "denied", "not reached"]
    seconds: float
    reason: str = ""


def unproved(_: Proof) -> None:
    """Nobody listens."""


def check_exports(
    exports: Sequence[ExportConfig],
    connections: Sequence[ConnectionConfig] = (),
    proved: Callable[[Proof], object] = unproved,
) -> list[str]:
    """One sentence per fault; empty when every export can be listed and every permission is there.

    `proved` hears of every test call as it is made.
    """
    faults = []
    reading = Reading(retries=_RETRIES, connections={one.name: one for one in connections})
    for export in exports:
        try:
            location = open_location(export, reading)
            denied = False
            for proof in _proofs(export.name, _probes(location)):
                proved(proof)
                if proof.result != "ok":
                    denied = True
                    faults.append(f"exports.{export.name}: {proof.permission} ({proof.where}): {proof.reason}")
            if denied or isinstance(location, PullLocation):  # what is asked is listed by asking
                continue
            found = list(location.deliveries())
        except KifayatError as error:
            faults.append(f"exports.{export.name}: {error}")
            continue
        if not found:
            faults.append(f"exports.{export.name}: nothing to load at {export.location} yet.")
        faults += [f"exports.{export.name}: {item.error}" for item in found if isinstance(item, Refused)]
    return faults


def _probes(location: Location) -> Iterator[Probe]:
    """Also of a place of files whose permissions can be told apart, as gs://."""
    probes: Callable[[], Iterator[Probe]] | None = getattr(location, "probes", None)
    return iter(()) if probes is None else probes()


def _proofs(export: str, probes: Iterator[Probe]) -> Iterator[Proof]:
    for probe in probes:
        began = time.monotonic()
        result: Literal["ok", "denied", "not reached"] = "ok"
        reason = ""
        try:
            probe.call()
        except KifayatError as error:
            is_passing = isinstance(error, LocationUnreachable) and error.transient
            result, reason = "not reached" if is_passing else "denied", str(error)
        yield Proof(export, probe.permission, probe.where, result, time.monotonic() - began, reason)
