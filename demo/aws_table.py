"""A bill as columns: texts once per line, what differs from row to row as arrays. Named as the columns of CUR 2.0.

What the writers of all AWS formats share: the columns that follow from a line (sku, entity, on-demand cost, net cost),
and numbers as text. Column facts: AWS's table dictionaries of the legacy report and of CUR 2.0.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import next_month
from demo.aws_line import MONEY, Bill, Line
from demo.aws_products import REGIONS, product_of

#: Net column -> the column it is the net of. They exist in months in which the account has a discount.
NET = {
    "line_item_net_unblended_cost": "line_item_unblended_cost",
    "reservation_net_amortized_upfront_cost_for_usage": "reservation_amortized_upfront_cost_for_usage",
    "reservation_net_amortized_upfront_fee_for_billing_period": "reservation_amortized_upfront_fee_for_billing_period",
    "reservation_net_effective_cost": "reservation_effective_cost",
    "reservation_net_recurring_fee_for_usage": "reservation_recurring_fee_for_usage",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period":
        "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_recurring_fee": "reservation_unused_recurring_fee",
    "reservation_net_upfront_value": "reservation_upfront_value",
    "savings_plan_net_savings_plan_effective_cost": "savings_plan_savings_plan_effective_cost",
    "savings_plan_net_amortized_upfront_commitment_for_billing_period":
        "savings_plan_amortized_upfront_commitment_for_billing_period",
    "savings_plan_net_recurring_commitment_for_billing_period": "savings_plan_recurring_commitment_for_billing_period",
}  # fmt: skip
#: Operations of the rows that share an instance's cost out among its pods and tasks.
SPLIT = ("EKSPod-EC2", "ECSTask-EC2")
_HOUR = np.timedelta64(1, "h")
_INSTANCE = re.compile(r"(?:BoxUsage|SpotUsage|HeavyUsage|InstanceUsage|Multi-AZUsage|NodeUsage|ESInstance):(.+)$")


@dataclass(frozen=True)
class Money:
    """A column of integers in 1e-10 of its unit, and in which rows it has a value (None: in all)."""

    values: np.ndarray
    present: np.ndarray | None = None


class Table:
    """The rows of a bill. `texts` has one list per column with a value per line, `of_line` the line of each row."""

    def __init__(self, bill: Bill) -> None:
        self.bill = bill
        self.lines = [line for line in bill.lines if len(line.cost)]
        self.lengths = np.array([len(line.cost) for line in self.lines], dtype=np.int64)
        self.of_line = np.repeat(np.arange(len(self.lines), dtype=np.int32), self.lengths)
        self.start = self._whole(lambda line: line.start).astype("datetime64[h]")
        self.hours = self._whole(lambda line: np.broadcast_to(line.hours, line.cost.shape)).astype(np.int64)
        self.amount = self._whole(lambda line: line.amount)
        per_line = [line_texts(bill, line) for line in self.lines]
        names = sorted({name for texts in per_line for name in texts})
        self.texts = {name: [texts.get(name, "") for texts in per_line] for name in names}
        self.money = {name: self._money(name) for name in sorted({name for line in self.lines for name in line.money})}
        self.money["line_item_unblended_cost"] = Money(self._whole(lambda line: line.cost))
        listed = [on_demand_cost(line) for line in self.lines]
        self.money["pricing_public_on_demand_cost"] = self._scattered(listed)
        self.has_net = "line_item_net_unblended_cost" in self.money
        if self.has_net:
            self._fill_net()
        self.has_split = any(name.startswith("split_line_item_") for name in (*self.money, *self.texts))

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.of_line)

    @property
    def end(self) -> np.ndarray:
        """Where the intervals end, exclusive."""
        return self.start + self.hours * _HOUR

    def tag_keys(self) -> list[str]:
        """All tag keys of the month, sorted."""
        return sorted({key for line in self.lines for key, _ in line.tags})

    def _whole(self, of: Callable[[Line], np.ndarray]) -> np.ndarray:
        return np.concatenate([of(line) for line in self.lines]) if self.lines else np.zeros(0, dtype=np.int64)

    def _money(self, name: str) -> Money:
        return self._scattered([line.money.get(name) for line in self.lines])

    def _scattered(self, pieces: list[np.ndarray | None]) -> Money:
        values, present = np.zeros(self.rows, dtype=np.int64), np.zeros(self.rows, dtype=bool)
        ends = np.cumsum(self.lengths)
        for piece, end, length in zip(pieces, ends, self.lengths, strict=True):
            if piece is not None:
                values[end - length : end] = piece
                present[end - length : end] = True
        return Money(values, None if present.all() else present)

    def _fill_net(self) -> None:
        """Where a month has net columns, a row without a net of its own has its gross in them."""
        for net, gross in NET.items():
            if gross not in self.money:
                continue
            full, had = self.money[gross], self.money.get(net)
            if had is None or had.present is None:
                self.money[net] = had or full
                continue
            known = np.ones(self.rows, dtype=bool) if full.present is None else full.present
            present = had.present | known
            values = np.where(had.present, had.values, full.values)
            self.money[net] = Money(values, None if present.all() else present)


def line_texts(bill: Bill, line: Line) -> dict[str, str]:
    """The text columns of a line; what the line says itself wins."""
    seller = bill.seller_of(line)
    entity = bill.sellers[seller]
    rate = f"{line.list_rate:f}" if line.list_rate is not None else ""
    own_rate = {"OnDemand": rate, "Reserved": "0.0000000000" if line.kind == "DiscountedUsage" else ""}
    texts = {
        "identity_line_item_id": _line_id(bill, line),
        "bill_invoice_id": bill.invoices[seller],
        "bill_invoicing_entity": entity,
        "bill_billing_entity": "AWS",
        "bill_bill_type": "Anniversary",
        "bill_payer_account_id": bill.payer,
        "bill_payer_account_name": bill.payer_name,
        "line_item_usage_account_id": line.account,
        "line_item_usage_account_name": bill.account_names.get(line.account, ""),
        "line_item_line_item_type": line.kind,
        "line_item_product_code": line.product,
        "line_item_usage_type": line.usage_type,
        "line_item_operation": line.operation,
        "line_item_resource_id": line.resource,
        "line_item_currency_code": "USD",
        "line_item_unblended_rate": own_rate.get(line.term, ""),
        "line_item_line_item_description": line.description,
        "line_item_legal_entity": entity,
        "product_product_name": product_of(line.product, line.texts.get("product_product_name", "")).name,
        "product_servicecode": line.product,
        "product_region": line.region,
        "product_region_code": line.region,
        "product_location": REGIONS.get(line.region, ""),
        "product_location_type": "AWS Region" if line.region in REGIONS else "",
        "product_operation": line.operation,
        "product_usagetype": line.usage_type,
        "pricing_currency": "USD",
        "pricing_term": line.term,
        "pricing_unit": line.unit,
        "pricing_public_on_demand_rate": rate,
    }
    if match := _INSTANCE.search(line.usage_type):
        texts["product_instance_type"] = match[1]
    if line.usage_type and (line.term or line.list_rate is not None):
        sku = sku_of(line.product, line.usage_type, line.operation)
        texts |= {
            "product_sku": sku,
            "pricing_rate_code": f"{sku}.JRTCKXETXF.6YS6EN2CT7",  # AWS's own codes of the on-demand term and its price
            "pricing_rate_id": str(int(hashlib.sha256(sku.encode()).hexdigest()[:8], 16)),
        }
    texts |= line.texts
    texts.setdefault("line_item_blended_rate", texts["line_item_unblended_rate"])
    return texts


def on_demand_cost(line: Line) -> np.ndarray | None:
    """What the usage costs at the public rate, in 1e-10 USD; None without a rate. Rounded half up."""
    if "pricing_public_on_demand_cost" in line.money:
        return line.money["pricing_public_on_demand_cost"]
    if line.list_rate is None:
        return None
    _, digits, exponent = line.list_rate.as_tuple()
    rate = int("".join(map(str, digits))) * (10 ** max(int(exponent) + 4, 0))
    divisor = 10 ** max(-int(exponent) - 4, 0)
    amount = line.amount if int(np.abs(line.amount).max(initial=0)) * rate < 2**62 else line.amount.astype(object)
    cost: np.ndarray = ((amount * rate + divisor // 2) // divisor).astype(np.int64)
    if line.kind == "Usage" and line.term == "OnDemand":
        # the same product, rounded elsewhere: the last digit is not a discount
        cost = np.where(np.abs(cost - line.cost) <= 1, line.cost, cost)
    return cost


@cache
def sku_of(product: str, usage_type: str, operation: str) -> str:
    """A sku: sixteen letters and digits that hang on product, usage type and operation, as AWS says of its own."""
    digest = hashlib.sha256(f"{product}|{usage_type}|{operation}".encode()).digest()
    return base64.b32encode(digest).decode()[:16]


def _line_id(bill: Bill, line: Line) -> str:
    """AWS's line item id: 52 letters and digits; the same line of another day has it again."""
    text = f"{bill.payer}|{bill.month}|{line.kind}|{line.account}|{line.usage_type}|{line.operation}|{line.resource}"
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().strip("=").lower()


def month_bounds(month: date) -> tuple[np.datetime64, np.datetime64]:
    """Start and end of a billing month, UTC."""
    return np.datetime64(month, "h"), np.datetime64(next_month(month), "h")


def decimals(values: np.ndarray, scale: int = 10) -> pa.StringArray:
    """Integers of 10^-scale as decimal text with all its places; tiny ones as 1.3E-9, as AWS writes them."""
    halves = np.empty((len(values), 2), dtype=np.int64)
    halves[:, 0], halves[:, 1] = values, values >> 63
    exact = pa.Array.from_buffers(pa.decimal128(38, scale), len(values), [None, pa.py_buffer(halves)])
    return pc.if_else(pa.array(values == 0), f"{Decimal(0):.{scale}f}", exact.cast(pa.string()))


def doubles(values: np.ndarray, scale: int = 10) -> np.ndarray:
    """Integers of 10^-scale as the nearest doubles, whose shortest text is exactly that decimal.

    Raises ValueError for a value of more than 15 significant digits, for which that would not hold.
    """
    found: np.ndarray = values.astype(np.float64) / 10.0**scale
    for index in np.flatnonzero(np.abs(values) >= 10**15):
        value = Decimal(int(values[index])).scaleb(-scale)
        if len(f"{value.normalize():f}".replace(".", "").strip("-0")) > 15:
            raise ValueError(f"{value} has more digits than a double keeps")
        found[index] = float(value)
    return found


def usd(value: int) -> Decimal:
    """An integer of 1e-10 USD as an exact amount."""
    return Decimal(int(value)) / MONEY
