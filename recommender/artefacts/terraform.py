"""Terraform (HCL). Strings are JSON strings with template marks doubled, so nothing in a name is expanded."""

from __future__ import annotations

import json
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._lifecycle import rule_of
from recommender.artefacts._texts import comment, cron_of, log_group, one_line, short_id, slug

TITLE = "Terraform"
SUFFIX = ".tf"
VERBS: Final = {
    "schedule": {"aws": ("group", "machine", "database"), "gcp": ("machine",)},
    "scale": {"aws": ("group",)},
    "change_volume": {"aws": ("disk",)},
    "storage_class": {"aws": ("bucket",)},
    "abort_uploads": {"aws": ("bucket",)},
    "expire": {"aws": ("bucket",)},
    "endpoint": {"aws": ("nat",)},
    "retention": {"aws": ("log",)},
}
_CALLS: Final = {
    ("machine", "up"): ("ec2:startInstances", "InstanceIds"),
    ("machine", "down"): ("ec2:stopInstances", "InstanceIds"),
    ("database", "up"): ("rds:startDBInstance", "DbInstanceIdentifier"),
    ("database", "down"): ("rds:stopDBInstance", "DbInstanceIdentifier"),
}


def render(recipe: Recipe) -> str:
    """Resources that can be planned; references that only you know are variables."""
    if recipe.verb in ("storage_class", "abort_uploads", "expire"):
        return _lifecycle(recipe)
    if recipe.verb == "endpoint":
        return _endpoint(recipe)
    if recipe.verb == "retention":
        return _retention(recipe)
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
    for word in ("up", "down"):
        at = cron_of(values, word)
        days = at[2]
        if kind == "group":
            size = 1 if word == "up" else 0
            found.append(
                f'resource "aws_autoscaling_schedule" "{_name(recipe, "_" + word)}" {{\n'
                f"  scheduled_action_name  = {text('kifayat-' + word)}\n"
                f"  autoscaling_group_name = {text(recipe.target['name'])}\n"
                f"  recurrence             = {text(f'{at[1]} {at[0]} * * {days}')}\n"
                f"  time_zone              = {text(values['timezone'])}\n"
                f"  min_size               = {size}\n  max_size               = -1\n"
                f"  desired_capacity       = {size}\n}}\n"
            )
            continue
        call, parameter = _CALLS[kind, word]
        # a database that is stopped starts by itself after 7 days: it is stopped every night
        when = "*" if kind == "database" and word == "down" else days
        id_ = short_id(recipe)
        payload = {parameter: [id_]} if kind == "machine" else {parameter: id_}
        found.append(
            f'resource "aws_scheduler_schedule" "{_name(recipe, "_" + word)}" {{\n'
            f"  name                         = {text(slug(f'kifayat-{word}-{id_}', 60))}\n"
            f"  schedule_expression          = {text(f'cron({at[1]} {at[0]} ? * {when} *)')}\n"
            f"  schedule_expression_timezone = {text(values['timezone'])}\n"
            '  flexible_time_window {\n    mode = "OFF"\n  }\n'
            "  target {\n"
            f"    arn      = {text('arn:aws:scheduler:::aws-sdk:' + call)}\n"
            "    role_arn = var.scheduler_role_arn\n"
            f"    input    = {text(json.dumps(payload))}\n  }}\n}}\n"
        )
    for start, end in values.get("exceptions", []):
        found.append(f"# Not in the exam season, {start} to {end}: disable the stop before it, enable it after it.\n")
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
    throughput = f"  throughput        = {values['throughput_mibps']}\n" if "throughput_mibps" in values else ""
    back = f"type {values['from']} with what it had"
    return comment(recipe, "The volume's new form; set these on its resource", back) + (
        f'resource "aws_ebs_volume" "{_name(recipe)}" {{\n'
        '  availability_zone = "ap-south-1a" # its own zone\n'
        f"  size              = {round(values['size_gib'])}\n  type              = {text(values['type'])}\n"
        f"  iops              = {values['iops']}\n{throughput}}}\n"
    )


def _lifecycle(recipe: Recipe) -> str:
    rule = rule_of(recipe)
    parts = [
        f"    transition {{\n      days          = {step['Days']}\n"
        f"      storage_class = {text(step['StorageClass'])}\n    }}\n"
        for step in rule.get("Transitions", ())
    ]
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        parts.append(f"    abort_incomplete_multipart_upload {{\n      days_after_initiation = {days}\n    }}\n")
    if "Expiration" in rule:
        parts.append(f"    expiration {{\n      days = {rule['Expiration']['Days']}\n    }}\n")
    what = "A rule of the bucket's lifecycle; a bucket has one such resource: put all its rules into it"
    return comment(recipe, what, "remove the rule; objects stay where they are") + (
        f'resource "aws_s3_bucket_lifecycle_configuration" "{_name(recipe)}" {{\n'
        f"  bucket = {text(short_id(recipe))}\n  rule {{\n"
        f'    id     = {text(rule["ID"])}\n    status = "Enabled"\n'
        f"    filter {{\n      prefix = {text(rule['Filter']['Prefix'])}\n    }}\n"
        f"{''.join(parts)}  }}\n}}\n"
    )


def _endpoint(recipe: Recipe) -> str:
    found = [
        comment(recipe, "Gateway endpoints cost nothing; the NAT gateway counts every GB", "remove these resources"),
        'variable "vpc_id" {\n  type        = string\n  description = "The VPC of the NAT gateway"\n}\n',
        'variable "route_table_ids" {\n  type        = list(string)\n'
        '  description = "Route tables that lead to the NAT gateway"\n}\n',
    ]
    region = recipe.target.get("region") or "ap-south-1"
    found += [
        f'resource "aws_vpc_endpoint" "{_name(recipe, "_" + service)}" {{\n'
        '  vpc_id            = var.vpc_id\n  vpc_endpoint_type = "Gateway"\n'
        f"  service_name      = {text(f'com.amazonaws.{region}.{service}')}\n"
        "  route_table_ids   = var.route_table_ids\n}\n"
        for service in recipe.values["services"]
    ]
    return "\n".join(found)


def _retention(recipe: Recipe) -> str:
    what = "Logs are kept for some days only; set it on the group's resource"
    return comment(recipe, what, "retention_in_days = 0 keeps for ever") + (
        f'resource "aws_cloudwatch_log_group" "{_name(recipe)}" {{\n'
        f"  name              = {text(log_group(recipe))}\n"
        f"  retention_in_days = {recipe.values['days']}\n}}\n"
    )
