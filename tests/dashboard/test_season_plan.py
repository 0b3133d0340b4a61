"""The season plan on rows made by hand: its figures are the tables', what passes a limit is told first, gaps too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from owned import JUNE, published, used

from core import compact_inr
from dashboard.forecast_charts import day_range, grouped, short_inr
from dashboard.views.season_plan import BUSIEST
from kifayat import App
from warehouse import Allocation, Engine, Limits, open_warehouse, publish

NOW = datetime(2026, 8, 10, tzinfo=UTC)
FIRST, END = date(2027, 4, 20), date(2027, 4, 24)
FORMULA = "=1+1|'[x](http://example.com)"
REASON = "its cost does not follow the users: too few days"

#: 17:00 of the third day is the busiest hour.
HOURS = [
    (datetime(2027, 4, 20) + timedelta(days=day, hours=hour), *(float(100 * (day == 2 and hour == 17) + level * 1000
     + 10 * day + hour) for level in (10, 20, 30)))
    for day in range(4) for hour in range(24)
]  # fmt: skip
CROWDS = (("1x", 90_000.0), ("2x", 180_000.0), ("3x", 270_000.0), ("2 lakh", 200_000.0))
SERVICES = [
    *(("content", crowd, at_once, 1.5, at_once / 50_000, "days", 10 * at_once, 9 * at_once, 12 * at_once,
       date(2027, 4, 21), date(2027, 4, 7), None) for crowd, at_once in CROWDS),
    *((FORMULA, crowd, at_once, 2.5, 1.1, "days", 5e6, 4e6, 6e6, None, None, None) for crowd, at_once in CROWDS),
    *(("payment", crowd, at_once, None, None, None, None, None, None, None, None, REASON) for crowd, at_once in CROWDS),
]  # fmt: skip


def season_bill(calendar: str, mean: float) -> tuple[object, ...]:
    """A row of cost_forecasts for the season."""
    levels = (mean * share for share in (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2))
    return ("total", "all", "season", FIRST, END, calendar, 0, mean, *levels, 0.7 * mean, 0, 0.3 * mean, 0, 0)


BILLS = [season_bill("given", 4_00_00_000.0), season_bill("mixture", 3_00_00_000.0)]


def season_app(folder, *, now: datetime = NOW, **tables) -> App:
    """A day of charges, and tables of a forecast as they are given."""
    app = published(folder, [used("5", at=JUNE)])

    def models(engine: Engine, _) -> None:
        for name, rows in tables.items():
            engine.insert(name, rows)

    with open_warehouse(app.storage) as warehouse, Engine(Limits(threads=1)) as engine:
        publish(warehouse, engine, Allocation(), now=now, force=True, models=models)
    return app


def words(page) -> str:
    """All the text of a page but its tables, Markdown escapes taken off."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.success, page.subheader)
    return "\n".join(part.value for kind in kinds for part in kind).replace("\\", "").replace("\u2060", "")


def card(page, key: str) -> tuple[str, str]:
    """The figure of a card and the text below it."""
    found = page.get_by_key(f"metric-{key}")
    return found.metric[0].value.replace("\\", ""), found.caption[0].value.replace("\\", "").replace("\u2060", "")


def drawn(page):
    """The data of the charts, as the browser gets it."""
    sets = [each.data.data for chart in page.get("vega_lite_chart") for each in chart.proto.datasets]
    return [pa.ipc.open_stream(each).read_all() for each in sets]


def table(page, column: str):
    return next(each.value for each in page.dataframe if column in each.value.columns)


@pytest.fixture(scope="module")
def season(tmp_path_factory) -> App:
    tables = {"season_hours": HOURS, "season_services": SERVICES, "cost_forecasts": BILLS}
    return season_app(tmp_path_factory.mktemp("season"), **tables)


@pytest.fixture
def page(season, draw):
    opened = draw(season, "season_plan")
    assert not opened.exception, opened.exception
    assert not opened.error
    return opened


def test_the_season_and_its_bill_are_those_of_the_table(page):
    assert card(page, "season")[0] == day_range(FIRST, END - timedelta(days=1))
    value, text = card(page, "bill")
    assert value == compact_inr(Decimal(4_00_00_000))
    assert f"80 %: {short_inr(3_60_00_000.0)} to {short_inr(4_40_00_000.0)}" in text
    assert f"over all calendars {short_inr(2_70_00_000.0)} to {short_inr(3_30_00_000.0)}" in text
    assert card(page, "extra")[0] == compact_inr(Decimal(1_20_00_000))


def test_the_busiest_hour_is_that_of_the_table(page):
    value, text = card(page, "crowd")
    assert value == grouped(10_000 + 20 + 17 + 100)
    assert "22 Apr, 17:00" in text
    assert grouped(30_137) in text
    busiest = table(page, "Median")
    assert len(busiest) == BUSIEST
    assert list(busiest["Hour"])[:2] == ["Thu 22 Apr, 17:00", "Fri 23 Apr, 23:00"]
    assert busiest["1 in 100"].iloc[0] == 30_137


def test_every_service_and_crowd_is_a_row_with_its_own_figures(page):
    rows = table(page, "Service")
    assert len(rows) == len(SERVICES)
    content = rows[rows["Service"] == "content"]
    assert list(content["Crowd"]) == ["as forecast", "twice that", "three times", "2 lakh at once"]
    assert list(content["At once"]) == [at_once for _, at_once in CROWDS]
    assert list(content["Needs"]) == [at_once / 50_000 for _, at_once in CROWDS]
    assert list(content["Season"]) == [10 * at_once for _, at_once in CROWDS]
    assert set(content["Ready by"]) == {"2027-04-07"}


def test_what_is_not_known_is_no_zero_and_has_its_reason(page):
    rows = table(page, "Service")
    unknown = rows[rows["Service"] == "payment"]
    assert unknown[["Needs", "Has borne", "Season", "80 % from", "80 % to"]].isna().all(axis=None)
    assert f"payment: {REASON}" in words(page)
    (bars,) = [rows for rows in drawn(page) if "needed" in rows.column_names]
    needed = bars.to_pandas().groupby("Service")["needed"]
    assert needed.max()["content"] == 270_000 / 50_000
    assert needed.count()["payment"] == 0


def test_a_service_that_passes_its_limit_is_told_before_the_others(page):
    (told,) = [warning.value for warning in page.warning]
    assert "**content** passes its limit on 21 April 2027: ready by 7 April 2027" in told
    assert "payment" not in told
    assert "which is over" not in told


def test_cost_by_crowd_is_a_choice_of_the_chart(page):
    page.segmented_control(key="season-shown").set_value("Cost").run()
    assert not page.exception
    assert "The line is the middle 80 %" in words(page)


def test_names_of_services_are_text_and_run_nowhere(page):
    assert f"'{FORMULA}" in set(table(page, "Service")["Service"])
    assert not [part for part in page.markdown if "](http" in part.value]


def test_without_a_forecast_the_page_says_what_to_run(tmp_path, draw):
    page = draw(season_app(tmp_path), "season_plan")
    assert not page.exception
    assert any("kifayat forecast" in info.value for info in page.info)
    assert not page.dataframe


@pytest.mark.parametrize("hours", [HOURS[:24], HOURS[:1]], ids=["a day", "an hour"])
def test_one_day_without_services_or_bill_is_no_error(tmp_path, draw, hours):
    page = draw(season_app(tmp_path, season_hours=hours), "season_plan")
    assert not page.exception
    assert card(page, "season")[0] == "20 Apr 2027"
    assert card(page, "bill")[0] == "—"
    assert len(table(page, "Median")) == min(BUSIEST, len(hours))
    assert "What services need cannot be told" in words(page)


def test_services_without_hours_are_shown(tmp_path, draw):
    calm = [row for row in SERVICES if row[9] is None]
    page = draw(season_app(tmp_path, season_services=calm), "season_plan")
    assert not page.exception
    assert card(page, "crowd")[0] == "—"
    assert "hours cannot be planned" in words(page)
    assert "no service needs more than it has borne" in words(page)


def test_only_services_whose_needs_are_unknown_are_no_all_clear(tmp_path, draw):
    page = draw(season_app(tmp_path, season_services=[row for row in SERVICES if row[-1]]), "season_plan")
    assert not page.exception
    assert not page.success
    assert REASON in words(page)
