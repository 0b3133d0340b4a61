"""The workbook as a spreadsheet reads it: numbers, dates and texts are what they are; nothing runs."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import openpyxl
import pytest

from core import format_inr
from kifayat.report import Report
from kifayat.report.parts import decimal
from kifayat.report.workbook import number_format, workbook


def opened(report: Report) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook(report)))


def paise(value: object) -> Decimal:
    return decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_figures_are_the_numbers_of_the_mail(weekly, monthly):
    for report in (weekly, monthly):
        rows = list(opened(report)["Figures"].iter_rows(min_row=2))
        assert [row[4].value for row in rows] == [one.name for one in report.figures]
        for row, one in zip(rows, report.figures, strict=True):
            assert row[2].value == one.text
            if one.value is not None:
                assert isinstance(row[1].value, (int, float)), one.name
                assert paise(Decimal(str(row[1].value))) == paise(one.value), one.name


def test_each_table_has_a_sheet_with_its_rows(weekly):
    book = opened(weekly)
    for table in weekly.tables:
        if not table.rows:
            continue
        sheet = book[table.title]
        assert sheet.freeze_panes == "B2"
        assert [cell.value for cell in sheet[1]][: len(table.columns)] == [column.title for column in table.columns]
        assert sheet.max_row == len(table.rows) + 1
        for cells, row in zip(sheet.iter_rows(min_row=2), table.rows, strict=True):
            for cell, column in zip(cells, table.columns, strict=False):
                value = row[column.name]
                if value is None:
                    assert cell.value is None
                elif column.kind == "day":
                    assert cell.is_date
                    assert cell.value == datetime(value.year, value.month, value.day)
                elif column.kind in ("inr", "change"):
                    assert paise(Decimal(str(cell.value))) == paise(value)
                    assert cell.number_format == number_format(paise(value), column.kind)


def test_questions_are_beside_the_figures(acme, weekly):
    rows = list(opened(weekly)["Questions"].iter_rows(min_row=2, values_only=True))
    asked = {name: (column, sql) for name, column, sql in rows}
    column, sql = asked["week.spent"]
    assert acme.query(sql).to_dicts()[0][column] == weekly.headline[0].value


@pytest.mark.parametrize("amount", ["0", "999.5", "-999.5", "123456.78", "-123456.78", "123456789", "-123456789.01"])
def test_rupees_are_grouped_as_in_india(amount):
    """The format, applied as ECMA-376 18.8.31 says, shows what the mail shows."""
    value = Decimal(amount)
    form = number_format(value, "exact")
    sections = [part for part in form.split(";") if part]
    chosen = sections[-1]
    for part, limit in zip(sections[:-1], (Decimal(10_000_000), Decimal(100_000)), strict=False):
        if value >= limit:
            chosen = part
            break
    pattern = chosen.partition("]")[2] or chosen
    groups = [
        part.replace('"₹"', "") for part in pattern.replace("\\,", "|").replace(",", "|").removesuffix(".00").split("|")
    ]
    digits = f"{abs(value):.2f}".partition(".")[0]
    shown: list[str] = []
    for group in reversed(groups[1:]):
        digits, tail = digits[: -len(group)] or "", digits[-len(group) :]
        shown.insert(0, tail)
    told = ",".join(part for part in [digits, *shown] if part)
    sign = "-" if value < 0 else ""
    assert f"{sign}₹{told}.{f'{abs(value):.2f}'.partition('.')[2]}" == format_inr(value)


def test_hostile_text_stays_text(hostile):
    data = workbook(hostile.weekly_report("engineering"))
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert any(str(cell.value).startswith("=HYPERLINK") for cell in cells)
    assert all(cell.data_type != "f" and cell.hyperlink is None for cell in cells)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
        assert not any("externalLink" in name for name in archive.namelist())


def test_native_amounts_are_numbers_with_their_currency(monthly):
    sheet = opened(monthly)["Each bill and its invoice"]
    heads = [cell.value for cell in sheet[1]]
    row = dict(zip(heads, [cell.value for cell in sheet[2]], strict=True))
    assert row["Currency"] == "INR"
    assert isinstance(row["Files"], float)
    assert row["Result"] == "ties"
