"""`kifayat demo`: a company that does not exist, written, loaded, published and opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from core import WrongUsage

#: What a folder was written with: another company is not mixed into it.
_STAMP = "company.json"


def demo(
    context: typer.Context,
    write: Annotated[
        Path | None, typer.Option("--write", help="Only write the files, into this new or empty folder.")
    ] = None,
    folder: Annotated[
        Path, typer.Option("--folder", help="Where files and store go, when nothing else is said.")
    ] = Path("kifayat-demo"),
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    scale: Annotated[
        int, typer.Option(min=1, max=1000, help="1: about ₹5 crore a year; users and fleet grow with it.")
    ] = 1,
    months: Annotated[int, typer.Option(min=1, max=36, help="How many months up to August 2026.")] = 36,
    strength: Annotated[
        Literal["base", "strong"], typer.Option(help="How far the exam season rises above the rest.")
    ] = "base",
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Stop after publishing.")] = False,
) -> None:
    """Write a NEET-prep company that does not exist, load it, publish it and open it.

    Example: kifayat demo
    Example: kifayat demo --write /tmp/company --scale 10
    """
    from demo.company import Company
    from kifayat import cli

    if context.obj is not None:
        raise WrongUsage(
            "demo brings its own configuration", where="--config", fix="leave --config out, or use ingest and dashboard"
        )
    company = {"seed": seed, "scale": scale, "months": months, "strength": strength}
    target = write or folder
    stamp = target / _STAMP
    if write is None and stamp.is_file():
        _require_same(stamp, company)
        cli.talk.print(f"the company is already written: {target} (delete it to start over)", markup=False)
    else:
        _write(target, Company(seed, scale, months, strength))
        stamp.write_text(json.dumps(company) + "\n", encoding="utf-8")
    context.obj = target / "kifayat.toml"
    if write is not None:
        cli.talk.print(f"now: kifayat --config {context.obj} ingest", markup=False)
        return
    try:
        cli.ingest(context, forecast=True)
    except typer.Exit as done:  # 3: some warnings are meant to be there, and the page tells them
        if done.exit_code != cli.DOUBT:
            raise
    with cli.talk.status("making the plan") as status:
        cli._app(context).recommend(status.update)
    cli.talk.print("what to change: kifayat recommend --published, or the page Recommendations", markup=False)
    if not no_dashboard:
        cli.dashboard(context)


def _write(target: Path, company: Any) -> None:
    from demo.write import write_company
    from kifayat.cli import talk

    with talk.status("starting") as status:

        def say(text: str) -> None:
            status.update(text)
            if not talk.is_terminal:
                talk.print(text, markup=False)

        truth = write_company(target, company, say)
    rows = sum(rows for rows, _ in truth.charges.values())
    talk.print(
        f"wrote {rows:,} rows of bills into {target}; what is true of them is in {target / 'truth'}", markup=False
    )


def _require_same(stamp: Path, company: dict[str, Any]) -> None:
    written = json.loads(stamp.read_text(encoding="utf-8"))
    if written != company:
        was = ", ".join(f"{name} {value}" for name, value in written.items())
        raise WrongUsage(
            f"another company lies there: {was}", where=str(stamp.parent), expected="a new folder or the same options",
            fix="name another with --folder, or delete this one",
        )  # fmt: skip
