"""The composition root: one object with the verbs of the command line, wired from `kifayat.toml`.

Everything a notebook or a job needs; no printing, no argument parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import Clock, Config, load_config
from kifayat.version import __version__

if TYPE_CHECKING:
    from ingest import IngestReport
    from warehouse import Engine, Limits, Published, Result, Snapshot

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Refreshed:
    """What `ingest` did: the deliveries, and the generation now in force."""

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
        return cls(load_config(Path(path) if path is not None else None), clock)

    @property
    def storage(self) -> Path:
        """The storage directory."""
        return self.config.storage.directory

    def ingest(self, say: Say = _silent) -> Refreshed:
        """Load what is new at every export and publish. Safe to run twice, to kill and to miss.

        Raises WriterBusy, DiskFull or AuditFailed; refused files are in the report.
        """
        from ingest import ingest_exports  # noqa: PLC0415 - commands that only read stay fast
        from warehouse import open_warehouse  # noqa: PLC0415

        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            report = ingest_exports(warehouse, engine, self.config.exports, clock=self.clock, say=say)
            published = self._publish(warehouse, engine, say)
            now = self.clock.now()
            warehouse.prune(self.config.storage.keep_months, self.config.storage.keep_generations, now.date())
        return Refreshed(report, published)

    def refresh(self, say: Say = _silent) -> Published:
        """Rebuild the marts from the loads and publish, whether anything changed or not."""
        from warehouse import open_warehouse  # noqa: PLC0415

        with open_warehouse(self.storage) as warehouse, self._engine() as engine:
            return self._publish(warehouse, engine, say, force=True)

    def _publish(self, warehouse: Any, engine: Engine, say: Say, *, force: bool = False) -> Published:
        from warehouse import Allocation, publish  # noqa: PLC0415

        allocation = Allocation(
            self.config.allocation.team, self.config.allocation.environment, self.config.allocation.product
        )
        return publish(
            warehouse,
            engine,
            allocation,
            fx_priority=self.config.fx.priority,
            fx_max_gap_days=self.config.fx.max_gap_days,
            meta={"company": self.config.company.name, "kifayat_version": __version__},
            keep_generations=self.config.storage.keep_generations,
            now=self.clock.now(),
            force=force,
            say=say,
        )

    def _limits(self) -> Limits:
        from warehouse import Limits  # noqa: PLC0415

        engine = self.config.engine
        return Limits(engine.memory_limit, engine.threads, engine.temp_directory or self.storage / "spill")

    def _engine(self) -> Engine:
        from warehouse import Engine  # noqa: PLC0415

        return Engine(self._limits())

    def snapshot(self) -> Snapshot:
        """The published generation; opened again when a newer one is published. Raises SnapshotMissing."""
        from warehouse import Snapshot, read_pointer  # noqa: PLC0415

        if self._snapshot is not None:
            if read_pointer(self.storage / "snapshots").generation == self._snapshot.generation:
                return self._snapshot
            self._snapshot.close()
        self._snapshot = Snapshot.open(self.storage, self._limits())
        return self._snapshot

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> Result:
        """One SELECT on the published snapshot, read-only. `charges` is the name of the FOCUS rows."""
        return self.snapshot().query(sql, params)

    def status(self) -> Result:
        """Every bill with its state, and how fresh it is."""
        return self.query(
            "SELECT p.x_ExportName, p.ProviderName, p.BillingAccountId, p.x_BillingMonth, p.BillingCurrency, p.state,"
            " p.x_Charges, p.BilledCost, p.x_BilledCostInr, p.x_InrRateState, p.x_InrReason, f.delivered_at,"
            " f.complete_through FROM periods p LEFT JOIN freshness f USING (x_ExportName, BillingAccountId)"
            " ORDER BY p.x_BillingMonth DESC, p.x_ExportName, p.BillingAccountId, p.BillingCurrency"
        )

    def reconcile(self) -> Result:
        """Files = rows = marts (= invoice), per export, account, invoice month and currency."""
        return self.query("SELECT * FROM reconciliation ORDER BY x_BillingMonth DESC, x_ExportName, BillingAccountId")

    def export_focus(self, month: date, to: Path, *, file_format: str = "parquet", payer: str | None = None) -> int:
        """Write the FOCUS 1.2 rows of one invoice month to a file; returns how many."""
        from warehouse import export_focus  # noqa: PLC0415

        return export_focus(self.snapshot(), month, to, file_format=file_format, payer=payer)

    def check(self) -> list[str]:
        """Everything that is wrong with the configuration beyond its form: locations, sources, the store."""
        from ingest import check_exports  # noqa: PLC0415

        return check_exports(self.config.exports)

    def backup(self, to: Path) -> Path:
        """Copy ledger, charges, feeds and the published snapshot into one new archive."""
        from warehouse import backup  # noqa: PLC0415

        return backup(self.storage, to)

    def restore(self, archive: Path) -> None:
        """Put a backup into an empty storage directory."""
        from warehouse import restore  # noqa: PLC0415

        restore(archive, self.storage)
