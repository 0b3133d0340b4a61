"""The dashboard as a child of the service: started when there is something to show, started again when it dies."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from typing import Final

from core import Config, ConfigError, SnapshotMissing
from kifayat.browser import dashboard_command
from warehouse import read_pointer

log = logging.getLogger("kifayat.dashboard")
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_LOOK_SECONDS: Final = 2
_WAIT_FIRST, _WAIT_LAST = 1, 60
#: Whoever lived so long starts again at once.
_HEALTHY_SECONDS: Final = 300


def require_loopback(config: Config) -> None:
    """Raises ConfigError where the page would be open to the network: nobody signs in to it yet."""
    if config.dashboard.address not in LOOPBACK:
        raise ConfigError(
            [
                f"[dashboard] address is {config.dashboard.address!r}, and nobody has to sign in to the page: `serve`"
                " opens it on this machine only. Put a proxy with sign-in before 127.0.0.1 (docs/service.md), or"
                " leave it out: --no-dashboard"
            ],
            where=str(config.path),
        )


class DashboardChild:
    """Keeps the dashboard running from a thread of its own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.restarts = 0
        self._process: subprocess.Popen[str] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="dashboard", daemon=True)

    def start(self) -> None:
        """Return at once; the page comes up when the first generation is published."""
        self._thread.start()

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        process = self._process
        return process is not None and process.poll() is None

    def stop(self) -> None:
        """Ask it to end, then end it."""
        self._ended.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(5)

    def _keep(self) -> None:
        while not self._has_something_to_show():
            if self._ended.wait(_LOOK_SECONDS):
                return
        wait = _WAIT_FIRST
        while not self._ended.is_set():
            began = time.monotonic()
            code = self._run()
            if self._ended.is_set():
                return
            if time.monotonic() - began > _HEALTHY_SECONDS:
                wait = _WAIT_FIRST
            log.error("the dashboard ended with exit code %d and is started again in %d s", code, wait)
            self._ended.wait(wait)
            self.restarts, wait = self.restarts + 1, min(2 * wait, _WAIT_LAST)

    def _has_something_to_show(self) -> bool:
        try:
            read_pointer(self.config.storage.directory / "snapshots")
        except SnapshotMissing:
            return False
        return True

    def _run(self) -> int:
        """Start it, and pass on what it says line by line until it ends."""
        settings = self.config.dashboard
        command = [*dashboard_command(self.config, settings.port, settings.address), str(os.getpid())]
        log.info("starting the dashboard on http://%s:%d", settings.address, settings.port)
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        ) as process:  # fmt: skip
            self._process = process
            if self._ended.is_set():  # asked to stop while it was being started
                process.terminate()
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    log.info("%s", line.rstrip())
        return process.returncode
