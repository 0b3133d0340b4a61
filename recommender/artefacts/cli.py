"""Commands of the AWS CLI. Every argument is quoted for a POSIX shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._cli_buy import buy_plan, buy_reservation, return_plan
from recommender.artefacts._cli_move import arm, empty_pool, endpoint, move_region
from recommender.artefacts._cli_tags import set_tags
from recommender.artefacts._lifecycle import lifecycle
from recommender.artefacts._texts import (
    ZONE,
    Commands,
    comment,
    cron_of,
    log_group,
    name_of,
    on_aws,
    one_line,
    seasons,
    short_id,
    slug,
    spans_with_stop,
)
from recommender.artefacts.eventbridge import schedules

TITLE = "AWS CLI"
SUFFIX = ".sh"
_ANY: Final = ("*",)
VERBS: Final = {
    "delete": {"aws": ("machine", "database", "disk", "snapshot", "address", "balancer", "nat", "log", "endpoint")},
    "empty_pool": {"aws": ("group",)},
    "stop_and_snapshot": {"aws": ("machine", "database")},
    "schedule": {"aws": ("group",)},
    "scale": {"aws": ("group",)},
    "resize": {"aws": ("machine", "database", "cache")},
    "resize_template": {"aws": ("group",)},
    "modernise": {"aws": ("machine", "group")},
    "change_volume": {"aws": ("disk",)},
    "storage_class": {"aws": ("bucket",)},
    "abort_uploads": {"aws": ("bucket",)},
    "expire": {"aws": ("bucket",)},
    "endpoint": {"aws": ("nat",)},
    "arm": {"aws": ("function",)},
    "move_region": {"aws": ("machine",)},
    "retention": {"aws": ("log",)},
    "spot_mix": {"aws": ("group",)},
    "buy_plan": {"aws": _ANY},
    "buy_reservation": {"aws": _ANY},
    "return_plan": {"aws": _ANY},
    "set_tags": {"aws": _ANY},
}


_NAMES: Final = {"balancer": "load balancer", "nat": "NAT gateway", "log": "log group"}


def render(recipe: Recipe) -> str:
    """A shell script, one command a line."""
    what, back, commands = _COMMANDS[recipe.verb](recipe)
    return comment(recipe, what, back) + "set -eu\n" + "".join(f"{shlex.join(words)}\n" for words in commands)


def _delete(recipe: Recipe) -> Commands:
    kind, id_ = recipe.target["kind"], short_id(recipe)
    snapshot = slug(f"before-delete-{recipe.target.get('name', id_)}", 60)
    if kind == "machine":
        image = on_aws(recipe, "ec2", "create-image", "--instance-id", id_, "--name", snapshot)
        kept = on_aws(recipe, "ec2", "wait", "image-available", "--owners", "self",
                      "--filters", f"Name=name,Values={snapshot}")  # fmt: skip
        end = on_aws(recipe, "ec2", "terminate-instances", "--instance-ids", id_)
        return "Keep an image, then terminate the machine", "launch it again from the image", [image, kept, end]
    if kind == "database":
        drop = on_aws(
            recipe,
            "rds",
            "delete-db-instance",
            "--db-instance-identifier",
            id_,
            "--no-skip-final-snapshot",
            "--final-db-snapshot-identifier",
            snapshot,
        )
        return "Delete the database with a last snapshot", "restore it from the snapshot", [drop]
    if kind == "disk":
        keep = on_aws(recipe, "ec2", "create-snapshot", "--volume-id", id_, "--description", snapshot)
        return (
            "Keep a snapshot, then delete the volume",
            "create it again from the snapshot",
            [
                keep,
                on_aws(
                    recipe,
                    "ec2",
                    "wait",
                    "snapshot-completed",
                    "--owner-ids",
                    "self",
                    "--filters",
                    f"Name=volume-id,Values={id_}",
                ),
                on_aws(recipe, "ec2", "delete-volume", "--volume-id", id_),
            ],
        )
    simple = {
        "snapshot": ("ec2", "delete-snapshot", "--snapshot-id", id_),
        "address": ("ec2", "release-address", "--allocation-id", id_),
        "balancer": ("elbv2", "delete-load-balancer", "--load-balancer-arn", recipe.target["id"]),
        "nat": ("ec2", "delete-nat-gateway", "--nat-gateway-id", id_),
        "log": ("logs", "delete-log-group", "--log-group-name", log_group(recipe)),
        "endpoint": ("ec2", "delete-vpc-endpoints", "--vpc-endpoint-ids", id_),
    }[kind]
    back = "none: what it held is gone" if kind in ("snapshot", "log") else "create it again; its address is another"
    return f"Delete the {_NAMES.get(kind, kind)}", back, [on_aws(recipe, *simple)]


def _stop(recipe: Recipe) -> Commands:
    id_, again = short_id(recipe), recipe.values.get("start_again") or "the day it is needed"
    name = slug(f"stopped-{recipe.target.get('name', id_)}", 60)
    if recipe.target["kind"] == "database":
        stop = on_aws(
            recipe, "rds", "stop-db-instance", "--db-instance-identifier", id_, "--db-snapshot-identifier", name
        )
        nightly = [
            on_aws(recipe, "scheduler", "create-schedule", "--cli-input-json", json.dumps(one))
            for one in schedules(recipe)
        ]
        return (
            f"Stop the database; AWS starts it again after 7 days, so it is stopped every night until {again}",
            "delete the schedule, then start-db-instance",
            [stop, *nightly],
        )
    image = on_aws(recipe, "ec2", "create-image", "--instance-id", id_, "--name", name, "--no-reboot")
    stop = on_aws(recipe, "ec2", "stop-instances", "--instance-ids", id_)
    return f"Keep an image and stop the machine until {again}", "aws ec2 start-instances", [image, stop]


def _schedule(recipe: Recipe) -> Commands:
    """A scaling group sleeps by scheduled actions; their times are told with their zone."""
    values = recipe.values
    spans: list[tuple[str, str | None, str | None]] = [("up", None, None)]
    spans += [("down", start, end) for start, end in spans_with_stop(values)]
    actions = []
    for at, (word, start, end) in enumerate(spans):
        hour, minute, days = cron_of(values, word)
        size = "1" if word == "up" else "0"
        actions.append(on_aws(
            recipe, "autoscaling", "put-scheduled-update-group-action", "--auto-scaling-group-name", name_of(recipe),
            "--scheduled-action-name", f"kifayat-{word}" if at < 2 else f"kifayat-{word}-{at}",
            "--recurrence", f"{minute} {hour} * * {days}", "--time-zone", values.get("timezone", ZONE),
            *(("--start-time", start) if start else ()), *(("--end-time", end) if end else ()),
            "--min-size", size, "--desired-capacity", size,
        ))  # fmt: skip
    return (
        "Let the group sleep outside its hours; put your own sizes for the morning",
        "delete the scheduled actions",
        actions,
    )


def _scale(recipe: Recipe) -> Commands:
    actions = [
        on_aws(
            recipe,
            "autoscaling",
            "put-scheduled-update-group-action",
            "--auto-scaling-group-name",
            name_of(recipe),
            "--scheduled-action-name",
            f"kifayat-season-{at:03d}",
            "--start-time",
            step["at"],
            "--min-size",
            str(step["min"]),
            "--max-size",
            str(step["max"]),
            "--desired-capacity",
            str(step["desired"]),
        )
        for at, step in enumerate(recipe.values["steps"])
    ]
    return "Capacity before the crowd, gone after it", "delete the scheduled actions kifayat-season-…", actions


def _resize(recipe: Recipe) -> Commands:
    if recipe.target["kind"] == "group":
        return _template(recipe)
    id_, new = short_id(recipe), str(recipe.values["to"])
    back = f"the same with {one_line(str(recipe.values['from']))}"
    if recipe.target["kind"] == "database":
        return (
            "Change the class in the next maintenance window",
            back,
            [
                on_aws(
                    recipe,
                    "rds",
                    "modify-db-instance",
                    "--db-instance-identifier",
                    id_,
                    "--db-instance-class",
                    new,
                    "--no-apply-immediately",
                )
            ],
        )
    if recipe.target["kind"] == "cache":
        word = "replication-group" if ":replicationgroup:" in recipe.target["id"] else "cache-cluster"
        return (
            "Change the node type in the next maintenance window",
            back,
            [
                on_aws(
                    recipe,
                    "elasticache",
                    f"modify-{word}",
                    f"--{word}-id",
                    id_,
                    "--cache-node-type",
                    new,
                    "--no-apply-immediately",
                )
            ],
        )
    return (
        "Stop the machine, change its type, start it" + seasons(recipe),
        back,
        [
            on_aws(recipe, "ec2", "stop-instances", "--instance-ids", id_),
            on_aws(recipe, "ec2", "wait", "instance-stopped", "--instance-ids", id_),
            on_aws(
                recipe,
                "ec2",
                "modify-instance-attribute",
                "--instance-id",
                id_,
                "--instance-type",
                json.dumps({"Value": new}),
            ),
            on_aws(recipe, "ec2", "start-instances", "--instance-ids", id_),
        ],
    )


def _template(recipe: Recipe) -> Commands:
    """The type as an override of the group's template, then machine by machine."""
    values, name = recipe.values, name_of(recipe)
    policy = {"LaunchTemplate": {"Overrides": [{"InstanceType": str(values["to"])}]}}
    units = values.get("units", 1)
    count = "" if units == 1 else f"; its least, most and wanted numbers times {units:g}"
    return (
        "Another type for new machines, and one round of them, outside a season; a group without a mixed policy needs"
        f" its launch template named{count}",
        f"the same with {one_line(str(values['from']))}",
        [
            on_aws(
                recipe,
                "autoscaling",
                "update-auto-scaling-group",
                "--auto-scaling-group-name",
                name,
                "--mixed-instances-policy",
                json.dumps(policy),
            ),
            on_aws(
                recipe,
                "autoscaling",
                "start-instance-refresh",
                "--auto-scaling-group-name",
                name,
                "--preferences",
                json.dumps({"MinHealthyPercentage": 90}),
            ),
        ],
    )


def _volume(recipe: Recipe) -> Commands:
    values = recipe.values
    throughput = ["--throughput", str(values["throughput_mibps"])] if "throughput_mibps" in values else []
    return (
        "Change the volume while it is in use",
        f"the same with --volume-type {values['from']} and what it had, six hours later",
        [
            on_aws(
                recipe,
                "ec2",
                "modify-volume",
                "--volume-id",
                short_id(recipe),
                "--volume-type",
                values["type"],
                "--iops",
                str(values["iops"]),
                *throughput,
            )
        ],
    )


def _retention(recipe: Recipe) -> Commands:
    return (
        "Keep logs for some days only",
        "delete-retention-policy",
        [
            on_aws(
                recipe,
                "logs",
                "put-retention-policy",
                "--log-group-name",
                log_group(recipe),
                "--retention-in-days",
                str(recipe.values["days"]),
            )
        ],
    )


def _spot(recipe: Recipe) -> Commands:
    values = recipe.values
    policy: dict[str, Any] = {
        "InstancesDistribution": {
            "OnDemandBaseCapacity": values["on_demand_base"],
            "OnDemandPercentageAboveBaseCapacity": 100 - values["spot_percentage"],
            "SpotAllocationStrategy": "price-capacity-optimized",
        },
        "LaunchTemplate": {"Overrides": [{"InstanceType": type_} for type_ in values["types"][:20]]},
    }
    days = ", ".join(f"{one_line(start)} until {one_line(end)}" for start, end in values["exam_windows"])
    exam = f"; set {100 - values['exam_percentage']} % on demand from {days}" if days else ""
    return (
        f"Mix Spot into the group{exam}",
        "OnDemandPercentageAboveBaseCapacity 100",
        [
            on_aws(
                recipe,
                "autoscaling",
                "update-auto-scaling-group",
                "--auto-scaling-group-name",
                name_of(recipe),
                "--mixed-instances-policy",
                json.dumps(policy),
            )
        ],
    )


_COMMANDS: Final = {
    "delete": _delete,
    "stop_and_snapshot": _stop,
    "schedule": _schedule,
    "scale": _scale,
    "resize": _resize,
    "resize_template": _template,
    "modernise": _resize,
    "change_volume": _volume,
    "storage_class": lifecycle,
    "abort_uploads": lifecycle,
    "expire": lifecycle,
    "empty_pool": empty_pool,
    "endpoint": endpoint,
    "arm": arm,
    "move_region": move_region,
    "retention": _retention,
    "spot_mix": _spot,
    "buy_plan": buy_plan,
    "return_plan": return_plan,
    "buy_reservation": buy_reservation,
    "set_tags": set_tags,
}


def operations(text: str) -> Iterable[list[str]]:
    """The commands of a script as words, for whoever checks them."""
    for line in text.splitlines():
        if line.startswith("aws "):
            yield shlex.split(line)
