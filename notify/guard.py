"""Where we may connect to: public addresses, by https, unless the operator lists the host. Against SSRF and rebinding.

A name is resolved once, every address it has is checked, and the connection goes to a checked address, so that a second
answer of the name server changes nothing. A connection ends after its seconds, however slowly the other side trickles.
Redirects are nobody's business here: nothing that uses this follows one.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from core import KifayatError

#: Gives the addresses of a host, as texts. Raises OSError.
Resolver = Callable[[str, int], Sequence[str]]
_V4 = ipaddress.IPv4Address
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: What `is_global` of Python 3.11 lets pass and no receiver can be: protocol assignments, relays of 6to4.
_NOT_HOSTS = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))


class Blocked(KifayatError):
    """An address that must not be connected to."""


@dataclass(frozen=True)
class Target:
    """A checked form of an address: where to connect to and what to ask for."""

    host: str
    port: int
    path: str
    is_tls: bool


def system_resolver(host: str, port: int) -> list[str]:
    """What the system says of a name."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Guard:
    """The rule, with the hosts (`host` or `host:port`) that the operator lists."""

    allow_hosts: frozenset[str] = frozenset()
    resolve: Resolver = system_resolver

    def is_listed(self, host: str, port: int) -> bool:
        """Whether the operator takes responsibility for a host."""
        return host.lower() in self.allow_hosts or f"{host.lower()}:{port}" in self.allow_hosts

    def target(self, url: str) -> Target:
        """Take an address apart. Raises Blocked, without repeating it: it may be a secret."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Blocked("the address is none", expected="https://host/path") from None
        host = parts.hostname or ""
        if not host or not url.isascii() or any(char.isspace() or not char.isprintable() for char in url):
            raise Blocked("the address is none", expected="https://host/path, in ASCII")
        if parts.username is not None or parts.password is not None:
            raise Blocked("the address holds a user or a password", where=host, fix="take the part before @ away")
        if parts.scheme != "https" and not (parts.scheme == "http" and self.is_listed(host, port)):
            raise Blocked("only https:// is sent to", where=host, fix="for a relay of your own, list it in allow_hosts")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(host, port, path, parts.scheme == "https")

    @contextmanager
    def connection(self, host: str, port: int, seconds: float) -> Iterator[socket.socket]:
        """A connection to a checked address of a host, cut off after `seconds`. Raises Blocked or OSError."""
        ends_at = monotonic() + seconds
        opened = self._connect(host, port, ends_at)
        handle = opened.dup()  # of our own: TLS takes the socket over
        cut = threading.Timer(max(0.0, ends_at - monotonic()), _shut, (handle,))
        cut.daemon = True
        cut.start()
        try:
            opened.settimeout(seconds)
            yield opened
        finally:
            cut.cancel()
            _shut(handle)
            handle.close()
            opened.close()

    def _connect(self, host: str, port: int, ends_at: float) -> socket.socket:
        failure: OSError = OSError("the name has no address")
        for address in self.addresses(host, port, ends_at - monotonic()):
            try:
                return socket.create_connection((address, port), timeout=max(0.1, ends_at - monotonic()))
            except OSError as error:
                failure = error
        raise failure

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The addresses of a host, all checked. Raises Blocked if one is not public, OSError if there is none."""
        found = list(dict.fromkeys(_within(seconds, lambda: self.resolve(host, port))))
        if not self.is_listed(host, port) and (bad := [address for address in found if not is_public(address)]):
            raise Blocked(
                f"{host} is {bad[0]}, an address that is not public", where=f"{host}:{port}",
                fix="for a relay of your own, list it in allow_hosts of the channel",
            )  # fmt: skip
        return found


def is_public(text: str) -> bool:
    """Whether an address is one of a host on the internet; IPv4 wrapped in IPv6 counts as what it wraps."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # with a scope (fe80::1%eth0), or no address
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(str(_V4(int(address) & 0xFFFFFFFF)))
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        wrapped = [address.sixtofour, *(address.teredo or ())]
        if not all(is_public(str(inner)) for inner in wrapped if inner is not None):
            return False
        if address not in _GLOBAL_V6 or address.is_site_local:
            return False
    elif any(address in network for network in _NOT_HOSTS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _within(seconds: float, ask: Callable[[], Sequence[str]]) -> Sequence[str]:
    """The answer of a name server within `seconds`: the system's own patience is longer and cannot be set."""
    found: list[Sequence[str]] = []
    failures: list[OSError] = []

    def run() -> None:
        try:
            found.append(ask())
        except (OSError, UnicodeError) as error:
            failures.append(error if isinstance(error, OSError) else OSError("the name is none"))

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(seconds)
    if failures:
        raise failures[0]
    if not found:
        raise TimeoutError("the name server did not answer")
    return found[0]


def _shut(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
