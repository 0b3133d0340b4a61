"""What should be in order: budgets, credits, support, owners. Figures and questions, never a saving."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.action import Action, Nothing, Operator
from recommender.checks import budgets, checks, credits, owners, support
from recommender.finance import Budget, Credit, Finance, SupportMonth

pytestmark = pytest.mark.pure

ORDER = [name for name, check in checks().items() if check.OPERATOR is Operator.KEEP_ORDER]


def only(found: Iterable[Action]) -> Action:
    """The only action."""
    actions = list(found)
    assert len(actions) == 1, [action.title for action in actions]
    return actions[0]


def known(build: SimpleNamespace, **finance: Any) -> Any:
    """A fleet of one machine with what is known beside usage."""
    return build.fleet(build.workload(), finance=Finance(**finance))


def test_every_check_of_order_has_a_file_and_claims_nothing(build: SimpleNamespace) -> None:
    assert ORDER == ["budgets", "credits", "owners", "rupee", "support", "vendor_brief"]
    credit = Credit("Activate", "AWS", "USD", 900.0, 100.0, date(2026, 8, 20))
    month = SupportMonth("AWS", "1", "AWS Support (Business)", date(2026, 7, 1), "USD", 900.0, 9000.0)
    fleet = known(build, credits=(credit,), support=(month,), budgets=(Budget("all", 2026, None, 1.0, 1.0, 1.0),))
    found = [action for name in ORDER for action in checks()[name].propose(fleet)]
    assert len(found) >= 3
    for action in found:
        assert isinstance(action.change, Nothing)
        assert action.reason


# -- budgets and owners -----------------------------------------------------------------------------------------------


def test_a_budget_for_which_nobody_answers_is_told_with_its_state(build: SimpleNamespace) -> None:
    mine = Budget("Content", 2026, "content-platform", 1e7, 4e6, 4e6)
    nobodys = Budget("All", 2026, None, 6.8e7, 2.7e7, 2.9e7)
    found = only(budgets.propose(known(build, budgets=(mine, nobodys))))
    assert found.title == "Nobody answers for the budget All of 2026-27"
    assert found.evidence.figures["Spent"] == "₹2.90 crore, ₹20.00 lakh above plan"


def test_a_workload_without_an_owner_is_told_and_a_cheap_one_is_not(build: SimpleNamespace) -> None:
    dear = build.workload("i-1", team=None)
    cheap = build.workload("i-2", team=None, lines=[build.line("i-2", price=0.001)])
    found = only(owners.propose(build.fleet(dear, cheap, build.workload("i-3", team="data"))))
    assert found.workload == "i-1"
    assert "team data: 1 of 1" in found.evidence.figures["A guess"]


# -- credits ----------------------------------------------------------------------------------------------------------


def credit(**more: Any) -> Credit:
    """USD 300 in the last 30 days, USD 4,000 so far."""
    given: dict[str, Any] = {"name": "AWS Activate", "provider": "AWS", "currency": "USD", "used": 4000.0,
                             "recent": 300.0, "last_on": date(2026, 8, 20)}  # fmt: skip
    return Credit(**(given | more))


def test_a_credit_that_runs_out_before_it_expires_is_told_with_its_day(build: SimpleNamespace) -> None:
    one = credit(granted=5000.0, expires_on=date(2027, 3, 31))
    found = only(credits.propose(known(build, credits=(one,))))
    assert found.title == "AWS Activate is used up on 29 Nov 2026", "1,000 dollars last 100 days at 10 a day"
    assert found.evidence.figures["The bill without it"] == "₹28,500 more a month"


def test_what_will_be_forfeited_at_this_pace_is_told(build: SimpleNamespace) -> None:
    one = credit(granted=10_000.0, expires_on=date(2026, 9, 20))
    found = only(credits.propose(known(build, credits=(one,))))
    assert found.title == "AWS Activate: ₹5.42 lakh will expire unused on 20 Sep 2026", "6,000 less 30 days at 10"


def test_what_is_left_of_a_credit_is_not_guessed(build: SimpleNamespace) -> None:
    found = only(credits.propose(known(build, credits=(credit(),))))
    assert "not in the bill" in found.evidence.figures["What is left, and until when"]
    assert "Left" not in found.evidence.figures


@pytest.mark.parametrize(
    "more",
    [
        {"last_on": date(2026, 5, 1), "recent": 0.0},
        {"granted": 9000.0, "expires_on": date(2026, 8, 1)},
        {"granted": 4000.0, "expires_on": date(2027, 8, 1), "last_on": date(2026, 5, 1)},
    ],
    ids=["long over", "expired", "used up"],
)
def test_a_credit_that_is_over_is_no_item(build: SimpleNamespace, more: dict[str, Any]) -> None:
    assert list(credits.propose(known(build, credits=(credit(**more),)))) == []


def test_a_credit_that_no_bill_has_used_yet_will_be_forfeited_whole(build: SimpleNamespace) -> None:
    one = Credit("Startups", "", "", 0.0, 0.0, None, 1000.0, date(2027, 1, 1))
    assert "1,000 will expire unused" in only(credits.propose(known(build, credits=(one,)))).title


# -- support ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "gross", "expected"),
    [("Developer", 2000, 60), ("Developer", 500, 29), ("Business", 85_000, 6150), ("Business", 500, 100),
     ("Business", 300_000, 1000 + 4900 + 8500 + 1500), ("Enterprise", 1_200_000, 70_500), ("Enterprise", 9000, 15_000)],
)  # fmt: skip
def test_plans_cost_what_the_price_list_says(plan: str, gross: float, expected: float) -> None:
    assert support.fee(support.plans()[plan], gross) == pytest.approx(expected)


def test_support_is_told_beside_its_price_list_and_asks(build: SimpleNamespace) -> None:
    months = tuple(
        SupportMonth("AWS", "1111", "AWS Support (Business)", date(2026, m, 1), "USD", 3000.0, 40_000.0)
        for m in (5, 6, 7)
    )
    found = only(support.propose(known(build, support=months)))
    assert found.title.endswith("how often was it asked?")
    figures = found.evidence.figures
    assert figures["July 2026"] == "₹2.85 lakh, 7.5% of ₹38.00 lakh gross"
    assert figures["Business by its price list"].startswith("₹2.95 lakh for July 2026; billed -3.2%")
    assert figures["Developer by its price list"] == "₹1.14 lakh a month"
    assert figures["The next rupee"].startswith("adds 7%")


def test_a_plan_without_a_known_price_list_is_not_priced(build: SimpleNamespace) -> None:
    month = SupportMonth("Google Cloud", "0", "Support", date(2026, 7, 1), "INR", 20_000.0, 9e5)
    figures = only(support.propose(known(build, support=(month,)))).evidence.figures
    assert "not known here" in figures["By its price list"]
