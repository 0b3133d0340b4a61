"""A service for tests: the scheduler of the program on a real ledger, its jobs cheap, the clock in the test's hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from apps import make_app

from kifayat import App
from kifayat.jobs import JOBS, Job, Lane, rules_of
from kifayat.running import run_job
from kifayat.scheduler import Scheduler
from warehouse import Ledger, Load, Run, Total, recent_runs

Work = Callable[[App], str]


class Inline:
    """Runs jobs in this process. Lanes in `busy` hang: something else is running in them and does not end."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.busy: set[Lane] = set()
        self.started: list[tuple[str, datetime]] = []

    def start(self, job: Job, scheduled_for: datetime) -> None:
        """Run it to its end; what it raises is in the ledger."""
        self.started.append((job.name, scheduled_for))
        run_job(self.app, job, scheduled_for)

    def is_busy(self, lane: Lane) -> bool:
        """Whether it hangs."""
        return lane in self.busy


class Service:
    """A store below a folder with a scheduler. `work` says what a job does; the others do nothing."""

    def __init__(self, folder: Path, now: datetime, work: Mapping[str, Work] | None = None, more: str = "") -> None:
        self.app = make_app(folder, now=now, more=more)
        self.clock = self.app.clock
        self.work = {"refresh": lambda app: rules_of(app.config), **(work or {})}
        self.launcher = Inline(self.app)
        self.jobs = {job.name: replace(job, run=self._runner(job.name)) for job in JOBS}
        self.scheduler = self.restart()

    def restart(self) -> Scheduler:
        """As after a start of the program."""
        self.scheduler = Scheduler(self.app.config, self.clock, self.jobs, self.launcher)
        return self.scheduler

    def _runner(self, name: str) -> Callable[[App, Callable[[str], None]], str]:
        return lambda app, _: self.work.get(name, lambda _: "nothing to do")(app)

    def ledger(self) -> closing[Ledger]:
        """The ledger, for a with statement."""
        return closing(Ledger(self.app.storage / "ledger.sqlite"))

    def runs(self, job: str = "", state: str = "") -> list[Run]:
        """Runs, oldest first."""
        with self.ledger() as ledger:
            return [run for run in recent_runs(ledger, job, 100_000)[::-1] if state in ("", run.state)]


def publish_nothing(ledger: Ledger, at: datetime) -> None:
    """Write down a generation, as publishing does last."""
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO generations SELECT COALESCE(MAX(generation), 0) + 1, ?, '' FROM generations", (at.isoformat(),)
        )


def load_month(ledger: Ledger, export: str, month: date, at: datetime, *, is_invoiced: bool) -> None:
    """Write down a delivery of one month of bills, as loading does last."""
    from decimal import Decimal

    name = f"{month:%Y-%m}"
    total = Total(month, "USD", 1, 1, Decimal(1), Decimal(1), Decimal(1), int(not is_invoiced), int(is_invoiced))
    load = Load(
        kind="charges", export=export, source="aws_cur", provider="AWS", payer=export, partition=name, file_group=name,
        execution=at.isoformat(), content=at.isoformat(), delivered_at=at, loaded_at=at,
        folder=f"charges/{export}/{name}/{at:%Y%m%d%H%M%S}", file_rows=1, row_rows=1, is_invoiced=is_invoiced,
        complete_through=at, totals=(total,),
    )  # fmt: skip
    ledger.commit_delivery([load], export=export, file_group=name, fingerprint=at.isoformat(), seen_at=at)


def tell_months(app: App) -> str:
    """The monthly report as far as the ledger knows it: one message per month that waits for one."""
    from kifayat.jobs import State, months_to_tell

    now = app.clock.now()
    with closing(Ledger(app.storage / "ledger.sqlite")) as ledger:
        months = months_to_tell(State.read(ledger, app.config, now, now))
        with ledger.transaction() as db:
            for month in months:
                db.execute(
                    "INSERT INTO messages VALUES (?, 'monthly', 'info', '', '', ?)",
                    (f"monthly:{month:%Y-%m}:finance", now.isoformat()),
                )
    return ", ".join(map(str, months))
