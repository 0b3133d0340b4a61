"""`kifayat alerts` and `kifayat anomalies`: what is alarming, since when and why, and what people say of it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warehouse import Alert, Feedback, Result

ToOption = Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .parquet.")]
FormatOption = Annotated[str | None, typer.Option("--format", help="table, csv, json or parquet.")]
alerts = typer.Typer(name="alerts", invoke_without_command=True, no_args_is_help=False)
anomalies = typer.Typer(name="anomalies", invoke_without_command=True, no_args_is_help=False)


@alerts.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended, and how.")] = False,
    file_format: FormatOption = None,
    to: ToOption = None,
) -> None:
    """Alerts that are open, the newest first.

    Example: kifayat alerts --all --format csv
    """
    if context.invoked_subcommand is not None:
        return
    from kifayat import cli
    from kifayat.output import show

    found = cli._app(context).alerts(only_open=not everything)
    if not found and file_format is None and to is None:
        cli.talk.print("no alert is open" if not everything else "there was no alert yet", markup=False)
        return
    ended = {"resolved_at": "ended (IST)", "resolution": "how"} if everything else {}
    short = {"opened_at": "since (IST)", "severity": "severity", "what": "what", **ended, "id": "id"}
    show(_table(found), file_format, to, short)


@alerts.command()
def check(context: typer.Context) -> None:
    """Open and resolve alerts by what is published, and put what is to be told into the outbox.

    Example: kifayat alerts check
    """
    from kifayat import cli

    changed = cli._app(context).check_alerts(lambda text: cli.talk.print(text, markup=False))
    opened = sum(1 for alert in changed if alert.is_open)
    cli.talk.print(f"{opened} opened, {len(changed) - opened} resolved", markup=False)


@anomalies.callback(invoke_without_command=True)
def list_anomalies(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    file_format: FormatOption = None,
    to: ToOption = None,
) -> None:
    """Days that cost more or less than users, season and their own past explain, with the causes; the newest first.

    Example: kifayat anomalies --all
    """
    if context.invoked_subcommand is not None:
        return
    from kifayat import cli
    from kifayat.output import show

    app = cli._app(context)
    where = "" if everything else " WHERE is_open"
    found = app.query(f"SELECT * FROM anomalies{where} ORDER BY detected_on DESC, ABS(impact_inr) DESC")
    if file_format not in (None, "table") or to is not None:
        show(found, file_format, to)
        return
    if not found.rows:
        cli.talk.print("no anomaly" if everything else "no anomaly goes on; --all shows those that have ended")
        return
    causes = app.query("SELECT * FROM anomaly_causes ORDER BY anomaly_id, position").to_dicts()
    said = app.feedback()
    for row in found.to_dicts():
        _tell(row, [cause for cause in causes if cause["anomaly_id"] == row["anomaly_id"]], said.get(row["anomaly_id"]))


@anomalies.command()
def feedback(
    context: typer.Context,
    anomaly: Annotated[str, typer.Argument(help="The id of an anomaly.")],
    verdict: Annotated[str, typer.Argument(help="real, expected or noise.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: needed for expected and noise.")] = "",
) -> None:
    """Say what an anomaly was. Expected and noise end its alert at the next check and keep it closed.

    Example: kifayat anomalies feedback 4f1c09ab expected --reason "the mock test of 14 September"
    """
    from kifayat import cli
    from warehouse import VERDICTS

    chosen = next((one for one in VERDICTS if one == verdict), None)
    if chosen is None:
        raise WrongUsage(f"{verdict!r} is no verdict", expected=", ".join(VERDICTS))
    cli._app(context).give_feedback(anomaly, chosen, reason)
    cli.talk.print(f"{anomaly}: {chosen}", markup=False)


def _table(found: Sequence[Alert]) -> Result:
    from warehouse import Result

    rows = tuple(
        (one.alert_id, one.kind, one.severity, one.opened_at.astimezone(UTC).replace(tzinfo=None), one.title,
         None if one.resolved_at is None else one.resolved_at.astimezone(UTC).replace(tzinfo=None), one.resolution)
        for one in found
    )  # fmt: skip
    names = ("id", "kind", "severity", "opened_at", "what", "resolved_at", "resolution")
    types = ("VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMP", "VARCHAR", "TIMESTAMP", "VARCHAR")
    return Result(names, types, rows)


def _tell(row: Mapping[str, Any], causes: Sequence[Mapping[str, Any]], said: Feedback | None) -> None:
    """One anomaly as people read it: what, where, since when, why, and what was said of it."""
    from kifayat.anomaly_alerts import anomaly_facts, anomaly_name

    facts = "; ".join(f"{label.lower()} {text}" for label, text in anomaly_facts(row, causes))
    state = "goes on" if row["is_open"] else "has ended"
    lines = [f"{row['anomaly_id']}  {anomaly_name(row)} ({state}): {row['explanation']}", f"    {facts}"]
    if said is not None:
        lines.append(f"    said to be {said.verdict}" + (f": {said.reason}" if said.reason else ""))
    # control characters and escape sequences of a tag value do nothing in a terminal
    typer.echo("\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines))
