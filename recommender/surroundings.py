"""What surrounds a fleet: rates of exchange, exams, holidays, releases, and what the configuration says of services."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from core import KifayatError
from recommender.fleet import Hours
from warehouse import Snapshot

#: Tables that a generation of an older version does not have.
_SETTINGS: Final = (
    "exams", "release_days", "regulated_services", "credits", "budgets", "owned_commitments", "provider_advice",
)  # fmt: skip


def refuse_older(snapshot: Snapshot) -> None:
    """Raises KifayatError for a generation of a version that had fewer tables."""
    known = {name for (name,) in snapshot.query("SELECT table_name FROM duckdb_tables()").rows}
    if missing := [name for name in _SETTINGS if name not in known]:
        raise KifayatError(
            "the published generation is of an older version", where=f"tables {', '.join(missing)}",
            fix="run `kifayat refresh`: it builds the same bills anew",
        )  # fmt: skip


def newest_rates(snapshot: Snapshot) -> tuple[dict[str, float], date | None]:
    """INR of one unit of each currency, the newest rate of the bills; INR itself is 1."""
    rows = snapshot.query(
        "SELECT BillingCurrency, ARG_MAX(rate, x_BillingMonth)::DOUBLE, MAX(rate_on) FROM inr_rates"
        " WHERE rate IS NOT NULL GROUP BY BillingCurrency"
    ).rows
    return {"INR": 1.0} | {c: r for c, r, _ in rows if c != "INR"}, max((on for _, _, on in rows if on), default=None)


def exam_days(snapshot: Snapshot) -> tuple[date, ...]:
    """Past exams as configured, exams to come as the forecast was given them."""
    past = {row[0] for row in snapshot.query("SELECT exam_on FROM exams").rows}
    ahead = {row[0] for row in snapshot.query("SELECT first_day FROM forecast_events WHERE event = 'exam'").rows}
    return tuple(sorted(past | ahead))


def regulated_services(snapshot: Snapshot) -> tuple[str, ...]:
    """Services that the configuration names."""
    return tuple(row[0] for row in snapshot.query("SELECT x_Service FROM regulated_services ORDER BY 1").rows)


def public_holidays(hours: Hours) -> dict[date, str]:
    """Public holidays of all India from the first year of the hours to the one after the last; other days off differ
    from state to state. Those that follow the moon are estimates until they are seen."""
    from holidays import country_holidays  # half a second

    first, last = (hours[at].astype("datetime64[Y]").astype(int) + 1970 for at in (0, -1))
    return {
        day: name.removesuffix(" (estimated)")
        for day, name in country_holidays("IN", years=range(first, last + 2), language="en_US").items()
    }


def release_days(snapshot: Snapshot) -> tuple[tuple[date, date], ...]:
    """As configured, half-open."""
    rows = snapshot.query("SELECT first_day, last_day FROM release_days ORDER BY ALL").rows
    return tuple((first, last + timedelta(days=1)) for first, last in rows)
