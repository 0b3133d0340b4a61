"""The providers' advice beside the plan, from a file of theirs to the page and the command line."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from core import compact_inr
from kifayat.cli import cli
from recommender.comparison import TOTALS, totals_text


@pytest.fixture(scope="module")
def told(planned):
    """What a query says."""
    return planned.query("SELECT * FROM plan_comparison ORDER BY position").to_dicts()


def run(app, *arguments):
    """`kifayat plan compare`, which must not fail."""
    done = CliRunner().invoke(cli, ["--config", str(app.config.path), "plan", "compare", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_what_a_file_advises_stands_beside_the_plan_and_not_in_it(planned, told):
    assert [row["advice_id"] for row in told if row["advice_id"]] == ["2", "1"], "the dearest first"
    by_id = {row["advice_id"]: row for row in told}
    assert by_id["1"]["said_inr"] == pytest.approx(12 * 30 * 96)
    assert by_id["1"]["bill_inr"] > 0
    assert by_id["2"]["bill_inr"] is None
    assert "the bill since" in by_id["2"]["why"]
    assert not planned.query("SELECT 1 FROM plan_items WHERE title LIKE '%<img%' AND operator = 'resize'").rows


def test_page_and_command_tell_what_a_query_says(planned, told, draw):
    (sums,) = planned.query(TOTALS).to_dicts()
    page = draw(planned, "compared")
    assert not page.exception
    said = sum(row["said_inr"] or 0.0 for row in told)
    shown = page.get_by_key("metric-said").metric[0].value.replace("\\", "")
    assert shown == compact_inr(Decimal(str(round(said, 2))))
    assert totals_text(sums) in run(planned).replace("\n", " ")
    assert json.loads(run(planned, "--json", "--verdict", "only theirs"))[0]["verdict"] == "only theirs"


def test_words_of_a_provider_do_nothing_on_the_page(planned, draw):
    page = draw(planned, "compared")
    page.multiselect(key="compared-verdicts").set_value(["only theirs"]).run()
    assert not page.exception
    told = [one.value for one in (*page.markdown, *page.subheader, *page.caption)]
    assert any("img src" in text for text in told), "it is shown"
    acting = re.compile(r"(?<!\\)(?:<img|\[link\]\(|:red\[|\*\*bold)")
    assert not [text for text in told if acting.search(text)]


def test_before_a_plan_the_command_says_how_to_make_one(app):
    done = CliRunner().invoke(cli, ["--config", str(app.config.path), "plan", "compare"])
    assert done.exit_code != 0
    assert "no plan has been made yet" in str(done.exception)


def test_a_verdict_that_is_none_is_refused(planned):
    done = CliRunner().invoke(cli, ["--config", str(planned.config.path), "plan", "compare", "--verdict", "best"])
    assert done.exit_code != 0
    assert "only theirs" in str(done.exception)
