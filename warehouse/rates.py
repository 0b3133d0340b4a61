"""INR once: which rate turns which charges into rupees, where it comes from, and in what state it is.

One row per (billing account, currency, invoice month, invoice): an INR charge needs no rate; an invoice's own
rate beats everything; a closed month is locked to the last published rate of that month and never moves again;
an open month takes the newest rate, provisionally. Without a rate there is a reason, never 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from warehouse.engine import Engine, path_list
from warehouse.ledger import Event
from warehouse.store import Warehouse

INR = "INR"
_LOCK = ("payer", "currency", "billing_month", "invoice_id", "rate", "rate_on", "source", "state")


@dataclass(frozen=True)
class Rate:
    """INR per unit of `currency` for the charges of one account, month and (if given) invoice."""

    payer: str
    currency: str
    billing_month: date
    invoice_id: str  # "" = every charge of the month that no other row names
    rate: Decimal | None
    rate_on: date | None
    source: str
    state: str  # provider, provisional, month-locked, invoice
    reason: str = ""


@dataclass(frozen=True)
class _Quote:
    on: date
    rate: Decimal
    source: str


class Rates:
    """The published exchange rates, by currency, from the most trusted export first."""

    def __init__(self, warehouse: Warehouse, engine: Engine, priority: Sequence[str], max_gap_days: int) -> None:
        self.max_gap_days = max_gap_days
        order = {name: index for index, name in enumerate(priority)}
        loads = warehouse.ledger.current_loads("fx_rates")
        exports = sorted({load.export for load in loads}, key=lambda name: (order.get(name, len(order)), name))
        self._quotes: dict[str, list[list[_Quote]]] = {}
        read = [
            _read(engine, [path for load in loads if load.export == export for path in warehouse.parquet(load)], export)
            for export in exports
        ]
        for is_average in (False, True):  # a month's average serves only where no daily rate of any export does
            for found in read:
                for (currency, average), quotes in found.items():
                    if average is is_average:
                        self._quotes.setdefault(currency, []).append(quotes)

    def at(self, currency: str, on: date) -> _Quote | None:
        """The last rate published on or before a day, at most `max_gap_days` old, of the first source that has one."""
        for quotes in self._quotes.get(currency, ()):
            before = [quote for quote in quotes if quote.on <= on]
            if before and (on - before[-1].on).days <= self.max_gap_days:
                return before[-1]
        return None

    def newest(self, currency: str) -> date | None:
        """The newest day for which any source has a rate."""
        days = [quotes[-1].on for quotes in self._quotes.get(currency, ()) if quotes]
        return max(days, default=None)


def _read(engine: Engine, files: Sequence[Path], export: str) -> dict[tuple[str, bool], list[_Quote]]:
    """Quotes by currency and whether they are averages of a month; of several on one day the highest."""
    if not files:
        return {}
    rows = engine.rows(
        "SELECT base_currency, COALESCE(kind, '') = 'month_average' AS is_average, rate_on, MAX(rate),"
        " arg_max(COALESCE(source, '') || COALESCE(' ' || kind, ''), rate)"
        f" FROM read_parquet({path_list(files)}) WHERE quote_currency = 'INR' GROUP BY ALL ORDER BY ALL"
    )
    quotes: dict[tuple[str, bool], list[_Quote]] = {}
    for currency, is_average, on, rate, source in rows:
        quotes.setdefault((currency, is_average), []).append(_Quote(on, rate, source.strip() or export))
    return quotes


def month_end(month: date) -> date:
    """The last day of a month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def resolve(
    warehouse: Warehouse, engine: Engine, needs: Sequence[dict[str, Any]], rates: Rates, now: datetime
) -> list[Rate]:
    """The rate of every (payer, currency, month, invoice) that has charges; closes months and takes invoice rates.

    `needs` has rows of payer, currency, billing_month, invoice_id ('' for none). Locks are written to the ledger.
    """
    invoice_rates = _invoice_rates(warehouse, engine)
    locks = {
        (row["payer"], row["currency"], row["billing_month"], row["invoice_id"]): row
        for row in warehouse.ledger.rows("SELECT * FROM rate_locks")
    }
    resolved = []
    for need in needs:
        payer, currency, month, invoice = (
            need["payer"],
            need["currency"],
            need["billing_month"],
            need["invoice_id"],
        )
        if currency == INR:
            resolved.append(Rate(payer, currency, month, invoice, Decimal(1), None, "billed in INR", "provider"))
            continue
        own = invoice_rates.get((payer, invoice)) if invoice else None
        if own is not None:
            resolved.append(_take_invoice(warehouse, locks, need, own, now))
            continue
        # an invoice's rate stays in force when the file that brought it is overwritten with the next month's
        locked = locks.get((payer, currency, month.isoformat(), invoice))
        locked = locked or locks.get((payer, currency, month.isoformat(), ""))
        if locked is not None:
            resolved.append(
                Rate(payer, currency, month, invoice, Decimal(locked["rate"]), date.fromisoformat(locked["rate_on"]),
                     locked["source"], locked["state"])
            )  # fmt: skip
            continue
        resolved.append(_published(warehouse, locks, need, rates, now))
    return resolved


def _published(warehouse: Warehouse, locks: dict[Any, Any], need: dict[str, Any], rates: Rates, now: datetime) -> Rate:
    payer, currency, month, invoice = (
        need["payer"],
        need["currency"],
        need["billing_month"],
        need["invoice_id"],
    )
    end = month_end(month)
    newest = rates.newest(currency)
    # A month is closed once it is over and the sources have moved past it.
    closed = now.date() > end and newest is not None and newest >= end
    on = end if closed else min(now.date(), end)
    if newest is not None and month - timedelta(days=rates.max_gap_days) <= newest < on:
        on = newest  # the sources have not come as far as the bill: the newest rate, provisionally
    quote = rates.at(currency, on)
    if quote is None:
        reason = f"no {currency}/INR rate within {rates.max_gap_days} days before {on}"
        return Rate(payer, currency, month, invoice, None, None, "", "", reason)
    state = "month-locked" if closed else "provisional"
    if closed:
        key = (payer, currency, month.isoformat(), "")
        row = (*key, str(quote.rate), quote.on.isoformat(), quote.source, state, now.isoformat())
        with warehouse.ledger.transaction() as db:
            db.execute("INSERT OR IGNORE INTO rate_locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        locks[key] = dict(zip(_LOCK, row, strict=False))  # fmt: skip
    return Rate(payer, currency, month, invoice, quote.rate, quote.on, quote.source, state)


def _invoice_rates(warehouse: Warehouse, engine: Engine) -> dict[tuple[str, str], tuple[Decimal, date | None]]:
    files = [path for load in warehouse.ledger.current_loads("invoices") for path in warehouse.parquet(load)]
    if not files:
        return {}
    rows = engine.rows(
        "SELECT billing_account_id, invoice_id, arg_max(inr_per_unit, COALESCE(issued_on, DATE '1970-01-01')),"
        f" MAX(issued_on) FROM read_parquet({path_list(files)}) WHERE inr_per_unit IS NOT NULL AND currency <> 'INR'"
        " GROUP BY ALL"
    )
    return {(payer, invoice): (rate, on) for payer, invoice, rate, on in rows}


def _take_invoice(
    warehouse: Warehouse,
    locks: dict[Any, Any],
    need: dict[str, Any],
    own: tuple[Decimal, date | None],
    now: datetime,
) -> Rate:
    """The invoice's rate replaces the provisional one; the first time, the difference is written down."""
    payer, currency, month, invoice = (
        need["payer"],
        need["currency"],
        need["billing_month"],
        need["invoice_id"],
    )
    rate, on = own
    rate_on = on or month_end(month)
    key = (payer, currency, month.isoformat(), invoice)
    before = locks.get(key)
    if before is None or Decimal(before["rate"]) != rate:
        month_lock = before or locks.get((payer, currency, month.isoformat(), ""))
        old = Decimal(month_lock["rate"]) if month_lock is not None else None
        row = (*key, str(rate), rate_on.isoformat(), f"invoice {invoice}", "invoice", now.isoformat())
        with warehouse.ledger.transaction() as db:
            db.execute("INSERT OR REPLACE INTO rate_locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        locks[key] = dict(zip(_LOCK, row, strict=False))  # fmt: skip
        was = "no rate" if old is None else f"{old}"
        change = None if old is None else (need["billed_cost"] * (rate - old)).quantize(Decimal("0.01"))
        message = f"invoice {invoice} fixed {currency}/INR at {rate} (before: {was})"
        warehouse.ledger.add_event(
            Event("rate fixed", message, change, INR if change is not None else None),
            export=need["export"], payer=payer, partition=f"{month:%Y-%m}", at=now,
        )  # fmt: skip
    return Rate(payer, currency, month, invoice, rate, rate_on, f"invoice {invoice}", "invoice")
