"""A report as HTML and as plain text: two templates over the same parts, so both hold the same numbers.

HTML is for mail programs: tables, styles in the elements, nothing fetched from anywhere, colours that survive the dark.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from kifayat.report import charts
from kifayat.report.parts import NUMBERS, Report, Table

_TEMPLATES: Final = Path(__file__).parent / "templates"
#: Characters of a line of the text part.
LINE: Final = 78
_FIRST: Final = 32
_CODE: Final = re.compile(r"`([^`]+)`")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"numbers": NUMBERS}
    made.filters |= {"columns": text_table, "wrap": _wrapped, "coded": _coded}
    return made


def pictures(report: Report) -> dict[str, bytes]:
    """The PNG of each chart by its name."""
    return {chart.name: charts.png(chart) for chart in report.charts}


def html(report: Report, sources: Mapping[str, str]) -> str:
    """The HTML part; `sources` are the addresses of the pictures by chart name: cid: in a mail, data: in a file."""
    page = _environment().get_template("report.html").render(report=report, sources=sources)
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, keep_style_tags=False)
    return inliner.inline(page)


def embedded(pngs: Mapping[str, bytes]) -> dict[str, str]:
    """Addresses of pictures that are inside of the page itself."""
    return {name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in pngs.items()}


def text(report: Report) -> str:
    """The text part: the same figures in lines of at most 78 characters."""
    return _environment().get_template("report.txt").render(report=report).strip() + "\n"


def text_table(table: Table) -> str:
    """A table in columns of characters; long names go on in the line below."""
    rows = [[table.text(row, column) for column in table.across] for row in table.in_mail]
    heads = [column.title for column in table.across]
    widths = [max(len(line[index]) for line in [heads, *rows]) for index in range(len(heads))]
    widths[0] = min(widths[0], max(_FIRST, LINE - 2 - sum(width + 2 for width in widths[1:])))
    lines = _lines(heads, widths, table)
    lines.append("-" * min(LINE, sum(widths) + 2 * (len(widths) - 1)))
    for row, cells in zip(table.in_mail, rows, strict=True):
        lines += _lines(cells, widths, table)
        if note := table.note_of(row):
            lines += textwrap.wrap(note, LINE - 4, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _lines(cells: list[str], widths: list[int], table: Table) -> list[str]:
    first = textwrap.wrap(cells[0], widths[0]) or [""]
    told = [first[0].ljust(widths[0])]
    for cell, width, column in zip(cells[1:], widths[1:], table.across[1:], strict=True):
        told.append(cell.rjust(width) if column.kind in NUMBERS else cell.ljust(width))
    return ["  ".join(told).rstrip(), *("  " + more for more in first[1:])]


def _coded(words: str) -> Markup:
    """Words with `commands` in a type of their own; everything else is escaped."""
    return Markup(_CODE.sub(r'<span class="command">\1</span>', str(escape(words))))


def _wrapped(words: str, indent: int = 0) -> str:
    space = " " * indent
    # a command is one word: what is broken cannot be copied
    return textwrap.fill(words, LINE, initial_indent=space, subsequent_indent=space, break_long_words=False)
