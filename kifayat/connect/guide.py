"""The steps as a person takes them, with the commands that print each artefact."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import MISSING, fields

from kifayat.connect import data_export, sections
from kifayat.connect.gcp_commands import CONSOLE, credentials_file
from kifayat.connect.values import AwsAccess, GcpAccess, aws_topics, gcp_topics


def aws(access: AwsAccess) -> str:
    """Connecting AWS."""
    say = f"kifayat connect aws {_options(access, aws_topics())} --as"
    who = {"ec2": "machines of EC2", "eks": "pods of EKS"}.get(access.trust, access.trust or access.account)
    steps = [
        f"Topics: {', '.join(access.topics)}. They take {len(access.actions)} permissions, none of which changes"
        " anything.",
        f"As the account that pays ({access.account}), make the bucket {access.bucket}, the export and the role"
        f" {access.role}, which {who} may take. Either\n"
        f"     {say} terraform > kifayat.tf\n"
        f"   or, in {access.region} and then (the only place that knows exports) in us-east-1:\n"
        f"     {say} cloudformation > reading.json\n     {say} cloudformation-export > export.json\n"
        f"   Only the documents, for a role and a bucket that you have: --as policy, trust, bucket-policy.",
    ]
    if access.accounts:
        steps.append(
            f"In each of {', '.join(access.accounts)}, the role that the first one takes; a stack set makes them all:\n"
            f"     {say} cloudformation-member > member.json      (or terraform-member)"
        )
    if not access.external_id and not access.is_machine:
        steps.append(
            'If somebody else\'s account is to take the role, let it need an external id: --external-id "$(uuidgen)",'
            "\n   and put the same into the variable KIFAYAT_EXTERNAL_ID where Kifayat runs."
        )
    steps += [
        "Once, in the console: Billing and Cost Management > Cost management preferences > Split cost allocation data\n"
        "   (containers), and the tags to activate under Cost allocation tags. Compute Optimizer and the Cost"
        " Optimization\n   Hub give advice only when they are switched on.",
        f"These sections go into kifayat.toml ({say} config):\n\n{sections.aws(access)}",
        "See whether every permission is there: kifayat check. What asking would cost: kifayat ingest --estimate.\n"
        f"   The first files come to {data_export.location(access)} within 24 hours.",
    ]
    return _numbered(steps)


def gcp(access: GcpAccess) -> str:
    """Connecting Google Cloud."""
    say = f"kifayat connect gcp {_options(access, gcp_topics())} --as"
    asked = ", ".join(access.asked)
    steps = [
        f"Topics: {', '.join(access.topics) or 'none yet'}. They take {len(access.permissions)} permissions,"
        " none of which changes anything.",
        f"Data set {access.project}.{access.dataset}, account {access.email}, roles for {asked}. Either\n"
        f"     {say} terraform > kifayat.tf\n   or\n     {say} gcloud > connect.sh",
        f"{CONSOLE[0]}\n   {CONSOLE[1]}\n   project {access.project}, data set {access.dataset}. A data set in the US"
        " or EU is also given the month before;\n   one in a region only what comes from then on.",
        _no_keys(access),
        f"These sections go into kifayat.toml ({say} config):\n\n{sections.gcp(access)}",
        "See whether every permission is there: kifayat check. What asking would cost: kifayat ingest --estimate.",
    ]
    return _numbered(steps)


def _no_keys(access: GcpAccess) -> str:
    if not access.aws_role:
        return (
            "No keys: attach the account to the machine that runs Kifayat, or let a person or machine of Google act as"
            " it\n   (--impersonator user:…), or a role of AWS (--aws-role <account>:<role>)."
        )
    lines = "\n     ".join(credentials_file(access))
    return (
        "No keys: google-access.json, beside kifayat.toml, says where the role of AWS fetches its token. The script\n"
        f"   of gcloud makes it; after terraform these lines do:\n     {lines}"
    )


def _options(access: AwsAccess | GcpAccess, all_topics: Iterable[str]) -> str:
    """The options that were given, to be given again."""
    given = {field.name: getattr(access, field.name) for field in fields(access)}
    defaults = {field.name: field.default for field in fields(access) if field.default is not MISSING}
    defaults["topics"] = tuple(all_topics)
    return shlex.join(
        word
        for name, value in given.items()
        if name not in defaults or value != defaults[name]
        for word in (f"--{name.replace('_', '-')}", ",".join(value) if isinstance(value, tuple) else value)
    )


def _numbered(steps: list[str]) -> str:
    return "\n\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)) + "\n"
