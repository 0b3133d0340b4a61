"""Rows of Google's detailed export: one BigQuery record each, as its JSON extract writes it (nulls are left out)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from maker.files import Totals, code, places, write_gzip
from maker.fleet import TEAMS
from maker.season import DAY, Dollar

EXPORT = "gcp"
ACCOUNT = "01A2B3-C4D5E6-F7A8B9"
PACIFIC = ZoneInfo("America/Los_Angeles")

_SERVICES = {
    "Compute Engine": "6F81-5844-456A",
    "Cloud Storage": "95FF-2EF5-5EA1",
    "BigQuery": "24E6-581D-38E5",
    "Cloud SQL": "9662-B51E-5089",
    "Vertex AI": "C7E2-9256-1C43",
    "Cloud Logging": "5490-F7B7-8DF6",
    "Cloud Pub/Sub": "A1E8-BE35-7EBC",
    "Networking": "E505-1604-58F8",
    "Support": "2062-016F-44A2",
    "Invoice": "0000-INVO-ICE0",
}
#: Number, product and environment of each project.
PROJECTS = {
    "pragati-content": ("415000000001", "content", "prod"),
    "pragati-analytics": ("415000000002", "analytics", "prod"),
    "pragati-doubts": ("415000000003", "assessment", "prod"),
    "pragati-dev": ("415000000004", "user", "dev"),
}
Record = dict[str, Any]


@dataclass(frozen=True)
class Credit:
    """One of the credits of a row; `amount` is negative."""

    name: str
    amount: Decimal
    id: str
    type: str


class Export:
    """All rows of the account, each filed under the month in which it was exported."""

    def __init__(self, dollar: Dollar) -> None:
        self.dollar = dollar
        self.files: dict[str, list[Record]] = defaultdict(list)
        #: Cost plus credits by invoice month and project.
        self.by_month: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self.tax: dict[str, Decimal] = defaultdict(Decimal)

    def inr(self, day: date, usd: Decimal) -> Decimal:
        """Dollars at the rate that Google fixed for the month."""
        return usd * self.dollar.mid(day.replace(day=1))

    def file(self, record: Record) -> None:
        """Put a record into the file of its export month and remember its sum."""
        self.files[record["export_time"][:7]].append(record)
        amount = amount_of(record)
        self.by_month[record["invoice"]["month"]][record.get("project", {}).get("id", "")] += amount
        if record["cost_type"] == "tax":
            self.tax[record["invoice"]["month"]] += amount

    def record(
        self,
        day: date,
        service: str,
        what: str,
        project: str,
        unit: str,
        amount: float,
        cost: Decimal | float,
        credits: Iterable[Credit] = (),
        *,
        resource: str = "",
        usd: str = "",
        cost_type: str = "regular",
    ) -> Record:
        """A row of a Pacific day, not yet filed. A float cost keeps its dust; a Decimal is cut to six places."""
        start, end = _pacific(day), _pacific(day + DAY)
        rate = self.dollar.mid(day.replace(day=1))
        value = cost if isinstance(cost, float) else float(places(cost, 6))
        record: Record = {
            "billing_account_id": ACCOUNT,
            "service": {"id": _SERVICES[service], "description": service},
            "sku": {"id": dashed(code("gcp", service, what, length=12)), "description": what},
            "usage_start_time": instant(start),
            "usage_end_time": instant(end),
            **_owner(project),
            "system_labels": [],
            "tags": [],
            "transaction_type": "GOOGLE",
            "seller_name": "Google",
            # a few hours after the day is over
            "export_time": instant(end + timedelta(hours=6, minutes=17)),
            "cost": value,
            "currency": "INR",
            "currency_conversion_rate": float(rate),
            "usage": {"amount": amount, "unit": unit, "amount_in_pricing_units": amount, "pricing_unit": unit},
            "credits": [_credit(credit) for credit in credits if credit.amount],
            "invoice": {"month": f"{day:%Y%m}", "publisher_type": "GOOGLE"},
            "cost_type": cost_type,
            "cost_at_list": value,
        }
        if usd:
            price = f"{places(Decimal(usd) * rate, 9).normalize():f}"  # NUMERIC is text in BigQuery's JSON
            record["price"] = {
                "effective_price": price,
                "tier_start_amount": "0",
                "unit": unit,
                "pricing_unit_quantity": "1",
                "list_price": price,
            }
        if resource:
            host = service.lower().replace(" ", "") + ".googleapis.com"
            record["resource"] = {"name": resource, "global_name": f"//{host}/projects/{project}/{resource}"}
        return record

    def write(self, folder: Path, totals: Totals) -> None:
        """One file per month of export, in the order of export, as a table that is only ever appended to."""
        for name, records in sorted(self.files.items()):
            records.sort(key=lambda record: record["export_time"])
            lines = "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in records)
            write_gzip(folder / f"gcp_detailed_{name.replace('-', '_')}-000000000000.json.gz", lines)
            for record in records:
                month = record["invoice"]["month"]
                totals.add(EXPORT, ACCOUNT, f"{month[:4]}-{month[4:]}", "INR", amount_of(record))


def amount_of(record: Record) -> Decimal:
    """Cost plus all credits, of the shortest decimal texts of the floats."""
    return sum((Decimal(repr(credit["amount"])) for credit in record["credits"]), Decimal(repr(record["cost"])))


def dashed(text: str) -> str:
    """ABCDEFGH as ABCD-EFGH."""
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def instant(at: datetime) -> str:
    """A time as BigQuery writes it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _pacific(day: date) -> datetime:
    """Midnight where Google's invoice months begin, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=PACIFIC).astimezone(UTC)


def _credit(credit: Credit) -> Record:
    amount = float(places(credit.amount, 6))
    return {
        "name": credit.name,
        "amount": amount,
        "full_name": credit.name,
        "id": credit.id,
        "type": credit.type,
    }


def _owner(project: str) -> Record:
    if not project:
        return {"labels": []}
    number, product, env = PROJECTS[project]
    return {
        "project": {
            "id": project,
            "number": number,
            "name": project.replace("-", " ").title(),
            "labels": [{"key": "env", "value": env}],
            "ancestry_numbers": "/551029384000/",
            "ancestors": [{"resource_name": f"projects/{number}", "display_name": project}],
        },
        "labels": [
            {"key": "env", "value": env},
            {"key": "service", "value": product},
            {"key": "team", "value": TEAMS[product]},
        ],
        "location": {"location": "asia-south1", "country": "IN", "region": "asia-south1"},
    }
