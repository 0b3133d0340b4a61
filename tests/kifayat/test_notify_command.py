"""`kifayat notify`: a test message, drafts, what waits and what is dead, and sending again."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from apps import make_app
from office import SECRET, alert
from receivers import mail_receiver, web_receiver

from kifayat.cli import main
from notify import post
from warehouse import Ledger


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def kifayat(monkeypatch, capsys, shop):
    """The command line in this process, in the folder of the shop."""
    monkeypatch.chdir(shop[0])
    monkeypatch.setenv("HOOK_SECRET", SECRET)

    def run(*words: str) -> Done:
        monkeypatch.setattr("sys.argv", ["kifayat", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def shop(tmp_path):
    """A folder with a mail and a webhook channel, an App on it, and the two receivers."""
    with web_receiver() as web, mail_receiver() as box:
        app = make_app(
            tmp_path,
            more=f"""
[alerts]
group_minutes = 0
[[channels]]
name = "mail"
kind = "email"
host = "127.0.0.1"
port = {box.port}
security = "none"
allow_hosts = ["{box.host}"]
sender = "Kifayat <kifayat@example.in>"
to = ["cfo@example.in", "cto@example.in"]
[[channels]]
name = "hook"
kind = "webhook"
url = "{web.url}"
secrets = {{ env = "HOOK_SECRET" }}
allow_hosts = ["{web.host}"]
""",
        )
        yield tmp_path, app, web, box


def test_a_test_message_goes_out_and_a_dry_run_writes_what_would(shop, kifayat):
    folder, _, web, box = shop
    done = kifayat("notify", "test", "mail")
    assert done.returncode == 0, done.stderr
    assert [mail["Subject"] for _, mail in box.mails] == ["Test of the channel mail"] * 2
    done = kifayat("notify", "test", "hook", "--dry-run", "drafts")
    assert done.returncode == 0, done.stderr
    done = kifayat("notify", "test", "mail", "--dry-run", "drafts")
    assert sorted(file.name for file in (folder / "drafts").iterdir()) == ["hook-1.json", "mail-1.eml", "mail-2.eml"]
    mail = message_from_bytes((folder / "drafts" / "mail-1.eml").read_bytes(), policy=policy.default)
    assert "₹1,23,45,678.90" in mail.get_body(("html",)).get_content()
    assert json.loads((folder / "drafts" / "hook-1.json").read_text())["type"] == "kifayat.test.tell"
    assert (len(box.mails), web.requests) == (2, [])
    done = kifayat("notify", "test", "hok")
    assert (done.returncode, "did you mean hook" in done.stderr) == (2, True)
    web.script = [(404, {}, b"gone")]
    done = kifayat("notify", "test", "hook")
    assert done.returncode == 1
    assert "the answer was 404: gone" in done.stderr


def test_what_is_posted_is_delivered_listed_and_sent_again(shop, kifayat):
    folder, app, web, box = shop
    assert app.deliver().sent == 0  # nothing was ever posted
    web.script = [(404, {}, b"gone")]
    with closing(Ledger(app.storage / "ledger.sqlite")) as ledger, ledger.transaction() as db:
        post(db, [alert("=1+1")], app.config.channels, app.clock.now())
    done = kifayat("notify", "deliver")
    assert done.returncode == 3, done.stderr
    assert "0 to be tried again, 1 given up" in done.stderr
    assert "1 dead" in done.stderr
    listed = kifayat("notify", "list", "--dead", "--to", "dead.csv")
    assert listed.returncode == 0, listed.stderr
    (row,) = csv.DictReader(io.StringIO((folder / "dead.csv").read_text()))
    assert (row["channel"], row["state"], row["error"]) == (
        "hook",
        "dead",
        "the answer was 404: gone. Where: 127.0.0.1.",
    )
    assert row["what"].startswith("'=1+1")  # no formula in a spreadsheet
    assert "hook" in kifayat("notify", "list").stdout
    assert kifayat("notify", "resend").returncode == 2
    again = kifayat("notify", "resend", "--dead")
    assert (again.returncode, "1 row waiting again" in again.stderr) == (0, True)
    done = kifayat("notify", "deliver")
    assert done.returncode == 0, done.stderr
    assert len(web.requests) == 2
    assert len(box.mails) == 4  # the alert and the dead letter, to both
    assert app.resend(alert("=1+1").event_id) == 3
    assert [one.state for one in app.messages("waiting")] == ["waiting"] * 3
    assert app.deliver().sent == 3
    app.clock.advance(timedelta(days=36_500))  # the command line has the clock of today
    assert app.prune_messages() == 1  # the dead letter; the incident itself is not over


def test_check_tells_a_secret_that_is_not_there(shop, monkeypatch):
    _, app, _, _ = shop
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    assert any("channels.hook: there is no secret in the variable HOOK_SECRET" in fault for fault in app.check())
