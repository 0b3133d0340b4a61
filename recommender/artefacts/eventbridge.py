"""Schedules of EventBridge Scheduler as JSON, each an input of `aws scheduler create-schedule --cli-input-json`."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._texts import cron_of, midnight, one_line, short_id, slug, spans_with_stop, to_json

TITLE = "EventBridge Scheduler"
SUFFIX = ".json"
VERBS: Final = {"schedule": {"aws": ("machine", "database")}, "stop_and_snapshot": {"aws": ("database",)}}
_ROLE: Final = "arn:aws:iam::000000000000:role/REPLACE-WITH-A-ROLE-THAT-MAY-START-AND-STOP-IT"


def render(recipe: Recipe) -> str:
    """A list of schedules with their zone; a database is stopped every night, for it restarts by itself."""
    return to_json(schedules(recipe)) + "\n"


def schedules(recipe: Recipe) -> list[dict[str, Any]]:
    """Requests to create schedules. Stops have gaps where exams and releases are, and end when a dormant database is
    needed again."""
    kind, values = recipe.target["kind"], recipe.values
    if recipe.verb == "stop_and_snapshot":
        again = values.get("start_again")
        return [
            _schedule(
                recipe, "down", "cron(30 23 ? * * *)", None, midnight(date.fromisoformat(again)) if again else None
            )
        ]
    up, down = cron_of(values, "up"), cron_of(values, "down")
    night = "*" if kind == "database" else down[2]
    found = [_schedule(recipe, "up", f"cron({up[1]} {up[0]} ? * {up[2]} *)")]
    for at, (start, end) in enumerate(spans_with_stop(values)):
        word = "down" if at == 0 else f"down-{at + 1}"
        found.append(_schedule(recipe, word, f"cron({down[1]} {down[0]} ? * {night} *)", start, end))
    return found


def _schedule(
    recipe: Recipe, word: str, expression: str, start: str | None = None, end: str | None = None
) -> dict[str, Any]:
    kind, id_ = recipe.target["kind"], short_id(recipe)
    service, noun = ("ec2", "Instances") if kind == "machine" else ("rds", "DBInstance")
    payload = {"InstanceIds": [id_]} if kind == "machine" else {"DbInstanceIdentifier": id_}
    return {
        "Name": slug(f"kifayat-{word}-{id_}", 60),
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": recipe.values.get("timezone", "Asia/Kolkata"),
        **({"StartDate": start} if start else {}),
        **({"EndDate": end} if end else {}),
        "Description": one_line(f"{recipe.target.get('name', id_)}: {word}; delete it to undo")[:500],
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": f"arn:aws:scheduler:::aws-sdk:{service}:{'start' if word == 'up' else 'stop'}{noun}",
            "RoleArn": _ROLE,
            "Input": json.dumps(payload),
        },
    }
