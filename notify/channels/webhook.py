"""Any address of your own, signed after Standard Webhooks; two secrets while one replaces the other."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from pydantic import Field, field_validator

from core import ConfigError, SecretConfig
from notify.channel import ChannelSettings, Parcel, Reveal
from notify.text import facts_of, link_of, paragraph, plain
from notify.web import WebChannel


class Settings(ChannelSettings):
    """`secrets`: whsec_… in base64, the new one first; receivers take a message that one of them has signed."""

    url: str = Field(min_length=1)
    secrets: tuple[SecretConfig, ...] = Field(min_length=1, max_length=2)

    @field_validator("secrets", mode="before")
    @classmethod
    def _one_secret(cls, value: object) -> object:
        return (value,) if isinstance(value, dict) else value


class Webhook(WebChannel):
    """One event a request: machines do not read groups."""

    settings_type = Settings
    groups = False
    settings: Settings

    def address(self, reveal: Reveal) -> str:
        """As configured."""
        return self.settings.url

    def payload(self, parcel: Parcel, reveal: Reveal) -> dict[str, Any]:
        """Standard Webhooks: type, timestamp, data."""
        (message,) = parcel.messages
        return {
            "type": f"kifayat.{message.kind}.{message.action}",
            "timestamp": message.occurred_at.isoformat(),
            "data": {
                "event_id": message.event_id, "key": message.key, "severity": message.severity,
                "topics": list(message.topics), "title": plain(message.title, 500),
                "summary": paragraph(message.summary, 8000), "facts": dict(facts_of(message, 100)),
                "link": link_of(message),
            },
        }  # fmt: skip

    def headers(self, parcel: Parcel, body: bytes, reveal: Reveal) -> dict[str, str]:
        """webhook-id, the same at every attempt; webhook-timestamp of this one; webhook-signature, one for each secret.

        (Standard Webhooks 1.0: HMAC-SHA256 over id.timestamp.body)
        """
        event = f"msg_{hashlib.sha256(parcel.id.encode('utf-8', 'replace')).hexdigest()[:32]}"
        sent_at = str(int(parcel.at.timestamp()))
        signed = f"{event}.{sent_at}.".encode() + body
        keys = [self._key(reveal(secret)) for secret in self.settings.secrets]
        signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
        return {
            "webhook-id": event,
            "webhook-timestamp": sent_at,
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }

    def _key(self, secret: str) -> bytes:
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ConfigError([f"channels.{self.name}: a secret is not whsec_ with base64 behind it"]) from None

    def faults(self) -> list[str]:
        """Also secrets that are no base64."""
        found = super().faults()
        if not found:
            try:
                for secret in self.settings.secrets:
                    self._key(secret.read())
            except ConfigError as error:
                found += error.faults
        return found


CHANNEL = Webhook
