"""Wake it now: the one command that starts what a schedule or a stop has put to sleep. The schedule stays as it is."""

from __future__ import annotations

import shlex
from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import Commands, comment, name_of, on_aws, short_id
from recommender.artefacts.gcloud import place, project_of

TITLE = "Wake it now"
SUFFIX = ".sh"
_AWS: Final = ("machine", "database", "group")
_GOOGLE: Final = ("machine", "database", "node_pool")
VERBS: Final = {
    "schedule": {"aws": _AWS, "gcp": _GOOGLE},
    "stop_and_snapshot": {"aws": ("machine", "database"), "gcp": ("machine", "database")},
}


def render(recipe: Recipe) -> str:
    """A shell script of one command."""
    what, back, commands = (_aws if recipe.target["provider"] == "aws" else _google)(recipe)
    if recipe.verb == "stop_and_snapshot" and recipe.target["kind"] == "machine":
        back = "stop it again: no schedule does"
    return comment(recipe, what, back) + "set -eu\n" + "".join(f"{shlex.join(words)}\n" for words in commands)


def _aws(recipe: Recipe) -> Commands:
    id_ = short_id(recipe)
    if recipe.target["kind"] == "group":
        size = on_aws(recipe, "autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", name_of(recipe),
                      "--min-size", "1", "--desired-capacity", "1")  # fmt: skip
        return "Wake the group; put your own sizes", _UNTIL, [size]
    if recipe.target["kind"] == "database":
        return (
            "Wake the database",
            _UNTIL,
            [on_aws(recipe, "rds", "start-db-instance", "--db-instance-identifier", id_)],
        )
    return "Wake the machine", _UNTIL, [on_aws(recipe, "ec2", "start-instances", "--instance-ids", id_)]


def _google(recipe: Recipe) -> Commands:
    id_, project = short_id(recipe), ["--project", project_of(recipe)]
    zone = place(recipe, "zones")
    if recipe.target["kind"] == "database":
        patch = ["gcloud", "sql", "instances", "patch", id_, "--activation-policy", "ALWAYS", *project]
        return "Wake the instance", _UNTIL, [patch]
    if recipe.target["kind"] == "node_pool":
        size = ["gcloud", "container", "clusters", "resize", place(recipe, "clusters") or "CLUSTER", "--node-pool", id_,
                "--num-nodes", "1", "--location", zone or recipe.target.get("region") or "asia-south1", "--quiet",
                *project]  # fmt: skip
        return "Wake the pool; put your own count", _UNTIL, [size]
    zone = zone or f"{recipe.target.get('region') or 'asia-south1'}-a"
    return "Wake the machine", _UNTIL, [["gcloud", "compute", "instances", "start", id_, "--zone", zone, *project]]


_UNTIL: Final = "nothing: it sleeps again at the schedule's next stop"
