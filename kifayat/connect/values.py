"""What is told to `kifayat connect`, checked before anything is made of it: whatever is no name is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from core import Registry, WrongUsage, discover_modules

_ACCOUNT: Final = r"\d{12}"
_REGION: Final = r"[a-z]{2}(-[a-z]+)+-\d"
_PROJECT: Final = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_EMAIL: Final = r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+\.[a-z]+"
_NAME: Final = r"[a-z0-9][a-z0-9_-]{0,40}"
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "name": (_NAME, "a name such as india"),
    "account": (_ACCOUNT, "the 12 digits of the account that pays"),
    "accounts": (_ACCOUNT, "12 digits each"),
    "bucket": (r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "the name of a bucket: a-z, 0-9 and -"),
    "prefix": (r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)*", "folders such as kifayat"),
    "export": (r"[A-Za-z0-9][A-Za-z0-9_-]{0,120}", "a name such as kifayat"),
    "role": (r"[A-Za-z0-9_+=,.@-]{1,64}", "the name of a role"),
    "region": (_REGION, "a region such as ap-south-1"),
    "regions": (_REGION, "regions such as ap-south-1"),
    "trust": (
        rf"ec2|eks|{_ACCOUNT}|arn:aws:iam::{_ACCOUNT}:role/[A-Za-z0-9_+=,.@/-]+",
        "ec2, eks, an account, or arn:aws:iam::<account>:role/<name>",
    ),
    "external_id": (r"[A-Za-z0-9_+=,.@:/-]{2,1224}", "2 to 1,224 of A-Z a-z 0-9 + = , . @ : / - _"),
    "kms_key": (rf"arn:aws:kms:{_REGION}:{_ACCOUNT}:key/[A-Za-z0-9-]+", "arn:aws:kms:<region>:<account>:key/<id>"),
    "project": (_PROJECT, "the id of a project"),
    "projects": (_PROJECT, "ids of projects"),
    "organization": (r"\d{5,20}", "the number of the organisation"),
    "billing_account": (r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}", "012345-6789AB-CDEF01"),
    "dataset": (r"[A-Za-z0-9_]{1,1024}", "the name of a data set: letters, digits and _"),
    "location": (r"[A-Za-z][A-Za-z0-9-]{1,30}", "a location such as asia-south1"),
    "service_account": (_PROJECT, "6 to 30 of a-z, 0-9 and -"),
    "impersonator": (rf"(user|group|serviceAccount):{_EMAIL}", "user:, group: or serviceAccount: and an address"),
    "aws_role": (rf"{_ACCOUNT}:[A-Za-z0-9_+=,.@-]{{1,64}}", "<account>:<name of the role>"),
}  # fmt: skip


def _check(given: Mapping[str, object], needed: Iterable[str], contradictions: Mapping[str, bool]) -> None:
    """Raises WrongUsage with every fault; a value that is no name is not repeated.

    `contradictions`: what is amiss between options, and whether it is.
    """
    faults = [sentence for sentence, is_so in contradictions.items() if is_so]
    faults += [f"{_option(name)} is needed: {_FORMS[name][1]}" for name in needed if not given[name]]
    for name, value in given.items():
        if name == "topics":
            continue
        form, expected = _FORMS[name]
        values = value if isinstance(value, tuple) else (value,) if value else ()
        if not all(re.fullmatch(form, str(one), re.ASCII) for one in values):
            faults.append(f"{_option(name)}: expected {expected}")
    if faults:
        raise WrongUsage("; ".join(faults), fix="see `kifayat connect aws --help` and `kifayat connect gcp --help`")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class AwsAccess:
    """How AWS is to be read. `account` pays and holds `bucket`; `accounts` are the others that are asked.

    `trust`: who may take the role: ec2 (machines), eks (pods), an account, or the ARN of a role. `topics`: of
    aws://<topic>. Raises WrongUsage.
    """

    account: str
    bucket: str
    name: str = "aws"
    region: str = "ap-south-1"
    prefix: str = "kifayat"
    export: str = "kifayat"
    role: str = "kifayat-read"
    trust: str = ""
    external_id: str = ""
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ("ap-south-1", "ap-southeast-1")
    kms_key: str = ""
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(vars(self), ("account", "bucket", "regions"), {
            "--accounts names the account that pays, whose role is made anyway": self.account in self.accounts,
            "--trust names the role itself": self.trust == self.role_arn,
            "--kms-key: expected a key of the bucket's --region": bool(self.kms_key)
            and f":{self.region}:" not in self.kms_key,
            "--external-id belongs to a role that is assumed; machines and pods assume none without --accounts":
            bool(self.external_id) and self.is_machine and not self.accounts,
        })  # fmt: skip

    @property
    def is_machine(self) -> bool:
        """Whether the role is that of the machine (or pod) itself, so that nothing is assumed."""
        return self.trust in ("ec2", "eks")

    @property
    def role_arn(self) -> str:
        """The reading role in the account that pays."""
        return f"arn:aws:iam::{self.account}:role/{self.role}"

    @property
    def actions(self) -> tuple[str, ...]:
        """The IAM actions of the topics, sorted."""
        known = aws_topics()
        return tuple(sorted({action for topic in self.topics for action in known[topic]}))


@dataclass(frozen=True)
class GcpAccess:
    """How Google Cloud is to be read. `project` holds the data set of the bills and the service account.

    `projects` are asked; without `organization` each has its own copy of the role. `impersonator`: who may act as the
    service account; `aws_role`: <account>:<role> of AWS that may, without any key. `topics`: of gcp://<topic>, and
    locations such as bigquery. Raises WrongUsage.
    """

    project: str
    billing_account: str
    name: str = "google"
    projects: tuple[str, ...] = ()
    organization: str = ""
    dataset: str = "billing_export"
    location: str = "asia-south1"
    service_account: str = "kifayat-read"
    impersonator: str = ""
    aws_role: str = ""
    bucket: str = ""
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        both = bool(self.impersonator and self.aws_role)
        _check(vars(self), ("project", "billing_account"), {"give --impersonator or --aws-role, not both": both})

    @property
    def asked(self) -> tuple[str, ...]:
        """The projects that are asked."""
        return self.projects or (self.project,)

    @property
    def email(self) -> str:
        """The service account."""
        return f"{self.service_account}@{self.project}.iam.gserviceaccount.com"

    @property
    def permissions(self) -> tuple[str, ...]:
        """The IAM permissions of the topics, sorted."""
        known = gcp_topics()
        return tuple(sorted({permission for topic in self.topics for permission in known[topic].permissions}))

    @property
    def apis(self) -> tuple[str, ...]:
        """The services that must be switched on, sorted; those that make the access itself among them."""
        known = gcp_topics()
        own = {
            "cloudresourcemanager.googleapis.com",
            "iam.googleapis.com",
            "iamcredentials.googleapis.com",
            *({"sts.googleapis.com"} if self.aws_role else ()),
        }
        return tuple(sorted(own | {api for topic in self.topics for api in known[topic].apis}))


@dataclass(frozen=True)
class Needs:
    """What a topic of Google Cloud needs."""

    permissions: tuple[str, ...]
    apis: tuple[str, ...]


def aws_topics() -> Registry[tuple[str, ...]]:
    """The IAM actions of every topic of aws://."""
    found = discover_modules("ingest.aws", "topic of aws://")
    return Registry("topic of aws://", ((name, tuple(module.ACTIONS)) for name, module in found.items()))


def gcp_topics() -> Registry[Needs]:
    """What every topic of gcp:// needs, and every location of Google's (bigquery, gs)."""
    modules = dict(discover_modules("ingest.gcp", "topic of gcp://"))
    modules |= {
        name: module
        for name, module in discover_modules("ingest.locations", "location").items()
        if hasattr(module, "PERMISSIONS")
    }
    return Registry(
        "topic of gcp://",
        ((name, Needs(tuple(module.PERMISSIONS), tuple(module.APIS))) for name, module in modules.items()),
    )


def chosen(given: str, known: Iterable[str], kind: str) -> tuple[str, ...]:
    """Topics as they were named, split by commas; all of them where none is. Raises UnknownName."""
    registry = Registry(kind, ((name, name) for name in known))
    return tuple(registry[name] for name in split(given)) or tuple(registry)


def split(given: str) -> tuple[str, ...]:
    """a, b -> (a, b): each once, in their order."""
    return tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
