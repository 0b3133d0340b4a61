"""What is asked of Prometheus, or of anything that speaks its HTTP API: ranges by the hour, week after week.

API: GET /api/v1/query_range with query, start, end (Unix seconds) and step; a matrix of [time, "value"] pairs
(prometheus.io/docs, "HTTP API"). A week is 168 points of the 11,000 that a series may have in one answer; an answer
that is still too long is asked for in halves. A week is a part because Prometheus forgets after 15 days by default:
once over, a week is asked one last time and then stands, so keep at least that much.
"""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any, ClassVar, Final

from core import ExportConfig, LocationUnreachable
from ingest.locations import Reading
from ingest.locations._answers import split_address
from ingest.locations._http import HttpClient, TooLong, token_faults
from ingest.pull import Meter, Part, Probe, PullLocation, Usage

HOUR: Final = timedelta(hours=1)
_WEEK: Final = timedelta(days=7)
#: Samples of a week may come late; a day after it no more.
_LATE: Final = timedelta(days=1)
_MONTHS_BACK: Final = 13
#: Python needs some six times as much to hold it.
_MAX_BYTES: Final = 16 * 1024 * 1024
_CALL: Final = "GET /api/v1/query_range"
#: Labels, and (beginning of the hour, value) of each sample.
Series = tuple[Mapping[str, str], list[tuple[datetime, float]]]


def address_faults(export: ExportConfig) -> list[str]:
    """What is wrong with the address and the token of a server; no secret is repeated."""
    address = split_address(export)
    faults = []
    if address.password or address.username:
        faults.append(f"exports.{export.name}.location holds a password: name the variable of a token in token_env")
    if not address.hostname:
        faults.append(f"exports.{export.name}.location names no server: write {address.scheme}://host:9090")
    return faults + token_faults(export)


class PrometheusPull(PullLocation):
    """A server that is asked by weeks from Monday, in UTC, of hours that are over."""

    every: ClassVar[timedelta] = HOUR
    #: The queries of one week.
    queries: ClassVar[int] = 1

    def __init__(self, export: ExportConfig, reading: Reading) -> None:
        super().__init__(export, reading)
        self.meter = Meter()
        self._client = HttpClient(export, reading, self.origin, self.meter)

    @property
    def origin(self) -> str:
        """The server's address."""
        scheme, _, rest = self.export.location.partition("://")
        return f"{scheme.rpartition('+')[2]}://{rest.partition('?')[0].rstrip('/')}"

    def parts(self) -> Iterator[Part]:
        """Weeks since `since`, or of 13 months, by ISO 8601: 2026-W31."""
        now = self.reading.clock.now().astimezone(UTC)
        first = self.export.since or _months_before(now.date(), _MONTHS_BACK)
        monday = first - timedelta(days=first.weekday())
        while _midnight(monday) + HOUR <= now:
            year, week, _ = monday.isocalendar()
            settles_at = _midnight(monday) + _WEEK + _LATE
            yield Part(f"{year}-W{week:02d}", settles_at=settles_at, estimate=Usage(requests=self.queries))
            monday += _WEEK

    def probes(self) -> Iterator[Probe]:
        """One sample of the server's own."""
        now = self.reading.clock.now()
        yield Probe("reading", self.origin, lambda: self._matrix("vector(1)", now - HOUR, now))

    def hours(self, part: Part) -> tuple[datetime, datetime]:
        """The hours [start, end) of a part that are over."""
        year, _, week = part.group.partition("-W")
        start = _midnight(date.fromisocalendar(int(year), int(week), 1))
        now = self.reading.clock.now().astimezone(UTC)
        return start, min(start + _WEEK, now.replace(minute=0, second=0, microsecond=0))

    def series(self, query: str, start: datetime, end: datetime) -> Iterator[Series]:
        """The series of a query by the hour in [start, end); one may come in several pieces.

        A sample at an hour's end speaks for that hour. Raises LocationUnreachable.
        """
        try:
            found = self._matrix(query, start, end)
        except TooLong:
            middle = start + HOUR * ((end - start) // HOUR // 2)
            if middle == start:
                raise
            yield from self.series(query, start, middle)
            yield from self.series(query, middle, end)
        else:
            yield from found

    def _matrix(self, query: str, start: datetime, end: datetime) -> list[Series]:
        params = {
            "query": query, "start": (start + HOUR).timestamp(), "end": end.timestamp(),
            "step": int(HOUR.total_seconds()),
        }  # fmt: skip
        body = BytesIO()
        address = f"{self.origin}/api/v1/query_range?{urllib.parse.urlencode(params)}"
        try:
            self._client.ask(_CALL, address, body, _MAX_BYTES, headers={"Accept": "application/json"})
        except TooLong as error:
            error.fix = "aggregate in the query: max by (product) (…)" if self.export.query else "ask for less"
            raise
        try:
            answer = json.loads(body.getvalue())
        except ValueError:
            raise LocationUnreachable(
                "the server's answer is not JSON", where=self.origin, expected="what /api/v1/query_range gives",
                fix="see whether the address is that of Prometheus",
            ) from None  # fmt: skip
        try:
            if answer["data"]["resultType"] != "matrix":
                raise KeyError("matrix")
            return [(_labels(one["metric"]), _samples(one["values"])) for one in answer["data"]["result"]]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise LocationUnreachable(
                "the server's answer is no range of samples", where=self.origin,
                expected="a matrix, as /api/v1/query_range gives", fix="see whether the address is that of Prometheus",
            ) from error  # fmt: skip


def _labels(found: Any) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in found.items()}


def _samples(values: Sequence[Sequence[Any]]) -> list[tuple[datetime, float]]:
    found = ((datetime.fromtimestamp(float(second), UTC) - HOUR, float(text)) for second, text in values)
    return [(at, value) for at, value in found if math.isfinite(value)]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
