"""An HTTP server on this machine that a test fills and spoils: what Google's REST servers of the tests share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote


class Refusal(Exception):
    """An error as Google's servers send it: status and reason, as (403, "accessDenied")."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason

    @property
    def body(self) -> dict[str, Any]:
        """Its JSON, with words that no error of ours may repeat."""
        error = {"reason": self.reason, "message": "secret-in-message", "domain": "global"}
        return {"error": {"code": self.status, "message": "secret-in-message", "errors": [error]}}


@dataclass(frozen=True)
class Answer:
    """Bytes and headers of an answer; `body` may be shortened or spoiled while Content-Length stays."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    length: int | None = None


@dataclass
class Fault:
    """Requests whose "METHOD /path?query" holds `what`: the first `after` pass, then `times` of them are changed."""

    what: str
    change: Callable[[Answer], Answer]
    after: int = 0
    times: int = 1_000_000
    seen: int = 0


def refuse(status: int, reason: str) -> Callable[[Answer], Answer]:
    """This error instead of the answer."""
    refusal = Refusal(status, reason)
    return lambda _: Answer(json.dumps(refusal.body).encode(), status=status)


def cut(keep: Callable[[bytes], bytes], *, keep_length: bool = True) -> Callable[[Answer], Answer]:
    """Another body; Content-Length stays what it was unless told otherwise."""

    def change(answer: Answer) -> Answer:
        body = keep(answer.body)
        return Answer(body, answer.headers, answer.status, len(answer.body) if keep_length else len(body))

    return change


class _Server(ThreadingHTTPServer):
    rest: RestServer


class _Handler(BaseHTTPRequestHandler):
    """One connection for many requests; headers and body leave together."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = self.server.rest.respond(self.command, self.path, self.headers, data)
        size = len(found.body) if found.length is None else found.length
        self.send_response_only(found.status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(size)), *found.headers):
            self.send_header(name, value)
        if size != len(found.body):
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(found.body)

    do_GET = do_POST = _serve  # noqa: N815 - the names of http.server


class RestServer:
    """Subclasses answer. `requests`: "METHOD /path?query" of everything that was asked; `before`: called with each."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.rest = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, what: str, change: Callable[[Answer], Answer], **options: Any) -> None:
        """Spoil requests from now on."""
        self.faults.append(Fault(what, change, **options))

    def answer(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, Any], body: Any) -> Any:
        """JSON, an Answer, or raises Refusal."""
        raise NotImplementedError

    def respond(self, method: str, target: str, headers: Mapping[str, Any], data: bytes) -> Answer:
        """The answer to a request, spoiled by the faults that are due."""
        raw, _, query = target.partition("?")
        path = unquote(raw)
        asked = f"{method} {path}?{query}"
        with self._lock:
            self.requests.append(asked)
            due = [fault for fault in self.faults if fault.what in asked]
            for fault in due:
                fault.seen += 1
            due = [fault for fault in due if fault.after < fault.seen <= fault.after + fault.times]
            self.before(asked)
            try:
                answer = self.answer(method, path, dict(parse_qsl(query)), headers, json.loads(data) if data else None)
            except Refusal as error:
                answer = Answer(json.dumps(error.body).encode(), status=error.status)
            found = answer if isinstance(answer, Answer) else Answer(json.dumps(answer).encode())
        for fault in due:
            found = fault.change(found)
        return found
