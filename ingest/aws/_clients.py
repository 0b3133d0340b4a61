"""Clients of AWS for one connection: credentials, roles in other accounts, regions, retries, limits, counting.

Every request goes through `call` or `pages`, is counted under its IAM action, waits its turn, and is repeated by us.
Not for what is asked: that is each topic's.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from core import ConnectionConfig, ExportConfig, LocationUnreachable
from ingest.aws._errors import AwsRefused, allow, failure_of, failures
from ingest.locations import Reading
from ingest.meter import Meter

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_SESSION_NAME: Final = "kifayat"
#: Services whose IAM prefix is not their name in the library.
_PREFIXES: Final = {
    "elbv2": "elasticloadbalancing", "elb": "elasticloadbalancing", "resourcegroupstaggingapi": "tag",
    "applicationautoscaling": "application-autoscaling", "opensearch": "es", "monitoring": "cloudwatch",
}  # fmt: skip
#: Requests whose IAM action has another name than the operation (IAM, "Actions, resources, and condition keys").
_ACTIONS: Final = {
    "s3:ListObjectsV2": "s3:ListBucket", "s3:ListBuckets": "s3:ListAllMyBuckets", "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
}  # fmt: skip
#: What an action, or any of a service, bills per request.
_BILLED: Final = {"s3:ListBucket": "aws:s3:list", "s3:GetObject": "aws:s3:get", "ce": "aws:ce:request"}
HOME: Final = ""
_NOT_OK = 300
#: Where the services of accounts and bills stand.
_PAYERS_REGION: Final = "us-east-1"


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
        self._members: set[str] | None = None
        self._next: dict[str, float] = {}

    @classmethod
    def of_export(cls, export: ExportConfig, reading: Reading) -> AwsClients:
        """Those of the export's connection; where it names none, its own profile, region and endpoint are one."""
        if export.connection is not None:
            return cls(reading.connection(export, "aws"), reading)
        # Not validated: no limits, and the endpoint may be any server that speaks S3.
        own = ConnectionConfig.model_construct(
            name=export.name, kind="aws", profile=export.profile, regions=(export.region or "",),
            endpoints={"*": export.endpoint} if export.endpoint else {}, max_requests=0,
        )  # fmt: skip
        return cls(own, reading)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that are asked: those of the connection."""
        return self.connection.regions or ("ap-south-1", "ap-southeast-1")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The account of the credentials, then those that are read through a role. Raises LocationUnreachable."""
        home = self.home_account()
        return (home, *(account for account in self.connection.accounts if account != home))

    @property
    def payers(self) -> tuple[str, ...]:
        """Those of `accounts` that pay their own bills: without members of the own account's organization.

        Where that may not be listed (another account manages it), every account. Raises LocationUnreachable.
        """
        first, *others = self.accounts
        if others and self._members is None:
            try:
                found = self.pages("organizations", "ListAccounts", "Accounts", region=_PAYERS_REGION)
                self._members = {str(one["Id"]) for one in found}
            except AwsRefused as error:
                if error.transient:
                    raise
                self._members = set()
        return (first, *(account for account in others if account not in (self._members or ())))

    def home_account(self) -> str:
        """The account that the credentials (or the assumed role) belong to."""
        if not self._home:
            self._home = str(self.call("sts", "GetCallerIdentity")["Account"])
        return self._home

    def client(self, service: str, account: str = HOME, region: str = "") -> Any:
        """A boto3 client. `account` is one of `accounts`; the first region where none is named."""
        key = service, _session_key(account, self._home), region or self.regions[0]
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(*key)
            return self._clients[key]

    def call(
        self, service: str, operation: str, *, account: str = HOME, region: str = "", **params: Any
    ) -> dict[str, Any]:
        """One request, repeated where that helps: call("ec2", "DescribeVolumes", region="ap-south-1", MaxResults=500).

        Raises AwsRefused (a LocationUnreachable): its fix names the IAM action that is missing, or what else can be
        done; LocationUnreachable if it is one request too many.
        """
        action = action_of(service, operation)
        where = f"{action} in {account or self._home or 'the own account'}, {region or self.regions[0]}"
        found: dict[str, Any] = self.repeated(
            lambda: self.once(service, operation, account=account, region=region, **params), action, where
        )
        return found

    def once(
        self, service: str, operation: str, *, account: str = HOME, region: str = "", **params: Any
    ) -> dict[str, Any]:
        """One request, not repeated, except with fresh credentials where those it was made with have expired.

        Raises one of `failures()`, or LocationUnreachable if it is one request too many.
        """
        try:
            return self._ask(service, operation, account, region, params)
        except failures() as error:
            if not failure_of(error).is_expired or not self._renew(account):
                raise
        return self._ask(service, operation, account, region, params)

    def _ask(
        self, service: str, operation: str, account: str, region: str, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        client = self.client(service, account, region)
        if service != "s3":  # which takes thousands a second
            self._wait_turn(service)
        action = action_of(service, operation)
        self.meter.count(action, self.connection.max_requests, action)
        if unit := _BILLED.get(action, _BILLED.get(service)):
            self.meter.bill(unit, 1)
        found: dict[str, Any] = getattr(client, _snake(client, operation))(**params)
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
            if answer[token[1]] == following.get(token[0]):
                raise LocationUnreachable(
                    "the same page comes again and again",
                    where=f"{service} {operation}, {region}",
                    fix="ask again later",
                )
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
                raise AwsRefused(
                    f"AWS does not answer: {failure.reason}" + (f", {attempt} attempts" if is_transient else ""),
                    where=where, transient=is_transient, code=failure.code,
                    fix=allow(action) if failure.is_denied else failure.fix or "nothing was loaded; ask again later",
                )  # fmt: skip
            self._reading.retries.wait(attempt)
        raise AssertionError("unreachable")

    # -- how clients come about --------------------------------------------------------------------------------

    def _make(self, service: str, account: str, region: str) -> Any:
        try:
            made = self._session(account).create_client(service, **self._options(service, region))
        except ValueError:  # not an error of the library's own family
            raise LocationUnreachable(
                f"{service}'s endpoint is no address", where=f"{self.connection.name}, {region}",
                expected="http(s)://host[:port]", fix="correct endpoint (or regions) in the configuration",
            ) from None  # fmt: skip
        made.meta.events.register("before-parse", _refuse_half)
        return made

    def _options(self, service: str, region: str) -> dict[str, Any]:
        from botocore.config import Config

        endpoint = self.connection.endpoint(service)
        config = Config(
            # Every repetition is ours: the library knows neither the limits of a pull nor when to stop.
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS,
            max_pool_connections=self._reading.workers + 2,
            # Behind an endpoint of one's own, bucket.host is seldom a name that resolves.
            s3={"addressing_style": "path"} if endpoint and service == "s3" else None,
        )  # fmt: skip
        return {"region_name": region or None, "endpoint_url": endpoint, "config": config}

    def _session(self, account: str) -> Any:
        """The session of an account: the profile or the machine's own credentials, and the roles upon them."""
        if account not in self._sessions:
            if account == HOME:
                made = _new_session(self.connection.profile)
                if self.connection.role_arn:
                    made = self._assumed(made, self.connection.role_arn)
            else:
                home = self._session(HOME)
                partition = home.get_partition_for_region(self.regions[0])
                made = self._assumed(home, f"arn:{partition}:iam::{account}:role/{self.connection.role}")
            self._sessions[account] = made
        return self._sessions[account]

    def _assumed(self, base: Any, arn: str) -> Any:
        """A session of a role. Its credentials are fetched when they are used, and again before they expire."""
        from botocore.credentials import DeferredRefreshableCredentials

        def assume() -> dict[str, str]:
            self.meter.count("sts:AssumeRole", self.connection.max_requests, arn)
            secret = self.connection.external_id
            extra = {} if secret is None else {"ExternalId": secret.read()}
            sts = base.create_client("sts", **self._options("sts", self.regions[0]))
            found = sts.assume_role(RoleArn=arn, RoleSessionName=_SESSION_NAME, **extra)["Credentials"]
            return {
                "access_key": found["AccessKeyId"], "secret_key": found["SecretAccessKey"],
                "token": found["SessionToken"], "expiry_time": found["Expiration"].isoformat(),
            }  # fmt: skip

        # It warns with the provider's words; what fails is raised and told by us.
        logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
        made = _new_session()
        made._credentials = DeferredRefreshableCredentials(assume, "assume-role")
        return made

    def _renew(self, account: str) -> bool:
        """Forget credentials, which AWS says have expired. Whether there are others now."""
        with self._lock:
            before = _frozen(self._sessions.get(_session_key(account, self._home)))
            self._sessions.clear()
            self._clients.clear()
            return bool(_frozen(self._session(_session_key(account, self._home))) != before)

    def _wait_turn(self, service: str) -> None:
        """At most so many requests a second for each service."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next.get(service, now), now)
            self._next[service] = at + 1 / self.connection.requests_per_second
        if at > now:
            self._reading.retries.sleep(at - now)


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


def _new_session(profile: str | None = None) -> Any:
    """A session of botocore. All share what was read of the services: that of EC2 alone takes a tenth of a second."""
    import botocore.session

    made = botocore.session.Session(profile=profile)
    made.register_component("data_loader", _loader())
    return made


def _session_key(account: str, home: str) -> str:
    return HOME if account == home else account


def _frozen(session: Any) -> Any:
    found = session and session.get_credentials()
    return found and found.get_frozen_credentials()


def _refuse_half(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """The library takes half an answer, or a proxy's page, for an empty one. Raises ResponseParserError."""
    from botocore.parsers import ResponseParserError

    is_read = operation_model.http.get("method") != "HEAD" and not operation_model.has_streaming_output
    if response_dict["status_code"] >= _NOT_OK or not is_read:
        return
    try:
        if not response_dict["body"] or b"<html" in response_dict["body"][:1000].lower():
            raise ValueError
        if operation_model.service_model.resolved_protocol.endswith("json"):
            json.loads(response_dict["body"])
    except ValueError:
        raise ResponseParserError("the answer is cut short") from None


def _snake(client: Any, operation: str) -> str:
    names: Mapping[str, str] = client.meta.method_to_api_mapping
    return next(method for method, name in names.items() if name == operation)
