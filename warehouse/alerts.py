"""Alerts in the ledger: what is alarming, since when, how it ended; what people said of anomalies; who is at work.

Not for what is alarming (kifayat) or how it is told (notify).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from core import BadValue
from warehouse.ledger import Ledger

Verdict = Literal["real", "expected", "noise"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
#: The label of an alert that had no message of its own: it was passed together with a graver one, or long before.
TOLD_WITH: Final = "Told with"
#: A row that is no alert: written by the first check, which tells nothing of what had begun long before.
BEGAN: Final = "health:began"


@dataclass(frozen=True)
class Alert:
    """One opening of an alert. What opens again after it was resolved is a row of its own: `…#2`.

    `facts`: labels with texts, as told when it opened.
    """

    alert_id: str
    kind: str
    subject: str
    severity: str
    title: str
    facts: Mapping[str, str] = field(repr=False)
    opened_at: datetime
    resolved_at: datetime | None = None
    resolution: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.resolved_at is None

    @property
    def is_told(self) -> bool:
        """Whether it had a message of its own."""
        return TOLD_WITH not in self.facts

    @property
    def base(self) -> str:
        """The id that all openings have in common."""
        return self.alert_id.partition("#")[0]

    def again(self) -> str:
        """The id of its next opening."""
        count = self.alert_id.partition("#")[2]
        return f"{self.base}#{int(count or 1) + 1}"

    def resolved(self, at: datetime, why: str) -> Alert:
        """As it is when it has ended."""
        return replace(self, resolved_at=at, resolution=why)


@dataclass(frozen=True)
class Feedback:
    """The last that was said of an anomaly."""

    anomaly_id: str
    verdict: Verdict
    reason: str
    at: datetime


def alerts(ledger: Ledger, *, only_open: bool = False) -> list[Alert]:
    """Alerts, the newest first."""
    where = " AND resolved_at IS NULL" if only_open else ""
    rows = ledger.rows(f"SELECT * FROM alerts WHERE alert_id <> ?{where} ORDER BY opened_at DESC, rowid DESC", (BEGAN,))
    return [_alert(row) for row in rows]


def latest_alerts(db: sqlite3.Connection) -> dict[str, Alert]:
    """The last opening of each alert by the id that its openings have in common."""
    return {
        alert.base: alert for alert in map(_alert, db.execute("SELECT * FROM alerts ORDER BY opened_at, rowid"))
    }  # fmt: skip


def write_alert(db: sqlite3.Connection, alert: Alert) -> None:
    """Write an opening down, or how it ended."""
    db.execute(
        "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (alert_id) DO UPDATE SET"
        " resolved_at = excluded.resolved_at, resolution = excluded.resolution",
        (alert.alert_id, alert.kind, alert.subject, alert.severity, alert.title,
         json.dumps(dict(alert.facts), ensure_ascii=False), alert.opened_at.isoformat(),
         None if alert.resolved_at is None else alert.resolved_at.isoformat(), alert.resolution),
    )  # fmt: skip


def give_feedback(ledger: Ledger, anomaly_id: str, verdict: Verdict, reason: str, at: datetime) -> None:
    """Write down what an anomaly was. Raises BadValue where it was nothing and nobody says why."""
    if verdict != "real" and not reason.strip():
        raise BadValue(f"an anomaly is {verdict} for a reason", where=anomaly_id, fix="say why with --reason")
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO anomaly_feedback (anomaly_id, verdict, reason, at) VALUES (?, ?, ?, ?)",
            (anomaly_id, verdict, reason.strip(), at.isoformat()),
        )


def feedback(ledger: Ledger) -> dict[str, Feedback]:
    """What holds for each anomaly of which something was said."""
    return {
        row["anomaly_id"]: Feedback(
            row["anomaly_id"], row["verdict"], row["reason"], datetime.fromisoformat(row["at"])
        )
        for row in ledger.rows("SELECT * FROM anomaly_feedback ORDER BY feedback_id")
    }  # fmt: skip


def last_ingest(ledger: Ledger, now: datetime) -> datetime | None:
    """When bills were last looked for with success; None: never.

    That is a run of the job that was done, or a load; where no service runs the job, also anything that was published.
    What is later than now is of a clock that was set back since, and says nothing.
    """
    runs = "SELECT ended_at AS at, state FROM runs WHERE job = 'ingest'"
    found = ledger.rows(
        f"SELECT MAX(at) AS at FROM (SELECT at FROM ({runs}) WHERE state = 'done' UNION ALL SELECT loaded_at FROM loads"
        f" UNION ALL SELECT published_at FROM generations WHERE NOT EXISTS ({runs})) WHERE at <= ?",
        (now.isoformat(),),
    )[0]["at"]
    return None if found is None else datetime.fromisoformat(found)


def first_ingest(ledger: Ledger) -> datetime | None:
    """When the service first tried to load bills; None: it never did."""
    found = ledger.rows("SELECT MIN(started_at) AS at FROM runs WHERE job = 'ingest'")[0]["at"]
    return None if found is None else datetime.fromisoformat(found)


def refusals(ledger: Ledger) -> list[dict[str, Any]]:
    """Files that are refused at present: export, file, reason, at (UTC)."""
    return [
        {**dict(row), "at": datetime.fromisoformat(row["at"])}
        for row in ledger.rows("SELECT export, file, reason, at FROM quarantine ORDER BY at, export, file")
    ]


def _alert(row: sqlite3.Row) -> Alert:
    ended = row["resolved_at"]
    return Alert(
        row["alert_id"], row["kind"], row["subject"], row["severity"], row["title"], json.loads(row["facts"]),
        datetime.fromisoformat(row["opened_at"]), None if ended is None else datetime.fromisoformat(ended),
        row["resolution"],
    )  # fmt: skip
