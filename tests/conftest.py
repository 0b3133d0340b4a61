"""What every test may ask for: a clock that stands still, an empty storage directory, a whole company."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core import FixedClock

if TYPE_CHECKING:
    from ingest import IngestReport
    from kifayat import App

#: When the demo company's last bills have just come.
COMPANY_AT = datetime(2026, 8, 21, 3, tzinfo=UTC)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the whole company waits for minutes, and runs beside the others (`test.sh`)."""
    for item in items:
        if "demo_company" in getattr(item, "fixturenames", ()):
            item.add_marker("company")
            item.add_marker("slow")


@pytest.fixture(scope="session")
def demo_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `kifayat-demo/` as `kifayat demo --no-dashboard` leaves it: 36 months loaded, forecast and planned.

    One for all tests: whoever decides something takes it back.
    """
    from demo.company import Company
    from demo.write import write_company
    from kifayat import App

    folder = tmp_path_factory.mktemp("company") / "kifayat-demo"
    write_company(folder, Company(), lambda _: None)
    app = App.from_toml(folder / "kifayat.toml", FixedClock(COMPANY_AT))
    assert app.ingest(forecast=True).published.is_new
    app.recommend()
    return folder


@pytest.fixture(scope="session")
def sample_company(tmp_path_factory: pytest.TempPathFactory) -> tuple[App, IngestReport]:
    """The company of data/samples, loaded: its App, to be read only, and what loading reported."""
    from kifayat import App

    samples = Path(__file__).parents[1] / "data" / "samples"
    folder = tmp_path_factory.mktemp("samples")
    text = (samples / "kifayat.toml").read_text().replace('"../../.kifayat-demo"', f'"{folder / "store"}"')
    (folder / "kifayat.toml").write_text(text.replace('location = "', f'location = "{samples}/'))
    app = App.from_toml(folder / "kifayat.toml")
    return app, app.ingest().report


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
