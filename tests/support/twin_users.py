"""What counts students of the demo company: a Prometheus that has the hours, and a bank's page with the rates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from rest_server import Answer, Refusal, RestServer


class UsersServer(RestServer):
    """Answers query_range with samples at the ends of hours, and the file of exchange rates as a file."""

    def __init__(self, folder: Path) -> None:
        self._rates = (folder / "fx" / "usd_inr_sbi_tt_daily.csv").read_bytes()
        self._hours = duckdb.connect()
        self._hours.execute(
            "CREATE TABLE hours AS SELECT product, state, epoch(active_at)::BIGINT + 3600 AS ends, active_users"
            f" FROM '{folder}/users/concurrent_users_*.parquet' ORDER BY ALL"
        )
        super().__init__()

    def answer(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, Any], body: Any) -> Any:
        """A range of hours, or the file."""
        if path.endswith(".csv"):
            etag = ("ETag", '"rates"')
            return Answer(b"" if method == "HEAD" else self._rates, headers=(etag,))
        if path != "/api/v1/query_range":
            raise Refusal(404, "notFound")
        start, end = float(query["start"]), float(query["end"])
        rows = self._hours.execute(
            "SELECT product, state, LIST([ends, active_users] ORDER BY ends) FROM hours WHERE ends BETWEEN ? AND ?"
            " GROUP BY ALL ORDER BY ALL", (start, end)
        ).fetchall()  # fmt: skip
        return {"status": "success", "data": {"resultType": "matrix", "result": [
            {"metric": {"product": product, "state": state}, "values": [[at, str(value)] for at, value in samples]}
            for product, state, samples in rows
        ]}}  # fmt: skip
