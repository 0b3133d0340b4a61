"""What a page reads from: the configuration and the published snapshot, opened once per generation.

Pages never see a mixture: a run holds one generation from its first query to its last.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core import Clock, Config, SnapshotMissing, load_config
from warehouse import Limits, Result, Snapshot, read_pointer

#: Names the configuration when the program is not started with one as its argument.
CONFIG_VARIABLE = "KIFAYAT_CONFIG"


def config_path() -> Path | None:
    """The configuration named after `--` on the command line, or by KIFAYAT_CONFIG; None: the default."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else None


@dataclass(frozen=True)
class Context:
    """One run of one page."""

    config: Config
    snapshot: Snapshot
    clock: Clock

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> Result:
        """A SELECT on the snapshot, remembered as long as its generation is the newest."""
        key = (str(self.snapshot.storage), self.snapshot.generation, self.snapshot.published_at.isoformat())
        return _query(key, sql, tuple(sorted((params or {}).items())), self.snapshot)

    def value(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """The first value of the first row, or None."""
        rows = self.query(sql, params).rows
        return rows[0][0] if rows else None

    @property
    def company(self) -> str:
        """The name at the top of the pages."""
        return self.config.company.name or "Kifayat"


def open_context(path: Path | None, clock: Clock | None = None) -> Context:
    """The context of this run. Raises ConfigError and SnapshotMissing."""
    config = load_config(path)
    limits = Limits(
        config.engine.memory_limit,
        config.engine.threads,
        config.engine.temp_directory or config.storage.directory / "spill",
    )
    storage = config.storage.directory
    return Context(config, _snapshot(storage, _generation(storage), limits), clock or Clock())


def _generation(storage: Path) -> str:
    """What tells one published state from the next, also when its pointer is damaged."""
    try:
        pointer = read_pointer(storage / "snapshots")
        return f"{pointer.generation} {pointer.file} {pointer.published_at}"
    except SnapshotMissing:
        names = sorted(path.name for path in (storage / "snapshots").glob("snapshot-*.duckdb"))
        return f"damaged {' '.join(names)}"


# Two generations: pages that are being drawn while a new one is published end on the old one.
@st.cache_resource(max_entries=2, show_spinner="Opening the snapshot …")
def _snapshot(storage: Path, generation: str, _limits: Limits) -> Snapshot:
    return Snapshot.open(storage, _limits)


# Results are frozen tuples: they are shared, never copied.
@st.cache_resource(max_entries=512, show_spinner=False)
def _query(key: tuple[str, int, str], sql: str, params: tuple[tuple[str, Any], ...], _snapshot: Snapshot) -> Result:
    return _snapshot.query(sql, dict(params))
