"""kube-downscaler: annotations that let a namespace sleep. An interval cannot cross midnight, so none here does."""

from __future__ import annotations

from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import DAYS, comment, pauses, slug, to_json

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
    # what ends after midnight goes on in an interval of the days after, for none may cross it
    late = values["end"] <= values["start"]
    end = "24:00" if late or values["end"].startswith("24") else values["end"]
    intervals = [f"{DAYS[days[0]]}-{DAYS[days[-1]]} {values['start']}-{end}" for days in stretches]
    if late:
        intervals += [
            f"{DAYS[at]}-{DAYS[at]} 00:00-{values['end']}" for at in sorted(map(DAYS.index, values["stop_days"]))
        ]
    uptime = ", ".join(f"{interval} {values['timezone']}" for interval in intervals)
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": slug(values.get("namespace") or recipe.target.get("name") or "default"),
            "annotations": {"downscaler/uptime": uptime, "downscaler/downtime-replicas": "0"},
        },
    }
    what = "Pods sleep outside these hours; remove the nodes with them (gcloud, an autoscaler), or nothing is saved"
    head = comment(recipe, what, "remove the annotations") + pauses(recipe, 'Annotate downscaler/exclude: "true"')
    return head + to_json(manifest) + "\n"
