"""What became of a proposal that is made no more: expired with the day, or what was decided about it and why."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from recommender.advice_rows import past_rows
from warehouse import Decision, Proposal

pytestmark = pytest.mark.pure

TODAY = date(2026, 8, 21)


def proposal(item: str, days_ago: int) -> Proposal:
    """An idle machine that was last proposed so many days ago."""
    seen = TODAY - timedelta(days=days_ago)
    return Proposal(item, "idle_compute", item, f"Remove {item}", seen - timedelta(days=9), seen, 1000.0)


def test_what_is_proposed_no_more_is_expired_for_ninety_days() -> None:
    known = [proposal("now", 0), proposal("lately", 5), proposal("long ago", 91)]
    rows = past_rows([{"id": "now"}], known, {}, TODAY)
    assert [(row["id"], row["state"], row["status"]) for row in rows] == [("lately", "expired", "expired")]
    assert rows[0]["why"].startswith("last proposed on 2026-08-16")


@pytest.mark.parametrize(
    ("state", "shown"),
    [("accepted", "expired"), ("pinned", "expired"), ("applied", "applied"), ("dismissed", "dismissed")],
)
def test_a_decision_stays_with_its_reason_when_its_item_is_gone(state, shown: str) -> None:
    decided = {"i": Decision("i", state, "asked the owner", TODAY - timedelta(days=40), None)}
    (row,) = past_rows([], [proposal("i", 30)], decided, TODAY)
    assert (row["state"], row["reason"], row["decided_on"]) == (shown, "asked the owner", TODAY - timedelta(days=40))
    assert f"{state} on 2026-07-12 (asked the owner)" in row["why"]


def test_what_was_applied_is_shown_for_a_year() -> None:
    decided = {"i": Decision("i", "applied", "", TODAY - timedelta(days=200), None)}
    assert past_rows([], [proposal("i", 200)], decided, TODAY)
    assert not past_rows([], [proposal("i", 366)], decided, TODAY)
