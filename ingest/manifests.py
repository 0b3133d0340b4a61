"""The providers' manifests: which files make up one billing period.

Two layouts: the legacy Cost and Usage Report (`reportKeys`, keys without bucket; the manifest lies in the period's
folder and, when every delivery is kept, in each execution's folder too) and Data Exports (`dataFiles`, s3:// URIs;
`metadata/BILLING_PERIOD=…/`). Read leniently, since neither has a published schema; what is no manifest is refused
by name. Keys are only ever compared with names that exist: a manifest cannot point anywhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from core import DeliveryIncomplete, ManifestInvalid

_ENDING = "manifest.json"
#: Written beside the manifest for other consumers; they list the same files in a form of their own.
_OTHER_CONSUMERS = ("redshiftmanifest.json", "quicksightmanifest.json")
_PERIOD_FOLDER = re.compile(r"^(\d{4})(\d\d)(\d\d)-(\d{4})(\d\d)(\d\d)$", re.ASCII)
_HIVE_MONTH = re.compile(r"^billing_period=(\d{4})-(\d\d)$", re.ASCII | re.IGNORECASE)
_YEAR_AND_MONTH = re.compile(r"(?:^|/)year=(\d{4})/month=(\d{1,2})/", re.ASCII | re.IGNORECASE)
_HIVE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=.+$", re.ASCII)
_INSTANT = re.compile(r"^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?Z?(?=$|-)", re.ASCII)
_FIX = "the last good delivery stays in use; the provider's next delivery is tried again"


@dataclass(frozen=True)
class Place:
    """What the path of a manifest says. `root` is the report's folder, `slot` the period (or partition) below it.

    `execution` is the folder of one delivery, empty for the manifest that always shows the newest.
    """

    name: str
    root: str
    report: str
    slot: str
    partition: str | None
    execution: str
    delivered_at: datetime | None
    is_standard: bool


@dataclass(frozen=True)
class Manifest:
    """A manifest that was understood. `keys` as written in it; `digest` is the SHA-256 of its bytes.

    `layout`: "cur" or "data-exports"; `columns` are (name, type) as promised, empty where it does not say.
    """

    name: str
    layout: str
    report: str
    group: str
    partition: str | None
    execution: str
    keys: tuple[str, ...]
    bucket: str
    account: str
    columns: tuple[tuple[str, str], ...]
    digest: str

    def has_bytes(self, data: bytes) -> bool:
        """Whether the manifest, read again, is still the same."""
        return digest_of(data) == self.digest


def place_of(name: str) -> Place | None:
    """What a file name says about itself, or None if it is no manifest of files we load."""
    *folders, file = name.split("/")
    lowered = file.lower()
    if not lowered.endswith(_ENDING) or lowered.endswith(_OTHER_CONSUMERS):
        return None
    stem = file[: -len(_ENDING)]
    if stem and stem[-1] not in "-_.":
        return None  # SomethingManifest.json of another tool
    report = stem.rstrip("-_.")
    for index in range(len(folders) - 1, -1, -1):
        folder = folders[index]
        partition = _month_of_folder(folder)
        if partition is None and not (_HIVE.match(folder) and "metadata" in folders[:index]):
            continue
        is_below_metadata = index > 0 and folders[index - 1] == "metadata"
        root = folders[: index - 1] if is_below_metadata else folders[:index]
        execution = "/".join(folders[index + 1 :])
        return Place(
            name=name,
            root="/".join(root),
            report=report,
            slot=partition or folder,
            partition=partition,
            execution=execution,
            delivered_at=instant_of(execution),
            is_standard=True,
        )
    return Place(name, "/".join(folders), report, "", None, "", None, False)


def _month_of_folder(folder: str) -> str | None:
    """The month that a folder is named after: 20260701-20260801 or BILLING_PERIOD=2026-07."""
    if match := _PERIOD_FOLDER.match(folder):
        return _month(match[1], match[2])
    if match := _HIVE_MONTH.match(folder):
        return _month(match[1], match[2])
    return None


def _month(year: str, month: str) -> str | None:
    return f"{year}-{month}" if 1 <= int(month) <= 12 else None


def _months_in_key(key: str) -> set[str]:
    """Every month that a data file's path claims to belong to (also year=2026/month=7)."""
    folders = key.split("/")[:-1]
    months = {month for folder in folders if (month := _month_of_folder(folder))}
    if match := _YEAR_AND_MONTH.search(key):
        months.add(f"{match[1]}-{int(match[2]):02d}")
    return months


def instant_of(text: str) -> datetime | None:
    match = _INSTANT.match(text)
    if not match:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def parse_manifest(place: Place, data: bytes) -> Manifest:
    """Read a manifest. Raises ManifestInvalid with the file and the field that is missing or wrong."""
    name = place.name
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise ManifestInvalid(
            f"the manifest is not JSON: {reason}", where=name, expected="a whole manifest, not half of one", fix=_FIX
        ) from None
    if not isinstance(content, dict):
        raise _invalid(name, f"the manifest is a {type(content).__name__}", "a JSON object")
    layout, field = ("cur", "reportKeys") if "reportKeys" in content else ("data-exports", "dataFiles")
    if field not in content:
        known = ", ".join(sorted(map(str, content))[:12]) or "nothing"
        raise _invalid(
            name,
            "the manifest has neither reportKeys nor dataFiles",
            f"reportKeys (Cost and Usage Report) or dataFiles (Data Exports); it has {known}",
        )
    keys = _keys(name, field, content[field])
    partition = _partition(place, content, keys)
    execution = _text(content, "assemblyId", "executionId", "execution_id")
    account = _text(content, "account", "accountId")
    if place.is_standard:
        folders = [place.root, place.slot]
        if place.report and place.report != place.root.rpartition("/")[2]:
            folders.insert(1, place.report)
    else:  # a copy in a folder of the user's naming: what it is, not where it lies, tells it from others
        folders = [account, place.report, partition or place.root]
    return Manifest(
        name=name,
        layout=layout,
        report=_text(content, "reportName", "exportName") or place.report,
        group="/".join(part for part in folders if part),
        partition=partition,
        execution=execution or place.execution,
        keys=keys,
        bucket=_text(content, "bucket"),
        account=account,
        columns=tuple(_columns(content.get("columns"))),
        digest=digest_of(data),
    )


def digest_of(data: bytes) -> str:
    """SHA-256 of a manifest's bytes."""
    return hashlib.sha256(data).hexdigest()


def _invalid(name: str, what: str, expected: str) -> ManifestInvalid:
    return ManifestInvalid(what, where=name, expected=expected, fix=_FIX)


def _text(content: dict[str, Any], *fields: str) -> str:
    return next((value for field in fields if isinstance(value := content.get(field), str)), "")


def _keys(name: str, field: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _invalid(name, f"{field} is not a list", "a list of keys")
    for index, key in enumerate(value):
        if not isinstance(key, str) or not key:
            raise _invalid(name, f"{field}[{index}] is not text", "the key of a file")
    if not value:
        raise _invalid(name, f"{field} is empty: the delivery has no files", "at least one file; no files is not ₹0")
    key, times = Counter(value).most_common(1)[0]
    if times > 1:
        raise _invalid(name, f"{field} lists {key!r} {times} times", "each file once; twice would double the bill")
    return tuple(value)


def _columns(value: object) -> Iterator[tuple[str, str]]:
    for column in value if isinstance(value, list) else ():
        if isinstance(column, dict) and isinstance(column.get("name"), str):
            category = column.get("category")
            yield (f"{category}/{column['name']}" if category else column["name"], str(column.get("type", "")))


def _partition(place: Place, content: dict[str, Any], keys: Sequence[str]) -> str | None:
    """The month; path, period and keys must agree on it."""
    promised = _promised_month(place.name, content)
    if promised and place.partition and promised != place.partition:
        raise _invalid(
            place.name,
            f"the manifest is for {promised} but lies in the folder of {place.partition}",
            "one period in path and manifest",
        )
    partition = promised or place.partition
    for key in keys:
        others = sorted(_months_in_key(key) - {partition}) if partition else []
        if others:
            raise _invalid(
                place.name,
                f"the manifest of {partition} lists a file of {others[0]}: {key!r}",
                f"only files of {partition}",
            )
    return partition


def _promised_month(name: str, content: dict[str, Any]) -> str | None:
    period = content.get("billingPeriod", content.get("billing_period"))
    if period is None:
        return None
    if isinstance(period, str) and (match := re.match(r"^(\d{4})-(\d\d)$", period, re.ASCII)):
        return _month(match[1], match[2])
    bounds = [period.get("start"), period.get("end")] if isinstance(period, dict) else [period, None]
    start, end = (_instant_or_day(bound) for bound in bounds)
    if start is None or (bounds[1] is not None and end is None):
        raise _invalid(name, f"billingPeriod {period!r} cannot be read", 'start and end like "20260701T000000.000Z"')
    next_month = (start.year * 12 + start.month) // 12, start.month % 12 + 1, 1, 0, 0, 0
    is_month = start.timetuple()[2:6] == (1, 0, 0, 0) and (end is None or end.timetuple()[:6] == next_month)
    if not is_month:
        raise _invalid(name, f"billingPeriod is {bounds[0]} to {bounds[1]}", "one calendar month in UTC, end exclusive")
    return f"{start:%Y-%m}"


def _instant_or_day(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    return instant_of(value) or instant_of(f"{value}T00:00:00Z")


# Keys ------------------------------------------------------------------------------------------------------


def key_path(manifest: Manifest, key: str, bucket: str | None) -> str:
    """The path of a key within its bucket. Raises ManifestInvalid for another bucket, ../ and the like.

    `bucket` is that of the location; of a folder, which is a copy of some bucket, it is not known (None).
    """
    path = key
    if "://" in key:
        parts = urlsplit(key)
        ours = bucket if bucket is not None else (manifest.bucket or _bucket_of(manifest.keys[0]))
        if parts.scheme not in ("s3", "s3a", "s3n") or parts.netloc != ours:
            raise _invalid(
                manifest.name, f"the manifest lists {key!r} in another bucket", f"files in s3://{ours or '…'}"
            )
        path = key.split("://", 1)[1].partition("/")[2]
    segments = path.split("/")
    bad = not path or path.endswith("/") or bool({".", ".."} & set(segments)) or "\\" in path
    if bucket is None:
        # A prefix that ends in a slash gives keys with two of them, which no copy on a disk has.
        bad = bad or path.startswith("/")
        path = "/".join(part for part in segments if part)
    if bad or any(ord(c) < 32 or ord(c) == 127 for c in path):
        raise _invalid(manifest.name, f"the manifest lists {key!r}, which leaves the location", "keys below the prefix")
    return path


def _bucket_of(key: str) -> str:
    return urlsplit(key).netloc if "://" in key else ""


def find_all(manifest: Manifest, find: Callable[[str], str | None]) -> tuple[str, ...]:
    """The names of the listed files, in the manifest's order; `find` gives the name for a key or None.

    Raises DeliveryIncomplete for a file that is not there, ManifestInvalid when two keys mean one file.
    """
    names: dict[str, str] = {}
    absent = []
    for key in manifest.keys:
        name = find(key)
        if name is None:
            absent.append(key)
        elif name in names:
            raise _invalid(manifest.name, f"{names[name]!r} and {key!r} are one file", "each file once")
        else:
            names[name] = key
    if absent:
        raise DeliveryIncomplete(
            f"{len(absent)} of {len(manifest.keys)} files that the manifest lists are not there, first {absent[0]!r}",
            where=manifest.name,
            expected="every listed file",
            fix="if the copy is still running, ingest again when it is done; " + _FIX,
        )
    return tuple(names)


def find_in_copy(manifest: Manifest, path: str, above: Sequence[str], names: Container[str]) -> str | None:
    """Where the file with this path in its bucket lies in a copy of the bucket, or of a part of it.

    The copy may begin anywhere in the bucket's tree, and its topmost folders may be called otherwise; the longest
    end of the path that exists near the manifest is it. `above` are the folders above the location. If the manifest
    lies in the folder of a period or an execution, and the path runs through a folder of that name, only files below
    that are meant: a chunk of the same name left by another delivery is not taken for one that is absent.
    """
    wanted = path.split("/")
    folders = manifest.name.split("/")[:-1]
    home = folders[-1] if folders else (above[-1] if above else "")
    is_own = _month_of_folder(home) is not None or bool(manifest.execution and manifest.execution in home)
    pin = max((i for i, part in enumerate(wanted[:-1]) if part == home), default=None) if is_own else None
    for start in range(len(wanted)):
        for depth in range(len(folders), -1, -1):
            rest = wanted[start:]
            if len(rest) == 1 and depth < len(folders):
                break  # a bare file name counts only beside the manifest
            if pin is not None and start > pin and (depth, start) != (len(folders), pin + 1):
                break
            name = "/".join([*folders[:depth], *rest])
            if name in names:
                return name
    return None
