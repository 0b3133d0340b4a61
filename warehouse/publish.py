"""Publishing: build a generation aside, prove it, then move the pointer. Readers never wait and never mix."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core import DiskFull, SnapshotMissing
from warehouse.allocation import Allocation
from warehouse.build import Model, Settings, build_snapshot
from warehouse.engine import Engine
from warehouse.rollup import fingerprint
from warehouse.snapshot import Pointer, kept_generations, read_pointer, snapshot_name, write_pointer
from warehouse.store import Warehouse, sync_file, sync_folder

#: Less free space than this and publishing is not tried.
MIN_FREE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Published:
    """What publishing did: the generation in force, whether it is new, and warnings of audits."""

    generation: int
    is_new: bool
    warnings: tuple[str, ...] = ()


def publish(
    warehouse: Warehouse,
    engine: Engine,
    allocation: Allocation,
    *,
    fx_priority: Sequence[str] = (),
    fx_max_gap_days: int = 7,
    meta: Mapping[str, str] | None = None,
    keep_generations: int = 3,
    now: datetime,
    force: bool = False,
    say: Callable[[str], None] = lambda _: None,
    settings: Settings | None = None,
    models: Model = lambda _, __: None,
) -> Published:
    """Publish a generation if anything it depends on has changed since the last one.

    `settings` are the rows of the tables that hold configuration, `models` fills the tables that are estimated.
    Raises AuditFailed (nothing published, the last generation stays) or DiskFull.
    """
    snapshots = warehouse.snapshots
    settings = settings or {}
    snapshots.mkdir(parents=True, exist_ok=True)
    inputs = _inputs(warehouse, allocation, fx_priority, fx_max_gap_days, meta or {}, now, settings)
    last = warehouse.ledger.rows("SELECT generation, inputs FROM generations ORDER BY generation DESC LIMIT 1")
    if last and last[0]["inputs"] == inputs and not force and _is_current(snapshots, last[0]["generation"]):
        return Published(last[0]["generation"], is_new=False)
    if shutil.disk_usage(snapshots).free < MIN_FREE_BYTES:
        raise DiskFull("too little free space to publish", where=str(snapshots), fix="free space and run again")
    generation = max([last[0]["generation"] if last else 0, *kept_generations(snapshots)]) + 1
    temporary = snapshots / f"building-{generation}.tmp"
    for leftover in snapshots.glob("building-*"):
        leftover.unlink()
    say("building the marts")
    facts = {**(meta or {}), "generation": str(generation), "published_at": now.isoformat()}
    try:
        warnings = build_snapshot(
            warehouse, engine, temporary, allocation, fx_priority=fx_priority, fx_max_gap_days=fx_max_gap_days,
            meta=facts, now=now, say=say, settings=settings, models=models,
        )  # fmt: skip
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    target = snapshots / snapshot_name(generation)
    sync_file(temporary)
    temporary.rename(target)
    sync_folder(snapshots)
    write_pointer(snapshots, Pointer(generation, target.name, now))
    # What resolving the rates wrote (locks, events) is part of what this generation was built from.
    inputs = _inputs(warehouse, allocation, fx_priority, fx_max_gap_days, meta or {}, now, settings)
    with warehouse.ledger.transaction() as db:
        db.execute("INSERT OR REPLACE INTO generations VALUES (?, ?, ?)", (generation, now.isoformat(), inputs))
    for old in kept_generations(snapshots)[:-keep_generations]:
        (snapshots / snapshot_name(old)).unlink(missing_ok=True)
    return Published(generation, is_new=True, warnings=tuple(warnings))


def _is_current(snapshots: Path, generation: int) -> bool:
    try:
        pointer = read_pointer(snapshots)
    except SnapshotMissing:
        return False
    return pointer.generation == generation and (snapshots / pointer.file).exists()


def _inputs(
    warehouse: Warehouse,
    allocation: Allocation,
    fx_priority: Sequence[str],
    fx_max_gap_days: int,
    meta: Mapping[str, str],
    now: datetime,
    settings: Settings,
) -> str:
    # The day counts: a month closes, an open month takes the newest rate.
    facts = [warehouse.ledger.state_hash_rows(), fingerprint(allocation), list(fx_priority), fx_max_gap_days,
             sorted(meta.items()), now.date().isoformat(), sorted(settings.items())]  # fmt: skip
    return hashlib.sha256(repr(facts).encode()).hexdigest()
