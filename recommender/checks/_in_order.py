"""What checks share that move no lever: an item without a saving, and rupees as people say them. No check by itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core import compact_inr
from recommender.action import Action, Confidence, Effort, Nothing, Operator, Recipe
from recommender.checks._activity import evidence
from recommender.fleet import Fleet


def rupees(amount: float) -> str:
    """As people say it: ₹1.23 crore."""
    return compact_inr(Decimal(round(amount)))


def without_saving(
    fleet: Fleet, check: str, about: str, title: str, figures: Mapping[str, str], reason: str, *,
    recipe: Recipe | None = None, confidence: Confidence = "medium", effort: Effort = "days",
) -> Action:  # fmt: skip
    """Something to be put in order. `about`: a workload's id, or what of the company; `reason`: why no saving."""
    return Action(
        check, Operator.KEEP_ORDER, about, title, Nothing(), evidence(fleet, figures), recipe, confidence,
        effort=effort, reason=reason,
    )  # fmt: skip
