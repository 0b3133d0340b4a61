"""What is wrong with the exports of a configuration, all at once, before anything is loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core import ConnectionConfig, ExportConfig, KifayatError, LocationUnreachable
from ingest.deliveries import Refused
from ingest.locations import Reading, Retries, open_location
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
    faults: dict[str, list[str]] = {}  # reason -> of what
    reading = Reading(retries=_RETRIES, connections={one.name: one for one in connections})
    for export in exports:
        try:
            location = open_location(export, reading)
            denied = False
            for proof in _proofs(export.name, location.probes()):
                proved(proof)
                if proof.result != "ok":
                    denied = True
                    what = f"exports.{export.name}: {proof.permission} ({proof.where})"
                    faults.setdefault(proof.reason, []).append(what)
            if denied or isinstance(location, PullLocation):  # what is asked is listed by asking
                continue
            found = list(location.deliveries())
        except KifayatError as error:
            faults.setdefault(str(error), []).append(f"exports.{export.name}")
            continue
        if not found:
            faults.setdefault(f"nothing to load at {export.location} yet.", []).append(f"exports.{export.name}")
        for item in found:
            if isinstance(item, Refused):
                faults.setdefault(str(item.error), []).append(f"exports.{export.name}")
    return [f"{_named(where)}: {reason}" for reason, where in faults.items()]


def _named(where: Sequence[str]) -> str:
    """What fails for one reason is one fault."""
    return where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more for the same reason"


def _proofs(export: str, probes: Iterator[Probe]) -> Iterator[Proof]:
    for probe in probes:
        began = time.monotonic()
        result: Literal["ok", "denied", "not reached"] = "ok"
        reason = ""
        try:
            probe.call()
        except KifayatError as error:
            # where a secret is not set nobody was asked
            is_denied = isinstance(error, LocationUnreachable) and not error.transient
            result, reason = "denied" if is_denied else "not reached", str(error)
        yield Proof(export, probe.permission, probe.where, result, time.monotonic() - began, reason)
