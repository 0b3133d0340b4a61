"""Commands of the AWS CLI that move work: to another region, another processor, a route that costs nothing, to none."""

from __future__ import annotations

from recommender.action import Recipe
from recommender.artefacts._texts import Commands, name_of, on_aws, one_line, short_id, slug

#: What only you know stands in such words.
VPC, ROUTES, BUILD = "YOUR-VPC-ID", "YOUR-ROUTE-TABLE-ID", "fileb://YOUR-ARM64-BUILD.zip"
IMAGE, COPY = "YOUR-IMAGE-ID", "YOUR-COPIED-IMAGE-ID"


def move_region(recipe: Recipe) -> Commands:
    """An image, its copy in the other region, and a machine of it there; the old one stays until then."""
    id_, values = short_id(recipe), recipe.values
    there = str(values["to_region"])
    home = recipe.target.get("region") or "ap-south-1"
    name = slug(f"move-{recipe.target.get('name') or id_}", 60)
    away = Recipe(recipe.verb, {**recipe.target, "region": there}, values)
    spot = ["--instance-market-options", "MarketType=spot"] if values.get("spot") else []
    return (
        f"Copy the machine to {one_line(there)}; terminate the old one when the new one is proven",
        f"terminate the copy: the machine in {one_line(home)} is untouched",
        [
            on_aws(recipe, "ec2", "create-image", "--instance-id", id_, "--name", name, "--no-reboot"),
            on_aws(away, "ec2", "copy-image", "--source-region", home, "--source-image-id", IMAGE, "--name", name),
            on_aws(away, "ec2", "run-instances", "--image-id", COPY, "--instance-type", str(values["type"]), *spot),
        ],
    )  # fmt: skip


def arm(recipe: Recipe) -> Commands:
    """A version for Arm beside the old one."""
    name = ("--function-name", short_id(recipe))
    return (
        "Publish the function's build for arm64; send a part of the traffic to it first",
        "publish the x86_64 build again",
        [on_aws(recipe, "lambda", "update-function-code", *name, "--architectures", str(recipe.values["architecture"]),
                "--zip-file", BUILD, "--publish")],
    )  # fmt: skip


def endpoint(recipe: Recipe) -> Commands:
    """A gateway endpoint for each service, in the routes that lead to the NAT gateway now."""
    region = recipe.target.get("region") or "ap-south-1"
    look = on_aws(recipe, "ec2", "describe-nat-gateways", "--nat-gateway-ids", short_id(recipe))
    make = [
        on_aws(recipe, "ec2", "create-vpc-endpoint", "--vpc-endpoint-type", "Gateway", "--vpc-id", VPC,
               "--service-name", f"com.amazonaws.{region}.{service}", "--route-table-ids", ROUTES)
        for service in recipe.values["services"]
    ]  # fmt: skip
    return "Gateway endpoints cost nothing; the first command names the VPC", "delete-vpc-endpoints", [look, *make]


def empty_pool(recipe: Recipe) -> Commands:
    """No node: of a node group of EKS, else of an auto-scaling group."""
    values = recipe.values
    if values.get("cluster"):
        words = ("eks", "update-nodegroup-config", "--cluster-name", one_line(values["cluster"]), "--nodegroup-name",
                 one_line(values["pool"]), "--scaling-config", '{"minSize": 0, "desiredSize": 0}')  # fmt: skip
    else:
        words = ("autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", name_of(recipe), "--min-size",
                 "0", "--desired-capacity", "0")  # fmt: skip
    return "Scale the pool to no node", "the same with its sizes of before", [on_aws(recipe, *words)]
