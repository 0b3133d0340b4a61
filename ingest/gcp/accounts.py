"""gcp://accounts: billing accounts and the projects that each pays for. Names of persons are not even asked for.

API: Cloud Billing, ListBillingAccounts and ListProjectBillingInfo. A project's name is its id here: what people call
it stands in the billing export.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final

import pyarrow as pa

from core import ExportConfig, LocationUnreachable
from ingest.gcp._clients import GcpClients
from ingest.gcp._topic import Topic, last
from ingest.locations import Reading, Say
from ingest.pull import Part, Probe, PullLocation, Usage, text_table

_ACCOUNTS: Final = "billing.accounts.list"
_PROJECTS: Final = "billing.resourceAssociations.list"
PERMISSIONS: Final = (_ACCOUNTS, _PROJECTS)
APIS: Final = ("cloudbilling.googleapis.com",)
_COLUMNS: Final = ("account_id", "provider", "kind", "name", "parent", "state")


def open_at(export: ExportConfig, reading: Reading, clients: GcpClients) -> PullLocation:
    """The billing account of the connection, or every one that may be seen."""
    return Accounts(export, reading, clients)


class Accounts(Topic):
    """One part: a billing account with its projects."""

    topic = "accounts"
    every: ClassVar[timedelta] = timedelta(days=7)

    def parts(self) -> Iterator[Part]:
        """The billing accounts. Raises LocationUnreachable if the one that is configured may not be seen."""
        self._seen = {last(found.name): found for found in self._list_accounts()}
        wanted = self.clients.connection.billing_account
        if wanted is not None and wanted not in self._seen:
            raise LocationUnreachable(
                f"the billing account {wanted} is not listed", where=f"{self.clients.connection.name}",
                fix="correct billing_account, or grant billing.accounts.list on it (Billing Account Viewer)",
            )  # fmt: skip
        for account in sorted(self._seen) if wanted is None else [wanted]:
            yield Part(account, estimate=Usage(requests=1))

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """A row for the account, one for each of its projects."""
        account = self._seen[part.group]
        rows: list[tuple[Any, ...]] = [(
            part.group, "Google Cloud", "billing_account", account.display_name,
            last(account.master_billing_account or account.parent), "OPEN" if account.open_ else "CLOSED",
        )]  # fmt: skip
        rows += [
            (found.project_id, "Google Cloud", "project", found.project_id, part.group,
             "ACTIVE" if found.billing_enabled else "BILLING_DISABLED")
            for found in self._list_projects(part.group)
        ]  # fmt: skip
        return text_table(_COLUMNS, rows)

    def probes(self) -> Iterator[Probe]:
        """Listing accounts; listing the projects of each that is seen."""
        yield Probe(_ACCOUNTS, "the login", lambda: list(self.parts()))
        account = self.clients.connection.billing_account
        yield Probe(_PROJECTS, account or "each billing account", lambda: [
            next(self._list_projects(part.group), None) for part in self.parts()])  # fmt: skip

    def _client(self) -> Any:
        from google.cloud.billing_v1 import CloudBillingClient
        from google.cloud.billing_v1.services.cloud_billing.transports import CloudBillingGrpcTransport

        return self.clients.grpc("cloudbilling", CloudBillingClient, CloudBillingGrpcTransport)

    def _list_accounts(self) -> Iterator[Any]:
        from google.cloud.billing_v1 import ListBillingAccountsRequest

        request = ListBillingAccountsRequest(page_size=100)
        return self.clients.pages(_ACCOUNTS, self._client().list_billing_accounts, request, "billing_accounts")

    def _list_projects(self, account: str) -> Iterator[Any]:
        from google.cloud.billing_v1 import ListProjectBillingInfoRequest

        request = ListProjectBillingInfoRequest(name=f"billingAccounts/{account}", page_size=100)
        ask = self._client().list_project_billing_info
        return self.clients.pages(_PROJECTS, ask, request, "project_billing_info", where=account)
