"""Locations: where exports lie. One module per kind, found by the scheme of the configured address.

A location lists deliveries and hands over verified files; it never decides what counts or what is loaded.
A module of this package has `SCHEMES` (the empty one is a plain path) and `open_at(export, reading) -> Location`.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core import (
    Clock,
    ConfigError,
    ConnectionConfig,
    DeliveryChanged,
    DiskFull,
    ExportConfig,
    discover_modules,
    nearest,
)
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile
from ingest.meter import Meter, Usage
from ingest.verify import LIMITS, Limits, Verified
from warehouse import full_disk

Say = Callable[[str], None]

#: Kinds that are planned: told apart from a slip of the pen.
_PLANNED: dict[str, str] = {}
#: Free space asked for before reading, in multiples of what is read: staged files, Parquet, and air to breathe.
_SPACE_FACTOR = 3


def free_bytes(folder: Path) -> int:
    """Bytes free to us on the disk that holds a folder."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a request that may succeed later is repeated.

    Waits are random up to `base_seconds` doubled with each attempt, `cap_seconds` at most. A download slower than
    `min_bytes_per_second` after `patience_seconds` counts as failed.
    """

    attempts: int = 6
    base_seconds: float = 0.5
    cap_seconds: float = 20.0
    patience_seconds: float = 300.0
    min_bytes_per_second: float = 50_000.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int) -> None:
        """Sleep after the failed `attempt` (from 1)."""
        # Full jitter: clients that failed together do not come back together.
        self.sleep(random.uniform(0, min(self.cap_seconds, self.base_seconds * 2.0**attempt)))

    def seconds_for(self, size: int) -> float:
        """How long `size` bytes may take."""
        return self.patience_seconds + size / self.min_bytes_per_second


def never_seen(_: str, __: str) -> datetime | None:
    """A store that has seen nothing."""
    return None


@dataclass(frozen=True)
class Reading:
    """How a location is read. The defaults are right outside of tests.

    `connections`: by name; `seen(export, group)`: when a part of an export was last taken.
    """

    limits: Limits = LIMITS
    retries: Retries = field(default_factory=Retries)
    workers: int = field(default_factory=lambda: min(4, (os.cpu_count() or 1) + 1))
    free_bytes: Callable[[Path], int] = free_bytes
    clock: Clock = field(default_factory=Clock)
    connections: Mapping[str, ConnectionConfig] = field(default_factory=dict)
    seen: Callable[[str, str], datetime | None] = never_seen

    def connection(self, export: ExportConfig, kind: str) -> ConnectionConfig:
        """The connection of an export. Raises ConfigError if it names none, or one of another cloud."""
        found = self.connections.get(export.connection or "")
        if found is None or found.kind != kind:
            what = "names no connection" if found is None else f"names {found.name}, which is of {found.kind}"
            raise ConfigError(
                [f'exports.{export.name}: it {what}; write connection = "…", a [[connections]] of kind = "{kind}"']
            )
        return found


def silent(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Probe:
    """One permission and the call that proves it: raises LocationUnreachable with the permission as its fix."""

    permission: str
    where: str
    call: Callable[[], object] = field(repr=False)


class Location(ABC):
    """One export's place. Not to be shared between threads."""

    #: Counts what is asked where that takes requests of a provider; None: reading is free.
    meter: Meter | None = None

    def __init__(self, export: ExportConfig, reading: Reading) -> None:
        self.export = export
        self.reading = reading

    @abstractmethod
    def deliveries(self) -> list[Delivery | Refused]:
        """What lies there now, oldest first: of every period the newest delivery; what is refused comes last.

        No delivery is normal (nothing was delivered yet). Raises LocationUnreachable.
        """

    @abstractmethod
    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """Verified files of a delivery, named by us below `staging` (made if need be), in the delivery's order.

        All or nothing. Raises DeliveryChanged (list again and start over), FileCorrupt, DeliveryIncomplete,
        LocationUnreachable, DiskFull.
        """

    @abstractmethod
    def confirm(self, delivery: Delivery) -> None:
        """To be called when fetched files have been read: raises DeliveryChanged if they are not what was verified.

        Nothing to do where the files are copies of our own.
        """

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """What fetching these is expected to take."""
        return Usage()

    def probes(self) -> Iterator[Probe]:
        """A call for every permission that reading needs and that can be told apart, for `kifayat check`."""
        return iter(())

    def need_space(self, delivery: Delivery, staging: Path) -> None:
        """Make the staging folder. Raises DiskFull before anything is read if the disk cannot take it."""
        with full_disk(staging):
            staging.mkdir(parents=True, exist_ok=True)
        free, need = self.reading.free_bytes(staging), _SPACE_FACTOR * delivery.size
        if free < need:
            raise DiskFull(
                f"{delivery.group} needs about {_size(need)} and {_size(free)} are free",
                where=str(staging),
                expected=f"{_SPACE_FACTOR} times the {_size(delivery.size)} that are to be read",
                fix="free some space and ingest again; what is published stays as it is",
            )


def changed(delivery: Delivery, what: str) -> DeliveryChanged:
    """The error for a delivery that is not any more what was listed."""
    return DeliveryChanged(
        f"{what} while the delivery was read",
        where=delivery.group,
        expected="one delivery from the first byte to the last",
        fix="nothing of it was loaded; ingest again when the provider (or the copy) is done",
    )


def staged_suffix(verified: Verified) -> str:
    """The ending of our own name for a verified file."""
    if verified.format in ("csv", "json"):
        return f".{verified.format}" + (".gz" if verified.compression == "gzip" else "")
    return f".{verified.format}"


def take_all(
    delivery: Delivery,
    take: Callable[[int, RemoteFile], FetchedFile],
    workers: int,
    say: Say,
    stop: threading.Event | None = None,
) -> list[FetchedFile]:
    """Take every file, `workers` at once, in the delivery's order. The first failure ends it; `stop` tells the rest."""
    with ThreadPoolExecutor(workers, "take") as pool:
        futures = [pool.submit(take, number, file) for number, file in enumerate(delivery.files, start=1)]
        try:
            for count, future in enumerate(as_completed(futures), start=1):
                future.result()
                say(f"{delivery.export}: {count} of {len(futures)} files read and verified")
        except BaseException:
            if stop is not None:
                stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def fetched(path: Path, name: str, origin: str, verified: Verified) -> FetchedFile:
    """A verified file under our own name."""
    return FetchedFile(path, name, verified.bytes, verified.sha256, verified.rows, verified.format, origin)


def _size(count: float) -> str:
    if count < 1024:
        return f"{count:.0f} bytes"
    power = min(int(math.log(count, 1024)), 4)
    return f"{count / 1024**power:.1f} {('', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def schemes() -> Sequence[str]:
    """Every scheme that can be opened; the empty one is a path without scheme."""
    return sorted(scheme for module in discover_modules(__name__, "location").values() for scheme in module.SCHEMES)


def open_location(export: ExportConfig, reading: Reading | None = None) -> Location:
    """The location of an export. Raises ConfigError for a scheme that nobody serves; reads nothing yet."""
    scheme = export.location.partition("://")[0].lower() if "://" in export.location else ""
    for module in discover_modules(__name__, "location").values():
        if scheme in module.SCHEMES:
            location: Location = module.open_at(export, reading or Reading())
            return location
    where = f"exports.{export.name}.location"  # never the address itself: it may hold a password
    if scheme in _PLANNED:
        raise ConfigError([f"{where}: {_PLANNED[scheme]}"])
    known = [name for name in schemes() if name]
    guess = nearest(scheme, known)
    hint = f" Did you mean {guess}://?" if guess else ""
    *first, last = (f"{name}://" for name in known)
    served = f"{', '.join(first)} and {last}"
    raise ConfigError([f"{where}: nothing reads {scheme}:// addresses, only folders, {served}.{hint}"])
