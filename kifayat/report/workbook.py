"""A report as a workbook: a sheet per table with real numbers and dates, and the question behind every figure.

Texts are written as texts: nothing that somebody typed into a tag is ever a formula or a link.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from core import IST
from kifayat.report.parts import NUMBERS, Kind, Report, Table, clean, decimal

_INR: Final = '[>=10000000]"₹"##\\,##\\,##\\,##0{0};[>=100000]"₹"##\\,##\\,##0{0};"₹"##,##0{0}'
#: Below zero a format has one section, or programs disagree about the sign: the groups are those of the amount.
_BELOW: Final = ((Decimal(-10_000_000), '"₹"##\\,##\\,##\\,##0{0}'), (Decimal(-100_000), '"₹"##\\,##\\,##0{0}'))
_PEOPLE: Final = "[>=10000000]##\\,##\\,##\\,##0;[>=100000]##\\,##\\,##0;##,##0"
_FORMATS: Final[Mapping[Kind, str]] = {
    "people": _PEOPLE, "count": _PEOPLE, "percent": '0.0" %"', "percent_change": '+0.0" %";-0.0" %";0.0" %"',
    "day": "d mmm yyyy", "month": "mmm yyyy", "instant": "d mmm yyyy hh:mm", "native": "#,##0.00",
}  # fmt: skip
#: Decimals of rupees: all paise, and four where they are for one user.
_PLACES: Final[Mapping[Kind, int]] = {
    "inr": 2, "change": 2, "exact": 2, "exact_change": 2, "each": 4, "each_change": 4, "rate": 6,
}  # fmt: skip
_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\']")
_WIDEST: Final = 60


def number_format(value: Decimal, kind: Kind) -> str:
    """Rupees in Indian groups: ₹ 12,34,56,789.00."""
    if kind not in _PLACES:
        return _FORMATS[kind]
    places = "." + "0" * _PLACES[kind]
    for limit, form in _BELOW:
        if value <= limit:
            return form.format(places)
    return (_INR if value >= 0 else '"₹"##,##0{0}').format(places)


class _Book:
    """A workbook that is being written; formats are made once."""

    def __init__(self, report: Report) -> None:
        self._buffer = io.BytesIO()
        self._book = xlsxwriter.Workbook(
            self._buffer,
            {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
        )
        # the instant of making would make two equal reports differ
        self._book.set_properties(
            {"title": report.title, "company": report.company, "created": report.made_at.replace(tzinfo=None)}
        )
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}
        self._names: set[str] = set()

    def form(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(properties)
        return self._formats[key]

    def sheet(self, title: str) -> Worksheet:
        """A sheet of a name that no other has: at most 31 characters, some are forbidden."""
        base = _FORBIDDEN.sub(" ", title).strip()[:28] or "Sheet"
        name, number = base, 2
        while name.lower() in self._names:
            name, number = f"{base} {number}", number + 1
        self._names.add(name.lower())
        return self._book.add_worksheet(name)

    def head(self, sheet: Worksheet, titles: list[tuple[str, bool]]) -> None:
        for column, (title, is_number) in enumerate(titles):
            form = self.form(bold=True, bottom=1, text_wrap=True, valign="top", align="right" if is_number else "left")
            sheet.write_string(0, column, title, form)
        sheet.freeze_panes(1, 1)

    def cell(self, sheet: Worksheet, row: int, column: int, value: Any, kind: Kind, *, bold: bool = False) -> None:
        """A value with its own type; what is absent stays empty."""
        more = {"bold": True} if bold else {}
        if value is None:
            sheet.write_blank(row, column, None, self.form(valign="top", **more))
        elif kind in ("day", "month", "instant"):
            form = self.form(num_format=_FORMATS[kind], align="left", valign="top", **more)
            # a workbook knows no zones: an instant is the one of India
            told = value.replace(tzinfo=UTC).astimezone(IST).replace(tzinfo=None) if kind == "instant" else value
            sheet.write_datetime(row, column, told, form)
        elif kind in NUMBERS:
            exact = decimal(value) if kind in _PLACES or kind == "native" else Decimal(str(value))
            rounded = exact.quantize(Decimal(1).scaleb(-_PLACES.get(kind, 6)), ROUND_HALF_UP)
            form = self.form(num_format=number_format(rounded, kind), valign="top", **more)
            sheet.write_number(row, column, float(rounded), form)
        else:
            told = clean(value) if kind == "text" else "ties" if value else "does not tie"
            sheet.write_string(row, column, told, self.form(text_wrap=True, valign="top", **more))

    def close(self) -> bytes:
        self._book.close()
        return self._buffer.getvalue()


def workbook(report: Report) -> bytes:
    """The .xlsx file."""
    book = _Book(report)
    _figures(book, report)
    for table in report.tables:
        if table.rows:
            _table(book, table)
    _questions(book, report)
    return book.close()


def _figures(book: _Book, report: Report) -> None:
    sheet = book.sheet("Figures")
    book.head(sheet, [("Figure", False), ("Value", True), ("As told", True), ("Note", False), ("Name", False)])
    for row, figure in enumerate(report.figures, start=1):
        sheet.write_string(row, 0, figure.label, book.form(valign="top"))
        book.cell(sheet, row, 1, figure.value, figure.kind)
        sheet.write_string(row, 2, figure.text, book.form(align="right", valign="top"))
        sheet.write_string(row, 3, figure.reason or figure.note, book.form(valign="top"))
        sheet.write_string(row, 4, figure.name, book.form(valign="top"))
    for column, width in enumerate((38, 20, 16, 60, 28)):
        sheet.set_column(column, column, width)


def _table(book: _Book, table: Table) -> None:
    sheet = book.sheet(table.title)
    currencies = list(dict.fromkeys(column.currency for column in table.columns if column.currency))
    titles = [(column.title, column.kind in NUMBERS) for column in table.columns]
    book.head(sheet, [*titles, *(("Currency" if index == 0 else f"Currency {index + 1}", False)
                                 for index in range(len(currencies)))])  # fmt: skip
    widths = [max(len(title), 8) for title, _ in titles]
    for number, row in enumerate(table.rows, start=1):
        is_total = table.has_total and number == len(table.rows)
        for column, one in enumerate(table.columns):
            book.cell(sheet, number, column, row[one.name], one.kind, bold=is_total)
            long = 18 if one.kind in NUMBERS else len(table.text(row, one)) + 2
            widths[column] = min(max(widths[column], long), _WIDEST)
        for column, name in enumerate(currencies, start=len(table.columns)):
            book.cell(sheet, number, column, row[name], "text")
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)


def _questions(book: _Book, report: Report) -> None:
    """What was asked for every figure and table, as `kifayat query` takes it."""
    sheet = book.sheet("Questions")
    book.head(sheet, [("Figure or table", False), ("Column", False), ("Question for kifayat query", False)])
    asked = [(figure.name, figure.column, figure.question) for figure in report.figures]
    asked += [(table.title, "", table.question) for table in report.tables]
    wrapped = book.form(text_wrap=True, valign="top")
    for row, (name, column, question) in enumerate(asked, start=1):
        for place, told in enumerate((name, column, question.pasteable)):
            sheet.write_string(row, place, told[:32_000], wrapped)
    for place, width in enumerate((32, 18, 120)):
        sheet.set_column(place, place, width)
