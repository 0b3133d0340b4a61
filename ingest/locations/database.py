"""A database that is asked one query: PostgreSQL on a server, or a DuckDB or SQLite file. Read-only, in one go.

The query's columns are those of the feed (`kifayat explain active_users`): it aggregates, so that no person leaves
the database.
"""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from core import BadValue, ConfigError, DiskFull, ExportConfig, KifayatError, LocationUnreachable
from ingest.locations import Location, Reading
from ingest.locations._answers import AnswerLocation, option_faults, split_address
from warehouse import read_database

SCHEMES = ("postgresql", "duckdb", "sqlite")

_TIMEOUT_SECONDS = 300
_MAX_ROWS = 5_000_000
#: A SQLite statement may read, and nothing else: no other file, no setting.
_SQLITE_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
#: Classes of PostgreSQL's errors that speak of the connection, the rights or the query, never of a row's values.
_ABOUT_THE_QUERY = ("08", "0A", "25", "28", "3D", "3F", "42", "53", "54", "57")
_OF_A_ROW = "a value of a row does not fit what the query makes of it (the value is not repeated)"
Answer = tuple[Sequence[str], Sequence[Sequence[Any]]]


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The database of an export. Raises ConfigError if the query is missing or a password is in the address."""
    address = split_address(export)
    foreign = ["endpoint", "profile", "region", "metric", "since", "token_env"]
    faults = option_faults(export, foreign if address.scheme == "postgresql" else [*foreign, "password_env"])
    if address.password or any(name.lower() in ("password", "sslpassword") for name, _ in parse_qsl(address.query)):
        faults.append(
            f"exports.{export.name}.location holds a password: leave it out, and name the variable that has it in"
            " password_env, or write it into ~/.pgpass"
        )
    if export.password_env and export.password_env not in os.environ:
        faults.append(f"exports.{export.name}.password_env names {export.password_env}, which is not set")
    if address.scheme != "postgresql" and (address.netloc or not address.path):
        faults.append(f"exports.{export.name}.location: write {address.scheme}:///path/of/the/file (three slashes)")
    if faults:
        raise ConfigError(faults)
    return DatabaseLocation(export, reading)


class DatabaseLocation(AnswerLocation):
    """One query against one database."""

    @property
    def origin(self) -> str:
        """The address, which holds no password."""
        return self.export.location

    def ask(self) -> Iterator[tuple[str, bytes]]:
        """The answer as one CSV, if it has a row; sorted, since a database gives the same rows in any order."""
        scheme = urlsplit(self.export.location).scheme
        columns, rows = {"postgresql": self._postgresql, "duckdb": self._duckdb, "sqlite": self._sqlite}[scheme]()
        if len(rows) > _MAX_ROWS:
            raise LocationUnreachable(
                f"the query gives more than {_MAX_ROWS:,} rows", where=self.origin, fix="aggregate in the query"
            )
        if rows:
            text = io.StringIO(newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(sorted(["" if value is None else str(value) for value in row] for row in rows))
            yield "query", text.getvalue().encode()

    @property
    def _path(self) -> Path:
        path = Path(unquote(urlsplit(self.export.location).path))
        if not path.is_file():
            raise LocationUnreachable("there is no such file", where=str(path), fix="correct the location")
        return path

    def _duckdb(self) -> Answer:
        try:
            return read_database(self._path, self.export.query or "", _MAX_ROWS + 1)
        except LocationUnreachable:
            raise
        except BadValue:
            raise self._failed(_OF_A_ROW) from None
        except DiskFull:
            raise self._failed("it needs more memory than there is; aggregate less in one query") from None
        except KifayatError as error:
            raise self._failed(error.what) from None

    def _sqlite(self) -> Answer:
        try:
            connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)
            try:
                connection.set_authorizer(
                    lambda action, *_: sqlite3.SQLITE_OK if action in _SQLITE_READS else sqlite3.SQLITE_DENY
                )
                cursor = connection.execute(self.export.query or "")
                return [name for name, *_ in cursor.description or ()], cursor.fetchmany(_MAX_ROWS + 1)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._failed(_OF_A_ROW if "decode" in str(error) else str(error)) from None

    def _postgresql(self) -> Answer:
        try:
            import psycopg
        except ImportError:
            raise ConfigError(
                [f"exports.{self.export.name}: postgresql:// needs a package: pip install 'kifayat[postgresql]'"]
            ) from None
        secret = os.environ[self.export.password_env] if self.export.password_env else None
        address = urlunsplit(urlsplit(self.export.location)._replace(fragment=""))
        try:
            with psycopg.connect(address, connect_timeout=20, password=secret, client_encoding="utf8") as connection:
                connection.read_only = True
                connection.execute(f"SET statement_timeout = {_TIMEOUT_SECONDS * 1000}")
                # a cursor of the server takes one SELECT: a second statement could end the read-only transaction
                with connection.cursor(name="answer") as cursor:
                    cursor.execute((self.export.query or "").encode())
                    return [column.name for column in cursor.description or ()], cursor.fetchmany(_MAX_ROWS + 1)
        except psycopg.Error as error:
            told = error.sqlstate is None or error.sqlstate.startswith(_ABOUT_THE_QUERY)
            reason = " ".join(str(error).split())[:300] if told else f"{_OF_A_ROW}: {error.sqlstate}"
            raise self._failed(reason) from None
        except UnicodeError:
            raise self._failed(_OF_A_ROW) from None

    def _failed(self, reason: str) -> LocationUnreachable:
        return LocationUnreachable(
            f"the database does not answer the query: {reason}", where=self.origin,
            fix="see whether address, rights and query are right; nothing was loaded",
        )  # fmt: skip
