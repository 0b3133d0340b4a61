"""aws://<topic>: what an AWS connection is asked for, as aws://metrics. The topics are modules of `ingest.aws`."""

from __future__ import annotations

from core import ExportConfig
from ingest.aws._clients import AwsClients
from ingest.locations import Location, Reading
from ingest.locations._topics import topic_of

SCHEMES = ("aws",)


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The topic that an export names. Raises ConfigError for a topic that there is not, or without a connection."""
    topic = topic_of(export, "ingest.aws")
    location: Location = topic.open_at(export, reading, AwsClients(reading.connection(export, "aws"), reading))
    return location
