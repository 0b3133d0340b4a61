"""What the tests of Google Cloud share: one server that speaks gRPC, and connections that need no login."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from google_server import NOW, QUICK, GoogleServer

from core import ConnectionConfig, ExportConfig, FixedClock
from ingest.locations import Location, Reading, never_seen, open_location


@pytest.fixture(scope="session")
def running() -> Iterator[GoogleServer]:
    """One server for all tests."""
    server = GoogleServer()
    yield server
    server.close()


@pytest.fixture
def server(running: GoogleServer) -> GoogleServer:
    """The server, as if it had just been started."""
    running.reset()
    return running


@pytest.fixture
def open_gcp(server: GoogleServer) -> Callable[..., Location]:
    """open_gcp("metrics", projects=[…], seen=…): a topic of gcp:// against the server."""

    def open_at(
        topic: str, *, now: datetime = NOW, seen: Callable[[str, str], datetime | None] = never_seen,
        export: dict[str, Any] | None = None, **connection: Any,
    ) -> Location:  # fmt: skip
        settings = {"name": "india", "kind": "gcp", "endpoints": {"*": server.url}, "projects": ["pragati-content"],
                    "requests_per_second": 100} | connection  # fmt: skip
        access = ConnectionConfig.model_validate(settings)
        reading = Reading(retries=QUICK, clock=FixedClock(now), connections={"india": access}, seen=seen)
        made = ExportConfig.model_validate(
            {"name": f"gcp-{topic}", "location": f"gcp://{topic}", "connection": "india"} | (export or {})
        )
        return open_location(made, reading)

    return open_at
