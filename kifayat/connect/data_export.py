"""The data export of AWS that Kifayat reads best: CUR 2.0, hourly, with resources and the split of containers.

Only the columns that are read: SELECT * is refused by Data Exports, and what tells of persons (IAM principals) stays
where it is. Source: Data Exports, "Cost and Usage Report (CUR) 2.0", and its table configurations.
"""

from __future__ import annotations

from typing import Any, Final

from ingest import sources
from kifayat.connect.values import AwsAccess

TABLE: Final = "COST_AND_USAGE_REPORT"
CONFIGURATION: Final = {
    "TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE", "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "TRUE",
    "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
}  # fmt: skip
OUTPUT: Final = {
    "OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT",
}  # fmt: skip


def query() -> str:
    """The SELECT of the export."""
    return f"SELECT {', '.join(columns())} FROM {TABLE}"


def columns() -> tuple[str, ...]:
    """The columns of CUR 2.0 that its source reads; what lies in the map `product` is read from there."""
    source: Any = sources()["aws_cur_2"]
    read = [column.name for column in source.columns]
    return tuple(sorted({"product", *(name for name in read if name != "product_product_name")}))


def location(access: AwsAccess) -> str:
    """Where the export lies."""
    return f"s3://{access.bucket}/{access.prefix}/{access.export}"
