"""Rows of Google's detailed billing export for tests: fields and types of a live table, as far as they matter."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ACCOUNT: Final = "01A2B3-C4D5E6-F7A8B9"
TABLE: Final = "pragati-billing.billing.gcp_billing_export_resource_v1_01A2B3_C4D5E6_F7A8B9"

_TEXT, _TIME = pa.string(), pa.timestamp("us", "UTC")
_PAIRS = pa.list_(pa.struct([("key", _TEXT), ("value", _TEXT)]))
_NAMED = pa.struct([("id", _TEXT), ("description", _TEXT)])
_CREDIT = pa.struct([("name", _TEXT), ("amount", pa.float64()), ("full_name", _TEXT), ("id", _TEXT), ("type", _TEXT)])
SCHEMA: Final = pa.schema([
    ("billing_account_id", _TEXT), ("service", _NAMED), ("sku", _NAMED), ("usage_start_time", _TIME),
    ("usage_end_time", _TIME),
    ("project", pa.struct([("id", _TEXT), ("number", _TEXT), ("name", _TEXT), ("labels", _PAIRS),
                           ("ancestors", pa.list_(pa.struct([("resource_name", _TEXT)])))])),
    ("labels", _PAIRS), ("system_labels", _PAIRS),
    ("location", pa.struct([("location", _TEXT), ("region", _TEXT), ("zone", _TEXT)])),
    ("resource", pa.struct([("name", _TEXT), ("global_name", _TEXT)])),
    ("price", pa.struct([("effective_price", pa.decimal128(38, 9)), ("unit", _TEXT)])),
    ("export_time", _TIME), ("cost", pa.float64()), ("currency", _TEXT), ("currency_conversion_rate", pa.float64()),
    ("usage", pa.struct([("amount", pa.float64()), ("unit", _TEXT)])), ("credits", pa.list_(_CREDIT)),
    ("invoice", pa.struct([("month", _TEXT)])), ("cost_type", _TEXT),
    ("adjustment_info", pa.struct([("mode", _TEXT), ("type", _TEXT)])), ("a_field_of_next_year", _TEXT),
])  # fmt: skip


def row(
    used_at: datetime, exported_at: datetime, micros: int, *, month: str = "", credits: Iterable[int] = (),
    project: str | None = "pragati-app", adjustment: Mapping[str, str] | None = None, name: str = "vm-1",
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One row; money in millionths of a rupee, as Google's exact totals are."""
    return {
        "billing_account_id": ACCOUNT, "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": "0001-2222-3333", "description": "N2 Instance Core running in Mumbai"},
        "usage_start_time": used_at, "usage_end_time": used_at + timedelta(hours=1),
        "project": {"id": project, "number": "1", "name": project, "labels": [], "ancestors": [{"resource_name": "x"}]},
        "labels": [{"key": key, "value": value} for key, value in (labels or {}).items()], "system_labels": [],
        "location": {"location": "asia-south1", "region": "asia-south1", "zone": "asia-south1-a"},
        "resource": {"name": name, "global_name": f"//compute.googleapis.com/{name}"},
        "price": {"effective_price": None, "unit": "hour"}, "export_time": exported_at, "cost": micros / 1e6,
        "currency": "INR", "currency_conversion_rate": 84.25, "usage": {"amount": 3600.0, "unit": "seconds"},
        "credits": [{"name": f"Credit {number}", "amount": amount / 1e6, "full_name": None, "id": None,
                     "type": "PROMOTION" if number else "SUSTAINED_USAGE_DISCOUNT"}
                    for number, amount in enumerate(credits)],
        "invoice": {"month": month or f"{used_at:%Y%m}"}, "cost_type": "regular",
        "adjustment_info": dict(adjustment) if adjustment else None, "a_field_of_next_year": "x",
    }  # fmt: skip


def rows(found: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table."""
    return pa.Table.from_pylist(list(found), SCHEMA)


def at(text: str) -> datetime:
    """An instant in UTC, as at("2026-08-01 06:00")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days_of_files(folder: Path) -> dict[date, pa.Table]:
    """Rows of an export's files, Parquet or JSON lines beside Parquet, by the UTC day of export_time: its load days."""
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    schema = tables[0].schema
    for path in sorted(folder.glob("*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found_in = map(json.loads, lines)
            made = [{field.name: _typed(one.get(field.name), field.type) for field in schema} for one in found_in]
        tables.append(pa.Table.from_pylist(made, schema))
    found: dict[date, list[pa.Table]] = {}
    for table in tables:
        exported = pc.cast(pc.cast(table["export_time"], pa.timestamp("us")), pa.date32())
        for day in pc.unique(exported).to_pylist():
            found.setdefault(day, []).append(table.filter(pc.equal(exported, day)))
    return {day: pa.concat_tables(parts).combine_chunks() for day, parts in sorted(found.items())}


def _typed(value: Any, kind: pa.DataType) -> Any:
    """A value of BigQuery's JSON as Arrow wants it: NUMERIC is text, a timestamp ends in UTC, the empty is left out."""
    if pa.types.is_list(kind):
        return [_typed(item, kind.value_type) for item in value or ()]
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _typed(value.get(field.name), field.type) for field in kind.fields}
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(value.replace(" UTC", "+00:00"))
    if pa.types.is_floating(kind):
        return float(value)
    return Decimal(value) if pa.types.is_decimal(kind) else value
