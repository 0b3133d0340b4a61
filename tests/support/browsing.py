"""The dashboard as a server of its own and chromium in front of it, for tests of single pages."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("KIFAYAT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
LAUNCH = Path(__file__).parents[2] / "dashboard" / "launch.py"
PATIENCE = 60.0
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def serving(config: Path, log: Path) -> Iterator[str]:
    """The address of a dashboard of this configuration, started as `kifayat dashboard` starts it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    with log.open("w") as output:
        command = [sys.executable, str(LAUNCH), str(config), str(port), "127.0.0.1"]
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


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; without one here the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no chromium here; install one or name it in KIFAYAT_CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield opened
        opened.close()


@contextmanager
def new_tab(browser: Any, width: int = 1440, height: int = 1000) -> Iterator[Any]:
    """A fresh tab that is as patient as a busy machine needs it."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    page.close()


def settled(page: Any) -> None:
    """Wait until the server has drawn everything."""
    page.wait_for_selector("h1")
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'"
    )
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')")
