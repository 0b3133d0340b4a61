"""A whole Kifayat for tests: a folder of exports, a configuration, an App with a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bills import cur_line, write_cur

from core import FixedClock
from kifayat import App

NOW = datetime(2026, 8, 10, 6, tzinfo=UTC)


def make_app(folder: Path, *, now: datetime = NOW, more: str = "", exports: Sequence[str] = ("cur",)) -> App:
    """An App over `folder/<export>` with its store in `folder/store`; the export folders are made."""
    sections = []
    for name in exports:
        (folder / name).mkdir(parents=True, exist_ok=True)
        sections.append(f'[[exports]]\nname = "{name}"\nlocation = "{name}"\n')
    text = '[storage]\ndirectory = "store"\n' + "\n".join(sections) + more
    (folder / "kifayat.toml").write_text(text, encoding="utf-8")
    return App.from_toml(folder / "kifayat.toml", FixedClock(now))


def deliver(folder: Path, name: str, costs: Sequence[str], *, at: datetime = datetime(2026, 7, 1), **more: Any) -> Path:
    """Write a report of one usage line per cost into `folder`."""
    lines: list[Mapping[str, str]] = [cur_line(cost=cost, at=at, **more) for cost in costs]
    return write_cur(folder / name, lines)


def total(app: App, column: str = "BilledCost", where: str = "TRUE") -> Decimal:
    """A sum of the published mart."""
    value = app.query(f"SELECT SUM({column}) FROM cost_daily WHERE {where}").rows[0][0]
    return Decimal(0) if value is None else Decimal(value)
