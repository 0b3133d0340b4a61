"""One mechanism for all seams: plug-ins are found in a folder or a package, by file name.

Not for their settings or rules: the room that owns a seam checks those.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from core.errors import ConformanceFailed, UnknownName
from core.sqlfile import SqlFile

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Plug-ins by name, in order of name. An unknown name raises UnknownName with the nearest one.

    `kind` is the word for people ("source", "location"). Names that differ only in case are refused.
    """

    def __init__(self, kind: str, items: Iterable[tuple[str, T]]) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        seen: dict[str, str] = {}
        for name, item in items:
            if name.lower() in seen:
                raise ConformanceFailed(
                    f"two {kind}s are called {name}",
                    where=f"{seen[name.lower()]} and {name}",
                    expected="each name once",
                    fix="rename one of the files",
                )
            seen[name.lower()] = name
            self._items[name] = item
        self._items = dict(sorted(self._items.items()))

    def __getitem__(self, name: str) -> T:
        try:
            return self._items[name]
        except KeyError:
            raise unknown_name(self.kind, name, self._items) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items


def discover_sql(*folders: Path, kind: str = "file") -> Registry[SqlFile]:
    """The `.sql` files of one or more folders by stem. A missing folder raises ConformanceFailed."""
    found: list[tuple[str, SqlFile]] = []
    for folder in folders:
        if not folder.is_dir():
            raise ConformanceFailed(
                "a folder of the program is missing", where=str(folder), fix="install Kifayat again"
            )
        found += [(path.stem, SqlFile.parse(path)) for path in sorted(folder.glob("*.sql"))]
    return Registry(kind, found)


def discover_modules(package: str, kind: str = "plug-in") -> Registry[ModuleType]:
    """The modules of an importable package by name, without those that begin with an underscore."""
    parent = importlib.import_module(package)
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(getattr(parent, "__path__", []))
        if not module.name.startswith("_") and not module.ispkg
    )
    return Registry(kind, ((name, importlib.import_module(f"{package}.{name}")) for name in names))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when nothing is near."""
    by_fold = {item.lower(): item for item in known}
    close = difflib.get_close_matches(name.lower(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that nobody has, with the nearest known one."""
    names = list(known)
    guess = nearest(name, names)
    return UnknownName(
        f"there is no {kind} called {name!r}" + (f"; did you mean {guess}?" if guess else ""),
        expected="one of " + ", ".join(names) if names else f"at least one {kind} to exist",
    )
