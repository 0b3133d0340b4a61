"""A quarter of daily pulls from Google's billing export: at every day, every invoice month is exact to the paisa.

What Google does is simulated from a seed: late rows, usage across Pacific months, corrections (a negation and what is
charged instead) in the current invoice month, rows that are twice and mean it, an export that stops in mid-day and goes
on, one that is off for days, rows added to days long past. Our side is killed now and then.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from bigquery_server import BigQueryServer
from gcp_export import ACCOUNT, SCHEMA, TABLE, row, rows

from core import ConnectionConfig, ExportConfig, FixedClock
from ingest import Loader, Outcome, ingest_exports
from ingest.deliveries import Delivery, FetchedFile
from ingest.locations import Retries
from warehouse import Allocation, Event, Load, Total, open_warehouse

FIRST, LAST = date(2026, 5, 29), date(2026, 8, 29)
OFF = {date(2026, 6, 17), date(2026, 6, 18), date(2026, 7, 31)}
DAY = timedelta(days=1)
PACIFIC = ZoneInfo("America/Los_Angeles")
NAME = TABLE.rpartition(".")[2]
EXPORT = ExportConfig(name="gcp", location=f"bigquery://{TABLE.replace('.', '/')}", connection="g")
#: What days, rows and rupees need.
FEW = ("billing_account_id", "usage_start_time", "export_time", "cost", "credits", "invoice")
QUICK = Retries(sleep=lambda _: None)


@pytest.fixture(scope="module")
def running():
    server = BigQueryServer()
    yield server
    server.close()


@pytest.fixture
def server(running):
    running.clear()
    running.polls = 0
    return running


class Google:
    """An export that lives day by day. `truth`: invoice month -> what it adds up to, in millionths of a rupee.

    `columns`: those that the table has, all of the detailed export's if none are named; fewer are quicker.
    """

    def __init__(self, server: BigQueryServer, seed: int, columns: Sequence[str] = SCHEMA.names) -> None:
        self.server = server
        self.columns = list(columns)
        self.random = random.Random(seed)
        self.truth: dict[str, int] = defaultdict(int)
        self._late: list[tuple[date, dict[str, Any]]] = []
        self._written: list[dict[str, Any]] = []

    def live(self, day: date, hour: int) -> None:
        """What is exported on a day from an hour on: into the day's partition, all at once."""
        now = datetime.combine(day, time(hour), UTC)
        for _ in range(self.random.randint(1, 3)):
            delay = self.random.choice([0, 0, 0, 0, 1, 1, 3, self.random.randint(4, 40)])
            used = now - timedelta(hours=self.random.randint(1, 30))
            credits = [-self.random.randint(0, 10**7) for _ in range(self.random.randint(0, 3))]
            charge = {"used_at": used, "micros": self.random.randint(1, 10**10), "credits": credits,
                      "project": self.random.choice(["pragati-app", "pragati-data", None])}  # fmt: skip
            self._late.append((day + delay * DAY, charge))
        if self._written and self.random.random() < 0.25:
            self._late += [(day, piece) for piece in self._corrected(self.random.choice(self._written))]
        due = [charge for when, charge in self._late if when <= day]
        self._late = [(when, charge) for when, charge in self._late if when > day]
        if day in OFF:
            return  # nobody gets to know of them
        if due and self.random.random() < 0.15:
            due.append(due[0])
        into = day
        if self.random.random() < 0.05:  # an export that was restarted goes on where it stopped
            into = max(FIRST, day - self.random.randint(1, 70) * DAY)
            into = into if into not in OFF else day
        self._write(into, now, due)

    def _corrected(self, charge: dict[str, Any]) -> list[dict[str, Any]]:
        info = {"type": "USAGE_CORRECTION", "mode": "COMPLETE_NEGATION_WITH_REMONETIZATION"}
        negated = {"micros": -charge["micros"], "credits": [-one for one in charge["credits"]], "adjustment": info}
        instead = {"micros": charge["micros"] * 4 // 5, "adjustment": info}
        return [charge | negated, charge | instead]

    def _write(self, into: date, now: datetime, due: Sequence[dict[str, Any]]) -> None:
        made = []
        for charge in due:
            month = self._invoice_month(charge["used_at"], now)
            made.append(row(exported_at=now, month=month, **charge))
            self.truth[month] += charge["micros"] + sum(charge["credits"])
            if "adjustment" not in charge:
                self._written.append(charge)
        if made:
            self.server.now = now
            self.server.append(TABLE, into, rows(made).select(self.columns))

    @staticmethod
    def _invoice_month(used: datetime, now: datetime) -> str:
        """The month of usage in California until its invoice is made on the fifth, then the current one."""
        used_in, now_in = used.astimezone(PACIFIC), now.astimezone(PACIFIC)
        behind = (now_in.year - used_in.year) * 12 + now_in.month - used_in.month
        is_invoiced = behind > 1 or (behind == 1 and now_in.day > 5)
        return f"{(now_in if is_invoiced else used_in):%Y%m}"


class Killed(BaseException):
    """The process is gone."""


class _Ledgering(Loader):
    """A loader that adds a part's rows up and commits them to the real ledger, but writes no charges: quick."""

    def load(
        self, export: ExportConfig, delivery: Delivery, files: Sequence[FetchedFile], staging: Path, confirm: Any = None
    ) -> Outcome:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        found = [row for file in files for row in pq.read_table(file.path).to_pylist()]
        for one in found:
            credits = sum((Decimal(str(credit["amount"])) for credit in one["credits"]), Decimal(0))
            sums[one["invoice"]["month"]] += Decimal(str(one["cost"])) + credits
        totals = [
            Total(date(int(month[:4]), int(month[4:]), 1), "INR", 1, 1, total, total, total, 1, 0)
            for month, total in sums.items()
        ]
        load = Load(
            kind="charges", export=export.name, source="gcp", provider="Google Cloud", payer=ACCOUNT,
            partition=delivery.group, file_group=delivery.group, execution=delivery.execution,
            content=files[0].sha256, delivered_at=delivery.delivered_at, loaded_at=self.clock.now(),
            folder=f"{delivery.group}-{delivery.execution}", file_rows=len(found), row_rows=len(found),
            is_invoiced=False, complete_through=None, totals=tuple(totals),
            events=tuple(Event("noted", note) for note in delivery.notes),
        )  # fmt: skip
        self.warehouse.ledger.commit_delivery(
            [load], export=export.name, file_group=delivery.group, fingerprint=delivery.fingerprint,
            seen_at=self.clock.now(), replaces=delivery.replaces,
        )  # fmt: skip
        return Outcome(export.name, delivery.group, "loaded", (load,))


def by_month(ledger) -> dict[str, int]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for load in ledger.current_loads("charges"):
        for total in load.totals:
            found[f"{total.billing_month:%Y%m}"] += total.billed_cost
    return {month: int(total.scaleb(6)) for month, total in found.items() if total}


def pull(loader: Loader, server: BigQueryServer):
    access = ConnectionConfig.model_validate({"name": "g", "kind": "gcp", "endpoints": {"*": server.url}})
    return ingest_exports(loader, [EXPORT], [access], retries=QUICK)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_every_invoice_month_is_exact_on_every_day_of_a_quarter(tmp_path, engine, server, seed):
    google, chance = Google(server, seed, FEW), random.Random(-seed)
    checked = kills = reread = 0
    with open_warehouse(tmp_path / "storage") as warehouse:
        for number in range((LAST - FIRST).days):
            day = FIRST + number * DAY
            google.live(day, 4)
            if TABLE in server.tables and chance.random() < 0.8:  # Google makes it late; the machine is off at times

                def say(message: str) -> None:
                    if chance.random() < 0.02:
                        raise Killed(message)

                at = FixedClock(datetime.combine(day, time(12), UTC))
                try:
                    report = pull(_Ledgering(warehouse, engine, Allocation(), at, say), server)
                except Killed:
                    kills += 1
                else:
                    assert not report.unreachable
                    assert not report.refused
                    assert by_month(warehouse.ledger) == {m: total for m, total in google.truth.items() if total}, day
                    checked += 1
                    reread += report.count("loaded")
            if google.random.random() < 0.5:
                google.live(day, 20)
        loads = warehouse.ledger.current_loads("charges")
        noted = [event["message"] for event in warehouse.ledger.rows("SELECT message FROM events WHERE kind = 'noted'")]
    assert checked > 50
    assert kills > 2
    assert reread > checked, "days were read again when rows came"
    parts = {load.partition.removeprefix(f"{NAME}/") for load in loads}
    assert {"2026-05", "2026-06", "2026-07"} <= parts
    assert not {part for part in parts if part.startswith(("2026-06-", "2026-07-"))}, "a month took over from its days"
    for hole in ("from 2026-06-17 to 2026-06-18 (2 days)", "on 2026-07-31"):
        assert any(hole in message for message in noted), "a hole is told, never filled with zeros"


def test_month_that_takes_over_from_its_days_changes_no_rupee(tmp_path, engine, server):
    google = Google(server, 7)
    with open_warehouse(tmp_path / "storage") as warehouse:
        for number in range(7):
            day = date(2026, 6, 29) + number * DAY
            google.live(day, 4)
            at = FixedClock(datetime.combine(day, time(12), UTC))
            if number in (1, 6):
                report = pull(Loader(warehouse, engine, Allocation(), at, lambda _: None), server)
                assert not report.refused
                assert by_month(warehouse.ledger) == dict(google.truth)
            google.live(day, 20)
        before = warehouse.ledger.rows("SELECT COUNT(*) AS n FROM restatements")[0]["n"]
        at = FixedClock(datetime(2026, 7, 6, 12, tzinfo=UTC))
        report = pull(Loader(warehouse, engine, Allocation(), at, lambda _: None), server)
        assert f"{NAME}/2026-06" in {outcome.group for outcome in report.outcomes}
        assert by_month(warehouse.ledger) == dict(google.truth)
        current = {load.partition for load in warehouse.ledger.current_loads("charges")}
        assert not {part for part in current if "/2026-06-" in part}
        after = warehouse.ledger.rows("SELECT COUNT(*) AS n FROM restatements")[0]["n"]
        again = pull(Loader(warehouse, engine, Allocation(), at, lambda _: None), server)
    assert after - before <= 1, "only the day that was written to since is a restatement, not the taking over"
    assert again.count("loaded") == 0
