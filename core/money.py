"""Money and how it is written: exact decimals, Indian grouping, lakh and crore.

Not for exchange rates: rupees are derived once, in one mart.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

from core.errors import CurrencyMismatch

LAKH = Decimal(100_000)
CRORE = Decimal(10_000_000)

#: Python's default context keeps 28 digits, DECIMAL(38,18) has 38: adding must never round in silence.
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
#: For writing figures: rounds half away from zero, as invoices in India do.
_ROUNDING = Context(prec=100, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])

_ABSENT = "—"


@dataclass(frozen=True)
class Money:
    """An exact amount in one currency (ISO 4217 code). Adding another currency raises CurrencyMismatch."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        _require_exact(self.amount)

    def __add__(self, other: Money) -> Money:
        self._require_same(other, "added to")
        return Money(_EXACT.add(self.amount, other.amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        self._require_same(other, "taken from")
        return Money(_EXACT.subtract(self.amount, other.amount), self.currency)

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.currency)

    def __str__(self) -> str:
        if self.currency == "INR":
            return format_inr(self.amount)
        if self.currency == "USD":
            return format_usd(self.amount)
        return f"{self.currency} {_western(_rounded(self.amount, 2))}"

    def _require_same(self, other: Money, verb: str) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(
                f"{other.currency} cannot be {verb} {self.currency}",
                expected=f"an amount in {self.currency}",
                fix="convert to rupees first; the mart charges_inr does that with the rate beside it",
            )


def format_inr(amount: Decimal | None, decimals: int = 2) -> str:
    """₹ with Indian grouping: ₹1,23,45,678.90; negative -₹1.00; an absent amount is a dash, never a zero."""
    if amount is None:
        return _ABSENT
    rounded = _rounded(amount, decimals)
    return _sign(rounded) + "₹" + _indian(rounded)


def compact_inr(amount: Decimal | None) -> str:
    """₹ as people say it: ₹1.23 crore, ₹4.56 lakh; below one lakh in whole rupees."""
    if amount is None:
        return _ABSENT
    whole = _rounded(amount, 0)
    # The unit is chosen on the rounded figure: 99,99,999 is ₹1.00 crore, never ₹100.00 lakh.
    if abs(_rounded(_ROUNDING.divide(amount, LAKH), 2)) >= 100:
        figure, unit = _rounded(_ROUNDING.divide(amount, CRORE), 2), " crore"
    elif abs(whole) >= LAKH:
        figure, unit = _rounded(_ROUNDING.divide(amount, LAKH), 2), " lakh"
    else:
        figure, unit = whole, ""
    return _sign(figure) + "₹" + _indian(figure) + unit


def format_usd(amount: Decimal | None, decimals: int = 2) -> str:
    """Dollars with western grouping: $1,234,567.89; negative -$1.00."""
    if amount is None:
        return _ABSENT
    rounded = _rounded(amount, decimals)
    return _sign(rounded) + "$" + _western(rounded.copy_abs())


def compact_usd(amount: Decimal | None) -> str:
    """Dollars for a headline: $1.23 million, $45,678."""
    if amount is None:
        return _ABSENT
    whole = _rounded(amount, 0)
    if abs(whole) >= 1_000_000:
        figure, unit = _rounded(_ROUNDING.divide(amount, Decimal(1_000_000)), 2), " million"
    else:
        figure, unit = whole, ""
    return _sign(figure) + "$" + _western(figure.copy_abs()) + unit


def _require_exact(amount: object) -> None:
    if not isinstance(amount, Decimal):
        raise TypeError(f"money is a Decimal, never {type(amount).__name__}: {amount!r}")
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount of money")


def _rounded(amount: Decimal, decimals: int) -> Decimal:
    _require_exact(amount)
    return amount.quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)


def _sign(rounded: Decimal) -> str:
    return "-" if rounded < 0 else ""


def _western(rounded: Decimal) -> str:
    return f"{rounded:,f}" if rounded else f"{rounded.copy_abs():,f}"


def _indian(rounded: Decimal) -> str:
    """Digits grouped 3, then by 2; without a sign."""
    whole, dot, fraction = f"{rounded.copy_abs():f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = []
    while head:
        groups.append(head[-2:])
        head = head[:-2]
    return ",".join([*reversed(groups), tail]) + dot + fraction
