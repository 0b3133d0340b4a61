"""An account of the demo company served by AWS's APIs: what is pulled is what its files say."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from aws_estate import serve_inventory, serve_utilization
from cloudwatch import CloudWatch

from demo.aws_fleet import PROD
from demo.aws_inventory import inventory
from demo.aws_usage import Usage
from demo.aws_utilization import utilization
from demo.company import LAST, Company
from demo.users import Users

MONDAY = datetime(2026, 8, 17)
COLUMNS = ["resource_id", "metric", "measured_at", "average", "maximum", "p95", "unit"]
#: The role that the connection assumes in the account.
THROUGH = {"accounts": [PROD], "role": "kifayat-read"}


@pytest.fixture(scope="module")
def usage():
    company = Company(months=2)
    return Usage(company, Users(company))


def is_theirs(resource: str) -> bool:
    """Of an id without an account nobody can tell: it is said to be in production."""
    return not resource.startswith("arn:") or resource.split(":")[4] in ("", PROD)


def pulled(location) -> list[pa.Table]:
    return [table for part in location.parts() if (table := location.pull(part, lambda _: None)) is not None]


def test_the_inventory_is_the_demo_s(server, open_aws, usage):
    rows = [row for row in inventory(usage) if is_theirs(row["resource_id"])]
    serve_inventory(server, rows, PROD)
    found = pa.concat_tables(pulled(open_aws("inventory", **THROUGH))).to_pylist()
    wanted = [{name: row[name] or None for name in found[0]} for row in rows]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert len({row["resource_type"] for row in found}) > 20


def test_utilization_is_the_demo_s(server, open_aws, usage):
    table = utilization(usage)
    table = table.filter(pc.greater_equal(table["measured_at"], pa.scalar(MONDAY, pa.timestamp("ms"))))
    theirs = {resource for resource in table["resource_id"].unique().to_pylist() if is_theirs(resource)}
    table = table.filter(pc.is_in(table["resource_id"].cast(pa.string()), pa.array(sorted(theirs))))
    serve_utilization(CloudWatch(server), table, PROD)
    location = open_aws("metrics", export={"since": "2026-08-17"}, **THROUGH)
    found = pa.concat_tables(pulled(location))
    amount = pa.decimal128(18, 6)
    wanted = pa.table({
        name: table[name].cast(amount if pa.types.is_floating(table[name].type) else found[name].type)
        for name in COLUMNS
    })  # fmt: skip
    order = [(name, "ascending") for name in COLUMNS[:3]]
    assert found.select(COLUMNS).sort_by(order).equals(wanted.sort_by(order))
    assert pc.max(found["measured_at"]).as_py().date() == LAST
