"""Budgets for which nobody answers: neither an owner nor a team is configured."""

from __future__ import annotations

from collections.abc import Iterator

from recommender.action import Action, Operator
from recommender.checks._in_order import rupees, without_saving
from recommender.fleet import Fleet

TITLE = "Budgets without an owner"
OPERATOR = Operator.KEEP_ORDER


def propose(fleet: Fleet) -> Iterator[Action]:
    """One item for each budget of this financial year or a later one without an owner."""
    for budget in fleet.finance.budgets:
        if budget.owner is not None:
            continue
        over = budget.spent_to_date_inr - budget.planned_to_date_inr
        year = f"{budget.financial_year}-{(budget.financial_year + 1) % 100:02d}"
        figures = {
            "Budget": f"{rupees(budget.amount_inr)} in {year}",
            "Planned up to the last whole month": rupees(budget.planned_to_date_inr),
            "Spent": f"{rupees(budget.spent_to_date_inr)}, {rupees(abs(over))} {'above' if over > 0 else 'below'} plan",
        }
        yield without_saving(
            fleet, "hygiene_budget", f"budget/{budget.name}/{budget.financial_year}",
            f"Nobody answers for the budget {budget.name} of {year}", figures,
            "a budget saves only what somebody does about it: set owner (or team) in [[budgets]]",
            confidence="high", effort="minutes",
        )  # fmt: skip
