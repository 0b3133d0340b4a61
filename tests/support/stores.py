"""A store for tests: files go in through the loader that the program uses, rows come out of the Parquet it keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from core import ExportConfig, FixedClock
from ingest import Loader, Outcome
from ingest.deliveries import Delivery, FetchedFile, RemoteFile
from ingest.verify import verify_file
from warehouse import Allocation, Engine, Load, Warehouse, open_warehouse, path_list

#: When July 2026 is over and delivered for good.
AFTER_JULY = datetime(2026, 8, 3, 6, tzinfo=UTC)
#: In the first half of an open July.
IN_JULY = datetime(2026, 7, 11, tzinfo=UTC)
TEAM_TAGS = Allocation(team=("team", "Team"), environment=("environment",), product=("product",))


def fetch(path: Path, staging: Path) -> FetchedFile:
    """A file as a location hands it over: verified, a zip unpacked."""
    staging.mkdir(parents=True, exist_ok=True)
    unpacked = staging / f"{path.name}.csv"
    verified = verify_file(path, unzip_to=unpacked)
    at = unpacked if verified.compression == "zip" else path
    return FetchedFile(at, path.name, verified.bytes, verified.sha256, verified.rows, verified.format, str(path))


@dataclass
class Store:
    """A store with a loader. `loads` counts deliveries, so that each gets a staging folder of its own."""

    warehouse: Warehouse
    engine: Engine
    clock: FixedClock
    folder: Path
    loads: int = field(default=0)

    @property
    def loader(self) -> Loader:
        """The loader of the program, silent."""
        return Loader(self.warehouse, self.engine, TEAM_TAGS, self.clock, lambda _: None)

    def load(
        self,
        *paths: Path,
        at: datetime = AFTER_JULY,
        export: str = "aws",
        group: str = "",
        month: str | None = None,
        source: str | None = None,
    ) -> Outcome:
        """Load files as one delivery made `at`; refusals are raised. `month` is what a manifest would promise."""
        self.loads += 1
        staging = self.folder / f"delivery-{self.loads}"
        files = [fetch(path, staging / "files") for path in paths]
        digest = hashlib.sha256("".join(file.sha256 + file.name for file in files).encode()).hexdigest()
        remote = tuple(RemoteFile(file.name, file.size, at, file.sha256) for file in files)
        delivery = Delivery(
            export, month, group or paths[0].name, digest[:12], at, remote, f"{digest}-{at:%Y%m%d%H%M%S}"
        )
        config = ExportConfig(name=export, location=str(self.folder), source=source)
        return self.loader.load(config, delivery, files, staging)

    def current(self, kind: str = "charges") -> list[Load]:
        """The loads that count."""
        return self.warehouse.ledger.current_loads(kind)

    def rows(self, columns: str = "*", where: str = "TRUE", kind: str = "charges") -> list[dict[str, Any]]:
        """Rows that count, in the order in which they are asked for."""
        files = [path for load in self.current(kind) for path in self.warehouse.parquet(load)]
        return self.engine.dicts(f"SELECT {columns} FROM read_parquet({path_list(files)}) WHERE {where}")

    def total(self, column: str, where: str = "TRUE") -> Decimal:
        """The exact sum of a column; of nothing it is zero."""
        value = self.rows(f"SUM({column}) AS total", where)[0]["total"]
        return Decimal(0) if value is None else Decimal(value)

    def events(self, kind: str) -> list[Any]:
        """What was noted under a kind, oldest first."""
        return self.warehouse.ledger.rows("SELECT * FROM events WHERE kind = ? ORDER BY rowid", (kind,))


@contextmanager
def open_store(folder: Path, engine: Engine, now: datetime = AFTER_JULY + timedelta(hours=1)) -> Iterator[Store]:
    """An empty store below a folder."""
    with open_warehouse(folder / "storage") as warehouse:
        yield Store(warehouse, engine, FixedClock(now), folder)


def by(rows: Sequence[dict[str, Any]], column: str) -> dict[Any, dict[str, Any]]:
    """Rows by the value of a column that is different in each. Raises AssertionError if it is not."""
    found = {row[column]: row for row in rows}
    assert len(found) == len(rows), f"{column} does not tell the rows apart: {[row[column] for row in rows]}"
    return found
