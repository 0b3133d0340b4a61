"""A small company whose bills, users, budget, plan and anomaly are known: what tests of reports are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
from bills import Line, monthly_line
from owned import used

from kifayat import App

#: Text that a mail program, a spreadsheet and a terminal would each like to run.
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example","open")',
    "a\r\nBcc: all@evil.example",
    "\u202egnp.exe",
    "https://evil.example/login",
)
BUDGET = '[company]\nname = "Acme <b>Prep</b>"\n[[budgets]]\nname = "All"\nfinancial_year = 2026\namount_inr = 100000\n'
USERS = "2026-06-30,all,all,mau,1000\n2026-07-31,all,all,mau,1250\n"


def days_of_usage(first: date, last: date, teams: Mapping[str, str], service: str = "AmazonEC2") -> list[Line]:
    """Two lines a day and team, the second one up to midnight in UTC, in rupees."""
    lines = []
    for day in range((last - first).days + 1):
        at = datetime.combine(first + timedelta(days=day), datetime.min.time())
        for team, cost in teams.items():
            for hour in (10, 23):
                lines.append(
                    used(cost, at=at + timedelta(hours=hour), resource_tags_user_team=team,
                         line_item_product_code=service, line_item_usage_amount="2")
                )  # fmt: skip
    return lines


def company() -> list[Line]:
    """June and July 2026: usage of four teams that grows, a credit, tax and support."""
    june = days_of_usage(date(2026, 6, 1), date(2026, 6, 30), {"physics": "100.10", "biology": "40", "chemistry": "7"})
    july = days_of_usage(date(2026, 7, 1), date(2026, 7, 31), {"physics": "120.25", "biology": "30"})
    july += days_of_usage(date(2026, 7, 1), date(2026, 7, 31), {"video": "11.115"}, "AmazonS3")
    rupees: dict[str, str] = {"line_item_currency_code": "INR", "bill_invoice_id": "IN-1"}
    return [
        *june, *july,
        monthly_line("Tax", "900.05", at=datetime(2026, 6, 1), **rupees),
        monthly_line("Tax", "1100.40", at=datetime(2026, 7, 1), **rupees),
        used("-50.00", at=datetime(2026, 7, 21), line_item_line_item_type="Credit", resource_tags_user_team="physics"),
    ]  # fmt: skip


def fill(app: App, **tables: Sequence[Sequence[Any]]) -> None:
    """Put rows into tables of the published generation, as models do while it is built."""
    path = sorted((app.storage / "snapshots").glob("snapshot-*.duckdb"))[-1]
    with duckdb.connect(str(path)) as connection:
        for name, rows in tables.items():
            connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)


BUDGET_STATE = (
    "All", 2026, "head of platform", 100000, date(2026, 7, 31), "17600.5", "16000.25", 17.6, 110.0015,
    90000.0, 98000.0, 107000.0, 98.0, date(2027, 3, 20), 232, None,
)  # fmt: skip
ANOMALY = (
    "a1", "more", "AWS", "physics", "AmazonEC2", "444455556666", "ap-south-1", date(2026, 7, 21), date(2026, 7, 23),
    date(2026, 7, 24), True, 700.0, 1900.0, 1200.0, 6.5, "egress +180 % while users rose by 2 %",
)  # fmt: skip
CAUSES = (("a1", 1, "meter", "APS3-DataTransfer-Out-Bytes", 500.0, 1600.0, 1100.0),)
BANDS = [
    ("total", "all", date(2026, 6, 1) + timedelta(days=n), 300.0 + n / 3, 250.0, 270.0, 310.0, 350.0, 380.0)
    for n in range(61)
]


def plan_item(position: int, item: str, title: str, saving: float, **more: Any) -> dict[str, Any]:
    """One proposal of a plan; what is not said is what most have."""
    row = {
        "position": position, "id": item, "state": "planned", "status": "new", "why": None, "check": "idle",
        "operator": "remove", "workload": f"w-{item}", "provider": "AWS", "account": "444455556666",
        "region": "ap-south-1", "team": "physics", "title": title, "saving_inr": saving,
        "saving_p10_inr": saving * 0.8, "saving_p90_inr": saving * 1.1, "loss_ratio": 0.0, "alone_inr": saving,
        "effort": "minutes", "needs_restart": False, "rollback": "start it again", "risk": "it may be wanted again",
        "confidence": "high", "is_calibrated": True, "starts_on": date(2026, 8, 1), "window_start": date(2026, 6, 1),
        "window_end": date(2026, 7, 31), "figures": "{}", "chart": "{}", "is_pinned": False,
    }  # fmt: skip
    return row | more


def fill_plan(app: App, items: Sequence[Mapping[str, Any]]) -> None:
    """A plan of these items."""
    fill(app, plan_runs=[(
        datetime(2026, 8, 5), date(2026, 7, 31), date(2026, 8, 1), 40, 1.0, 4e5, 3e5, 1e5, 8e4,
        1.2e5, 1.1e5, 95.0, date(2026, 7, 31), 0.11, None, 1,
    )])  # fmt: skip
    path = sorted((app.storage / "snapshots").glob("snapshot-*.duckdb"))[-1]
    with duckdb.connect(str(path)) as connection:
        for row in items:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO plan_items ({names}) VALUES ({marks})", list(row.values()))
