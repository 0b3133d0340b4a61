"""Any file: what is odd is named and survived, what cannot be is refused with its line."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from season import calendar, crowd, days, exam, first_sunday_of_may

from core import BadValue, NotEnoughHistory
from models.calendar import Calendar
from models.files import Series, forecast_series, read_events, read_series

ROOT = Path(__file__).parents[2]

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
        (lambda lines: [*lines, lines[5]], "1 day more than once with the same number"),
        (lambda lines: [*lines, f"{DAYS[5]},"], "1 day more than once with the same number"),
        (lambda lines: lines[::-1], "not in order"),
        (lambda lines: lines[:50] + lines[60:], "10 of 912 days have no number (longest 2023-02-20 to 2023-03-01)"),
        (lambda lines: [*lines, "2027-01-01,5"], "1 day after 2026-08-01: left out"),
        (lambda lines: [*lines[:7], *(f"{day},-4" for day in DAYS[7:12]), *lines[12:]],
         "5 days with a negative number (line 9, 10, 11, …)"),
        (lambda lines: [*lines[:200], *(f"{line}00" for line in lines[200:210]), *lines[210:]],
         "about 100 times the days beside"),
        (lambda lines: [*lines[:200], f"{DAYS[200]},0", *lines[201:]],
         "zero on 1 day between others, first on 2023-07-20"),
        (lambda lines: [*(f"{day},0" for day in DAYS[:300]), *lines[300:]], "300 days before 2023-10-28"),
        (lambda lines: [*lines[:10], f"{DAYS[10]}T00:00:00+05:30,{USERS[10]:g}", *lines[11:]], ""),
        (lambda lines: [*lines[:10], "", *lines[10:], ""], ""),
    ],
)  # fmt: skip
def test_what_is_odd_is_named_and_survived(tmp_path: Path, change, remark: str) -> None:
    read = read_series(write(tmp_path, change(plain())), today=date(2026, 8, 1))
    assert any(remark in text for text in read.remarks) if remark else read.remarks == ()
    told = forecast_series(read, horizon=30)
    assert set(read.remarks) <= set(told.remarks)
    usual = USERS[-60:].mean()
    assert 0.5 * usual < told.median.mean() < 1.6 * usual


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["01/07/2026,5"], "YYYY-MM-DD.*DD/MM/YYYY"),
        (["2026-07-01x,5"], "not a date"),
        (["20260701,5"], "not a date"),
        (["2026-07-01 05:00,5"], "time of the day"),
        (['2026-07-01,"7,77,654"'], "without commas: 777654"),
        (["2026-07-01,7,77,654"], "line 2.*777654 for 7,77,654"),
        (['2026-07-01,"12,50"'], "not a number.*correct the line"),
        (["2026-07-01,5", "2026-07-01,6"], "lines 2 and 3"),
        (["2026-07-01,many"], "not a number"),
        (["2026-07-01,1_0"], "not a number"),
        (["2026-07-01,1e999"], "infinite"),
        (["2026-07-01,0", "2026-07-02,0"], "no number above zero"),
        (["2026-07-01,-1"], "no number above zero .1 day with a negative number .line 2"),
        (["2099-07-01,1"], "no number above zero .1 day after 2026-08-01"),
    ],
)
def test_what_cannot_be_survived_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(BadValue) as refused:
        read_series(write(tmp_path, lines), today=date(2026, 8, 1))
    assert refused.match(words)
    assert "series.csv" in str(refused.value)


@pytest.mark.parametrize(
    "content", ["date,y\n2026-07-01,é\n".encode("latin-1"), "date,y\n".encode("utf-16"), bytes(range(256))]
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "series.csv"
    path.write_bytes(content)
    with pytest.raises(BadValue, match=r"series\.csv"):
        read_series(path)
    path.write_bytes(b"event,date\npr\xfcfung,2024-05-05\n")
    with pytest.raises(BadValue, match="UTF-8"):
        read_events(path, read_like(USERS))


def test_constant_series_is_forecast_as_it_is_and_named(tmp_path: Path) -> None:
    read = read_series(write(tmp_path, [f"{day},500" for day in DAYS]))
    assert any("all numbers are the same" in text for text in read.remarks)
    np.testing.assert_allclose(forecast_series(read, horizon=30).median, 500, rtol=0.001)


def test_short_series_is_refused_in_days(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughHistory, match="10 of 14"):
        forecast_series(read_series(write(tmp_path, plain()[:10])))


AT = np.arange(len(DAYS))


@pytest.mark.parametrize("factor", [100, 1000, 0.01, 0.001])
@pytest.mark.parametrize(
    "wrong", [AT == 300, (AT >= 200) & (AT < 210), AT < 10, len(AT) - AT <= 20, (AT >= 100) & (AT < 300)]
)
def test_wrong_unit_is_unknown_wherever_it_stands(tmp_path: Path, factor: float, wrong) -> None:
    read = series_of(tmp_path, np.where(wrong, factor * USERS, USERS))
    np.testing.assert_array_equal(np.isnan(read.values), wrong)
    assert any(f"about {factor:g} times" in text and str(DAYS[wrong][0]) in text for text in read.remarks)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("another factor", np.where((AT >= 200) & (AT < 210), 30 * USERS, USERS)),
        ("a new level", np.where(AT >= 500, 2 * USERS, USERS)),
        ("a new level of a hundred", np.where(AT >= 500, 100 * USERS, USERS)),
        ("nearly closed on sundays", np.where((DAYS.astype(int) + 3) % 7 == 6, 0.01 * USERS, USERS)),
        ("once a month", np.where(AT % 30 == 0, 100 * USERS, USERS)),
        ("a climb and a fall", USERS * (1 + 99 * np.exp(-np.abs(AT - 450) / 20))),
    ],
)
def test_what_is_no_wrong_unit_stays(tmp_path: Path, kind: str, values) -> None:
    read = series_of(tmp_path, values)
    np.testing.assert_allclose(read.values, values)
    assert not any("wrong unit" in text for text in read.remarks)


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="--column"):
        read_series(write(tmp_path, ["2026-07-01,1,2"], "date,a,b"))
    with pytest.raises(BadValue, match="y is there twice"):
        read_series(write(tmp_path, ["2026-07-01,1,2"], "date,y,y"))
    with pytest.raises(BadValue, match="commas between the cells instead of semicolons"):
        read_series(write(tmp_path, ["2026-07-01;1"], "date;y"))
    assert read_series(write(tmp_path, ["2026-07-01,1,,"], "date,y,,")).values == [1]
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
    events.write_text("event,date,lo,hi\nexam,2025-07-20,-60,10\n", encoding="utf-8")
    assert read_events(events, read)[1] == ()  # its climb was seen, though its day was not


def test_remark_of_an_event_is_told_once_and_one_beyond_the_forecast_is_named(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("event,date\nexam,2024-05-05\nexam,2031-05-04\nfair,2026-01-01\n", encoding="utf-8")
    calendar, remarks = read_events(events, read_like(USERS))
    told = forecast_series(Series("made", DAYS, USERS, remarks), calendar)
    assert sum("never seen" in text for text in told.remarks) == 1
    assert any("beyond the 365 days of the forecast: exam" in text for text in told.remarks)


def test_forecast_has_a_row_a_day_with_its_bands() -> None:
    series = read_like(USERS)
    told = forecast_series(series, Calendar(), horizon=40, levels=(50, 90))
    rows = told.rows()
    assert [row["date"] for row in rows][:2] == ["2025-07-01", "2025-07-02"]
    assert len(rows) == 40
    assert all(r["lower_90"] <= r["lower_50"] <= r["median"] <= r["upper_50"] <= r["upper_90"] for r in rows)
    with pytest.raises(BadValue, match="120"):
        forecast_series(series, levels=(120,))
    with pytest.raises(BadValue, match="horizon"):
        forecast_series(series, horizon=0)


def test_forecast_is_written_as_it_is_told(tmp_path: Path) -> None:
    told = forecast_series(read_like(USERS / 1e6), horizon=3, levels=(95, 80))
    told.to_csv(tmp_path / "told.csv")
    with (tmp_path / "told.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["date", "median", "lower_80", "upper_80", "lower_95", "upper_95"]
    np.testing.assert_allclose([float(row["median"]) for row in rows], told.median, rtol=1e-7)
    whole = json.loads(told.to_json())
    assert whole["series"] == "made"
    assert whole["forecast"][0]["lower_95"] == pytest.approx(told.lower[95][0])
    assert {"candidate", "horizon", "wape", "cover80"} <= set(whole["scores"][0])
    assert set(whole["champion"]) == {"7", "30", "90", "365"}


def test_same_seed_gives_the_same_forecast() -> None:
    first, second = (forecast_series(read_like(USERS), horizon=30, seed=5) for _ in range(2))
    assert first.to_json() == second.to_json()


def test_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "forecasting.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    (tmp_path / "visits.csv").write_text("\n".join(["date,y", *plain()]), encoding="utf-8")
    exams = [f"exam,{first_sunday_of_may(year)},-300,90" for year in range(2022, 2027)]
    (tmp_path / "events.csv").write_text("\n".join(["event,date,lo,hi", *exams]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(compile(code, "forecasting.md", "exec"), found)
    median, moved = np.asarray(found["median"]), np.asarray(found["moved"])
    assert (np.asarray(found["low"]) <= median).all()
    assert (median <= np.asarray(found["high"])).all()
    assert np.asarray(found["paths"]).shape == (500, 365)
    assert 40 <= int(moved.argmax()) - int(median.argmax()) <= 58  # from 3 May to 21 June


def read_like(values) -> Series:
    return Series("made", DAYS, values)


def series_of(folder: Path, values) -> Series:
    return read_series(write(folder, [f"{day},{value!r}" for day, value in zip(DAYS, values.tolist(), strict=True)]))
