"""What the ledger says of the state of the whole: the facts by which jobs, /healthz and /metrics judge. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core import BadValue, parse_month
from warehouse.ledger import Ledger


@dataclass(frozen=True)
class Pulse:
    """Instants are UTC. `waiting`, `dead`: rows of the outbox; `due_at`: since when the newest that may be sent may.

    `rows`: rows that count, by kind of load; `complete_through`: by export of charges, the end of what its files hold;
    `invoiced`: for each billing month whether it has as many bills as the one before, and all are final;
    `months_told`: those with a monthly report (`monthly:2026-07:…`).
    """

    generation: int
    published_at: datetime | None
    first_published_at: datetime | None
    loaded_at: datetime | None
    waiting: int
    due_at: datetime | None
    dead: int
    open_alerts: Mapping[str, int]
    rows: Mapping[str, int]
    complete_through: Mapping[str, datetime]
    invoiced: Mapping[date, bool]
    months_told: frozenset[date]


def read_pulse(ledger: Ledger, now: datetime) -> Pulse:
    """The facts as they are in the ledger now."""
    first, last = (
        ledger.rows(f"SELECT generation, published_at FROM generations ORDER BY generation {way} LIMIT 1")
        for way in ("ASC", "DESC")
    )
    outbox = ledger.rows(
        "SELECT COALESCE(SUM(state = 'waiting'), 0) AS waiting, COALESCE(SUM(state = 'dead'), 0) AS dead,"
        " MAX(CASE WHEN state = 'waiting' AND next_at <= ? AND COALESCE(lease_until, '') <= ?"
        " THEN MAX(next_at, made_at) END) AS due_at FROM outbox JOIN messages USING (event_id)",
        (now.isoformat(), now.isoformat()),
    )[0]  # fmt: skip
    loads = ledger.rows("SELECT kind, SUM(row_rows) AS count FROM loads WHERE is_current GROUP BY 1")
    newest = ledger.rows("SELECT MAX(loaded_at) AS at FROM loads")
    ends = ledger.rows(
        "SELECT export, MAX(complete_through) AS at FROM loads WHERE is_current AND kind = 'charges'"
        " AND complete_through IS NOT NULL GROUP BY 1"
    )
    months = ledger.rows(
        "SELECT t.billing_month, MIN(l.is_invoiced) AS final, COUNT(DISTINCT l.export || ' ' || l.payer) AS bills"
        " FROM load_totals t JOIN loads l USING (load_id) WHERE l.is_current AND l.kind = 'charges' GROUP BY 1"
    )
    found = {date.fromisoformat(row["billing_month"]): (row["final"], row["bills"]) for row in months}
    alerts = ledger.rows("SELECT kind, COUNT(*) AS count FROM alerts WHERE resolved_at IS NULL GROUP BY 1")
    told = ledger.rows("SELECT DISTINCT substr(event_id, 9, 7) AS month FROM messages WHERE kind = 'monthly'")
    return Pulse(
        last[0]["generation"] if last else 0,
        _instant(last[0]["published_at"] if last else None),
        _instant(first[0]["published_at"] if first else None),
        _instant(newest[0]["at"]),
        outbox["waiting"], _instant(outbox["due_at"]), outbox["dead"],
        {row["kind"]: row["count"] for row in alerts},
        {row["kind"]: row["count"] for row in loads},
        {row["export"]: end for row in ends if (end := _instant(row["at"]))},
        {
            month: bool(final) and bills >= found.get(_before(month), (0, 0))[1]
            for month, (final, bills) in found.items()
        },
        frozenset(month for row in told if (month := _month(row["month"]))),
    )  # fmt: skip


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def _month(text: str) -> date | None:
    try:
        return parse_month(text)
    except BadValue:
        return None
