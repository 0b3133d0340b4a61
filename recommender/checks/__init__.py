"""Checks, a file each: they look at a fleet and propose actions with evidence. What an action saves, the plan says.

A check is a module with TITLE (what it looks for), OPERATOR and `propose(fleet)`, an iterator of actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import ModuleType

from core.registry import Registry, discover_modules
from recommender.action import Action
from recommender.fleet import Fleet


@cache
def checks() -> Registry[ModuleType]:
    """All checks by name."""
    return discover_modules("recommender.checks", "check")


def propose(fleet: Fleet) -> Iterator[Action]:
    """What every check proposes, in order of the checks' names."""
    for check in checks().values():
        yield from check.propose(fleet)
