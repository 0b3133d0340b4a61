"""What the topics of aws:// share: their clients and their name."""

from __future__ import annotations

from typing import ClassVar

from core import ExportConfig
from ingest.aws._clients import AwsClients
from ingest.locations import Reading
from ingest.pull import PullLocation


class Topic(PullLocation):
    """A topic of aws://; its `topic` is the module's name."""

    topic: ClassVar[str]

    def __init__(self, export: ExportConfig, reading: Reading, clients: AwsClients) -> None:
        super().__init__(export, reading)
        self._clients = clients
        self.meter = clients.meter

    @property
    def origin(self) -> str:
        """The topic."""
        return f"aws://{self.topic}"
