"""The catalogue: every plug-in with what it does, read from its own header or docstring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core import unknown_name


@dataclass(frozen=True)
class Entry:
    """One plug-in as the catalogue shows it."""

    kind: str
    name: str
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)


def catalog() -> dict[str, dict[str, Entry]]:
    """Kind -> name -> entry."""
    from ingest import describe, locations, sources
    from warehouse import audit_files, mart_files, view_files

    found: dict[str, dict[str, Entry]] = {
        "sources": {},
        "locations": {},
        "marts": {},
        "views": {},
        "audits": {},
    }
    for name, source in sources().items():
        facts = {key: str(value) for key, value in describe(source).items() if key != "title"}
        found["sources"][name] = Entry("source", name, source.title, facts)
    for name, summary in locations().items():
        found["locations"][name] = Entry("location", name, summary)
    for kind, files in (("marts", mart_files()), ("views", view_files()), ("audits", audit_files())):
        for name, file in sorted(files.items()):
            facts = {
                "one row per": ", ".join(file.header.get("grain", ())),
                "needs": ", ".join(file.header["needs"]),
                "sql": "\n" + file.sql,
            }
            found[kind][name] = Entry(kind[:-1], name, file.header["description"], facts)
    return found


def find(name: str) -> list[Entry]:
    """The entries of a name, whatever their kind. Raises UnknownName with the nearest."""
    entries = [group[name] for group in catalog().values() if name in group]
    if not entries:
        raise unknown_name("entry", name, [known for group in catalog().values() for known in group])
    return entries
