"""`kifayat connect aws|gcp`: what a cloud must be told before it may be read. Prints; creates and asks nothing."""

from __future__ import annotations

from typing import Annotated

import typer

connect = typer.Typer(
    name="connect",
    help="Print the policies, roles, Terraform and configuration that let a cloud be read.",
    no_args_is_help=True,
)

TopicsOption = Annotated[str, typer.Option("--topics", help="What is to be asked, by commas; default everything.")]
AsOption = Annotated[
    str,
    typer.Option("--as", help="What to print: the steps, or one artefact ready to apply; an unknown one lists them."),
]
NameOption = Annotated[str, typer.Option("--name", help="What the connection is to be called.")]


@connect.command()
def aws(
    account: Annotated[str, typer.Option("--account", help="The account that pays (12 digits).")],
    bucket: Annotated[str, typer.Option("--bucket", help="The bucket of the bills; it is made.")],
    form: AsOption = "steps",
    topics: TopicsOption = "",
    name: NameOption = "aws",
    region: Annotated[str, typer.Option("--region", help="Where the bucket is.")] = "ap-south-1",
    prefix: Annotated[str, typer.Option("--prefix", help="Folder of the bills in the bucket.")] = "kifayat",
    export: Annotated[str, typer.Option("--export", help="Name of the data export.")] = "kifayat",
    role: Annotated[
        str, typer.Option("--role", help="Name of the reading role, the same everywhere.")
    ] = "kifayat-read",
    trust: Annotated[
        str, typer.Option("--trust", help="Who may take it: ec2, eks, an account or a role's ARN; default the account.")
    ] = "",
    external_id: Annotated[str, typer.Option("--external-id", help="What whoever takes the role must know.")] = "",
    accounts: Annotated[str, typer.Option("--accounts", help="Other accounts that are asked, by commas.")] = "",
    regions: Annotated[
        str, typer.Option("--regions", help="Regions that are asked, by commas.")
    ] = "ap-south-1,ap-southeast-1",
    kms_key: Annotated[str, typer.Option("--kms-key", help="ARN of the key of the bucket, if it has its own.")] = "",
) -> None:
    """What AWS needs: export, bucket, roles. The steps, or one artefact (--as).

    Example: kifayat connect aws --account 111122223333 --bucket pragati-bills
    Example: kifayat connect aws --account 111122223333 --bucket pragati-bills --as terraform > kifayat.tf
    """
    from core import Registry
    from kifayat.connect import AWS
    from kifayat.connect.values import AwsAccess, aws_topics, chosen, split

    access = AwsAccess(
        account, bucket, name, region, prefix, export, role, trust, external_id, split(accounts), split(regions),
        kms_key, chosen(topics, aws_topics(), "topic of aws://"),
    )  # fmt: skip
    typer.echo(Registry("artefact", AWS.items())[form](access), nl=False)


@connect.command()
def gcp(
    project: Annotated[str, typer.Option("--project", help="The project that holds the data set of the bills.")],
    billing_account: Annotated[str, typer.Option("--billing-account", help="As 012345-6789AB-CDEF01.")],
    form: AsOption = "steps",
    topics: TopicsOption = "",
    name: NameOption = "google",
    projects: Annotated[str, typer.Option("--projects", help="Projects that are asked, by commas.")] = "",
    organization: Annotated[str, typer.Option("--organization", help="Its number, if roles may be made in it.")] = "",
    dataset: Annotated[
        str, typer.Option("--dataset", help="The data set of the bills; it is made.")
    ] = "billing_export",
    location: Annotated[str, typer.Option("--location", help="Where the data set is.")] = "asia-south1",
    service_account: Annotated[
        str, typer.Option("--service-account", help="The account that reads; it is made.")
    ] = "kifayat-read",
    impersonator: Annotated[
        str, typer.Option("--impersonator", help="Who may act as it: user:…, group:… or serviceAccount:….")
    ] = "",
    aws_role: Annotated[
        str, typer.Option("--aws-role", help="A role of AWS that acts as it, as 111122223333:kifayat-read.")
    ] = "",
    bucket: Annotated[str, typer.Option("--bucket", help="A bucket with files of bills, if there is one.")] = "",
) -> None:
    """What Google Cloud needs: data set, service account, roles, workload identity. The steps, or one artefact (--as).

    Example: kifayat connect gcp --project pragati-billing --billing-account 012345-6789AB-CDEF01
    Example: kifayat connect gcp --project pragati-billing --billing-account 012345-6789AB-CDEF01 --as gcloud
    """
    from core import Registry
    from kifayat.connect import GCP
    from kifayat.connect.values import GcpAccess, chosen, gcp_topics, split

    known = [topic for topic in gcp_topics() if bucket or topic != "gs"]
    access = GcpAccess(
        project, billing_account, name, split(projects), organization, dataset, location, service_account,
        impersonator, aws_role, bucket, chosen(topics, known, "topic of gcp://"),
    )  # fmt: skip
    typer.echo(Registry("artefact", GCP.items())[form](access), nl=False)
