"""CUR 2.0 as Data Exports delivers it in Parquet: a fixed list of columns, tags, products and discounts as maps.

The columns are those of the usual export query with split cost allocation, with the types of AWS's table definition
(Cloud Intelligence Dashboards, data-exports-aggregation.yaml, 2026-07); where it has none, those of the legacy report.
A text that is absent is empty, a number that is absent is null.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from demo.aws_table import Table, doubles, month_bounds

_TEXTS = """
    bill_bill_type bill_billing_entity bill_invoice_id bill_invoicing_entity bill_payer_account_id
    bill_payer_account_name identity_line_item_id line_item_availability_zone line_item_blended_rate
    line_item_currency_code line_item_legal_entity line_item_line_item_description line_item_line_item_type
    line_item_net_unblended_rate line_item_operation line_item_product_code line_item_resource_id line_item_tax_type
    line_item_unblended_rate line_item_usage_account_id line_item_usage_account_name line_item_usage_type
    pricing_currency pricing_lease_contract_length pricing_offering_class pricing_public_on_demand_rate
    pricing_purchase_option pricing_rate_code pricing_rate_id pricing_term pricing_unit product_comment
    product_fee_code product_fee_description product_from_location product_from_location_type product_from_region_code
    product_instance_family product_instance_type product_instancesku product_location product_location_type
    product_operation product_pricing_unit product_product_family product_region_code product_servicecode product_sku
    product_to_location product_to_location_type product_to_region_code product_usagetype
    reservation_availability_zone reservation_end_time reservation_modification_status
    reservation_normalized_units_per_reservation reservation_number_of_reservations reservation_reservation_a_r_n
    reservation_start_time reservation_subscription_id reservation_total_reserved_normalized_units
    reservation_total_reserved_units reservation_units_per_reservation savings_plan_end_time
    savings_plan_instance_type_family savings_plan_offering_type savings_plan_payment_option savings_plan_purchase_term
    savings_plan_region savings_plan_savings_plan_a_r_n savings_plan_start_time split_line_item_parent_resource_id
"""
_NUMBERS = """
    discount_bundled_discount discount_total_discount line_item_blended_cost line_item_net_unblended_cost
    line_item_normalization_factor line_item_normalized_usage_amount line_item_unblended_cost
    pricing_public_on_demand_cost reservation_amortized_upfront_cost_for_usage
    reservation_amortized_upfront_fee_for_billing_period reservation_effective_cost
    reservation_net_amortized_upfront_cost_for_usage reservation_net_amortized_upfront_fee_for_billing_period
    reservation_net_effective_cost reservation_net_recurring_fee_for_usage
    reservation_net_unused_amortized_upfront_fee_for_billing_period reservation_net_unused_recurring_fee
    reservation_net_upfront_value reservation_recurring_fee_for_usage
    reservation_unused_amortized_upfront_fee_for_billing_period reservation_unused_normalized_unit_quantity
    reservation_unused_quantity reservation_unused_recurring_fee reservation_upfront_value
    savings_plan_amortized_upfront_commitment_for_billing_period
    savings_plan_net_amortized_upfront_commitment_for_billing_period
    savings_plan_net_recurring_commitment_for_billing_period savings_plan_net_savings_plan_effective_cost
    savings_plan_recurring_commitment_for_billing_period savings_plan_savings_plan_effective_cost
    savings_plan_savings_plan_rate savings_plan_total_commitment_to_date savings_plan_used_commitment
    split_line_item_actual_usage split_line_item_net_split_cost split_line_item_net_unused_cost
    split_line_item_public_on_demand_split_cost split_line_item_public_on_demand_unused_cost
    split_line_item_reserved_usage split_line_item_split_cost split_line_item_split_usage
    split_line_item_split_usage_ratio split_line_item_unused_cost
"""
_TEXT_NAMES, _NUMBER_NAMES = frozenset(_TEXTS.split()), frozenset(_NUMBERS.split())
INSTANT = pa.timestamp("ms")
TEXT_MAP, NUMBER_MAP = pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.float64())
#: Columns of texts and money that live in a map.
_IN_MAPS = ("product_", "cost_category_", "discount_")


def cur2_table(table: Table) -> pa.Table:
    """All rows of a bill. Raises ValueError if a line has a column that CUR 2.0 has not."""
    columns: dict[str, pa.Array] = {
        "identity_time_interval": _intervals(table),
        "bill_billing_period_start_date": _same(table, month_bounds(table.bill.month)[0]),
        "bill_billing_period_end_date": _same(table, month_bounds(table.bill.month)[1]),
        "line_item_usage_start_date": instants(table.start),
        "line_item_usage_end_date": instants(table.end),
        "line_item_usage_amount": pa.array(doubles(table.amount, 6)),
        "product": by_line(table, _maps(table, "product_"), TEXT_MAP),
        "cost_category": by_line(table, _maps(table, "cost_category_"), TEXT_MAP),
        "resource_tags": by_line(table, [tag_map(line.tags) for line in table.lines], TEXT_MAP),
        "tags": by_line(table, [()] * len(table.lines), TEXT_MAP),  # since 2026: tags of accounts, which nobody set
        "discount": discounts(table),
    }
    known = _TEXT_NAMES | _NUMBER_NAMES
    if strange := {n for n in (*table.texts, *table.money) if n not in known and not n.startswith(_IN_MAPS)}:
        raise ValueError(f"CUR 2.0 has no column for {', '.join(sorted(strange))}")
    for name in _TEXT_NAMES:
        columns[name] = by_line(table, table.texts.get(name) or [""] * len(table.lines), pa.string())
    for name in _NUMBER_NAMES:
        columns[name] = _number(table, "line_item_unblended_cost" if name == "line_item_blended_cost" else name)
    return pa.table(dict(sorted(columns.items())))


def by_line(table: Table, values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column that is the same in all rows of a line. Texts are dictionaries: they are written as such."""
    if kind == pa.string():
        distinct = pa.array(values, kind).dictionary_encode()
        return pa.DictionaryArray.from_arrays(distinct.indices.take(pa.array(table.of_line)), distinct.dictionary)
    return pa.array(values, kind).take(pa.array(table.of_line))


def instants(hours: np.ndarray) -> pa.Array:
    """Whole hours as the timestamps that Data Exports writes, in milliseconds."""
    return pa.array(hours.astype("datetime64[ms]"), INSTANT)


def numbers(values: np.ndarray, present: np.ndarray | None) -> pa.Array:
    """Integers of 1e-10 as doubles, null where there is none."""
    return pa.array(doubles(values), mask=None if present is None else ~present)


def discounts(table: Table) -> pa.Array:
    """The map of discounts of each row: edp_discount, total_discount and the like."""
    named = [(name.removeprefix("discount_"), money) for name, money in table.money.items() if name[:9] == "discount_"]
    if not named:
        return by_line(table, [()] * len(table.lines), NUMBER_MAP)
    present = np.stack([np.ones(table.rows, bool) if m.present is None else m.present for _, m in named], axis=1)
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    values = np.stack([money.values for _, money in named], axis=1)[present]
    keys = pa.DictionaryArray.from_arrays(
        pa.array(np.broadcast_to(np.arange(len(named)), present.shape)[present].astype(np.int32)),
        pa.array([key for key, _ in named]),
    )
    return pa.MapArray.from_arrays(pa.array(offsets), keys.cast(pa.string()), pa.array(doubles(values)))


def tag_map(tags: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Tags under the keys that CUR 2.0 gives them: user_team, aws_eks_namespace. Of two that become one, the last."""
    found = {}
    for key, value in tags:
        plain = re.sub(r"[^a-z0-9]", "_", key.lower())
        found[plain if key.startswith("aws:") else f"user_{plain}"] = value
    return list(found.items())


def _maps(table: Table, prefix: str) -> list[list[tuple[str, str]]]:
    """What a line's texts below a prefix say, but for those that have a column of their own."""
    names = [name for name in table.texts if name.startswith(prefix) and name not in _TEXT_NAMES]
    return [
        [(name.removeprefix(prefix), table.texts[name][line]) for name in names if table.texts[name][line]]
        for line in range(len(table.lines))
    ]


def _number(table: Table, name: str) -> pa.Array:
    if money := table.money.get(name):
        if name in table.texts:
            raise ValueError(f"{name} is text in one line and money in another")
        return numbers(money.values, money.present)
    texts = table.texts.get(name) or [""] * len(table.lines)
    return by_line(table, [float(text) if text else None for text in texts], pa.float64())


def _same(table: Table, at: np.datetime64) -> pa.Array:
    return instants(np.full(table.rows, at))


def _intervals(table: Table) -> pa.Array:
    """Start and end of each row as one text."""
    start = table.start.astype(np.int64)
    keys, place = np.unique(start * 100_000 + table.hours, return_inverse=True)
    bounds = [(int(key // 100_000), int(key // 100_000 + key % 100_000)) for key in keys]
    texts = ["/".join(f"{np.datetime64(hour, 'h')}:00:00Z" for hour in pair) for pair in bounds]
    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(texts))
