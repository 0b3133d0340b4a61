"""What a channel is: settings of its own, one way to write a parcel, one way to send it. A file each in channels/.

Not for who is told (route), nor for when and how often (deliver).
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, ValidationInfo, field_validator

from core import ChannelConfig, ConfigError, KifayatError, Registry, SecretConfig, discover_modules
from core.config import channel_faults
from core.sections import TagKeys
from notify.guard import Guard, Resolver, system_resolver
from notify.message import Message

#: Gives a secret at the moment of sending; for a draft it gives a mark in its place.
Reveal = Callable[[SecretConfig], str]
HIDDEN = "•••"


class ChannelSettings(ChannelConfig):
    """What every kind of channel may be told. A kind adds its own keys and knows no others.

    `allow_hosts`: hosts (`host` or `host:port`) inside that may be reached, also without TLS; `ca_file`: who signs
    their certificates, where it is nobody that the system trusts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    allow_hosts: TagKeys = ()
    ca_file: Path | None = None

    @field_validator("ca_file")
    @classmethod
    def _absolute(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        file = (info.context or {}).get("path")
        return None if value is None else ((file.parent if file else Path.cwd()) / value.expanduser()).resolve()


@dataclass(frozen=True)
class Parcel:
    """What is sent at once to one recipient: a message, or alerts of one topic. The id is the same at each attempt."""

    id: str
    messages: tuple[Message, ...]
    recipient: str
    at: datetime

    @property
    def title(self) -> str:
        """The title of the one message, or what the messages are together."""
        from notify.text import headline

        first = headline(self.messages[0])
        more = len(self.messages) - 1
        return first if not more else f"{first} (and {more} more)"


class Undelivered(KifayatError):
    """A parcel was not taken. `is_permanent`: trying again would not help. `retry_after`: the receiver said when.

    `is_channel`: whatever else is to be sent there now would fail too.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        is_permanent: bool = False,
        retry_after: timedelta | None = None,
        is_channel: bool = False,
    ) -> None:
        super().__init__(what, where=where)
        self.is_permanent = is_permanent
        self.retry_after = retry_after
        self.is_channel = is_channel


class Channel(ABC):
    """A way out. A kind is a module of channels/ whose `CHANNEL` is a subclass; its docstring is the catalogue's line.

    `groups`: whether alerts may travel together. `pause_seconds`: between two parcels, as the receiver wants it.
    """

    settings_type: ClassVar[type[ChannelSettings]]
    groups: ClassVar[bool] = True
    pause_seconds: ClassVar[float] = 0.0
    #: Ending of a draft's file.
    suffix: ClassVar[str] = ".json"

    def __init__(self, settings: Any, resolve: Resolver = system_resolver) -> None:
        self.settings = settings
        self.guard = Guard(frozenset(host.lower() for host in settings.allow_hosts), resolve)

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return str(self.settings.name)

    def recipients(self) -> tuple[str, ...]:
        """Who is told, each with a state of its own; "" where the channel is the recipient."""
        return ("",)

    def takes(self, message: Message) -> bool:
        """Whether the medium is one for such a message."""
        return bool(message.event_id)

    @abstractmethod
    def draft(self, parcel: Parcel) -> bytes:
        """What would be sent, as a file for people to look at. Secrets are hidden."""

    @abstractmethod
    def send(self, parcel: Parcel) -> None:
        """Send it. Raises Undelivered, Blocked, or ConfigError for a secret that is not there; never with a secret."""

    def faults(self) -> list[str]:
        """What can be known to be wrong before anything is sent: secrets that are not there."""
        found = []
        for value in vars(self.settings).values():
            for secret in value if isinstance(value, tuple) else (value,):
                if isinstance(secret, SecretConfig):
                    try:
                        secret.read()
                    except ConfigError as error:
                        found += [f"channels.{self.name}: {fault}" for fault in error.faults]
        return found

    def tls(self) -> ssl.SSLContext:
        """Certificates are verified, and the name in them. Raises ConfigError for a `ca_file` that is none."""
        try:
            return ssl.create_default_context(cafile=self.settings.ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError([f"channels.{self.name}: ca_file holds no certificate in PEM form"]) from None


@cache
def kinds() -> Registry[type[Channel]]:
    """Every kind of channel by name."""
    found = discover_modules("notify.channels", "channel")
    return Registry("channel", ((name, module.CHANNEL) for name, module in found.items()))


def channel_settings() -> dict[str, type[ChannelConfig]]:
    """The settings that each kind understands."""
    return {name: kind.settings_type for name, kind in kinds().items()}


def open_channels(
    configs: Sequence[ChannelConfig], path: Path | None = None, resolve: Resolver = system_resolver
) -> tuple[Channel, ...]:
    """The configured channels; `path` is the configuration's, for files named in it. Raises ConfigError."""
    known, opened, faults = kinds(), [], []
    context = {"path": path or Path.cwd() / "kifayat.toml"}
    for config in configs:
        table = config.model_dump()
        found = channel_faults(f"channels.{config.name}", table, channel_settings(), context["path"])
        faults += found
        if not found:
            kind = known[config.kind]
            opened.append(kind(kind.settings_type.model_validate(table, context=context), resolve))
    if faults:
        raise ConfigError(faults)
    return tuple(opened)
