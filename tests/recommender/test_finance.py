"""Credits, support, budgets and releases as they are read from a bill and a configuration."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from apps import make_app
from bills import cur_line, monthly_line, write_cur

from kifayat import App
from recommender.finance import read_finance
from recommender.reading import read_fleet

NOW = datetime(2026, 8, 10, 6, tzinfo=UTC)
CONFIGURED = """
[season]
release_days = [[2026-09-07, 2026-09-11], [2026-07-06, 2026-07-10]]
[[credits]]
name = "activate"
amount = 1000
expires_on = 2027-03-31
[[credits]]
name = "Never used"
amount = 50
expires_on = 2026-12-31
[[budgets]]
name = "Everything"
financial_year = 2026
amount_inr = 1200000
shape = "even"
[[budgets]]
name = "Data"
financial_year = 2026
amount_inr = 120000
team = "data"
[[budgets]]
name = "Platform"
financial_year = 2026
amount_inr = 120000
owner = "cto"
[[budgets]]
name = "Over"
financial_year = 2024
amount_inr = 120000
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    """June to 9 August: usage of 100 a month, credits of Activate, support of July, a purchase of another seller."""
    made = make_app(tmp_path, now=NOW, exports=("cur", "fx"), more=CONFIGURED)
    usage = {"product_product_name": "Amazon Elastic Compute Cloud", "line_item_resource_id": "i-1"}
    for month in (6, 7, 8):
        at = datetime(2026, month, 1)
        fifth = at.replace(day=5)
        lines = [
            cur_line(cost="100", at=fifth, pricing_public_on_demand_cost="100", **usage),
            cur_line("Credit", "-20", at=fifth, line_item_line_item_description="AWS Activate credits"),
            cur_line("Credit", "-1", at=fifth),
            cur_line("Tax", "18", at=at, line_item_product_code="AmazonEC2"),
        ]
        if month == 7:
            lines.append(monthly_line("Fee", "29", at=at, line_item_product_code="AWSSupportDeveloper",
                                      product_product_name="AWS Support (Developer)"))  # fmt: skip
        write_cur(tmp_path / "cur" / f"{month}.csv", lines)
    days = [f"2026-{month:02d}-{day:02d},USD,95" for month in (6, 7, 8) for day in range(1, 31)]
    (tmp_path / "fx" / "rates.csv").write_text("date,currency,inr_per_unit\n" + "\n".join(days) + "\n")
    made.ingest()
    return made


def test_credits_are_read_with_their_pace_and_what_is_configured_of_them(app: App) -> None:
    found = {one.name: one for one in read_finance(app.snapshot(), date(2026, 8, 10)).credits}
    activate = found["AWS Activate credits"]
    assert (activate.used, activate.recent, activate.granted, activate.expires_on) == (60, 20, 1000, date(2027, 3, 31))
    assert found["Never used"].granted == 50
    assert len(found) == 3, "a credit without a description is there too"


def test_support_is_read_with_the_gross_charges_that_price_it(app: App) -> None:
    (month,) = read_finance(app.snapshot(), date(2026, 8, 10)).support
    assert (month.month, month.fee, month.basis) == (date(2026, 7, 1), 29, 100), "without credits, tax and itself"


def test_a_budget_belongs_to_its_owner_or_its_team(app: App) -> None:
    found = {one.name: one for one in read_finance(app.snapshot(), date(2026, 8, 10)).budgets}
    assert {name: one.owner for name, one in found.items()} == {"Everything": None, "Data": "data", "Platform": "cto"}
    assert found["Everything"].planned_to_date_inr == 400_000, "April to July"
    # 100 of June and of July less credits, and support, at 95
    assert found["Everything"].spent_to_date_inr == pytest.approx((2 * 79 + 29) * 95)


def test_releases_and_holidays_stand_in_the_fleet(app: App) -> None:
    fleet = read_fleet(app.snapshot(), NOW)
    assert fleet.releases == ((date(2026, 7, 6), date(2026, 7, 11)), (date(2026, 9, 7), date(2026, 9, 12)))
    assert fleet.holidays[date(2026, 10, 2)] == "Mahatma Gandhi's Birthday"
    assert fleet.known_days == 61, "from the first use to the end of the last"
