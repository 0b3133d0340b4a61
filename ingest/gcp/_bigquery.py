"""Queries of BigQuery, each request by itself: what they will read, what they may cost, their rows as Arrow.

Not for what is asked: that is the location bigquery://.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from core import LocationUnreachable
from ingest.gcp._clients import GcpClients
from ingest.locations import Retries
from ingest.pull import Probe

#: What any query that names a table is billed for at least (BigQuery pricing, on-demand: 10 MB a table).
MINIMUM_BYTES: Final = 10 << 20
TIB: Final = 1 << 40
UNIT: Final = "gcp:bigquery:tib"
_MIB: Final = 1 << 20
#: Rows asked for at once; BigQuery cuts a page at 10 MB by itself.
PAGE_ROWS: Final = 50_000
#: So many rows are sooner asked for page by page than streamed.
_FEW_ROWS: Final = 500
_STREAM_SECONDS: Final = 900.0
_POLL_SECONDS: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0)
#: Why a job failed for no fault of its own: another one is started.
_TRANSIENT: Final = {"backendError", "internalError", "jobBackendError", "jobInternalError", "rateLimitExceeded",
                     "jobRateLimitExceeded", "stopped", "tableUnavailable"}  # fmt: skip
_FIXES: Final = {
    "bytesBilledLimitExceeded": "raise max_gib_billed of the connection, or ask for less with `since`",
    "quotaExceeded": "raise the project's quota of BigQuery, or wait until it starts anew (midnight Pacific)",
    "accessDenied": "grant bigquery.tables.getData on the dataset: `kifayat connect gcp` prints the role",
}
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "FLOAT": pa.float64(), "FLOAT64": pa.float64(), "INTEGER": pa.int64(), "INT64": pa.int64(),
    "NUMERIC": pa.decimal128(38, 9), "BIGNUMERIC": pa.decimal256(76, 38), "BOOLEAN": pa.bool_(), "BOOL": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", "UTC"), "DATETIME": pa.timestamp("us"), "DATE": pa.date32(),
}  # fmt: skip


#: A parameter of a query: STRING, or ARRAY<STRING>.
Text = str | tuple[str, ...]


def billed_bytes(scanned: int) -> int:
    """What a query is billed for that reads so many bytes: whole MiB, ten at least."""
    return max(MINIMUM_BYTES, math.ceil(scanned / _MIB) * _MIB)


class BigQuery:
    """Asks in one project. Raises LocationUnreachable everywhere."""

    def __init__(self, clients: GcpClients, project: str, retries: Retries) -> None:
        self._clients = clients
        self._project = project
        self._retries = retries

    @property
    def _client(self) -> Any:
        return self._clients.bigquery(self._project)

    def tables(self, dataset: str) -> Iterator[str]:
        """Names of a dataset's tables."""
        from google.cloud.bigquery import DatasetReference

        where = f"{self._project}.{dataset}"
        named = DatasetReference(self._project, dataset)
        token: str | None = None
        while True:

            def ask(retry: Any, timeout: float, token: str | None = token) -> Any:
                found = self._client.list_tables(named, page_token=token, page_size=1000, retry=retry, timeout=timeout)
                return next(found.pages), found.next_page_token

            page, token = self._clients.call("bigquery.tables.list", ask, where=where)
            yield from (item.table_id for item in page)
            if not token:
                return

    def table(self, name: str) -> Any:
        """What BigQuery says of project.dataset.table: its schema and its partitions' expiration."""
        return self._clients.call("bigquery.tables.get", self._client.get_table, name, where=name)

    def peek(self, table: Any) -> None:
        """Read one row of a table, which costs nothing."""

        def ask(retry: Any, timeout: float) -> None:
            found = self._client.list_rows(table, page_size=1, retry=retry, timeout=timeout)
            next(found.pages, None)

        self._clients.call("bigquery.tables.getData", ask, where=str(table.reference))

    def probes(self, described: Callable[[], list[Any]], where: str) -> Iterator[Probe]:
        """Calls that bill nothing and prove what reading tables takes; `described` asks for those tables."""

        def peek() -> None:
            for table in described():
                self.peek(table)

        yield Probe("bigquery.jobs.create", self._project, lambda: self.dry_run("SELECT 1", self._project))
        yield Probe("bigquery.tables.get", where, described)
        yield Probe("bigquery.tables.getData", where, peek)
        yield Probe(
            "bigquery.readsessions.create", self._project,
            lambda: [self.read_session(one.reference, where) for one in described()],
        )  # fmt: skip

    def dry_run(self, sql: str, where: str, **parameters: Text) -> int:
        """Bytes that a query would read; it is not run and costs nothing."""
        from google.cloud.bigquery import QueryJobConfig

        job = self._clients.call(
            "bigquery.jobs.create", self._client.query, sql, job_retry=None, where=where,
            job_config=QueryJobConfig(dry_run=True, use_query_cache=False, query_parameters=_texts(parameters)),
        )  # fmt: skip
        return int(job.total_bytes_processed or 0)

    def query(self, sql: str, where: str, **parameters: Text) -> pa.Table:
        """The rows of a query, whose @name is one of `parameters`. Refused if it would bill over max_gib_billed."""
        job = self._finished(sql, where, parameters)
        self._clients.meter.bill(UNIT, (job.total_bytes_billed or 0) / TIB)
        found = self.table(str(job.destination))
        streamed = self._streamed(found, where) if (found.num_rows or 0) > _FEW_ROWS else None
        return streamed if streamed is not None else self._paged(found, where)

    def _streamed(self, table: Any, where: str) -> pa.Table | None:
        """Rows through the Storage Read API, ten times as fast; None where it cannot be used."""
        try:
            session = self.read_session(table.reference, where)
        except (ImportError, LocationUnreachable):  # no package, no permission, no way
            return None
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        batches: list[pa.RecordBatch] = []

        def ask(retry: Any, timeout: float) -> None:
            start = sum(batch.num_rows for batch in batches)  # of what an interrupted stream gave
            for message in self._clients.bigquery_reads().read_rows(
                read_stream=session.streams[0].name, offset=start, retry=retry, timeout=_STREAM_SECONDS
            ):
                data = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
                batches.append(pa.ipc.read_record_batch(data, schema))

        self._clients.call("bigquery.readsessions.getData", ask, where=where)
        rows = pa.Table.from_batches(batches, schema)
        if rows.num_rows != table.num_rows:
            raise _short(rows.num_rows, table.num_rows, where)
        return rows

    def read_session(self, table: Any, where: str) -> Any:
        """Begin to read a table through the Storage Read API, in one stream. Raises ImportError too."""
        from google.cloud.bigquery_storage_v1.types import DataFormat, ReadSession

        path = f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}"
        client = self._clients.bigquery_reads()
        return self._clients.call(
            "bigquery.readsessions.create", client.create_read_session, where=where,
            parent=f"projects/{self._client.project}", max_stream_count=1,
            read_session=ReadSession(table=path, data_format=DataFormat.ARROW),
        )  # fmt: skip

    def _paged(self, table: Any, where: str) -> pa.Table:
        kind = pa.schema([(field.name, _arrow(field)) for field in table.schema])
        pages: list[pa.Table] = []
        count = 0
        while True:

            def ask(retry: Any, timeout: float, start: int = count) -> Any:
                found = self._client.list_rows(
                    table.reference, selected_fields=table.schema, start_index=start, page_size=PAGE_ROWS, retry=retry,
                    timeout=timeout,
                )  # fmt: skip
                page = next(found.pages, ())
                return [[row[number] for number in range(len(kind))] for row in page], found.total_rows or 0

            rows, total = self._clients.call("bigquery.tables.getData", ask, where=where)
            pages.append(_table(rows, kind))
            count += len(rows)
            if count >= total:
                return pa.concat_tables(pages)
            if not rows:
                raise _short(count, total, where)

    def _finished(self, sql: str, where: str, parameters: Mapping[str, Text]) -> Any:
        """The job of a query, done without an error; started again where it failed for no fault of its own."""
        from google.cloud.bigquery import QueryJobConfig

        config = QueryJobConfig(
            maximum_bytes_billed=int(self._clients.connection.max_gib_billed * (1 << 30)),
            labels={"application": "kifayat"}, query_parameters=_texts(parameters),
        )  # fmt: skip
        attempts = self._retries.attempts
        for attempt in range(1, attempts + 1):
            job = self._clients.call(
                "bigquery.jobs.create", self._client.query, sql, job_retry=None, where=where,
                job_config=config,
            )  # fmt: skip
            polls = 0
            while job.state != "DONE":
                self._retries.sleep(_POLL_SECONDS[min(polls, len(_POLL_SECONDS) - 1)])
                self._clients.call("bigquery.jobs.create", job.reload, where=where)
                polls += 1
            if not job.error_result:
                return job
            found = str(job.error_result.get("reason", ""))
            reason = found if re.fullmatch(r"[A-Za-z]{1,60}", found) else "an error"
            if reason not in _TRANSIENT or attempt == attempts:
                break
            self._retries.wait(attempt)
        raise LocationUnreachable(
            f"BigQuery did not run the query: {reason}", where=where, transient=reason in _TRANSIENT,
            fix=_FIXES.get(reason, "nothing was loaded; it is asked again later"),
        )  # fmt: skip


def _texts(parameters: Mapping[str, Text]) -> list[Any]:
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    return [
        ScalarQueryParameter(name, "STRING", value)
        if isinstance(value, str)
        else ArrayQueryParameter(name, "STRING", value)
        for name, value in parameters.items()
    ]


def _short(count: int, total: int, where: str) -> LocationUnreachable:
    return LocationUnreachable(
        f"BigQuery gave {count:,} of {total:,} rows", where=where, transient=True,
        fix="nothing was loaded; it is asked again later",
    )  # fmt: skip


def _arrow(field: Any) -> pa.DataType:
    kind = _TYPES.get(field.field_type, pa.string())
    if field.field_type in ("RECORD", "STRUCT"):
        kind = pa.struct([(inner.name, _arrow(inner)) for inner in field.fields])
    return pa.list_(kind) if field.mode == "REPEATED" else kind


def _table(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
