"""`kifayat serve`: one process that looks after all the others until it is asked to stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from core import ConfigError
from kifayat.app import App
from kifayat.children import Children
from kifayat.crons import faults_of
from kifayat.dashboard_child import DashboardChild, require_loopback
from kifayat.endpoint import Endpoint, Health
from kifayat.jobs import all_jobs
from kifayat.logs import LogFormat
from kifayat.running import ledger_path
from kifayat.scheduler import Scheduler, clock_for
from warehouse import Ledger, service_lock

log = logging.getLogger("kifayat.service")


def serve(app: App, *, dashboard: bool, log_format: LogFormat) -> None:
    """Run until SIGTERM or SIGINT. Raises ConfigError, AlreadyRunning with the pid of the other service, KifayatError
    where a port is taken."""
    config, jobs = app.config, all_jobs()
    if dashboard:
        require_loopback(config)
    if faults := faults_of(config.service.jobs, jobs):
        raise ConfigError(faults, where=str(config.path))
    Ledger(ledger_path(app.storage)).close()  # there from the beginning, so that everybody can read it
    asked_to_stop = threading.Event()
    with service_lock(app.storage, "serve"), _on_signals(asked_to_stop):
        children = Children(config, app.clock, log_format)
        scheduler = Scheduler(config, app.clock, jobs, children)
        children.on_end = scheduler.tick
        page = DashboardChild(config) if dashboard else None
        endpoint = Endpoint(Health(scheduler, page))
        clock = clock_for(scheduler)
        log.info("serving as pid %d, %d jobs; /healthz on port %d", os.getpid(), len(jobs), config.service.metrics_port)
        try:
            clock.start()
            if page is not None:
                page.start()
            scheduler.tick()
            asked_to_stop.wait()
            log.info("stopping")
        finally:
            scheduler.is_stopping = True
            clock.shutdown(wait=False)
            if page is not None:
                page.stop()
            children.stop()
            endpoint.stop()
    log.info("stopped")


@contextmanager
def _on_signals(event: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event."""

    def ask(_: int, __: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
