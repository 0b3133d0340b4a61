"""`kifayat report`: the weekly and the monthly report, into a file, a browser or the outbox."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from core import WrongUsage

if TYPE_CHECKING:
    from kifayat.app import App
    from kifayat.report import Report

report = typer.Typer(name="report", help="The weekly and the monthly report.", no_args_is_help=True)
talk = Console(stderr=True, highlight=False, soft_wrap=True)


class EditionName(StrEnum):
    """For whom a report is made."""

    finance = "finance"
    engineering = "engineering"


EditionOption = Annotated[EditionName, typer.Option("--edition", help="For whom: the same figures, another order.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write a .html, .txt, .xlsx, .pdf or .eml file.")]
OpenOption = Annotated[bool, typer.Option("--open", help="Open what was written.")]
PostOption = Annotated[bool, typer.Option("--post", help="Put it into the outbox, once per period and edition.")]


@report.command("weekly")
def weekly(
    context: typer.Context,
    edition: EditionOption = EditionName.finance,
    week: Annotated[
        str, typer.Option("--week", help="An ISO week, such as 2026-W30; default the last whole one.")
    ] = "",
    out: OutOption = None,
    open_it: OpenOption = False,
    post: PostOption = False,
) -> None:
    """What a week cost and why, what is to come and what to decide. Without --out the text is printed.

    Example: kifayat report weekly --edition finance --out week.html --open
    """
    from kifayat.app import App
    from kifayat.report.period import parse_week

    app = App.from_toml(context.obj)
    chosen = parse_week(week) if week else None
    _give(app, lambda: app.weekly_report(edition.value, week=chosen), out, open_it=open_it, post=post)


@report.command("monthly")
def monthly(
    context: typer.Context,
    edition: EditionOption = EditionName.finance,
    month: Annotated[
        str, typer.Option("--month", help="An invoice month, such as 2026-07; default the last one.")
    ] = "",
    out: OutOption = None,
    open_it: OpenOption = False,
    post: PostOption = False,
) -> None:
    """The close of a month: bills and invoices, final exchange rates, cost per user, what was restated.

    Example: kifayat report monthly --month 2026-07 --out july.xlsx
    """
    from core import parse_month
    from kifayat.app import App

    app = App.from_toml(context.obj)
    chosen = parse_month(month) if month else None
    _give(app, lambda: app.monthly_report(chosen, edition.value), out, open_it=open_it, post=post)


def _give(app: App, make: Callable[[], Report], out: Path | None, *, open_it: bool, post: bool) -> None:
    from kifayat.report.compose import write
    from kifayat.report.render import text
    from warehouse import require_folder

    if open_it and out is None:
        raise WrongUsage("--open opens a file that was written", fix="name one with --out report.html")
    if out is not None:
        require_folder(out)
    made = make()
    for warning in made.warnings:
        talk.print(warning, style="yellow", markup=False)
    if out is not None:
        write(made, out)
        talk.print(f"wrote {out}: {made.title}", markup=False)
        if open_it:
            webbrowser.open(out.resolve().as_uri())
    if post:
        is_new = app.post_report(made)
        talk.print(f"{made.event_id} {'is in the outbox' if is_new else 'was posted before'}", markup=False)
    if out is None and not post:
        typer.echo(text(made), nl=False)
