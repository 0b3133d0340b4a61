"""Which permission of Google Cloud is granted where: no wider than the thing that holds what is read.

Source of the limits: IAM, "Creating and managing custom roles": a role of a project can be granted only in it, and
permissions of billing accounts and organisations belong to a role of the organisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from kifayat.connect.values import GcpAccess

Scope = Literal["host", "dataset", "bucket", "billing", "projects"]
#: Work that is billed to, and queries that run in, the project of the service account.
_HOST: Final = ("bigquery.jobs.", "bigquery.readsessions.", "serviceusage.")
_WHERE: Final[tuple[tuple[Scope, str], ...]] = (
    *(("host", prefix) for prefix in _HOST), ("dataset", "bigquery."), ("bucket", "storage."), ("billing", "billing."),
)  # fmt: skip
#: The predefined role of billing accounts, where there is no organisation to hold one of our own.
BILLING_VIEWER: Final = "roles/billing.viewer"


@dataclass(frozen=True)
class Role:
    """A custom role: its id, what it may, and for what."""

    id: str
    title: str
    permissions: tuple[str, ...]


_TITLES: Final[dict[Scope, tuple[str, str]]] = {
    "host": ("kifayatHost", "Kifayat: run queries"),
    "dataset": ("kifayatBills", "Kifayat: read the data set of the bills"),
    "bucket": ("kifayatFiles", "Kifayat: read files of bills"),
    "billing": ("kifayatBilling", "Kifayat: read the billing account"),
    "projects": ("kifayatProjects", "Kifayat: read metrics, inventory and advice"),
}


def scope_of(permission: str) -> Scope:
    """Where a permission is granted."""
    return next((scope for scope, prefix in _WHERE if permission.startswith(prefix)), "projects")


def roles(access: GcpAccess) -> dict[Scope, Role]:
    """The custom roles that the topics need; those of a bucket only if there is one."""
    found: dict[Scope, list[str]] = {}
    for permission in access.permissions:
        found.setdefault(scope_of(permission), []).append(permission)
    if not access.bucket:
        found.pop("bucket", None)
    return {scope: Role(*_TITLES[scope], tuple(found[scope])) for scope in _TITLES if scope in found}


def role_name(access: GcpAccess, role: Role, project: str) -> str:
    """The full name of a role: of the organisation if there is one, else of the project."""
    parent = f"organizations/{access.organization}" if access.organization else f"projects/{project}"
    return f"{parent}/roles/{role.id}"
