"""The ledger of runs, and the locks that say who is alive."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import AlreadyRunning
from warehouse import (
    Ledger,
    abandon_runs,
    end_run,
    forget_runs,
    last_runs,
    recent_runs,
    run_counts,
    running,
    service_lock,
    start_run,
)

NOW = datetime(2026, 8, 10, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(storage: Path):
    opened = Ledger(storage / "ledger.sqlite")
    yield opened
    opened.close()


def run(ledger: Ledger, job: str, at: datetime, state: str):
    made = start_run(ledger, job, at, at, 1)
    if state != "running":
        end_run(ledger, made.run_id, state, at + timedelta(minutes=1), result=state)
    return made


def test_a_run_is_read_back_as_it_was_written(ledger):
    started = start_run(ledger, "ingest", NOW - HOUR, NOW, 42)
    assert recent_runs(ledger) == [started]
    assert (started.state, started.attempt, started.pid, started.scheduled_for) == ("running", 1, 42, NOW - HOUR)
    end_run(ledger, started.run_id, "done", NOW + HOUR, result="3 loaded")
    ended = recent_runs(ledger, "ingest")[0]
    assert (ended.state, ended.ended_at, ended.result, running(ledger)) == ("done", NOW + HOUR, "3 loaded", [])


def test_attempts_count_from_the_last_success(ledger):
    attempts = [run(ledger, "ingest", NOW, state).attempt for state in ("failed", "crashed", "done", "failed", "done")]
    assert attempts == [1, 2, 3, 1, 2]
    assert run(ledger, "forecast", NOW, "done").attempt == 1, "other jobs' runs were counted"


def test_a_run_ends_once(ledger):
    made = run(ledger, "ingest", NOW, "failed")
    end_run(ledger, made.run_id, "done", NOW + HOUR, result="too late")
    assert recent_runs(ledger)[0].state == "failed"


def test_what_runs_is_abandoned_only_in_the_lane_whose_lock_is_held(ledger):
    for job in ("ingest", "forecast", "deliver"):
        start_run(ledger, job, NOW, NOW, 1)
    gone = abandon_runs(ledger, ["ingest", "forecast"], NOW + HOUR, "crashed", "its process is gone")
    assert [item.job for item in gone] == ["ingest", "forecast"]
    assert [item.job for item in running(ledger)] == ["deliver"]
    assert last_runs(ledger)["ingest"].error == "its process is gone"
    assert last_runs(ledger)["ingest"].ended_at == NOW, "it ended when it was last seen, not when that was noticed"


def test_runs_of_a_clock_that_was_set_back_say_nothing_of_the_present(ledger):
    run(ledger, "weekly", NOW, "done")
    run(ledger, "weekly", NOW + 400 * 24 * HOUR, "done")
    run(ledger, "weekly", NOW + HOUR, "failed")
    assert last_runs(ledger, NOW + 2 * HOUR, done=True)["weekly"].started_at == NOW
    assert last_runs(ledger, NOW + 2 * HOUR)["weekly"].state == "failed"
    assert last_runs(ledger, done=True)["weekly"].started_at == NOW + 400 * 24 * HOUR


def test_old_runs_are_forgotten_but_not_the_last_of_each_state(ledger):
    for days in range(5):
        run(ledger, "ingest", NOW + days * 24 * HOUR, "done")
    run(ledger, "weekly", NOW, "done")
    run(ledger, "weekly", NOW, "failed")
    assert forget_runs(ledger, NOW + 3 * 24 * HOUR) == 3
    assert run_counts(ledger) == {("ingest", "done"): 2, ("weekly", "done"): 1, ("weekly", "failed"): 1}
    run_ids = [item.run_id for item in recent_runs(ledger)]
    assert start_run(ledger, "ingest", NOW, NOW, 1).run_id not in run_ids, "an id was given twice"


def test_a_lock_refuses_the_second_with_the_pid_of_the_first(tmp_path):
    with (
        service_lock(tmp_path, "serve"),
        pytest.raises(AlreadyRunning, match=str(os.getpid())),
        service_lock(tmp_path, "serve"),
    ):
        pass
    with service_lock(tmp_path, "serve"), service_lock(tmp_path, "data"):
        pass  # locks of other names are others


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path; from warehouse import service_lock\n"
        "with service_lock(Path(sys.argv[1]), 'data'):\n print('held', flush=True); time.sleep(60)"
    )
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": root}
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=str(holder.pid)), service_lock(tmp_path, "data"):
            pass
        holder.kill()
        holder.wait()
        with service_lock(tmp_path, "data"):
            pass
