"""Terraform (HCL). Strings are JSON strings with template marks doubled, so nothing in a name is expanded."""

from __future__ import annotations

import json
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._texts import comment, cron_of, one_line, short_id, slug, spans_with_stop

TITLE = "Terraform"
SUFFIX = ".tf"
VERBS: Final = {
    "schedule": {"aws": ("group", "machine", "database"), "gcp": ("machine",)},
    "scale": {"aws": ("group",)},
    "change_volume": {"aws": ("disk",)},
    "storage_class": {"aws": ("bucket",)},
}
_CALLS: Final = {
    ("machine", "up"): ("ec2:startInstances", "InstanceIds"),
    ("machine", "down"): ("ec2:stopInstances", "InstanceIds"),
    ("database", "up"): ("rds:startDBInstance", "DbInstanceIdentifier"),
    ("database", "down"): ("rds:stopDBInstance", "DbInstanceIdentifier"),
}


def render(recipe: Recipe) -> str:
    """Resources that can be planned; references that only you know are variables."""
    if recipe.verb == "storage_class":
        return _storage(recipe)
    if recipe.verb == "change_volume":
        return _volume(recipe)
    if recipe.verb == "scale":
        return _scale(recipe)
    return _google_schedule(recipe) if recipe.target["provider"] == "gcp" else _schedule(recipe)


def text(value: Any) -> str:
    """A string of HCL; ${ and %{ stay what they are."""
    return json.dumps(one_line(str(value)), ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _name(recipe: Recipe, suffix: str = "") -> str:
    return slug(recipe.target.get("name") or short_id(recipe)).replace("-", "_") + suffix


def _schedule(recipe: Recipe) -> str:
    values, kind = recipe.values, recipe.target["kind"]
    found = [comment(recipe, "Runs only in the hours in which it was used", "remove these resources and start it")]
    if kind != "group":
        found.append(
            'variable "scheduler_role_arn" {\n  type        = string\n'
            '  description = "Role that may start and stop it"\n}\n'
        )
    jobs: list[tuple[str, str, str | None, str | None]] = [("up", "up", None, None)]
    for number, (start, end) in enumerate(spans_with_stop(values)):
        jobs.append(("down", "down" if number == 0 else f"down-{number + 1}", start, end))
    for word, name, start, end in jobs:
        at = cron_of(values, word)
        days, label = at[2], _name(recipe, "_" + name.replace("-", "_"))
        if kind == "group":
            size = 1 if word == "up" else 0
            found.append(
                f'resource "aws_autoscaling_schedule" "{label}" {{\n'
                f"  scheduled_action_name  = {text('kifayat-' + name)}\n"
                f"  autoscaling_group_name = {text(recipe.target['name'])}\n"
                f"  recurrence             = {text(f'{at[1]} {at[0]} * * {days}')}\n"
                f"  time_zone              = {text(values['timezone'])}\n"
                + (f"  start_time             = {text(start)}\n" if start else "")
                + (f"  end_time               = {text(end)}\n" if end else "")
                + f"  min_size               = {size}\n  max_size               = -1\n"
                f"  desired_capacity       = {size}\n}}\n"
            )
            continue
        call, parameter = _CALLS[kind, word]
        # a database that is stopped starts by itself after 7 days: it is stopped every night
        when = "*" if kind == "database" and word == "down" else days
        id_ = short_id(recipe)
        payload = {parameter: [id_]} if kind == "machine" else {parameter: id_}
        found.append(
            f'resource "aws_scheduler_schedule" "{label}" {{\n'
            f"  name                         = {text(slug(f'kifayat-{name}-{id_}', 60))}\n"
            f"  schedule_expression          = {text(f'cron({at[1]} {at[0]} ? * {when} *)')}\n"
            f"  schedule_expression_timezone = {text(values['timezone'])}\n"
            + (f"  start_date                   = {text(start)}\n" if start else "")
            + (f"  end_date                     = {text(end)}\n" if end else "")
            + '  flexible_time_window {\n    mode = "OFF"\n  }\n'
            "  target {\n"
            f"    arn      = {text('arn:aws:scheduler:::aws-sdk:' + call)}\n"
            "    role_arn = var.scheduler_role_arn\n"
            f"    input    = {text(json.dumps(payload))}\n  }}\n}}\n"
        )
    if values.get("exceptions"):
        found.append("# Nothing is stopped on days of exams and releases: the stops have gaps there.\n")
    return "\n".join(found)


def _google_schedule(recipe: Recipe) -> str:
    values = recipe.values
    up, down = cron_of(values, "up"), cron_of(values, "down")
    name = slug(f"kifayat-{recipe.target.get('name', 'machine')}", 60)
    return comment(recipe, "Runs only in the hours in which it was used", "detach the policy") + (
        f'resource "google_compute_resource_policy" "{_name(recipe)}" {{\n'
        f"  name   = {text(name)}\n  region = {text(recipe.target.get('region') or 'asia-south1')}\n"
        "  instance_schedule_policy {\n"
        f"    vm_start_schedule {{\n      schedule = {text(f'{up[1]} {up[0]} * * {up[2]}')}\n    }}\n"
        f"    vm_stop_schedule {{\n      schedule = {text(f'{down[1]} {down[0]} * * {down[2]}')}\n    }}\n"
        f"    time_zone = {text(values['timezone'])}\n  }}\n}}\n"
    )


def _scale(recipe: Recipe) -> str:
    found = [comment(recipe, "Capacity before the crowd, gone after it", "remove these resources")]
    for at, step in enumerate(recipe.values["steps"]):
        found.append(
            f'resource "aws_autoscaling_schedule" "{_name(recipe, f"_season_{at:03d}")}" {{\n'
            f"  scheduled_action_name  = {text(f'kifayat-season-{at:03d}')}\n"
            f"  autoscaling_group_name = {text(recipe.target['name'])}\n"
            f"  start_time             = {text(_utc(step['at']))}\n"
            f"  min_size               = {step['min']}\n  max_size               = {step['max']}\n"
            f"  desired_capacity       = {step['desired']}\n}}\n"
        )
    return "\n".join(found)


def _utc(text_: str) -> str:
    """Terraform's start_time is UTC and ends with Z."""
    from datetime import UTC, datetime

    return datetime.fromisoformat(text_).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _volume(recipe: Recipe) -> str:
    values = recipe.values
    return comment(recipe, "The volume's new form; set these on its resource", "type gp2 without the other two") + (
        f'resource "aws_ebs_volume" "{_name(recipe)}" {{\n'
        '  availability_zone = "ap-south-1a" # its own zone\n'
        f"  size              = {round(values['size_gib'])}\n  type              = {text(values['type'])}\n"
        f"  iops              = {values['iops']}\n  throughput        = {values['throughput_mibps']}\n}}\n"
    )


def _storage(recipe: Recipe) -> str:
    values = recipe.values
    return comment(recipe, "Objects move to a colder class", "remove the rule; objects stay where they are") + (
        f'resource "aws_s3_bucket_lifecycle_configuration" "{_name(recipe)}" {{\n'
        f"  bucket = {text(short_id(recipe))}\n  rule {{\n"
        '    id     = "kifayat-colder"\n    status = "Enabled"\n'
        f"    filter {{\n      prefix = {text(values['prefix'])}\n    }}\n"
        f"    transition {{\n      days          = {values['after_days']}\n"
        f"      storage_class = {text(values['to'])}\n    }}\n"
        "  }\n}\n"
    )
