"""`kifayat serve` as a real process on a small store: it comes up, works, is killed, comes back, stops when asked."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest
from apps import deliver, make_app, total
from prometheus_client.parser import text_string_to_metric_families

from core import Clock, SnapshotMissing
from kifayat import App
from warehouse import Ledger, Run, recent_runs

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("KIFAYAT_SEED", "20261128"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """A store below a folder, and the process that serves it."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.port, self.page = free_port(), free_port()
        sections = f"[service]\nmetrics_port = {self.port}\n[dashboard]\nport = {self.page}\n{more}"
        app = make_app(folder, more=sections)
        self.app = App(app.config, Clock())
        self.log = folder / "serve.log"

    @contextmanager
    def process(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start it; at the end whatever is left of it is killed."""
        command = [sys.executable, "-m", "kifayat", "--config", str(self.app.config.path), "serve", *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stderr=log, env=environment, start_new_session=True)
        try:
            yield process
        finally:
            kill_all(process)

    def get(self, path: str) -> tuple[int, str]:
        """Code and body of an answer; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def runs(self, job: str = "") -> list[Run]:
        """Runs, oldest first; none as long as there is no ledger."""
        path = self.app.storage / "ledger.sqlite"
        if not path.exists():
            return []
        with closing(Ledger(path)) as ledger:
            return recent_runs(ledger, job)[::-1]

    def let_time_pass(self) -> None:
        """As if the machine had been off for a day."""
        if self.runs():
            with closing(Ledger(self.app.storage / "ledger.sqlite")) as ledger, ledger.transaction() as db:
                for column in ("scheduled_for", "started_at", "heartbeat_at", "ended_at"):
                    db.execute(
                        f"UPDATE runs SET {column} = strftime('%Y-%m-%dT%H:%M:%f+00:00', {column}, '-1 day')"
                        f" WHERE {column} IS NOT NULL"
                    )

    def shown(self) -> Decimal:
        """What a reader sees."""
        try:
            return total(self.app)
        except SnapshotMissing:
            return Decimal(0)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of the process and all that it started, as when the machine goes down."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


def test_it_loads_by_itself_tells_how_it_is_and_stops_when_asked(tmp_path):
    serving = Serving(tmp_path)
    with serving.process("--no-dashboard", "--log-format", "json") as process:
        wait_for(lambda: serving.get("/healthz")[0] == 200)
        deliver(tmp_path / "cur", "one.csv", ["0.10", "0.20"])

        second = subprocess.run(
            [sys.executable, "-m", "kifayat", "--config", str(serving.app.config.path), "serve", "--no-dashboard"],
            capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert second.returncode == 1
        assert f"the service runs already (pid {process.pid})" in second.stderr

        wait_for(lambda: serving.runs("ingest") and serving.runs("prune"))
        wait_for(lambda: all(run.state != "running" for run in serving.runs()))
        code, body = serving.get("/healthz")
        facts = json.loads(body)
        assert (code, facts["status"], facts["leader_pid"], facts["dashboard"]) == (200, "ok", process.pid, "off")
        families = {family.name: family for family in text_string_to_metric_families(serving.get("/metrics")[1])}
        runs = {tuple(sorted(s.labels.items())): s.value for s in families["kifayat_runs"].samples}
        counted = sum(1 for run in serving.runs("prune") if run.state == "done")
        assert runs[("job", "prune"), ("state", "done")] == counted
        assert families["kifayat_ledger_up"].samples[0].value == 1
        assert "process_resident_memory_bytes" in families
        labels = {label for family in families.values() for sample in family.samples for label in sample.labels}
        assert labels <= {"job", "state", "kind", "export", "version"}
        assert serving.get("/secrets")[0] == 404

        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert serving.get("/healthz")[0] == 0
    assert {run.state for run in serving.runs()} <= {"done", "failed", "stopped"}
    lines = [json.loads(line) for line in serving.log.read_text(encoding="utf-8").splitlines()]
    known = {run.run_id for run in serving.runs()}
    assert {line["run_id"] for line in lines if "run_id" in line} == known
    assert lines[-1]["message"] == "stopped"


def test_a_kill_in_the_middle_of_its_work_is_caught_up_by_the_next_start(tmp_path):
    """Fault 1 with the whole service: machine down at two random moments of an ingest, then one that may finish."""
    chance = random.Random(SEED)
    serving = Serving(tmp_path)
    for number in range(2):
        deliver(tmp_path / "cur", "one.csv", [f"0.0{number + 1}"] * 20_000)
        serving.let_time_pass()
        before = len(serving.runs("ingest"))
        with serving.process("--no-dashboard") as process:
            wait_for(lambda: len(serving.runs("ingest")) > before)  # noqa: B023 - waited for in this turn of the loop
            time.sleep(chance.uniform(0, 2))
            kill_all(process)
        assert serving.shown() in {Decimal(200 * n) for n in range(number + 2)}, f"a mix was published (seed {SEED})"
    serving.let_time_pass()
    with serving.process("--no-dashboard"):
        wait_for(lambda: serving.shown() == Decimal(400))
        wait_for(lambda: serving.runs("ingest")[-1].state == "done")
    states = [run.state for run in serving.runs("ingest")]
    assert set(states) <= {"crashed", "done"}
    assert states[-1] == "done"


def test_a_process_that_freezes_is_seen_and_a_job_that_is_killed_is_marked(tmp_path):
    serving = Serving(tmp_path)
    deliver(tmp_path / "cur", "one.csv", ["0.10"] * 50_000)
    with serving.process("--no-dashboard"):
        wait_for(lambda: serving.runs("ingest"))
        child = serving.runs("ingest")[0].pid
        os.kill(child, signal.SIGSTOP)  # it hangs, with its lock and the writer's
        wait_for(lambda: serving.get("/healthz")[0] == 200)
        wait_for(lambda: any(run.state == "done" for run in serving.runs("prune")))  # other lanes go on
        os.kill(child, signal.SIGKILL)
        wait_for(lambda: serving.runs("ingest")[0].state == "crashed")
        assert serving.runs("ingest")[0].error == "its process ended by signal 9 (out of memory?)"


@pytest.mark.parametrize("after_seconds", [0.0, 0.7])
def test_a_job_that_is_asked_to_stop_says_so_and_is_done_the_next_time(tmp_path, after_seconds):
    serving = Serving(tmp_path)
    deliver(tmp_path / "cur", "one.csv", ["0.10"] * 50_000)
    command = [sys.executable, "-m", "kifayat", "--config", str(serving.app.config.path), "run", "ingest"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        wait_for(lambda: serving.runs("ingest"))
        time.sleep(after_seconds)  # also inside a query, where the engine makes an error of its own of it
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 1
    assert [(run.state, run.error) for run in serving.runs("ingest")] == [("stopped", "it was asked to stop")]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    assert serving.shown() == Decimal(5000)


def test_the_page_comes_up_with_the_first_generation_and_again_when_it_dies(tmp_path):
    serving = Serving(tmp_path)

    def page() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{serving.page}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def page_pid() -> int | None:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(serving.page).encode() in words and any(word.endswith(b"launch.py") for word in words):
                return int(folder.name)
        return None

    with serving.process() as process:
        wait_for(lambda: serving.get("/healthz")[0] == 200)
        assert json.loads(serving.get("/healthz")[1])["dashboard"] == "down"
        wait_for(lambda: any(run.state == "done" for run in serving.runs("ingest")))
        deliver(tmp_path / "cur", "one.csv", ["0.10"])
        command = [sys.executable, "-m", "kifayat", "--config", str(serving.app.config.path), "run", "ingest"]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        wait_for(page)
        first = page_pid()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: page_pid() not in (None, first) and page())
        process.kill()  # only the service, as when it runs out of memory: the page must not keep the port
        process.wait()
        wait_for(lambda: page_pid() is None, 15)


def test_a_configuration_that_became_wrong_is_told_and_tried_again_with_patience(tmp_path):
    serving = Serving(tmp_path)
    with serving.process("--no-dashboard"):
        wait_for(lambda: any(run.state == "done" for run in serving.runs("prune")))
        wait_for(lambda: all(run.state != "running" for run in serving.runs()))
        file = serving.app.config.path
        right = file.read_text(encoding="utf-8")
        file.write_text(right + "[strage]\n", encoding="utf-8")
        with closing(Ledger(serving.app.storage / "ledger.sqlite")) as ledger, ledger.transaction() as db:
            db.execute("UPDATE runs SET scheduled_for = '2020-01-01T00:00:00+00:00' WHERE job = 'prune'")
        wait_for(lambda: serving.runs("prune")[-1].state == "crashed")
        time.sleep(5)
        assert serving.runs("prune")[-1].error == "its process ended with exit code 2"
        assert len(serving.runs("prune")) == 2, "it is started again and again"
