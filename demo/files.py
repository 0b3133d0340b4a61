"""Files, byte for byte the same for the same content: gzip without a clock, JSON in a stated order."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from isal import igzip


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_gzip(path: Path, content: bytes) -> Path:
    """Write a gzipped file."""
    return write_bytes(path, igzip.compress(content, 1, mtime=0))


def write_json(path: Path, content: Any) -> Path:
    """Write readable JSON."""
    return write_bytes(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write a small CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path
