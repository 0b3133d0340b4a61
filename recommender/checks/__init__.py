"""Checks, a file each: they look at a fleet and propose actions with evidence. What an action saves, the plan says.

A check is a module with TITLE (what it looks for), OPERATOR and `propose(fleet)`, an iterator of actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Final

from core.registry import Registry, discover_modules
from recommender.action import Action
from recommender.fleet import Fleet

#: A bill of fewer days holds no month's end and start, and no rhythm that has been seen often.
LEAST_DAYS: Final = 60


@cache
def checks() -> Registry[ModuleType]:
    """All checks by name."""
    return discover_modules("recommender.checks", "check")


def propose(fleet: Fleet) -> Iterator[Action]:
    """What every check proposes, in order of the checks' names; on a few weeks of history with little confidence."""
    days = fleet.known_days
    for check in checks().values():
        for action in check.propose(fleet):
            yield action if days >= LEAST_DAYS or action.reason is not None else replace(
                action, confidence="low", confidence_why=f"the bill holds only {days} days"
            )  # fmt: skip
