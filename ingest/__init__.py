"""The way in: exports of any kind become FOCUS rows, whole periods at a time."""

from ingest.check import check_exports
from ingest.run import IngestReport, ingest_exports
from ingest.source import Source, describe, sources

__all__ = ["IngestReport", "Source", "check_exports", "describe", "ingest_exports", "sources"]
