"""Nothing is lost and nothing doubled: effective cost over a whole term is what was paid, also where others err."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from bills import (
    MONTH_END,
    MONTH_START,
    RESERVATION,
    SAVINGS_PLAN,
    Line,
    cur_line,
    monthly_line,
    next_month,
    ri_fee,
    sp_covered,
    sp_fee,
    write_cur,
)
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from stores import AFTER_JULY, Store, open_store

from ingest.derive import spread
from warehouse import Engine

SEED = int(os.environ.get("KIFAYAT_TEST_SEED", random.randrange(1 << 32)))
INVOICED = {"bill_invoice_id": "IN-1"}

# A closed term, four fifths used: Savings Plan 8 upfront + 12, reservation 6 upfront + 9, usage 10, credit 3, tax 8.
CLOSED_TERM: list[Line] = [
    cur_line("SavingsPlanUpfrontFee", "8", savings_plan_savings_plan_a_r_n=SAVINGS_PLAN, **INVOICED),
    sp_fee("12", commitment="20", used="16", **INVOICED),
    *sp_covered("24", "16", line_item_resource_id="i-planned", line_item_blended_cost="17", **INVOICED),
    cur_line("Fee", "6", reservation_reservation_a_r_n=RESERVATION, **INVOICED),
    ri_fee("9", upfront="6", unused_upfront="1.2", unused_recurring="1.8", **INVOICED),
    cur_line("DiscountedUsage", "0", reservation_reservation_a_r_n=RESERVATION, reservation_effective_cost="12",
             line_item_resource_id="i-reserved", line_item_blended_cost="8", **INVOICED),
    cur_line("Usage", "10", line_item_resource_id="i-on-demand", line_item_blended_cost="13", **INVOICED),
    cur_line("Credit", "-3", **INVOICED),
    monthly_line("Tax", "8", line_item_tax_type="IGST", **INVOICED),
]  # fmt: skip


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Store]:
    """The closed term, loaded."""
    folder = tmp_path_factory.mktemp("term")
    with open_store(folder, engine) as store:
        store.load(write_cur(folder / "term.csv", CLOSED_TERM))
        yield store


def test_effective_cost_of_a_closed_term_is_its_cash(term):
    assert (term.total("BilledCost"), term.total("EffectiveCost")) == (50, 50)
    assert term.total("x_SourceCost") == 50


def test_unused_commitment_is_not_lost(term):
    # Koku takes savings_plan_effective_cost, which fee rows do not have, and leaves reservations unamortised: 46.
    koku = (
        term.total("EffectiveCost", "x_ChargeType = 'SavingsPlanCoveredUsage' AND x_RowOrigin = 'row'")
        + term.total("BilledCost", "x_ChargeType NOT LIKE 'SavingsPlan%'")
    )  # fmt: skip
    assert koku == 46
    assert term.total("EffectiveCost", f"CommitmentDiscountId = '{SAVINGS_PLAN}'") == 20
    assert term.total("EffectiveCost", "CommitmentDiscountStatus = 'Unused'") == 7


def test_leaving_out_only_negations_would_double_covered_usage(term):
    assert term.total("x_SourceCost", "x_ChargeType <> 'SavingsPlanNegation'") == 74
    assert term.total("BilledCost", "x_ChargeType = 'SavingsPlanCoveredUsage'") == 0


def test_reservations_are_amortised(term):
    assert term.total("EffectiveCost", f"CommitmentDiscountId = '{RESERVATION}'") == 15
    assert term.total("EffectiveCost", "x_ChargeType IN ('Fee', 'RIFee') AND x_RowOrigin = 'row'") == 0


def test_covered_usage_stays_on_its_resource_at_its_own_cost(term):
    # OptScale reads blended cost, the average over an organisation, and takes covered usage off the resource.
    costs = {row["ResourceId"]: row["cost"] for row in term.rows(
        "ResourceId, SUM(EffectiveCost) AS cost", "ResourceId LIKE 'i-%' GROUP BY ResourceId")}  # fmt: skip
    assert costs == {"i-planned": 16, "i-reserved": 12, "i-on-demand": 10}


def test_tax_credits_and_discounts_are_part_of_the_bill(term):
    # OpenCost has neither.
    assert term.total("BilledCost", "ChargeCategory = 'Tax'") == 8
    assert term.total("BilledCost", "ChargeCategory = 'Credit'") == -3


def test_covered_usage_that_no_row_cancels_is_kept_as_a_residue(store):
    covered, _ = sp_covered("10", "6.5")
    store.load(write_cur(store.folder / "bill.csv", [covered, cur_line(cost="1")]))
    assert (store.total("x_SourceCost"), store.total("BilledCost")) == (11, 11)
    (residue,) = store.rows(where="x_RowOrigin = 'residue'")
    assert (residue["BilledCost"], residue["EffectiveCost"], residue["ChargeCategory"]) == (10, 0, "Adjustment")
    assert residue["CommitmentDiscountId"] == SAVINGS_PLAN
    (event,) = store.events("residue")
    assert Decimal(event["amount"]) == 10


def test_a_negation_that_cancels_a_digit_too_few_leaves_that_digit(store):
    covered, negation = sp_covered("10.0000000001", "6.5")
    negation["line_item_unblended_cost"] = "-10"
    store.load(write_cur(store.folder / "bill.csv", [covered, negation]))
    assert store.total("BilledCost") == Decimal("0.0000000001") == store.total("x_SourceCost")


def test_residues_of_two_accounts_are_not_mixed(store):
    lines = [
        {**sp_covered(cost, "1")[0], "line_item_usage_account_id": account, "bill_payer_account_id": payer}
        for cost, account, payer in (("2", "a", "p1"), ("3", "b", "p1"), ("4", "a", "p2"))
    ]
    store.load(write_cur(store.folder / "bill.csv", lines))
    residues = store.rows("BillingAccountId AS p, SubAccountId AS a, BilledCost AS c", "x_RowOrigin = 'residue'")
    assert sorted((r["p"], r["a"], r["c"]) for r in residues) == [("p1", "a", 2), ("p1", "b", 3), ("p2", "a", 4)]


# -- the whole term of random commitments -------------------------------------------------------------------------


@dataclass(frozen=True)
class Commitment:
    """A purchase: upfront and recurring in cents per period, and how many of a period's hundred parts are used."""

    kind: str  # sp or ri
    upfront_cents: int
    recurring_cents: int
    used_pct: tuple[int, ...]  # one per month

    @property
    def arn(self) -> str:
        return f"arn:aws:{self.kind}:{self.upfront_cents}:{self.recurring_cents}:{len(self.used_pct)}"

    @property
    def purchase(self) -> Decimal:
        return cents(self.upfront_cents + self.recurring_cents * len(self.used_pct))


def cents(amount: int) -> Decimal:
    return Decimal(amount) / 100


def shares(total: Decimal, count: int) -> list[Decimal]:
    """`total` in `count` parts of ten decimals that add up to it exactly, as AWS amortises an upfront fee."""
    part = (total / count).quantize(Decimal("1E-10"))
    return [part] * (count - 1) + [total - part * (count - 1)]


def lines_of(bought: Commitment) -> list[Line]:
    """The lines AWS prints for a commitment over its whole term."""
    lines: list[Line] = []
    month = MONTH_START
    upfront = shares(cents(bought.upfront_cents), len(bought.used_pct))
    for index, (used_pct, share) in enumerate(zip(bought.used_pct, upfront, strict=True)):
        used = Decimal(used_pct) / 100
        build = _sp_month if bought.kind == "sp" else _ri_month
        lines += build(bought, month, share, used, is_first=index == 0)
        month = next_month(month)
    return lines


def _sp_month(bought: Commitment, month: datetime, share: Decimal, used: Decimal, *, is_first: bool) -> list[Line]:
    mark = {"savings_plan_savings_plan_a_r_n": bought.arn, **INVOICED}
    committed = share + cents(bought.recurring_cents)
    spent = (committed * used).quantize(Decimal("1E-10"))
    lines = [
        sp_fee(f"{cents(bought.recurring_cents)}", commitment=f"{committed:f}", used=f"{spent:f}", at=month, **mark)
    ]
    if is_first and bought.upfront_cents:
        lines.append(cur_line("SavingsPlanUpfrontFee", f"{cents(bought.upfront_cents)}", at=month, **mark))
    if spent:
        lines += sp_covered(f"{spent * 3 / 2:f}", f"{spent:f}", at=month, **mark)
    return lines


def _ri_month(bought: Commitment, month: datetime, share: Decimal, used: Decimal, *, is_first: bool) -> list[Line]:
    mark = {"reservation_reservation_a_r_n": bought.arn, **INVOICED}
    recurring = cents(bought.recurring_cents)
    unused_upfront = (share * (1 - used)).quantize(Decimal("1E-10"))
    unused_recurring = (recurring * (1 - used)).quantize(Decimal("1E-10"))
    lines = [
        ri_fee(f"{recurring}", upfront=f"{share:f}", unused_upfront=f"{unused_upfront:f}",
               unused_recurring=f"{unused_recurring:f}", at=month, **mark)
    ]  # fmt: skip
    if is_first and bought.upfront_cents:
        lines.append(cur_line("Fee", f"{cents(bought.upfront_cents)}", at=month, **mark))
    spent = share + recurring - unused_upfront - unused_recurring
    if spent:
        lines.append(cur_line("DiscountedUsage", "0", at=month, reservation_effective_cost=f"{spent:f}", **mark))
    return lines


@st.composite
def commitments(draw: st.DrawFn) -> list[Commitment]:
    """One to three purchases of one term: no, partial or all upfront, used between nothing and all of it."""
    months = draw(st.integers(1, 4))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        option = draw(st.sampled_from(["no upfront", "partial upfront", "all upfront"]))
        upfront = 0 if option == "no upfront" else draw(st.integers(1, 5_000_000))
        recurring = 0 if option == "all upfront" else draw(st.integers(1, 500_000))
        used = draw(st.lists(st.sampled_from([0, 1, 37, 80, 100]), min_size=months, max_size=months))
        found.append(Commitment(draw(st.sampled_from(["sp", "ri"])), upfront, recurring, tuple(used)))
    return list({one.arn: one for one in found}.values())


@seed(SEED)
@settings(max_examples=20, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(bought=commitments(), rest=st.lists(st.integers(-100_000, 100_000), max_size=3))
def test_over_a_whole_term_effective_cost_is_billed_cost(tmp_path_factory, engine, bought, rest):
    print(f"KIFAYAT_TEST_SEED={SEED}")
    folder = tmp_path_factory.mktemp("term")
    other = [cur_line("Usage" if cost > 0 else "Credit", f"{cents(cost)}", **INVOICED) for cost in rest]
    lines = [*other, *(line for one in bought for line in lines_of(one))]
    with open_store(folder, engine) as store:
        store.load(write_cur(folder / "term.csv", lines), at=AFTER_JULY + timedelta(days=150))
        in_file = sum((Decimal(line["line_item_unblended_cost"]) for line in lines), Decimal(0))
        assert store.total("BilledCost") == in_file == store.total("x_SourceCost")
        assert store.total("EffectiveCost") == store.total("BilledCost")
        for one in bought:
            mine = f"CommitmentDiscountId = '{one.arn}'"
            used = store.total("EffectiveCost", f"{mine} AND CommitmentDiscountStatus = 'Used'")
            unused = store.total("EffectiveCost", f"{mine} AND CommitmentDiscountStatus = 'Unused'")
            assert used + unused == one.purchase == store.total("BilledCost", mine)


# -- spreading what is unused -------------------------------------------------------------------------------------

AMOUNTS = st.decimals(0, Decimal("1e15"), places=18, allow_nan=False)
SECONDS = st.integers(0, int((MONTH_END - MONTH_START).total_seconds()) + 86_400)


@seed(SEED)
@settings(max_examples=150, deadline=None, print_blob=True)
@given(unused=AMOUNTS, period_cost=st.none() | AMOUNTS, first=SECONDS, known=SECONDS)
def test_pieces_are_ordered_touch_each_other_and_are_never_negative(unused, period_cost, first, known):
    start, through = MONTH_START + timedelta(seconds=first), MONTH_START + timedelta(seconds=known)
    end = max(start, MONTH_END)
    pieces = spread(start, end, unused, period_cost, through)
    assert all(amount > 0 for _, _, amount in pieces)
    assert all(start <= since < until <= min(max(through, start), end) for since, until, _ in pieces)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(pieces))
    assert all(until - since <= timedelta(days=1) for since, until, _ in pieces)
    assert exact_sum(pieces) <= unused


@seed(SEED)
@settings(max_examples=100, deadline=None, print_blob=True)
@given(unused=st.decimals(-(10**12), 10**15, places=18, allow_nan=False), period_cost=st.none() | AMOUNTS)
def test_pieces_of_a_closed_period_add_up_to_what_is_unused(unused, period_cost):
    assert exact_sum(spread(MONTH_START, MONTH_END, unused, period_cost, MONTH_END)) == unused


def exact_sum(pieces: list[tuple[datetime, datetime, Decimal]]) -> Decimal:
    with localcontext(prec=76):
        return sum((amount for _, _, amount in pieces), Decimal(0))
