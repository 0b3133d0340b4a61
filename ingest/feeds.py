"""Sense checks of the feeds, before they may change a number: exchange rates do not jump and are above zero.

Counts of users have checks of their own: `ingest.persons`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from core import BadValue
from warehouse import Engine, Event, Warehouse, literal

#: An exchange rate moves by less than this in a day; more is a misplaced digit, not a market.
MAX_DAILY_JUMP = Decimal("0.10")


def check_feed(warehouse: Warehouse, engine: Engine, kind: str, part: Path, export: str, group: str) -> list[Event]:
    """Refuse a feed file whose values cannot be right. Returns what a person should know."""
    if kind == "fx_rates":
        return _check_rates(warehouse, engine, part, export, group)
    if kind == "invoices":
        _refuse_rows(engine, part, "inr_per_unit <= 0", "inr_per_unit is not positive", group)
    return []


def _refuse_rows(engine: Engine, part: Path, condition: str, what: str, group: str) -> None:
    count = engine.rows(f"SELECT COUNT(*) FROM read_parquet({literal(str(part))}) WHERE {condition}")[0][0]
    if count:
        raise BadValue(f"{what} in {count} rows", where=group, fix="correct the file; nothing of it was loaded")


def _check_rates(warehouse: Warehouse, engine: Engine, part: Path, export: str, group: str) -> list[Event]:
    _refuse_rows(engine, part, "rate <= 0", "the rate is not positive", group)
    rows = engine.rows(
        "SELECT base_currency, quote_currency, kind, rate_on, MIN(rate), MAX(rate), COUNT(*)"
        f" FROM read_parquet({literal(str(part))}) GROUP BY ALL ORDER BY ALL"
    )
    doubled = sum(count - 1 for *_, count in rows)
    previous: dict[tuple[str, str, str], tuple[date, Decimal]] = {}
    for base, quote, kind, on, low, high, _ in rows:
        before = previous.get((base, quote, kind))
        if before is None:
            before = _last_accepted(warehouse, engine, base, quote, kind, export, on)
        _refuse_jump(low, high, on, (on, low), group)
        if before is not None:
            _refuse_jump(low, high, on, before, group)
        previous[base, quote, kind] = (on, high)
    return (
        [Event("doubled", f"{doubled} dates of {group} occur more than once; the last row counts")] if doubled else []
    )


def _refuse_jump(low: Decimal, high: Decimal, on: date, before: tuple[date, Decimal], group: str) -> None:
    was_on, was = before
    days = max((on - was_on).days, 1)
    limit = (1 + MAX_DAILY_JUMP) ** days
    for rate in (low, high):
        if not was / limit <= rate <= was * limit:
            raise BadValue(
                f"the rate jumps from {was} on {was_on} to {rate} on {on}",
                where=group,
                expected=f"at most {MAX_DAILY_JUMP:.0%} a day",
                fix="correct the file; the rates accepted so far stay in force",
            )


def _last_accepted(
    warehouse: Warehouse, engine: Engine, base: str, quote: str, kind: str, export: str, on: date
) -> tuple[date, Decimal] | None:
    """The newest rate before `on` that this export has already brought, in any of its files."""
    loads = [load for load in warehouse.ledger.current_loads("fx_rates") if load.export == export]
    files = [path for load in loads for path in warehouse.parquet(load)]
    if not files:
        return None
    listed = "[" + ", ".join(literal(str(path)) for path in files) + "]"
    found = engine.rows(
        f"SELECT rate_on, rate FROM read_parquet({listed}) WHERE base_currency = ? AND quote_currency = ?"
        " AND kind = ? AND rate_on < ? ORDER BY rate_on DESC, rate DESC LIMIT 1",
        [base, quote, kind, on],
    )
    return (found[0][0], found[0][1]) if found else None
