"""Asking a cloud instead of reading its files: part by part, no oftener than needed, at a cost that is told before.

A pull is a location whose deliveries are *parts*: an account's region, a month, a day's partition. Each is asked for,
loaded and committed by itself, so that a pull that is killed goes on where it was, and one region that is denied
leaves the others. Not for how a cloud is asked: that is `ingest.aws` and `ingest.gcp`.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.parquet as pq

from core import DeliveryChanged
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile
from ingest.locations import Location, Probe, Say, fetched, silent
from ingest.meter import Meter, Usage, api_prices
from ingest.verify import verify_file
from warehouse import full_disk

__all__ = ("Meter", "Part", "Probe", "PullLocation", "Usage", "api_prices", "execution_of", "text_table")


#: How the fingerprint of a part begins that only asking can tell.
ASKED: Final = "asked "


@dataclass(frozen=True)
class Part:
    """Something that is asked for as a whole and replaces what was loaded of it.

    `group`: its stable name, as 222233334444/ap-south-1/2026-08. `fingerprint` changes whenever it must be asked
    again; where only asking tells, it is empty and the part is asked every `PullLocation.every`. `settles_at`: once
    asked after this instant, never again. `estimate`: what asking takes. `replaces`: parts that hold the same in
    smaller pieces and stop counting when this one counts. `notes`: what is amiss with it though it counts.
    `delivered_at`: when the provider wrote it, where it says so; else it is when we ask.
    """

    group: str
    fingerprint: str = ""
    settles_at: datetime | None = None
    estimate: Usage = field(default_factory=Usage)
    replaces: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    delivered_at: datetime | None = None


class PullLocation(Location):
    """An export that is asked for. Subclasses say what there is (`parts`) and how it is asked (`pull`)."""

    #: How often a part without a fingerprint is asked, unless `every_hours` says otherwise.
    every: ClassVar[timedelta] = timedelta(hours=24)

    #: The clients of the location count into it.
    meter: Meter

    @abstractmethod
    def parts(self) -> Iterable[Part | Refused]:
        """Everything there is, oldest first; what cannot even be listed is Refused. Raises LocationUnreachable.

        Yields as it finds: listing is cheap, asking comes later.
        """

    @abstractmethod
    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """The rows of a part, in an order that is always the same; None if nothing is there.

        Money and ids are text or DECIMAL, never float. Raises LocationUnreachable.
        """

    @abstractmethod
    def probes(self) -> Iterator[Probe]:
        """A call for every permission that a pull needs, for `kifayat check`."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the rows come from, without secrets: as aws://metrics."""

    def deliveries(self) -> list[Delivery | Refused]:
        """The parts that are due."""
        now = self.reading.clock.now()
        found: list[Delivery | Refused] = []
        self._due: dict[str, Part] = {}
        for part in self.parts():
            if isinstance(part, Refused):
                found.append(part)
            elif part.fingerprint or self._is_due(part, now):
                self._due[part.group] = part
                fingerprint = part.fingerprint or f"{ASKED}{now.isoformat()}"
                file = RemoteFile(f"{part.group}.parquet", 0, now, fingerprint)
                delivery = Delivery(
                    self.export.name, None, part.group, execution_of(fingerprint), part.delivered_at or now, (file,),
                    fingerprint, replaces=part.replaces, notes=part.notes,
                )  # fmt: skip
                found.append(delivery)
        return found

    def _is_due(self, part: Part, now: datetime) -> bool:
        last = self.reading.seen(self.export.name, part.group)
        if last is None or last > now:  # of a clock that was set back since
            return True
        if part.settles_at is not None and last >= part.settles_at:
            return False
        hours = self.export.every_hours
        return now - last >= (self.every if hours is None else timedelta(hours=hours))

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """What fetching these is expected to take."""
        return sum((self._due[delivery.group].estimate for delivery in deliveries), Usage())

    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """Ask for a part and keep the answer as Parquet. No file: nothing is there."""
        part = self._due.get(delivery.group)
        if part is None:
            raise DeliveryChanged("the part is not listed any more", where=delivery.group)
        self.need_space(delivery, staging)
        say(f"{self.export.name}: asking for {part.group}")
        table = self.pull(part, say)
        if table is None or table.num_rows == 0:
            return []
        path = staging / "0001.parquet"
        with full_disk(staging):
            pq.write_table(table, path, compression="zstd")
        verified = verify_file(path, delivery.files[0].name, limits=self.reading.limits)
        return [fetched(path, delivery.files[0].name, self.origin, verified)]

    def confirm(self, delivery: Delivery) -> None:
        """Nothing to do: the answer is a copy of our own."""


def execution_of(fingerprint: str) -> str:
    """A name for an execution that is safe as a folder's."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:12]


def text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> pa.Table | None:
    """Rows as a table of text, sorted, so that the same rows are the same bytes; None without a row."""
    texts = sorted(tuple("" if value is None else str(value) for value in row) for row in rows)
    if not texts:
        return None
    arrays = [pa.array([value or None for value in column], pa.string()) for column in zip(*texts, strict=True)]
    return pa.table(dict(zip(columns, arrays, strict=True)))
