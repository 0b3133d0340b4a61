"""The jobs of the service, declared in code: each brings the state up to date and says in one line what it did.

Safe to run twice, to kill and to miss. Whether one is behind is read from the ledger, so that what was missed is caught
up once. Not for when they start (scheduler) and how they are recorded (running).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal

from core import (
    IST,
    BadValue,
    Config,
    LocationUnreachable,
    NotEnoughHistory,
    NothingToTell,
    WrongUsage,
    month_of,
    next_month,
)
from kifayat.crons import OFF, cron
from kifayat.report.period import last_week
from kifayat.report.standing import LATE_HOURS
from kifayat.version import __version__
from warehouse import Ledger, Pulse, Run, forget_pulls, forget_runs, last_runs, read_pulse, verify_backup

if TYPE_CHECKING:
    from kifayat.app import App
    from kifayat.report import Edition, Report

Say = Callable[[str], None]
#: Jobs of one lane run one after the other, each lane under a lock of its own: a long ingest holds up no delivery.
Lane = Literal["data", "tell", "outbox"]
LANES: Final[tuple[Lane, ...]] = ("data", "tell", "outbox")

EDITIONS: Final[tuple[Edition, ...]] = ("finance", "engineering")
KEEP_RUNS: Final = timedelta(days=90)
#: A year and a month, so that a month can be compared with the same one a year before.
KEEP_PULLS: Final = timedelta(days=400)
#: A month whose invoice has not come by then is reported as it is.
INVOICE_PATIENCE: Final = timedelta(days=15)
#: How long a report waits for the data jobs that are behind before it goes out with what is there.
DATA_PATIENCE: Final = timedelta(hours=2)
_RETRY_FIRST, _RETRY_LAST = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class State:
    """What jobs judge by: the facts of the ledger, each job's last run and last run that was done, what is in force.

    `rules`: a name that another version of the program or another configuration file changes.
    """

    now: datetime
    since: datetime
    pulse: Pulse
    config: Config
    rules: str = ""
    last: Mapping[str, Run] = field(default_factory=dict)
    done: Mapping[str, Run] = field(default_factory=dict)

    @classmethod
    def read(cls, ledger: Ledger, config: Config, now: datetime, since: datetime) -> State:
        """As it is now; `since` is when the service started."""
        return cls(
            now, since, read_pulse(ledger, now), config, rules_of(config),
            last_runs(ledger, now), last_runs(ledger, now, done=True),
        )  # fmt: skip


def _always(_: Job, __: State) -> bool:
    return True


@dataclass(frozen=True)
class Job:
    """One job. `cron`: five fields in IST, or "" for every look.

    It is behind if its cron has come round since it was last done *and* it `is_wanted`. With `reports` it waits a
    while for data jobs that are behind. `timeout`: a run that takes longer is ended and has failed.
    """

    name: str
    lane: Lane
    cron: str
    what: str
    run: Callable[[App, Say], str] = field(repr=False)
    is_wanted: Callable[[Job, State], bool] = field(default=_always, repr=False)
    timeout: timedelta = timedelta(hours=2)
    reports: bool = False

    def cron_of(self, config: Config) -> str:
        """The cron in force: five fields, "" (every look) or "off". The configuration goes before the default."""
        return config.service.jobs.get(self.name, self.cron)

    def due_at(self, state: State) -> datetime | None:
        """The instant for which the job is behind (None: it is not): the last one that its cron named.

        However often it was missed, it is caught up once. After a failure it waits one minute, then twice that, up to
        an hour.
        """
        text = self.cron_of(state.config)
        if text == OFF:
            return None
        due = cron(text).last_before(state.now) if text else state.now
        done, last = state.done.get(self.name), state.last.get(self.name)
        if due is None or (done is not None and done.scheduled_for >= due) or not self.is_wanted(self, state):
            return None
        if last is not None and last.state in ("failed", "crashed") and last.ended_at is not None:
            wait = min(_RETRY_FIRST * 2 ** min(last.attempt - 1, 10), _RETRY_LAST)
            if last.ended_at <= state.now < last.ended_at + wait:
                return None
        return due


def ingest(app: App, say: Say) -> str:
    """Load what is new and publish; cheap when nothing is."""
    done = app.ingest(say)
    report, published = done.report, done.published
    found = f"{report.count('loaded')} loaded, {len(report.refused)} refused, {len(report.unreachable)} out of reach"
    # nothing was reached at all: that is no success, and the dead-man must hear of it
    if report.unreachable and not report.outcomes and not report.unchanged:
        name, reason = report.unreachable[0]
        raise LocationUnreachable(f"no export could be read; {name}: {reason}", transient=True)
    return f"{found}; generation {published.generation} {'published' if published.is_new else 'in force'}"


def refresh(app: App, say: Say) -> str:
    """Publish anew if the program or the rules have changed."""
    published = app.refresh(say, force=False)
    return f"generation {published.generation}; rules {rules_of(app.config)}"


def forecast(app: App, say: Say) -> str:
    """Users and cost ahead, from what is loaded."""
    done = app.forecast(say)
    return f"{'a new forecast' if done.is_new else 'nothing to forecast anew'}; generation {done.published.generation}"


def recommend(app: App, say: Say) -> str:
    """The plan, made anew."""
    try:
        return f"a new plan; generation {app.recommend(say).generation}"
    except NotEnoughHistory as error:  # a reason, and no failure: there is nothing to advise on yet
        return f"no plan: {error}"


def check_alerts(app: App, say: Say) -> str:
    """Open and resolve alerts."""
    changed = app.check_alerts(say)
    return f"{len(changed)} opened or resolved"


def deliver(app: App, say: Say) -> str:
    """Send what is due."""
    done = app.deliver(say)
    return f"{done.sent} sent, {done.failed} to be tried again, {done.dead} given up; {done.waiting} wait"


def weekly_report(app: App, _: Say) -> str:
    """Both editions of the report of the week that ended before the last Monday.

    Where no bill reaches it, of the last week that one does reach (once): that bills are old is an alert.
    """
    week = last_week(app.clock.now().astimezone(IST).date() - timedelta(days=1))
    try:
        return _posted(app, [app.weekly_report(edition, week=week) for edition in EDITIONS])
    except BadValue as error:
        return f"{error}; {_posted(app, [app.weekly_report(edition) for edition in EDITIONS])}"


def monthly_report(app: App, _: Say) -> str:
    """The close report of every month that waits for one."""
    with closing(Ledger(app.storage / "ledger.sqlite")) as ledger:
        months = months_to_tell(State.read(ledger, app.config, app.clock.now(), app.clock.now()))
    return _posted(app, [app.monthly_report(month, edition) for month in months for edition in EDITIONS])


def _posted(app: App, reports: Sequence[Report]) -> str:
    told = []
    for report in reports:
        try:
            told.append(report.event_id if app.post_report(report) else f"{report.event_id} (told before)")
        except NothingToTell as error:  # a reason, and no failure
            told.append(str(error))
    return ", ".join(told) or "no month waits for its report"


def prune(app: App, _: Say) -> str:
    """Drop runs, pulls and texts of messages that are past their time."""
    with closing(Ledger(app.storage / "ledger.sqlite")) as ledger:
        runs = forget_runs(ledger, app.clock.now() - KEEP_RUNS)
        pulls = forget_pulls(ledger, app.clock.now() - KEEP_PULLS)
    messages = app.prune_messages()
    return f"{runs} runs, {pulls} pulls and {messages} messages forgotten"


def backup(app: App, say: Say) -> str:
    """One more archive, opened once to prove it; the oldest beyond `keep_backups` go."""
    service = app.config.service
    folder = service.backup_directory
    if folder is None:
        raise WrongUsage("there is no place for backups", fix='write backup_directory = "…" into [service]')
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"kifayat-{app.clock.now():%Y%m%dT%H%M%SZ}.tar"
    app.backup(target)
    say("verifying the backup")
    verify_backup(target)
    for old in sorted(folder.glob("kifayat-*.tar"))[: -service.keep_backups]:
        old.unlink()
    return f"{target.name}, {target.stat().st_size // 1_000_000:,} MB, verified"


# -- what is wanted -------------------------------------------------------------------------------------------


def _is_published(_: Job, state: State) -> bool:
    return state.pulse.generation > 0


def _has_new_rules(job: Job, state: State) -> bool:
    done = state.done.get(job.name)
    return state.pulse.generation > 0 and (done is None or not done.result.endswith(state.rules))


def _has_new_inputs(job: Job, state: State) -> bool:
    done, refreshed = state.done.get(job.name), state.done.get("refresh")
    changes = [state.pulse.loaded_at, refreshed and refreshed.started_at]
    return state.pulse.generation > 0 and (done is None or any(at and at > done.started_at for at in changes))


def _has_news(job: Job, state: State) -> bool:
    """A generation that was not looked at, or an hour: what is stale becomes so by itself (the dead-man's switch)."""
    done, published = state.done.get(job.name), state.pulse.published_at
    if done is None or (published is not None and published > done.started_at):
        return True
    return state.now - done.started_at >= timedelta(hours=1)


def _has_due_messages(job: Job, state: State) -> bool:
    """At once what became due since the last round; what that left (quiet hours, grouping), every two minutes.

    Every hour whatever waits: a clock that ran ahead may have written when.
    """
    due_at, done = state.pulse.due_at, state.done.get(job.name)
    passed = state.now - (state.since if done is None else done.started_at)
    if due_at is None:
        return state.pulse.waiting > 0 and passed >= timedelta(hours=1)
    return done is None or due_at > done.started_at or passed >= timedelta(minutes=2)


def _has_a_week_to_tell(job: Job, state: State) -> bool:
    """Once the bills hold the whole week, or when they are waited for no longer. A store that was not there by then
    has missed no report."""
    due, first = cron(job.cron_of(state.config)).last_before(state.now), state.pulse.first_published_at
    if due is None or first is None or first > due:
        return False
    if not (ends := state.pulse.complete_through.values()):
        return False  # no bill, no report
    punctual = [end for end in ends if end >= max(ends) - timedelta(hours=LATE_HOURS)]
    day = due.astimezone(IST)
    monday = datetime.combine(day.date() - timedelta(days=day.weekday()), time(), IST)
    is_whole = min(punctual) >= monday
    return is_whole or state.now >= due + timedelta(hours=state.config.report.wait_hours)


def _has_months_to_tell(_: Job, state: State) -> bool:
    return bool(months_to_tell(state))


def _has_a_place(_: Job, state: State) -> bool:
    return state.config.service.backup_directory is not None and state.pulse.generation > 0


def months_to_tell(state: State) -> list[date]:
    """Months that ended while the service was there, whose bills are final (or late), and that were not reported."""
    first = state.pulse.first_published_at
    if first is None:
        return []
    today = state.now.astimezone(IST).date()
    begun = month_of(first.astimezone(IST).date())
    return [
        month
        for month, is_final in sorted(state.pulse.invoiced.items())
        if begun <= month
        and (end := next_month(month)) <= today
        and (is_final or today >= end + INVOICE_PATIENCE)
        and month not in state.pulse.months_told
    ]


def rules_of(config: Config) -> str:
    """A name for the program and the configuration file as they are."""
    try:
        text = config.path.read_bytes()
    except OSError:
        text = config.model_dump_json().encode()
    return f"{__version__}-{hashlib.sha256(text).hexdigest()[:12]}"


JOBS: Final = (
    Job("ingest", "data", "*/15 * * * *", "load new deliveries, publish", ingest, timeout=timedelta(hours=12)),
    Job("refresh", "data", "", "publish anew after an upgrade or a change of the rules", refresh, _has_new_rules),
    Job("forecast", "data", "0 6 * * *", "users and cost ahead, if something was loaded", forecast, _has_new_inputs),
    Job("recommend", "data", "30 6 * * *", "the plan", recommend, _is_published),
    Job("backup", "data", "0 2 * * *", "archive the store, verify it, drop old archives", backup, _has_a_place),
    Job("alerts", "tell", "*/5 * * * *", "budgets, anomalies, health", check_alerts, _has_news,
        timedelta(minutes=15)),
    Job("weekly", "tell", "0 9 * * mon", "the weekly report, both editions", weekly_report, _has_a_week_to_tell,
        reports=True),
    Job("monthly", "tell", "0 10 * * *", "the close report of a month whose invoices are in", monthly_report,
        _has_months_to_tell, reports=True),
    Job("prune", "tell", "30 2 * * *", "forget old runs, pulls and messages", prune, timeout=timedelta(minutes=15)),
    Job("deliver", "outbox", "", "send what is due", deliver, _has_due_messages, timedelta(minutes=10)),
)  # fmt: skip


def all_jobs() -> dict[str, Job]:
    """Every job by name, in the order in which they are started."""
    return {job.name: job for job in JOBS}
