"""The scheduler on a clock that tests move: a year, a crash, three days off, a wrong clock, an ingest that hangs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from service import Service, load_month, publish_nothing, tell_months

from core import IST, PACIFIC, AlreadyRunning, DiskFull, next_month
from kifayat.endpoint import Health
from kifayat.running import run_job
from kifayat.scheduler import clock_for
from warehouse import service_lock, start_run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Crons that are rare enough to live a year in seconds.
RARE = '[service.jobs]\ningest = "0 5 * * *"\nalerts = "off"\nrecommend = "off"\nbackup = "off"\n'


def ist(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=IST).astimezone(UTC)


def published(service: Service) -> Service:
    """With bills up to now: where there is none, there is no report."""
    now = service.clock.now()
    with service.ledger() as ledger:
        load_month(ledger, "aws", now.date().replace(day=1), now, is_invoiced=False)
        publish_nothing(ledger, now)
    return service


class Providers:
    """Bills as they come: a month's last rows after its end in the provider's own zone, its invoice some days later."""

    CALENDARS = (("aws", ZoneInfo("UTC"), 3), ("gcp", PACIFIC, 5), ("focus", IST, 4))

    def __init__(self, service: Service, first: date) -> None:
        self.service = service
        self.coming = {name: (first, zone, days) for name, zone, days in self.CALENDARS}
        with service.ledger() as ledger:  # the month before is over for all of them
            for name in self.coming:
                load_month(ledger, name, (first - DAY).replace(day=1), service.clock.now(), is_invoiced=True)

    def ingest(self, _: object) -> str:
        now, loaded = self.service.clock.now(), 0
        with self.service.ledger() as ledger:
            for name, (month, zone, days) in self.coming.items():
                over = next_month(month)
                invoiced_at = datetime(over.year, over.month, over.day, tzinfo=zone) + days * DAY
                if now >= invoiced_at:
                    load_month(ledger, name, month, now, is_invoiced=True)
                    self.coming[name] = over, zone, days
                    loaded += 1
            publish_nothing(ledger, now)
        return f"{loaded} loaded"


def live(service: Service, end: datetime, offs: list[datetime]) -> None:
    """Look whenever a cron comes round, as the clock does, but for three days from each of `offs`."""
    service.scheduler.tick()
    while service.clock.now() < end:
        following = min(filter(None, map(service.scheduler.next_look, service.jobs.values())))
        if offs and following >= offs[0]:
            following = max(following, offs.pop(0) + 3 * DAY)
            service.restart()
        service.clock.advance(following - service.clock.now())
        service.scheduler.tick()
        service.scheduler.tick()  # as a look half a minute later would: nothing is done twice


@pytest.mark.slow
def test_a_year_with_a_leap_day_and_three_days_off_processes_each_period_once(tmp_path):
    start, end = ist(2027, 6, 2, 8), ist(2028, 6, 8, 12)
    service = Service(tmp_path, start, {"monthly": tell_months}, RARE)
    service.work["ingest"] = Providers(service, date(2027, 6, 1)).ingest
    offs = [ist(2027, 10, 30), ist(2028, 2, 26), ist(2028, 3, 31)]  # the ends of months, and Mondays, are missed
    with service.ledger():  # SQLite tidies up when the last connection closes: not four times a day
        live(service, end, offs)

    done = Counter((run.job, run.scheduled_for) for run in service.runs(state="done"))
    assert [key for key, count in done.items() if count > 1] == []
    assert {run.state for run in service.runs()} == {"done"}

    mondays = [ist(2027, 6, 7, 9) + week * 7 * DAY for week in range(53)]
    assert [at for job, at in done if job == "weekly"] == mondays

    with service.ledger() as ledger:
        told = ledger.rows("SELECT event_id, made_at FROM messages ORDER BY rowid")
    months = [date(2027, month, 1) for month in range(6, 13)] + [date(2028, month, 1) for month in range(1, 6)]
    assert [row["event_id"] for row in told] == [f"monthly:{month:%Y-%m}:finance" for month in months]
    for month, row in zip(months, told, strict=True):
        # the last invoice is Google's, five days after midnight in California; the first look after it tells
        over = next_month(month)
        final = datetime(over.year, over.month, over.day, tzinfo=PACIFIC) + 5 * DAY
        assert final <= datetime.fromisoformat(row["made_at"]) < final + 2 * DAY, month

    daily = {at.astimezone(IST).date() for job, at in done if job == "prune"}
    off = {date(2027, 10, 30), date(2027, 10, 31), date(2028, 2, 26), date(2028, 2, 27), date(2028, 3, 31),
           date(2028, 4, 1)}  # fmt: skip
    assert date(2028, 2, 29) in daily
    assert {date(2027, 6, 3) + n * DAY for n in range(371)} - daily == off
    forecasts = [at for job, at in done if job == "forecast"]
    assert len(forecasts) < 3 * 13, "a forecast was made though nothing had been loaded"


def test_three_days_off_are_caught_up_in_one_run_of_each_job_and_the_report_comes_after_the_data(tmp_path):
    service = published(Service(tmp_path, ist(2026, 8, 7, 12)))  # a Friday
    service.scheduler.tick()
    service.clock.advance(3 * DAY)
    service.restart()
    before = len(service.launcher.started)
    service.scheduler.tick()
    caught_up = service.launcher.started[before:]
    assert Counter(name for name, _ in caught_up) == Counter(["ingest", "recommend", "alerts", "prune", "weekly"])
    names = [name for name, _ in caught_up]
    assert ("weekly", ist(2026, 8, 10, 9)) in caught_up
    assert names.index("weekly") > max(names.index("ingest"), names.index("recommend"))
    assert service.scheduler.tick() == []


def test_a_report_waits_two_hours_for_an_ingest_that_hangs_and_then_goes_out_as_things_are(tmp_path):
    service = published(Service(tmp_path, ist(2026, 8, 10, 8, 50)))
    service.scheduler.tick()
    service.launcher.busy.add("data")
    started = []
    for _ in range(14):
        service.clock.advance(timedelta(minutes=10))
        started += [(name, service.clock.now()) for name in service.scheduler.tick() if name == "weekly"]
    assert started == [("weekly", ist(2026, 8, 10, 11))]


def test_an_ingest_that_hangs_holds_up_no_mail_and_is_told_by_the_dead_man(tmp_path):
    service = published(Service(tmp_path, ist(2026, 8, 10, 12)))
    service.scheduler.tick()
    health = Health(service.scheduler)
    service.launcher.busy.add("data")
    for _ in range(35):
        service.clock.advance(HOUR)
        assert "alerts" in service.scheduler.tick()
        assert health.report()[0]
    service.clock.advance(HOUR)
    assert "alerts" in service.scheduler.tick()  # every hour, whatever hangs: it is what says so
    is_well, facts = health.report()
    assert not is_well
    assert facts["faults"] == ["no successful ingest for 36 hours (limit 36)"]
    assert health.is_alive(), "a stale store is no reason to start the service again"
    service.launcher.busy.clear()
    service.scheduler.tick()
    assert health.report()[0]


def test_a_run_whose_process_is_gone_is_marked_and_done_again(tmp_path):
    service = Service(tmp_path, ist(2026, 8, 10, 12))
    with service.ledger() as ledger:
        start_run(ledger, "ingest", service.clock.now(), service.clock.now(), 1)
    service.scheduler.tick()
    assert [(run.state, run.error) for run in service.runs("ingest")] == [("crashed", "its process is gone")]
    service.clock.advance(timedelta(minutes=1))
    service.scheduler.tick()
    assert [run.state for run in service.runs("ingest")] == ["crashed", "done"]
    assert service.runs("ingest")[-1].attempt == 2


def test_a_run_by_hand_keeps_its_lane_and_is_not_called_dead(tmp_path):
    service = Service(tmp_path, ist(2026, 8, 10, 12))
    with service.ledger() as ledger, service_lock(service.app.storage, "data"):
        start_run(ledger, "ingest", service.clock.now(), service.clock.now(), 1)
        with pytest.raises(AlreadyRunning):
            run_job(service.app, service.jobs["forecast"])
        with pytest.raises(AlreadyRunning):
            run_job(service.app, service.jobs["ingest"])
        assert [run.state for run in service.runs("ingest")] == ["running"]


@pytest.mark.parametrize("jump", [-400 * DAY, -DAY, DAY, 400 * DAY])
def test_a_clock_that_was_set_wrongly_and_right_again_does_nothing_twice(tmp_path, jump):
    service = published(Service(tmp_path, ist(2026, 8, 10, 12)))  # a Monday, after the report
    with service.ledger() as ledger, ledger.transaction() as db:
        db.execute("UPDATE generations SET published_at = '2020-01-01T00:00:00+00:00'")
    service.scheduler.tick()
    service.clock.advance(jump)
    service.scheduler.tick()
    service.clock.advance(-jump)
    service.scheduler.tick()
    of_now = [run for run in service.runs("weekly") if run.scheduled_for == ist(2026, 8, 10, 9)]
    assert len(of_now) == 1
    service.clock.advance(timedelta(minutes=15))
    assert "ingest" in service.scheduler.tick(), "runs of the wrong time hold up the present"
    service.clock.advance(7 * DAY)
    assert "weekly" in service.scheduler.tick()


def test_a_full_disk_is_a_failed_run_and_the_next_one_works(tmp_path):
    """What the store does then is fault 3 in tests/faults/test_faults.py; this is what the service makes of it."""

    def full(_):
        raise DiskFull("the disk is full", where="charges", fix="free space and run again")

    service = Service(tmp_path, ist(2026, 8, 10, 12), {"ingest": full})
    service.scheduler.tick()
    failed = service.runs("ingest")[0]
    assert (failed.state, failed.error) == (
        "failed", "the disk is full. Where: charges. Do: free space and run again."
    )  # fmt: skip
    service.work["ingest"] = lambda _: "loaded"
    service.clock.advance(timedelta(minutes=2))
    service.scheduler.tick()
    assert [run.state for run in service.runs("ingest")] == ["failed", "done"]


def test_an_error_that_nobody_expected_is_in_the_ledger_and_ends_nothing(tmp_path):
    def stumble(_):
        raise ZeroDivisionError("division by zero")

    service = Service(tmp_path, ist(2026, 8, 10, 12), {"ingest": stumble})
    assert {"ingest", "recommend", "prune"} - set(service.scheduler.tick()) == {"recommend"}  # nothing is published
    assert service.runs("ingest")[0].error == "ZeroDivisionError: division by zero"
    assert service.runs("prune")[0].state == "done"


def test_no_job_of_a_lane_starves_the_others(tmp_path):
    crons = '[service.jobs]\ningest = "* * * * *"\n'
    service = published(Service(tmp_path, ist(2026, 8, 10, 5, 55), more=crons))
    for _ in range(10):
        service.scheduler.tick()
        service.clock.advance(5 * timedelta(minutes=1))
    assert {run.job for run in service.runs()} >= {"ingest", "forecast", "recommend"}


def test_the_clock_starts_a_job_in_its_minute_and_looks_every_half_minute(tmp_path):
    service = Service(tmp_path, ist(2026, 8, 10, 12))
    looks = clock_for(service.scheduler)
    assert {"look", "ingest", "weekly"} <= {job.id for job in looks.get_jobs()}
    looks.start()
    try:
        options = {(job.coalesce, job.misfire_grace_time, job.max_instances) for job in looks.get_jobs()}
        assert options == {(True, None, 1)}
        assert looks.get_job("weekly").next_run_time.isoformat().endswith("T09:00:00+05:30")
    finally:
        looks.shutdown()
