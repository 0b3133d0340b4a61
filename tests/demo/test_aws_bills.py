"""Bills of AWS, row by row: what commitments pay for, what containers share, discounts, tax and what is out of line."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from core import next_month
from demo import calendar
from demo.aws_bill import REFUND, AwsInc, AwsIndia
from demo.aws_commitments import PLANS, RESERVATIONS, commitment
from demo.aws_line import MONEY, QUANTITY, Bill, Line
from demo.company import DAY, LAST, Company
from demo.truth import Truth
from demo.users import Users

PLAN, RESERVATION = "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"
EFFECTIVE = {
    "SavingsPlanCoveredUsage": ("savings_plan_savings_plan_effective_cost",),
    "DiscountedUsage": ("reservation_effective_cost",),
    "RIFee": ("reservation_unused_amortized_upfront_fee_for_billing_period", "reservation_unused_recurring_fee"),
}


def whole(payer: AwsIndia | AwsInc, month: date) -> Bill:
    """The bill of a month at its end, or as far as it is known."""
    is_open = payer.company.is_open(month)
    return payer.bill(month, min(next_month(month) - DAY, LAST), is_final=not is_open)


def by_day(line: Line, values: np.ndarray) -> Iterator[tuple[np.datetime64, int]]:
    """A line's values with their UTC days."""
    return zip(line.start.astype("datetime64[D]"), values.tolist(), strict=True)


def amortised(line: Line) -> int:
    """What a line costs with payments in advance spread over what used them, in 1e-10 USD (AWS's own formula)."""
    if line.kind == "SavingsPlanRecurringFee":
        return int(
            (line.money["savings_plan_total_commitment_to_date"] - line.money["savings_plan_used_commitment"]).sum()
        )
    if line.kind in ("SavingsPlanNegation", "SavingsPlanUpfrontFee") or (
        line.kind == "Fee" and RESERVATION in line.texts
    ):
        return 0
    return (
        sum(int(line.money[name].sum()) for name in EFFECTIVE[line.kind])
        if line.kind in EFFECTIVE
        else int(line.cost.sum())
    )


@pytest.fixture(scope="module")
def india() -> AwsIndia:
    company = Company(months=18)
    return AwsIndia(company, Users(company), Truth())


@pytest.fixture(scope="module")
def bills(india: AwsIndia) -> list[Bill]:
    return [whole(india, month) for month in india.company.billing_months]


@pytest.mark.parametrize("payer", [AwsIndia, AwsInc])
def test_the_same_company_has_the_same_arrays(payer):
    once, twice = (payer(company, Users(company), Truth()) for company in (Company(months=3), Company(months=3)))
    for month in once.company.billing_months:
        for one, other in zip(whole(once, month).lines, whole(twice, month).lines, strict=True):
            assert (one.kind, one.resource, one.tags, one.texts) == (
                other.kind,
                other.resource,
                other.tags,
                other.texts,
            )
            for left, right in ((one.start, other.start), (one.amount, other.amount), (one.cost, other.cost)):
                assert np.array_equal(left, right)
            assert all(np.array_equal(values, other.money[name]) for name, values in one.money.items())


def test_arrays_of_a_line_have_one_length_and_lie_in_the_month(bills):
    for bill in bills:
        assert sum(bill.rows() for bill in bills) > 100_000
        for line in bill.lines:
            lengths = {len(values) for values in (line.start, line.amount, line.cost, *line.money.values())}
            assert len(lengths) == 1
            assert lengths != {0}
            assert (line.start.astype("datetime64[M]") == np.datetime64(bill.month, "M")).all()


def test_a_plans_day_is_what_was_covered_and_what_was_lost(india, bills):
    for bill in bills:
        used: dict[tuple[str, np.datetime64], int] = defaultdict(int)
        for line in bill.lines:
            if line.kind == "SavingsPlanCoveredUsage":
                for day, value in by_day(line, line.money["savings_plan_savings_plan_effective_cost"]):
                    used[line.texts[PLAN], day] += value
        for line in bill.lines:
            if line.kind == "SavingsPlanRecurringFee":
                plan = next(plan for plan in PLANS if plan.arn == line.texts[PLAN])
                committed = line.money["savings_plan_total_commitment_to_date"]
                told = line.money["savings_plan_used_commitment"]
                hours = line.start[:, None] + np.arange(24)
                assert np.array_equal(committed, commitment(plan, india.company, hours).sum(axis=1))
                assert (told >= 0).all()
                assert (told <= committed).all()
                assert [used.pop((plan.arn, day), 0) for day, _ in by_day(line, told)] == told.tolist()
        assert not used  # no plan covers what it does not charge for


def test_negations_cancel_covered_usage_by_day_account_type_and_plan(bills):
    for bill in bills:
        left: dict[tuple[object, ...], int] = defaultdict(int)
        for line in bill.lines:
            if line.kind in ("SavingsPlanCoveredUsage", "SavingsPlanNegation"):
                for day, cost in by_day(line, line.cost):
                    left[line.texts[PLAN], line.account, line.usage_type, day] += cost
        assert left
        assert not any(left.values())


def test_a_commitment_costs_in_all_what_its_usage_and_its_waste_cost(india, bills):
    first, closed = india.company.first, india.company.billing_months[-1]
    ended = {item.arn: type(item) for item in (*PLANS, *RESERVATIONS) if first <= item.start and item.end <= closed}
    assert len(set(ended.values())) == 2
    for arn in ended:
        lines = [
            line for bill in bills for line in bill.lines if arn in (line.texts.get(PLAN), line.texts.get(RESERVATION))
        ]
        paid = sum(int(line.cost.sum()) for line in lines)
        assert sum(amortised(line) for line in lines) == paid > 0


def test_pods_share_out_a_nodes_cost_of_each_day(bills):
    for bill in bills:
        pods: dict[tuple[str, np.datetime64], int] = defaultdict(int)
        for line in bill.lines:
            if line.operation == "EKSPod-EC2":
                split, unused = line.money["split_line_item_split_cost"], line.money["split_line_item_unused_cost"]
                assert not line.cost.any()
                assert (np.minimum(split, unused) >= 0).all()
                for day, cost in by_day(line, split + unused):
                    pods[line.texts["split_line_item_parent_resource_id"], day] += cost
        nodes = {name for name, _ in pods}
        assert nodes
        for line in bill.lines:
            if line.resource in nodes:
                values = line.money.get("savings_plan_savings_plan_effective_cost", line.cost)
                for day, cost in by_day(line, values):
                    pods[line.resource, day] -= cost
        assert not any(pods.values())


def test_net_costs_and_gross_costs_have_one_sum(bills):
    for bill in bills:
        net = sum(int(line.money.get("line_item_net_unblended_cost", line.cost).sum()) for line in bill.lines)
        assert net == sum(int(line.cost.sum()) for line in bill.lines)
        off = -sum(int(line.cost.sum()) for line in bill.lines if line.kind == "EdpDiscount")
        discounted = sum(int(line.cost.sum()) for line in bill.lines if "line_item_net_unblended_cost" in line.money)
        assert off == pytest.approx((discounted + off) * 0.06, rel=1e-6)


def test_tax_is_in_cents_eighteen_percent_of_account_product_and_invoice(bills):
    for bill in bills:
        bases: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        taxes: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for line in bill.lines:
            sums = taxes if line.kind == "Tax" else bases
            sums[line.account, line.product, bill.seller_of(line)] += Decimal(int(line.cost.sum())) / MONEY
        for key, base in bases.items():
            tax = taxes.pop(key, Decimal(0))
            assert tax == tax.quantize(Decimal("0.01"))
            assert abs(tax - base * 18 / 100) <= Decimal("0.005001")
        assert not taxes


@pytest.mark.parametrize("payer", [AwsIndia, AwsInc])
def test_an_earlier_bill_of_a_month_is_the_beginning_of_the_later_one(payer):
    company = Company(months=3)
    account = payer(company, Users(company), Truth())

    def rows(month: date, through: date) -> dict[tuple[object, ...], int]:
        found: dict[tuple[object, ...], int] = defaultdict(int)
        for line in account.bill(month, through, is_final=False).lines:
            if line.kind in ("Tax", "RIFee"):  # of the whole month, whatever of it is known
                continue
            name = line.kind, line.account, line.product, line.usage_type, line.operation, line.resource
            name = *name, line.texts.get(PLAN, ""), line.texts.get("split_line_item_parent_resource_id", "")
            money = np.array([line.amount, line.cost, *(line.money[key] for key in sorted(line.money))]).T.tolist()
            for start, values in zip(line.start, money, strict=True):
                if start < np.datetime64(company.billing_months[1], "h") + 10 * 24:
                    found[(*name, start, *values)] += 1
        return found

    month = company.billing_months[1]
    assert rows(month, month + 9 * DAY) == rows(month, month + 20 * DAY)


def test_what_is_out_of_line_costs_extra_and_is_on_no_day_of_an_exam():
    company = Company()
    india = AwsIndia(company, Users(company), Truth())
    costs: dict[tuple[str, np.datetime64], int] = defaultdict(int)
    for month in company.billing_months:
        for line in whole(india, month).lines:
            if line.kind == "Usage":
                for day, cost in by_day(line, line.cost):
                    costs[line.resource, day] += cost
    india.tell_truth()
    anomalies = india.truth.anomalies
    assert len(anomalies) >= 8
    assert len({row["service"] for row in anomalies}) >= 5
    for row in anomalies:
        days = [row["start_on"] + n * DAY for n in range((row["end_on"] - row["start_on"]).days + 1)]
        assert not {day for day, _ in calendar.exams()} & set(days)
        cost = Decimal(sum(costs[row["resource_id"], np.datetime64(day)] for day in days)) / MONEY
        assert 0 < row["extra"] < cost  # the rest is the normal course of the same resource
    leak = next(row["extra"] for row in anomalies if row["id"] == "nat-leak")
    assert leak / 2 < -REFUND < leak * 94 / 100  # no more comes back than was paid after the discount
    billed = {resource for resource, _ in costs} | {r["resource_id"] for r in india.truth.resources}
    assert {row["resource_id"] for row in anomalies} <= billed
    assert len({row["id"] for row in india.truth.commitments}) == len(PLANS) + len(RESERVATIONS)


@pytest.mark.parametrize("scale", [1, 3])
def test_no_machine_abroad_runs_more_hours_than_a_day_has(scale):
    company = Company(scale=scale, months=2)
    bill = whole(AwsInc(company, Users(company), Truth()), company.billing_months[0])
    machines = [line for line in bill.lines if line.unit == "Hrs"]
    assert len({line.resource for line in machines}) == 2 * scale
    assert all((line.amount == 24 * QUANTITY).all() for line in machines)


def test_measurements_say_what_the_truth_says():
    company = Company(months=14)
    india = AwsIndia(company, Users(company), Truth())
    table = india.utilization()
    for month in company.billing_months:
        whole(india, month)
    india.tell_truth()
    measured: dict[tuple[str, str], np.ndarray] = {}
    names, metrics = (np.array(table[name].to_pylist()) for name in ("resource_id", "metric"))
    averages, at = table["average"].to_numpy(), table["measured_at"].to_numpy()
    for row in india.truth.resources:
        for metric in ("cpu", "connections"):
            there = (names == row["resource_id"]) & (metrics == metric)
            if not there.any():
                continue
            values = measured[row["state"], metric] = averages[there]
            if row["state"] == "oversized":
                assert values.max() < 10
            elif row["state"] == "idle":
                assert values.max() < (2 if metric == "cpu" else 0.001)
            elif row["state"] == "dormant":
                in_exams = values[np.isin(at[there].astype("datetime64[D]"), [np.datetime64("2026-04-20")])]
                assert in_exams.mean() > 5
    assert {("oversized", "cpu"), ("idle", "cpu"), ("idle", "connections"), ("dormant", "cpu")} <= set(measured)


def test_the_inventory_has_each_resource_once_with_its_tags(india, bills):
    rows = india.inventory()
    assert len({row["resource_id"] for row in rows}) == len(rows)
    tags = {line.resource: dict(line.tags) for line in bills[-1].lines if line.kind == "Usage" and line.term}
    both = [row for row in rows if row["resource_id"] in tags]
    assert len(both) > 40
    # the storage of a database is billed without the name of its machine
    assert all(tags[row["resource_id"]].items() <= json.loads(row["tags"]).items() for row in both)
