"""aws://accounts: the accounts of the organisation by name and unit. Addresses of their owners are not even read.

API: Organizations, ListAccounts, ListParents and DescribeOrganizationalUnit; called from the management account or a
delegated administrator.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Final

import pyarrow as pa

from core import ExportConfig
from ingest.aws._clients import AwsClients
from ingest.aws._topic import Topic
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

ACTIONS: Final = ("organizations:DescribeOrganizationalUnit", "organizations:ListAccounts", "organizations:ListParents")
_COLUMNS: Final = ("account_id", "provider", "kind", "name", "parent", "state")


def open_at(export: ExportConfig, reading: Reading, clients: AwsClients) -> PullLocation:
    """The accounts of the connection's organisation."""
    return Accounts(export, reading, clients)


class Accounts(Topic):
    """One part: the whole organisation."""

    topic = "accounts"
    every: ClassVar[timedelta] = timedelta(days=7)

    def parts(self) -> Iterator[Part]:
        """The organisation."""
        yield Part("organization", estimate=Usage(requests=20))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """One row per account, with the path of its unit, as Workloads/Prod."""
        unit = cache(self._unit)
        return text_table(_COLUMNS, [
            (found["Id"], "AWS", "account", found["Name"], unit(found["Id"]), found["Status"])
            for found in self._clients.pages("organizations", "ListAccounts", "Accounts")
        ])  # fmt: skip

    def probes(self) -> Iterator[Probe]:
        """Listing accounts proves the right to read the organisation."""
        yield Probe(ACTIONS[1], "the organisation", lambda: self._ask("ListAccounts", MaxResults=1))

    def _unit(self, child: str) -> str:
        parent = self._ask("ListParents", ChildId=child)["Parents"][0]
        if parent["Type"] == "ROOT":
            return ""
        name = self._ask("DescribeOrganizationalUnit", OrganizationalUnitId=parent["Id"])["OrganizationalUnit"]["Name"]
        above = self._unit(parent["Id"])
        return f"{above}/{name}" if above else str(name)

    def _ask(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._clients.call("organizations", operation, **params)
