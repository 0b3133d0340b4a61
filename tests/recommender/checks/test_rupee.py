"""The rupee: what one year of twenty costs more, by every month since it floats; what a hedge would change."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from recommender.checks import rupee
from recommender.rupee import FORWARD_PREMIUM, MEAN_YEARS, history, rise_of

pytestmark = pytest.mark.pure


def test_the_whole_history_of_the_floating_rupee_is_read() -> None:
    found = history()
    assert (found.since, found.windows) == ("1993-04", 387)
    assert found.worst == pytest.approx(0.1011, abs=0.0005)
    assert found.mean == pytest.approx(0.0188, abs=0.0005)


def test_the_rise_of_a_year_is_its_mean_over_the_month_before_it() -> None:
    rates = 80.0 * 1.01 ** np.arange(60)
    found = rise_of(tuple(str(at) for at in range(60)), rates)
    assert found is not None
    assert found.worst == pytest.approx(np.mean(1.01 ** np.arange(1, 13)) - 1)
    assert found.windows == 48
    assert rise_of(("1",) * 35, np.ones(35)) is None


def test_what_is_at_risk_is_a_year_of_twenty_of_the_dollars_to_come(build: SimpleNamespace) -> None:
    dollars = np.linspace(90_000, 110_000, 41)
    ahead = {("aws", "USD"): dollars, ("gcp", "INR"): np.full(41, 2e6), ("azure", "INR"): np.full(41, 1e6)}
    (found,) = rupee.propose(build.fleet(build.workload(), spend_ahead=ahead))
    owed = 100_000 * 95
    figures = found.evidence.figures
    assert found.title == "₹9.61 lakh a year hang on the rupee's rate"
    assert owed * history().worst == pytest.approx(9.61e5, rel=0.001)
    assert figures["Billed in dollars"].startswith(
        "$100,000 in the year ahead at list (P10 $92,000, P90 $108,000), 76%"
    )
    assert f"₹{owed * FORWARD_PREMIUM * MEAN_YEARS / 1e5:.2f} lakh" in figures["A forward"]
    assert "prior" in figures["A forward"]
    assert "prior" in figures["An Indian payer"]
    assert figures["In rupees at the dollar's rate"].startswith("₹20.00 lakh a year more"), (
        "Azure's prices are in rupees"
    )
    assert found.reason is not None


def test_the_loaded_rates_are_told_beside_it_where_they_are_three_years(build: SimpleNamespace) -> None:
    days = [date(2022, 1, 1) + timedelta(days=at) for at in range(0, 1600, 3)]
    rates = tuple((day, 75 * 1.001 ** ((day - days[0]).days / 30.4)) for day in days)
    fleet = build.fleet(build.workload(), spend_ahead={("aws", "USD"): np.ones(3) * 1e5}, usd_inr=rates)
    (found,) = rupee.propose(fleet)
    assert found.evidence.figures["The same from the rates that are loaded"].startswith("0.7% in")


@pytest.mark.parametrize("more", [{"inr": {"INR": 1.0}}, {"spend_ahead": {}}], ids=["no rate", "no dollars"])
def test_without_dollars_or_a_rate_there_is_no_item(build: SimpleNamespace, more: dict) -> None:
    given = {"spend_ahead": {("aws", "USD"): np.ones(3)}} | more
    assert list(rupee.propose(build.fleet(build.workload(), **given))) == []
