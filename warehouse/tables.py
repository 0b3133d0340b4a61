"""The tables that files are loaded into: FOCUS charges and the feeds. Names, types, what may be empty."""

from __future__ import annotations

import re
from pathlib import Path

from core import CHARGE_SCHEMA

MONEY = "DECIMAL(38,18)"

#: Feed name -> columns. Every feed lies as Parquet beside the charges, replaced by file group.
FEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "fx_rates": (
        ("rate_on", "DATE"),
        ("base_currency", "VARCHAR"),
        ("quote_currency", "VARCHAR"),
        ("rate", "DECIMAL(12,6)"),
        ("kind", "VARCHAR"),
        ("source", "VARCHAR"),
    ),
    "active_users": (
        ("active_on", "DATE"),
        ("active_at", "TIMESTAMP"),
        ("product", "VARCHAR"),
        ("state", "VARCHAR"),
        ("active_users", "BIGINT"),
        ("metric", "VARCHAR"),
    ),
    "utilization": (
        ("resource_id", "VARCHAR"),
        ("metric", "VARCHAR"),
        ("measured_at", "TIMESTAMP"),
        ("average", "DECIMAL(18,6)"),
        ("maximum", "DECIMAL(18,6)"),
        ("p95", "DECIMAL(18,6)"),
        ("unit", "VARCHAR"),
    ),
    "resource_inventory": (
        ("resource_id", "VARCHAR"),
        ("resource_type", "VARCHAR"),
        ("region", "VARCHAR"),
        ("service", "VARCHAR"),
        ("state", "VARCHAR"),
        ("created_at", "TIMESTAMP"),
        ("attributes", "VARCHAR"),
        ("tags", "VARCHAR"),
        ("observed_at", "TIMESTAMP"),
    ),
    "prices": (
        ("provider", "VARCHAR"),
        ("service", "VARCHAR"),
        ("sku", "VARCHAR"),
        ("region", "VARCHAR"),
        ("description", "VARCHAR"),
        ("term", "VARCHAR"),
        ("purchase_option", "VARCHAR"),
        ("unit", "VARCHAR"),
        ("currency", "VARCHAR"),
        ("price", MONEY),
        ("effective_on", "DATE"),
        ("observed_at", "TIMESTAMP"),
    ),
    "invoices": (
        ("billing_account_id", "VARCHAR"),
        ("invoice_id", "VARCHAR"),
        ("billing_month", "DATE"),
        ("currency", "VARCHAR"),
        ("amount", MONEY),
        ("tax", MONEY),
        ("inr_per_unit", "DECIMAL(12,6)"),
        ("issued_on", "DATE"),
    ),
    "owned_commitments": (
        ("commitment_id", "VARCHAR"),
        ("provider", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("account_id", "VARCHAR"),
        ("region", "VARCHAR"),
        ("service", "VARCHAR"),
        ("scope", "VARCHAR"),
        ("quantity", "DECIMAL(18,6)"),
        ("unit", "VARCHAR"),
        ("hourly_commitment", MONEY),
        ("upfront", MONEY),
        ("currency", "VARCHAR"),
        ("purchase_option", "VARCHAR"),
        ("term_months", "BIGINT"),
        ("start_at", "TIMESTAMP"),
        ("end_at", "TIMESTAMP"),
        ("state", "VARCHAR"),
        ("observed_at", "TIMESTAMP"),
    ),
    "provider_advice": (
        ("advice_id", "VARCHAR"),
        ("provider", "VARCHAR"),
        ("adviser", "VARCHAR"),
        ("account_id", "VARCHAR"),
        ("region", "VARCHAR"),
        ("resource_id", "VARCHAR"),
        ("action", "VARCHAR"),
        ("current", "VARCHAR"),
        ("proposed", "VARCHAR"),
        ("monthly_saving", MONEY),
        ("currency", "VARCHAR"),
        ("lookback_days", "BIGINT"),
        ("finding", "VARCHAR"),
        ("details", "VARCHAR"),
        ("observed_at", "TIMESTAMP"),
    ),
    "cloud_accounts": (
        ("account_id", "VARCHAR"),
        ("provider", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("name", "VARCHAR"),
        ("parent", "VARCHAR"),
        ("state", "VARCHAR"),
        ("tags", "VARCHAR"),
        ("observed_at", "TIMESTAMP"),
    ),
}

#: Columns a charge must have; a row without one of them is a bad row, and its file is refused.
REQUIRED_CHARGE = (
    "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "x_BillingMonth",
    "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "x_SourceCost", "BilledCost", "EffectiveCost",
    "ListCost", "ContractedCost", "ServiceName", "ServiceCategory", "ProviderName", "x_RowOrigin",
)  # fmt: skip

#: Key columns of each feed: a row without them says nothing.
REQUIRED_FEED = {
    "fx_rates": ("rate_on", "base_currency", "quote_currency", "rate"),
    "active_users": ("active_on", "active_users"),
    "utilization": ("resource_id", "metric", "measured_at"),
    "resource_inventory": ("resource_id",),
    "prices": ("provider", "price", "currency"),
    "invoices": ("billing_account_id", "invoice_id", "billing_month", "currency"),
    "owned_commitments": ("commitment_id", "provider", "kind", "start_at", "end_at"),
    "provider_advice": ("advice_id", "provider", "adviser", "action"),
    "cloud_accounts": ("account_id", "provider"),
}


_CHARGE_TABLES = {
    "charges": "Every charge as FOCUS columns and our own (x_…), from the charge files.",
    "allocated": "The charges with x_Team, x_Environment, x_Product and x_Service by the rules of [allocation].",
}
_TABLE_NOTE = re.compile(r"^-- (.+)\nCREATE TABLE (\w+)", re.MULTILINE)


def table_notes() -> dict[str, str]:
    """What a query finds beside marts, views and feeds (which bear the name of their source), and what it is."""
    return _CHARGE_TABLES | {name: note for note, name in _TABLE_NOTE.findall(snapshot_sql())}


def snapshot_sql() -> str:
    """The statements that make the tables of a generation which no mart makes."""
    folder = Path(__file__).parent / "sql"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("snapshot.sql", "plan.sql", "alerts.sql"))


def schema(kind: str) -> tuple[tuple[str, str], ...]:
    """Columns and SQL types of charges or a feed, in stored order."""
    return CHARGE_SCHEMA if kind == "charges" else FEEDS[kind]


def required(kind: str) -> tuple[str, ...]:
    """Columns that may not be empty."""
    return REQUIRED_CHARGE if kind == "charges" else REQUIRED_FEED[kind]


def empty_charges() -> str:
    """A SELECT with the columns of the charges and the allocation, and no row: an empty store has them too."""
    columns = [f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in CHARGE_SCHEMA]
    return f"SELECT {', '.join(columns)} WHERE FALSE"
