"""bigquery://project/dataset/cloud_pricing_export: Google's price list with the prices of your contract, as `prices`.

Google writes its whole list every day, into a load day (_PARTITIONTIME) of its own. The newest day that is over and
whole is read, at most once a day, and only the columns and services that count; it replaces the list before it.
Services, regions and columns are those of gcp://prices, money is in the billing account's currency:

* `price` is that of the first tier that is not free, for one pricing unit, exact. Where the billing account's price is
  another than the list's, it counts, and `description` ends in "(contract price)".
* What is Spot or a commitment only the SKU's description says. `effective_on` is empty: Google does not tell it.

Source: Google Cloud, "Structure of pricing data export".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from core import ExportConfig, LocationUnreachable
from ingest.deliveries import Delivery
from ingest.gcp._bigquery import PAGE_ROWS, TIB, UNIT, BigQuery, billed_bytes
from ingest.gcp._billing_export import Partition, partitions, partitions_sql, within
from ingest.gcp._clients import GcpClients
from ingest.gcp.prices import COLUMNS, SERVICES
from ingest.locations import Reading, Say
from ingest.meter import Usage
from ingest.pull import Part, Probe, PullLocation, text_table

TABLE: Final = "cloud_pricing_export"
_COMMITMENT: Final = re.compile(r"Commitment\b.* for ([13]) years?", re.IGNORECASE)
_SPOT: Final = re.compile(r"(Spot|Preemptible)\b")


class PricingExport(PullLocation):
    """One part: the newest list."""

    def __init__(self, export: ExportConfig, reading: Reading, clients: GcpClients, project: str, dataset: str) -> None:
        super().__init__(export, reading)
        self.meter = clients.meter
        self._regions = {*clients.regions, "global"}
        self._dataset, self._table = f"{project}.{dataset}", f"{project}.{dataset}.{TABLE}"
        self._query = BigQuery(clients, project, reading.retries)
        self._newest: Partition | None = None

    @property
    def origin(self) -> str:
        """The table."""
        return f"bigquery://{self._table.replace('.', '/')}"

    def parts(self) -> Iterator[Part]:
        """The newest day that is over and whole, unless the list was read within the day."""
        now = self.reading.clock.now()
        if not self._is_due(Part(TABLE), now):
            return
        days = partitions(self._query.query(partitions_sql(self._dataset), self._table, table=TABLE))
        self._newest = newest_whole(days, now.date())
        if self._newest is not None:
            yield Part(TABLE, f"{self._newest.day} {self._newest.rows}", delivered_at=self._newest.modified_at)

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """What a dry run says, which costs nothing and is one of the requests."""
        if not deliveries or self._newest is None:
            return Usage()
        try:
            scanned = self._query.dry_run(self._sql(self._newest), self._table, services=SERVICES)
        except LocationUnreachable:
            return Usage()  # it is told when it is read
        return Usage({UNIT: billed_bytes(scanned) / TIB}, 4 + math.ceil(self._newest.rows / PAGE_ROWS))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """A row per SKU and region. Refused unbilled if it would read more than max_gib_billed."""
        if self._newest is None:
            return None
        found = self._query.query(self._sql(self._newest), self._table, services=SERVICES)
        return text_table(COLUMNS, set(_rows(found.to_pylist(), self._regions)))

    def probes(self) -> Iterator[Probe]:
        """Describing, a dry run, a row and a session that is not read prove every permission for nothing."""
        return self._query.probes(lambda: [self._query.table(self._table)], self._table)

    def _sql(self, one: Partition) -> str:
        return (
            "SELECT billing_account_id AS account, pricing_as_of_time AS made_at, service.description AS service,"
            " sku.id AS sku, sku.description AS description, geo_taxonomy.regions AS regions,"
            " pricing_unit_description AS unit, account_currency_code AS currency, list_price.tiered_rates AS listed,"
            f" billing_account_price.tiered_rates AS agreed FROM `{self._table}`"
            f" WHERE {within([(one.day, one.day + timedelta(days=1))])} AND service.description IN UNNEST(@services)"
        )


def newest_whole(days: Sequence[Partition], today: date) -> Partition | None:
    """The last day before `today` that has nine tenths of the rows of the longest list of its week, or more.

    A list that is written over midnight is in two days, neither of them whole.
    """
    over = [one for one in days if one.day < today][-7:]
    most = max((one.rows for one in over), default=0)
    return next((one for one in reversed(over) if one.rows * 10 >= most * 9), None)


def _rows(found: Sequence[Mapping[str, Any]], wanted: set[str]) -> Iterator[tuple[Any, ...]]:
    newest: dict[str, Any] = {}
    for one in found:
        newest[one["account"]] = max(one["made_at"], newest.get(one["account"], one["made_at"]))
    for one in found:
        listed, agreed = _price(one["listed"]), _price(one["agreed"])
        price = listed if agreed is None else agreed
        if price is None or one["made_at"] != newest[one["account"]]:
            continue
        description = one["description"] or ""
        term, option = _option(description)
        told = description if price == listed else f"{description} (contract price)"
        for region in wanted.intersection(one["regions"] or ["global"]):
            yield (
                "Google Cloud", one["service"], one["sku"], region, told, term, option, one["unit"], one["currency"],
                f"{price.normalize():f}", None,
            )  # fmt: skip


def _price(tiers: Iterable[Mapping[str, Any]] | None) -> Decimal | None:
    """Of one unit in the first tier that is not free; None without tiers."""
    prices = [
        Decimal(str(tier["account_currency_amount"])) / Decimal(str(tier["pricing_unit_quantity"] or 1))
        for tier in sorted(tiers or (), key=lambda tier: tier["start_usage_amount"] or 0)
        if tier["account_currency_amount"] is not None
    ]
    return next((price for price in prices if price), prices[0] if prices else None)


def _option(description: str) -> tuple[str, str]:
    if found := _COMMITMENT.match(description):
        return f"{found.group(1)}yr", "committed"
    return "", "spot" if _SPOT.match(description) else ""
