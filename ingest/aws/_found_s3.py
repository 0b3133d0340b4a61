"""Buckets of an account, with their size as CloudWatch measures it once a day, and their rules.

API: S3, ListBuckets and GetBucketLifecycleConfiguration; CloudWatch, ListMetrics and GetMetricData (BucketSizeBytes by
storage class and NumberOfObjects, billed by the metric); tags from the tagging API of each bucket's region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from ingest.aws._clients import AwsClients
from ingest.aws._cloudwatch import CloudWatch, batches
from ingest.aws._errors import AwsRefused
from ingest.aws._found import Asking, Found, tagged
from ingest.aws._measures import Asked

ACTIONS: Final = (
    "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "s3:GetLifecycleConfiguration", "s3:ListAllMyBuckets",
)  # fmt: skip
_METRICS: Final = {("AWS/S3", "BucketSizeBytes"), ("AWS/S3", "NumberOfObjects")}
#: A day's value comes within two days ("Metrics and dimensions").
LOOK_BACK: Final = timedelta(days=3)


class Buckets:
    """The buckets of one account, wherever they are."""

    def __init__(self, clients: AwsClients, cloudwatch: CloudWatch, account: str) -> None:
        self._clients, self._cloudwatch, self._account = clients, cloudwatch, account
        self.listed: list[Mapping[str, Any]] = sorted(
            clients.pages(
                "s3", "ListBuckets", "Buckets", token=("ContinuationToken", "ContinuationToken"), account=account,
                MaxBuckets=1000,
            ),
            key=lambda one: str(one["Name"]),
        )  # fmt: skip
        #: Region -> what is measured of its buckets.
        self.measured: dict[str, list[Asked]] = {}
        for region in sorted({self._region(one) for one in self.listed}):
            found = cloudwatch.listed(_METRICS, account, region)
            self.measured[region] = [
                Asked(*key, dimensions, "daily") for key, listed in sorted(found.items()) for dimensions in listed
            ]

    def found(self, now: datetime) -> Iterator[tuple[str, Found]]:
        """Region and bucket."""
        sizes = {region: self._sizes(region, now) for region in self.measured}
        tags = {region: dict(tagged(Asking(self._clients, self._account, region))) for region in self.measured}
        for one in self.listed:
            region, name = self._region(one), one["Name"]
            yield region, Found(
                name, "AWS::S3::Bucket", "active", one.get("CreationDate"),
                {"name": name, **sizes[region].get(name, {}), **self._rules(name, region)},
                tags[region].get(f"arn:aws:s3:::{name}", {}),
            )  # fmt: skip

    def _region(self, bucket: Mapping[str, Any]) -> str:
        # without one it is where S3 began
        return str(bucket.get("BucketRegion") or "us-east-1")

    def _sizes(self, region: str, now: datetime) -> dict[str, dict[str, Any]]:
        end = now.replace(hour=0, minute=0, second=0, microsecond=0)
        known: dict[str, dict[str, Any]] = {}
        for batch in batches(self.measured[region], LOOK_BACK):
            found = self._cloudwatch.values(batch, self._account, region, end - LOOK_BACK, end)
            for asked, statistics in found.items():
                values = statistics["Average"][np.isfinite(statistics["Average"])]
                if not len(values):
                    continue
                dimensions, latest = dict(asked.dimensions), int(values[-1])
                mine = known.setdefault(dimensions["BucketName"], {})
                if asked.name == "NumberOfObjects":
                    mine["objects"] = latest
                else:
                    mine.setdefault("size_bytes", {})[dimensions["StorageType"]] = latest
        return known

    def _rules(self, name: str, region: str) -> dict[str, Any]:
        """Days after which uploads that never ended are dropped and objects are moved, of rules that are on."""
        try:
            answer = self._clients.call(
                "s3", "GetBucketLifecycleConfiguration", account=self._account, region=region, Bucket=name
            )
        except AwsRefused as error:
            if error.code in ("NoSuchLifecycleConfiguration", "NoSuchBucket"):  # it has none; it went meanwhile
                return {}
            raise
        rules = [one for one in answer.get("Rules", ()) if one.get("Status") == "Enabled"]
        aborts = [one["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation") for one in rules
                  if "AbortIncompleteMultipartUpload" in one]  # fmt: skip
        moves = sorted(
            f"{each['StorageClass']} after {each.get('Days', each.get('Date'))} days"
            for one in rules for each in one.get("Transitions", ())
        )  # fmt: skip
        return {"rules": len(rules), "abort_uploads_days": min(aborts, default=None), "moves": moves or None}
