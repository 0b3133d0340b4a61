"""A parcel as a mail: text and HTML with the same words, pictures inside, files beside. Not for how it travels.

Whatever came from outside is escaped by the template and cannot add a header.
"""

from __future__ import annotations

import hashlib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Any

from core import IST
from notify.channel import Parcel
from notify.message import Attachment, Message
from notify.text import facts_of, headline, link_of, paragraph, plain

_TEMPLATES = Path(__file__).parent / "templates"
_COLOURS = {"info": "#5b6472", "warning": "#c77700", "error": "#c0392b", "critical": "#8e1b1b"}
_RESOLVED = "#2e7d4f"


def mail_of(parcel: Parcel, sender: str) -> EmailMessage:
    """The mail to one recipient. The Message-ID comes from the parcel's id and the recipient: it is stable."""
    first = parcel.messages[0]
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = plain(parcel.title, 200)
    mail["From"] = formataddr((name, address))
    mail["To"] = parcel.recipient
    mail["Date"] = format_datetime(parcel.at)
    mail["Message-ID"] = f"<{_digest(parcel.id, parcel.recipient)}@{domain}>"
    if first.key and len(parcel.messages) == 1:  # what belongs to one incident is shown as one conversation
        mail["References"] = f"<{_digest(first.key, parcel.recipient)}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    is_whole = len(parcel.messages) == 1 and first.html
    mail.set_content(first.text if is_whole and first.text else text_of(parcel))
    mail.add_alternative(first.html if is_whole else html_of(parcel), subtype="html")
    files = [file for message in parcel.messages for file in message.attachments]
    html: Any = mail.get_payload()[-1]  # type: ignore[index]  # a multipart now
    for file in files:
        if file.content_id:
            _attach(html.add_related, file, cid=f"<{plain(file.content_id, 100)}>", disposition="inline")
    for file in files:
        if not file.content_id:
            _attach(mail.add_attachment, file)
    return mail


def _attach(add: Any, file: Attachment, **more: str) -> None:
    kind, _, subtype = file.media_type.partition("/")
    add(file.content, kind, subtype, filename=plain(file.name, 100), **more)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def text_of(parcel: Parcel) -> str:
    """The text part."""
    blocks = []
    for message in parcel.messages:
        facts = facts_of(message)
        width = max((len(label) for label, _ in facts), default=0)
        block = [headline(message), "", paragraph(message.summary, 4000), ""]
        block += [f"{label:<{width}}  {value}" for label, value in facts]
        block += ["", link_of(message)] if link_of(message) else []
        blocks.append("\n".join(block).rstrip())
    return ("\n\n" + "-" * 40 + "\n\n").join(blocks) + f"\n\n-- \n{_when(parcel)}. Sent by Kifayat. {_id(parcel)}\n"


def html_of(parcel: Parcel) -> str:
    """The HTML part: tables, styles in their places, light and dark."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    page = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return page.get_template("alert.html").render(
        title=plain(parcel.title, 200),
        preview=plain(parcel.messages[0].summary, 140),
        told=[_told(message) for message in parcel.messages],
        when=_when(parcel),
        id=_id(parcel),
    )


def _told(message: Message) -> dict[str, Any]:
    colour = _RESOLVED if message.action == "resolve" else _COLOURS[message.severity]
    return {
        "colour": colour, "headline": headline(message), "summary": paragraph(message.summary, 4000).split("\n"),
        "facts": facts_of(message), "link": link_of(message),
    }  # fmt: skip


def _when(parcel: Parcel) -> str:
    return f"{parcel.messages[0].occurred_at.astimezone(IST):%-d %B %Y, %H:%M} IST"


def _id(parcel: Parcel) -> str:
    return plain(parcel.id, 120)
