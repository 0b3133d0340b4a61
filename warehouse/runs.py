"""The ledger of runs: what every job did and when, so that a restarted service knows what is behind.

A run is `running` until it ends: done, failed, stopped (asked to), or crashed (nobody holds its lane's lock any more).
What started later than now is of a clock that was set back since: it says nothing of the present.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from warehouse.ledger import Ledger

State = Literal["running", "done", "failed", "crashed", "stopped"]
#: Job by job along the index: the ledger holds thousands of runs, and is asked twice a minute.
_LAST: Final = """
WITH RECURSIVE jobs (job) AS (
    SELECT MIN(job) FROM runs
    UNION ALL
    SELECT (SELECT MIN(job) FROM runs WHERE job > jobs.job) FROM jobs WHERE jobs.job IS NOT NULL
)
SELECT runs.* FROM jobs JOIN runs ON runs.rowid = (
    SELECT rowid FROM runs AS r
    WHERE r.job = jobs.job AND r.started_at <= ? AND r.state LIKE ?
    ORDER BY r.started_at DESC, r.rowid DESC LIMIT 1
)
"""
STATES: Final[tuple[State, ...]] = ("running", "done", "failed", "crashed", "stopped")


@dataclass(frozen=True)
class Run:
    """One run of a job. Instants are UTC; `attempt` counts from the last run that was done; `result` is one line."""

    run_id: str
    job: str
    scheduled_for: datetime
    attempt: int
    state: State
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    pid: int
    result: str
    error: str


def start_run(ledger: Ledger, job: str, scheduled_for: datetime, now: datetime, pid: int) -> Run:
    """Write down that a job starts. The caller holds the lock of its lane."""
    with ledger.transaction() as db:
        number = db.execute("SELECT COALESCE(MAX(rowid), 0) + 1 FROM runs").fetchone()[0]
        attempt = (
            1
            + db.execute(
                "SELECT COUNT(*) FROM runs WHERE job = ? AND rowid >"
                " (SELECT COALESCE(MAX(rowid), 0) FROM runs WHERE job = ? AND state = 'done')",
                (job, job),
            ).fetchone()[0]
        )
        run = Run(f"{job}-{number}", job, scheduled_for, attempt, "running", now, now, None, pid, "", "")
        db.execute(
            "INSERT INTO runs (run_id, job, scheduled_for, attempt, state, started_at, heartbeat_at, pid)"
            " VALUES (?, ?, ?, ?, 'running', ?, ?, ?)",
            (run.run_id, job, scheduled_for.isoformat(), attempt, now.isoformat(), now.isoformat(), pid),
        )
    return run


def beat(ledger: Ledger, run_id: str, now: datetime) -> None:
    """Write down that the run's process is alive."""
    with ledger.transaction() as db:
        db.execute("UPDATE runs SET heartbeat_at = ? WHERE run_id = ?", (now.isoformat(), run_id))


def end_run(ledger: Ledger, run_id: str, state: State, now: datetime, *, result: str = "", error: str = "") -> None:
    """Write down how a run ended; one that has ended already keeps its end."""
    with ledger.transaction() as db:
        db.execute(
            "UPDATE runs SET state = ?, ended_at = ?, heartbeat_at = ?, result = ?, error = ?"
            " WHERE run_id = ? AND state = 'running'",
            (state, now.isoformat(), now.isoformat(), result, error, run_id),
        )


def abandon_runs(ledger: Ledger, jobs: Collection[str], now: datetime, state: State, error: str) -> list[Run]:
    """End what is still `running` of these jobs, as of its last sign of life; returns those runs.

    The caller holds the lock of their lane, so whoever wrote `running` is dead.
    """
    dead = [run for run in running(ledger) if run.job in jobs]
    for run in dead:
        end_run(ledger, run.run_id, state, min(now, run.heartbeat_at), error=error)
    return dead


def running(ledger: Ledger) -> list[Run]:
    """What says that it runs."""
    return [_run(row) for row in ledger.rows("SELECT * FROM runs WHERE state = 'running' ORDER BY rowid")]


def recent_runs(ledger: Ledger, job: str = "", limit: int = 50) -> list[Run]:
    """The last runs, newest first, of one job or of all."""
    where, params = ("WHERE job = ? ", [job]) if job else ("", [])
    rows = ledger.rows(f"SELECT * FROM runs {where}ORDER BY rowid DESC LIMIT ?", [*params, limit])
    return [_run(row) for row in rows]


def last_runs(ledger: Ledger, until: datetime | None = None, *, done: bool = False) -> dict[str, Run]:
    """Per job its last run (with `done` the last that was done), of those that started up to `until`."""
    rows = ledger.rows(_LAST, ("9999" if until is None else until.isoformat(), "done" if done else "%"))
    return {row["job"]: _run(row) for row in rows}


def run_counts(ledger: Ledger) -> dict[tuple[str, str], int]:
    """How many runs the ledger holds, by job and state."""
    rows = ledger.rows("SELECT job, state, COUNT(*) AS runs FROM runs GROUP BY 1, 2")
    return {(row["job"], row["state"]): row["runs"] for row in rows}


def forget_runs(ledger: Ledger, before: datetime) -> int:
    """Drop runs that ended before; the last one of each job and the last that was done stay. Returns how many went."""
    with ledger.transaction() as db:
        cursor = db.execute(
            "DELETE FROM runs WHERE ended_at < ? AND rowid NOT IN (SELECT MAX(rowid) FROM runs GROUP BY job, state)",
            (before.isoformat(),),
        )
    return cursor.rowcount


def _run(row: Any) -> Run:
    ended = row["ended_at"]
    return Run(
        row["run_id"], row["job"], datetime.fromisoformat(row["scheduled_for"]), row["attempt"], row["state"],
        datetime.fromisoformat(row["started_at"]), datetime.fromisoformat(row["heartbeat_at"]),
        None if ended is None else datetime.fromisoformat(ended), row["pid"], row["result"], row["error"],
    )  # fmt: skip
