"""The composition root: one object with the verbs of the command line, wired from `kifayat.toml`.

Everything a notebook or a job needs; no printing, no argument parsing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import (
    BadValue,
    KifayatError,
    Registry,
)
from ingest import (
    Estimate,
    IngestReport,
    Loader,
    Proof,
    check_exports,
    estimate_exports,
    ingest_exports,
    unproved,
)
from kifayat.reading import Say, silent
from kifayat.settings import allocation_of, settings_of
from kifayat.telling import Teller
from kifayat.version import __version__
from warehouse import (
    Choice,
    Engine,
    Published,
    Warehouse,
    backup,
    decide,
    decisions,
    folders_in_use,
    open_warehouse,
    proposals,
    publish,
    refuse_foreign,
    remember,
    restore,
)

if TYPE_CHECKING:
    from recommender.plan import Decisions
    from recommender.prepared import Prepared, Question


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


class App(Teller):
    """Kifayat as a library.

    >>> app = App.from_toml("kifayat.toml")
    >>> app.ingest()
    >>> app.query("SELECT SUM(x_EffectiveCostInr) FROM cost_daily").rows
    """

    def ingest(self, say: Say = silent, *, forecast: bool = False) -> Refreshed:
        """Load what is new at every export and publish. Safe to run twice, to kill and to miss.

        With `forecast` the users and the cost ahead are forecast anew in the same generation.

        Nothing is published as long as nothing was ever loaded. Raises WriterBusy, DiskFull or AuditFailed; refused
        files are in the report.
        """
        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            loader = Loader(warehouse, engine, allocation_of(self.config), self.clock, say)
            report = ingest_exports(loader, self.config.exports, self.config.connections, price=self.price)
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

    def estimate(self) -> list[Estimate]:
        """What asking the providers now would take. Lists, and asks for nothing; needs no writer."""
        exports, connections = self.config.exports, self.config.connections
        if not (self.storage / "ledger.sqlite").exists():
            return estimate_exports(None, self.clock, exports, connections)
        with closing(self._ledger(readonly=True)) as ledger:
            return estimate_exports(ledger, self.clock, exports, connections)

    def refresh(self, say: Say = silent, *, force: bool = True) -> Published:
        """Rebuild the marts from the loads and publish, without `force` only if anything has changed."""
        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            return self._publish(warehouse, engine, say, force=force)[0]

    def forecast(self, say: Say = silent, *, force: bool = False) -> Forecasted:
        """Forecast users and cost from what is loaded, and publish. Nothing is made where nothing has changed, but for
        `force`. Raises WriterBusy, DiskFull or AuditFailed."""
        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            published, is_new = self._publish(warehouse, engine, say, force=True, forecast=True, again=force)
            return Forecasted(is_new, published)

    def recommend(self, say: Say = silent) -> Published:
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

    def prepare_plan(self, question: Question, say: Say = silent) -> tuple[Prepared, Decisions]:
        """What a plan is made from, read once, and what people decided: `prepared.plan(decisions)` makes it in seconds.

        Nothing is written. Another day of the exam draws the users anew, which takes a minute.
        """
        from recommender.advice import decisions_of
        from recommender.whatif import prepare_question

        prepared = prepare_question(self.snapshot(), self.config, question, self.clock.now(), say)
        return prepared, decisions_of(self.decisions())

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
            from models import anomalies, budgets, unit_cost
            from models.forecast import ForecastSettings, build
            from recommender.advice import insert

            nonlocal made
            unit_cost.build(engine, say)
            anomalies.build(engine, say, float(self.config.alerts.anomaly_min_inr), self._known_anomalies())
            made = build(
                engine, ForecastSettings.of(self.config), self.storage / "forecasts", self.clock.now(), say,
                refit=forecast, force=again,
            )  # fmt: skip
            budgets.build(engine, say)
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

    def _known_anomalies(self) -> tuple[tuple[Any, ...], ...]:
        """Anomalies of the published generation, whose ids stay; none where it has no such table yet."""
        from models.anomalies import KNOWN

        try:
            return self.query(KNOWN).rows
        except KifayatError:
            return ()

    def _engine(self) -> Engine:
        """The engine of the one writer: what it spills is swept away at the next start."""
        return Engine(self._limits("writer"))

    def check(self, proved: Callable[[Proof], object] = unproved, connection: str = "") -> list[str]:
        """Everything that is wrong with the configuration beyond its form: locations, permissions, the store.

        `proved` hears of every permission's test call. With `connection` only the exports of that one are looked at.
        Raises UnknownName.
        """
        if connection:
            known = Registry("connection", ((one.name, one) for one in self.config.connections))
            exports = [one for one in self.config.exports if one.connection == known[connection].name]
            return check_exports(exports, self.config.connections, proved)
        from kifayat.crons import faults_of
        from kifayat.jobs import all_jobs

        faults = check_exports(self.config.exports, self.config.connections, proved)
        faults += faults_of(self.config.service.jobs, all_jobs())
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
