"""KEDA: replicas of a deployment by the clock, as a ScaledObject with cron triggers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._texts import comment, slug, to_json

TITLE = "KEDA"
SUFFIX = ".yml"
VERBS: Final = {"scale": {"aws": ("group",), "gcp": ("group", "node_pool")}}


def render(recipe: Recipe) -> str:
    """One trigger for each stretch of days with equal hours and numbers; a cron of KEDA knows no year."""
    steps = recipe.values["steps"]
    triggers: list[dict[str, Any]] = []
    for up, down in zip(steps[::2], steps[1::2], strict=False):
        start, end = datetime.fromisoformat(up["at"]), datetime.fromisoformat(down["at"])
        triggers.append(
            {
                "type": "cron",
                "metadata": {
                    "timezone": recipe.values["timezone"],
                    "start": f"{start.minute} {start.hour} {start.day} {start.month} *",
                    "end": f"{end.minute} {end.hour} {end.day} {end.month} *",
                    "desiredReplicas": str(up["desired"]),
                },
            }
        )
    name = slug(recipe.target.get("name") or recipe.target["id"])
    least, most = min(step["min"] for step in steps), max(step["max"] for step in steps)
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": f"{name}-season"},
        "spec": {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "triggers": triggers,
        },
    }
    return (
        comment(recipe, "Replicas before the crowd; nodes must grow with them", "delete the ScaledObject")
        + to_json(manifest)
        + "\n"
    )
