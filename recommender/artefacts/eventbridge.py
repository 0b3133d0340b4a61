"""Schedules of EventBridge Scheduler as JSON, each an input of `aws scheduler create-schedule --cli-input-json`."""

from __future__ import annotations

import json
from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import cron_of, one_line, short_id, slug, to_json

TITLE = "EventBridge Scheduler"
SUFFIX = ".json"
VERBS: Final = {"schedule": {"aws": ("machine", "database")}, "stop_and_snapshot": {"aws": ("database",)}}
_ROLE: Final = "arn:aws:iam::000000000000:role/REPLACE-WITH-A-ROLE-THAT-MAY-START-AND-STOP-IT"


def render(recipe: Recipe) -> str:
    """A list of schedules with their zone; a database is stopped every night, for it restarts by itself."""
    values, kind, id_ = recipe.values, recipe.target["kind"], short_id(recipe)
    if recipe.verb == "stop_and_snapshot":
        steps = [("down", "cron(30 23 ? * * *)")]
    else:
        up, down = cron_of(values, "up"), cron_of(values, "down")
        night = "*" if kind == "database" else down[2]
        steps = [("up", f"cron({up[1]} {up[0]} ? * {up[2]} *)"), ("down", f"cron({down[1]} {down[0]} ? * {night} *)")]
    service = "ec2" if kind == "machine" else "rds"
    call = {"up": "start", "down": "stop"}
    noun = "Instances" if kind == "machine" else "DBInstance"
    payload = {"InstanceIds": [id_]} if kind == "machine" else {"DbInstanceIdentifier": id_}
    return (
        to_json(
            [
                {
                    "Name": slug(f"kifayat-{word}-{id_}", 60),
                    "ScheduleExpression": expression,
                    "ScheduleExpressionTimezone": values.get("timezone", "Asia/Kolkata"),
                    "Description": one_line(f"{recipe.target.get('name', id_)}: {word}; delete it to undo")[:500],
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": f"arn:aws:scheduler:::aws-sdk:{service}:{call[word]}{noun}",
                        "RoleArn": _ROLE,
                        "Input": json.dumps(payload),
                    },
                }
                for word, expression in steps
            ]
        )
        + "\n"
    )
