"""`kifayat pulls` and `kifayat ingest --estimate`: what asking providers takes, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from core import IST

if TYPE_CHECKING:
    from ingest import Estimate
    from kifayat.app import App
    from warehouse import Pull, Result

#: Enough for a year of pulls every quarter of an hour, of a dozen exports.
_EVERYTHING: Final = 1_000_000
_TIB: Final = ":tib"
_PULLS_SHORT: Final = {
    "export": "export", "started_at": "started (IST)", "seconds": "seconds", "parts": "parts", "failed": "failed",
    "requests": "requests", "billed": "billed", "expected_usd": "$ expected", "usd": "$", "inr": "₹",
}  # fmt: skip


class By(StrEnum):
    """What pulls are added up by."""

    day = "day"
    month = "month"


def pulls(
    context: typer.Context,
    export: Annotated[str, typer.Option("--export", help="Only this export.")] = "",
    by: Annotated[By | None, typer.Option("--by", help="Add them up by day or month (IST).")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many of the last ones.")] = 30,
    file_format: Annotated[
        Literal["table", "csv", "json"] | None, typer.Option("--format", help="How to print them.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write into this file instead of stdout.")] = None,
) -> None:
    """What providers were asked for: requests, billed units, dollars and rupees, expected and measured.

    Rupees are at the newest rate of the store; free tiers are not counted off.

    Example: kifayat pulls --by month
    """
    from kifayat.cli import _app, talk
    from kifayat.output import show

    app = _app(context)
    rate = app.inr_per_usd()
    found = app.pulls(export, _EVERYTHING)
    if by is not None:
        show(_totals(found, by, rate), file_format, to)
        return
    show(_listed(found[:limit], rate), file_format, to, _PULLS_SHORT)
    now = app.clock.now()
    for by, name in ((By.day, "today"), (By.month, f"{now.astimezone(IST):%B %Y}")):
        mine = [pull for pull in found if _key(by, pull.started_at) == _key(by, now)]
        requests, usd = sum(pull.requests for pull in mine), sum(pull.usd for pull in mine)
        talk.print(f"{name}: {requests:,} requests, {app.price(usd)}", markup=False)


def estimate(app: App) -> bool:
    """Print what asking now would take; False if an export could not be listed."""
    from kifayat.cli import talk
    from kifayat.output import show

    found = app.estimate()
    show(_estimated(found, app.inr_per_usd()), None)
    whole = sum(one.listing.usd + one.expected.usd for one in found)
    requests = sum(one.listing.requests + one.expected.requests for one in found)
    talk.print(f"in all about {requests:,} requests, {app.price(whole)}; nothing was asked for", markup=False)
    for one in found:
        if one.reason:
            talk.print(f"{one.export} could not be listed: {one.reason}", style="red", markup=False)
    return not any(one.reason for one in found)


def _estimated(found: Sequence[Estimate], rate: Decimal | None) -> Result:
    from warehouse import Result

    names = ("export", "parts", "listing_requests", "requests", "billed", "usd", "inr")
    rows = tuple(
        (one.export, one.parts, one.listing.requests, one.expected.requests, billed(one.expected.units),
         _usd(one.expected.usd), _inr(one.expected.usd, rate))
        for one in found
    )  # fmt: skip
    return Result(names, ("VARCHAR", *("BIGINT",) * 3, "VARCHAR", "DECIMAL(18,6)", "DECIMAL(18,2)"), rows)


def _listed(found: Iterable[Pull], rate: Decimal | None) -> Result:
    from warehouse import Result

    columns = {
        "export": "VARCHAR", "started_at": "TIMESTAMP", "seconds": "DOUBLE", "parts": "BIGINT", "failed": "BIGINT",
        "requests": "BIGINT", "billed": "VARCHAR", "expected_usd": "DECIMAL(18,6)", "usd": "DECIMAL(18,6)",
        "expected_inr": "DECIMAL(18,2)", "inr": "DECIMAL(18,2)",
    }  # fmt: skip
    rows = tuple(
        (pull.export if pull.ended_at else f"{pull.export} (cut off)", pull.started_at,
         None if pull.ended_at is None else (pull.ended_at - pull.started_at).total_seconds(),
         pull.parts, pull.failed, pull.requests, billed(pull.units), _usd(pull.expected_usd), _usd(pull.usd),
         _inr(pull.expected_usd, rate), _inr(pull.usd, rate))
        for pull in found
    )  # fmt: skip
    return Result(tuple(columns), tuple(columns.values()), rows)


def _totals(found: Iterable[Pull], by: By, rate: Decimal | None) -> Result:
    from warehouse import Result

    groups: dict[tuple[str, str], list[Pull]] = {}
    for pull in found:
        groups.setdefault((_key(by, pull.started_at), pull.export), []).append(pull)
    rows = tuple(
        (when, export, len(mine), sum(one.failed for one in mine), sum(one.requests for one in mine),
         billed(_sum(one.units for one in mine)), _usd(sum(one.usd for one in mine)),
         _inr(sum(one.usd for one in mine), rate))
        for (when, export), mine in groups.items()
    )  # fmt: skip
    names = (by.value, "export", "pulls", "failed_parts", "requests", "billed", "usd", "inr")
    return Result(names, ("VARCHAR", "VARCHAR", *("BIGINT",) * 3, "VARCHAR", "DECIMAL(18,6)", "DECIMAL(18,2)"), rows)


def billed(units: Mapping[str, float]) -> str:
    """Units as people say them: 41,200 cloudwatch metric, 1.50 GiB bigquery."""
    return ", ".join(
        f"{count * 1024:,.2f} GiB {_word(unit.removesuffix(_TIB))}" if unit.endswith(_TIB)
        else f"{count:,.0f} {_word(unit)}"
        for unit, count in sorted(units.items())
    )  # fmt: skip


def _word(unit: str) -> str:
    return " ".join(unit.split(":")[1:])


def _sum(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    whole: dict[str, float] = {}
    for units in parts:
        for unit, count in units.items():
            whole[unit] = whole.get(unit, 0.0) + count
    return whole


def _key(by: By, at: Any) -> str:
    return f"{at.astimezone(IST):{'%Y-%m-%d' if by is By.day else '%Y-%m'}}"


def _usd(usd: float) -> Decimal:
    return round(Decimal(str(usd)), 6)


def _inr(usd: float, rate: Decimal | None) -> Decimal | None:
    return None if rate is None else round(Decimal(str(usd)) * rate, 2)
