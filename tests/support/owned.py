"""A published store of hand-made lines in rupees, with rules and users of its own: for tests of whose a cost is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bills import Line, cur_line, write_cur, write_text

from core import FixedClock
from kifayat import App

JUNE, JULY = datetime(2026, 6, 1), datetime(2026, 7, 1)
_CONFIG = """
[storage]
directory = "store"
[[exports]]
name = "aws"
location = "aws"
[[exports]]
name = "fx"
location = "fx"
[[exports]]
name = "users"
location = "users"
"""


def used(cost: str, *, at: datetime = JULY, **more: str | None) -> Line:
    """An invoiced line in rupees; tags as resource_tags_user_team="…"."""
    return cur_line(cost=cost, at=at, **{"line_item_currency_code": "INR", "bill_invoice_id": "IN-1", **more})


def published(folder: Path, lines: Sequence[Line], rules: str = "", users: str = "") -> App:
    """Load the lines of each month as a delivery, the users, and publish on 10 August 2026."""
    (folder / "aws").mkdir(exist_ok=True)
    (folder / "fx").mkdir(exist_ok=True)
    (folder / "users").mkdir(exist_ok=True)
    months = sorted({line["bill_billing_period_start_date"] for line in lines})
    for month in months:
        write_cur(folder / "aws" / f"bill-{month[:7]}.csv", [
            line for line in lines if line["bill_billing_period_start_date"] == month
        ])  # fmt: skip
    rates = "".join(f"2026-{month:02}-{day:02},USD,80\n" for month in (6, 7) for day in (1, 8, 15, 22, 30))
    write_text(folder / "fx" / "rates.csv", "date,currency,inr_per_unit\n" + rates)
    if users:
        write_text(folder / "users" / "users.csv", "active_on,product,state,metric,active_users\n" + users)
    (folder / "kifayat.toml").write_text(_CONFIG + rules, encoding="utf-8")
    app = App.from_toml(folder / "kifayat.toml", FixedClock(datetime(2026, 8, 10, tzinfo=UTC)))
    report = app.ingest().report
    assert not report.refused, report.refused
    return app
