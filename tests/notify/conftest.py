"""Receivers, an office and an authority for every test of the way out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from office import NEXT_SECRET, SECRET, Office
from receivers import Authority, Mailbox, Web, authority, mail_receiver, web_receiver


@pytest.fixture
def web() -> Iterator[Web]:
    with web_receiver() as made:
        yield made


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_receiver() as made:
        yield made


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("NEXT_SECRET", NEXT_SECRET)


@pytest.fixture
def office(storage: Path) -> Office:
    return Office(storage)
