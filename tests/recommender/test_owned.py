"""Commitments as their providers list them: known ends beside the bill's, and what the two say against each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.bill import Kind
from recommender.holdings import Holding
from recommender.owned import Owned, _unbilled, read_owned, with_terms
from warehouse import FEEDS, Engine

pytestmark = pytest.mark.pure

ARN = "arn:aws:savingsplans::111122223333:savingsplan/sp-1"
PLAN = Holding(
    ARN, "aws", Kind.INSTANCE_PLAN, "m6i/ap-south-1", 1.5, 1.0, "USD", "", date(2026, 1, 1), date(2027, 1, 1), 1, None
)
TOLD = Owned(ARN, "aws", "savings_plan", date(2025, 3, 1), date(2028, 3, 1), months=36, payment="All Upfront")
SEEN = {ARN: date(2026, 8, 20), "sku": date(2026, 8, 20)}
CORES = Holding(
    "sku", "gcp", Kind.RESOURCE_COMMITMENT, "n2.core/asia-south1", 20.0, 1.0, "INR", "", date(2025, 9, 1),
    date(2026, 9, 1), 1, "No Upfront",
)  # fmt: skip


def cud(name: str, quantity: float, ends: date, **more: Any) -> Owned:
    """vCPUs of N2 in Mumbai for a year."""
    given = {"region": "asia-south1", "scope": "GENERAL_PURPOSE_N2", "unit": "vcpu", "months": 12} | more
    starts = ends.replace(year=ends.year - 1)
    return Owned(
        f"//compute/commitments/{name}#vcpu", "gcp", "committed_use_resource", starts, ends, quantity=quantity, **given
    )


def test_the_end_is_the_providers_and_the_guess_of_the_bill_is_told() -> None:
    (found,) = with_terms([PLAN], [TOLD], SEEN)
    assert (found.starts_on, found.ends_on, found.years, found.payment) == (
        date(2025, 3, 1), date(2028, 3, 1), 3, "All Upfront",
    )  # fmt: skip
    assert found.is_told
    assert found.disagreement == "ends on 1 Mar 2028, by its bill it would on 1 Jan 2027"
    assert found.amount == PLAN.amount, "what is billed counts"


def test_without_the_feed_nothing_changes() -> None:
    assert with_terms([PLAN, CORES], [], SEEN) == [PLAN, CORES]
    assert with_terms([PLAN], [replace(TOLD, provider="gcp")], SEEN) == [PLAN], "an id of another cloud"


def test_an_id_without_its_arn_is_found_unless_two_have_it() -> None:
    bare = replace(TOLD, id="sp-1")
    assert with_terms([PLAN], [bare], SEEN)[0].is_told
    assert not with_terms([PLAN], [bare, replace(TOLD, id="other/sp-1")], SEEN)[0].is_told


def test_what_is_billed_after_the_providers_end_is_still_held() -> None:
    (found,) = with_terms([PLAN], [replace(TOLD, ends_on=date(2026, 6, 1))], SEEN)
    assert found.ends_on == PLAN.ends_on
    assert found.disagreement == "ended on 1 Jun 2026 by its provider, but is billed until 20 Aug 2026"


def test_another_amount_or_family_is_told() -> None:
    told = replace(TOLD, ends_on=PLAN.ends_on, hourly=2.0, currency="USD", scope="m7i", region="ap-south-1")
    (found,) = with_terms([PLAN], [told], SEEN)
    assert found.scope == "m7i/ap-south-1"
    assert found.disagreement == "2 USD an hour, billed 1.5; is for m7i/ap-south-1, used for m6i/ap-south-1"


def test_commitments_that_google_bills_as_one_end_each_on_its_own_day() -> None:
    told = [cud("a", 12, date(2026, 11, 1)), cud("b", 8, date(2027, 2, 1)), cud("old", 9, date(2026, 1, 1)),
            cud("e2", 5, date(2027, 2, 1), scope="GENERAL_PURPOSE_E2")]  # fmt: skip
    found = with_terms([CORES], told, SEEN)
    assert [(one.amount, one.ends_on) for one in found] == [(12.0, date(2026, 11, 1)), (8.0, date(2027, 2, 1))]
    assert len({one.id for one in found}) == 2
    assert sum(one.amount for one in found) == CORES.amount


def test_a_sum_that_is_not_what_is_billed_is_told_and_not_taken() -> None:
    (found,) = with_terms([CORES], [cud("a", 12, date(2026, 11, 1))], SEEN)
    assert replace(found, disagreement="") == CORES
    assert found.disagreement == "its provider lists 12 in 1 commitments, billed is 20"


def test_rows_are_read_newest_first_and_a_term_that_ends_a_second_early_ends_at_midnight() -> None:
    engine = Engine()
    columns = dict(FEEDS["owned_commitments"])
    engine.execute(f"CREATE TABLE owned_commitments ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")

    def row(**values: Any) -> tuple[Any, ...]:
        given = {"commitment_id": ARN, "provider": "AWS", "kind": "savings_plan", "start_at": datetime(2025, 3, 1),
                 "end_at": datetime(2026, 2, 28, 23, 59, 59), "observed_at": datetime(2026, 8, 1)}  # fmt: skip
        return tuple((given | values).get(name) for name in columns)

    engine.insert("owned_commitments", [
        row(),
        row(observed_at=datetime(2026, 8, 2), end_at=datetime(2028, 2, 29, 23, 59, 59), purchase_option="no_upfront"),
        row(commitment_id="broken", end_at=datetime(2024, 1, 1)),
    ])  # fmt: skip
    snapshot: Any = SimpleNamespace(query=lambda sql: SimpleNamespace(to_dicts=lambda: engine.dicts(sql)))
    (found,) = read_owned(snapshot)
    assert (found.provider, found.starts_on, found.ends_on, found.payment) == (
        "aws", date(2025, 3, 1), date(2028, 3, 1), "No Upfront",
    )  # fmt: skip


def test_what_no_bill_has_is_told_where_the_others_are_billed(build: SimpleNamespace) -> None:
    fleet = build.fleet(build.workload())
    day = date(2026, 8, 21)
    missing = replace(TOLD, id="sp-2")
    ordered = replace(TOLD, id="sp-3", starts_on=date(2026, 10, 1), state="queued")
    over = replace(TOLD, id="sp-4", state="returned")
    found = list(_unbilled(fleet, {"sp-1"}, [TOLD, missing, ordered, over], day))
    assert [one.title for one in found] == [
        "A savings plan is in force, but is not on the bill",
        "A savings plan starts on 1 Oct 2026, but is not on the bill",
    ]
    assert not list(_unbilled(fleet, set(), [missing], day)), "no bill of that account is loaded at all"
