"""Lines of an AWS bill before they become a file of any format: what the fleet yields and the writers take.

Money is an integer of 1e-10 dollars, a quantity an integer of 1e-6 units: sums are exact, and arrays stay small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np

#: What one dollar and one unit of usage are in the arrays.
MONEY = 10**10
QUANTITY = 10**6


@dataclass(frozen=True)
class Line:
    """Rows of one resource that differ only in time, quantity and cost. All arrays have the same length.

    `kind` is AWS's LineItemType; names of `money` and `texts` are the columns of CUR 2.0 (line_item_…, reservation_…).
    """

    kind: str
    account: str
    product: str
    usage_type: str
    operation: str
    resource: str
    description: str
    #: UTC starts of the intervals, datetime64[h], and how many hours each lasts (one number, or one each).
    start: np.ndarray
    hours: int | np.ndarray
    #: line_item_usage_amount in 1e-6 units, line_item_unblended_cost in 1e-10 USD.
    amount: np.ndarray
    cost: np.ndarray
    region: str = "ap-south-1"
    unit: str = ""
    #: Public on-demand price in USD per unit; None where there is none (fees, tax, credits).
    list_rate: Decimal | None = None
    #: pricing_term: OnDemand, Spot, Reserved or nothing.
    term: str = ""
    #: Tag keys as the customer wrote them, without a prefix ("team", "Team", "aws:eks:namespace").
    tags: tuple[tuple[str, str], ...] = ()
    #: Further columns: text for all rows, or money in 1e-10 USD row by row.
    texts: dict[str, str] = field(default_factory=dict)
    money: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Bill:
    """The lines of one payer and billing month, tax and fees included, up to and with the day `through`.

    `is_final`: invoice ids, the support fee and refunds are in it. `invoices`: kind of seller ("aws", "marketplace",
    "refund") -> invoice id, empty ids in an open bill. `sellers`: the same keys -> the legal entity that invoices.
    """

    payer: str
    payer_name: str
    month: date
    through: date
    is_final: bool
    lines: tuple[Line, ...]
    account_names: dict[str, str]
    invoices: dict[str, str]
    sellers: dict[str, str]

    def seller_of(self, line: Line) -> str:
        """Which invoice a line is on: "aws" unless its texts say another in bill_billing_entity or bill_bill_type."""
        if line.texts.get("bill_billing_entity") == "AWS Marketplace":
            return "marketplace"
        return "refund" if line.texts.get("bill_bill_type") == "Refund" else "aws"

    def rows(self) -> int:
        """How many rows the bill has."""
        return sum(len(line.cost) for line in self.lines)

    def total(self) -> Decimal:
        """What the rows cost together in USD, exactly."""
        return Decimal(sum(int(line.cost.sum()) for line in self.lines)) / MONEY
