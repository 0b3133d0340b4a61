"""What a lever says where an earlier one of the same plan has changed the machine before it.

A check sees the machine as it is; the plan applies levers one after the other. A machine that is resized first is then
moved to another generation from its new size, and its title, figures and commands have to say so: done one after the
other, they end where the plan ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from recommender.action import Action, Recipe

if TYPE_CHECKING:
    from recommender.plan import Item
    from recommender.usage import Usage

#: Checks that ask where something should run.
_QUESTIONS: Final = ("move_region", "spot_elsewhere")
_NAMED: Final = 3


def after_each_other(planned: Sequence[Item]) -> list[Item]:
    """The items of a plan in its order, each told from what the ones before it leave."""
    left: dict[str, Action] = {}
    told: list[Item] = []
    for item in planned:
        action = item.action
        earlier = left.get(action.workload)
        if earlier is not None and action.twins:
            action = _from(action, earlier)
            item = replace(item, action=action)
        if action.recipe is not None and action.recipe.verb in ("resize", "resize_template", "modernise"):
            left[action.workload] = action
        told.append(item)
    return told


def with_prerequisites(bought: Sequence[Item], others: Sequence[Item], start: Usage, usage: Usage) -> list[Item]:
    """Purchases that tell what has to be done or asked before they are of use: levers that bring usage into what a
    purchase reaches, and open questions about where that usage should be. `others` are all other items."""
    before, after = start.reached_by(), usage.reached_by()
    told = []
    for item in bought:
        purchase = item.purchase
        if purchase is None or not purchase.scope:
            told.append(item)
            continue
        keys = [(purchase.kind, f"{purchase.payer}:{part.scope}") for part in purchase.parts]
        covered = set().union(*(after.get(key, set()) for key in keys))
        came = covered - set().union(*(before.get(key, set()) for key in keys))
        levers = [one for one in others if one.state == "planned" and one.action.workload in came]
        asked = [
            one for one in others
            if one.state == "no figure" and one.action.check in _QUESTIONS and one.action.workload in covered
        ]  # fmt: skip
        figures = dict(item.action.evidence.figures)
        if levers:
            figures["Do first"] = _listed(levers) + ": without them nothing uses all of it"
        if asked:
            figures["Ask first"] = _listed(asked)
        evidence = replace(item.action.evidence, figures=figures)
        told.append(replace(item, action=replace(item.action, evidence=evidence)))
    return told


def _listed(items: Sequence[Item]) -> str:
    """The first three by title and id, and how many more."""
    named = "; ".join(f"{one.action.title} ({one.id})" for one in items[:_NAMED])
    return named + (f"; {len(items) - _NAMED} more" if len(items) > _NAMED else "")


def _from(action: Action, earlier: Action) -> Action:
    """The action from the type that an earlier one leaves; as it is where its move of that type is not known."""
    if action.recipe is None or earlier.recipe is None:
        return action
    now = str(earlier.recipe.values["to"])
    new = action.twins.get(now)
    if new is None:
        return action
    windows: list[dict[str, Any]] = [
        {**one, "type": action.twins.get(str(one["type"]), one["type"])}
        for one in earlier.recipe.values.get("windows", ())
    ]
    season = ", ".join(sorted({str(one["type"]) for one in windows}))
    figures = dict(action.evidence.figures)
    alone = f"{figures.pop('Now', '')} to {figures.pop('New', '')}"
    name = action.title.partition(":")[0]
    return replace(
        action, title=f"{name}: {now} to {new}" + (f", {season} in the exam season" if season else ""),
        evidence=replace(action.evidence, figures={
            "Now": f"{now}, as item {earlier.id} leaves it", "New": new, "Without that item": alone, **figures
        }),
        recipe=Recipe(
            action.recipe.verb, action.recipe.target,
            {**action.recipe.values, "from": now, "to": new, **({"windows": windows} if windows else {})},
        ),
        rollback=f"set the type back to {now}",
    )  # fmt: skip
