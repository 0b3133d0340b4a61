"""Ready to apply: a recipe as commands, Terraform, policies, manifests. Kifayat itself changes nothing in a cloud.

A format is a module with TITLE, SUFFIX, VERBS (verb -> providers for which it is natural) and `render(recipe)`. Names
and tags of resources are somebody else's text: every format quotes them as its own language demands.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

from core import KifayatError
from core.registry import Registry, discover_modules
from recommender.action import Recipe


class NotNatural(KifayatError):
    """A recipe cannot be said in a format: take another."""


@cache
def artefacts() -> Registry[ModuleType]:
    """All formats by name."""
    return discover_modules("recommender.artefacts", "format")


def formats(recipe: Recipe) -> list[str]:
    """Names of the formats in which a recipe can be had."""
    return [name for name, module in artefacts().items() if _fits(module, recipe)]


def render(recipe: Recipe, name: str) -> str:
    """A recipe in a format. Raises UnknownName for an unknown one, NotNatural where it cannot be said."""
    module = artefacts()[name]
    if not _fits(module, recipe):
        known = formats(recipe)
        raise NotNatural(
            f"{recipe.verb.replace('_', ' ')} of a {recipe.target.get('kind', 'thing')} is not natural as {name}",
            expected=", ".join(known) if known else "nothing: it is for a person to do",
            fix="choose another format" if known else "follow the evidence of the item",
        )  # fmt: skip
    text: str = module.render(recipe)
    return text


def _fits(module: ModuleType, recipe: Recipe) -> bool:
    kinds = module.VERBS.get(recipe.verb, {}).get(recipe.target.get("provider", ""), ())
    return "*" in kinds or recipe.target.get("kind", "") in kinds
