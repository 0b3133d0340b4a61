"""Fault 15 at the level of the whole pipeline: a bill in S3 behind a server that is overloaded, lies and forbids."""

from __future__ import annotations

import gzip
import json
import logging
from decimal import Decimal

import aws_server as s3
import pytest
from apps import NOW, total
from bills import PAYER, csv_text, cur_line

from core import FixedClock
from kifayat import App

PERIOD = "cur/report/20260701-20260801"


@pytest.fixture
def server(monkeypatch):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "do-not-print-me",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    server = s3.AwsServer()
    server.client().create_bucket(Bucket="bills")
    yield server
    server.close()


@pytest.fixture
def app(tmp_path, server):
    (tmp_path / "kifayat.toml").write_text(
        '[storage]\ndirectory = "store"\n[[exports]]\nname = "cur"\nlocation = "s3://bills/cur"\n'
        f'endpoint = "{server.url}"\nregion = "us-east-1"\n'
    )
    return App.from_toml(tmp_path / "kifayat.toml", FixedClock(NOW))


def put(server, costs: list[str], assembly: str) -> None:
    client = server.client()
    keys = []
    for number, cost in enumerate(costs, start=1):
        keys.append(f"{PERIOD}/{assembly}/report-{number:05d}.csv.gz")
        body = gzip.compress(csv_text([cur_line(cost=cost, line_item_resource_id=f"i-{number}")]).encode(), mtime=0)
        client.put_object(Bucket="bills", Key=keys[-1], Body=body)
    manifest = {
        "assemblyId": assembly, "account": PAYER, "columns": [], "compression": "GZIP", "reportName": "report",
        "billingPeriod": {"start": "20260701T000000.000Z", "end": "20260801T000000.000Z"}, "bucket": "bills",
        "reportKeys": keys,
    }  # fmt: skip
    client.put_object(Bucket="bills", Key=f"{PERIOD}/report-Manifest.json", Body=json.dumps(manifest).encode())


def test_an_overloaded_server_is_asked_again_and_the_bill_is_whole(app, server):
    put(server, ["3", "4"], "first")
    server.fail("report-00002", s3.answer("503 Slow Down", "SlowDown"), times=2)
    assert app.ingest().report.count("loaded") == 1
    assert total(app) == 7
    assert app.ingest().report.unchanged == 1


def test_a_shortened_body_never_becomes_a_shorter_bill(app, server):
    put(server, ["3", "4"], "first")
    app.ingest()
    put(server, ["30", "40"], "second")
    server.fail("second/report-00001", s3.spoil(lambda body: body[: len(body) // 2]))
    done = app.ingest()
    assert done.report.refused or done.report.unreachable
    assert total(app) == 7
    server.faults.clear()
    app.ingest()
    assert total(app) == 70


def test_a_delivery_that_changes_while_it_is_read_is_read_again_and_never_mixed(app, server):
    put(server, ["3", "4"], "first")
    server.fail("first/report-00002", s3.meanwhile(lambda: put(server, ["30", "40"], "second")), times=1)
    app.ingest()
    assert total(app) in (Decimal(7), Decimal(70))
    app.ingest()
    assert total(app) == 70


def test_a_forbidden_bucket_is_told_once_without_a_secret(app, server):
    put(server, ["3"], "first")
    server.fail("bills", s3.answer("403 Forbidden", "AccessDenied"))
    report = app.ingest().report
    ((name, reason),) = report.unreachable
    assert name == "cur"
    assert "do-not-print-me" not in reason
    assert "secret-in-message" not in reason
    assert "Do:" in reason
