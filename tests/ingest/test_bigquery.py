"""Google's billing export, read from a server that speaks BigQuery: days, months, corrections, limits and faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import grpc
import pyarrow.parquet as pq
import pytest
from bigquery_server import BigQueryReads, BigQueryServer
from gcp_export import TABLE, at, row, rows
from rest_server import cut, refuse

from core import ConfigError, ConnectionConfig, DeliveryChanged, ExportConfig, FixedClock, LocationUnreachable
from ingest.gcp import _bigquery
from ingest.locations import Reading, Retries, bigquery, never_seen, open_location

NOW = at("2026-08-21 03:00")
QUICK = Retries(attempts=3, base_seconds=0.001, cap_seconds=0.002, sleep=lambda _: None)
NAME = TABLE.rpartition(".")[2]


@pytest.fixture(scope="module")
def running():
    server = BigQueryServer()
    reads = BigQueryReads(server)
    yield server, reads
    reads.close()
    server.close()


@pytest.fixture
def server(running):
    running[0].clear()
    return running[0]


@pytest.fixture
def reads(running, server):
    running[1].calls.clear()
    running[1].refusals.clear()
    return running[1]


@pytest.fixture
def opened(running):
    server, reads = running

    def open_at(
        location: str = "bigquery://pragati-billing/billing",
        now: datetime = NOW,
        seen=never_seen,
        since=None,
        sleep=QUICK.sleep,
        **connection,
    ):
        access = ConnectionConfig.model_validate(
            {"name": "g", "kind": "gcp", "endpoints": {"bigquery": server.url, "bigquerystorage": reads.url},
             "requests_per_second": 100} | connection
        )  # fmt: skip
        reading = Reading(
            retries=replace(QUICK, sleep=sleep), clock=FixedClock(now), connections={"g": access}, seen=seen
        )
        export = ExportConfig.model_validate({"name": "gcp", "location": location, "connection": "g", "since": since})
        return open_location(export, reading)

    return open_at


def fill(server, *days: str, micros: int = 1_000_000) -> None:
    for text in days:
        server.append(TABLE, date.fromisoformat(text), rows([row(at(f"{text} 01:00"), at(f"{text} 09:00"), micros)]))


def groups(location) -> list[str]:
    return [item.group.removeprefix(f"{NAME}/") for item in location.deliveries()]


def take(location, tmp_path):
    (file,) = location.fetch(location.deliveries()[0], tmp_path / "staging")
    return pq.read_table(file.path)


# What there is ---------------------------------------------------------------------------------------------


def test_months_that_are_over_are_one_part_and_the_others_go_by_day(server, opened):
    fill(server, "2026-06-30", "2026-07-01", "2026-07-31", "2026-08-01", "2026-08-20")
    assert groups(opened()) == ["2026-06", "2026-07", "2026-08-01", "2026-08-20"]
    assert groups(opened(now=at("2026-08-04 03:00")))[:3] == ["2026-06", "2026-07-01", "2026-07-31"]


def test_parts_keep_their_fingerprint_until_a_row_comes(server, opened):
    fill(server, "2026-08-19", "2026-08-20")
    before = {item.group: item.fingerprint for item in opened().deliveries()}
    assert {item.group: item.fingerprint for item in opened().deliveries()} == before
    fill(server, "2026-08-19", micros=0)
    after = {item.group: item.fingerprint for item in opened().deliveries()}
    assert {group for group in before if before[group] != after[group]} == {f"{NAME}/2026-08-19"}


def test_old_month_is_looked_at_again_only_if_google_wrote_to_it_since(server, opened):
    server.now = at("2026-03-31 09:00")
    fill(server, "2026-03-30")
    server.now = NOW
    fill(server, "2026-08-20")

    def seen(_, group):
        return at("2026-04-10 03:00") if group.endswith("2026-03") else None

    assert groups(opened(seen=seen)) == ["2026-08-20"]
    fill(server, "2026-03-30")
    assert groups(opened(seen=seen)) == ["2026-03", "2026-08-20"]


def test_detailed_table_is_taken_where_there_are_both_since_each_is_the_whole_bill(server, opened):
    fill(server, "2026-08-20")
    other = TABLE.replace("_resource_v1_", "_v1_")
    server.tables[other] = dict(server.tables[TABLE])
    server.modified[other, date(2026, 8, 20)] = NOW
    assert [item.group for item in opened().deliveries()] == [f"{NAME}/2026-08-20"]
    assert len(opened(f"bigquery://{other.replace('.', '/')}").deliveries()) == 1


def test_days_that_are_absent_between_others_are_noted(server, opened):
    fill(server, "2026-08-10", "2026-08-14", "2026-08-15")
    notes = {item.group[-10:]: item.notes for item in opened().deliveries()}
    assert "from 2026-08-11 to 2026-08-13 (3 days)" in notes["2026-08-14"][0]
    assert not notes["2026-08-10"]
    assert not notes["2026-08-15"]


def test_partitions_that_expire_stay_days_and_a_shrinking_month_is_not_read_again(server, opened):
    fill(server, "2026-07-30", "2026-08-20")
    server.expiration_days = 60
    assert groups(opened()) == ["2026-07-30", "2026-08-20"]
    server.expiration_days = 40
    assert groups(opened(seen=lambda _, group: NOW if group.endswith("2026-07") else None)) == ["2026-08-20"]


def test_month_does_not_take_over_from_days_that_bigquery_has_no_more(server, opened):
    fill(server, "2026-07-30")

    def seen(_, group):
        return at("2026-07-04 03:00") if group.endswith("2026-07-03") else None

    assert groups(opened(seen=seen)) == ["2026-07-30"]
    assert groups(opened()) == ["2026-07"]


def test_since_leaves_out_earlier_load_days(server, opened):
    fill(server, "2026-08-10", "2026-08-20")
    assert groups(opened(since=date(2026, 8, 15))) == ["2026-08-20"]


def test_dataset_without_an_export_and_table_of_something_else_are_told(server, opened):
    with pytest.raises(LocationUnreachable, match="no table gcp_billing_export"):
        opened().deliveries()
    server.append("pragati-billing.billing.users", date(2026, 8, 1), rows([]).select(["labels"]))
    with pytest.raises(LocationUnreachable, match="is no billing export: it has no billing_account_id"):
        opened("bigquery://pragati-billing/billing/users").deliveries()


@pytest.mark.parametrize("address", ["bigquery://x", "bigquery://x/y`z/t", "bigquery://x/y/t'--", "bigquery://a/b/c/d"])
def test_address_that_is_none_is_a_fault_of_the_configuration(opened, address):
    with pytest.raises(ConfigError, match="is not bigquery://project/dataset"):
        opened(address)


# Reading ---------------------------------------------------------------------------------------------------


def test_only_what_is_read_is_asked_and_what_is_not_keeps_its_name(server, opened, tmp_path):
    fill(server, "2026-08-20")
    found = take(opened(), tmp_path)
    assert {"a_field_of_next_year", "system_labels"} <= set(found.column_names)
    assert found["a_field_of_next_year"].null_count == 1
    assert found["project"].to_pylist()[0]["ancestors"] is None
    assert found["labels"].to_pylist() == [[]]
    sql = next(path for path in server.requests if "POST" in path)
    assert sql


def test_amounts_arrive_as_the_decimals_that_google_wrote(store, server, opened, tmp_path):
    micros = [1, 10_000_001, -4_999_990_371, 123_456_789_012]
    found = [row(at("2026-08-19 20:00"), at("2026-08-20 09:00"), one, credits=[-one // 3, -7]) for one in micros]
    server.append(TABLE, date(2026, 8, 20), rows(found))
    location = opened()
    (delivery,) = location.deliveries()
    files = location.fetch(delivery, tmp_path / "staging")
    store.loader.load(location.export, delivery, files, tmp_path / "load")
    expected = Decimal(sum(micros) + sum(-one // 3 - 7 for one in micros)).scaleb(-6)
    assert store.total("BilledCost") == expected
    assert [event["message"] for event in store.events("unread columns")] == [
        "columns not read: project.number, project.ancestors, system_labels, location.location, price.unit,"
        " a_field_of_next_year"
    ]


def test_charges_are_those_of_the_same_rows_in_a_file(store, server, opened, tmp_path):
    info = {"type": "USAGE_CORRECTION", "mode": "COMPLETE_NEGATION"}
    hostile = {"team": "'; DROP TABLE charges; --", "naïve": "=cmd|' /C calc'!A0"}
    made = rows([
        row(at("2026-08-18 20:00"), at("2026-08-20 09:00"), 123_456_789, credits=[-7, -10**7], labels=hostile),
        row(at("2026-07-31 23:00"), at("2026-08-20 10:00"), -5, month="202608", adjustment=info, project=None),
        row(at("2026-07-31 23:00"), at("2026-08-20 10:00"), -5, month="202608", adjustment=info, project=None),
    ])  # fmt: skip
    server.append(TABLE, date(2026, 8, 20), made)
    location = opened()
    (delivery,) = location.deliveries()
    files = location.fetch(delivery, tmp_path / "staging")
    store.loader.load(location.export, delivery, files, tmp_path / "load")
    pq.write_table(made, tmp_path / "bill.parquet")
    store.load(tmp_path / "bill.parquet", export="file")
    asked, read = (
        store.rows("* EXCLUDE (x_ExportName)", f"x_ExportName = '{name}' ORDER BY ALL") for name in ("gcp", "file")
    )
    assert len(asked) == 5
    assert asked == read


def test_pages_and_streams_bring_the_same_rows_in_the_same_order(server, reads, opened, tmp_path, monkeypatch):
    many = [
        row(at("2026-08-19 20:00"), at("2026-08-20 09:00"), n % 7, credits=[-n], name=f"vm-{n}") for n in range(900)
    ]
    server.append(TABLE, date(2026, 8, 20), rows(many))
    streamed = take(opened(), tmp_path)
    assert reads.calls == ["CreateReadSession", "ReadRows"]
    server.page_rows = 400
    reads.refusals.append(grpc.StatusCode.PERMISSION_DENIED)
    paged = take(opened(), tmp_path)
    assert sum("/data?" in path and "_anon" in path for path in server.requests) >= 3
    assert paged.to_pylist() == streamed.to_pylist()
    assert paged.num_rows == 900


def test_stream_that_breaks_goes_on_where_it_broke(server, reads, opened, tmp_path):
    many = [row(at("2026-08-19 20:00"), at("2026-08-20 09:00"), n, name=f"vm-{n}") for n in range(900)]
    server.append(TABLE, date(2026, 8, 20), rows(many))
    reads.batch_rows, reads.breaks_after = 250, 2
    assert take(opened(), tmp_path).num_rows == 900
    assert reads.calls == ["CreateReadSession", "ReadRows", "ReadRows"]


def test_two_days_with_the_same_rows_both_count(store, server, opened, tmp_path):
    same = rows([row(at("2026-08-19 01:00"), at("2026-08-20 09:00"), 5_000_000)])
    server.append(TABLE, date(2026, 8, 19), same)
    server.append(TABLE, date(2026, 8, 20), same)
    location = opened()
    for number, delivery in enumerate(location.deliveries()):
        files = location.fetch(delivery, tmp_path / f"staging-{number}")
        assert store.loader.load(location.export, delivery, files, tmp_path / f"load-{number}").outcome == "loaded"
    assert store.total("BilledCost") == 10


def test_row_that_comes_between_signature_and_reading_is_a_change(server, opened, tmp_path):
    fill(server, "2026-08-20")
    location = opened()
    (delivery,) = location.deliveries()
    fill(server, "2026-08-20", micros=0)
    with pytest.raises(DeliveryChanged, match="do not add up to what BigQuery said"):
        location.fetch(delivery, tmp_path / "staging")
    assert take(location, tmp_path).num_rows == 2


# What it costs ---------------------------------------------------------------------------------------------


def test_estimate_is_what_is_then_measured_in_bytes_and_requests(server, opened, tmp_path):
    fill(server, "2026-07-03", "2026-08-19", "2026-08-20")
    server.bytes_per_value = 3 << 20
    location = opened()
    deliveries = location.deliveries()
    expected = location.meter.usage + location.estimate(deliveries)
    for number, delivery in enumerate(deliveries):
        location.fetch(delivery, tmp_path / str(number))
    assert location.meter.usage.units == expected.units
    assert location.meter.usage.units[_bigquery.UNIT] == server.bytes_billed / (1 << 40)
    assert location.meter.usage.requests == len(server.requests) == expected.requests
    assert expected.usd == pytest.approx(server.bytes_billed / (1 << 40) * 6.25)


def test_part_beyond_max_gib_billed_is_refused_unread_and_others_are_not(server, opened, tmp_path):
    fill(server, "2026-08-19", *["2026-08-20"] * 9)
    server.bytes_per_value = 3 << 20
    location = opened(max_gib_billed=0.5)
    small, large = location.deliveries()
    assert location.fetch(small, tmp_path / "small")
    billed = server.bytes_billed
    with pytest.raises(LocationUnreachable, match=r"reading it takes .* GiB.*raise max_gib_billed") as caught:
        location.fetch(large, tmp_path / "large")
    assert not caught.value.transient
    assert server.bytes_billed == billed


def test_every_query_carries_the_limit(server, opened):
    fill(server, "2026-08-20")
    with pytest.raises(LocationUnreachable, match=r"bytesBilledLimitExceeded.*raise max_gib_billed"):
        opened(max_gib_billed=0.001).deliveries()


# Failing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["POST", "/jobs/", "/data", "GET"])
@pytest.mark.parametrize(
    "fault",
    [refuse(503, "backendError"), refuse(429, "rateLimitExceeded"), refuse(403, "rateLimitExceeded"),
     cut(lambda body: body[: len(body) // 2]), cut(lambda body: body[: len(body) // 2], keep_length=False)],
    ids=["503", "429", "403 of too many", "broken off", "short"],
)  # fmt: skip
def test_what_passes_is_asked_again(server, opened, tmp_path, what, fault):
    fill(server, "2026-08-20")
    server.fail(what, fault, times=1)
    server.fail(what, fault, after=3, times=1)
    assert take(opened(), tmp_path).num_rows == 1


def test_job_that_fails_for_no_fault_of_its_own_is_started_again(server, opened, tmp_path):
    fill(server, "2026-08-20")
    server.job_errors = ["backendError", "rateLimitExceeded"]
    assert take(opened(), tmp_path).num_rows == 1
    server.job_errors = ["backendError"] * 3
    with pytest.raises(LocationUnreachable, match="did not run the query: backendError") as caught:
        opened().deliveries()
    assert caught.value.transient


@pytest.mark.parametrize(
    ("status", "reason", "fix"),
    [(401, "authError", "renew the credentials"), (403, "accessDenied", "grant bigquery.tables.list")],
)
def test_refusal_is_not_repeated_and_says_what_to_grant(server, opened, status, reason, fix):
    fill(server, "2026-08-20")
    server.fail("GET", refuse(status, reason))
    with pytest.raises(LocationUnreachable, match=fix) as caught:
        opened().deliveries()
    assert not caught.value.transient
    assert "secret" not in str(caught.value)
    assert len(server.requests) == 1


def test_used_up_quota_is_told_and_not_repeated(server, opened):
    fill(server, "2026-08-20")
    server.job_errors = ["quotaExceeded"]
    with pytest.raises(LocationUnreachable, match=r"quotaExceeded.*raise the project's quota") as caught:
        opened().deliveries()
    assert not caught.value.transient


# Permissions -----------------------------------------------------------------------------------------------


def test_exactly_the_declared_permissions_are_used(server, reads, opened, tmp_path):
    many = [row(at("2026-08-19 20:00"), at("2026-08-20 09:00"), n) for n in range(600)]
    server.append(TABLE, date(2026, 8, 20), rows(many))
    location = opened()
    take(location, tmp_path)
    assert set(location.meter.calls) == set(bigquery.PERMISSIONS)


def test_every_permission_is_proven_by_a_call_that_bills_nothing(server, reads, opened):
    fill(server, "2026-08-20")
    location = opened()
    for probe in location.probes():
        before = dict(location.meter.calls)
        probe.call()
        assert location.meter.calls[probe.permission] > before.get(probe.permission, 0)
    assert {probe.permission for probe in location.probes()} | {"bigquery.readsessions.getData"} == set(
        bigquery.PERMISSIONS
    )
    assert server.bytes_billed == 0


def test_denied_permission_is_named_by_its_probe(server, opened):
    fill(server, "2026-08-20")
    server.fail("POST", refuse(403, "accessDenied"))
    probe = next(one for one in opened().probes() if one.permission == "bigquery.jobs.create")
    with pytest.raises(LocationUnreachable, match=r"grant bigquery\.jobs\.create") as caught:
        probe.call()
    assert "secret" not in str(caught.value)


def test_poll_waits_longer_and_longer_but_never_long(server, opened):
    fill(server, "2026-08-20")
    waits: list[float] = []
    location = opened(sleep=waits.append)
    server.polls = 9
    location.deliveries()
    assert {0.2, 0.5, 1.0, 2.0, 3.0} <= set(waits)
    assert max(waits) == 3
