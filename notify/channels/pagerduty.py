"""PagerDuty, Events API v2: an incident is triggered and resolved under one key. Reports are no incidents."""

from __future__ import annotations

import hashlib
from typing import Any

from core import SecretConfig
from notify.channel import ChannelSettings, Parcel, Reveal
from notify.message import Message
from notify.text import facts_of, headline, link_of, plain
from notify.web import WebChannel

#: Limits of the API: 255 characters of a key, 1,024 of a summary.
_KEY, _SUMMARY = 255, 1024


class Settings(ChannelSettings):
    """`routing_key`: of an integration of the type Events API v2. `url`: another region's address."""

    routing_key: SecretConfig
    url: str = "https://events.pagerduty.com/v2/enqueue"


class PagerDuty(WebChannel):
    """One event a request, with `dedup_key`: PagerDuty itself tells duplicates."""

    settings_type = Settings
    groups = False
    settings: Settings

    def takes(self, message: Message) -> bool:
        """A weekly report wakes nobody."""
        return message.kind not in ("weekly", "monthly")

    def address(self, reveal: Reveal) -> str:
        """That of the region."""
        return self.settings.url

    def payload(self, parcel: Parcel, reveal: Reveal) -> dict[str, Any]:
        """A trigger, or the resolve of the same key."""
        (message,) = parcel.messages
        key = message.key or message.event_id
        event: dict[str, Any] = {
            "routing_key": reveal(self.settings.routing_key),
            "event_action": "resolve" if message.action == "resolve" else "trigger",
            "dedup_key": key if len(key) <= _KEY else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest(),
            "payload": {
                "summary": plain(f"{headline(message)}: {message.summary}", _SUMMARY),
                "source": "kifayat",
                "severity": message.severity,
                "timestamp": message.occurred_at.isoformat(),
                "class": message.kind,
                "custom_details": {"event_id": plain(parcel.id, 300), **dict(facts_of(message))},
            },
        }
        if link := link_of(message):
            event["links"] = [{"href": link, "text": "Open the page"}]
        return event


CHANNEL = PagerDuty
