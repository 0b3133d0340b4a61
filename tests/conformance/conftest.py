"""What the conformance tests share: one engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from warehouse import Engine, Limits


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """One engine for all tests of this folder."""
    with Engine(Limits(threads=1)) as engine:
        yield engine
