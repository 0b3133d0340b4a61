"""Instance Scheduler on AWS: a period and a schedule for its scheduler-cli, and the tag that machines bear."""

from __future__ import annotations

import shlex
from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import DAYS, comment, on_aws, pauses, short_id, slug

TITLE = "Instance Scheduler on AWS"
SUFFIX = ".sh"
VERBS: Final = {"schedule": {"aws": ("machine", "database")}}


def render(recipe: Recipe) -> str:
    """Commands of its scheduler-cli; what ends after midnight is two periods, for a period is within one day."""
    values = recipe.values
    name = slug(f"kifayat-{recipe.target.get('name') or short_id(recipe)}", 60)
    stack = ["--stack", "instance-scheduler"]
    late = values["end"] <= values["start"]
    periods = [(name, values["start"], "23:59" if late or values["end"].startswith("24") else values["end"],
                values["days"])]  # fmt: skip
    if late:
        periods.append((f"{name}-late", "00:00", values["end"], values["stop_days"]))
    lines = [
        ["scheduler-cli", "create-period", *stack, "--name", period, "--begintime", begin, "--endtime", end,
         "--weekdays", ",".join(day.lower() for day in sorted(days, key=DAYS.index))]
        for period, begin, end, days in periods
    ]  # fmt: skip
    lines.append(["scheduler-cli", "create-schedule", *stack, "--name", name, "--periods",
                  ",".join(period for period, *_ in periods), "--timezone", values["timezone"]])  # fmt: skip
    if recipe.target["kind"] == "machine":
        tag = on_aws(
            recipe, "ec2", "create-tags", "--resources", short_id(recipe), "--tags", f"Key=Schedule,Value={name}"
        )
    else:
        tag = on_aws(recipe, "rds", "add-tags-to-resource", "--resource-name", recipe.target["id"], "--tags",
                     f"Key=Schedule,Value={name}")  # fmt: skip
    lines.append(tag)
    text = comment(
        recipe, "A schedule of the Instance Scheduler, which stops what restarts by itself", "remove the tag"
    )
    return (
        text + pauses(recipe, "Take the tag off") + "set -eu\n" + "".join(f"{shlex.join(words)}\n" for words in lines)
    )
