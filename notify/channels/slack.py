"""Slack by an incoming webhook: a message in blocks; about one a second, as Slack wants it."""

from __future__ import annotations

from typing import Any

from core import SecretConfig
from notify.channel import ChannelSettings, Parcel, Reveal
from notify.message import Message
from notify.text import facts_of, fitted, headline, link_of
from notify.web import WebChannel

#: A section holds 3,000 characters, a message 50 blocks.
_SECTION = 2900


class Settings(ChannelSettings):
    """`url`: the address that Slack gave, which is a secret."""

    url: SecretConfig


def escape(text: str) -> str:
    """`&`, `<` and `>` are all that acts in Slack's text: mentions, links and <!channel> need them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Slack(WebChannel):
    """Alerts of one topic may come in one message."""

    settings_type = Settings
    pause_seconds = 1.0
    settings: Settings

    def address(self, reveal: Reveal) -> str:
        """The secret one."""
        return reveal(self.settings.url)

    def payload(self, parcel: Parcel, reveal: Reveal) -> dict[str, Any]:
        """`text` is what a notification shows; the id is visible, for Slack has no key that would tell duplicates."""
        blocks = [block for message in parcel.messages for block in self._blocks(message)]  # two a message
        blocks.append({"type": "context", "elements": [_text(fitted(parcel.id, 200, escape))]})
        return {"text": fitted(parcel.title, 300, escape), "blocks": blocks}

    def _blocks(self, message: Message) -> list[dict[str, Any]]:
        title = fitted(headline(message).replace("*", "∗"), 300, escape)
        summary = fitted(message.summary, _SECTION - 400, escape)
        link = f"\n<{escape(link_of(message)).replace('|', '%7C')}|Open the page>" if link_of(message) else ""
        blocks = [{"type": "section", "text": _text(f"*{title}*\n{summary}")}]
        facts = "\n".join(f"{escape(label)}: {escape(value)}" for label, value in facts_of(message, 12))
        if facts or link:
            lines = fitted_lines(facts, _SECTION - len(link))
            blocks.append({"type": "section", "text": _text((lines + link).strip())})
        return blocks


def fitted_lines(text: str, limit: int) -> str:
    """As many whole lines of an escaped text as there is room for."""
    while len(text) > limit:
        text = text.rpartition("\n")[0]
    return text


def _text(text: str) -> dict[str, Any]:
    """Verbatim: names of channels and addresses in it are not made into links."""
    return {"type": "mrkdwn", "text": text or "–", "verbatim": True}


CHANNEL = Slack
