"""The outbox: each message waits once for each recipient, one sender has it at a time, and a parcel keeps its id."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import BadValue
from warehouse import Ledger, outbox

pytestmark = pytest.mark.pure

NOW = datetime(2026, 7, 18, 6, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def ledger(storage: Path) -> Iterator[Ledger]:
    with closing(Ledger(storage / "ledger.sqlite")) as opened:
        yield opened


def put(
    ledger: Ledger,
    event: str,
    *recipients: str,
    key: str = "",
    topic: str = "",
    urgent: bool = False,
    at: datetime = NOW,
) -> bool:
    rows = [outbox.Receiver("mail", recipient, topic, urgent) for recipient in recipients or ("cfo",)]
    with ledger.transaction() as db:
        return outbox.put(db, event, "budget", "info", key, event.upper(), f"body of {event}", rows, at)


def take(ledger: Ledger, at: datetime = LATER, **more: object) -> outbox.Leased:
    leased = outbox.lease(ledger, "mail", at, **more)  # type: ignore[arg-type]
    assert leased is not None
    return leased


def test_the_same_event_is_written_once_however_often_it_is_found(ledger):
    assert put(ledger, "a", "cfo", "cto")
    assert not put(ledger, "a", "cfo", "cto", "ceo")
    assert [(one.event_id, one.recipient) for one in outbox.entries(ledger)] == [("a", "cfo"), ("a", "cto")]


def test_a_message_is_in_the_outbox_only_if_the_transaction_that_decided_it_is_committed(ledger):
    def decide_and_fail() -> None:
        with ledger.transaction() as db:
            outbox.put(db, "a", "budget", "info", "", "A", "a", [outbox.Receiver("mail", "cfo", "", False)], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        decide_and_fail()
    assert outbox.counts(ledger) == {"waiting": 0, "sent": 0, "dead": 0}


def test_two_senders_never_have_the_same_parcel(ledger):
    for number in range(40):
        put(ledger, f"e{number:02}")

    def send_all() -> list[str]:
        taken = []
        with closing(Ledger(ledger.path)) as own:
            while (leased := outbox.lease(own, "mail", LATER)) is not None:
                taken += leased.event_ids
                outbox.mark_sent(own, leased, LATER)
        return taken

    with ThreadPoolExecutor(3) as pool:
        taken = [event for found in pool.map(lambda _: send_all(), range(3)) for event in found]
    assert sorted(taken) == [f"e{number:02}" for number in range(40)]


def test_what_a_dead_sender_had_is_taken_over_when_its_lease_ends_and_not_before(ledger):
    put(ledger, "a")
    first = take(ledger)
    assert outbox.lease(ledger, "mail", LATER + outbox.LEASE - timedelta(seconds=1)) is None
    assert outbox.due_channels(ledger, LATER) == []
    again = take(ledger, LATER + outbox.LEASE)
    assert (again.parcel, again.attempts) == (first.parcel, 2)


def test_a_sender_that_comes_too_late_cannot_undo_what_another_did(ledger):
    put(ledger, "a")
    late = take(ledger)
    second = take(ledger, LATER + outbox.LEASE)
    outbox.mark_failed(ledger, late, "late", LATER + timedelta(days=1))
    with ledger.transaction() as db:
        assert not outbox.mark_dead(db, late, "late")
    outbox.mark_sent(ledger, second, LATER)
    outbox.mark_failed(ledger, second, "too late", LATER)
    assert [(one.state, one.last_error) for one in outbox.entries(ledger)] == [("sent", "")]


def test_the_end_of_an_incident_never_overtakes_its_beginning(ledger):
    put(ledger, "begin", key="k")
    put(ledger, "end", key="k")
    put(ledger, "other", key="o")
    begin = take(ledger)
    assert begin.event_ids == ("begin",)
    assert take(ledger).event_ids == ("other",)
    assert outbox.lease(ledger, "mail", LATER) is None
    outbox.mark_failed(ledger, begin, "busy", LATER + timedelta(hours=1))
    assert outbox.lease(ledger, "mail", LATER) is None
    outbox.mark_sent(ledger, take(ledger, LATER + timedelta(hours=1)), LATER)
    assert take(ledger, LATER + timedelta(hours=1)).event_ids == ("end",)


def test_a_clock_that_ran_ahead_for_a_while_keeps_nothing_back(ledger):
    """It was a year ahead when one message failed, another was leased and a third was written."""
    ahead = NOW + timedelta(days=365)
    put(ledger, "failed")
    outbox.mark_failed(ledger, take(ledger, ahead), "busy", ahead + timedelta(minutes=1))
    put(ledger, "leased", at=NOW)
    assert take(ledger, ahead).event_ids == ("leased",)
    put(ledger, "written", topic="finance", at=ahead)
    assert outbox.due_channels(ledger, LATER) == ["mail"]
    taken = [take(ledger, LATER, gather=timedelta(minutes=5)).event_ids for _ in range(3)]
    assert taken == [("failed",), ("leased",), ("written",)]
    assert outbox.lease(ledger, "mail", LATER) is None


def test_alerts_of_one_topic_wait_for_each_other_and_travel_together(ledger):
    gather = timedelta(minutes=5)
    put(ledger, "a", "cfo", "cto", topic="finance")
    put(ledger, "b", "cfo", topic="finance", at=NOW + timedelta(minutes=4))
    put(ledger, "c", "cfo", topic="engineering", at=NOW + timedelta(minutes=4))
    assert outbox.lease(ledger, "mail", NOW + timedelta(minutes=4), gather=gather) is None
    at = NOW + timedelta(minutes=5)
    first, second = take(ledger, at, gather=gather), take(ledger, at, gather=gather)
    assert (first.recipient, first.event_ids, first.bodies) == ("cfo", ("a", "b"), ("body of a", "body of b"))
    assert first.parcel.startswith("group:")
    assert (second.recipient, second.event_ids, second.parcel) == ("cto", ("a",), "a")
    assert outbox.lease(ledger, "mail", at, gather=gather) is None


def test_a_group_that_is_repeated_is_the_same_group_though_more_came(ledger):
    gather = timedelta(minutes=5)
    for event in "ab":
        put(ledger, event, topic="finance")
    first = take(ledger, gather=gather)
    put(ledger, "c", topic="finance")
    again = take(ledger, LATER + outbox.LEASE, gather=gather)
    assert (again.parcel, again.event_ids) == (first.parcel, ("a", "b"))
    assert take(ledger, LATER + outbox.LEASE, gather=gather).event_ids == ("c",)


def test_a_parcel_is_never_too_large(ledger):
    for number in range(outbox.GROUP_SIZE + 3):
        put(ledger, f"e{number:02}", topic="finance")
    assert len(take(ledger, gather=timedelta()).event_ids) == outbox.GROUP_SIZE
    assert len(take(ledger, gather=timedelta()).event_ids) == 3


def test_in_quiet_hours_only_what_is_urgent_is_taken_and_it_waits_for_no_company(ledger):
    put(ledger, "calm", topic="finance")
    put(ledger, "fire", topic="finance", urgent=True)
    taken = take(ledger, NOW, quiet=True, gather=timedelta(minutes=5))
    assert taken.event_ids == ("fire",)
    at = NOW + timedelta(seconds=90)
    assert outbox.lease(ledger, "mail", at, quiet=True, gather=timedelta(minutes=1)) is None
    assert take(ledger, at, gather=timedelta(minutes=1)).event_ids == ("calm",)


def test_a_channel_that_is_held_keeps_everything_back(ledger):
    put(ledger, "a")
    put(ledger, "b")
    outbox.mark_failed(ledger, take(ledger), "429", LATER + timedelta(minutes=3), hold_channel=True)
    assert outbox.lease(ledger, "mail", LATER + timedelta(minutes=2)) is None
    assert take(ledger, LATER + timedelta(minutes=3)).event_ids == ("a",)


def test_what_is_dead_can_be_sent_again_under_the_same_id(ledger):
    put(ledger, "a", "cfo", "cto")
    for _ in range(2):
        leased = take(ledger)
        if leased.recipient == "cfo":
            outbox.mark_sent(ledger, leased, LATER)
        else:
            with ledger.transaction() as db:
                assert outbox.mark_dead(db, leased, "no such user")
    assert outbox.counts(ledger) == {"waiting": 0, "sent": 1, "dead": 1}
    assert [one.last_error for one in outbox.entries(ledger, "dead")] == ["no such user"]
    assert outbox.resend(ledger, "a", LATER) == 1  # only to whom it is dead for
    again = take(ledger)
    assert (again.recipient, again.parcel, again.attempts) == ("cto", "a", 1)
    outbox.mark_sent(ledger, again, LATER)
    assert outbox.resend(ledger, "a", LATER) == 2  # everybody, where nobody's is dead
    assert outbox.resend(ledger, None, LATER) == 0
    put(ledger, "budget:Content")
    with pytest.raises(BadValue, match="did you mean budget:Content"):
        outbox.resend(ledger, "budget:Contnet", LATER)


def test_pruning_forgets_texts_of_what_was_sent_and_never_that_it_was_told(ledger):
    for event, key in (("old", ""), ("waiting", ""), ("begin", "k")):
        put(ledger, event, key=key)
        if event != "waiting":
            outbox.mark_sent(ledger, take(ledger), LATER)
            continue
        outbox.mark_failed(ledger, take(ledger), "busy", LATER + timedelta(hours=1))
    put(ledger, "new", at=LATER)
    assert outbox.prune(ledger, NOW) == 0
    assert outbox.prune(ledger, LATER + timedelta(hours=1)) == 1  # the incident is not over
    assert {one.event_id for one in outbox.entries(ledger)} == {"waiting", "begin", "new"}
    assert not put(ledger, "old")
    with pytest.raises(BadValue, match="not kept any more"):
        outbox.resend(ledger, "old", LATER)
    with ledger.transaction() as db:
        assert outbox.channels_told(db, "k") == {"mail"}
