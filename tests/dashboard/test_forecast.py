"""The pages of what is to come: their figures are those of the tables, and without a forecast they say what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import pyarrow as pa
import pytest
from owned import JULY, published, used

from core import compact_inr
from dashboard.forecast_charts import Flag, day_range, grouped, place, short_inr
from dashboard.forecast_quality import sentences
from kifayat import App
from kifayat.settings import settings_of
from models import budgets
from models.forecast import ForecastSettings, make
from models.forecast_inputs import read_bill, read_crowd
from warehouse import Allocation, Engine, Limits, open_warehouse, publish

NOW = datetime(2026, 8, 10, tzinfo=UTC)
KNOWN, PEAK = date(2026, 7, 31), date(2027, 4, 25)
SCENARIO, HOSTILE = "exam on 20 June", "**bold** [x](http://example.com)"
BUDGET = '[[budgets]]\nname = "all"\nfinancial_year = 2026\namount_inr = 10000000\nwith_tax = {tax}\n'
FUTURES = [("2027: on time", 0.7, "2027-05-02"), ("2027: moved", 0.2, "2027-06-20"), (HOSTILE, 0.1, "")]
EVENTS = [
    ("exam", date(2026, 5, 3), date(2026, 5, 3), "actual", None),
    ("boards", date(2027, 2, 17), date(2027, 4, 9), "expected", None),
    ("exam", date(2027, 5, 2), date(2027, 5, 11), "expected", None),
    ("holi", date(2027, 3, 22), date(2027, 3, 22), "holiday", None),
]


def levels(mean: float) -> list[float]:
    """Mean and quantiles: P10 is nine tenths of the mean, P90 eleven."""
    return [mean, *(mean * share for share in (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2))]


def daily(metric="dau", product="all", state="all", calendar="given", base=1000.0, days=400):
    ahead = [KNOWN + timedelta(days=count + 1) for count in range(days)]
    return [(metric, product, state, day, calendar, *levels(base * (3 if day == PEAK else 1))) for day in ahead]


def monthly(metric, month, mean, calendar="given"):
    return (metric, "all", month, calendar, 0, *levels(mean))


def rupees(period, first, end, mean, known=0.0, calendar="given", dimension="total", value="all"):
    left = mean - known
    parts = (0.7 * left, 0.1 * left, 0.2 * left, 0.0, 0.0)
    return (dimension, value, period, first, end, calendar, known, *levels(mean), *parts)


def score(candidate, days, wape, origins=5, product="all", champion=False):
    figures = (wape, 1.25, -0.01, 0.06, None, 1.0, 0.02, 0.79, 0.94)
    return ("dau", product, "all", candidate, days, origins, *figures, champion)


def full():
    """A forecast made by hand: the peak on 25 April, a moved calendar, a scenario, a state, two services."""
    august, september, april = date(2026, 8, 1), date(2026, 9, 1), date(2027, 4, 1)
    return {
        "forecast_runs": [(datetime(2026, 8, 1, 2), KNOWN, 400, 100, 0, 4, 1.5, "abc")],
        "forecast_daily": [
            *daily(), *daily(calendar="mixture", base=900), *daily(calendar=SCENARIO, base=800),
            *daily(product="neet", base=600), *daily(product="neet", state="Bihar", base=60),
            *daily(metric="peak_concurrent", base=300),
        ],
        "forecast_monthly": [
            monthly("mau", august, 123456.0), monthly("mau", september, 134567.0),
            monthly("peak_concurrent", august, 20_000.0), monthly("peak_concurrent", april, 190_000.0),
            monthly("peak_concurrent", date(2027, 8, 1), 500_000.0), monthly("mau", august, 9.0, "mixture"),
        ],
        "forecast_events": EVENTS,
        "forecast_futures": FUTURES,
        "forecast_scores": [
            score("champion", 90, 0.042), score("event_blend", 90, 0.05, champion=True),
            score("seasonal_naive", 90, 0.089), score("champion", 7, 0.02), score("champion", 90, 0.5, product="neet"),
        ],
        "forecast_notes": [("dau", "all", "all", "short"), ("peak_share", "all", "all", "short"),
                           ("dau", "neet", "Bihar", "short"), ("dau", "neet", "all", HOSTILE)],
        "cost_forecasts": [
            rupees("month", august, september, 50_00_000.0, 10_00_000.0),
            rupees("season", date(2027, 2, 1), date(2027, 5, 26), 2_00_00_000.0),
            rupees("financial_year", date(2026, 4, 1), date(2027, 4, 1), 6_00_00_000.0, 2_00_00_000.0),
            rupees("month", august, september, 40_00_000.0, 10_00_000.0, calendar="mixture"),
            rupees("month", august, september, 30_00_000.0, dimension="x_Service", value="content"),
            rupees("month", august, september, 20_00_000.0, dimension="x_Service", value=HOSTILE),
        ],
        "budget_curves": [("all", 2026, date(2027, 3, 1), 1e7, 2e6, 8e6, 9e6, 1.1e7)],
    }  # fmt: skip


def users(last: date) -> str:
    """Counts of each day of July up to one."""
    lines = []
    for at in range(1, last.day + 1):
        day = f"2026-07-{at:02}"
        lines += [f"{day},neet,all,dau,{600 + at}", f"{day},neet,Bihar,dau,{60 + at}", f"{day},all,all,dau,{900 + at}"]
        lines.append(f"{day},all,all,peak_concurrent,{300 + at}")
    return "\n".join(lines) + "\n"


def foretold(folder, tables, *, more: str = "", through: date = KNOWN, since: datetime = JULY) -> App:
    """Charges of each day up to July and July's users, and the tables of a forecast as they are given."""
    days = (datetime(2026, 8, 1) - since).days
    bill = [used("5", at=since + timedelta(days=count)) for count in range(days)]
    app = published(folder, bill, more, users(through))

    def models(engine: Engine, _) -> None:
        for name, rows in tables.items():
            engine.insert(name, rows)
        budgets.build(engine, lambda _: None)

    with open_warehouse(app.storage) as warehouse, Engine(Limits(threads=1)) as engine:
        settings = settings_of(app.config)
        publish(warehouse, engine, Allocation(), now=NOW, force=True, models=models, settings=settings)
    return app


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> App:
    return foretold(tmp_path_factory.mktemp("made"), full(), more=BUDGET.format(tax="false"))


def words(page) -> str:
    """All the text of a page but its tables, Markdown escapes taken off."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.subheader)
    return "\n".join(part.value for kind in kinds for part in kind).replace("\\", "").replace("\u2060", "")


def below(page, key):
    return page.get_by_key(f"metric-{key}").caption[0].value.replace("\\", "").replace("\u2060", "")


def table(page, column):
    return next(each.value for each in page.dataframe if column in each.value.columns)


def drawn_rows(page, column):
    """The data of the first chart that has such a column, as the browser gets it."""
    sets = [each.data.data for chart in page.get("vega_lite_chart") for each in chart.proto.datasets]
    return next(rows for rows in (pa.ipc.open_stream(each).read_all() for each in sets) if column in rows.column_names)


@pytest.fixture(scope="module")
def company(demo_company) -> App:
    return App.from_toml(demo_company / "kifayat.toml")


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


def test_the_same_inputs_and_seed_give_the_same_tables(company):
    class Reader:
        """A snapshot as the forecast's inputs read it."""

        def rows(self, sql, params=None):
            return list(company.query(sql, params).rows)

        def dicts(self, sql, params=None):
            return company.query(sql, params).to_dicts()

    crowd, bill = read_crowd(Reader()), read_bill(Reader())
    whole = {name: {"all": getattr(crowd, name)["all"]} for name in ("dau", "peak", "mau")}
    crowd = replace(crowd, by_state={}, **whole)
    budgets = company.query("SELECT * FROM budgets ORDER BY ALL").to_dicts()
    once, again = (make(crowd, bill, budgets, ForecastSettings(n_paths=100), lambda _: None) for _ in range(2))
    assert once == again
    assert once["forecast_daily"]
    assert once["cost_forecasts"]


def test_the_tiles_are_the_rows_of_the_tables(made, draw):
    page = drawn(draw, made, "forecast")
    assert card(page, "exam") == day_range(date(2027, 5, 2), date(2027, 5, 11))
    assert "expected; its calendar is 70 % likely" in below(page, "exam")
    assert card(page, "peak") == grouped(190_000)
    assert f"in April 2027; 1 in 10: over {grouped(209_000)}" in below(page, "peak")
    assert card(page, "mau") == "1,23,456"
    assert f"80 %: {grouped(0.9 * 123456)} to {grouped(1.1 * 123456)}" in below(page, "mau")
    assert f"September: {grouped(134567)}" in below(page, "mau")
    assert card(page, "year") == compact_inr(Decimal(6_00_00_000))
    assert below(page, "year").endswith(f"known {compact_inr(Decimal(2_00_00_000))}")
    assert "from what was known through 31 July 2026, 400 days ahead, 100 sample paths" in words(page)
    assert not page.warning


def test_users_are_drawn_for_every_choice_and_the_highest_day_is_told(made, draw):
    page = drawn(draw, made, "forecast")
    assert page.selectbox(key="forecast-calendar").options == ["As given", "All that is possible", SCENARIO]
    assert f"Highest day: Sun 25 April 2027 with {grouped(3000)} (95 %: {grouped(2400)} to {grouped(3600)})" in words(
        page
    )
    for span in ("Season", "All", "12 months"):
        page.segmented_control(key="forecast-range").set_value(span).run()
        assert not page.exception, span
    page.selectbox(key="forecast-calendar").set_value(SCENARIO).run()
    assert f"with {grouped(2400)}" in words(page)
    assert "sand-coloured" not in words(page)
    page.selectbox(key="forecast-product").set_value("neet").run()
    page.selectbox(key="forecast-state").set_value("Bihar").run()
    assert not page.exception
    assert f"with {grouped(180)}" in words(page)


def test_possible_calendars_are_a_table_with_their_probabilities(made, draw):
    rows = table(drawn(draw, made, "forecast"), "Probability")
    assert list(rows["Probability"]) == [0.7, 0.2, 0.1]
    assert rows["Exams"].iloc[1] == "2027-06-20"


def test_rupees_are_those_of_the_choice(made, draw):
    page = drawn(draw, made, "forecast")
    rows = table(page, "Season's part")
    assert list(rows["Period"]) == ["Financial year", "Season", "Month"]
    assert list(rows["Expected"]) == [6_00_00_000, 2_00_00_000, 50_00_000]
    assert list(rows["80 % from"]) == pytest.approx([0.9 * mean for mean in rows["Expected"]])
    assert list(rows["Known"]) == [2_00_00_000, 0, 10_00_000]
    assert sum(drawn_rows(page, "Part")["amount"].to_pylist()) == pytest.approx(50_00_000)
    assert all("₹50.00 lakh" in c.proto.alt for c in page.get("vega_lite_chart") if c.proto.alt.startswith("Cost"))
    page.selectbox(key="cost-calendar").set_value("mixture").run()
    assert list(table(page, "Season's part")["Expected"]) == [40_00_000]
    page.selectbox(key="cost-dimension").set_value("x_Service").run()
    assert page.selectbox(key="cost-value").options == ["content", HOSTILE]
    assert page.selectbox(key="cost-calendar").options == ["As given"]
    assert list(table(page, "Season's part")["Expected"]) == [30_00_000]


def test_how_good_it_was_is_a_sentence_from_the_numbers(made, draw):
    page = drawn(draw, made, "forecast")
    assert "90 days ahead** by 4.2 % in 5 trials; a repetition of last year by 8.9 %" in words(page)
    assert "which was better" not in words(page)
    rows = table(page, "WAPE").query("Candidate == 'champion' and `Days ahead` == 90 and Of == 'all'")
    shown = rows[["WAPE", "MASE", "Bias", "In 80 %", "In 95 %"]].values.tolist()
    assert shown == [[0.042, 1.25, -0.01, 0.79, 0.94]]
    assert "event_blend ✓" in set(table(page, "WAPE")["Candidate"])


def test_a_worse_forecast_and_too_few_trials_are_told():
    own = {90: {"wape": 0.3, "origins": 1}, 365: {"wape": 0.2, "origins": 4}, 7: {"wape": None, "origins": 2}}
    naive = {90: {"wape": 0.24, "origins": 1}, 365: {"wape": 0.1, "origins": 2}}
    assert sentences(own, naive) == [
        "**90 days ahead** by 30.0 % in 1 trial; a repetition of last year by 24.0 %, which was better",
        "**365 days ahead** by 20.0 % in 4 trials; a repetition of last year by 10.0 % in 2 trials",
    ]


def test_a_remark_stands_once_with_all_that_it_is_about_and_hostile_ones_are_text(made, draw):
    page = drawn(draw, made, "forecast")
    remarks = [caption.value for caption in page.caption if caption.value.startswith(":material/info:")]
    assert len(remarks) == 2
    assert "short (everybody; neet, Bihar)" in words(page)
    assert not [remark for remark in remarks if "](http" in remark or "**bold" in remark]


@pytest.mark.parametrize(("known", "says"), [(date(2026, 7, 25), ""), (date(2026, 7, 11), "Users are known 20 days")])
def test_a_forecast_that_the_data_has_left_behind_warns(tmp_path, draw, known, says):
    run = (datetime(2026, 7, 26, 2), known, 400, 100, 0, 4, 1.5, "abc")
    page = drawn(draw, foretold(tmp_path, {**full(), "forecast_runs": [run]}), "forecast")
    assert [warning.value.startswith(says) for warning in page.warning] == ([True] if says else [])


def test_users_that_nobody_counts_any_more_are_told(tmp_path, draw):
    through = date(2026, 7, 11)
    tables = {**full(), "forecast_runs": [(datetime(2026, 8, 1, 2), through, 400, 100, 0, 4, 1.5, "abc")]}
    page = drawn(draw, foretold(tmp_path, tables, through=through), "forecast")
    assert any("further than the users" in warning.value for warning in page.warning)


def test_a_run_without_any_row_shows_dashes_and_its_reasons(tmp_path, draw):
    tables = {name: full()[name] for name in ("forecast_runs", "forecast_notes")}
    page = drawn(draw, foretold(tmp_path, tables), "forecast")
    assert [card(page, key) for key in ("exam", "peak", "mau", "year")] == ["—"] * 4
    assert "No cost is forecast." in words(page)
    assert "the history is too short" in words(page)
    assert "short (everybody" in words(page)


def test_one_day_ahead_is_enough(tmp_path, draw):
    tables = {**{name: rows[:1] for name, rows in full().items()}, "forecast_daily": daily(days=1)}
    page = drawn(draw, foretold(tmp_path, tables), "forecast")
    assert f"Highest day: Sat 01 August 2026 with {grouped(1000)}" in words(page)
    assert list(table(page, "Season's part")["Expected"]) == [50_00_000]


@pytest.mark.parametrize(
    ("p90", "chance"), [(1e7, "less than 1 in 10"), (1.1e7, "between 1 and 5 in 10"), (None, "no forecast")]
)
def test_a_budget_tells_its_band_at_completion_if_there_is_one(tmp_path, draw, p90, chance):
    known = [5.0 * days for days in (30, 61, 91, 122)]  # 5 rupees a day up to July, as billed
    curves = [("all", 2026, date(2026, 4 + at, 1), 1e7, usage, usage, usage, usage) for at, usage in enumerate(known)]
    curves += [("all", 2026, date(2026, 8, 1), 1e7, 610.0, 1e6, 1e6, 1e6)]
    curves += [("all", 2026, date(2027, 3, 1), 1e7, 610.0, 8e6, 9e6, p90)]
    app = foretold(
        tmp_path, {"budget_curves": curves if p90 else []}, more=BUDGET.format(tax="false"), since=datetime(2026, 4, 1)
    )
    page = drawn(draw, app, "budgets")
    band = f"Forecast for the whole year: {short_inr(9e6)}, 90.0 % of the budget (80 %: {short_inr(8e6)} to"
    assert (f"{band} {short_inr(p90)})" in words(page)) == bool(p90)
    assert chance in words(page)


def test_a_budget_whose_year_is_not_loaded_from_its_beginning_says_so(made, draw):
    assert "no bills before July 2026 are loaded" in words(drawn(draw, made, "budgets"))


@pytest.mark.parametrize("width", [270, 640])
def test_words_of_crowded_events_do_not_cover_each_other(width):
    first, last = date(2026, 1, 1), date(2027, 3, 1)
    names = ("diwali", "exam", "boards", "result", "counselling_start", "holi")
    flags = [Flag(names[at % 6], day, day, "actual") for at in range(40) for day in [first + timedelta(days=10 * at)]]
    flags.append(Flag("exam", last, last, "expected"))
    placed, each = place(flags, first, last, width), width / ((last - first).days + 1)
    spans = []
    for flag, (row, side) in zip(flags, placed, strict=True):
        start, long = (flag.first - first).days * each, 8 + 6.5 * len(flag.word)
        low = start if side == "left" else start - long
        assert row < 0 or (0 <= low <= width - long and flag.name != "holi")
        spans += [(row, low, low + long)] if row >= 0 else []
    assert not [1 for a, b in combinations(spans, 2) if a[0] == b[0] and a[1] < b[2] and b[1] < a[2]]
    assert placed[-1][1] == "right"
    assert placed[1] == (0, "left")
