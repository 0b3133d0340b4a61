"""A forecast of any file: a daily series and, beside it, the events that move it. Reading, remarks, writing.

What is odd about the input is named in `remarks` and survived where that can be done without inventing a number; else
it is refused with the line. The columns are documented in docs/forecasting.md.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import BadValue
from models.backtest import Score
from models.calendar import COLUMNS, Calendar
from models.demand import DemandModel
from models.design import DAY, Days, Floats

DATES: Final = ("date", "ds", "day")
NUMBERS: Final = ("y", "value")
#: Factors by which a unit is mistaken: per cent for a share, thousands for ones.
_UNITS: Final = (100.0, 1000.0, 0.01, 0.001)
_OTHER_DATES: Final = re.compile(r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}$")
_GROUPED: Final = re.compile(r"^\d{1,3}(,\d{2,3})+(\.\d+)?$")
_SHOWN: Final = 3


@dataclass(frozen=True)
class Series:
    """Every day from the first to the last (n_days,), numbers with NaN where nothing is known, and what was odd."""

    name: str
    days: Days
    values: Floats = field(repr=False)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileForecast:
    """Days ahead with median and bands: `lower` and `upper` by level in per cent, each (n_days,)."""

    days: Days
    median: Floats
    lower: dict[int, Floats]
    upper: dict[int, Floats]
    scores: list[Score]
    champion: dict[int, str]
    remarks: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a day: date, median, lower_80, upper_80, …"""
        found = []
        for at, day in enumerate(self.days.astype(object)):
            row: dict[str, Any] = {"date": day.isoformat(), "median": round(float(self.median[at]), 4)}
            for level in sorted(self.lower):
                row[f"lower_{level}"] = round(float(self.lower[level][at]), 4)
                row[f"upper_{level}"] = round(float(self.upper[level][at]), 4)
            found.append(row)
        return found


def read_series(path: Path, column: str | None = None, today: date | None = None) -> Series:
    """A CSV file with a column of dates (date, ds or day) and one of numbers (y, value, or the only other one).

    Raises BadValue with file and line for what cannot be survived: a date or number that is none, one day with two
    different numbers, no number at all. Days after `today` are left out.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        dates, numbers = _columns(path, reader.fieldnames or [], column)
        found: dict[date, tuple[float, int]] = {}
        remarks: list[str] = []
        doubled = negative = future = 0
        order: list[date] = []
        first_negative = ""
        for row in reader:
            line = reader.line_num
            day = _date(row.get(dates) or "", f"{path}, line {line}")
            value = _number(row.get(numbers) or "", f"{path}, line {line}, column {numbers}")
            if today is not None and day > today:
                future += 1
                continue
            if value < 0:
                negative += 1
                first_negative = first_negative or f"line {line}"
                value = np.nan
            if day in found:
                before, at = found[day]
                if before != value and not (np.isnan(before) and np.isnan(value)):
                    raise BadValue(
                        f"{day} stands twice with different numbers, {before:g} and {value:g}",
                        where=f"{path}, lines {at} and {line}", expected="one number a day",
                        fix="keep the right line, or add the two up before",
                    )  # fmt: skip
                doubled += 1
                continue
            found[day] = value, line
            order.append(day)
    if doubled:
        remarks.append(f"{doubled} days stand twice with the same number: taken once")
    if order != sorted(order):
        remarks.append("the days were not in order: sorted")
    if future:
        remarks.append(f"{future} days lie after {today}: left out")
    if negative:
        remarks.append(f"{negative} negative numbers, first in {first_negative}: taken as unknown")
    return _whole(path, found, remarks)


def read_events(path: Path, series: Series) -> tuple[Calendar, tuple[str, ...]]:
    """The events of a file, and what is odd about them beside the series. Raises BadValue with file and line."""
    calendar = Calendar.read_csv(path)
    last, first = series.days[-1].astype(object), series.days[0].astype(object)
    remarks = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        unknown = sorted(set(next(csv.reader(file), [])) - set(COLUMNS))
    if unknown:
        remarks.append(f"columns that mean nothing here: {', '.join(unknown)}")
    ended = [name for name in calendar.names if max(event.last for event in calendar.of(name)) <= last]
    if len(ended) == len(calendar.names):
        remarks.append(f"no event after {last}: the forecast cannot know when its peaks come")
    elif ended:
        remarks.append(f"without a date after {last}: {', '.join(ended)}")
    unseen = [name for name in calendar.names if not any(first <= event.on <= last for event in calendar.of(name))]
    if unseen:
        remarks.append(f"never seen in the series, so without effect: {', '.join(unseen)}")
    return calendar, tuple(remarks)


def forecast_series(
    series: Series,
    calendar: Calendar | None = None,
    horizon: int = 365,
    levels: Sequence[int] = (80, 95),
    seed: int = 0,
) -> FileForecast:
    """Forecast the days after a series with bands of the given levels in per cent.

    >>> FileForecast  # doctest: +ELLIPSIS
    <class '...FileForecast'>

    Raises NotEnoughHistory below 14 known days above zero, BadValue for a level outside 1..99.
    """
    if bad := [level for level in levels if not 1 <= level <= 99]:
        raise BadValue(f"a band of {bad[0]} %", where="levels", expected="1 to 99", fix="give for example 80,95")
    model = DemandModel(calendar, random_state=seed).fit(series.days, series.values)
    ahead = series.days[-1] + np.arange(1, horizon + 1) * DAY
    quantiles = [0.5, *(0.5 + side * level / 200 for level in levels for side in (-1, 1))]
    told = model.predict_quantiles(ahead, quantiles)
    return FileForecast(
        ahead, told[:, 0], {level: told[:, 1 + 2 * at] for at, level in enumerate(levels)},
        {level: told[:, 2 + 2 * at] for at, level in enumerate(levels)}, model.scores_, dict(model.champion_),
        (*series.remarks, *model.notes_),
    )  # fmt: skip


def _columns(path: Path, names: Sequence[str], column: str | None) -> tuple[str, str]:
    dates = next((name for name in names if name.strip().lower() in DATES), None)
    others = [name for name in names if name != dates]
    numbers = column or next((name for name in others if name.strip().lower() in NUMBERS), None)
    if numbers is None and len(others) == 1:
        numbers = others[0]
    if dates is None or numbers is None or numbers not in names:
        raise BadValue(
            f"the columns are {', '.join(names) or 'none'}", where=f"{path}, line 1",
            expected="a column date (or ds, day) and one of numbers (y, value, or the only other one)",
            fix="name the columns in the first line; of several columns of numbers choose one with --column",
        )  # fmt: skip
    return dates, numbers


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        hint = "the day of the month may not come first" if _OTHER_DATES.match(text.strip()) else "correct the line"
        raise BadValue(
            f"{text!r} is not a date", where=where, expected="YYYY-MM-DD, for example 2027-05-02", fix=hint
        ) from None


def _number(text: str, where: str) -> float:
    text = text.strip()
    if not text or text.lower() in ("nan", "na", "null", "none"):
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        hint = "write it without commas: " + text.replace(",", "") if _GROUPED.match(text) else "correct the line"
        raise BadValue(
            f"{text!r} is not a number", where=where, expected="digits and at most a point", fix=hint
        ) from None
    if np.isinf(value):
        raise BadValue("an infinite number", where=where, expected="a finite number", fix="correct the line")
    return value


def _whole(path: Path, found: dict[date, tuple[float, int]], remarks: list[str]) -> Series:
    known = {day: value for day, (value, _) in found.items() if np.isfinite(value)}
    if not known or not any(known.values()):
        raise BadValue(
            "there is no number above zero", where=str(path), expected="a series with something in it",
            fix="look whether the right column was read",
        )  # fmt: skip
    first, last = min(known), max(known)
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    values = np.full(len(days), np.nan)
    for day, value in known.items():
        values[(day - first).days] = value
    missing = int(np.isnan(values).sum())
    if missing:
        remarks.append(f"{missing} of {len(days)} days have no number: unknown, not zero")
    remarks += _wrong_units(days, values)
    return Series(path.stem, days, values, tuple(remarks))


def _wrong_units(days: Days, values: Floats) -> list[str]:
    """Runs of days that are a hundred or a thousand times their neighbours: set to unknown, and named."""
    logs = np.log10(np.where(values > 0, values, np.nan))
    found: list[str] = []
    at = 14
    while at < len(logs) - 1:
        usual = np.nanmedian(logs[max(at - 28, 0) : at]) if np.isfinite(logs[max(at - 28, 0) : at]).any() else np.nan
        jump = logs[at] - usual
        factor = next((f for f in _UNITS if np.isfinite(jump) and abs(jump - np.log10(f)) < 0.15), None)
        if factor is None:
            at += 1
            continue
        end = at
        while end < len(logs) and np.isfinite(logs[end]) and abs(logs[end] - usual - np.log10(factor)) < 0.4:
            end += 1
        # a run that never comes back is a new level, one of a day within a season may be its peak
        if end < len(logs) and end - at <= 60:
            values[at:end] = np.nan
            logs[at:end] = np.nan
            found.append(
                f"{days[at]} to {days[end - 1]} are about {factor:g} times their neighbours (a wrong unit?): unknown"
            )
        at = end + 1
    return found[:_SHOWN] + ([f"and {len(found) - _SHOWN} more such runs"] if len(found) > _SHOWN else [])
