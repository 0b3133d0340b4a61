"""What [plan] says is how the plan is asked, unless the command line says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import ConfigError, load_config
from recommender.prepared import Question

BASE = '[storage]\ndirectory = "store"\n[[exports]]\nname = "aws"\nlocation = "exports/aws"\n'


def written(folder: Path, text: str = "") -> Path:
    """A configuration with some lines more."""
    path = folder / "kifayat.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return path


def test_the_cost_of_capital_and_the_cadence_are_those_of_the_plan(tmp_path: Path) -> None:
    usual = Question.of(load_config(written(tmp_path)))
    assert (usual.cost_of_capital, usual.every_months) == (0.11, 3)
    told = Question.of(load_config(written(tmp_path, "[plan]\ncost_of_capital_pct = 8.5\nbuy_every_months = 1\n")))
    assert (told.cost_of_capital, told.every_months) == (0.085, 1)


@pytest.mark.parametrize("line", ["buy_every_months = 2", "cost_of_capital_pct = -1"])
def test_what_cannot_be_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="plan"):
        load_config(written(tmp_path, f"[plan]\n{line}\n"))
