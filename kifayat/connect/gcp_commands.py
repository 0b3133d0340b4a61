"""Google Cloud by `gcloud` and `bq`: services, data set, service account, roles, and who may act as it. No keys.

The export itself is the one thing that only the console can switch on; the last lines say where.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from kifayat.connect.gcp_roles import BILLING_VIEWER, Role, role_name, roles
from kifayat.connect.values import GcpAccess

POOL, PROVIDER = "kifayat", "aws"
#: Where the export is switched on: there is no API for it.
CONSOLE: Final = (
    "Only the console can switch the export on: Billing > Billing export > BigQuery export, with the role",
    "Billing Account Administrator: Standard usage cost, Detailed usage cost and Pricing, each > Edit settings >",
)


def render(access: GcpAccess) -> str:
    """A script for a shell. Run twice, the lines that make something say that it is there already."""
    return "\n".join(_lines(access)) + "\n"


def _lines(access: GcpAccess) -> Iterator[str]:
    needed, member = roles(access), f"serviceAccount:{access.email}"
    yield "# Services: whose account asks needs them, not who is asked"
    yield _command("gcloud", "services", "enable", *access.apis, project=access.project)
    yield "# The data set of the bills, and the account that reads"
    yield _command("bq", f"--location={access.location}", "mk", "--dataset", f"{access.project}:{access.dataset}")
    yield _command("gcloud", "iam", "service-accounts", "create", access.service_account, project=access.project,
                   display_name="Kifayat reads bills, metrics and inventory")  # fmt: skip
    yield "# Roles: exactly what is asked"
    for scope, role in needed.items():
        if access.organization:
            yield _make(role, organization=access.organization)
        elif scope != "billing":
            for project in access.asked if scope == "projects" else (access.project,):
                yield _make(role, project=project)
    yield "# Who may what, where"
    for scope, role in needed.items():
        name = role_name(access, role, access.project)
        if scope == "host":
            yield _grant(("projects", access.project), member, name)
        elif scope == "projects":
            for project in access.asked:
                yield _grant(("projects", project), member, role_name(access, role, project))
        elif scope == "dataset":
            grant = f'GRANT `{name}` ON SCHEMA `{access.project}.{access.dataset}` TO "{member}"'
            yield _command("bq", f"--project_id={access.project}", "query", "--use_legacy_sql=false", grant)
        elif scope == "bucket":
            yield _grant(("storage", "buckets", f"gs://{access.bucket}"), member, name)
        else:
            own = name if access.organization else BILLING_VIEWER
            yield _grant(("billing", "accounts", access.billing_account), member, own)
    yield from _identity(access)
    yield from (f"# {line}" for line in CONSOLE)
    yield f"# project {access.project}, data set {access.dataset}. The first rows come within some hours."


def _identity(access: GcpAccess) -> Iterator[str]:
    """Who may act as the service account: a person or a machine, or a role of AWS by workload identity."""
    if access.impersonator:
        yield "# Who may act as the service account"
        yield _act_as(access, "roles/iam.serviceAccountTokenCreator", access.impersonator)
    if access.aws_role:
        account, _, role = access.aws_role.partition(":")
        yield "# A role of AWS acts as the service account, without a key"
        yield _command("gcloud", "iam", "workload-identity-pools", "create", POOL, location="global",
                       project=access.project)  # fmt: skip
        yield _command("gcloud", "iam", "workload-identity-pools", "providers", "create-aws", PROVIDER,
                       location="global", workload_identity_pool=POOL, account_id=account,
                       attribute_condition=condition(account, role), project=access.project)  # fmt: skip
        number, access_file = credentials_file(access)
        yield number
        pool = f"iam.googleapis.com/projects/$NUMBER/locations/global/workloadIdentityPools/{POOL}"
        session = f"{pool}/attribute.aws_role/{session_of(account, role)}"
        yield _act_as(access, "roles/iam.workloadIdentityUser", "") + f' --member="principalSet://{session}"'
        yield access_file


def credentials_file(access: GcpAccess) -> tuple[str, str]:
    """The two lines that make google-access.json for a role of AWS: where a token is fetched, and no key."""
    return (
        f"NUMBER=$(gcloud projects describe {shlex.quote(access.project)} --format='value(projectNumber)')",
        "gcloud iam workload-identity-pools create-cred-config"
        f' "projects/$NUMBER/locations/global/workloadIdentityPools/{POOL}/providers/{PROVIDER}"'
        f" --aws --enable-imdsv2 --service-account={access.email} --output-file=google-access.json",
    )


def condition(account: str, role: str) -> str:
    """Which role of AWS is let in: any session of it."""
    return f"assertion.arn.startsWith('{session_of(account, role)}/')"


def session_of(account: str, role: str) -> str:
    """A role as its sessions are called; Google's default mapping keeps it in attribute.aws_role."""
    return f"arn:aws:sts::{account}:assumed-role/{role}"


def _act_as(access: GcpAccess, role: str, member: str) -> str:
    more = {"member": member} if member else {}
    return _command("gcloud", "iam", "service-accounts", "add-iam-policy-binding", access.email, **more, role=role,
                    project=access.project)  # fmt: skip


def _make(role: Role, **parent: str) -> str:
    return _command("gcloud", "iam", "roles", "create", role.id, **parent, title=role.title,
                    permissions=",".join(role.permissions), stage="GA")  # fmt: skip


def _grant(where: tuple[str, ...], member: str, role: str) -> str:
    *kind, thing = where
    more = {"condition": "None"} if kind == ["projects"] else {}
    return _command("gcloud", *kind, "add-iam-policy-binding", thing, member=member, role=role, **more)


def _command(*words: str, **options: str) -> str:
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return " ".join(shlex.quote(word) for word in (*words, *flags))
