"""Is a file whole? Every byte is checked before the engine, which does not check the CRC of a gzip, sees it.

A file is known by what it holds, not by what it is called: magic bytes decide between gzip, zip, Parquet, Avro
and text. Works on a stream, so that a download is verified while it comes in. What the rows mean is not asked here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib

from core import FileCorrupt
from ingest.records import CsvRecords, Damage, JsonRecords

#: Read and hashed at once; and inflated at once, which bounds what a bomb can make of it to 64 MiB.
BLOCK_BYTES = 1 << 20
_SLICE_BYTES = 1 << 16
_SNIFF_BYTES = 512
_GZIP_WINDOW = 31  # the gzip wrapper, with its CRC and size checked at the end of each member

_TEXT_SUFFIXES = {"", "csv", "txt", "json", "jsonl", "ndjson"}
_PACKED_SUFFIXES = {"gz", "gzip", "zip", "snappy"}
_FIX = "it is left where it is, nothing of it was loaded; the provider's next delivery is tried again"


@dataclass(frozen=True)
class Limits:
    """What no honest bill exceeds. Beyond them a file is refused as a bomb.

    `max_ratio` (text bytes per compressed byte) counts only from `ratio_from_bytes` of text on.
    """

    max_ratio: float = 300.0
    ratio_from_bytes: int = 1 << 30
    max_text_bytes: int = 64 << 30
    max_rows: int = 50_000_000
    max_record_bytes: int = 64 << 20
    max_members: int = 100_000
    max_manifest_bytes: int = 16 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class Verified:
    """A whole file. `bytes` as delivered, `text_bytes` unpacked; `rows` None when only a parser can tell.

    `format`: csv, json, parquet, avro or unknown; `compression`: gzip, zip or nothing; `sha256` of the delivered bytes.
    """

    format: str
    compression: str
    sha256: str
    rows: int | None
    bytes: int
    text_bytes: int


class FileDamaged(FileCorrupt):
    """FileCorrupt with the hash of the bytes that were refused."""

    def __init__(self, damage: Damage, name: str, sha256: str) -> None:
        super().__init__(
            f"{name} is damaged: {damage.what}", where=f"{name}, sha256 {sha256}", expected=damage.expected, fix=_FIX
        )
        self.sha256 = sha256


def suffixes_of(name: str) -> tuple[str, str]:
    """What a name says of its content and of its packing: ("csv", "gz") of bill.csv.gz; empty where it says nothing."""
    parts = name.rsplit("/", 1)[-1].lower().split(".")[1:]
    packing = ""
    while parts and parts[-1] in _PACKED_SUFFIXES:
        packing = packing or parts[-1]
        parts.pop()
    return (parts[-1] if parts else "", packing)


def text_format(head: bytes, name: str) -> str:
    """csv, json or unknown, from the first bytes of a text and, between texts, the name."""
    suffix, _ = suffixes_of(name)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"\0" in head or head[:2] in (b"\xff\xfe", b"\xfe\xff") or suffix not in _TEXT_SUFFIXES:
        return "unknown"
    is_object = text.startswith(b"{")
    is_array = text.startswith(b"[") and text[1:].lstrip()[:1] in (b"{", b"]", b"")
    if is_object or is_array:
        return "json"
    if suffix in ("json", "jsonl", "ndjson") or text.startswith(b"<"):
        return "unknown"  # an error page, more often than not
    return "csv"


class _Text:
    """Unpacked text: its format, its length, its records."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.format = ""
        self.bytes = 0
        self._name = name
        self._limits = limits
        self._head = b""
        self._records: CsvRecords | JsonRecords | None = None

    def add(self, block: bytes) -> None:
        self.bytes += len(block)
        if self.bytes > self._limits.max_text_bytes:
            raise Damage(f"it unpacks to more than {self._limits.max_text_bytes:,} bytes", "a bill, not a bomb")
        if not self.format:
            self._head += block
            if len(self._head) < _SNIFF_BYTES:
                return
            block = self._decide()
        if self._records is not None:
            self._records.add(block)

    def finish(self, members: int) -> int | None:
        if not self.format:
            block = self._decide()
            if self._records is not None:
                self._records.add(block)
        if self._records is None:
            return None
        if members > 1 and not self._records.ends_in_newline:
            raise Damage("it ends after a member in the middle of a row", "all members of the gzip file")
        return self._records.finish()

    def _decide(self) -> bytes:
        head, self._head = self._head, b""
        if not head:
            raise Damage("it is empty", "at least a header")
        self.format = text_format(head, self._name)
        if self.format == "csv":
            self._records = CsvRecords(self._limits.max_record_bytes, self._limits.max_rows)
        elif self.format == "json":
            self._records = JsonRecords(self._limits.max_record_bytes, self._limits.max_rows)
        return head


class _Plain:
    """Text as it is."""

    compression = ""

    def __init__(self, text: _Text) -> None:
        self.text = text

    def add(self, block: bytes) -> None:
        self.text.add(block)

    def finish(self, size: int) -> tuple[str, int | None]:
        rows = self.text.finish(1)
        return self.text.format, rows


class _Gzip:
    """A gzip file of one or more members, each with its CRC and its size."""

    compression = "gzip"

    def __init__(self, text: _Text, limits: Limits) -> None:
        self.text = text
        self._limits = limits
        self._member = isal_zlib.decompressobj(_GZIP_WINDOW)
        self._is_inside = False
        self._members = 0
        self._bytes = 0
        self._start = b""

    def add(self, block: bytes) -> None:
        view = memoryview(block)
        for at in range(0, len(view), _SLICE_BYTES):
            piece = view[at : at + _SLICE_BYTES]
            self._bytes += len(piece)
            self._inflate(bytes(piece))
            if self.text.bytes > max(self._limits.ratio_from_bytes, self._limits.max_ratio * self._bytes):
                raise Damage(f"it unpacks to more than {self._limits.max_ratio:g} times its size", "a bill, not a bomb")

    def _inflate(self, data: bytes) -> None:
        while data:
            if not self._is_inside:
                data = self._start + data
                self._start = b""
                if len(data) < 2:
                    self._start = data
                    return
                self._begin(data)
            try:
                text = self._member.decompress(data)
            except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub declares an instance
                raise Damage(_gzip_fault(str(error)), "a gzip file whose checksums agree") from error
            if text:
                self.text.add(text)
            if not self._member.eof:
                return
            self._is_inside = False
            data = self._member.unused_data

    def _begin(self, data: bytes) -> None:
        if data[:2] != b"\x1f\x8b":
            raise Damage("bytes follow the end of the gzip data", "nothing after the last member")
        self._members += 1
        if self._members > self._limits.max_members:
            raise Damage(f"it has more than {self._limits.max_members:,} gzip members", "a bill, not a bomb")
        if self._members > 1:
            self._member = isal_zlib.decompressobj(_GZIP_WINDOW)
        self._is_inside = True

    def finish(self, size: int) -> tuple[str, int | None]:
        if self._start:
            raise Damage("a byte follows the end of the gzip data", "nothing after the last member")
        if self._is_inside:
            raise Damage("it is cut: the compressed data ends too early", "a complete gzip file")
        rows = self.text.finish(self._members)
        return self.text.format, rows


def _gzip_fault(message: str) -> str:
    if "checksum" in message.lower():
        return "its content does not agree with its checksum (CRC or size)"
    return f"its compressed data is broken ({message.rpartition('Error ')[2]})"


class _Container:
    """Parquet, Avro, zip or something unknown: nothing to unpack, only both ends to look at."""

    def __init__(self, kind: str, text: _Text) -> None:
        self.compression = "zip" if kind == "zip" else ""
        self.text = text
        self._kind = kind
        self._tail = b""

    def add(self, block: bytes) -> None:
        self._tail = (self._tail + block[-8:])[-8:]
        self.text.bytes += len(block)

    def finish(self, size: int) -> tuple[str, int | None]:
        if self._kind == "parquet":
            if self._tail[-4:] != b"PAR1":
                raise Damage("it is cut: the end mark of Parquet is missing", "PAR1 at both ends")
            footer_bytes = int.from_bytes(self._tail[:4], "little")
            if not 0 < footer_bytes <= size - 12:
                raise Damage(f"its footer says {footer_bytes:,} bytes, the file has {size:,}", "a whole Parquet file")
        return ("unknown" if self._kind == "zip" else self._kind), None


class Verifier:
    """Checks a file while its bytes pass: `update` with each block, then `finish`.

    Damage is raised by `finish` only, when the hash of the whole file is known.
    """

    def __init__(self, name: str, limits: Limits = LIMITS) -> None:
        self._name = name
        self._limits = limits
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._head = b""
        self._reader: _Plain | _Gzip | _Container | None = None
        self._damage: Damage | None = None

    def update(self, block: bytes) -> None:
        """Take the next bytes of the file, at best BLOCK_BYTES at once."""
        self._hash.update(block)
        self._bytes += len(block)
        if self._damage is not None:
            return
        try:
            if self._reader is None:
                self._head += block
                if len(self._head) < _SNIFF_BYTES:
                    return
                self._reader, block = self._open()
            self._reader.add(block)
        except Damage as damage:
            self._damage = damage

    def finish(self) -> Verified:
        """The verdict. Raises FileDamaged with the hash and the reason."""
        try:
            if self._damage is not None:
                raise self._damage
            reader = self._reader
            if reader is None:
                reader, head = self._open()
                reader.add(head)
            found, rows = reader.finish(self._bytes)
        except Damage as damage:
            raise FileDamaged(damage, self._name, self._hash.hexdigest()) from None
        return Verified(found, reader.compression, self._hash.hexdigest(), rows, self._bytes, reader.text.bytes)

    def _open(self) -> tuple[_Plain | _Gzip | _Container, bytes]:
        """The reader for what the first bytes say, and these bytes."""
        head, self._head = self._head, b""
        if not head:
            raise Damage("it is empty", "at least a header")
        text = _Text(self._name, self._limits)
        content, packing = suffixes_of(self._name)
        kind = _kind_of(head)
        if kind == "gzip":
            return _Gzip(text, self._limits), head
        if kind:
            return _Container(kind, text), head
        if content in ("parquet", "avro") or (packing in ("gz", "gzip", "zip") and b"\0" in head):
            raise Damage(f"it is called .{packing or content} but does not begin as one", "content as named")
        if text_format(head, self._name) == "unknown":
            return _Container("unknown", text), head
        return _Plain(text), head


def _kind_of(head: bytes) -> str:
    """What the first bytes say a file is; empty for text and for what is not known."""
    magics = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"PAR1": "parquet", b"Obj\x01": "avro"}
    return next((kind for magic, kind in magics.items() if head.startswith(magic)), "")


def verify_file(path: Path, name: str = "", *, limits: Limits = LIMITS, unzip_to: Path | None = None) -> Verified:
    """Check a file on disk; `name` is what messages call it (by default its file name).

    The single member of a zip is checked and written to `unzip_to`, without which a zip has format "unknown".
    Raises FileDamaged (a FileCorrupt with `sha256`); OSError if the file cannot be read.
    """
    verifier = Verifier(name or path.name, limits)
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK_BYTES):
            verifier.update(block)
    verified = verifier.finish()
    if verified.compression == "zip" and unzip_to is not None:
        from ingest.unzip import unzip

        return unzip(path, name or path.name, unzip_to, verified, limits)
    return verified
