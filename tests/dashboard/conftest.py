"""Published stores that the pages are drawn from, and a page drawn without a browser."""

from __future__ import annotations

import csv
import functools
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from apps import make_app
from bills import Line, cur_line, delivered, monthly_line, write_cur
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from kifayat import App

# Streamlit reads the metadata of every installed package at every drawing: a second each, for the same answer.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)

#: In the middle of an open July; usage reaches the tenth.
NOW = datetime(2026, 7, 11, 6, tzinfo=UTC)
RATES = """date,currency,inr_per_unit,source
2026-05-29,USD,94.50,bank
2026-06-30,USD,95.00,bank
2026-07-10,USD,96.00,bank
"""

#: Text that a spreadsheet, a browser and Markdown would each like to run.
FORMULA = '=HYPERLINK("http://example.com","open")'
SCRIPT = "<img src=x onerror=\"document.title='taken'\">"
MARKDOWN = "**bold** [link](http://example.com) :red[x] $x$"

Draw = Callable[..., AppTest]


def month_of_usage(month: int, days: int, costs: dict[str, str]) -> list[Line]:
    """Usage on each day for each team, at a cost per day."""
    return [
        cur_line(
            cost=cost, at=datetime(2026, month, day, 10), resource_tags_user_team=team,
            line_item_resource_id=f"i-{abs(len(team))}", bill_invoice_id="" if month == 7 else f"INV-{month}",
        )
        for day in range(1, days + 1)
        for team, cost in costs.items()
    ]  # fmt: skip


def write_bills(folder: Path) -> None:
    """May, June and ten days of July with hostile tags, tax and a credit, and rates for them."""
    teams = {FORMULA: "10.123456789", SCRIPT: "20", MARKDOWN: "30", "physics": "1000.10"}
    for month, days, at in ((5, 31, (2026, 6, 4)), (6, 30, (2026, 7, 4)), (7, 10, (2026, 7, 11))):
        start = datetime(2026, month, 1)
        invoice = "" if month == 7 else f"INV-{month}"
        lines = [
            *month_of_usage(month, days, teams),
            monthly_line("Tax", "180.18", at=start, bill_invoice_id=invoice),
            monthly_line("Credit", "-50.00", at=start, bill_invoice_id=invoice),
        ]
        delivered(write_cur(folder / "cur" / f"month-{month}.csv", lines), datetime(*at, tzinfo=UTC))
    (folder / "fx" / "rates.csv").write_text(RATES)


def write_advice(folder: Path) -> None:
    """What an adviser says of the dearest machine, and of one that no bill has, in words that act if they are let."""
    with (folder / "advice" / "advice.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("advice_id", "provider", "adviser", "account_id", "resource_id", "action", "current", "proposed",
                      "monthly_saving", "currency", "lookback_days", "finding", "details"))  # fmt: skip
        out.writerow(("1", "AWS", "compute-optimizer", "444455556666", "i-7", "stop", "m5.large", "", "30", "USD", "14",
                      "Idle", "{}"))  # fmt: skip
        out.writerow(("2", "AWS", SCRIPT, "444455556666", MARKDOWN, "rightsize", FORMULA, SCRIPT, "7000", "USD", "",
                      MARKDOWN, "[" * 300 + "]" * 300))  # fmt: skip


@pytest.fixture(scope="session")
def app(tmp_path_factory) -> App:
    """A store of three months in dollars."""
    folder = tmp_path_factory.mktemp("dashboard")
    app = make_app(folder, now=NOW, exports=("cur", "fx"), more='[company]\nname = "Acme *Prep* <b>$1</b>"\n')
    write_bills(folder)
    refreshed = app.ingest()
    assert refreshed.report.count("refused") == 0
    return app


@pytest.fixture(scope="session")
def planned(tmp_path_factory) -> App:
    """The same store with a plan, and the advice of a provider beside it."""
    folder = tmp_path_factory.mktemp("planned")
    app = make_app(folder, now=NOW, exports=("cur", "fx", "advice"))
    write_bills(folder)
    write_advice(folder)
    app.ingest()
    app.recommend()
    return app


@pytest.fixture
def formula() -> str:
    """The team tag that a spreadsheet would run."""
    return FORMULA


@pytest.fixture
def draw(monkeypatch) -> Draw:
    """Draw a page of an App as Streamlit would and return it."""

    def drawn(app: App, name: str) -> AppTest:
        monkeypatch.setattr(sys, "argv", ["app.py", str(app.config.path)])
        script = (
            "from dashboard.app import render\nfrom dashboard.view import discover_views\n"
            f"render(discover_views()[{name!r}])\n"
        )
        return AppTest.from_string(script, default_timeout=60).run()

    return drawn
