"""What is behind is started, one job of a lane at a time; what died is marked. APScheduler only says when to look.

The truth is in the ledger of runs: a look (`tick`) at any moment, by any process that holds the leader's lock, does the
right thing, also after a crash, a sleep, three days off or a clock that was set.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import datetime
from typing import Final, Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from core import IST, AlreadyRunning, Clock, Config
from kifayat.crons import OFF, cron
from kifayat.jobs import DATA_PATIENCE, JOBS, LANES, Job, Lane, State
from kifayat.running import is_free, ledger_path, reap
from warehouse import Ledger, Run, running, service_lock

log = logging.getLogger("kifayat.scheduler")
LOOK_SECONDS: Final = 30


class Launcher(Protocol):
    """How a job is started: in a process of its own by the service, in this one by whoever simulates."""

    def start(self, job: Job, scheduled_for: datetime) -> None:
        """Start the job; it writes its own run."""

    def is_busy(self, lane: Lane) -> bool:
        """Whether a job of the lane runs that this launcher started."""


class Scheduler:
    """Looks at the ledger and starts what is behind."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        jobs: Mapping[str, Job],
        launcher: Launcher,
    ) -> None:
        self.config, self.clock, self.jobs, self.launcher = config, clock, jobs, launcher
        self.since = clock.now()
        self.path = ledger_path(config.storage.directory)
        self.is_stopping = False
        self.looked_at = clock.now()
        self._one_look = threading.Lock()

    def tick(self) -> list[str]:
        """Look once; returns the names of what was started. Nothing that fails in it ends the service."""
        with self._one_look:
            try:
                with closing(Ledger(self.path)) as ledger:
                    return self._look(ledger)
            except Exception:
                log.exception("the look at the ledger failed; the next one is in %d seconds", LOOK_SECONDS)
                return []
            finally:
                self.looked_at = self.clock.now()

    def _look(self, ledger: Ledger) -> list[str]:
        self._mark_the_dead(ledger)
        started: list[str] = []
        while not self.is_stopping:
            state = State.read(ledger, self.config, self.clock.now(), self.since)
            found = self._next(state, started)
            if found is None:
                break
            job, due = found
            started.append(job.name)
            log.info("starting %s, due at %s", job.name, due.astimezone(IST).strftime("%Y-%m-%d %H:%M IST"))
            self.launcher.start(job, due)
        return started

    def _next(self, state: State, started: list[str]) -> tuple[Job, datetime] | None:
        """The first job that is behind; in its lane, the one that ran last comes last, so that none starves another."""
        for lane in LANES:
            if self.launcher.is_busy(lane):
                continue
            inside = [job for job in self.jobs.values() if job.lane == lane]
            ran = max((state.last[job.name] for job in inside if job.name in state.last), key=_started, default=None)
            for job in sorted(inside, key=lambda job: ran is not None and job.name == ran.job):
                due = None if job.name in started else job.due_at(state)
                if due is not None and not self._waits(job, due, state):
                    if is_free(self.config.storage.directory, lane):
                        return job, due
                    break  # somebody runs a job of the lane by hand
        return None

    def _waits(self, job: Job, due: datetime, state: State) -> bool:
        """Whether a report waits for the data that are being brought up to date."""
        if not job.reports or state.now >= max(due, self.since) + DATA_PATIENCE:
            return False
        data = [one for one in self.jobs.values() if one.lane == "data"]
        return self.launcher.is_busy("data") or any(one.due_at(state) is not None for one in data)

    def _mark_the_dead(self, ledger: Ledger) -> None:
        """A run in a lane whose lock nobody holds is dead, whatever its pid has become since."""
        alive = {run.job for run in running(ledger)}
        for lane in LANES:
            if any(job.name in alive for job in JOBS if job.lane == lane) and not self.launcher.is_busy(lane):
                with suppress(AlreadyRunning), service_lock(self.config.storage.directory, lane):
                    for run in reap(ledger, lane, self.clock.now()):
                        log.warning("%s had crashed", run.run_id)

    def next_look(self, job: Job) -> datetime | None:
        """When the cron of a job comes round next; None for those that are looked at all the time, and those off."""
        text = job.cron_of(self.config)
        return None if text in ("", OFF) else cron(text).next_after(self.clock.now())


def _started(run: Run) -> datetime:
    return run.started_at


def clock_for(scheduler: Scheduler) -> BackgroundScheduler:
    """APScheduler, which looks every half minute and at the very minute of each cron. Not started."""
    looks = BackgroundScheduler(
        timezone=IST, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    )
    looks.add_job(scheduler.tick, IntervalTrigger(seconds=LOOK_SECONDS, timezone=IST), id="look")
    for job in scheduler.jobs.values():
        text = job.cron_of(scheduler.config)
        if text not in ("", OFF):
            looks.add_job(scheduler.tick, cron(text).trigger, id=job.name)
    return looks
