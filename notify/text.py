"""Text of others made fit for a medium: one line, bounded, without characters that act. Escaping is each channel's own.

Tag values and resource names are written by strangers: they are shown, and never do anything.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable

from notify.message import Message

#: Marks, embeddings, overrides and isolates of writing direction: they make a text read other than it is.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str, limit: int) -> str:
    """One line of at most `limit` characters: control characters are spaces, directions are gone."""
    text = _DIRECTION.sub("", text[: limit * 4])
    text = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs") else char for char in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def paragraph(text: str, limit: int) -> str:
    """As `plain`, but lines stay lines."""
    lines = [plain(line, limit) for line in text[: limit * 4].split("\n")]
    whole = "\n".join(lines).strip()
    return whole if len(whole) <= limit else whole[: limit - 1].rstrip() + "…"


def fitted(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """A paragraph that has at most `limit` characters once it is escaped; no escape is cut in two."""
    text = paragraph(text, limit)
    if len(escape(text)) <= limit:
        return escape(text)
    too_long = bisect_right(range(len(text)), limit - 1, key=lambda kept: len(escape(text[:kept])))
    return escape(text[: too_long - 1]) + "…"


def headline(message: Message) -> str:
    """The title with what it is about: whether something began or ended, and how bad it is."""
    if message.action == "resolve":
        word = "Resolved: "
    else:
        word = {"critical": "Critical: ", "error": "Urgent: ", "warning": "Warning: "}.get(message.severity, "")
    return word + plain(message.title, 150)


def facts_of(message: Message, most: int = 20, length: int = 300) -> list[tuple[str, str]]:
    """Labels with texts, each one line of at most `length` characters."""
    return [(plain(label, 60), plain(value, length)) for label, value in message.facts[:most]]


def link_of(message: Message) -> str:
    """The address of the page if it is one of the web, else nothing."""
    link = plain(message.link, 2000)
    return link if link.startswith(("https://", "http://")) and " " not in link else ""
