"""The ledger of pulls: what asking a provider took in requests, bytes and money, expected before and measured after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warehouse.ledger import Ledger


@dataclass(frozen=True)
class Pull:
    """One pull of one export. Instants are UTC; units are those of `ingest/lookups/api_prices.csv`.

    `parts`: those that were due, with those that `failed`; `ended_at` None: it runs, or its process is gone.
    """

    pull_id: int
    export: str
    started_at: datetime
    ended_at: datetime | None
    parts: int
    failed: int
    expected: Mapping[str, float]
    units: Mapping[str, float]
    calls: Mapping[str, int]
    expected_usd: float
    usd: float

    @property
    def requests(self) -> int:
        """Requests of any kind, repetitions included."""
        return sum(self.calls.values())


def start_pull(
    ledger: Ledger, export: str, now: datetime, parts: int, expected: Mapping[str, float], usd: float
) -> int:
    """Write down what a pull is expected to take, before it asks. Returns its id."""
    with ledger.transaction() as db:
        cursor = db.execute(
            "INSERT INTO pulls (export, started_at, parts, expected, expected_usd) VALUES (?, ?, ?, ?, ?)",
            (export, now.isoformat(), parts, _text(expected), usd),
        )
        return int(cursor.lastrowid or 0)


def end_pull(
    ledger: Ledger, pull_id: int, now: datetime | None, failed: int, units: Mapping[str, float],
    calls: Mapping[str, int], usd: float,
) -> None:  # fmt: skip
    """Write down what it took; without `now` what it took up to here: one that is killed is told too."""
    with ledger.transaction() as db:
        db.execute(
            "UPDATE pulls SET ended_at = ?, failed = ?, units = ?, calls = ?, usd = ? WHERE pull_id = ?",
            (None if now is None else now.isoformat(), failed, _text(units), _text(calls), usd, pull_id),
        )


def recent_pulls(ledger: Ledger, export: str = "", limit: int = 100) -> list[Pull]:
    """Pulls, newest first; of one export if it is named."""
    rows = ledger.rows("SELECT * FROM pulls WHERE ? IN ('', export) ORDER BY pull_id DESC LIMIT ?", (export, limit))
    return [_pull(row) for row in rows]


def forget_pulls(ledger: Ledger, before: datetime) -> int:
    """Drop pulls that started before; how many."""
    with ledger.transaction() as db:
        return db.execute("DELETE FROM pulls WHERE started_at < ?", (before.isoformat(),)).rowcount


def settled_at(ledger: Ledger, export: str, file_group: str) -> datetime | None:
    """When a part of an export was last taken, whether it brought news or not."""
    rows = ledger.rows(
        "SELECT MAX(seen_at) AS at FROM deliveries WHERE export = ? AND file_group = ? AND outcome <> 'refused'",
        (export, file_group),
    )
    return datetime.fromisoformat(rows[0]["at"]) if rows and rows[0]["at"] else None


def vacate(ledger: Ledger, export: str, file_group: str, fingerprint: str, now: datetime) -> int:
    """A part that holds nothing any more: what was loaded of it counts no longer. Returns how many loads that were.

    Bills stay, and so does what was measured: that a provider has forgotten it does not undo it.
    """
    with ledger.transaction() as db:
        gone = db.execute(
            "UPDATE loads SET is_current = 0 WHERE export = ? AND file_group = ? AND is_current"
            " AND kind NOT IN ('charges', 'utilization')",
            (export, file_group),
        ).rowcount
        db.execute(
            "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, 'empty', ?)",
            (export, file_group, fingerprint, now.isoformat()),
        )
        db.execute("DELETE FROM quarantine WHERE export = ? AND file = ?", (export, file_group))
        return gone


def _text(values: Mapping[str, float]) -> str:
    return json.dumps(dict(sorted(values.items())))


def _pull(row: Any) -> Pull:
    ended = row["ended_at"]
    return Pull(
        row["pull_id"], row["export"], datetime.fromisoformat(row["started_at"]),
        datetime.fromisoformat(ended) if ended else None, row["parts"], row["failed"],
        json.loads(row["expected"]), json.loads(row["units"]), json.loads(row["calls"]),
        row["expected_usd"], row["usd"],
    )  # fmt: skip
