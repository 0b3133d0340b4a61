"""INR once: which rate, where from, in what state, and what happens when there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

import pytest
from apps import deliver, make_app, total
from bills import PAYER, cur_line, write_cur

JULY = "x_BillingMonth = DATE '2026-07-01'"


def write_rates(folder, rates: dict[str, str], name: str = "usd.csv", source: str = "bank") -> None:
    rows = [f"{day},USD,{rate},{source}" for day, rate in rates.items()]
    (folder / name).write_text("\n".join(["date,currency,inr_per_unit,source", *rows]) + "\n")


def make(tmp_path, now=datetime(2026, 8, 10, 6, tzinfo=UTC), more: str = ""):
    return make_app(tmp_path, now=now, more=more, exports=("cur", "fx", "invoices"))


def states(app) -> tuple:
    return app.query(
        f"SELECT DISTINCT x_InrRateState, x_InrPerUnit, x_InrRateOn, x_InrReason FROM cost_daily WHERE {JULY}"
    ).rows


def test_an_open_month_takes_the_newest_rate_provisionally(tmp_path):
    app = make(tmp_path, now=datetime(2026, 7, 18, tzinfo=UTC))
    deliver(tmp_path / "cur", "2026-07.csv", ["10"])
    write_rates(tmp_path / "fx", {"2026-07-14": "95", "2026-07-15": "96.5", "2026-07-16": "0"})
    app.ingest()
    assert states(app) == (("provisional", Decimal("96.5"), date(2026, 7, 15), None),)
    assert total(app, "x_BilledCostInr") == 965


def test_a_closed_month_is_locked_and_never_moves_again(tmp_path):
    app = make(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["10"])
    write_rates(tmp_path / "fx", {"2026-07-30": "95", "2026-07-31": "95.5", "2026-08-03": "96"})
    app.ingest()
    assert states(app) == (("month-locked", Decimal("95.5"), date(2026, 7, 31), None),)
    write_rates(tmp_path / "fx", {"2026-07-30": "95", "2026-07-31": "97.25", "2026-08-03": "96"})
    app.ingest()
    assert states(app)[0][1] == Decimal("95.5")


def test_an_invoice_s_rate_replaces_the_other_and_the_difference_is_told(tmp_path):
    app = make(tmp_path)
    lines = [cur_line(cost="10", bill_invoice_id="777"), cur_line(cost="1")]
    write_cur(tmp_path / "cur" / "2026-07.csv", lines)
    write_rates(tmp_path / "fx", {"2026-07-31": "95", "2026-08-01": "95"})
    app.ingest()
    assert total(app, "x_BilledCostInr") == 11 * 95
    (tmp_path / "invoices" / "invoices.csv").write_text(
        "billing_account_id,invoice_id,billing_month,currency,amount,tax,inr_per_unit,issued_on\n"
        f"{PAYER},777,2026-07-01,USD,11,0,96.4,2026-08-03\n"
    )
    app.ingest()
    assert total(app, "x_BilledCostInr") == Decimal("10") * Decimal("96.4") + 95
    rows = app.query("SELECT message, amount, currency FROM events WHERE kind = 'rate fixed'").rows
    assert rows == (("invoice 777 fixed USD/INR at 96.400000 (before: 95.000000)", Decimal("14"), "INR"),)


def test_an_invoice_s_rate_stays_when_its_file_is_overwritten_with_the_next_month(tmp_path):
    app = make(tmp_path)
    write_cur(tmp_path / "cur" / "2026-07.csv", [cur_line(cost="10", bill_invoice_id="777")])
    header = "billing_account_id,invoice_id,billing_month,currency,amount,tax,inr_per_unit,issued_on\n"
    invoices = tmp_path / "invoices" / "invoices.csv"
    invoices.write_text(f"{header}{PAYER},777,2026-07-01,USD,10,0,96.4,2026-08-03\n")
    app.ingest()
    invoices.write_text(f"{header}{PAYER},888,2026-08-01,USD,10,0,99,2026-09-03\n")
    app.ingest()
    assert app.query("SELECT COUNT(*) FROM invoices WHERE invoice_id = '777'").rows == ((0,),)
    assert total(app, "x_BilledCostInr", JULY) == 964
    assert app.query("SELECT DISTINCT x_InrRateState FROM cost_daily").rows == (("invoice",),)


def test_a_missing_rate_is_a_reason_and_neither_one_nor_zero(tmp_path):
    app = make(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["10"])
    app.ingest()
    assert states(app) == ((None, None, None, "no USD/INR rate within 7 days before 2026-07-31"),)
    assert app.query("SELECT SUM(x_BilledCostInr) FROM cost_daily").rows == ((None,),)
    assert total(app) == 10


@pytest.mark.parametrize(("gap", "has_rate"), [(7, False), (30, True)])
def test_a_rate_older_than_the_gap_is_no_rate(tmp_path, gap, has_rate):
    app = make(tmp_path, more=f"[fx]\nmax_gap_days = {gap}\n")
    deliver(tmp_path / "cur", "2026-07.csv", ["10"])
    write_rates(tmp_path / "fx", {"2026-07-05": "95", "2026-08-09": "96"})
    app.ingest()
    assert (states(app)[0][1] is not None) is has_rate


def test_the_export_named_first_is_trusted_first(tmp_path):
    app = make_app(tmp_path, more='[fx]\npriority = ["zulu", "alpha"]\n', exports=("cur", "alpha", "zulu"))
    deliver(tmp_path / "cur", "2026-07.csv", ["10"])
    write_rates(tmp_path / "alpha", {"2026-07-31": "90"}, source="a")
    write_rates(tmp_path / "zulu", {"2026-07-31": "95"}, source="z")
    app.ingest()
    assert states(app)[0][1] == 95


def test_a_month_s_average_serves_only_where_no_daily_rate_is(tmp_path):
    app = make(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["10"])
    (tmp_path / "fx" / "fred.csv").write_text("month_start,inr_per_usd\n2026-07-01,94\n")
    app.ingest()
    assert states(app)[0][1] == 94


def test_rupees_need_no_rate(tmp_path):
    app = make(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["10"], line_item_currency_code="INR")
    app.ingest()
    assert states(app) == (("provider", Decimal(1), None, None),)
    assert total(app, "x_BilledCostInr") == 10


def test_rows_times_rate_and_sum_times_rate_are_the_same_to_the_last_digit(tmp_path):
    app = make(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["0.0000000133"] * 997 + ["12345.678901234567890123"])
    write_rates(tmp_path / "fx", {"2026-07-31": "95.123457", "2026-08-01": "95"})
    app.ingest()
    by_row = app.query("SELECT SUM(x_BilledCostInr) FROM charges_inr").rows[0][0]
    with localcontext(prec=60):
        assert by_row == total(app, "x_BilledCostInr") == total(app) * Decimal("95.123457")
