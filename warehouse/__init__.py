"""Storage: charge folders, ledger, marts, snapshots. The only room that executes SQL on the store."""

from warehouse.build import Allocation, audit_files, mart_files, rollup_files, view_files
from warehouse.engine import Engine, Limits, literal, path_list, quote
from warehouse.ledger import Event, Ledger, Load, LoadedFile, Total
from warehouse.publish import Published, publish
from warehouse.raw import Column, FileGroup, Match, raw_select
from warehouse.snapshot import Pointer, Result, Snapshot, inert, read_pointer
from warehouse.store import Warehouse, charge_files, open_warehouse, sync_file, writer_lock
from warehouse.tables import FEEDS, required, schema

__all__ = [
    "FEEDS",
    "Allocation",
    "Column",
    "Engine",
    "Event",
    "FileGroup",
    "Ledger",
    "Limits",
    "Load",
    "LoadedFile",
    "Match",
    "Pointer",
    "Published",
    "Result",
    "Snapshot",
    "Total",
    "Warehouse",
    "audit_files",
    "charge_files",
    "inert",
    "literal",
    "mart_files",
    "open_warehouse",
    "path_list",
    "publish",
    "quote",
    "raw_select",
    "read_pointer",
    "required",
    "rollup_files",
    "schema",
    "sync_file",
    "view_files",
    "writer_lock",
]
