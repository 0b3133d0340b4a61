"""kube-downscaler: annotations that let a namespace sleep. An interval cannot cross midnight, so none here does."""

from __future__ import annotations

from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import DAYS, comment, slug, to_json

TITLE = "kube-downscaler"
SUFFIX = ".yml"
VERBS: Final = {"schedule": {"aws": ("node_pool",), "gcp": ("node_pool",)}}


def render(recipe: Recipe) -> str:
    """A namespace with its hours; nodes must be removed with the pods, or nothing is saved."""
    values = recipe.values
    at = sorted(DAYS.index(day) for day in values["days"])
    stretches: list[list[int]] = []
    for day in at:
        if stretches and day == stretches[-1][-1] + 1:
            stretches[-1].append(day)
        else:
            stretches.append([day])
    end = "23:59" if values["end"].startswith("24") else values["end"]
    uptime = ", ".join(
        f"{DAYS[days[0]]}-{DAYS[days[-1]]} {values['start']}-{end} {values['timezone']}" for days in stretches
    )
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": slug(values.get("namespace") or recipe.target.get("name") or "default"),
            "annotations": {"downscaler/uptime": uptime, "downscaler/downtime-replicas": "0"},
        },
    }
    return comment(recipe, "Pods sleep outside these hours", "remove the annotations") + to_json(manifest) + "\n"
