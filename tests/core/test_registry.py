"""Plug-ins are found by file name, once, and an unknown name brings the nearest one."""

from __future__ import annotations

import sys

import pytest

from core import ConformanceFailed, Registry, UnknownName, discover_modules, discover_sql, nearest


@pytest.fixture
def folder(tmp_path):
    for name in ("focus", "aws_cur", "aws_cur_2"):
        (tmp_path / f"{name}.sql").write_text(f'/* title = "{name}" */ SELECT 1', encoding="utf-8")
    (tmp_path / "README.md").write_text("not a plug-in", encoding="utf-8")
    return tmp_path


def test_the_sql_files_of_a_folder_are_found_in_order_of_name(folder):
    found = discover_sql(folder, kind="source")
    assert list(found) == ["aws_cur", "aws_cur_2", "focus"]
    assert found["focus"].header["title"] == "focus"


def test_an_unknown_name_brings_the_nearest_one_and_all_that_exist(folder):
    with pytest.raises(UnknownName) as raised:
        discover_sql(folder, kind="source")["aws_curr"]
    assert str(raised.value) == (
        "there is no source called 'aws_curr'; did you mean aws_cur? Expected: one of aws_cur, aws_cur_2, focus."
    )


def test_a_registry_can_be_asked_without_an_error(folder):
    found = discover_sql(folder)
    assert "focus" in found
    assert "azure" not in found
    assert found.get("azure") is None
    assert len(found) == 3


def test_two_folders_may_not_hold_the_same_name_in_any_case(folder, tmp_path):
    other = tmp_path / "more"
    other.mkdir()
    (other / "Focus.sql").write_text('/* title = "again" */ SELECT 1', encoding="utf-8")
    with pytest.raises(ConformanceFailed, match="two sources are called Focus"):
        discover_sql(folder, other, kind="source")


def test_a_missing_folder_is_an_error_and_not_an_empty_registry(tmp_path):
    with pytest.raises(ConformanceFailed, match="missing"):
        discover_sql(tmp_path / "nowhere")


def test_the_modules_of_a_package_are_found_but_not_its_private_ones(tmp_path, monkeypatch):
    package = tmp_path / "kifayat_test_locations"
    package.mkdir()
    for name in ("__init__", "folder", "s3", "_shared"):
        (package / f"{name}.py").write_text(f"SCHEME = {name!r}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        found = discover_modules("kifayat_test_locations", kind="location")
        assert list(found) == ["folder", "s3"]
        assert found["s3"].SCHEME == "s3"
        with pytest.raises(UnknownName, match="no location called 'gs'"):
            found["gs"]
    finally:
        for name in [name for name in sys.modules if name.startswith("kifayat_test_locations")]:
            del sys.modules[name]


def test_what_is_nothing_like_a_known_name_gets_no_guess():
    assert nearest("zebra", ["aws_cur", "focus"]) is None
    assert nearest("AWS-CUR", ["aws_cur", "focus"]) == "aws_cur"


def test_an_empty_registry_says_so():
    with pytest.raises(UnknownName, match="at least one view to exist"):
        Registry("view", [])["overview"]
