"""The way in: exports of any kind become FOCUS rows, whole periods at a time."""

from ingest.check import Proof, check_exports, unproved
from ingest.estimate import Estimate, estimate_exports
from ingest.load import Loader, Outcome
from ingest.recount import recount
from ingest.run import IngestReport, dollars, ingest_exports
from ingest.source import Source, describe, sources

__all__ = [
    "Estimate",
    "IngestReport",
    "Loader",
    "Outcome",
    "Proof",
    "Source",
    "check_exports",
    "describe",
    "dollars",
    "estimate_exports",
    "ingest_exports",
    "recount",
    "sources",
    "unproved",
]
