"""`kifayat commitments` and `simulate` on anybody's hours: what to buy, what a bill is, what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core import BadValue
from kifayat.cli import cli

HOURS = np.arange(np.datetime64("2025-06-10", "h"), np.datetime64("2026-06-10", "h"))


def run(*words: str | Path):
    """The command line, without a configuration."""
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A web tier with a hump in May and a steady database."""
    folder = tmp_path_factory.mktemp("tables")
    days = (HOURS - np.datetime64("2026-05-03", "h")).astype(float) / 24
    web = 5 * (1 + 2 * np.exp(-((days / 16) ** 2)))
    lines = [f"{hour}:00:00,{pool},{usd:.6f}" for pool, values in (("web", web), ("db", np.full(len(HOURS), 2.0)))
             for hour, usd in zip(HOURS, values, strict=True)]  # fmt: skip
    (folder / "usage.csv").write_text("hour,pool,on_demand\n" + "\n".join(lines) + "\n")
    (folder / "products.csv").write_text("pool,kind,rate\n*,instance_plan,0.63\n*,compute_plan,0.77\n")
    (folder / "held.csv").write_text(
        "id,kind,pool,amount,starts,ends\nsp-db,instance_plan,db,1.26,2025-06-10,2026-06-10\n"
        "sp-all,compute_plan,*,3.85,2025-06-10,2026-06-10\n"
    )
    return folder


def test_advice_of_june_does_not_follow_june(folder):
    told = run("commitments", "--usage", folder / "usage.csv", "--products", folder / "products.csv", "--as-of",
               "2026-06-10", "--json")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    rows = {row["pool"]: row for row in json.loads(told.stdout)}
    assert rows["web"]["on_demand_usd_per_hour"] == pytest.approx(5, rel=0.08)
    assert rows["db"]["on_demand_usd_per_hour"] == pytest.approx(2, rel=0.02)
    assert rows["all"]["saving_usd_a_year"] > 0


def test_with_a_short_history_only_what_has_paid_for_itself_is_bought(folder):
    told = run("commitments", "--usage", folder / "usage.csv", "--products", folder / "products.csv", "--as-of",
               "2025-12-01", "--json")  # fmt: skip
    rows = {row["pool"]: row for row in json.loads(told.stdout)}
    assert "online rule: 174 of 365 days" in rows["all"]["what"]
    assert rows["web"]["on_demand_usd_per_hour"] == 0, "174 days are less than 63 % of a year"


def test_a_bill_is_simulated_to_the_cent(folder):
    told = run("simulate", "--usage", folder / "usage.csv", "--products", folder / "products.csv", "--commitments",
               folder / "held.csv", "--json")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    rows = {row["name"].split()[0]: row for row in json.loads(told.stdout)}
    # the database is paid by its own plan, the web tier by 3.85 / 0.77 = 5 dollars an hour of the other
    assert rows["db"]["on_demand_usd"] == 0
    assert rows["sp-db"]["utilization_ratio"] == 1
    assert rows["sp-all"]["utilization_ratio"] == pytest.approx(1)
    hump = float((5 * 2 * np.exp(-(((HOURS - np.datetime64("2026-05-03", "h")).astype(float) / 24 / 16) ** 2))).sum())
    assert rows["web"]["on_demand_usd"] == pytest.approx(hump, abs=0.05)


def test_of_several_terms_the_cheapest_at_the_cost_of_capital_is_chosen(tmp_path, folder):
    sold = tmp_path / "products.csv"
    sold.write_text(
        "pool,kind,rate,term_years,upfront\n*,instance_plan,0.63,,\n*,instance_plan,0.58,1,1\n"
        "*,instance_plan,0.44,3,0\n*,compute_plan,0.77,1,0\n*,compute_plan,0.54,3,1\n"
    )
    ways = {}
    for capital in ("0", "30"):
        told = run("commitments", "--usage", folder / "usage.csv", "--products", sold, "--as-of", "2026-06-10",
                   "--cost-of-capital", capital, "--json")  # fmt: skip
        assert told.exit_code == 0, told.stderr
        rows = {row["pool"]: row for row in json.loads(told.stdout)}
        ways[capital] = rows["db"]["way"], rows["*"]["way"]
        db = rows["db"]
        assert db["commit_usd_per_hour"] == pytest.approx(db["rate"] * db["on_demand_usd_per_hour"], abs=1e-3)
    # 0.44 lives 0.67 of its term, as if it were 0.66
    assert ways == {
        "0": ("1 year, all upfront", "1 year, no upfront"),
        "30": ("1 year, no upfront", "1 year, no upfront"),
    }
    less = tmp_path / "less.csv"
    less.write_text(sold.read_text().replace("0.44,3", "0.35,3"))
    told = run("commitments", "--usage", folder / "usage.csv", "--products", less, "--as-of", "2026-06-10", "--json")
    rows = {row["pool"]: row for row in json.loads(told.stdout)}
    assert (rows["db"]["way"], rows["db"]["rate"]) == ("3 years, no upfront", 0.35)


def test_a_held_plan_has_the_rate_of_its_term(tmp_path, folder):
    sold, held = tmp_path / "products.csv", tmp_path / "held.csv"
    sold.write_text("pool,kind,rate,term_years\n*,instance_plan,0.6,1\n*,instance_plan,0.4,3\n")
    held.write_text("id,kind,pool,amount,starts,ends\nlong,instance_plan,db,0.4,2025-06-10,2028-06-09\n")
    told = run("simulate", "--usage", folder / "usage.csv", "--products", sold, "--commitments", held, "--json")
    rows = {row["name"].split()[0]: row for row in json.loads(told.stdout)}
    assert rows["db"]["on_demand_usd"] == pytest.approx(8760 * (2 - 0.4 / 0.4), abs=0.05)


@pytest.mark.parametrize("row", ["*,instance_plan,0.6,2,0", "*,instance_plan,0.6,1,1.5"])
def test_a_term_that_nobody_sells_is_refused(tmp_path, folder, row):
    (tmp_path / "p.csv").write_text(f"pool,kind,rate,term_years,upfront\n{row}\n")
    told = run("commitments", "--usage", folder / "usage.csv", "--products", tmp_path / "p.csv")
    assert "1 or 3 years" in str(told.exception) + told.stderr


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("hour,pool\n2026-01-01,a\n", "on_demand"),
        ("hour,pool,on_demand\n", "no row"),
        ("hour,pool,on_demand\n2026-01-01,a,-1\n", "0 or more"),
        ("hour,pool,on_demand\n2026-01-01,a,1\n2026-01-01,a,2\n", "two rows"),
        ("hour,pool,on_demand\n2026-01-01,a,\n", "row 2 has no on_demand"),
    ],
)
def test_a_bad_table_is_refused_with_what_is_wrong_in_it(tmp_path, folder, text, word):
    bad = tmp_path / "usage.csv"
    bad.write_text(text)
    told = run("commitments", "--usage", bad, "--products", folder / "products.csv")
    assert told.exit_code != 0
    assert isinstance(told.exception, BadValue | SystemExit)
    assert word in str(told.exception) + told.stderr


def test_an_unknown_kind_names_the_known_ones(tmp_path, folder):
    (tmp_path / "p.csv").write_text("pool,kind,rate\n*,savings,0.6\n")
    told = run("commitments", "--usage", folder / "usage.csv", "--products", tmp_path / "p.csv")
    assert "instance_plan" in str(told.exception) + told.stderr


def test_usage_that_is_no_number_is_refused_with_the_file_that_has_it(folder, tmp_path):
    for text in ("NaN", "inf", "ten"):
        usage = tmp_path / "usage.csv"
        usage.write_text(f"hour,pool,on_demand\n2026-01-01T00:00:00,web,{text}\n")
        told = run("commitments", "--usage", usage, "--products", folder / "products.csv")
        assert isinstance(told.exception, BadValue), text
        assert told.exception.where == str(usage)


def test_nothing_bought_saves_nothing(folder):
    told = run("commitments", "--usage", folder / "usage.csv", "--products", folder / "products.csv", "--as-of",
               "2025-12-01", "--json")  # fmt: skip
    rows = {row["pool"]: row for row in json.loads(told.stdout)}
    assert rows["all"]["commit_usd_per_hour"] == 0
    assert rows["all"]["saving_usd_a_year"] == 0
