"""AWS files from bills made by hand: what is in the files, and what the product makes of them."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apps import make_app

from core import SERVICE_CATEGORIES, next_month
from demo.aws_cur1 import columns, shards, snake
from demo.aws_cur2 import cur2_table
from demo.aws_export import CUR2, FOCUS, LEGACY, Writer, write_aws
from demo.aws_focus import focus_table
from demo.aws_line import MONEY, QUANTITY, Bill, Line
from demo.aws_products import PRODUCTS
from demo.aws_table import Table, decimals, doubles, on_demand_cost
from demo.company import Company, Dollar
from demo.invoices import write_invoices
from demo.truth import Truth

JUNE = date(2026, 6, 1)
PROD, DEV = "222233334444", "444455556666"
PLAN = "arn:aws:savingsplans::111122223333:savingsplan/3f1c"
RESERVED = "arn:aws:rds:ap-south-1:222233334444:ri:ri-2026"
AWAKE = datetime(2026, 8, 21, 6, tzinfo=UTC)
NASTY = 'a "quoted", two-\nline <script>'


def usd(amount: str | Decimal) -> int:
    return int(Decimal(amount) * MONEY)


def hourly(month: date, through: date) -> np.ndarray:
    return np.arange(np.datetime64(month, "h"), np.datetime64(through + timedelta(days=1), "h"))


class ByHand:
    """Bills with a line of every kind. `has_net`: with a discount agreement, `has_split`: pods share nodes out."""

    def __init__(self, payer: str, *, has_net: bool = True, has_split: bool = True) -> None:
        self.payer, self.has_net, self.has_split = payer, has_net, has_split

    def bill(self, month: date, through: date, *, is_final: bool) -> Bill:
        hours = hourly(month, through)
        days, whole = hours[::24], np.array([np.datetime64(month, "h")])
        month_hours = (next_month(month) - month).days * 24
        n, d = len(hours), len(days)
        one = np.ones(n, dtype=np.int64)

        def line(kind: str, product: str, start: np.ndarray, cost: object, **more: object) -> Line:
            rows = len(start)
            said = {
                "account": PROD, "usage_type": "", "operation": "", "resource": "", "description": kind, "hours": 1,
                "amount": np.full(rows, QUANTITY), "cost": np.broadcast_to(np.asarray(cost, dtype=np.int64), rows),
            }  # fmt: skip
            return Line(kind=kind, product=product, start=start, **(said | more))  # type: ignore[arg-type]

        team = (("team", "data"), ("env", "prod"))
        node = {
            "usage_type": "APS3-BoxUsage:m6i.xlarge", "operation": "RunInstances", "unit": "Hrs", "term": "OnDemand",
            "list_rate": Decimal("0.202"),
        }  # fmt: skip
        covered = {**node, "resource": "i-0c", "texts": {"savings_plan_savings_plan_a_r_n": PLAN}, "tags": team}
        net = {"line_item_net_unblended_cost": np.full(n, usd("0.18988")),
               "discount_edp_discount": np.full(n, -usd("0.01212")),
               "discount_total_discount": np.full(n, -usd("0.01212"))}  # fmt: skip
        database = {"usage_type": "APS3-InstanceUsage:db.r6g.large", "operation": "CreateDBInstance:0014",
                    "term": "Reserved"}  # fmt: skip
        lease = {"reservation_reservation_a_r_n": RESERVED, "pricing_purchase_option": "Partial Upfront"}
        gb = np.linspace(0.3, 90_000, d)
        lines = [
            line("Usage", "AmazonEC2", hours, usd("0.202"), **node, resource="i-0a", money=net if self.has_net else {},
                 tags=(*team, ("Team", "Data"), ("note", NASTY), ("aws:eks:namespace", "kube"))),
            line("Usage", "AmazonEC2", hours, usd("0.0712"), **(node | {"term": "Spot"}), resource="i-0b"),
            line("SavingsPlanCoveredUsage", "AmazonEC2", hours, usd("0.202"), **covered,
                 money={"savings_plan_savings_plan_effective_cost": usd("0.14") * one}),
            line("SavingsPlanNegation", "ComputeSavingsPlans", hours, -usd("0.202"),
                 **(covered | {"list_rate": None, "tags": ()})),
            line("SavingsPlanRecurringFee", "ComputeSavingsPlans", hours, usd("0.2"), texts=covered["texts"],
                 money={"savings_plan_total_commitment_to_date": usd("0.2") * one,
                        "savings_plan_used_commitment": usd("0.14") * one}),
            line("DiscountedUsage", "AmazonRDS", hours, 0, **database, list_rate=Decimal("0.26"), texts=lease,
                 resource="db-1", money={"reservation_effective_cost": usd("0.17") * one}),
            line("Fee", "AmazonRDS", whole, usd("500"), texts={**lease, "bill_bill_type": "Purchase"}, hours=24),
            line("RIFee", "AmazonRDS", whole, usd("0.10") * month_hours, texts=lease, hours=month_hours,
                 amount=np.array([month_hours * QUANTITY]),
                 money={"reservation_amortized_upfront_fee_for_billing_period": np.array([usd("0.07") * month_hours]),
                        "reservation_unused_amortized_upfront_fee_for_billing_period":
                            np.array([usd("0.07") * (month_hours - n)]),
                        "reservation_unused_recurring_fee": np.array([usd("0.10") * (month_hours - n)])}),
            line("Usage", "AmazonS3", days, np.rint(gb * 0.025 / 30 * MONEY).astype(np.int64), hours=24, account=DEV,
                 amount=np.rint(gb * QUANTITY / 30).astype(np.int64), list_rate=Decimal("0.025"), term="OnDemand",
                 unit="GB-Mo", usage_type="APS3-TimedStorage-ByteHrs", resource="bucket"),
            line("Usage", "AWSLambda", hours, np.arange(n) % 40, usage_type="APS3-Request", operation="Invoke"),
            line("Usage", "mongodb-atlas", days, usd("3.5"), hours=24,
                 texts={"bill_billing_entity": "AWS Marketplace", "product_product_name": "MongoDB Atlas"}),
            line("Credit", "AmazonEC2", days, -usd("1.25"), hours=24),
            line("Tax", "AmazonEC2", whole, usd("99.01"), hours=month_hours, description="IGST 18%",
                 texts={"line_item_tax_type": "IGST"}),
            line("Tax", "mongodb-atlas", whole, usd("12.60"), hours=month_hours, description="IGST 18%",
                 texts={"line_item_tax_type": "IGST", "bill_billing_entity": "AWS Marketplace"}),
            line("Usage", "AmazonEC2", hours[:0], 0),  # a line without rows
        ]  # fmt: skip
        if self.has_net:
            lines.append(line("EdpDiscount", "AmazonEC2", days, -usd("0.29088"), hours=24,
                              money={"line_item_net_unblended_cost": np.zeros(d, dtype=np.int64)}))  # fmt: skip
        if self.has_split:
            share = usd("0.101") * one
            lines += [
                line("Usage", "AmazonEC2", hours, 0, resource=f"pod-{name}", operation="EKSPod-EC2",
                     tags=(("aws:eks:namespace", name),), texts={"split_line_item_parent_resource_id": "i-0a"},
                     money={"split_line_item_split_cost": share, "split_line_item_unused_cost": 0 * one})
                for name in ("kube", "app")
            ]  # fmt: skip
        if is_final:
            lines += [
                line("Fee", "AWSSupportBusiness", whole, usd("100"), hours=month_hours, account=self.payer),
                line("Refund", "AmazonEC2", days[3:4], -usd("7.77"), hours=24, texts={"bill_bill_type": "Refund"}),
            ]
        ids = {
            kind: f"{kind}-{self.payer}-{month:%Y%m}" if is_final else "" for kind in ("aws", "marketplace", "refund")
        }
        india = "Amazon Web Services India Private Limited"
        return Bill(
            self.payer, "Pragati", month, through, is_final, tuple(lines), {PROD: "prod", DEV: "dev"}, ids,
            {"aws": india, "refund": india, "marketplace": "Amazon Web Services, Inc."},
        )  # fmt: skip


def june(**more: bool) -> Bill:
    return ByHand("111122223333", **more).bill(JUNE, date(2026, 6, 30), is_final=True)


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines(keepends=True)))


def test_money_is_written_as_the_integer_that_it_is():
    values = np.array([0, 13, -13, 5000, 10**10, -(10**15) - 1, 2**62])
    assert [Decimal(text) * MONEY for text in decimals(values).to_pylist()] == values.tolist()
    assert decimals(np.array([13, 0])).to_pylist() == ["1.3E-9", "0.0000000000"]


def test_a_double_has_the_decimal_as_its_shortest_text_or_is_refused():
    values = np.random.default_rng(1).integers(-(10**15), 10**15, 20_000)
    values = np.concatenate([values, [123_456 * 10**12, 10**15, 1, 0]])
    assert [Decimal(repr(value)) * MONEY for value in doubles(values).tolist()] == values.tolist()
    with pytest.raises(ValueError, match="more digits"):
        doubles(np.array([10**15 + 1]))


def test_the_on_demand_cost_is_quantity_times_rate():
    amount = np.array([1, 24 * QUANTITY, 5_000_000_000 * QUANTITY])
    line = next(line for line in june().lines if line.product == "AmazonS3")
    for rate in ("0.025", "0.00001667", "0.0833333333", "0.09"):
        exact = [Decimal(int(a)) / QUANTITY * Decimal(rate) * MONEY for a in amount]
        priced = replace(line, amount=amount, cost=amount * 0, list_rate=Decimal(rate))
        assert np.abs(on_demand_cost(priced) - np.array([int(e) for e in exact])).max() <= 1


def test_columns_are_named_as_athena_names_them():
    assert snake("reservation/ReservationARN") == "reservation_reservation_a_r_n"
    assert snake("pricing/publicOnDemandCost") == "pricing_public_on_demand_cost"
    assert snake("product/ProductName") == "product_product_name"


def test_products_have_categories_of_the_specification():
    assert all(product.subcategory in SERVICE_CATEGORIES[product.category] for product in PRODUCTS.values())


def test_a_legacy_report_holds_the_bill_to_the_last_digit():
    bill = june()
    table = Table(bill)
    names = columns(table)
    (content,) = shards(table, names)
    rows = read_csv(content)
    assert len(rows) == bill.rows()
    assert sum(Decimal(row["lineItem/UnblendedCost"]) for row in rows) == bill.total()
    first = rows[0]
    assert first["resourceTags/user:note"] == NASTY
    assert first["resourceTags/aws:eks:namespace"] == "kube"
    assert (first["resourceTags/user:team"], first["resourceTags/user:Team"]) == ("data", "Data")
    assert first["identity/TimeInterval"] == "2026-06-01T00:00:00Z/2026-06-01T01:00:00Z"
    assert first["lineItem/NetUnblendedCost"] == "0.1898800000"
    assert first["discount/EdpDiscount"] == "-0.0121200000"
    assert (first["lineItem/UsageAmount"], first["pricing/publicOnDemandCost"]) == ("1.000000", "0.2020000000")
    assert len({row["identity/LineItemId"] for row in rows}) < len(rows)
    spot = next(row for row in rows if row["lineItem/ResourceId"] == "i-0b")
    assert (spot["lineItem/NetUnblendedCost"], spot["discount/EdpDiscount"]) == ("0.0712000000", "")
    assert {row["bill/InvoiceId"].partition("-")[0] for row in rows} == {"aws", "marketplace", "refund"}


def test_columns_of_a_legacy_report_come_and_go_by_the_month():
    names = columns(Table(june(has_net=False, has_split=False)))
    assert not [n for n in names if "Net" in n or n.startswith(("splitLineItem", "discount"))]
    names = columns(Table(june()))
    assert {"lineItem/NetUnblendedCost", "splitLineItem/SplitCost", "discount/TotalDiscount"} < set(names)
    assert len(names) == len(set(names))


def test_many_rows_make_several_files():
    bill = june()
    table = Table(bill)
    found = [read_csv(content) for content in shards(table, columns(table), 1000, 300)]
    assert len(found) == -(-bill.rows() // 1000)
    assert sum(Decimal(row["lineItem/UnblendedCost"]) for rows in found for row in rows) == bill.total()


def shortest(table: pa.Table, column: str) -> Decimal:
    return sum((Decimal(repr(value)) for value in table[column].to_pylist() if value is not None), Decimal(0))


def test_cur_2_holds_the_bill_to_the_last_digit():
    bill = june()
    table = cur2_table(Table(bill))
    assert table.num_rows == bill.rows()
    assert shortest(table, "line_item_unblended_cost") == bill.total()
    first = table.slice(0, 1).to_pylist()[0]
    tags = dict(first["resource_tags"])
    assert tags == {"user_team": "Data", "user_env": "prod", "user_note": NASTY, "aws_eks_namespace": "kube"}
    assert dict(first["discount"]) == {"edp_discount": -0.01212, "total_discount": -0.01212}
    assert dict(first["product"])["product_name"] == "Amazon Elastic Compute Cloud"
    assert shortest(table, "split_line_item_split_cost") == Decimal("0.101") * 2 * 720
    assert first["line_item_usage_end_date"] == datetime(2026, 6, 1, 1)


def test_focus_bills_the_same_and_spreads_it_over_what_was_used():
    bill = june()
    table = focus_table(bill)
    assert shortest(table, "BilledCost") == bill.total()
    costs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in table.to_pylist():
        key = row["CommitmentDiscountId"] or "", row["CommitmentDiscountStatus"] or row["ChargeCategory"]
        costs[key] += Decimal(repr(row["EffectiveCost"]))
    assert costs[PLAN, "Purchase"] == 0
    assert (costs[PLAN, "Used"], costs[PLAN, "Unused"]) == (Decimal("0.14") * 720, Decimal("0.06") * 720)
    assert costs[RESERVED, "Used"] == Decimal("0.17") * 720
    assert (RESERVED, "Unused") not in costs
    refund = [row for row in table.to_pylist() if row["ChargeClass"]]
    assert [(row["ChargeCategory"], row["ChargeClass"]) for row in refund] == [("Adjustment", "Correction")]


def test_focus_counts_hours_to_come_as_nothing():
    bill = ByHand("999900001111").bill(date(2026, 8, 1), date(2026, 8, 20), is_final=False)
    unused = [row for row in focus_table(bill).to_pylist() if row["CommitmentDiscountStatus"] == "Unused"]
    assert {row["CommitmentDiscountId"] for row in unused} == {PLAN}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aws")
    truth, said = Truth(), []
    invoices = write_aws(
        folder, Company(months=4), ByHand("111122223333"), ByHand("999900001111"), truth, Dollar(), said.append
    )
    write_invoices(folder, invoices)
    return folder, truth, invoices, said


def test_deliveries_lie_where_aws_puts_them(written):
    folder, truth, _, said = written
    legacy = folder / LEGACY / "cur" / "pragati-daily"
    assert {path.name for path in legacy.iterdir()} == {"20260501-20260601", "20260601-20260701"}
    may = {path.name for path in (legacy / "20260501-20260601").iterdir()}
    assert may == {"20260607T052200Z", "20260620T052200Z", "pragati-daily-Manifest.json"}
    newest = json.loads((legacy / "20260501-20260601" / "pragati-daily-Manifest.json").read_text())
    assert newest["assemblyId"] == "20260620T052200Z"
    (key,) = newest["reportKeys"]
    rows = read_csv(gzip.decompress((folder / LEGACY / key).read_bytes()))
    _, total = truth.charges[LEGACY, "111122223333", "2026-05", "USD"]
    assert sum(Decimal(row["lineItem/UnblendedCost"]) for row in rows) == total
    executions = sorted((folder / CUR2 / "exports" / "pragati-hourly" / "data" / "BILLING_PERIOD=2026-08").iterdir())
    assert [path.name[:20] for path in executions] == ["2026-08-15T03:15:00.", "2026-08-21T03:15:00."]
    table = pq.read_table(executions[1] / "pragati-hourly-00001.snappy.parquet", partitioning=None)
    _, total = truth.charges[CUR2, "111122223333", "2026-08", "USD"]
    assert shortest(table, "line_item_unblended_cost") == total
    assert [(s["month"], s["delivered_at"][:10]) for s in truth.superseded] == [
        ("2026-05", "2026-06-07"), ("2026-06", "2026-07-01"), ("2026-07", "2026-08-01"), ("2026-08", "2026-08-15"),
    ]  # fmt: skip
    assert len(said) == len(truth.charges) + len(truth.superseded)


def test_the_same_company_is_the_same_files(written, tmp_path):
    folder = written[0]
    write_aws(tmp_path, Company(months=4), ByHand("111122223333"), ByHand("999900001111"), Truth(), Dollar(), str)
    mine = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(mine) == len([p for p in folder.rglob("*") if p.is_file() and p.parent.name != "invoices"])
    for path in mine:
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path


def test_invoices_are_the_closed_months_to_the_cent(written):
    folder, truth, invoices, _ = written
    by_month: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for payer, _, month, _, amount, tax, _, _ in invoices:
        by_month[payer, month] += amount + tax
    for (_, payer, month, _), (_, total) in truth.charges.items():
        if month != "2026-08":
            assert abs(by_month[payer, date.fromisoformat(f"{month}-01")] - total) < Decimal("0.04")
    rates = {(payer, rate is None) for payer, *_, rate, _ in invoices}
    assert rates == {("111122223333", False), ("999900001111", True)}
    assert [path.name for path in (folder / "invoices").iterdir()] == ["invoices_2026-27.csv"]


def test_the_product_takes_all_of_it_and_finds_the_same_sums(written):
    folder, truth, _, _ = written
    app = make_app(folder, now=AWAKE, exports=(LEGACY, CUR2, FOCUS, "invoices"))
    report = app.ingest().report
    assert report.refused == ()
    assert report.unreachable == ()
    reconciled = app.reconcile()
    assert reconciled.rows
    assert all(row[-1] for row in reconciled.rows)
    rows = app.query(
        "SELECT x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency, mart_cost FROM reconciliation"
    ).rows
    ours = {(e, p, f"{month:%Y-%m}", c): cost for e, p, month, c, cost in rows}
    assert ours == {key: total for key, (_, total) in truth.charges.items()}
    strange = "x_ChargeSubcategory IN ('Unclassified', 'Residue')"
    assert app.query(f"SELECT COUNT(*) FROM charges WHERE {strange}").rows == ((0,),)
    counted = app.reconcile_files()
    at = counted.columns.index("is_reconciled")
    assert all(row[at] for row in counted.rows)


def test_the_same_bill_costs_the_same_in_all_three_formats(tmp_path):
    writer = Writer(tmp_path, Truth(), str)
    one, two, three = (ByHand(digit * 12).bill(JUNE, date(2026, 6, 30), is_final=True) for digit in "123")
    at = datetime(2026, 7, 7, 5, 22, tzinfo=UTC)
    writer.legacy(one, at, is_newest=True)
    writer.cur2(two, at, is_newest=True)
    writer.focus(three, at)
    app = make_app(tmp_path, now=AWAKE, exports=(LEGACY, CUR2, FOCUS))
    assert app.ingest().report.refused == ()
    by_format = app.query(
        "SELECT SUM(BilledCost), SUM(EffectiveCost), SUM(ListCost) FROM charges GROUP BY x_ExportName"
    ).rows
    assert len(by_format) == 3
    assert len(set(by_format)) == 1
    by_plan = app.query(
        "SELECT CommitmentDiscountId, CommitmentDiscountStatus, SUM(EffectiveCost), COUNT(DISTINCT x_ExportName)"
        " FROM charges WHERE CommitmentDiscountStatus IS NOT NULL GROUP BY ALL"
    ).rows
    assert {row[3] for row in by_plan} == {3}
