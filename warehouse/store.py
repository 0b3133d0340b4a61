"""The store on disk: folders of charges and feeds, the ledger beside them, one writer.

It moves finished folders into place and sweeps what no ledger row knows. It does not read what is in them.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from core import DiskFull, WarehouseError
from warehouse.ledger import Ledger, Load
from warehouse.locks import LOCKS, writer_lock
from warehouse.tables import FEEDS

KINDS = ("charges", *FEEDS)
LEDGER = "ledger.sqlite"
#: What a first run that was killed may leave before its ledger, and what a fresh disk holds of itself.
_BEFORE_THE_LEDGER = {"writer.lock", LOCKS, "staging", "spill", "lost+found"}
_EXPIRED = "SELECT load_id FROM load_totals GROUP BY load_id HAVING MAX(billing_month) < ?"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make a folder's names survive a power cut."""
    sync_file(path)


class Warehouse:
    """Handle of the one writer. Use `open_warehouse`, which takes the lock and sweeps up after a crash."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ledger = Ledger(directory / LEDGER)
        self.staging = directory / "staging"
        self.spill = directory / "spill" / "writer"  # readers spill beside it
        self.snapshots = directory / "snapshots"

    def folder(self, load: Load) -> Path:
        """Where a load's Parquet lies."""
        return self.directory / load.folder

    def parquet(self, load: Load) -> list[Path]:
        """The load's rows: converted parts and derived rows, not the rollups."""
        return charge_files(self.folder(load))

    def keep(self, staged: Path, folder: str) -> None:
        """Move a finished, synced folder into place. It counts only once its ledger row is committed."""
        target = self.directory / folder
        if target.exists():  # left by a run that was killed before its ledger row
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(staged)
        staged.rename(target)
        sync_folder(target.parent)

    def sweep(self) -> int:
        """Remove leftovers of work and folders that no ledger row names; returns how many folders went."""
        shutil.rmtree(self.staging, ignore_errors=True)
        shutil.rmtree(self.spill, ignore_errors=True)
        self.staging.mkdir(parents=True, exist_ok=True)
        known = {row["folder"] for row in self.ledger.rows("SELECT folder FROM loads")}
        orphans = [
            path
            for kind in KINDS
            for path in (self.directory / kind).glob("*/*/*/*")
            if str(path.relative_to(self.directory)) not in known
        ]
        for path in orphans:
            shutil.rmtree(path)
        return len(orphans)

    def expire(self, keep_months: int, today: date) -> int:
        """Let go of loads all of whose invoice months are older than `keep_months`; returns how many.

        They stop counting with the next generation; their folders stay until `prune`, for whoever reads this one.
        """
        with self.ledger.transaction() as db:
            cursor = db.execute(
                f"UPDATE loads SET is_current = 0 WHERE is_current AND load_id IN ({_EXPIRED})",
                (_months_before(today, keep_months).isoformat(),),
            )
        return cursor.rowcount

    def prune(
        self,
        keep_months: int,
        keep_executions: int,
        today: date,
        in_use: Callable[[], Collection[str]] = tuple,
    ) -> int:
        """Drop what no longer counts: executions beyond `keep_executions` per partition, and expired ones.

        Returns how many went. To be called after publishing: the generation in force names none of them. `in_use`
        gives the folders that an earlier, still kept generation names; they wait until it goes.
        """
        gone = self.ledger.rows(
            "SELECT load_id, folder FROM (SELECT load_id, folder, is_current, ROW_NUMBER() OVER (PARTITION BY kind,"
            " export, payer, partition ORDER BY is_current DESC, load_id DESC) AS age FROM loads)"
            f" WHERE NOT is_current AND (age > ? OR load_id IN ({_EXPIRED}))",
            (keep_executions, _months_before(today, keep_months).isoformat()),
        )
        if gone:
            needed = set(in_use())
            gone = [row for row in gone if row["folder"] not in needed]
        with self.ledger.transaction() as db:
            db.executemany("DELETE FROM loads WHERE load_id = ?", [(row["load_id"],) for row in gone])
        for row in gone:
            shutil.rmtree(self.directory / row["folder"], ignore_errors=True)
        return len(gone)

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()


def charge_files(folder: Path) -> list[Path]:
    """The Parquet files of a load that hold its rows."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("rollup_"))


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Turn the system's "no space left" into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise DiskFull(
            f"the disk is full: {error.strerror}",
            where=str(path),
            fix="free some space and ingest again; what is published stays as it is",
        ) from error


def refuse_foreign(directory: Path) -> None:
    """Never write into somebody else's folder. Raises WarehouseError unless it is missing, empty or a store."""
    if not directory.exists() or (directory / LEDGER).exists():
        return
    if directory.is_dir():
        strangers = sorted({path.name for path in directory.iterdir()} - _BEFORE_THE_LEDGER)
        what = f"the storage directory is not a store: it holds {', '.join(strangers[:3])} and no ledger"
    else:
        strangers, what = [directory.name], "the storage directory is a file"
    if strangers:
        raise WarehouseError(
            what, where=str(directory), expected="a store, or an empty or missing directory",
            fix="name another folder in [storage] directory; if this was a store, restore a backup elsewhere",
        )  # fmt: skip


def require_folder(path: Path) -> None:
    """The folder of a file that is to be written. Raises WarehouseError if it is not there."""
    if not path.parent.is_dir():
        raise WarehouseError(
            "there is no such folder", where=str(path.parent), expected=f"a folder for {path.name}",
            fix="make it first, or name another",
        )  # fmt: skip


@contextmanager
def open_warehouse(directory: Path) -> Iterator[Warehouse]:
    """The store for writing.

    Raises WriterBusy with the holder's pid if another process writes, WarehouseError if the folder is not ours.
    """
    refuse_foreign(directory)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with full_disk(directory), writer_lock(directory):
        warehouse = Warehouse(directory)
        try:
            warehouse.sweep()
            yield warehouse
        finally:
            warehouse.close()


def _months_before(today: date, months: int) -> date:
    index = today.year * 12 + today.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
