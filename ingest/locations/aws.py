"""aws://<topic>: what an AWS connection is asked for, as aws://metrics. The topics are modules of `ingest.aws`."""

from __future__ import annotations

from core import ConfigError, ExportConfig, discover_modules, nearest
from ingest.aws._clients import AwsClients
from ingest.locations import Location, Reading

SCHEMES = ("aws",)


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The topic that an export names. Raises ConfigError for a topic that there is not, or without a connection."""
    topic = export.location.partition("://")[2].strip("/")
    known = discover_modules("ingest.aws", "topic of aws://")
    if topic not in known:
        guess = nearest(topic, known)
        hint = f" Did you mean aws://{guess}?" if guess else ""
        where = f"exports.{export.name}.location"
        raise ConfigError([f"{where}: aws://{topic} is nothing that can be asked, only {', '.join(known)}.{hint}"])
    location: Location = known[topic].open_at(export, reading, AwsClients(reading.connection(export, "aws"), reading))
    return location
