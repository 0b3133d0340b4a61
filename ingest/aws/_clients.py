"""Clients of AWS for one connection: credentials, roles in other accounts, regions, retries, limits, counting.

Every request goes through `call` or `pages`, is counted under its IAM action, waits its turn, and is repeated by us.
Not for what is asked: that is each topic's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from core import ConnectionConfig, LocationUnreachable
from ingest.aws._errors import allow, failure_of, failures
from ingest.locations import Reading
from ingest.pull import Meter

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_SESSION_NAME: Final = "kifayat"
#: Services whose IAM prefix is not their name in the library.
_PREFIXES: Final = {
    "elbv2": "elasticloadbalancing", "elb": "elasticloadbalancing", "resourcegroupstaggingapi": "tag",
    "applicationautoscaling": "application-autoscaling",
}  # fmt: skip
#: Requests whose IAM action has another name than the operation (IAM, "Actions, resources, and condition keys").
_ACTIONS: Final = {
    "s3:ListObjectsV2": "s3:ListBucket", "s3:ListBuckets": "s3:ListAllMyBuckets", "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
}  # fmt: skip
#: What an API bills per request.
_BILLED: Final = {"s3:ListBucket": "aws:s3:list", "s3:GetObject": "aws:s3:get"}
HOME: Final = ""


def action_of(service: str, operation: str) -> str:
    """The IAM action of an operation of a boto3 service: ("elbv2", "DescribeTags") -> elasticloadbalancing:…"""
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    return _ACTIONS.get(action, action)


class AwsClients:
    """Clients by service, account and region, made when they are first needed. May be shared between threads."""

    def __init__(self, connection: ConnectionConfig, reading: Reading, meter: Meter | None = None) -> None:
        self.connection = connection
        self.meter = meter or Meter()
        self._reading = reading
        self._lock = threading.Lock()
        self._sessions: dict[str, Any] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._home = ""
        self._next: dict[str, float] = {}

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that are asked: those of the connection."""
        return self.connection.regions or ("ap-south-1", "ap-southeast-1")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The account of the credentials, then those that are read through a role. Raises LocationUnreachable."""
        home = self.home_account()
        return (home, *(account for account in self.connection.accounts if account != home))

    def home_account(self) -> str:
        """The account that the credentials (or the assumed role) belong to."""
        if not self._home:
            self._home = str(self.call("sts", "GetCallerIdentity")["Account"])
        return self._home

    def client(self, service: str, account: str = HOME, region: str = "") -> Any:
        """A boto3 client. `account` is one of `accounts`; the first region where none is named."""
        key = service, "" if account == self._home else account, region or self.regions[0]
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(*key)
            return self._clients[key]

    def call(
        self, service: str, operation: str, *, account: str = HOME, region: str = "", **params: Any
    ) -> dict[str, Any]:
        """One request, repeated where that helps: call("ec2", "DescribeVolumes", region="ap-south-1", MaxResults=500).

        Raises LocationUnreachable: its fix names the IAM action that is missing, or what else can be done.
        """
        action = action_of(service, operation)
        where = f"{action} in {account or self._home or 'the own account'}, {region or self.regions[0]}"

        def ask() -> dict[str, Any]:
            client = self.client(service, account, region)
            self._wait_turn(service)
            self.meter.count(action, self.connection.max_requests, where)
            if unit := _BILLED.get(action):
                self.meter.bill(unit, 1)
            elif service == "ce":
                self.meter.bill("aws:ce:request", 1)
            method = getattr(client, _snake(client, operation))
            answer: dict[str, Any] = method(**params)
            return answer

        found: dict[str, Any] = self.repeated(ask, action, where)
        return found

    def pages(
        self, service: str, operation: str, key: str, *, token: tuple[str, str] = ("NextToken", "NextToken"),
        account: str = HOME, region: str = "", max_pages: int = 2000, **params: Any,
    ) -> Iterator[Any]:  # fmt: skip
        """Every item of a paginated answer's list `key`; each page is repeated by itself where that helps.

        `token`: its name in the question and in the answer, as ("Marker", "NextMarker") of Lambda. Raises
        LocationUnreachable, also after `max_pages`: a half answer is never taken for a whole one.
        """
        following: dict[str, Any] = {}
        for _ in range(max_pages):
            answer = self.call(service, operation, account=account, region=region, **params, **following)
            yield from answer.get(key) or ()
            if not answer.get(token[1]):
                return
            following = {token[0]: answer[token[1]]}
        raise LocationUnreachable(
            f"more than {max_pages} pages", where=f"{service} {operation}, {region}", fix="ask for less"
        )

    def repeated(self, ask: Callable[[], Any], action: str, where: str) -> Any:
        """Do it, and again after a while if that may help. Raises LocationUnreachable."""
        attempts = self._reading.retries.attempts
        for attempt in range(1, attempts + 1):
            try:
                return ask()
            except failures() as error:
                failure = failure_of(error)
            if failure.kind != "transient" or attempt == attempts:
                is_transient = failure.kind == "transient"
                raise LocationUnreachable(
                    f"AWS does not answer: {failure.reason}" + (f", {attempt} attempts" if is_transient else ""),
                    where=where, transient=is_transient,
                    fix=allow(action) if failure.is_denied else failure.fix or "nothing was loaded; ask again later",
                )  # fmt: skip
            self._reading.retries.wait(attempt)
        raise AssertionError("unreachable")

    # -- how clients come about --------------------------------------------------------------------------------

    def _make(self, service: str, account: str, region: str) -> Any:
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},  # every repetition is ours
            connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS,
            s3={"addressing_style": "path"} if self.connection.endpoint("s3") else None,
        )  # fmt: skip
        try:
            return self._session(account).client(
                service, region_name=region, endpoint_url=self.connection.endpoint(service), config=config
            )
        except ValueError:
            raise LocationUnreachable(
                f"{service} has no endpoint", where=f"connections.{self.connection.name}, {region}",
                fix="correct regions or endpoints of the connection",
            ) from None  # fmt: skip

    def _session(self, account: str) -> Any:
        """The session of an account. Credentials of a role are fetched when they are used and renewed by themselves."""
        import boto3
        import botocore.session
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        if account in self._sessions:
            return self._sessions[account]
        base = self._sessions.get(HOME)
        if base is None:
            base = boto3.Session(profile_name=self.connection.profile, region_name=self.regions[0])
            if self.connection.role_arn:
                base = self._assumed(base, self.connection.role_arn, DeferredRefreshableCredentials,
                                     AssumeRoleCredentialFetcher, botocore.session, boto3)  # fmt: skip
            self._sessions[HOME] = base
        if account != HOME:
            arn = f"arn:{self._partition}:iam::{account}:role/{self.connection.role}"
            base = self._assumed(base, arn, DeferredRefreshableCredentials, AssumeRoleCredentialFetcher,
                                 botocore.session, boto3)  # fmt: skip
            self._sessions[account] = base
        return base

    def _assumed(self, base: Any, arn: str, deferred: Any, fetcher: Any, core: Any, boto3: Any) -> Any:
        extra: dict[str, str] = {"RoleSessionName": _SESSION_NAME}
        if self.connection.external_id is not None:
            extra["ExternalId"] = self.connection.external_id.read()
        source = base._session

        def make_sts(_: str, **options: Any) -> Any:
            self.meter.count("sts:AssumeRole", self.connection.max_requests)
            options.setdefault("region_name", self.regions[0])
            return source.create_client("sts", endpoint_url=self.connection.endpoint("sts"), **options)

        refresh = fetcher(make_sts, source.get_credentials(), arn, extra_args=extra).fetch_credentials
        made = core.get_session()
        made._credentials = deferred(refresh, "assume-role")
        return boto3.Session(botocore_session=made, region_name=self.regions[0])

    @property
    def _partition(self) -> str:
        return "aws"

    def _wait_turn(self, service: str) -> None:
        """At most so many requests a second for each service."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next.get(service, now), now)
            self._next[service] = at + 1 / self.connection.requests_per_second
        if at > now:
            self._reading.retries.sleep(at - now)


def _snake(client: Any, operation: str) -> str:
    names: Mapping[str, str] = client.meta.method_to_api_mapping
    return next(method for method, name in names.items() if name == operation)
