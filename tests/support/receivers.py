"""Receivers that are real servers on this machine: HTTP, HTTPS and SMTP that answer as they are told."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: What a receiver does: (status, headers, body), a word (hang, trickle, close, reset), or what a call gives.
Answer = tuple[int, dict[str, str], bytes] | str | Callable[[], Any]
OK: Answer = (200, {}, b"ok")


@dataclass
class Web:
    """What an HTTP receiver got. `script` holds the next answers; after it everything is 200."""

    port: int = 0
    script: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """As `allow_hosts` wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Without TLS."""
        return f"http://{self.host}/hook"


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # whoever sent it was killed
        web = self.web
        answer = web.script.pop(0) if web.script else OK
        if answer != "close":  # what was read but not noted counts as lost
            web.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        self.close_connection = True
        answer = answer() if callable(answer) else answer
        if answer == "hang":
            web.done.wait(30)
        elif answer == "trickle":  # never longer than a second without a byte, never an end
            with_line = b"HTTP/1.1 500 slow\r\n"
            while not web.done.is_set():
                try:
                    self.connection.sendall(with_line)
                except OSError:
                    return
                with_line = b"x-more: y\r\n"
                web.done.wait(0.2)
        elif answer == "close":
            return
        elif answer == "reset":  # 200, and the connection breaks in the body
            self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nok")
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            assert isinstance(answer, tuple)
            status, headers, said = answer
            self.send_response(status)
            for key, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            try:
                self.wfile.write(said)
            except OSError:
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what the tests are about."""


@contextmanager
def web_receiver(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """An HTTP receiver on this machine; with `tls` an HTTPS one."""
    web = Web()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"web": web}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.done.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """What an SMTP receiver took. `rcpt` and `data` give an answer for an address; None is a yes."""

    port: int = 0
    mails: list[tuple[str, EmailMessage]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    rcpt: Callable[[str], str | None] = lambda _: None
    data: Callable[[str], str | None] = lambda _: None

    @property
    def host(self) -> str:
        """As `allow_hosts` wants it."""
        return f"127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to an address."""
        return [mail for recipient, mail in self.mails if recipient == address]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.attempts.append(address)
        if (refusal := self.rcpt(address)) is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        (address,) = envelope.rcpt_tos
        answer = self.data(address)
        if answer is not None and answer != "drop":
            return answer
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((address, mail))
        if answer == "drop":  # taken, and nobody is told
            server.transport.abort()
        return "250 taken"


@contextmanager
def mail_receiver(tls: ssl.SSLContext | None = None, **more: Any) -> Iterator[Mailbox]:
    """An SMTP receiver on this machine; with `tls` it offers STARTTLS."""
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]

    class _Controller(Controller):
        def factory(self) -> SMTP:
            return SMTP(box, tls_context=tls, require_starttls=tls is not None, **more)

    controller = _Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass(frozen=True)
class Authority:
    """A certificate authority of our own: `ca_file`, and contexts of servers that it vouches for."""

    ca_file: Path
    folder: Path
    key: Any
    certificate: x509.Certificate

    def server(self, name: str) -> ssl.SSLContext:
        """A server's context with a certificate for a name or an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            names: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            names = x509.DNSName(name)
        made = (
            _builder(name, self.certificate.subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{name}-{time.monotonic_ns()}.pem"
        file.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def authority(folder: Path) -> Authority:
    """A new authority, its certificate in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
    made = (
        _builder("Authority of a test", name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "ca.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return Authority(file, folder, key, made)


def _builder(name: str, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2090, 1, 1))
    )


def _pem(key: Any) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made
