"""aws://exports: the bills themselves. The exports that an account has set up are looked up and read where they lie.

APIs: BCM Data Exports (ListExports, GetExport) and Cost and Usage Reports (DescribeReportDefinitions), both in
us-east-1 only; then S3, as of any s3:// address, in the bucket's own region. Of several exports of one account the
best one counts, month by month: CUR 2.0, the legacy report, FOCUS; with resources before without, hourly before
daily. Members of the own account's organization (ListAccounts) are not asked: their cost is in its bill. Where exports
are found in several accounts all the same, whose bill they are is asked (DescribeOrganization). Not for other tables
of Data Exports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core import DeliveryError, ExportConfig, LocationUnreachable
from ingest.aws._clients import AwsClients
from ingest.aws._errors import AwsRefused
from ingest.deliveries import Delivery, FetchedFile, Refused
from ingest.locations import Location, Reading, Say, silent
from ingest.locations.s3 import S3Location
from ingest.meter import Usage

ACTIONS: Final = (
    "bcm-data-exports:GetExport", "bcm-data-exports:ListExports", "cur:DescribeReportDefinitions",
    "organizations:DescribeOrganization", "organizations:ListAccounts", "s3:GetObject", "s3:ListBucket",
    "sts:GetCallerIdentity",
)  # fmt: skip
_HOME_REGION: Final = "us-east-1"
#: Tables of Data Exports that hold charges, the most telling first; "CUR" is the legacy report.
_TABLES: Final = ("COST_AND_USAGE_REPORT", "CUR", "FOCUS")
_QUERY: Final = re.compile(r"\bFROM\s+(\w+)(.*)", re.IGNORECASE | re.DOTALL)
_FIX: Final = "if it is wanted all the same, read it by its s3:// address in an export of its own"


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> Location:
    """The exports of the connection's accounts."""
    return Exports(export, reading, clients)


@dataclass(frozen=True)
class Definition:
    """An export as its account defined it. `rank`: of several the lowest counts; `is_whole`: no row is left out."""

    account: str
    table: str
    name: str
    bucket: str
    prefix: str
    region: str
    rank: tuple[int, bool, bool, str]
    is_whole: bool = True

    @property
    def group(self) -> str:
        """Stable, and different from that of any other export."""
        return f"{self.account}/{self.table.lower()}/{self.name}"


class Exports(Location):
    """Deliveries of every export that was found, each under its account, table and name."""

    def __init__(self, export: ExportConfig, reading: Reading, clients: AwsClients) -> None:
        super().__init__(export, reading)
        self._clients = clients
        self.meter = clients.meter
        self._homes: dict[str, tuple[S3Location, str]] = {}

    def deliveries(self) -> list[Delivery | Refused]:
        """The deliveries of all exports; an export, or an account, that cannot be read is refused by itself."""
        refused: list[Refused] = []
        found: dict[str, list[Definition]] = {}
        for account in self._clients.payers:
            if definitions := list(self._definitions(account, refused)):
                found[account] = definitions
        listed: list[Delivery] = []
        for account in self._payers(found, refused):
            listed += self._bills(_whole(found[account], refused), refused)
        return [*sorted(listed, key=lambda item: (item.delivered_at, item.group)), *refused]

    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """As S3 does it."""
        home, group = self._homes[delivery.group]
        return home.fetch(replace(delivery, group=group), staging, say)

    def confirm(self, delivery: Delivery) -> None:
        """Nothing to do: what was fetched are copies of our own."""

    def estimate(self, deliveries: Sequence[Delivery]) -> Usage:
        """As S3 does it."""
        return sum((self._homes[item.group][0].estimate([item]) for item in deliveries), Usage())

    def _definitions(self, account: str, refused: list[Refused]) -> Iterator[Definition]:
        for kind in (self._data_exports, self._reports):
            try:
                yield from kind(account)
            except LocationUnreachable as error:
                refused.append(Refused(f"{account}/{kind.__name__.strip('_')}", error))

    def _data_exports(self, account: str) -> list[Definition]:
        found = self._clients.pages("bcm-data-exports", "ListExports", "Exports", account=account, region=_HOME_REGION)
        return [made for item in found if (made := _data_export(account, self._export(account, item["ExportArn"])))]

    def _export(self, account: str, arn: str) -> dict[str, Any]:
        answer = self._clients.call(
            "bcm-data-exports", "GetExport", account=account, region=_HOME_REGION, ExportArn=arn
        )
        found: dict[str, Any] = answer["Export"]
        return found

    def _reports(self, account: str) -> list[Definition]:
        found = self._clients.pages(
            "cur", "DescribeReportDefinitions", "ReportDefinitions", account=account, region=_HOME_REGION
        )
        return [_report(account, item) for item in found]

    def _payers(self, found: dict[str, list[Definition]], refused: list[Refused]) -> Iterator[str]:
        """Accounts whose exports are bills of their own: no member's beside its payer's, and one of each payer."""
        taken: dict[str, str] = {}
        payers: dict[str, str] = {}
        for account in found:
            try:
                payers[account] = self._payer(account) if len(found) > 1 else account
            except LocationUnreachable as error:
                refused.append(Refused(account, error))
        for account in sorted(payers, key=lambda one: payers[one] != one):
            payer = payers[account]
            if payer not in taken:
                taken[payer] = account
                yield account
            elif taken[payer] != payer:
                what = f"{account} and {taken[payer]} are both billed to {payer}, whose own exports are not there"
                refused.append(Refused(account, DeliveryError(what, where=account, fix=_FIX)))

    def _payer(self, account: str) -> str:
        try:
            found = self._clients.call("organizations", "DescribeOrganization", account=account, region=_HOME_REGION)
        except AwsRefused as error:
            if error.code == "AWSOrganizationsNotInUseException":
                return account
            raise
        return str(found["Organization"]["MasterAccountId"])

    def _bills(self, definitions: Sequence[Definition], refused: list[Refused]) -> Iterator[Delivery]:
        """What lies there of one account: of every month what the best of its exports has."""
        months: set[str] = set()
        for one in definitions:
            home = S3Location(
                self.export, self.reading, one.bucket, one.prefix, self._clients, account=one.account, region=one.region
            )
            try:
                listed = home.deliveries()
            except LocationUnreachable as error:
                refused.append(Refused(one.group, error))
                continue
            refused += [
                Refused(f"{one.group}/{item.where}", item.error) for item in listed if isinstance(item, Refused)
            ]
            ours = [item for item in listed if isinstance(item, Delivery) and item.partition not in months]
            for item in ours:
                group = f"{one.group}/{item.group}"
                self._homes[group] = home, item.group
                yield replace(item, group=group)
            months |= {item.partition for item in ours if item.partition}


def _whole(definitions: Sequence[Definition], refused: list[Refused]) -> list[Definition]:
    """The exports without a condition, the best first; one with a condition is refused where no other is there."""
    whole = [one for one in definitions if one.is_whole]
    if not whole:
        what = "the export has a WHERE, so that it is a part of the bill"
        refused += [Refused(one.group, DeliveryError(what, where=one.group, fix=_FIX)) for one in definitions]
    return sorted(whole, key=lambda one: one.rank)


def _data_export(account: str, export: dict[str, Any]) -> Definition | None:
    """None for a table without charges. A query is SELECT columns FROM table, perhaps with a WHERE."""
    query = export["DataQuery"]
    match = _QUERY.search(query["QueryStatement"])
    table = match[1].upper() if match else ""
    kind = next((rank for rank, start in enumerate(_TABLES) if table.startswith(start)), None)
    if match is None or kind is None:
        return None
    settings = query.get("TableConfigurations", {}).get(table, {})
    place = export["DestinationConfigurations"]["S3Destination"]
    has_resources = settings.get("INCLUDE_RESOURCES") == "TRUE" or table.startswith("FOCUS")
    is_hourly = settings.get("TIME_GRANULARITY", "HOURLY") == "HOURLY"
    return Definition(
        account, table, export["Name"], place["S3Bucket"], _below(place["S3Prefix"], export["Name"]), place["S3Region"],
        (kind, not has_resources, not is_hourly, export["Name"]), is_whole="WHERE" not in match[2].upper().split(),
    )  # fmt: skip


def _report(account: str, report: dict[str, Any]) -> Definition:
    name = report["ReportName"]
    return Definition(
        account, "CUR", name, report["S3Bucket"], _below(report["S3Prefix"], name), report["S3Region"],
        (_TABLES.index("CUR"), "RESOURCES" not in report["AdditionalSchemaElements"],
         report["TimeUnit"] != "HOURLY", name),
    )  # fmt: skip


def _below(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
