"""What people are told: alerts, the outbox, reports. Written into the ledger, never waiting for the writer."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from core import (
    BadValue,
    NothingToTell,
    SnapshotMissing,
    nearest,
)
from kifayat.reading import Reader, Say, silent
from warehouse import (
    Alert,
    Feedback,
    Verdict,
    alerts,
    feedback,
    give_feedback,
    outbox,
)

if TYPE_CHECKING:
    from kifayat.report import Edition, Report
    from kifayat.report.period import Week
    from notify import Channel, Delivered


class Teller(Reader):
    """The verbs of the way out."""

    def channels(self) -> tuple[Channel, ...]:
        """The ways out, as configured. Raises ConfigError."""
        from notify import open_channels

        return open_channels(self.config.channels, self.config.path)

    def deliver(self, say: Say = silent) -> Delivered:
        """Send what is due on every channel; what fails is tried again by a later call. Safe to repeat and to kill.

        Waits for no writer, and takes less than a minute whatever hangs.
        """
        from notify import Delivered, deliver

        if not (self.storage / "ledger.sqlite").exists():
            return Delivered()
        return deliver(self.storage / "ledger.sqlite", self.channels(), self.config.alerts, self.clock, say)

    def messages(self, state: outbox.State | None = None) -> list[outbox.Entry]:
        """What waits to be told, was told, or is dead, newest first."""
        with closing(self._ledger(readonly=True)) as ledger:
            return outbox.entries(ledger, state)

    def resend(self, event_id: str | None = None) -> int:
        """Let a message, or everything that is dead, be sent again under the same id; for how many recipients.

        Raises BadValue for an unknown id.
        """
        with closing(self._ledger()) as ledger:
            return outbox.resend(ledger, event_id, self.clock.now())

    def prune_messages(self, keep_days: int = 90) -> int:
        """Forget the texts of messages that everybody was sent so long ago; how many. Never that they were told."""
        with closing(self._ledger()) as ledger:
            return outbox.prune(ledger, self.clock.now() - timedelta(days=keep_days))

    def check_alerts(self, say: Say = silent) -> list[Alert]:
        """Open and resolve alerts by what is published, and post what is to be told; returns the alerts that changed.

        Safe to run twice and to kill: alerts and messages are one transaction. Raises WarehouseError without a ledger.
        """
        from kifayat.alerts import check

        try:
            snapshot = self.snapshot()
        except SnapshotMissing:
            snapshot = None
        with closing(self._ledger()) as ledger:
            changed = check(snapshot, ledger, self.config, self.clock.now())
        for alert in changed:
            say(alert.title if alert.is_open else f"resolved: {alert.title}: {alert.resolution}")
        return changed

    def alerts(self, *, only_open: bool = True) -> list[Alert]:
        """Alerts as they are in the ledger, the newest first."""
        with closing(self._ledger(readonly=True)) as ledger:
            return alerts(ledger, only_open=only_open)

    def feedback(self) -> dict[str, Feedback]:
        """What people said of anomalies, by id."""
        with closing(self._ledger(readonly=True)) as ledger:
            return feedback(ledger)

    def give_feedback(self, anomaly_id: str, verdict: Verdict, reason: str = "") -> None:
        """Write down what an anomaly was: expected and noise end its alert at the next check and keep it closed.

        Raises BadValue for an unknown id, or where it was nothing and the reason is missing.
        """
        known = [row[0] for row in self.query("SELECT anomaly_id FROM anomalies").rows]
        if anomaly_id not in known:
            guess = f"; did you mean {near}?" if (near := nearest(anomaly_id, known)) else ""
            raise BadValue(f"no anomaly has the id {anomaly_id!r}{guess}", fix="`kifayat anomalies` lists them")
        with closing(self._ledger()) as ledger:
            give_feedback(ledger, anomaly_id, verdict, reason, self.clock.now())

    def weekly_report(
        self, edition: Edition = "finance", now: datetime | None = None, week: Week | None = None
    ) -> Report:
        """What a week cost and why; default the last one known whole. Raises BadValue for one that no bill reaches."""
        from kifayat.report.reading import reading_of
        from kifayat.report.weekly import weekly

        return weekly(reading_of(self, now), edition, week)

    def monthly_report(
        self, month: date | None = None, edition: Edition = "finance", now: datetime | None = None
    ) -> Report:
        """The close of an invoice month, by its first day; default the last one not open. Raises BadValue."""
        from kifayat.report.monthly import monthly
        from kifayat.report.reading import reading_of

        return monthly(reading_of(self, now), edition, month)

    def post_report(self, report: Report) -> bool:
        """Put a report into the outbox; False if it is there already: one per period and edition.

        Raises NothingToTell where it holds no figure, or no channel takes it; nothing is written then.
        """
        from notify import post, receivers

        message = report.message
        if not report.headline:
            raise NothingToTell(f"{report.event_id} holds no figure yet", fix="run `kifayat ingest`")
        if not receivers(message, self.channels()):
            raise NothingToTell(
                f"no channel takes {report.event_id}", expected=f"[[channels]] with topics that have {report.edition!r}"
            )
        with closing(self._ledger()) as ledger, ledger.transaction() as db:
            return bool(post(db, [message], self.config.channels, self.clock.now()))
