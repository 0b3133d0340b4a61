"""Which delivery counts: the same twice, older after newer, unfinished after final, several accounts in one file."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from bills import Line, columns_of, csv_text, cur_line, delivered, write_cur, write_text
from stores import AFTER_JULY, IN_JULY, Store

from core import BadValue, ConformanceFailed, ExportConfig, FileCorrupt
from ingest import IngestReport, ingest_exports

DATA = Path(__file__).parent.parent / "data" / "aws-cur"
LATER = AFTER_JULY + timedelta(days=1)


def bill(store: Store, *costs: str, name: str = "bill.csv", **more: str) -> Path:
    return write_cur(store.folder / name, [cur_line(cost=cost, **more) for cost in costs])


def loads(store: Store) -> set[tuple[str, str, Decimal]]:
    return {(load.payer, load.partition, sum(t.billed_cost for t in load.totals)) for load in store.current()}


# -- the same again, older, newer ---------------------------------------------------------------------------------


def test_the_same_delivery_twice_changes_nothing(store):
    path = bill(store, "1", "2")
    assert store.load(path).outcome == "loaded"
    before = store.warehouse.ledger.state_hash_rows()
    assert store.load(path).outcome == "same"
    assert store.warehouse.ledger.state_hash_rows() == before
    assert store.total("BilledCost") == 3


def test_a_touched_file_with_the_same_content_is_the_same(store):
    path = bill(store, "1")
    store.load(path)
    assert store.load(path, at=LATER).outcome == "same"
    assert len(store.warehouse.ledger.rows("SELECT * FROM loads")) == 1


def test_the_same_content_under_another_name_is_the_same(store):
    store.load(bill(store, "1"))
    assert store.load(bill(store, "1", name="copy of bill.csv"), at=LATER).outcome == "same"
    assert store.total("BilledCost") == 1


def test_parts_in_another_order_are_the_same(store):
    one, two = bill(store, "1", name="part-1.csv"), bill(store, "2", name="part-2.csv")
    store.load(one, two)
    assert store.load(two, one, at=LATER).outcome == "same"


def test_a_newer_delivery_replaces_the_month_and_the_difference_is_noted(store):
    store.load(bill(store, "10", "5"))
    store.load(bill(store, "12"), at=LATER)
    assert store.total("BilledCost") == 12
    (note,) = store.warehouse.ledger.rows("SELECT * FROM restatements")
    assert (Decimal(note["before_cost"]), Decimal(note["after_cost"])) == (15, 12)
    assert (note["billing_month"], note["currency"], note["was_invoiced"]) == ("2026-07-01", "USD", 0)


def test_a_month_that_two_exports_hold_counts_twice_and_is_told_once(store):
    store.load(bill(store, "12"))
    first = store.load(bill(store, "12.5"), export="other")
    again = store.load(bill(store, "13"), export="other", at=LATER)
    store.load(bill(store, "1", name="june.csv", bill_payer_account_id="999988887777"), export="third")
    assert store.total("BilledCost") == 26
    (event,) = store.events("noted")
    assert event["message"].startswith("2026-07 of 111122223333 is also in the export aws, and both count")
    rest = store.load(bill(store, "2", name="rest.csv"), export="rest")
    assert [one for load in rest.loads for one in load.events if one.kind == "noted"] == [], "the end of a month"
    assert (first.warnings, again.warnings) == ((event["message"],), ())


def test_an_older_delivery_never_replaces_a_newer_one(store):
    store.load(bill(store, "12"))
    outcome = store.load(bill(store, "10"), at=IN_JULY)
    assert outcome.outcome == "superseded"
    assert "a newer delivery of 2026-08-03" in outcome.reason
    assert store.total("BilledCost") == 12
    assert len(store.events("superseded")) == 1


def test_a_month_that_comes_back_to_an_earlier_content_is_loaded_again(store):
    store.load(bill(store, "10"))
    store.load(bill(store, "12"), at=LATER)
    assert store.load(bill(store, "10"), at=LATER + timedelta(days=1)).outcome == "loaded"
    assert store.total("BilledCost") == 10
    assert len(store.warehouse.ledger.rows("SELECT * FROM restatements")) == 2


def test_two_exports_keep_their_own_bills(store):
    store.load(bill(store, "10"), export="one")
    store.load(bill(store, "10"), export="two")
    assert store.total("BilledCost") == 20


# -- open, provisional, invoiced ----------------------------------------------------------------------------------


def test_the_final_report_replaces_the_one_that_was_not(store):
    # As Koku's test data: the same period before and after finalisation, the payer's id corrected on the way.
    path = store.folder / "2023-06-01.csv"
    shutil.copy(DATA / "koku_cur1_2023_not_final.csv", path)
    store.load(path, at=IN_JULY)
    before = store.total("BilledCost")
    assert not store.current()[0].is_invoiced
    shutil.copy(DATA / "koku_cur1_2023_final.csv", path)
    store.load(path)
    (now,) = store.current()
    assert now.is_invoiced
    assert store.total("BilledCost") == sum(total.billed_cost for total in now.totals)
    notes = store.warehouse.ledger.rows("SELECT * FROM restatements")
    assert [
        (note["payer"], note["currency"], Decimal(note["before_cost"]), Decimal(note["after_cost"])) for note in notes
    ] == [("9999999999999", "NOK", before, 0)]
    assert now.payer == "0099999999999"


def test_an_invoiced_month_is_never_replaced_by_one_without_invoice_ids(store):
    store.load(bill(store, "12", bill_invoice_id="IN-1"))
    outcome = store.load(bill(store, "10"), at=LATER)
    assert outcome.outcome == "superseded"
    assert "2026-07 of 111122223333 is invoiced" in outcome.reason
    assert store.total("BilledCost") == 12


def test_an_invoiced_month_may_be_restated_by_an_invoiced_one(store):
    store.load(bill(store, "12", bill_invoice_id="IN-1"))
    lines = [cur_line(cost="12", bill_invoice_id="IN-1"), cur_line("Refund", "-2")]
    assert store.load(write_cur(store.folder / "bill.csv", lines), at=LATER).outcome == "loaded"
    (note,) = store.warehouse.ledger.rows("SELECT * FROM restatements")
    assert (note["was_invoiced"], Decimal(note["after_cost"])) == (1, 10)


def test_an_older_file_that_is_invoiced_replaces_a_newer_one_that_is_not(store):
    store.load(bill(store, "10"), at=LATER)
    assert store.load(bill(store, "12", bill_invoice_id="IN-1"), at=AFTER_JULY).outcome == "loaded"
    assert store.total("BilledCost") == 12


# -- one file, several bills --------------------------------------------------------------------------------------


def three_bills() -> list[Line]:
    june = datetime(2026, 6, 30, 23)
    return [
        cur_line(cost="1", bill_payer_account_id="000000000001"),
        cur_line(cost="2", bill_payer_account_id="000000000002"),
        cur_line(cost="3", bill_payer_account_id="000000000001", at=june),
        cur_line(cost="4", bill_payer_account_id="000000000001"),
    ]


def test_accounts_and_months_of_one_file_are_loads_of_their_own(store):
    outcome = store.load(write_cur(store.folder / "bill.csv", three_bills()))
    assert len(outcome.loads) == 3
    assert loads(store) == {
        ("000000000001", "2026-07", 5),
        ("000000000002", "2026-07", 2),
        ("000000000001", "2026-06", 3),
    }
    assert store.total("BilledCost") == 10


def test_only_the_months_that_a_file_holds_are_replaced(store):
    store.load(write_cur(store.folder / "all.csv", three_bills()))
    store.load(bill(store, "9", bill_payer_account_id="000000000001", name="july.csv"), at=LATER)
    assert loads(store) == {
        ("000000000001", "2026-07", 9),
        ("000000000002", "2026-07", 2),
        ("000000000001", "2026-06", 3),
    }


def test_a_file_that_is_overwritten_every_month_keeps_the_months_before(store):
    store.load(write_cur(store.folder / "bill.csv", [cur_line(cost="7", bill_invoice_id="IN-7")]))
    august = cur_line(cost="8", at=datetime(2026, 8, 2))
    store.load(write_cur(store.folder / "bill.csv", [august]), at=LATER)
    assert loads(store) == {("111122223333", "2026-07", 7), ("111122223333", "2026-08", 8)}


def test_a_corrected_account_id_replaces_what_the_same_file_brought(store):
    store.load(bill(store, "7", bill_payer_account_id="999"))
    store.load(bill(store, "7", bill_payer_account_id="000000000999"), at=LATER)
    assert loads(store) == {("000000000999", "2026-07", 7)}


def test_an_older_delivery_of_the_same_file_drops_nothing_of_the_newer_one(store):
    newer = [cur_line(cost="1", bill_payer_account_id="p1"), cur_line(cost="2", bill_payer_account_id="p2")]
    store.load(write_cur(store.folder / "bill.csv", newer))
    older = [cur_line(cost="5", bill_payer_account_id="p1"), cur_line(cost="6", bill_payer_account_id="p3")]
    store.load(write_cur(store.folder / "bill.csv", older), at=IN_JULY)
    assert {("p1", "2026-07", 1), ("p2", "2026-07", 2)} <= loads(store)


def test_a_part_that_was_replaced_is_taken_again_when_the_delivery_comes_again(store):
    both = write_cur(store.folder / "all.csv", three_bills())
    store.load(both)
    store.load(bill(store, "9", bill_payer_account_id="000000000001", name="july.csv"), at=LATER)
    assert store.load(both, at=LATER + timedelta(days=1)).outcome == "loaded"
    assert store.total("BilledCost") == 10


def test_another_file_that_takes_a_month_over_is_named(store):
    store.load(bill(store, "1", name="north.csv"))
    outcome = store.load(bill(store, "2", name="south.csv"), at=LATER)
    (event,) = store.events("replaced")
    assert event["message"].startswith("south.csv replaced north.csv as the bill of 2026-07")
    assert (Decimal(event["amount"]), event["currency"]) == (-1, "USD")
    assert outcome.warnings == (event["message"],)
    assert "USD 1.00 of it counts no more" in event["message"]


def test_currencies_are_never_added(store):
    lines = [cur_line(cost="1"), cur_line(cost="83", line_item_currency_code="INR")]
    store.load(write_cur(store.folder / "bill.csv", lines))
    (now,) = store.current()
    assert {(total.currency, total.billed_cost) for total in now.totals} == {("USD", 1), ("INR", 83)}


def test_negative_months_are_months(store):
    store.load(bill(store, "1", "-4.5"))
    assert store.total("BilledCost") == Decimal("-3.5")


# -- refused ------------------------------------------------------------------------------------------------------


def test_one_file_under_two_names_in_one_delivery_is_refused(store):
    one = bill(store, "1", name="part-1.csv")
    two = shutil.copy(one, store.folder / "part-2.csv")
    with pytest.raises(FileCorrupt, match=r"part-1\.csv and part-2\.csv are the same file"):
        store.load(one, Path(two))
    assert not store.current()


def test_a_header_without_rows_is_refused_and_never_zero(store):
    store.load(bill(store, "5"))
    empty = write_text(store.folder / "bill.csv", csv_text([], columns_of([cur_line()])))
    with pytest.raises(BadValue, match="a header and no row"):
        store.load(empty, at=LATER)
    assert store.total("BilledCost") == 5


def test_a_part_without_rows_beside_others_is_fine(store):
    empty = write_text(store.folder / "part-2.csv", csv_text([], columns_of([cur_line()])))
    store.load(bill(store, "5", name="part-1.csv"), empty)
    assert store.total("BilledCost") == 5


def test_rows_of_another_month_than_the_manifest_promises_are_refused(store):
    path = write_cur(store.folder / "bill.csv", [cur_line(), cur_line(at=datetime(2026, 6, 1))])
    with pytest.raises(ConformanceFailed, match="promises 2026-07, the files hold 2026-06"):
        store.load(path, month="2026-07")
    assert not store.current()


def test_what_was_refused_leaves_nothing_behind(store):
    store.load(bill(store, "5"))
    before = store.warehouse.ledger.state_hash_rows()
    folders = sorted(store.warehouse.directory.glob("charges/*/*/*/*"))
    with pytest.raises(BadValue):
        store.load(bill(store, "1", "oops"), at=LATER)
    assert store.warehouse.ledger.state_hash_rows() == before
    assert sorted(store.warehouse.directory.glob("charges/*/*/*/*")) == folders


# -- a whole run --------------------------------------------------------------------------------------------------


def run(store: Store, folder: Path, *more: ExportConfig) -> IngestReport:
    return ingest_exports(store.loader, [ExportConfig(name="aws", location=str(folder)), *more])


@pytest.fixture
def folder(store: Store) -> Path:
    path = store.folder / "exports"
    path.mkdir()
    return path


def test_a_second_run_reads_nothing_again(store, folder):
    write_cur(folder / "july.csv.gz", [cur_line()])
    assert run(store, folder).count("loaded") == 1
    again = run(store, folder)
    assert (again.outcomes, again.unchanged) == ((), 1)


def test_a_touched_file_is_read_and_found_the_same(store, folder):
    path = write_cur(folder / "july.csv", [cur_line()])
    run(store, folder)
    os.utime(path, (2_000_000_000, 2_000_000_000))
    assert [outcome.outcome for outcome in run(store, folder).outcomes] == ["same"]


def test_one_bad_file_does_not_stop_the_others(store, folder):
    write_cur(folder / "june.csv", [cur_line(cost="oops", at=datetime(2026, 6, 1))])
    write_cur(folder / "july.csv", [cur_line(cost="3")])
    (folder / "may.parquet").write_bytes(b"PAR1" + b"\xff" * 200 + b"\x20\x00\x00\x00PAR1")
    report = run(store, folder)
    assert report.count("loaded") == 1
    assert {outcome.group for outcome in report.refused} == {"june.csv", "may.parquet"}
    assert {row["file"] for row in store.warehouse.ledger.rows("SELECT file FROM quarantine")} == {
        "june.csv",
        "may.parquet",
    }


def test_a_refused_file_is_tried_again_and_forgiven_when_it_is_whole(store, folder):
    write_cur(folder / "july.csv", [cur_line(cost="oops")])
    assert run(store, folder).count("refused") == 1
    write_cur(folder / "july.csv", [cur_line(cost="3")])
    assert run(store, folder).count("loaded") == 1
    assert store.warehouse.ledger.rows("SELECT * FROM quarantine") == []


def test_a_refused_file_that_is_gone_is_forgotten(store, folder):
    path = write_cur(folder / "july.csv", [cur_line(cost="oops")])
    run(store, folder)
    path.unlink()
    run(store, folder)
    assert store.warehouse.ledger.rows("SELECT * FROM quarantine") == []


def test_a_location_that_is_not_there_stops_no_other(store, folder):
    write_cur(folder / "july.csv", [cur_line()])
    gone = ExportConfig(name="gone", location=str(store.folder / "nowhere"))
    report = ingest_exports(store.loader, [gone, ExportConfig(name="aws", location=str(folder))])
    assert [name for name, _ in report.unreachable] == ["gone"]
    assert report.count("loaded") == 1


def test_a_source_that_nobody_has_stops_no_other_export(store, folder):
    write_cur(folder / "july.csv", [cur_line()])
    wrong = ExportConfig(name="wrong", location=str(folder), source="aws_curr")
    report = ingest_exports(store.loader, [wrong, ExportConfig(name="aws", location=str(folder))])
    assert [outcome.export for outcome in report.refused] == ["wrong"]
    assert report.count("loaded") == 1


def test_deliveries_are_taken_in_the_order_in_which_they_were_made(store, folder):
    delivered(write_cur(folder / "zebra.csv", [cur_line(cost="1")]), IN_JULY)
    delivered(write_cur(folder / "aardvark.csv", [cur_line(cost="2")]), AFTER_JULY)
    run(store, folder)
    assert store.total("BilledCost") == 2
    assert store.current()[0].delivered_at == AFTER_JULY


def test_a_load_knows_where_it_came_from(store, folder):
    path = delivered(write_cur(folder / "july.csv", [cur_line()]), AFTER_JULY)
    run(store, folder)
    (now,) = store.current()
    (file,) = store.warehouse.ledger.rows("SELECT * FROM load_files")
    assert (file["name"], file["path"], file["rows"]) == ("july.csv", str(path), 1)
    assert (now.source, now.provider, now.delivered_at) == ("aws_cur", "AWS", AFTER_JULY)
    assert now.loaded_at == datetime(2026, 8, 3, 7, tzinfo=UTC)
    assert now.totals[0].billing_month == date(2026, 7, 1)
