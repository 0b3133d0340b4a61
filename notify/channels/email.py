"""E-mail by SMTP with TLS: text and HTML, one transaction for each recipient, the same Message-ID at every attempt."""

from __future__ import annotations

import smtplib
import socket
from contextlib import suppress
from email.errors import MessageError
from email.utils import parseaddr
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from core import SecretConfig
from core.sections import one_or_many
from notify.channel import Channel, ChannelSettings, Parcel, Undelivered
from notify.mail import mail_of
from notify.text import plain

#: Seconds for one mail with its attachments.
_SECONDS = 40.0
#: Answers about the connection or the login, not about the mail (RFC 5321, 4954).
_OF_THE_CHANNEL = (421, 530, 534, 535, 538)


def _address(value: str) -> str:
    name, _, domain = value.partition("@")
    if not name or not domain or not value.isascii() or any(char in ' ,;<>"()@\\' for char in name + domain):
        raise ValueError(f"{value!r} is no address such as cfo@example.in")
    return value


def _sender(value: str) -> str:
    _address(parseaddr(value)[1])
    return plain(value, 200)


class Settings(ChannelSettings):
    """`to`: each of them has a state of its own. `security`: "none" only for a host of `allow_hosts`."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, AfterValidator(_sender)]
    to: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1)
    username: str | None = None
    password: SecretConfig | None = None

    @field_validator("to", mode="before")
    @classmethod
    def _one_recipient(cls, value: object) -> object:
        return one_or_many(value)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.security == "none" and not {self.host, f"{self.host}:{self.port}"} & set(self.allow_hosts):
            raise ValueError('security = "none" sends mails in the clear: list the host in allow_hosts to allow it')
        return self


class Email(Channel):
    """Mails to the addresses of `to`."""

    settings_type = Settings
    suffix = ".eml"
    settings: Settings

    def recipients(self) -> tuple[str, ...]:
        """The addresses."""
        return tuple(dict.fromkeys(self.settings.to))

    def draft(self, parcel: Parcel) -> bytes:
        """The mail."""
        return mail_of(parcel, self.settings.sender).as_bytes()

    def send(self, parcel: Parcel) -> None:
        """One SMTP transaction."""
        settings, mail = self.settings, mail_of(parcel, self.settings.sender)
        password = settings.password.read() if settings.password else ""
        try:
            with self.guard.connection(settings.host, settings.port, _SECONDS) as raw:
                is_tls = settings.security == "tls"
                opened = self.tls().wrap_socket(raw, server_hostname=settings.host) if is_tls else raw
                server = _Connected(opened, settings.host, settings.port, parseaddr(settings.sender)[1])
                if settings.security == "starttls":
                    server.starttls(context=self.tls())  # or an error: never in the clear instead
                if settings.username is not None:
                    server.login(settings.username, password)
                server.send_message(mail, to_addrs=[parcel.recipient])
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()  # it was taken, whatever happens to the connection now
        except smtplib.SMTPAuthenticationError as error:  # a password may be mended, and the mail is not at fault
            raise self._undelivered(error.smtp_code, "the login was refused", is_channel=True) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = error.recipients[parcel.recipient]
            raise self._undelivered(code, _said(said)) from None
        except smtplib.SMTPResponseException as error:
            is_channel = isinstance(error, (smtplib.SMTPHeloError, smtplib.SMTPConnectError))
            raise self._undelivered(error.smtp_code, _said(error.smtp_error), is_channel=is_channel) from None
        except (smtplib.SMTPException, OSError) as error:
            reason = "it took too long" if isinstance(error, TimeoutError) else plain(str(error), 160)
            raise Undelivered(f"no mail was taken: {reason}", where=settings.host, is_channel=True) from None
        except (MessageError, ValueError) as error:
            raise Undelivered(f"no mail could be made: {type(error).__name__}", is_permanent=True) from None

    def _undelivered(self, code: int, said: str, *, is_channel: bool = False) -> Undelivered:
        is_channel = is_channel or code in _OF_THE_CHANNEL
        return Undelivered(
            f"the server said {code} {plain(said, 200)}", where=self.settings.host,
            is_permanent=500 <= code < 600 and not is_channel, is_channel=is_channel,
        )  # fmt: skip


class _Connected(smtplib.SMTP):
    """SMTP over a connection that is there already, to a checked address."""

    def __init__(self, opened: socket.socket, host: str, port: int, sender: str) -> None:
        self._opened = opened
        # never the name of this machine, which would ask the name server and tell it to everybody
        super().__init__(host, port, local_hostname=sender.rpartition("@")[2])

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._opened


def _said(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


CHANNEL = Email
