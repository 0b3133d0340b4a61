"""The command line: data to stdout, talk to stderr, an exit code that says what happened.

0 done; 1 failed; 2 wrong usage or configuration; 3 done, but something was refused, out of reach or does not tie.
The only place where an error becomes a sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core import ConfigError, KifayatError, UnknownName, WrongUsage
from kifayat import (
    alerts_command,
    check_command,
    commitments_command,
    compare_command,
    connect_command,
    forecast_command,
    notify_command,
    plan_command,
    pulls_command,
    report_command,
    service_command,
)
from kifayat.demo_command import demo
from kifayat.version import __version__

if TYPE_CHECKING:
    from kifayat.app import App
    from warehouse import Result

FAILED, USAGE, DOUBT = 1, 2, 3

cli = typer.Typer(
    name="kifayat",
    help="Cloud cost analytics: every rupee reconciled from the provider's file to the page.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
talk = Console(stderr=True, highlight=False, soft_wrap=True)


class Format(StrEnum):
    """Formats of a query's answer."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class FocusFormat(StrEnum):
    """Formats of a FOCUS export."""

    parquet = "parquet"
    csv = "csv"


FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How to print the rows; default by the ending of --to, else a table.")
]
ToOption = Annotated[Path | None, typer.Option("--to", help="Write into this file instead of stdout.")]

#: What `status` and `reconcile` show of their columns on a screen.
STATUS_SHORT = {
    "x_ExportName": "export", "BillingAccountId": "account", "x_BillingMonth": "month", "state": "state",
    "BilledCost": "billed", "x_BilledCostInr": "in rupees", "is_reconciled": "reconciled",
    "complete_through": "complete to (IST)",
}  # fmt: skip
RECONCILE_SHORT = {
    "x_ExportName": "export", "BillingAccountId": "account", "x_BillingMonth": "month", "files_cost": "files",
    "mart_cost": "marts", "invoice_difference": "to invoice", "is_reconciled": "reconciled",
}  # fmt: skip
FROM_FILES_SHORT = {
    "x_ExportName": "export", "BillingAccountId": "account", "partition": "part", "files_cost": "files",
    "billed_cost": "loaded", "is_reconciled": "reconciled", "note": "note",
}  # fmt: skip


def _counted(count: int, one: str, many: str = "") -> str:
    """1 bill, 2 bills."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@cli.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="The configuration file; default ./kifayat.toml.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    context.obj = config


def _app(context: typer.Context) -> App:
    from kifayat.app import App

    return App.from_toml(context.obj)


@cli.command()
def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--exports", help="The folder or s3:// prefix of the first export.")] = Path(
        "exports"
    ),
) -> None:
    """Write a commented kifayat.toml to start from.

    Example: kifayat init --exports s3://billing-bucket/cur
    """
    from kifayat.template import write_template

    target = context.obj or Path("kifayat.toml")
    write_template(target, str(folder))
    talk.print(f"wrote {target}; now run: kifayat check")


@cli.command()
def ingest(
    context: typer.Context,
    forecast: Annotated[bool, typer.Option("--forecast", help="Forecast users and cost anew as well.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only tell what asking the providers now would take; load nothing.")
    ] = False,
) -> None:
    """Load what is new at every export, rebuild the marts, publish. Safe to repeat and to interrupt.

    Example: kifayat ingest
    Example: kifayat ingest --estimate
    """
    app = _app(context)
    if estimate:
        if not pulls_command.estimate(app):
            raise typer.Exit(DOUBT)
        return
    with talk.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not talk.is_terminal or "refused" in text:
                talk.print(text, markup=False)

        done = app.ingest(say, forecast=forecast)
    report, published = done.report, done.published
    loaded, refused = report.count("loaded"), len(report.refused)
    in_force = f"generation {published.generation} {'published' if published.is_new else 'still in force'}"
    talk.print(
        f"{_counted(loaded, 'delivery', 'deliveries')} loaded, {report.unchanged + report.count('same')} unchanged,"
        f" {report.count('superseded')} superseded, {refused} refused;"
        f" {in_force if published.generation else 'nothing published'}",
        markup=False,
    )
    for name, reason in report.unreachable:
        talk.print(f"{name} could not be read: {reason}", style="red", markup=False)
    for warning in (*report.warnings, *(f"audit: {warning}" for warning in published.warnings)):
        talk.print(warning, style="yellow", markup=False)
    if not published.generation:
        why = "every file was refused" if refused else "no export holds a file that could be read"
        raise KifayatError(f"nothing is loaded yet, so nothing was published: {why}", fix="run `kifayat check`")
    if published.is_new:
        _tell_missing_rates(app)
    if report.unreachable and not report.outcomes and not report.unchanged:
        raise typer.Exit(FAILED)
    if report.refused or report.unreachable or report.warnings or published.warnings:
        raise typer.Exit(DOUBT)


def _tell_missing_rates(app: App) -> None:
    for currency, months, newest in app.without_rupees():
        talk.print(
            f"no rupees for {currency} in {_counted(months, 'month')} up to {newest:%Y-%m}: there is no exchange rate;"
            " add an export with rates (`kifayat explain fx_rates`) and ingest again",
            style="yellow", markup=False,
        )  # fmt: skip


@cli.command()
def refresh(context: typer.Context) -> None:
    """Rebuild all marts from what is loaded and publish.

    Example: kifayat refresh
    """
    published = _app(context).refresh(lambda text: talk.print(text, markup=False))
    talk.print(f"generation {published.generation} published")


@cli.command()
def status(context: typer.Context, file_format: FormatOption = None, to: ToOption = None) -> None:
    """Every bill: period, state, sums, and up to when it is complete. Exit code 3 if there is none.

    Example: kifayat status --format csv
    """
    from kifayat.output import show

    app = _app(context)
    result = app.status()
    show(result, file_format, to, STATUS_SHORT)
    _require_bills(result)
    if refused := app.query("SELECT COUNT(*) FROM quarantine").rows[0][0]:
        talk.print(
            f"{_counted(refused, 'file or part', 'files or parts')} refused at present: see Data health on the page",
            style="red",
        )


def _require_bills(result: Result) -> None:
    if not result.rows:
        talk.print("no bill is loaded yet: run `kifayat ingest`, or `kifayat check` if it finds none", style="red")
        raise typer.Exit(DOUBT)


@cli.command()
def reconcile(
    context: typer.Context,
    file_format: FormatOption = None,
    to: ToOption = None,
    from_files: Annotated[
        bool, typer.Option("--from-files", help="Sum the provider's files again, without the engine.")
    ] = False,
) -> None:
    """Show that files = rows = marts, and = invoice where one was given. Exit code 3 if one is not shown to be so.

    Example: kifayat reconcile --from-files
    """
    from kifayat.output import show

    app = _app(context)
    result = app.reconcile_files() if from_files else app.reconcile()
    show(result, file_format, to, FROM_FILES_SHORT if from_files else RECONCILE_SHORT)
    _require_bills(result)
    index = result.columns.index("is_reconciled")
    states = [row[index] for row in result.rows]
    good, wrong, unknown = states.count(True), states.count(False), states.count(None)
    what = ("delivery", "deliveries") if from_files else ("bill", "bills")
    if unknown:
        talk.print(f"{_counted(unknown, *what)} not checked: see the notes", style="yellow")
    if wrong:
        talk.print(f"{_counted(wrong, *what)} not reconciled", style="red")
    talk.print(f"{_counted(good, *what)} reconciled", style="green")
    if wrong or unknown:
        raise typer.Exit(DOUBT)


@cli.command()
def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT. `charges` are the FOCUS rows.")],
    file_format: FormatOption = None,
    to: ToOption = None,
) -> None:
    """Ask the published snapshot, read-only.

    Example: kifayat query "SELECT ServiceName, SUM(x_EffectiveCostInr) FROM cost_daily GROUP BY 1" --format csv
    """
    from kifayat.output import show

    show(_app(context).query(sql), file_format, to)


export = typer.Typer(help="Write data for other tools.", no_args_is_help=True)
cli.add_typer(export, name="export")


@export.command("focus")
def export_focus(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="The invoice month, such as 2026-07.")],
    to: Annotated[Path, typer.Option("--to", help="The file to write.")],
    file_format: Annotated[
        FocusFormat | None, typer.Option("--format", help="Parquet or CSV; default by the ending of --to.")
    ] = None,
    payer: Annotated[str | None, typer.Option("--payer", help="Only this billing account.")] = None,
) -> None:
    """Write one invoice month as FOCUS 1.2.

    Example: kifayat export focus 2026-07 --to focus-2026-07.parquet
    """
    from core import parse_month
    from kifayat.output import chosen_format

    chosen = chosen_format(file_format, to, ("parquet", "csv"))
    count = _app(context).export_focus(parse_month(month), to, file_format=chosen, payer=payer)
    talk.print(f"wrote {_counted(count, 'row')} to {to}", markup=False)


@cli.command("list")
def list_kind(
    kind: Annotated[str, typer.Argument(help="sources, locations, channels, tables, marts, audits or pages.")] = "",
) -> None:
    """List the catalogue, or one kind of it.

    Example: kifayat list sources
    """
    from kifayat.catalog import catalog

    found = catalog()
    chosen = {name: entries for name, entries in found.items() if kind.rstrip("s") in ("", name.rstrip("s"))}
    if not chosen:
        raise UnknownName(f"there is no kind called {kind!r}", expected="one of " + ", ".join(found))
    rows = [(name, entry.name, entry.summary) for name, entries in chosen.items() for entry in entries.values()]
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table("kind", "name", "what it is", box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


@cli.command()
def explain(name: Annotated[str, typer.Argument(help="A name from `kifayat list`.")]) -> None:
    """Explain one source, location, channel, mart, view, audit or page.

    Example: kifayat explain aws_cur
    """
    from kifayat.catalog import find

    for entry in find(name):
        typer.echo(f"{entry.kind} {entry.name}: {entry.summary}")
        for key, value in entry.facts.items():
            if value:
                typer.echo(f"  {key}: {value}")


@cli.command()
def dashboard(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port; default from the configuration.")
    ] = None,
    address: Annotated[str | None, typer.Option("--address", help="Address; default from the configuration.")] = None,
) -> None:
    """Open the dashboard on the published snapshot; exit code 1 if nothing is published yet.

    Example: kifayat dashboard --port 8501
    """
    from kifayat.browser import run_dashboard

    app = _app(context)
    app.snapshot()  # or the reason why there is nothing to look at
    settings = app.config.dashboard
    run_dashboard(app.config, port or settings.port, address or settings.address)


_others: tuple[Callable[..., None], ...] = (
    demo, check_command.check, pulls_command.pulls, plan_command.recommend, commitments_command.commitments,
    commitments_command.simulate,
    service_command.serve, service_command.run, service_command.jobs, service_command.backup, service_command.restore,
)  # fmt: skip
for command in _others:
    cli.command()(command)
plan_command.plan.command()(compare_command.compare)
for group in (
    forecast_command.forecast, plan_command.plan, alerts_command.alerts, alerts_command.anomalies,
    notify_command.notify, report_command.report, connect_command.connect,
):  # fmt: skip
    cli.add_typer(group)


def main() -> None:
    """Run the command line; errors become one sentence on stderr and an exit code."""
    try:
        cli()
    except (ConfigError, UnknownName, WrongUsage) as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(USAGE)
    except KifayatError as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(FAILED)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.exit(0)
    except OSError as error:
        told = KifayatError(
            f"a file could not be read or written: {error.strerror or error}", where=str(error.filename or ""),
            fix="see whether the path is right and may be read and written by this user",
        )  # fmt: skip
        talk.print(str(told), style="red", markup=False)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
