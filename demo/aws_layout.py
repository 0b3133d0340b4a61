"""Where AWS puts the files of a delivery, and the manifests that list them.

Two layouts: the legacy Cost and Usage Report ("create new": a folder per assembly, the manifest there and above) and
Data Exports ("overwrite", or "create new" with a folder per execution). Fields of the legacy manifest follow a real one
of 2019; of Data Exports no schema is published, its fields are those that open-source loaders read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from core import next_month
from demo.files import write_gzip, write_json

#: A bill of more rows is split into several files.
SHARD_ROWS = 200_000
_DECIMALS = ("Cost", "Amount", "Commitment", "Discount", "Fee", "ForUsage", "Quantity", "Value", "ForBillingPeriod")


@dataclass(frozen=True)
class LegacyReport:
    """A legacy report in its bucket, of which `folder` is a copy."""

    folder: Path
    bucket: str
    prefix: str
    name: str

    def deliver(
        self, payer: str, month: date, at: datetime, names: Sequence[str], shards: Iterable[bytes], *, is_newest: bool
    ) -> None:
        """Write one assembly: its files and manifest, and the copy of the manifest that points to the newest."""
        assembly, after = f"{at:%Y%m%dT%H%M%SZ}", next_month(month)
        period = f"{self.prefix}/{self.name}/{month:%Y%m%d}-{after:%Y%m%d}"
        keys = []
        for number, content in enumerate(shards, start=1):
            keys.append(f"{period}/{assembly}/{self.name}-{number:05d}.csv.gz")
            write_gzip(self.folder / keys[-1], content)
        manifest = {
            "assemblyId": assembly,
            "account": payer,
            "columns": [_typed(name) for name in names],
            "charset": "UTF-8",
            "compression": "GZIP",
            "contentType": "text/csv",
            "reportId": hashlib.sha256(f"{payer}|{self.name}".encode()).hexdigest(),
            "reportName": self.name,
            "billingPeriod": {"start": f"{month:%Y%m%d}T000000.000Z", "end": f"{after:%Y%m%d}T000000.000Z"},
            "bucket": self.bucket,
            "reportKeys": keys,
            "additionalArtifactKeys": [],
        }
        write_json(self.folder / period / assembly / f"{self.name}-Manifest.json", manifest)
        if is_newest:
            write_json(self.folder / period / f"{self.name}-Manifest.json", manifest)


def _typed(name: str) -> dict[str, str]:
    """A column of the legacy manifest with its type."""
    category, _, column = name.partition("/")
    if category in ("resourceTags", "costCategory", "product"):
        kind = "String"
    elif column == "TimeInterval":
        kind = "Interval"
    elif column.endswith("Date"):
        kind = "DateTime"
    elif column in ("UnblendedCost", "UsageAmount", "BlendedCost", "publicOnDemandCost"):
        kind = "BigDecimal"
    elif column.endswith(_DECIMALS) or category == "discount":
        kind = "OptionalBigDecimal"
    else:
        kind = "OptionalString"
    return {"category": category, "name": column, "type": kind}


@dataclass(frozen=True)
class DataExport:
    """An export of Data Exports in its bucket, of which `folder` is a copy."""

    folder: Path
    bucket: str
    prefix: str
    name: str
    payer: str
    mode: Literal["overwrite", "create-new"]

    def deliver(self, month: date, at: datetime, table: pa.Table) -> None:
        """Write one execution: its Parquet files and its manifest."""
        period = f"BILLING_PERIOD={month:%Y-%m}"
        seed = hashlib.sha256(f"{self.payer}|{self.name}|{month}|{at.isoformat()}".encode()).hexdigest()
        execution = f"{seed[:8]}-{seed[8:12]}-4{seed[13:16]}-8{seed[17:20]}-{seed[20:32]}"
        below = f"/{at:%Y-%m-%dT%H:%M:%S}.{int(seed[32:35], 16) % 1000:03d}Z-{execution}"
        below = below if self.mode == "create-new" else ""
        root = f"{self.prefix}/{self.name}"
        keys = []
        for number, offset in enumerate(range(0, max(table.num_rows, 1), SHARD_ROWS), start=1):
            key = f"{root}/data/{period}{below}/{self.name}-{number:05d}.snappy.parquet"
            _write_parquet(self.folder / key, table.slice(offset, SHARD_ROWS))
            keys.append(key)
        manifest = {
            "executionId": execution,
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{self.payer}:export/{self.name}-{seed[40:48]}",
            "billingPeriod": {"start": f"{month}T00:00:00.000Z", "end": f"{next_month(month)}T00:00:00.000Z"},
            "compression": "PARQUET",
            "contentType": "PARQUET",
            "columns": [{"name": field.name, "type": _glue(field.type)} for field in table.schema],
            "dataFiles": [f"s3://{self.bucket}/{key}" for key in keys],
        }
        write_json(self.folder / root / "metadata" / f"{period}{below}" / f"{self.name}-Manifest.json", manifest)


def _write_parquet(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # No statistics: they double a small file, and nothing prunes by them.
    pq.write_table(table, path, compression="snappy", write_statistics=False, store_schema=False)


def _glue(kind: pa.DataType) -> str:
    """The name that AWS's table definitions give a type."""
    if pa.types.is_map(kind):
        return f"map<string,{_glue(kind.item_type)}>"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return "double" if pa.types.is_floating(kind) else "string"
