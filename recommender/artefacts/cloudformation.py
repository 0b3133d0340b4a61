"""CloudFormation templates as JSON: schedules of machines and databases, scheduled capacity of scaling groups."""

from __future__ import annotations

import json
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._texts import cron_of, name_of, one_line, short_id, slug, spans_with_stop, to_json

TITLE = "CloudFormation"
SUFFIX = ".json"
VERBS: Final = {"schedule": {"aws": ("group", "machine", "database")}, "scale": {"aws": ("group",)}}


def render(recipe: Recipe) -> str:
    """A template; the role that may start and stop is a parameter. Delete the stack to undo it."""
    grouped = recipe.target["kind"] == "group"
    resources = _scale(recipe) if recipe.verb == "scale" else _group(recipe) if grouped else _schedules(recipe)
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": one_line(f"{name_of(recipe)}: by the clock of Asia/Kolkata; delete the stack to undo")[:1000],
        "Resources": resources,
    }
    if recipe.verb == "schedule" and not grouped:
        template["Parameters"] = {"SchedulerRoleArn": {"Type": "String", "Description": "May start and stop it"}}
    return to_json(template) + "\n"


def _jobs(recipe: Recipe) -> list[tuple[str, str, dict[str, str], dict[str, str]]]:
    """Word, name, and what bounds it in the words of scaling groups and of EventBridge: stops have gaps for exams."""
    found: list[tuple[str, str, dict[str, str], dict[str, str]]] = [("up", "up", {}, {})]
    for number, (start, end) in enumerate(spans_with_stop(recipe.values)):
        bounds = {key: value for key, value in (("Start", start), ("End", end)) if value}
        found.append((
            "down", "down" if number == 0 else f"down{number + 1}",
            {f"{key}Time": value for key, value in bounds.items()},
            {f"{key}Date": value.replace("Z", ".000Z") for key, value in bounds.items()},
        ))  # fmt: skip
    return found


def _group(recipe: Recipe) -> dict[str, Any]:
    found = {}
    for word, name, bounds, _ in _jobs(recipe):
        hour, minute, days = cron_of(recipe.values, word)
        size = 1 if word == "up" else 0
        found[name.title()] = _action(recipe, {
            "Recurrence": f"{minute} {hour} * * {days}", "TimeZone": recipe.values["timezone"], "MinSize": size,
            "DesiredCapacity": size, **bounds,
        })  # fmt: skip
    return found


def _scale(recipe: Recipe) -> dict[str, Any]:
    from datetime import UTC, datetime

    return {
        f"Season{at:03d}": _action(recipe, {
            "StartTime": datetime.fromisoformat(step["at"]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "MinSize": step["min"], "MaxSize": step["max"], "DesiredCapacity": step["desired"],
        })
        for at, step in enumerate(recipe.values["steps"])
    }  # fmt: skip


def _action(recipe: Recipe, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::AutoScaling::ScheduledAction",
        "Properties": {"AutoScalingGroupName": name_of(recipe), **properties},
    }


def _schedules(recipe: Recipe) -> dict[str, Any]:
    kind, id_ = recipe.target["kind"], short_id(recipe)
    service, noun = ("ec2", "Instances") if kind == "machine" else ("rds", "DBInstance")
    payload = {"InstanceIds": [id_]} if kind == "machine" else {"DbInstanceIdentifier": id_}
    found = {}
    for word, name, _, bounds in _jobs(recipe):
        call = "start" if word == "up" else "stop"
        hour, minute, days = cron_of(recipe.values, word)
        # a database that is stopped starts by itself after 7 days: it is stopped every night
        when = "*" if kind == "database" and word == "down" else days
        found[name.title()] = {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                **bounds, "Name": slug(f"kifayat-{name}-{id_}", 60),
                "ScheduleExpression": f"cron({minute} {hour} ? * {when} *)",
                "ScheduleExpressionTimezone": recipe.values["timezone"], "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": f"arn:aws:scheduler:::aws-sdk:{service}:{call}{noun}",
                    "RoleArn": {"Ref": "SchedulerRoleArn"}, "Input": json.dumps(payload),
                },
            },
        }  # fmt: skip
    return found
