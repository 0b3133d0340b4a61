"""The clock that tests and jobs read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core import IST, Clock, FixedClock


def test_the_real_clock_is_aware_and_in_utc():
    now = Clock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_a_fixed_clock_stands_still_until_it_is_advanced(clock):
    before = clock.now()
    assert clock.now() == before
    clock.advance(timedelta(hours=-2))
    assert clock.now() == before - timedelta(hours=2)


def test_a_fixed_clock_keeps_utc_whatever_zone_it_was_given():
    assert FixedClock(datetime(2026, 4, 1, 0, 0, tzinfo=IST)).now() == datetime(2026, 3, 31, 18, 30, tzinfo=UTC)


def test_a_fixed_clock_refuses_an_instant_without_a_zone():
    with pytest.raises(ValueError, match="add tzinfo"):
        FixedClock(datetime(2026, 4, 1))
