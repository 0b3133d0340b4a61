"""The pages of what is to come: their figures are those of the tables, and without a forecast they say what to do."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from demo.company import Company
from demo.write import write_company
from kifayat import App

#: A company is written, loaded and forecast: once is enough, on the engine that is shipped.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> App:
    folder = tmp_path_factory.mktemp("forecast") / "company"
    write_company(folder, Company(months=14), lambda _: None)
    app = App.from_toml(folder / "kifayat.toml")
    app.ingest(forecast=True)
    return app


def drawn(draw, app, name):
    page = draw(app, name)
    assert not page.exception, page.exception
    assert not page.error
    return page


def card(page, key):
    return page.get_by_key(f"metric-{key}").metric[0].value.replace("\\", "")


@pytest.mark.parametrize("name", ["forecast", "season_plan"])
def test_a_page_without_a_forecast_says_what_to_run(app, draw, name):
    assert any("kifayat forecast" in info.value for info in drawn(draw, app, name).info)


def test_the_figures_of_the_forecast_are_those_of_the_tables(company, draw):
    from dashboard.forecast_charts import day_range, grouped

    page = drawn(draw, company, "forecast")
    users = company.query(
        "SELECT q50 FROM forecast_monthly WHERE metric = 'mau' AND product = 'all' AND calendar = 'given'"
        " ORDER BY month LIMIT 1"
    ).rows[0][0]
    assert card(page, "mau") == grouped(users)
    exam = company.query(
        "SELECT first_day, last_day FROM forecast_events WHERE event = 'exam' AND first_day > '2026-08-20' ORDER BY 1"
    ).rows[0]
    assert card(page, "exam") == day_range(*exam)


def test_every_choice_of_the_page_draws(company, draw):
    page = drawn(draw, company, "forecast")
    for key, value in (
        ("forecast-metric", "peak_concurrent"),
        ("forecast-calendar", "mixture"),
        ("cost-dimension", "x_Service"),
    ):
        page.selectbox(key=key).set_value(value).run()
        assert not page.exception, (key, page.exception)


def test_the_season_plan_shows_every_service_and_the_hours(company, draw):
    page = drawn(draw, company, "season_plan")
    services = {row[0] for row in company.query("SELECT DISTINCT service FROM season_services").rows}
    assert {"content", "assessment"} <= services
    shown = set()
    for table in page.dataframe:
        if "Service" in table.value.columns:
            shown |= set(table.value["Service"])
    assert services <= shown


def test_tables_of_the_forecast_hang_together(company):
    run = company.query("SELECT known_through, horizon_days FROM forecast_runs").rows
    assert run == ((date(2026, 8, 20), 550),)
    first, last = company.query("SELECT MIN(day), MAX(day) FROM forecast_daily").rows[0]
    assert first == date(2026, 8, 21)
    assert last == first + timedelta(days=549)
    crossed = company.query(
        "SELECT COUNT(*) FROM forecast_daily WHERE q025 > q05 OR q05 > q10 OR q10 > q25 OR q25 > q50 OR q50 > q75"
        " OR q75 > q90 OR q90 > q95 OR q95 > q975 OR q025 < 0"
    ).rows[0][0]
    assert crossed == 0
    parts = company.query(
        "SELECT MAX(ABS(mean - known_inr - base_inr - growth_inr - season_inr - fx_inr - unknown_inr) / mean)"
        " FROM cost_forecasts WHERE mean > 1"
    ).rows[0][0]
    assert parts < 1e-6
    total, services = company.query(
        "SELECT SUM(mean) FILTER (dimension = 'total'), SUM(mean) FILTER (dimension = 'ServiceName')"
        " FROM cost_forecasts WHERE calendar = 'given' AND period = 'month'"
    ).rows[0]
    assert services == pytest.approx(total, rel=1e-4)


def test_a_second_forecast_of_the_same_inputs_is_not_made_again(company):
    said: list[str] = []
    before = company.query("SELECT inputs, made_at FROM forecast_runs").rows
    assert not company.forecast(said.append).is_new
    assert any("nothing it is made from has changed" in text for text in said)
    assert company.query("SELECT inputs, made_at FROM forecast_runs").rows == before


def test_publishing_without_a_forecast_keeps_the_last_one(company):
    before = company.query("SELECT inputs FROM forecast_runs").rows
    company.refresh()
    assert company.query("SELECT inputs FROM forecast_runs").rows == before


def test_the_same_seed_gives_the_same_tables(company):
    sql = "SELECT metric, product, state, day, calendar, q10, q90 FROM forecast_daily ORDER BY ALL LIMIT 500"
    before = company.query(sql).rows
    assert company.forecast(force=True).is_new
    assert company.query(sql).rows == before
