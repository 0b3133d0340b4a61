"""`kifayat plan compare`: the providers' own advice beside the plan, with the reason for each difference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core import WrongUsage
from kifayat.plan_command import money


def compare(
    context: typer.Context,
    verdict: Annotated[
        str | None, typer.Option(help="Only: same, different, only theirs, only ours.", show_default=False)
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """What the providers advise beside the published plan: theirs, ours, both savings, and why they differ.

    Example: kifayat plan compare
    Example: kifayat plan compare --verdict "only theirs" --json
    """
    from kifayat import cli
    from kifayat.output import chosen_format, show
    from recommender.comparison import NOTHING, TOTALS, VERDICTS, totals_text
    from warehouse import Result

    if verdict is not None and verdict not in VERDICTS:
        raise WrongUsage(f"{verdict!r} is no verdict", expected=", ".join(VERDICTS))
    file_format = chosen_format("json" if as_json else None, to, ("csv", "json", "parquet"), None if to else "table")
    app = cli._app(context)
    found = app.query(
        "SELECT * FROM plan_comparison WHERE $verdict IS NULL OR verdict = $verdict ORDER BY position",
        {"verdict": verdict},
    )
    if not app.query("SELECT 1 FROM plan_runs").rows:
        raise WrongUsage("no plan has been made yet", fix="run `kifayat recommend`")
    if file_format != "table":
        show(found, file_format, to)
        return
    (sums,) = app.query(TOTALS).to_dicts()
    if not sums["recommendations"]:
        typer.echo(NOTHING)
        return
    rows = tuple(
        (
            row["verdict"], row["name"], row["their_title"], row["adviser"], money(row["said_inr"]),
            money(row["bill_inr"]), row["our_title"], money(row["our_inr"]), row["why"],
        )
        for row in found.to_dicts()
    )  # fmt: skip
    head = ("verdict", "of", "they propose", "adviser", "they say, ₹ a year", "on your bill", "ours", "saves", "why")
    types = (*("VARCHAR",) * 4, *("DOUBLE",) * 2, "VARCHAR", "DOUBLE", "VARCHAR")
    show(Result(head, types, rows), None)
    typer.echo(f"\n{totals_text(sums)}")
