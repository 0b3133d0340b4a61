"""Runs of jobs as far as the page of alerts shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from warehouse.ledger import Ledger


@dataclass(frozen=True)
class Run:
    """One run of a job. Instants are UTC; `result` is one line."""

    job: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    attempt: int
    result: str
    error: str


def last_runs(ledger: Ledger) -> dict[str, Run]:
    """Per job its last run."""
    rows = ledger.rows("SELECT * FROM runs WHERE rowid IN (SELECT MAX(rowid) FROM runs GROUP BY job) ORDER BY job")
    return {
        row["job"]: Run(
            row["job"], row["state"], datetime.fromisoformat(row["started_at"]),
            None if row["ended_at"] is None else datetime.fromisoformat(row["ended_at"]), row["attempt"],
            row["result"], row["error"],
        )
        for row in rows
    }  # fmt: skip
