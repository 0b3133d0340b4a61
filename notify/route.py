"""Who is told: channels by topic and severity, and the hours in which nobody is disturbed.

`post` writes a message and its receivers in the transaction that decided it. Nothing is sent here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from core import IST, AlertsConfig, ChannelConfig
from notify.channel import Channel, open_channels
from notify.message import SEVERITIES, Message
from notify.text import plain
from warehouse import outbox

#: Kinds that may travel together; the others are read one by one.
_ALERTS = ("budget", "anomaly", "health")


def post(
    db: sqlite3.Connection, messages: Iterable[Message], channels: Sequence[ChannelConfig], now: datetime
) -> list[str]:
    """Write messages into the outbox, inside `ledger.transaction()`. The ids of those that were not there before.

    The end of an incident goes to whom its beginning went, whatever its severity.
    """
    opened = open_channels(channels)
    return [message.event_id for message in messages if _post(db, message, opened, now)]


def _post(db: sqlite3.Connection, message: Message, channels: Sequence[Channel], now: datetime) -> bool:
    told = outbox.channels_told(db, message.key) if message.action == "resolve" and message.key else set()
    return outbox.put(
        db, message.event_id, message.kind, message.severity, message.key, plain(message.title, 200), message.to_json(),
        receivers(message, channels, told), now,
    )  # fmt: skip


def receivers(message: Message, channels: Sequence[Channel], told: Iterable[str] = ()) -> list[outbox.Receiver]:
    """To whom a message goes: channels of one of its topics from their severity on, or those that were `told`."""
    told = set(told)
    found = []
    for channel in channels:
        topics = [topic for topic in message.topics if topic in channel.settings.topics]
        # a report is no alert: who is told of a topic gets its report
        is_severe = message.kind not in _ALERTS or (
            SEVERITIES.index(message.severity) >= SEVERITIES.index(channel.settings.min_severity)
        )
        wanted = channel.name in told if told else bool(topics) and is_severe
        if wanted and channel.takes(message):
            topic = topics[0] if topics and channel.groups and message.kind in _ALERTS else ""
            # what closes an incident in a machine wakes nobody
            is_urgent = message.is_urgent or (message.action == "resolve" and not channel.groups)
            found += [outbox.Receiver(channel.name, recipient, topic, is_urgent) for recipient in channel.recipients()]
    return found


def is_quiet(alerts: AlertsConfig, now: datetime) -> bool:
    """Whether only what is urgent is told now. Quiet hours are IST, from the first minute to before the last."""
    begin, end = alerts.quiet_from, alerts.quiet_until
    if begin is None or end is None:
        return False
    at = now.astimezone(IST).time()
    return begin <= at < end if begin <= end else at >= begin or at < end
