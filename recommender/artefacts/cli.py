"""Commands of the AWS CLI. Every argument is quoted for a POSIX shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import Any, Final

from recommender.action import Recipe
from recommender.artefacts._cli_buy import buy_plan, buy_reservation, return_plan
from recommender.artefacts._texts import (
    Commands,
    comment,
    cron_of,
    name_of,
    on_aws,
    one_line,
    short_id,
    slug,
)

TITLE = "AWS CLI"
SUFFIX = ".sh"
_ANY: Final = ("*",)
VERBS: Final = {
    "delete": {"aws": ("machine", "database", "disk", "snapshot", "address", "balancer", "nat", "log")},
    "stop_and_snapshot": {"aws": ("machine", "database")},
    "schedule": {"aws": ("group",)},
    "scale": {"aws": ("group",)},
    "resize": {"aws": ("machine", "database")},
    "modernise": {"aws": ("machine",)},
    "change_volume": {"aws": ("disk",)},
    "storage_class": {"aws": ("bucket",)},
    "retention": {"aws": ("log",)},
    "spot_mix": {"aws": ("group",)},
    "buy_plan": {"aws": _ANY},
    "buy_reservation": {"aws": _ANY},
    "return_plan": {"aws": _ANY},
    "set_tags": {"aws": _ANY},
}


def render(recipe: Recipe) -> str:
    """A shell script, one command a line."""
    what, back, commands = _COMMANDS[recipe.verb](recipe)
    return comment(recipe, what, back) + "set -eu\n" + "".join(f"{shlex.join(words)}\n" for words in commands)


def _delete(recipe: Recipe) -> Commands:
    kind, id_ = recipe.target["kind"], short_id(recipe)
    snapshot = slug(f"before-delete-{recipe.target.get('name', id_)}", 60)
    if kind == "machine":
        image = on_aws(recipe, "ec2", "create-image", "--instance-id", id_, "--name", snapshot)
        wait = on_aws(recipe, "ec2", "terminate-instances", "--instance-ids", id_)
        return "Keep an image, then terminate the machine", "launch it again from the image", [image, wait]
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
            [keep, on_aws(recipe, "ec2", "delete-volume", "--volume-id", id_)],
        )
    simple = {
        "snapshot": ("ec2", "delete-snapshot", "--snapshot-id", id_),
        "address": ("ec2", "release-address", "--allocation-id", id_),
        "balancer": ("elbv2", "delete-load-balancer", "--load-balancer-arn", recipe.target["id"]),
        "nat": ("ec2", "delete-nat-gateway", "--nat-gateway-id", id_),
        "log": ("logs", "delete-log-group", "--log-group-name", id_),
    }[kind]
    return f"Delete the {kind}", "none: what it held is gone", [on_aws(recipe, *simple)]


def _stop(recipe: Recipe) -> Commands:
    id_, again = short_id(recipe), recipe.values.get("start_again") or "the day it is needed"
    name = slug(f"stopped-{recipe.target.get('name', id_)}", 60)
    if recipe.target["kind"] == "database":
        return (
            f"Stop the database; AWS starts it again after 7 days, so run this every week until {again}",
            "start-db-instance",
            [
                on_aws(
                    recipe, "rds", "stop-db-instance", "--db-instance-identifier", id_, "--db-snapshot-identifier", name
                )
            ],
        )
    image = on_aws(recipe, "ec2", "create-image", "--instance-id", id_, "--name", name, "--no-reboot")
    stop = on_aws(recipe, "ec2", "stop-instances", "--instance-ids", id_)
    return f"Keep an image and stop the machine until {again}", "aws ec2 start-instances", [image, stop]


def _schedule(recipe: Recipe) -> Commands:
    """A scaling group sleeps by two scheduled actions; their times are told with their zone."""
    values, name = recipe.values, name_of(recipe)
    sizes = {"up": ("1", "1"), "down": ("0", "0")}
    actions = []
    for word in ("up", "down"):
        hour, minute, days = cron_of(values, word)
        least, wanted = sizes[word]
        actions.append(
            on_aws(
                recipe,
                "autoscaling",
                "put-scheduled-update-group-action",
                "--auto-scaling-group-name",
                name,
                "--scheduled-action-name",
                f"kifayat-{word}",
                "--recurrence",
                f"{minute} {hour} * * {days}",
                "--time-zone",
                values["timezone"],
                "--min-size",
                least,
                "--desired-capacity",
                wanted,
            )
        )
    return (
        "Let the group sleep outside its hours; put your own sizes for the morning",
        "delete both scheduled actions",
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
    return (
        "Stop the machine, change its type, start it",
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


def _volume(recipe: Recipe) -> Commands:
    values = recipe.values
    return (
        "Change the volume while it is in use",
        "the same with --volume-type gp2, six hours later",
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
                "--throughput",
                str(values["throughput_mibps"]),
            )
        ],
    )


def _storage(recipe: Recipe) -> Commands:
    rule = {
        "Rules": [
            {
                "ID": "kifayat-colder",
                "Status": "Enabled",
                "Filter": {"Prefix": recipe.values["prefix"]},
                "Transitions": [{"Days": recipe.values["after_days"], "StorageClass": recipe.values["to"]}],
            }
        ]
    }
    return (
        "Move objects to a colder class; this replaces the bucket's lifecycle rules",
        "delete-bucket-lifecycle",
        [
            on_aws(
                recipe,
                "s3api",
                "put-bucket-lifecycle-configuration",
                "--bucket",
                short_id(recipe),
                "--lifecycle-configuration",
                json.dumps(rule),
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
                short_id(recipe),
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
    exam = f"{100 - values['exam_percentage']} % on demand in {values['exam_windows']}"
    return (
        f"Mix Spot into the group; set {exam}",
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


def _tags(recipe: Recipe) -> Commands:
    tags = ",".join(f"{key}={value}" for key, value in recipe.values["tags"].items())
    return (
        "Say whose it is",
        "untag-resources",
        [
            on_aws(
                recipe,
                "resourcegroupstaggingapi",
                "tag-resources",
                "--resource-arn-list",
                recipe.target["id"],
                "--tags",
                tags,
            )
        ],
    )


_COMMANDS: Final = {
    "delete": _delete,
    "stop_and_snapshot": _stop,
    "schedule": _schedule,
    "scale": _scale,
    "resize": _resize,
    "modernise": _resize,
    "change_volume": _volume,
    "storage_class": _storage,
    "retention": _retention,
    "spot_mix": _spot,
    "buy_plan": buy_plan,
    "return_plan": return_plan,
    "buy_reservation": buy_reservation,
    "set_tags": _tags,
}


def operations(text: str) -> Iterable[list[str]]:
    """The commands of a script as words, for whoever checks them."""
    for line in text.splitlines():
        if line.startswith("aws "):
            yield shlex.split(line)
