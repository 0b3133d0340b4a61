"""A reason instead of a number: nothing loaded, one day, nobody counted, a late bill, a missing rate."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from apps import make_app
from bills import cur_line, write_cur
from owned import published, used
from reported import BANDS, days_of_usage, fill

from core import BadValue, WarehouseError
from kifayat.report import Report
from kifayat.report.compose import mail
from kifayat.report.parts import Figure
from kifayat.report.period import Week
from kifayat.report.render import text


def figure(report: Report, name: str) -> Figure:
    return next(one for one in report.figures if one.name == name)


def section(report: Report, key: str):
    return next(one for one in report.sections if one.key == key)


@pytest.fixture(scope="module")
def one_day(tmp_path_factory):
    """One day of charges, and nothing else."""
    return published(tmp_path_factory.mktemp("day"), [used("5.50", at=datetime(2026, 7, 14, 9))])


@pytest.fixture(scope="module")
def uncounted(tmp_path_factory):
    """May and June whole, July to the 26th; nobody counts users, and a day of July was not as expected."""
    whole = days_of_usage(date(2026, 5, 1), date(2026, 6, 30), {"physics": "1"})
    july = [
        {**one, "bill_invoice_id": ""} for one in days_of_usage(date(2026, 7, 1), date(2026, 7, 26), {"physics": "2"})
    ]
    app = published(tmp_path_factory.mktemp("uncounted"), [*whole, *july])
    fill(app, cost_bands=[(*row[:3], 9999.0, *row[4:]) if row[2] == date(2026, 7, 22) else row for row in BANDS])
    return app


def test_nothing_published_is_told_as_everywhere(tmp_path):
    with pytest.raises(WarehouseError, match="kifayat ingest"):
        make_app(tmp_path).weekly_report()


def test_a_store_without_charges_has_a_report_that_says_so(tmp_path):
    app = make_app(tmp_path, exports=("fx",))
    (tmp_path / "fx" / "rates.csv").write_text("date,currency,inr_per_unit\n2026-07-01,USD,90\n")
    app.ingest()
    for report in (app.weekly_report(), app.monthly_report(edition="engineering")):
        assert report.figures == ()
        assert "no charges yet" in text(report)
        assert mail(report)


@pytest.mark.parametrize("edition", ["finance", "engineering"])
def test_one_day_gives_reasons_and_no_zeros(one_day, edition):
    report = one_day.weekly_report(edition)
    assert report.label == "2026-W28"  # the one day is in no whole week
    assert figure(report, "week.spent").reason == "no charges of 6–12 July 2026 are loaded"
    assert all(one.reason for one in report.figures if one.value is None)
    for key in ("per-user", "forecast", "budgets", "decisions", "realised", "anomalies", "why"):
        assert section(report, key).reason, key
    told = " ".join(text(report).split())
    for command in ("kifayat forecast", "kifayat recommend", "[[budgets]]"):
        assert command in told
    assert mail(report)


def test_one_day_can_be_asked_for_and_is_not_compared(one_day):
    report = one_day.weekly_report(week=Week(date(2026, 7, 13)))
    assert figure(report, "week.spent").text == "₹6"
    assert figure(report, "week.change").value is None
    assert "late" in figure(report, "week.change").reason
    assert "whole only to 13 Jul 2026" in report.warnings[-1]


def test_months_without_users_say_what_to_bring(uncounted):
    report = uncounted.monthly_report()
    assert figure(report, "per_user.per_user").text == "—"
    assert "kifayat explain active_users" in section(report, "per-user").reason
    assert any("Not told apart" in note for note in section(report, "why").notes)


def test_a_late_bill_is_named_and_the_week_is_not_compared(tmp_path):
    app = make_app(tmp_path, exports=("first", "second"), now=datetime(2026, 7, 21, tzinfo=UTC))
    rupees = {"line_item_currency_code": "INR"}

    def month(days: int, payer: str) -> list[dict[str, str]]:
        return [
            cur_line(cost="10", at=datetime(2026, 7, day, 23), bill_payer_account_id=payer, **rupees)
            for day in range(1, days + 1)
        ]

    write_cur(tmp_path / "first" / "a.csv", month(20, "111122223333"))
    write_cur(tmp_path / "second" / "b.csv", month(15, "999988887777"))
    app.ingest()
    report = app.weekly_report()
    assert report.label == "2026-W29"
    (late,) = report.warnings
    assert "AWS (second) is late: it is whole only to 15 Jul 2026, so 4 days of it are not in the figures yet" in late
    assert figure(report, "week.change").reason.startswith("not compared: a bill is late")
    assert "not compared: a bill is late" in text(report)


def test_cost_without_a_rate_is_in_no_figure_and_is_told(tmp_path):
    app = make_app(tmp_path)
    lines = [cur_line(cost="10", at=datetime(2026, 7, day, 23)) for day in range(1, 27)]
    write_cur(tmp_path / "cur" / "a.csv", lines)
    app.ingest()
    report = app.weekly_report()
    assert report.warnings[-1].startswith("$260.00 of July 2026 is in no figure")
    assert figure(report, "week.spent").value is None
    assert "exchange rate missing" in text(report)
    assert mail(report)


def test_old_bills_are_called_old(uncounted):
    assert not uncounted.weekly_report(now=datetime(2026, 7, 27, 4, tzinfo=UTC)).warnings
    (warning,) = uncounted.weekly_report(now=datetime(2026, 11, 2, tzinfo=UTC)).warnings
    assert warning == "The bills are old: the newest whole day is 26 Jul 2026, 99 days ago."


def test_a_week_that_no_bill_reaches_is_refused(one_day):
    with pytest.raises(BadValue, match=r"no bill reaches the week 2026-W40.*up to 2026-W28"):
        one_day.weekly_report(week=Week(date(2026, 9, 28)))
    with pytest.raises(BadValue, match="no bill of May 2026"):
        one_day.monthly_report(month=date(2026, 5, 1))


def test_an_open_month_is_not_closed(uncounted):
    assert uncounted.monthly_report().label == "2026-06"
    report = uncounted.monthly_report(month=date(2026, 7, 1))
    assert report.warnings[0] == "July 2026 is not over: 1 of 1 bills are open."
    assert figure(report, "per_user.per_user").reason == "no month is over yet"
    assert "may still move" in section(report, "close").lead


def test_messages_that_nobody_got_are_told(acme):
    from dataclasses import replace

    from kifayat.report.reading import reading_of
    from kifayat.report.weekly import weekly

    told = text(weekly(replace(reading_of(acme), dead_messages=2), "finance"))
    assert "2 messages could not be delivered" in told


def test_what_people_said_of_an_anomaly_is_told_with_it(acme):
    from dataclasses import replace

    from kifayat.report.reading import reading_of
    from kifayat.report.weekly import weekly
    from warehouse import Feedback

    reading = reading_of(acme)
    known = reading.value("SELECT anomaly_id FROM anomalies")
    said = {known: Feedback(known, "expected", "the mock test", reading.now)}
    told = " ".join(text(weekly(replace(reading, verdicts=said), "finance")).split())
    assert "said to be expected (the mock test)" in told


def test_a_day_outside_of_its_band_is_counted(uncounted):
    (chart,) = [one for one in uncounted.weekly_report().charts if one.name == "expected"]
    assert "of the 7 days of 20–26 July 2026 that are known, 1 day outside of it" in chart.alt
