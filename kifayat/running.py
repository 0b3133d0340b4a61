"""One run of a job: under the lock of its lane, with a heartbeat, and with its end in the ledger whatever happens."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Final

from core import AlreadyRunning, Clock, KifayatError
from kifayat.app import App
from kifayat.jobs import JOBS, Job, Lane
from kifayat.logs import run_context
from warehouse import Ledger, Run, abandon_runs, beat, end_run, recent_runs, refuse_foreign, service_lock, start_run

log = logging.getLogger("kifayat.job")
HEARTBEAT_SECONDS: Final = 30


#: Set by the first signal: the engine makes an error of its own of what the handler raises inside a query.
_asked_to_stop = threading.Event()


class Stopped(BaseException):  # no Exception: a job that catches those must not swallow it
    """The run was asked to stop."""


def ledger_path(storage: Path) -> Path:
    """Where the ledger of a store lies; the folder is made if it is ours to make. Raises WarehouseError."""
    refuse_foreign(storage)
    storage.mkdir(parents=True, exist_ok=True, mode=0o700)
    return storage / "ledger.sqlite"


def run_job(app: App, job: Job, scheduled_for: datetime | None = None) -> Run:
    """Run it now and record it; returns the run as it ended: done, or failed with its error.

    Raises AlreadyRunning if a job of its lane runs, in whichever process, and Stopped where it was asked to stop.
    """
    clock = app.clock
    with (
        closing(Ledger(ledger_path(app.storage))) as ledger,
        service_lock(app.storage, job.lane),
    ):
        reap(ledger, job.lane, clock.now())
        run = start_run(ledger, job.name, scheduled_for or clock.now(), clock.now(), os.getpid())
        with run_context(run.run_id, job.name), _heartbeat(ledger.path, run.run_id, clock):
            log.info("started, attempt %d", run.attempt)
            try:
                result = " ".join(job.run(app, log.info).split())
                if _asked_to_stop.is_set():  # and a job that took it for a fault of one file went on
                    raise Stopped
            except (Exception, Stopped) as error:
                if _asked_to_stop.is_set():
                    end_run(ledger, run.run_id, "stopped", clock.now(), error="it was asked to stop")
                    log.info("stopped")
                    raise Stopped from error
                is_ours = isinstance(error, KifayatError)
                said = str(error) if is_ours else f"{type(error).__name__}: {error}"
                end_run(ledger, run.run_id, "failed", clock.now(), error=said)
                log.error("failed: %s", said, exc_info=not is_ours)
            else:
                end_run(ledger, run.run_id, "done", clock.now(), result=result)
                log.info("done: %s", result)
        return recent_runs(ledger, job.name, 1)[0]


def is_free(storage: Path, lane: Lane) -> bool:
    """Whether nobody runs a job of the lane, by hand or otherwise."""
    try:
        with service_lock(storage, lane):
            return True
    except AlreadyRunning:
        return False


def reap(ledger: Ledger, lane: Lane, now: datetime) -> list[Run]:
    """Mark as crashed what says that it runs in a lane whose lock the caller holds."""
    names = [job.name for job in JOBS if job.lane == lane]
    return abandon_runs(ledger, names, now, "crashed", "its process is gone")


@contextmanager
def _heartbeat(path: Path, run_id: str, clock: Clock) -> Iterator[None]:
    """Beat from a thread of its own, with its own connection, for as long as the process lives."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                with closing(Ledger(path)) as ledger:
                    beat(ledger, run_id, clock.now())
            except KifayatError as error:  # a full disk is the job's own to tell
                log.warning("no heartbeat: %s", error)

    thread = threading.Thread(target=tell, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGINT raise Stopped in the main thread."""

    def stop(_: int, __: FrameType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the first is enough: the second would interrupt the tidying
        _asked_to_stop.set()
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
