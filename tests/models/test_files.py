"""Any file: what is odd is named and survived, what cannot be is refused with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from season import calendar, crowd, days, exam, first_sunday_of_may

from core import BadValue
from models.calendar import Calendar
from models.files import forecast_series, read_events, read_series

pytestmark = pytest.mark.pure

DAYS = days(date(2023, 1, 1), date(2025, 6, 30))
USERS = crowd(DAYS, calendar([exam(first_sunday_of_may(year)) for year in range(2022, 2027)])).round()


def write(folder: Path, lines: list[str], head: str = "date,y") -> Path:
    path = folder / "series.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def plain() -> list[str]:
    return [f"{day},{value:g}" for day, value in zip(DAYS, USERS, strict=True)]


def test_series_is_read_whole(tmp_path: Path) -> None:
    read = read_series(write(tmp_path, plain()))
    np.testing.assert_array_equal(read.days, DAYS)
    np.testing.assert_allclose(read.values, USERS, rtol=1e-5)
    assert read.remarks == ()


@pytest.mark.parametrize("head", ["ds,value", "day,visits", "\ufeffDate,Y"])
def test_columns_may_have_other_names(tmp_path: Path, head: str) -> None:
    assert len(read_series(write(tmp_path, plain(), head)).days) == len(DAYS)


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (lambda lines: [*lines, lines[5]], "stand twice with the same number"),
        (lambda lines: lines[::-1], "not in order"),
        (lambda lines: lines[:50] + lines[60:], "10 of 912 days have no number"),
        (lambda lines: [*lines, "2027-01-01,5"], "1 days lie after 2026-08-01"),
        (lambda lines: [*lines[:7], f"{DAYS[7]},-4", *lines[8:]], "1 negative numbers, first in line 9"),
        (lambda lines: [*lines[:200], *(f"{line}00" for line in lines[200:210]), *lines[210:]],
         "about 100 times their neighbours"),
    ],
)  # fmt: skip
def test_what_is_odd_is_named_and_survived(tmp_path: Path, change, remark: str) -> None:
    read = read_series(write(tmp_path, change(plain())), today=date(2026, 8, 1))
    assert any(remark in text for text in read.remarks), read.remarks
    told = forecast_series(read, horizon=30)
    usual = USERS[-60:].mean()
    assert 0.5 * usual < told.median.mean() < 1.6 * usual


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["01/07/2026,5"], "YYYY-MM-DD"),
        (['2026-07-01,"7,77,654"'], "without commas: 777654"),
        (["2026-07-01,5", "2026-07-01,6"], "lines 2 and 3"),
        (["2026-07-01,many"], "not a number"),
        (["2026-07-01,0", "2026-07-02,0"], "no number above zero"),
    ],
)
def test_what_cannot_be_survived_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(BadValue, match=words):
        read_series(write(tmp_path, lines))


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="--column"):
        read_series(write(tmp_path, ["2026-07-01,1,2"], "date,a,b"))
    assert len(read_series(write(tmp_path, ["2026-07-01,1,2"], "date,a,b"), "b").values) == 1


def test_calendar_without_a_future_is_named(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("event,date,lo,hi,colour\nexam,2024-05-05,-90,10,red\nfair,2030-01-01,-2,2,\n", encoding="utf-8")
    read = read_series(write(tmp_path, plain()))
    found, remarks = read_events(events, read)
    assert len(found) == 2
    assert any("colour" in text for text in remarks)
    assert any("without a date after 2025-06-30: exam" in text for text in remarks)
    assert any("never seen in the series, so without effect: fair" in text for text in remarks)
    events.write_text("event,date\nexam,2024-05-05\n", encoding="utf-8")
    assert any("no event after" in text for text in read_events(events, read)[1])


def test_forecast_has_a_row_a_day_with_its_bands() -> None:
    series = read_like(USERS)
    told = forecast_series(series, Calendar(), horizon=40, levels=(50, 90))
    rows = told.rows()
    assert [row["date"] for row in rows][:2] == ["2025-07-01", "2025-07-02"]
    assert len(rows) == 40
    assert all(r["lower_90"] <= r["lower_50"] <= r["median"] <= r["upper_50"] <= r["upper_90"] for r in rows)
    with pytest.raises(BadValue, match="120"):
        forecast_series(series, levels=(120,))


def read_like(values):
    from models.files import Series

    return Series("made", DAYS, values)
