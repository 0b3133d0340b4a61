"""Logs of the service: one line per event on stderr, text or JSON, with the run it belongs to and without secrets."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from core import Config

LogFormat = Literal["text", "json"]
_run: ContextVar[tuple[str, str] | None] = ContextVar("run", default=None)
#: What is shorter is no secret, and would blot out half of a line.
_MIN_SECRET = 6


@contextmanager
def run_context(run_id: str, job: str) -> Iterator[None]:
    """Lines that are written inside bear the run's id and job."""
    token = _run.set((run_id, job))
    try:
        yield
    finally:
        _run.reset(token)


class LineFormatter(logging.Formatter):
    """One record, one line: no text of a name or an error can start another."""

    def __init__(self, log_format: LogFormat, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self.is_json = log_format == "json"
        self.secrets = sorted((s for s in secrets if len(s) >= _MIN_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        message = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        at = datetime.fromtimestamp(record.created, UTC)
        run = _run.get()
        if self.is_json:
            fields: dict[str, Any] = {
                "at": at.isoformat(timespec="milliseconds"), "level": record.levelname.lower(), "logger": record.name,
            }  # fmt: skip
            if run:
                fields |= {"run_id": run[0], "job": run[1]}
            fields["message"] = self._without_secrets(message)
            if trace:
                fields["trace"] = self._without_secrets(trace)
            return json.dumps(fields, ensure_ascii=True)
        about = f" [{run[0]}]" if run else ""
        line = f"{at:%Y-%m-%dT%H:%M:%SZ} {record.levelname.lower()} {record.name}{about} {message}"
        whole = self._without_secrets(f"{line} | {trace}" if trace else line)
        # line ends, escapes of a terminal, texts that run backwards: written as \x1b and so on
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)

    def _without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def secrets_of(config: Config, environment: Mapping[str, str] = os.environ) -> set[str]:
    """Every secret that the configuration refers to: nothing of it may be in a log."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if isinstance(inner, str) and (key == "env" or key.endswith("_env")):
                    found.add(environment.get(inner, ""))
                elif key == "file" and isinstance(inner, str | Path):
                    found.add(_read(config.path.parent / inner))
                else:
                    walk(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                walk(inner)

    walk(config.model_dump())
    return found - {""}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def start_logging(log_format: LogFormat, config: Config) -> None:
    """Send our lines to stderr. APScheduler tells only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(log_format, secrets_of(config)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("kifayat").setLevel(logging.INFO)
