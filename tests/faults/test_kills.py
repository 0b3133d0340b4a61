"""Fault 1: kill -9 at random points of ingest and publish, more than two hundred times, with real processes.

After every kill a reader looks: it sees one whole generation, and its sums are those of deliveries that really were.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from apps import deliver, make_app, total

from core import SnapshotMissing

ROOT = Path(__file__).parents[2]
KILLS = 210
SEED = int(os.environ.get("KIFAYAT_SEED", "20260810"))


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_doubles_nothing_and_mixes_nothing(tmp_path):
    print(f"seed {SEED}")
    app = make_app(tmp_path)
    legal: dict[str, set[Decimal]] = {"one": set(), "two": set()}
    newest: dict[str, Decimal] = {}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [
        sys.executable,
        str(Path(__file__).with_name("kill_driver.py")),
        str(app.config.path),
        str(KILLS),
        str(SEED),
    ]
    outcomes = {"killed": 0, "done": 0}
    acknowledged: dict[str, Decimal] = {}
    generation = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        for line in driver.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "end":
                break
            assert word != "failed", rest
            if word == "deliver":
                number = int(rest)
                # each export's month is restated over and over, one cost per delivery; every fifth brings nothing new
                name = "one" if number % 2 == 0 else "two"
                if number % 5 != 4:
                    cost = Decimal(number + 1) / 100
                    _deliver_later(tmp_path / "cur", f"{name}.csv", [f"{cost}"] * 20, name)
                    legal[name].add(cost * 20)
                    newest[name] = cost * 20
                driver.stdin.write("\n")
                driver.stdin.flush()
                continue
            outcomes[word] += 1
            seen, found_generation = _published(app)
            assert found_generation >= generation, "the pointer went back"
            generation = found_generation
            for name, cost in seen.items():
                assert cost in legal[name], f"{name} shows {cost}, which was never delivered (seed {SEED})"
            if word == "done":
                acknowledged = dict(newest)
            for name, cost in acknowledged.items():
                assert seen[name] >= cost, f"an acknowledged load of {name} is gone (seed {SEED})"
    app.ingest()
    assert _published(app)[0] == newest
    assert all(row[-1] for row in app.reconcile().rows)
    # of each bill: what counts, its earlier deliveries, and what an earlier kept generation still reads
    folders = list((tmp_path / "store" / "charges").glob("*/*/*/*"))
    assert len(folders) <= 2 * (1 + 2 * app.config.storage.keep_generations), "leftovers of killed runs were not swept"
    print(f"{outcomes['killed']} killed, {outcomes['done']} finished in time, generation {generation}")
    assert outcomes["killed"] == KILLS


def _deliver_later(folder: Path, name: str, costs: list[str], account: str) -> None:
    # a payer of its own for each file, so that one file's month never replaces the other's
    path = deliver(folder, name, costs, bill_payer_account_id=account)
    stamp = time.time()
    os.utime(path, (stamp, stamp))


def _published(app) -> tuple[dict[str, Decimal], int]:
    try:
        snapshot = app.snapshot()
    except SnapshotMissing:
        return {}, 0
    assert not snapshot.is_fallback
    rows = snapshot.query("SELECT BillingAccountId, SUM(BilledCost) FROM charges GROUP BY 1").rows
    mart = snapshot.query("SELECT BillingAccountId, SUM(BilledCost) FROM cost_daily GROUP BY 1").rows
    assert sorted(rows) == sorted(mart), "charges and marts are of different generations"
    return dict(rows), snapshot.generation


def test_a_running_total_is_what_it_says(tmp_path):
    """The yardstick of the test above: an ingest that nobody disturbs."""
    app = make_app(tmp_path)
    _deliver_later(tmp_path / "cur", "one.csv", ["0.10", "0.20"], "one")
    app.ingest()
    assert total(app) == Decimal("0.30")
