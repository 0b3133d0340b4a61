"""One delivery into the store: convert, prove, derive, commit. All in, or nothing.

What counts when is decided here; how rows come about is `convert` and `derive`, what must hold is `prove`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from core import BadValue, Clock, ExportConfig
from ingest.convert import Converted, LoadContext, Say, convert, first_empty, first_negative
from ingest.deliveries import Delivery, FetchedFile
from ingest.derive import derive
from ingest.feeds import check_feed
from ingest.persons import refuse_persons, write_counts
from ingest.prove import (
    UNREAD,
    partition_of,
    refuse_empty,
    refuse_lost_rows,
    refuse_twins,
    refuse_wrong_period,
    told,
)
from warehouse import (
    Allocation,
    Engine,
    Event,
    Load,
    LoadedFile,
    Total,
    Warehouse,
    literal,
    load_totals,
    path_list,
    rollup_name,
    select_rollup,
    sync_file,
    write_rollup,
)

ZERO = Decimal(0)
#: Two exports whose sums of a month are as near as this hold the same bill.
_ALIKE = Decimal("0.8")
#: The kind of event that tells of a month that another file took over.
REPLACED = "replaced"
#: The kind of event that tells what a location noted of a delivery, as a day that is not there.
NOTED = "noted"


@dataclass(frozen=True)
class Outcome:
    """What became of one delivery."""

    export: str
    group: str
    outcome: str  # loaded, same, superseded, refused, empty
    loads: tuple[Load, ...] = ()
    reason: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be a mistake of whoever put the files there: one sentence each."""
        return tuple(event.message for load in self.loads for event in load.events if event.kind in (REPLACED, NOTED))


@dataclass(frozen=True)
class Loader:
    """Loads deliveries of one run: the store, the engine, the allocation rules and the clock they share."""

    warehouse: Warehouse
    engine: Engine
    allocation: Allocation
    clock: Clock
    say: Say

    def load(
        self,
        export: ExportConfig,
        delivery: Delivery,
        files: Sequence[FetchedFile],
        staging: Path,
        confirm: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Load the fetched files of a delivery.

        `confirm` is asked once all files are read: it raises DeliveryChanged if they are not what was verified.
        Returns what happened; raises a SourceError or DeliveryError, with nothing changed, if the files are not
        right.
        """
        ledger, group = self.warehouse.ledger, delivery.group
        content = content_hash(files)
        parts = ledger.rows(
            "SELECT MAX(is_current) AS counts FROM loads WHERE export = ? AND content = ? GROUP BY payer, partition",
            (export.name, content),
        )
        if parts and all(part["counts"] for part in parts):
            ledger.mark(export.name, group, delivery.fingerprint, "same", self.clock.now())
            ledger.forgive(export.name, [group])
            return Outcome(export.name, group, "same")
        refuse_twins(files, group)
        context = LoadContext(export.name, delivery.delivered_at, export.payer or "")
        converted = convert(self.engine, files, context, staging / "parts", wanted=export.source, say=self.say)
        if not converted.parts or not self.engine.parquet_rows(converted.parts):
            raise BadValue(
                "the files hold a header and no row",
                where=group,
                expected="at least one row",
                fix="an empty month is never published as ₹0; wait for the next delivery",
            )
        job = _Job(self, export, delivery, tuple(files), converted, staging, content)
        confirm()
        prepared = job.charges() if converted.source.into == "charges" else job.feed()
        kept, reasons = [], []
        for load, folder in prepared:
            reason = superseded_by(self.warehouse, load)
            if reason:
                reasons.append(reason)
                ledger.add_event(
                    Event("superseded", reason),
                    export=export.name, payer=load.payer, partition=load.partition, at=self.clock.now(),
                )  # fmt: skip
            else:
                told_of = _with_replacement_event(self.warehouse, load, delivery)
                kept.append((_with_double_event(self.warehouse, told_of), folder))
        if not kept:
            ledger.mark(export.name, group, delivery.fingerprint, "superseded", self.clock.now())
            return Outcome(export.name, group, "superseded", reason=reasons[0])
        for load, folder in kept:
            self.warehouse.keep(folder, load.folder)
        loads = tuple(load for load, _ in kept)
        if not any(load.files for load in loads):  # the load that carried them was superseded
            loads = (replace(loads[0], files=_files(self.engine, files)), *loads[1:])
        ledger.commit_delivery(
            loads, export=export.name, file_group=group, fingerprint=delivery.fingerprint, seen_at=self.clock.now(),
            replaces=delivery.replaces,
        )  # fmt: skip
        return Outcome(export.name, group, "loaded", loads)


@dataclass(frozen=True)
class _Job:
    """One delivery on its way: converted and staged, not yet in the store."""

    loader: Loader
    export: ExportConfig
    delivery: Delivery
    files: tuple[FetchedFile, ...]
    converted: Converted
    staging: Path
    content: str

    def charges(self) -> list[tuple[Load, Path]]:
        """Loads of charges, one per account and partition, each with its staged folder."""
        engine, source, group = self.loader.engine, self.converted.source, self.delivery.group
        refuse_empty(engine, source.into, self.converted.parts, group, self._first_empty)
        rolled = self.staging / "rolled.parquet"
        write_rollup(engine, self.converted.parts, rolled, self.loader.allocation)
        totals = load_totals(engine, [rolled])
        refuse_lost_rows(engine, self.files, sum(row["row_rows"] for row in totals), group)
        refuse_wrong_period(self.delivery, totals)
        by_key: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in totals:
            by_key.setdefault((row["payer"], partition_of(source, row, group)), []).append(row)
        prepared = []
        for number, (key, rows) in enumerate(sorted(by_key.items())):
            folder = self.staging / f"load-{number:04d}"
            folder.mkdir()
            self._fill(folder, rolled, rows, alone=len(by_key) == 1)
            prepared.append((self._charges_load(folder, *key, rows, with_files=number == 0), folder))
        return prepared

    def _fill(self, folder: Path, rolled: Path, rows: Sequence[dict[str, Any]], *, alone: bool) -> None:
        engine, allocation = self.loader.engine, self.loader.allocation
        into = folder / rollup_name(allocation, "rows")
        if alone:
            for index, part in enumerate(self.converted.parts):
                part.rename(folder / f"part-{index:05d}.parquet")
            rolled.rename(into)
            return
        keys = {"BillingAccountId": literal(rows[0]["payer"])}
        if self.converted.source.partition == "month":
            keys["x_BillingMonth"] = f"DATE {literal(rows[0]['billing_month'].isoformat())}"
        where = " AND ".join(f"{column} = {value}" for column, value in keys.items())
        target = folder / "part-00000.parquet"
        engine.copy_file(f"SELECT * FROM read_parquet({path_list(self.converted.parts)}) WHERE {where}", target)
        sync_file(target)
        select_rollup(engine, rolled, into, keys)

    def _charges_load(
        self, folder: Path, payer: str, partition: str, rows: Sequence[dict[str, Any]], *, with_files: bool
    ) -> Load:
        engine, allocation = self.loader.engine, self.loader.allocation
        complete = max((row["complete_through"] for row in rows if row["complete_through"]), default=None)
        if complete is not None:  # rows dated in the future exist in an open month
            complete = min(complete.replace(tzinfo=UTC), self.delivery.delivered_at)
        events = [
            Event("older delivery", f"{older.where} of {_day(older.delivered_at)} is older and does not count")
            for older in self.delivery.superseded
        ]
        events += [Event(NOTED, note) for note in self.delivery.notes]
        noted = told(engine, sorted(folder.glob("part-*.parquet")), rows, self.converted.unknown_columns)
        events += [event for event in noted if self._is_news(event)]
        events += derive(engine, folder, rows, complete, self.delivery.delivered_at)
        rollups = [folder / rollup_name(allocation, "rows")]
        if (folder / "derived.parquet").exists():
            rollups.append(folder / rollup_name(allocation, "derived"))
            write_rollup(engine, [folder / "derived.parquet"], rollups[1], allocation)
        totals = tuple(_total(row) for row in load_totals(engine, rollups))
        row_rows = sum(row["row_rows"] for row in rows)
        return replace(
            self._load(payer, partition),
            provider=rows[0]["provider"],
            file_rows=row_rows,
            row_rows=row_rows,
            is_invoiced=all(total.uninvoiced == 0 for total in totals),
            complete_through=complete,
            totals=totals,
            files=_files(engine, self.files) if with_files else (),
            events=tuple(events),
        )

    def _is_news(self, event: Event) -> bool:
        """Columns that nobody reads are told once, and again when they change."""
        if event.kind != UNREAD:
            return True
        last = self.loader.warehouse.ledger.rows(
            "SELECT message FROM events WHERE export = ? AND kind = ? ORDER BY rowid DESC LIMIT 1",
            (self.export.name, UNREAD),
        )
        return not last or last[0]["message"] != event.message

    def feed(self) -> list[tuple[Load, Path]]:
        """The one load of a feed file, staged."""
        engine, source, group = self.loader.engine, self.converted.source, self.delivery.group
        folder = self.staging / "load-0000"
        folder.mkdir()
        target = folder / "part-00000.parquet"
        parts = path_list(self.converted.parts)
        where = f'WHERE "{source.drop_null}" IS NOT NULL' if source.drop_null else ""
        total = engine.parquet_rows(self.converted.parts)
        events: list[Event] = []
        if source.into == "active_users":
            refuse_persons(engine, self.converted.parts, group, self._first_negative)
            events += write_counts(engine, self.converted.parts, target)
        else:
            engine.copy_file(f"SELECT * FROM read_parquet({parts}) {where}", target)
        kept = engine.parquet_rows([target])
        if total != kept and source.drop_null:
            what = f"{total - kept} rows of {group} have no {source.drop_null} (empty or zero): left out"
            events.append(Event("absent", what))
        if not kept:
            raise BadValue("the file holds no usable row", where=group, expected="at least one")
        refuse_lost_rows(engine, self.files, total, group)
        refuse_empty(engine, source.into, [target], group, self._first_empty)
        events += check_feed(self.loader.warehouse, engine, source.into, target, self.export.name, group)
        sync_file(target)
        load = replace(
            self._load("", group),
            file_rows=total,
            row_rows=kept,
            files=_files(engine, self.files),
            events=tuple(events),
        )
        return [(load, folder)]

    def _first_empty(self) -> str:
        return first_empty(self.loader.engine, self.converted.source, self.files)

    def _first_negative(self) -> str:
        return first_negative(self.loader.engine, self.converted.source, self.files)

    def _load(self, payer: str, partition: str) -> Load:
        delivery, source = self.delivery, self.converted.source
        execution = f"{delivery.delivered_at:%Y%m%dT%H%M%SZ}-{delivery.fingerprint[:12]}"
        names = [source.into, self.export.name, folder_name(payer or "all"), folder_name(partition), execution]
        return Load(
            kind=source.into, export=self.export.name, source=source.name, provider=source.provider, payer=payer,
            partition=partition, file_group=delivery.group, execution=execution, content=self.content,
            delivered_at=delivery.delivered_at,
            loaded_at=self.loader.clock.now(), folder="/".join(names), file_rows=0, row_rows=0, is_invoiced=False,
            complete_through=None,
        )  # fmt: skip


def content_hash(files: Sequence[FetchedFile]) -> str:
    """One hash for what the files hold, whatever they are called and in whatever order they come."""
    return hashlib.sha256("".join(sorted(file.sha256 for file in files)).encode()).hexdigest()


def folder_name(text: str) -> str:
    """A safe folder name: letters, digits, dot, dash; anything else is replaced and a hash keeps names apart."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in text)[:60].lstrip(".")
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _total(row: dict[str, Any]) -> Total:
    month: date = row["billing_month"]
    return Total(
        month, row["currency"], row["row_rows"], row["charges"], row["file_cost"] or ZERO, row["billed_cost"] or ZERO,
        row["effective_cost"] or ZERO, row["uninvoiced"], row["invoices"],
    )  # fmt: skip


def _files(engine: Engine, files: Sequence[FetchedFile]) -> tuple[LoadedFile, ...]:
    return tuple(
        LoadedFile(
            f.name, f.origin, f.size, f.sha256, engine.parquet_rows([f.path]) if f.format == "parquet" else f.rows or 0
        )
        for f in files
    )


def superseded_by(warehouse: Warehouse, load: Load) -> str:
    """Why a load may not replace what is there: older never replaces newer, unfinished never replaces final."""
    now = warehouse.ledger.current(load.kind, load.export, load.payer, load.partition)
    if now is None or load.kind != "charges":
        return ""
    if now.is_invoiced and not any(total.invoices for total in load.totals):
        return (
            f"{load.partition} of {load.payer} is invoiced; a delivery of {_day(load.delivered_at)} without any"
            " invoice id does not replace it"
        )
    if load.delivered_at < now.delivered_at and (now.is_invoiced or not load.is_invoiced):
        return f"a newer delivery of {_day(now.delivered_at)} is loaded; this one is of {_day(load.delivered_at)}"
    return ""


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _with_replacement_event(warehouse: Warehouse, load: Load, delivery: Delivery) -> Load:
    """Say so when another file, not a new delivery of the same one, takes a month over."""
    now = warehouse.ledger.current(load.kind, load.export, load.payer, load.partition)
    if now is None or delivery.manifest is not None or load.kind != "charges":
        return load
    before = warehouse.ledger.rows("SELECT name FROM load_files WHERE load_id = ? LIMIT 1", (now.load_id,))
    names = {file.name for file in load.files}
    if not before or before[0]["name"] in names or not names:
        return load
    currencies = {total.currency for total in now.totals}
    gone = sum((total.billed_cost for total in now.totals), ZERO) if len(currencies) == 1 else None
    currency = currencies.pop() if gone is not None else None
    what = "" if gone is None else f" ({currency} {gone:,.2f} of it counts no more)"
    event = Event(
        REPLACED,
        f"{min(names)} replaced {before[0]['name']} as the bill of {load.partition} of {load.payer}{what}; if both are"
        ' parts of one bill, set shards = "all" for this export',
        None if gone is None else -gone,
        currency,
    )
    return replace(load, events=(*load.events, event))


def _with_double_event(warehouse: Warehouse, load: Load) -> Load:
    """Say so, once, when another export has about the same charges of an account and month: both count.

    Not refused, and not said of a smaller part: an export may go on where another one ends, in the middle of a month.
    """
    if load.kind != "charges":
        return load
    events = []
    for month in sorted({total.billing_month for total in load.totals}):
        sums: dict[str, Decimal] = defaultdict(Decimal)
        sums[load.export] += sum((abs(one.file_cost) for one in load.totals if one.billing_month == month), ZERO)
        for row in warehouse.ledger.rows(
            "SELECT export, file_cost FROM load_totals JOIN loads USING (load_id)"
            " WHERE billing_month = ? AND is_current AND kind = 'charges' AND payer = ?"
            " AND (export, partition) <> (?, ?)",
            (month.isoformat(), load.payer, load.export, load.partition),
        ):
            sums[row["export"]] += abs(Decimal(row["file_cost"]))
        for export in sorted(sums.keys() - {load.export}):
            low, high = sorted((sums[load.export], sums[export]))
            message = (
                f"{month:%Y-%m} of {load.payer} is also in the export {export}, and both count: the month is doubled if"
                " they hold the same charges; each charge must come from one export only"
            )
            known = warehouse.ledger.rows(
                "SELECT 1 FROM events WHERE export = ? AND kind = ? AND message = ?", (load.export, NOTED, message)
            )
            if low >= _ALIKE * high > 0 and not known:
                events.append(Event(NOTED, message))
    return replace(load, events=(*load.events, *events))
