"""A forecast of any file: a daily series and, beside it, the events that move it. Reading, remarks, writing.

What is odd about the input is named in `remarks` and survived where that can be done without inventing a number; else
it is refused with the line. The columns are documented in docs/forecasting.md.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import BadValue
from models.backtest import Score
from models.calendar import COLUMNS, Calendar
from models.demand import DemandModel
from models.design import DAY, Days, Floats, offsets, spread, weekday

DATES: Final = ("date", "ds", "day")
NUMBERS: Final = ("y", "value")
#: Factors by which a unit is mistaken, as powers of ten: per cent for a share, thousands for ones.
_UNITS: Final = (2, 3, -2, -3)
#: A jump counts as such a factor when it is this near (log10), the nearer the calmer the series is.
_NEAR_UNIT: Final = (0.04, 0.25)
#: A wrong unit at either end of a file lasts no longer than this; beyond it is taken for a new level.
_END_DAYS: Final = 60
#: The median of a wrong unit is this near to the factor (log10), and more runs than these are a habit.
_ABOUT: Final = 0.5
_HABIT: Final = 5
#: As many zeros before the first number are days before the start, and as many at the end are asked about.
_ZEROS: Final = 14
_DATE: Final = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[T ](\S+))?$", re.ASCII)
_MIDNIGHT: Final = re.compile(r"^00:00(:00(\.0+)?)?(Z|[+-]\d{2}:?\d{2})?$", re.ASCII)
_OTHER_DATES: Final = re.compile(r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}$")
_NUMBER: Final = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$", re.ASCII)
_GROUPED: Final = re.compile(r"^\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?$", re.ASCII)
_SHOWN: Final = 3
_NEVER_SEEN: Final = "never seen in the series, so without effect: "
_NOT_COUNTED: Final = " (leave the cell empty where nothing was counted)"


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

    name: str
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
            row: dict[str, Any] = {"date": day.isoformat(), "median": _short(self.median[at])}
            for level in sorted(self.lower):
                row[f"lower_{level}"] = _short(self.lower[level][at])
                row[f"upper_{level}"] = _short(self.upper[level][at])
            found.append(row)
        return found

    def to_csv(self, path: Path) -> None:
        """Write the rows, a day a line."""
        rows = self.rows()
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def to_json(self) -> str:
        """Series, champion by days ahead, remarks, scores and rows as one JSON object."""
        whole = {
            "series": self.name, "champion": self.champion, "remarks": list(self.remarks),
            "scores": [asdict(score) for score in self.scores], "forecast": self.rows(),
        }  # fmt: skip
        return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def read_series(path: Path, column: str | None = None, today: date | None = None) -> Series:
    """A CSV file with a column of dates (date, ds or day) and one of numbers (y, value, or the only other one).

    Raises BadValue with file and line for what cannot be survived: a date or number that is none, one day with two
    different numbers, a line with more cells than columns, no number above zero. Days after `today` are left out.
    """
    found: dict[date, tuple[float, int]] = {}
    remarks: list[str] = []
    doubled = future = 0
    with _text(path) as file:
        reader = csv.DictReader(file)
        dates, numbers = _columns(path, reader.fieldnames or [], column)
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if any(text.strip() for text in row.get(None) or []):
                raise BadValue(
                    "more cells than columns", where=where, expected=f"{len(reader.fieldnames or [])} cells",
                    fix="write numbers without commas, 777654 for 7,77,654",
                )  # fmt: skip
            day = _date(row.get(dates) or "", where)
            value = _number(row.get(numbers) or "", f"{where}, column {numbers}")
            if today is not None and day > today:
                future += 1
                continue
            before, at = found.get(day, (np.nan, 0))
            if np.isfinite(before) and np.isfinite(value) and before != value:
                raise BadValue(
                    f"{day} stands twice with different numbers, {before:g} and {value:g}",
                    where=f"{path}, lines {at} and {reader.line_num}", expected="one number a day",
                    fix="keep the right line, or add the two up before",
                )  # fmt: skip
            doubled += day in found
            if not np.isfinite(before):
                found[day] = value, reader.line_num
    if doubled:
        remarks.append(f"{_counted(doubled)} more than once with the same number: taken once")
    if list(found) != sorted(found):
        remarks.append("the days were not in order: sorted")
    if future:
        remarks.append(f"{_counted(future)} after {today}: left out")
    negative = sorted(line for value, line in found.values() if value < 0)
    if negative:
        lines = ", ".join(map(str, negative[:_SHOWN])) + (", …" if len(negative) > _SHOWN else "")
        remarks.append(f"{_counted(len(negative))} with a negative number (line {lines}): taken as unknown")
    known = {day: value for day, (value, _) in found.items() if value >= 0}
    return _whole(path, known, remarks)


def read_events(path: Path, series: Series) -> tuple[Calendar, tuple[str, ...]]:
    """The events of a file, and what is odd about them beside the series. Raises BadValue with file and line."""
    with _text(path) as file:
        unknown = sorted({name for name in next(csv.reader(file), []) if name} - set(COLUMNS))
        calendar = Calendar.read_csv(path)
    last = series.days[-1].astype(object)
    remarks = []
    if unknown:
        remarks.append(f"columns that mean nothing here: {', '.join(unknown)}")
    ended = [name for name in calendar.names if max(event.last for event in calendar.of(name)) <= last]
    if len(ended) == len(calendar.names):
        remarks.append(f"no event after {last}: the calendar has no date in the future, so no peak of it is forecast")
    elif ended:
        remarks.append(f"without a date after {last}: {', '.join(ended)}")
    if unseen := [name for name in calendar.names if not _is_felt(calendar, name, series.days)]:
        remarks.append(_NEVER_SEEN + ", ".join(unseen))
    return calendar, tuple(remarks)


def forecast_series(
    series: Series,
    calendar: Calendar | None = None,
    horizon: int = 365,
    levels: Sequence[int] = (80, 95),
    seed: int = 0,
) -> FileForecast:
    """Forecast the `horizon` days after a series with bands of the given levels in per cent.

    Raises NotEnoughHistory below 14 known days above zero, BadValue for a horizon below 1 or a level outside 1..99.
    """
    if bad := [level for level in levels if not 1 <= level <= 99]:
        raise BadValue(f"a band of {bad[0]} %", where="levels", expected="1 to 99", fix="give for example 80,95")
    if horizon < 1:
        raise BadValue(f"{horizon} days ahead", where="horizon", expected="at least 1", fix="give for example 365")
    model = DemandModel(calendar, random_state=seed).fit(series.days, series.values)
    ahead = series.days[-1] + np.arange(1, horizon + 1) * DAY
    quantiles = [0.5, *(0.5 + side * level / 200 for level in levels for side in (-1, 1))]
    told = model.predict_quantiles(ahead, quantiles)
    seen = any(text.startswith(_NEVER_SEEN) for text in series.remarks)
    notes = [note for note in model.notes_ if not (seen and note.startswith("never seen"))]
    if calendar and horizon >= 365:
        later = [name for name in calendar.names if calendar.of(name)[-1].on > series.days[-1].astype(object)]
        if far := [name for name in later if not _is_felt(calendar, name, ahead)]:
            notes.append(f"its next date lies beyond the {horizon} days of the forecast: {', '.join(far)}")
    return FileForecast(
        series.name, ahead, told[:, 0], {level: told[:, 1 + 2 * at] for at, level in enumerate(levels)},
        {level: told[:, 2 + 2 * at] for at, level in enumerate(levels)}, model.scores_, dict(model.champion_),
        tuple(dict.fromkeys([*series.remarks, *notes])),
    )  # fmt: skip


def _is_felt(calendar: Calendar, name: str, days: Days) -> bool:
    """Whether one of these days lies in the window of an occurrence."""
    return any(np.isfinite(offsets(days, event)).any() for event in calendar.of(name))


def _short(value: float) -> float:
    """Eight digits say more than a forecast knows, of a share as of a count."""
    return float(f"{value:.8g}")


def _counted(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"


@contextmanager
def _text(path: Path) -> Iterator[Any]:
    """The file as text; what is none is refused by name. Readers of the same file may stand inside too."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadValue(
            f"this is no CSV text: {error}", where=str(path), expected="CSV in UTF-8, cells apart by commas",
            fix="save it anew as CSV UTF-8",
        ) from None  # fmt: skip


def _columns(path: Path, names: Sequence[str], column: str | None) -> tuple[str, str]:
    if twice := sorted({name for name in names if name.strip() and names.count(name) > 1}):
        raise BadValue(
            f"the column {twice[0]} is there twice", where=f"{path}, line 1",
            expected="each name once", fix="rename or remove one of the two",
        )  # fmt: skip
    dates = next((name for name in names if name.strip().lower() in DATES), None)
    others = [name for name in names if name.strip() and name != dates]
    numbers = column or next((name for name in others if name.strip().lower() in NUMBERS), None)
    if numbers is None and len(others) == 1:
        numbers = others[0]
    if dates is None or numbers is None or numbers not in names:
        apart = "name the columns in the first line; of several columns of numbers choose one with --column"
        if len(names) == 1 and re.search(r"[;\t|]", names[0]):
            apart = "put commas between the cells instead of semicolons, tabs or bars"
        raise BadValue(
            f"the columns are {', '.join(names) or 'none'}", where=f"{path}, line 1",
            expected="a column date (or ds, day) and one of numbers (y, value, or the only other one)", fix=apart,
        )  # fmt: skip
    return dates, numbers


def _date(text: str, where: str) -> date:
    found = _DATE.match(text.strip())
    if found and found[2] and not _MIDNIGHT.match(found[2]):
        raise BadValue(
            f"{text!r} is a time of the day", where=where, expected="one number a day",
            fix="add up, or average, the numbers of each day before",
        )  # fmt: skip
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        is_other = _OTHER_DATES.match(text.strip())
        hint = "this looks like DD/MM/YYYY: write the year first" if is_other else "correct the line"
        raise BadValue(
            f"{text!r} is not a date", where=where, expected="YYYY-MM-DD, for example 2027-05-02", fix=hint
        ) from None


def _number(text: str, where: str) -> float:
    text = text.strip()
    if not text or text.lower() in ("nan", "na", "null", "none"):
        return float("nan")
    if not _NUMBER.match(text):
        hint = "write it without commas: " + text.replace(",", "") if _GROUPED.match(text) else "correct the line"
        raise BadValue(f"{text!r} is not a number", where=where, expected="digits and at most a point", fix=hint)
    value = float(text)
    if np.isinf(value):
        raise BadValue("an infinite number", where=where, expected="a finite number", fix="correct the line")
    return value


def _whole(path: Path, known: dict[date, float], remarks: list[str]) -> Series:
    if not any(known.values()):
        odd = f" ({'; '.join(remarks)})" if remarks else ""
        raise BadValue(
            f"there is no number above zero{odd}", where=str(path), expected="a series with something in it",
            fix="look whether the right column was read",
        )  # fmt: skip
    first, last, began = min(known), max(known), min(day for day, value in known.items() if value > 0)
    if (began - first).days >= _ZEROS:
        remarks.append(f"{_counted((began - first).days)} before {began} without a number above zero: left out")
        first = began
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    values = np.full(len(days), np.nan)
    for day, value in known.items():
        if day >= first:
            values[(day - first).days] = value
    remarks += [*_gaps(days, values), *_wrong_units(days, values), *_zeros(days, values)]
    if len(known) > 1 and len(set(known.values())) == 1:
        remarks.append("all numbers are the same: the forecast repeats them, and its bands say nothing")
    return Series(path.stem, days, values, tuple(remarks))


def _gaps(days: Days, values: Floats) -> list[str]:
    missing = np.isnan(values)
    if not missing.any():
        return []
    known = np.flatnonzero(~missing)
    at = int(np.argmax(np.diff(known)))
    first, last = days[known[at] + 1], days[known[at + 1] - 1]
    longest = f"on {first}" if first == last else f"longest {first} to {last}"
    return [f"{missing.sum()} of {len(days)} days have no number ({longest}): unknown, not zero"]


def _zeros(days: Days, values: Floats) -> list[str]:
    """Zeros on weekdays that usually have a number, and those at the end: kept, but perhaps nobody counted."""
    last = int(np.flatnonzero(values > 0)[-1])
    of, zero, counted = weekday(days), values == 0, np.isfinite(values)
    usual = np.bincount(of, zero, 7) > np.bincount(of, counted, 7) / 2
    between = np.flatnonzero((zero & ~usual[of])[:last])
    ended = int(zero[last:].sum())
    found = []
    if 0 < len(between) <= max(len(days) // 20, 1):
        found.append(
            f"zero on {_counted(len(between))} between others, first on {days[between[0]]}: kept{_NOT_COUNTED}"
        )
    if ended >= _ZEROS:
        found.append(f"zero on the last {_counted(ended)}: kept{_NOT_COUNTED}")
    return found


def _wrong_units(days: Days, values: Floats) -> list[str]:
    """Runs of days that are a hundred or a thousand times the others, with sharp edges: set to unknown, and named.

    A jump by such a factor changes the unit; the unit of most days is the right one. A peak climbs and falls, a weekday
    or a month that is always so is a habit, a level of months is a level: they stay.
    """
    known = np.flatnonzero(values > 0)
    if len(known) < 2 * _ZEROS:
        return []
    logs, of = np.log10(values[known]), weekday(days[known])
    logs -= np.array([np.median(logs[of == k]) if (of == k).any() else 0.0 for k in range(7)])[of]
    jumps = np.diff(logs)
    near = float(np.clip(4 * spread(jumps), *_NEAR_UNIT))
    units = np.concatenate([[0], np.cumsum(sum(unit * (np.abs(jumps - unit) < near) for unit in _UNITS))])
    most, counts = np.unique(units, return_counts=True)
    right = most[np.argmax(counts)]
    edges = [0, *(np.flatnonzero(np.diff(units)) + 1), len(units)]
    wrong: list[tuple[slice, str]] = []
    for start, end in pairwise(edges):
        off = int(units[start] - right)
        beside = np.flatnonzero(units == right)
        beside = beside[np.argsort(np.abs(beside - (start + end) / 2), kind="stable")[:365]]
        is_off = abs(np.median(logs[start:end]) - np.median(logs[beside]) - off) < _ABOUT
        first, last = days[known[start]], days[known[end - 1]]
        is_level = (start == 0 or end == len(units)) and (last - first) / DAY >= _END_DAYS
        if off in _UNITS and is_off and not is_level:
            span = f"{first} is" if first == last else f"{first} to {last} are"
            text = f"{span} about {10.0**off:g} times the days beside (a wrong unit?): unknown"
            wrong.append((slice(start, end), text))
    if len(wrong) > _HABIT:
        return [f"{len(wrong)} times the numbers jump by a hundred or a thousand and back: kept, as that is no slip"]
    for run, _ in wrong:
        values[known[run]] = np.nan
    return [text for _, text in wrong]
