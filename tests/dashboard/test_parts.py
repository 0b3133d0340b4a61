"""The parts of the pages: escaping, CSV, the explorer's SQL, the settings of the server."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard import launch, widgets
from dashboard.measure import BASES, Measure
from dashboard.slices import DAILY, DIMENSIONS, Dimension, Filter, Period, Slice
from dashboard.status import Calendar, light
from warehouse import Result

FORMULA = '=HYPERLINK("http://example.com","open")'
SCRIPT = "<img src=x onerror=alert(1)>"
MARKDOWN = "**bold** [link](http://example.com) :red[x] $x$"
JUNE = Period(date(2026, 6, 1), date(2026, 6, 1))


def test_a_download_runs_nothing_in_a_spreadsheet_and_keeps_negative_numbers():
    hostile = [FORMULA, "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\0x"]
    rows = tuple((text, Decimal("-1.50")) for text in hostile)
    data = widgets.csv_bytes(Result(("tag", "cost"), ("VARCHAR", "DECIMAL(38,18)"), rows))
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert read[0] == ["tag", "cost"]
    assert [row[0] for row in read[1:]] == ["'" + text for text in hostile]
    assert {row[1] for row in read[1:]} == {"-1.50"}


@pytest.mark.parametrize(
    "text", [SCRIPT, MARKDOWN, "[a](javascript:alert(1))", "`code`", "# big", "$x^2$", "a|b", "1. x"]
)
def test_escaped_text_has_no_bare_punctuation(text):
    escaped = widgets.escape(text)
    bare = escaped.replace("\\\\", "")
    for index, letter in enumerate(bare):
        if letter in "<>[]()*_`#$|:!&~":
            assert bare[index - 1] == "\\", escaped


def test_shorthand_that_markdown_finds_in_plain_text_is_broken_up():
    for text, found in (
        (":smile:", ":s"),
        ("http://example.com", "://"),
        ("a@example.com", "@e"),
        ("www.x.in", "www."),
    ):
        assert found not in widgets.escape(text).replace("\\", "")


def test_an_unknown_dimension_is_refused_before_any_sql():
    with pytest.raises(ValueError, match="no dimension"):
        Dimension('ServiceName" FROM charges; --')


def test_values_and_tag_keys_are_parameters(app):
    evil = "'; DROP TABLE cost_daily; --"
    tag = Dimension('te"am\\', is_tag=True)
    question = Slice(Measure(), JUNE, (Filter(tag, (evil, None)), Filter(Dimension("x_Team"), (evil, None))))
    sql, params = question.totals(tag, 10)
    assert evil not in sql
    assert tag.name not in sql
    assert app.query(sql, params).rows == app.query(sql, params).rows


@pytest.mark.parametrize("name", sorted(DIMENSIONS))
def test_every_dimension_can_be_grouped_by(app, name):
    question = Slice(Measure(), JUNE)
    total = app.query(
        "SELECT SUM(x_EffectiveCostInr) FROM cost_daily WHERE x_BillingMonth = DATE '2026-06-01'"
        " AND ChargeCategory <> 'Tax'"
    ).rows[0][0]
    rows = app.query(*question.totals(Dimension(name), 1000)).to_dicts()
    assert sum(row["amount"] for row in rows if row["amount"] is not None) == total
    points = app.query(*question.over_time(Dimension(name), [row["name"] for row in rows[:2]], "Other", "(none)")).rows
    assert sum(amount for _, _, amount in points if amount is not None) == total


def test_the_dimensions_of_the_mart_are_columns_of_it(app):
    columns = app.query("SELECT * FROM cost_daily LIMIT 0").columns
    assert set(columns) >= DAILY
    assert set(DIMENSIONS) >= DAILY


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("currency", ["INR", "USD"])
@pytest.mark.parametrize("with_tax", [True, False])
def test_the_mart_and_the_charges_give_the_same_sum(app, basis, currency, with_tax):
    measure = Measure(basis, currency, with_tax)
    question = Slice(measure, JUNE)
    daily, single = Dimension("ServiceName"), Dimension("ResourceId")
    sums = [sum(row["amount"] for row in app.query(*question.totals(by, 1000)).to_dicts()) for by in (daily, single)]
    assert sums[0] == sums[1]


@pytest.mark.parametrize(("hours", "colour"), [(1.0, "green"), (48.5, "orange"), (168.5, "red"), (None, "red")])
def test_data_is_late_after_two_days_and_stuck_after_a_week(hours, colour):
    assert light(hours) == colour


@pytest.mark.parametrize(
    ("month", "complete_through", "days"),
    [
        (date(2026, 8, 1), datetime(2026, 8, 21, 0), 20),
        (date(2026, 8, 1), datetime(2026, 8, 1, 3), 0),
        (date(2026, 3, 1), datetime(2026, 3, 30, 20), 28),
    ],
    ids=["the 21st has begun", "no day is over yet", "February is shorter"],
)
def test_only_whole_days_that_both_months_have_are_compared(month, complete_through, days):
    assert Calendar(month, complete_through).same_days == days


def test_the_server_listens_where_it_is_told_and_tells_nothing():
    arguments = launch.arguments("kifayat.toml", "8501", "127.0.0.1")
    assert arguments[-2:] == ["--", "kifayat.toml"]
    for flag in (
        "--server.address=127.0.0.1", "--server.port=8501", "--server.headless=true",
        "--server.enableXsrfProtection=true", "--browser.gatherUsageStats=false", "--client.showErrorDetails=none",
        "--client.toolbarMode=viewer", "--client.disableDataExport=true",
    ):  # fmt: skip
        assert flag in arguments


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1"])
def test_a_page_of_this_machine_answers_to_its_own_names_only(address, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", "costs.example.in")
    flags = launch.arguments("kifayat.toml", "8501", address)
    hosts = [flag.partition("=")[2] for flag in flags if flag.startswith("--server.allowedHosts=")]
    assert hosts == ["localhost", "127.0.0.1", "::1", "costs.example.in"]


def test_every_page_is_drawn_once_before_the_first_visitor(app, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["launch.py", str(app.config.path)])
    launch.warm()
    assert capsys.readouterr().err == ""


def test_a_page_that_cannot_be_drawn_in_advance_does_not_keep_the_server_from_starting(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["launch.py", str(tmp_path / "nothing.toml")])
    launch.warm()


def test_the_icon_of_the_page_comes_with_the_program():
    assert Path(launch.__file__).with_name("icon.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\u200b", "\x07"])
def test_a_mark_that_would_reorder_or_hide_letters_is_seen(mark):
    for shown in (widgets.shown, widgets.plain, widgets.escape):
        assert mark not in shown(f"invoice{mark}fdp.exe")
        assert "\u2423fdp" in shown(f"invoice{mark}fdp.exe")


def test_the_joiners_that_hindi_needs_are_left_alone():
    assert widgets.shown("क्\u200dष ज्\u200cञ") == "क्\u200dष ज्\u200cञ"
