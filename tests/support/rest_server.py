"""An HTTP server on this machine that a test fills and spoils: what Google's REST servers of the tests share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.serving import WSGIRequestHandler, make_server

Environ = dict[str, Any]
Start = Callable[..., Any]


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
    status: str = "200 OK"
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
    return lambda _: Answer(json.dumps(refusal.body).encode(), status=f"{status} Refused")


def cut(keep: Callable[[bytes], bytes], *, keep_length: bool = True) -> Callable[[Answer], Answer]:
    """Another body; Content-Length stays what it was unless told otherwise."""

    def change(answer: Answer) -> Answer:
        body = keep(answer.body)
        return Answer(body, answer.headers, answer.status, len(answer.body) if keep_length else len(body))

    return change


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for many requests

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


class RestServer:
    """Subclasses answer. `requests`: "METHOD /path?query" of everything that was asked; `before`: called with each."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self._lock = threading.RLock()
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Silent)
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

    def answer(self, method: str, path: str, query: dict[str, str], headers: Environ, body: Any) -> Any:
        """JSON, an Answer, or raises Refusal."""
        raise NotImplementedError

    def _serve(self, environ: Environ, start: Start) -> Iterable[bytes]:
        path = unquote(environ.get("REQUEST_URI", environ["PATH_INFO"]).partition("?")[0])
        asked = f"{environ['REQUEST_METHOD']} {path}?{environ.get('QUERY_STRING', '')}"
        length = int(environ.get("CONTENT_LENGTH") or 0)
        data = environ["wsgi.input"].read(length) if length else b""
        with self._lock:
            self.requests.append(asked)
            due = [fault for fault in self.faults if fault.what in asked]
            for fault in due:
                fault.seen += 1
            due = [fault for fault in due if fault.after < fault.seen <= fault.after + fault.times]
            self.before(asked)
            found = self._answer(environ, path, data)
        for fault in due:
            found = fault.change(found)
        size = len(found.body) if found.length is None else found.length
        broken = [("Connection", "close")] if size != len(found.body) else []
        start(
            found.status, [("Content-Type", "application/json"), ("Content-Length", str(size)), *broken, *found.headers]
        )
        return [found.body]

    def _answer(self, environ: Environ, path: str, data: bytes) -> Answer:
        try:
            query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
            body = json.loads(data) if data else None
            found = self.answer(environ["REQUEST_METHOD"], path, query, environ, body)
        except Refusal as error:
            return Answer(json.dumps(error.body).encode(), status=f"{error.status} Refused")
        return found if isinstance(found, Answer) else Answer(json.dumps(found).encode())
