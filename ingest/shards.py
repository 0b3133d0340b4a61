"""Loose files, without a manifest: which names are data, and which differ only by a running number.

Knows names only. A date at the end of a name is no running number: bill-2026-06.csv and bill-2026-07.csv are two
deliveries, name-00001.csv.gz and name-00002.csv.gz are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ingest.verify import suffixes_of

_NUMBER = re.compile(r"(?:[-_.](?P<number>\d{1,12})|(?P<bare>\d{12}))$", re.ASCII)
_SPARK = re.compile(r"^(part)-\d+-[0-9a-f]{8}-[0-9a-f-]{27}(?:[-.]c\d+)*$", re.ASCII)
_DATE = re.compile(
    r"(?:^|[^0-9])(?:19|20)\d\d(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01]))?)?$", re.ASCII
)
_DOCUMENTS = re.compile(r"(?:readme|licen[cs]e)(?:\.txt)?$|.*\.(?:md|rst|sha256|md5)$", re.IGNORECASE)
#: Half of a copy in progress, and what editors and file managers leave.
_UNFINISHED = re.compile(
    r".*(?:\.(?:tmp|temp|part|partial|filepart|crdownload|download|swp|bak)|~"
    r"|\.(?:csv|gz|zip|parquet|json|jsonl|ndjson|avro)\.[0-9a-f]{8})$",
    re.IGNORECASE,
)
_JUNK = {"thumbs.db", "desktop.ini", "_success", "aws-programmatic-access-test-object"}
_JUNK_FOLDERS = {"_temporary", "__macosx"}


@dataclass(frozen=True)
class Group:
    """Names that make one delivery, in natural order; `twins` are two of them that seem the same file twice."""

    name: str
    names: tuple[str, ...]
    twins: tuple[str, str] | None = None


def is_data(name: str) -> bool:
    """Whether a name may be data: neither hidden, nor a document, nor half of a copy in progress."""
    *folders, file = name.split("/")
    if any(part.startswith(".") for part in (*folders, file)) or any(part.lower() in _JUNK_FOLDERS for part in folders):
        return False
    if not file or file.lower() in _JUNK or file.lower().startswith(("_committed_", "_started_")):
        return False
    return not (_DOCUMENTS.match(file) or _UNFINISHED.match(file))


def group_names(names: Iterable[str], *, whole_folder: bool) -> list[Group]:
    """Groups of the names that are data; with `whole_folder` all of them are one group."""
    data = sorted((name for name in names if is_data(name)), key=_natural)
    if whole_folder:
        return [_group("all files", data)] if data else []
    candidates: dict[tuple[str, str, str], list[str]] = {}
    for name in data:
        folder, stem, suffix = _split(name)
        candidates.setdefault((folder, _without_number(stem), suffix), []).append(name)
    groups: dict[str, list[str]] = {}
    for (folder, short, suffix), members in candidates.items():
        apart = all(_DATE.search(_split(name)[1]) for name in members)
        for name in members:
            stem = _split(name)[1] if apart else short
            title = (stem or "files") + (f".{suffix}" if suffix else "")
            groups.setdefault(f"{folder}/{title}" if folder else title, []).append(name)
    return [_group(title, members) for title, members in sorted(groups.items())]


def start_of(name: str) -> str:
    """How the names of all shards begin that may belong to the same group as this one."""
    folder, stem, _ = _split(name)
    return (f"{folder}/" if folder else "") + _without_number(stem)


def _group(title: str, names: list[str]) -> Group:
    seen: dict[tuple[str, str], str] = {}
    for name in names:
        folder, stem, _ = _split(name)
        other = seen.setdefault((folder, stem), name)
        if other != name:
            return Group(title, tuple(names), (other, name))
    return Group(title, tuple(names))


def _split(name: str) -> tuple[str, str, str]:
    """Folder, name without suffixes of content and packing, and the content's suffix."""
    folder, _, file = name.rpartition("/")
    suffix, _ = suffixes_of(file)
    parts = file.split(".")
    while len(parts) > 1 and parts[-1].lower() in {"gz", "gzip", "zip", "snappy"}:
        parts.pop()
    if len(parts) > 1 and parts[-1].lower() == suffix:
        parts.pop()
    stem = ".".join(parts)
    while stem.lower().endswith(".snappy"):
        stem = stem[: -len(".snappy")]
    return folder, stem, "json" if suffix in ("jsonl", "ndjson") else suffix


def _without_number(stem: str) -> str:
    if spark := _SPARK.match(stem):
        return spark[1]
    if stem.isdecimal() and stem.isascii():
        return ""
    return _NUMBER.sub("", stem)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which part-10 follows part-9."""
    return [
        (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"(\d+)", name, flags=re.ASCII)
    ]
