"""The page of the cost per user: its figures are those of the marts, its sums the bill, its gaps have reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from apps import deliver, make_app
from bills import Line, monthly_line
from browsing import chromium, new_tab, serving, settled
from owned import JULY, JUNE, published, used

from core import format_inr
from dashboard import waterfall
from kifayat import App

PAGE = "unit_economics"
AUGUST = datetime(2026, 8, 1)
FORMULA = "=1+1|'[x](http://example.com)"
CLOSED = (("2026-06-01", "June 2026"), ("2026-07-01", "July 2026"))
PER_USER = (
    "SELECT CAST(CAST(SUM(x_CostInr) AS DOUBLE) / MAX(x_ActiveUsers) AS DECIMAL(38, 12)) FROM unit_costs"
    " WHERE x_BillingMonth = CAST($month AS DATE) AND x_CostPart <> 'prepayments'"
    " AND (x_CostPart <> 'tax' OR $with_tax)"
)
BILL = "SELECT SUM(x_BilledCostInr) FROM cost_daily WHERE x_BillingMonth = CAST($month AS DATE)"


def plain(elements: Sequence[object]) -> str:
    """What a person reads, Markdown escapes taken off."""
    return "\n".join(element.value.replace("\\", "").replace("\u2060", "") for element in elements)


def words(page) -> str:
    """All the text of a page but its tables."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.subheader)
    return "\n".join(plain(kind) for kind in kinds)


def daily_users(day: datetime) -> int:
    """Users that vary from day to day and are more in July."""
    return 100 + 37 * day.day % 61 + (40 if day.month == 7 else 0)


def usage(first: datetime, days: int, **more: str) -> list[Line]:
    """Lines of three services: one that follows the users, one that is always on, one that nobody owns."""
    lines = []
    for day in (first + timedelta(days=count) for count in range(days)):
        users = daily_users(day)
        priced = {"line_item_usage_amount": str(users), "pricing_public_on_demand_cost": f"{users * 3}", **more}
        lines.append(used(f"{users * 2}.013", at=day, resource_tags_user_service="content", **priced))
        lines.append(used("90.007", at=day, resource_tags_user_service=FORMULA, **more))
        lines.append(used("11.1", at=day, **more))
    return lines


def bill() -> list[Line]:
    """June and July with tax, a credit and an upfront fee, and a week of an open August."""
    fee = used(
        "1200", line_item_line_item_type="Fee", reservation_reservation_a_r_n="arn:ri",
        line_item_product_code="AmazonRDS",
    )  # fmt: skip
    inr = {"line_item_currency_code": "INR", "bill_invoice_id": "IN-1"}
    monthly = [
        line
        for at in (JUNE, JULY)
        for line in (monthly_line("Tax", "270.09", at=at, **inr), monthly_line("Credit", "-40.5", at=at, **inr))
    ]
    return [*usage(JUNE, 30), *usage(JULY, 31), *usage(AUGUST, 8, bill_invoice_id=""), *monthly, fee]


def feed() -> str:
    """Monthly, daily and peak users; three days of July are not counted."""
    rows = ["2026-06-01,all,India,mau,700", "2026-07-01,all,India,mau,777", "2026-07-01,neet,India,mau,500"]
    for day in (JUNE + timedelta(days=count) for count in range(69)):
        if date(2026, 7, 20) <= day.date() <= date(2026, 7, 22):
            continue
        rows.append(f"{day:%Y-%m-%d},all,India,dau,{daily_users(day)}")
        rows.append(f"{day:%Y-%m-%d},all,India,peak_concurrent,{daily_users(day) // 5}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def counted(tmp_path_factory) -> App:
    """A store whose users are counted."""
    return published(tmp_path_factory.mktemp("counted"), bill(), users=feed())


@pytest.fixture(scope="module")
def uncounted(tmp_path_factory) -> App:
    """The same bill without any feed of users."""
    return published(tmp_path_factory.mktemp("uncounted"), bill())


def hero(page) -> tuple[str, str]:
    """The big figure and what stands below it."""
    card = page.get_by_key("metric-cost-per-user")
    return card.metric[0].value.replace("\\", ""), plain([*card.markdown, *card.caption])


def of_query(app: App, month: str, *, with_tax: bool = False) -> Decimal:
    return app.query(PER_USER, {"month": month, "with_tax": with_tax}).rows[0][0]


def test_the_cost_per_user_is_what_the_query_says_to_the_last_digit(counted, draw):
    page = draw(counted, PAGE)
    assert not page.exception
    assert not page.error
    exact = of_query(counted, "2026-07-01")
    shown, below = hero(page)
    assert shown == format_inr(exact)
    assert f"÷ 777 users = {format_inr(exact, 4)}" in below
    assert f"unrounded ₹{exact:f}" in below
    score = counted.query(
        "SELECT value FROM scores WHERE metric = 'cost_per_user_inr' AND x_BillingMonth = DATE '2026-07-01'"
    ).rows[0][0]
    assert float(exact) == pytest.approx(score, abs=1e-12)


def test_gst_comes_in_with_the_switch_and_the_target_stays_without_it(counted, draw):
    page = draw(counted, PAGE)
    page.toggle(key="with-tax").set_value(True).run()
    exact = of_query(counted, "2026-07-01", with_tax=True)
    assert exact > of_query(counted, "2026-07-01")
    shown, below = hero(page)
    assert shown == format_inr(exact)
    assert "Above the target ₹5.00, which is without GST" in below


def test_the_figure_is_compared_with_the_month_before_and_says_what_it_lacks_of_the_year_before(counted, draw):
    _, below = hero(draw(counted, PAGE))
    june, july = (of_query(counted, month) for month, _ in CLOSED)
    change = f"{(float(july / june) - 1) * 100:+.1f} %"
    assert f"{change} ({'+' if july > june else ''}{format_inr(july - june)})" in below
    assert f"against June 2026, {format_inr(june)}" in below
    assert "Not compared with July 2025, as far from its exam: no charges are loaded." in below


@pytest.mark.parametrize(("month", "name"), CLOSED)
@pytest.mark.parametrize("tab", ["By service", "By provider", "By product"])
def test_the_parts_of_a_month_are_its_bill_to_the_paisa(counted, draw, tab, month, name):
    page = draw(counted, PAGE)
    page.selectbox(key="month").set_value(date.fromisoformat(month)).run()
    page.session_state["split"] = tab
    page.run()
    assert not page.exception
    amount = counted.query(BILL, {"month": month}).rows[0][0]
    assert f"= bill of {name} **{format_inr(amount)}**, to the paisa" in words(page)
    table = page.dataframe[0].value
    assert table.columns[0] == tab.removeprefix("By ").capitalize()
    column = "Cost" if tab == "By product" else "Bill"
    timing = counted.query(
        "SELECT COALESCE(SUM(x_CostInr), 0) FROM unit_costs"
        " WHERE x_CostPart = 'prepayments' AND x_BillingMonth = CAST($month AS DATE)",
        {"month": month},
    ).rows[0][0]
    missing = timing if tab == "By product" else Decimal(0)
    assert table[column].sum() + float(missing) == pytest.approx(float(amount), abs=0.005)


def test_what_nobody_owns_is_a_row_and_a_formula_is_text(counted, draw):
    names = list(draw(counted, PAGE).dataframe[0].value["Service"])
    assert "unallocated" in names
    assert f"'{FORMULA}" in names


def test_the_causes_of_a_change_are_those_of_the_model(counted, draw):
    page = draw(counted, PAGE)
    row = counted.query(
        "SELECT SUM(before_inr), SUM(after_inr), SUM(users) FROM cost_changes"
        " WHERE comparison = 'month' AND x_BillingMonth = DATE '2026-07-01'"
    ).rows[0]
    text = words(page)
    assert f"June 2026 **{format_inr(row[0], 0)}** → July 2026 **{format_inr(row[1], 0)}**" in text
    assert f"**Users** {'+' if row[2] > 0 else ''}{format_inr(row[2], 0)}" in text
    assert "usage per user and mix may be large and opposite" in text


def test_the_first_month_and_an_open_month_say_why_nothing_is_compared(counted, draw):
    page = draw(counted, PAGE)
    page.selectbox(key="month").set_value(date(2026, 6, 1)).run()
    assert "it would be May 2026, and the data begins in June 2026" in plain(page.info)
    page.selectbox(key="month").set_value(date(2026, 8, 1)).run()
    assert "August 2026 is not over: a part of a month explains nothing" in plain(page.info)


def test_a_year_that_is_not_there_names_the_month_that_would_be_compared(counted, draw):
    page = draw(counted, PAGE)
    page.segmented_control(key="comparison").set_value("year").run()
    assert "it would be July 2025, the month as far from its exam as July 2026" in plain(page.info)


def test_days_without_counted_users_are_told(counted, draw):
    text = words(draw(counted, PAGE))
    assert "3 of 68 days have no figure: no daily active users are counted for this day" in text


def test_one_lakh_more_users_stand_beside_what_a_lakh_costs_on_average(counted, draw):
    page = draw(counted, PAGE)
    lakh, average = counted.query(
        "SELECT lakh_users_month_inr, average_inr_per_user_day FROM marginal_costs WHERE x_Service = 'all'"
    ).rows[0]
    assert lakh is not None
    table = page.dataframe[-1].value
    assert table["Service"][0] == "All services"
    assert table["A lakh more"][0] == pytest.approx(float(lakh))
    assert table["A lakh on average"][0] == pytest.approx(average * 3_000_000, abs=0.01)


def test_without_any_feed_of_users_the_page_says_what_to_add_and_keeps_the_rupees(uncounted, draw):
    page = draw(uncounted, PAGE)
    assert not page.exception
    assert hero(page) == ("—", "Not known: no monthly active users are counted for this month.")
    assert "`kifayat explain active_users`" in "\n".join(info.value for info in page.info)
    amount = uncounted.query(BILL, {"month": "2026-07-01"}).rows[0][0]
    assert f"= bill of July 2026 **{format_inr(amount)}**, to the paisa" in words(page)
    assert page.dataframe[0].value["₹ per user"].isna().all()
    assert "Not told apart: no user count for 2026-06 and 2026-07" in words(page)
    for key in ("users", "daily", "peak", "lakh"):
        assert page.get_by_key(f"metric-{key}").metric[0].value == "—"


def test_daily_users_of_products_only_are_summed_as_the_most_they_can_be(tmp_path, draw):
    users = "2026-07-01,all,India,peak_concurrent,90\n2026-07-01,neet,India,dau,50\n2026-07-01,tests,India,dau,40\n"
    app = published(tmp_path, [used("180")], users=users)
    assert not draw(app, PAGE).exception
    assert app.query("SELECT dau, is_upper_bound FROM users_daily WHERE product = 'all'").rows == ((90, True),)
    assert app.query("SELECT x_CostPerDailyUserInr FROM unit_costs_daily").rows == ((2,),)


def test_no_users_in_a_month_are_a_reason_and_no_division(tmp_path, draw):
    users = "2026-07-01,all,India,mau,0\n2026-07-01,all,India,dau,0\n"
    page = draw(published(tmp_path, [used("10")], users=users), PAGE)
    assert not page.exception
    assert hero(page) == ("—", "Not known: no user was active in this month.")


def test_users_that_are_a_sum_of_products_are_said_to_be_the_most_there_can_be(tmp_path, draw):
    users = "2026-07-01,neet,India,mau,50\n2026-07-01,tests,India,mau,50\n"
    page = draw(published(tmp_path, [used("1000")], users=users), PAGE)
    assert hero(page)[0] == "₹10.00"
    assert "who uses two is counted twice" in hero(page)[1]


@pytest.mark.parametrize("currency", ["INR", "USD"])
def test_one_day_of_data_is_enough(tmp_path, draw, currency):
    app = make_app(tmp_path)
    deliver(
        tmp_path / "cur", "day.csv", ["1.50", "2.50"], at=datetime(2026, 7, 10, 4), line_item_currency_code=currency
    )
    app.ingest()
    page = draw(app, PAGE)
    assert not page.exception
    assert not page.error
    assert hero(page)[0] == "—"
    if currency == "USD":
        assert "$4.00 in July 2026" in plain(page.warning)


def test_a_part_without_a_rate_is_not_compared(tmp_path, draw):
    lines = [used("10", at=JUNE), used("20"), used("5", line_item_currency_code="EUR")]
    users = "2026-06-01,all,India,mau,2\n2026-07-01,all,India,mau,2\n"
    page = draw(published(tmp_path, lines, users=users), PAGE)
    assert not page.exception
    assert hero(page)[0] == "₹10.00"
    assert "Not compared with June 2026: a part of the cost has no exchange rate." in hero(page)[1]


def test_each_bar_of_a_waterfall_begins_where_the_last_one_ended():
    steps = [
        waterfall.Step("before", Decimal(10), is_total=True),
        waterfall.Step("more", Decimal(5)),
        waterfall.Step("less", Decimal(-20)),
        waterfall.Step("after", Decimal(-5), is_total=True),
    ]
    bars = waterfall.bars(steps, format_inr)
    assert [(bar["start"], bar["end"]) for bar in bars] == [(0, 10), (10, 15), (15, -5), (0, -5)]
    assert all(before["end"] == after["start"] for before, after in pairwise(bars[:-1]))
    assert [bar["Cost"] for bar in bars] == ["₹10.00", "+₹5.00", "-₹20.00", "-₹5.00"]


@pytest.fixture(scope="module")
def address(counted, tmp_path_factory):
    with serving(counted.config.path, tmp_path_factory.mktemp("server") / "log.txt") as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.mark.browser
def test_in_the_browser_the_cost_per_user_is_that_of_the_query_and_the_parts_are_the_bill(browser, address, counted):
    exact = of_query(counted, "2026-07-01")
    amount = counted.query(BILL, {"month": "2026-07-01"}).rows[0][0]
    faults = []
    with new_tab(browser) as page:
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{address}/{PAGE}")
        settled(page)
        card = page.locator(".st-key-metric-cost-per-user")
        assert card.locator("[data-testid=stMetricValue]").inner_text() == format_inr(exact)
        assert f"= {format_inr(exact, 4)}" in card.inner_text()
        assert f"unrounded ₹{exact:f}" in card.inner_text()
        footer = page.locator(".st-key-split-sum").inner_text()
        assert f"= bill of July 2026 {format_inr(amount)}, to the paisa" in footer
        charts = page.locator("[data-testid=stVegaLiteChart] svg.marks")
        charts.nth(3).wait_for()  # their code is fetched when the first one is needed
        assert charts.count() == 4
        assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0
    assert faults == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_in_the_browser_nothing_is_cut_on_a_telephone_or_a_desk(browser, address, width):
    with new_tab(browser, width, 844) as page:
        page.goto(f"{address}/{PAGE}")
        settled(page)
        cut = page.evaluate(
            "() => [...document.querySelectorAll('[data-testid=stMetric] *')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).textOverflow === 'ellipsis')"
            ".map(e => e.innerText)"
        )
        assert cut == []
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
