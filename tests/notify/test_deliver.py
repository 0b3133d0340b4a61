"""Delivery: at least once, normally once; a dead letter is told once, and no channel waits for another."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta

import pytest
from hostile import HOSTILE, made_of
from office import alert, email, webhook

from core import ChannelConfig
from notify import Parcel, open_channels
from notify.deliver import wait_after
from warehouse import Ledger, outbox

pytestmark = pytest.mark.pure


def slack(web, name="slack", **more):
    return ChannelConfig(name=name, kind="slack", url={"env": "SLACK_URL"}, allow_hosts=[web.host], **more)


def test_with_nothing_to_send_nothing_is_opened(office, web):
    office.channels = [webhook(web)]
    office.post()
    assert office.deliver().sent == 0


def test_waits_double_are_spread_and_have_an_end():
    waits = [wait_after(attempt) for attempt in range(1, 31)]
    assert all(timedelta(seconds=22) <= wait <= timedelta(seconds=38) for wait in (wait_after(1) for _ in range(50)))
    assert len({wait_after(5) for _ in range(10)}) > 1
    assert max(waits) <= timedelta(minutes=75)
    assert timedelta(hours=15) < sum(waits, timedelta()) < timedelta(hours=35)
    assert wait_after(1, timedelta(hours=2)) == timedelta(hours=2)


def test_what_fails_for_a_day_is_given_up_and_not_before(office, web, box):
    web.script = [(503, {}, b"")] * 100
    office.channels = [webhook(web), email(box, topics=("operations",))]
    office.post(alert(topics=("finance",)))
    began = office.clock.now()
    while office.deliver().dead == 0:
        office.clock.advance(timedelta(minutes=75))
    assert len(web.requests) == 30
    assert office.clock.now() - began > timedelta(hours=24)
    assert office.states()["hook"] == "dead"


def test_a_dead_letter_is_told_once_a_day_through_another_channel_of_operations(office, web, box):
    web.script = [(404, {}, b"gone")] * 3
    office.channels = [webhook(web), email(box, topics=("operations",))]
    office.post(alert("a", topics=("finance",)), alert("b", topics=("finance",)))
    assert office.deliver().dead == 2
    assert office.deliver().sent == 1
    (mail,) = box.to("cfo@example.in")
    assert mail["Subject"] == "Urgent: hook could not be told"
    text = mail.get_body(("plain",)).get_content()
    assert "404: gone" in text
    assert "notify resend --dead" in text
    office.clock.advance(timedelta(days=1))
    office.post(alert("c", topics=("finance",)))
    office.deliver()
    assert office.deliver().sent == 1
    assert len(box.mails) == 2


def test_a_dead_letter_about_a_dead_letter_is_not_written(office, web, box):
    web.script = [(404, {}, b"gone")] * 3
    box.rcpt = lambda _: "550 no"
    office.channels = [webhook(web), email(box)]
    office.post(alert("a"))
    for _ in range(4):
        office.deliver()
    found = [(one.event_id.partition(":")[0], one.channel, one.state) for one in office.entries()]
    assert sorted(found) == [
        ("budget", "hook", "dead"), ("budget", "mail", "dead"), ("undelivered", "hook", "dead"),
        ("undelivered", "mail", "dead"),
    ]  # fmt: skip


def test_without_another_channel_a_dead_letter_is_still_there_to_be_seen(office, web):
    web.script = [(404, {}, b"gone")]
    office.channels = [webhook(web)]
    office.post(alert())
    assert office.deliver().all_dead == 1
    assert office.deliver().all_dead == 1


def test_a_message_for_a_channel_that_is_configured_no_more_is_a_dead_letter(office, web, box):
    office.channels = [webhook(web)]
    office.post(alert())
    office.channels = [email(box)]
    assert office.deliver().dead == 1
    assert "no channel is called hook any more" in office.entries("dead")[0].last_error
    assert office.deliver().sent == 1  # of which the other is told


def test_whoever_is_taken_off_a_channel_is_told_nothing_more(office, box):
    office.channels = [email(box, to=["cfo@example.in", "left@example.in"])]
    office.post(alert())
    office.channels = [email(box, to=["cfo@example.in"])]
    done = office.deliver()
    assert (done.sent, done.dead) == (1, 1)
    assert "no recipient of the channel any more" in office.entries("dead")[0].last_error


def test_slack_gets_about_one_message_a_second(office, web, monkeypatch):
    monkeypatch.setenv("SLACK_URL", web.url)
    office.channels = [slack(web)]
    office.post(*(alert(name) for name in "abc"))
    began = time.monotonic()
    assert office.deliver().sent == 3
    assert 2.0 <= time.monotonic() - began < 8


def test_a_message_that_a_channel_cannot_write_stops_no_other(office, web):
    """A body that was damaged in the ledger: what a defect in a channel would look like."""
    office.channels = [webhook(web)]
    office.post(alert("broken"), alert("good"))
    with closing(Ledger(office.file)) as ledger, ledger.transaction() as db:
        db.execute("UPDATE messages SET body = '{}' WHERE event_id LIKE '%broken%'")
    done = office.deliver()
    assert (done.sent, done.dead) == (1, 1)


@pytest.mark.parametrize("broken", ["first", "second"])
def test_a_channel_that_is_broken_stops_no_other(office, web, box, broken):
    bad = webhook(web, "bad").model_copy(update={"url": "http://127.0.0.1:9/", "allow_hosts": ["127.0.0.1"]})
    office.channels = [bad, webhook(web), email(box)] if broken == "first" else [webhook(web), email(box), bad]
    office.post(*(alert(name) for name in "abc"))
    done = office.deliver()
    assert (done.sent, done.failed) == (6, 1)


def test_a_draft_of_a_channel_needs_no_secret(office, web, monkeypatch):
    monkeypatch.delenv("SLACK_URL", raising=False)
    (channel,) = open_channels([slack(web)])
    assert b"has spent 80 %" in channel.draft(Parcel("x", (alert(),), "", office.clock.now()))


def test_what_kills_its_sender_each_time_is_given_up_in_the_end(office, web):
    office.channels = [webhook(web)]
    office.post(alert())
    with closing(Ledger(office.file)) as ledger:
        for _ in range(101):
            assert outbox.lease(ledger, "hook", office.clock.now()) is not None
            office.clock.advance(outbox.LEASE)
    assert office.deliver().dead == 1
    assert web.requests == []


def test_texts_of_strangers_pass_the_outbox(office, web, box):
    office.channels = [webhook(web), email(box)]
    office.post(*(made_of(text, event_id=f"e{number}", key="") for number, text in enumerate(HOSTILE)))
    assert office.deliver().sent == 2 * len(HOSTILE)
    assert all(len(one.title) <= 200 for one in office.entries())
