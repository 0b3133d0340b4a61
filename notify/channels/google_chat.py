"""Google Chat by the webhook of a space: a card; one a second and space, as Google wants it."""

from __future__ import annotations

import html
from typing import Any

from core import SecretConfig
from notify.channel import ChannelSettings, Parcel, Reveal
from notify.message import Message
from notify.text import facts_of, fitted, headline, link_of
from notify.web import WebChannel


class Settings(ChannelSettings):
    """`url`: the address that the space gave, which is a secret."""

    url: SecretConfig


def escape(text: str) -> str:
    """Texts of a card are a little HTML; mentions exist only outside of cards."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def _bare(text: str) -> str:
    """For places of which the manual does not say whether they read HTML."""
    return text.replace("<", "‹").replace(">", "›")


class GoogleChat(WebChannel):
    """A card of at most 32 KB; alerts of one topic may come in one."""

    settings_type = Settings
    pause_seconds = 1.0
    settings: Settings

    def address(self, reveal: Reveal) -> str:
        """The secret one."""
        return reveal(self.settings.url)

    def payload(self, parcel: Parcel, reveal: Reveal) -> dict[str, Any]:
        """The id is visible: a webhook has no key that would tell duplicates."""
        room = 16_000 // len(parcel.messages)
        sections = [self._section(message, room) for message in parcel.messages]
        sections.append({"widgets": [_paragraph(f"<i>{fitted(parcel.id, 200, escape)}</i>")]})
        card = {"header": {"title": "Kifayat"}, "sections": sections}
        return {
            "cardsV2": [{"cardId": "kifayat", "card": card}],
            "fallbackText": fitted(parcel.title, 300, _bare),
        }

    def _section(self, message: Message, room: int) -> dict[str, Any]:
        title = fitted(headline(message), 400, escape)
        widgets = [_paragraph(f"<b>{title}</b><br>{fitted(message.summary, max(300, room // 4), escape)}")]
        for label, value in facts_of(message, *((12, 300) if room > 4000 else (2, 100))):
            widgets.append({"decoratedText": {"topLabel": _bare(label), "text": escape(value), "wrapText": True}})
        if link := link_of(message):
            button = {"text": "Open the page", "onClick": {"openLink": {"url": link}}}
            widgets.append({"buttonList": {"buttons": [button]}})
        return {"widgets": widgets}


def _paragraph(text: str) -> dict[str, Any]:
    return {"textParagraph": {"text": text}}


CHANNEL = GoogleChat
