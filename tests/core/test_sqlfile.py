"""SQL files with a TOML header."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import ConformanceFailed, SqlFile


def write(folder: Path, text: str, name: str = "cost_daily.sql") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_its_name_its_header_and_its_statement(tmp_path):
    path = write(
        tmp_path,
        '/*\ntitle = "Costs"\nneeds = ["charges"]\n[columns]\n"usage.amount" = "decimal"\n*/\nSELECT 1\n',
    )
    file = SqlFile.parse(path)
    assert (file.name, file.sql, file.path) == ("cost_daily", "SELECT 1", path)
    assert file.header == {"title": "Costs", "needs": ["charges"], "columns": {"usage.amount": "decimal"}}


def test_later_comments_belong_to_the_statement(tmp_path):
    file = SqlFile.parse(write(tmp_path, '/* title = "a" */ SELECT /* why */ 1'))
    assert file.sql == "SELECT /* why */ 1"


@pytest.mark.parametrize("text", ["SELECT 1", "-- title\nSELECT 1", '/* title = "a"\nSELECT 1', ""])
def test_a_file_without_a_header_is_refused(tmp_path, text):
    with pytest.raises(ConformanceFailed, match="does not begin with a header") as raised:
        SqlFile.parse(write(tmp_path, text))
    assert raised.value.where.endswith("cost_daily.sql")


def test_a_header_that_is_not_toml_is_refused_with_its_line(tmp_path):
    with pytest.raises(ConformanceFailed, match=r"not TOML.*line 2"):
        SqlFile.parse(write(tmp_path, "/*\ntitle = Costs\n*/ SELECT 1"))


def test_a_header_alone_is_refused(tmp_path):
    with pytest.raises(ConformanceFailed, match="no statement"):
        SqlFile.parse(write(tmp_path, '/* title = "a" */\n'))
