"""The catalogue: every plug-in with what it does, read from its own header or docstring."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core import ChannelConfig, unknown_name

if TYPE_CHECKING:
    from notify import Channel


@dataclass(frozen=True)
class Entry:
    """One plug-in as the catalogue shows it."""

    kind: str
    name: str
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)


def catalog() -> dict[str, dict[str, Entry]]:
    """Kind -> name -> entry."""
    from core import discover_modules
    from ingest import describe, sources
    from notify import kinds
    from warehouse import audit_files, mart_files, table_notes, view_files

    found: dict[str, dict[str, Entry]] = {
        "sources": {},
        "locations": {},
        "channels": {},
        "tables": {name: Entry("table", name, note) for name, note in table_notes().items()},
        "marts": {},
        "views": {},
        "audits": {},
    }
    for name, source in sources().items():
        facts = {key: str(value) for key, value in describe(source).items() if key != "title"}
        found["sources"][name] = Entry("source", name, source.title, facts)
    for name, module in discover_modules("ingest.locations", "location").items():
        found["locations"][name] = Entry("location", name, (module.__doc__ or "").split("\n")[0])
    for name, channel in kinds().items():
        found["channels"][name] = Entry("channel", name, _first_line(channel), _keys(channel.settings_type))
    for kind, files in (("marts", mart_files()), ("views", view_files()), ("audits", audit_files())):
        for name, file in sorted(files.items()):
            facts = {
                "one row per": ", ".join(file.header.get("grain", ())),
                "needs": ", ".join(file.header["needs"]),
                "sql": "\n" + file.sql,
            }
            found[kind][name] = Entry(kind[:-1], name, file.header["description"], facts)
    found["pages"] = {
        path.stem: Entry(
            "page", path.stem, (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]
        )
        for path in sorted(_views().glob("[a-z]*.py"))
    }
    return found


def _first_line(channel: type[Channel]) -> str:
    return (sys.modules[channel.__module__].__doc__ or "").split("\n")[0]


def _keys(settings: type[ChannelConfig]) -> dict[str, str]:
    """What is written below [[channels]]: the keys that must be there, those that may be, and what they mean."""
    needed = [name for name, key in settings.model_fields.items() if key.is_required()]
    may = [name for name, key in settings.model_fields.items() if not key.is_required()]
    notes = " ".join((settings.__doc__ or "").split())
    return {"must have": ", ".join(needed), "may have": ", ".join(may), "notes": f"{notes} (docs/notify.md)"}


def _views() -> Path:
    """The folder of the pages: read as text, since `kifayat` never imports the dashboard."""
    spec = importlib.util.find_spec("dashboard")
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(folders[0] if folders else ".") / "views"


def find(name: str) -> list[Entry]:
    """The entries of a name, whatever their kind. Raises UnknownName with the nearest."""
    entries = [group[name] for group in catalog().values() if name in group]
    if not entries:
        raise unknown_name("entry", name, [known for group in catalog().values() for known in group])
    return entries


def markdown() -> str:
    """The catalogue as `docs/catalog.md` holds it; a test keeps the two equal."""
    lines = [
        "# Catalogue",
        "",
        "Generated from the headers of the files: `python -m kifayat.catalog > docs/catalog.md`.",
        "`kifayat explain NAME` shows one of them whole.",
    ]
    for kind, entries in catalog().items():
        lines += ["", f"## {kind.capitalize()}", "", "| name | what it is |", "|---|---|"]
        lines += [f"| `{entry.name}` | {entry.summary} |" for entry in entries.values()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
