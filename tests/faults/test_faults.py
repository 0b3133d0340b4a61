"""Faults 3 to 14 at the level of the whole pipeline: what a bad file, a full disk or a second writer may not do.

The finer cases of each (every kind of damage of a gzip, every shape of a manifest, S3) are in tests/ingest.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from apps import deliver, make_app, total
from bills import PAYER, cur_line, monthly_line, write_cur

from core import DiskFull, WriterBusy
from kifayat import App
from warehouse import Ledger, open_warehouse, writer_lock


@pytest.fixture
def app(tmp_path):
    return make_app(tmp_path)


def publish_ten(app: App, folder) -> Decimal:
    deliver(folder / "cur", "2026-07.csv", ["4", "6"])
    app.ingest()
    assert total(app) == 10
    return Decimal(10)


@pytest.mark.parametrize("left", [100_000, 1_000_000, 3_000_000], ids=["reading", "loading", "publishing"])
def test_fault_3_a_full_disk_changes_nothing_and_heals_by_itself(tmp_path, left):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    app = make_app(tmp_path)
    store = tmp_path / "store"
    store.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(store)], check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        publish_ten(app, tmp_path)
        ballast = store / "ballast"
        free = os.statvfs(store).f_bavail * os.statvfs(store).f_frsize
        ballast.write_bytes(b"\1" * (free - left))
        deliver(tmp_path / "cur", "2026-06.csv", ["5"] * 2000, at=datetime(2026, 6, 1))
        with pytest.raises(DiskFull) as caught:
            app.ingest()
        assert "Do:" in str(caught.value)
        assert total(app) == 10
        ballast.unlink()
        app.ingest()
        assert total(app) == 10 + 5 * 2000
    finally:
        subprocess.run(["umount", "-l", str(store)], check=False)


def test_fault_4_a_damaged_gzip_is_refused_and_the_next_whole_one_is_taken(app, tmp_path):
    publish_ten(app, tmp_path)
    path = deliver(tmp_path / "cur", "2026-06.csv.gz", ["1", "2"], at=datetime(2026, 6, 1))
    whole = path.read_bytes()
    for damage in (whole[:-12], whole[:-8] + b"\0\0\0\0" + whole[-4:], whole + b"tail"):
        path.write_bytes(damage)
        report = app.ingest().report
        assert [refused.group for refused in report.refused] == ["2026-06.csv"]
        assert "Do:" in report.refused[0].reason
        assert total(app) == 10
        assert app.query("SELECT file, sha256 <> '' FROM quarantine").rows == (("2026-06.csv", True),)
    path.write_bytes(whole)
    app.ingest()
    assert total(app) == 13
    assert app.query("SELECT COUNT(*) FROM quarantine").rows == ((0,),)


def test_fault_5_a_bad_manifest_keeps_the_previous_data_and_the_other_periods(app, tmp_path):
    for month in ("06", "07"):
        write_delivery(tmp_path / "cur", f"2026{month}01", "first", ["3"])
    app.ingest()
    assert total(app) == 6
    manifest = next((tmp_path / "cur").glob("report/20260701-*/report-Manifest.json"))
    whole = manifest.read_text()
    for bad in (whole[: len(whole) // 2], "{}", whole.replace("report-00001.csv.gz", "../../report-00001.csv.gz")):
        manifest.write_text(bad)
        write_delivery(tmp_path / "cur", "20260601", f"again{len(bad)}", [f"{len(bad)}"])
        report = app.ingest().report
        assert len(report.refused) == 1
        assert "Manifest.json" in report.refused[0].group
        assert total(app, where="x_BillingMonth = DATE '2026-07-01'") == 3
        assert total(app, where="x_BillingMonth = DATE '2026-06-01'") == len(bad)


def test_fault_6_files_rewritten_while_they_are_read_are_never_mixed(tmp_path):
    app = make_app(tmp_path)
    path = deliver(tmp_path / "cur", "2026-07.csv", ["1"] * 50)
    rewritten = []

    def rewrite(message: str) -> None:
        if "converted" in message and not rewritten:
            rewritten.append(message)
            deliver(tmp_path / "cur", "2026-07.csv", ["2"] * 50)

    app.ingest(rewrite)
    assert rewritten
    assert path.exists()
    assert total(app) == 100


def test_fault_7_only_the_files_of_the_manifest_count(app, tmp_path):
    write_delivery(tmp_path / "cur", "20260701", "first", ["3", "4"])
    app.ingest()
    assert total(app) == 7
    write_delivery(tmp_path / "cur", "20260701", "second", ["5"])
    stale = next((tmp_path / "cur").glob("report/20260701-*/second")) / "report-00002.csv.gz"
    stale.write_bytes(gzip.compress(b"anything"))
    app.ingest()
    assert total(app) == 5


def test_fault_8_the_same_delivery_is_a_no_op_and_an_older_one_never_replaces_a_newer(app, tmp_path):
    publish_ten(app, tmp_path)
    again = app.ingest()
    assert (again.report.unchanged, again.published.is_new) == (1, False)
    path = tmp_path / "cur" / "2026-07.csv"
    os.utime(path)  # touched: the same bytes under a new time
    assert app.ingest().report.count("same") == 1
    older = deliver(tmp_path / "cur", "older.csv", ["99"])
    os.utime(older, (1, 1))
    report = app.ingest().report
    assert report.count("superseded") == 1
    assert total(app) == 10


def test_fault_9_columns_may_come_go_and_change_places_but_not_the_required_ones(app, tmp_path):
    lines = [cur_line(cost="2", resource_tags_user_team="a", product_newcomer="x")]
    path = write_cur(tmp_path / "cur" / "2026-07.csv", lines)
    app.ingest()
    write_cur(path, lines, columns=list(reversed(lines[0])))
    app.ingest()
    assert total(app) == 2
    assert "product_newcomer" in app.query("SELECT string_agg(message, ' ') FROM events").rows[0][0]
    write_cur(path, [{k: v for k, v in lines[0].items() if k != "line_item_unblended_cost"}])
    report = app.ingest().report
    assert "closest is aws_cur, missing line_item_unblended_cost" in report.refused[0].reason
    assert total(app) == 2


@pytest.mark.parametrize("cost", ["abc", "1,234.50", "", "NaN"])
def test_fault_10_a_cost_that_is_no_number_refuses_the_file_and_names_the_row(app, tmp_path, cost):
    publish_ten(app, tmp_path)
    deliver(tmp_path / "cur", "2026-06.csv", ["1", cost, "3"], at=datetime(2026, 6, 1))
    report = app.ingest().report
    assert len(report.refused) == 1
    if cost:
        assert "2026-06.csv, data row 2" in report.refused[0].reason
    assert total(app) == 10


def test_fault_10_tiny_negative_and_foreign_amounts_are_exact_and_never_added_up(app, tmp_path):
    lines = [cur_line(cost=cost) for cost in ("0.0000000000001", "-2.5", "1.3E-9", "0.12345678901234567890")]
    lines.append(cur_line(cost="700", line_item_currency_code="INR"))
    write_cur(tmp_path / "cur" / "2026-07.csv", lines)
    app.ingest()
    rows = app.query("SELECT BillingCurrency, SUM(BilledCost) FROM cost_daily GROUP BY 1 ORDER BY 1").rows
    expected = Decimal("0.0000000000001") - Decimal("2.5") + Decimal("1.3E-9") + Decimal("0.123456789012345679")
    assert rows == (("INR", Decimal(700)), ("USD", expected))
    assert app.query("SELECT message FROM events WHERE kind = 'rounded'").rows == (
        ("1 amounts had more than 18 decimals and were rounded half up",),
    )


def test_fault_11_an_unknown_line_type_is_in_the_total_and_in_the_list(app, tmp_path):
    write_cur(tmp_path / "cur" / "2026-07.csv", [cur_line(cost="1"), cur_line("MysteryFee", "41")])
    app.ingest()
    assert total(app) == 42
    assert app.query("SELECT SUM(BilledCost) FROM unclassified").rows == ((Decimal(41),),)
    assert "MysteryFee" in app.query("SELECT message FROM events WHERE kind = 'unclassified'").rows[0][0]


def test_fault_12_a_month_that_shrinks_after_the_invoice_is_replaced_and_the_difference_shown(app, tmp_path):
    invoiced = {"bill_invoice_id": "777"}
    deliver(tmp_path / "cur", "2026-07.csv", ["10", "5"], **invoiced)
    app.ingest()
    assert app.query("SELECT state FROM periods").rows == (("invoiced",),)
    lines = [cur_line(cost="10", **invoiced), monthly_line("Refund", "-3", **invoiced)]
    write_cur(tmp_path / "cur" / "2026-07.csv", lines)
    app.ingest()
    assert total(app) == 7
    assert app.query("SELECT state FROM periods").rows == (("restated",),)
    rows = app.query("SELECT before_cost, after_cost, difference, was_invoiced FROM restatements").rows
    assert rows == ((Decimal(15), Decimal(7), Decimal(-8), True),)


BUDGET = """
[[budgets]]
name = "all"
financial_year = 2026
amount_inr = 20
shape = "even"
[alerts]
pace_pct = []
stale_bills_hours = 10000
"""


def test_fault_12_a_restated_bill_moves_the_budget_and_tells_nothing_twice(tmp_path):
    app = make_app(tmp_path, more=BUDGET)

    def restated(cost: str) -> list[str]:
        """Load July at another cost; the ids of the messages that this makes."""
        more = {"bill_invoice_id": "777", "line_item_currency_code": "INR"}
        deliver(tmp_path / "cur", "2026-07.csv", [cost], **more)
        app.ingest()
        assert app.query("SELECT spent_inr FROM budget_states").rows == ((Decimal(cost),),)
        before = _told(app)
        app.check_alerts()
        app.check_alerts()
        return _told(app)[len(before) :]

    alert = "budget:all:2026:actual:80"
    assert restated("17.00") == [alert]
    assert restated("16.50") == []
    assert restated("15.80") == [], "79 % is still within two points of 80"
    assert restated("7.00") == [f"{alert}:resolved"]
    assert "the bills were restated: ₹7, 35.0 % of the budget" in app.alerts(only_open=False)[0].resolution
    assert restated("17.00") == [f"{alert}#2"]


def _told(app: App) -> list[str]:
    with closing(Ledger(app.storage / "ledger.sqlite", readonly=True)) as ledger:
        return [row["event_id"] for row in ledger.rows("SELECT event_id FROM messages ORDER BY rowid")]


def test_fault_13_google_s_late_rows_corrections_and_credits_add_up_by_invoice_month(app, tmp_path):
    first = [
        gcp_row(
            "2026-07-30T10:00:00Z", "100", "202607", credits=[("SUSTAINED_USAGE_DISCOUNT", "-30"), ("PROMOTION", "-5")]
        )
    ]
    second = [
        gcp_row("2026-08-01T03:00:00Z", "7", "202607"),  # still July in California
        gcp_row("2026-07-30T10:00:00Z", "-100", "202608", adjustment="USAGE_CORRECTION"),
        gcp_row("2026-07-30T10:00:00Z", "90", "202608", adjustment="USAGE_CORRECTION"),
        gcp_row("2026-08-02T10:00:00Z", "50", "202608", project=None),
    ]
    write_json(tmp_path / "cur" / "gcp_2026_07.json", first)
    write_json(tmp_path / "cur" / "gcp_2026_08.json", second)
    for _ in range(2):
        app.ingest()
        rows = app.query("SELECT x_BillingMonth, SUM(BilledCost) FROM cost_daily GROUP BY 1 ORDER BY 1").rows
        assert [(f"{month:%Y-%m}", cost) for month, cost in rows] == [
            ("2026-07", Decimal(72)),
            ("2026-08", Decimal(40)),
        ]
        os.utime(tmp_path / "cur" / "gcp_2026_08.json")
    assert app.query("SELECT SUM(BilledCost) FROM cost_daily WHERE SubAccountId IS NULL").rows == ((Decimal(50),),)
    assert app.query("SELECT SUM(BilledCost) FROM charges WHERE ChargeClass = 'Correction'").rows == ((Decimal(-10),),)


def test_fault_14_a_second_writer_is_told_who_writes_and_readers_go_on(app, tmp_path):
    publish_ten(app, tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "store")], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "held"
    try:
        with pytest.raises(WriterBusy, match=f"pid {holder.pid}"):
            app.ingest()
        assert total(app) == 10
    finally:
        holder.kill()
        holder.wait()
    app.ingest()  # the kernel has freed the lock


_HOLD = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1] + "/writer.lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
os.ftruncate(descriptor, 0)
os.pwrite(descriptor, str(os.getpid()).encode(), 0)
print("held", flush=True)
sys.stdin.read()
"""


def test_fault_14_two_first_loads_of_a_month_cannot_both_count(app, tmp_path):
    publish_ten(app, tmp_path)
    with open_warehouse(tmp_path / "store") as warehouse:
        (load,) = warehouse.ledger.current_loads("charges")
        with pytest.raises(Exception, match="UNIQUE"), warehouse.ledger.transaction() as db:
            db.execute(
                "INSERT INTO loads SELECT NULL, kind, export, source, provider, payer, partition, file_group,"
                " 'another', content, delivered_at, loaded_at, folder, file_rows, row_rows, is_invoiced,"
                " complete_through, 1 FROM loads WHERE load_id = ?",
                (load.load_id,),
            )


def test_the_lock_is_free_again_after_use(tmp_path):
    for _ in range(2):
        with writer_lock(tmp_path), pytest.raises(WriterBusy, match=str(os.getpid())), writer_lock(tmp_path):
            pass


def test_rows_dated_in_the_future_wait_behind_the_watermark(tmp_path):
    app = make_app(tmp_path, now=datetime(2026, 7, 10, tzinfo=UTC))
    path = deliver(tmp_path / "cur", "2026-07.csv", ["1"], at=datetime(2026, 7, 8))
    late = cur_line(cost="9", at=datetime(2026, 7, 30))
    write_cur(path, [cur_line(cost="1", at=datetime(2026, 7, 8)), late])
    stamp = datetime(2026, 7, 9, tzinfo=UTC).timestamp()
    os.utime(path, (stamp, stamp))
    app.ingest()
    assert total(app) == 10
    (through,) = app.query("SELECT complete_through FROM freshness").rows[0]
    assert through == datetime(2026, 7, 9)


def test_the_same_files_give_the_same_marts(tmp_path):
    answers = []
    for name in ("a", "b"):
        folder = tmp_path / name
        app = make_app(folder)
        deliver(folder / "cur", "2026-07.csv", ["1.1", "2.2", "-0.3"], resource_tags_user_team="x")
        app.ingest()
        answers.append(
            [app.query(f"SELECT * FROM {mart} ORDER BY ALL").rows for mart in ("cost_daily", "commitment_usage")]
        )
    assert answers[0] == answers[1]


def write_delivery(root, start: str, assembly: str, costs: list[str]) -> None:
    """A legacy report that keeps its versions: one file per cost, the manifest beside them and above them."""
    begin = datetime.strptime(start, "%Y%m%d")
    end = (begin + timedelta(days=32)).replace(day=1)
    period = root / "report" / f"{begin:%Y%m%d}-{end:%Y%m%d}"
    (period / assembly).mkdir(parents=True)
    keys = []
    for number, cost in enumerate(costs, start=1):
        path = period / assembly / f"report-{number:05d}.csv.gz"
        write_cur(path, [cur_line(cost=cost, at=begin, line_item_resource_id=f"i-{number}")])
        keys.append(str(path.relative_to(root)))
    manifest = {
        "assemblyId": assembly,
        "account": PAYER,
        "columns": [],
        "charset": "UTF-8",
        "compression": "GZIP",
        "contentType": "text/csv",
        "reportId": "r",
        "reportName": "report",
        "billingPeriod": {"start": f"{begin:%Y%m%d}T000000.000Z", "end": f"{end:%Y%m%d}T000000.000Z"},
        "bucket": "bills",
        "reportKeys": keys,
        "additionalArtifactKeys": [],
    }
    for folder in (period / assembly, period):
        (folder / "report-Manifest.json").write_text(json.dumps(manifest))


def gcp_row(start, cost, month, *, credits=(), adjustment=None, project="neet-prod") -> dict:
    return {
        "billing_account_id": "01A2B3-C4D5E6-F7A8B9",
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": "S1", "description": "N2 Instance Core running in Mumbai"},
        "usage_start_time": start,
        "usage_end_time": start,
        "project": {"id": project, "name": project},
        "cost": cost,
        "currency": "INR",
        "currency_conversion_rate": 95.0,
        "usage": {"amount": 1, "unit": "seconds", "amount_in_pricing_units": 1, "pricing_unit": "hour"},
        "credits": [{"name": kind, "amount": amount, "type": kind} for kind, amount in credits],
        "invoice": {"month": month},
        "cost_type": "regular",
        "adjustment_info": {
            "type": adjustment,
            "mode": "COMPLETE_NEGATION_WITH_REMONETIZATION" if adjustment else None,
        },
    }


def write_json(path, rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
