"""What a store answers: the published generation and the ledger, read only. Writers build on it (`telling`, `app`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from core import (
    ChannelConfig,
    Clock,
    Config,
    KifayatError,
    SnapshotMissing,
    WarehouseError,
    format_inr,
    load_config,
)
from ingest import dollars, recount, sources
from warehouse import (
    Decision,
    Ledger,
    Limits,
    Pull,
    Result,
    Snapshot,
    decisions,
    export_focus,
    read_pointer,
    recent_pulls,
    require_folder,
)

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


def _channel_settings() -> Mapping[str, type[ChannelConfig]]:
    """What each kind of channel understands; loaded only where a channel is configured."""
    from notify import channel_settings

    return channel_settings()


class Reader:
    """A configuration, a clock, and the verbs that only read."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or Clock()
        self._snapshot: Snapshot | None = None

    @classmethod
    def from_toml(cls, path: str | Path | None = None, clock: Clock | None = None) -> Self:
        """Read the configuration. Raises ConfigError with every fault."""
        file = Path(path) if path is not None else None
        return cls(load_config(file, sources=sources(), channels=_channel_settings), clock)

    @property
    def storage(self) -> Path:
        """The storage directory."""
        return self.config.storage.directory

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

    def pulls(self, export: str = "", limit: int = 30) -> list[Pull]:
        """What providers were asked for, newest first, with what it was to take and what it took."""
        with closing(self._ledger(readonly=True)) as ledger:
            return recent_pulls(ledger, export, limit)

    def inr_per_usd(self) -> Decimal | None:
        """The newest published exchange rate; None without one."""
        try:
            rows = self.query(
                "SELECT rate FROM fx_rates WHERE base_currency = 'USD' AND quote_currency = 'INR'"
                " ORDER BY rate_on DESC, rate DESC LIMIT 1"
            ).rows
        except KifayatError:  # nothing is published yet: dollars are said all the same
            return None
        return rows[0][0] if rows else None

    def price(self, usd: float) -> str:
        """US dollars, with rupees beside them where there is a rate: $0.4100 (₹38.95)."""
        rate = self.inr_per_usd()
        return dollars(usd) if rate is None else f"{dollars(usd)} ({format_inr(Decimal(str(usd)) * rate)})"

    def decisions(self) -> dict[str, Decision]:
        """What people decided, by item."""
        with closing(self._ledger(readonly=True)) as ledger:
            return decisions(ledger)

    def _ledger(self, *, readonly: bool = False) -> Ledger:
        """Raises WarehouseError where nothing was ever loaded; decisions wait for each other, never for the writer."""
        path = self.storage / "ledger.sqlite"
        if not path.exists():
            raise WarehouseError("there is no ledger yet", where=str(path), fix="run `kifayat ingest` first")
        return Ledger(path, readonly=readonly)

    def _limits(self, spill: str = "") -> Limits:
        engine = self.config.engine
        return Limits(engine.memory_limit, engine.threads, engine.temp_directory or self.storage / "spill" / spill)
