"""Whose cost, budgets and targets on the pages: figures of the marts, reasons instead of zeros, hostile tags inert."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from bills import monthly_line
from owned import JULY, JUNE, published, used

from core import format_inr
from dashboard.views.budgets import result_of, state_of

FORMULA = '=HYPERLINK("http://example.com","open")'
RULES = """
[[allocation.shared]]
name = "platform"
when = { service = "platform" }
[[budgets]]
name = "all *of* it"
financial_year = 2026
amount_inr = 4000
[[budgets]]
name = "content"
financial_year = 2026
amount_inr = 120
service = "content"
shape = "even"
"""
USERS = "2026-06-01,all,all,mau,100\n2026-07-01,all,all,mau,120\n"


def words(page) -> str:
    """All the text of a page but its tables, Markdown escapes taken off."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.subheader, page.title)
    texts = [element.value for kind in kinds for element in kind] + [metric.value for metric in page.metric]
    return "\n".join(texts).replace("\\", "").replace("\u2060", "")


def bill():
    lines = []
    for month in (JUNE, JULY):
        days = [month + timedelta(days=n) for n in range(28)]
        for day in days:
            tags = {"resource_tags_user_team": "media", "resource_tags_user_service": "content"}
            lines.append(
                used("20", at=day, line_item_resource_id="i-player-1", resource_tags_user_Name="player-1", **tags)
            )
            lines.append(
                used("15", at=day, line_item_resource_id="i-player-2", resource_tags_user_Name="player-2", **tags)
            )
            lines.append(used("12", at=day, line_item_resource_id="i-player-3", resource_tags_user_Name="player-3"))
            lines.append(used("3", at=day, line_item_resource_id="i-odd", resource_tags_user_team=FORMULA))
            lines.append(used("7", at=day, resource_tags_user_service="platform", resource_tags_user_team="ops"))
        lines.append(monthly_line("Tax", "90", at=month, line_item_currency_code="INR", bill_invoice_id="IN-1"))
    return lines


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """Two invoiced months with owners, somebody's formula and a machine that nobody tagged."""
    return published(tmp_path_factory.mktemp("owned"), bill(), RULES, USERS)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """No tag, no budget, no user, one day."""
    return published(tmp_path_factory.mktemp("bare"), [used("5")])


def test_before_and_after_have_one_total_and_what_moved_adds_up_to_zero(app, draw):
    page = draw(app, "allocation")
    assert not page.exception
    text = words(page)
    total = app.query("SELECT SUM(x_EffectiveCostInr) FROM cost_daily WHERE x_BillingMonth = DATE '2026-07-01'").rows[
        0
    ][0]
    assert f"Before {format_inr(total)} = after {format_inr(total)}" in text
    assert "together zero" in text
    shares = {metric.label: metric.value.replace("\\", "") for metric in page.metric}
    assert shares["Has a team"] == "78.9 %"


def test_what_nobody_owns_is_a_row_and_its_neighbours_propose_an_owner(app, draw):
    page = draw(app, "allocation")
    tables = [table.value for table in page.dataframe]
    owners = next(table for table in tables if "After" in table.columns and "Team" in table.columns)
    assert "unallocated" in list(owners["Team"])
    offenders = next(table for table in tables if "Probably" in table.columns)
    row = offenders[offenders["Resource"] == "player-3"].iloc[0]
    assert row["Probably"] == "media / content"
    assert "2 of 2 resources" in row["Reason"]


def test_hostile_tags_are_inert_on_the_page(app, draw):
    page = draw(app, "allocation")
    owners = next(t.value for t in page.dataframe if "After" in t.value.columns and "Team" in t.value.columns)
    assert f"'{FORMULA}" in list(owners["Team"]) or FORMULA in list(owners["Team"])
    assert not [element for element in page.markdown if "<a" in element.value]


def test_budgets_tell_spent_planned_pace_and_state(app, draw):
    page = draw(app, "budgets")
    assert not page.exception
    text = words(page)
    assert "all *of* it" in text
    assert "April 2026 to March 2027" in text
    values = [metric.value.replace("\\", "") for metric in page.metric]
    # 57 rupees on 28 days of June and July; of April and May no bill is loaded
    assert f"{100 * 57 * 56 / (4000 / 12 * (1 + 27 / 31)):.1f} %" in values
    assert "over" in text


def test_without_a_budget_the_page_says_how_to_write_one(bare, draw):
    page = draw(bare, "budgets")
    assert "No budget is configured" in words(page)
    assert "[[budgets]]" in page.code[0].value


def test_the_scoreboard_tells_value_target_and_state_in_words(app, draw):
    page = draw(app, "overview")
    assert not page.exception
    values = {metric.label: metric.value.replace("\\", "") for metric in page.metric}
    cost = app.query(
        "SELECT value FROM scores WHERE metric = 'cost_per_user_inr' AND x_BillingMonth = '2026-06-01'"
    ).rows
    assert values["₹ per active user"] == f"₹{cost[0][0]:.2f}"
    text = words(page)
    assert "✗ missed: below ₹5" in text
    assert "no month as far from the exam a cycle earlier" in text
    assert "no forecast is made yet" in text


@pytest.mark.parametrize("name", ["allocation", "budgets", "overview"])
def test_one_day_without_tags_and_users_is_no_error(bare, draw, name):
    page = draw(bare, name)
    assert not page.exception
    assert "÷0" not in words(page)


def test_without_a_whole_month_the_scoreboard_says_so(bare, draw):
    assert "nothing is known" in words(draw(bare, "overview"))


@pytest.mark.parametrize(
    ("pace", "state"),
    [(None, "no bills"), (50, "on track"), (100, "on track"), (105, "to be watched"), (120, "over")],
)
def test_the_state_of_a_budget_follows_its_pace(pace, state):
    assert state_of(pace)[0].startswith(state)


def test_a_year_that_has_ended_was_kept_or_not():
    assert result_of(Decimal(100), Decimal(100))[0] == "kept"
    assert result_of(Decimal(101), Decimal(100))[0] == "over"
