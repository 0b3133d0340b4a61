"""gcp://<topic>: what a Google Cloud connection is asked for, as gcp://metrics. Topics are modules of `ingest.gcp`."""

from __future__ import annotations

from core import ConfigError, ExportConfig, discover_modules, nearest
from ingest.gcp._clients import GcpClients
from ingest.locations import Location, Reading

SCHEMES = ("gcp",)


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The topic that an export names. Raises ConfigError for a topic that there is not, or without a connection."""
    topic = export.location.partition("://")[2].strip("/")
    known = discover_modules("ingest.gcp", "topic of gcp://")
    if topic not in known:
        guess = nearest(topic, known)
        hint = f" Did you mean gcp://{guess}?" if guess else ""
        where = f"exports.{export.name}.location"
        raise ConfigError([f"{where}: gcp://{topic} is nothing that can be asked, only {', '.join(known)}.{hint}"])
    location: Location = known[topic].open_at(export, reading, GcpClients(reading.connection(export, "gcp"), reading))
    return location
