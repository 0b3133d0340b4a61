"""Anomalies: what a person of that day would have called odd, once, by its cause, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from owned import published, used

from core import NotEnoughHistory
from models.anomalies import Judged, _ids, judge
from models.anomaly_causes import Charges, causes, explain
from models.anomaly_inputs import Meter, Usage, same_phase

START, DAYS = np.datetime64("2024-03-01"), 620
EXAMS = [date(2024, 5, 5), date(2025, 5, 4), date(2026, 5, 3)]
WHEN = START + np.arange(DAYS)
LEAST = 5000.0


def at(day: str) -> int:
    return int((np.datetime64(day) - START) / np.timedelta64(1, "D"))


def crowd(seed: int = 0) -> np.ndarray:
    """A lakh of users, half as many again on Sundays, three times as many before the exam."""
    season = np.ones(DAYS)
    for exam in (at("2024-05-05"), at("2025-05-04")):
        away = exam - np.arange(DAYS)
        season += np.where((away >= 0) & (away < 60), 2 * np.exp(-away / 20), 0.0)
    sunday = np.where((WHEN.astype("datetime64[D]").astype(int) + 3) % 7 == 6, 1.5, 1.0)
    return 1e5 * season * sunday * np.exp(np.random.default_rng(seed).normal(0, 0.03, DAYS))


def meter(name: str, service: str = "content", *, service_name: str = "EC2", account: str = "1") -> Meter:
    return Meter("AWS", "9", account, service_name, "ap-south-1", service, name)


def usage(costs: dict[Meter, np.ndarray], n_days: int = DAYS, users: np.ndarray | None = None) -> Usage:
    """What is read from a generation: all days whole."""
    inr = np.column_stack([cost[:n_days] for cost in costs.values()])
    return Usage(
        WHEN[:n_days], list(costs), inr, np.zeros(len(costs), np.int64), np.ones(inr.shape, bool),
        {"all": (crowd() if users is None else users)[:n_days]}, same_phase(EXAMS, WHEN[:n_days]),
    )  # fmt: skip


def follows(level: float, elastic: float = 0.7, seed: int = 1, noise: float = 0.03) -> np.ndarray:
    """Daily cost that follows the crowd."""
    users = crowd()
    return level * (1 - elastic + elastic * users / 1e5) * np.exp(np.random.default_rng(seed).normal(0, noise, DAYS))


def told(found: Judged, given: Usage) -> list[tuple[str, str, int]]:
    """First day, meter or service, direction."""
    return [
        (str(given.days[one.first]), one.scope.meter or one.scope.service_name or "wide", one.sign)
        for one in found.episodes
    ]


EGRESS, DISK, CPU = meter("egress"), meter("disk", service_name="S3"), meter("cpu", "user")


@pytest.fixture
def costs() -> dict[Meter, np.ndarray]:
    return {EGRESS: follows(40_000), DISK: follows(15_000, 0.0, 2, 0.01), CPU: follows(30_000, 0.5, 3)}


def test_the_exam_season_and_its_crowd_raise_no_alarm(costs):
    assert costs[EGRESS][at("2025-05-04")] > 2 * costs[EGRESS][at("2025-02-02")]
    assert told(judge(usage(costs), LEAST), usage(costs)) == []


def test_a_leak_of_a_third_in_october_is_found_within_three_days(costs):
    costs[EGRESS][at("2025-10-01") : at("2025-10-12")] *= 1.3
    found = judge(usage(costs), LEAST)
    assert told(found, usage(costs)) == [("2025-10-01", "egress", 1)]
    (one,) = found.episodes
    assert one.detected - one.first <= 2
    assert str(WHEN[one.last]) == "2025-10-11"
    assert one.impact == pytest.approx(0.3 / 1.3 * costs[EGRESS][one.first : one.last + 1].sum(), rel=0.2)


def test_an_exam_day_that_costs_less_than_its_crowd_is_told(costs):
    costs[EGRESS][at("2025-05-04")] *= 0.2
    assert told(judge(usage(costs), LEAST), usage(costs)) == [("2025-05-04", "egress", -1)]


def test_a_level_that_stays_becomes_the_new_normal_and_its_anomaly_ends(costs):
    costs[DISK][at("2025-07-01") :] += 6000
    (one,) = judge(usage(costs), LEAST).episodes
    assert (str(WHEN[one.first]), one.is_open, one.is_normal) == ("2025-07-01", False, True)
    assert 20 <= one.last - one.first <= 30
    assert one.impact == pytest.approx(6000 * (one.last - one.first + 1), rel=0.1)


def test_an_open_anomaly_grows_and_what_was_said_on_a_day_stays_said(costs):
    costs[EGRESS][at("2025-10-01") : at("2025-10-12")] *= 1.3
    costs[CPU][at("2025-03-10") : at("2025-03-13")] *= 2
    whole = judge(usage(costs), LEAST)
    ids, impact = _ids(whole.episodes, usage(costs), ()), 0.0
    for until in (at("2025-10-04"), at("2025-10-06"), at("2025-10-09"), DAYS):
        then = usage(costs, until)
        found = judge(then, LEAST)
        assert told(found, then) == told(whole, usage(costs))
        assert [one.detected for one in found.episodes] == [one.detected for one in whole.episodes]
        assert _ids(found.episodes, then, ()) == ids
        assert found.episodes[-1].is_open == (until < DAYS)
        assert found.episodes[-1].impact > impact
        impact = found.episodes[-1].impact * 0.999


def test_an_id_is_kept_where_rows_that_came_late_moved_the_first_day(costs):
    costs[EGRESS][at("2025-10-02") : at("2025-10-12")] *= 1.5
    before = judge(usage(costs), LEAST)
    (old,) = _ids(before.episodes, usage(costs), ())
    known = [(old, "more", "AWS", "1", "EC2", "ap-south-1", date(2025, 10, 2), date(2025, 10, 11))]
    costs[EGRESS][at("2025-10-01")] *= 1.5
    after = judge(usage(costs), LEAST)
    assert told(after, usage(costs)) == [("2025-10-01", "egress", 1)]
    assert _ids(after.episodes, usage(costs), ()) != [old]
    assert _ids(after.episodes, usage(costs), known) == [old]


def test_days_that_are_not_billed_whole_are_never_less_but_may_be_more(costs):
    late = usage(costs)
    late.settled[-3:] = False
    late.inr[-1:] *= 0.3
    assert judge(late, LEAST).episodes == []
    late.inr[-2:, 0] *= 20
    assert [one.sign for one in judge(late, LEAST).episodes] == [1]


def test_rows_that_are_missing_on_a_recent_day_are_late_not_less(costs):
    late = usage(costs)
    late.inr[-6] = 0
    assert judge(late, LEAST).episodes == []
    late.inr[-30] = 0
    assert {one.sign for one in judge(late, LEAST).episodes} == {-1}


def test_two_causes_at_the_same_time_are_two_and_two_meters_of_a_place_are_one(costs):
    days = slice(at("2025-08-05"), at("2025-08-09"))
    costs[DISK][days] += 9000
    costs[EGRESS][days] *= 2
    assert sorted(told(judge(usage(costs), LEAST), usage(costs))) == [
        ("2025-08-05", "disk", 1), ("2025-08-05", "egress", 1),
    ]  # fmt: skip
    costs[CPU][days] *= 2
    assert sorted(told(judge(usage(costs), LEAST), usage(costs))) == [
        ("2025-08-05", "EC2", 1), ("2025-08-05", "disk", 1),
    ]  # fmt: skip


def test_a_launch_that_breaks_everywhere_is_one_anomaly(costs):
    for number, name in enumerate(("Lambda", "SQS", "RDS", "SES")):
        costs[meter("use", service_name=name)] = follows(12_000, 0.9, number + 5)
    for cost in costs.values():
        cost[at("2025-05-04")] *= 0.15
    assert told(judge(usage(costs), LEAST), usage(costs)) == [("2025-05-04", "wide", -1)]


def test_what_moves_from_one_meter_to_another_is_no_anomaly(costs):
    day = at("2025-08-05")
    new = np.zeros(DAYS)
    new[day:] = 0.98 * costs[CPU][day:]
    costs[CPU][day:] = 0
    costs[meter("cpu of the next generation", "user")] = new
    assert [one for one in judge(usage(costs), LEAST).episodes if one.sign > 0 and abs(one.first - day) < 28] == []


def test_a_fleet_that_is_there_before_every_exam_is_told_once(costs):
    fleet = np.zeros(DAYS)
    for exam in (at("2024-08-04"), at("2025-08-03")):
        fleet[exam - 40 : exam + 3] = 4000
    costs[meter("fleet", service_name="Fleet")] = fleet
    given = replace(usage(costs), before=same_phase([date(2024, 8, 4), date(2025, 8, 3)], WHEN))
    assert told(judge(given, LEAST), given) == [("2024-06-25", "fleet", 1)]


def test_a_month_that_was_priced_a_little_anew_is_no_anomaly(costs):
    for cost in costs.values():
        cost[at("2025-08-01") : at("2025-09-01")] *= 1.02
    assert judge(usage(costs), LEAST).episodes == []


def test_without_users_or_with_nothing_but_zeros_it_still_answers(costs):
    assert judge(replace(usage(costs), users={}), LEAST).episodes != []  # the season is odd to who cannot see the crowd
    assert judge(usage({EGRESS: np.zeros(DAYS)}), LEAST).episodes == []
    with pytest.raises(NotEnoughHistory, match="12 of 29"):
        judge(usage(costs, 12), LEAST)


def test_causes_add_up_to_the_anomaly_and_hostile_texts_are_inert(costs):
    days = slice(at("2025-08-05"), at("2025-08-07"))
    costs[EGRESS][days] *= 2
    costs[CPU][days] *= 2
    given = usage(costs)
    found = judge(given, LEAST)
    (one,) = found.episodes
    hostile = "=cmd|' /C calc'!A0\r\nBcc: all@x\x00<script>alert(1)</script>" + "x" * 500
    charges = [
        Charges("arn:leaky\n\x1b[2J", json.dumps({"team": hostile}), (100.0, 1.0), (900.0, 9.0)),
        Charges("arn:calm", '{"team": "data"}', (100.0, 1.0), (110.0, 1.1)),
        Charges("", "not json", (0.0, 0.0), (5.0, 0.0)),
    ]
    lines = causes(one, found.nodes, given, found.watched, charges)
    for dimension in ("resource", "meter", "owner", "tag"):
        parts = [line.impact_inr for line in lines if line.dimension == dimension]
        assert sum(parts) == pytest.approx(one.impact, abs=0.02), dimension
        assert parts[0] == max(parts)
    sentence = explain(one, given, lines, charges)
    assert "more than expected in 2 days" in sentence
    assert all(text.isprintable() and len(text) < 600 for text in [sentence, *(line.value for line in lines)])


def _bill(day: int, cost: float, **more: str):
    when = datetime(2026, 6, 1) + timedelta(days=day)
    return used(f"{cost:.2f}", at=when, line_item_line_item_description="hours", **more)


def test_a_generation_tells_a_leak_by_its_resource_and_not_the_purchase_beside_it(tmp_path):
    noise = np.random.default_rng(0).normal(0, 200, 60)
    lines = [_bill(day, 10_000 + noise[day], line_item_resource_id="i-calm") for day in range(60)]
    lines += [_bill(day, 9_000, line_item_resource_id="i-leak") for day in (50, 51)]
    lines.append(_bill(45, 900_000, line_item_line_item_type="Fee", reservation_reservation_a_r_n="arn:ri"))
    users = "".join(f"{date(2026, 6, 1) + timedelta(days=n)},all,India,dau,1000\n" for n in range(60))
    app = published(tmp_path, lines, users=users)
    ((anomaly, first, impact, told_as),) = app.query(
        "SELECT anomaly_id, first_day, impact_inr, explanation FROM anomalies"
    ).rows
    assert first == date(2026, 7, 21)
    assert impact == pytest.approx(18_000, rel=0.1)
    assert "i-leak" in told_as
    assert "while users +0 %" in told_as
    sums = app.query("SELECT dimension, SUM(impact_inr) FROM anomaly_causes GROUP BY ALL").rows
    assert {round(total - impact, 1) for _, total in sums} == {0.0}
    assert ("resource", "i-leak") in app.query("SELECT dimension, value FROM anomaly_causes WHERE position = 1").rows
    app.refresh()
    assert app.query("SELECT anomaly_id FROM anomalies").rows == ((anomaly,),)
