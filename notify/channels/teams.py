"""Microsoft Teams by a Workflows address: an Adaptive Card. The flow belongs to a person: give it a second owner."""

from __future__ import annotations

from typing import Any

from core import SecretConfig
from notify.channel import ChannelSettings, Parcel, Reveal
from notify.message import Message
from notify.text import facts_of, headline, link_of, paragraph, plain
from notify.web import WebChannel

_COLOURS = {"info": "default", "warning": "warning", "error": "attention", "critical": "attention"}


class Settings(ChannelSettings):
    """`url`: the address of the flow, which is a secret."""

    url: SecretConfig


class Teams(WebChannel):
    """Every text is a TextRun, which knows no Markdown, so that there is nothing to escape. A card holds 28 KB."""

    settings_type = Settings
    pause_seconds = 0.5
    settings: Settings

    def address(self, reveal: Reveal) -> str:
        """The secret one."""
        return reveal(self.settings.url)

    def payload(self, parcel: Parcel, reveal: Reveal) -> dict[str, Any]:
        """The card in the envelope that a flow expects."""
        room = 4000 if len(parcel.messages) == 1 else 1600 // len(parcel.messages)
        body = [block for message in parcel.messages for block in self._blocks(message, room)]
        body.append(_block(_run(plain(parcel.id, 120), size="Small", isSubtle=True)))
        links = dict.fromkeys(link for message in parcel.messages if (link := link_of(message)))
        card: dict[str, Any] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
            "fallbackText": plain(parcel.title, 200), "body": body,
            "actions": [{"type": "Action.OpenUrl", "title": "Open the page", "url": link} for link in links][:4],
        }  # fmt: skip
        content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        return {"type": "message", "attachments": [content]}

    def _blocks(self, message: Message, room: int) -> list[dict[str, Any]]:
        colour = "good" if message.action == "resolve" else _COLOURS[message.severity]
        blocks = [
            _block(_run(headline(message), size="Medium", weight="Bolder", color=colour)),
            _block(_run(paragraph(message.summary, room))),
        ]
        for label, value in facts_of(message, *((12, 300) if room == 4000 else (2, 80))):
            blocks.append(_block(_run(f"{label}: ", isSubtle=True), _run(value)) | {"spacing": "Small"})
        return blocks


def _block(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **style: Any) -> dict[str, Any]:
    """A run of text. `{{` would begin a date that the card works out."""
    return {"type": "TextRun", "text": text.replace("{{", "{ {") or "–", **style}


CHANNEL = Teams
