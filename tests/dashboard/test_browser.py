"""The real server and a real browser: every page opens, and a figure on it is what `kifayat query` says."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from core import format_inr

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("KIFAYAT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = {
    "": "Acme *Prep* <b>$1</b>",
    "forecast": "Forecast",
    "unit_economics": "Cost per active user",
    "season_plan": "Season plan",
    "allocation": "Whose cost",
    "budgets": "Budgets",
    "alerts": "Alerts",
    "explorer": "Explorer",
    "recommendations": "Recommendations",
    "plan_builder": "Plan builder",
    "commitments": "Commitments",
    "schedules": "Schedules",
    "compared": "Compared with the providers",
    "data_health": "Data health",
}
LAUNCH = Path(__file__).parents[2] / "dashboard" / "launch.py"
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def address(app, tmp_path_factory):
    """A dashboard that listens, started as `kifayat dashboard` starts it."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with log.open("w") as output:
        command = [sys.executable, str(LAUNCH), str(app.config.path), str(port), "127.0.0.1"]
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium here; install one or name it in KIFAYAT_CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """A fresh tab of a desktop; what it complains of is kept in `faults`."""
    opened = browser.new_page(viewport={"width": 1440, "height": 1000})
    opened.set_default_timeout(PATIENCE * 1000)
    yield opened
    opened.close()


def settled(page):
    """Wait until the server has drawn everything."""
    page.wait_for_selector("h1")
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'"
    )
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_an_error_fits_a_telephone_and_asks_nobody_but_our_own_server(page, address, path):
    faults, asked = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/{path}")
    settled(page)
    assert page.locator("h1").inner_text().replace("\u2060", "") == PAGES[path]
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 1000})
    settled(page)
    assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0
    assert faults == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_last_month_on_the_page_is_what_the_query_says(page, address, app):
    amount = app.query(
        "SELECT SUM(x_EffectiveCostInr) FROM cost_daily"
        " WHERE x_BillingMonth = DATE '2026-06-01' AND ChargeCategory <> 'Tax'"
    ).rows[0][0]
    page.goto(address)
    settled(page)
    card = page.locator(".st-key-metric-last-month [data-testid=stCaptionContainer]")
    assert card.inner_text().split()[0] == format_inr(amount)


def test_a_row_of_the_explorer_leads_to_its_resources_and_days(page, address):
    page.goto(f"{address}/explorer")
    settled(page)
    for key, heading in (("groups", "Resources"), ("resources", "Days")):
        table = page.locator(f".st-key-{key} [data-testid=stDataFrame]")
        table.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        table.click(position={"x": 18, "y": 54})
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        settled(page)


def test_tags_that_are_html_stay_text(page, address):
    page.goto(address)
    settled(page)
    page.get_by_role("tab", name="Team").click()
    page.get_by_role("tabpanel", name="Team").locator("[data-testid=stDataFrame]").wait_for()
    settled(page)
    page.goto(f"{address}/explorer")
    settled(page)
    assert page.title() != "taken"
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("h1 b").count() == 0


@pytest.mark.parametrize("width", [390, 1366])
def test_no_figure_or_label_of_a_card_is_cut(page, address, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(address)
    settled(page)
    cut = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=stMetric] *')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).textOverflow === 'ellipsis')"
        ".map(e => e.innerText)"
    )
    assert cut == []


def test_tables_offer_no_download_that_would_run_formulas(page, address):
    page.goto(f"{address}/explorer")
    settled(page)
    page.locator(".st-key-groups [data-testid=stDataFrame]").hover()
    page.wait_for_timeout(300)
    assert page.get_by_role("button", name="Download as CSV").count() == 0
    assert page.get_by_role("button", name="Download CSV").count() == 1


@pytest.mark.parametrize(
    ("host", "origin", "answer"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", "101"),
        ("127.0.0.1:{port}", "http://evil.example", "403"),
        ("evil.example:{port}", "http://evil.example:{port}", "403"),
    ],
    ids=["our own page", "another page", "a name that was pointed at this machine"],
)
def test_only_our_own_page_may_talk_to_the_server(address, host, origin, answer):
    port = int(address.rsplit(":", 1)[1])
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host.format(port=port)}",
        f"Origin: {origin.format(port=port)}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(64).split()[1].decode() == answer
