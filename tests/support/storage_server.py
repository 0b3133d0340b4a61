"""Cloud Storage's JSON API on this machine: objects with generations, pages, conditions, hashes."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import google_crc32c
from rest_server import Answer, Refusal, RestServer


@dataclass(frozen=True)
class Stored:
    """One version of an object."""

    data: bytes
    generation: int
    updated: datetime
    encoding: str


class StorageServer(RestServer):
    """`buckets`: name -> key -> object. `page_items`: how many objects a list gives at once."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Stored]] = {}
        self.page_items = 1000
        self._generations = itertools.count(1_700_000_000_000_001)
        super().__init__()

    def put(self, bucket: str, key: str, data: bytes, *, updated: datetime | None = None, encoding: str = "") -> None:
        """Write an object anew."""
        found = Stored(data, next(self._generations), updated or datetime.now(UTC), encoding)
        self.buckets.setdefault(bucket, {})[key] = found

    def answer(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, Any], body: Any) -> Any:
        """Lists, descriptions and contents."""
        is_media = path.startswith("/download")
        _, _, _, _, bucket, _, *rest = path.removeprefix("/download").split("/", 6)
        if bucket not in self.buckets:
            raise Refusal(404, "notFound")
        objects = self.buckets[bucket]
        if not rest:
            return self._list(objects, query)
        found = objects.get(rest[0])
        if found is None:
            raise Refusal(404, "notFound")
        if query.get("ifGenerationMatch", str(found.generation)) != str(found.generation):
            raise Refusal(412, "conditionNotMet")
        if not is_media:
            return self._described(rest[0], found)
        md5 = base64.b64encode(hashlib.md5(found.data).digest()).decode()
        crc = base64.b64encode(google_crc32c.value(found.data).to_bytes(4, "big")).decode()
        more = (("Content-Encoding", found.encoding),) if found.encoding else ()
        told = (("X-Goog-Hash", f"crc32c={crc},md5={md5}"), ("X-Goog-Generation", str(found.generation)), *more)
        return Answer(found.data, told)

    def _list(self, objects: Mapping[str, Stored], query: dict[str, str]) -> dict[str, Any]:
        keys = sorted(key for key in objects if key.startswith(query.get("prefix", "")))
        start = int(query.get("pageToken", 0))
        page = keys[start : start + self.page_items]
        more = {"nextPageToken": str(start + len(page))} if start + len(page) < len(keys) else {}
        return {"items": [self._described(key, objects[key]) for key in page]} | more

    def _described(self, key: str, found: Stored) -> dict[str, Any]:
        return {
            "name": key, "size": str(len(found.data)), "generation": str(found.generation), "id": quote(key),
            "updated": found.updated.isoformat().replace("+00:00", "Z"),
        }  # fmt: skip
