"""The demo company through the APIs of Google Cloud is the demo company of its files."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from google_company import serve
from google_server import rows_of

from demo.company import Company
from demo.gcp_feeds import inventory, utilization
from demo.gcp_fleet import PROJECTS
from demo.users import Users
from ingest.gcp._measures import MEASURES

NOW = datetime(2026, 9, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def company():
    """A month of it."""
    company = Company(months=1)
    return inventory(company), utilization(company, Users(company))


def test_the_inventory_is_equal(server, open_gcp, company):
    seen, table = company
    serve(server, seen, table)
    found = {row.pop("resource_id"): row for row in rows_of(open_gcp("inventory", projects=list(PROJECTS)))}
    told = {
        row["resource_id"]: {
            name: str(value) if value else None
            for name, value in row.items()
            if name not in ("resource_id", "observed_at")
        }
        for row in seen
    }
    assert found == told


def test_every_hour_s_measures_are_equal_and_a_day_costs_next_to_nothing(server, open_gcp, company):
    seen, table = company
    serve(server, seen, table)
    location = open_gcp("metrics", projects=list(PROJECTS), export={"since": "2026-08-01"}, now=NOW)
    found = {
        (row["resource_id"], row["metric"], row["measured_at"]): tuple(
            Decimal(row[name]) for name in ("average", "maximum", "p95")
        )
        for row in rows_of(location)
    }
    told = {
        (row["resource_id"], row["metric"], str(row["measured_at"])): tuple(
            Decimal(str(row[name])) for name in ("average", "maximum", "p95")
        )
        for row in table.to_pylist()
        if row["measured_at"] >= datetime(2026, 8, 1, tzinfo=UTC)
    }
    assert found == told
    assert len(found) > 10_000
    assert location.meter.usage.requests <= 2 * len(PROJECTS) * 3 * len(MEASURES)
    assert location.meter.usage.usd < 0.001
