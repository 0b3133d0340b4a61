"""What `connect gcp` prints is read by the shell and by Terraform, and grants each permission where it belongs."""

from __future__ import annotations

import io
import re
import shlex
from typing import Any

import hcl2
import pytest
from typer.testing import CliRunner

from core import WrongUsage, load_config
from kifayat.cli import cli
from kifayat.connect import GCP
from kifayat.connect.gcp_commands import credentials_file
from kifayat.connect.gcp_roles import BILLING_VIEWER, roles, scope_of
from kifayat.connect.values import GcpAccess, gcp_topics

HOSTILE = ("x\"; rm -rf'", "$(id)", "${var.a}", "a\nb", "../../etc", "<script>", "%{if}", "x' or '1")
PERMISSION = r"[a-z]+(\.[a-zA-Z]+)+"


class Everything(GcpAccess):
    """As if topics asked all of this."""

    @property
    def permissions(self) -> tuple[str, ...]:
        return (
            "bigquery.jobs.create", "bigquery.tables.getData", "billing.accounts.get", "cloudasset.assets.listResource",
            "monitoring.timeSeries.list", "storage.objects.get",
        )  # fmt: skip

    @property
    def apis(self) -> tuple[str, ...]:
        return ("bigquery.googleapis.com", "monitoring.googleapis.com")


def everything(**values: Any) -> GcpAccess:
    given = {"project": "pragati-billing", "billing_account": "012345-6789AB-CDEF01",
             "projects": ("pragati-prod", "pragati-data"), "bucket": "pragati-gcp-bills"} | values  # fmt: skip
    return Everything(**given)


def commands(access: GcpAccess) -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in GCP["gcloud"](access).splitlines() if line[:1] != "#"]


def granted(access: GcpAccess) -> set[tuple[str, str]]:
    """(what, role) of the bindings that the commands make."""
    found = set()
    for words in commands(access):
        if "add-iam-policy-binding" in words and "service-accounts" not in words:
            at = words.index("add-iam-policy-binding")
            found.add((words[at + 1], next(word[7:] for word in words if word.startswith("--role="))))
        if "query" in words:
            role, where = re.fullmatch(r'GRANT `(.+)` ON SCHEMA `(.+)` TO "serviceAccount:.+"', words[-1]).groups()
            found.add((where, role))
    return found


def test_every_topic_declares_permissions_and_services_by_their_names():
    for name, needs in gcp_topics().items():
        assert all(re.fullmatch(PERMISSION, one) for one in needs.permissions), name
        assert all(re.fullmatch(r"[a-z-]+\.googleapis\.com", one) for one in needs.apis), name


def test_each_permission_is_granted_on_the_thing_that_holds_what_is_read():
    assert {one: scope_of(one) for one in everything().permissions} == {
        "bigquery.jobs.create": "host", "bigquery.tables.getData": "dataset", "billing.accounts.get": "billing",
        "cloudasset.assets.listResource": "projects", "monitoring.timeSeries.list": "projects",
        "storage.objects.get": "bucket",
    }  # fmt: skip
    home = "projects/pragati-billing/roles"
    assert granted(everything()) == {
        ("pragati-billing", f"{home}/kifayatHost"),
        ("pragati-billing.billing_export", f"{home}/kifayatBills"),
        ("gs://pragati-gcp-bills", f"{home}/kifayatFiles"),
        ("pragati-prod", "projects/pragati-prod/roles/kifayatProjects"),
        ("pragati-data", "projects/pragati-data/roles/kifayatProjects"),
        ("012345-6789AB-CDEF01", BILLING_VIEWER),
    }


def test_an_organisation_holds_the_roles_and_so_the_billing_account_has_one_of_its_own():
    found = granted(everything(organization="123456789012"))
    assert all(role.startswith("organizations/123456789012/roles/kifayat") for _, role in found)
    assert ("012345-6789AB-CDEF01", "organizations/123456789012/roles/kifayatBilling") in found


def test_without_a_bucket_nothing_may_read_files():
    assert "bucket" not in roles(everything(bucket=""))
    assert not any("storage" in " ".join(words) for words in commands(everything(bucket="")))


def test_roles_hold_exactly_the_permissions():
    made = [words for words in commands(everything(organization="123456789012")) if "create" in words[:4]]
    held = {
        one for words in made for word in words if word.startswith("--permissions=") for one in word[14:].split(",")
    }
    assert held == set(everything().permissions)


@pytest.mark.parametrize("more", [{}, {"organization": "123456789012"}, {"aws_role": "111122223333:kifayat-read"},
                                  {"impersonator": "user:asha@example.in"}])  # fmt: skip
def test_terraform_grants_the_same_roles(more):
    text = GCP["terraform"](everything(**more))
    found = hcl2.load(io.StringIO(text))
    kinds = [kind.strip('"') for resource in found["resource"] for kind in resource if not kind.startswith("__")]
    assert kinds.count("google_service_account_iam_member") == ("aws_role" in more) + ("impersonator" in more)
    assert ("google_iam_workload_identity_pool_provider" in kinds) == ("aws_role" in more)
    assert "google_service_account_key" not in text, "no keys"
    listed = {
        one for block in re.findall(r"permissions = (\[[^\]]*\])", text) for one in re.findall(r'"([\w.]+)"', block)
    }
    own = {"billing.accounts.get"} if "organization" not in more else set()
    assert listed == set(everything().permissions) - own
    members = [kind for kind in kinds if kind.endswith("_iam_member") and "service_account" not in kind]
    assert sorted(members) == [
        "google_bigquery_dataset_iam_member", "google_billing_account_iam_member", "google_project_iam_member",
        "google_project_iam_member", "google_storage_bucket_iam_member",
    ]  # fmt: skip


def test_terraform_switches_the_services_on_before_it_makes_anything_in_the_project():
    text = GCP["terraform"](everything(aws_role="111122223333:kifayat-read"))
    blocks = re.split(r"\n(?=resource )", text)
    made = [one for one in blocks if re.search(r'"google_(bigquery_dataset|service_account|project_iam_custom_role|iam_'
                                               r'workload_identity_pool)"', one)]  # fmt: skip
    assert len(made) >= 6
    assert all("depends_on" in one and "[google_project_service.needed]" in one for one in made)
    real = GcpAccess(project="pragati-billing", billing_account="012345-6789AB-CDEF01")
    assert {"cloudresourcemanager.googleapis.com", "iam.googleapis.com"} <= set(real.apis), "bindings are made by it"


def test_a_role_of_aws_is_let_in_without_a_key_and_no_other_role_is():
    lines = commands(everything(aws_role="111122223333:kifayat-read"))
    (provider,) = [words for words in lines if "create-aws" in words]
    assert "--attribute-condition=assertion.arn.startsWith('arn:aws:sts::111122223333:assumed-role/kifayat-read/')" in (
        provider
    )
    (bound,) = [words for words in lines if "--role=roles/iam.workloadIdentityUser" in words]
    assert bound[-1].endswith("/attribute.aws_role/arn:aws:sts::111122223333:assumed-role/kifayat-read")


def test_it_is_told_that_only_the_console_switches_the_export_on():
    for form in ("steps", "gcloud", "terraform"):
        assert "Only the console" in GCP[form](everything())


def test_steps_say_how_the_file_that_the_configuration_names_is_made():
    lines = credentials_file(everything(aws_role="111122223333:a"))
    for form in ("steps", "gcloud"):
        assert all(line in GCP[form](everything(aws_role="111122223333:a")) for line in lines)
        assert lines[1] not in GCP[form](everything())


def test_the_configuration_is_one_that_is_taken(tmp_path):
    folder = '[storage]\ndirectory = "store"\n[[exports]]\nname = "files"\nlocation = "files"\n'
    for number, more in enumerate(({}, {"aws_role": "111122223333:a"}, {"impersonator": "user:asha@example.in"})):
        path = tmp_path / f"{number}.toml"
        path.write_text(folder + GCP["config"](everything(topics=tuple(gcp_topics()), **more)))
        config = load_config(path)
        assert config.connections[0].projects == ("pragati-prod", "pragati-data")
        assert (config.connections[0].credentials_file is not None) == ("aws_role" in more)
        assert (config.connections[0].impersonate is not None) == ("impersonator" in more)
        assert len(config.exports) == 1 + len(gcp_topics())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "option", ["project", "billing_account", "dataset", "location", "service_account", "impersonator", "aws_role",
               "organization", "bucket", "name"],
)  # fmt: skip
def test_what_is_no_name_is_refused_and_not_repeated(option, text):
    with pytest.raises(WrongUsage) as caught:
        everything(**{option: text})
    assert text not in str(caught.value)


def test_two_ways_of_acting_as_the_account_are_one_too_many():
    with pytest.raises(WrongUsage, match="not both"):
        everything(aws_role="111122223333:a", impersonator="user:asha@example.in")


def test_the_command_prints_each_artefact_and_names_the_nearest_to_an_unknown_one():
    words = ["connect", "gcp", "--project", "pragati-billing", "--billing-account", "012345-6789AB-CDEF01", "--as"]
    for form in GCP:
        assert "pragati-billing" in CliRunner().invoke(cli, [*words, form]).stdout
    assert "did you mean gcloud?" in str(CliRunner().invoke(cli, [*words, "gclud"]).exception)
