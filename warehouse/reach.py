"""How far the bills reach: the newest invoice month, and the last day in India that is known from beginning to end.

One definition for pages, budgets and alerts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from core import ist_date, next_month

#: The newest invoice month and the instant up to which every export that holds it is complete; NULLs without charges.
REACH: Final = (
    "SELECT MAX(last_month), MIN(complete_through) FILTER (last_month = newest) FROM"
    " (SELECT last_month, complete_through, MAX(last_month) OVER () AS newest FROM freshness"
    " WHERE x_ExportName IN (SELECT x_ExportName FROM periods))"
)


def whole_through(newest: date, complete_through: datetime | None) -> date:
    """The last whole day in India of bills that are complete up to an instant (UTC without a zone, as stored).

    Bills that do not say how far they reach are taken for whole months.
    """
    if complete_through is None:
        return next_month(newest) - timedelta(days=1)
    return ist_date(complete_through.replace(tzinfo=UTC)) - timedelta(days=1)
