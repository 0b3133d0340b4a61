"""Every channel: whatever it is told it can write, inert and within its limits; and it knows what may pass."""

from __future__ import annotations

import html as html_module
import json
import re
import socket
import traceback
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, made_of, samples
from office import NOON
from receivers import Mailbox, Web, mail_receiver, web_receiver

from core import ChannelConfig, ConfigError
from notify import Channel, Parcel, Undelivered, kinds, open_channels
from warehouse import outbox

pytestmark = pytest.mark.pure

KINDS = sorted(kinds())
SAMPLES = samples()
#: What every secret of a test holds: it may be seen nowhere.
TOKEN = "c2VjcmV0LXRva2VuLW9mLXRoZS10ZXN0"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_receiver() as made:
        yield made


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mail_receiver() as made:
        yield made


@pytest.fixture
def make(web: Web, box: Mailbox, tmp_path: Path) -> Callable[..., Channel]:
    """A channel of a kind, its secrets in files."""
    address, token = tmp_path / "address", tmp_path / "token"
    token.write_text(f"whsec_{TOKEN}\n")
    key, listed = {"file": str(token)}, {"allow_hosts": ["127.0.0.1"]}

    def made(kind: str, *, port: int = 0, **more: Any) -> Channel:
        url = f"http://127.0.0.1:{port or web.port}/hook"
        address.write_text(f"{url}/{TOKEN}?key={TOKEN}\n")
        keys: dict[str, dict[str, Any]] = {
            "email": {"host": "127.0.0.1", "port": port or box.port, "security": "none", "sender": "K <k@example.in>",
                      "to": "a@b.in"},
            "webhook": {"url": url, "secrets": (key,)},
            "pagerduty": {"url": url, "routing_key": key},
        }  # fmt: skip
        facts = keys.get(kind, {"url": {"file": str(address)}}) | listed | more
        return open_channels([ChannelConfig(name="one", kind=kind, **facts)])[0]

    return made


def parcel(*messages: Any, recipient: str = "a@b.in") -> Parcel:
    return Parcel(messages[0].event_id, messages, recipient, NOON)


def texts(value: Any) -> Iterator[str]:
    """Every text in a piece of JSON."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_says_what_it_is_and_which_keys_it_has(kind):
    channel = kinds()[kind]
    module = __import__(channel.__module__, fromlist=["_"])
    assert len(module.__doc__.split("\n")[0]) > 30
    assert {"allow_hosts", "topics", "min_severity"} < set(channel.settings_type.model_fields)
    assert channel.settings_type.__doc__


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_channel_writes_and_sends_every_message_it_takes(make, web, box, kind, name):
    channel, message = make(kind), SAMPLES[name]
    if not channel.takes(message):
        assert message.kind in ("weekly", "monthly")
        return
    before = len(web.requests) + len(box.mails)
    draft = channel.draft(parcel(message))
    channel.send(parcel(message))
    assert len(web.requests) + len(box.mails) == before + 1
    size = len(box.mails[-1][1].as_bytes()) if kind == "email" else len(web.requests[-1][2])
    assert size < 60_000, "a text of a stranger can be of any length"
    assert TOKEN.encode() not in draft


@pytest.mark.parametrize("text", ["<&>" * 3000, "प" * 9000])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kinds()[kind].groups])
def test_a_group_of_the_longest_messages_is_within_the_limits(make, kind, text):
    channel = make(kind)
    messages = [made_of(text, event_id=f"e{number}") for number in range(outbox.GROUP_SIZE)]
    draft = channel.draft(parcel(*messages))
    limits = {"teams": 28_000, "google_chat": 32_000, "slack": 200_000, "email": 1_000_000}
    compact = draft if kind == "email" else json.dumps(json.loads(draft), ensure_ascii=False).encode()
    assert len(compact) < limits[kind]
    if kind == "slack":
        blocks = json.loads(draft)["blocks"]
        assert len(blocks) <= 50
        assert all(len(text) <= 3000 for text in texts(blocks))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") or name.startswith("on")]


OURS = {
    "html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "th", "h1", "p", "a", "br", "b", "i"
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_inert_in_html_and_adds_no_header(make, text):
    mail = message_from_bytes(make("email").draft(parcel(made_of(text))), policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["To"] == "a@b.in"
    assert set(mail.keys()) == {
        "Subject", "From", "To", "Date", "Message-ID", "References", "Auto-Submitted", "X-Auto-Response-Suppress",
        "MIME-Version", "Content-Type",
    }  # fmt: skip
    page = mail.get_body(("html",)).get_content()
    tags = _Tags()
    tags.feed(page)
    assert tags.seen <= OURS
    assert all(link.startswith("https://kifayat.example.in/") for link in tags.links)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\0]", page + mail.get_body(("plain",)).get_content())
    assert "49" not in page  # the template is not read twice


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_inert_in_chats(make, text):
    message = made_of(text, link="")
    for one in texts(json.loads(make("slack").draft(parcel(message)))):
        assert "<" not in one
        assert not re.search(r"&(?!amp;|lt;|gt;)", one)
    card = json.loads(make("teams").draft(parcel(message)))["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}  # no Markdown, so no links and no pictures
    assert not any("{{" in one for one in texts(card["body"]))
    for one in texts(json.loads(make("google_chat").draft(parcel(message)))):
        tags = _Tags()
        tags.feed(one)
        assert tags.seen <= {"b", "br", "i"}
    for kind in ("slack", "teams", "google_chat", "pagerduty", "webhook"):
        body = json.loads(make(kind).draft(parcel(message)))
        shown = [one for one in texts(body) if one != message.event_id and one != message.key]
        assert not any(re.search("[\u202a-\u202e\u2066-\u2069\0\r]", one) for one in shown)


def test_an_ordinary_text_is_shown_as_it_is(make):
    message = made_of("R&D <beta> 5 % – ₹1,20,000 परीक्षा", link="https://k.example/a?b=1&c=2")
    for kind in KINDS:
        draft = make(kind).draft(parcel(message))
        if kind == "email":
            mail = message_from_bytes(draft, policy=policy.default)
            shown = mail["Subject"] + html_module.unescape(mail.get_body(("html",)).get_content())
        else:
            shown = html_module.unescape("".join(texts(json.loads(draft))))
        assert "R&D <beta> 5 % – ₹1,20,000 परीक्षा" in shown
        assert "https://k.example/a?b=1&c=2" in shown


@pytest.mark.parametrize("kind", KINDS)
def test_a_repetition_bears_the_same_id_where_the_receiver_looks_for_it(make, web, box, kind):
    channel, message = make(kind), SAMPLES["bare"]
    for _ in range(2):
        channel.send(parcel(message))
    if kind == "email":
        first, second = (mail["Message-ID"] for _, mail in box.mails[-2:])
    elif kind == "webhook":
        first, second = (headers["webhook-id"] for _, headers, _ in web.requests[-2:])
    else:
        first, second = (json.loads(body) for _, _, body in web.requests[-2:])
        assert any(message.event_id in text for text in texts(first))
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("answer", "is_permanent"), [("503", False), ("404", True), ("down", False)])
def test_a_channel_tells_what_passes_from_what_does_not_and_no_secret(make, web, box, kind, answer, is_permanent):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    channel = make(kind, port=port) if answer == "down" else make(kind)
    web.script = [(503 if answer == "503" else 404, {}, f"sorry, /hook/{TOKEN}?key={TOKEN} whsec_{TOKEN}".encode())]
    box.rcpt = lambda _: {"503": "450 busy", "404": "550 none"}[answer]
    try:
        with pytest.raises(Undelivered) as caught:
            channel.send(parcel(SAMPLES["bare"]))
    finally:
        web.script, box.rcpt = [], lambda _: None
    assert caught.value.is_permanent is is_permanent
    seen = "".join(traceback.format_exception(caught.value)) + repr(channel) + repr(channel.settings)
    assert TOKEN not in seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_names_the_secret_that_is_not_there(make, kind):
    channel = make(kind)
    if kind == "email":
        channel = make(kind, username="k", password={"env": "NOT_SET_ANYWHERE"})
    else:
        for secret in channel.settings.model_dump().values():
            for one in secret if isinstance(secret, tuple) else (secret,):
                if isinstance(one, dict):
                    Path(one["file"]).unlink()
    assert channel.faults()
    with pytest.raises(ConfigError):
        channel.send(parcel(SAMPLES["bare"]))
