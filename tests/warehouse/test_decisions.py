"""Decisions: kept in the order in which they were made, whoever makes them at the same time; each for a reason."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core import BadValue
from warehouse import Ledger, Proposal, decide, decisions, open_warehouse, remember

NOW = datetime(2026, 8, 21, 6, tzinfo=UTC)
DAY = date(2026, 8, 21)
IDS = [f"item{n:04d}" for n in range(40)]


@pytest.fixture
def path(storage: Path) -> Path:
    """A ledger with forty proposals."""
    with closing(Ledger(storage / "ledger.sqlite")) as ledger:
        remember(ledger, [Proposal(id_, "idle_compute", id_, f"Remove {id_}", DAY, DAY, 1000.0) for id_ in IDS])
    return storage / "ledger.sqlite"


def _decide_all(path: Path, ids: list[str], who: str) -> None:
    for id_ in ids:
        with closing(Ledger(path)) as ledger:
            decide(ledger, id_, "dismissed", f"{who} said so", DAY, NOW)


def test_two_processes_that_decide_at_once_lose_no_decision(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=_decide_all, args=(path, IDS[:30], "page")),
        spawn.Process(target=_decide_all, args=(path, IDS[10:], "command")),
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with closing(Ledger(path)) as ledger:
        assert ledger.rows("SELECT COUNT(*) FROM decisions")[0][0] == 60
        assert set(decisions(ledger)) == set(IDS)


def test_a_decision_does_not_wait_for_the_writer_of_bills(path: Path) -> None:
    with open_warehouse(path.parent), closing(Ledger(path)) as ledger:
        decide(ledger, IDS[0], "accepted", "", DAY, NOW)
        assert decisions(ledger)[IDS[0]].state == "accepted"


def test_an_unknown_item_names_the_nearest_and_nothing_is_written(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        with pytest.raises(BadValue, match=r"did you mean item0007 \(Remove item0007\)"):
            decide(ledger, "itme0007", "accepted", "", DAY, NOW)
        with pytest.raises(BadValue, match="no proposal has the id 'zzz'"):
            decide(ledger, "zzz", "accepted", "", DAY, NOW)
        assert decisions(ledger) == {}


@pytest.mark.parametrize("reason", ["", "   "])
@pytest.mark.parametrize("state", ["dismissed", "excluded"])
def test_what_is_dismissed_or_excluded_needs_a_reason(path: Path, state, reason: str) -> None:
    with closing(Ledger(path)) as ledger, pytest.raises(BadValue, match="for a reason"):
        decide(ledger, IDS[0], state, reason, DAY, NOW)


def test_the_last_decision_holds_and_reopened_is_none(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        decide(ledger, IDS[0], "dismissed", "the audit needs it", DAY, NOW)
        decide(ledger, IDS[0], "accepted", "the audit is over", DAY, NOW)
        assert decisions(ledger)[IDS[0]].reason == "the audit is over"
        decide(ledger, IDS[0], "reopened", "", DAY, NOW)
        assert decisions(ledger) == {}
