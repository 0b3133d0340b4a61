"""Terraform for Google Cloud: the same as the commands, as one file."""

from __future__ import annotations

from kifayat.connect.gcp_commands import CONSOLE, POOL, PROVIDER, condition, session_of
from kifayat.connect.gcp_roles import BILLING_VIEWER, Role, Scope, roles
from kifayat.connect.hcl import Nested, Ref, block
from kifayat.connect.values import GcpAccess

_MEMBER = Ref("google_service_account.reader.member")
_SERVICES = [Ref("google_project_service.needed")]  # nothing is made in a project before they are on


def render(access: GcpAccess) -> str:
    """Services, data set, service account, custom roles, bindings, workload identity."""
    needed = roles(access)
    parts = [
        block("terraform", required_providers=Nested({"google": {"source": "hashicorp/google", "version": ">= 5.0"}})),
        block("provider", "google", project=access.project),
        block("locals", asked=list(access.asked), services=list(access.apis)),
        block("resource", "google_project_service", "needed", for_each=Ref("toset(local.services)"),
              service=Ref("each.value"), disable_on_destroy=False),
        block("resource", "google_bigquery_dataset", "bills", dataset_id=access.dataset, location=access.location,
              description="The billing export, read by Kifayat", delete_contents_on_destroy=False,
              lifecycle=Nested({"prevent_destroy": True, "ignore_changes": [Ref("access")]}), depends_on=_SERVICES),
        block("resource", "google_service_account", "reader", account_id=access.service_account,
              display_name="Kifayat reads bills, metrics and inventory", depends_on=_SERVICES),
    ]  # fmt: skip
    for scope, role in needed.items():
        parts += _granted(access, scope, role)
    parts += _identity(access)
    ending = [*CONSOLE, f"project {access.project}, data set {access.dataset}."]
    return "\n".join(parts) + "".join(f"# {line}\n" for line in ending)


def _granted(access: GcpAccess, scope: Scope, role: Role) -> list[str]:
    each = {"for_each": Ref("toset(local.asked)")} if scope == "projects" else {}
    project = Ref("each.value") if each else access.project
    made = {"role_id": role.id, "title": role.title, "permissions": list(role.permissions)}
    if access.organization:
        kind, index = "google_organization_iam_custom_role", ""
        own = [block("resource", kind, scope, org_id=access.organization, **made)]
    else:
        kind, index = "google_project_iam_custom_role", "[each.value]" if each else ""
        own = [block("resource", kind, scope, **each, project=project, **made, depends_on=_SERVICES)]
    name = Ref(f"{kind}.{scope}{index}.id")
    if scope == "dataset":
        return [*own, block("resource", "google_bigquery_dataset_iam_member", scope, role=name, member=_MEMBER,
                            dataset_id=Ref("google_bigquery_dataset.bills.dataset_id"))]  # fmt: skip
    if scope == "bucket":
        return [*own, block("resource", "google_storage_bucket_iam_member", scope, bucket=access.bucket, role=name,
                            member=_MEMBER)]  # fmt: skip
    if scope == "billing":
        viewer = name if access.organization else BILLING_VIEWER
        grant = block("resource", "google_billing_account_iam_member", scope, role=viewer, member=_MEMBER,
                      billing_account_id=access.billing_account)  # fmt: skip
        return [*own, grant] if access.organization else [grant]
    return [*own, block("resource", "google_project_iam_member", scope, **each, project=project, role=name,
                        member=_MEMBER)]  # fmt: skip


def _identity(access: GcpAccess) -> list[str]:
    reader = Ref("google_service_account.reader.name")
    found = []
    if access.impersonator:
        found.append(
            block("resource", "google_service_account_iam_member", "impersonator", service_account_id=reader,
                  role="roles/iam.serviceAccountTokenCreator", member=access.impersonator)
        )  # fmt: skip
    if access.aws_role:
        account, _, role = access.aws_role.partition(":")
        pool = Ref("google_iam_workload_identity_pool.kifayat.workload_identity_pool_id")
        found += [
            block("locals", aws_role=session_of(account, role)),
            block("resource", "google_iam_workload_identity_pool", "kifayat", workload_identity_pool_id=POOL,
                  depends_on=_SERVICES),
            block("resource", "google_iam_workload_identity_pool_provider", "aws", workload_identity_pool_id=pool,
                  workload_identity_pool_provider_id=PROVIDER, attribute_condition=condition(account, role),
                  aws=Nested({"account_id": account})),
            block("resource", "google_service_account_iam_member", "aws", service_account_id=reader,
                  role="roles/iam.workloadIdentityUser",
                  member=Ref('"principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.kifayat.name}'
                             '/attribute.aws_role/${local.aws_role}"')),
        ]  # fmt: skip
    return found
