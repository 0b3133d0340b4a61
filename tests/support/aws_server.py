"""A real AWS on this machine: moto over HTTP, and answers of ours for what moto has not; any answer can be spoiled.

`server.answers["organizations:ListAccounts"] = lambda asked: {…}` answers a JSON service in moto's place. What was
asked is kept in `server.asked`, so that a test can compare it with a policy.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Environ = dict[str, Any]
Start = Callable[..., Any]


@dataclass
class Fault:
    """What goes wrong with requests whose path contains `path`.

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
    """A request: the service that it is signed for, what it asks, where, as whom (the key's id), and its JSON body."""

    service: str
    operation: str
    region: str
    key: str
    body: Any = None


_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


def asked_of(environ: Environ) -> Asked:
    """What a request asks. Its body can be read again afterwards."""
    import io
    from urllib.parse import parse_qs

    length = int(environ.get("CONTENT_LENGTH") or 0)
    data = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(data)
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = found.groups() if found else ("", "", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    kind = environ.get("CONTENT_TYPE", "")
    body: Any = None
    operation = target.rpartition(".")[2]
    if "json" in kind and data:
        body = json.loads(data)
    elif "urlencoded" in kind:
        body = {name: values[0] for name, values in parse_qs(data.decode()).items()}
        operation = body.get("Action", "")
    if not operation:
        operation = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    return Asked(service, operation, region, key, body)


def _own(answer: Callable[[Any], Any], asked: Asked, start: Start) -> Iterable[bytes]:
    try:
        status, found = "200 OK", answer(asked)
    except Refusal as error:
        status, found = f"{error.status} Refused", {"__type": error.code, "message": "secret-in-message"}
    data = json.dumps(found, default=str).encode()
    start(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(data)))])
    return [data]


class AwsServer:
    """moto behind HTTP. `requests` are the (method, path) it was asked for, apart from the tests' own; `asked` the
    service (as it signs), operation and region of each.

    `answers`: "service:Operation" -> a function of what was asked (the JSON body), which returns the answer's JSON, or
    raises `Refusal`.
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
        with self._lock:
            self.requests.append((environ["REQUEST_METHOD"], path))
            due = [fault for fault in self.faults if fault.path in path and fault.method == environ["REQUEST_METHOD"]]
            for fault in due:
                fault.seen += 1
            due = [fault for fault in due if fault.after < fault.seen <= fault.after + fault.times]
        asked = asked_of(environ)
        with self._lock:
            self.asked.append(asked)
        for fault in due:
            answered = fault.act(self, environ, start)
            if answered is not None:
                return answered
        if (own := self.answers.get(f"{asked.service}:{asked.operation}")) is not None:
            return _own(own, asked, start)
        return self.application(environ, start)
