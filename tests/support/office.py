"""An office for tests: a ledger, channels to receivers of this machine, a clock; and the alerts that it posts."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from receivers import Mailbox, Web

from core import AlertsConfig, ChannelConfig, FixedClock
from notify import Delivered, Message, deliver, open_channels, post
from notify.guard import Resolver, system_resolver
from warehouse import Ledger, outbox

NOON = datetime(2026, 7, 18, 6, 30, tzinfo=UTC)  # in India
#: In base64, as Standard Webhooks wants it.
SECRET, NEXT_SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtMTIz", "whsec_bmV4dC1uZXh0LW5leHQtbmV4dC1uZXh0"


def alert(name: str = "Content", **more: Any) -> Message:
    """An alert about a budget, as it is posted."""
    facts: dict[str, Any] = {
        "event_id": f"budget:{name}:2026:actual:80",
        "kind": "budget",
        "title": f"{name} has spent 80 % of its budget",
        "summary": "₹1.20 Cr of ₹1.50 Cr are spent with 8 months to go.",
        "occurred_at": NOON,
        "severity": "warning",
        "action": "trigger",
        "key": f"budget:{name}:2026",
        "facts": (("Spent", "₹1.20 Cr"), ("Budget", "₹1.50 Cr")),
        "link": "https://kifayat.example.in/budgets",
    }
    return Message(**(facts | more))


def webhook(web: Web, name: str = "hook", **more: Any) -> ChannelConfig:
    return ChannelConfig(
        name=name, kind="webhook", url=web.url, secrets=({"env": "HOOK_SECRET"},), allow_hosts=[web.host], **more
    )


def email(box: Mailbox, name: str = "mail", to: tuple[str, ...] = ("cfo@example.in",), **more: Any) -> ChannelConfig:
    facts: dict[str, Any] = {
        "host": "127.0.0.1", "port": box.port, "security": "none", "allow_hosts": [box.host],
        "sender": "Kifayat <kifayat@example.in>", "to": to,
    }  # fmt: skip
    return ChannelConfig(name=name, kind="email", **(facts | more))


class Office:
    """A ledger with its channels and a clock: what is posted here is delivered when a test says so."""

    def __init__(self, storage: Path, resolve: Resolver = system_resolver) -> None:
        self.file = storage / "ledger.sqlite"
        self.clock = FixedClock(NOON)
        self.channels: list[ChannelConfig] = []
        self.alerts = AlertsConfig(group_minutes=0)
        self.resolve = resolve
        self.said: list[str] = []

    def post(self, *messages: Message) -> list[str]:
        with closing(Ledger(self.file)) as ledger, ledger.transaction() as db:
            return post(db, messages, self.channels, self.clock.now())

    def deliver(self) -> Delivered:
        channels = open_channels(self.channels, resolve=self.resolve)
        return deliver(self.file, channels, self.alerts, self.clock, self.said.append)

    def entries(self, state: outbox.State | None = None) -> list[outbox.Entry]:
        with closing(Ledger(self.file)) as ledger:
            return outbox.entries(ledger, state)

    def states(self) -> dict[str, str]:
        """Channel, with recipient if there is one -> state; for tests of one message."""
        return {f"{one.channel} {one.recipient}".strip(): one.state for one in self.entries()}

    def resend(self, event_id: str | None = None) -> int:
        with closing(Ledger(self.file)) as ledger:
            return outbox.resend(ledger, event_id, self.clock.now())
