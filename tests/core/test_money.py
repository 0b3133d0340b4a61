"""Money: exact sums, Indian grouping, lakh and crore."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import CurrencyMismatch, Money, compact_inr, compact_usd, format_inr, format_usd

#: Everything that DECIMAL(38,18) can hold.
amounts = st.decimals(
    min_value=Decimal("-99999999999999999999"),
    max_value=Decimal("99999999999999999999"),
    places=18,
    allow_nan=False,
    allow_infinity=False,
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "₹0.00"),
        ("999", "₹999.00"),
        ("1000", "₹1,000.00"),
        ("99999.5", "₹99,999.50"),
        ("100000", "₹1,00,000.00"),
        ("12345678.9", "₹1,23,45,678.90"),
        ("-12345678.9", "-₹1,23,45,678.90"),
        ("1234567890123.45", "₹12,34,56,78,90,123.45"),
    ],
)
def test_rupees_are_grouped_by_three_and_then_by_two(amount, text):
    assert format_inr(Decimal(amount)) == text


def test_half_a_paisa_rounds_away_from_zero_as_on_invoices():
    assert format_inr(Decimal("2.345")) == "₹2.35"
    assert format_inr(Decimal("-2.345")) == "-₹2.35"


def test_a_trifle_below_zero_is_written_without_a_sign():
    assert format_inr(Decimal("-0.001")) == "₹0.00"
    assert format_usd(Decimal("-0.001")) == "$0.00"
    assert compact_inr(Decimal("-0.4")) == "₹0"


def test_the_number_of_decimals_can_be_chosen():
    assert format_inr(Decimal("1234567.891"), 0) == "₹12,34,568"
    assert format_inr(Decimal("0.0000012"), 6) == "₹0.000001"


@pytest.mark.parametrize("write", [format_inr, compact_inr, format_usd, compact_usd])
def test_an_absent_amount_is_a_dash_and_never_a_zero(write):
    assert write(None) == "—"


@pytest.mark.parametrize("write", [format_inr, compact_inr, format_usd, compact_usd])
def test_money_is_never_a_float(write):
    with pytest.raises(TypeError, match="never float"):
        write(1.5)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_money(amount):
    with pytest.raises(ValueError, match="not an amount"):
        Money(Decimal(amount), "INR")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("45678.4", "₹45,678"),
        ("99999.4", "₹99,999"),
        ("99999.5", "₹1.00 lakh"),
        ("456000", "₹4.56 lakh"),
        ("-456000", "-₹4.56 lakh"),
        ("9999499", "₹99.99 lakh"),
        ("9999500", "₹1.00 crore"),
        ("12345678.9", "₹1.23 crore"),
        ("1234567890123", "₹1,23,456.79 crore"),
    ],
)
def test_rupees_are_said_in_lakh_and_crore(amount, text):
    assert compact_inr(Decimal(amount)) == text


def test_dollars_are_grouped_by_three():
    assert format_usd(Decimal("1234567.891")) == "$1,234,567.89"
    assert format_usd(Decimal("-1")) == "-$1.00"
    assert compact_usd(Decimal("45678.4")) == "$45,678"
    assert compact_usd(Decimal("999999.5")) == "$1.00 million"


@given(amounts)
def test_a_written_amount_reads_back_as_the_rounded_amount(amount):
    text = format_inr(amount)
    with localcontext(prec=60):
        back = Decimal(re.sub(r"[₹,]", "", text))
        assert abs(back - amount) <= Decimal("0.005")
    assert re.fullmatch(r"-?₹(\d{1,3}|\d{1,2}(,\d{2})*,\d{3})\.\d{2}", text)


@given(amounts)
def test_a_negative_amount_is_the_positive_one_with_a_sign(amount):
    for write in (format_inr, compact_inr, format_usd, compact_usd):
        assert write(-abs(amount)).removeprefix("-") == write(abs(amount))


@given(amounts)
def test_a_figure_in_lakh_never_reaches_a_hundred(amount):
    text = compact_inr(amount)
    if text.endswith(" lakh"):
        assert Decimal(text.removesuffix(" lakh").lstrip("-₹")) < 100


@given(st.lists(amounts, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_a_sum_is_exact_in_every_order(parts, random):
    def total(values):
        money = Money(Decimal(0), "USD")
        for value in values:
            money = money + Money(value, "USD")
        return money.amount

    shuffled = parts[:]
    random.shuffle(shuffled)
    with localcontext(prec=80):
        assert total(parts) == total(shuffled) == sum(parts)


@given(amounts, amounts)
def test_what_was_added_can_be_taken_away_again(first, second):
    assert Money(first, "INR") + Money(second, "INR") - Money(second, "INR") == Money(first, "INR")


def test_eighteen_decimals_survive_beside_a_crore_of_crores():
    crore, dust = Money(Decimal(10**14), "INR"), Money(Decimal("0.000000000000000001"), "INR")
    assert (crore + dust).amount == Decimal("100000000000000.000000000000000001")


def test_different_currencies_cannot_be_added():
    with pytest.raises(CurrencyMismatch, match="INR cannot be added to USD") as raised:
        Money(Decimal(1), "USD") + Money(Decimal(1), "INR")
    assert "charges_inr" in raised.value.fix
    with pytest.raises(CurrencyMismatch):
        Money(Decimal(1), "USD") - Money(Decimal(1), "INR")


def test_money_prints_in_the_manner_of_its_currency():
    assert str(Money(Decimal("1234567"), "INR")) == "₹12,34,567.00"
    assert str(Money(Decimal("1234567"), "USD")) == "$1,234,567.00"
    assert str(-Money(Decimal("1234567"), "EUR")) == "EUR -1,234,567.00"
