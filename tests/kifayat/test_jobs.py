"""When a job is behind, and what the jobs of the program do to a real store."""

from __future__ import annotations

import tarfile
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from apps import NOW, deliver, make_app, total
from service import Service, load_month, publish_nothing

from core import IST, BadValue, ConfigError, WarehouseError
from kifayat import App
from kifayat.crons import Cron, faults_of
from kifayat.jobs import JOBS, State, all_jobs, months_to_tell
from kifayat.running import run_job
from warehouse import Ledger, recent_runs, verify_backup

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ist(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=IST).astimezone(UTC)


# Crons ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "last", "following"),
    [
        ("0 9 * * mon", ist(2026, 8, 10, 9), ist(2026, 8, 17, 9)),
        ("0 9 * * 1", ist(2026, 8, 10, 9), ist(2026, 8, 17, 9)),
        ("0 9 * * 0", ist(2026, 8, 9, 9), ist(2026, 8, 16, 9)),
        ("0 9 * * 7", ist(2026, 8, 9, 9), ist(2026, 8, 16, 9)),
        ("0 9 * * 1-5", ist(2026, 8, 10, 9), ist(2026, 8, 11, 9)),
        ("0 9 * * 6-7", ist(2026, 8, 9, 9), ist(2026, 8, 15, 9)),
        ("*/15 * * * *", ist(2026, 8, 10, 11, 30), ist(2026, 8, 10, 11, 45)),
        ("0 0 29 2 *", ist(2024, 2, 29), ist(2028, 2, 29)),
    ],
)
def test_a_cron_means_what_cron_means_in_indian_time(cron, last, following):
    now = ist(2026, 8, 10, 11, 30)  # a Monday
    assert Cron(cron).last_before(now) == last
    assert Cron(cron).next_after(now) == following


@pytest.mark.parametrize("text", ["", "0 9 * *", "61 * * * *", "0 9 1 * mon", "0 9 * * 8", "0 9 * * x", "x * * * *"])
def test_what_is_no_cron_is_refused(text):
    with pytest.raises(BadValue):
        Cron(text)


def test_all_faults_of_the_crons_are_told_at_once_with_the_nearest_job():
    faults = faults_of({"ingst": "0 9 * * *", "forecast": "daily", "backup": "off"}, all_jobs())
    assert len(faults) == 2
    assert "did you mean ingest" in faults[0]
    assert "'daily' is no cron" in faults[1]


def test_check_tells_a_wrong_cron(tmp_path):
    assert any("tomorrow" in fault for fault in make_app(tmp_path, more='[service.jobs]\ningest = "tomorrow"').check())


# Behind or not ----------------------------------------------------------------------------------------------


def test_a_job_is_behind_from_its_minute_on_until_it_was_done(tmp_path):
    service = Service(tmp_path, ist(2026, 8, 10, 2, 29))
    prune = service.jobs["prune"]

    def due():
        with service.ledger() as ledger:
            return prune.due_at(State.read(ledger, service.app.config, service.clock.now(), service.clock.now()))

    assert due() == ist(2026, 8, 9, 2, 30), "a job that never ran is behind from the start"
    run_job(service.app, prune, due())
    assert due() is None
    service.clock.advance(timedelta(minutes=1))
    assert due() == ist(2026, 8, 10, 2, 30)


def test_a_job_that_fails_is_tried_again_after_one_minute_then_two_up_to_an_hour(tmp_path):
    def fail(_):
        raise WarehouseError("the disk is full")

    service = Service(tmp_path, ist(2026, 8, 10, 12), {"ingest": fail}, '[service.jobs]\ningest = "0 6 * * *"')
    tried = []
    for minute in range(300):
        if "ingest" in service.scheduler.tick():
            tried.append(minute)
        service.clock.advance(timedelta(minutes=1))
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    assert {run.state for run in service.runs("ingest")} == {"failed"}
    assert service.runs("ingest")[-1].error == "the disk is full."
    service.work["ingest"] = lambda _: "there is room again"
    service.clock.advance(HOUR)
    assert "ingest" in service.scheduler.tick()
    assert service.runs("ingest")[-1].state == "done"
    assert "ingest" not in service.scheduler.tick()


def test_off_is_never(tmp_path):
    crons = "".join(f'{job.name} = "off"\n' for job in JOBS)
    service = Service(tmp_path, NOW, more=f"[service.jobs]\n{crons}")
    assert service.scheduler.tick() == []


def test_a_store_that_was_not_there_on_monday_has_missed_no_weekly_report(tmp_path):
    service = Service(tmp_path, ist(2026, 8, 11, 12))  # a Tuesday
    with service.ledger() as ledger:
        publish_nothing(ledger, service.clock.now() - HOUR)
        load_month(ledger, "aws", date(2026, 8, 1), service.clock.now(), is_invoiced=False)
    assert "weekly" not in service.scheduler.tick()
    service.clock.advance(6 * DAY)
    assert "weekly" in service.scheduler.tick()
    assert service.runs("weekly")[0].scheduled_for == ist(2026, 8, 17, 9)


def test_a_week_is_reported_when_the_bills_hold_it_or_are_waited_for_no_longer(tmp_path):
    service = Service(tmp_path, ist(2026, 8, 10, 12), wait_hours=24)
    with service.ledger() as ledger:
        publish_nothing(ledger, service.clock.now())
        service.clock.advance(7 * DAY)
        load_month(ledger, "aws", date(2026, 8, 1), ist(2026, 8, 16, 23), is_invoiced=False)
        load_month(ledger, "gone", date(2026, 8, 1), ist(2026, 8, 2), is_invoiced=False)  # nobody waits for it
        assert "weekly" not in service.scheduler.tick(), "an hour of Sunday is missing"
        load_month(ledger, "aws", date(2026, 8, 1), ist(2026, 8, 17), is_invoiced=False)
        assert "weekly" in service.scheduler.tick()
        service.clock.advance(6 * DAY + 20 * HOUR)  # the Monday after, 8:00
        service.scheduler.tick()
        service.clock.advance(24 * HOUR)
        assert "weekly" not in service.scheduler.tick()
        service.clock.advance(HOUR)
        assert "weekly" in service.scheduler.tick(), "a mail that never comes tells nobody that the bills are late"


def test_a_month_is_reported_when_its_bills_are_final_or_late_and_once(tmp_path):
    service = Service(tmp_path, ist(2026, 7, 20))
    now = service.clock.now()
    with service.ledger() as ledger:
        load_month(ledger, "aws", date(2026, 6, 1), now, is_invoiced=True)  # of before: nobody was there to report it
        load_month(ledger, "aws", date(2026, 7, 1), now, is_invoiced=False)
        load_month(ledger, "gcp", date(2026, 7, 1), now, is_invoiced=False)
        publish_nothing(ledger, now)

        def told_at(when: datetime) -> list[date]:
            return months_to_tell(State.read(ledger, service.app.config, when, when))

        july = [date(2026, 7, 1)]
        assert told_at(ist(2026, 8, 15)) == [], "the bills are not final"
        assert told_at(ist(2026, 8, 16)) == july, "a bill that is never final holds the report up for ever"
        load_month(ledger, "aws", date(2026, 7, 1), ist(2026, 8, 3), is_invoiced=True)
        assert told_at(ist(2026, 8, 5)) == [], "one of two is not final"
        load_month(ledger, "gcp", date(2026, 7, 1), ist(2026, 8, 4), is_invoiced=True)
        assert told_at(ist(2026, 7, 31, 23, 59)) == []
        assert told_at(ist(2026, 8, 5)) == july
        with ledger.transaction() as db:
            db.execute("INSERT INTO messages VALUES ('monthly:2026-07:finance', 'monthly', 'info', '', '', '', '')")
        assert told_at(ist(2026, 8, 20)) == []


def test_mail_is_sent_only_where_something_is_due(tmp_path):
    service = Service(tmp_path, NOW)
    assert "deliver" not in service.scheduler.tick()
    with service.ledger() as ledger, ledger.transaction() as db:
        later = (NOW + HOUR).isoformat()
        db.execute("INSERT INTO messages VALUES ('test:1', 'test', 'info', '', '', '', ?)", (later,))
        db.execute(
            "INSERT INTO outbox (event_id, channel, recipient, topic, is_urgent, state, next_at)"
            " VALUES ('test:1', 'x', '', '', 0, 'waiting', ?)",
            (later,),
        )
    assert "deliver" not in service.scheduler.tick()
    service.clock.advance(HOUR)
    assert "deliver" in service.scheduler.tick()
    service.clock.advance(timedelta(seconds=30))
    assert "deliver" not in service.scheduler.tick(), "what waits for the end of quiet hours is looked at all the time"
    service.clock.advance(timedelta(minutes=2))
    assert "deliver" in service.scheduler.tick()


# What they do -----------------------------------------------------------------------------------------------


def test_the_jobs_of_the_program_bring_a_store_up_to_date(tmp_path):
    app = make_app(tmp_path, more='[service]\nbackup_directory = "backups"\nkeep_backups = 2\n')
    deliver(tmp_path / "cur", "one.csv", ["0.10", "0.20"])
    jobs = all_jobs()
    assert run_job(app, jobs["ingest"]).attempt == 1
    assert total(app) == Decimal("0.30")
    for name in ("refresh", "forecast", "recommend", "prune"):
        run_job(app, jobs[name])
    with closing(Ledger(app.storage / "ledger.sqlite")) as ledger:
        results = {run.job: run.result for run in recent_runs(ledger) if run.state == "done"}
    assert results["ingest"] == "1 loaded, 0 refused, 0 out of reach; generation 1 published"
    assert results["refresh"].startswith("generation 1; rules ")  # nothing has changed, so nothing is published
    assert results["forecast"].startswith("nothing to forecast anew")
    assert results["recommend"].startswith(("a new plan", "no plan: "))
    assert results["prune"] == "0 runs, 0 pulls and 0 messages forgotten"


def test_old_backups_go_and_a_backup_that_misses_a_file_is_no_backup(tmp_path):
    app = make_app(tmp_path, more='[service]\nbackup_directory = "backups"\nkeep_backups = 2\n')
    deliver(tmp_path / "cur", "one.csv", ["0.10"])
    app.ingest()
    for _ in range(3):
        run_job(app, all_jobs()["backup"])
        app.clock.advance(DAY)
    kept = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert kept == ["kifayat-20260811T060000Z.tar", "kifayat-20260812T060000Z.tar"]
    archive = tmp_path / "backups" / kept[-1]
    elsewhere = app.config.storage.model_copy(update={"directory": tmp_path / "new"})
    fresh = App(app.config.model_copy(update={"storage": elsewhere}), app.clock)
    fresh.restore(archive)
    assert total(fresh) == Decimal("0.10")
    short = tmp_path / "short.tar"
    with tarfile.open(archive) as whole, tarfile.open(short, "w") as made:
        for member in whole:
            if not member.name.startswith("charges/"):
                made.addfile(member, whole.extractfile(member))
    with pytest.raises(WarehouseError, match="cannot be restored"):
        verify_backup(short)


def test_nothing_that_could_be_reached_is_no_success(tmp_path):
    app = make_app(tmp_path)
    (tmp_path / "cur").rmdir()
    ended = run_job(app, all_jobs()["ingest"])
    assert ended.state == "failed"
    assert ended.error.startswith("no export could be read; cur: the folder does not exist.")


def test_serve_refuses_a_page_for_everybody_and_a_wrong_cron(tmp_path):
    from kifayat.service import serve

    open_page = make_app(tmp_path, more='[dashboard]\naddress = "0.0.0.0"\n')
    with pytest.raises(ConfigError, match="nobody has to sign in"):
        serve(open_page, dashboard=True, log_format="text")
    wrong = make_app(tmp_path, more='[service.jobs]\nweekly = "mondays"\n')
    with pytest.raises(ConfigError, match="mondays"):
        serve(wrong, dashboard=False, log_format="text")
