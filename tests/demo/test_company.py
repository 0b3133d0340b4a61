"""The company that does not exist: written twice it is the same, loaded it ties to the paisa, and its truth is true."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core import KifayatError
from demo.aws_bill import AwsIndia
from demo.aws_commitments import size_units
from demo.aws_line import QUANTITY
from demo.company import LAST, Company
from demo.truth import Truth
from demo.users import ELASTICITIES, PRODUCTS, STATES, Users
from demo.write import write_company
from kifayat import App
from kifayat.cli import cli


def written(folder: Path, company: Company) -> Path:
    """The files of a company, silently."""
    write_company(folder, company, lambda _: None)
    return folder


def digests(folder: Path) -> dict[str, str]:
    """Each file with a hash of its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# -- whole companies ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_month(tmp_path_factory) -> dict[str, str]:
    """The files of a company of one month."""
    return digests(written(tmp_path_factory.mktemp("one") / "month", Company(months=1)))


def test_another_seed_writes_another_company(one_month, tmp_path):
    first = one_month
    other = digests(written(tmp_path / "c", Company(months=1, seed=8)))
    assert set(other) == set(first)
    data = {name for name in first if name.endswith((".parquet", ".csv.gz", ".json.gz")) or "users" in name}
    assert [name for name in data if first[name] == other[name]] == ["truth/users.csv"]  # the noise-free curve


def test_every_bill_ties_to_the_truth_to_the_last_digit(demo_company):
    ties(demo_company, App.from_toml(demo_company / "kifayat.toml"), 36)


def test_every_bill_of_a_company_three_times_as_large_ties_too(tmp_path):
    folder = written(tmp_path / "company", Company(11, 3, 2, "strong"))
    app = App.from_toml(folder / "kifayat.toml")
    report = app.ingest().report
    assert not report.refused
    assert not report.unreachable
    ties(folder, app, 2)


def ties(folder: Path, app: App, months: int) -> None:
    """Whether every bill is what the truth says, and what a user costs is known for every month that is over."""
    truth = json.loads((folder / "truth" / "totals.json").read_text())
    expected = {
        (row["export"], row["payer"], row["month"], row["currency"]): (row["rows"], Decimal(row["sum"]), True)
        for row in truth["charges"]
    }
    found = app.query(
        "SELECT x_ExportName, BillingAccountId, STRFTIME(x_BillingMonth, '%Y-%m'), BillingCurrency, files_rows,"
        " mart_cost, is_reconciled FROM reconciliation"
    ).rows
    assert {row[:4]: row[4:] for row in found} == expected
    assert app.query("SELECT COUNT(*) FROM unclassified").rows == ((0,),)
    months_known = app.query("SELECT COUNT(*) FROM scores WHERE metric = 'cost_per_user_inr' AND value > 0").rows
    assert months_known == ((months - 1,),)


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(KifayatError, match="not empty"):
        written(tmp_path, Company(months=1))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_writes_the_same_bytes_loads_and_publishes_and_the_second_time_does_nothing(
    one_month, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    done = run(cli, ["demo", "--months", "1", "--no-dashboard"])
    assert done.exit_code == 0, done.output
    made = tmp_path / "kifayat-demo"
    assert {name: digest for name, digest in digests(made).items() if name in one_month} == one_month
    before = digests(made / "gcp")
    again = run(cli, ["demo", "--months", "1", "--no-dashboard"])
    assert again.exit_code == 0
    assert "already written" in again.output
    assert digests(tmp_path / "kifayat-demo" / "gcp") == before
    app = App.from_toml(tmp_path / "kifayat-demo" / "kifayat.toml")
    assert app.query("SELECT COUNT(*) FROM reconciliation WHERE NOT is_reconciled").rows == ((0,),)
    other = run(cli, ["demo", "--months", "2", "--no-dashboard"])
    assert "another company lies there" in str(other.exception)


# -- students -------------------------------------------------------------------------------------------------------


def test_the_crowd_grows_to_the_exam_and_falls_after_it():
    users = Users(Company())
    daily = sum(users.dau["all", state] for state in STATES)
    days = users.company.days
    around = {n: daily[days == np.datetime64("2025-05-04") + n][0] for n in (-87, -17, -3, 11)}  # Thursdays
    assert around[-3] > around[-17] > around[-87] > around[11]
    assert np.argmax(users.expected["neet"][days < np.datetime64("2025-08-01")]) > 500


def test_a_cancelled_exam_has_a_second_peak_at_the_second_date():
    users = Users(Company())
    days, curve = users.company.days, users.expected["neet"]
    at = {day: curve[days == np.datetime64(day)][0] for day in ("2026-05-02", "2026-05-10", "2026-06-20")}
    assert at["2026-05-10"] < 0.8 * at["2026-06-20"] < 0.8 * at["2026-05-02"]


def test_a_strong_season_rises_higher_above_the_same_ordinary_days():
    base, strong = (Users(Company(strength=strength)) for strength in ("base", "strong"))
    october = slice(400, 420)
    assert np.allclose(base.expected["neet"][october], strong.expected["neet"][october], rtol=0.05)
    assert strong.expected["neet"].max() > 1.4 * base.expected["neet"].max()


def test_monthly_students_are_more_than_a_days_and_fewer_than_all_days_together():
    users = Users(Company(months=3))
    month = users.company.billing_months[0]
    days = users.company.hours_of(month, date(2026, 7, 1))
    for product in (*PRODUCTS, "all"):
        daily = users.dau[product, "Bihar"][days.start // 24 : days.stop // 24]
        assert daily.max() < users.mau(month)[product, "Bihar"] < daily.sum()


def test_shorter_histories_are_the_end_of_the_same_company():
    long, short = Users(Company(months=30)), Users(Company(months=3))
    for product in PRODUCTS:
        assert np.allclose(long.expected[product][-50:], short.expected[product][-50:])
    for service in ELASTICITIES:
        assert long.load(service)[-1] == pytest.approx(short.load(service)[-1], rel=0.2)


# -- AWS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def india() -> AwsIndia:
    company = Company(months=5)
    return AwsIndia(company, Users(company), Truth())


def test_every_day_of_a_plan_is_used_or_unused_and_never_more(india):
    bill = india.bill(date(2026, 6, 1), LAST, is_final=True)
    fees = [line for line in bill.lines if line.kind == "SavingsPlanRecurringFee"]
    assert fees
    for fee in fees:
        committed = fee.money["savings_plan_total_commitment_to_date"]
        used = fee.money["savings_plan_used_commitment"]
        assert (used <= committed).all()
        arn = fee.texts["savings_plan_savings_plan_a_r_n"]
        covered = sum(
            int(line.money["savings_plan_savings_plan_effective_cost"].sum())
            for line in bill.lines
            if line.kind == "SavingsPlanCoveredUsage" and line.texts["savings_plan_savings_plan_a_r_n"] == arn
        )
        assert covered == int(used.sum())


def test_negations_cancel_what_plans_cover(india):
    bill = india.bill(date(2026, 6, 1), LAST, is_final=True)
    by_kind = {
        kind: sum(int(line.cost.sum()) for line in bill.lines if line.kind == kind)
        for kind in ("SavingsPlanCoveredUsage", "SavingsPlanNegation")
    }
    assert by_kind["SavingsPlanCoveredUsage"] == -by_kind["SavingsPlanNegation"] > 0


def test_pods_share_out_exactly_what_their_node_cost(india):
    bill = india.bill(date(2026, 6, 1), LAST, is_final=True)
    pods: dict[str, int] = {}
    for line in bill.lines:
        if line.operation == "EKSPod-EC2":
            node = line.texts["split_line_item_parent_resource_id"]
            parts = line.money["split_line_item_split_cost"] + line.money["split_line_item_unused_cost"]
            pods[node] = pods.get(node, 0) + int(parts.sum())
    costs: dict[str, int] = {}
    for line in bill.lines:
        if line.resource in pods:
            amount = line.money.get("savings_plan_savings_plan_effective_cost", line.cost)
            costs[line.resource] = costs.get(line.resource, 0) + int(amount.sum())
    assert pods == costs


def test_a_reservation_is_used_or_unused_for_every_hour_of_the_month(india):
    bill = india.bill(date(2026, 6, 1), LAST, is_final=True)
    for fee in (line for line in bill.lines if line.kind == "RIFee"):
        arn = fee.texts["reservation_reservation_a_r_n"]
        reserved = size_units(fee.usage_type)
        used = sum(
            int(line.amount.sum()) * size_units(line.usage_type) // reserved // QUANTITY
            for line in bill.lines
            if line.kind == "DiscountedUsage" and line.texts["reservation_reservation_a_r_n"] == arn
        )
        recurring = int(fee.cost.sum()) // (int(fee.amount.sum()) // QUANTITY)
        unused = int(fee.money["reservation_unused_recurring_fee"].sum()) // recurring
        assert used + unused == int(fee.amount.sum()) // QUANTITY


def test_tax_is_eighteen_percent_of_each_invoice(india):
    bill = india.bill(date(2026, 4, 1), LAST, is_final=True)
    sums: dict[str, list[int]] = {}
    for line in bill.lines:
        pair = sums.setdefault(bill.seller_of(line), [0, 0])
        pair[line.kind == "Tax"] += int(line.cost.sum())
    assert set(sums) == {"aws", "marketplace", "refund"}
    for amount, tax in sums.values():
        assert tax == pytest.approx(amount * 0.18, abs=0.01 * 10**10 * 60)


def test_an_earlier_bill_of_an_open_month_is_the_beginning_of_the_later_one(india):
    early = india.bill(date(2026, 8, 1), date(2026, 8, 10), is_final=False)
    late = india.bill(date(2026, 8, 1), LAST, is_final=False)

    def usage(bill) -> dict[tuple[str, ...], dict[np.datetime64, int]]:
        found: dict[tuple[str, ...], dict[np.datetime64, int]] = {}
        for line in bill.lines:
            if line.kind == "Usage" and line.operation != "EKSPod-EC2":
                key = line.resource, line.usage_type
                found.setdefault(key, {}).update(zip(line.start, line.cost.tolist(), strict=True))
        return found

    later = usage(late)
    for key, costs in usage(early).items():
        assert costs.items() <= later[key].items()


# -- truth ----------------------------------------------------------------------------------------------------------


def test_the_truth_names_resources_that_are_in_the_bills(demo_company):
    folder = demo_company
    app = App.from_toml(folder / "kifayat.toml")
    billed = {row[0] for row in app.query("SELECT DISTINCT ResourceId FROM charges WHERE ResourceId IS NOT NULL").rows}
    with (folder / "truth" / "resources.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"idle", "dormant", "oversized", "schedulable", "untagged", "spotable"} <= {row["state"] for row in rows}
    # what runs only before an exam is not on the bills of July and August
    missing = {row["resource_id"] for row in rows if row["state"] != "dormant"} - billed
    assert not [name for name in missing if "compute.googleapis" not in name and "projects/" not in name]
    users = {row[0] for row in csv.reader((folder / "truth" / "users.csv").open(newline=""))}
    assert "2026-08-20" in users
