"""Cloud Custodian policies, written as JSON, which is YAML.

`default_tz` is Asia/Kolkata by its full name: Custodian's alias "ist" is Dublin. A policy acts in the exact hour, and
an hourly run at :00 UTC is :30 in India, so a stop is put one hour later where the window ends at :30, never earlier.
Days of exams and releases are skipped by the stop, quiet holidays by the start.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._texts import (
    DAYS,
    clock,
    comment,
    days_without_stop,
    log_group,
    name_of,
    short_id,
    slug,
    to_json,
)

TITLE = "Cloud Custodian"
SUFFIX = ".yml"
VERBS: Final = {
    "schedule": {"aws": ("machine", "database", "group")},
    "delete": {"aws": ("machine", "disk", "snapshot", "address")},
    "stop_and_snapshot": {"aws": ("machine",)},
    "retention": {"aws": ("log",)},
}
_ZONE: Final = "asia/kolkata"
_RESOURCES: Final = {
    "machine": ("aws.ec2", "InstanceId"),
    "database": ("aws.rds", "DBInstanceIdentifier"),
    "group": ("aws.asg", "AutoScalingGroupName"),
    "disk": ("aws.ebs", "VolumeId"),
    "snapshot": ("aws.ebs-snapshot", "SnapshotId"),
    "address": ("aws.elastic-ip", "AllocationId"),
    "log": ("aws.log-group", "logGroupName"),
}
_STOPS: Final = {"machine": "stop", "database": "stop", "group": "suspend"}
_STARTS: Final = {"machine": "start", "database": "start", "group": "resume"}


def render(recipe: Recipe) -> str:
    """A file of policies for `custodian run`; a schedule is run every hour, anything else once."""
    often, back = {
        "schedule": ("Run every hour", "delete the policies"),
        "retention": ("Run once", "take the retention off the log group"),
        "stop_and_snapshot": ("Run once: it would stop it again whenever it was started", "start it again"),
    }.get(recipe.verb, ("Run once", "from the snapshot that is taken first, where it has one; else none"))
    return comment(recipe, f"{often}, with `custodian run`", back) + to_json({"policies": _policies(recipe)}) + "\n"


def _policies(recipe: Recipe) -> list[dict[str, Any]]:
    kind = recipe.target["kind"]
    resource, key = _RESOURCES[kind]
    id_ = name_of(recipe) if kind == "group" else log_group(recipe) if kind == "log" else short_id(recipe)
    mine = {"type": "value", "key": key, "value": id_}
    name = slug(f"kifayat-{recipe.verb}-{kind}-{recipe.target.get('name') or id_}", 60)
    if recipe.verb == "schedule":
        up, down = clock(recipe.values["start"]), clock(recipe.values["end"])
        # at :30 nothing runs before the next full hour of UTC, so up takes the hour it lies in, down the one after it
        stop = (down[0] + (1 if down[1] else 0)) % 24
        days = [DAYS.index(day) for word in ("days", "stop_days") for day in recipe.values.get(word, ())]
        weekends = any(day > 4 for day in days)
        common = {"default_tz": _ZONE, "weekends": not weekends, "opt-out": True}
        awake = [
            (first + timedelta(days=at)).isoformat()
            for first, end in days_without_stop(recipe.values)
            for at in range((end - first).days)
        ]
        off = {"type": "offhour", "offhour": stop, **common, **({"skip-days": awake} if awake else {})}
        asleep = list(recipe.values.get("days_off", ()))
        on = {"type": "onhour", "onhour": up[0], **common, **({"skip-days": asleep} if asleep else {})}
        return [
            {
                "name": f"{name}-off",
                "resource": resource,
                "filters": [mine, off],
                "actions": [_STOPS[kind]],
            },
            {
                "name": f"{name}-on",
                "resource": resource,
                "filters": [mine, on],
                "actions": [_STARTS[kind]],
            },
        ]
    if recipe.verb == "retention":
        return [
            {
                "name": name,
                "resource": resource,
                "filters": [mine],
                "actions": [{"type": "retention", "days": recipe.values["days"]}],
            }
        ]
    if recipe.verb == "stop_and_snapshot":
        return [{"name": name, "resource": resource, "filters": [mine], "actions": ["snapshot", "stop"]}]
    actions: dict[str, list[Any]] = {
        "machine": ["snapshot", {"type": "terminate", "force": False}],
        "disk": ["snapshot", "delete"],
        "snapshot": ["delete"],
        "address": [{"type": "release", "force": False}],
    }
    return [{"name": name, "resource": resource, "filters": [mine], "actions": actions[kind]}]
