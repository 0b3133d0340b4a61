"""The parts that pages are made of: figure cards, tables, badges, downloads; and how data is kept harmless.

Data is text from invoices and tags, written by anybody: it goes through `escape` into Markdown and through
`inert` into tables and files, and never into HTML.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from core import IST, Money
from warehouse import Result, inert

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
#: Streamlit and GitHub Markdown look for these in text that is already unescaped: emoji and icons (:name:),
#: addresses (@, www., ://). A word joiner, which has no width, breaks them up.
_SHORTHAND = re.compile(r"(:|@|www)(?=\S)", re.IGNORECASE)
_JOINER = "\u2060"
#: Marks that reorder the text around them, and controls: "fdp.exe" after one of them reads as "exe.pdf".
_UNSEEN = re.compile(r"[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
NOTHING = "(none)"
#: Pixels for columns of long texts, which otherwise push the figures out of sight.
WIDTHS = {"Account": 105, "Invoice": 115, "Identifier": 220, "What": 420, "Reason": 420, "File": 220, "Delivery": 90}
#: What the pages call by a word that another program uses otherwise.
HELP = {
    "Rows": "Lines of the provider's files, as the files were counted before they were read.",
    "Charges": "Not the rows of the files: a line with a credit is two charges, the unused part of a commitment is one "
    "more, and lines that only share out the cost of a machine are none.",
    "Difference": "What the pages sum minus what the files sum.",
}
#: Words that are judgements, and their colours.
TONES = {
    "fresh": "#2e7d4f", "late": "#b26a00", "stuck": "#b3261e", "reconciled": "#2e7d4f", "differs": "#b3261e",
}  # fmt: skip


def escape(text: object) -> str:
    """Text as Markdown that shows exactly this text: no links, HTML, icons, colours or formulas."""
    broken = _SHORTHAND.sub(rf"\1{_JOINER}", visible(" ".join(str(text).split())))
    return _PUNCTUATION.sub(r"\\\1", broken)


def visible(text: str) -> str:
    """Text whose hidden marks are seen as a box instead of moving the letters beside them."""
    return _UNSEEN.sub("\u2423", text)


def style() -> None:
    """Less air at the top, figures that line up, room to breathe on a telephone. Constant text, no data."""
    st.html(
        "<style>"
        ".block-container{padding-top:2.6rem;padding-bottom:3rem;max-width:1280px}"
        "[data-testid=stMetricValue]{font-variant-numeric:tabular-nums;font-size:1.5rem}"
        "h1{font-size:1.7rem!important;padding-bottom:.2rem}h3{font-size:1.1rem!important}"
        "@media(max-width:640px){.block-container{padding-left:1rem;padding-right:1rem}"
        "h1{font-size:1.35rem!important}[data-testid=stMetricValue]{font-size:1.3rem}"
        "[class*=st-key-figures] [data-testid=stHorizontalBlock]{gap:.6rem}"
        "[class*=st-key-figures] [data-testid=stColumn]{min-width:calc(50% - .3rem);flex:1 1 calc(50% - .3rem)}"
        "[class*=st-key-figures] [class*=st-key-metric-]{padding:.7rem}}"
        "</style>"
    )


def figure(
    key: str, label: str, value: str, exact: str, *, delta: str | None = None, note: str = "", help: str | None = None
) -> None:
    """A card with one figure: rounded above, exact below. `key` makes the CSS class st-key-metric-<key>."""
    with st.container(border=True, key=f"metric-{key}", height="stretch"):
        st.metric(label, escape(value), delta, delta_color="inverse" if delta else "off", help=help)
        st.caption(escape(exact) + (f"  \n{note}" if note else ""))


def change_text(now: Decimal | None, before: Decimal | None) -> str | None:
    """ "+12.3 %" against before, or None when there is nothing to compare."""
    share = ratio(now, before)
    return None if share is None else f"{(share - 1) * 100:+.1f} %"


def ratio(part: Decimal | None, whole: Decimal | None) -> float | None:
    """part / whole as a plain number for display, or None."""
    if part is None or not whole or whole < 0:
        return None
    return float(part) / float(whole)


def instant_text(at: datetime | None) -> str:
    """An instant of the store (UTC without a zone) on the clock in India."""
    if at is None:
        return "unknown"
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{aware.astimezone(IST):%d %b %Y, %H:%M} IST"


def month_text(month: date | None) -> str:
    """July 2026."""
    return "—" if month is None else f"{month:%B %Y}"


def days_text(first: date, last: date, month: str = "%B") -> str:
    """Days of one month: 1–20 August."""
    days = str(first.day) if first == last else f"{first.day}–{last.day}"
    return f"{days} {last:{month}}"


def age_hours(at: datetime | None, now: datetime) -> float | None:
    """Hours between an instant of the store and now."""
    return None if at is None else (now - at.replace(tzinfo=UTC)).total_seconds() / 3600


def plain(value: Any) -> Any:
    """A cell that neither a spreadsheet nor the page interprets."""
    return NOTHING if value is None else _text(value)


def _text(value: Any) -> Any:
    return visible(inert(value)) if isinstance(value, str) else inert(value)


def shown(value: str | None) -> str:
    """A name for a legend or a choice: text that is drawn, never interpreted."""
    return NOTHING if value is None else visible(value)


def table(
    rows: Sequence[Mapping[str, Any]],
    *,
    alt: str,
    money: Mapping[str, Callable[[Decimal | None], str]] | None = None,
    percent: Sequence[str] = (),
    tones: Sequence[str] = (),
    key: str | None = None,
    select: bool = False,
    height: int | None = None,
) -> int | None:
    """A table that sorts by number and shows Indian grouping; with `select` the index of the chosen row.

    `alt` is what a screen reader says; `money` tells how to write the columns that hold amounts, `percent` names
    shares (0.5 is 50 %), `tones` columns of words from `TONES`.
    """
    money = money or {}
    frame = pd.DataFrame(
        [
            {name: _number(value) if name in money or name in percent else _cell(value) for name, value in row.items()}
            for row in rows
        ]
    )
    formats: dict[str, Callable[[Any], str]] = {name: _money_writer(write) for name, write in money.items()}
    formats |= dict.fromkeys(percent, _percent_text)
    columns = [name for name in formats if name in frame.columns]
    frame = frame.astype(dict.fromkeys(columns, float))  # numbers even where none is known, else the page writes None
    styled = frame.style.format({name: formats[name] for name in columns})
    for name in tones:
        styled = styled.map(lambda word: f"color: {TONES.get(word, 'inherit')}", subset=[name])
    options: dict[str, Any] = {
        "hide_index": True,
        "placeholder": "—",
        "width": "stretch",
        "key": key,
        "alt": alt,
        "column_config": _columns(),
    }
    if height:
        options["height"] = height
    if not select:
        st.dataframe(styled, **options)
        return None
    state = st.dataframe(styled, on_select="rerun", selection_mode="single-row", **options)
    chosen = state.selection.rows
    return int(chosen[0]) if chosen and chosen[0] < len(rows) else None


def _columns() -> dict[str, Any]:
    return {name: st.column_config.Column(width=WIDTHS.get(name), help=HELP.get(name)) for name in WIDTHS | HELP}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _cell(value: Any) -> Any:
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else _text(value)


def _money_writer(write: Callable[[Decimal | None], str]) -> Callable[[Any], str]:
    # 15 digits of a float are more than the 2 decimals of any bill: the exact amount is in the download
    return lambda value: "—" if pd.isna(value) else write(Decimal(repr(float(value))))


def _percent_text(value: Any) -> str:
    return "—" if pd.isna(value) else f"{value * 100:.1f} %"


def csv_bytes(result: Result) -> bytes:
    """The result as a CSV that a spreadsheet opens without running anything, in UTF-8 with a mark for Excel."""
    stream = io.StringIO()
    result.to_csv(stream)
    return stream.getvalue().encode("utf-8-sig")


def download(result: Result, name: str, *, key: str, label: str = "Download CSV") -> None:
    """A button for the rows exactly as queried: no rounding, formulas defused."""
    st.download_button(
        label,
        csv_bytes(result),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=key,
        icon=":material/download:",
        on_click="ignore",
    )
