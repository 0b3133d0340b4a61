"""/healthz, /livez and /metrics of the service over HTTP. Every answer is read from the ledger when it is asked for."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core import KifayatError
from kifayat.dashboard_child import DashboardChild
from kifayat.scheduler import Scheduler
from kifayat.version import __version__
from warehouse import Ledger, Pulse, Run, last_runs, read_pulse, run_counts

log = logging.getLogger("kifayat.endpoint")
#: The service looks every half minute; without a look for so long it hangs.
_LOOK_LIMIT: Final = timedelta(minutes=5)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Read:
    now: datetime
    pulse: Pulse
    last: dict[str, Run]
    done: dict[str, Run]
    counts: dict[tuple[str, str], int]


class Health:
    """What is well and what is not: by the ledger, and by the service that runs here."""

    def __init__(self, scheduler: Scheduler, page: DashboardChild | None = None) -> None:
        self.scheduler, self.page = scheduler, page
        self.config, self.clock = scheduler.config, scheduler.clock

    def read(self) -> _Read:
        """The facts of the ledger now. Raises WarehouseError."""
        now = self.clock.now()
        with closing(Ledger(self.scheduler.path, readonly=True)) as ledger:
            return _Read(
                now, read_pulse(ledger, now), last_runs(ledger), last_runs(ledger, done=True), run_counts(ledger)
            )  # fmt: skip

    def is_alive(self) -> bool:
        """Whether the service looks at its ledger; a store that is stale is no reason to start it again."""
        return self.clock.now() - self.scheduler.looked_at < _LOOK_LIMIT

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and the facts: ready for a monitor that looks for 503."""
        faults = [] if self.is_alive() else ["the service does not look at its ledger"]
        facts: dict[str, Any] = {"leader_pid": os.getpid(), "version": __version__}
        try:
            found = self.read()
        except KifayatError as error:
            return False, {**facts, "status": "failing", "faults": [*faults, str(error)]}
        limit = self.config.alerts.stale_ingest_hours
        done = found.done.get("ingest")
        since = done.ended_at if done is not None and done.ended_at is not None else self.scheduler.since
        hours = _hours(found.now - since)
        if hours >= limit:
            faults.append(f"no successful ingest for {hours:g} hours (limit {limit})")
        facts |= {
            "last_successful_ingest_at": None if done is None else since.isoformat(timespec="seconds"),
            "hours_without_ingest": hours,
            "generation": found.pulse.generation,
            "generation_age_hours": _age(found.now, found.pulse.published_at),
            "outbox_waiting": found.pulse.waiting,
            "dead_letters": found.pulse.dead,
            "open_alerts": sum(found.pulse.open_alerts.values()),
            "failing_jobs": sorted(
                job for job, run in found.last.items() if run.state in ("failed", "crashed") and run.attempt > 1
            ),
            "dashboard": "off" if self.page is None else "up" if self.page.is_up else "down",
        }
        return not faults, {"status": "failing" if faults else "ok", "faults": faults, **facts}


class LedgerMetrics(Collector):
    """The ledger as metrics. Labels are names of jobs, kinds and exports: as many as the configuration has."""

    def __init__(self, health: Health) -> None:
        self.health = health

    def collect(self) -> Iterable[Metric]:
        """Read the ledger once."""
        try:
            found = self.health.read()
        except KifayatError as error:
            log.error("no metrics: %s", error)
            yield _gauge("kifayat_ledger_up", "Whether the ledger can be read", 0)
            return
        pulse = found.pulse
        yield _gauge("kifayat_ledger_up", "Whether the ledger can be read", 1)
        runs = GaugeMetricFamily("kifayat_runs", "Runs in the ledger, by job and state", labels=["job", "state"])
        for (job, state), count in sorted(found.counts.items()):
            runs.add_metric([job, state], count)
        yield runs
        lasted = GaugeMetricFamily("kifayat_job_last_duration_seconds", "Of the last run that ended", labels=["job"])
        failing = GaugeMetricFamily("kifayat_job_failures_in_a_row", "Since the last success", labels=["job"])
        success = GaugeMetricFamily(
            "kifayat_job_last_success_timestamp_seconds", "When it was last done", labels=["job"]
        )
        for job in self.health.scheduler.jobs:
            run, done = found.last.get(job), found.done.get(job)
            failing.add_metric([job], run.attempt if run is not None and run.state in ("failed", "crashed") else 0)
            if run is not None and run.ended_at is not None:
                lasted.add_metric([job], (run.ended_at - run.started_at).total_seconds())
            if done is not None and done.ended_at is not None:
                success.add_metric([job], done.ended_at.timestamp())
        yield from (lasted, failing, success)
        outbox = GaugeMetricFamily("kifayat_outbox_messages", "Not delivered, by state", labels=["state"])
        for state, count in (("waiting", pulse.waiting), ("dead", pulse.dead)):
            outbox.add_metric([state], count)
        yield outbox
        alerts = GaugeMetricFamily("kifayat_alerts_open", "Alerts that are not resolved", labels=["kind"])
        for kind in sorted({"budget", "anomaly", "health", *pulse.open_alerts}):
            alerts.add_metric([kind], pulse.open_alerts.get(kind, 0))
        yield alerts
        rows = GaugeMetricFamily("kifayat_rows", "Rows that count, by kind of file", labels=["kind"])
        for kind, count in sorted(pulse.rows.items()):
            rows.add_metric([kind], count)
        yield rows
        complete = GaugeMetricFamily(
            "kifayat_complete_through_timestamp_seconds", "Up to when the bills of an export reach", labels=["export"]
        )
        for export, at in sorted(pulse.complete_through.items()):
            complete.add_metric([export], at.timestamp())
        yield complete
        yield _gauge("kifayat_generation", "The published generation", pulse.generation)
        published = pulse.published_at or _EPOCH
        yield _gauge("kifayat_published_timestamp_seconds", "When it was published", published.timestamp())
        if (page := self.health.page) is not None:
            yield _gauge("kifayat_dashboard_up", "Whether the dashboard runs", int(page.is_up))
            yield _gauge("kifayat_dashboard_restarts", "How often it was started again", page.restarts)
        info = GaugeMetricFamily("kifayat_build_info", "The program", labels=["version"])
        info.add_metric([__version__], 1)
        yield info


class Endpoint:
    """The HTTP server, on a thread of its own. Raises KifayatError if it could not listen there."""

    def __init__(self, health: Health) -> None:
        settings = health.config.service
        registry = CollectorRegistry()
        registry.register(LedgerMetrics(health))
        ProcessCollector(registry=registry)

        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "kifayat", ""
            timeout = 10

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                elif self.path == "/healthz":
                    is_well, facts = health.report()
                    self._json(200 if is_well else 503, facts)
                elif self.path == "/livez":
                    is_alive = health.is_alive()
                    self._json(200 if is_alive else 503, {"status": "ok" if is_alive else "failing"})
                else:
                    self._json(404, {"status": "there are /healthz, /livez and /metrics"})

            def _json(self, code: int, facts: dict[str, Any]) -> None:
                self._answer(code, json.dumps(facts, indent=1).encode() + b"\n", "application/json")

            def _answer(self, code: int, body: bytes, kind: str) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: a monitor asks every few seconds."""

        try:
            self._server = ThreadingHTTPServer((settings.metrics_address, settings.metrics_port), Handler)
        except OSError as error:
            raise KifayatError(
                f"/healthz and /metrics cannot be served: {error.strerror or error}",
                where=f"{settings.metrics_address}, port {settings.metrics_port}",
                fix="stop what uses the port, or choose another: [service] metrics_port",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _hours(span: timedelta) -> float:
    return max(0.0, round(span.total_seconds() / 3600, 1))  # a clock that was set back makes no negative age


def _age(now: datetime, at: datetime | None) -> float | None:
    return None if at is None else _hours(now - at)
