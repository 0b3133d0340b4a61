"""Bring every export up to date: list, skip what is known, fetch, load. One bad delivery never stops another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from core import (
    Clock,
    ConfigError,
    ConnectionConfig,
    DeliveryChanged,
    DeliveryError,
    DiskFull,
    ExportConfig,
    KifayatError,
)
from ingest.deliveries import Delivery, Refused
from ingest.load import Loader, Outcome
from ingest.locations import Location, Reading, Retries, open_location
from ingest.meter import Usage
from ingest.pull import ASKED
from warehouse import WHOLE_EXPORT, Ledger, Warehouse, end_pull, settled_at, start_pull, vacate

#: A delivery that changes while it is read is read again this often before it waits for the next run.
_READ_ATTEMPTS = 3
Say = Callable[[str], None]


def dollars(usd: float) -> str:
    """What a provider bills, as it bills it."""
    return f"${usd:,.4f}"


@dataclass(frozen=True)
class IngestReport:
    """What a run did, one outcome per delivery; `unreachable` holds exports whose location could not be listed."""

    outcomes: tuple[Outcome, ...]
    unreachable: tuple[tuple[str, str], ...] = ()
    unchanged: int = 0

    def count(self, outcome: str) -> int:
        """How many deliveries ended so."""
        return sum(item.outcome == outcome for item in self.outcomes)

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Deliveries of which nothing was loaded, each with its reason."""
        return tuple(item for item in self.outcomes if item.outcome == "refused")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was loaded but may be a mistake, one sentence each."""
        return tuple(warning for item in self.outcomes for warning in item.warnings)


def ingest_exports(
    loader: Loader,
    exports: Sequence[ExportConfig],
    connections: Sequence[ConnectionConfig] = (),
    price: Callable[[float], str] = dollars,
    retries: Retries | None = None,
) -> IngestReport:
    """Load what is new at every export's location; clouds are asked through `connections`, with `retries`.

    What asking takes is told before and after; `price` says US dollars as people read them.

    Refusals are written to the ledger and returned, not raised; a full disk is raised, since nothing else can go on.
    """
    warehouse, clock, say = loader.warehouse, loader.clock, loader.say
    outcomes: list[Outcome] = []
    unreachable: list[tuple[str, str]] = []
    unchanged = 0
    reading = Reading(
        clock=clock, connections={one.name: one for one in connections}, seen=partial(settled_at, warehouse.ledger),
        retries=retries or Retries(),
    )  # fmt: skip
    for export in exports:
        location: Location | None = None
        try:
            location = open_location(export, reading)
            found = list(location.deliveries())
        except (DeliveryError, ConfigError) as error:  # also a secret that is not set: the other exports need it not
            reason = reason_of(error)
            unreachable.append((export.name, reason))
            warehouse.ledger.refuse(export.name, WHOLE_EXPORT, "", _text(reason), clock.now())
            say(f"{export.name}: {reason}")
            if location is not None:
                _Pull(loader, location, (), price, denied=1).end()
            continue
        found = [_nameable(item) for item in found]
        _forgive_gone(warehouse, export, found)
        deliveries = sorted(
            (item for item in found if isinstance(item, Delivery)), key=lambda d: (d.delivered_at, d.group)
        )
        denied = [item for item in found if isinstance(item, Refused)]
        for item in denied:
            outcomes.append(_refuse(warehouse, export.name, item.where, "", str(item.error), clock, say))
        ours = [item for item in deliveries if not is_settled(warehouse.ledger, item)]
        unchanged += len(deliveries) - len(ours)
        pull = _Pull(loader, location, ours, price, len(denied))
        try:
            for delivery in ours:
                outcomes.append(pull.took(_load(loader, export, location, delivery)))
        finally:
            pull.end()
    return IngestReport(tuple(outcomes), tuple(unreachable), unchanged)


def reason_of(error: DeliveryError | ConfigError) -> str:
    """Why an export cannot be read, in one line: of its configuration the faults alone."""
    return " ".join(error.faults) if isinstance(error, ConfigError) else str(error)


_SETTLED = ("loaded", "same", "superseded", "empty")


def is_settled(ledger: Ledger, delivery: Delivery) -> bool:
    """Whether this very delivery was taken already."""
    return ledger.outcome(delivery.export, delivery.group, delivery.fingerprint) in _SETTLED


class _Pull:
    """What asking is expected to take, said and written down before it asks, and what it took, part by part.

    Nothing of it where files are read that no meter counts, and where nothing was asked. `denied`: what could not even
    be listed.
    """

    def __init__(
        self, loader: Loader, location: Location, deliveries: Sequence[Delivery], price: Callable[[float], str],
        denied: int = 0,
    ) -> None:  # fmt: skip
        self._loader, self._location, self._price = loader, location, price
        self._parts, self._failed, self._id = len(deliveries) + denied, denied, 0
        meter = location.meter
        if meter is None or not (deliveries or meter.calls):
            return
        self._name, expected = location.export.name, meter.usage + location.estimate(deliveries)
        loader.say(
            f"{self._name}: {self._parts} to ask for, about {expected.requests:,} requests, {price(expected.usd)}"
        )
        self._id = start_pull(
            loader.warehouse.ledger, self._name, loader.clock.now(), self._parts, expected.units, expected.usd
        )

    def took(self, outcome: Outcome) -> Outcome:
        """Write down what it took up to here; returns the outcome."""
        self._failed += outcome.outcome == "refused"
        self._write(is_over=False)
        return outcome

    def end(self) -> None:
        """Say and write down what it took."""
        if (taken := self._write(is_over=True)) is not None:
            told = f"{taken.requests:,} requests, {self._price(taken.usd)}; {self._failed} of {self._parts} failed"
            self._loader.say(f"{self._name}: {told}")

    def _write(self, *, is_over: bool) -> Usage | None:
        meter, ledger = self._location.meter, self._loader.warehouse.ledger
        if meter is None or not self._id:
            return None
        taken, now = meter.usage, self._loader.clock.now() if is_over else None
        end_pull(ledger, self._id, now, self._failed, taken.units, meter.calls, taken.usd)
        return taken


def _nameable(item: Delivery | Refused) -> Delivery | Refused:
    """A name that is no text (Linux takes any bytes) can neither be written down nor shown: its file is refused."""
    if isinstance(item, Refused):
        return replace(item, where=_text(item.where))
    names = [item.group, *(file.name for file in item.files)]
    odd = next((name for name in names if _text(name) != name), None)
    if odd is None:
        return item
    error = DeliveryError("a file's name is not UTF-8", where=_text(odd), fix="rename the file and ingest again")
    return Refused(_text(item.group), error)


def _text(name: str) -> str:
    """Undecodable bytes of a name as \\udcff and the like."""
    return name.encode("utf-8", "backslashreplace").decode()


def _load(loader: Loader, export: ExportConfig, location: Location, delivery: Delivery) -> Outcome:
    warehouse, clock, say = loader.warehouse, loader.clock, loader.say
    for attempt in range(1, _READ_ATTEMPTS + 1):
        staging = warehouse.staging / "delivery"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            say(f"{export.name}: reading {delivery.group}")
            files = location.fetch(delivery, staging / "files", say)
            if not files:
                vacate(warehouse.ledger, export.name, delivery.group, delivery.fingerprint, clock.now())
                return Outcome(export.name, delivery.group, "empty")
            outcome = loader.load(export, delivery, files, staging, partial(location.confirm, delivery))
            say(f"{export.name}: {delivery.group} {outcome.outcome}")
            return outcome
        except DiskFull:
            raise
        except DeliveryChanged as error:
            if attempt == _READ_ATTEMPTS:
                return _refuse(warehouse, export.name, delivery.group, delivery.fingerprint, str(error), clock, say)
            fresh = [d for d in location.deliveries() if isinstance(d, Delivery) and d.group == delivery.group]
            delivery = fresh[0] if fresh else delivery
        except KifayatError as error:
            sha256 = getattr(error, "sha256", "")
            return _refuse(warehouse, export.name, delivery.group, delivery.fingerprint, str(error), clock, say, sha256)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    raise AssertionError("unreachable")


def _refuse(
    warehouse: Warehouse,
    export: str,
    where: str,
    fingerprint: str,
    reason: str,
    clock: Clock,
    say: Say,
    sha256: str = "",
) -> Outcome:
    # Not marked as settled: the next run tries it again, since providers deliver anew.
    reason = _text(reason)
    # That a part was asked at another time is no news: else every try would publish a generation.
    named = "" if fingerprint.startswith(ASKED) else fingerprint
    warehouse.ledger.refuse(export, where, named, reason, clock.now(), sha256)
    say(f"{export}: refused {where}: {reason}")
    return Outcome(export, where, "refused", reason=reason)


def _forgive_gone(warehouse: Warehouse, export: ExportConfig, found: Sequence[Delivery | Refused]) -> None:
    """A refused file that is no longer there needs nobody's attention."""
    there = {item.group if isinstance(item, Delivery) else item.where for item in found}
    rows = warehouse.ledger.rows("SELECT file FROM quarantine WHERE export = ?", (export.name,))
    gone = [row["file"] for row in rows if row["file"] not in there]
    if gone:
        warehouse.ledger.forgive(export.name, gone)
