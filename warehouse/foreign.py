"""Somebody else's DuckDB file: one query, read-only, with nothing of this machine in reach but that file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse.engine import Engine, literal


def read_database(path: Path, query: str, limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and at most `limit` rows of a query. Raises KifayatError if it cannot be asked."""
    with Engine() as engine:
        engine.execute(f"ATTACH {literal(str(path))} AS foreign_file (READ_ONLY)")
        engine.execute("USE foreign_file")
        engine.execute("SET temp_directory = ''")  # rows about people are not spilled beside us
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        # one SELECT and nothing else: the function takes no other statement
        select = f"SELECT * FROM query({literal(query.rstrip().rstrip(';'))})"
        return [name for name, _ in engine.describe(select)], engine.rows(f"{select} LIMIT ?", [limit])
