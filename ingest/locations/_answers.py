"""What all locations that are asked a question share: an answer is a small file of our own, one per month or query."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from core import ConfigError, DeliveryChanged, ExportConfig
from ingest.deliveries import Delivery, FetchedFile, Refused, RemoteFile
from ingest.locations import Location, Reading, Say, fetched, silent
from ingest.verify import verify_file


class AnswerLocation(Location):
    """A place that answers queries. An answer that is the same as before is the same delivery."""

    def __init__(self, export: ExportConfig, reading: Reading) -> None:
        super().__init__(export, reading)
        self._answers: dict[str, bytes] = {}

    @abstractmethod
    def ask(self) -> Iterator[tuple[str, bytes]]:
        """Name and CSV of each answer, oldest first; none for a period without rows. Raises LocationUnreachable."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the answers come from, without secrets."""

    def deliveries(self) -> list[Delivery | Refused]:
        """Every answer as it is now."""
        return [self._delivery(name, content) for name, content in self.ask()]

    def _delivery(self, name: str, content: bytes) -> Delivery:
        digest = hashlib.sha256(content).hexdigest()
        self._answers[digest] = content
        now = self.reading.clock.now()
        file = RemoteFile(f"{name}.csv", len(content), now, digest)
        return Delivery(self.export.name, None, name, digest[:12], now, (file,), digest)

    def fetch(self, delivery: Delivery, staging: Path, say: Say = silent) -> list[FetchedFile]:
        """Write the answer into staging and verify it."""
        self.need_space(delivery, staging)
        content = self._answers.get(delivery.fingerprint)
        if content is None:
            raise DeliveryChanged("another answer came meanwhile", where=delivery.group)
        file = delivery.files[0]
        path = staging / "0001.csv"
        path.write_bytes(content)
        verified = verify_file(path, file.name, limits=self.reading.limits)
        say(f"{self.export.name}: {delivery.group} asked and verified")
        return [fetched(path, file.name, self.origin, verified)]

    def confirm(self, delivery: Delivery) -> None:
        """Nothing to do: the answer is a copy of our own."""


def split_address(export: ExportConfig) -> SplitResult:
    """The parts of an export's address. Raises ConfigError if it has none; the address itself is never repeated."""
    try:
        return urlsplit(export.location)
    except ValueError:
        raise ConfigError([f"exports.{export.name}.location is no address: expected scheme://host/path"]) from None


def option_faults(export: ExportConfig, foreign: Sequence[str]) -> list[str]:
    """One sentence if the query is missing, and one for every given option of `foreign`, which mean nothing here."""
    faults = [] if export.query else [f"exports.{export.name}.query is missing: it says what to ask"]
    scheme = export.location.partition("://")[0]
    return faults + [
        f"exports.{export.name}.{name} has no meaning for {scheme}://; take it out"
        for name in foreign
        if name in export.model_fields_set and getattr(export, name) is not None
    ]
