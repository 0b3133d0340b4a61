"""Notebooks are questions with answers: every cell runs on the demo company, and none keeps its output."""

from __future__ import annotations

import ast
import json
from decimal import localcontext
from pathlib import Path
from typing import Any

import altair as alt
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(path: Path) -> list[dict[str, Any]]:
    """The cells that run."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert cells
    return cells


def run(source: str, names: dict[str, object], name: str) -> None:
    """A cell as a notebook runs it: what its last line says is drawn."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if last is None:
        return
    shown = eval(compile(ast.Expression(last.value), name, "eval"), names)
    if isinstance(shown, alt.TopLevelMixin):
        shown.to_dict()
    elif hasattr(shown, "_repr_html_"):
        assert shown._repr_html_()
        assert len(shown), "an answer without a row"
    else:
        assert repr(shown)


@each_notebook
def test_a_notebook_runs_from_top_to_bottom(path, demo_company, monkeypatch):
    monkeypatch.chdir(demo_company.parent)
    names: dict[str, object] = {"__name__": "__main__"}
    with localcontext():  # a notebook may set how exact it counts
        for number, cell in enumerate(code_of(path)):
            run("".join(cell["source"]), names, f"{path.stem}:{number}")


@each_notebook
def test_a_notebook_keeps_no_output_and_no_trace_of_a_machine(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@each_notebook
def test_a_notebook_says_first_what_it_needs(path):
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    assert "`kifayat demo --no-dashboard`" in "".join(first["source"])


def test_there_is_a_notebook():
    assert NOTEBOOKS
