"""The outbox as far as alerts need it: a message written once, and what waits or was given up."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from warehouse.ledger import Ledger


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


def put_message(
    db: sqlite3.Connection, event_id: str, kind: str, severity: str, title: str, body: str, channels: Sequence[str],
    now: datetime,
) -> bool:  # fmt: skip
    """Write a message and to whom it goes, inside the transaction that decided it. False: it was there before."""
    at = now.astimezone(UTC).isoformat()
    made = db.execute(
        "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, ?)", (event_id, kind, severity, title, body, at)
    )
    if made.rowcount:
        db.executemany(
            "INSERT INTO outbox (event_id, channel, recipient, state, next_at) VALUES (?, ?, '', 'waiting', ?)",
            [(event_id, channel, at) for channel in channels],
        )
    return bool(made.rowcount)


def entries(ledger: Ledger, state: str | None = None, limit: int = 1000) -> list[Entry]:
    """Rows of the outbox, newest message first; of one state, or all."""
    rows = ledger.rows(
        "SELECT o.*, m.severity, m.title, m.made_at FROM outbox o JOIN messages m USING (event_id)"
        " WHERE ?1 IS NULL OR o.state = ?1 ORDER BY m.rowid DESC, o.channel, o.recipient LIMIT ?2",
        (state, limit),
    )
    return [
        Entry(row["event_id"], row["channel"], row["recipient"], row["state"], row["severity"], row["title"],
              datetime.fromisoformat(row["made_at"]), row["attempts"], datetime.fromisoformat(row["next_at"]),
              datetime.fromisoformat(row["sent_at"]) if row["sent_at"] else None, row["last_error"])
        for row in rows
    ]  # fmt: skip
