"""The page of alerts: what it says is what the ledger and the tables say, and what people say of it is written down."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from bills import PAYER
from owned import published, used
from typer.testing import CliRunner

from core import FixedClock, compact_inr
from kifayat import App
from kifayat.cli import cli
from kifayat.settings import settings_of
from models import budgets
from warehouse import Allocation, Engine, Ledger, Limits, feedback, open_warehouse, publish

NOW = datetime(2026, 8, 10, tzinfo=UTC)
#: Text that Markdown, a browser and a spreadsheet would each like to run.
HOSTILE = '**all** <img src=x onerror=alert(1)> [x](http://example.com) =HYPERLINK("y")'
BUDGETS = f"""
[report]
page_url = "https://cost.example/"
[[channels]]
name = "finance"
kind = "email"
topics = "finance"
host = "smtp.example.in"
sender = "kifayat@example.in"
to = ["cfo@example.in"]
[[exports]]
name = "invoices"
location = "invoices"
[[budgets]]
name = '{HOSTILE}'
financial_year = 2026
amount_inr = 1000
shape = "even"
owner = "the <b>CFO</b>"
"""
ANOMALIES = [
    ("a1", "more", "AWS", None, None, None, None, date(2026, 7, 28), date(2026, 7, 31), date(2026, 7, 29), True, 20.0,
     90_020.0, 90_000.0, 6.0, f"egress +180 %: {HOSTILE}"),
    ("a2", "less", "AWS", "content", "Amazon EC2", "444455556666", "ap-south-1", date(2026, 7, 2), date(2026, 7, 3),
     date(2026, 7, 3), False, 20.0, 10.0, -10.0, -4.0, "the batch did not run"),
]  # fmt: skip
CAUSES = [("a1", 1, "tag", HOSTILE, 0.0, 80_000.0, 80_000.0)]


def alarmed(folder) -> App:
    """Four months of bills that are 61 % of a budget and end ten days ago, a wrong invoice, an old forecast, two
    anomalies, one check."""
    (folder / "invoices").mkdir()
    (folder / "invoices" / "june.csv").write_text(
        f"payer,invoice_id,billing_month,currency,amount\n{PAYER},IN-1,2026-06-01,INR,140\n"
    )
    days = [datetime(2026, 4, 1) + timedelta(days=count) for count in range(122)]
    app = published(folder, [used("5", at=day) for day in days], BUDGETS)

    def models(engine: Engine, _) -> None:
        engine.insert("anomalies", ANOMALIES)
        engine.insert("anomaly_causes", CAUSES)
        engine.insert("forecast_runs", [(datetime(2026, 7, 11), date(2026, 7, 10), 550, 400, 0, 4, 1.5, "abc")])
        engine.insert("cost_bands", [("total", "all", date(2026, 7, 10), 5.0, *[5.0] * 5)])
        budgets.build(engine, lambda _: None)

    with open_warehouse(app.storage) as warehouse, Engine(Limits(threads=1)) as engine:
        publish(warehouse, engine, Allocation(), now=NOW, force=True, models=models, settings=settings_of(app.config))
    app.check_alerts()
    return app


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> App:
    return alarmed(tmp_path_factory.mktemp("alarmed"))


@pytest.fixture
def own(app, tmp_path) -> App:
    """A copy of it, to be changed."""
    shutil.copytree(app.config.path.parent, tmp_path / "own")
    return App.from_toml(tmp_path / "own" / "kifayat.toml", FixedClock(NOW))


def words(page) -> str:
    """The text of a page but its tables, as a reader sees it."""
    texts = [one.value for kind in (page.markdown, page.caption, page.success, page.warning) for one in kind]
    return "\n".join([*texts, *(one.value for one in page.metric)]).replace("\\", "").replace("\u2060", "")


def table(page, column: str):
    """The table that has a column."""
    return next(one.value for one in page.dataframe if column in one.value.columns)


def test_open_alerts_are_shown_as_they_were_told(app, draw):
    page = draw(app, "alerts")
    assert not page.exception
    opened = app.alerts()
    assert sorted(alert.alert_id.split(":")[0] for alert in opened) == ["anomaly", "budget", *["health"] * 3]
    text = words(page)
    for alert in opened:
        assert alert.title in text
        for label, value in alert.facts.items():
            assert f"{label} **{' '.join(value.split())}**" in text


def test_page_mail_and_query_have_one_number(app, draw):
    row = app.query("SELECT * FROM budget_states").to_dicts()[0]
    assert row["spent_inr"] == 610
    with closing(Ledger(app.storage / "ledger.sqlite", readonly=True)) as ledger:
        bodies = [json.loads(one["body"]) for one in ledger.rows("SELECT body FROM messages WHERE kind = 'budget'")]
        receivers = [one["channel"] for one in ledger.rows("SELECT channel FROM outbox")]
    assert [body["link"] for body in bodies] == ["https://cost.example/budgets"]
    facts = dict(bodies[0]["facts"])
    assert facts["Spent"] == f"{compact_inr(row['spent_inr'])}, {row['spent_pct']:.1f} %"
    assert facts["Planned to then"] == compact_inr(row["planned_to_date_inr"])
    assert facts["Pace"] == f"{row['pace_pct']:.1f} % of the plan"
    assert set(receivers) == {"finance"}
    glance = table(draw(app, "alerts"), "At the end")
    assert list(glance["Pace"]) == [pytest.approx(row["pace_pct"] / 100)]
    shown = [one.value.replace("\\", "") for one in draw(app, "budgets").metric]
    assert {f"{row['pace_pct']:.1f} %", compact_inr(row["spent_inr"])} <= set(shown)


def test_a_bill_that_does_not_tie_and_an_old_forecast_are_alerts(app):
    facts = {alert.alert_id: alert.facts for alert in app.alerts() if alert.kind == "health"}
    bill, old, forecast = sorted(facts, reverse=True)
    assert old == "health:stale_bills:2026-07-31"
    assert facts[old] == {"Newest charge": "31 July 2026, 01:00 UTC"}
    assert bill == f"health:unreconciled:aws:{PAYER}:2026-06:INR"
    assert facts[bill]["Pages minus bill"] == "₹10.00 against the invoice"
    assert forecast == "health:old_forecast:2026-07-11T000000Z"
    assert facts[forecast]["Bills now to"] == "30 July 2026", "the last day that is known whole"


def test_hostile_names_are_inert(app, draw):
    for name in ("alerts", "budgets"):
        page = draw(app, name)
        assert not page.exception
        assert all(not one.allow_html for one in page.markdown)
        raw = r"(?<!\\)(<img|\]\(http|\*\*all)"
        assert not [one for one in (*page.markdown, *page.caption) if re.search(raw, one.value)]
    page = draw(app, "alerts")
    assert list(table(page, "Which")["Which"]) == [HOSTILE], "a tag that is no formula stays as it was written"


def test_what_is_said_of_an_anomaly_is_written_down_and_ends_its_alert(own, draw):
    page = draw(own, "alerts")
    page.segmented_control(key="verdict-a1").set_value("expected")
    page.button[0].click().run()
    assert "for a reason" in page.error[0].value
    page.text_input(key="why-a1").set_value("a mock test")
    page.segmented_control(key="verdict-a1").set_value("expected")
    page.button[0].click().run()
    with closing(Ledger(own.storage / "ledger.sqlite", readonly=True)) as ledger:
        assert feedback(ledger)["a1"].reason == "a mock test"
    assert [alert.resolution for alert in own.check_alerts()] == ["it was expected: a mock test"]
    assert own.check_alerts() == []
    page = draw(own, "alerts")
    assert "Said to be expected" in words(page)
    assert list(table(page, "From")["Reason"]) == ["it was expected: a mock test"]


def test_messages_that_wait_or_were_given_up_and_the_last_runs_are_shown(own, draw):
    with closing(Ledger(own.storage / "ledger.sqlite")) as ledger, ledger.transaction() as db:
        db.execute("UPDATE outbox SET state = 'dead', last_error = '550 no such user <b>' WHERE event_id LIKE 'bud%'")
        for state, at in (("failed", "2026-08-09T00:00:00+00:00"), ("done", "2026-08-10T00:00:00+00:00")):
            db.execute(
                "INSERT INTO runs VALUES (?, 'ingest', ?, 1, ?, ?, ?, ?, 1, '2 loaded', '')",
                (state, at, state, *[at] * 3),
            )
    page = draw(own, "alerts")
    assert not page.exception
    assert list(table(page, "Channel")["State"]) == ["given up", "waits", "waits", "waits"]
    assert list(table(page, "Job")["State"]) == ["done"]
    assert "1 could not be delivered" in words(page)


def test_the_command_line_lists_checks_and_takes_feedback(own):

    def run(*command: str):
        return CliRunner().invoke(cli, ["--config", str(own.config.path), *command], catch_exceptions=False)

    listed = json.loads(run("alerts", "--format", "json").stdout)
    assert [row["kind"] for row in listed] == ["anomaly", "budget", *["health"] * 3]
    told = run("anomalies").stdout
    assert "a1  AWS (goes on): egress +180 %" in told
    assert "cause 1 tag" in told
    assert "a2" not in told
    assert "a2  content / Amazon EC2 (has ended)" in run("anomalies", "--all").stdout
    assert run("anomalies", "feedback", "a1", "noise", "--reason", "a test").exit_code == 0
    assert ", 1 resolved" in run("alerts", "check").stderr
    ended = json.loads(run("alerts", "--all", "--format", "json").stdout)
    assert [row["resolution"] for row in ended if row["resolved_at"]] == ["it was noise: a test"]


def test_without_a_snapshot_only_the_ledger_is_judged_and_nothing_else_ends(own):
    before = own.alerts()
    (own.storage / "snapshots" / "CURRENT").unlink()
    for path in (own.storage / "snapshots").glob("*.duckdb"):
        path.unlink()
    later = App.from_toml(own.config.path, FixedClock(NOW + timedelta(days=9)))
    assert [alert.alert_id for alert in later.check_alerts()] == ["health:stale_ingest:2026-08-10T000000Z"]
    assert len(later.alerts()) == len(before) + 1


def test_amounts_of_budgets_are_exact_in_the_table(app):
    spent, by_month = app.query(
        "SELECT s.spent_inr, SUM(m.x_SpentInr) FROM budget_states AS s JOIN budget_months AS m ON s.name = m.x_Budget"
        " GROUP BY 1"
    ).rows[0]
    assert spent == by_month == Decimal(610)
