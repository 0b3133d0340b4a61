"""The small company of `reported`, published, and the reports of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from owned import published
from reported import (
    ANOMALY,
    BANDS,
    BUDGET,
    BUDGET_STATE,
    CAUSES,
    HOSTILE,
    USERS,
    company,
    days_of_usage,
    fill,
    fill_plan,
    plan_item,
)

from kifayat import App
from kifayat.report import Report


@pytest.fixture(scope="session")
def acme(tmp_path_factory) -> App:
    """A company with two whole months of bills, users, a budget, a plan and an anomaly."""
    app = published(tmp_path_factory.mktemp("acme"), company(), BUDGET, USERS)
    fill(
        app, budget_states=[BUDGET_STATE], anomalies=[ANOMALY], anomaly_causes=CAUSES, cost_bands=BANDS,
        plan_realised=[("i9", "idle", "old-test-db: remove", date(2026, 7, 1), 31, 500.0, 450.5, None)],
    )  # fmt: skip
    fill_plan(app, [
        plan_item(1, "i1", "physics-web: c6i to c6a", 40_000.0, loss_ratio=0.05),
        plan_item(2, "i2", "biology-cache: half the size", 90_000.0, needs_restart=True),
        plan_item(3, "i3", "reservation from January", 2_00_000.0, starts_on=date(2027, 1, 1)),
        plan_item(4, "i4", "video: delete what nobody reads", 12_34_567.0),
        plan_item(5, "i5", "set aside", 5_00_000.0, state="set aside"),
    ])  # fmt: skip
    return app


@pytest.fixture(scope="session")
def weekly(acme: App) -> Report:
    """The report of the last whole week for the finance."""
    return acme.weekly_report()


@pytest.fixture(scope="session")
def monthly(acme: App) -> Report:
    """The close of July 2026."""
    return acme.monthly_report()


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> App:
    """A company whose tags and titles were written by somebody who means harm."""
    lines = days_of_usage(date(2026, 7, 1), date(2026, 7, 31), dict.fromkeys(HOSTILE, "10"))
    folder: Path = tmp_path_factory.mktemp("hostile")
    app = published(folder, lines, '[company]\nname = "<script>alert(2)</script>"\n', USERS)
    anomaly = list(ANOMALY)
    anomaly[3] = anomaly[15] = HOSTILE[0]
    fill(app, anomalies=[anomaly], budget_states=[(HOSTILE[1], *BUDGET_STATE[1:])])
    fill_plan(
        app, [plan_item(n, f"h{n}", text, 1000.0 * (n + 1), risk=text, team=text) for n, text in enumerate(HOSTILE)]
    )
    return app
