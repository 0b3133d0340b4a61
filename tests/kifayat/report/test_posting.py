"""`--post`: one message per period and edition, however often the report is made, to those who read of the topic."""

from __future__ import annotations

from datetime import date

import pytest
from apps import make_app
from owned import published
from reported import days_of_usage
from typer.testing import CliRunner

from core import NothingToTell
from kifayat.cli import cli
from kifayat.report.ahead import sentence
from notify import Message
from warehouse import Ledger

CHANNELS = "".join(
    f'[[channels]]\nname = "{topic}"\nkind = "email"\nhost = "127.0.0.1"\nsecurity = "none"\n'
    f'allow_hosts = ["127.0.0.1"]\nsender = "kifayat@example.in"\nto = ["{topic}@example.in"]\ntopics = ["{topic}"]\n'
    for topic in ("finance", "engineering")
)


def test_a_report_is_posted_once_and_to_its_topic(tmp_path):
    app = published(tmp_path, days_of_usage(date(2026, 7, 1), date(2026, 7, 20), {"physics": "10"}), CHANNELS)
    report = app.weekly_report()
    assert app.post_report(report)
    assert not app.post_report(app.weekly_report())
    words = ["--config", str(app.config.path), "report", "weekly", "--edition", "engineering", "--post"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    ledger = Ledger(app.storage / "ledger.sqlite", readonly=True)
    sent = ledger.rows("SELECT event_id, recipient, body FROM outbox JOIN messages USING (event_id) ORDER BY 1")
    ledger.close()
    assert [(row["event_id"], row["recipient"]) for row in sent] == [
        ("weekly:2026-W29:engineering", "engineering@example.in"),
        ("weekly:2026-W29:finance", "finance@example.in"),
    ]
    assert Message.from_json(sent[1]["body"]) == report.message


def test_a_report_that_no_channel_takes_is_not_posted_and_may_be_later(tmp_path):
    (finance, _) = CHANNELS.split("[[channels]]")[1:]
    severe = f'[[channels]]{finance}min_severity = "error"\n'
    app = published(tmp_path, days_of_usage(date(2026, 7, 1), date(2026, 7, 20), {"physics": "10"}), severe)
    with pytest.raises(NothingToTell, match=r"no channel takes weekly:.*:engineering"):
        app.post_report(app.weekly_report("engineering"))
    assert app.messages() == []
    assert app.post_report(app.weekly_report("finance")), "a report is no alert: its topic alone decides"


def test_without_charges_nothing_is_posted(tmp_path):
    app = make_app(tmp_path, exports=("fx",), more=CHANNELS)
    (tmp_path / "fx" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-07-01,USD,90\n")
    app.ingest()
    with pytest.raises(NothingToTell, match="holds no figure yet"):
        app.post_report(app.weekly_report())


@pytest.mark.parametrize("reason", [None, "no forecast of its usage has been made"])
def test_a_budget_says_what_is_known_before_what_is_not(reason):
    row = {"name": "content", "pace_pct": 262.6, "spent_pct": 96.2, "forecast_q50_inr": None, "exhausted_on": None,
           "reason": reason}  # fmt: skip
    told = sentence(row)
    assert told.startswith("content: over its pace, 262.6 % of what was planned to date")
    assert ("96.2 % of the year's amount is spent; no forecast" in told) == (reason is not None)
