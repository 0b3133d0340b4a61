"""Asking a cloud from the command line: permissions that are proved, what it would take and took, what was refused."""

from __future__ import annotations

import csv
import io
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from apps import NOW, deliver, make_app
from aws_server import AwsServer, Refusal
from typer.testing import CliRunner

from core import FixedClock
from kifayat import App
from kifayat.cli import cli
from kifayat.jobs import prune
from warehouse import Ledger, end_pull, start_pull

ACCOUNTS = {"Accounts": [{"Id": "222233334444", "Name": "pragati-prod", "Status": "ACTIVE"}]}


@pytest.fixture(scope="module")
def running() -> Iterator[AwsServer]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = AwsServer()
    yield server
    server.close()


@pytest.fixture(scope="module", autouse=True)
def credentials() -> Iterator[None]:
    """Nobody's, which only the server takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-print-me")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
            patch.delenv(name, raising=False)
        yield


def answer(server: AwsServer) -> AwsServer:
    """An organisation of one account."""
    server.asked.clear()
    server.answers.clear()
    server.answers["organizations:ListAccounts"] = lambda _: ACCOUNTS
    server.answers["organizations:ListParents"] = lambda _: {"Parents": [{"Id": "r-1", "Type": "ROOT"}]}
    return server


@pytest.fixture
def server(running: AwsServer) -> AwsServer:
    return answer(running)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory, running) -> tuple[Path, list[str]]:
    """A company that was asked once, and what was said of it."""
    folder, said = tmp_path_factory.mktemp("asked"), []
    assert company(folder, answer(running)).ingest(said.append).report.count("loaded") == 3
    return folder, said


@pytest.fixture
def loaded(ingested, server, tmp_path) -> Path:
    """A copy of it."""
    shutil.copytree(ingested[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def app_of(folder: Path, **later: float) -> App:
    return App.from_toml(folder / "kifayat.toml", FixedClock(NOW + timedelta(**later)))


def company(folder, server: AwsServer, more: str = "") -> App:
    """A bill in a folder with its rate, and the accounts of one connection."""
    app = make_app(
        folder, exports=("cur", "fx"),
        more=f'\n[[connections]]\nname = "india"\nkind = "aws"\nendpoints = {{ "*" = "{server.url}" }}\n'
        "requests_per_second = 100\n"
        f'[[exports]]\nname = "names"\nlocation = "aws://accounts"\nconnection = "india"\n{more}',
    )  # fmt: skip
    deliver(folder / "cur", "2026-07.csv", ["4"])
    (folder / "fx" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-07-31,USD,95\n")
    return app


def refuse(server: AwsServer) -> None:
    def denied(_):
        raise Refusal("AccessDeniedException")

    server.answers["organizations:ListAccounts"] = denied


def run(folder, *words: str):
    return CliRunner().invoke(cli, ["--config", str(folder / "kifayat.toml"), *words])


def test_check_proves_each_permission_by_a_call_and_says_which_one_is_missing(tmp_path, server):
    company(tmp_path, server)
    good = run(tmp_path, "check")
    assert good.exit_code == 0, good.output
    assert [line.split()[:1] for line in good.stdout.splitlines()][2] == ["organizations:ListAccounts"]
    assert " ok " in good.stdout
    refuse(server)
    bad = run(tmp_path, "check")
    assert bad.exit_code == 2
    assert "denied" in bad.stdout
    assert "allow organizations:ListAccounts: `kifayat connect aws` prints the policy" in bad.stdout
    assert "secret" not in bad.output


def test_proofs_as_json_leave_the_faults_to_stderr_and_one_connection_can_be_checked_alone(tmp_path, server):
    company(tmp_path, server, '[[connections]]\nname = "other"\nkind = "aws"\n')
    refuse(server)
    told = run(tmp_path, "check", "--connection", "india", "--format", "json")
    (proof,) = json.loads(told.stdout)
    assert (proof["permission"], proof["result"]) == ("organizations:ListAccounts", "denied")
    assert "allow organizations:ListAccounts" in proof["reason"]
    assert "- exports.names: organizations:ListAccounts" in told.stderr
    alone = run(tmp_path, "check", "--connection", "other", "--format", "json")
    assert (alone.exit_code, json.loads(alone.stdout)) == (0, [])
    assert "did you mean india?" in str(run(tmp_path, "check", "--connection", "inda").exception)


def test_an_estimate_lists_and_asks_for_nothing(tmp_path, server):
    company(tmp_path, server)
    for _ in range(2):
        told = run(tmp_path, "ingest", "--estimate")
        assert told.exit_code == 0, told.output
        assert not [one for one in server.asked if one.service == "organizations"]
        assert not (tmp_path / "store" / "ledger.sqlite").exists()
    assert "names" in told.stdout
    assert "cur" not in told.stdout, "files of our own cost nothing"
    assert "20 requests" in told.stderr


def test_what_was_asked_is_listed_with_requests_and_rupees_and_is_due_no_more(loaded, ingested):
    app = app_of(loaded)
    assert any(text.startswith("names: 1 to ask for, about 20 requests, $0.0000") for text in ingested[1])
    (pull,) = app.pulls()
    assert (pull.export, pull.parts, pull.failed, pull.requests) == ("names", 1, 0, 2)
    with closing(Ledger(loaded / "store" / "ledger.sqlite")) as ledger:
        at = NOW - timedelta(days=40)
        number = start_pull(ledger, "names", at, 3, {"aws:cloudwatch:metric": 50_000, "gcp:bigquery:tib": 0.5}, 3.6)
        end_pull(ledger, number, at + timedelta(seconds=90), 1, {"aws:cloudwatch:metric": 40_000,
                 "gcp:bigquery:tib": 0.25}, {"cloudwatch:GetMetricData": 80}, 1.9625)  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(run(loaded, "pulls", "--format", "csv").stdout)))
    assert [row["parts"] for row in rows] == ["3", "1"], "the newest first"
    assert rows[0]["billed"] == "40,000 cloudwatch metric, 256.00 GiB bigquery"
    assert (rows[0]["usd"], rows[0]["inr"], rows[0]["expected_inr"]) == ("1.962500", "186.44", "342.00")
    months = list(csv.DictReader(io.StringIO(run(loaded, "pulls", "--by", "month", "--format", "csv").stdout)))
    assert [(row["month"], row["requests"], row["failed_parts"]) for row in months] == [
        ("2026-07", "80", "1"), ("2026-08", "2", "0"),
    ]  # fmt: skip
    shown = run(loaded, "pulls")
    assert "₹186.44" in shown.stdout
    assert "today: " in shown.stderr
    (due,) = app.estimate()
    assert (due.parts, due.expected.requests) == (0, 0)
    assert app.price(0.41) == "$0.4100 (₹38.95)"


def test_a_refused_part_leaves_what_was_there_is_told_once_and_makes_no_new_generation(loaded, server):
    refuse(server)
    later = app_of(loaded, days=8)
    said: list[str] = []
    done = later.ingest(said.append)
    assert [one.outcome for one in done.report.refused] == ["refused"]
    assert any("refused organization" in text and "allow organizations:ListAccounts" in text for text in said)
    assert later.query("SELECT COUNT(*) FROM quarantine WHERE x_ExportName = 'names'").rows == ((1,),)
    assert later.query("SELECT name FROM cloud_accounts").rows == (("pragati-prod",),)
    again = app_of(loaded, days=8, minutes=15)
    assert not again.ingest().published.is_new, "the same refusal again is no news"
    (alert,) = [one for one in again.check_alerts() if "part" in one.title]
    assert alert.title == "names: a part could not be had"
    assert "allow organizations:ListAccounts" in str(alert.facts)
    server.answers["organizations:ListAccounts"] = lambda _: ACCOUNTS
    mended = app_of(loaded, days=8, hours=1)
    mended.ingest()
    assert [one.resolution for one in mended.check_alerts() if not one.is_open] == ["nothing is refused any more"]


def test_old_pulls_are_forgotten_after_four_hundred_days(loaded):
    app = app_of(loaded)
    with closing(Ledger(loaded / "store" / "ledger.sqlite")) as ledger:
        for days in (399, 401):
            start_pull(ledger, "names", NOW - timedelta(days=days), 1, {}, 0.0)
    assert "1 pulls" in prune(app, print)
    assert len(app.pulls()) == 2
