"""How many records a text holds, and whether its last one is whole.

Only counts: no value is parsed, no column is known. It keeps pace with the decompressor because each block is
looked at as a whole (numpy) and never byte by byte; a row that no one loaded, or a row that was cut, shows here.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
#: As far as the layout of a JSON file is looked for; the conversion looks as far.
_JSON_HEAD_BYTES = 1 << 20


class Damage(Exception):
    """What is wrong with a text or a file, before it is known by which name and hash to call it."""

    def __init__(self, what: str, expected: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected


class Records(Protocol):
    """A counter that is fed a text block by block."""

    def add(self, block: bytes) -> None:
        """Count a block. Raises Damage."""

    def finish(self) -> int | None:
        """The number of data records; None when only a parser could tell. Raises Damage if the last one is cut."""


class _Lines:
    """Lines that are not blank; with `quoted`, a newline between quotes ends none (RFC 4180).

    `first` is the first line that is not blank, `tail` what follows the last newline.
    """

    def __init__(self, quoted: bool, max_record_bytes: int, max_records: int) -> None:
        self.count = 0
        self.first: bytes | None = None
        self.tail = b""
        self.is_open = False  # between quotes
        self.has_newline = False
        self._quoted = quoted
        self._max_record_bytes = max_record_bytes
        self._max_records = max_records

    def add(self, block: bytes) -> None:
        import numpy as np  # a quarter of a second, for which a run with nothing new has no use

        codes = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(codes == _NEWLINE)
        self.has_newline = self.has_newline or bool(ends.size)
        if self._quoted and b'"' in block:
            quotes = np.flatnonzero(codes == _QUOTE)
            inside = (np.searchsorted(quotes, ends) + self.is_open) & 1
            ends = ends[inside == 0]
            self.is_open ^= bool(quotes.size & 1)
        elif self.is_open:
            ends = ends[:0]
        if not ends.size:
            self.tail += block
            self._refuse_long(len(self.tail))
            return
        head = self.tail + block[: ends[0]]
        lengths = np.diff(ends) - 1
        # A blank line is nothing, or the return of a line that ends in return and newline.
        blank = int(np.count_nonzero((lengths == 0) | ((lengths == 1) & (codes[ends[1:] - 1] == _RETURN))))
        self.count += int(ends.size) - blank - _is_blank(head)
        if self.first is None:
            self.first = self._first(head, block, ends)
        self.tail = block[ends[-1] + 1 :]
        self._refuse_long(max(len(head), int(lengths.max(initial=0)), len(self.tail)))
        if self.count > self._max_records:
            raise Damage(f"it holds more than {self._max_records:,} rows", "a file of a bill, not a bomb")

    def _first(self, head: bytes, block: bytes, ends: np.ndarray[tuple[int], np.dtype[np.intp]]) -> bytes | None:
        if not _is_blank(head):
            return head
        for start, end in zip(ends[:-1] + 1, ends[1:], strict=True):
            if not _is_blank(block[start:end]):
                return block[start:end]
        return None

    def _refuse_long(self, length: int) -> None:
        if length > self._max_record_bytes:
            raise Damage(f"a row is longer than {self._max_record_bytes:,} bytes", "rows of a bill, not a bomb")


def _is_blank(line: bytes) -> bool:
    return line in (b"", b"\r")


class CsvRecords:
    """Data rows of a CSV: lines outside quotes without blank ones and without the header."""

    def __init__(self, max_record_bytes: int, max_records: int) -> None:
        self._lines = _Lines(True, max_record_bytes, max_records)

    def add(self, block: bytes) -> None:
        """Count a block."""
        self._lines.add(block)

    @property
    def ends_in_newline(self) -> bool:
        """Whether the text so far ends where a row ends."""
        return _is_blank(self._lines.tail) and not self._lines.is_open

    def finish(self) -> int | None:
        """Rows; None for a file whose lines end in bare returns."""
        lines = self._lines
        if lines.is_open:
            raise Damage("it ends inside a quoted value", "quotes in pairs and a whole last row")
        if _is_blank(lines.tail):
            if lines.first is None:
                raise Damage("it holds no text", "at least a header")
            return lines.count - 1
        if lines.first is None:
            return None if b"\r" in lines.tail.rstrip(b"\r") else 0
        have, need = _fields(lines.tail), _fields(lines.first)
        if 0 < have < need:
            raise Damage(f"its last row is cut: {have} of {need} columns", "a whole last row")
        return lines.count


def _fields(record: bytes) -> int:
    """Number of fields, 0 if it cannot be told."""
    try:
        return len(next(csv.reader(io.StringIO(record.decode("latin-1"), newline="")), []))
    except csv.Error:
        return 0


class JsonRecords:
    """Objects of a JSON-lines file; None for an array or for objects that span lines."""

    def __init__(self, max_record_bytes: int, max_records: int) -> None:
        self._limits = (max_record_bytes, max_records)
        self._head = b""
        self._lines: _Lines | None = None
        self._is_decided = False

    def add(self, block: bytes) -> None:
        """Count a block."""
        if not self._is_decided:
            self._head += block
            if b"\n" not in self._head.lstrip() and len(self._head) < _JSON_HEAD_BYTES:
                return
            block = self._decide()
        if self._lines is not None:
            self._lines.add(block)

    ends_in_newline = True  # whether the last object is whole is seen by parsing it

    def finish(self) -> int | None:
        """Objects, if each stands on a line of its own."""
        if not self._is_decided:
            block = self._decide()
            if self._lines is not None:
                self._lines.add(block)
        if self._lines is None:
            return None
        tail = self._lines.tail.strip()
        if not tail:
            return self._lines.count
        if not _is_json(tail):
            raise Damage("its last object is cut", "a whole last object")
        return self._lines.count + 1

    def _decide(self) -> bytes:
        """Take the layout from the first line: a whole object there means one on every line."""
        self._is_decided = True
        head, self._head = self._head, b""
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not text:
            raise Damage("it holds no text", "at least one object")
        if text.startswith(b"{") and _is_json(text.split(b"\n", 1)[0]):
            self._lines = _Lines(False, *self._limits)
        return text


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
