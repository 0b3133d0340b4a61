"""S3, or anything that speaks its protocol (`endpoint`): what a delivery lists, downloaded and verified as it streams.

The provider rewrites files under the same keys, so a delivery is read like this: the manifest, then every file only
if it still has the ETag that was listed (IfMatch), then the manifest again. Whatever changed meanwhile, everything is
thrown away.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from core import ConfigError, DeliveryChanged, ExportConfig, LocationUnreachable, ManifestInvalid
from ingest.aws._clients import HOME, AwsClients
from ingest.aws._errors import failure_of, failures
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile, find_deliveries
from ingest.locations import Location, Reading, Say, changed, fetched, silent, staged_suffix, take_all
from ingest.manifests import Manifest, find_all, key_path
from ingest.meter import Usage
from ingest.shards import start_of
from ingest.unzip import unzip
from ingest.verify import FileDamaged, Verified, Verifier
from warehouse import full_disk

SCHEMES = ("s3",)

#: A file newer than its manifest means that the provider is rewriting the delivery: it writes the manifest last.
#: After this long without a new manifest it is a copy whose times mean nothing.
_REWRITE = timedelta(hours=3)
#: Small enough that a trickle is noticed.
_BLOCK_BYTES = 1 << 16

T = TypeVar("T")


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The bucket and prefix that an export names as s3://bucket/prefix."""
    parts = urlsplit(export.location)
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(
            [
                f"exports.{export.name}.location is not s3://bucket/prefix; credentials belong into a profile or the"
                " environment, never into the address"
            ]
        )
    if export.connection and (export.profile or export.endpoint):
        raise ConfigError([f"exports.{export.name}: its connection says profile and endpoints; take them out here"])
    clients = AwsClients.of_export(export, reading)
    return S3Location(export, reading, parts.netloc, parts.path.removeprefix("/"), clients, region=export.region or "")


class _Stopped(Exception):
    """Another file of the delivery failed; this one is not needed any more."""


class S3Location(Location):
    """Deliveries below a prefix of a bucket, read as `account` of the clients."""

    def __init__(
        self, export: ExportConfig, reading: Reading, bucket: str, prefix: str, clients: AwsClients,
        *, account: str = HOME, region: str = "",
    ) -> None:  # fmt: skip
        super().__init__(export, reading)
        self.meter = clients.meter
        self._ask = partial(clients.once, "s3", account=account, region=region)
        self._bucket = bucket
        self._prefix = prefix
        #: What comes before every name: the prefix as a folder, or the folder of a single file.
        self._base = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

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

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """Every file once; before and after them the manifest, or the list of loose files after them."""
        count = sum(len(item.files) + 2 * (item.manifest is not None) for item in deliveries)
        lists = sum(item.manifest is None for item in deliveries)
        return Usage({"aws:s3:get": count, "aws:s3:list": lists}, count + lists)

    # Requests -----------------------------------------------------------------------------------------------

    def _retry(self, action: Callable[[], T], name: str, stop: threading.Event | None = None) -> T:
        """Do it, and again after a while if that may help. Raises LocationUnreachable or DeliveryChanged."""
        attempts = self.reading.retries.attempts
        attempt = 1
        while True:
            try:
                return action()
            except failures() as error:
                failure = failure_of(error)
            if failure.kind in ("changed", "absent"):
                how = "was rewritten" if failure.kind == "changed" else "went away"
                raise DeliveryChanged(f"{name} {how} while it was read", where=self._address(name))
            if failure.kind == "permanent" or attempt >= attempts:
                is_transient = failure.kind == "transient"
                raise LocationUnreachable(
                    f"S3 cannot be read: {failure.reason}" + (f", {attempt} attempts" if is_transient else ""),
                    where=self._address(name),
                    fix=failure.fix or "nothing was loaded; ingest again later",
                    transient=is_transient,
                )
            if stop is not None and stop.is_set():
                raise _Stopped
            self.reading.retries.wait(attempt)
            attempt += 1

    def _address(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._base}{name}"

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
        following: dict[str, str] = {}
        while True:
            page = self._retry(partial(self._page, base + start, following), start)
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):
                    name = item["Key"].removeprefix(base)
                    listing[name] = RemoteFile(name, item["Size"], item["LastModified"], item["ETag"].strip('"'))
            if not page.get("IsTruncated"):
                return listing
            following = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, prefix: str, following: Mapping[str, str]) -> Any:
        return self._ask("ListObjectsV2", Bucket=self._bucket, Prefix=prefix, **following)

    def _read(self, file: RemoteFile) -> tuple[bytes, RemoteFile]:
        limit = self.reading.limits.max_manifest_bytes

        def get() -> tuple[bytes, RemoteFile]:
            answer = self._ask("GetObject", Bucket=self._bucket, Key=self._base + file.name)
            with closing(answer["Body"]) as body:
                # To the end, where the length and the checksum are compared.
                data = body.read() if answer.get("ContentLength", 0) <= limit else b"\0" * (limit + 1)
            return data, RemoteFile(file.name, len(data), answer["LastModified"], answer["ETag"].strip('"'))

        data, read = self._retry(get, file.name)
        if len(data) > limit:
            raise ManifestInvalid(f"the manifest is longer than {limit:,} bytes", where=file.name)
        return data, read

    def _resolve(
        self, manifest: Manifest, file: RemoteFile, listing: Mapping[str, RemoteFile]
    ) -> tuple[RemoteFile, ...]:
        def find(key: str) -> str | None:
            path = key_path(manifest, key, self._bucket)
            if not path.startswith(self._base):
                raise ManifestInvalid(
                    f"the manifest lists {key!r}, which lies outside of the location",
                    where=manifest.name,
                    expected=f"files below s3://{self._bucket}/{self._base}",
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
        answer = self._ask("GetObject", Bucket=self._bucket, Key=self._base + file.name, IfMatch=f'"{file.etag}"')
        size = 0
        with closing(answer["Body"]) as body, full_disk(target), target.open("wb") as out:
            while block := body.read(_BLOCK_BYTES):
                if stop.is_set():
                    raise _Stopped
                size += len(block)
                if size > file.size or time.monotonic() - began > self.reading.retries.seconds_for(file.size):
                    break
                verifier.update(block)
                out.write(block)
        if size != file.size:
            raise ConnectionError(f"{size} of {file.size} bytes")
        return verifier.finish()
