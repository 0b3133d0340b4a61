"""Cost per active user: ties to the bill, splits into parts, and gives a reason where it cannot be said."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from bills import monthly_line
from owned import JULY, JUNE, published, used

from demo.company import Company, Dollar
from demo.gcp import write_gcp
from demo.truth import Truth
from demo.users import Users
from kifayat import App

BY_MONTH = "SELECT x_CostPart, SUM(x_CostInr) FROM unit_costs WHERE x_BillingMonth = DATE '2026-07-01' GROUP BY 1"
MAU = "2026-07-01,neet,Bihar,mau,300\n2026-07-01,neet,Kerala,mau,100\n2026-07-01,tests,Bihar,mau,200\n"


def score(app, metric: str, month: str = "2026-07-01"):
    """value, state and reason of a target in a month."""
    return app.query(
        "SELECT value, state, reason FROM scores WHERE metric = $metric AND x_BillingMonth = CAST($month AS DATE)",
        {"metric": metric, "month": month},
    ).rows[0]  # fmt: skip


def days(costs, at=JULY, **more):
    """A line for each cost, on one day after the other."""
    return [used(str(cost), at=at + timedelta(days=n), **more) for n, cost in enumerate(costs)]


def test_services_times_users_are_the_bill_to_the_paisa(tmp_path):
    lines = [
        *days(["10.01", "33.337", "7.1"], resource_tags_user_service="user"),
        *days(["99.99"], resource_tags_user_service="content"),
        used("0.07"),
        monthly_line("Tax", "27.09", line_item_currency_code="INR", bill_invoice_id="IN-1"),
    ]
    app = published(tmp_path, lines, users="2026-07-01,all,India,mau,7\n")
    users, total = app.query("SELECT MAX(x_ActiveUsers), SUM(x_CostPerUserInr) FROM unit_costs").rows[0]
    bill = app.query("SELECT SUM(x_BilledCostInr) FROM cost_daily").rows[0][0]
    assert users == 7
    assert (users * total).quantize(Decimal("0.01")) == bill.quantize(Decimal("0.01")) == Decimal("177.60")


def test_always_on_is_what_quiet_days_cost_and_the_rest_is_peak(tmp_path):
    app = published(tmp_path, days([10] * 9 + [40], resource_tags_user_service="user"))
    assert dict(app.query(BY_MONTH).rows) == {"base": 100, "peak": 30}


def test_a_day_below_the_floor_and_a_credited_day_have_no_negative_peak(tmp_path):
    app = published(tmp_path, days([10] * 18 + [1, -5], resource_tags_user_service="user"))
    parts = dict(app.query(BY_MONTH).rows)
    assert parts["base"] + parts.get("peak", 0) == 176
    assert parts.get("peak", 0) >= 0


def test_prepayments_tie_the_effective_cost_to_the_bill(tmp_path):
    fee = used("120", line_item_line_item_type="Fee", reservation_reservation_a_r_n="arn:ri")
    app = published(tmp_path, [used("10"), fee])
    parts = dict(app.query(BY_MONTH).rows)
    assert parts == {"base": 10, "prepayments": 120}


def test_users_of_two_products_are_not_added_up_where_a_total_is_counted(tmp_path):
    app = published(tmp_path, [used("10")], users=MAU + "2026-07-01,all,India,mau,500\n")
    rows = app.query("SELECT product, mau, is_upper_bound FROM users_monthly ORDER BY 1").rows
    assert rows == (("all", 500, False), ("neet", 400, False), ("tests", 200, False))


def test_without_a_total_the_sum_of_products_is_said_to_be_the_most_it_can_be(tmp_path):
    app = published(tmp_path, [used("10")], users=MAU)
    assert app.query("SELECT mau, is_upper_bound FROM users_monthly WHERE product = 'all'").rows == ((600, True),)


def test_monthly_users_are_never_the_sum_of_daily_ones(tmp_path):
    users = "".join(f"2026-07-{day:02},all,India,dau,100\n" for day in range(1, 31))
    app = published(tmp_path, [used("10")], users=users)
    value, state, reason = score(app, "cost_per_user_inr")
    assert (value, state) == (None, "unknown")
    assert reason == "no monthly active users are counted for this month"


def test_zero_users_are_a_reason_and_never_a_division(tmp_path):
    users = "2026-07-01,all,India,mau,0\n2026-07-01,all,India,dau,0\n"
    app = published(tmp_path, [used("10")], users=users)
    assert score(app, "cost_per_user_inr") == (None, "unknown", "no user was active in this month")
    day = app.query("SELECT x_CostPerDailyUserInr, x_UsersReason FROM unit_costs_daily").rows
    assert day == ((None, "no user was active on this day"),)


def test_missing_days_have_a_reason_and_the_others_a_figure(tmp_path):
    users = "2026-07-01,all,India,dau,5\n2026-07-01,all,India,peak_concurrent,2\n"
    app = published(tmp_path, days([10, 20]), users=users)
    rows = app.query(
        "SELECT x_ChargeOn, x_CostPerDailyUserInr, ROUND(x_CostPerPeakUserHourInr, 6), x_UsersReason"
        " FROM unit_costs_daily"
    ).rows
    assert rows == (
        (date(2026, 7, 1), 2, Decimal("0.208333"), None),
        (date(2026, 7, 2), None, None, "no daily active users are counted for this day"),
    )


def test_a_negative_month_has_a_negative_cost_per_user(tmp_path):
    app = published(tmp_path, [used("-10", line_item_line_item_type="Credit")], users="2026-07-01,all,India,mau,4\n")
    assert score(app, "cost_per_user_inr")[0] == -2.5


def test_products_share_what_no_product_owns_by_their_users(tmp_path):
    lines = [used("10", resource_tags_user_product="neet"), used("30")]
    app = published(tmp_path, lines, users=MAU)
    rows = app.query("SELECT x_Product, x_OwnCostInr, x_CommonCostInr, x_CostPerUserInr FROM product_costs").rows
    assert rows == (("neet", 10, 20, Decimal("0.075")), ("tests", 0, 10, Decimal("0.05")))


def test_a_product_without_users_and_a_month_without_products_keep_their_cost(tmp_path):
    lines = [used("10", resource_tags_user_product="ghost"), used("30"), used("5", at=JUNE)]
    app = published(tmp_path, lines, users=MAU)
    rows = app.query(
        "SELECT x_BillingMonth, x_Product, x_CostInr, x_CostPerUserInr IS NULL FROM product_costs ORDER BY 1, 2"
    ).rows
    assert rows == (
        (date(2026, 6, 1), None, 5, True),
        (date(2026, 7, 1), "ghost", 10, True),
        (date(2026, 7, 1), "neet", 20, False),
        (date(2026, 7, 1), "tests", 10, False),
    )


def test_a_month_is_compared_with_the_month_as_far_from_its_exam(tmp_path):
    season = "[season]\nexams = [2025-05-04, 2026-06-20]\n"
    app = published(tmp_path, [used("10")], season)
    rows = app.query(
        "SELECT month, months_to_exam, same_phase_month FROM exam_phases"
        " WHERE month BETWEEN DATE '2026-05-01' AND DATE '2026-07-01'"
    ).rows
    assert rows == (
        (date(2026, 5, 1), 1, date(2025, 4, 1)),
        (date(2026, 6, 1), 0, date(2025, 5, 1)),
        (date(2026, 7, 1), None, date(2025, 7, 1)),
    )


def test_only_more_users_is_wholly_a_change_of_users(tmp_path):
    usage = {"line_item_usage_amount": "10", "pricing_public_on_demand_cost": "10"}
    more = {"line_item_usage_amount": "15", "pricing_public_on_demand_cost": "15"}
    lines = [used("10", at=JUNE, **usage), used("15", **more)]
    app = published(tmp_path, lines, users="2026-06-01,all,India,mau,100\n2026-07-01,all,India,mau,150\n")
    row = app.query(
        "SELECT SUM(after_inr - before_inr), SUM(users), SUM(usage_per_user), SUM(rate), SUM(fx)"
        " FROM cost_changes WHERE comparison = 'month'"
    ).rows
    assert row == ((5, 5, 0, 0, 0),)


def test_only_a_moved_rupee_is_wholly_a_change_of_the_exchange_rate(tmp_path):
    usage = {"line_item_usage_amount": "1", "pricing_public_on_demand_cost": "10", "line_item_currency_code": "USD"}
    lines = [used("10", at=JUNE, **usage), used("10", **usage)]
    (tmp_path / "fx").mkdir()
    (tmp_path / "fx" / "july.csv").write_text("date,currency,inr_per_unit\n2026-07-31,USD,88\n2026-06-30,USD,80\n")
    app = published(tmp_path, lines, users="2026-06-01,all,India,mau,10\n2026-07-01,all,India,mau,10\n")
    row = app.query("SELECT SUM(after_inr - before_inr), SUM(fx) FROM cost_changes WHERE comparison = 'month'").rows
    assert row == ((80, 80),)


def test_an_open_month_and_a_month_without_a_year_before_have_their_reasons(tmp_path):
    lines = [used("10", at=JUNE), used("20", bill_invoice_id="", at=JULY)]
    app = published(tmp_path, lines)
    assert score(app, "yearly_reduction_pct", "2026-06-01")[1:] == (
        "unknown", "no month as far from the exam a cycle earlier",
    )  # fmt: skip
    assert score(app, "yearly_reduction_pct") == (None, "unknown", "the month is not over")


def test_a_company_with_only_google_has_a_cost_per_user_too(tmp_path):
    company = Company(months=2)
    write_gcp(tmp_path, company, Users(company), Truth(), Dollar(), lambda _: None)
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "users.csv").write_text("active_on,metric,active_users\n2026-07-01,mau,1000\n")
    names = sorted(path.name for path in tmp_path.iterdir())
    exports = "".join(f'[[exports]]\nname = "{name}"\nlocation = "{name}"\n' for name in names)
    (tmp_path / "kifayat.toml").write_text('[storage]\ndirectory = "store"\n' + exports)
    app = App.from_toml(tmp_path / "kifayat.toml")
    app.ingest()
    assert app.query("SELECT DISTINCT ProviderName FROM unit_costs").rows == (("Google Cloud",),)
    value, state, _ = score(app, "cost_per_user_inr")
    cost = app.query(
        "SELECT SUM(x_EffectiveCostInr) FROM cost_daily"
        " WHERE x_BillingMonth = DATE '2026-07-01' AND ChargeCategory <> 'Tax'"
    ).rows[0][0]
    assert state in ("met", "missed")
    assert value == pytest.approx(float(cost) / 1000)


BUDGET = """
[[budgets]]
name = "all"
financial_year = 2026
amount_inr = 100
[[budgets]]
name = "user"
financial_year = 2026
amount_inr = 1200
service = "user"
shape = "even"
"""


def test_a_budget_without_history_is_planned_evenly_and_adds_up(tmp_path):
    lines = [used("10", at=JUNE), used("20", resource_tags_user_service="user")]
    app = published(tmp_path, lines, BUDGET)
    rows = app.query(
        "SELECT x_Budget, COUNT(*), SUM(x_PlannedInr), SUM(x_SpentInr), MAX(x_PlannedToDateInr), MAX(x_SpentToDateInr)"
        " FROM budget_months GROUP BY 1 ORDER BY 1"
    ).rows
    assert rows == (("all", 12, 100, 30, 100, 30), ("user", 12, 1200, 20, 1200, 20))
    assert app.query("SELECT MIN(month), MAX(month) FROM budget_months").rows == ((date(2026, 4, 1), date(2027, 3, 1)),)


@pytest.mark.parametrize(
    "audit", ["allocation_keeps_totals", "unit_costs_equal_bill", "products_equal_cost", "changes_add_up"]
)
def test_the_audits_of_the_unit_costs_can_fail(tmp_path, audit):
    """An audit that cannot fail is none: each finds a mart that was tampered with."""
    from warehouse import Engine, audit_files

    tampered = {
        "allocation_keeps_totals": "UPDATE cost_allocated SET x_EffectiveCostInr = x_EffectiveCostInr + 0.000001",
        "unit_costs_equal_bill": "UPDATE unit_costs SET x_CostInr = x_CostInr + 0.000001",
        "products_equal_cost": "UPDATE product_costs SET x_CostInr = x_CostInr + 0.000001",
        "changes_add_up": "UPDATE cost_changes SET fx = fx + 0.000001",
    }
    lines = [used("10", at=JUNE, pricing_public_on_demand_cost="10"), used("30", pricing_public_on_demand_cost="30")]
    app = published(tmp_path, lines, users=MAU)
    newest = sorted((tmp_path / "store" / "snapshots").glob("*.duckdb"))[-1]
    with Engine(database=str(newest)) as engine:
        sql = audit_files()[audit].sql
        assert engine.rows(sql) == []
        engine.execute(tampered[audit])
        assert engine.rows(sql) != []
    del app
