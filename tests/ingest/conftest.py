"""What the tests of the way in share: one engine, and a store of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import Store, open_store

from warehouse import Engine, Limits


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """One engine for all tests: what a load leaves in it is replaced by the next."""
    with Engine(Limits(threads=1)) as engine:
        yield engine


@pytest.fixture
def store(tmp_path: Path, engine: Engine) -> Iterator[Store]:
    """An empty store with a loader."""
    with open_store(tmp_path, engine) as store:
        yield store
