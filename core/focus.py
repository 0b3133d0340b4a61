"""FOCUS 1.2 as data, and our own columns beside it; the only place that knows the version.

The columns are read from the specification's own text (core/SOURCES.md). What a source must do with them
is checked in `ingest/`; how they are stored, in `warehouse/`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOCUS_VERSION: Final = "1.2"

MONEY_TYPE: Final = "DECIMAL(38,18)"
RATE_TYPE: Final = "DECIMAL(12,6)"

_SQL_TYPES: Final = {
    "Decimal": MONEY_TYPE,  # money, prices and quantities: what a provider may print with 18 decimals
    "Date/Time": "TIMESTAMP",  # without a zone, always UTC
    "String": "VARCHAR",
    "JSON": "VARCHAR",  # the text of an object
}


@dataclass(frozen=True)
class Column:
    """One column of the specification. `level`: Mandatory, Conditional or Recommended; no values: any."""

    id: str
    display_name: str
    column_type: str
    level: str
    allows_nulls: bool
    data_type: str
    allowed_values: tuple[str, ...]
    introduced: str
    description: str
    presence_rule: str
    null_rules: str

    @property
    def sql_type(self) -> str:
        """The type in the store."""
        return _SQL_TYPES[self.data_type]


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _service_categories() -> dict[str, tuple[str, ...]]:
    categories: dict[str, list[str]] = {}
    for row in _rows("focus_1_2_service_categories.csv"):
        categories.setdefault(row["service_category"], []).append(row["service_subcategory"])
    return {category: tuple(names) for category, names in categories.items()}


#: Service category -> its subcategories, as the specification lists them.
SERVICE_CATEGORIES: Final = _service_categories()


def _columns() -> dict[str, Column]:
    columns = {}
    for row in _rows("focus_1_2_columns.csv"):
        name = row["column_id"]
        allowed = tuple(value.strip() for value in row["allowed_values"].split(";") if value.strip())
        if name == "ServiceSubcategory":  # the extract repeats the categories here
            allowed = tuple(sub for names in SERVICE_CATEGORIES.values() for sub in names)
        columns[name] = Column(
            id=name,
            display_name=row["display_name"],
            column_type=row["column_type"],
            level=row["feature_level"],
            allows_nulls=row["allows_nulls"] == "True",
            data_type=row["data_type"],
            allowed_values=allowed,
            introduced=row["introduced"],
            description=row["description"],
            presence_rule=row["presence_rule"],
            null_rules=row["null_rules"],
        )
    return columns


#: Column ID -> column, in the order of the specification's folder (alphabetical).
COLUMNS: Final = _columns()

#: Our own columns and their types; FOCUS asks for the prefix `x_`. Instants are UTC without a zone.
EXTENSIONS: Final[dict[str, str]] = {
    "x_BillingMonth": "DATE",  # first day of the month printed on the invoice
    "x_ExportName": "VARCHAR",
    "x_RowOrigin": "VARCHAR",  # row | credit | unused | residue
    "x_ChargeType": "VARCHAR",  # the provider's own line type, verbatim
    "x_ChargeSubcategory": "VARCHAR",  # ours: Discount, Refund, IGST, Support, Rounding, Unclassified …
    "x_SourceCost": MONEY_TYPE,  # the provider's own figure of this row: what the files are summed by
    "x_NetBilledCost": MONEY_TYPE,
    "x_NetEffectiveCost": MONEY_TYPE,
    "x_ServiceCode": "VARCHAR",
    "x_UsageType": "VARCHAR",
    "x_Operation": "VARCHAR",
    "x_CostCategories": "VARCHAR",  # the text of an object, as Tags
    "x_Discounts": "VARCHAR",
    "x_UnusedCost": MONEY_TYPE,  # the unused part reported on a commitment's fee row
    "x_CommitmentPeriodCost": MONEY_TYPE,  # the whole period's amortised cost of that commitment
    "x_InrPerUsd": RATE_TYPE,  # the provider's rate in the row
    "x_SplitCost": MONEY_TYPE,  # container split rows: kept for allocation, never in totals
    "x_SplitUnusedCost": MONEY_TYPE,
    "x_ParentResourceId": "VARCHAR",
    "x_AdjustmentType": "VARCHAR",
    "x_ExportedAt": "TIMESTAMP",
    "x_IsRounded": "BOOLEAN",  # the file had more than 18 decimals
}

#: Every column of a stored charge with its SQL type: the 57 of FOCUS, then ours, in a fixed order.
CHARGE_SCHEMA: Final[tuple[tuple[str, str], ...]] = (
    *((column.id, column.sql_type) for column in COLUMNS.values()),
    *EXTENSIONS.items(),
)
