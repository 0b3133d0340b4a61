"""Promotional credits: how fast they go, when they are gone, and what the bill is without them.

A bill shows what a credit paid, never what is left of it: that is known only where `[[credits]]` says what was granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from recommender.action import Action, Operator
from recommender.checks._in_order import rupees, without_saving
from recommender.finance import PACE_DAYS, Credit
from recommender.fleet import Fleet

TITLE = "Credits that run out or expire"
OPERATOR = Operator.KEEP_ORDER
#: A credit that paid nothing for so long is over, unless something is left of it.
_OVER_DAYS: Final = 60


def propose(fleet: Fleet) -> Iterator[Action]:
    """One item for each credit that still pays or of which something is left."""
    for credit in fleet.finance.credits:
        left = None if credit.granted is None else max(0.0, credit.granted - credit.used)
        is_over = credit.last_on is None or (fleet.today - credit.last_on).days > _OVER_DAYS
        expired = credit.expires_on is not None and credit.expires_on < fleet.today
        if (is_over and not left) or expired:
            continue
        yield _item(fleet, credit, left)


def _item(fleet: Fleet, credit: Credit, left: float | None) -> Action:
    pace = credit.recent / PACE_DAYS
    figures = {
        "Paid so far": _amount(fleet, credit, credit.used),
        "Pace": f"{_amount(fleet, credit, pace * 30)} a month, from the last {PACE_DAYS} days",
    }
    title = f"{credit.name} pays {_amount(fleet, credit, pace * 30)} a month"
    if left is None or credit.expires_on is None:
        figures["What is left, and until when"] = "not in the bill: set amount and expires_on in [[credits]]"
    else:
        figures["Left"] = f"{_amount(fleet, credit, left)} of {_amount(fleet, credit, credit.granted or 0.0)}"
        figures["Expires"] = str(credit.expires_on)
        days = (credit.expires_on - fleet.today).days
        gone = fleet.today + timedelta(days=int(left / pace)) if pace and left / pace < 36_500 else None
        if gone is not None and gone <= credit.expires_on:
            figures["Gone at this pace"] = f"{gone}, {(credit.expires_on - gone).days} days before it expires"
            title = f"{credit.name} is used up on {gone:%-d %b %Y}"
        else:
            forfeit = _amount(fleet, credit, left - pace * days)
            figures["Forfeited at this pace"] = f"{forfeit}: in {days} days the rest is lost"
            title = f"{credit.name}: {forfeit} will expire unused on {credit.expires_on:%-d %b %Y}"
    if pace:
        figures["The bill without it"] = f"{_amount(fleet, credit, pace * 30)} more a month"
    return without_saving(
        fleet, "hygiene_credit", f"credit/{credit.provider}/{credit.name}", title, figures,
        "a credit lowers what is paid, not what is used: the budget has to hold when it ends",
        confidence="medium" if left is None else "high",
    )  # fmt: skip


def _amount(fleet: Fleet, credit: Credit, amount: float) -> str:
    rate = fleet.inr.get(credit.currency)
    return f"{amount:,.0f} {credit.currency}".strip() if rate is None else rupees(amount * rate)
