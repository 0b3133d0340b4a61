"""Storage: charge folders, ledger, marts, snapshots. The only room that executes SQL on the store."""

from warehouse.allocation import Allocation, Rule
from warehouse.backup import backup, restore, verify_backup
from warehouse.build import Settings, audit_files, mart_files, view_files
from warehouse.codes import coded
from warehouse.decisions import CHOICES, Choice, Decision, Proposal, decide, decisions, proposals, remember
from warehouse.engine import Engine, Limits, literal, path_list, quote
from warehouse.focus_export import export_focus
from warehouse.foreign import read_database
from warehouse.ledger import Event, Ledger, Load, LoadedFile, Total
from warehouse.locks import service_lock, writer_lock
from warehouse.publish import Published, publish
from warehouse.pulse import Pulse, read_pulse
from warehouse.raw import Column, FileGroup, Match, raw_select
from warehouse.rollup import load_totals, rollup_name, rollups, select_rollup, write_rollup
from warehouse.runs import (
    Run,
    abandon_runs,
    beat,
    end_run,
    forget_runs,
    last_runs,
    recent_runs,
    run_counts,
    running,
    start_run,
)
from warehouse.snapshot import Pointer, Result, Snapshot, folders_in_use, inert, read_pointer, write_parquet
from warehouse.store import (
    Warehouse,
    charge_files,
    full_disk,
    open_warehouse,
    refuse_foreign,
    require_folder,
    sync_file,
)
from warehouse.tables import FEEDS, required, schema, table_notes

__all__ = [
    "CHOICES",
    "FEEDS",
    "Allocation",
    "Choice",
    "Column",
    "Decision",
    "Engine",
    "Event",
    "FileGroup",
    "Ledger",
    "Limits",
    "Load",
    "LoadedFile",
    "Match",
    "Pointer",
    "Proposal",
    "Published",
    "Pulse",
    "Result",
    "Rule",
    "Run",
    "Settings",
    "Snapshot",
    "Total",
    "Warehouse",
    "abandon_runs",
    "audit_files",
    "backup",
    "beat",
    "charge_files",
    "coded",
    "decide",
    "decisions",
    "end_run",
    "export_focus",
    "folders_in_use",
    "forget_runs",
    "full_disk",
    "inert",
    "last_runs",
    "literal",
    "load_totals",
    "mart_files",
    "open_warehouse",
    "path_list",
    "proposals",
    "publish",
    "quote",
    "raw_select",
    "read_database",
    "read_pointer",
    "read_pulse",
    "recent_runs",
    "refuse_foreign",
    "remember",
    "require_folder",
    "required",
    "restore",
    "rollup_name",
    "rollups",
    "run_counts",
    "running",
    "schema",
    "select_rollup",
    "service_lock",
    "start_run",
    "sync_file",
    "table_notes",
    "verify_backup",
    "view_files",
    "write_parquet",
    "write_rollup",
    "writer_lock",
]
