"""Clients of Google Cloud for one connection: credentials, endpoints, retries, limits, counting.

Every request goes through `call` or `pages`, is counted under its method, waits its turn, and is repeated by us: the
libraries' own repetitions are switched off. Not for what is asked: that is each topic's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from core import ConnectionConfig, LocationUnreachable
from ingest.locations import Reading
from ingest.pull import Meter

_TIMEOUT_SECONDS: Final = 60.0
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform.read-only"
#: Starting a query takes more than the scope that only reads; what it may read is IAM's to say.
_BIGQUERY_SCOPE: Final = "https://www.googleapis.com/auth/bigquery"
#: Reasons of a refusal (403) after which Google asks to wait.
_WAIT: Final = {"rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded", "backendError", "internalError"}
T = TypeVar("T")


class GcpClients:
    """Clients of the libraries, made when they are first needed. May be shared between threads."""

    def __init__(self, connection: ConnectionConfig, reading: Reading, meter: Meter | None = None) -> None:
        self.connection = connection
        self.meter = meter or Meter()
        self._reading = reading
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}
        self._next: dict[str, float] = {}

    def credentials(self, scope: str = _SCOPE) -> Any:
        """Of the file or of the machine, acting as `impersonate`; none at all for an endpoint on this machine.

        Raises LocationUnreachable, which holds nothing of the file.
        """
        import google.auth
        import google.auth.exceptions
        from google.auth import impersonated_credentials

        try:
            if self.connection.credentials_file is not None:
                found, _ = google.auth.load_credentials_from_file(str(self.connection.credentials_file), scopes=[scope])
            else:
                found, _ = google.auth.default(scopes=[scope])
        except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
            raise LocationUnreachable(
                f"there are no credentials for Google Cloud: {type(error).__name__}",
                where=f"connections.{self.connection.name}",
                fix="name credentials_file, or run `gcloud auth application-default login`, or run on a machine with"
                " a service account",
            ) from None
        if self.connection.impersonate:
            found = impersonated_credentials.Credentials(found, self.connection.impersonate, [scope])
        if self.connection.quota_project:
            found = found.with_quota_project(self.connection.quota_project)
        return found

    def grpc(self, service: str, client: Callable[..., Any], transport: Callable[..., Any], scope: str = _SCOPE) -> Any:
        """A client of a gRPC service, as grpc("cloudbilling", CloudCatalogClient, CloudCatalogGrpcTransport).

        Where the connection names an http endpoint (on this machine only: tests), it is spoken to in the clear.
        """
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make_grpc(service, client, transport, scope)
            return self._made[service]

    def _make_grpc(self, service: str, client: Callable[..., Any], transport: Callable[..., Any], scope: str) -> Any:
        import grpc

        endpoint = self.connection.endpoint(service)
        if endpoint is None:
            return client(credentials=self.credentials(scope))
        parts = urlsplit(endpoint)
        if parts.scheme == "http":
            return client(transport=transport(channel=grpc.insecure_channel(parts.netloc)))
        return client(credentials=self.credentials(scope), client_options={"api_endpoint": parts.netloc})

    def bigquery(self, project: str) -> Any:
        """A client of BigQuery's REST API; its queries are paid for by quota_project, or by `project`."""
        from google.cloud import bigquery

        payer = self.connection.quota_project or project
        return self._rest("bigquery", lambda **access: bigquery.Client(payer, **access), _BIGQUERY_SCOPE)

    def bigquery_reads(self) -> Any:
        """A client of BigQuery's Storage Read API. Raises ImportError where its package is absent."""
        from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

        return self.grpc("bigquerystorage", BigQueryReadClient, BigQueryReadGrpcTransport, _BIGQUERY_SCOPE)

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

    def _rest(self, service: str, make: Callable[..., Any], scope: str = _SCOPE) -> Any:
        """Without credentials where the connection names an http endpoint (on this machine only: tests)."""
        from google.auth.credentials import AnonymousCredentials

        with self._lock:
            if service not in self._made:
                endpoint = self.connection.endpoint(service)
                is_test = endpoint is not None and endpoint.startswith("http://")
                access = AnonymousCredentials() if is_test else self.credentials(scope)
                options = {"api_endpoint": endpoint} if endpoint else None
                self._made[service] = make(credentials=access, client_options=options)
            return self._made[service]

    def call(self, method: str, ask: Callable[..., T], *args: Any, where: str = "", **params: Any) -> T:
        """One request, repeated where that helps: call("monitoring.timeSeries.list", client.list_…, request=…).

        `method` is the IAM permission it needs. Raises LocationUnreachable, whose fix names the permission.
        """
        from google.api_core import exceptions

        attempts = self._reading.retries.attempts
        for attempt in range(1, attempts + 1):
            try:
                return self.once(method, ask, *args, where=where, **params)
            except self.failures() as error:
                failure = error
            is_transient = self.is_transient(failure)
            if not is_transient or attempt == attempts:
                fix = "nothing was loaded; it is asked again later"
                if self.is_login(failure):
                    fix = f"renew the credentials of connections.{self.connection.name}"
                elif isinstance(failure, exceptions.Forbidden):
                    fix = f"grant {method}: `kifayat connect gcp` prints the role"
                raise LocationUnreachable(
                    f"Google Cloud does not answer: {type(failure).__name__}"
                    + (f", {attempt} attempts" if is_transient else ""),
                    where=f"{method} {where}".strip(), transient=is_transient, fix=fix,
                )  # fmt: skip
            self._reading.retries.wait(attempt)
        raise AssertionError("unreachable")

    def once(self, method: str, ask: Callable[..., T], *args: Any, where: str = "", **params: Any) -> T:
        """One request, counted and in its turn, not repeated. Raises one of `failures()`, or LocationUnreachable."""
        self._wait_turn(method.partition(".")[0])
        self.meter.count(method, self.connection.max_requests, where)
        return ask(*args, **params, retry=None, timeout=_TIMEOUT_SECONDS)

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """The exceptions by which a request fails. Imported late: a folder needs none of this."""
        import requests
        import urllib3
        from google.api_core.exceptions import GoogleAPICallError

        return (
            GoogleAPICallError, ConnectionError, TimeoutError, requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError, _auth_error(),
        )  # fmt: skip

    @staticmethod
    def is_login(error: Exception) -> bool:
        """Whether the credentials themselves were refused or cannot be renewed."""
        from google.api_core.exceptions import Unauthorized

        return isinstance(error, Unauthorized) or (isinstance(error, _auth_error()) and not _is_transient(error))

    @staticmethod
    def is_transient(error: Exception) -> bool:
        """Whether waiting may help against one of `failures()`."""
        return _is_transient(error)

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


def _auth_error() -> type[Exception]:
    from google.auth.exceptions import GoogleAuthError

    error: type[Exception] = GoogleAuthError
    return error


def _is_transient(error: Exception) -> bool:
    """Whether waiting helps. A refused login never does: it is not repeated."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError

    if isinstance(error, GoogleAuthError):
        return isinstance(error, TransportError)
    if isinstance(error, exceptions.Forbidden):
        return any(isinstance(one, dict) and one.get("reason") in _WAIT for one in error.errors)
    if isinstance(error, exceptions.GoogleAPICallError):
        return isinstance(error, exceptions.ServerError | exceptions.TooManyRequests | exceptions.RetryError)
    return True
