"""The command line: data to stdout, talk to stderr, an exit code that says what happened.

0 done; 1 failed; 2 wrong usage or configuration; 3 done, but an audit, a reconciliation or a file failed.
The only place where an error becomes a sentence.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from core import ConfigError, KifayatError, UnknownName
from kifayat.version import __version__

if TYPE_CHECKING:
    from kifayat.app import App

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


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the rows.")]
ToOption = Annotated[Path | None, typer.Option("--to", help="Write into this file instead of stdout.")]


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
def check(context: typer.Context) -> None:
    """Tell everything that is wrong with the configuration and the locations, at once.

    Example: kifayat check
    """
    faults = _app(context).check()
    for fault in faults:
        typer.echo(f"- {fault}")
    if faults:
        talk.print(f"{len(faults)} faults")
        raise typer.Exit(USAGE)
    talk.print("no fault found")


@cli.command()
def ingest(context: typer.Context) -> None:
    """Load what is new at every export, rebuild the marts, publish. Safe to repeat and to interrupt.

    Example: kifayat ingest
    """
    app = _app(context)
    with talk.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not talk.is_terminal or "refused" in text:
                talk.print(text, markup=False)

        done = app.ingest(say)
    report, published = done.report, done.published
    talk.print(
        f"{report.count('loaded')} deliveries loaded, {report.unchanged + report.count('same')} unchanged,"
        f" {report.count('superseded')} superseded, {len(report.refused)} refused;"
        f" generation {published.generation} {'published' if published.is_new else 'still in force'}",
        markup=False,
    )
    for name, reason in report.unreachable:
        talk.print(f"{name} could not be read: {reason}", style="red", markup=False)
    for warning in report.warnings:
        talk.print(warning, style="yellow", markup=False)
    for warning in published.warnings:
        talk.print(f"audit: {warning}", style="yellow", markup=False)
    if report.unreachable and not report.outcomes and not report.unchanged:
        raise typer.Exit(FAILED)
    if report.refused or report.unreachable or report.warnings or published.warnings:
        raise typer.Exit(DOUBT)


@cli.command()
def refresh(context: typer.Context) -> None:
    """Rebuild all marts from what is loaded and publish.

    Example: kifayat refresh
    """
    published = _app(context).refresh(lambda text: talk.print(text, markup=False))
    talk.print(f"generation {published.generation} published")


@cli.command()
def status(context: typer.Context, file_format: FormatOption = Format.table, to: ToOption = None) -> None:
    """Every bill: period, state, sums, and up to when it is complete.

    Example: kifayat status --format csv
    """
    from kifayat.output import show

    show(_app(context).status(), file_format.value, to)


@cli.command()
def reconcile(
    context: typer.Context,
    file_format: FormatOption = Format.table,
    to: ToOption = None,
    from_files: Annotated[
        bool, typer.Option("--from-files", help="Sum the provider's files again, without the engine.")
    ] = False,
) -> None:
    """Show that files = rows = marts, and = invoice where one was given. Exit code 3 if anything differs.

    Example: kifayat reconcile --from-files
    """
    from kifayat.output import show

    app = _app(context)
    result = app.reconcile_files() if from_files else app.reconcile()
    show(result, file_format.value, to)
    index = result.columns.index("is_reconciled")
    if not all(row[index] for row in result.rows):
        talk.print("not everything is reconciled", style="red")
        raise typer.Exit(DOUBT)
    talk.print(f"{len(result.rows)} bills reconciled", style="green")


@cli.command()
def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT. `charges` are the FOCUS rows.")],
    file_format: FormatOption = Format.table,
    to: ToOption = None,
) -> None:
    """Ask the published snapshot, read-only.

    Example: kifayat query "SELECT ServiceName, SUM(x_EffectiveCostInr) FROM cost_daily GROUP BY 1" --format csv
    """
    from kifayat.output import show

    show(_app(context).query(sql), file_format.value, to)


export = typer.Typer(help="Write data for other tools.", no_args_is_help=True)
cli.add_typer(export, name="export")


@export.command("focus")
def export_focus(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="The invoice month, such as 2026-07.")],
    to: Annotated[Path, typer.Option("--to", help="The file to write.")],
    file_format: Annotated[FocusFormat, typer.Option("--format", help="Parquet or CSV.")] = FocusFormat.parquet,
    payer: Annotated[str | None, typer.Option("--payer", help="Only this billing account.")] = None,
) -> None:
    """Write one invoice month as FOCUS 1.2.

    Example: kifayat export focus 2026-07 --to focus-2026-07.parquet
    """
    from core import parse_month

    count = _app(context).export_focus(parse_month(month), to, file_format=file_format.value, payer=payer)
    talk.print(f"wrote {count} rows to {to}", markup=False)


@cli.command("list")
def list_kind(
    kind: Annotated[str, typer.Argument(help="sources, locations, marts, views, audits or pages.")] = "",
) -> None:
    """List the catalogue, or one kind of it.

    Example: kifayat list sources
    """
    from kifayat.catalog import catalog

    for name, entries in catalog().items():
        if kind and kind.rstrip("s") != name.rstrip("s"):
            continue
        for entry in entries.values():
            typer.echo(f"{name}\t{entry.name}\t{entry.summary}")
    if kind and kind.rstrip("s") not in {name.rstrip("s") for name in catalog()}:
        raise UnknownName(f"there is no kind called {kind!r}", expected="one of " + ", ".join(catalog()))


@cli.command()
def explain(name: Annotated[str, typer.Argument(help="A name from `kifayat list`.")]) -> None:
    """Explain one source, location, mart, view, audit or page.

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
    port: Annotated[int | None, typer.Option("--port", help="Port; default from the configuration.")] = None,
    address: Annotated[str | None, typer.Option("--address", help="Address; default from the configuration.")] = None,
) -> None:
    """Open the dashboard on the published snapshot.

    Example: kifayat dashboard --port 8501
    """
    from kifayat.browser import run_dashboard

    app = _app(context)
    settings = app.config.dashboard
    run_dashboard(app.config, port or settings.port, address or settings.address)


@cli.command()
def backup(context: typer.Context, to: Annotated[Path, typer.Argument(help="The archive to write (.tar).")]) -> None:
    """Write ledger, charges, feeds and the published snapshot into one archive.

    Example: kifayat backup kifayat-2026-11.tar
    """
    talk.print(f"wrote {_app(context).backup(to)}", markup=False)


@cli.command()
def restore(context: typer.Context, archive: Annotated[Path, typer.Argument(help="An archive of `backup`.")]) -> None:
    """Put a backup into the (empty) storage directory of the configuration.

    Example: kifayat --config new.toml restore kifayat-2026-11.tar
    """
    app = _app(context)
    app.restore(archive)
    talk.print(f"restored into {app.storage}", markup=False)


def main() -> None:
    """Run the command line; errors become one sentence on stderr and an exit code."""
    try:
        cli()
    except ConfigError as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(USAGE)
    except UnknownName as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(USAGE)
    except KifayatError as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(FAILED)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.exit(0)
    except OSError as error:
        where = str(error.filename or "")
        told = KifayatError(f"a file could not be read or written: {error.strerror or error}", where=where)
        talk.print(str(told), style="red", markup=False)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
