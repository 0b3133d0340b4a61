"""A file at an address: https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip, or any other file of a feed.

The address is the operator's own and is asked as it stands: https (http on this machine only), no redirection, no
password. What it says of itself (ETag, Last-Modified) tells whether it is new, before it is read. Zips are unpacked,
and the European Central Bank's columns become rupees per dollar.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote

from core import BadValue, ConfigError, ExportConfig, LocationUnreachable
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile, fingerprint_of
from ingest.locations import Location, Reading, Say, changed, fetched, silent, staged_suffix
from ingest.locations._answers import split_address
from ingest.locations._ecb import cross_rates, is_of_ecb
from ingest.locations._http import LOOPBACK, HttpClient, token_faults
from ingest.pull import Meter
from ingest.verify import Verified, verify_file
from warehouse import full_disk

SCHEMES = ("https", "http")

_MAX_BYTES: Final = 1 << 30
#: Stands for the version of a file of which nothing was told, with the time of asking.
_UNTOLD: Final = "asked at"
_FOREIGN: Final = (
    "endpoint", "profile", "region", "query", "metric", "since", "password_env", "connection", "every_hours",
)  # fmt: skip


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The file at an export's address. Raises ConfigError, which never repeats what may hold a secret."""
    address = split_address(export)
    where = f"exports.{export.name}.location"
    faults = token_faults(export) + [
        f"exports.{export.name}.{name} has no meaning for {address.scheme}://; take it out"
        for name in _FOREIGN
        if name in export.model_fields_set
    ]
    if address.username is not None or address.password is not None:
        faults.append(f"{where} holds a password: name the variable of a token in token_env")
    if not address.hostname or address.path in ("", "/"):
        faults.append(f"{where} names no file: write https://host/path/of/the/file.csv")
    if address.scheme == "http" and address.hostname not in LOOPBACK:
        faults.append(f"{where}: write https://; http is for this machine only")
    if faults:
        raise ConfigError(faults)
    return WebLocation(export, reading, address)


class WebLocation(Location):
    """One file."""

    def __init__(self, export: ExportConfig, reading: Reading, address: SplitResult) -> None:
        super().__init__(export, reading)
        self._name = unquote(address.path.rstrip("/").rpartition("/")[2])
        #: Without the question, which may hold a key.
        self._origin = f"{address.scheme}://{address.netloc}{address.path}"
        self._client = HttpClient(export, reading, self._origin, Meter())

    def deliveries(self) -> list[Delivery | Refused]:
        """The file as the server describes it; where it does not, the file is read to see."""
        try:
            told = self._client.ask("HEAD", self.export.location, BytesIO(), 0, method="HEAD")
        except LocationUnreachable as error:
            if error.transient:
                raise
            told = Message()  # not every server has HEAD: reading it tells what is wrong
        file = self._file(told)
        fingerprint = fingerprint_of([file])
        return [
            Delivery(
                self.export.name, None, self._name, fingerprint[:12], file.modified_at or self.reading.clock.now(),
                (file,), fingerprint,
            )
        ]  # fmt: skip

    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """Read the file, unpack it and verify it."""
        self.need_space(delivery, staging)
        part = staging / "0001.part"
        try:
            with full_disk(staging), part.open("wb") as out:
                told = self._client.ask("GET", self.export.location, out, _MAX_BYTES)
            listed = delivery.files[0].etag or ""
            if not listed.startswith(_UNTOLD) and self._etag(told) not in ("", listed):
                raise changed(delivery, f"{self._name} was rewritten")
            path, verified = self._plain(part, staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        say(f"{self.export.name}: {self._name} read and verified")
        return [fetched(path, self._name, self._origin, verified)]

    def confirm(self, delivery: Delivery) -> None:
        """Nothing to do: what was fetched is a copy of our own."""

    def _plain(self, part: Path, staging: Path) -> tuple[Path, Verified]:
        with full_disk(staging):
            unpacked = staging / "0001.unpacked"
            verified = verify_file(part, self._name, limits=self.reading.limits, unzip_to=unpacked)
            if verified.compression == "zip":
                part = unpacked
            with part.open("rb") as stream:
                if stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
                    raise BadValue(
                        "the address gives a page or XML", where=self._origin, expected="CSV, JSON or Parquet",
                        fix="write the address of the table itself; of the European Central Bank that is"
                        " https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip",
                    )  # fmt: skip
            if verified.format == "csv" and verified.compression != "gzip" and is_of_ecb(part):
                cross_rates(part, staging / "0001.cross")
                part = staging / "0001.cross"
                made = verify_file(part, "cross.csv", limits=self.reading.limits)
                verified = replace(made, sha256=verified.sha256, bytes=verified.bytes)
            return part.rename(staging / f"0001{staged_suffix(verified)}"), verified

    def _file(self, told: Message) -> RemoteFile:
        length = told.get("Content-Length", "")
        etag = self._etag(told) or f"{_UNTOLD} {self.reading.clock.now().isoformat()}"
        return RemoteFile(self._name, int(length) if length.isdecimal() else 0, _modified(told), etag)

    @staticmethod
    def _etag(told: Message) -> str:
        return told.get("ETag") or told.get("Last-Modified") or ""


def _modified(told: Message) -> datetime | None:
    try:
        return parsedate_to_datetime(told.get("Last-Modified", "")).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
