"""Prometheus, or anything that speaks its HTTP API: concurrent users by the hour, asked month by month.

API: GET /api/v1/query_range with query, start, end (Unix seconds) and step; a matrix of [time, "value"] pairs
(prometheus.io/docs, "HTTP API"). Of the labels only product and state are kept.
"""

from __future__ import annotations

import csv
import http.client
import io
import json
import math
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core import IST, ConfigError, ExportConfig, LocationUnreachable, month_of, next_month
from ingest.locations import Location, Reading
from ingest.locations._answers import AnswerLocation, option_faults, split_address

SCHEMES = ("prometheus+http", "prometheus+https")

_STEP = timedelta(hours=1)
_TIMEOUT_SECONDS = 60.0
_MAX_BYTES = 64 * 1024 * 1024
_MONTHS_BACK = 13
_TOKEN = re.compile(r"[!-~]+")
_UNPROCESSABLE = 422
_HEADER = ("active_on", "active_at", "product", "state", "metric", "active_users")


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The server of an export. Raises ConfigError if the query is missing or the address holds a secret."""
    address = split_address(export)
    faults = option_faults(export, ("endpoint", "profile", "region", "password_env"))
    if address.password or address.username:
        faults.append(f"exports.{export.name}.location holds a password: name the variable of a token in token_env")
    if address.query or address.fragment:
        faults.append(f"exports.{export.name}.location: write the server's address only; what to ask goes into query")
    if not address.hostname:
        faults.append(f"exports.{export.name}.location names no server: write {address.scheme}://host:9090")
    if export.token_env and export.token_env not in os.environ:
        faults.append(f"exports.{export.name}.token_env names {export.token_env}, which is not set in the environment")
    elif export.token_env and not _TOKEN.fullmatch(_token(export.token_env)):
        faults.append(
            f"exports.{export.name}.token_env names {export.token_env}, which holds no token: one word of ASCII"
        )
    if faults:
        raise ConfigError(faults)
    return PrometheusLocation(export, reading)


class PrometheusLocation(AnswerLocation):
    """One query against one server."""

    @property
    def origin(self) -> str:
        """The server's address."""
        return self.export.location.removeprefix("prometheus+").rstrip("/")

    def ask(self) -> Iterator[tuple[str, bytes]]:
        """A CSV for every month that has samples; only hours that are over."""
        now = self.reading.clock.now().astimezone(UTC)
        over = now.replace(minute=0, second=0, microsecond=0)
        month = month_of(self.export.since) if self.export.since else _months_before(now.date(), _MONTHS_BACK)
        while datetime(month.year, month.month, 1, tzinfo=UTC) < over:
            start = datetime(month.year, month.month, 1, tzinfo=UTC)
            after = next_month(month)
            end = min(datetime(after.year, after.month, 1, tzinfo=UTC), over)
            rows = list(self._rows(start, end))
            if rows:
                yield f"{month:%Y-%m}", _csv(rows)
            month = after

    def _rows(self, start: datetime, end: datetime) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Hours [start, end): a sample at an hour's end speaks for that hour."""
        params = {
            "query": self.export.query or "", "start": (start + _STEP).timestamp(), "end": end.timestamp(),
            "step": int(_STEP.total_seconds()),
        }  # fmt: skip
        answer = self._get("/api/v1/query_range?" + urllib.parse.urlencode(params))
        try:
            if answer["data"]["resultType"] != "matrix":
                raise KeyError("matrix")
            for series in answer["data"]["result"]:
                labels = series["metric"]
                for second, text in series["values"]:
                    at = datetime.fromtimestamp(float(second), UTC) - _STEP
                    value = float(text)
                    if math.isfinite(value):
                        on = at.astimezone(IST).date()
                        yield (
                            on.isoformat(), f"{at:%Y-%m-%dT%H:%M:%SZ}", labels.get("product", "all"),
                            labels.get("state", "all"), self.export.metric, round(value),
                        )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LocationUnreachable(
                "the server's answer is no range of samples", where=self.origin,
                expected="a matrix, as /api/v1/query_range gives", fix="see whether the address is that of Prometheus",
            ) from error  # fmt: skip

    def _get(self, path: str) -> Any:
        retries = self.reading.retries
        for attempt in range(1, retries.attempts + 1):
            try:
                return self._read(path)
            except LocationUnreachable as error:
                if not error.transient or attempt == retries.attempts:
                    raise
                retries.wait(attempt)
        raise AssertionError("unreachable")

    def _read(self, path: str) -> Any:
        request = urllib.request.Request(self.origin + path, headers={"Accept": "application/json"})
        if self.export.token_env:
            # unredirected: a server that sends us elsewhere does not pass it on
            request.add_unredirected_header("Authorization", f"Bearer {_token(self.export.token_env)}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
                content = response.read(_MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            transient = error.code == 429 or error.code >= 500
            raise LocationUnreachable(
                f"the server answers {error.code}: {_said(error)}", where=self.origin, transient=transient,
                fix="try again later" if transient else "see whether query, address and token are right",
            ) from None  # fmt: skip
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise LocationUnreachable(
                f"the server cannot be asked: {reason}", where=self.origin, transient=True,
                fix="see whether the address is right and the server runs",
            ) from None  # fmt: skip
        if len(content) > _MAX_BYTES:
            raise LocationUnreachable(
                f"the answer is longer than {_MAX_BYTES} bytes", where=self.origin,
                fix="aggregate in the query: max by (product) (…)",
            )  # fmt: skip
        try:
            return json.loads(content)
        except ValueError:
            raise LocationUnreachable(
                "the server's answer is not JSON", where=self.origin, expected="what /api/v1/query_range gives",
                fix="see whether the address is that of Prometheus",
            ) from None  # fmt: skip


def _token(variable: str) -> str:
    """The token in a variable of the environment; a file that was read into it may end with a new line."""
    return os.environ[variable].strip()


def _said(error: urllib.error.HTTPError) -> str:
    """The server's own words, cut short, and before any labels: a query that fails on data quotes them."""
    try:
        said = str(json.loads(error.read(4096)).get("error", ""))
        if error.code == _UNPROCESSABLE:
            said = said.partition("{")[0].strip()
        return said[:200] or str(error.reason)
    except (ValueError, AttributeError, OSError):
        return str(error.reason)


def _csv(rows: list[tuple[str, str, str, str, str, int]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(sorted(rows))
    return text.getvalue().encode()


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
