"""Backup and restore: the ledger, every folder it names, and the published snapshot in one tar archive.

The archive is written while readers read; the writer's lock is held, so it is one state and never two.
"""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from core import DiskFull, KifayatError, WarehouseError
from warehouse.ledger import Ledger, sqlite_sentences
from warehouse.snapshot import POINTER, Snapshot, read_pointer
from warehouse.store import LEDGER, Warehouse, full_disk, open_warehouse, require_folder, sync_file, sync_folder


def backup(storage: Path, to: Path) -> Path:
    """Write the archive `to` (.tar; Parquet is compressed already). Returns its path.

    Raises WarehouseError if the file exists, its folder does not or there is no store, WriterBusy during an ingest.
    """
    if to.exists():
        raise WarehouseError("the archive exists already", where=str(to), fix="choose another name")
    require_folder(to)
    if not (storage / LEDGER).exists():
        raise WarehouseError("there is nothing to back up yet", where=str(storage), fix="run `kifayat ingest` first")
    temporary = to.with_name(to.name + ".part")
    with open_warehouse(storage) as warehouse:
        try:
            _write(warehouse, temporary)
            sync_file(temporary)
            temporary.replace(to)
        finally:
            temporary.unlink(missing_ok=True)
    return to


def _write(warehouse: Warehouse, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=warehouse.staging) as scratch, tarfile.open(target, "w") as archive:
        copy = Path(scratch) / LEDGER
        with (
            sqlite_sentences(copy),
            closing(sqlite3.connect(warehouse.ledger.path)) as source,
            closing(sqlite3.connect(copy)) as into,
        ):
            source.backup(into)
        archive.add(copy, LEDGER)
        for row in warehouse.ledger.rows("SELECT folder FROM loads ORDER BY folder"):
            archive.add(warehouse.directory / row["folder"], row["folder"])
        if (warehouse.snapshots / POINTER).exists():
            pointer = read_pointer(warehouse.snapshots)
            archive.add(warehouse.snapshots / pointer.file, f"snapshots/{pointer.file}")
            archive.add(warehouse.snapshots / POINTER, f"snapshots/{POINTER}")


def restore(archive: Path, storage: Path) -> None:
    """Unpack an archive beside an empty storage directory, open it once to prove it, and move it there.

    Raises WarehouseError, with the directory untouched, if that is in use or the archive is not one of ours.
    """
    if storage.exists() and any(storage.iterdir()):
        raise WarehouseError(
            "the storage directory is not empty", where=str(storage), expected="an empty or missing directory",
            fix="move it away first; restoring never mixes two states",
        )  # fmt: skip
    if not archive.is_file():
        raise WarehouseError(
            "there is no such archive", where=str(archive), expected="a file that `kifayat backup` wrote",
            fix="see whether the path is right",
        )  # fmt: skip
    staging = storage.with_name(storage.name + ".restoring")
    shutil.rmtree(staging, ignore_errors=True)  # of a restore that was killed
    try:
        staging.mkdir(parents=True, mode=0o700)
        with full_disk(staging):
            _unpack(archive, staging)
        if storage.exists():
            storage.rmdir()
        staging.rename(storage)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync_folder(storage.parent)


def verify_backup(archive: Path) -> None:
    """Restore an archive beside itself, look whether every load is there, and take it away again.

    Raises WarehouseError if it could not be restored, DiskFull where there is no room to try.
    """
    if shutil.disk_usage(archive.parent).free < 1.1 * archive.stat().st_size:
        raise DiskFull("too little free space to verify the backup", where=str(archive), fix="free space beside it")
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".verifying-") as scratch:
        store = Path(scratch) / "store"
        restore(archive, store)
        with closing(Ledger(store / LEDGER, readonly=True)) as ledger:
            folders = [row["folder"] for row in ledger.rows("SELECT folder FROM loads ORDER BY folder")]
        missing = [folder for folder in folders if not (store / folder).is_dir()]
    if missing:
        raise WarehouseError(
            f"the backup is not whole: {missing[0]} is not in it", where=str(archive),
            fix="make another; if it happens again, the disk that it lies on is failing",
        )  # fmt: skip


def _unpack(archive: Path, into: Path) -> None:
    """Unpack and open once. Raises WarehouseError if the archive is damaged or no backup, or DiskFull."""
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, into)
        if not (into / LEDGER).exists():
            raise WarehouseError("it holds no ledger")
        Ledger(into / LEDGER).close()
        if (into / "snapshots" / POINTER).exists():
            Snapshot.open(into).close()
    except DiskFull:
        raise
    except (tarfile.TarError, KifayatError) as error:
        reason = error.what if isinstance(error, KifayatError) else str(error).splitlines()[0]
        raise WarehouseError(
            f"the archive cannot be restored: {reason}", where=str(archive), expected="a whole `kifayat backup`",
            fix="copy it again or take an older one; if a newer Kifayat wrote it, upgrade",
        ) from error  # fmt: skip


def _extract(tar: tarfile.TarFile, into: Path) -> None:
    """Files and folders below `into`, with this process's rights; `extractall` is that careful only from 3.11.4 on."""
    for member in tar:
        target = into / member.name
        if not (member.isfile() or member.isdir()) or not target.resolve().is_relative_to(into.resolve()):
            raise WarehouseError(f"it holds {member.name!r}, which no backup does")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        assert source is not None  # only links and devices have no content
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
