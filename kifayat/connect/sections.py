"""The sections of `kifayat.toml` that go with the access."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kifayat.connect import data_export
from kifayat.connect.values import AwsAccess, GcpAccess


def aws(access: AwsAccess) -> str:
    """One connection, an export for each topic; without aws://exports the bills are read from their bucket."""
    connection: dict[str, Any] = {"name": access.name, "kind": "aws", "regions": access.regions}
    if not access.is_machine:
        connection["role_arn"] = access.role_arn
    if access.accounts:
        connection |= {"accounts": access.accounts, "role": access.role}
    if access.external_id and not (access.is_machine and not access.accounts):
        connection["external_id"] = {"env": "KIFAYAT_EXTERNAL_ID"}
    exports: list[dict[str, Any]] = [
        {"name": f"{access.name}-{topic}", "location": f"aws://{topic}", "connection": access.name}
        for topic in access.topics
    ]
    if "exports" not in access.topics:
        bills = {"name": f"{access.name}-bills", "location": data_export.location(access), "connection": access.name}
        exports.insert(0, bills)
    return _sections(connection, exports)


def gcp(access: GcpAccess) -> str:
    """One connection, an export for each topic and each place of bills."""
    connection: dict[str, Any] = {
        "name": access.name, "kind": "gcp", "billing_account": access.billing_account, "projects": access.asked,
    }  # fmt: skip
    if access.aws_role:
        connection["credentials_file"] = "google-access.json"  # it holds no key, only where a token is fetched
    elif access.impersonator:
        connection["impersonate"] = access.email
    places = {"bigquery": f"bigquery://{access.project}/{access.dataset}", "gs": f"gs://{access.bucket}"}
    exports = [
        {"name": f"{access.name}-{topic}", "location": places.get(topic, f"gcp://{topic}"), "connection": access.name}
        for topic in access.topics
        if topic != "gs" or access.bucket
    ]
    return _sections(connection, exports)


def _sections(connection: Mapping[str, Any], exports: list[dict[str, Any]]) -> str:
    parts = [("connections", connection), *(("exports", export) for export in exports)]
    return "\n".join(f"[[{name}]]\n{_pairs(section)}" for name, section in parts)


def _pairs(section: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in section.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)  # a text of JSON is one of TOML
