"""Deliveries: which files of a location belong together, what they replace, and which of several counts.

Shared by all locations: a location lists names, reads small files and fetches big ones; here the names become
deliveries. What the files hold is not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core import DeliveryError, ExportConfig, LocationUnreachable
from ingest.manifests import Manifest, Place, instant_of, parse_manifest, place_of
from ingest.shards import Group, group_names

#: Providers deliver a few times a day at most: manifests closer to each other than this were copied together, and
#: their times do not tell which is newer.
_COPIED_TOGETHER = timedelta(hours=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RemoteFile:
    """A file at its location: `name` relative to it, `size` in bytes, `etag` whatever tells versions apart."""

    name: str
    size: int
    modified_at: datetime | None
    etag: str | None


@dataclass(frozen=True)
class FetchedFile:
    """A verified file on this machine, under a name of our own choice.

    `name` as in RemoteFile, `origin` the full address it came from; `size` and `sha256` of the bytes as delivered;
    `rows` None when only a parser can tell; `format`: csv, json, parquet, avro or unknown (text may be gzipped).
    """

    path: Path
    name: str
    size: int
    sha256: str
    rows: int | None
    format: str
    origin: str


@dataclass(frozen=True)
class Superseded:
    """An older execution of a period whose newer one counts; `where` is its manifest."""

    where: str
    delivered_at: datetime


@dataclass(frozen=True)
class Delivery:
    """Files that are loaded together or not at all.

    `partition` is the billing month ("2026-07") when a manifest promises it; `group` the stable name under which the
    next delivery of the same thing comes; `execution` is safe as a folder name; `fingerprint` changes with any file.
    `replaces`: groups that hold the same charges in smaller pieces; `notes`: what a person should know of it.
    """

    export: str
    partition: str | None
    group: str
    execution: str
    delivered_at: datetime
    files: tuple[RemoteFile, ...]
    fingerprint: str
    manifest: Manifest | None = None
    manifest_file: RemoteFile | None = None
    superseded: tuple[Superseded, ...] = ()
    replaces: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Refused:
    """Something that should be a delivery and cannot be taken; `where` names the manifest or the file group."""

    where: str
    error: DeliveryError


#: Reads a small file; returns its bytes and what it was when they were read.
Read = Callable[[RemoteFile], tuple[bytes, RemoteFile]]
#: The files that a manifest lists, in its order; gets the manifest, its file and the listing.
Resolve = Callable[[Manifest, RemoteFile, Mapping[str, RemoteFile]], tuple[RemoteFile, ...]]


def find_deliveries(
    export: ExportConfig, listing: Mapping[str, RemoteFile], read: Read, resolve: Resolve
) -> list[Delivery | Refused]:
    """All deliveries of a listing, oldest first, and what had to be refused.

    Below a manifest only what it lists counts. Raises LocationUnreachable if a manifest cannot be read for a reason
    that is not its own.
    """
    places = [place for name in listing if (place := place_of(name)) is not None]
    by_slot: dict[tuple[str, ...], list[Place]] = {}
    for place in places:
        by_slot.setdefault((place.root, place.report, place.slot), []).append(place)
    found: list[Delivery | Refused] = []
    for members in by_slot.values():
        found += _newest(export, members, listing, read, resolve)
    deliveries = _without_copies([item for item in found if isinstance(item, Delivery)])
    territory = {place.root for place in places} | {_folder(f.name) for d in deliveries for f in d.files}
    loose = [name for name in listing if place_of(name) is None and not _lies_in(name, territory)]
    refused = [item for item in found if isinstance(item, Refused)]
    for group in group_names(loose, whole_folder=export.shards == "all"):
        item = _loose(export, group, listing)
        if isinstance(item, Delivery):
            deliveries.append(item)
        else:
            refused.append(item)
    deliveries.sort(key=lambda delivery: (delivery.delivered_at, delivery.group))
    return [*deliveries, *sorted(refused, key=lambda item: item.where)]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _lies_in(name: str, territory: Iterable[str]) -> bool:
    return any(root == "" or name.startswith(f"{root}/") for root in territory)


def _newest(
    export: ExportConfig, places: Sequence[Place], listing: Mapping[str, RemoteFile], read: Read, resolve: Resolve
) -> list[Delivery | Refused]:
    """The newest execution of one period that can be taken; older manifests are not even read."""
    times = {place.name: _delivered_at(place, listing[place.name]) for place in places}
    order = sorted(places, key=lambda place: (times[place.name], place.execution), reverse=True)
    current = next((place for place in order if not place.execution), None)
    if current and times[order[0].name] - times[current.name] <= _COPIED_TOGETHER:
        # The manifest above the execution folders is the provider's own pointer to the newest of them.
        order.remove(current)
        order.insert(0, current)
    refused: list[Delivery | Refused] = []
    for index, place in enumerate(order):
        try:
            data, file = read(listing[place.name])
            manifest = parse_manifest(place, data)
            files = resolve(manifest, file, listing)
        except LocationUnreachable:
            raise
        except DeliveryError as error:
            refused.append(Refused(place.name, error))
            continue
        older = tuple(
            Superseded(other.name, times[other.name])
            for other in order[index + 1 :]
            if not (other.execution and manifest.execution and manifest.execution in other.execution)
        )
        return [_listed(export, place, manifest, file, files, older), *refused]
    return refused


def _delivered_at(place: Place, file: RemoteFile) -> datetime:
    return place.delivered_at or file.modified_at or _LONG_AGO


def _listed(
    export: ExportConfig,
    place: Place,
    manifest: Manifest,
    file: RemoteFile,
    files: tuple[RemoteFile, ...],
    older: tuple[Superseded, ...],
) -> Delivery:
    fingerprint = fingerprint_of(files, manifest.digest)
    return Delivery(
        export=export.name,
        partition=manifest.partition,
        group=manifest.group,
        execution=_safe(manifest.execution) or fingerprint[:12],
        # the provider's own time, where its execution id is one: a copy or a clone makes every file look new
        delivered_at=instant_of(manifest.execution) or _delivered_at(place, file),
        files=files,
        fingerprint=fingerprint,
        manifest=manifest,
        manifest_file=file,
        superseded=older,
    )


def _without_copies(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """One delivery per group: of copies of a period in folders of the user's own naming the newest counts."""
    newest: dict[str, Delivery] = {}
    for delivery in sorted(deliveries, key=lambda item: (item.delivered_at, item.fingerprint)):
        older = newest.get(delivery.group)
        if older is not None and older.manifest is not None:
            notes = [*delivery.superseded, *older.superseded]
            if older.fingerprint != delivery.fingerprint:
                notes.append(Superseded(older.manifest.name, older.delivered_at))
            delivery = replace(delivery, superseded=tuple(notes))
        newest[delivery.group] = delivery
    return list(newest.values())


def _loose(export: ExportConfig, group: Group, listing: Mapping[str, RemoteFile]) -> Delivery | Refused:
    if group.twins:
        one, other = group.twins
        return Refused(
            group.name,
            DeliveryError(
                f"{one} and {other} look like the same file twice",
                where=group.name,
                expected="each part once, packed or not",
                fix="remove one of them; loading both would double the bill",
            ),
        )
    files = tuple(listing[name] for name in group.names)
    fingerprint = fingerprint_of(files)
    return Delivery(
        export=export.name,
        partition=None,
        group=group.name,
        execution=fingerprint[:12],
        delivered_at=max((file.modified_at for file in files if file.modified_at), default=_LONG_AGO),
        files=files,
        fingerprint=fingerprint,
    )


def fingerprint_of(files: Iterable[RemoteFile], digest: str = "") -> str:
    """Hash over names, sizes and etags of the files (and the bytes of their manifest)."""
    lines = [digest, *sorted(f"{file.name}\0{file.size}\0{file.etag or file.modified_at}" for file in files)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _safe(execution: str) -> str:
    """The provider's execution id if it can be a folder name, else its hash."""
    if not execution:
        return ""
    if len(execution) <= 80 and all(c.isascii() and (c.isalnum() or c in "-_") for c in execution):
        return execution
    return hashlib.sha256(execution.encode("utf-8", "surrogatepass")).hexdigest()[:12]
