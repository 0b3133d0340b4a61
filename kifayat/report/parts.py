"""What a report is made of: figures, tables, charts and sections, the same for every medium.

A figure knows the question that gave it, so that anybody can ask it again (`kifayat query`). Nothing here is markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from core import IST, Money, compact_inr, format_inr

if TYPE_CHECKING:
    from notify import Message

Edition = Literal["finance", "engineering"]
Kind = Literal[
    "inr", "change", "exact", "exact_change", "each", "each_change", "rate", "people", "count", "percent",
    "percent_change", "day", "month", "instant", "text", "native", "ties",
]  # fmt: skip
#: Kinds that stand on the right of a column.
NUMBERS: Final = frozenset(Kind.__args__) - {"day", "month", "instant", "text", "ties"}  # type: ignore[attr-defined]
ABSENT: Final = "—"
#: A tag may be a megabyte long; a line of a mail is not.
_LONGEST: Final = 240
#: Controls and marks that reorder the text around them.
_UNSEEN: Final = re.compile(
    r"[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
#: What mail programs turn into links though it is text; a word joiner, which has no width, breaks it up.
_LINKS: Final = re.compile(r"(://|www\.|@|mailto:)(?=\S)", re.IGNORECASE)


def clean(text: object) -> str:
    """Untrusted text on one line: no controls, nothing that reorders, nothing that a mail program makes a link of."""
    line = " ".join(str(text)[: 4 * _LONGEST].split())
    line = _LINKS.sub("\\1\u2060", _UNSEEN.sub("\u2423", line))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def decimal(value: Any) -> Decimal:
    """A number of the snapshot as a Decimal; estimates are DOUBLE there and are written to the paisa."""
    return value if isinstance(value, Decimal) else Decimal(str(round(value, 6)))


def written(value: Any, kind: Kind) -> str:
    """A value as people read it; an absent one is a dash, never a zero."""
    return ABSENT if value is None else _WRITERS[kind](value)


def _signed(write: Callable[[Any], str]) -> Callable[[Any], str]:
    def signed(value: Any) -> str:
        text = write(value)
        return "+" + text if value > 0 and any(digit in text for digit in "123456789") else text

    return signed


def _each(value: Any) -> str:
    # with four decimals where two would be next to nothing, as on the page
    amount = decimal(value)
    return format_inr(amount, 4 if abs(amount) < Decimal("0.1") else 2)


def _instant(at: datetime) -> str:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{aware.astimezone(IST):%d %b %Y, %H:%M} IST".lstrip("0")


def _people(value: Any) -> str:
    return format_inr(decimal(value), 0).replace("₹", "")


def _inr(value: Any) -> str:
    return compact_inr(decimal(value))


def _exact(value: Any) -> str:
    return format_inr(decimal(value))


def _percent(value: Any) -> str:
    return f"{value:.1f} %"


_WRITERS: Final[Mapping[Kind, Callable[[Any], str]]] = {
    "inr": _inr,
    "change": _signed(_inr),
    "exact": _exact,
    "exact_change": _signed(_exact),
    "each": _each,
    "each_change": _signed(_each),
    "rate": lambda value: format_inr(decimal(value), 4),
    "people": _people,
    "count": _people,
    "percent": _percent,
    "percent_change": _signed(_percent),
    "day": lambda day: f"{day:%d %b %Y}".lstrip("0"),
    "month": lambda month: f"{month:%b %Y}",
    "instant": _instant,
    "text": clean,
    "native": str,
    "ties": lambda value: "ties" if value else "does not tie",
}


@dataclass(frozen=True)
class Question:
    """What was asked of the snapshot: one SELECT with its parameters."""

    name: str
    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pasteable(self) -> str:
        """As `kifayat query` takes it: the parameters, which are days, numbers and our own words, written out."""
        text = " ".join(re.sub(r"--.*", "", self.sql).split())
        return re.sub(r"\$(\w+)", lambda found: _literal(self.params[found[1]]), text)


def _literal(value: Any) -> str:
    if isinstance(value, date):
        return f"DATE '{value:%Y-%m-%d}'"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(one) for one in value) + "]" + ("" if value else "::VARCHAR[]")
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


@dataclass(frozen=True)
class Figure:
    """One value of the first row of a question, or the reason why there is none."""

    name: str
    label: str
    value: Any
    kind: Kind
    column: str
    question: Question
    note: str = ""
    reason: str = ""
    is_shown: bool = True  # in the mail too: what stands in a note, a table or a sentence is not repeated

    @property
    def text(self) -> str:
        """As every medium shows it."""
        return written(self.value, self.kind)


@dataclass(frozen=True)
class Column:
    """A column of a table: its title and how the values of `name` are written.

    `currency` names the column with the currency of a native amount; what `is_note` stands below the first column.
    """

    name: str
    title: str
    kind: Kind = "text"
    is_note: bool = False
    currency: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of a question in its order. A mail shows `shown` of them, the workbook all; no row means `reason`."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    question: Question
    reason: str = ""
    note: str = ""
    shown: int = 12
    has_total: bool = False

    @property
    def across(self) -> tuple[Column, ...]:
        """The columns that stand side by side."""
        return tuple(column for column in self.columns if not column.is_note)

    def text(self, row: Mapping[str, Any], column: Column) -> str:
        """A cell as every medium shows it."""
        value = row[column.name]
        if column.kind == "native" and value is not None:
            return str(Money(value, row[column.currency]))
        return written(value, column.kind)

    def note_of(self, row: Mapping[str, Any]) -> str:
        """What stands below the first column of a row."""
        known = [column for column in self.columns if column.is_note and row[column.name] not in (None, "")]
        return " · ".join(self.text(row, column) for column in known)

    @property
    def in_mail(self) -> tuple[Mapping[str, Any], ...]:
        """The rows that a mail shows."""
        return self.rows[: self.shown]

    @property
    def left_out(self) -> str:
        """How many rows only the workbook has."""
        more = len(self.rows) - self.shown
        return f"{more} more in the workbook" if more > 0 else ""


@dataclass(frozen=True)
class Chart:
    """A picture: a Vega-Lite specification, and the words that stand for it where pictures are not shown."""

    name: str
    alt: str
    spec: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Decision:
    """One thing to decide: its figures are those of its row of `plan_items`."""

    item: str
    title: str
    saving: Figure
    facts: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A part of a report. `reason` stands where there is nothing to tell."""

    key: str
    title: str
    figures: tuple[Figure, ...] = ()
    lead: str = ""
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """A weekly or monthly report, whole: what every medium is made from."""

    kind: Literal["weekly", "monthly"]
    edition: Edition
    label: str  # 2026-W33 or 2026-08
    company: str
    title: str
    period: str
    standing: str  # how old the data is
    made_at: datetime
    generation: int
    headline: tuple[Figure, ...]
    points: tuple[str, ...]  # what it comes to, in sentences
    summary: str  # the line that a mail program shows beside the subject
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    page_url: str = ""

    @property
    def event_id(self) -> str:
        """The same report is the same message, however often it is made."""
        return f"{self.kind}:{self.label}:{self.edition}"

    @property
    def message(self) -> Message:
        """What is put into the outbox: the mail, with its pictures and the workbook."""
        from kifayat.report.compose import message

        return message(self)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, once, in the order of the report."""
        found = [*self.headline, *(figure for section in self.sections for figure in section.figures)]
        found += [one.saving for section in self.sections for one in section.decisions]
        return tuple({figure.name: figure for figure in found}.values())

    def listed(self, section: Section) -> tuple[Figure, ...]:
        """The figures of a section that the mail lists: those at the top are not repeated."""
        known = {figure.name for figure in self.headline}
        return tuple(figure for figure in section.figures if figure.is_shown and figure.name not in known)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table in the order of the report."""
        return tuple(table for section in self.sections for table in section.tables)

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart in the order of the report."""
        return tuple(chart for section in self.sections for chart in section.charts)
