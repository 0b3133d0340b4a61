"""Purchases as commands of the AWS CLI: find the offering, then buy it. No format by itself."""

from __future__ import annotations

from recommender.action import Recipe
from recommender.artefacts._texts import Commands, on_aws


def buy_plan(recipe: Recipe) -> Commands:
    values = recipe.values
    kinds = {"Compute": "Compute", "EC2Instance": "EC2Instance", "Database": "Database"}
    filters = [f"name=region,values={recipe.target.get('region') or 'ap-south-1'}"] if values.get("family") else []
    if values.get("family"):
        filters.append(f"name=instanceFamily,values={values['family']}")
    seconds = str(int(values["term_years"]) * 31536000)
    find = [
        "aws",
        "savingsplans",
        "describe-savings-plans-offerings",
        "--plan-types",
        kinds[values["plan_type"]],
        "--durations",
        seconds,
        "--payment-options",
        values["payment"],
        "--currencies",
        "USD",
        *(["--filters", *filters] if filters else []),
    ]
    buy = [
        "aws",
        "savingsplans",
        "create-savings-plan",
        "--savings-plan-offering-id",
        "OFFERING_ID",
        "--commitment",
        str(values["hourly_usd"]),
        # a day to come: AWS queues it
        *(["--purchase-time", values["starts_at"]] if values.get("starts_at") else []),
    ]
    return (
        "Find the offering, then buy with its id in place of OFFERING_ID",
        "return it within 7 days and in the same month",
        [find, buy],
    )


def return_plan(recipe: Recipe) -> Commands:
    words = ["aws", "savingsplans", "return-savings-plan", "--savings-plan-id", recipe.target["id"].rpartition("/")[2]]
    return "Return the Savings Plan", "none: buy it again", [words]


def buy_reservation(recipe: Recipe) -> Commands:
    values = recipe.values
    duration = str(int(values["term_years"]) * 31536000)
    if values["product"] == "rds":
        find = on_aws(
            recipe,
            "rds",
            "describe-reserved-db-instances-offerings",
            "--db-instance-class",
            values["type"],
            *(["--product-description", values["engine"]] if values.get("engine") else []),
            "--duration",
            duration,
            "--offering-type",
            values["payment"],
        )
        buy = on_aws(
            recipe,
            "rds",
            "purchase-reserved-db-instances-offering",
            "--reserved-db-instances-offering-id",
            "OFFERING_ID",
            "--db-instance-count",
            str(values["count"]),
        )
    else:
        find = on_aws(
            recipe,
            "elasticache",
            "describe-reserved-cache-nodes-offerings",
            "--cache-node-type",
            values["type"],
            "--duration",
            duration,
            "--offering-type",
            values["payment"],
        )
        buy = on_aws(
            recipe,
            "elasticache",
            "purchase-reserved-cache-nodes-offering",
            "--reserved-cache-nodes-offering-id",
            "OFFERING_ID",
            "--cache-node-count",
            str(values["count"]),
        )
    return (
        "Find the offering, then buy with its id in place of OFFERING_ID",
        "none: a reservation cannot be returned",
        [find, buy],
    )
