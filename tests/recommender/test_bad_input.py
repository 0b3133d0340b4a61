"""Bad input through the whole command: a reason on the item, never a guess that looks like a figure, never a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apps import make_app
from bills import cur_line, sp_covered, sp_fee, write_cur
from typer.testing import CliRunner

from core import FixedClock
from kifayat import App
from kifayat.cli import cli

pytestmark = pytest.mark.slow

NOW = datetime(2026, 8, 10, 6, tzinfo=UTC)
ENDS = datetime(2026, 8, 10)
Line = dict[str, str]


def machine(id_: str, at: datetime, type_: str = "m6i.xlarge", price: str | None = "0.202", **more: Any) -> Line:
    """An hour of a machine of staging in Mumbai; without a `price` the report has no public one."""
    listed = {} if price is None else {"pricing_public_on_demand_cost": price}
    return cur_line(
        cost=price or "0.202", at=at, line_item_resource_id=id_, line_item_usage_type=f"APS3-BoxUsage:{type_}",
        product_region_code="ap-south-1", product_product_name="Amazon Elastic Compute Cloud",
        resource_tags_user_environment="staging", **listed, **more,
    )  # fmt: skip


def hours(days: int) -> list[datetime]:
    """Of the last days of the bill."""
    return [ENDS - timedelta(hours=at) for at in range(24 * days, 0, -1)]


def company(folder: Path, lines: Sequence[Line], *, rates: bool = True, busy: Sequence[str] = ()) -> App:
    """An App over one report a month, with rates, and with machines that are `busy` in office hours by their CPU."""
    app = make_app(folder, now=NOW, exports=("cur", "fx", "utilization"))
    months: dict[str, list[Mapping[str, str]]] = {}
    for line in lines:
        months.setdefault(line["line_item_usage_start_date"][:7], []).append(line)
    for month, some in months.items():
        write_cur(folder / "cur" / f"{month}.csv", some)
    if rates:
        days = [date(2025, 7, 1) + timedelta(days=at) for at in range(406)]
        text = "date,currency,inr_per_unit\n" + "".join(f"{day},USD,95\n" for day in days)
        (folder / "fx" / "rates.csv").write_text(text)
    if busy:
        rows = ["resource_id,metric,measured_at,avg,max,p95,unit"]
        for at in hours(300):
            ist = at + timedelta(minutes=330)
            cpu = 30 if ist.weekday() < 5 and 9 <= ist.hour < 21 else 1
            rows += [f"{id_},cpu,{at.isoformat()}Z,{cpu},{cpu},{cpu},percent" for id_ in busy]
        (folder / "utilization" / "cpu.csv").write_text("\n".join(rows) + "\n")
    app.ingest()
    return app


def recommend(folder: Path) -> list[dict[str, Any]]:
    """Items of `kifayat recommend --all --json`, which must not fail."""
    done = CliRunner().invoke(cli, ["--config", str(folder / "kifayat.toml"), "recommend", "--all", "--json"])
    assert done.exit_code == 0, done.output
    items: list[dict[str, Any]] = json.loads(done.stdout)
    for item in items:
        assert item["state"] == "planned" or item["why"] or item["operator"] == "keep order", item
        assert (item["saving_inr"] is None) or item["state"] in ("planned", "set aside"), item
    return items


def of(items: Sequence[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    """Items of one check."""
    return [item for item in items if item["check"] == check]


@pytest.mark.parametrize("days", [1, 7])
def test_a_week_of_history_buys_nothing_and_says_why(tmp_path: Path, days: int) -> None:
    app = company(tmp_path, [machine("i-1", at) for at in hours(days)])
    items = recommend(tmp_path)
    (wait,) = of(items, "commit_later")
    assert not of(items, "commit")
    assert (wait["state"], wait["saving_inr"]) == ("no figure", None)
    assert f"the bill holds {days} days and no whole year" in wait["why"]
    assert {item["confidence"] for item in items if item["state"] == "planned"} <= {"low"}
    # one machine that runs is one machine in every hour of the year ahead
    before = app.query("SELECT cost_before_inr FROM plan_runs").rows[0][0]
    assert before == pytest.approx(0.202 * 95 * 8760, rel=0.02)
    (brief,) = of(items, "hygiene_brief")
    assert "not known" in json.loads(brief["figures"])["Safe to promise"]


def test_what_has_paid_for_itself_is_bought_before_a_year_is_over(tmp_path: Path) -> None:
    company(tmp_path, [machine("i-1", at, "x99.huge") for at in hours(300)])
    bought = [item for item in of(recommend(tmp_path), "commit") if item["state"] == "planned"]
    assert len(bought) == 1, "two thirds of a year on demand are the price of a plan for a year"


def test_without_metrics_there_is_a_reason_and_no_schedule_and_no_size(tmp_path: Path) -> None:
    company(tmp_path, [machine("i-1", at) for at in hours(40)])
    items = recommend(tmp_path)
    (schedule,) = of(items, "off_hours")
    assert "nothing is measured" in schedule["why"]
    assert not [item for item in items if item["operator"] in ("remove", "schedule", "resize") and item["saving_inr"]]


def test_without_a_rate_no_item_has_a_figure_and_the_currency_is_named(tmp_path: Path) -> None:
    company(tmp_path, [machine("i-1", at) for at in hours(40)], rates=False)
    items = recommend(tmp_path)
    assert {item["saving_inr"] for item in items} == {None}
    (newer,) = of(items, "newer_machine")
    assert "no rate turns USD into INR" in newer["why"]


def test_without_list_prices_what_was_billed_is_the_price(tmp_path: Path) -> None:
    app = company(tmp_path, [machine("i-1", at, price=None) for at in hours(40)])
    recommend(tmp_path)
    before = app.query("SELECT cost_before_inr FROM plan_runs").rows[0][0]
    assert before == pytest.approx(0.202 * 95 * 8760, rel=0.05)


def test_a_machine_of_an_unknown_type_gets_a_reason_and_no_guess_of_its_size(tmp_path: Path) -> None:
    company(tmp_path, [machine("i-1", at, "x99.huge", "1.0") for at in hours(300)], busy=["i-1"])
    items = recommend(tmp_path)
    assert not of(items, "newer_machine")
    (size,) = of(items, "oversized")
    assert "x99.huge" in size["why"]


def test_a_schedule_under_commitments_that_overlap_saves_nothing_and_says_so(tmp_path: Path) -> None:
    plans = [f"arn:aws:savingsplans::111122223333:savingsplan/sp-{n}" for n in (1, 2)]
    lines: list[Line] = []
    for at in hours(300):
        lines += sp_covered(
            "0.202", "0.13", at=at, line_item_resource_id="i-1", line_item_usage_type="APS3-BoxUsage:m6i.xlarge",
            product_region_code="ap-south-1", product_product_name="Amazon Elastic Compute Cloud",
            resource_tags_user_environment="staging", savings_plan_savings_plan_a_r_n=plans[0],
        )  # fmt: skip
        lines += [
            sp_fee("0.13", "0.13", used, at=at, savings_plan_savings_plan_a_r_n=plan,
                   line_item_usage_type="EC2SP:m6i:3yrNoUpfront", product_region_code="ap-south-1")
            for plan, used in zip(plans, ("0.13", "0"), strict=True)
        ]  # fmt: skip
    (tmp_path / "utilization").mkdir()
    (tmp_path / "utilization" / "owned.csv").write_text(
        "commitment_id,provider,kind,start_at,end_at,purchase_option\n"
        f"{plans[0]},AWS,savings_plan,2025-02-01T00:00:00Z,2028-01-31T23:59:59Z,No Upfront\n"
    )
    app = company(tmp_path, lines, busy=["i-1"])
    items = recommend(tmp_path)
    (schedule,) = of(items, "off_hours")
    assert (schedule["state"], round(schedule["saving_inr"])) == ("set aside", 0)
    assert "already paid for by commitments" in schedule["why"]
    used = dict(app.query("SELECT id, utilization_ratio FROM plan_holdings").rows)
    assert len(used) == 2
    assert sum(used.values()) == pytest.approx(1.0), "one of two is used"
    ends = app.query("SELECT ends_on, term_source, disagreement FROM plan_holdings ORDER BY id").rows
    assert ends[0][:2] == (date(2028, 2, 1), "provider"), "known"
    assert ends[0][2].startswith("ends on 1 Feb 2028, by its bill it would on ")
    assert ends[1][1:] == ("bill", None), "guessed"


def test_an_unknown_item_names_the_nearest_and_a_dismissal_needs_a_reason(tmp_path: Path) -> None:
    app = company(tmp_path, [machine("i-1", at) for at in hours(7)])
    item = of(recommend(tmp_path), "newer_machine")[0]["id"]
    config = ["--config", str(tmp_path / "kifayat.toml"), "plan"]
    wrong = item[:-1] + ("x" if item[-1] != "x" else "y")
    for words in (["decide", wrong, "accepted"], ["export", wrong], ["--exclude", wrong]):
        refused = CliRunner().invoke(cli, [*config, *words])
        assert refused.exit_code != 0
        assert f"did you mean {item}" in str(refused.exception) + refused.output
    assert CliRunner().invoke(cli, [*config, "decide", item, "dismissed"]).exit_code != 0
    early = CliRunner().invoke(cli, [*config, "decide", item, "applied", "--on", "2020-01-01"])
    assert "before the first bill, of August 2026" in str(early.exception)
    assert app.decisions() == {}
    done = CliRunner().invoke(
        cli, [*config, "decide", item, "dismissed", "--reason", "runs until May", "--on", "2026-08-10"]
    )
    assert done.exit_code == 0, done.output
    (after,) = [row for row in recommend(tmp_path) if row["id"] == item]
    assert (after["state"], after["status"], after["reason"]) == ("dismissed", "dismissed", "runs until May")


def test_decisions_are_possible_while_somebody_loads_bills(tmp_path: Path) -> None:
    from warehouse import open_warehouse

    app = company(tmp_path, [machine("i-1", at) for at in hours(7)])
    item = of(recommend(tmp_path), "newer_machine")[0]["id"]
    with open_warehouse(app.storage):
        App.from_toml(tmp_path / "kifayat.toml", FixedClock(NOW)).decide(item, "accepted")
    assert app.decisions()[item].state == "accepted"
