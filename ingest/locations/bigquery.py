"""bigquery://project/dataset/table: Google's billing export where Google writes it, by the days of its load.

`bigquery://project/dataset` finds the export in its dataset: the detailed one where there are both, since each holds
the whole bill. `…/dataset/cloud_pricing_export` is Google's price list instead (ingest/gcp/_pricing_export.py); nothing
below is of it. The connection says who asks (kind = "gcp"), and what a query may bill (max_gib_billed).

What is asked, and how nothing is lost or doubled:

* A part is a load day (_PARTITIONTIME) of the last weeks, or a whole load month once it is over: a load takes about a
  second whatever its size, and three years are 1,100 days. A month takes over from its days in one transaction.
* INFORMATION_SCHEMA.PARTITIONS (10 MB) tells the days and when each was written to. The signature (rows, newest
  export_time, exact cost, exact credits) is asked for every day of the last 35 days, and for older ones that were
  written to since they were read or are not read yet. Corrections of old usage come in new load days, however old.
* A part whose signature changed is read whole and replaced. What was read must have the signature that was asked,
  else it is thrown away and asked again.
* A standard table that reaches further back than the detailed one is not added to it: each is an export of its own, and
  no load day parts them. Both as exports double the months that both hold, which is told when they are loaded.
* Days that are absent between others are noted: Google fills no holes. Days that expired in BigQuery stay loaded.

Only the columns that the source reads are asked for (BigQuery bills by column); the others keep their names, and are
told as not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from core import ConfigError, DeliveryChanged, ExportConfig, LocationUnreachable
from ingest.deliveries import Delivery
from ingest.gcp import _billing_export as export_table
from ingest.gcp._bigquery import PAGE_ROWS, TIB, UNIT, BigQuery, billed_bytes
from ingest.gcp._billing_export import Partition, Signature
from ingest.gcp._clients import GcpClients
from ingest.gcp._pricing_export import TABLE as PRICING_TABLE
from ingest.gcp._pricing_export import PricingExport
from ingest.locations import Location, Reading, Say
from ingest.meter import Usage
from ingest.pull import Part, Probe, PullLocation

SCHEMES = ("bigquery",)
#: Those for read sessions make reading ten times as fast; without them it goes page by page.
PERMISSIONS: Final = (
    "bigquery.jobs.create", "bigquery.readsessions.create", "bigquery.readsessions.getData", "bigquery.tables.get",
    "bigquery.tables.getData", "bigquery.tables.list",
)  # fmt: skip
APIS: Final = ("bigquery.googleapis.com", "bigquerystorage.googleapis.com")

_NAME: Final = re.compile(r"gcp_billing_export_(resource_)?v1_(\w+)", re.ASCII)
_ADDRESS: Final = re.compile(r"bigquery://([a-z0-9.:-]+)/(\w+)(?:/([\w-]+))?/?", re.ASCII)
#: Load days whose signature is asked whatever else is known of them.
_WINDOW: Final = timedelta(days=35)
#: A load month is over when Google's first backfill (up to five days) of its last day must be.
_CLOSES: Final = timedelta(days=5)
#: Between Google's clock and ours, and between a listing and a reading.
_MARGIN: Final = timedelta(days=1)


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The table or dataset that an export names. Raises ConfigError for anything else, or without a connection."""
    found = _ADDRESS.fullmatch(export.location)
    if found is None:
        raise ConfigError([f"exports.{export.name}.location is not bigquery://project/dataset or …/dataset/table"])
    clients = GcpClients(reading.connection(export, "gcp"), reading)
    project, dataset, table = found.groups()
    if table == PRICING_TABLE:
        return PricingExport(export, reading, clients, project, dataset)
    return BigQueryLocation(export, reading, clients, project, dataset, table)


@dataclass(frozen=True)
class _Slice:
    """Load days [start, end) of a table that are one part."""

    table: str
    group: str
    start: date
    end: date
    days: tuple[Partition, ...]
    replaces: tuple[str, ...] = ()
    signatures: Mapping[date, Signature] = field(default_factory=dict)

    @property
    def signature(self) -> Signature:
        """Of all its days together."""
        first, *others = self.signatures.values()
        return sum(others, first)


class BigQueryLocation(PullLocation):
    """The days and months of one or several export tables."""

    def __init__(
        self, export: ExportConfig, reading: Reading, clients: GcpClients, project: str, dataset: str, table: str | None
    ) -> None:
        super().__init__(export, reading)
        self._dataset = f"{project}.{dataset}"
        self._project, self._dataset_name, self._table = project, dataset, table
        self._query = BigQuery(clients, project, reading.retries)
        self._max_gib = clients.connection.max_gib_billed
        self.meter = clients.meter
        self._slices: dict[str, _Slice] = {}
        self._fields: dict[str, Sequence[Any]] = {}
        self._scanned: dict[str, int] = {}

    @property
    def origin(self) -> str:
        """The dataset."""
        return f"bigquery://{self._project}/{self._dataset_name}"

    # What there is ------------------------------------------------------------------------------------------

    def parts(self) -> Iterator[Part]:
        """Days and months whose signature was asked; what cannot have changed is left out."""
        self._slices.clear()
        self._scanned.clear()
        for name in self._tables():
            yield from self._parts_of(name)

    def _tables(self) -> list[str]:
        if self._table is not None:
            return [self._table]
        found: dict[str, str] = {}
        for name in sorted(self._query.tables(self._dataset_name)):  # …_resource_v1_… comes before …_v1_…
            if match := _NAME.fullmatch(name):
                found.setdefault(match.group(2), name)
        if not found:
            raise LocationUnreachable(
                "there is no table gcp_billing_export_…", where=self.origin,
                expected="the dataset that Cloud Billing exports to",
                fix="export to it (`kifayat connect gcp` tells how), or wait: the first rows come within hours",
            )  # fmt: skip
        return list(found.values())

    def _parts_of(self, name: str) -> Iterator[Part]:
        table = f"{self._dataset}.{name}"
        described = self._query.table(table)
        lacks = [column for column in export_table.REQUIRED if column not in {one.name for one in described.schema}]
        if lacks:
            raise LocationUnreachable(
                f"{name} is no billing export: it has no {', '.join(lacks)}", where=self.origin,
                expected="gcp_billing_export_v1_… or gcp_billing_export_resource_v1_…", fix="correct the location",
            )  # fmt: skip
        self._fields[name] = described.schema
        sql = export_table.partitions_sql(self._dataset)
        days = export_table.partitions(self._query.query(sql, table, table=name))
        notes = dict(export_table.holes(days))
        since = self.export.since or date.min
        slices = self._grouped(name, [one for one in days if one.day >= since], _expiration(described))
        due = [one for one in slices if self._is_to_be_looked_at(one)]
        if not due:
            return
        ranges = export_table.merged((one.start, one.end) for one in due)
        signatures = export_table.signatures(self._query.query(export_table.signature_sql(table, ranges), table))
        for one in due:
            of_days = {day: found for day, found in signatures.items() if one.start <= day < one.end}
            if of_days:
                ready = _Slice(one.table, one.group, one.start, one.end, one.days, one.replaces, of_days)
                self._slices[one.group] = ready
                yield Part(
                    one.group, export_table.fingerprint(of_days), replaces=one.replaces,
                    notes=tuple(note for day, note in notes.items() if day in of_days),
                    delivered_at=ready.signature.last,
                )  # fmt: skip

    def _grouped(self, name: str, days: Sequence[Partition], keeps: timedelta | None) -> Iterator[_Slice]:
        """Months that are over, and the days of the others."""
        today = self.reading.clock.now().date()
        for start, grouped in groupby(days, lambda one: one.day.replace(day=1)):
            end = (start + timedelta(days=32)).replace(day=1)
            members = tuple(grouped)
            group = f"{name}/{start:%Y-%m}"
            was_month = self.reading.seen(self.export.name, group) is not None
            is_expiring = keeps is not None and today >= start + keeps - _MARGIN
            if was_month and is_expiring:
                continue  # BigQuery drops its days one by one; what was loaded stays
            singles = tuple(f"{name}/{start + timedelta(days=number)}" for number in range((end - start).days))
            if was_month or (end + _CLOSES <= today and keeps is None and not self._has_lost(singles, members)):
                yield _Slice(name, group, start, end, members, singles)
            else:
                for one in members:
                    yield _Slice(name, f"{name}/{one.day}", one.day, one.day + timedelta(days=1), (one,))

    def _has_lost(self, groups: Sequence[str], days: Sequence[Partition]) -> bool:
        """Whether a day was loaded that BigQuery has no more, as when the table was made anew: it stays loaded."""
        there = {str(one.day) for one in days}
        gone = (group for group in groups if group.rpartition("/")[2] not in there)
        return any(self.reading.seen(self.export.name, group) is not None for group in gone)

    def _is_to_be_looked_at(self, one: _Slice) -> bool:
        now = self.reading.clock.now()
        seen = self.reading.seen(self.export.name, one.group)
        is_recent = datetime.combine(one.days[-1].day, time(), UTC) >= now - _WINDOW
        return is_recent or seen is None or any(day.modified_at >= seen - _MARGIN for day in one.days)

    # Reading it ---------------------------------------------------------------------------------------------

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """For each part what a dry run says, which costs nothing and is one of the requests."""
        found = Usage()
        for delivery in deliveries:
            one = self._slices[delivery.group]
            try:
                scanned = self._bytes(one)
            except LocationUnreachable:
                break  # it is told when it is read
            found += Usage({UNIT: billed_bytes(scanned) / TIB}, 4 + math.ceil(one.signature.rows / PAGE_ROWS))
        return found

    def pull(self, part: Part, say: Say) -> pa.Table:
        """The rows of a day or month. Raises DeliveryChanged if Google wrote to it meanwhile."""
        one = self._slices[part.group]
        scanned = self._bytes(one)
        gib = billed_bytes(scanned) / (1 << 30)
        if gib > self._max_gib:
            raise LocationUnreachable(
                f"reading it takes {gib:,.2f} GiB, and max_gib_billed is {self._max_gib:g}", where=one.group,
                fix="raise max_gib_billed of the connection, or ask for less with `since`",
            )  # fmt: skip
        say(f"{self.export.name}: {one.group}, {one.signature.rows:,} rows, {scanned / (1 << 20):,.1f} MiB to read")
        rows = self._query.query(self._sql(one), one.group)
        if rows.num_rows == 0 or export_table.signature_of(rows) != one.signature:
            raise DeliveryChanged(
                "the rows that were read do not add up to what BigQuery said of them", where=one.group,
                expected="the same number of rows, newest export_time, cost and credits",
                fix="nothing of it was loaded; it is asked again",
            )  # fmt: skip
        # Two days may hold the same rows, and both count: their files must not be taken for one.
        return export_table.in_order(rows).replace_schema_metadata({"part": one.group})

    def _sql(self, one: _Slice) -> str:
        return export_table.rows_sql(f"{self._dataset}.{one.table}", self._fields[one.table], one.start, one.end)

    def _bytes(self, one: _Slice) -> int:
        if one.group not in self._scanned:
            self._scanned[one.group] = self._query.dry_run(self._sql(one), one.group)
        return self._scanned[one.group]

    def probes(self) -> Iterator[Probe]:
        """Listing, describing, a dry run, a row and a session that is not read prove every permission for nothing."""
        table = f"{self._dataset}.{self._table or '…'}"
        yield Probe("bigquery.tables.list", self._dataset, lambda: next(self._query.tables(self._dataset_name), None))
        yield from self._query.probes(self._described, table)

    def _described(self) -> list[Any]:
        return [self._query.table(f"{self._dataset}.{name}") for name in self._tables()]


def _expiration(table: Any) -> timedelta | None:
    """After how long BigQuery drops a partition; None: never."""
    found = table.time_partitioning.expiration_ms if table.time_partitioning else None
    return timedelta(milliseconds=int(found)) if found else None
