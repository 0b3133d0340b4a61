"""The command line as a person or a script meets it: verbs, exit codes, data on stdout and talk on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from apps import deliver, make_app
from bills import cur_line, write_cur

ROOT = Path(__file__).parents[2]


def kifayat(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "kifayat", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    make_app(folder)
    lines = [cur_line(cost="4", resource_tags_user_team="=1+1"), cur_line("Tax", "0.72", line_item_tax_type="IGST")]
    write_cur(folder / "cur" / "2026-07.csv", lines)
    done = kifayat("ingest", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "1 deliveries loaded" in done.stderr
    return folder


def test_a_query_prints_data_and_nothing_else(folder):
    sql = "SELECT ChargeCategory, SUM(BilledCost) AS cost FROM charges GROUP BY 1 ORDER BY 1"
    table = kifayat("query", sql, "--format", "csv", folder=folder)
    assert (table.returncode, table.stderr) == (0, "")
    assert list(csv.reader(io.StringIO(table.stdout))) == [
        ["ChargeCategory", "cost"], ["Tax", "0.720000000000000000"], ["Usage", "4.000000000000000000"],
    ]  # fmt: skip
    shown = json.loads(kifayat("query", sql, "--format", "json", folder=folder).stdout)
    assert shown[1] == {"ChargeCategory": "Usage", "cost": "4.000000000000000000"}
    assert "Usage" in kifayat("query", sql, folder=folder).stdout
    done = kifayat("query", sql, "--format", "parquet", "--to", "answer.parquet", folder=folder)
    assert done.returncode == 0, done.stderr
    assert duckdb.sql(f"SELECT COUNT(*) FROM '{folder / 'answer.parquet'}'").fetchall() == [(2,)]


def test_status_and_reconcile_tell_every_bill(folder):
    status = kifayat("status", "--format", "csv", folder=folder)
    assert "2026-07-01" in status.stdout
    for words in (("reconcile",), ("reconcile", "--from-files")):
        done = kifayat(*words, "--format", "csv", folder=folder)
        assert done.returncode == 0, done.stderr
        assert "True" in done.stdout
        assert "reconciled" in done.stderr


def test_a_refused_file_is_exit_code_3_and_a_sentence(folder):
    bad = deliver(folder / "cur", "2026-06.csv", ["abc"], at=datetime(2026, 6, 1))
    done = kifayat("ingest", folder=folder)
    bad.unlink()
    assert done.returncode == 3
    assert "2026-06.csv, data row 1" in done.stderr
    assert kifayat("ingest", folder=folder).returncode == 0


def test_a_wrong_configuration_is_exit_code_2_and_all_its_faults(folder):
    (folder / "wrong.toml").write_text('[storage]\ndirectori = "x"\n[[exports]]\nname = "A B"\nlocation = "x"\n')
    done = kifayat("--config", "wrong.toml", "status", folder=folder)
    assert done.returncode == 2
    assert "directory" in done.stderr
    assert "name" in done.stderr
    assert kifayat("nonsense", folder=folder).returncode == 2
    assert kifayat("explain", "aws_curr", folder=folder).returncode == 2


def test_a_refused_query_and_an_empty_store_are_exit_code_1(folder, tmp_path):
    assert kifayat("query", "DROP TABLE cost_daily", folder=folder).returncode == 1
    make_app(tmp_path)
    done = kifayat("status", folder=tmp_path)
    assert done.returncode == 1
    assert "kifayat ingest" in done.stderr


def test_init_writes_a_configuration_that_check_accepts(tmp_path):
    assert kifayat("init", "--exports", "bills", folder=tmp_path).returncode == 0
    done = kifayat("check", folder=tmp_path)
    assert done.returncode == 2
    assert "bills" in done.stdout
    (tmp_path / "bills").mkdir()
    deliver(tmp_path / "bills", "2026-07.csv", ["1"])
    assert kifayat("check", folder=tmp_path).returncode == 0
    assert kifayat("init", folder=tmp_path).returncode == 2


def test_export_focus_writes_all_columns(folder):
    for name, file_format in (("focus.parquet", "parquet"), ("focus.csv", "csv")):
        done = kifayat("export", "focus", "2026-07", "--to", name, "--format", file_format, folder=folder)
        assert done.returncode == 0, done.stderr
        columns = duckdb.sql(f"SELECT * FROM '{folder / name}'").columns
        assert {"BilledCost", "ContractedUnitPrice", "SkuMeter", "Tags"} <= set(columns)
    assert kifayat("export", "focus", "2020-01", "--to", "none.csv", folder=folder).returncode == 1


def test_the_catalogue_lists_and_explains(folder):
    listed = kifayat("list", "sources", folder=folder).stdout
    assert "aws_cur_2" in listed
    assert "gcp_billing_detailed" in listed
    explained = kifayat("explain", "cost_daily", folder=folder).stdout
    assert "one row per" in explained


def test_the_catalogue_page_is_what_the_program_has():
    done = kifayat("list", folder=ROOT)
    assert done.returncode == 0
    made = subprocess.run(
        [sys.executable, "-m", "kifayat.catalog"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs" / "catalog.md").read_text() == made.stdout


def test_backup_and_restore_by_command(folder, tmp_path):
    assert kifayat("backup", str(tmp_path / "b.tar"), folder=folder).returncode == 0
    (tmp_path / "new.toml").write_text(
        (folder / "kifayat.toml")
        .read_text()
        .replace('"cur"\nlocation = "cur"', f'"cur"\nlocation = "{folder / "cur"}"')
    )
    done = kifayat("--config", str(tmp_path / "new.toml"), "restore", str(tmp_path / "b.tar"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert kifayat("--config", str(tmp_path / "new.toml"), "reconcile", folder=tmp_path).returncode == 0


def test_every_command_is_in_the_readme():
    from kifayat.cli import cli, export

    readme = (ROOT / "README.md").read_text()
    names = [
        command.name or command.callback.__name__ for command in [*cli.registered_commands, *export.registered_commands]
    ]
    missing = [name for name in names if name not in readme]
    assert missing == []
