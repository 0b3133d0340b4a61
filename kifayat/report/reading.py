"""What a report is made from: the published snapshot, and the two things of the ledger that it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kifayat.report.parts import Column, Figure, Kind, Question, Table
from warehouse import Decision, Feedback, Snapshot

if TYPE_CHECKING:
    from kifayat.telling import Teller


@dataclass(frozen=True)
class Answer:
    """A question and its rows."""

    question: Question
    rows: tuple[dict[str, Any], ...]

    @property
    def first(self) -> dict[str, Any]:
        """The first row; empty where there is none."""
        return self.rows[0] if self.rows else {}

    def figure(
        self, column: str, label: str, kind: Kind, *, note: str = "", reason: str = "", is_shown: bool = True
    ) -> Figure:
        """The value of a column of the first row; `reason` is told where it is absent."""
        value = self.first.get(column)
        name = f"{self.question.name}.{column}"
        return Figure(name, label, value, kind, column, self.question, note, reason if value is None else "", is_shown)

    def table(self, title: str, *columns: Column, **more: Any) -> Table:
        """All rows as a table."""
        return Table(self.question.name, title, columns, self.rows, self.question, **more)


@dataclass(frozen=True)
class Reading:
    """One generation as a report reads it. What people said (`decisions`, `verdicts` on anomalies) and `dead_messages`
    are the ledger's, not the snapshot's."""

    snapshot: Snapshot
    now: datetime
    company: str = ""
    page_url: str = ""
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    dead_messages: int = 0
    verdicts: Mapping[str, Feedback] = field(default_factory=dict)

    def ask(self, name: str, sql: str, **params: Any) -> Answer:
        """Put a question; `name` is what its figures are called after."""
        return Answer(Question(name, sql, params), tuple(self.snapshot.query(sql, params).to_dicts()))

    def value(self, sql: str, **params: Any) -> Any:
        """The first value of the first row, or None."""
        rows = self.snapshot.query(sql, params).rows
        return rows[0][0] if rows else None


def reading_of(app: Teller, now: datetime | None = None) -> Reading:
    """What a store publishes now. Raises SnapshotMissing or WarehouseError where nothing was ever loaded."""
    return Reading(
        app.snapshot(), now or app.clock.now(), app.config.company.name or "", app.config.report.page_url,
        app.decisions(), len(app.messages("dead")), app.feedback(),
    )  # fmt: skip
