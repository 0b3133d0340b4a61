"""FOCUS 1.2 as the specification states it, and our own columns."""

from __future__ import annotations

from core import CHARGE_SCHEMA, COLUMNS, EXTENSIONS, SERVICE_CATEGORIES


def test_the_specification_has_57_columns_and_19_service_categories():
    assert len(COLUMNS) == 57
    assert len(SERVICE_CATEGORIES) == 19
    assert sum(map(len, SERVICE_CATEGORIES.values())) == 82


def test_the_schema_is_focus_first_and_then_our_columns_each_once():
    names = [name for name, _ in CHARGE_SCHEMA]
    assert names == [*COLUMNS, *EXTENSIONS]
    assert len({name.lower() for name in names}) == len(names)


def test_our_columns_carry_the_prefix_that_the_specification_asks_for():
    assert all(name.startswith("x_") for name in EXTENSIONS)


def test_every_cost_price_and_quantity_is_exact():
    for name, sql_type in CHARGE_SCHEMA:
        if name.endswith(("Cost", "Price", "Quantity")):
            assert sql_type == "DECIMAL(38,18)", name


def test_no_column_is_a_binary_fraction():
    assert not [name for name, sql_type in CHARGE_SCHEMA if sql_type in {"DOUBLE", "FLOAT", "REAL"}]


def test_instants_have_no_zone_and_the_month_of_the_invoice_is_a_date():
    types = dict(CHARGE_SCHEMA)
    assert types["ChargePeriodStart"] == types["x_ExportedAt"] == "TIMESTAMP"
    assert types["x_BillingMonth"] == "DATE"
    assert types["Tags"] == "VARCHAR"


def test_a_column_knows_its_level_nulls_and_allowed_values():
    category = COLUMNS["ChargeCategory"]
    assert (category.level, category.allows_nulls) == ("Mandatory", False)
    assert category.allowed_values == ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
    assert COLUMNS["CommitmentDiscountStatus"].allowed_values == ("Used", "Unused")
    assert COLUMNS["ResourceId"].allowed_values == ()


def test_the_service_columns_allow_what_the_category_table_lists():
    assert set(COLUMNS["ServiceCategory"].allowed_values) == set(SERVICE_CATEGORIES)
    assert "Virtual Machines" in COLUMNS["ServiceSubcategory"].allowed_values
    assert "Virtual Machines" in SERVICE_CATEGORIES["Compute"]
