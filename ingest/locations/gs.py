"""gs://bucket/prefix: files in Cloud Storage, read through a connection of kind = "gcp".

Only the generation that was listed is read, as its raw bytes; the library compares CRC32C or MD5 with what the server
says of the object, and we verify what is in it. What a delivery is and how it is read: `_bucket`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final

from core import ExportConfig, LocationUnreachable
from ingest.deliveries import Delivery, RemoteFile
from ingest.gcp._clients import GcpClients
from ingest.gcp._errors import failure_of, failures
from ingest.locations import Location, Reading
from ingest.locations._bucket import BucketLocation, Refusal, bucket_of
from ingest.meter import Usage
from ingest.pull import Probe

SCHEMES = ("gs",)
PERMISSIONS: Final = ("storage.objects.get", "storage.objects.list")
APIS: Final = ("storage.googleapis.com",)
_PAGE: Final = 1000
_LIST, _GET = "gcp:storage:list", "gcp:storage:get"


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The bucket and prefix that an export names as gs://bucket/prefix."""
    bucket, prefix = bucket_of(export)
    return GsLocation(export, reading, bucket, prefix, GcpClients(reading.connection(export, "gcp"), reading))


class _Sink:
    """A file to write to that hands on what it is given."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.write = take


class GsLocation(BucketLocation):
    """Deliveries below a prefix of a bucket."""

    scheme: ClassVar[str] = "gs"
    service: ClassVar[str] = "Cloud Storage"

    def __init__(self, export: ExportConfig, reading: Reading, bucket: str, prefix: str, clients: GcpClients) -> None:
        super().__init__(export, reading, bucket, prefix)
        self._clients = clients
        self.meter = self._meter = clients.meter

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """Every file once; before and after them the manifest with its generation, or the list of loose files."""
        gets = sum(len(item.files) + 4 * (item.manifest is not None) for item in deliveries)
        lists = sum(item.manifest is None for item in deliveries)
        return Usage({_GET: gets, _LIST: lists}, gets + lists)

    def probes(self) -> Iterator[Probe]:
        """Listing proves the one permission, describing the first file the other."""
        where = f"gs://{self._bucket}/{self._base}"
        yield Probe("storage.objects.list", where, self._listing)
        yield Probe("storage.objects.get", where, self._peek)

    def _peek(self) -> None:
        if name := next(iter(self._listing()), ""):
            self._retry(lambda: self._described(self._base + name), name)

    def _refusal(self, error: Exception) -> Refusal | None:
        from google.api_core.exceptions import NotFound, PreconditionFailed
        from google.cloud.storage.exceptions import DataCorruption

        name = type(error).__name__
        match error:
            case PreconditionFailed():
                return Refusal("changed", name)
            case NotFound():
                return Refusal("absent", name)
            case DataCorruption():
                return Refusal("transient", name)
        if not isinstance(error, failures()):
            return None
        found = failure_of(error, " and ".join(PERMISSIONS))
        return Refusal("transient" if found.is_transient else "permanent", found.reason, found.fix)

    def _page(self, prefix: str, following: str) -> tuple[list[RemoteFile], str]:
        from google.api_core.exceptions import NotFound

        self._meter.bill(_LIST, 1)

        def ask(retry: Any, timeout: float) -> tuple[list[RemoteFile], str]:
            found = self._clients.storage().list_blobs(
                self._bucket, prefix=prefix, page_token=following or None, page_size=_PAGE, retry=retry,
                timeout=timeout, fields="items(name,size,updated,generation),nextPageToken",
            )  # fmt: skip
            page = [
                RemoteFile(blob.name, blob.size, blob.updated, str(blob.generation)) for blob in next(found.pages, ())
            ]
            return page, found.next_page_token or ""

        try:
            return self._clients.once("storage.objects.list", ask)
        except NotFound:
            raise LocationUnreachable(
                "Cloud Storage knows no such bucket", where=f"gs://{self._bucket}", fix="correct the location"
            ) from None

    def _described(self, key: str) -> Any:
        self._meter.bill(_GET, 1)
        blob = self._clients.storage().bucket(self._bucket).blob(key)
        self._clients.once("storage.objects.get", blob.reload)
        return blob

    def _get(self, key: str, version: str | None, take: Callable[[bytes], None]) -> RemoteFile:
        if version is None:
            blob = self._described(key)
        else:
            blob = self._clients.storage().bucket(self._bucket).blob(key)
        generation = int(version or blob.generation)
        self._meter.bill(_GET, 1)
        self._clients.once(
            "storage.objects.get", blob.download_to_file, _Sink(take), raw_download=True,
            if_generation_match=generation, checksum="auto",
        )  # fmt: skip
        return RemoteFile(key, blob.size or 0, blob.updated, str(generation))
