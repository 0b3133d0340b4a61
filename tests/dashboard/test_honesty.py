"""What is missing is told: no total of half the bill, no zero for a rupee nobody can convert, no quiet lag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from apps import make_app
from bills import cur_line, delivered, monthly_line, write_cur

from dashboard.measure import Measure
from dashboard.slices import Dimension, Period, Slice
from kifayat import App

RUPEES, DOLLARS = "111111111111", "222222222222"


def plain(elements: Sequence[object]) -> str:
    """What a person reads, Markdown escapes taken off."""
    return "\n".join(element.value.replace("\\", "").replace("\u2060", "") for element in elements)


def write_days(folder: Path, payer: str, first: date, last: date, cost: str, currency: str) -> None:
    """A report a month with one line a day, at noon in UTC."""
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    for month in sorted({day.replace(day=1) for day in days}):
        lines = [
            cur_line(
                cost=cost, at=datetime(day.year, day.month, day.day, 12), bill_payer_account_id=payer,
                line_item_currency_code=currency,
            )
            for day in days
            if day.replace(day=1) == month
        ]  # fmt: skip
        write_cur(folder / f"bill-{month:%Y%m}.csv", lines)


def write_rates(folder: Path, *days: str) -> None:
    """96 rupees a dollar on some days."""
    rows = [f"{day},USD,96,bank" for day in days]
    (folder / "rates.csv").write_text("\n".join(["date,currency,inr_per_unit,source", *rows]) + "\n")


def store(folder: Path, *exports: str) -> App:
    """An App whose export folders exist, nothing ingested yet."""
    return make_app(folder, exports=exports)


def test_the_explorer_shows_no_zero_where_no_rate_is_known(tmp_path, draw):
    app = store(tmp_path, "dollars")
    write_days(tmp_path / "dollars", DOLLARS, date(2026, 7, 1), date(2026, 7, 31), "2", "USD")
    app.ingest()
    page = draw(app, "explorer")
    assert "₹0" not in plain(page.markdown)
    assert "—" in plain(page.markdown)
    assert "$62.00 in July 2026: no USD/INR rate" in plain(page.warning)
    assert page.dataframe[0].value["Cost"].dtype == float  # an empty column of no type is drawn as None
    assert page.dataframe[0].value["Cost"].isna().all()


@pytest.mark.parametrize("name", ["overview", "explorer"])
def test_a_part_without_a_rate_is_told_in_its_own_currency(tmp_path, draw, name):
    app = store(tmp_path, "rupees", "dollars")
    write_days(tmp_path / "rupees", RUPEES, date(2026, 6, 1), date(2026, 7, 31), "100", "INR")
    write_days(tmp_path / "dollars", DOLLARS, date(2026, 6, 1), date(2026, 6, 30), "2", "USD")
    app.ingest()
    assert "$60.00 in June 2026: no USD/INR rate" in plain(draw(app, name).warning)


def test_a_month_is_not_compared_when_a_part_of_it_has_no_rate(tmp_path, draw):
    app = store(tmp_path, "rupees", "dollars", "fx")
    write_days(tmp_path / "rupees", RUPEES, date(2026, 5, 1), date(2026, 7, 31), "100", "INR")
    write_days(tmp_path / "dollars", DOLLARS, date(2026, 5, 1), date(2026, 7, 31), "2", "USD")
    write_rates(tmp_path / "fx", "2026-05-31", "2026-07-31")
    app.ingest()
    page = draw(app, "overview")
    assert [metric.delta for metric in page.metric[:2]] == ["", ""]
    assert "$60.00 in June 2026" in plain(page.warning)


def test_a_month_of_last_winter_without_a_rate_is_told_under_the_figures(tmp_path, draw):
    app = store(tmp_path, "dollars", "fx")
    write_days(tmp_path / "dollars", DOLLARS, date(2026, 1, 1), date(2026, 7, 31), "2", "USD")
    write_rates(tmp_path / "fx", *(f"2026-{month:02d}-28" for month in (1, 3, 4, 5, 6, 7)))
    app.ingest()
    assert "$56.00 in February 2026: no USD/INR rate" in plain(draw(app, "overview").warning)


def test_an_export_that_stopped_earlier_than_the_others_is_named_on_the_overview(tmp_path, draw):
    app = store(tmp_path, "alive", "dead")
    write_days(tmp_path / "alive", RUPEES, date(2026, 5, 1), date(2026, 7, 20), "100", "INR")
    write_days(tmp_path / "dead", DOLLARS, date(2026, 5, 1), date(2026, 6, 12), "100", "INR")
    app.ingest()
    words = plain(draw(app, "overview").warning)
    assert f"dead, account {DOLLARS}: nothing after 12 Jun 2026" in words
    assert "alive" not in words


def test_exports_that_end_a_day_apart_are_no_warning(tmp_path, draw):
    app = store(tmp_path, "aws", "gcp")
    write_days(tmp_path / "aws", RUPEES, date(2026, 6, 1), date(2026, 7, 20), "100", "INR")
    write_days(tmp_path / "gcp", DOLLARS, date(2026, 6, 1), date(2026, 7, 19), "100", "INR")
    app.ingest()
    assert not draw(app, "overview").warning


def test_a_change_is_told_in_per_cent_and_in_rupees(tmp_path, draw):
    app = store(tmp_path, "rupees")
    write_days(tmp_path / "rupees", RUPEES, date(2026, 5, 1), date(2026, 6, 30), "100", "INR")
    write_days(tmp_path / "rupees", RUPEES, date(2026, 7, 1), date(2026, 7, 20), "150", "INR")
    app.ingest()
    page = draw(app, "overview")
    assert [metric.label for metric in page.metric[:3]] == ["Jul 2026 to date", "Usage 1–19 Jul", "June 2026"]
    assert [metric.delta for metric in page.metric[:3]] == ["", "+50.0 %", "-3.2 %"]
    words = plain(page.caption)
    assert "₹2,850.00  \n+₹950 vs 1–19 June" in words
    assert "-₹100 vs May 2026" in words


def write_fees(folder: Path) -> None:
    """A hundred rupees a day from June to 20 July, in June with a support fee, a tax and a credit on the 1st."""
    write_days(folder, RUPEES, date(2026, 6, 1), date(2026, 7, 20), "100", "INR")
    bill = {"bill_payer_account_id": RUPEES, "line_item_currency_code": "INR"}
    june = datetime(2026, 6, 1)
    fee = monthly_line("Fee", "9000", at=june, line_item_product_code="AWSSupportBusiness", **bill)
    others = [monthly_line(kind, cost, at=june, **bill) for kind, cost in (("Tax", "500"), ("Credit", "-70"))]
    days = [cur_line(cost="100", at=datetime(2026, 6, day, 12), **bill) for day in range(1, 31)]
    write_cur(folder / "bill-202606.csv", [fee, *others, *days])


def test_a_monthly_fee_on_the_first_makes_no_month_look_cheaper(tmp_path, draw):
    app = store(tmp_path, "rupees")
    write_fees(tmp_path / "rupees")
    app.ingest()
    page = draw(app, "overview")
    assert page.metric[1].delta == "+0.0 %"
    assert "₹1,900.00" in plain(page.caption)
    assert "Not drawn: ₹8,930 of fees, purchases, credits, adjustments, which" in plain(page.caption)
    page.segmented_control(key="breakdown-month").set_value(date(2026, 7, 1)).run()
    shares = page.dataframe[0].value
    assert list(shares["To date"]) == [2000.0]
    assert list(shares["Usage change"]) == [0.0]
    assert "1–19 July against 1–19 June" in plain(page.caption)


def test_the_age_of_the_data_stands_above_the_figures(tmp_path, draw):
    app = store(tmp_path, "rupees")
    write_days(tmp_path / "rupees", RUPEES, date(2026, 7, 1), date(2026, 7, 20), "100", "INR")
    app.ingest()
    badge = next(text.value for text in draw(app, "overview").markdown if "Data to" in text.value)
    assert re.search(r":red-badge\[.*Data to 20 Jul 2026, 18:30 IST, \d+ days ago", badge)


def test_without_any_rate_the_overview_says_why_and_offers_dollars(tmp_path, draw):
    app = store(tmp_path, "dollars")
    write_days(tmp_path / "dollars", DOLLARS, date(2026, 6, 1), date(2026, 7, 20), "2", "USD")
    app.ingest()
    page = draw(app, "overview")
    assert "kifayat explain fx_rates" in plain(page.warning)
    assert not page.subheader
    page.button(key="show-dollars").click().run()
    assert not page.exception
    assert not page.warning
    assert page.metric[0].value.replace("\\", "") == "$40"
    assert "By month" in [heading.value for heading in page.subheader]


def test_a_provisional_bill_says_what_would_settle_it(tmp_path, draw):
    app = store(tmp_path, "rupees")
    month = datetime(2026, 6, 30, 12)
    lines = [cur_line(cost="1", at=month, bill_invoice_id="", line_item_currency_code="INR")]
    delivered(write_cur(tmp_path / "rupees" / "bill.csv", lines), datetime(2026, 7, 4, tzinfo=UTC))
    app.ingest()
    assert app.query("SELECT state FROM periods").rows == (("provisional",),)
    words = plain(draw(app, "data_health").caption)
    assert "**provisional**: the month is over" in words
    assert "kifayat explain invoices" in words
    assert "**open**" not in words


def test_the_total_counts_the_groups_that_are_not_listed(tmp_path, draw):
    app = store(tmp_path, "cur")
    lines = [cur_line(cost="1", line_item_currency_code="INR", line_item_resource_id=f"i-{n}") for n in range(1100)]
    write_cur(tmp_path / "cur" / "bill.csv", lines)
    app.ingest()
    page = draw(app, "explorer")
    page.selectbox(key="group-by").set_value("ResourceId").run()
    assert "₹1,100.00** in all groups, of which the 1000 largest are listed" in plain(page.markdown)
    assert page.dataframe[0].value["Share"].max() == pytest.approx(1 / 1100)


def test_a_tag_key_that_json_paths_would_interpret_is_only_a_name(tmp_path):
    app = store(tmp_path, "cur")
    keys = ["*", "a.b", 'a"b', "a/b", "~1", "$", "[0]", "0"]
    tags = {f"resource_tags_user_{key}": f"value of {key}" for key in keys}
    write_cur(tmp_path / "cur" / "bill.csv", [cur_line(cost="1", line_item_currency_code="INR", **tags)])
    app.ingest()
    asked = Slice(Measure(), Period(date(2026, 7, 1), date(2026, 7, 1)))
    known = {row[0] for row in app.query(*asked.tag_keys(100)).rows}
    assert known >= set(keys)
    for key in keys:
        ((name, *_),) = app.query(*asked.totals(Dimension(key, is_tag=True), 10)).rows
        assert name == f"value of {key}"
