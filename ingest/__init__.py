"""The way in: exports of any kind become FOCUS rows, whole periods at a time."""

from ingest.check import check_exports
from ingest.load import Loader, Outcome
from ingest.recount import recount
from ingest.run import IngestReport, ingest_exports
from ingest.source import Source, describe, sources

__all__ = [
    "IngestReport",
    "Loader",
    "Outcome",
    "Source",
    "check_exports",
    "describe",
    "ingest_exports",
    "recount",
    "sources",
]
