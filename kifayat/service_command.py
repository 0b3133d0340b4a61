"""`kifayat serve`, `run JOB`, `jobs`, and what an operator does besides: `backup` and `restore`."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core import IST, BadValue

if TYPE_CHECKING:
    from kifayat.jobs import Job, State

LogFormat = Annotated[
    Literal["text", "json"], typer.Option("--log-format", help="Lines on stderr: text, or one JSON object each.")
]


def serve(
    context: typer.Context,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Only the jobs.")] = False,
    log_format: LogFormat = "text",
) -> None:
    """Run by itself: load, forecast, advise, alert, report, back up, and show the page. Stops on SIGTERM or Ctrl-C.

    Example: kifayat serve
    """
    from kifayat.cli import _app
    from kifayat.logs import start_logging
    from kifayat.service import serve as run

    app = _app(context)
    start_logging(log_format, app.config)
    run(app, dashboard=not no_dashboard, log_format=log_format)


def run(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="A name from `kifayat jobs`.")],
    scheduled_for: Annotated[str | None, typer.Option(hidden=True)] = None,
    log_format: LogFormat = "text",
) -> None:
    """Run one job now, as the service would: under its lock and with an entry in the ledger of runs.

    Example: kifayat run ingest
    """
    from core import Registry
    from kifayat.cli import _app
    from kifayat.jobs import all_jobs
    from kifayat.logs import start_logging
    from kifayat.running import Stopped, run_job, stopped_by_signals

    app = _app(context)
    found = Registry("job", all_jobs().items())[job]
    start_logging(log_format, app.config)
    try:
        with stopped_by_signals():
            ended = run_job(app, found, None if scheduled_for is None else _instant(scheduled_for))
    except Stopped:
        raise typer.Exit(1) from None
    if ended.state != "done":  # its error is in the log
        raise typer.Exit(1)


def jobs(context: typer.Context) -> None:
    """Every job: when it runs (IST), how its last run ended, when it is next.

    Example: kifayat jobs
    """
    from kifayat.cli import _app
    from kifayat.jobs import State, all_jobs
    from kifayat.output import show
    from warehouse import Result

    app = _app(context)
    now = app.clock.now()
    with closing(app._ledger()) as ledger:
        state = State.read(ledger, app.config, now, now)
    columns = ("job", "when", "last_run", "state", "took_seconds", "next", "last_result")
    rows = tuple(_row(job, state) for job in all_jobs().values())
    show(Result(columns, ("VARCHAR",) * len(columns), rows), None, None)


def backup(context: typer.Context, to: Annotated[Path, typer.Argument(help="The archive to write (.tar).")]) -> None:
    """Write ledger, charges, feeds and the published snapshot into one archive.

    Example: kifayat backup kifayat-2026-11.tar
    """
    from kifayat.cli import _app, talk

    talk.print(f"wrote {_app(context).backup(to)}", markup=False)


def restore(context: typer.Context, archive: Annotated[Path, typer.Argument(help="An archive of `backup`.")]) -> None:
    """Put a backup into the (empty) storage directory of the configuration.

    Example: kifayat --config new.toml restore kifayat-2026-11.tar
    """
    from kifayat.cli import _app, talk

    app = _app(context)
    app.restore(archive)
    talk.print(f"restored into {app.storage}", markup=False)


def _row(job: Job, state: State) -> tuple[str, ...]:
    from kifayat.crons import OFF, Cron

    cron, last = job.cron_of(state.config), state.last.get(job.name)
    if cron == OFF:
        following = "never"
    elif job.due_at(state) is not None:
        following = "now"
    else:
        following = _shown(Cron(cron).next_after(state.now)) if cron else "when needed"
    if last is None:
        return job.name, cron or "when needed", "never", "", "", following, job.what
    took = "" if last.ended_at is None else f"{(last.ended_at - last.started_at).total_seconds():.0f}"
    said = last.error or last.result
    return job.name, cron or "when needed", _shown(last.started_at), last.state, took, following, said


def _shown(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(IST).strftime("%Y-%m-%d %H:%M")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadValue(f"{text!r} is no instant", where="--scheduled-for", expected="2026-07-01T00:00:00+00:00")
    return found
