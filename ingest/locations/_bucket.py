"""Buckets: what a delivery lists, downloaded and verified as it streams. What S3 and Cloud Storage share.

The provider rewrites files under the same keys, so a delivery is read like this: the manifest, then every file only
if it is still the version that was listed, then the manifest again. Whatever changed meanwhile, everything is thrown
away. How a bucket is asked is each location's: `_page`, `_get` and `_failure_of`.
"""

from __future__ import annotations

import shutil
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from core import ConfigError, DeliveryChanged, ExportConfig, LocationUnreachable, ManifestInvalid
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile, find_deliveries
from ingest.locations import Location, Reading, Say, changed, fetched, silent, staged_suffix, take_all
from ingest.manifests import Manifest, find_all, key_path
from ingest.shards import start_of
from ingest.unzip import unzip
from ingest.verify import FileDamaged, Verified, Verifier
from warehouse import full_disk

#: A file newer than its manifest means that the provider is rewriting the delivery: it writes the manifest last.
#: After this long without a new manifest it is a copy whose times mean nothing.
_REWRITE = timedelta(hours=3)
#: Small enough that a trickle is noticed.
BLOCK_BYTES = 1 << 16

Kind = Literal["transient", "permanent", "changed", "absent"]
T = TypeVar("T")


@dataclass(frozen=True)
class Refusal:
    """A request that failed: what to make of it, why in a word without secrets, and what a person can do."""

    kind: Kind
    reason: str
    fix: str = ""


def bucket_of(export: ExportConfig) -> tuple[str, str]:
    """Bucket and prefix of scheme://bucket/prefix. Raises ConfigError, which never repeats the address."""
    parts = urlsplit(export.location)
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            [
                f"exports.{export.name}.location is not {parts.scheme}://bucket/prefix; credentials belong into a"
                " profile, a connection or the environment, never into the address"
            ]
        )
    return parts.netloc, parts.path.removeprefix("/")


class _Stopped(Exception):
    """Another file of the delivery failed; this one is not needed any more."""


class BucketLocation(Location):
    """Deliveries below a prefix of a bucket. The etag of a file is whatever names its version."""

    scheme: ClassVar[str]
    #: What people call it.
    service: ClassVar[str]

    def __init__(self, export: ExportConfig, reading: Reading, bucket: str, prefix: str) -> None:
        super().__init__(export, reading)
        self._bucket = bucket
        self._prefix = prefix
        #: What comes before every name: the prefix as a folder, or the folder of a single file.
        self._base = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

    @abstractmethod
    def _page(self, prefix: str, following: str) -> tuple[list[RemoteFile], str]:
        """Objects whose keys begin with `prefix`, under their keys, and what continues the list; empty at its end."""

    @abstractmethod
    def _get(self, key: str, version: str | None, take: Callable[[bytes], None]) -> RemoteFile:
        """Read an object block by block, only if it is that version; what it was. `take` may raise."""

    @abstractmethod
    def _refusal(self, error: Exception) -> Refusal | None:
        """What an error of a request means; None if it is none."""

    def deliveries(self) -> list[Delivery | Refused]:
        """What lies below the prefix."""
        return find_deliveries(self.export, self._listing(), self._read, self._resolve)

    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """Download the files, several at once, each verified while it comes in."""
        self.need_space(delivery, staging)
        stop = threading.Event()

        def take(number: int, file: RemoteFile) -> FetchedFile:
            return self._download(delivery, file, staging, number, stop)

        try:
            if delivery.manifest is not None:
                self._refuse_changed(delivery)
            try:
                files = take_all(delivery, take, self.reading.workers, say, stop)
            except FileDamaged:
                self._refuse_changed(delivery)
                raise
            self._refuse_changed(delivery)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return files

    def confirm(self, delivery: Delivery) -> None:
        """Nothing to do: what was fetched are copies of our own."""

    # Requests -----------------------------------------------------------------------------------------------

    def _retry(self, action: Callable[[], T], name: str, stop: threading.Event | None = None) -> T:
        """Do it, and again after a while if that may help. Raises LocationUnreachable or DeliveryChanged."""
        attempts = self.reading.retries.attempts
        attempt = 1
        while True:
            try:
                return action()
            except Exception as error:
                found = self._refusal(error)
                if found is None:
                    raise
                failure = found
            if failure.kind in ("changed", "absent"):
                how = "was rewritten" if failure.kind == "changed" else "went away"
                raise DeliveryChanged(f"{name} {how} while it was read", where=self._address(name))
            if failure.kind == "permanent" or attempt >= attempts:
                is_transient = failure.kind == "transient"
                times = f", {attempt} attempts" if is_transient else ""
                raise LocationUnreachable(
                    f"{self.service} cannot be read: {failure.reason}{times}",
                    where=self._address(name),
                    fix=failure.fix or "nothing was loaded; ingest again later",
                    transient=is_transient,
                )
            if stop is not None and stop.is_set():
                raise _Stopped
            self.reading.retries.wait(attempt)
            attempt += 1

    def _address(self, name: str) -> str:
        return f"{self.scheme}://{self._bucket}/{self._base}{name}"

    def _listing(self) -> dict[str, RemoteFile]:
        self._base = self._prefix if not self._prefix or self._prefix.endswith("/") else f"{self._prefix}/"
        found = self._list(self._base, "")
        if found or self._base == self._prefix:
            return found
        folder, _, name = self._prefix.rpartition("/")  # perhaps the address of a single file
        self._base = f"{folder}/" if folder else ""
        beside = self._list(self._base, name)
        return {name: beside[name]} if name in beside else {}

    def _list(self, base: str, start: str) -> dict[str, RemoteFile]:
        """The objects below `base` whose names begin with `start`."""
        listing = {}
        following = ""
        while True:
            page, following = self._retry(partial(self._page, base + start, following), start)
            for item in page:
                if not item.name.endswith("/"):
                    name = item.name.removeprefix(base)
                    listing[name] = RemoteFile(name, item.size, item.modified_at, item.etag)
            if not following:
                return listing

    def _read(self, file: RemoteFile) -> tuple[bytes, RemoteFile]:
        limit = self.reading.limits.max_manifest_bytes

        def get() -> tuple[bytes, RemoteFile]:
            data = bytearray()

            def take(block: bytes) -> None:
                data.extend(block)
                if len(data) > limit:
                    raise ManifestInvalid(f"the manifest is longer than {limit:,} bytes", where=file.name)

            read = self._get(self._base + file.name, None, take)
            return bytes(data), RemoteFile(file.name, len(data), read.modified_at, read.etag)

        return self._retry(get, file.name)

    def _resolve(
        self, manifest: Manifest, file: RemoteFile, listing: Mapping[str, RemoteFile]
    ) -> tuple[RemoteFile, ...]:
        def find(key: str) -> str | None:
            path = key_path(manifest, key, self._bucket)
            if not path.startswith(self._base):
                raise ManifestInvalid(
                    f"the manifest lists {key!r}, which lies outside of the location",
                    where=manifest.name,
                    expected=f"files below {self.scheme}://{self._bucket}/{self._base}",
                    fix="let the location be the folder that holds both manifest and data",
                )
            name = path[len(self._base) :]
            return name if name in listing else None

        files = tuple(listing[name] for name in find_all(manifest, find))
        self._refuse_rewriting(manifest, file, files)
        return files

    def _refuse_rewriting(self, manifest: Manifest, file: RemoteFile, files: tuple[RemoteFile, ...]) -> None:
        newest = max(files, key=lambda item: item.modified_at or self.reading.clock.now())
        if newest.modified_at is None or file.modified_at is None:
            return
        # Headers tell whole seconds, listings of some servers more.
        is_newer = newest.modified_at.replace(microsecond=0) > file.modified_at.replace(microsecond=0)
        if is_newer and self.reading.clock.now() - newest.modified_at < _REWRITE:
            raise DeliveryChanged(
                f"{newest.name} is newer than the manifest that lists it: the delivery is being rewritten",
                where=manifest.name,
                expected="the manifest to come last",
                fix="wait for the new manifest; the last good delivery stays in use",
            )

    # Downloads ----------------------------------------------------------------------------------------------

    def _refuse_changed(self, delivery: Delivery) -> None:
        """Raises DeliveryChanged if the manifest, or the group of loose files, is not the one that was listed."""
        if delivery.manifest is None:
            start = "" if self.export.shards == "all" else start_of(delivery.files[0].name)
            listing = self._list(self._base, start)
            now = find_deliveries(self.export, listing, self._read, self._resolve)
            if not any(isinstance(item, Delivery) and item.fingerprint == delivery.fingerprint for item in now):
                raise changed(delivery, "files came, went or were rewritten")
            return
        data, file = self._read(RemoteFile(delivery.manifest.name, 0, None, None))
        before = delivery.manifest_file
        if not delivery.manifest.has_bytes(data) or before is None or file.etag != before.etag:
            raise changed(delivery, f"{delivery.manifest.name} was rewritten")

    def _download(
        self, delivery: Delivery, file: RemoteFile, staging: Path, number: int, stop: threading.Event
    ) -> FetchedFile:
        part = staging / f"{number:04d}.part"
        damaged = ""
        for attempt in range(1, self.reading.retries.attempts + 1):
            try:
                verified = self._retry(lambda: self._stream(file, part, stop), file.name, stop)
                break
            except FileDamaged as error:
                # The same damage twice lies there; another one came on the way.
                if error.sha256 == damaged or attempt == self.reading.retries.attempts:
                    raise
                damaged = error.sha256
        with full_disk(staging):
            path = part
            if verified.compression == "zip":
                path = staging / f"{number:04d}.unpacked"
                verified = unzip(part, file.name, path, verified, self.reading.limits)
                part.unlink()
            path = path.rename(staging / f"{number:04d}{staged_suffix(verified)}")
        return fetched(path, file.name, self._address(file.name), verified)

    def _stream(self, file: RemoteFile, target: Path, stop: threading.Event) -> Verified:
        verifier = Verifier(file.name, self.reading.limits)
        began = time.monotonic()
        size = 0
        with full_disk(target), target.open("wb") as out:

            def take(block: bytes) -> None:
                nonlocal size
                if stop.is_set():
                    raise _Stopped
                size += len(block)
                if size > file.size or time.monotonic() - began > self.reading.retries.seconds_for(file.size):
                    raise ConnectionError(f"{size} of {file.size} bytes")
                verifier.update(block)
                out.write(block)

            self._get(self._base + file.name, file.etag, take)
        if size != file.size:
            raise ConnectionError(f"{size} of {file.size} bytes")
        return verifier.finish()
