"""The whole plan on the company that does not exist, against its truth: read, calibrated, decided, realised."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core import BadValue, FixedClock
from kifayat import App
from kifayat.cli import cli
from recommender.book import Book
from recommender.calibration import calibrate
from recommender.holdings import read_holdings, read_rates
from recommender.prepared import Question
from recommender.reading import read_fleet
from recommender.usage import Usage

NOW = datetime(2026, 8, 21, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(demo_company: Path) -> Path:
    """36 months, loaded, forecast and planned."""
    return demo_company


@pytest.fixture(scope="module")
def app(folder: Path) -> App:
    return App.from_toml(folder / "kifayat.toml", FixedClock(NOW))


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, set[str]]:
    """States of each resource."""
    found = defaultdict(set)
    with (folder / "truth" / "resources.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["resource_id"]].add(row["state"])
    return found


def items(app: App, where: str = "TRUE") -> list[dict[str, Any]]:
    """Items of the published plan."""
    return app.query(f"SELECT * FROM plan_items WHERE {where} ORDER BY position").to_dicts()


def test_twelve_months_are_billed_again_within_a_tenth_of_a_per_cent(app: App) -> None:
    months = app.query(
        "SELECT month, SUM(simulated_inr) / SUM(billed_inr) - 1 FROM plan_calibration GROUP BY month ORDER BY month"
    ).rows
    assert len(months) == 12
    assert max(abs(off) for _, off in months) < 0.001, months
    doubtful = app.query("SELECT DISTINCT service_name FROM plan_calibration WHERE NOT is_calibrated").rows
    assert {name for (name,) in doubtful} <= {"Support", "Vertex AI"}, doubtful


def test_pods_of_the_split_stand_on_their_nodes_and_say_what_is_missing(app: App) -> None:
    pods = read_fleet(app.snapshot(), NOW).pods
    assert {one.nodes for one in pods} == {"group/222233334444/eks-node"}
    assert 0.6 < sum(one.share for one in pods) < 0.9, "the rest of the nodes is idle"
    (item,) = items(app, "\"check\" = 'pod_requests'")
    assert item["state"] == "no figure"
    assert "split_line_item_reserved_usage" in item["why"]


def test_a_wrong_commitment_shows_in_the_calibration(app: App) -> None:
    snapshot = app.snapshot()
    fleet, rates = read_fleet(snapshot, NOW), read_rates(snapshot)
    tampered = {key: share * 0.9 for key, share in rates.learnt.items()}
    found = calibrate(snapshot, fleet, type(rates)(tampered, rates.priors), months=1)
    assert any(not one.is_calibrated and one.service_name == "Amazon Elastic Compute Cloud" for one in found)


def test_commitments_are_read_with_their_terms(app: App, folder: Path) -> None:
    held = {one.id: one for one in read_holdings(app.snapshot(), date(2026, 7, 12), date(2026, 8, 21))}
    with (folder / "truth" / "commitments.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["end_on"] > "2026-08-31" and row["provider"] == "AWS"]
    assert len(rows) == 6
    for row in rows:
        one = held[row["id"]]
        assert one.amount * one.fee == pytest.approx(float(row["hourly"]), rel=1e-6)
        assert (one.starts_on.isoformat(), one.ends_on.isoformat()) == (row["start_on"], row["end_on"])


def test_sustained_use_and_the_way_to_pay_are_learnt_from_the_bill(app: App) -> None:
    rates = read_rates(app.snapshot())
    assert rates.sustained == {"01A2B3-C4D5E6-F7A8B9"}
    assert set(rates.terms.values()) == {(1, "No Upfront")}
    held = {
        one.id.rpartition(":")[2]: one for one in read_holdings(app.snapshot(), date(2026, 7, 12), date(2026, 8, 21))
    }
    assert held["db-xlarge-2"].payment == "Partial Upfront"
    assert held["db-xlarge-2"].scope == "db.r6g/postgresql/ap-south-1"


def test_what_ends_in_the_year_is_bought_when_it_ends(app: App) -> None:
    bought = items(app, "operator = 'commit' AND state = 'planned'")
    days = {row["starts_on"] for row in bought}
    assert {date(2026, 10, 1), date(2027, 1, 1), date(2027, 4, 20)} <= days
    assert all(1 <= row["break_even_month"] <= row["locked_months"] for row in bought)


def test_what_is_idle_is_removed_and_what_is_dormant_never(app: App, truth: dict[str, set[str]]) -> None:
    removed = {
        row["workload"] for row in items(app, "operator = 'remove'") if json.loads(row["recipe"])["verb"] == "delete"
    }
    billed = {w.id for w in read_fleet(app.snapshot(), NOW).workloads if w.hourly[-168:].any()}
    idle = {resource for resource, states in truth.items() if "idle" in states} & billed
    assert len(removed & idle) / len(removed) >= 0.95, removed - idle
    assert len(removed & idle) / len(idle) >= 0.9, idle - removed
    assert not [resource for resource in removed if "dormant" in truth.get(resource, set())]


def test_schedules_are_those_of_the_truth(app: App, truth: dict[str, set[str]]) -> None:
    found = {row["workload"] for row in items(app, "\"check\" = 'off_hours' AND recipe IS NOT NULL")}
    assert found == {resource for resource, states in truth.items() if "schedulable" in states}
    recipes = [
        json.loads(row["recipe"])["values"] for row in items(app, "\"check\" = 'off_hours' AND recipe IS NOT NULL")
    ]
    assert {(one["start"], one["end"], one["timezone"]) for one in recipes} == {("09:00", "21:30", "Asia/Kolkata")}


def test_the_plan_adds_up_on_the_pages_tables(app: App) -> None:
    run = app.query("SELECT * FROM plan_runs").to_dicts()[0]
    planned = items(app, "state = 'planned'")
    assert sum(row["saving_inr"] for row in planned) == pytest.approx(run["saving_inr"], rel=1e-9)
    steps = app.query("SELECT SUM(saving_inr), SUM(items) FROM plan_steps").rows[0]
    assert steps == (pytest.approx(run["saving_inr"], rel=1e-9), len(planned))
    assert run["cost_before_inr"] - run["cost_after_inr"] == pytest.approx(run["saving_inr"], rel=1e-9)
    assert 0.1 < run["saving_inr"] / run["cost_before_inr"] < 0.4
    assert all(row["figures"] != "{}" and row["window_start"] < row["window_end"] for row in planned)


def test_the_year_ahead_costs_what_the_forecast_says(app: App) -> None:
    ahead = app.query("SELECT cost_before_inr FROM plan_runs").rows[0][0]
    told = app.query(
        "SELECT SUM(q50) FROM cost_forecasts WHERE dimension = 'total' AND calendar = 'given' AND period = 'month'"
        " AND starts_on BETWEEN DATE '2026-09-01' AND DATE '2027-08-01'"
    ).rows[0][0]
    assert ahead == pytest.approx(told, rel=0.08), "two ways to the same bill"


def test_nothing_saves_more_than_it_costs(app: App) -> None:
    fleet = read_fleet(app.snapshot(), NOW)
    spent: dict[str, float] = defaultdict(float)
    for row in items(app, "state = 'planned' AND operator <> 'commit'"):
        spent[row["workload"]] += row["saving_inr"]
    for workload, saved in spent.items():
        one = fleet[workload]
        year = float(one.hourly.sum()) * fleet.inr[one.currency] * 365 * 24 / len(fleet.hours)
        assert saved <= 1.35 * year, one.name  # a year that grows


@pytest.fixture(scope="module")
def decided(folder: Path) -> Iterator[tuple[App, list[str]]]:
    """A plan made again a day later, when of three removals one was dismissed, one accepted, one applied."""
    app = App.from_toml(folder / "kifayat.toml", FixedClock(NOW + timedelta(days=1)))
    applied = items(app, "name = 'exam-standby-1' AND operator = 'remove'")[0]["id"]
    others = [row["id"] for row in items(app, "state = 'planned' AND operator = 'remove'") if row["id"] != applied]
    app.decide(others[0], "dismissed", "needed until December")
    app.decide(others[1], "accepted")
    app.decide(applied, "applied", on=date(2026, 7, 1))
    app.recommend()
    yield app, [applied, *others]
    app.decide(others[0], "reopened")
    app.decide(applied, "reopened")
    assert not {applied, others[0]} & set(app.decisions())


def test_ids_are_stable_and_a_decision_holds(decided: tuple[App, list[str]]) -> None:
    app, (_, dismissed, accepted, *open_) = decided
    after = {row["id"]: row for row in items(app)}
    assert (after[dismissed]["state"], after[dismissed]["why"]) == ("dismissed", "needed until December")
    assert (after[accepted]["state"], after[accepted]["status"]) == ("planned", "accepted")
    assert all(after[item]["status"] == "open" for item in open_)
    with pytest.raises(BadValue, match="no proposal"):
        app.decide("00000000", "accepted")
    with pytest.raises(BadValue, match="for a reason"):
        app.decide(accepted, "dismissed")


def test_what_was_really_applied_is_compared_with_later_bills(decided: tuple[App, list[str]]) -> None:
    app, (applied, *_) = decided
    mine = next(row for row in app.query("SELECT * FROM plan_realised").to_dicts() if row["id"] == applied)
    assert mine["days"] >= 45
    assert mine["expected_inr"] > 0
    # nobody stopped it, and the bills show that: nothing was saved
    assert mine["realised_inr"] == pytest.approx(0, abs=0.02 * mine["expected_inr"])


def run(folder: Path, *words: str) -> Any:
    """The command line on the company."""
    return CliRunner().invoke(cli, ["--config", str(folder / "kifayat.toml"), *words])


def test_the_commands_show_what_is_published(folder: Path) -> None:
    listed = run(folder, "recommend", "--published", "--json")
    assert listed.exit_code == 0, listed.stderr
    rows = json.loads(listed.stdout)
    assert len(rows) > 60
    item = next(row["id"] for row in rows if row["title"].startswith("Run staging-all-1 "))
    for form, word in (
        ("terraform", "aws_scheduler_schedule"),
        ("c7n", "asia/kolkata"),
        ("eventbridge", "Asia/Kolkata"),
    ):
        exported = run(folder, "plan", "export", item, "--as", form)
        assert exported.exit_code == 0, exported.stderr
        assert word in exported.stdout
    assert "terraform" in run(folder, "plan", "export", item).stdout
    assert run(folder, "plan", "export", "00000000").exit_code != 0
    assert "Reservation" in run(folder, "commitments").stdout


def test_what_if_leaves_out_what_is_excluded_and_keeps_adding_up(folder: Path, app: App) -> None:
    whole = app.query("SELECT saving_inr FROM plan_runs").rows[0][0]
    dearest = max(items(app, "operator = 'modernise' AND state = 'planned'"), key=lambda row: row["saving_inr"])
    less = json.loads(run(folder, "plan", "--json", "--exclude", dearest["id"]).stdout)
    assert less["saving_inr"]["expected"] < whole
    assert sum(less["steps"].values()) == pytest.approx(less["saving_inr"]["expected"], rel=1e-9)


def test_a_dearer_dollar_makes_the_year_dearer(app: App) -> None:
    usual = app.query("SELECT cost_before_inr FROM plan_runs").rows
    prepared, _ = app.prepare_plan(Question(inr_per_usd=120.0, n_paths=8))
    book = Book(prepared.fleet, prepared.rates, prepared.horizon.columns)
    dear = Usage.of(prepared.fleet, prepared.horizon, book).cost(
        [one.commitment(prepared.fleet.inr[one.currency]) for one in prepared.holdings]
    )
    assert dear.mean() > 1.12 * usual[0][0]
