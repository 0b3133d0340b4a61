"""Rules of a bucket's lifecycle from the verbs storage_class, abort_uploads and expire. No format by itself."""

from __future__ import annotations

import json
from typing import Any

from recommender.action import Recipe
from recommender.artefacts._texts import Commands, on_aws, short_id


def rule_of(recipe: Recipe) -> dict[str, Any]:
    """One rule as the API of S3 takes it."""
    values = recipe.values
    rule: dict[str, Any] = {
        "ID": f"kifayat-{recipe.verb.replace('_', '-')}", "Status": "Enabled",
        "Filter": {"Prefix": values.get("prefix", "")},
    }  # fmt: skip
    if recipe.verb == "storage_class":
        rule["Transitions"] = [{"Days": step["days"], "StorageClass": step["to"]} for step in values["steps"]]
    elif recipe.verb == "abort_uploads":
        rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": values["days"]}
    else:
        rule["Expiration"] = {"Days": values["days"]}
    return rule


def lifecycle(recipe: Recipe) -> Commands:
    """One command, which replaces all rules of the bucket."""
    what = {
        "storage_class": "Move objects to colder classes by age", "abort_uploads": "End uploads that nobody ended",
        "expire": "Delete objects by age; end the export at its source too",
    }[recipe.verb]  # fmt: skip
    words = ("--bucket", short_id(recipe), "--lifecycle-configuration", json.dumps({"Rules": [rule_of(recipe)]}))
    return (
        f"{what}; this replaces the bucket's lifecycle rules: add those of get-bucket-lifecycle-configuration",
        "the rules that were there, or delete-bucket-lifecycle",
        [on_aws(recipe, "s3api", "put-bucket-lifecycle-configuration", *words)],
    )
