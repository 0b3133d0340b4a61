"""Terms and ways of paying at a stated cost of capital: the cheapest is chosen, and what the others cost is said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from recommender.bill import Kind
from recommender.prices import Catalogue, ListPrice, Offer, Option
from recommender.terms import LOSS_PER_YEAR, Payment, Way, cheapest, compared, listed_ways, lives

pytestmark = pytest.mark.pure

YEAR = Way(1, 0.0, 0.63, "bill", is_learnt=True)
AT_ONCE = Way(1, 1.0, 0.58, "list")
THREE = Way(3, 1.0, 0.38, "list")


def test_what_is_paid_at_once_is_chosen_only_where_money_is_cheap() -> None:
    assert cheapest([YEAR, AT_ONCE], 0.0)[0] is AT_ONCE
    assert cheapest([YEAR, AT_ONCE], 0.25)[0] is YEAR


def test_what_is_paid_at_once_is_dearer_the_more_money_costs() -> None:
    upfront, hourly = Payment("all upfront", 1, 8760 * 0.58, 0), Payment("no upfront", 1, 0, 0.63)
    assert hourly.present_value_usd(0) == pytest.approx(8760 * 0.63)
    assert upfront.present_value_usd(0) < hourly.present_value_usd(0)
    assert upfront.present_value_usd(0.25) > hourly.present_value_usd(0.25)


def test_three_years_are_chosen_only_where_money_is_cheap_and_the_layer_lives() -> None:
    assert cheapest([YEAR, AT_ONCE, THREE], 0.0)[0] is THREE
    assert cheapest([YEAR, THREE], 0.20)[0] is YEAR
    monthly = Way(3, 0.0, 0.43, "list")
    # 0.43 / 0.63 = 0.68 of the months: it lives 0.67 of them by the prior
    assert cheapest([YEAR, monthly], 0.0)[0] is YEAR
    assert cheapest([YEAR, Way(3, 0.0, 0.40, "list")], 0.0)[0].years == 3


def test_a_layer_that_loses_a_quarter_a_year_lives_two_thirds_of_three_years() -> None:
    assert LOSS_PER_YEAR == 0.25
    assert lives(3) == pytest.approx(0.67, abs=0.005)
    assert lives(3, 0.24) == pytest.approx(0.68, abs=0.005), "the break-even of an EC2 plan: 0.43 / 0.63"
    assert (lives(1), lives(3, 0.0)) == (1, 1)


def test_what_is_neutral_is_not_paid_at_once() -> None:
    nearly = Way(1, 1.0, 0.63 * 0.985, "list")
    assert cheapest([nearly, YEAR], 0.0)[0] is YEAR


def test_the_price_in_effect_holds_time_and_loss() -> None:
    assert YEAR.effective(0.11) == pytest.approx(0.63), "paid by the month as it is used"
    assert AT_ONCE.effective(0.0) == pytest.approx(0.58)
    assert AT_ONCE.effective(0.11) == pytest.approx(0.58 * 1.057, abs=0.002)
    assert THREE.effective(0.0) == pytest.approx(0.38 / lives(3))
    assert AT_ONCE.present_value(0.11) == pytest.approx(8760 * 0.58)


def test_the_others_are_compared_in_words() -> None:
    told = compared(YEAR, [AT_ONCE, THREE], 0.0)
    assert told["1 year, all upfront"] == "58.0% of on demand; -7.9% when the time of payment is counted"
    assert "33% of the term is lost (prior)" in told["3 years, all upfront"]


def test_the_catalogue_knows_ways_and_what_is_not_for_sale_is_none() -> None:
    options: dict[Option, str] = {"on_demand": "1", "1y_all_upfront": "0.6", "3y_no_upfront": "0.45"}
    catalogue = Catalogue({
        Offer("aws", "ap-south-1", "m6i.xlarge/linux", option): ListPrice(
            Decimal(usd), "Hour", date(2026, 7, 5), "test"
        )
        for option, usd in options.items()
    })  # fmt: skip
    found = listed_ways(catalogue, "aws", Kind.INSTANCE_PLAN, "m6i/ap-south-1")
    assert [(way.name, way.share) for way in found] == [("1 year, all upfront", 0.6), ("3 years, no upfront", 0.45)]
    assert listed_ways(catalogue, "aws", Kind.INSTANCE_PLAN, "m6i/ap-south-2") == []
    assert listed_ways(catalogue, "aws", Kind.REGIONAL_RESERVATION, "db.r6g/mysql/ap-south-1") == []
