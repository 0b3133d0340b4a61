"""BigQuery's REST API on this machine, over DuckDB: tables by ingestion time that a test appends to, corrects and cuts.

    server = BigQueryServer()
    server.append("pragati-billing.billing.gcp_billing_export_v1_01A2B3", date(2026, 8, 1), table)

The SQL that is asked is really run. Bytes are 8 for each value of each column that a query names; a query bills 10 MiB
at least, as BigQuery does.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any, Final

import duckdb
import grpc
import pyarrow as pa
import sqlglot
from google.cloud.bigquery_storage_v1 import types
from rest_server import Refusal, RestServer
from sqlglot import exp

_MIB: Final = 1 << 20
_MINIMUM: Final = 10 * _MIB
_ROOT: Final = "/bigquery/v2/projects/"


@dataclass(frozen=True)
class _Query:
    """SQL for DuckDB over the table `asked`, which stands for `table`; and how many columns it names."""

    sql: str
    table: str | None
    columns: int


_DATE: Final = re.compile(r"(?<=')\d{4}-\d\d-\d\d(?=')")


def _template(sql: str) -> str:
    return _DATE.sub("2000-01-01", sql)


@cache
def _translated(sql: str) -> _Query:
    parsed = sqlglot.parse_one(sql, read="bigquery")
    named = {column.parts[0].name for column in parsed.find_all(exp.Column)} - {"_PARTITIONTIME", "c"}
    table = parsed.find(exp.Table)
    if table is None:
        return _Query(sql, None, 0)
    name = ".".join(part.name for part in table.parts)
    table.replace(exp.to_table("asked"))
    return _Query(parsed.sql("duckdb"), name, len(named))


class BigQueryServer(RestServer):
    """`tables`: "project.dataset.table" -> day of _PARTITIONTIME -> rows; `modified`: when each was written to."""

    def __init__(self) -> None:
        self.clear()
        self._db = duckdb.connect(config={"threads": 1})
        self._db.execute("SET TimeZone = 'UTC'; PRAGMA disable_optimizer")  # a few rows: planning is what takes time
        super().__init__()

    def clear(self) -> None:
        """Forget everything."""
        self.tables: dict[str, dict[date, pa.Table]] = {}
        self.modified: dict[tuple[str, date], datetime] = {}
        self.now = datetime(2026, 8, 21, 3, tzinfo=UTC)
        self.page_rows = 100_000
        self.bytes_per_value = 8
        self.expiration_days: int | None = None
        self.job_errors: list[str] = []
        self.bytes_billed = 0
        self.polls = 1
        self._asked: dict[str, int] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self.results: dict[str, pa.Table] = {}
        self._ids = itertools.count(1)
        if hasattr(self, "requests"):
            self.requests.clear()
            self.faults.clear()
            self.before = lambda _: None

    def append(self, name: str, day: date, rows: pa.Table) -> None:
        """What an export does: rows are added to a day's partition."""
        days = self.tables.setdefault(name, {})
        days[day] = pa.concat_tables([days[day], rows]) if day in days else rows
        self.modified[name, day] = self.now

    def answer(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, Any], body: Any) -> Any:
        """Jobs, tables, and the rows of results."""
        project, *rest = path.removeprefix(_ROOT).split("/")
        match method, rest:
            case "POST", ["jobs"]:
                return self._insert(project, body)
            case "GET", ["jobs", job]:
                asked = self._asked[job] = self._asked.get(job, 0) + 1
                return self._jobs[job] | ({"status": {"state": "RUNNING"}} if asked < self.polls else {})
            case "GET", ["datasets", dataset, "tables"]:
                return self._list(project, dataset, query)
            case "GET", ["datasets", dataset, "tables", table]:
                return self._table(project, dataset, table)
            case "GET", ["datasets", dataset, "tables", table, "data"]:
                if dataset == "_anon":
                    return self._data(self.results[table], query)
                return self._data(next(iter(self.tables[f"{project}.{dataset}.{table}"].values())), query)
        raise Refusal(404, "notFound")

    def _list(self, project: str, dataset: str, query: dict[str, str]) -> dict[str, Any]:
        names = sorted(name for name in self.tables if name.startswith(f"{project}.{dataset}."))
        start, count = int(query.get("pageToken", 0)), int(query.get("maxResults", 2))
        page = [{"tableReference": _reference(name)} for name in names[start : start + count]]
        more = {"nextPageToken": str(start + count)} if start + count < len(names) else {}
        return {"tables": page, "totalItems": len(names)} | more

    def _table(self, project: str, dataset: str, table: str) -> dict[str, Any]:
        name = f"{project}.{dataset}.{table}"
        if dataset == "_anon":
            rows = self.results[table]
            schema = {"fields": _fields(rows.schema)}
            return {"tableReference": _reference(name), "schema": schema, "numRows": str(rows.num_rows)}
        if name not in self.tables:
            raise Refusal(404, "notFound")
        schema = next(iter(self.tables[name].values())).schema
        parts: dict[str, Any] = {"type": "DAY"}
        if self.expiration_days:
            parts["expirationMs"] = str(self.expiration_days * 86_400_000)
        return {"tableReference": _reference(name), "schema": {"fields": _fields(schema)}, "timePartitioning": parts}

    def _data(self, rows: pa.Table, query: dict[str, str]) -> dict[str, Any]:
        start = int(query.get("startIndex", 0))
        page = rows.slice(start, min(self.page_rows, int(query.get("maxResults", self.page_rows))))
        more = {"pageToken": str(start + page.num_rows)} if start + page.num_rows < rows.num_rows else {}
        kinds = page.schema.types
        cells = [
            {"f": [{"v": _cell(value, kind)} for value, kind in zip(row.values(), kinds, strict=True)]}
            for row in page.to_pylist()
        ]
        return {"rows": cells, "totalRows": str(rows.num_rows)} | more

    def _insert(self, project: str, body: Any) -> dict[str, Any]:
        config = body["configuration"]
        sql = config["query"]["query"]
        is_dry = config.get("dryRun", False)
        count = self._bytes(sql)
        billed = max(_MINIMUM, math.ceil(count / _MIB) * _MIB) if count else 0
        identity = f"job-{next(self._ids)}"
        job: dict[str, Any] = {
            "jobReference": {"projectId": project, "jobId": identity, "location": "asia-south1"},
            "configuration": config, "status": {"state": "DONE"},
            "statistics": {"totalBytesProcessed": str(count), "query": {"totalBytesProcessed": str(count)}},
        }  # fmt: skip
        if is_dry:
            return job
        limit = int(config["query"].get("maximumBytesBilled", 0))
        reason = self.job_errors.pop(0) if self.job_errors else ""
        if limit and billed > limit:
            reason = "bytesBilledLimitExceeded"
        if reason:
            job["status"]["errorResult"] = {"reason": reason, "message": "secret-in-message"}
        else:
            self.results[identity] = self._run(sql, _parameters(config["query"]))
            self.bytes_billed += billed
            job["statistics"]["query"]["totalBytesBilled"] = str(billed)
            config["query"]["destinationTable"] = _reference(f"{project}._anon.{identity}")
        self._jobs[identity] = job
        return job | {"status": {"state": "RUNNING"}} if self.polls else job

    def _bytes(self, sql: str) -> int:
        found = _translated(_template(sql))
        if found.table is None:
            return 0
        if "INFORMATION_SCHEMA" in found.table:
            return _MINIMUM
        rows = sum(part.num_rows for _, part in self._pruned(found.table, sql))
        return rows * found.columns * self.bytes_per_value

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        found = _translated(_template(sql))
        assert found.table is not None
        is_schema = "INFORMATION_SCHEMA" in found.table
        self._db.register("asked", self._partitions(found.table) if is_schema else self._stored(found.table, sql))
        dates = iter(_DATE.findall(sql))
        return self._db.execute(_DATE.sub(lambda _: next(dates), found.sql), parameters).to_arrow_table()

    def _pruned(self, name: str, sql: str) -> list[tuple[date, pa.Table]]:
        """The partitions that the ranges of a WHERE leave."""
        if name not in self.tables:
            raise Refusal(404, "notFound")
        dates = [date.fromisoformat(text) for text in _DATE.findall(sql)]
        ranges = list(zip(dates[::2], dates[1::2], strict=True))
        return [
            (day, rows) for day, rows in sorted(self.tables[name].items())
            if not ranges or any(start <= day < end for start, end in ranges)
        ]  # fmt: skip

    def _stored(self, name: str, sql: str) -> pa.Table:
        kind = pa.timestamp("us", "UTC")
        parts = []
        for day, rows in self._pruned(name, sql):
            loaded = pa.repeat(pa.scalar(datetime.combine(day, time(), UTC), kind), rows.num_rows)
            parts.append(rows.append_column("_PARTITIONTIME", loaded))
        schema = next(iter(self.tables[name].values())).schema.append(pa.field("_PARTITIONTIME", kind))
        return pa.concat_tables([schema.empty_table(), *parts])

    def _partitions(self, name: str) -> pa.Table:
        dataset = name.partition(".INFORMATION_SCHEMA")[0]
        return pa.Table.from_pylist([
            {"table_name": table.rpartition(".")[2], "partition_id": f"{day:%Y%m%d}", "total_rows": rows.num_rows,
             "last_modified_time": self.modified[table, day]}
            for table, days in self.tables.items() if table.startswith(f"{dataset}.") for day, rows in days.items()
        ] + [{"table_name": table.rpartition(".")[2], "partition_id": "__UNPARTITIONED__", "total_rows": 0,
              "last_modified_time": self.now} for table in self.tables])  # fmt: skip


class BigQueryReads:
    """The Storage Read API over a BigQueryServer's tables, by gRPC. `refusals`: errors of the next calls."""

    def __init__(self, server: BigQueryServer) -> None:
        self.server = server
        self.calls: list[str] = []
        self.refusals: list[grpc.StatusCode] = []
        self.batch_rows = 1000
        self.breaks_after: int | None = None
        self._grpc = grpc.server(ThreadPoolExecutor(2))
        handlers = {
            "CreateReadSession": grpc.unary_unary_rpc_method_handler(
                self._create, types.CreateReadSessionRequest.deserialize, types.ReadSession.serialize
            ),
            "ReadRows": grpc.unary_stream_rpc_method_handler(
                self._read, types.ReadRowsRequest.deserialize, types.ReadRowsResponse.serialize
            ),
        }
        name = "google.cloud.bigquery.storage.v1.BigQueryRead"
        self._grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
        self.url = f"http://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()

    def close(self) -> None:
        """Stop serving."""
        self._grpc.stop(None).wait()

    def _create(self, request: Any, context: Any) -> Any:
        self._count("CreateReadSession", context)
        rows = self._rows(request.read_session.table)
        schema = types.ArrowSchema(serialized_schema=rows.schema.serialize().to_pybytes())
        stream = types.ReadStream(name=request.read_session.table)
        return types.ReadSession(name="session", arrow_schema=schema, streams=[stream])

    def _read(self, request: Any, context: Any) -> Iterator[Any]:
        self._count("ReadRows", context)
        rows = self._rows(request.read_stream).slice(request.offset).combine_chunks()
        for number, batch in enumerate(rows.to_batches(self.batch_rows)):
            if self.breaks_after == number:
                self.breaks_after = None
                context.abort(grpc.StatusCode.UNAVAILABLE, "secret-in-message")
            data = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
            yield types.ReadRowsResponse(arrow_record_batch=data, row_count=batch.num_rows)

    def _count(self, call: str, context: Any) -> None:
        self.calls.append(call)
        if self.refusals:
            context.abort(self.refusals.pop(0), "secret-in-message")

    def _rows(self, path: str) -> pa.Table:
        _, project, _, dataset, _, table = path.split("/")
        if dataset == "_anon":
            return self.server.results[table]
        return next(iter(self.server.tables[f"{project}.{dataset}.{table}"].values()))


def _parameters(query: Mapping[str, Any]) -> dict[str, Any]:
    """Of a query: each @name is a STRING or an ARRAY of them."""
    found = {one["name"]: one["parameterValue"] for one in query.get("queryParameters", ())}
    return {
        name: value["value"] if "value" in value else [item["value"] for item in value["arrayValues"]]
        for name, value in found.items()
    }


def _reference(name: str) -> dict[str, str]:
    return dict(zip(("projectId", "datasetId", "tableId"), name.split("."), strict=True))


def _fields(schema: pa.Schema | pa.StructType) -> list[dict[str, Any]]:
    return [_field(schema.field(number)) for number in range(len(schema))]


def _field(field: pa.Field) -> dict[str, Any]:
    kind, mode = field.type, "NULLABLE"
    if pa.types.is_list(kind):
        kind, mode = kind.value_type, "REPEATED"
    found: dict[str, Any] = {"name": field.name, "mode": mode, "type": _type(kind)}
    if pa.types.is_struct(kind):
        found["fields"] = _fields(kind)
    return found


def _type(kind: pa.DataType) -> str:
    text = re.sub(r"\[.*|\(.*|<.*", "", str(kind))
    return {"string": "STRING", "double": "FLOAT", "bool": "BOOLEAN", "decimal128": "NUMERIC", "timestamp": "TIMESTAMP",
            "struct": "RECORD", "date32": "DATE"}.get(text, "INTEGER")  # fmt: skip


def _cell(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [{"v": _cell(item, kind.value_type)} for item in value or ()]
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {"f": [{"v": _cell(value[inner.name], inner.type)} for inner in kind.fields]}
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return str(round(value.timestamp() * 1_000_000))
        case float():
            return repr(value)
    return str(value)
