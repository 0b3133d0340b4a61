"""What a line of an AWS report means: the amortised cost of every type, tags, quantities, and how it is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bills import RESERVATION, SAVINGS_PLAN, Line, cur_line, money, monthly_line, ri_fee, sp_fee, write_cur
from stores import Store, by, open_store

from core import CHARGE_SCHEMA
from warehouse import Engine

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


@dataclass(frozen=True)
class Case:
    """A line and what it must become. `unused` is what the commitment's fee leaves for rows of their own."""

    line: Line
    billed: str
    effective: str
    category: str
    subcategory: str | None = None
    unused: str | None = None


RESERVED = {"reservation_reservation_a_r_n": RESERVATION}
PLANNED = {"savings_plan_savings_plan_a_r_n": SAVINGS_PLAN}
SP_REFUND = "Refund for one-time fee for Savings Plan ID: 1"

#: Section 1.4 of the reference (AWS's own summary_view), line type by line type.
CASES = {
    "usage": Case(cur_line("Usage", "3.25"), "3.25", "3.25", "Usage"),
    "igst": Case(monthly_line("Tax", "18", line_item_tax_type="IGST"), "18", "18", "Tax", "IGST"),
    "cgst": Case(monthly_line("Tax", "9", line_item_tax_type="cgst"), "9", "9", "Tax", "CGST"),
    "sgst": Case(
        monthly_line("Tax", "9", line_item_line_item_description="SGST for 2026-07"), "9", "9", "Tax", "SGST"
    ),
    "vat": Case(monthly_line("Tax", "5", line_item_tax_type="VAT"), "5", "5", "Tax", "VAT"),
    "credit": Case(cur_line("Credit", "-7.5"), "-7.5", "-7.5", "Credit", "Promotional Credit"),
    "edp": Case(cur_line("EdpDiscount", "-0.4"), "-0.4", "-0.4", "Adjustment", "Discount"),
    "private rate": Case(cur_line("PrivateRateDiscount", "-0.3"), "-0.3", "-0.3", "Adjustment", "Discount"),
    "bundled": Case(cur_line("BundledDiscount", "-0.2"), "-0.2", "-0.2", "Adjustment", "Discount"),
    "spp": Case(cur_line("SppDiscount", "-0.1"), "-0.1", "-0.1", "Adjustment", "Discount"),
    "distributor": Case(cur_line("DistributorDiscount", "-0.6"), "-0.6", "-0.6", "Adjustment", "Discount"),
    "flat rate": Case(cur_line("FlatRateSubscription", "20"), "20", "20", "Purchase"),
    "sp covered": Case(
        cur_line("SavingsPlanCoveredUsage", "10", savings_plan_savings_plan_effective_cost="6.5", **PLANNED),
        "0",
        "6.5",
        "Usage",
    ),
    "sp negation": Case(
        cur_line("SavingsPlanNegation", "-10", **PLANNED), "0", "0", "Adjustment", "Savings Plan Negation"
    ),
    "sp upfront": Case(cur_line("SavingsPlanUpfrontFee", "100", **PLANNED), "100", "0", "Purchase"),
    "sp fee": Case(sp_fee("8", commitment="9.5", used="6.5"), "8", "0", "Purchase", unused="3"),
    "ri covered": Case(cur_line("DiscountedUsage", "0", reservation_effective_cost="2.75", **RESERVED), "0", "2.75",
                       "Usage"),
    "ri fee": Case(ri_fee("30", upfront="12", unused_upfront="2", unused_recurring="5"), "30", "0", "Purchase",
                   unused="7"),
    "ri upfront": Case(cur_line("Fee", "120", **RESERVED), "120", "0", "Purchase"),
    "fee": Case(cur_line("Fee", "11"), "11", "11", "Purchase"),
    "support": Case(cur_line("Fee", "29", line_item_product_code="AWSSupportBusiness"), "29", "29", "Purchase",
                    "Support"),
    "marketplace": Case(cur_line("Usage", "4", bill_billing_entity="AWS Marketplace"), "4", "4", "Usage",
                        "Marketplace"),
    "refund": Case(cur_line("Refund", "-2"), "-2", "-2", "Adjustment", "Refund"),
    "sp refund": Case(
        cur_line(
            "Refund", "-100", line_item_product_code="ComputeSavingsPlans", line_item_line_item_description=SP_REFUND
        ),
        "-100", "0", "Adjustment", "Refund",
    ),
    "refund that mentions a plan": Case(
        cur_line("Refund", "-1", line_item_product_code="AmazonEC2", line_item_line_item_description=SP_REFUND),
        "-1", "-1", "Adjustment", "Refund",
    ),
    "unknown": Case(cur_line("QuantumDiscount", "-3.5"), "-3.5", "-3.5", "Adjustment", "Unclassified"),
    "unknown charge": Case(cur_line("MoonlightSurcharge", "1.25"), "1.25", "1.25", "Adjustment", "Unclassified"),
    "pod": Case(
        cur_line("Usage", "0", line_item_operation="EKSPod-EC2", line_item_usage_amount="0.5",
                 split_line_item_split_cost="0.7", split_line_item_unused_cost="0.2",
                 split_line_item_parent_resource_id="i-parent"),
        "0", "0", "Usage",
    ),
    "task": Case(
        cur_line("SavingsPlanCoveredUsage", "0.9", line_item_operation="ECSTask-EC2",
                 savings_plan_savings_plan_effective_cost="0.5", split_line_item_split_cost="0.4", **PLANNED),
        "0", "0", "Usage",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def every_type(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Store]:
    """One file with a line of every type, each known by its resource."""
    folder = tmp_path_factory.mktemp("types")
    marks = {"bill_invoice_id": "IN-1"}
    lines = [{**case.line, **marks, "line_item_resource_id": name} for name, case in CASES.items()]
    with open_store(folder, engine) as store:
        store.load(write_cur(folder / "types.csv", lines))
        yield store


def charges_of(store: Store, origin: str = "row") -> dict[Any, dict[str, Any]]:
    return by(store.rows(where=f"x_RowOrigin = '{origin}'"), "ResourceId")


@pytest.mark.parametrize("name", CASES)
def test_a_line_type_counts_as_aws_amortises_it(every_type, name):
    case, charge = CASES[name], charges_of(every_type)[name]
    assert (charge["BilledCost"], charge["EffectiveCost"]) == (Decimal(case.billed), Decimal(case.effective))
    assert (charge["ChargeCategory"], charge["x_ChargeSubcategory"]) == (case.category, case.subcategory)
    assert charge["x_ChargeType"] == case.line["line_item_line_item_type"]
    assert charge["x_UnusedCost"] == (None if case.unused is None else Decimal(case.unused))


def test_the_unused_part_of_a_commitment_is_a_charge_of_its_own(every_type):
    unused = by(
        every_type.rows(
            "ResourceId, SUM(EffectiveCost) AS cost, SUM(BilledCost) AS billed, ANY_VALUE(ChargeCategory) AS category,"
            " ANY_VALUE(CommitmentDiscountStatus) AS status, ANY_VALUE(CommitmentDiscountId) AS commitment",
            "x_RowOrigin = 'unused' GROUP BY ResourceId",
        ),
        "ResourceId",
    )
    assert set(unused) == {name for name, case in CASES.items() if case.unused}
    for name, row in unused.items():
        assert (row["cost"], row["billed"]) == (Decimal(CASES[name].unused or 0), 0)
        assert (row["category"], row["status"]) == ("Usage", "Unused")
        assert row["commitment"] in (SAVINGS_PLAN, RESERVATION)


def test_unknown_types_are_counted_and_reported_with_their_amount(every_type):
    events = {row["message"].split("'")[1]: row for row in every_type.events("unclassified")}
    assert set(events) == {"QuantumDiscount", "MoonlightSurcharge"}
    assert Decimal(events["QuantumDiscount"]["amount"]) == Decimal("-3.5")
    assert Decimal(events["MoonlightSurcharge"]["amount"]) == Decimal("1.25")
    assert {event["currency"] for event in events.values()} == {"USD"}


def test_pod_and_task_rows_are_kept_and_cost_nothing(every_type):
    for name, split, unused in (("pod", "0.7", "0.2"), ("task", "0.4", "0")):
        charge = charges_of(every_type)[name]
        assert {charge[cost] for cost in (*COSTS, "x_SourceCost")} == {0}
        assert (charge["x_SplitCost"], charge["x_SplitUnusedCost"]) == (Decimal(split), Decimal(unused))
        assert (charge["ConsumedQuantity"], charge["PricingQuantity"]) == (None, None)
    assert charges_of(every_type)["pod"]["x_ParentResourceId"] == "i-parent"


def test_rows_that_are_not_split_have_no_split_cost(every_type):
    rest = every_type.rows("ResourceId", "x_SplitCost IS NOT NULL")
    assert {row["ResourceId"] for row in rest} == {"pod", "task"}


def test_a_negation_row_repeats_no_usage(every_type):
    negation, covered = charges_of(every_type)["sp negation"], charges_of(every_type)["sp covered"]
    assert (negation["ConsumedQuantity"], negation["PricingQuantity"]) == (None, None)
    assert covered["ConsumedQuantity"] == 1


def test_a_commitment_keeps_its_identity_on_every_row(every_type):
    rows = charges_of(every_type)
    for name in ("sp covered", "sp negation", "sp upfront", "sp fee"):
        assert rows[name]["CommitmentDiscountId"] == SAVINGS_PLAN
        assert (rows[name]["CommitmentDiscountType"], rows[name]["CommitmentDiscountCategory"]) == (
            "Savings Plan", "Spend",
        )  # fmt: skip
    for name in ("ri covered", "ri fee", "ri upfront"):
        assert rows[name]["CommitmentDiscountId"] == RESERVATION
        assert (rows[name]["CommitmentDiscountType"], rows[name]["CommitmentDiscountCategory"]) == (
            "Reserved Instance", "Usage",
        )  # fmt: skip
    used = {name for name, row in rows.items() if row["CommitmentDiscountStatus"] == "Used"}
    assert used == {"sp covered", "ri covered", "task"}
    assert rows["usage"]["CommitmentDiscountId"] is None


def test_every_figure_of_the_file_is_in_the_bill(every_type):
    in_file = sum(Decimal(c.line["line_item_unblended_cost"]) for n, c in CASES.items() if n != "task")
    assert every_type.total("x_SourceCost") == in_file
    assert every_type.total("BilledCost") == in_file


def load_lines(store: Store, *lines: Line, **more: Any) -> Store:
    store.load(write_cur(store.folder / "bill.csv", lines), **more)
    return store


def test_net_figures_fall_back_row_by_row(store):
    load_lines(
        store,
        cur_line("Usage", "10", line_item_resource_id="discounted", line_item_net_unblended_cost="8"),
        cur_line("Usage", "5", line_item_resource_id="gross only"),
        cur_line("SavingsPlanCoveredUsage", "10", line_item_resource_id="planned", line_item_net_unblended_cost="9",
                 savings_plan_savings_plan_effective_cost="6",
                 savings_plan_net_savings_plan_effective_cost="5.5", **PLANNED),
        cur_line("SavingsPlanNegation", "-10", line_item_resource_id="negation", line_item_net_unblended_cost="-9",
                 **PLANNED),
        cur_line("DiscountedUsage", "0", line_item_resource_id="reserved", line_item_net_unblended_cost="0",
                 reservation_effective_cost="3", **RESERVED),
        cur_line("Fee", "120", line_item_resource_id="upfront", line_item_net_unblended_cost="110", **RESERVED),
        cur_line("Refund", "-100", line_item_resource_id="refund", line_item_net_unblended_cost="-90",
                 line_item_product_code="ComputeSavingsPlans", line_item_line_item_description=SP_REFUND),
    )  # fmt: skip
    net = {name: (row["x_NetBilledCost"], row["x_NetEffectiveCost"]) for name, row in charges_of(store).items()}
    assert net == {
        "discounted": (8, 8),
        "gross only": (None, None),  # sums take BilledCost and EffectiveCost of this row
        "planned": (0, Decimal("5.5")),
        "negation": (0, 0),
        "reserved": (0, 3),  # no net figure in the file: the gross one
        "upfront": (110, 0),
        "refund": (-90, 0),
    }


def test_a_row_without_a_net_figure_counts_gross_in_net_sums(store):
    load_lines(
        store,
        cur_line("Usage", "10", line_item_net_unblended_cost="8"),
        cur_line("Usage", "5"),
    )
    assert store.total("COALESCE(x_NetBilledCost, BilledCost)") == 13


def test_tags_whose_keys_differ_only_in_case_are_both_kept(store):
    header = "resource_tags_user_team"
    line = {**cur_line(), header: "Physics", "resourceTags/user:Team": "Biology"}
    text_columns = [*line]
    load_file = write_cur(store.folder / "tags.csv", [line], text_columns)
    store.load(load_file)
    (charge,) = store.rows("json_extract_string(Tags, ['/team', '/Team']) AS tags")
    assert charge["tags"] == ["Physics", "Biology"]


@pytest.mark.parametrize("value", ["'; DROP TABLE loads; --", '=cmd|"/c calc"!A1', "<script>", "Ā\u202eB\r\nC", '{"'])
def test_a_tag_is_stored_as_it_is_written(store, value):
    line = {**cur_line(), "resource_tags_user_note": value}
    load_lines(store, line)
    (charge,) = store.rows("json_extract_string(Tags, '/note') AS note")
    assert charge["note"] == value


def test_an_empty_tag_is_no_tag(store):
    load_lines(store, {**cur_line(), "resource_tags_user_team": ""})
    assert store.rows("Tags") == [{"Tags": None}]


def test_a_spot_line_is_dynamically_priced(store):
    load_lines(
        store,
        cur_line(line_item_usage_type="APS3-SpotUsage:m5.large", line_item_resource_id="spot"),
        cur_line(line_item_resource_id="on demand"),
    )
    categories = {name: row["PricingCategory"] for name, row in charges_of(store).items()}
    assert categories == {"spot": "Dynamic", "on demand": "Standard"}


def test_an_account_id_keeps_its_leading_zeros(store):
    load_lines(store, cur_line(bill_payer_account_id="000000000042", line_item_usage_account_id="000000000007"))
    (charge,) = store.rows("BillingAccountId, SubAccountId")
    assert charge == {"BillingAccountId": "000000000042", "SubAccountId": "000000000007"}


def test_a_line_without_an_account_belongs_to_the_payer(store):
    load_lines(store, cur_line("Tax", "18", line_item_usage_account_id=""))
    (charge,) = store.rows("SubAccountId, BillingAccountId")
    assert charge["SubAccountId"] == charge["BillingAccountId"]


def test_a_service_that_no_table_knows_is_called_as_aws_calls_it(store):
    load_lines(
        store,
        cur_line(line_item_product_code="AmazonMoonbase", line_item_resource_id="named",
                 product_product_name="Amazon Moonbase Explorer"),
        cur_line(line_item_product_code="AmazonMoonbase", line_item_resource_id="nameless"),
    )  # fmt: skip
    names = {name: row["ServiceName"] for name, row in charges_of(store).items()}
    assert names == {"named": "Amazon Moonbase Explorer", "nameless": "AmazonMoonbase"}
    assert store.total("1", "ServiceCategory = 'Other' AND ServiceSubcategory = 'Other (Other)'") == 2


def test_the_invoice_id_is_that_of_the_line(store):
    load_lines(store, cur_line(bill_invoice_id="IN-1"), cur_line("Tax", "2", bill_invoice_id=""))
    assert sorted(row["InvoiceId"] or "" for row in store.rows("InvoiceId")) == ["", "IN-1"]


def test_a_source_yields_only_columns_of_the_charges(every_type):
    names = [name for name, _ in CHARGE_SCHEMA]
    assert list(every_type.rows()[0]) == names


def test_a_figure_is_stored_with_eighteen_decimals(store):
    load_lines(store, cur_line(cost="0.123456789012345678"))
    assert store.total("BilledCost") == money("0.123456789012345678")


def test_the_path_of_a_bill_is_no_part_of_it(store):
    odd = store.folder / "bill '; DROP.csv"
    store.load(write_cur(odd, [cur_line()]))
    assert store.total("BilledCost") == 1
    assert Path(store.current()[0].folder).parts[0] == "charges"
