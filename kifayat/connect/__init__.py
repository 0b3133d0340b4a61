"""What a cloud must be told before Kifayat may read it: policies, roles, templates, commands, configuration.

Built from what the topics declare (`ACTIONS` of `ingest.aws.*`, `PERMISSIONS` and `APIS` of `ingest.gcp.*` and of
`ingest.locations.*`), so that nothing is granted that nothing asks for. Only texts: nothing is created or asked here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kifayat.connect import aws_stacks, aws_terraform, gcp_commands, gcp_terraform, guide, sections
from kifayat.connect.aws_policies import (
    as_json,
    bucket_policy,
    member_policy,
    member_trust,
    reading_policy,
    reading_trust,
)
from kifayat.connect.values import AwsAccess, GcpAccess

AWS: Final[dict[str, Callable[[AwsAccess], str]]] = {
    "steps": guide.aws,
    "policy": lambda access: as_json(reading_policy(access)),
    "trust": lambda access: as_json(reading_trust(access)),
    "bucket-policy": lambda access: as_json(bucket_policy(access)),
    "member-policy": lambda access: as_json(member_policy(access)),
    "member-trust": lambda access: as_json(member_trust(access)),
    "cloudformation": aws_stacks.reading,
    "cloudformation-export": aws_stacks.export,
    "cloudformation-member": aws_stacks.member,
    "terraform": aws_terraform.reading,
    "terraform-member": aws_terraform.member,
    "config": sections.aws,
}
GCP: Final[dict[str, Callable[[GcpAccess], str]]] = {
    "steps": guide.gcp,
    "gcloud": gcp_commands.render,
    "terraform": gcp_terraform.render,
    "config": sections.gcp,
}
