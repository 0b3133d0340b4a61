"""Channels that are an HTTP address: one POST of JSON, judged by its status. No redirects, bounded in size and time."""

from __future__ import annotations

import http.client
import json
import re
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from core import SecretConfig
from notify.channel import HIDDEN, Channel, Parcel, Reveal, Undelivered
from notify.text import plain

#: Seconds for everything: name, connection, TLS, request, answer.
SECONDS = 10.0
#: Of an answer no more is read.
_ANSWER_BYTES = 4096
#: Statuses beside 5xx with which the same request may succeed later.
_LATER = (408, 425, 429)
_LONGEST_WAIT = timedelta(hours=6)


class WebChannel(Channel):
    """One POST for a parcel. A kind says the address and the JSON."""

    seconds: ClassVar[float] = SECONDS

    @abstractmethod
    def address(self, reveal: Reveal) -> str:
        """Where to."""

    @abstractmethod
    def payload(self, parcel: Parcel, reveal: Reveal) -> dict[str, Any]:
        """What, as the receiver wants it."""

    def headers(self, parcel: Parcel, body: bytes, reveal: Reveal) -> dict[str, str]:
        """Headers beside the usual ones."""
        return {}

    def draft(self, parcel: Parcel) -> bytes:
        """The JSON, indented."""
        text = json.dumps(self.payload(parcel, lambda _: HIDDEN), ensure_ascii=False, indent=2)
        return (text + "\n").encode("utf-8", "replace")

    def faults(self) -> list[str]:
        """Secrets that are not there, and an address that would be refused."""
        found = super().faults()
        if not found:
            from notify.guard import Blocked

            try:
                self.guard.target(self.address(SecretConfig.read))
            except Blocked as error:
                found.append(f"channels.{self.name}: {error}")
        return found

    def send(self, parcel: Parcel) -> None:
        """POST it."""
        secrets: list[str] = []

        def reveal(secret: SecretConfig) -> str:
            secrets.append(secret.read())
            return secrets[-1]

        target = self.guard.target(self.address(reveal))
        # a lone surrogate, as a broken tag may hold, is no UTF-8
        body = json.dumps(self.payload(parcel, reveal), ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "kifayat"}
        headers |= self.headers(parcel, body, reveal)
        try:
            with self.guard.connection(target.host, target.port, self.seconds) as raw:
                connection = http.client.HTTPConnection(target.host, target.port)
                connection.default_port = 443 if target.is_tls else 80
                # connected already, to the checked address; the certificate must be that of the name
                connection.sock = self.tls().wrap_socket(raw, server_hostname=target.host) if target.is_tls else raw
                connection.request("POST", target.path, body, headers)
                answer = connection.getresponse()
                if 200 <= answer.status < 300:
                    return  # taken: what else it says, or whether the connection breaks now, changes nothing
                try:
                    said = answer.read(_ANSWER_BYTES)
                except (OSError, http.client.HTTPException):
                    said = b""
        except (OSError, http.client.HTTPException) as error:
            raise Undelivered(f"no answer: {_reason(error)}", where=target.host, is_channel=True) from None
        text = plain(_without([*secrets, target.path], said.decode("utf-8", "replace")), 200)
        later = answer.status >= 500 or answer.status in _LATER
        hint = "redirects are not followed" if 300 <= answer.status < 400 else text
        raise Undelivered(
            f"the answer was {answer.status}" + (f": {hint}" if hint else ""),
            where=target.host,
            is_permanent=not later,
            retry_after=_retry_after(answer.getheader("Retry-After"), parcel.at) if later else None,
            is_channel=answer.status == 429,
        )


def _without(secrets: list[str], text: str) -> str:
    """A text of the receiver without any part of a secret that it repeats."""
    parts = {part for secret in secrets for part in re.findall(r"[A-Za-z0-9]{6,}", secret)}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def _reason(error: Exception) -> str:
    """What went wrong, in the words of the system."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    return plain(str(error) or type(error).__name__, 160)


def _retry_after(value: str | None, now: datetime) -> timedelta | None:
    """What a receiver asks for, in seconds or as a date (RFC 9110, 10.2.3); six hours at most."""
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}", value.strip(), re.ASCII):
        wait = timedelta(seconds=int(value))
    else:
        try:
            at = parsedate_to_datetime(value)
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
        except ValueError:
            return None
    return max(timedelta(), min(wait, _LONGEST_WAIT))
