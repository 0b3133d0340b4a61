"""SQL files that describe themselves: the leading /* … */ comment is TOML, the rest one statement.

Used for sources, marts and audits. Whoever owns the file checks the keys of its header.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ConformanceFailed


@dataclass(frozen=True)
class SqlFile:
    """A parsed file: `name` is the stem, `header` the TOML, `sql` the text after the comment.

    A file whose header says `extends = "other"` has no statement of its own.
    """

    name: str
    header: Mapping[str, Any]
    sql: str
    path: Path

    @classmethod
    def parse(cls, path: Path) -> SqlFile:
        """Read a file. Raises ConformanceFailed if header or statement is missing or the TOML is wrong."""
        text = path.read_text(encoding="utf-8").lstrip("\ufeff").lstrip()
        comment, closed, sql = text.removeprefix("/*").partition("*/")
        if not text.startswith("/*") or not closed:
            raise ConformanceFailed(
                "the file does not begin with a header",
                where=str(path),
                expected="a /* … */ comment that is TOML",
                fix="copy the header of another file in the same folder",
            )
        try:
            header = tomllib.loads(comment)
        except tomllib.TOMLDecodeError as error:
            raise ConformanceFailed(
                f"the header is not TOML: {error}", where=str(path), expected="key = value lines"
            ) from error
        if not sql.strip() and "extends" not in header:
            raise ConformanceFailed("the file has no statement", where=str(path), expected="one SELECT")
        return cls(name=path.stem, header=header, sql=sql.strip(), path=path)
