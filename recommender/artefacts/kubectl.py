"""Commands of kubectl. Every argument is quoted for a POSIX shell."""

from __future__ import annotations

import shlex
from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import comment, one_line

TITLE = "kubectl"
SUFFIX = ".sh"
VERBS: Final = {"set_requests": {"aws": ("group",), "gcp": ("node_pool",)}}


def render(recipe: Recipe) -> str:
    """One command for each deployment; a deployment of several containers has its own requests by container."""
    lines = [
        shlex.join([
            "kubectl", "set", "resources", "deployment", one_line(row["name"]),
            "--namespace", one_line(row["namespace"]), f"--requests=cpu={row['cpu']},memory={row['memory']}",
        ])
        for row in recipe.values["requests"]
    ]  # fmt: skip
    what = "New requests, a rollout of each; choose the container with --containers where there are several"
    return comment(recipe, what, "kubectl rollout undo of each deployment") + "set -eu\n" + "\n".join(lines) + "\n"
