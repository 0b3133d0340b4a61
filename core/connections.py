"""Sections of `kifayat.toml` about the clouds that are asked: whose credentials, which accounts, where, how much.

No secret stands here: credentials come from a profile, a role, a file or the machine itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from core.sections import Section, TagKeys
from core.service_sections import SecretConfig, beside

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _address(value: str) -> str:
    """An endpoint: https, or http on this machine. Raises ValueError, which never repeats what may hold a password."""
    try:
        parts = urlsplit(value)
        good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        _ = parts.port
    except ValueError:
        good, parts = False, urlsplit("")
    if not good or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("an endpoint is https://host[:port]; http only on this machine, and never with a password")
    return value.rstrip("/")


Endpoint = Annotated[str, AfterValidator(_address)]
Account = Annotated[str, Field(pattern=r"^\d{12}$")]
_REGION = re.compile(r"[a-z]+(-[a-z]+)+-?\d+|global", re.ASCII)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)


class ConnectionConfig(Section):
    """Access to one cloud, shared by the exports that name it (`connection`).

    aws: credentials are the `profile`'s (SSO too) or the machine's own; `role_arn` is assumed with them; each of
    `accounts` is read through its role called `role`. gcp: `credentials_file`, else the machine's own; they act as
    `impersonate`; `projects` are asked. `regions`: what is asked of aws, and whose prices of gcp.

    `endpoints`: service -> address, for VPC endpoints; "*" is every service. Limits hold for one pull of one export:
    `max_requests`, and for BigQuery `max_gib_billed` of a query. `requests_per_second` for each service.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    kind: Literal["aws", "gcp"]

    profile: str | None = None
    role_arn: str | None = None
    external_id: SecretConfig | None = None
    accounts: Annotated[tuple[Account, ...], Field()] = ()
    role: str | None = Field(default=None, pattern=r"^[\w+=,.@-]{1,64}$")
    regions: TagKeys = ()

    credentials_file: Path | None = None
    impersonate: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    billing_account: str | None = Field(default=None, pattern=r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$")
    projects: TagKeys = ()
    quota_project: str | None = None

    endpoints: dict[str, Endpoint] = Field(default={})
    max_requests: int = Field(default=20_000, ge=1)
    max_gib_billed: float = Field(default=100.0, gt=0)
    requests_per_second: float = Field(default=8.0, gt=0, le=100)

    @field_validator("regions")
    @classmethod
    def _are_regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [name for name in value if not _REGION.fullmatch(name)]:
            raise ValueError(f"{odd[0]!r} is no region: expected a name such as ap-south-1 or asia-south1")
        return value

    @field_validator("role_arn")
    @classmethod
    def _is_role(cls, value: str | None) -> str | None:
        if value is not None and not _ROLE.fullmatch(value):
            raise ValueError("it is no role: expected arn:aws:iam::<account>:role/<name>")
        return value

    @field_validator("credentials_file")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return None if value is None else beside(value, info)

    @model_validator(mode="after")
    def _of_one_cloud(self) -> Self:
        aws = ("profile", "role_arn", "external_id", "accounts", "role")
        gcp = ("credentials_file", "impersonate", "billing_account", "projects", "quota_project", "max_gib_billed")
        foreign = [key for key in (gcp if self.kind == "aws" else aws) if key in self.model_fields_set]
        if foreign:
            raise ValueError(f"{' and '.join(foreign)} has no meaning for kind = {self.kind!r}; take it out")
        if bool(self.accounts) != (self.role is not None):
            raise ValueError("accounts and role go together: role is the name of the role in each of accounts")
        if self.external_id is not None and self.role_arn is None and self.role is None:
            raise ValueError("external_id belongs to a role: write role_arn, or accounts and role")
        return self

    def endpoint(self, service: str) -> str | None:
        """The configured address of a service; None is the provider's own."""
        return self.endpoints.get(service, self.endpoints.get("*"))
