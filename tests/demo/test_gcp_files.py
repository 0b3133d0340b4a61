"""Google's and Azure's files of the demo company: what they sum to, and that Kifayat finds the same.

The files are read here with pyarrow, csv and json alone.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from apps import make_app

from demo.azure import write_azure
from demo.company import Company, Dollar
from demo.files import write_csv
from demo.gcp import ACCOUNT, inventory, utilization, write_gcp
from demo.truth import Truth
from demo.users import Users

NOW = datetime(2026, 8, 21, 6, tzinfo=UTC)
INVOICE = (
    "billing_account_id", "invoice_id", "billing_month", "currency", "amount", "tax", "inr_per_unit", "issued_on",
)  # fmt: skip


def write(folder, months=4):
    company, truth, said = Company(months=months), Truth(), []
    users = Users(company)
    invoices = write_gcp(folder, company, users, truth, Dollar(), said.append)
    write_azure(folder, company, users, truth, Dollar())
    write_csv(folder / "invoices" / "gcp.csv", INVOICE, invoices)
    return company, users, truth, invoices


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, *write(folder)


@pytest.fixture(scope="module")
def records(made):
    """(export, record) of every row, as BigQuery would have them."""
    found = []
    for path in sorted(made[0].glob("gcp*/*")):
        if path.suffix == ".parquet":
            rows = pq.read_table(path).to_pylist()
        else:
            rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
        found += [(path.parent.name, row) for row in rows]
    return found


def exact(row):
    return sum((Decimal(repr(credit["amount"])) for credit in row["credits"]), Decimal(repr(row["cost"])))


def test_the_same_company_gives_the_same_bytes(made, tmp_path):
    write(tmp_path)

    def hashes(folder):
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    assert hashes(tmp_path) == hashes(made[0])


def test_both_exports_come_in_both_formats(made):
    names = sorted(str(path.relative_to(made[0])) for path in made[0].glob("gcp*/*"))
    assert [name.partition(".")[2] for name in names] == ["parquet", "parquet", "parquet", "json.gz"]


def test_the_files_sum_to_the_truth_to_the_last_digit(made, records):
    truth, sums = made[3], defaultdict(lambda: [0, Decimal(0)])
    for export, row in records:
        month = row["invoice"]["month"]
        total = sums[export, ACCOUNT, f"{month[:4]}-{month[4:]}", "INR"]
        total[0] += 1
        total[1] += exact(row)
    for path in (made[0] / "azure").iterdir():
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                total = sums["azure", row["BillingAccountId"], row["BillingPeriodStart"][:7], "INR"]
                total[0] += 1
                total[1] += Decimal(row["BilledCost"])
    assert {key: tuple(value) for key, value in sums.items()} == truth.charges


def test_an_invoice_is_its_rows_to_the_paisa_and_tax_is_by_project(made, records):
    sums, taxes = defaultdict(Decimal), defaultdict(Decimal)
    by_project = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for _, row in records:
        is_tax = row["cost_type"] == "tax"
        (taxes if is_tax else sums)[row["invoice"]["month"]] += exact(row)
        if row["cost_type"] != "rounding_error":
            project = (row.get("project") or {}).get("id")
            by_project[row["invoice"]["month"], project][is_tax] += exact(row)
    invoices = made[4]
    assert [row[2] for row in invoices] == [date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)]
    for _, _, month, _, amount, tax, _, _ in invoices:
        assert (sums[f"{month:%Y%m}"], taxes[f"{month:%Y%m}"]) == (amount, tax)
        assert 700_000 < amount < 1_200_000
    assert taxes["202608"] == 0
    for (month, _), (net, tax) in by_project.items():
        assert month == "202608" or abs(net * Decimal("0.18") - tax) <= Decimal("0.005")


def test_every_fault_of_a_real_export_is_there(records):
    rows = [row for _, row in records]
    assert {row["cost_type"] for row in rows} == {"regular", "tax", "adjustment", "rounding_error"}
    modes = {row["adjustment_info"]["mode"] for row in rows if row.get("adjustment_info")}
    assert modes == {"COMPLETE_NEGATION_WITH_REMONETIZATION", "MANUAL_ADJUSTMENT"}
    types = {credit["type"] for row in rows for credit in row["credits"]}
    assert types == {
        "COMMITTED_USAGE_DISCOUNT", "FEE_UTILIZATION_OFFSET", "FREE_TIER", "SUSTAINED_USAGE_DISCOUNT",
    }  # fmt: skip
    assert any(len(row["credits"]) > 1 for row in rows)
    assert any(not row.get("project") for row in rows)
    late = [row for row in rows if row["cost_type"] == "regular" and not row.get("adjustment_info")
            and f"{row['usage_start_time']}"[:7].replace("-", "") != row["invoice"]["month"]]  # fmt: skip
    assert late
    assert any(exact(row) < 0 for row in rows)
    assert any(row.get("usage", {}).get("amount", 0) > 1e17 for row in rows)


def test_a_fee_is_offset_by_what_it_covered(records):
    used, offset = defaultdict(Decimal), Decimal(0)
    for _, row in records:
        if (row.get("consumption_model") or {}).get("description") == "Compute Flexible CUDs 1 Year":
            used[row["sku"]["description"]] += Decimal(repr(row["cost"]))
            assert row["cost"] < row["cost_at_list"]
        offset -= sum(
            Decimal(repr(credit["amount"])) for credit in row["credits"] if credit["type"] == "FEE_UTILIZATION_OFFSET"
        )
    # rows of the last hours are there before the fee of their day
    assert 0 <= sum(used.values()) - offset < sum(used.values()) / 50


def test_resources_commitments_and_anomalies_are_known(made):
    truth = made[3]
    states = {row["state"] for row in truth.resources}
    assert {"idle", "dormant", "oversized", "schedulable", "spotable", "untagged", "ok"} <= states
    assert {row["id"] for row in truth.anomalies} >= {"gcp-gpu-2026-06", "gcp-nat-2026-07"}
    assert all(row["extra"] > 1000 for row in truth.anomalies)
    verdicts = {row["kind"].split()[0]: row["verdict"] for row in truth.commitments}
    assert verdicts == {"resource": "well", "flexible": "under"}


def test_utilization_and_inventory_name_resources_of_the_bill(made, records):
    _, company, users, _, _ = made
    table = utilization(company, users)
    measured = set(table["resource_id"].unique().to_pylist())
    billed = {row["resource"]["global_name"] for export, row in records if export == "gcp" and row.get("resource")}
    assert measured <= billed
    seen = [row["resource_id"] for row in inventory(company)]
    assert len(seen) == len(set(seen))
    assert measured <= set(seen) <= billed
    assert table.num_rows == len({*zip(*(table[n].to_pylist() for n in ("resource_id", "metric", "measured_at")),
                                       strict=True)})  # fmt: skip


def test_kifayat_loads_everything_and_every_bill_reconciles(made):
    folder, _, _, truth, invoices = made
    app = make_app(folder, now=NOW, exports=("gcp-standard", "gcp", "azure", "invoices"))
    report = app.ingest().report
    assert (report.refused, report.unreachable) == ((), ())
    result = app.reconcile()
    bills = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    assert {bill["difference"] for bill in bills} == {0}
    # in the month of the switch an invoice has rows in both exports, and only they together are its amount
    assert all(bill["is_reconciled"] for bill in bills if bill["x_BillingMonth"] != date(2026, 6, 1))
    assert app.query("SELECT COUNT(*) FROM quarantine").rows == ((0,),)
    rows = app.query(
        "SELECT x_ExportName, BillingAccountId, strftime(x_BillingMonth, '%Y-%m'), BillingCurrency, mart_cost"
        " FROM reconciliation"
    ).rows
    assert {row[:4]: row[4] for row in rows} == {key: total for key, (_, total) in truth.charges.items()}
    ours = app.query(
        "SELECT x_BillingMonth, SUM(BilledCost) FROM charges WHERE ProviderName = 'Google Cloud' GROUP BY 1"
    ).rows
    for month, total in ours:
        invoice = [row for row in invoices if row[2] == month]
        assert not invoice or invoice[0][4] + invoice[0][5] == total
