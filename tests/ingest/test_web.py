"""A file at an address, from a real server: exchange rates above all, and whatever a feed can be."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from core import BadValue, ConfigError, DeliveryChanged, ExportConfig, FileCorrupt, FixedClock, LocationUnreachable
from ingest.locations import Location, Reading, Retries, open_location
from ingest.run import ingest_exports

NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)
ECB = (
    "Date, USD, JPY, INR, \n2026-08-20, 1.1000, 160.2, 105.5000, \n2026-08-19, 1.1000, N/A, 105.6000, \n"
    "2008-12-31, 1.3917, 126.14, N/A, \n"
)
SBI = "published_at,tt_buy,tt_sell\n2026-08-20 09:00:00,94.90,95.75\n"


class Server(HTTPServer):
    """Serves `files` by path with an ETag of their content; `bad` are statuses that come first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.bad: list[int] = []
        self.has_head = self.has_etag = True
        self.cut = 0

    def of(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._answer(b"") if self.server.has_head else self.send_error(405)

    def do_GET(self) -> None:
        self._answer(self.server.files.get(self.path.partition("?")[0], b""))

    def _answer(self, body: bytes) -> None:
        whole = self.server.files.get(self.path.partition("?")[0])
        self.server.asked.append(self.command)
        self.server.tokens.add(self.headers.get("Authorization"))
        code = self.server.bad.pop(0) if self.server.bad else 404 if whole is None else 200
        self.send_response(code)
        if code == 302:
            self.send_header("Location", self.server.of("/elsewhere"))
        self.send_header("Content-Length", str(len(whole or b"")))
        if self.server.has_etag:
            self.send_header("ETag", f'"{hashlib.sha256(whole or b"").hexdigest()}"')
        self.end_headers()
        self.wfile.write(body[: len(body) - self.server.cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def opened(address: str, **more: Any) -> Location:
    reading = Reading(retries=Retries(attempts=3, base_seconds=0.001), clock=FixedClock(NOW))
    return open_location(ExportConfig(name="fx", location=address, **more), reading)


def zipped(text: str, name: str = "eurofxref-hist.csv") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return content.getvalue()


def load(location: Location, store: Any, tmp_path: Any) -> None:
    (delivery,) = location.deliveries()
    files = location.fetch(delivery, tmp_path / "staging" / "files")
    store.loader.load(location.export, delivery, files, tmp_path / "staging")


def test_the_zip_of_the_european_central_bank_becomes_rupees_per_dollar(server, store, tmp_path):
    server.files["/stats/eurofxref-hist.zip"] = zipped(ECB)
    load(opened(server.of("/stats/eurofxref-hist.zip")), store, tmp_path)
    rows = store.rows("rate_on, base_currency, rate, source", "TRUE ORDER BY rate_on", kind="fx_rates")
    assert [(row["rate_on"].isoformat(), row["rate"], row["source"]) for row in rows] == [
        ("2026-08-19", Decimal("96.000000"), "ECB"), ("2026-08-20", Decimal("95.909091"), "ECB"),
    ]  # fmt: skip


def test_a_card_rate_at_an_address_is_read_as_from_a_folder(server, store, tmp_path):
    server.files["/sbi.csv"] = SBI.encode()
    load(opened(server.of("/sbi.csv")), store, tmp_path)
    assert store.rows("rate, source", kind="fx_rates") == [{"rate": Decimal("95.750000"), "source": "SBI"}]


def test_what_has_not_changed_is_not_read_again(server):
    server.files["/sbi.csv"] = SBI.encode()
    first, second = (opened(server.of("/sbi.csv")).deliveries()[0].fingerprint for _ in range(2))
    assert first == second
    server.files["/sbi.csv"] += b"2026-08-21 09:00:00,95.00,95.85\n"
    assert opened(server.of("/sbi.csv")).deliveries()[0].fingerprint != first
    assert server.asked == ["HEAD"] * 3


def test_a_second_run_asks_only_whether_there_is_something_new(server, store):
    server.files["/sbi.csv"] = SBI.encode()
    export = ExportConfig(name="fx", location=server.of("/sbi.csv"))
    first, second = (ingest_exports(store.loader, [export]) for _ in range(2))
    assert (first.count("loaded"), second.count("loaded"), second.unchanged) == (1, 0, 1)
    assert server.asked == ["HEAD", "GET", "HEAD"]


@pytest.mark.parametrize("lacks", ["has_head", "has_etag"])
def test_a_server_that_tells_nothing_of_its_file_is_read_to_see(server, tmp_path, lacks):
    server.files["/sbi.csv"] = SBI.encode()
    setattr(server, lacks, False)
    location = opened(server.of("/sbi.csv"))
    (file,) = location.fetch(location.deliveries()[0], tmp_path / "staging")
    assert file.path.read_text() == SBI


def test_a_file_that_is_rewritten_meanwhile_is_not_taken(server, tmp_path):
    server.files["/sbi.csv"] = SBI.encode()
    location = opened(server.of("/sbi.csv"))
    (delivery,) = location.deliveries()
    server.files["/sbi.csv"] = SBI.encode() * 2
    with pytest.raises(DeliveryChanged):
        location.fetch(delivery, tmp_path / "staging")
    assert not (tmp_path / "staging").exists()


def test_a_short_body_is_no_file(server, tmp_path):
    server.files["/sbi.csv"] = SBI.encode()
    location = opened(server.of("/sbi.csv"))
    (delivery,) = location.deliveries()
    server.cut = 5
    with pytest.raises(LocationUnreachable, match=r"\d+ of \d+ bytes came") as caught:
        location.fetch(delivery, tmp_path / "staging")
    assert caught.value.transient
    assert server.asked.count("GET") == 3


def test_a_server_that_stumbles_is_asked_again(server, tmp_path):
    server.files["/sbi.csv"] = SBI.encode()
    server.bad = [503, 429]
    assert opened(server.of("/sbi.csv")).deliveries()
    server.bad = [503, 503, 503]
    with pytest.raises(LocationUnreachable, match="503") as caught:
        opened(server.of("/sbi.csv")).deliveries()
    assert caught.value.transient


def test_nobody_is_sent_elsewhere_and_a_token_stays(server, tmp_path, monkeypatch):
    monkeypatch.setenv("FX_TOKEN", "s3cret")
    server.files = {"/sbi.csv": SBI.encode(), "/elsewhere": SBI.encode()}
    location = opened(server.of("/sbi.csv?key=k3y"), token_env="FX_TOKEN")
    (delivery,) = location.deliveries()
    server.bad = [302]
    with pytest.raises(LocationUnreachable, match="sends elsewhere") as caught:
        location.fetch(delivery, tmp_path / "staging")
    assert server.tokens == {"Bearer s3cret"}
    assert "k3y" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert server.asked == ["HEAD", "GET"]


@pytest.mark.parametrize(
    "body", [b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x/>", b"\xef\xbb\xbf <html>no</html>"]
)
def test_xml_and_pages_are_not_even_parsed(server, tmp_path, body):
    server.files["/eurofxref.xml"] = body
    location = opened(server.of("/eurofxref.xml"))
    with pytest.raises(BadValue, match=r"a page or XML.*eurofxref-hist\.zip"):
        location.fetch(location.deliveries()[0], tmp_path / "staging")


def test_a_broken_zip_is_no_file(server, tmp_path):
    server.files["/rates.zip"] = zipped(ECB)[:-30]
    location = opened(server.of("/rates.zip"))
    with pytest.raises(FileCorrupt):
        location.fetch(location.deliveries()[0], tmp_path / "staging")


def test_a_rate_that_is_no_number_stops_the_file(server, tmp_path):
    server.files["/rates.csv"] = ECB.replace("105.6000", "rather high").encode()
    location = opened(server.of("/rates.csv"))
    with pytest.raises(BadValue, match="line 3"):
        location.fetch(location.deliveries()[0], tmp_path / "staging")


@pytest.mark.parametrize(
    ("address", "more", "told"),
    [
        ("http://rates.example.in/fx.csv", {}, "this machine only"),
        ("https://me:s3cret@rates.example.in/fx.csv", {}, "token_env"),
        ("https://rates.example.in/", {}, "names no file"),
        ("https://rates.example.in/fx.csv", {"query": "x"}, "query has no meaning"),
        ("https://rates.example.in/fx.csv", {"token_env": "NOT_SET_ANYWHERE"}, "not set"),
    ],
)
def test_faults_of_the_configuration_are_told_and_hold_no_secret(address, more, told):
    with pytest.raises(ConfigError, match=told) as caught:
        opened(address, **more)
    assert "s3cret" not in str(caught.value)
