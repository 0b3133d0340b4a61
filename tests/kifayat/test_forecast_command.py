"""`kifayat forecast` on any file, as a person or a script meets it: data on stdout, talk on stderr, exit codes."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import command
import numpy as np
import pytest
from apps import deliver, make_app
from command import Done
from owned import published, used
from season import calendar, crowd, days, exam, first_sunday_of_may

DAYS = days(date(2024, 1, 1), date(2025, 6, 30))
USERS = crowd(DAYS, calendar([exam(first_sunday_of_may(year)) for year in range(2024, 2027)])).round()


def kifayat(*words: str, folder: Path) -> Done:
    return command.kifayat("forecast", *words, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    lines = [f"{day},{value:g},1" for day, value in zip(DAYS, USERS, strict=True)]
    (folder / "visits.csv").write_text("\n".join(["date,users,ones", *lines, lines[3]]) + "\n", encoding="utf-8")
    exams = [f"exam,{first_sunday_of_may(year)},-300,90" for year in range(2024, 2027)]
    (folder / "events.csv").write_text("\n".join(["event,date,lo,hi", *exams]) + "\n", encoding="utf-8")
    return folder


FILES = ("--series", "visits.csv", "--column", "users", "--events", "events.csv")


def test_a_person_sees_a_line_the_highest_day_and_months(folder):
    done = kifayat(*FILES, folder=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "│" in lines[0]
    assert set(lines[0]) <= set(" ▁▂▃▄▅▆▇█│")
    assert max(map(len, lines)) <= 120
    assert "e+" not in done.stdout
    said = {line.split("  ")[0]: line for line in lines}
    assert "2025-07-01" in said["first day"]
    assert "2026-06-30" in said["last day"]
    assert "2026-05-0" in said["highest day"]
    assert sum(line.startswith(("2025-", "2026-")) for line in lines) == 12
    assert "1 day more than once" in done.stderr
    assert "1 day more" not in done.stdout


def test_the_same_numbers_are_written_as_csv_json_and_picture(folder):
    for name in ("told.csv", "told.json", "told.png"):
        done = kifayat(*FILES, "--horizon", "40", "--levels", "50,90", "--to", name, folder=folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        assert f"wrote {name}" in done.stderr
    rows = list(csv.DictReader((folder / "told.csv").open(encoding="utf-8", newline="")))
    assert list(rows[0]) == ["date", "median", "lower_50", "upper_50", "lower_90", "upper_90"]
    assert len(rows) == 40
    whole = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    assert [row["median"] for row in whole["forecast"]] == [float(row["median"]) for row in rows]
    assert (folder / "told.png").read_bytes().startswith(b"\x89PNG")
    printed = kifayat(*FILES, "--horizon", "40", "--levels", "50,90", "--json", folder=folder)
    assert json.loads(printed.stdout) == whole


def test_backtest_tells_every_candidate_by_days_ahead(folder):
    done = kifayat("backtest", *FILES, folder=folder)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 120
    for words in ("event_blend", "event_blend + exponential_smoothing", "seasonal_naive", "champion", "◀", "365"):
        assert words in done.stdout
    assert kifayat("backtest", *FILES, "--to", "scores.json", folder=folder).returncode == 0
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert {row["horizon"] for row in scores} == {7, 30, 90, 365}
    assert sum(row["is_champion"] for row in scores) == 4
    assert all(0 <= row["wape"] < 1 for row in scores if row["candidate"] == "champion" and row["origins"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--series", "none.csv"), "there is no such file. Where: none.csv"),
        (("--series", "visits.csv"), "--column"),
        (("--series", "visits.csv", "--column", "many"), "the columns are date, users, ones"),
        (("--events", "events.csv"), "give --series FILE.csv too"),
        (("--horizon", "30"), "only with a file: --horizon"),
        ((*FILES, "--force"), "--force belongs to the company"),
        ((*FILES, "--levels", "80,x"), "no levels"),
        ((*FILES, "--levels", "100"), "no levels"),
        ((*FILES, "--levels", "80,80"), "no levels"),
        ((*FILES, "--to", "told.txt"), "an ending of .csv or .json or .png"),
        ((*FILES, "--to", "nowhere/told.csv"), "no such folder"),
        ((*FILES, "--json", "--to", "told.csv"), "contradicts"),
        ((*FILES, "backtest"), "write the options of backtest behind it"),
        (("backtest", "--events", "events.csv"), "give --series FILE.csv too"),
    ],
)
def test_wrong_usage_is_told_before_any_work(folder, words, told):
    done = kifayat(*words, folder=folder)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "fitting" not in done.stderr


def test_a_file_that_is_refused_is_named_with_its_line(tmp_path):
    (tmp_path / "visits.csv").write_text("date,y\n2026-07-01,5\n2026-07-02,7,77,654\n", encoding="utf-8")
    done = kifayat("--series", "visits.csv", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "visits.csv, line 3" in done.stderr
    (tmp_path / "visits.csv").write_bytes(b"date,y\n2026-07-01,\xff\n")
    done = kifayat("--series", "visits.csv", folder=tmp_path)
    assert done.returncode == 1
    assert "UTF-8" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_few_days_and_one_day_ahead_have_their_picture(tmp_path):
    lines = [f"{day},{value:g}" for day, value in zip(DAYS[:20], np.where(np.arange(20) < 16, 5, 0), strict=True)]
    (tmp_path / "visits.csv").write_text("\n".join(["date,y", *lines]) + "\n", encoding="utf-8")
    done = kifayat("--series", "visits.csv", "--horizon", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "highest day" in done.stdout
    assert "one season" in done.stderr


def test_the_company_without_a_forecast_is_told_what_to_run(tmp_path):
    app = make_app(tmp_path)
    deliver(tmp_path / "cur", "2026-07.csv", ["1"])
    app.ingest()
    done = kifayat("backtest", folder=tmp_path)
    assert done.returncode == 2
    assert "run `kifayat forecast`" in done.stderr


def test_company_that_counts_nobody_is_told_what_is_missing(tmp_path):
    published(tmp_path, [used("10")])
    done = kifayat(folder=tmp_path)
    assert done.returncode == 1
    assert "nobody counts daily active users" in done.stderr
    assert done.stdout == ""
