"""Fault 20: a web receiver that is down, busy, redirects, hangs, closes or resets: nothing is lost silently."""

from __future__ import annotations

import json
import socket
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
from office import NEXT_SECRET, NOON, SECRET, alert, email, webhook
from standardwebhooks import Webhook, WebhookVerificationError

from notify import open_channels
from notify.web import WebChannel

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(WebChannel, "seconds", 1.0)


def ids(web) -> list[str]:
    return [headers["webhook-id"] for _, headers, _ in web.requests]


def test_a_message_arrives_signed_by_each_secret_as_the_reference_library_sees_it(office, web):
    office.channels = [webhook(web).model_copy(update={"secrets": ({"env": "NEXT_SECRET"}, {"env": "HOOK_SECRET"})})]
    office.post(alert("परीक्षा"))
    assert office.deliver().sent == 1
    path, headers, body = web.requests[0]
    assert path == "/hook"
    for secret in (SECRET, NEXT_SECRET):
        assert _verified(secret, body, headers)["data"]["title"].startswith("परीक्षा")
    with pytest.raises(WebhookVerificationError):
        _verified(SECRET, body.replace(b"80", b"81"), headers)
    with pytest.raises(WebhookVerificationError):
        _verified("whsec_" + "QUJD" * 8, body, headers)


def _verified(secret, body, headers):
    """The library compares the timestamp with the system's clock: it is told ours."""
    import standardwebhooks.webhooks as library

    class Clock(library.datetime):
        @classmethod
        def now(cls, tz=None):
            return NOON.astimezone(tz)

    real, library.datetime = library.datetime, Clock
    try:
        return Webhook(secret).verify(body.decode(), headers)
    finally:
        library.datetime = real


@pytest.mark.parametrize("status", [429, 500, 502, 503, 408])
def test_what_may_pass_is_tried_again_under_the_same_id(office, web, status):
    web.script = [(status, {}, b"later")]
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().failed == 1
    assert f"{status}" in office.entries()[0].last_error
    assert office.deliver().sent == 0  # not yet
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1
    assert len(set(ids(web))) == 1
    assert len(web.requests) == 2
    assert office.entries()[0].last_error == ""


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_for_the_whole_channel(office, web, form):
    value = "1800" if form == "seconds" else format_datetime(NOON + timedelta(minutes=30), usegmt=True)
    web.script = [(429, {"Retry-After": value}, b"")]
    office.channels = [webhook(web)]
    office.post(alert("a"), alert("b"))
    assert office.deliver().failed == 1
    office.clock.advance(timedelta(minutes=29))
    assert (office.deliver().sent, len(web.requests)) == (0, 1)
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 2


def test_a_retry_after_that_makes_no_sense_is_bounded_or_ignored(office, web):
    web.script = [(503, {"Retry-After": "999999999"}, b""), (503, {"Retry-After": "soon"}, b"")]
    office.channels = [webhook(web)]
    office.post(alert())
    office.deliver()
    assert office.entries()[0].next_at == NOON + timedelta(hours=6)
    office.clock.advance(timedelta(hours=6))
    assert office.deliver().failed == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_another_4xx_is_a_dead_letter_that_says_why_and_can_be_sent_again(office, web, status):
    web.script = [(status, {}, b"no_service")]
    office.channels = [webhook(web)]
    office.post(alert())
    done = office.deliver()
    assert (done.dead, done.all_dead) == (1, 1)
    assert office.entries("dead")[0].last_error == f"the answer was {status}: no_service. Where: 127.0.0.1."
    office.clock.advance(timedelta(days=1))
    assert office.deliver().sent == 0
    assert office.resend() == 1
    assert office.deliver().sent == 1
    assert len(set(ids(web))) == 1


def test_a_redirect_is_not_followed_wherever_it_leads(office, web):
    web.script = [(302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b"")]
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().dead == 1
    assert "redirects are not followed" in office.entries()[0].last_error
    assert len(web.requests) == 1


def test_a_receiver_that_is_down_is_tried_again_until_it_is_up(office, web):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = webhook(web)
    office.channels = [config.model_copy(update={"url": f"http://127.0.0.1:{port}/", "allow_hosts": ["127.0.0.1"]})]
    office.post(alert("a"), alert("b"))
    assert office.deliver().failed == 1  # the other one is not even tried
    assert "refused" in office.entries()[-1].last_error
    office.channels = [config]
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 2


@pytest.mark.parametrize("answer", ["hang", "trickle"])
def test_a_receiver_that_never_ends_costs_its_seconds_and_no_other_channel(office, web, box, answer):
    web.script = [answer]
    office.channels = [webhook(web), email(box)]
    office.post(alert("a"))
    began = time.monotonic()
    done = office.deliver()
    assert time.monotonic() - began < 3
    assert (done.sent, done.failed) == (1, 1)
    assert office.states() == {"hook": "waiting", "mail cfo@example.in": "sent"}
    assert office.entries("waiting")[0].last_error.startswith(
        {"hang": "no answer", "trickle": "the answer was 500"}[answer]
    )


def test_a_receiver_that_takes_and_closes_without_a_word_gets_it_again_under_the_same_id(office, web):
    web.script = ["close"]
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().failed == 1
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1


def test_a_200_is_an_answer_though_the_connection_is_reset_behind_it(office, web):
    web.script = ["reset"]
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().sent == 1
    assert len(web.requests) == 1


def test_of_a_huge_answer_only_the_beginning_is_read(office, web):
    web.script = [(500, {}, b"x" * 50_000_000), (200, {}, b"y" * 50_000_000)]
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().failed == 1
    assert len(office.entries()[0].last_error) < 300
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1


def test_what_a_receiver_repeats_of_a_secret_is_not_kept(office, web, monkeypatch):
    url = f"{web.url}/T000/B000/verysecretpath"
    monkeypatch.setenv("SLACK_URL", url)
    web.script = [(404, {}, f"no such hook: /hook/T000/B000/verysecretpath, {url}, verysecretpath".encode())]
    config = {"name": "slack", "kind": "slack", "url": {"env": "SLACK_URL"}, "allow_hosts": [web.host]}
    office.channels = [type(webhook(web))(**config)]
    office.post(alert())
    assert office.deliver().dead == 1
    assert "verysecretpath" not in office.entries()[0].last_error + "".join(office.said)
    (channel,) = open_channels(office.channels)
    assert "verysecretpath" not in repr(channel.settings) + repr(channel)


def test_a_secret_that_is_not_there_keeps_the_message_until_it_is(office, web, monkeypatch):
    monkeypatch.delenv("HOOK_SECRET")
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().failed == 1
    assert "HOOK_SECRET" in office.entries()[0].last_error
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    office.clock.advance(timedelta(minutes=1))
    assert office.deliver().sent == 1
    assert json.loads(web.requests[0][2])["type"] == "kifayat.budget.trigger"
