"""Every real file we have, and the sample company: loaded or refused for a reason, and summed to the last digit.

The expected sums come from Python's csv, json and Decimal (`recount`) or from the script that wrote the samples:
no figure here was copied from what Kifayat printed.
"""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from kifayat import App

ROOT = Path(__file__).parents[1]
REAL = Path(__file__).parent / "data"
SAMPLES = ROOT / "data" / "samples"


def make_app(folder: Path, exports: dict[str, Path], more: str = "") -> App:
    lines = [f'[storage]\ndirectory = "{folder / "store"}"\nkeep_months = 240\n{more}']
    lines += [f'[[exports]]\nname = "{name}"\nlocation = "{path}"\npayer = "spec"\n' for name, path in exports.items()]
    (folder / "kifayat.toml").write_text("\n".join(lines))
    return App.from_toml(folder / "kifayat.toml")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    app = make_app(
        tmp_path_factory.mktemp("real"),
        {"aws": REAL / "aws-cur", "gcp": REAL / "gcp-billing", "focus": REAL / "focus", "fx": REAL / "fx"},
    )
    return app, app.ingest().report


def test_every_real_file_is_loaded_or_refused_with_a_sentence(real):
    _, report = real
    assert report.count("loaded") >= 30
    for refused in report.refused:
        assert refused.reason.count(".") >= 2, refused
        assert "Expected:" in refused.reason
        assert "Do:" in refused.reason


def test_only_what_is_no_bill_or_damaged_is_refused(real):
    _, report = real
    names = {Path(refused.group).name for refused in report.refused}
    bills = {name for name in names if name.startswith(("koku", "google", "export", "expected", "focus_1_0"))}
    assert bills == {"koku_cur1_2018_legacy.csv"}  # its rows have one value less than its header has names
    # the specification's own example holds the instant 2023-02-01T30:00:00Z
    assert "commitment_discount_purchase_scenario.csv" in names


def test_what_is_loaded_is_what_the_files_hold_to_the_last_digit(real):
    app, _ = real
    result = app.reconcile_files()
    counted = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    assert len(counted) >= 25
    assert [row for row in counted if row["is_reconciled"] is False] == []
    assert sum(row["is_reconciled"] is True for row in counted) >= 25


def test_every_bill_is_reconciled_from_file_to_mart(real):
    app, _ = real
    result = app.reconcile()
    index = result.columns.index("is_reconciled")
    assert result.rows
    assert all(row[index] for row in result.rows)


def test_ingesting_twice_changes_nothing(real):
    app, _ = real
    before = app.query("SELECT * FROM reconciliation ORDER BY ALL").rows
    again = app.ingest()
    assert not again.published.is_new
    assert again.report.count("loaded") == 0
    assert app.query("SELECT * FROM reconciliation ORDER BY ALL").rows == before


def test_a_final_bill_replaces_the_one_that_was_not_final(tmp_path):
    exports = tmp_path / "cur"
    exports.mkdir()
    shutil.copy(REAL / "aws-cur" / "koku_cur1_2023_not_final.csv", exports / "2023-06.csv")
    app = make_app(tmp_path, {"cur": exports})
    app.ingest()
    first = app.query("SELECT SUM(BilledCost), COUNT(*) FROM charges").rows[0]
    shutil.copy(REAL / "aws-cur" / "koku_cur1_2023_final.csv", exports / "2023-06.csv")
    app.ingest()
    final = app.query("SELECT SUM(BilledCost), COUNT(*) FROM charges").rows[0]
    assert first == final == (Decimal(30), final[1])
    assert app.query("SELECT DISTINCT state FROM periods").rows == (("invoiced",),)


@pytest.mark.parametrize(
    "name",
    [
        "commitment_discount_purchase_scenario_1",
        "commitment_discount_usage_scenario_1",
        "commitment_discount_usage_scenario_2",
        "one_hundred_percent_utilization_with_commitment_discount_flexibility_with_1_resource",
        "zero_percent_utilization_without_commitment_discount_flexibility",
    ],
)
def test_a_commitment_scenario_of_the_specification_comes_out_as_printed(tmp_path, name):
    import csv

    exports = tmp_path / "spec"
    exports.mkdir()
    source = REAL / "focus" / "spec_scenarios" / f"{name}.csv"
    shutil.copy(source, exports / "scenario.csv")
    app = make_app(tmp_path, {"spec": exports})
    assert app.ingest().report.count("loaded") == 1
    with source.open(newline="") as file:
        header, *printed = [row for row in csv.reader(file) if row]
    money = {
        "BilledCost",
        "EffectiveCost",
        "ListCost",
        "ListUnitPrice",
        "PricingQuantity",
        "CommitmentDiscountQuantity",
    }
    instants = {"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"}
    columns = [column for column in header if not column.startswith("x_") and column not in ("SkuPriceid",)]
    listed = ", ".join(columns)
    ours = app.query(f"SELECT {listed} FROM charges ORDER BY ChargeCategory, BilledCost, ResourceId").rows

    def plain(column: str, text: str) -> object:
        if text == "null":
            return None
        if column in money or column == "ConsumedQuantity":
            return Decimal(text)
        return text.replace("T", " ").removesuffix("Z") if column in instants else text

    expected = [tuple(plain(c, v) for c, v in zip(header, row, strict=True) if c in columns) for row in printed]
    shown = [tuple(str(v) if c in instants else v for c, v in zip(columns, row, strict=True)) for row in ours]
    assert sorted(shown, key=repr) == sorted(expected, key=repr)


def test_the_sample_company_loads_whole(sample_company):
    app, report = sample_company
    assert report.refused == ()
    assert report.unreachable == ()
    assert all(row[-1] for row in app.reconcile().rows)


def test_the_sample_company_costs_what_the_script_that_made_it_says(sample_company):
    app, _ = sample_company
    totals = json.loads((SAMPLES / "totals.json").read_text())
    rows = app.query(
        "SELECT x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency, mart_cost FROM reconciliation"
    ).rows
    ours = {(e, p, f"{m:%Y-%m}", c): cost for e, p, m, c, cost in rows}
    theirs = {(t["export"], t["payer"], t["month"], t["currency"]): Decimal(t["sum"]) for t in totals["charges"]}
    assert ours == theirs


def test_every_rupee_of_the_sample_company_has_a_rate_and_says_which(sample_company):
    app, _ = sample_company
    rows = app.query("SELECT DISTINCT x_InrRateState, x_InrReason IS NULL FROM cost_daily").rows
    assert {state for state, _ in rows} == {"provider", "invoice", "month-locked", "provisional"}
    assert all(has_rate for _, has_rate in rows)
