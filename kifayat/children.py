"""Jobs as processes of their own: what they take of memory goes back, what hangs can be ended, a crash is its own."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from core import AlreadyRunning, Clock, Config
from kifayat.jobs import Job, Lane
from kifayat.logs import LogFormat
from warehouse import Ledger, abandon_runs, recent_runs, running, service_lock, start_run
from warehouse.runs import State

log = logging.getLogger("kifayat.children")
#: A process whose run has not beaten for so long is frozen. Counted while this machine is awake.
FROZEN_SECONDS: Final = 300
_LOOK_SECONDS: Final = 10
_LET_FINISH_SECONDS, _LET_STOP_SECONDS = 5, 20


@dataclass(frozen=True)
class _Child:
    job: Job
    process: subprocess.Popen[bytes]
    watcher: threading.Thread


class Children:
    """Starts `kifayat run JOB`, one of each lane. `on_end` is called when one has ended."""

    def __init__(self, config: Config, clock: Clock, log_format: LogFormat) -> None:
        self.config, self.clock, self.log_format = config, clock, log_format
        self.on_end: Callable[[], object] = lambda: None
        self._children: dict[Lane, _Child] = {}
        self._is_stopping = False

    def start(self, job: Job, scheduled_for: datetime) -> None:
        """Start the job in a process and watch it from a thread."""
        command = [
            sys.executable, "-m", "kifayat", "--config", str(self.config.path), "run", job.name,
            "--scheduled-for", scheduled_for.isoformat(), "--log-format", self.log_format,
        ]  # fmt: skip
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno())
        watcher = threading.Thread(target=self._watch, args=(job, process), name=f"watch-{job.name}", daemon=True)
        self._children[job.lane] = _Child(job, process, watcher)
        watcher.start()

    def is_busy(self, lane: Lane) -> bool:
        """Whether a job of the lane runs."""
        child = self._children.get(lane)
        return child is not None and child.watcher.is_alive() and threading.current_thread() is not child.watcher

    def stop(self) -> None:
        """Let the running jobs finish for a moment, then ask them to stop, then end them; each run gets its end."""
        self._is_stopping = True
        for seconds, number in ((_LET_FINISH_SECONDS, signal.SIGTERM), (_LET_STOP_SECONDS, signal.SIGKILL)):
            until = time.monotonic() + seconds
            for child in self._children.values():
                child.watcher.join(max(0.0, until - time.monotonic()))
            for child in self._children.values():
                if child.process.poll() is None:
                    child.process.send_signal(number)
        for child in self._children.values():
            child.watcher.join(5)

    def _watch(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        late_at = time.monotonic() + job.timeout.total_seconds()
        beat, beaten_at, why = "", time.monotonic(), ""
        state: State = "crashed"
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_SECONDS)
                break
            newest = self._heartbeat(job)
            if newest != beat:
                beat, beaten_at = newest, time.monotonic()
            if time.monotonic() > late_at:
                state, why = "failed", f"it took longer than {job.timeout} and was ended"
            elif time.monotonic() - beaten_at > FROZEN_SECONDS:
                why = f"it gave no sign of life for {FROZEN_SECONDS} seconds and was ended"
            if why:
                log.error("%s (pid %d): %s", job.name, process.pid, why)
                process.kill()
        if self._is_stopping:
            self._close(job, process, "stopped", "the service was stopped")
        else:
            self._close(job, process, state, why or _ending(process.returncode))
            self.on_end()

    def _heartbeat(self, job: Job) -> str:
        with suppress(Exception), closing(Ledger(self._ledger, readonly=True)) as ledger:
            return " ".join(run.heartbeat_at.isoformat() for run in running(ledger) if run.job == job.name)
        return ""

    def _close(self, job: Job, process: subprocess.Popen[bytes], state: State, why: str) -> None:
        """What the process did not write itself (any more, or yet: a wrong configuration must not start it for ever).

        Someone else's run of the lane keeps its lock and its row.
        """
        try:
            with (
                suppress(AlreadyRunning),
                service_lock(self.config.storage.directory, job.lane),
                closing(Ledger(self._ledger)) as ledger,
            ):
                now = self.clock.now()
                if process.returncode and not any(run.pid == process.pid for run in recent_runs(ledger, job.name, 1)):
                    start_run(ledger, job.name, now, now, process.pid)
                for run in abandon_runs(ledger, [job.name], now, state, why):
                    log.error("%s %s: %s", run.run_id, state, why)
        except Exception:
            log.exception("the end of %s could not be written; the next look tries again", job.name)

    @property
    def _ledger(self) -> Path:
        return self.config.storage.directory / "ledger.sqlite"


def _ending(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    hint = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"its process ended by signal {-code}{hint}"
