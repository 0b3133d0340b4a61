"""The Google Cloud bill in rupees: the detailed BigQuery export as JSON lines, one file per month of export.

Rows are windows of a day from US Pacific midnight, where the real export has hours. A day is exported after it is
over: the last day of a month lies in the next month's file, with the invoice month it belongs to.
"""

# ruff: noqa: E501 - the table of SKUs reads best with one row a line

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from maker.files import ZERO, Totals, code, places
from maker.gcp_rows import ACCOUNT, EXPORT, PROJECTS, Credit, Export, Record, dashed, instant
from maker.season import DAY, FIRST, LAST, Dollar, load_on, next_month, noise

__all__ = ["ACCOUNT", "EXPORT", "write"]

GST = Decimal("0.18")
#: Startup credits pay a part of the analytics project and the encoders until they run out.
PROMOTION_LAST = date(2025, 12, 31)
PROMOTION_SHARE = Decimal("0.30")
#: From here the account has Google's new data model of spend-based commitments.
NEW_MODEL_FROM = date(2026, 1, 1)
#: A fee of 0.62 USD an hour buys usage of 0.62 / 0.72 an hour at list price, that is 28 percent off.
FLEX_FEE_USD = Decimal("0.62") * 24
FLEX_SHARE = Decimal("0.72")
_FLEX_SKU = "Commitment - dollar based v1: GCE for 1 year"
#: 8 of the 12 vCPU of the encoders are committed to for a year at 37 percent off; the rest runs into sustained use.
CUD_SHARE = Decimal("0.63")
SUD_SHARE = Decimal("0.20")
CORRECTED_ON, CORRECTED_AT = date(2026, 3, 12), datetime(2026, 4, 16, 9, 30, tzinfo=UTC)
GOODWILL_AT = datetime(2026, 7, 9, 11, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Sku:
    """A plain SKU: so much a day at a list price in USD."""

    service: str
    what: str
    project: str
    unit: str
    usd: str
    daily: float
    resource: str = ""
    bend: float = 0.0
    width: float = 0.05
    growth: float = 0.0
    is_free: bool = False
    weekdays: bool = False
    has_dust: bool = False


CONTENT, ANALYTICS, DOUBTS = "pragati-content", "pragati-analytics", "pragati-doubts"
_BUCKET, _COUNT = "pragati-lecture-backup", "count"
SKUS = (
    Sku("BigQuery", "Analysis (asia-south1)", ANALYTICS, "tebibyte", "7.19", 8.8, bend=0.5, width=0.3, has_dust=True),
    Sku("BigQuery", "Active Logical Storage (asia-south1)", ANALYTICS, "gibibyte month", "0.023", 1150, width=0.002, growth=0.7),
    Sku("BigQuery", "Streaming Insert (asia-south1)", ANALYTICS, "mebibyte", "0.00001", 310_000, bend=0.9),
    Sku("Cloud Storage", "Standard Storage Mumbai", CONTENT, "gibibyte month", "0.023", 760, _BUCKET, width=0.002, growth=0.4),
    Sku("Cloud Storage", "Regional Standard Class A Operations", CONTENT, _COUNT, "0.000005", 4_900, _BUCKET, 0.4, 0.2, is_free=True),
    Sku("Networking", "Network Internet Data Transfer Out from Mumbai to India", CONTENT, "gibibyte", "0.1", 95, "encoder-1", 0.8),
    Sku("Vertex AI", "Gemini Flash Text Input - Predictions", DOUBTS, _COUNT, "0.0000003", 68_000_000, bend=1.1, width=0.15),
    Sku("Vertex AI", "Gemini Flash Text Output - Predictions", DOUBTS, _COUNT, "0.0000025", 8_200_000, bend=1.1, width=0.15),
    Sku("Cloud SQL", "Cloud SQL for PostgreSQL: Zonal - vCPU in Mumbai", DOUBTS, "hour", "0.0496", 192, "doubts-db", width=0),
    Sku("Cloud Logging", "Log Storage cost", ANALYTICS, "gibibyte", "0.5", 14, bend=0.7),
    Sku("Cloud Pub/Sub", "Message Delivery Basic", ANALYTICS, "tebibyte", "40", 0.0003, bend=0.6, is_free=True),
    Sku("Compute Engine", "E2 Instance Core running in Mumbai", "pragati-dev", "hour", "0.02630", 96, "dev-notebook", width=0),
    Sku("Compute Engine", "Spot Preemptible N2 Instance Core running in Mumbai", DOUBTS, "hour", "0.0079", 420, "trainer", 0.5, 0.4, weekdays=True),
)  # fmt: skip
#: What, kind, unit, USD, hours a day and how many of them are committed to.
N2 = (
    ("N2 Instance Core running in Mumbai", "Cpu", "hour", "0.03791", 12 * 24, 8 * 24),
    ("N2 Instance Ram running in Mumbai", "Ram", "gibibyte hour", "0.00508", 48 * 24, 32 * 24),
)
#: What, unit, USD, hours a day at load 1: under the spend-based commitment.
E2 = (
    ("E2 Instance Core running in Mumbai", "hour", "0.02630", 24 * 24),
    ("E2 Instance Ram running in Mumbai", "gibibyte hour", "0.003525", 96 * 24),
)


def write(folder: Path, totals: Totals, dollar: Dollar) -> dict[str, tuple[Decimal, Decimal]]:
    """Write all files; returns amount before tax and tax of each invoice month (text YYYYMM)."""
    export = Export(dollar)
    day = FIRST
    while day <= LAST:
        for sku in SKUS:
            if not (sku.weekdays and day.weekday() >= 5):
                _plain(export, day, sku)
        _encoders(export, day)
        _flexible(export, day)
        day += DAY
    _corrections(export)
    month = FIRST
    while next_month(month) <= LAST:
        _close(export, month)
        month = next_month(month)
    export.write(folder, totals)
    return {
        name: (sum(projects.values(), ZERO) - export.tax[name], export.tax[name])
        for name, projects in export.by_month.items()
    }


def _plain(export: Export, day: date, sku: Sku) -> None:
    years = (day - FIRST).days / 365
    amount = sku.daily * load_on(day, PROJECTS[sku.project][1]) ** sku.bend * (1 + sku.growth) ** years
    amount = round(amount * noise(sku.what + sku.project, day, sku.width), 6 if sku.daily < 1000 else 0)
    price = export.inr(day, Decimal(sku.usd))
    exact = places(price * Decimal(repr(amount)), 6)
    credits = []
    if sku.is_free:
        credits.append(Credit("Free Tier", -exact, "free-tier", "FREE_TIER"))
    elif sku.project == ANALYTICS and day <= PROMOTION_LAST:
        credits.append(_promotion(exact))
    # Google computes in floats, and some of its figures have their dust.
    cost = float(price) * amount if sku.has_dust else exact
    what = (sku.service, sku.what, sku.project, sku.unit)
    export.file(export.record(day, *what, amount, cost, credits, resource=sku.resource, usd=sku.usd))


def _promotion(net: Decimal) -> Credit:
    return Credit("Google for Startups Cloud Program", -net * PROMOTION_SHARE, "startup-2025", "PROMOTION")


def _encoders(export: Export, day: date) -> None:
    """N2 machines: a resource-based commitment, sustained use on the rest, startup credits on what then remains."""
    for what, kind, unit, usd, hours, committed in N2:
        cost, covered = (export.inr(day, Decimal(usd) * amount) for amount in (hours, committed))
        rest = cost - covered
        credits = [
            Credit(f"Committed Usage Discount: {kind.upper()}", -covered, "cud-n2-mumbai", "COMMITTED_USAGE_DISCOUNT"),
            Credit("Sustained Usage Discount", -rest * SUD_SHARE, "sud", "SUSTAINED_USAGE_DISCOUNT"),
        ]
        if day <= PROMOTION_LAST:
            credits.append(_promotion(rest * (1 - SUD_SHARE)))
        machine = ("Compute Engine", what, CONTENT, unit)
        export.file(export.record(day, *machine, float(hours), cost, credits, resource="encoder-1", usd=usd))
        fee = ("Compute Engine", f"Commitment v1: N2 {kind} in Mumbai for 1 Year", CONTENT, unit)
        price = f"{Decimal(usd) * CUD_SHARE}"
        export.file(export.record(day, *fee, float(committed), covered * CUD_SHARE, usd=price))


def _flexible(export: Export, day: date) -> None:
    """E2 machines under a spend-based commitment, in Google's old and new way of writing the same money."""
    load = Decimal(repr(round(load_on(day, "content"), 4)))
    costs = [places(export.inr(day, Decimal(usd) * hours * load), 6) for _, _, usd, hours in E2]
    usage = sum(costs, ZERO)
    fee = places(export.inr(day, FLEX_FEE_USD), 6)
    covered = min(usage, fee / FLEX_SHARE)  # at list price
    for (what, unit, usd, hours), cost in zip(E2, costs, strict=True):
        part = places(covered * cost / usage, 6)
        fee_part = places(fee * cost / usage, 6)
        machine = (day, "Compute Engine", what, CONTENT, unit)
        amount = float(hours * load)
        offset: list[Credit] = []
        if day < NEW_MODEL_FROM:
            name, kind = "Committed Usage Discount - dollar based", "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"
            credit = Credit(name, -part, "subscriptions/a", kind)
            export.file(export.record(*machine, amount, cost, [credit], resource="playlist-pool", usd=usd))
        else:
            share = float(part / cost)
            if cost > part:
                rest = export.record(*machine, amount * (1 - share), cost - part, resource="playlist-pool", usd=usd)
                export.file(rest | _model("Default", cost - part, cost - part))
            row = export.record(*machine, amount * share, part * FLEX_SHARE, resource="playlist-pool", usd=usd)
            list_price = Decimal(row["price"]["list_price"])
            row["price"]["effective_price"] = f"{places(list_price * FLEX_SHARE, 9).normalize():f}"
            row["cost_at_list"] = float(part)
            row |= _model("Compute Flexible CUDs 1 Year", part, part * FLEX_SHARE)
            export.file(row | {"subscription": {"instance_id": "subscriptions/b"}})
            used = min(places(part * FLEX_SHARE, 6), fee_part)
            offset.append(Credit("Fee utilization offset", -used, "subscriptions/b", "FEE_UTILIZATION_OFFSET"))
        paid = export.record(day, "Compute Engine", _FLEX_SKU, CONTENT, "hour", 24.0, fee_part, offset)
        if offset:
            paid |= _model("Default", fee_part, fee_part)
        origin = "compute.googleapis.com/goog_originating_sku_id"
        paid["system_labels"] = [{"key": origin, "value": dashed(code("gcp", "Compute Engine", what, length=12))}]
        paid["subscription"] = {"instance_id": "subscriptions/b" if offset else "subscriptions/a"}
        export.file(paid)


def _model(name: str, default: Decimal, own: Decimal) -> Record:
    return {
        "consumption_model": {"id": dashed(code("model", name, length=8)), "description": name},
        "cost_at_effective_price_default": float(places(default, 6)),
        "cost_at_list_consumption_model": float(places(own, 6)),
    }


def _corrections(export: Export) -> None:
    """A price corrected a month later by negation and a new row, and a payment for goodwill."""
    day = f"{CORRECTED_ON}"
    old = next(
        record
        for record in export.files[day[:7]]
        if record["usage_start_time"].startswith(day) and record["sku"]["description"] == SKUS[0].what
    )
    for sign, cost in ((-1, -old["cost"]), (1, round(old["cost"] * 0.8, 6))):
        usage = {key: sign * value if isinstance(value, float) else value for key, value in old["usage"].items()}
        changed = {
            "cost": cost,
            "cost_at_list": cost,
            "usage": usage,
            "export_time": instant(CORRECTED_AT),
            "invoice": {"month": f"{CORRECTED_AT:%Y%m}", "publisher_type": "GOOGLE"},
            "adjustment_info": {
                "id": "adj-2026-0416",
                "description": "On-demand analysis was billed at the wrong tier",
                "mode": "COMPLETE_NEGATION_WITH_REMONETIZATION",
                "type": "PRICE_CORRECTION",
            },
        }
        export.file(old | changed)
    what = ("Invoice", "Goodwill for the Pub/Sub incident of 2026-06-19", "", "")
    goodwill = export.record(GOODWILL_AT.date(), *what, 0.0, Decimal("-5000"), cost_type="adjustment")
    info = {"id": "adj-2026-0709", "description": "Service incident", "mode": "MANUAL_ADJUSTMENT", "type": "GOODWILL"}
    export.file(goodwill | {"export_time": instant(GOODWILL_AT), "adjustment_info": info})


def _close(export: Export, month: date) -> None:
    """Support, tax per project and the rounding to whole paise: exported on the second day of the next month."""
    after = next_month(month)
    last, name = after - DAY, f"{month:%Y%m}"
    late = {"export_time": instant(datetime(after.year, after.month, 2, 8, 45, tzinfo=UTC))}
    spend = sum(export.by_month[name].values(), ZERO)
    fee = places(spend * Decimal("0.03"), 2)
    export.file(export.record(last, "Support", "Standard Support Service", "", "month", 1.0, fee) | late)
    for project, amount in sorted(export.by_month[name].items()):
        what = ("Invoice", "Tax: IGST 18%", project, "")
        export.file(export.record(last, *what, 0.0, places(amount * GST, 2), cost_type="tax") | late)
    total = sum(export.by_month[name].values(), ZERO)
    # float dust included, so that the invoice comes out in whole paise to the last digit
    rest = float(places(total, 2) - total)
    export.file(export.record(last, "Invoice", "Rounding error", "", "", 0.0, rest, cost_type="rounding_error") | late)
