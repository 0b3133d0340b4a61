"""Commands of Google's gcloud. Every argument is quoted for a POSIX shell."""

from __future__ import annotations

import json
import re
import shlex
from typing import Final

from recommender.action import Recipe
from recommender.artefacts._texts import Commands, comment, cron_of, one_line, pauses, seasons, short_id, slug

TITLE = "gcloud"
SUFFIX = ".sh"
_ANY: Final = ("*",)
#: Series whose commitments are not called "general-purpose-" and the series.
_COMMITMENT_TYPES: Final = {
    "n1": "general-purpose", "c2": "compute-optimized", "c2d": "compute-optimized-c2d",
    "c3": "compute-optimized-c3", "c3d": "compute-optimized-c3d", "g2": "graphics-optimized",
}  # fmt: skip
VERBS: Final = {
    "delete": {"gcp": ("machine", "database", "disk", "snapshot", "address")},
    "empty_pool": {"gcp": ("node_pool",)},
    "endpoint": {"gcp": ("nat",)},
    "move_region": {"gcp": ("machine",)},
    "stop_and_snapshot": {"gcp": ("machine", "database")},
    "schedule": {"gcp": ("machine", "database", "node_pool")},
    "resize": {"gcp": ("machine", "database")},
    "modernise": {"gcp": ("machine",)},
    "buy_cud": {"gcp": _ANY},
}


def render(recipe: Recipe) -> str:
    """A shell script, one command a line."""
    what, back, commands = _commands(recipe)
    by_hand = pauses(recipe, "Pause it") if recipe.verb == "schedule" else ""
    return comment(recipe, what, back) + by_hand + "set -eu\n" + "".join(f"{shlex.join(words)}\n" for words in commands)


def _scheduler_jobs(recipe: Recipe, project: list[str]) -> Commands:
    """Cloud Scheduler calls the API of a database or a node pool: nodes go with the pods, or nothing is saved."""
    target, values, id_ = recipe.target, recipe.values, short_id(recipe)
    if target["kind"] == "database":
        url = f"https://sqladmin.googleapis.com/v1/projects/{project[1]}/instances/{id_}"
        method = "PATCH"
        up, down = ({"settings": {"activationPolicy": policy}} for policy in ("ALWAYS", "NEVER"))
        bodies: dict[str, object] = {"up": up, "down": down}
        what = "Start and stop the instance by the clock"
    else:
        url = f"https://container.googleapis.com/v1/{pool_path(recipe, project[1])}:setSize"
        method = "POST"
        bodies = {"up": {"nodeCount": 1}, "down": {"nodeCount": 0}}
        what = "Remove the nodes with the pods; put your own count for the morning and turn the pool's autoscaler off"
    jobs = []
    for word, body in bodies.items():
        hour, minute, days = cron_of(values, word)
        jobs.append([
            "gcloud", "scheduler", "jobs", "create", "http", slug(f"kifayat-{word}-{target.get('name', id_)}", 60),
            "--location", target.get("region") or "asia-south1", *project,
            "--schedule", f"{minute} {hour} * * {days}", "--time-zone", values["timezone"],
            "--uri", url, "--http-method", method, "--message-body", json.dumps(body),
            "--oauth-service-account-email", f"scheduler@{project[1]}.iam.gserviceaccount.com",
        ])  # fmt: skip
    return what, "gcloud scheduler jobs delete both", jobs


def pool_path(recipe: Recipe, project: str) -> str:
    """A node pool as the API of Kubernetes Engine names it; what its id does not say is left to fill in."""
    where = place(recipe, "zones") or place(recipe, "locations") or recipe.target.get("region") or "asia-south1"
    cluster = place(recipe, "clusters") or "CLUSTER"
    return f"projects/{project}/locations/{where}/clusters/{cluster}/nodePools/{short_id(recipe)}"


def project_of(recipe: Recipe) -> str:
    """The target's project."""
    return place(recipe, "projects").replace("_", "") or recipe.target.get("account", "")


def place(recipe: Recipe, name: str) -> str:
    """What follows `/name/` in the target's id, else nothing."""
    found = re.search(rf"/{name}/([^/]+)", recipe.target["id"])
    return found[1] if found else ""


def _commands(recipe: Recipe) -> tuple[str, str, list[list[str]]]:
    target, values, kind = recipe.target, recipe.values, recipe.target["kind"]
    project = ["--project", project_of(recipe)]
    zone = ["--zone", place(recipe, "zones") or f"{target.get('region', 'asia-south1')}-a"]
    region = ["--region", target.get("region") or "asia-south1"]
    id_ = short_id(recipe)
    keep = slug(f"kifayat-{target.get('name', id_)}", 60)
    if recipe.verb == "buy_cud" and values["kind"] == "flexible":
        return (
            "Flexible commitments are bought in the console: Billing, Commitments",
            "none: it runs for its term",
            [["gcloud", "billing", "accounts", "list"]],
        )
    if recipe.verb == "buy_cud":
        resources = ",".join(
            part
            for part in (
                f"vcpu={values['vcpus']}" if "vcpus" in values else "",
                f"memory={values['memory_gib']}GB" if "memory_gib" in values else "",
            )
            if part
        )
        return (
            "Buy vCPU and memory of one series together",
            "none: it runs for its term",
            [
                [
                    "gcloud",
                    "compute",
                    "commitments",
                    "create",
                    keep,
                    *region,
                    "--plan",
                    f"{values['term_years'] * 12}-month",
                    "--type",
                    _COMMITMENT_TYPES.get(values["series"], f"general-purpose-{values['series']}"),
                    "--resources",
                    resources,
                ]
            ],
        )
    if recipe.verb == "schedule" and kind != "machine":
        return _scheduler_jobs(recipe, project)
    if kind == "database":
        sql = ["gcloud", "sql", "instances"]
        if recipe.verb == "delete":
            return (
                "Keep a backup, then delete the instance",
                "restore the backup into a new instance",
                [
                    ["gcloud", "sql", "backups", "create", "--instance", id_, *project],
                    [*sql, "delete", id_, "--quiet", *project],
                ],
            )
        if recipe.verb == "resize":
            return (
                "Change the tier; it restarts",
                f"the same with --tier {values['from']}",
                [[*sql, "patch", id_, "--tier", str(values["to"]), *project]],
            )
        return (
            "Keep a backup and stop the instance",
            f"gcloud sql instances patch {id_} --activation-policy ALWAYS",
            [
                ["gcloud", "sql", "backups", "create", "--instance", id_, *project],
                [*sql, "patch", id_, "--activation-policy", "NEVER", *project],
            ],
        )
    compute = ["gcloud", "compute"]
    if recipe.verb == "empty_pool":
        pool = [values["cluster"] or "YOUR-CLUSTER", "--node-pool", values["pool"], "--num-nodes", "0", "--quiet"]
        resize = ["gcloud", "container", "clusters", "resize", *map(one_line, pool), *zone, *project]
        return "Scale the node pool to no node", "the same with its number of before", [resize]
    if recipe.verb == "endpoint":
        subnet = [*compute, "networks", "subnets", "update", "YOUR-SUBNET", "--enable-private-ip-google-access"]
        return (
            "Machines reach Google's services without the NAT gateway, at no cost; for each subnet behind it",
            "the same with --no-enable-private-ip-google-access",
            [[*compute, "networks", "subnets", "list", *project], [*subnet, *region, *project]],
        )
    if recipe.verb == "move_region":
        image = [
            *compute,
            "machine-images",
            "create",
            keep,
            "--source-instance",
            id_,
            "--source-instance-zone",
            zone[1],
        ]
        away = ["--zone", f"{values['to_region']}-a", "--machine-type", str(values["type"])]
        create = [*compute, "instances", "create", keep, "--source-machine-image", keep, *away]
        return (
            f"Copy the machine to {one_line(values['to_region'])}; delete the old one when the new one is proven",
            "delete the copy: the old machine is untouched",
            [
                [*image, *project],
                [*create, *(["--provisioning-model", "SPOT"] if values.get("spot") else []), *project],
            ],
        )
    if recipe.verb == "schedule":
        up, down = cron_of(values, "up"), cron_of(values, "down")
        policy = [
            *compute,
            "resource-policies",
            "create",
            "instance-schedule",
            keep,
            *region,
            *project,
            "--timezone",
            values["timezone"],
            "--vm-start-schedule",
            f"{up[1]} {up[0]} * * {up[2]}",
            "--vm-stop-schedule",
            f"{down[1]} {down[0]} * * {down[2]}",
        ]
        add = [*compute, "instances", "add-resource-policies", id_, "--resource-policies", keep, *zone, *project]
        return "A machine has one schedule; it may lag up to 15 minutes", "remove-resource-policies", [policy, add]
    if recipe.verb in ("resize", "modernise"):
        return (
            "Stop the machine, change its type, start it" + seasons(recipe),
            f"the same with {values['from']}",
            [
                [*compute, "instances", "stop", id_, *zone, *project],
                [*compute, "instances", "set-machine-type", id_, "--machine-type", str(values["to"]), *zone, *project],
                [*compute, "instances", "start", id_, *zone, *project],
            ],
        )
    if recipe.verb == "stop_and_snapshot":
        return (
            "Keep an image and stop the machine",
            "gcloud compute instances start",
            [
                [
                    *compute,
                    "machine-images",
                    "create",
                    keep,
                    "--source-instance",
                    id_,
                    "--source-instance-zone",
                    zone[1],
                    *project,
                ],
                [*compute, "instances", "stop", id_, *zone, *project],
            ],
        )
    if kind == "machine":
        return (
            "Keep an image, then delete the machine",
            "create it again from the image",
            [
                [
                    *compute,
                    "machine-images",
                    "create",
                    keep,
                    "--source-instance",
                    id_,
                    "--source-instance-zone",
                    zone[1],
                    *project,
                ],
                [*compute, "instances", "delete", id_, "--quiet", *zone, *project],
            ],
        )
    if kind == "disk":
        return (
            "Keep a snapshot, then delete the disk",
            "create it again from the snapshot",
            [
                [*compute, "snapshots", "create", keep, "--source-disk", id_, "--source-disk-zone", zone[1], *project],
                [*compute, "disks", "delete", id_, "--quiet", *zone, *project],
            ],
        )
    if kind == "snapshot":
        return "Delete the snapshot", "none", [[*compute, "snapshots", "delete", id_, "--quiet", *project]]
    return (
        "Release the address",
        "reserve another",
        [[*compute, "addresses", "delete", id_, "--quiet", *region, *project]],
    )
