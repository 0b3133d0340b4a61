"""Which figure the pages sum: cost basis, currency, with or without GST. Names of columns only from here.

Not for converting: rupees come from the marts, dollars are the bill's own or rupees over the mart's rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from core import Money, compact_inr, compact_usd, format_inr, format_usd
from dashboard.widgets import escape, month_text

#: Basis as people say it -> native column; the rupee column is named after it.
BASES: Final = {
    "Effective": "EffectiveCost",
    "Billed": "BilledCost",
    "List": "ListCost",
    "Contracted": "ContractedCost",
    "Net effective": "x_NetEffectiveCost",
}
EXPLAINED: Final = {
    "Effective": "What was used is charged when it was used: upfront fees and commitments are spread over their term.",
    "Billed": "What the provider invoices in the month, upfront fees included on the day of purchase.",
    "List": "What the same usage would cost at public prices, before any discount.",
    "Contracted": "At the prices of the contract, before commitments.",
    "Net effective": "Effective cost after the discounts that the provider prints separately, where it does.",
}
#: SQL of what is charged by the day. The rest comes all at once: a support fee on the 1st is no dearer August.
USAGE: Final = (
    "(ChargeCategory = 'Usage' AND COALESCE(x_ChargeSubcategory, '') <> 'Support' OR COALESCE(x_ChargeSubcategory, '')"
    " IN ('Discount', 'Savings Plan Negation', 'Commitment Offset'))"
)
CURRENCIES: Final = {"INR": "₹ INR", "USD": "$ USD"}


@dataclass(frozen=True)
class Measure:
    """A way of counting. `amount` and `condition` are SQL over cost_daily and charges_inr."""

    basis: str = "Effective"
    currency: str = "INR"
    with_tax: bool = False

    @property
    def native(self) -> str:
        """SQL of the amount in the currency of the bill."""
        # not every provider prints a net figure; where none is, the gross one is it, as in the marts
        return f"COALESCE({self._column}, EffectiveCost)" if self._column.startswith("x_Net") else self._column

    @property
    def _column(self) -> str:
        return BASES[self.basis]

    @property
    def amount(self) -> str:
        """The amount in the chosen currency; NULL where no rate is known, so it is never summed as zero."""
        inr = f"x_{self._column.removeprefix('x_')}Inr"
        if self.currency == "INR":
            return inr
        return (
            f"CASE WHEN BillingCurrency = 'USD' THEN {self.native}"
            f" ELSE CAST({inr} / x_InrPerUsd AS DECIMAL(38, 18)) END"
        )

    @property
    def condition(self) -> str:
        """The rows that count."""
        return "TRUE" if self.with_tax else "ChargeCategory IS DISTINCT FROM 'Tax'"

    def exact(self, amount: Decimal | None) -> str:
        """With paise or cents: ₹1,23,45,678.90."""
        return format_inr(amount) if self.currency == "INR" else format_usd(amount)

    def compact(self, amount: Decimal | None) -> str:
        """As people say it: ₹1.23 crore."""
        return compact_inr(amount) if self.currency == "INR" else compact_usd(amount)


def choose_measure() -> Measure:
    """The three switches, the same on every page: what is chosen on one stays chosen on the next."""
    for key, default in (("currency", "INR"), ("basis", "Effective"), ("with-tax", False)):
        # Streamlit forgets a widget that the last page did not draw; assigning its value keeps it.
        st.session_state[key] = st.session_state.get(key) or default
    with st.container(horizontal=True, vertical_alignment="bottom", key="measure"):
        currency = st.segmented_control(
            "Currency", list(CURRENCIES), format_func=CURRENCIES.__getitem__, key="currency", required=True
        )
        basis = st.selectbox("Cost basis", list(BASES), key="basis", width=170)
        with_tax = st.toggle("Include GST", key="with-tax", help="GST and other taxes; left out unless switched on.")
    measure = Measure(basis or "Effective", currency or "INR", bool(with_tax))
    st.caption(EXPLAINED[measure.basis] + ("" if measure.with_tax else " GST is not included."))
    return measure


#: Lines of a warning; a store without any rate has one for every month.
_LINES: Final = 6


def tell_unpriced(measure: Measure, rows: Sequence[tuple[Any, ...]]) -> None:
    """What no rate converts, in its own currency with the reason, and what helps. currency, month, amount, reason."""
    if not rows:
        return
    lines = [
        f"- {escape(Money(amount, currency))} in {month_text(month)}: {escape(reason)}"
        for currency, month, amount, reason in rows[:_LINES]
    ]
    if len(rows) > _LINES:
        lines.append(f"- and {len(rows) - _LINES} more, under Rupees per unit of the bill on the data health page")
    advice = "Add an export with exchange rates (`kifayat explain fx_rates` says how) and run `kifayat ingest`."
    st.warning(
        "Not in the figures, because no exchange rate is known:\n" + "\n".join(lines) + f"\n\n{advice}",
        icon=":material/currency_exchange:",
    )
    if measure.currency == "INR" and any(currency == "USD" for currency, *_ in rows):
        st.button("Show the cost in US dollars", on_click=_choose_dollars, key="show-dollars")


def _choose_dollars() -> None:
    st.session_state["currency"] = "USD"
