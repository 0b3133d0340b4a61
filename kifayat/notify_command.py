"""`kifayat notify`: try a channel, see what waits, was sent or is dead, send it again, send what is due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core import IST, KifayatError, WrongUsage, unknown_name

if TYPE_CHECKING:
    from datetime import datetime

    from notify import Message

notify = typer.Typer(name="notify", help="Channels, and what is told through them.", no_args_is_help=True)


@notify.command("test")
def try_channel(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="The name of a channel in the configuration.")],
    dry_run: Annotated[
        Path | None, typer.Option("--dry-run", help="Write what would be sent into this folder; send nothing.")
    ] = None,
) -> None:
    """Send a test message through a channel now, to each of its recipients. Exit code 1 if one does not take it.

    Example: kifayat notify test finance-mail
    Example: kifayat notify test ops-slack --dry-run drafts
    """
    from kifayat import cli
    from notify import Blocked, Parcel, Undelivered

    app = cli._app(context)
    channels = {one.name: one for one in app.channels()}
    if channel not in channels:
        raise unknown_name("channel", channel, channels)
    chosen, now = channels[channel], app.clock.now()
    message, failed = _sample(channel, now), []
    for number, recipient in enumerate(chosen.recipients(), start=1):
        parcel = Parcel(message.event_id, (message,), recipient, now)
        if dry_run is not None:
            dry_run.mkdir(parents=True, exist_ok=True)
            file = dry_run / f"{channel}-{number}{chosen.suffix}"
            file.write_bytes(chosen.draft(parcel))
            cli.talk.print(f"wrote {file}", markup=False)
            continue
        try:
            chosen.send(parcel)
            cli.talk.print(f"sent to {recipient or channel}", style="green", markup=False)
        except (Undelivered, Blocked) as error:
            failed.append(recipient or channel)
            cli.talk.print(f"{recipient or channel}: {error}", style="red", markup=False)
    if failed:
        raise KifayatError(f"not taken by {', '.join(failed)}", fix="mend the channel and test it again")


def _sample(channel: str, now: datetime) -> Message:
    from decimal import Decimal

    from core import compact_inr, format_inr
    from notify import Message

    return Message(
        event_id=f"test:{channel}:{now:%Y%m%dT%H%M%S}",
        kind="test",
        title=f"Test of the channel {channel}",
        summary="Somebody asked Kifayat for a test message. There is nothing to do.",
        occurred_at=now,
        facts=(
            ("A sum", format_inr(Decimal("12345678.90"))),
            ("The same, short", compact_inr(Decimal("12345678.90"))),
            ("Signs that do nothing", "<b> & *star* <!channel>"),
        ),
    )


@notify.command("list")
def list_outbox(
    context: typer.Context,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .parquet.")] = None,
) -> None:
    """What waits to be told, was told, or was given up: newest first, a row for each recipient.

    Example: kifayat notify list --dead
    """
    from kifayat import cli
    from kifayat.output import show
    from warehouse import Result

    def shown(at: datetime | None) -> str:
        return "" if at is None else f"{at.astimezone(IST):%Y-%m-%d %H:%M}"

    rows = tuple(
        (shown(one.made_at), one.channel, one.recipient, one.severity, one.title, one.state, one.attempts,
         shown(one.sent_at if one.state == "sent" else one.next_at if one.state == "waiting" else None),
         one.last_error, one.event_id)
        for one in cli._app(context).messages("dead" if dead else None)
    )  # fmt: skip
    names = (
        "made (IST)",
        "channel",
        "recipient",
        "severity",
        "what",
        "state",
        "attempts",
        "sent or next (IST)",
        "error",
    )
    types = (*("VARCHAR",) * 6, "BIGINT", *("VARCHAR",) * 3)
    show(Result((*names, "event"), types, rows), None, to)


@notify.command()
def resend(
    context: typer.Context,
    event: Annotated[str | None, typer.Argument(help="The event of a message, from `notify list`.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Everything that was given up.")] = False,
) -> None:
    """Let a message be sent again, under the same id: to those who did not get it, or else to everybody.

    Example: kifayat notify resend --dead
    """
    from kifayat import cli

    if (event is None) != dead:
        raise WrongUsage("say which: one event, or --dead", fix="`kifayat notify list` shows them")
    count = cli._app(context).resend(event)
    cli.talk.print(f"{cli._counted(count, 'row')} waiting again: `kifayat notify deliver` sends them", markup=False)


@notify.command()
def deliver(context: typer.Context) -> None:
    """Send what is due now, as `kifayat serve` does every half minute. Exit code 3 if something is dead.

    Example: kifayat notify deliver
    """
    from kifayat import cli

    done = cli._app(context).deliver(lambda text: cli.talk.print(text, markup=False))
    cli.talk.print(
        f"{done.sent} sent, {done.failed} to be tried again, {done.dead} given up;"
        f" {done.waiting} waiting, {done.all_dead} dead",
        markup=False,
    )
    if done.all_dead:
        raise typer.Exit(cli.DOUBT)
