"""The outbox: what waits to be told, was told, or could not be; a state for each message, channel and recipient.

A sender leases a parcel, sends it, and writes down what became of it. A sender that dies in between leaves the lease to
run out: the parcel is sent once more under the same id. Not for how anything travels: that is `notify`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from core import BadValue, nearest
from warehouse.ledger import Ledger

State = Literal["waiting", "sent", "dead"]

#: How long a sender may take for one parcel before another may try.
LEASE = timedelta(seconds=120)
#: Nothing waits, or is leased, for longer: an instant further away was written by a clock that ran ahead.
LONGEST = timedelta(hours=8)
#: So many messages travel in one parcel at most.
GROUP_SIZE = 10


@dataclass(frozen=True)
class Receiver:
    """One recipient of a message on one channel. `topic`: what it may travel together by; "" is alone."""

    channel: str
    recipient: str
    topic: str
    is_urgent: bool


@dataclass(frozen=True)
class Leased:
    """What one sender has until `until`: one message or a group, to one recipient. Oldest first.

    `attempts`: how often it was begun, this time included; `failures`: how many of them are known to have failed.
    """

    parcel: str
    channel: str
    recipient: str
    event_ids: tuple[str, ...]
    titles: tuple[str, ...]
    bodies: tuple[str, ...]
    attempts: int
    failures: int
    until: datetime


@dataclass(frozen=True)
class Entry:
    """One row as people look at it."""

    event_id: str
    channel: str
    recipient: str
    state: str
    severity: str
    title: str
    made_at: datetime
    attempts: int
    next_at: datetime
    sent_at: datetime | None
    last_error: str


def put(
    db: sqlite3.Connection,
    event_id: str,
    kind: str,
    severity: str,
    key: str,
    title: str,
    body: str,
    receivers: Iterable[Receiver],
    now: datetime,
) -> bool:
    """Write a message and to whom it goes, inside the transaction that decided it. False: it was there before."""
    made = db.execute(
        "INSERT OR IGNORE INTO messages (event_id, kind, severity, key, title, body, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (event_id, kind, severity, key, title, body, _text(now)),
    )
    if not made.rowcount:
        return False
    db.executemany(
        "INSERT INTO outbox (event_id, channel, recipient, topic, is_urgent, state, next_at)"
        " VALUES (?, ?, ?, ?, ?, 'waiting', ?)",
        [(event_id, one.channel, one.recipient, one.topic, one.is_urgent, _text(now)) for one in receivers],
    )
    return True


def channels_told(db: sqlite3.Connection, key: str) -> set[str]:
    """Channels that were, or will be, told of an incident."""
    rows = db.execute("SELECT DISTINCT channel FROM outbox JOIN messages USING (event_id) WHERE key = ?", (key,))
    return {row[0] for row in rows}


_DUE = (
    "AND (o.next_at <= :now OR o.next_at > :ahead)"
    " AND (o.lease_until IS NULL OR o.lease_until <= :now OR o.lease_until > :ahead)"
)


def due_channels(ledger: Ledger, now: datetime) -> list[str]:
    """Channels for which something is to be sent."""
    rows = ledger.rows(
        f"SELECT DISTINCT o.channel FROM outbox o WHERE o.state = 'waiting' {_DUE} ORDER BY o.channel",
        {"now": _text(now), "ahead": _text(now + LONGEST)},
    )
    return [row["channel"] for row in rows]


#: Waiting, due, nobody's; not in quiet hours; and no earlier message of the same incident still waits for this
#: recipient, so that the end of an incident never overtakes its beginning.
_READY = (
    f" FROM outbox o JOIN messages m USING (event_id) WHERE o.channel = :channel AND o.state = 'waiting' {_DUE}"
    " AND (o.is_urgent OR NOT :quiet)"
    " AND (m.key = '' OR NOT EXISTS (SELECT 1 FROM messages n JOIN outbox e ON e.event_id = n.event_id"
    " WHERE n.key = m.key AND n.key <> '' AND n.rowid < m.rowid AND e.channel = o.channel"
    " AND e.recipient = o.recipient AND e.state = 'waiting'))"
)
_FIRST = (
    "SELECT o.event_id, o.recipient, o.topic, o.parcel"
    + _READY
    + " AND (o.is_urgent OR o.topic = '' OR o.parcel <> '' OR m.made_at <= :gathered OR m.made_at > :now)"
    " ORDER BY m.rowid LIMIT 1"
)
_COMPANY = (
    "SELECT o.event_id"
    + _READY
    + " AND o.recipient = :recipient AND o.topic = :topic AND o.parcel = '' ORDER BY m.rowid LIMIT :size"
)


def lease(
    ledger: Ledger, channel: str, now: datetime, *, quiet: bool = False, gather: timedelta | None = None
) -> Leased | None:
    """The next parcel of a channel, for this sender alone until the lease runs out; None where nothing is due.

    `quiet`: only what is urgent. `gather`: alerts of one topic wait so long for each other and travel in one parcel
    (None: each alone). What is in a parcel is settled here and stays, so that a repetition is the same parcel.
    """
    asked = {
        "channel": channel, "now": _text(now), "quiet": quiet, "size": GROUP_SIZE,
        "gathered": _text(now - (gather or timedelta())), "ahead": _text(now + LONGEST),
    }  # fmt: skip
    with ledger.transaction() as db:
        first = db.execute(_FIRST, asked).fetchone()
        if first is None:
            return None
        recipient, parcel, events = first["recipient"], first["parcel"], [first["event_id"]]
        if not parcel:
            if gather is not None and first["topic"]:
                asked |= {"recipient": recipient, "topic": first["topic"]}
                events = [row["event_id"] for row in db.execute(_COMPANY, asked)]
            parcel = _parcel_of(events)
            db.executemany(
                "UPDATE outbox SET parcel = ? WHERE event_id = ? AND channel = ? AND recipient = ?",
                [(parcel, event_id, channel, recipient) for event_id in events],
            )
        until = now + LEASE
        db.execute(
            "UPDATE outbox SET lease_until = ?, attempts = attempts + 1"
            " WHERE channel = ? AND recipient = ? AND parcel = ? AND state = 'waiting'",
            (_text(until), channel, recipient, parcel),
        )
        rows = db.execute(
            "SELECT o.event_id, m.title, m.body, o.attempts, o.failures FROM outbox o JOIN messages m USING (event_id)"
            " WHERE o.channel = ? AND o.recipient = ? AND o.parcel = ? AND o.state = 'waiting' ORDER BY m.rowid",
            (channel, recipient, parcel),
        ).fetchall()
    return Leased(
        parcel, channel, recipient, tuple(row["event_id"] for row in rows), tuple(row["title"] for row in rows),
        tuple(row["body"] for row in rows), max(row["attempts"] for row in rows),
        max(row["failures"] for row in rows), until,
    )  # fmt: skip


def _parcel_of(event_ids: Sequence[str]) -> str:
    """The id under which messages travel: that of the one, or one made from all of them."""
    if len(event_ids) == 1:
        return event_ids[0]
    return "group:" + hashlib.sha256("\n".join(sorted(event_ids)).encode()).hexdigest()[:32]


def mark_sent(ledger: Ledger, leased: Leased, at: datetime) -> None:
    """It was sent, even if the lease has run out meanwhile."""
    with ledger.transaction() as db:
        db.executemany(
            "UPDATE outbox SET state = 'sent', sent_at = ?, lease_until = NULL, last_error = ''"
            " WHERE event_id = ? AND channel = ? AND recipient = ?",
            [(_text(at), *key) for key in _keys(leased)],
        )


def mark_failed(ledger: Ledger, leased: Leased, error: str, next_at: datetime, *, hold_channel: bool = False) -> None:
    """It is tried again at `next_at`; with `hold_channel` nothing of the channel is tried before."""
    with ledger.transaction() as db:
        db.executemany(
            "UPDATE outbox SET lease_until = NULL, failures = failures + 1, last_error = ?, next_at = ?"
            " WHERE event_id = ? AND channel = ? AND recipient = ? AND lease_until = ? AND state = 'waiting'",
            [(error, _text(next_at), *key, _text(leased.until)) for key in _keys(leased)],
        )
        if hold_channel:
            db.execute(
                "UPDATE outbox SET next_at = ? WHERE channel = ? AND state = 'waiting' AND next_at < ?",
                (_text(next_at), leased.channel, _text(next_at)),
            )


def mark_dead(db: sqlite3.Connection, leased: Leased, error: str) -> bool:
    """It is given up, inside a transaction. False: another sender has taken it over meanwhile."""
    done = [
        db.execute(
            "UPDATE outbox SET state = 'dead', lease_until = NULL, last_error = ?"
            " WHERE event_id = ? AND channel = ? AND recipient = ? AND lease_until = ? AND state = 'waiting'",
            (error, *key, _text(leased.until)),
        ).rowcount
        for key in _keys(leased)
    ]
    return any(done)


def _keys(leased: Leased) -> list[tuple[str, str, str]]:
    return [(event_id, leased.channel, leased.recipient) for event_id in leased.event_ids]


def resend(ledger: Ledger, event_id: str | None, now: datetime) -> int:
    """Let a message wait anew for everybody, or for those it is dead for; None: everything that is dead. How many rows.

    Raises BadValue for an unknown event, and for one whose body was pruned.
    """
    with ledger.transaction() as db:
        if event_id is not None:
            rows = db.execute("SELECT event_id, body <> '' AS is_kept FROM messages")
            known = {row["event_id"]: row["is_kept"] for row in rows}
            if event_id not in known:
                near = nearest(event_id, known)
                raise BadValue(
                    f"no message has the id {event_id!r}" + (f"; did you mean {near}?" if near else ""),
                    fix="`kifayat notify list` shows them",
                )
            if not known[event_id]:
                raise BadValue(f"{event_id} was sent so long ago that its text is not kept any more")
        again = db.execute(
            "UPDATE outbox SET state = 'waiting', attempts = 0, failures = 0, next_at = :now, lease_until = NULL,"
            " parcel = ''"
            " WHERE (:event IS NULL AND state = 'dead') OR (event_id = :event AND (state = 'dead' OR (state = 'sent'"
            " AND NOT EXISTS (SELECT 1 FROM outbox d WHERE d.event_id = :event AND d.state = 'dead'))))",
            {"now": _text(now), "event": event_id},
        )
        return again.rowcount


def counts(ledger: Ledger) -> dict[str, int]:
    """How many rows wait, were sent, are dead."""
    rows = ledger.rows("SELECT state, COUNT(*) AS n FROM outbox GROUP BY state")
    return {"waiting": 0, "sent": 0, "dead": 0} | {row["state"]: row["n"] for row in rows}


def entries(ledger: Ledger, state: State | None = None, limit: int = 1000) -> list[Entry]:
    """Rows of the outbox, newest message first; of one state, or all."""
    rows = ledger.rows(
        "SELECT o.*, m.severity, m.title, m.made_at FROM outbox o JOIN messages m USING (event_id)"
        " WHERE :state IS NULL OR o.state = :state ORDER BY m.rowid DESC, o.channel, o.recipient LIMIT :limit",
        {"state": state, "limit": limit},
    )
    return [
        Entry(row["event_id"], row["channel"], row["recipient"], row["state"], row["severity"], row["title"],
              datetime.fromisoformat(row["made_at"]), row["attempts"], datetime.fromisoformat(row["next_at"]),
              datetime.fromisoformat(row["sent_at"]) if row["sent_at"] else None, row["last_error"])
        for row in rows
    ]  # fmt: skip


def prune(ledger: Ledger, before: datetime) -> int:
    """Drop rows, and bodies, of messages that everybody was sent before an instant; how many messages.

    That they were told is remembered for ever: the same event is never told again.
    """
    with ledger.transaction() as db:
        old = [
            (row["event_id"],)
            for row in db.execute(
                "SELECT event_id FROM messages m WHERE body <> '' AND made_at < :before AND NOT EXISTS (SELECT 1"
                " FROM outbox o WHERE o.event_id = m.event_id AND (o.state <> 'sent' OR o.sent_at >= :before))"
                # whoever was told of an incident is told of its end
                " AND (key = '' OR EXISTS (SELECT 1 FROM messages n WHERE n.key = m.key AND n.rowid > m.rowid))",
                {"before": _text(before)},
            )
        ]
        db.executemany("DELETE FROM outbox WHERE event_id = ?", old)
        db.executemany("UPDATE messages SET body = '' WHERE event_id = ?", old)
    return len(old)


def _text(at: datetime) -> str:
    """Instants of one length, so that they compare as texts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
