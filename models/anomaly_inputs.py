"""What anomalies are looked for in: usage by IST day and meter in INR, users by day, and how far bills are whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import numpy as np

from models.anomaly_watch import Bools, Ints
from models.design import Days, Floats
from models.neet_facts import neet_calendar
from warehouse import Engine

#: A whole cycle to learn from, the cycle before it to compare with, and the days that are shown.
HISTORY_DAYS: Final = 860
#: Rows of the last days still come in: on them, less means nothing.
LATE_DAYS: Final = 2
#: An exam is felt for as many days before and after it; other days are compared with the same weekday a year before.
_FELT_DAYS, _YEAR_DAYS, _CYCLE_DAYS = 150, 364, 200
_PRODUCTS: Final = 6


class Meter(NamedTuple):
    """What is metered alike at one place for one owner; "" where the bill does not say, `None` in a scope for any."""

    provider: str
    payer: str
    account: str | None
    service_name: str | None
    region: str | None
    service: str | None
    meter: str | None


@dataclass(frozen=True)
class Usage:
    """Cost of usage in INR by IST day and meter (n_days, n_meters), at prices without commitments.

    `starts` (n_meters,): the first day of its bill. `settled` (n_days, n_meters): whether that day is billed whole.
    `users`: daily active users of each product (n_days,), NaN where not counted. `before` (n_days,): the same phase of
    the exam cycle before, -1 for none.
    """

    days: Days
    meters: list[Meter]
    inr: Floats = field(repr=False)
    starts: Ints = field(repr=False)
    settled: Bools = field(repr=False)
    users: dict[str, Floats] = field(repr=False)
    before: Ints = field(repr=False)


def read_usage(engine: Engine, least_inr: float, n_days: int = HISTORY_DAYS) -> Usage | None:
    """The last `n_days` of usage; None without any. Meters below `least_inr` in every month are taken together."""
    rows = engine.rows(
        """
        WITH costs AS (
            SELECT
                meters.x_ChargeOn, meters.x_BillingMonth, meters.ProviderName, meters.BillingAccountId,
                COALESCE(meters.SubAccountId, '') AS account, COALESCE(meters.ServiceName, '') AS service_name,
                COALESCE(meters.RegionId, '') AS region, COALESCE(meters.x_Service, '') AS service,
                COALESCE(meters.SkuMeter, '') AS meter, CAST(meters.x_OnDemandCost * rates.rate AS DOUBLE) AS inr
            FROM rollup_meters AS meters
            JOIN inr_rates AS rates
                ON meters.BillingAccountId = rates.BillingAccountId
                AND meters.BillingCurrency = rates.BillingCurrency
                AND meters.x_BillingMonth = rates.x_BillingMonth
                AND COALESCE(meters.InvoiceId, '') = rates.InvoiceId
            WHERE rates.reason IS NULL
                AND meters.x_ChargeOn > (SELECT MAX(x_ChargeOn) FROM rollup_meters) - $days
        ),
        months AS (
            SELECT * EXCLUDE (x_ChargeOn, inr), SUM(inr) AS inr FROM costs GROUP BY ALL
        ),
        large AS (
            SELECT * EXCLUDE (x_BillingMonth, inr) FROM months GROUP BY ALL HAVING MAX(inr) >= $least
        ),
        series AS (
            SELECT
                ProviderName, BillingAccountId, account, service_name, region,
                CASE WHEN large.meter IS NOT NULL THEN costs.service ELSE '' END AS service,
                CASE WHEN large.meter IS NOT NULL THEN costs.meter ELSE '' END AS meter,
                x_ChargeOn, SUM(inr) AS inr
            FROM costs
            LEFT JOIN large USING (ProviderName, BillingAccountId, account, service_name, region, service, meter)
            GROUP BY ALL
        )
        SELECT
            ProviderName, BillingAccountId, account, service_name, region, service, meter, LIST(x_ChargeOn), LIST(inr)
        FROM series GROUP BY ALL ORDER BY ALL
        """,
        {"days": n_days, "least": least_inr},
    )
    if not rows:
        return None
    first, last = min(min(row[7]) for row in rows), max(max(row[7]) for row in rows)
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    inr = np.zeros((len(days), len(rows)))
    for column, row in enumerate(rows):
        inr[[(day - first).days for day in row[7]], column] = row[8]
    meters = [Meter(*row[:7]) for row in rows]
    begins = {
        payer: int(np.flatnonzero(inr[:, [m.payer == payer for m in meters]].any(axis=1))[0])
        for payer in {m.payer for m in meters}
    }
    starts = np.array([begins[m.payer] for m in meters])
    settled, users = _settled(engine, meters, first, len(days)), _users(engine, first, len(days))
    return Usage(days, meters, inr, starts, settled, users, same_phase(_exams(engine), days))


def _settled(engine: Engine, meters: Sequence[Meter], first: date, n_days: int) -> Bools:
    """Whether a day lies far enough before the instant up to which its bill is known."""
    known = dict(
        engine.rows(
            "SELECT BillingAccountId, CAST(MAX(complete_through) + INTERVAL 330 MINUTE AS DATE)"
            " FROM freshness GROUP BY 1"
        )
    )
    until = [
        (known[m.payer] - timedelta(days=LATE_DAYS) - first).days if known.get(m.payer) else n_days for m in meters
    ]
    return np.asarray(np.arange(n_days)[:, None] < np.array(until)[None, :])


def _users(engine: Engine, first: date, n_days: int) -> dict[str, Floats]:
    rows: list[tuple[Any, ...]] = engine.rows(
        "SELECT product, active_on, CAST(dau AS DOUBLE) FROM users_daily WHERE dau IS NOT NULL"
        " AND product IN (SELECT product FROM users_daily GROUP BY 1 ORDER BY SUM(dau) DESC NULLS LAST, 1 LIMIT $most)",
        {"most": _PRODUCTS},
    )
    users: dict[str, Floats] = {}
    for product, day, count in sorted(rows):
        if 0 <= (at := (day - first).days) < n_days:
            users.setdefault(product, np.full(n_days, np.nan))[at] = count
    return users


def _exams(engine: Engine) -> list[date]:
    """The days of the exam that are configured, and those that are known to have been held again or moved."""
    stated = [day for (day,) in engine.rows("SELECT exam_on FROM exams")]
    return sorted({*stated, *(event.on for event in neet_calendar(holidays=False).of("exam"))})


def same_phase(exams: Sequence[date], days: Days) -> Ints:
    """The position of the day as far from its exam one cycle earlier, (n_days,); -1 where there is none."""
    positions = [int((np.datetime64(day, "D") - days[0]) / np.timedelta64(1, "D")) for day in exams]
    before = np.arange(len(days)) - _YEAR_DAYS
    for t in range(len(days)):
        near = min(positions, key=lambda at: abs(at - t), default=None)
        if near is not None and abs(near - t) <= _FELT_DAYS:
            earlier = [at for at in positions if _CYCLE_DAYS < near - at < 2 * _YEAR_DAYS]
            before[t] = t - (near - max(earlier)) if earlier else before[t]
    return np.maximum(before, -1)
