"""Storage: charge folders, ledger, marts, snapshots. The only room that executes SQL on the store."""

from warehouse.alerts import (
    BEGAN,
    TOLD_WITH,
    VERDICTS,
    Alert,
    Feedback,
    Verdict,
    alerts,
    feedback,
    give_feedback,
    last_ingest,
    latest_alerts,
    refusals,
    write_alert,
)
from warehouse.allocation import Allocation, Rule
from warehouse.backup import backup, restore
from warehouse.build import Settings, audit_files, mart_files, view_files
from warehouse.codes import coded
from warehouse.decisions import CHOICES, Choice, Decision, Proposal, decide, decisions, proposals, remember
from warehouse.engine import Engine, Limits, literal, path_list, quote
from warehouse.focus_export import export_focus
from warehouse.foreign import read_database
from warehouse.ledger import Event, Ledger, Load, LoadedFile, Total
from warehouse.publish import Published, publish
from warehouse.raw import Column, FileGroup, Match, raw_select
from warehouse.reach import REACH, whole_through
from warehouse.rollup import load_totals, rollup_name, rollups, select_rollup, write_rollup
from warehouse.runs import Run, last_runs
from warehouse.snapshot import Pointer, Result, Snapshot, folders_in_use, inert, read_pointer, write_parquet
from warehouse.store import (
    Warehouse,
    charge_files,
    full_disk,
    open_warehouse,
    refuse_foreign,
    require_folder,
    sync_file,
    writer_lock,
)
from warehouse.tables import FEEDS, required, schema, table_notes

__all__ = [
    "BEGAN",
    "CHOICES",
    "FEEDS",
    "REACH",
    "TOLD_WITH",
    "VERDICTS",
    "Alert",
    "Allocation",
    "Choice",
    "Column",
    "Decision",
    "Engine",
    "Event",
    "Feedback",
    "FileGroup",
    "Ledger",
    "Limits",
    "Load",
    "LoadedFile",
    "Match",
    "Pointer",
    "Proposal",
    "Published",
    "Result",
    "Rule",
    "Run",
    "Settings",
    "Snapshot",
    "Total",
    "Verdict",
    "Warehouse",
    "alerts",
    "audit_files",
    "backup",
    "charge_files",
    "coded",
    "decide",
    "decisions",
    "export_focus",
    "feedback",
    "folders_in_use",
    "full_disk",
    "give_feedback",
    "inert",
    "last_ingest",
    "last_runs",
    "latest_alerts",
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
    "refusals",
    "refuse_foreign",
    "remember",
    "require_folder",
    "required",
    "restore",
    "rollup_name",
    "rollups",
    "schema",
    "select_rollup",
    "sync_file",
    "table_notes",
    "view_files",
    "whole_through",
    "write_alert",
    "write_parquet",
    "write_rollup",
    "writer_lock",
]
