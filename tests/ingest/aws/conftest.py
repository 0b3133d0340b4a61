"""What the tests of AWS share: one server that speaks AWS, and credentials that are nobody's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_server import AwsServer
from moto.moto_api._internal import moto_api_backend

from core import ConnectionConfig, ExportConfig, FixedClock
from ingest.locations import Location, Reading, Retries, open_location

QUICK = Retries(attempts=3, base_seconds=0.001, cap_seconds=0.002)
NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def running() -> Iterator[AwsServer]:
    """One server for all tests."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = AwsServer()
    yield server
    server.close()


@pytest.fixture
def server(running: AwsServer, monkeypatch: pytest.MonkeyPatch) -> AwsServer:
    """The server, empty, and an environment with credentials that only it takes."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "do-not-print-me",
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    moto_api_backend.reset()
    for kept in (running.faults, running.requests, running.asked, running.answers):
        kept.clear()
    return running


@pytest.fixture
def open_aws(server: AwsServer) -> Callable[..., Location]:
    """open_aws("metrics", regions=(…), seen=…): a topic of aws:// against the server."""

    def open_at(
        topic: str, *, now: datetime = NOW, seen: Callable[[str, str], datetime | None] | None = None,
        export: dict[str, Any] | None = None, **connection: Any,
    ) -> Location:  # fmt: skip
        settings = {"name": "india", "kind": "aws", "endpoints": {"*": server.url}, "regions": ["ap-south-1"],
                    "requests_per_second": 100} | connection  # fmt: skip
        access = ConnectionConfig.model_validate(settings)
        reading = Reading(retries=QUICK, clock=FixedClock(now), connections={"india": access})
        if seen is not None:
            reading = Reading(retries=QUICK, clock=FixedClock(now), connections={"india": access}, seen=seen)
        made = ExportConfig.model_validate(
            {"name": f"aws-{topic}", "location": f"aws://{topic}", "connection": "india"} | (export or {})
        )
        return open_location(made, reading)

    return open_at
