"""The store's own care: what it prunes, backs up and restores, and what it says when its files are damaged."""

from __future__ import annotations

import tarfile
from decimal import Decimal

import pytest
from apps import deliver, make_app, total

from core import DiskFull, WarehouseError
from kifayat import App
from warehouse import Ledger, Snapshot, restore


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["4", "6"])
    app.ingest()
    return app


def files_below(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_charges_that_a_kept_generation_reads_are_not_pruned(app, tmp_path):
    with Snapshot.open(tmp_path / "store") as old:
        for number in range(app.config.storage.keep_generations + 1):  # one run that replaces the month many times
            deliver(tmp_path / "cur", f"again-{'abcdef'[number]}.csv", [f"{number + 1}"])
        assert app.ingest().report.count("loaded") == app.config.storage.keep_generations + 1
        assert old.query("SELECT SUM(BilledCost) FROM charges").rows == ((Decimal(10),),)
    for number in range(app.config.storage.keep_generations):
        deliver(tmp_path / "cur", "again-d.csv", [f"{number + 20}"])
        app.ingest()
    assert len(list((tmp_path / "store" / "charges").glob("*/*/*/*"))) == app.config.storage.keep_generations


def test_a_copy_beside_the_snapshots_disturbs_nothing(app, tmp_path):
    snapshots = tmp_path / "store" / "snapshots"
    current = next(snapshots.glob("snapshot-*.duckdb"))
    (snapshots / "snapshot-old.duckdb").write_bytes(current.read_bytes())
    deliver(tmp_path / "cur", "2026-07.csv", ["5"])
    app.ingest()
    assert total(app) == 5
    (snapshots / "CURRENT").write_text("{half")
    assert total(App(app.config, app.clock)) == 5
    assert (snapshots / "snapshot-old.duckdb").exists()


@pytest.mark.parametrize("damage", ["cut", "foreign", "text", "snapshot", "link", "outside"])
def test_a_bad_archive_leaves_the_directory_untouched(app, tmp_path, damage):
    archive = app.backup(tmp_path / "backup.tar")
    if damage == "cut":
        archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    elif damage == "text":
        archive.write_text("not an archive")
    elif damage == "foreign":
        with tarfile.open(archive, "w") as tar:
            tar.add(tmp_path / "kifayat.toml", "kifayat.toml")
    elif damage == "link":
        (tmp_path / "link").symlink_to("/etc/passwd")
        with tarfile.open(archive, "a") as tar:
            tar.add(tmp_path / "link", "charges/link")
    elif damage == "outside":
        with tarfile.open(archive, "a") as tar:
            tar.add(tmp_path / "kifayat.toml", "../planted.toml")
    else:
        restore(archive, tmp_path / "inside")
        next((tmp_path / "inside" / "snapshots").glob("*.duckdb")).write_bytes(b"damaged")
        with tarfile.open(archive, "w") as tar:
            tar.add(tmp_path / "inside", ".")
            for path in (tmp_path / "inside").iterdir():
                tar.add(path, path.name)
    before = files_below(tmp_path)
    with pytest.raises(WarehouseError, match="cannot be restored") as caught:
        restore(archive, tmp_path / "elsewhere")
    assert "Do:" in str(caught.value)
    assert files_below(tmp_path) == before


def test_a_restore_takes_away_what_a_killed_one_left(app, tmp_path):
    archive = app.backup(tmp_path / "backup.tar")
    leftover = tmp_path / "elsewhere.restoring" / "charges"
    leftover.mkdir(parents=True)
    restore(archive, tmp_path / "elsewhere")
    assert not leftover.parent.exists()
    with Snapshot.open(tmp_path / "elsewhere") as snapshot:
        assert snapshot.query("SELECT SUM(BilledCost) FROM charges").rows == ((Decimal(10),),)


@pytest.mark.parametrize("damage", [b"no database at all, but a text that is long enough", b"\1" * 4096])
def test_a_damaged_ledger_is_a_sentence_with_what_to_do(app, tmp_path, damage):
    for path in (tmp_path / "store").glob("ledger.sqlite*"):
        path.unlink()
    (tmp_path / "store" / "ledger.sqlite").write_bytes(damage)
    with pytest.raises(WarehouseError, match="the ledger is damaged") as caught:
        app.ingest()
    assert "kifayat restore" in str(caught.value)


def test_a_ledger_that_finds_no_room_is_a_full_disk(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    (pages,) = ledger.rows("PRAGMA page_count")[0]
    ledger.rows(f"PRAGMA max_page_count = {pages}")
    much = [(f"{number:01000}",) for number in range(1000)]
    with pytest.raises(DiskFull, match="the disk is full"), ledger.transaction() as db:
        db.executemany("INSERT INTO deliveries VALUES ('cur', ?, 'x', 'loaded', 'now')", much)
    assert ledger.rows("SELECT * FROM deliveries") == []
    ledger.close()


def test_a_folder_that_is_no_store_is_never_written_into(tmp_path):
    app = make_app(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "engine.py").write_text("source")
    with pytest.raises(WarehouseError, match=r"is not a store: it holds engine\.py and no ledger") as caught:
        app.ingest()
    assert "[storage] directory" in str(caught.value)
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["engine.py"]
    assert any("storage.directory" in fault for fault in app.check())


def test_a_file_is_no_store(tmp_path):
    app = make_app(tmp_path)
    (tmp_path / "store").write_text("")
    with pytest.raises(WarehouseError, match="is a file"):
        app.ingest()


def test_what_a_first_run_left_when_it_was_killed_is_a_store(tmp_path):
    app = make_app(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["4"])
    for folder in ("staging/delivery", "spill/writer", "lost+found"):
        (tmp_path / "store" / folder).mkdir(parents=True)
    (tmp_path / "store" / "writer.lock").write_text("1")
    assert app.check() == []
    app.ingest()
    assert total(app) == 4


def test_a_backup_into_a_missing_folder_is_refused(app, tmp_path):
    with pytest.raises(WarehouseError, match="no such folder") as caught:
        app.backup(tmp_path / "missing" / "backup.tar")
    assert "Do: make it first" in str(caught.value)


def test_a_backup_of_nothing_is_refused_and_makes_no_store(tmp_path):
    app = make_app(tmp_path)
    with pytest.raises(WarehouseError, match="nothing to back up"):
        app.backup(tmp_path / "backup.tar")
    assert not (tmp_path / "store").exists()
