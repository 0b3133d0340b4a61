"""A real AWS on this machine: moto over HTTP, and answers of ours for what moto has not; any answer can be spoiled.

`server.answers["organizations:ListAccounts"] = lambda asked: {…}` answers in moto's place, in the protocol of the
service (bytes are sent as they are where that is JSON). What was asked is kept in `server.asked`, so that a test can
compare it with a policy.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Environ = dict[str, Any]
Start = Callable[..., Any]


@dataclass
class Fault:
    """What goes wrong with requests whose path and query, or service:Operation (as it signs), contain `path`.

    The first `after` of them pass, then `times` of them are spoiled by `act`, which gets the WSGI call and either
    answers itself or returns None to let it pass.
    """

    path: str
    act: Callable[[AwsServer, Environ, Start], Iterable[bytes] | None]
    after: int = 0
    times: int = 1_000_000
    method: str = "GET"
    seen: int = 0


def answer(status: str, code: str, body: bytes | None = None):
    """An error as S3 sends it."""

    def act(server: AwsServer, environ: Environ, start: Start) -> Iterable[bytes]:
        xml = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>secret-in-message</Message></Error>'.encode()
        data = xml if body is None else body
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(data)))])
        return [data]

    return act


def spoil(change: Callable[[bytes], bytes], *, keep_length: bool = True, drop: tuple[str, ...] = ()):
    """The true answer with another body; its Content-Length stays what it was unless told otherwise."""

    def act(server: AwsServer, environ: Environ, start: Start) -> Iterable[bytes]:
        taken: list[Any] = []
        body = b"".join(server.application(environ, lambda *args: taken.append(args)))
        status, headers, *_ = taken[0]
        data = change(body)
        headers = [(key, value) for key, value in headers if key.lower() not in drop]
        if not keep_length:
            headers = [(k, v) for k, v in headers if k.lower() != "content-length"]
            headers.append(("Content-Length", str(len(data))))
        start(status, headers)
        return [data]

    return act


def slow(seconds: float):
    """The true answer, late."""

    def act(server: AwsServer, environ: Environ, start: Start) -> None:
        time.sleep(seconds)

    return act


def trickle(pieces: int, seconds: float):
    """The true answer in pieces with pauses between them."""

    def act(server: AwsServer, environ: Environ, start: Start) -> Iterable[bytes]:
        body = b"".join(server.application(environ, start))
        size = max(1, len(body) // pieces)

        def parts() -> Iterable[bytes]:
            for at in range(0, len(body), size):
                yield body[at : at + size]
                time.sleep(seconds)

        return parts()

    return act


def short_pages(count: int):
    """Lists of so many keys, the rest on further pages."""

    def act(server: AwsServer, environ: Environ, start: Start) -> None:
        environ["QUERY_STRING"] += f"&max-keys={count}"

    return act


def meanwhile(change: Callable[[], object]):
    """Something else happens to the bucket just before the answer."""

    def act(server: AwsServer, environ: Environ, start: Start) -> None:
        change()

    return act


class Refusal(Exception):
    """An error that an answer of ours gives: its code, as AccessDeniedException, and its status."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@dataclass(frozen=True)
class Asked:
    """A request: the service that it is signed for, the operation, where, as whom (the key's id), its body if it is
    JSON or a form."""

    service: str
    operation: str
    region: str
    key: str
    body: Any = None


_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
#: Services that sign as another one, so that a request is looked up in their model.
_SIGNED = {"es": "opensearch", "elasticloadbalancing": "elbv2", "monitoring": "cloudwatch",
           "tagging": "resourcegroupstaggingapi"}  # fmt: skip


@cache
def _model(service: str) -> Any:
    try:
        return get_service_model(_SIGNED.get(service, service))
    except UnknownServiceError:
        return None


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], set[str], str]]:
    """Method, path, query and name of every operation of a REST service, the most particular first."""
    found = []
    model = _model(service)
    for name in model.operation_names if model else ():
        http = model.operation_model(name).http
        if model.operation_model(name).deprecated:
            continue
        path, _, query = http["requestUri"].partition("?")
        parts = re.split(r"(\{[^}]+\})", path)
        pattern = "".join(
            re.escape(part) if part[:1] != "{" else ".+" if part.endswith("+}") else "[^/]+" for part in parts
        )
        wanted = set(query.split("&")) - {""}
        found.append((http["method"], re.compile(pattern + "/?"), wanted, name, (len(wanted), -len(parts), len(path))))
    return [row[:4] for row in sorted(found, key=lambda row: row[4], reverse=True)]


def _routed(service: str, environ: Environ) -> str:
    given = set(environ.get("QUERY_STRING", "").split("&"))
    given |= {one.partition("=")[0] for one in given}
    for method, pattern, wanted, name in _routes(service):
        if method == environ["REQUEST_METHOD"] and wanted <= given and pattern.fullmatch(environ["PATH_INFO"]):
            return name
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def asked_of(environ: Environ) -> Asked:
    """What a request asks. Its body can be read again afterwards."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    data = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(data)
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = found.groups() if found else ("", "", "")
    kind = environ.get("CONTENT_TYPE", "")
    body: Any = None
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if "urlencoded" in kind:
        body = {name: values[0] for name, values in parse_qs(data.decode()).items()}
        operation = body.get("Action", "")
    elif data and data[:1] == b"{":
        body = json.loads(data)
    return Asked(service, operation or _routed(service, environ), region, key, body)


def _own(answer: Callable[[Any], Any], asked: Asked, start: Start) -> Iterable[bytes]:
    """An answer of ours, in the protocol of the service. Words of a refusal are such as nobody may repeat."""
    is_classic = isinstance(asked.body, dict) and asked.body.get("Version") == "2012-06-01"  # load balancers of then
    model = _model("elb" if is_classic else asked.service)
    is_json = model is None or model.resolved_protocol.endswith("json")
    headers = {"Content-Type": "application/x-amz-json-1.1" if is_json else "text/xml"}
    try:
        status, found = "200 OK", answer(asked)
        if is_json:
            data = found if isinstance(found, bytes) else json.dumps(found, default=str).encode()
        else:
            serializer = get_serializer_class(model.service_name, model.resolved_protocol)
            made = serializer(operation_model=model.operation_model(asked.operation)).serialize(found)
            data = made["body"].encode() if isinstance(made["body"], str) else made["body"]
    except Refusal as error:
        status = f"{error.status} Refused"
        data = json.dumps({"__type": error.code, "message": "secret-in-message"}).encode()
        if not is_json:
            inner = f"<Error><Code>{error.code}</Code><Message>secret-in-message</Message></Error>"
            ec2 = model.resolved_protocol == "ec2"
            data = (f"<Response><Errors>{inner}</Errors></Response>" if ec2 else
                    inner if asked.service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>").encode()  # fmt: skip
    start(status, [*headers.items(), ("Content-Length", str(len(data)))])
    return [data]


class AwsServer:
    """moto behind HTTP. `requests` are the (method, path) it was asked for, apart from the tests' own; `asked` the
    service (as it signs), operation and region of each.

    `answers`: "service:Operation" (service as it signs) -> a function of `Asked`, which returns the answer as boto3
    would, or raises `Refusal`.
    """

    def __init__(self) -> None:
        self.application = DomainDispatcherApplication(create_backend_app)
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.asked: list[Asked] = []
        self.answers: dict[str, Callable[[Any], Any]] = {}
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def client(self) -> Any:
        """A client for the test's own requests: faults do not touch them."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(user_agent_extra="the-test-itself", s3={"addressing_style": "path"}),
        )

    def fail(self, path: str, act: Any, **options: Any) -> Fault:
        """Spoil requests from now on."""
        fault = Fault(path, act, **options)
        self.faults.append(fault)
        return fault

    def _serve(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if "the-test-itself" in environ.get("HTTP_USER_AGENT", ""):
            return self.application(environ, start)
        path = environ["PATH_INFO"] + "?" + environ.get("QUERY_STRING", "")
        asked = asked_of(environ)
        where = f"{path} {asked.service}:{asked.operation}"
        with self._lock:
            self.requests.append((environ["REQUEST_METHOD"], path))
            self.asked.append(asked)
            due = [fault for fault in self.faults if fault.path in where and fault.method == environ["REQUEST_METHOD"]]
            for fault in due:
                fault.seen += 1
            due = [fault for fault in due if fault.after < fault.seen <= fault.after + fault.times]
        for fault in due:
            answered = fault.act(self, environ, start)
            if answered is not None:
                return answered
        if (own := self.answers.get(f"{asked.service}:{asked.operation}")) is not None:
            return _own(own, asked, start)
        return self.application(environ, start)
