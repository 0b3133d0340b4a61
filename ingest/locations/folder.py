"""A folder, or a single file: exports copied by hand, by a sync, or mounted.

Files are verified where they lie and not copied; staging gets links under names of our own, so that no name of the
provider ever reaches the engine. What is read is pinned by stat: size, both times and inode, before and after.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from core import ConfigError, DeliveryChanged, ExportConfig, FileCorrupt, LocationUnreachable, ManifestInvalid
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile, find_deliveries
from ingest.locations import Location, Reading, Say, changed, fetched, silent, staged_suffix, take_all
from ingest.manifests import Manifest, find_all, find_in_copy, key_path
from ingest.verify import verify_file
from warehouse import full_disk

SCHEMES = ("", "file")

#: What tells one state of a file from another: device, inode, size, time of content, time of any change.
Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class _Pin:
    """The state of a delivery's files and, where no manifest lists them, the times of their folders."""

    files: dict[str, Identity]
    folders: dict[Path, int]


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The folder that an export names by path or by file:// address."""
    if not export.location.lower().startswith("file://"):
        return FolderLocation(export, reading, Path(export.location))
    parts = urlsplit(export.location)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigError(
            [f"exports.{export.name}.location = {export.location!r}: write file:///path (three slashes) or a path"]
        )
    return FolderLocation(export, reading, Path(unquote(parts.path)))


class FolderLocation(Location):
    """Deliveries below a folder."""

    def __init__(self, export: ExportConfig, reading: Reading, root: Path) -> None:
        super().__init__(export, reading)
        self._root = root
        self._pins: dict[str, _Pin] = {}

    def deliveries(self) -> list[Delivery | Refused]:
        """What lies in the folder."""
        return find_deliveries(self.export, self._listing(), self._read, self._resolve)

    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """Verify the files in place, several at once, and link them into staging."""
        self.need_space(delivery, staging)

        def take(number: int, file: RemoteFile) -> FetchedFile:
            return self._take(file, staging, number)

        try:
            self._pins[delivery.fingerprint] = self._pin(delivery)
            try:
                files = take_all(delivery, take, self.reading.workers, say)
            except (FileCorrupt, DeliveryChanged):
                self.confirm(delivery)  # a file that is rewritten while it is read looks damaged
                raise
            self.confirm(delivery)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return files

    def confirm(self, delivery: Delivery) -> None:
        """Manifest and files are what they were when `fetch` began."""
        now, before = self._pin(delivery), self._pins.get(delivery.fingerprint)
        if before is None or now.files != before.files:
            raise changed(delivery, "files were rewritten")
        # Something came into or left the folders: of the delivery, or beside it?
        if now.folders != before.folders and delivery.fingerprint not in self._fingerprints():
            raise changed(delivery, "files came or went")

    def _pin(self, delivery: Delivery) -> _Pin:
        """The state of every file now. Raises DeliveryChanged if it is not the delivery that was listed."""
        identities = {}
        for file in delivery.files:
            try:
                status = self._path(file.name).stat()
            except FileNotFoundError:
                raise changed(delivery, f"{file.name} went away") from None
            except OSError as error:
                raise _unreadable(self._path(file.name), error) from None
            if (status.st_size, _etag(status)) != (file.size, file.etag):
                raise changed(delivery, f"{file.name} was rewritten")
            times = status.st_mtime_ns, status.st_ctime_ns
            identities[file.name] = (status.st_dev, status.st_ino, status.st_size, *times)
        if delivery.manifest is not None:
            data, _ = self._read(RemoteFile(delivery.manifest.name, 0, None, None))
            if not delivery.manifest.has_bytes(data):
                raise changed(delivery, f"{delivery.manifest.name} was rewritten")
            return _Pin(identities, {})
        folders = {self._root / parent for file in delivery.files for parent in PurePosixPath(file.name).parents}
        return _Pin(identities, {folder: folder.stat().st_mtime_ns for folder in folders if self._root.is_dir()})

    def _fingerprints(self) -> set[str]:
        return {item.fingerprint for item in self.deliveries() if isinstance(item, Delivery)}

    def _take(self, file: RemoteFile, staging: Path, number: int) -> FetchedFile:
        source = self._path(file.name)
        unpacked = staging / f"{number:04d}.csv"
        try:
            with full_disk(staging):
                verified = verify_file(source, file.name, limits=self.reading.limits, unzip_to=unpacked)
                path = staging / f"{number:04d}{staged_suffix(verified)}"
                if verified.compression == "zip":
                    unpacked.rename(path)
                else:
                    path.symlink_to(source.absolute())
        except FileNotFoundError as error:
            raise DeliveryChanged(f"{file.name} went away while it was read", where=str(source)) from error
        except OSError as error:
            raise _unreadable(source, error) from None
        return fetched(path, file.name, str(source), verified)

    # Listing and reading ------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        return self._root / name if self._root.is_dir() else self._root

    def _listing(self) -> dict[str, RemoteFile]:
        try:
            status = self._root.stat()
        except FileNotFoundError:
            raise LocationUnreachable(
                "the folder does not exist",
                where=str(self._root),
                expected=f"the files of export {self.export.name}",
                fix=f"make the folder, or correct location of exports.{self.export.name}",
            ) from None
        except OSError as error:
            raise _unreadable(self._root, error) from None
        if not stat.S_ISDIR(status.st_mode):
            return {self._root.name: _remote(self._root.name, status)}
        return {file.name: file for file in _walk(self._root, "", set())}

    def _read(self, file: RemoteFile) -> tuple[bytes, RemoteFile]:
        path = self._path(file.name)
        limit = self.reading.limits.max_manifest_bytes
        try:
            with path.open("rb") as stream:
                data = stream.read(limit + 1)
                status = os.fstat(stream.fileno())
        except FileNotFoundError:
            raise DeliveryChanged(f"{file.name} went away while it was read", where=str(path)) from None
        except OSError as error:
            raise _unreadable(path, error) from None
        if len(data) > limit:
            raise ManifestInvalid(f"the manifest is longer than {limit:,} bytes", where=file.name)
        return data, _remote(file.name, status)

    def _resolve(
        self, manifest: Manifest, file: RemoteFile, listing: Mapping[str, RemoteFile]
    ) -> tuple[RemoteFile, ...]:
        above = self._root.absolute().parts

        def find(key: str) -> str | None:
            return find_in_copy(manifest, key_path(manifest, key, None), above, listing)

        return tuple(listing[name] for name in find_all(manifest, find))


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[RemoteFile]:
    """Every regular file below a folder. Links are followed, but no folder is entered twice."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue  # went away meanwhile, or a link to nothing
        except OSError as error:
            raise _unreadable(Path(entry.path), error) from None
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", seen)
        elif stat.S_ISREG(status.st_mode):
            yield _remote(f"{prefix}{entry.name}", status)


def _remote(name: str, status: os.stat_result) -> RemoteFile:
    modified_at = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1e6, UTC)
    return RemoteFile(name, status.st_size, modified_at, _etag(status))


def _etag(status: os.stat_result) -> str:
    return str(status.st_mtime_ns)


def _unreadable(path: Path, error: OSError) -> LocationUnreachable:
    return LocationUnreachable(
        f"{path.name} cannot be read: {error.strerror or error}",
        where=str(path),
        expected="files that the user who runs Kifayat may read",
        fix="correct the permissions" if isinstance(error, PermissionError) else "check the disk or the mount",
        transient=not isinstance(error, PermissionError),
    )
