"""What every test may ask for: a clock that stands still and an empty storage directory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """18 July 2026, noon in UTC: 17:30 in India, in the first half of a financial year."""
    return FixedClock(datetime(2026, 7, 18, 12, tzinfo=UTC))


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """An empty storage directory of its own."""
    directory = tmp_path / "storage"
    directory.mkdir()
    return directory
