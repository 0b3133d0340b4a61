"""Every figure of a report is a row of the snapshot: the same in the mail, on the page and for `kifayat query`."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from core import compact_inr, format_inr
from kifayat import App
from kifayat.report import Report
from kifayat.report.parts import NUMBERS, Figure, written
from kifayat.report.spend import USAGE

WEEK = "x_ChargeOn BETWEEN DATE '2026-07-20' AND DATE '2026-07-26' AND ChargeCategory <> 'Tax'"
BEFORE = "x_ChargeOn BETWEEN DATE '2026-07-13' AND DATE '2026-07-19' AND ChargeCategory <> 'Tax'"


def figure(report: Report, name: str) -> Figure:
    """The figure of a name."""
    return next(one for one in report.figures if one.name == name)


def cost(app: App, where: str, column: str = "x_EffectiveCostInr") -> Decimal:
    """A sum asked for in words of the test."""
    found: Decimal = app.query(f"SELECT SUM({column}) FROM cost_daily WHERE {where}").rows[0][0]
    return found


@pytest.fixture(scope="session")
def reports(acme) -> list[Report]:
    """All four of them."""
    verbs, editions = (acme.weekly_report, acme.monthly_report), ("finance", "engineering")
    return [make(edition=edition) for make in verbs for edition in editions]


def test_every_figure_is_what_kifayat_query_answers_to_its_question(acme, reports):
    for report in reports:
        assert len(report.figures) > 15
        for one in report.figures:
            rows = acme.query(one.question.pasteable).to_dicts()
            if one.value is None:
                assert one.reason, one.name
            else:
                assert written(rows[0][one.column], one.kind) == one.text, one.name


def test_every_cell_of_every_table_is_what_kifayat_query_answers(acme, reports):
    for report in reports:
        assert len(report.tables) > 6
        for table in report.tables:
            rows = acme.query(table.question.pasteable).to_dicts()
            assert [[table.text(row, column) for column in table.columns] for row in table.rows] == [
                [table.text(row, column) for column in table.columns] for row in rows
            ], table.name


def test_week_is_the_sum_of_its_days_in_india(acme, weekly):
    assert weekly.label == "2026-W30"
    week, before = cost(acme, WEEK), cost(acme, BEFORE)
    assert figure(weekly, "week.spent").text == compact_inr(week)
    assert figure(weekly, "week.before").text == compact_inr(before)
    assert figure(weekly, "week.change").value == week - before
    assert figure(weekly, "week.change").text == compact_inr(week - before) == "-₹50"  # the credit
    assert figure(weekly, "week.change_pct").text == f"{100 * (float(week) / float(before) - 1):.1f} %"
    usage, once = figure(weekly, "week.usage"), figure(weekly, "week.at_once")
    assert usage.value + once.value == week
    assert once.text == "-₹50"


def test_parts_of_a_change_add_up_to_it_exactly(reports):
    for report in reports[:2]:
        moves = [table for table in report.tables if table.name.startswith("moves.")]
        assert len(moves) == 2
        for table in moves:
            *parts, whole = table.rows
            for column in ("before", "after", "change"):
                assert sum(row[column] for row in parts) == whole[column]
            assert whole["change"] == figure(report, "week.change").value


def test_causes_of_a_month_add_up_to_its_change(weekly):
    steps = next(table for table in weekly.tables if table.name == "why.steps")
    *causes, whole = steps.rows
    change = figure(weekly, "why.change").value
    assert sum(row["amount"] for row in causes) == whole["amount"] == change
    assert figure(weekly, "why.after").value - figure(weekly, "why.before").value == change
    chart = next(one for one in weekly.charts if one.name == "why")
    assert all(f"{row['cause']} {written(row['amount'], 'change')}" in chart.alt for row in causes)


def test_cost_per_user_is_cost_by_users(acme, weekly):
    without_tax = cost(acme, "x_BillingMonth = DATE '2026-07-01' AND ChargeCategory <> 'Tax'")
    assert figure(weekly, "per_user.per_user").text == format_inr(without_tax / 1250)
    assert figure(weekly, "per_user.users").text == "1,250"


def test_month_closes_with_what_was_billed(acme, monthly):
    billed = cost(acme, "x_BillingMonth = DATE '2026-07-01'", "x_BilledCostInr")
    assert figure(monthly, "month_sums.billed").text == compact_inr(billed)
    table = next(table for table in monthly.tables if table.name == "month_by.x_Team")
    assert table.rows[-1]["billed"] == billed == sum(row["billed"] for row in table.rows[:-1])


def test_decisions_are_the_largest_that_can_be_taken_now(weekly):
    (section,) = [one for one in weekly.sections if one.key == "decisions"]
    assert [one.item for one in section.decisions] == ["i4", "i2", "i1"]
    assert section.decisions[0].saving.text == "₹12.35 lakh"
    assert "kifayat plan decide i4 accepted" in section.decisions[0].commands


def test_what_is_decided_is_not_asked_again(acme):
    from dataclasses import replace

    from kifayat.report.reading import reading_of
    from kifayat.report.weekly import weekly
    from warehouse import Decision

    reading = reading_of(acme)
    decided = {"i4": Decision("i4", "accepted", "", date(2026, 8, 9), None)}
    (section,) = [
        one for one in weekly(replace(reading, decisions=decided), "finance").sections if one.key == "decisions"
    ]
    assert [one.item for one in section.decisions] == ["i2", "i1"]


def test_both_editions_hold_the_same_figures(reports):
    for finance, engineering in (reports[:2], reports[2:]):
        assert [one.key for one in finance.sections] != [one.key for one in engineering.sections]
        texts = {one.name: one.text for one in finance.figures}
        told = {one.name: one.text for one in engineering.figures if not one.name.startswith("item.")}
        assert told.items() <= texts.items()
        assert texts.keys() - told.keys() <= {one for one in texts if one.startswith("item.")}


def test_words_mean_what_they_mean_on_the_pages(weekly):
    from dashboard import measure, unit_changes

    assert USAGE == measure.USAGE
    steps = next(table for table in weekly.tables if table.name == "why.steps")
    assert [row["cause"] for row in steps.rows] == [*unit_changes.EFFECTS.values(), "Change"]


@pytest.fixture
def shown(acme, monkeypatch):
    """All texts of a page of the same company."""

    def draw(name: str) -> str:
        monkeypatch.setattr(sys, "argv", ["app.py", str(acme.config.path)])
        script = (
            "from dashboard.app import render\nfrom dashboard.view import discover_views\n"
            f"render(discover_views()[{name!r}])\n"
        )
        page = AppTest.from_string(script, default_timeout=60).run()
        assert not page.exception
        texts = [one.value for kind in ("metric", "caption", "markdown") for one in page.get(kind)]
        return "\n".join(str(text).replace("\\", "") for text in texts)

    return draw


def test_overview_page_shows_the_same_month(weekly, shown):
    page = shown("overview")
    for name in ("month.total", "month.before", "per_user.per_user"):
        assert figure(weekly, name).text in page, name
    assert format_inr(figure(weekly, "month.total").value) in page


def test_page_of_the_plan_shows_the_same_saving(weekly, shown):
    page = shown("recommendations")
    assert figure(weekly, "plan.saving_inr").text == "₹1.00 lakh"
    assert "₹1.00 lakh" in page
    assert "₹80,000 to ₹1.20 lakh" in page
    assert figure(weekly, "realised_sum.realised").text in page


def test_page_of_unit_economics_shows_the_same_cost_per_user(weekly, shown):
    page = shown("unit_economics")
    for name in ("per_user.per_user", "per_user.users", "why.before", "why.after"):
        assert figure(weekly, name).text in page, name


def test_numbers_are_written_as_rupees_or_counts_never_as_python_does(reports):
    for report in reports:
        for table in report.tables:
            for row in table.rows:
                for column in table.columns:
                    if column.kind in NUMBERS and row[column.name] is not None:
                        assert "E" not in table.text(row, column)
                        assert "Decimal" not in table.text(row, column)
