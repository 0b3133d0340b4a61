"""Accounts by name where the bill has none: as their organisation lists them, without another row or rupee."""

from __future__ import annotations

from datetime import datetime

from apps import deliver, make_app, total

ACCOUNTS = """account_id,provider,kind,name,parent
444455556666,AWS,account,"=HYPERLINK(""http://evil.example"") <b>lab</b>",Workloads/Dev
444455556666,Google Cloud,project,another cloud's,
777788889999,AWS,account, ,
"""


def accounts_of(app, table):
    """Names and sums, by account."""
    sql = f"SELECT SubAccountId, SubAccountName, SUM(BilledCost) FROM {table} GROUP BY ALL ORDER BY ALL"
    return app.query(sql).rows


def test_a_name_is_that_of_the_bill_else_that_of_the_organisation(tmp_path):
    app = make_app(tmp_path, exports=("cur", "named", "accounts"))
    deliver(tmp_path / "named", "2026-06.csv", ["3"], line_item_usage_account_name="lab of the bill")
    deliver(tmp_path / "cur", "2026-07.csv", ["4", "6"])
    deliver(tmp_path / "cur", "2026-06.csv", ["1"], at=datetime(2026, 6, 1), line_item_usage_account_id="777788889999")
    app.ingest()
    before = {table: accounts_of(app, table) for table in ("cost_daily", "cost_by_resource")}
    assert {name for rows in before.values() for _, name, _ in rows} == {None, "lab of the bill"}
    (tmp_path / "accounts" / "accounts.csv").write_text(ACCOUNTS)
    app.ingest()
    name = '=HYPERLINK("http://evil.example") <b>lab</b>'
    for table, rows in before.items():
        after = accounts_of(app, table)
        assert sum(cost for *_, cost in after) == total(app) == 14
        assert {(id, told) for id, told, _ in after} == {
            ("444455556666", "lab of the bill"), ("444455556666", name), ("777788889999", None),
        }  # fmt: skip
        assert len(after) == len(rows)
