"""The command line as a person or a script meets it: verbs, exit codes, data on stdout and talk on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import socket
import subprocess
import sys
from datetime import datetime

import duckdb
import pytest
from apps import deliver, make_app
from bills import cur_line, write_cur
from command import ROOT, kifayat, process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    make_app(folder)
    lines = [cur_line(cost="4", resource_tags_user_team="=1+1"), cur_line("Tax", "0.72", line_item_tax_type="IGST")]
    write_cur(folder / "cur" / "2026-07.csv", lines)
    done = process("ingest", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "1 delivery loaded" in done.stderr
    return folder


def test_a_query_prints_data_and_nothing_else(folder):
    sql = "SELECT ChargeCategory, SUM(BilledCost) AS cost FROM charges GROUP BY 1 ORDER BY 1"
    table = process("query", sql, "--format", "csv", folder=folder)
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


def test_a_screen_shows_bills_in_120_columns_and_money_as_people_read_it(folder):
    shown = kifayat("status", folder=folder).stdout.splitlines()
    assert max(map(len, shown)) <= 120
    assert "$4.72" in shown[2]
    at = shown[0].index("billed") + len("billed")
    assert shown[2][:at].endswith("$4.72")  # right-aligned
    assert "yes" in kifayat("reconcile", folder=folder).stdout
    whole = list(csv.DictReader(io.StringIO(kifayat("status", "--format", "csv", folder=folder).stdout)))
    assert whole[0]["BilledCost"] == "4.720000000000000000"
    assert kifayat("reconcile", folder=folder).stderr == "1 bill reconciled\n"


def test_a_bill_whose_file_is_gone_is_not_called_reconciled(tmp_path):
    make_app(tmp_path)
    path = deliver(tmp_path / "cur", "2026-07.csv", ["1"])
    assert kifayat("ingest", folder=tmp_path).returncode == 0
    path.unlink()
    done = kifayat("reconcile", "--from-files", "--format", "json", folder=tmp_path)
    assert done.returncode == 3
    assert json.loads(done.stdout)[0]["is_reconciled"] is None
    assert "1 delivery not checked" in done.stderr
    assert "0 deliveries reconciled" in done.stderr
    assert "not checked" in kifayat("reconcile", "--from-files", folder=tmp_path).stdout


def test_a_currency_without_a_rate_is_told_with_what_to_do(tmp_path):
    make_app(tmp_path, exports=("cur", "fx"))
    deliver(tmp_path / "cur", "2026-07.csv", ["1"])
    done = kifayat("ingest", folder=tmp_path)
    assert done.returncode == 0
    assert "no rupees for USD in 1 month up to 2026-07" in done.stderr
    assert "kifayat explain fx_rates" in done.stderr
    (tmp_path / "fx" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-07-31,USD,95\n")
    assert "no rupees" not in kifayat("ingest", folder=tmp_path).stderr


def test_a_run_that_can_load_nothing_publishes_nothing_and_says_why(tmp_path):
    make_app(tmp_path)
    done = kifayat("ingest", folder=tmp_path)
    assert done.returncode == 1
    assert "nothing is loaded yet, so nothing was published" in done.stderr
    deliver(tmp_path / "cur", "2026-07.csv", ["abc"])
    done = kifayat("ingest", folder=tmp_path)
    assert done.returncode == 1
    assert "every file was refused" in done.stderr
    assert not list((tmp_path / "store").glob("snapshots/*"))
    for words in (("status",), ("reconcile",), ("dashboard",), ("query", "SELECT 1")):
        done = kifayat(*words, folder=tmp_path)
        assert done.returncode == 1
        assert "run `kifayat ingest`" in done.stderr


def test_a_store_without_a_bill_is_not_called_fine(tmp_path):
    make_app(tmp_path)
    (tmp_path / "cur" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-07-31,USD,95\n")
    assert kifayat("ingest", folder=tmp_path).returncode == 0
    for words in (("status",), ("reconcile",), ("reconcile", "--from-files")):
        done = kifayat(*words, folder=tmp_path)
        assert done.returncode == 3
        assert "no bill is loaded yet" in done.stderr


def test_an_export_out_of_reach_is_exit_code_3_beside_another_and_1_alone(tmp_path):
    make_app(tmp_path, exports=("cur", "gone"))
    deliver(tmp_path / "cur", "2026-07.csv", ["1"])
    (tmp_path / "gone").rmdir()
    done = kifayat("ingest", folder=tmp_path)
    assert done.returncode == 3
    assert "gone could not be read" in done.stderr
    make_app(tmp_path, exports=("gone",))
    (tmp_path / "gone").rmdir()
    assert kifayat("ingest", folder=tmp_path).returncode == 1


def test_a_refused_file_is_exit_code_3_and_a_sentence(folder):
    bad = deliver(folder / "cur", "2026-06.csv", ["abc"], at=datetime(2026, 6, 1))
    done = kifayat("ingest", folder=folder)
    bad.unlink()
    assert done.returncode == 3
    assert "2026-06.csv, data row 1" in done.stderr
    assert kifayat("ingest", folder=folder).returncode == 0


def test_a_file_that_takes_over_the_month_of_another_is_told_with_exit_code_3(tmp_path):
    make_app(tmp_path)
    for name, cost in (("north.csv", "4"), ("south.csv", "9")):
        write_cur(tmp_path / "cur" / name, [cur_line(cost=cost)])
    done = kifayat("ingest", folder=tmp_path)
    assert done.returncode == 3
    assert "replaced" in done.stderr
    assert 'set shards = "all"' in done.stderr


def test_a_wrong_configuration_is_exit_code_2_and_all_its_faults(folder):
    (folder / "wrong.toml").write_text('[storage]\ndirectori = "x"\n[[exports]]\nname = "A B"\nlocation = "x"\n')
    done = process("--config", "wrong.toml", "status", folder=folder)
    assert done.returncode == 2
    assert "directory" in done.stderr
    assert "name" in done.stderr
    assert kifayat("nonsense", folder=folder).returncode == 2
    assert kifayat("explain", "aws_curr", folder=folder).returncode == 2


def test_an_unknown_source_is_told_beside_the_other_faults_before_anything_is_published(tmp_path):
    make_app(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["1"])
    config = tmp_path / "kifayat.toml"
    config.write_text(config.read_text() + 'source = "aws_curr"\n[dashboard]\nport = 0\n[fxx]\n')
    for words in ("check", "ingest"):
        done = kifayat(words, folder=tmp_path)
        assert done.returncode == 2
        assert "'aws_curr', which is no source. Did you mean aws_cur?" in done.stderr
        assert "dashboard.port is 0: expected 1 or more" in done.stderr
        assert "fxx is not a setting" in done.stderr
        assert "3 faults" in done.stderr
    assert not (tmp_path / "store").exists()


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
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "engine.py").touch()
    done = kifayat("check", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "1 fault\n")
    assert "storage.directory: the storage directory is not a store" in done.stdout.replace(
        "The storage", "the storage"
    )


def test_export_focus_writes_all_columns(folder):
    for name, *words in (["focus.parquet"], ["focus.csv"], ["focus.txt", "--format", "csv"]):
        done = kifayat("export", "focus", "2026-07", "--to", name, *words, folder=folder)
        assert done.returncode == 0, done.stderr
        assert (folder / name).read_bytes().startswith(b"PAR1") is (name == "focus.parquet")
        read = "read_parquet" if name == "focus.parquet" else "read_csv"
        columns = duckdb.sql(f"SELECT * FROM {read}('{folder / name}')").columns
        assert {"BilledCost", "ContractedUnitPrice", "SkuMeter", "Tags"} <= set(columns)
    assert kifayat("export", "focus", "2020-01", "--to", "none.csv", folder=folder).returncode == 1


def test_a_format_that_the_name_contradicts_or_does_not_tell_is_exit_code_2(folder):
    for name, *words in (["a.csv", "--format", "parquet"], ["a.parquet", "--format", "csv"], ["a"]):
        done = kifayat("export", "focus", "2026-07", "--to", name, *words, folder=folder)
        assert done.returncode == 2
        assert "Do:" in done.stderr
        assert not (folder / name).exists()
    assert kifayat("query", "SELECT 1", "--to", "a.csv", "--format", "json", folder=folder).returncode == 2
    assert kifayat("query", "SELECT 1", "--to", "a.csv", folder=folder).returncode == 0
    assert (folder / "a.csv").read_text() == "1\n1\n"


def test_json_has_no_word_for_infinity(folder):
    sql = "SELECT 1 / 0 AS a, 'inf'::DOUBLE AS b, ['nan'::DOUBLE, 1.5::DOUBLE] AS c"
    done = kifayat("query", sql, "--format", "json", folder=folder)
    assert json.loads(done.stdout) == [{"a": None, "b": None, "c": [None, 1.5]}]
    assert "inf" not in kifayat("query", "SELECT 1 / 0 AS share", folder=folder).stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("backup", "missing/b.tar"), 1),
        (("restore", "kifayat.toml"), 1),
        (("restore", "cur"), 1),
        (("query", "SELECT 1", "--to", "missing/a.csv"), 1),
        (("query", "SELECT 1", "--to", "missing/a.parquet"), 1),
        (("query", "SELECT 1", "--to", "cur", "--format", "csv"), 1),
        (("export", "focus", "2026-07", "--to", "missing/a.csv"), 1),
        (("query", "SELECT 1", "--format", "parquet"), 2),
    ],
)
def test_what_cannot_be_written_or_read_is_a_sentence_with_what_to_do(folder, tmp_path, words, code):
    config = (folder / "kifayat.toml").read_text()
    if words[0] == "restore":
        config = config.replace('"store"', f'"{tmp_path / "new"}"')
    (folder / "other.toml").write_text(config)
    done = kifayat("--config", "other.toml", *words, folder=folder)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Do:" in done.stderr


def test_a_port_that_cannot_be_had_is_told_before_the_dashboard_starts(folder):
    assert kifayat("dashboard", "--port", "80000", folder=folder).returncode == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = kifayat("dashboard", "--port", f"{port}", folder=folder)
    assert done.returncode == 1
    assert f"127.0.0.1, port {port}" in done.stderr
    assert "Do: stop what uses the port" in done.stderr


def test_the_catalogue_lists_and_explains(folder):
    listed = kifayat("list", "sources", folder=folder).stdout
    assert "aws_cur_2" in listed
    assert "gcp_billing_detailed" in listed
    explained = kifayat("explain", "cost_daily", folder=folder).stdout
    assert "one row per" in explained


def test_the_catalogue_is_a_table_on_a_terminal(folder):
    master, terminal = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    command = [sys.executable, "-m", "kifayat", "list", "audits"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=terminal) as running:
        os.close(terminal)
        shown = os.read(master, 100_000).decode()
        running.wait(30)
    os.close(master)
    assert "what it is" in shown
    assert "\t" not in shown


def test_whatever_a_query_finds_is_in_the_catalogue(folder):
    from kifayat.catalog import catalog

    known = {name for entries in catalog().values() for name in entries}
    found = kifayat("query", "SHOW TABLES", "--format", "csv", folder=folder)
    names = set(found.stdout.split()[1:])
    assert {"charges", "allocated", "events"} <= names
    assert names <= known


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
