"""Each page, drawn without a browser on published stores: full, empty, of one day, and broken."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from apps import deliver, make_app

from core import compact_inr, format_inr, format_usd
from dashboard.view import discover_views

NOW = datetime(2026, 7, 11, 6, tzinfo=UTC)
PAGES = (
    "overview", "forecast", "unit_economics", "season_plan", "allocation", "budgets", "alerts", "explorer",
    "recommendations", "plan_builder", "commitments", "schedules", "compared", "data_health",
)  # fmt: skip
MONTHS = {"month-to-date": "2026-07-01", "last-month": "2026-06-01"}


def texts(page, key):
    """The metric and the captions of a card."""
    card = page.get_by_key(f"metric-{key}")
    return card.metric[0].value.replace("\\", ""), [caption.value.replace("\\", "") for caption in card.caption]


def in_mart(app, month, column="x_EffectiveCostInr", where="ChargeCategory <> 'Tax'"):
    sql = f"SELECT SUM({column}) FROM cost_daily WHERE x_BillingMonth = $month AND {where}"
    return app.query(sql, {"month": month}).rows[0][0]


def test_the_pages_are_found_in_order():
    assert list(discover_views()) == list(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_without_an_exception(app, draw, name):
    page = draw(app, name)
    assert not page.exception
    assert not page.error
    assert page.title


@pytest.mark.parametrize("key", MONTHS)
def test_a_figure_on_the_overview_is_what_a_query_says(app, draw, key):
    amount = in_mart(app, MONTHS[key])
    shown, captions = texts(draw(app, "overview"), key)
    assert shown == compact_inr(amount)
    assert captions[0].startswith(format_inr(amount))


def test_june_is_what_the_bill_says_at_the_rate_of_the_bill(app, draw):
    dollars = 30 * (Decimal("10.123456789") + 20 + 30 + Decimal("1000.10")) - 50
    _, captions = texts(draw(app, "overview"), "last-month")
    rate = app.query("SELECT DISTINCT x_InrPerUnit FROM cost_daily WHERE x_BillingMonth = DATE '2026-06-01'").rows
    assert len(rate) == 1
    assert captions[0].startswith(format_inr(dollars * rate[0][0]))


def test_gst_is_left_out_until_it_is_switched_on(app, draw):
    page = draw(app, "overview")
    without = texts(page, "last-month")[1][0]
    page.toggle(key="with-tax").set_value(True).run()
    _, captions = texts(page, "last-month")
    assert captions[0] != without
    assert captions[0].startswith(format_inr(in_mart(app, "2026-06-01", where="TRUE")))


def test_dollars_are_those_of_the_bill(app, draw):
    page = draw(app, "overview")
    page.segmented_control(key="currency").set_value("USD").run()
    assert not page.exception
    assert texts(page, "last-month")[1][0].startswith(format_usd(in_mart(app, "2026-06-01", "EffectiveCost")))


@pytest.mark.parametrize("basis", ["Billed", "List", "Contracted", "Net effective"])
def test_every_cost_basis_can_be_chosen(app, draw, basis):
    page = draw(app, "overview")
    page.selectbox(key="basis").select(basis).run()
    assert not page.exception


def test_credits_are_shown_apart(app, draw):
    amount = in_mart(app, "2026-06-01", where="ChargeCategory = 'Credit'")
    assert amount < 0
    assert texts(draw(app, "overview"), "credits")[1][0].startswith(format_inr(amount))


def test_the_badge_says_that_every_rupee_is_reconciled(app, draw):
    for name in ("overview", "data_health"):
        assert any("Every rupee reconciled" in text.value for text in draw(app, name).markdown)


def test_the_explorer_adds_up_to_the_query_for_every_way_of_grouping(app, draw):
    page = draw(app, "explorer")
    expected = format_inr(in_mart(app, "2026-06-01"))
    for name in ("ServiceName", "x_Team", "ResourceId", "ChargePeriodStart", "SkuMeter", "AvailabilityZone"):
        if name not in page.selectbox(key="group-by").options and name == "ChargePeriodStart":
            continue  # an instant is no dimension to group by
        page.selectbox(key="group-by").set_value(name).run()
        assert not page.exception
        assert any(expected in text.value.replace("\\", "") for text in page.markdown), name


def test_the_explorer_groups_by_a_tag_and_filters_by_its_value(app, draw):
    page = draw(app, "explorer")
    page.selectbox(key="group-by").set_value("a tag").run()
    assert not page.exception
    keys = page.selectbox(key="group-tag").options
    key = next(name for name in keys if name.endswith("team"))
    page.selectbox(key="group-tag").set_value(key).run()
    assert not page.exception
    assert "physics" in set(page.dataframe[0].value[f"Tag {key}"])
    page.multiselect(key="filter-by").set_value(["x_Team"]).run()
    page.multiselect[1].set_value(["physics"]).run()
    assert not page.exception
    assert list(page.dataframe[0].value[f"Tag {key}"]) == ["physics"]


def test_the_explorer_takes_days(app, draw):
    page = draw(app, "explorer")
    page.segmented_control(key="period-kind").set_value("Days").run()
    assert not page.exception
    first, last = datetime(2026, 6, 10).date(), datetime(2026, 6, 12).date()
    page.date_input(key="period-days").set_value((first, last)).run()
    amount = app.query(
        "SELECT SUM(x_EffectiveCostInr) FROM cost_daily WHERE x_ChargeOn BETWEEN $first AND $last"
        " AND ChargeCategory <> 'Tax'", {"first": first, "last": last},
    ).rows[0][0]  # fmt: skip
    assert any(format_inr(amount) in text.value.replace("\\", "") for text in page.markdown)


def test_hostile_tags_are_defused_in_tables_and_escaped_in_text(app, draw, formula):
    page = draw(app, "explorer")
    page.selectbox(key="group-by").set_value("x_Team").run()
    names = set(page.dataframe[0].value["Team"])
    assert "'" + formula in names
    assert formula not in names
    title = draw(app, "overview").title[0].value
    assert not re.search(r"(?<!\\)[*<$]", title)


def test_no_page_writes_data_as_html(app, draw):
    for name in PAGES:
        page = draw(app, name)
        assert all(not text.allow_html for text in page.markdown)


def test_an_empty_store_says_what_to_do(tmp_path, draw):
    app = make_app(tmp_path, now=NOW)
    for name in PAGES:
        page = draw(app, name)
        assert not page.exception
        assert page.code[0].value == "kifayat ingest"


def test_a_snapshot_without_charges_is_no_error(tmp_path, draw):
    app = make_app(tmp_path, now=NOW)
    app.refresh()
    for name in PAGES:
        page = draw(app, name)
        assert not page.exception
        assert page.info


@pytest.mark.parametrize("name", PAGES)
def test_one_day_of_data_without_a_rate_is_enough(tmp_path, draw, name):
    app = make_app(tmp_path, now=NOW)
    deliver(tmp_path / "cur", "day.csv", ["1.50", "2.50"], at=datetime(2026, 7, 10, 4))
    app.ingest()
    page = draw(app, name)
    assert not page.exception
    assert not page.error
    if name == "overview":
        assert texts(page, "month-to-date")[0] == "—"
        assert any("$4.00" in warning.value.replace("\\", "") for warning in page.warning)


def test_a_new_generation_is_shown_at_the_next_click(tmp_path, draw):
    app = make_app(tmp_path, now=NOW, more="[fx]\nmax_gap_days = 31\n", exports=("cur", "fx"))
    (tmp_path / "fx" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-06-30,USD,100\n")
    deliver(tmp_path / "cur", "one.csv", ["100"], at=datetime(2026, 7, 5))
    app.ingest()
    page = draw(app, "overview")
    before = texts(page, "month-to-date")[1][0]
    deliver(tmp_path / "cur", "one.csv", ["100", "100.00"], at=datetime(2026, 7, 5))
    app.ingest()
    page.run()
    assert texts(page, "month-to-date")[1][0] != before
    assert texts(page, "month-to-date")[0] == compact_inr(in_mart(app, "2026-07-01"))


def test_a_damaged_newest_generation_shows_the_last_good_one_with_a_banner(tmp_path, draw):
    app = make_app(tmp_path, now=NOW)
    deliver(tmp_path / "cur", "one.csv", ["100"], at=datetime(2026, 7, 5))
    app.ingest()
    (app.storage / "snapshots" / "CURRENT").write_text("{")
    page = draw(app, "overview")
    assert not page.exception
    assert any("last good one" in warning.value for warning in page.warning)


def test_faults_of_the_configuration_are_told_on_the_page(tmp_path, draw):
    app = make_app(tmp_path, now=NOW)
    app.config.path.write_text("[storage]\ndirectry = 'x'\n")
    page = draw(app, "overview")
    assert not page.exception
    assert "directory" in page.text[0].value


PLAN_PAGES = ("recommendations", "plan_builder", "commitments", "schedules", "compared")


@pytest.mark.parametrize("name", PLAN_PAGES)
def test_without_a_plan_a_page_says_how_to_make_one(app, draw, name):
    page = draw(app, name)
    assert any("kifayat recommend" in info.value for info in page.info)


@pytest.mark.parametrize("name", PLAN_PAGES)
def test_a_page_of_a_short_history_shows_its_plan_without_an_exception(planned, draw, name):
    page = draw(planned, name)
    assert not page.exception
    assert not page.error
    assert not any("kifayat recommend" in info.value for info in page.info)


def test_what_the_plan_saves_on_the_page_is_what_a_query_says(planned, draw):
    saving = planned.query("SELECT saving_inr FROM plan_runs").rows[0][0]
    shown, _ = texts(draw(planned, "recommendations"), "plan")
    assert shown == compact_inr(Decimal(str(round(saving, 2))))


def test_what_was_decided_since_the_plan_is_shown_with_its_reason(planned, draw):
    item = planned.query("SELECT id FROM plan_items WHERE state = 'no figure' ORDER BY position").rows[0][0]
    planned.decide(item, "accepted", "the owner agreed on Monday")
    try:
        page = draw(planned, "recommendations")
        page.segmented_control(key="items-shown").set_value("Without a figure").run()
        told = " ".join(one.value for one in page.markdown)
        assert "accepted on" in told
        assert "the owner agreed on Monday" in told
    finally:
        planned.decide(item, "reopened")
