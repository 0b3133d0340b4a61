"""Budgets as they stand, against figures worked out by hand: to the day, in their own scope, or with a reason."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from models.budgets import chance_text, exhausted_on, lasts_text, planned_to_date, state_of

APRIL = date(2026, 4, 1)
#: Names of the columns of budget_states, in their order.
NAMES = (
    "name", "financial_year", "owner", "amount_inr", "known_through", "spent_inr", "planned_to_date_inr", "spent_pct",
    "pace_pct", "forecast_q10_inr", "forecast_q50_inr", "forecast_q90_inr", "forecast_pct", "exhausted_on",
    "days_left", "reason",
)  # fmt: skip
KNOWN = date(2026, 8, 15)


def month(number: int) -> date:
    """The first day of the n-th month of the year that begins in April 2026; 0 is April."""
    return date(2026 + (number + 3) // 12, (number + 3) % 12 + 1, 1)


def months(spent=("100", "100", "100", "100", "60")):
    """Planned evenly at 100 a month; spent as billed, the rest is to come."""
    return [
        {
            "month": month(at),
            "x_PlannedInr": Decimal(100),
            "x_SpentInr": Decimal(spent[at]) if at < len(spent) else None,
        }
        for at in range(12)
    ]


def curve(known_months: int = 4, until: int = 12):
    """Usage of 80 a month: known at first, then 72 to 90 in eight of ten courses."""
    rows = []
    for at in range(until):
        ahead = max(at + 1 - known_months, 0)
        known = 80.0 * min(at + 1, known_months)
        rows.append({"month": month(at), "known_inr": known, "q10": known + 72.0 * ahead, "q50": known + 80.0 * ahead,
                     "q90": known + 90.0 * ahead})  # fmt: skip
    return rows


def costs(of=(100, 100, 100, 100, 60), usage=(80, 80, 80, 80, 40), later=0.0):
    """What the budget counts and its usage by month."""
    return [
        {"month": month(at), "cost": float(cost), "usage": float(used), "usage_later": later if at == 4 else 0.0}
        for at, (cost, used) in enumerate(zip(of, usage, strict=True))
    ]


BILLS = tuple({"x_BillingMonth": month(at), "x_InrReason": None} for at in range(-3, 5))


def state(known=KNOWN, amount=1200, of=None, ahead=None, beside=None, bills=BILLS, year=2026):
    """The row of a budget, by name."""
    budget = {"name": "all", "financial_year": year, "owner": None, "team": "media", "amount_inr": Decimal(amount)}
    row = state_of(
        budget, months() if of is None else of, curve() if ahead is None else ahead,
        costs() if beside is None else beside, bills, known,
    )  # fmt: skip
    return dict(zip(NAMES, row, strict=True))


def test_spent_and_planned_reach_to_the_last_day_that_is_known():
    row = state()
    assert row["owner"] == "media"
    assert row["spent_inr"] == 460
    assert row["planned_to_date_inr"] == Decimal("448.39"), "four months and 15 of 31 days"
    assert row["spent_pct"] == pytest.approx(100 * 460 / 1200)
    assert row["pace_pct"] == pytest.approx(100 * 460 / 448.39)


def test_the_end_of_the_year_is_told_in_the_scope_of_the_budget():
    row = state()
    # of 80 of usage a month 15/31 of August are gone; all that the budget counts is 1.25 times the usage
    gone = 320 + 15 / 31 * 80
    assert row["forecast_q50_inr"] == pytest.approx(460 + 1.25 * (960 - gone))
    assert row["forecast_q10_inr"] == pytest.approx(460 + 1.25 * (896 - gone))
    assert row["forecast_q90_inr"] == pytest.approx(460 + 1.25 * (1040 - gone))
    assert row["forecast_pct"] == pytest.approx(row["forecast_q50_inr"] / 12)
    assert row["reason"] is None


def test_a_budget_is_exhausted_on_the_day_on_which_the_median_passes_it():
    row = state()
    # at the end of February 1111.61 of 1200; 88.39 of the 100 of March are passed within its 28th day
    assert row["exhausted_on"] == date(2027, 3, 28)
    assert row["days_left"] == (date(2027, 3, 28) - KNOWN).days == 225
    assert state(amount=1300)["exhausted_on"] is None
    assert lasts_text(state(amount=1300)) == "the whole year"


def test_what_is_exhausted_already_was_so_on_a_day_of_the_bill():
    row = state(amount=250)
    assert row["exhausted_on"] == date(2026, 6, 16), "half of June's 100 and a little more"
    assert row["days_left"] == 0
    assert lasts_text(row) == "exceeded since 16 June 2026"


def test_an_older_forecast_counts_from_its_median_and_what_was_billed_since_stays():
    assert state(ahead=curve(known_months=3))["forecast_q50_inr"] == pytest.approx(state()["forecast_q50_inr"])


def test_usage_that_is_billed_beyond_the_last_whole_day_is_not_counted_twice():
    more = state(beside=costs(later=8.0))["forecast_q50_inr"]
    assert more == pytest.approx(state()["forecast_q50_inr"] - 1.25 * 8)


def test_an_unsteady_proportion_widens_the_band_and_at_last_is_a_reason():
    wide = state(beside=costs(of=(90, 100, 100, 110, 60)))
    assert wide["forecast_q10_inr"] < state()["forecast_q10_inr"]
    assert wide["forecast_q90_inr"] > state()["forecast_q90_inr"]
    assert wide["forecast_q50_inr"] == pytest.approx(state()["forecast_q50_inr"])
    wild = state(beside=costs(of=(80, 100, 130, 100, 60)))
    assert wild["forecast_q50_inr"] is None
    assert "too unsteady" in wild["reason"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"ahead": ()}, "no forecast of its usage"),
        ({"ahead": curve(until=11)}, "the forecast ends in February 2027"),
        ({"beside": ()}, "no whole month is known"),
        ({"beside": costs(usage=(40, 40, 40, 40, 20))}, "run `kifayat forecast`"),
        ({"bills": BILLS[5:]}, "no bills before June 2026 are loaded"),
        ({"bills": (*BILLS, {"x_BillingMonth": month(3), "x_InrReason": "no rate"})}, "July 2026 have no rate"),
    ],
)
def test_what_cannot_be_told_of_the_end_of_the_year_is_a_reason(given, reason):
    row = state(**given)
    assert reason in row["reason"]
    assert row["forecast_q50_inr"] is None
    assert row["forecast_pct"] is None
    assert row["pace_pct"] is not None, "what is spent is known all the same"
    assert lasts_text(row) == "not known"


def test_on_the_last_of_march_the_year_has_not_begun_and_on_the_first_of_april_one_day_is_planned():
    nothing = [{**row, "x_SpentInr": None} for row in months()]
    before = state(known=APRIL - timedelta(days=1), of=nothing, ahead=(), bills=BILLS[:3])
    assert before["planned_to_date_inr"] == 0
    assert before["pace_pct"] is None
    assert "has not begun" in before["reason"]
    first = [{**row, "x_SpentInr": Decimal(4) if row["month"] == APRIL else None} for row in months()]
    row = state(known=APRIL, of=first, ahead=(), bills=BILLS[:4])
    assert row["planned_to_date_inr"] == Decimal("3.33")
    assert row["pace_pct"] == pytest.approx(100 * 4 / 3.33)


def test_a_year_that_is_over_is_judged_by_its_result():
    whole = months(spent=("101",) * 12)
    for known in (date(2027, 3, 31), date(2027, 9, 1)):
        row = state(known=known, of=whole)
        assert row["planned_to_date_inr"] == 1200
        assert row["spent_pct"] == row["pace_pct"] == pytest.approx(101)
        assert row["forecast_q50_inr"] is None
        assert row["days_left"] is None
        assert row["exhausted_on"] == date(2027, 3, 28), "89 of March's 101"
        assert row["reason"] == "the year is over: its result counts"
    assert lasts_text(state(known=known, of=months(spent=("99",) * 12))) == "the whole year"


def test_a_month_without_a_bill_is_not_planned_so_nothing_was_saved_in_it():
    row = {"month": date(2026, 7, 1), "x_PlannedInr": Decimal(310), "x_SpentInr": Decimal(1)}
    assert planned_to_date(row, date(2026, 7, 10)) == 100
    assert planned_to_date(row, date(2026, 6, 30)) == 0
    assert planned_to_date(row, date(2026, 9, 1)) == 310
    assert planned_to_date({**row, "x_SpentInr": None}, date(2026, 9, 1)) == 0
    assert "no bills are loaded" in state(of=[{**row, "x_SpentInr": None} for row in months()])["reason"]


def test_february_of_a_leap_year_has_29_days():
    row = {"month": date(2028, 2, 1), "x_PlannedInr": Decimal(290), "x_SpentInr": Decimal(1)}
    assert planned_to_date(row, date(2028, 2, 10)) == 100
    assert planned_to_date(row, date(2028, 2, 28)) == 280
    assert planned_to_date(row, date(2028, 2, 29)) == 290
    way = [(date(2028, 1, 31), 0.0), (date(2028, 2, 29), 29.0)]
    assert exhausted_on(28.5, way, None) == date(2028, 2, 29)
    assert exhausted_on(27.5, way, None) == date(2028, 2, 28)


@pytest.mark.parametrize("amount", [1, 14.9, 15, 15.1, 44, 99, 100])
def test_the_day_is_the_first_at_whose_end_more_is_spent(amount):
    way = [(date(2026, 3, 31), 0.0), (date(2026, 4, 30), 30.0), (date(2026, 5, 31), 92.0)]
    daily = [*(1.0,) * 30, *(2.0,) * 31]
    so_far = [sum(daily[: at + 1]) for at in range(len(daily))]
    expected = next((APRIL + timedelta(days=at) for at, cost in enumerate(so_far) if cost > amount), None)
    assert exhausted_on(amount, way, None) == expected


@pytest.mark.parametrize(
    ("amount", "words"),
    [(800, "more than 9 in 10"), (1150, "between 5 and 9"), (1250, "between 1 and 5"), (1400, "less than 1 in 10")],
)
def test_the_chance_says_no_more_than_the_band_tells(amount, words):
    assert chance_text(state(amount=amount)).startswith(words)
