"""The time of day as a part that can be replaced; nothing else asks the system for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The system's clock."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


class FixedClock(Clock):
    """A clock that stands at `at` (aware; kept in UTC) until it is advanced."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError(f"the clock needs an aware instant, not {at!r}: add tzinfo")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant the clock stands at."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock, also backwards."""
        self._at += by
