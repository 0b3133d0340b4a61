"""`kifayat check`: what is wrong with the configuration, and each permission with the call that proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

if TYPE_CHECKING:
    from ingest import Proof

_PROOFS_SHORT: Final = {
    "permission": "permission", "where": "where", "result": "result", "seconds": "seconds", "export": "export",
}  # fmt: skip


def check(
    context: typer.Context,
    connection: Annotated[str, typer.Option("--connection", help="Only the exports of this connection.")] = "",
    file_format: Annotated[
        Literal["table", "csv", "json"] | None, typer.Option("--format", help="How to print the permissions.")
    ] = None,
) -> None:
    """Tell everything that is wrong with the configuration and the locations, at once.

    Every permission of a connection is proved by a test call; with --format these are all that is printed.

    Example: kifayat check
    Example: kifayat check --connection india --format json
    """
    from kifayat.cli import USAGE, _app, _counted, talk
    from kifayat.output import show
    from warehouse import Result

    proofs: list[tuple[str | float, ...]] = []
    with talk.status("checking") as status:

        def proved(proof: Proof) -> None:
            status.update(f"{proof.permission} in {proof.where}: {proof.result}")
            proofs.append((*vars(proof).values(),))

        faults = _app(context).check(proved, connection)
    if proofs or file_format:
        names = ("export", "permission", "where", "result", "seconds", "reason")
        rows = Result(names, (*("VARCHAR",) * 4, "DOUBLE", "VARCHAR"), tuple(proofs))
        show(rows, file_format, None, _PROOFS_SHORT)
    for fault in faults:
        typer.echo(f"- {fault}", err=file_format is not None)
    if faults:
        talk.print(_counted(len(faults), "fault"))
        raise typer.Exit(USAGE)
    talk.print("no fault found")
