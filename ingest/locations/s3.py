"""S3, or anything that speaks its protocol (`endpoint`). What a delivery is and how it is read: `_bucket`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import ClassVar

from core import ConfigError, ExportConfig
from ingest.aws._clients import HOME, AwsClients
from ingest.aws._errors import failure_of, failures
from ingest.deliveries import Delivery, RemoteFile
from ingest.locations import Location, Reading
from ingest.locations._bucket import BLOCK_BYTES, BucketLocation, Refusal, bucket_of
from ingest.meter import Usage

SCHEMES = ("s3",)


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The bucket and prefix that an export names as s3://bucket/prefix."""
    bucket, prefix = bucket_of(export)
    if export.connection and (export.profile or export.endpoint):
        raise ConfigError([f"exports.{export.name}: its connection says profile and endpoints; take them out here"])
    return S3Location(
        export, reading, bucket, prefix, AwsClients.of_export(export, reading), region=export.region or ""
    )


class S3Location(BucketLocation):
    """Deliveries below a prefix of a bucket, read as `account` of the clients."""

    scheme: ClassVar[str] = "s3"
    service: ClassVar[str] = "S3"

    def __init__(
        self, export: ExportConfig, reading: Reading, bucket: str, prefix: str, clients: AwsClients,
        *, account: str = HOME, region: str = "",
    ) -> None:  # fmt: skip
        super().__init__(export, reading, bucket, prefix)
        self.meter = clients.meter
        self._ask = partial(clients.once, "s3", account=account, region=region)

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """Every file once; before and after them the manifest, or the list of loose files after them."""
        count = sum(len(item.files) + 2 * (item.manifest is not None) for item in deliveries)
        lists = sum(item.manifest is None for item in deliveries)
        return Usage({"aws:s3:get": count, "aws:s3:list": lists}, count + lists)

    def _refusal(self, error: Exception) -> Refusal | None:
        if not isinstance(error, failures()):
            return None
        found = failure_of(error)
        return Refusal(found.kind, found.reason, found.fix)

    def _page(self, prefix: str, following: str) -> tuple[list[RemoteFile], str]:
        token = {"ContinuationToken": following} if following else {}
        page = self._ask("ListObjectsV2", Bucket=self._bucket, Prefix=prefix, **token)
        return [
            RemoteFile(item["Key"], item["Size"], item["LastModified"], item["ETag"].strip('"'))
            for item in page.get("Contents", ())
        ], page.get("NextContinuationToken", "") if page.get("IsTruncated") else ""

    def _get(self, key: str, version: str | None, take: Callable[[bytes], None]) -> RemoteFile:
        only = {"IfMatch": f'"{version}"'} if version else {}
        answer = self._ask("GetObject", Bucket=self._bucket, Key=key, **only)
        with closing(answer["Body"]) as body:
            while block := body.read(BLOCK_BYTES):  # to the end, where the length and the checksum are compared
                take(block)
        return RemoteFile(
            key, answer.get("ContentLength", 0), answer["LastModified"], answer.get("ETag", "").strip('"')
        )
