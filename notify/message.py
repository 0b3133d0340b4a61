"""What is told: one message, whatever the channel. Every medium escapes it in its own way; nothing here is markup.

Not for who gets it (route) or how it travels (channels/).
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from core.service_sections import Severity, Topic

Kind = Literal["budget", "anomaly", "health", "weekly", "monthly", "test"]
Action = Literal["tell", "trigger", "resolve"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error", "critical")


@dataclass(frozen=True)
class Attachment:
    """A file that travels with a mail. With a `content_id` it is a picture that the HTML shows (cid:…)."""

    name: str
    content: bytes
    media_type: str
    content_id: str = ""


@dataclass(frozen=True)
class Message:
    """One event as people and machines are told of it.

    `event_id` is deterministic (`budget:Content:2026:actual:80`): the same event is the same message, so that a
    duplicate can be known. `key` is what trigger and resolve of one incident share. `summary` is plain text; `facts`
    are labels with texts that are ready to read. `html` and `text` are the body of a mail where it is more than
    title, summary and facts.
    """

    event_id: str
    kind: Kind
    title: str
    summary: str
    occurred_at: datetime
    severity: Severity = "info"
    topics: tuple[Topic, ...] = ("finance", "engineering")
    action: Action = "tell"
    key: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    @property
    def is_urgent(self) -> bool:
        """Whether it is told at any hour."""
        return self.severity in ("error", "critical")

    def to_json(self) -> str:
        """As it is kept in the outbox."""
        rows = asdict(self) | {"occurred_at": self.occurred_at.isoformat()}
        for row in rows["attachments"]:
            row["content"] = base64.b64encode(row["content"]).decode()
        return json.dumps(rows)  # in ASCII: also what is no UTF-8 comes back as it was

    @classmethod
    def from_json(cls, text: str) -> Message:
        """What `to_json` wrote."""
        rows: dict[str, Any] = json.loads(text)
        made = cls(**rows)
        return replace(
            made,
            occurred_at=datetime.fromisoformat(rows["occurred_at"]),
            topics=tuple(rows["topics"]),
            facts=tuple((label, value) for label, value in rows["facts"]),
            attachments=tuple(
                Attachment(**(row | {"content": base64.b64decode(row["content"])})) for row in rows["attachments"]
            ),
        )
