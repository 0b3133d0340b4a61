"""The one member of a zip as a plain file: what legacy reports with compression ZIP are.

Names inside the archive are never used: the file that is written gets the name that the caller gives.
"""

from __future__ import annotations

import errno
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

from ingest.records import Damage
from ingest.verify import BLOCK_BYTES, FileDamaged, Limits, Verified, Verifier

#: The directory of an archive with one member is some hundred bytes; zipfile reads all of it at once.
_MAX_DIRECTORY_BYTES = 1 << 20
_END_BYTES = (1 << 16) + 22


def unzip(path: Path, name: str, target: Path, outer: Verified, limits: Limits) -> Verified:
    """Write the single member to `target` and check it on the way. Returns `outer` with its format and rows.

    Raises FileDamaged for several members, a wrong CRC, a password, a bomb.
    """
    try:
        _refuse_long_directory(path)
        with zipfile.ZipFile(path) as archive:
            inner = _extract(archive, _member(archive), name, target, outer.bytes, limits)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise FileDamaged(Damage("the archive points outside of itself", "a whole zip"), name, outer.sha256) from None
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError) as error:
        raise FileDamaged(Damage(f"the archive is broken ({error})", "a whole zip"), name, outer.sha256) from None
    except NotImplementedError as error:
        damage = Damage(f"its compression is not supported ({error})", "a zip made with deflate")
        raise FileDamaged(damage, name, outer.sha256) from None
    except Damage as damage:
        raise FileDamaged(damage, name, outer.sha256) from None
    return replace(outer, format=inner.format, rows=inner.rows, text_bytes=inner.bytes)


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/") and info.filename[-9:] != ".DS_Store"
    ]
    if len(members) != 1:
        raise Damage(f"it holds {len(members)} files", "one file in a zip")
    if members[0].flag_bits & 1:
        raise Damage("it asks for a password", "a zip without one")
    return members[0]


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, target: Path, packed_bytes: int, limits: Limits
) -> Verified:
    verifier = Verifier(member.filename, limits)
    size = 0
    with archive.open(member) as stream, target.open("wb") as out:
        while block := stream.read(BLOCK_BYTES):
            size += len(block)
            if size > limits.max_text_bytes:
                raise Damage(f"it unpacks to more than {limits.max_text_bytes:,} bytes", "a bill, not a bomb")
            if size > max(limits.ratio_from_bytes, limits.max_ratio * packed_bytes):
                raise Damage(f"it unpacks to more than {limits.max_ratio:g} times its size", "a bill, not a bomb")
            verifier.update(block)
            out.write(block)
    try:
        inner = verifier.finish()
    except FileDamaged as error:
        raise Damage(f"the file inside is damaged: {error.what.partition(': ')[2]}", error.expected) from None
    if inner.compression:
        raise Damage(f"the file inside is packed again ({inner.compression})", "a plain file in the zip")
    return inner


def _refuse_long_directory(path: Path) -> None:
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _END_BYTES))
        end = stream.read()
    lengths = []
    # Length of the directory in the end record (4 bytes at 12) and in the one for big archives (8 bytes at 40).
    for mark, at, width in ((b"PK\x05\x06", 12, 4), (b"PK\x06\x06", 40, 8)):
        if (found := end.rfind(mark)) >= 0:
            lengths.append(int.from_bytes(end[found + at : found + at + width], "little"))
    if not lengths:
        raise Damage("it is cut: the end record of the zip is missing", "a whole zip")
    if len(lengths) > 1 and lengths[0] == 0xFFFFFFFF:
        lengths.pop(0)
    if max(lengths) > _MAX_DIRECTORY_BYTES:
        raise Damage("its directory is far longer than one file needs", "one file in a zip")
