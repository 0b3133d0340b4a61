"""gcp://<topic>: what a Google Cloud connection is asked for, as gcp://metrics. Topics are modules of `ingest.gcp`."""

from __future__ import annotations

from core import ExportConfig
from ingest.gcp._clients import GcpClients
from ingest.locations import Location, Reading
from ingest.locations._topics import topic_of

SCHEMES = ("gcp",)


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The topic that an export names. Raises ConfigError for a topic that there is not, or without a connection."""
    topic = topic_of(export, "ingest.gcp")
    location: Location = topic.open_at(export, reading, GcpClients(reading.connection(export, "gcp"), reading))
    return location
