"""kifayat.toml: three lines suffice, and all faults are told at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pydantic
import pytest

from core import Config, ConfigError, ExportConfig, StorageConfig, UnknownName, load_config

THREE_LINES = '[storage]\ndirectory = "store"\n[[exports]]\nname = "aws"\nlocation = "exports/aws"\n'


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "kifayat.toml"

    def write(text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        return path

    return write


def faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert raised.value.where == str(path)
    return raised.value.faults


def test_three_lines_are_enough(toml, tmp_path):
    config = load_config(toml(THREE_LINES))
    assert config.path == tmp_path / "kifayat.toml"
    assert config.storage.directory == tmp_path / "store"
    assert (config.storage.keep_months, config.storage.keep_generations) == (36, 3)
    assert config.exports[0].location == str(tmp_path / "exports" / "aws")
    assert config.exports[0].source is None
    assert (config.dashboard.address, config.dashboard.port) == ("127.0.0.1", 8501)


def test_without_a_name_the_file_in_the_current_folder_is_read(toml, tmp_path, monkeypatch):
    toml(THREE_LINES)
    monkeypatch.chdir(tmp_path)
    assert load_config(None).path == tmp_path / "kifayat.toml"
    assert load_config().storage.directory == tmp_path / "store"


def test_relative_paths_are_meant_from_the_folder_of_the_file(toml, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = load_config(toml(THREE_LINES + '[engine]\ntemp_directory = "../spill"\n'))
    assert config.storage.directory == tmp_path / "store"
    assert config.engine.temp_directory == tmp_path.parent / "spill"


def test_a_bucket_is_not_a_path(toml):
    config = load_config(toml(THREE_LINES.replace("exports/aws", "s3://bills/cur") + 'profile = "billing"\n'))
    assert config.exports[0].location == "s3://bills/cur"
    assert config.exports[0].is_remote
    assert config.exports[0].profile == "billing"


def test_a_tag_key_may_be_one_word_or_several(toml):
    config = load_config(toml(THREE_LINES + '[allocation]\nteam = "squad"\nproduct = ["app", "service"]\n'))
    assert config.allocation.team == ("squad",)
    assert config.allocation.product == ("app", "service")
    assert "environment" in config.allocation.environment


def test_an_export_is_found_by_its_name(toml):
    config = load_config(toml(THREE_LINES))
    assert config.export("aws") is config.exports[0]
    with pytest.raises(UnknownName, match="did you mean aws"):
        config.export("awz")


def test_every_fault_is_told_at_once_with_the_nearest_known_key(toml):
    told = faults(
        toml(
            """
[storag]
directory = "a"
[storage]
directry = "store"
keep_months = 0
[engine]
memory_limit = "lots"
[[exports]]
name = "AWS Payer"
locaton = "x"
[[exports]]
name = "gcp"
location = "in/gcp"
shards = "some"
[[exports]]
name = "gcp"
location = "in/gcp"
profile = "billing"
[fx]
priority = ["gcq"]
[dashboard]
port = "http"
[company]
reporting_currency = "USD"
"""
        )
    )
    assert set(told) == {
        "storag is not a setting. Did you mean storage?",
        "storage.directry is not a setting. Did you mean directory?",
        "storage.keep_months is 0: expected 1 or more",
        'engine.memory_limit is \'lots\': expected a size such as "2GB" or "60%"',
        "exports[0] (AWS Payer).name is 'AWS Payer': expected lower-case letters, digits, - and _, "
        "beginning with a letter or a digit",
        "exports[0] (AWS Payer).locaton is not a setting. Did you mean location?",
        "exports[1] (gcp).shards is 'some': expected 'numbered' or 'all'",
        'exports[2] (gcp): profile has no meaning for a folder; write location = "s3://…"',
        "two exports are called gcp",
        "fx.priority names 'gcq', which is no export. Did you mean gcp?",
        "dashboard.port is 'http': expected a whole number without quotes",
        "company.reporting_currency is 'USD': expected 'INR'",
    }
    assert len(told) == 12


def test_an_empty_file_asks_for_storage_and_exports(toml):
    assert faults(toml("")) == (
        'storage is missing: write [storage] with directory = "…", the folder for everything that is kept',
        "exports is missing: write [[exports]] with name and location",
    )


def test_an_export_with_single_brackets_is_explained(toml):
    told = faults(toml('[storage]\ndirectory = "store"\n[exports]\nname = "aws"\nlocation = "x"\n'))
    assert told == ("exports is one table: write [[exports]] with two brackets, once for each export",)


def test_no_export_at_all_is_explained(toml):
    told = faults(toml('exports = []\n[storage]\ndirectory = "store"\n'))
    assert told == ("exports is empty: write [[exports]] with name and location",)


def test_a_key_where_a_section_belongs_is_explained(toml):
    told = faults(toml('storage = "store"\n[[exports]]\nname = "aws"\nlocation = "x"\n'))
    assert told == ("storage is 'store': expected a section, [storage] with its keys below",)


def test_a_key_that_is_like_no_other_brings_the_known_ones(toml):
    told = faults(toml(THREE_LINES + "[fx]\nzzz = 1\n"))
    assert told == ("fx.zzz is not a setting. Known here: priority, max_gap_days",)


@pytest.mark.parametrize(("store", "location"), [("store", "."), ("exports/store", "exports"), ("s", "s/charges")])
def test_the_store_and_an_export_may_not_lie_in_one_another(toml, store, location):
    told = faults(toml(f'[storage]\ndirectory = "{store}"\n[[exports]]\nname = "aws"\nlocation = "{location}"\n'))
    assert len(told) == 1
    assert "lie in one another" in told[0]


def test_a_file_that_is_not_there_says_how_to_write_one(tmp_path):
    assert "kifayat init" in faults(tmp_path / "absent.toml")[0]


def test_a_file_that_is_not_toml_says_the_line(toml):
    assert "line 2" in faults(toml("[storage]\ndirectory = store\n"))[0]


def test_a_file_that_is_not_text_or_is_a_folder_is_refused(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert "cannot be read" in faults(tmp_path / "latin.toml")[0]
    assert "cannot be read" in faults(tmp_path)[0]


def test_a_configuration_cannot_be_changed(toml):
    config = load_config(toml(THREE_LINES))
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.storage.keep_months = 1


def test_a_configuration_can_be_made_in_python(tmp_path):
    config = Config(
        storage=StorageConfig(directory=tmp_path),
        exports=(ExportConfig(name="aws", location="s3://bills/cur"),),
    )
    assert config.storage.directory == tmp_path
    assert config.path == Path.cwd() / "kifayat.toml"


def test_rules_and_budgets_of_one_name_are_a_fault(toml):
    rule = '[[allocation.shared]]\nname = "a"\nwhen = { service = "x" }\n'
    budget = '[[budgets]]\nname = "b"\nfinancial_year = 2026\namount_inr = 1\n'
    with pytest.raises(ConfigError) as caught:
        load_config(toml(THREE_LINES + 2 * rule + 2 * budget))
    assert "two rules are called 'a'" in str(caught.value)
    assert "two budgets of 2026 are called 'b'" in str(caught.value)
    assert load_config(toml(THREE_LINES + budget + budget.replace("2026", "2027"))).budgets


def test_releases_and_credits_are_read_and_a_release_that_ends_before_it_begins_is_a_fault(toml):
    season = "[season]\nrelease_days = [[2026-09-07, 2026-09-11]]\n"
    credit = '[[credits]]\nname = "Activate"\namount = 25_000\nexpires_on = 2027-03-31\n'
    config = load_config(toml(THREE_LINES + season + credit))
    assert config.season.release_days == ((date(2026, 9, 7), date(2026, 9, 11)),)
    assert (config.credits[0].name, config.credits[0].expires_on) == ("Activate", date(2027, 3, 31))
    with pytest.raises(ConfigError, match="2026-09-11 to 2026-09-07 ends before it begins"):
        load_config(toml(THREE_LINES + "[season]\nrelease_days = [[2026-09-11, 2026-09-07]]\n"))
