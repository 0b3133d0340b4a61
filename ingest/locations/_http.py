"""Asking a server by HTTP: again while that may help, no longer and no more than is bearable, and nobody else.

A redirection is not followed: what is configured is what is asked, and a token goes nowhere else. TLS is verified.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import BinaryIO, Final, Literal

from core import ExportConfig, LocationUnreachable
from ingest.locations import Reading
from ingest.pull import Meter

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
#: Longer than Prometheus gives a query by default, so that it is the one that says so.
_TIMEOUT_SECONDS: Final = 150.0
_BLOCK_BYTES: Final = 1 << 16
_TOKEN: Final = re.compile(r"[!-~]+")
_TRANSIENT: Final = (408, 429)
_MOVED: Final = range(300, 400)
_UNPROCESSABLE, _SERVER_ERROR, _GATEWAY_TIMEOUT = 422, 500, 504


class TooLong(LocationUnreachable):
    """An answer that is longer than the limit, or that a server cannot work out in one go: less may be asked."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Nowhere."""


_OPENER: Final = urllib.request.build_opener(_Stay)


def token_faults(export: ExportConfig) -> list[str]:
    """What is wrong with `token_env`: a sentence that never holds the token."""
    if not export.token_env:
        return []
    where = f"exports.{export.name}.token_env names {export.token_env}"
    if export.token_env not in os.environ:
        return [f"{where}, which is not set in the environment"]
    return [] if _TOKEN.fullmatch(_token(export.token_env)) else [f"{where}, which holds no token: one word of ASCII"]


class HttpClient:
    """Requests of one export; `where` names the server in errors, and holds no secret."""

    def __init__(self, export: ExportConfig, reading: Reading, where: str, meter: Meter) -> None:
        self._token_env, self._retries = export.token_env, reading.retries
        self._where, self._meter = where, meter

    def ask(
        self, call: str, address: str, into: BinaryIO, limit: int, *, method: Literal["GET", "HEAD"] = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Message:  # fmt: skip
        """Write the body into `into` (from its beginning) and return the headers; `call` is what is counted.

        Raises TooLong beyond `limit` bytes, LocationUnreachable when nothing helps.
        """
        request = urllib.request.Request(address, headers=dict(headers or {}), method=method)
        if self._token_env:
            request.add_unredirected_header("Authorization", f"Bearer {_token(self._token_env)}")
        for attempt in range(1, self._retries.attempts + 1):
            self._meter.count(call)
            into.seek(0)
            into.truncate()
            try:
                return self._once(request, into, limit)
            except LocationUnreachable as error:
                if not error.transient or attempt == self._retries.attempts:
                    raise
                self._retries.wait(attempt)
        raise AssertionError("unreachable")

    def _once(self, request: urllib.request.Request, into: BinaryIO, limit: int) -> Message:
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_SECONDS) as response:
                self._copy(response, into, limit)
                headers: Message = response.headers
                return headers
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise LocationUnreachable(
                f"the server cannot be asked: {reason}", where=self._where, transient=True,
                fix="see whether the address is right and the server runs",
            ) from None  # fmt: skip

    def _copy(self, response: http.client.HTTPResponse, into: BinaryIO, limit: int) -> None:
        began, size = time.monotonic(), 0
        promised = response.length  # None where the body is chunked: there a short one is noticed
        while block := response.read1(_BLOCK_BYTES):
            size += len(block)
            if size > limit:
                raise TooLong(f"the answer is longer than {limit:,} bytes", where=self._where, fix="ask for less")
            if time.monotonic() - began > self._retries.seconds_for(size):
                raise TimeoutError(f"{size:,} bytes in {time.monotonic() - began:.0f} seconds")
            into.write(block)
        if promised is not None and size != promised:
            raise ConnectionError(f"{size:,} of {promised:,} bytes came")

    def _refused(self, error: urllib.error.HTTPError) -> LocationUnreachable:
        if error.code in _MOVED:
            return LocationUnreachable(
                f"the server answers {error.code} and sends elsewhere", where=self._where,
                expected="an answer from the address itself", fix="write the address that it has moved to",
            )  # fmt: skip
        transient = error.code in _TRANSIENT or error.code >= _SERVER_ERROR
        said, kind = _said(error)
        is_much = error.code == _UNPROCESSABLE and "too many samples" in said
        is_slow = error.code == _GATEWAY_TIMEOUT or kind == "timeout"
        return (TooLong if is_much or is_slow else LocationUnreachable)(
            f"the server answers {error.code}: {said}", where=self._where, transient=transient and not is_slow,
            fix="try again later" if transient else "see whether query, address and token are right",
        )  # fmt: skip


def _token(variable: str) -> str:
    """The token in a variable of the environment; a file that was read into it may end with a new line."""
    return os.environ[variable].strip()


def _said(error: urllib.error.HTTPError) -> tuple[str, str]:
    """Prometheus' own words, cut short and before any labels (a query that fails on data quotes them), and their kind;
    of other servers the reason."""
    try:
        answer = json.loads(error.read(4096))
        said, kind = str(answer.get("error", "")), str(answer.get("errorType", ""))
    except (ValueError, AttributeError, OSError, http.client.HTTPException):
        said, kind = "", ""
    if error.code == _UNPROCESSABLE:
        said = said.partition("{")[0].strip()
    return said[:200] or str(error.reason)[:200], kind
