"""Clients of Google Cloud for one connection: credentials, endpoints, retries, limits, counting.

Every request goes through `call` or `pages`, is counted under its method, waits its turn, and is repeated by us: the
libraries' own repetitions are switched off. Not for what is asked: that is each topic's.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from core import ConfigError, ConnectionConfig, LocationUnreachable
from ingest.gcp._errors import QuestionRefused, failure_of, failures
from ingest.locations import Reading
from ingest.pull import Meter

_TIMEOUT_SECONDS: Final = 60.0
#: What each API asks for at least ("Authorization scopes" of recommender and cloudasset); IAM says what may be done.
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
#: Answers are paged, and a page may be larger than the 4 MiB that gRPC takes by itself.
_CHANNEL: Final = (("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0))
DEFAULT_REGION: Final = "asia-south1"
_FILE: Final = "see whether credentials_file is there and is what Google made"
_LOGIN: Final = (
    "name credentials_file, run `gcloud auth application-default login`, or run on a machine with a service account"
)
_IMPERSONATE: Final = "; impersonate needs roles/iam.serviceAccountTokenCreator"
T = TypeVar("T")


class GcpClients:
    """Clients of the libraries, made when they are first needed. May be shared between threads."""

    def __init__(self, connection: ConnectionConfig, reading: Reading, meter: Meter | None = None) -> None:
        self.connection = connection
        self.meter = meter or Meter()
        self._reading = reading
        self._lock = threading.Lock()
        self._login = threading.Lock()
        self._credentials: Any = None
        self._made: dict[str, Any] = {}
        self._next: dict[str, float] = {}

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions whose prices count: those of the connection."""
        return self.connection.regions or (DEFAULT_REGION,)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that are asked. Raises ConfigError if the connection names none."""
        if not self.connection.projects:
            raise ConfigError([f'connections.{self.connection.name}: write projects = ["…"], the projects to be asked'])
        return self.connection.projects

    def credentials(self) -> Any:
        """Of the file (a key, a user, workload identity) or of the machine, acting as `impersonate`; proven once.

        Raises LocationUnreachable, which holds nothing of the file.
        """
        with self._login:
            if self._credentials is None:
                self._credentials = self._log_in()
            return self._credentials

    def _log_in(self) -> Any:
        import google.auth
        from google.auth import impersonated_credentials
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.auth.transport.requests import Request

        file = self.connection.credentials_file
        try:
            found = google.auth.default(scopes=[_SCOPE])[0] if file is None else _read(file)
            if self.connection.impersonate:
                endpoint = self.connection.endpoint("iamcredentials") or "https://iamcredentials.googleapis.com"
                found = impersonated_credentials.Credentials(
                    found, self.connection.impersonate, [_SCOPE], iam_endpoint_override=f"{endpoint}/v1/projects/-/"
                    f"serviceAccounts/{self.connection.impersonate}:generateAccessToken",
                )  # fmt: skip
            if self.connection.quota_project and hasattr(found, "with_quota_project"):
                found = found.with_quota_project(self.connection.quota_project)
            # Later a refused login looks like a server that is down (gRPC says UNAVAILABLE): here it is told apart.
            found.refresh(Request())
        except (GoogleAuthError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            is_transient = isinstance(error, TransportError)
            raise LocationUnreachable(
                f"there is no login for Google Cloud: {type(error).__name__}", transient=is_transient,
                where=f"connections.{self.connection.name}",
                fix=(_FILE if file else _LOGIN) + (_IMPERSONATE if self.connection.impersonate else ""),
            ) from None  # fmt: skip
        return found

    def grpc(self, service: str, client: Callable[..., Any], transport: Callable[..., Any]) -> Any:
        """A client of a gRPC service, as grpc("cloudbilling", CloudCatalogClient, CloudCatalogGrpcTransport).

        Where the connection names an http endpoint (on this machine only: tests), it is spoken to in the clear.
        """
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make_grpc(service, client, transport)
            return self._made[service]

    def _make_grpc(self, service: str, client: Callable[..., Any], transport: Callable[..., Any]) -> Any:
        import grpc

        endpoint = self.connection.endpoint(service)
        if endpoint is None:
            return client(credentials=self.credentials())
        parts = urlsplit(endpoint)
        if parts.scheme == "http":
            return client(transport=transport(channel=grpc.insecure_channel(parts.netloc, _CHANNEL)))
        return client(credentials=self.credentials(), client_options={"api_endpoint": parts.netloc})

    def bigquery(self, project: str) -> Any:
        """A client of BigQuery's REST API; its queries are paid for by quota_project, or by `project`."""
        from google.cloud import bigquery

        payer = self.connection.quota_project or project
        return self._rest("bigquery", lambda **access: bigquery.Client(payer, **access))

    def bigquery_reads(self) -> Any:
        """A client of BigQuery's Storage Read API. Raises ImportError where its package is absent."""
        from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

        return self.grpc("bigquerystorage", BigQueryReadClient, BigQueryReadGrpcTransport)

    def storage(self) -> Any:
        """A client of Cloud Storage's JSON API."""
        from google.cloud.storage import Client

        def make(**access: Any) -> Any:
            # buckets are named without their project, but the library insists on one
            client = Client(self.connection.quota_project or "-", **access)
            # for its traces it would ask about each bucket behind our back, which takes storage.buckets.get
            client._bucket_metadata_cache = None
            return client

        return self._rest("storage", make)

    def _rest(self, service: str, make: Callable[..., Any]) -> Any:
        """Without credentials where the connection names an http endpoint (on this machine only: tests)."""
        from google.auth.credentials import AnonymousCredentials

        with self._lock:
            if service not in self._made:
                endpoint = self.connection.endpoint(service)
                is_test = endpoint is not None and endpoint.startswith("http://")
                access = AnonymousCredentials() if is_test else self.credentials()
                options = {"api_endpoint": endpoint} if endpoint else None
                self._made[service] = make(credentials=access, client_options=options)
            return self._made[service]

    def call(self, method: str, ask: Callable[..., T], *args: Any, where: str = "", **params: Any) -> T:
        """One request, repeated where that helps: call("monitoring.timeSeries.list", client.list_…, request=…).

        `method` is the IAM permission it needs. Raises LocationUnreachable, whose fix names the permission.
        """
        attempts = self._reading.retries.attempts
        for attempt in range(1, attempts + 1):
            try:
                return self.once(method, ask, *args, where=where, **params)
            except failures() as error:
                failure = failure_of(error, method)
            if not failure.is_transient or attempt == attempts:
                raise (QuestionRefused if failure.is_question else LocationUnreachable)(
                    f"Google Cloud does not answer: {failure.reason}"
                    + (f", {attempt} attempts" if failure.is_transient else ""),
                    where=f"{method} {where}".strip(), transient=failure.is_transient, fix=failure.fix,
                )  # fmt: skip
            self._reading.retries.wait(attempt)
        raise AssertionError("unreachable")

    def once(self, method: str, ask: Callable[..., T], *args: Any, where: str = "", **params: Any) -> T:
        """One request, counted and in its turn, not repeated. Raises one of `failures()`, or LocationUnreachable."""
        self._wait_turn(method.partition(".")[0])
        self.meter.count(method, self.connection.max_requests, where)
        return ask(*args, **params, retry=None, timeout=_TIMEOUT_SECONDS)

    def pages(
        self, method: str, ask: Callable[..., Any], request: Any, key: str, *, where: str = "", max_pages: int = 2000
    ) -> Iterator[Any]:
        """Every item of a paginated answer's list `key`; each page is a request that is repeated by itself.

        `request` is a proto-plus message with page_token. Raises LocationUnreachable, also after `max_pages`.
        """
        for _ in range(max_pages):
            pager = self.call(method, ask, request=request, where=where)
            page = next(iter(pager.pages))
            yield from getattr(page, key)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
        raise LocationUnreachable(f"more than {max_pages} pages", where=f"{method} {where}".strip(), fix="ask for less")

    def _wait_turn(self, service: str) -> None:
        with self._lock:
            now = time.monotonic()
            at = max(self._next.get(service, now), now)
            self._next[service] = at + 1 / self.connection.requests_per_second
        if at > now:
            self._reading.retries.sleep(at - now)


def _read(file: Path) -> Any:
    """Credentials of a file: a key, a user's login, or workload identity. Raises ValueError for any other type.

    Read by us: the library's own way asks for the name of a project too, for which there is no permission.
    """
    from google.auth import aws, identity_pool
    from google.oauth2 import credentials, service_account

    told = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(told, dict):
        raise ValueError("no credentials")
    from_aws = str((told.get("credential_source") or {}).get("environment_id", "")).startswith("aws")
    readers: dict[Any, Callable[..., Any]] = {
        "service_account": service_account.Credentials.from_service_account_info,
        "authorized_user": credentials.Credentials.from_authorized_user_info,
        "external_account": (aws if from_aws else identity_pool).Credentials.from_info,
    }
    if (read := readers.get(told.get("type"))) is None:
        raise ValueError("credentials of another type")
    return read(told, scopes=[_SCOPE])
