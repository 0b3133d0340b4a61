"""The ledger: what was delivered, loaded, restated, refused and published. SQLite in WAL mode.

It is the one thing that cannot be rebuilt. Every change that belongs together is one transaction; sums of
money are kept as decimal text, instants as ISO text in UTC.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from core import DiskFull, WarehouseError

_SCHEMA = Path(__file__).parent / "sql" / "ledger.sql"

#: What SQLite says when a write found no room; a full disk shows in the -shm and -wal files first.
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

#: Raised by hand when the schema changes; an older program refuses a newer ledger.
#: What is refused where an export cannot even be listed.
WHOLE_EXPORT = "the whole export"
SCHEMA_VERSION = 4


@contextmanager
def sqlite_sentences(path: Path) -> Iterator[None]:
    """SQLite's errors as ours. Raises DiskFull or WarehouseError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code in _FULL:
            raise DiskFull("the disk is full", where=str(path), fix="free space and run again") from error
        if code in _DAMAGED:
            raise WarehouseError(
                f"the ledger is damaged: {error}", where=str(path), fix="move the storage away and `kifayat restore` it"
            ) from error
        raise WarehouseError(f"the ledger cannot be read or written: {error}", where=str(path)) from error


@dataclass(frozen=True)
class Total:
    """Sums of one load in one currency and invoice month, native currency, exact."""

    billing_month: date
    currency: str
    rows: int  # of the files
    charges: int  # of the bill: with credits and unused parts, without split rows
    file_cost: Decimal
    billed_cost: Decimal
    effective_cost: Decimal
    uninvoiced: int
    invoices: int


@dataclass(frozen=True)
class LoadedFile:
    """One file of a load as it was read."""

    name: str
    path: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class Event:
    """Something a person should know: nothing was lost, but the file was not as usual."""

    kind: str
    message: str
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Load:
    """One delivery of one partition of one payer, all in."""

    kind: str
    export: str
    source: str
    provider: str
    payer: str
    partition: str
    file_group: str
    execution: str
    content: str
    delivered_at: datetime
    loaded_at: datetime
    folder: str
    file_rows: int
    row_rows: int
    is_invoiced: bool
    complete_through: datetime | None
    totals: tuple[Total, ...] = ()
    files: tuple[LoadedFile, ...] = ()
    events: tuple[Event, ...] = ()
    load_id: int = 0
    is_current: bool = True
    extra: dict[str, Any] = field(default_factory=dict, compare=False)


class Ledger:
    """Reads and writes the ledger file. One writer at a time; readers never wait (WAL)."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        with sqlite_sentences(path):
            self._open(path, readonly)

    def _open(self, path: Path, readonly: bool) -> None:
        if readonly:
            if not path.exists():
                raise WarehouseError("there is no ledger yet", where=str(path), fix="run `kifayat ingest` first")
            self._db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
        self._db.row_factory = sqlite3.Row
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise WarehouseError(
                f"the ledger was written by a newer Kifayat (schema {version}, this one knows {SCHEMA_VERSION})",
                where=str(path),
                fix="upgrade Kifayat, or restore a backup made by this version",
            )
        if not readonly and version < SCHEMA_VERSION:
            self._db.executescript(_SCHEMA.read_text(encoding="utf-8"))
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside becomes visible at once, or not at all."""
        with sqlite_sentences(self.path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a SELECT."""
        with sqlite_sentences(self.path):
            return self._db.execute(sql, params).fetchall()

    # -- loads ---------------------------------------------------------------

    def current_loads(self, kind: str | None = None) -> list[Load]:
        """The loads that count now, with their totals."""
        where = "" if kind is None else " AND kind = ?"
        rows = self.rows(
            f"SELECT * FROM loads WHERE is_current{where} ORDER BY kind, export, payer, partition",
            () if kind is None else (kind,),
        )
        totals: dict[int, list[Total]] = {}
        for row in self.rows("SELECT t.* FROM load_totals t JOIN loads USING (load_id) WHERE is_current"):
            totals.setdefault(row["load_id"], []).append(_total(row))
        return [_load(row, tuple(totals.get(row["load_id"], ()))) for row in rows]

    def current(self, kind: str, export: str, payer: str, partition: str) -> Load | None:
        """The load that counts now for one partition."""
        rows = self.rows(
            "SELECT * FROM loads WHERE kind = ? AND export = ? AND payer = ? AND partition = ? AND is_current",
            (kind, export, payer, partition),
        )
        if not rows:
            return None
        totals = self.rows("SELECT * FROM load_totals WHERE load_id = ?", (rows[0]["load_id"],))
        return _load(rows[0], tuple(_total(row) for row in totals))

    def commit_delivery(
        self, loads: Sequence[Load], *, export: str, file_group: str, fingerprint: str, seen_at: datetime,
        replaces: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Make the loads of one delivery current, with totals, files, events and restatements, in one transaction.

        What came in the file groups of `replaces` stops counting, whatever its partition.
        """
        with self.transaction() as db:
            outgoing = self._outgoing(loads, export, file_group, replaces)
            db.executemany("UPDATE loads SET is_current = 0 WHERE load_id = ?", [(old.load_id,) for old in outgoing])
            before: dict[tuple[str, str, str], Load] = {}
            for old in outgoing:  # pieces of a partition are compared with the whole
                partition = file_group if old.file_group in replaces else old.partition
                key = old.kind, old.payer, partition
                before[key] = _joined(before[key], old) if key in before else replace(old, partition=partition)
            for load in loads:
                load_id = self._insert(db, load)
                was = before.pop((load.kind, load.payer, load.partition), None)
                if was is not None:
                    self._restate(db, was, load.totals, load_id, load.loaded_at)
            for gone in before.values():
                self._restate(db, gone, (), gone.load_id, seen_at)
            self._mark(db, export, file_group, fingerprint, "loaded", seen_at)
            db.execute(
                "DELETE FROM quarantine WHERE export = ? AND (file = ? OR file LIKE ?)",
                (export, file_group, file_group + "/%"),
            )

    def _insert(self, db: sqlite3.Connection, load: Load) -> int:
        cursor = db.execute(
            "INSERT INTO loads (kind, export, source, provider, payer, partition, file_group, execution, content,"
            " delivered_at, loaded_at, folder, file_rows, row_rows, is_invoiced, complete_through, is_current)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (
                load.kind, load.export, load.source, load.provider, load.payer, load.partition,
                load.file_group, load.execution, load.content, load.delivered_at.isoformat(),
                load.loaded_at.isoformat(), load.folder, load.file_rows, load.row_rows, load.is_invoiced,
                _iso(load.complete_through),
            ),
        )  # fmt: skip
        load_id = int(cursor.lastrowid or 0)
        db.executemany(
            "INSERT INTO load_totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (load_id, t.billing_month.isoformat(), t.currency, t.rows, t.charges, str(t.file_cost),
                 str(t.billed_cost), str(t.effective_cost), t.uninvoiced, t.invoices)
                for t in load.totals
            ],
        )  # fmt: skip
        db.executemany(
            "INSERT INTO load_files VALUES (?, ?, ?, ?, ?, ?)",
            [(load_id, f.name, f.path, f.bytes, f.sha256, f.rows) for f in load.files],
        )
        for event in load.events:
            self._event(db, event, load.export, load.payer, load.partition, load.loaded_at)
        return load_id

    def _outgoing(self, loads: Sequence[Load], export: str, file_group: str, replaces: Sequence[str]) -> list[Load]:
        """What a delivery replaces: the same partitions, also where an older one of the same files had other accounts.

        A month that the files no longer hold stays: a file that is overwritten every month loses none of them.
        """
        keys = {(load.kind, load.payer, load.partition) for load in loads}
        made_at = {(load.kind, load.partition): load.delivered_at for load in loads}

        def is_replaced(old: Load) -> bool:
            if (old.kind, old.payer, old.partition) in keys or old.file_group in replaces:
                return True
            newer = made_at.get((old.kind, old.partition))
            return old.file_group == file_group and newer is not None and old.delivered_at <= newer

        return [old for old in self.current_loads() if old.export == export and is_replaced(old)]

    def _restate(
        self, db: sqlite3.Connection, before: Load, after: Sequence[Total], load_id: int, at: datetime
    ) -> None:
        """Write down by how much a partition changed, per invoice month and currency."""
        old = {(t.billing_month, t.currency): t.billed_cost for t in before.totals}
        new = {(t.billing_month, t.currency): t.billed_cost for t in after}
        for month, currency in sorted({*old, *new}):
            was, now = old.get((month, currency), Decimal(0)), new.get((month, currency), Decimal(0))
            if was != now:
                db.execute(
                    "INSERT INTO restatements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (at.isoformat(), load_id, before.export, before.payer, before.partition, month.isoformat(),
                     currency, str(was), str(now), before.is_invoiced),
                )  # fmt: skip

    # -- deliveries, events, quarantine ---------------------------------------

    def outcome(self, export: str, file_group: str, fingerprint: str) -> str | None:
        """What became of a delivery seen before: loaded, same, superseded, refused; None if it is new."""
        rows = self.rows(
            "SELECT outcome FROM deliveries WHERE export = ? AND file_group = ? AND fingerprint = ?",
            (export, file_group, fingerprint),
        )
        return rows[0]["outcome"] if rows else None

    def mark(self, export: str, file_group: str, fingerprint: str, outcome: str, at: datetime) -> None:
        """Remember a delivery that brought nothing to load."""
        with self.transaction() as db:
            self._mark(db, export, file_group, fingerprint, outcome, at)

    def _mark(
        self,
        db: sqlite3.Connection,
        export: str,
        file_group: str,
        fingerprint: str,
        outcome: str,
        at: datetime,
    ) -> None:
        db.execute(
            "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?)",
            (export, file_group, fingerprint, outcome, at.isoformat()),
        )

    def add_event(self, event: Event, *, export: str, payer: str = "", partition: str = "", at: datetime) -> None:
        """Write down one event."""
        with self.transaction() as db:
            self._event(db, event, export, payer, partition, at)

    def _event(
        self, db: sqlite3.Connection, event: Event, export: str, payer: str, partition: str, at: datetime
    ) -> None:
        db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (at.isoformat(), event.kind, export, payer, partition, event.message,
             None if event.amount is None else str(event.amount), event.currency),
        )  # fmt: skip

    def refuse(self, export: str, file: str, fingerprint: str, reason: str, at: datetime, sha256: str = "") -> None:
        """Write down a file that was refused: it stays where it is, nothing of it was loaded."""
        with self.transaction() as db:
            db.execute(
                # the same refusal again is no news: it keeps its time
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (export, file) DO UPDATE SET"
                " sha256 = excluded.sha256, reason = excluded.reason, at = excluded.at,"
                " fingerprint = excluded.fingerprint"
                " WHERE reason <> excluded.reason OR fingerprint <> excluded.fingerprint",
                (export, file, sha256, reason, at.isoformat(), fingerprint),
            )

    def forgive(self, export: str, files: Sequence[str]) -> None:
        """Forget refusals of files that are gone or whole again."""
        with self.transaction() as db:
            db.executemany("DELETE FROM quarantine WHERE export = ? AND file = ?", [(export, f) for f in files])

    # -- retention ------------------------------------------------------------

    def forget(self, load_ids: Sequence[int]) -> None:
        """Drop loads whose folders are gone (superseded executions past their time)."""
        with self.transaction() as db:
            db.executemany("DELETE FROM loads WHERE load_id = ? AND NOT is_current", [(i,) for i in load_ids])

    def state_hash_rows(self) -> str:
        """A text that changes whenever what a snapshot is built from changes."""
        tables = ("restatements", "events", "quarantine", "rate_locks")
        counts = [[row[0] for row in self.rows(f"SELECT COUNT(*) || ':' || COALESCE(MAX(rowid), 0) FROM {t}")]
                  for t in tables]  # fmt: skip
        loads = [list(row) for row in self.rows("SELECT load_id, folder FROM loads WHERE is_current ORDER BY 1")]
        locks = [list(row) for row in self.rows("SELECT * FROM rate_locks ORDER BY 1, 2, 3, 4")]
        refused = [list(row) for row in self.rows("SELECT * FROM quarantine ORDER BY 1, 2")]
        return json.dumps([counts, loads, locks, refused])


def _joined(one: Load, other: Load) -> Load:
    """Two pieces of a partition as one, with the totals that `_restate` compares."""
    sums = {(total.billing_month, total.currency): total for total in one.totals}
    for total in other.totals:
        key = total.billing_month, total.currency
        had = sums.get(key)
        sums[key] = total if had is None else replace(had, billed_cost=had.billed_cost + total.billed_cost)
    return replace(one, totals=tuple(sums.values()), is_invoiced=one.is_invoiced and other.is_invoiced)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _total(row: sqlite3.Row) -> Total:
    return Total(
        date.fromisoformat(row["billing_month"]), row["currency"], row["rows"], row["charges"],
        Decimal(row["file_cost"]), Decimal(row["billed_cost"]), Decimal(row["effective_cost"]), row["uninvoiced"],
        row["invoices"],
    )  # fmt: skip


def _load(row: sqlite3.Row, totals: tuple[Total, ...]) -> Load:
    return Load(
        kind=row["kind"], export=row["export"], source=row["source"], provider=row["provider"], payer=row["payer"],
        partition=row["partition"], file_group=row["file_group"], execution=row["execution"], content=row["content"],
        delivered_at=datetime.fromisoformat(row["delivered_at"]), loaded_at=datetime.fromisoformat(row["loaded_at"]),
        folder=row["folder"], file_rows=row["file_rows"], row_rows=row["row_rows"],
        is_invoiced=bool(row["is_invoiced"]), complete_through=_instant(row["complete_through"]),
        totals=totals, load_id=row["load_id"], is_current=bool(row["is_current"]),
    )  # fmt: skip
