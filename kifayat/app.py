"""The composition root: one object with the verbs of the command line, wired from `kifayat.toml`.

Everything a notebook or a job needs; no printing, no argument parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import (
    BadValue,
    ChannelConfig,
    Clock,
    Config,
    KifayatError,
    SnapshotMissing,
    WarehouseError,
    load_config,
)
from ingest import IngestReport, Loader, check_exports, ingest_exports, recount, sources
from kifayat.report.reading import reading_of
from kifayat.settings import allocation_of, settings_of
from kifayat.version import __version__
from warehouse import (
    Choice,
    Decision,
    Engine,
    Ledger,
    Limits,
    Published,
    Result,
    Snapshot,
    Warehouse,
    backup,
    decide,
    decisions,
    export_focus,
    folders_in_use,
    open_warehouse,
    outbox,
    proposals,
    publish,
    read_pointer,
    refuse_foreign,
    remember,
    require_folder,
    restore,
)

if TYPE_CHECKING:
    from kifayat.report import Edition, Report
    from kifayat.report.period import Week
    from notify import Channel, Delivered
    from recommender.plan import Decisions
    from recommender.prepared import Prepared, Question

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


def _channel_settings() -> Mapping[str, type[ChannelConfig]]:
    """What each kind of channel understands; loaded only where a channel is configured."""
    from notify import channel_settings

    return channel_settings()


@dataclass(frozen=True)
class Forecasted:
    """What `forecast` did: whether a new one was made (else nothing had changed), and the generation that holds it."""

    is_new: bool
    published: Published


@dataclass(frozen=True)
class Refreshed:
    """What `ingest` did: the deliveries, and the generation now in force (0: nothing was ever loaded)."""

    report: IngestReport
    published: Published


class App:
    """Kifayat as a library.

    >>> app = App.from_toml("kifayat.toml")
    >>> app.ingest()
    >>> app.query("SELECT SUM(x_EffectiveCostInr) FROM cost_daily").rows
    """

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or Clock()
        self._snapshot: Snapshot | None = None

    @classmethod
    def from_toml(cls, path: str | Path | None = None, clock: Clock | None = None) -> App:
        """Read the configuration. Raises ConfigError with every fault."""
        file = Path(path) if path is not None else None
        return cls(load_config(file, sources=sources(), channels=_channel_settings), clock)

    @property
    def storage(self) -> Path:
        """The storage directory."""
        return self.config.storage.directory

    def ingest(self, say: Say = _silent, *, forecast: bool = False) -> Refreshed:
        """Load what is new at every export and publish. Safe to run twice, to kill and to miss.

        With `forecast` the users and the cost ahead are forecast anew in the same generation.

        Nothing is published as long as nothing was ever loaded. Raises WriterBusy, DiskFull or AuditFailed; refused
        files are in the report.
        """
        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            loader = Loader(warehouse, engine, allocation_of(self.config), self.clock, say)
            report = ingest_exports(loader, self.config.exports)
            keep, today = self.config.storage, self.clock.now().date()
            if expired := warehouse.expire(keep.keep_months, today):
                say(f"bills older than {keep.keep_months} months and no longer shown: {expired}")
            if not warehouse.ledger.rows("SELECT 1 FROM loads UNION ALL SELECT 1 FROM generations LIMIT 1"):
                return Refreshed(report, Published(0, is_new=False))
            published = self._publish(warehouse, engine, say, force=forecast, forecast=forecast)[0]
            warehouse.prune(
                keep.keep_months, keep.keep_generations, today, lambda: folders_in_use(engine, warehouse.snapshots)
            )
        return Refreshed(report, published)

    def refresh(self, say: Say = _silent) -> Published:
        """Rebuild the marts from the loads and publish, whether anything changed or not."""
        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            return self._publish(warehouse, engine, say, force=True)[0]

    def forecast(self, say: Say = _silent, *, force: bool = False) -> Forecasted:
        """Forecast users and cost from what is loaded, and publish. Nothing is made where nothing has changed, but for
        `force`. Raises WriterBusy, DiskFull or AuditFailed."""
        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            published, is_new = self._publish(warehouse, engine, say, force=True, forecast=True, again=force)
            return Forecasted(is_new, published)

    def recommend(self, say: Say = _silent) -> Published:
        """Make the plan anew from the published generation and publish it with the proposals' lives.

        Raises SnapshotMissing, NotEnoughHistory where no usage is billed, WriterBusy, DiskFull or AuditFailed.
        """
        from recommender.advice import keep, make
        from recommender.prepared import Question

        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            ledger, now = warehouse.ledger, self.clock.now()
            asked = Question.of(self.config)
            rows, made = make(self.snapshot(), now, decisions(ledger), proposals(ledger), asked, say)
            remember(ledger, made)
            keep(rows, self.storage / "advice", now)
            return self._publish(warehouse, engine, say, force=True)[0]

    def prepare_plan(self, question: Question, say: Say = _silent) -> tuple[Prepared, Decisions]:
        """What a plan is made from, read once, and what people decided: `prepared.plan(decisions)` makes it in seconds.

        Nothing is written. Another day of the exam draws the users anew, which takes a minute.
        """
        from recommender.advice import decisions_of
        from recommender.whatif import prepare_question

        prepared = prepare_question(self.snapshot(), self.config, question, self.clock.now(), say)
        return prepared, decisions_of(self.decisions())

    def decisions(self) -> dict[str, Decision]:
        """What people decided, by item."""
        with closing(self._ledger(readonly=True)) as ledger:
            return decisions(ledger)

    def decide(self, item: str, state: Choice, reason: str = "", on: date | None = None) -> None:
        """Write down what was decided about a proposal, also while a plan is made or bills are loaded.

        Raises BadValue for an unknown id, a missing reason, or a day that no bill knows or is yet to come.
        """
        now = self.clock.now()
        if on is not None:
            (first,) = self.query("SELECT MIN(x_BillingMonth) FROM periods").rows[0]
            if first is not None and on < first:
                raise BadValue(
                    f"{on} lies before the first bill, of {first:%B %Y}", where=item,
                    fix="give the day on which it was done; what was before the bills saves nothing in them",
                )  # fmt: skip
        with closing(self._ledger()) as ledger:
            decide(ledger, item, state, reason, on or now.date(), now)

    def channels(self) -> tuple[Channel, ...]:
        """The ways out, as configured. Raises ConfigError."""
        from notify import open_channels

        return open_channels(self.config.channels, self.config.path)

    def deliver(self, say: Say = _silent) -> Delivered:
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

    def _ledger(self, *, readonly: bool = False) -> Ledger:
        """Raises WarehouseError where nothing was ever loaded; decisions wait for each other, never for the writer."""
        path = self.storage / "ledger.sqlite"
        if not path.exists():
            raise WarehouseError("there is no ledger yet", where=str(path), fix="run `kifayat ingest` first")
        return Ledger(path, readonly=readonly)

    def _publish(
        self,
        warehouse: Warehouse,
        engine: Engine,
        say: Say,
        *,
        force: bool = False,
        forecast: bool = False,
        again: bool = False,
    ) -> tuple[Published, bool]:
        made = False

        def models(engine: Engine, say: Say) -> None:
            # scikit-learn takes a second to import: only who publishes waits for it
            from models import unit_cost
            from models.forecast import ForecastSettings, build
            from recommender.advice import insert

            nonlocal made
            unit_cost.build(engine, say)
            made = build(
                engine, ForecastSettings.of(self.config), self.storage / "forecasts", self.clock.now(), say,
                refit=forecast, force=again,
            )  # fmt: skip
            insert(engine, self.storage / "advice")

        published = publish(
            warehouse,
            engine,
            allocation_of(self.config),
            fx_priority=self.config.fx.priority,
            fx_max_gap_days=self.config.fx.max_gap_days,
            meta={"company": self.config.company.name, "kifayat_version": __version__},
            keep_generations=self.config.storage.keep_generations,
            now=self.clock.now(),
            force=force,
            say=say,
            settings=settings_of(self.config),
            models=models,
        )
        return published, made

    def _limits(self, spill: str = "") -> Limits:
        engine = self.config.engine
        return Limits(engine.memory_limit, engine.threads, engine.temp_directory or self.storage / "spill" / spill)

    def _engine(self) -> Engine:
        """The engine of the one writer: what it spills is swept away at the next start."""
        return Engine(self._limits("writer"))

    def snapshot(self) -> Snapshot:
        """The published generation; opened again when a newer one is published. Raises SnapshotMissing."""
        if self._snapshot is not None:
            if self._generation() == self._snapshot.generation:
                return self._snapshot
            self._snapshot.close()
        self._snapshot = Snapshot.open(self.storage, self._limits())
        return self._snapshot

    def _generation(self) -> int | None:
        try:
            return read_pointer(self.storage / "snapshots").generation
        except SnapshotMissing:
            return None

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> Result:
        """One SELECT on the published snapshot, read-only. `charges` is the name of the FOCUS rows."""
        return self.snapshot().query(sql, params)

    def status(self) -> Result:
        """Every bill with its state, whether it is reconciled, and how fresh it is."""
        return self.query(
            "SELECT p.x_ExportName, p.ProviderName, p.BillingAccountId, p.x_BillingMonth, p.BillingCurrency, p.state,"
            " p.x_Charges, p.BilledCost, p.x_BilledCostInr, p.x_InrRateState, p.x_InrReason, r.is_reconciled,"
            " f.delivered_at, f.complete_through FROM periods p"
            " LEFT JOIN freshness f USING (x_ExportName, BillingAccountId)"
            " LEFT JOIN reconciliation r USING (x_ExportName, BillingAccountId, x_BillingMonth, BillingCurrency)"
            " ORDER BY p.x_BillingMonth DESC, p.x_ExportName, p.BillingAccountId, p.BillingCurrency"
        )

    def without_rupees(self) -> list[tuple[str, int, date]]:
        """Currencies with charges that no rate turns into INR: how many months of them, and the newest."""
        return list(
            self.query(
                "SELECT BillingCurrency, COUNT(DISTINCT x_BillingMonth), MAX(x_BillingMonth) FROM periods"
                " WHERE x_InrReason IS NOT NULL GROUP BY 1 ORDER BY 1"
            ).rows
        )  # fmt: skip

    def reconcile(self) -> Result:
        """Files = rows = marts (= invoice), per export, account, invoice month and currency."""
        return self.query("SELECT * FROM reconciliation ORDER BY x_BillingMonth DESC, x_ExportName, BillingAccountId")

    def reconcile_files(self) -> Result:
        """The files summed again without the engine, against what was loaded.

        `is_reconciled` is None where the files are gone or were replaced in part: `note` says why.
        """
        ledger = Ledger(self.storage / "ledger.sqlite", readonly=True)
        try:
            rows = tuple(
                (c.export, c.payer, c.partition, c.currency, c.files_rows, c.files_cost, c.loaded_rows, c.loaded_cost,
                 c.is_reconciled, c.note)
                for c in recount(ledger)
            )  # fmt: skip
        finally:
            ledger.close()
        names = (
            "x_ExportName BillingAccountId partition BillingCurrency files_rows files_cost row_rows billed_cost"
            " is_reconciled note"
        )
        types = "VARCHAR VARCHAR VARCHAR VARCHAR BIGINT DECIMAL(38,18) BIGINT DECIMAL(38,18) BOOLEAN VARCHAR"
        return Result(tuple(names.split()), tuple(types.split()), rows)

    def export_focus(self, month: date, to: Path, *, file_format: str = "parquet", payer: str | None = None) -> int:
        """Write the FOCUS 1.2 rows of one invoice month to a file; returns how many."""
        require_folder(to)
        return export_focus(self.storage, month, to, file_format=file_format, payer=payer, limits=self._limits())

    def weekly_report(
        self, edition: Edition = "finance", now: datetime | None = None, week: Week | None = None
    ) -> Report:
        """What a week cost and why; default the last one known whole. Raises BadValue for one that no bill reaches."""
        from kifayat.report.weekly import weekly

        return weekly(reading_of(self, now), edition, week)

    def monthly_report(
        self, month: date | None = None, edition: Edition = "finance", now: datetime | None = None
    ) -> Report:
        """The close of an invoice month, by its first day; default the last one not open. Raises BadValue."""
        from kifayat.report.monthly import monthly

        return monthly(reading_of(self, now), edition, month)

    def post_report(self, report: Report) -> bool:
        """Put a report into the outbox; False if it is there already: one per period and edition."""
        import notify

        with closing(self._ledger()) as ledger, ledger.transaction() as db:
            return bool(notify.post(db, [report.message], self.config.channels, self.clock.now()))

    def check(self) -> list[str]:
        """Everything that is wrong with the configuration beyond its form: locations, sources, the store."""
        faults = check_exports(self.config.exports)
        try:
            refuse_foreign(self.storage)
        except KifayatError as error:
            faults.append(f"storage.directory: {error}")
        faults += [fault for channel in self.channels() for fault in channel.faults()] if self.config.channels else []
        return faults

    def backup(self, to: Path) -> Path:
        """Copy ledger, charges, feeds and the published snapshot into one new archive."""
        return backup(self.storage, to)

    def restore(self, archive: Path) -> None:
        """Put a backup into an empty storage directory."""
        restore(archive, self.storage)
