"""Longer terms and other ways of paying, at a stated cost of capital."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from recommender.bill import Kind
from recommender.commit import Purchase
from recommender.prices import Catalogue, ListPrice, Offer, Option
from recommender.terms import alternatives

pytestmark = pytest.mark.pure


def catalogue(**shares: str) -> Catalogue:
    """m6i.xlarge at one dollar, and options as shares of it."""
    options: dict[str, Option] = {"y1": "1y_all_upfront", "y3": "3y_no_upfront"}
    offers = {Offer("aws", "ap-south-1", "m6i.xlarge/linux"): ListPrice(Decimal(1), "Hour", date(2026, 7, 5), "test")}
    for name, share in shares.items():
        offer = Offer("aws", "ap-south-1", "m6i.xlarge/linux", options[name])
        offers[offer] = ListPrice(Decimal(share), "Hour", date(2026, 7, 5), "test")
    return Catalogue(offers)


PURCHASE = Purchase(
    Kind.INSTANCE_PLAN, "aws", "1", "m6i/ap-south-1", 1.0, 95.0, date(2026, 9, 1), 0.63, True, "rates of the bill"
)


def test_paying_at_once_is_dearer_where_money_is_dear() -> None:
    cheap = alternatives(PURCHASE, catalogue(y1="0.60"), 0.0)["1 year, all upfront"]
    dear = alternatives(PURCHASE, catalogue(y1="0.60"), 0.20)["1 year, all upfront"]
    assert "-4.8%" in cheap, "0.60 beside 0.63"
    assert "+" in dear


def test_three_years_say_how_long_their_use_must_live() -> None:
    text = alternatives(PURCHASE, catalogue(y3="0.43"), 0.0)["3 years, no upfront"]
    assert "lives 68% of three years" in text, "0.43 / 0.63"
    assert "dearer than renewing" in alternatives(PURCHASE, catalogue(y3="0.70"), 0.0)["3 years, no upfront"]


def test_what_is_not_for_sale_is_not_compared() -> None:
    assert alternatives(PURCHASE, Catalogue({}), 0.11) == {}
