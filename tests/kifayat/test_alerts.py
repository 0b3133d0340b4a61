"""The life of an alert: told once when it begins and once when it ends, however the figures wobble."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core import BadValue
from core.service_sections import AlertsConfig
from kifayat.alerts import safe, settle
from kifayat.anomaly_alerts import anomaly_watch
from kifayat.budget_alerts import budget_watch
from kifayat.health_alerts import of_ledger
from warehouse import Feedback, Ledger, alerts, give_feedback

RULES = AlertsConfig()
AUGUST = date(2026, 8, 15)


@pytest.fixture
def ledger(storage):
    with closing(Ledger(storage / "ledger.sqlite")) as opened:
        yield opened


def at(day: date) -> datetime:
    """When a day's bills are looked at: the next morning in India."""
    return datetime(day.year, day.month, day.day, 3, tzinfo=UTC) + timedelta(days=1)


def budget(spent=40.0, forecast=90.0, pace=100.0, *, known=AUGUST, amount=1_00_00_000, year=2026, name="Content"):
    """A row of budget_states of ₹1 crore, by its percentages."""
    middle = None if forecast is None else forecast / 100 * amount
    return {
        "name": name, "financial_year": year, "owner": "head of content", "amount_inr": Decimal(amount),
        "known_through": known, "spent_inr": Decimal(str(spent)) * amount / 100,
        "planned_to_date_inr": Decimal(str(spent)) * amount / Decimal(str(pace or 100)), "spent_pct": spent,
        "pace_pct": pace, "forecast_q10_inr": middle and 0.9 * middle, "forecast_q50_inr": middle,
        "forecast_q90_inr": middle and 1.1 * middle, "forecast_pct": forecast, "exhausted_on": None,
        "days_left": None, "reason": None,
    }  # fmt: skip


def check(ledger, *rows, rules=RULES):
    """One check of the budgets on the morning after the last day they know; what changed, opened or resolved."""
    return settle(ledger, [budget_watch(rows, rules)], (), at(max(row["known_through"] for row in rows)))


def told(ledger) -> list[str]:
    """The ids of all messages, in their order."""
    return [row["event_id"] for row in ledger.rows("SELECT event_id FROM messages ORDER BY rowid")]


def message(ledger, event_id: str) -> dict:
    """A message as it goes out."""
    return json.loads(ledger.rows("SELECT body FROM messages WHERE event_id = ?", (event_id,))[0]["body"])


def test_a_threshold_is_told_once_while_it_is_passed(ledger):
    assert check(ledger, budget(79.9)) == []
    assert [alert.alert_id for alert in check(ledger, budget(80.0))] == ["budget:Content:2026:actual:80"]
    for spent in (81, 85, 99):
        assert check(ledger, budget(spent)) == []
    check(ledger, budget(100.4))
    assert told(ledger) == ["budget:Content:2026:actual:80", "budget:Content:2026:actual:100"]


def test_a_jump_over_two_thresholds_is_one_message_and_both_are_known_as_told(ledger):
    opened = check(ledger, budget(105))
    assert {alert.alert_id: alert.is_told for alert in opened} == {
        "budget:Content:2026:actual:80": False, "budget:Content:2026:actual:100": True,
    }  # fmt: skip
    assert told(ledger) == ["budget:Content:2026:actual:100"]
    assert check(ledger, budget(105)) == []
    # below 100 again the lower one still holds and is not told afterwards; when it ends, nobody hears of it
    assert len(check(ledger, budget(90))) == 1
    assert len(check(ledger, budget(50))) == 1
    assert told(ledger) == ["budget:Content:2026:actual:100", "budget:Content:2026:actual:100:resolved"]


def test_a_forecast_that_wobbles_within_two_points_is_told_once(ledger):
    for forecast in (99, 100.5, 99, 100.2, 98.1, 101, 99.5):
        check(ledger, budget(forecast=forecast))
    assert told(ledger) == ["budget:Content:2026:forecast:100"]


def test_what_has_really_ended_is_told_and_may_begin_again_under_another_id(ledger):
    for forecast in (101, 97.9, 101, 97.9):
        check(ledger, budget(forecast=forecast))
    first, second = "budget:Content:2026:forecast:100", "budget:Content:2026:forecast:100#2"
    assert told(ledger) == [first, f"{first}:resolved", second, f"{second}:resolved"]
    assert message(ledger, f"{first}:resolved")["summary"] == "The forecast has fallen to 97.9 % of the budget."
    assert message(ledger, f"{first}:resolved")["action"] == "resolve"
    assert message(ledger, f"{first}:resolved")["key"] == message(ledger, first)["key"] == first


def test_a_budget_that_is_raised_and_a_bill_that_is_restated_end_an_alert_with_their_reason(ledger):
    check(ledger, budget(81), budget(82, name="Video"))
    ended = check(ledger, budget(40.5, amount=2_00_00_000), budget(70, name="Video"))
    why = {alert.subject: alert.resolution for alert in ended}
    assert why["Content"] == "the budget was ₹1.00 crore and is ₹2.00 crore: now 40.5 %"
    assert why["Video"] == "the bills were restated: ₹70.00 lakh, 70.0 % of the budget, is spent"


def test_what_cannot_be_told_today_neither_begins_nor_ends_an_alert(ledger):
    check(ledger, budget(forecast=104))
    assert check(ledger, budget(forecast=None)) == []
    assert check(ledger, budget(forecast=104)) == []


def test_a_budget_that_is_gone_ends_its_alerts(ledger):
    check(ledger, budget(85), budget(10, name="Video"))
    ended = check(ledger, budget(10, name="Video"))
    assert [alert.resolution for alert in ended] == ["the budget or the threshold is no longer configured"]


def test_pace_is_judged_from_the_thirtieth_day_of_the_year(ledger):
    assert check(ledger, budget(2, pace=400, known=date(2026, 4, 1))) == []
    assert check(ledger, budget(9, pace=130, known=date(2026, 4, 29))) == []
    assert len(check(ledger, budget(10, pace=130, known=date(2026, 4, 30)))) == 1


def test_on_the_first_of_april_pace_and_forecast_end_and_the_result_settles_for_a_month(ledger):
    check(ledger, budget(97, 103, 112, known=date(2027, 3, 30)))
    over = budget(99.8, None, 112, known=date(2027, 3, 31))
    assert {alert.alert_id.split(":")[3] for alert in check(ledger, over)} == {"forecast", "pace"}
    # the last bills of March may still pass a threshold; a month later the year is closed
    assert len(check(ledger, budget(100.2, None, 112, known=date(2027, 4, 9)))) == 1
    ended = check(ledger, budget(100.2, None, 112, known=date(2027, 5, 1)))
    assert {alert.resolution for alert in ended} == {
        "the year has ended: ₹1.00 crore of ₹1.00 crore was spent, 100.2 %"
    }
    assert alerts(ledger, only_open=True) == []


def test_the_years_of_a_long_history_are_not_told(ledger):
    history = [budget(150, None, 150, year=year) for year in range(2019, 2026)]
    check(ledger, *history, budget(40), budget(0, 130, None, year=2027))
    assert told(ledger) == []


def test_in_a_year_with_a_wobbling_forecast_each_threshold_is_told_once(ledger):
    """From 1 April to May of the next year, over 29 February 2028, with three days missed now and then."""
    rng, crossings, before = random.Random(7), Counter(), {}
    day, last = date(2027, 4, 1), date(2028, 5, 31)
    while day <= last:
        passed = min((day - date(2027, 4, 1)).days + 1, 366)
        forecast = 96 + 8 * passed / 366 + rng.uniform(-0.9, 0.9)
        pace = 107 + 5 * passed / 366 + rng.uniform(-0.9, 0.9)
        rows = [budget(104 * passed / 366, forecast if passed < 366 else None, pace, known=day, year=2027)]
        if day >= date(2028, 4, 1):
            rows.append(budget(5, 90, 95, known=day, year=2028))
        for kind, value, line in (("forecast", forecast, 100), ("pace", pace, 110)):
            crossings[kind] += before.get(kind, False) is not (value >= line)
            before[kind] = value >= line
        check(ledger, *rows)
        day += timedelta(days=3 if rng.random() < 0.05 else 1)
    assert min(crossings.values()) > 5, "a rule without a memory would have told it again and again"
    wanted = [f"budget:Content:2027:{name}" for name in ("actual:80", "actual:100", "forecast:100", "pace:110")]
    assert sorted(told(ledger)) == sorted([*wanted, *(f"{one}:resolved" for one in wanted)])
    assert alerts(ledger, only_open=True) == []


def test_facts_of_a_message_are_the_row_s(ledger):
    row = budget(41.8, 109.9, 114.2) | {"exhausted_on": date(2027, 2, 27), "days_left": 196}
    check(ledger, row)
    sent = message(ledger, "budget:Content:2026:forecast:100")
    facts = dict(sent["facts"])
    assert facts["Budget"] == "₹1.00 crore"
    assert facts["Spent"] == "₹41.80 lakh, 41.8 %"
    assert facts["At the end of the year"] == "₹1.10 crore, 109.9 % (80 %: ₹98.91 lakh to ₹1.21 crore)"
    assert facts["Chance of exceeding it"] == "between 5 and 9 in 10"
    assert facts["Lasts"] == "until 27 February 2027, 196 days from 15 August"
    assert facts["Owner"] == "head of content"
    assert "between 5 and 9 in 10" in sent["summary"]


@pytest.mark.parametrize("name", ["a:2026:actual:80", "x#2", "<b>\r\nBcc: all", "ख" * 90, "../../etc/passwd"])
def test_an_id_is_plain_whatever_a_budget_is_called(ledger, name):
    made = safe(name)
    assert made.isascii()
    assert made.isprintable()
    assert not set(made) & set(":#/\r\n<>")
    assert len(made) <= 80
    check(ledger, budget(81, name=name))
    check(ledger, budget(10, name=name))
    check(ledger, budget(81, name=name))
    assert len(told(ledger)) == 3
    (again,) = alerts(ledger, only_open=True)
    assert again.subject == " ".join(name.split())
    assert "\n" not in again.title
    assert len(again.title) <= 200


# -- anomalies ------------------------------------------------------------------------------------------------


def anomaly(impact=20_000.0, *, is_open=True, found=date(2026, 8, 14), name="a1"):
    return {
        "anomaly_id": name, "direction": "more", "ProviderName": "AWS", "x_Service": "content", "ServiceName": None,
        "SubAccountId": None, "RegionId": None, "first_day": date(2026, 8, 12), "last_day": AUGUST,
        "detected_on": found, "is_open": is_open, "expected_inr": 50_000.0, "actual_inr": 50_000.0 + impact,
        "impact_inr": impact, "score": 5.0, "explanation": "users +2 %, egress +180 %",
    }  # fmt: skip


CAUSE = {"anomaly_id": "a1", "position": 1, "dimension": "meter", "value": "egress", "expected_inr": 1.0,
         "actual_inr": 18_001.0, "impact_inr": 18_000.0}  # fmt: skip


def watch_anomalies(ledger, *rows, said=None):
    return settle(ledger, [anomaly_watch(rows, [CAUSE], said or {}, RULES, AUGUST)], (), at(AUGUST))


def test_an_anomaly_is_told_with_its_causes_when_it_costs_enough_and_ends_once(ledger):
    found = date(2026, 8, 10)
    assert watch_anomalies(ledger, anomaly(4_999, found=found)) == []
    watch_anomalies(ledger, anomaly(found=found))
    assert watch_anomalies(ledger, anomaly(4_000, found=found)) == [], "it goes on"
    watch_anomalies(ledger, anomaly(found=found, is_open=False))
    watch_anomalies(ledger, anomaly(found=found))
    assert told(ledger) == ["anomaly:a1", "anomaly:a1:resolved"]
    sent = message(ledger, "anomaly:a1")
    assert sent["title"] == "content: ₹20,000 above what is expected"
    assert dict(sent["facts"])["Cause 1"] == "meter egress: ₹18,000"


def test_a_spike_that_ended_while_nobody_looked_is_told_all_the_same(ledger):
    assert watch_anomalies(ledger, anomaly(is_open=False, found=date(2026, 8, 11))) == []
    watch_anomalies(ledger, anomaly(is_open=False, found=date(2026, 8, 12)))
    watch_anomalies(ledger, anomaly(is_open=False, found=date(2026, 8, 11)))
    assert told(ledger) == ["anomaly:a1", "anomaly:a1:resolved"]


@pytest.mark.parametrize(
    ("impact", "severity"), [(5_000, "warning"), (50_000, "error"), (-5_000, "info"), (-50_000, "warning")]
)
def test_what_costs_more_is_graver_than_what_costs_less(ledger, impact, severity):
    assert [alert.severity for alert in watch_anomalies(ledger, anomaly(float(impact)))] == [severity]


@pytest.mark.parametrize("verdict", ["expected", "noise"])
def test_what_was_none_ends_and_stays_closed(ledger, verdict):
    watch_anomalies(ledger, anomaly())
    said = {"a1": Feedback("a1", verdict, "the mock test", at(AUGUST))}
    ended = watch_anomalies(ledger, anomaly(), said=said)
    assert [alert.resolution for alert in ended] == [f"it was {verdict}: the mock test"]
    assert watch_anomalies(ledger, anomaly(), said=said) == []
    assert watch_anomalies(ledger, anomaly()) == []


def test_the_first_check_tells_of_old_anomalies_in_one_line(ledger):
    old = [anomaly(name=f"old{at}", found=date(2026, 5, 1)) for at in range(30)]
    watch_anomalies(ledger, *old, anomaly())
    assert told(ledger) == ["anomaly:a1", "health:began"]
    assert "30 alerts" in message(ledger, "health:began")["summary"]
    # from then on every new one is told, however slowly it grew
    watch_anomalies(ledger, *old, anomaly(), anomaly(name="slow", found=date(2026, 5, 1)))
    assert told(ledger)[2:] == ["anomaly:slow"]


def test_feedback_says_why_and_the_last_one_holds(ledger):
    with pytest.raises(BadValue, match="for a reason"):
        give_feedback(ledger, "a1", "noise", " ", at(AUGUST))
    give_feedback(ledger, "a1", "real", "", at(AUGUST))


# -- health ---------------------------------------------------------------------------------------------------


def health(ledger, now):
    return settle(ledger, of_ledger(ledger, RULES, now, "https://cost.example"), (), now)


def ran(ledger, ended: datetime, state: str = "done"):
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO runs (run_id, job, scheduled_for, attempt, state, started_at, heartbeat_at, ended_at, pid)"
            " VALUES (?, 'ingest', ?, 1, ?, ?, ?, ?, 1)",
            (f"{ended.isoformat()}-{state}", *(ended.isoformat(),), state, *(ended.isoformat(),) * 3),
        )


def test_36_hours_without_a_successful_ingest_are_told_once_and_end_with_the_next(ledger):
    start = at(AUGUST)
    assert health(ledger, start) == [], "nothing ever ran here"
    ran(ledger, start)
    for hours in (35, 36, 37, 80):
        ran(ledger, start + timedelta(hours=hours), "failed")
        health(ledger, start + timedelta(hours=hours))
    ran(ledger, start + timedelta(hours=81))
    health(ledger, start + timedelta(hours=82))
    assert told(ledger) == [
        "health:stale_ingest:2026-08-16T030000Z", "health:stale_ingest:2026-08-16T030000Z:resolved",
    ]  # fmt: skip
    sent = message(ledger, "health:stale_ingest:2026-08-16T030000Z")
    assert sent["severity"] == "error"
    assert sent["link"] == "https://cost.example/data_health"


def test_a_service_that_never_loaded_anything_tells_that_too(ledger):
    start = at(AUGUST)
    for hours in (0, 12, 35):
        ran(ledger, start + timedelta(hours=hours), "failed")
        assert health(ledger, start + timedelta(hours=hours)) == []
    (alert,) = health(ledger, start + timedelta(hours=36))
    assert "Never with success, since" in dict(alert.facts)


def test_refused_files_of_a_day_are_one_alert_and_end_when_they_are_whole(ledger):
    now = at(AUGUST)
    health(ledger, now)
    for number in range(9):
        ledger.refuse("aws", f"part-{number}.csv", "f", "line 7: no number <b>", now)
    assert [alert.title for alert in health(ledger, now)] == ["aws: 9 files were refused"]
    ledger.refuse("aws", "part-1.csv", "f2", "line 8: no number", now + timedelta(hours=2))
    assert health(ledger, now + timedelta(hours=3)) == []
    ledger.forgive("aws", [f"part-{number}.csv" for number in range(9)])
    assert [alert.resolution for alert in health(ledger, now)] == ["nothing is refused any more"]
