"""Posting: messages into the outbox, inside the transaction that decided them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from core.service_sections import ChannelConfig
from notify.message import SEVERITIES, Message
from warehouse.outbox import put_message


def post(db: sqlite3.Connection, messages: Iterable[Message], channels: Sequence[ChannelConfig], now: datetime) -> None:
    """Write each message once, and a row for every channel that wants to hear of it."""
    for message in messages:
        wanted = [
            one.name for one in channels
            if set(one.topics) & set(message.topics)
            and (message.action == "resolve"
                 or SEVERITIES.index(message.severity) >= SEVERITIES.index(one.min_severity))
        ]  # fmt: skip
        put_message(db, message.event_id, message.kind, message.severity, message.title, message.to_json(), wanted, now)
