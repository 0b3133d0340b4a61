"""The error tree: every refusal says what failed, where, what was expected and what to do.

Not for control flow between rooms and not for messages of the command line: that prints `str(error)`.
"""

from __future__ import annotations

from collections.abc import Sequence


class KifayatError(Exception):
    """Parent of all our errors; the facts are attributes, `str()` is the sentence for people.

    `what` failed, `where` (file, row, key), what was `expected`, and what to do (`fix`).
    """

    def __init__(self, what: str, *, where: str = "", expected: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        parts = [_sentence(self.what)]
        for label, text in (("Where", self.where), ("Expected", self.expected), ("Do", self.fix)):
            if text:
                parts.append(_sentence(f"{label}: {text}"))
        return " ".join(parts)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


class ConfigError(KifayatError):
    """The configuration cannot be used; `faults` holds every fault, so that all are repaired at once."""

    def __init__(self, faults: Sequence[str], *, where: str = "") -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"the configuration has {count}", where=where)
        self.args = (self.faults,)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return "\n".join([f"{self.what}{place}:", *(f"  - {_sentence(fault)}" for fault in self.faults)])


class WrongUsage(KifayatError):
    """A command was given options that contradict each other or do not suffice."""


class UnknownName(KifayatError, KeyError):
    """A plug-in was asked for by a name that nobody has; the message holds the nearest one."""

    __str__ = KifayatError.__str__  # KeyError would print the repr


class CurrencyMismatch(KifayatError):
    """Two amounts of different currencies were to be added or compared."""


class SourceError(KifayatError):
    """A file's content is not what its source promises."""


class UnknownExport(SourceError):
    """No source recognises the file."""


class ColumnMissing(SourceError):
    """A required column is not in the file."""


class BadValue(SourceError):
    """A value cannot be what its column says, or may not be accepted."""


class ConformanceFailed(SourceError):
    """A source, mart or audit file breaks its own rules (header, types, FOCUS)."""


class DeliveryError(KifayatError):
    """The files of a delivery cannot be taken as they lie there; what is published stays as it was."""


class ManifestInvalid(DeliveryError):
    """The provider's manifest cannot be read or contradicts itself."""


class FileCorrupt(DeliveryError):
    """A file is damaged: CRC, size, compression ratio or number of rows."""


class DeliveryChanged(DeliveryError):
    """The provider rewrote the delivery while it was being read; the next run takes the new one."""


class DeliveryIncomplete(DeliveryError):
    """A file that the manifest names is not there (yet)."""


class LocationUnreachable(DeliveryError):
    """The location could not be listed or read. `transient`: trying again later may help."""

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", fix: str = "", transient: bool = False
    ) -> None:
        super().__init__(what, where=where, expected=expected, fix=fix)
        self.transient = transient


class WarehouseError(KifayatError):
    """The store refused, or is not as it should be."""


class SnapshotMissing(WarehouseError):
    """Nothing has been published yet, or the published generation is gone."""


class AuditFailed(WarehouseError):
    """An audit returned rows; the generation is not published."""


class WriterBusy(WarehouseError):
    """Another process holds the writer's lock."""


class NothingToTell(KifayatError):
    """A report without a figure, or one that no channel takes."""


class AlreadyRunning(WarehouseError):
    """Another process holds the lock of the service or of a kind of job."""


class DiskFull(WarehouseError):
    """No space is left for staging, charges, spilled data or the snapshot."""


class QueryRefused(WarehouseError):
    """A query is not allowed on a snapshot, or is not valid SQL."""


class MissingRate(KifayatError):
    """No exchange rate may be used for a day: a reason on the page, never 1.0 and never zero."""


class NotEnoughHistory(KifayatError):
    """Fewer observations than a method needs: a line on the page, never a zero."""

    def __init__(self, have: int, need: int, *, where: str = "") -> None:
        super().__init__(f"not enough history: {have} of {need} needed", where=where)
        self.have = have
        self.need = need
        self.args = (have, need)
