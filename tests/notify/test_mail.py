"""The mail: text and HTML tell the same, pictures are inside, files beside, and an incident is one conversation."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hostile import samples
from office import NOON, alert

from notify import Message, Parcel
from notify.mail import mail_of

pytestmark = pytest.mark.pure


def mail(*messages: Message) -> EmailMessage:
    """As a receiver reads it."""
    made = mail_of(Parcel(messages[0].event_id, messages, "cfo@example.in", NOON), "Kifayat <kifayat@example.in>")
    read = message_from_bytes(made.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def body(made: EmailMessage, kind: str) -> str:
    part = made.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_text_and_html_tell_the_same_facts():
    made = mail(alert(), alert("Quiz", facts=(("Left", "₹30 L"),)))
    for fact in ("₹1.20 Cr of ₹1.50 Cr", "Spent", "Quiz has spent 80 %", "Left", "₹30 L", "12:00 IST"):
        assert fact in body(made, "plain")
        assert fact in body(made, "html")
    assert made["Date"] == "Sat, 18 Jul 2026 06:30:00 +0000"
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["From"] == "Kifayat <kifayat@example.in>"


def test_a_report_keeps_its_own_body_its_picture_is_inside_and_its_table_beside():
    made = mail(samples()["report"])
    assert body(made, "plain").strip() == "₹5"
    assert 'src="cid:chart"' in body(made, "html")
    assert made.get_content_type() == "multipart/mixed"
    related = next(part for part in made.walk() if part.get_content_type() == "multipart/related")
    picture = next(part for part in related.walk() if part.get_content_type() == "image/png")
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<chart>", "inline")
    assert picture.get_content() == b"\x89PNG"
    assert [part.get_filename() for part in made.iter_attachments()] == ["week.xlsx"]


def test_beginning_and_end_of_an_incident_are_one_conversation_and_two_mails():
    begin, end = mail(alert()), mail(alert(event_id="end", action="resolve"))
    assert begin["References"] == end["References"]
    assert begin["Message-ID"] != end["Message-ID"]
    assert end["Subject"].startswith("Resolved: ")


def test_a_long_subject_in_an_indian_script_stays_whole():
    made = mail(alert(title="परीक्षा के दिन का खर्च " * 5))
    assert made["Subject"].startswith("Warning: परीक्षा के दिन का खर्च परीक्षा")
    assert all(len(line) <= 998 for line in made.as_bytes().splitlines())
