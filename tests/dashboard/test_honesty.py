"""What is missing is told: no total of half the bill, no zero for a rupee nobody can convert, no quiet lag."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from apps import make_app
from bills import cur_line, write_cur

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
    assert [metric.delta for metric in page.metric[:2]] == ["+50.0 %", "-3.2 %"]
    words = plain(page.caption)
    assert "+₹950 vs the same days of June, to 19 Jul" in words
    assert "-₹100 vs May 2026" in words


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
