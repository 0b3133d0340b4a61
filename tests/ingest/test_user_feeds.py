"""Counts of users on their way in: hours and days, what looks like a person, small cells, settings of what is asked."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import BadValue, ConfigError, ExportConfig, UnknownExport, load_config
from ingest import ingest_exports
from ingest.check import check_exports
from ingest.persons import K, looks_like_a_person, names_a_person, write_counts
from warehouse import Engine, Limits

HEADER = "active_on,product,state,metric,active_users\n"


def write(folder: Path, text: str, name: str = "users.csv") -> Path:
    """A feed file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def rows(store, columns: str) -> list[tuple[object, ...]]:
    """What is stored, in order."""
    return [tuple(row.values()) for row in store.rows(columns, "TRUE ORDER BY ALL", kind="active_users")]


# -- days and hours -------------------------------------------------------------------------------------------------


def test_an_hour_without_a_day_belongs_to_the_day_it_is_in_india(store, tmp_path):
    text = "active_at,active_users\n2026-07-01T18:00:00Z,50\n2026-07-01T18:30:00Z,60\n2026-07-02T00:00:00+05:30,70\n"
    store.load(write(tmp_path, text), export="users")
    found = rows(store, "active_on, active_at, metric, active_users")
    assert [(str(day), str(at), metric, n) for day, at, metric, n in found] == [
        ("2026-07-01", "2026-07-01 18:00:00", "concurrent", 50),
        ("2026-07-02", "2026-07-01 18:30:00", "concurrent", 130),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["users.json", "users.parquet"])
def test_hours_come_in_every_format(store, tmp_path, name):
    path = tmp_path / name
    if name.endswith("json"):
        path.write_text(json.dumps({"active_at": "2026-07-01T19:00:00Z", "active_users": 50}) + "\n")
    else:
        with Engine(Limits(threads=1)) as engine:
            engine.copy_file("SELECT TIMESTAMP '2026-07-01 19:00:00' AS active_at, 50 AS active_users", path)
    store.load(path, export="users")
    assert [(str(day), n) for day, n in rows(store, "active_on, active_users")] == [("2026-07-02", 50)]


def test_a_day_that_is_given_is_kept_and_only_an_empty_one_is_filled_from_the_hour(store, tmp_path):
    text = "active_on,active_at,active_users\n2026-07-01,2026-07-01T19:00:00Z,50\n,2026-07-01T19:00:00Z,60\n"
    store.load(write(tmp_path, text), export="users")
    assert [(str(day), n) for day, n in rows(store, "active_on, active_users")] == [
        ("2026-07-01", 50),
        ("2026-07-02", 60),
    ]


def test_totals_and_other_have_one_spelling_and_other_metrics_pass_in_lower_case(store, tmp_path):
    text = HEADER + "2026-07-01, ALL ,All,Doubts_Asked,90\n2026-07-01,Other,OTHER,Doubts_Asked,40\n"
    store.load(write(tmp_path, text), export="users")
    assert rows(store, "product, state, metric") == [("all", "all", "doubts_asked"), ("other", "other", "doubts_asked")]


def test_a_month_with_changed_counts_replaces_the_old_one_and_leaves_the_other_months(store, tmp_path):
    for month, n in (("2026-06", 50), ("2026-07", 60), ("2026-07", 75)):
        path = write(tmp_path, HEADER + f"{month}-01,neet,Bihar,mau,{n}\n", f"{month}-{n}.csv")
        store.load(path, export="users", group=month)
    assert [(str(day), n) for day, n in rows(store, "active_on, active_users")] == [
        ("2026-06-01", 50),
        ("2026-07-01", 75),
    ]


def test_a_rolling_count_of_every_day_is_no_count_of_the_month(store, tmp_path):
    text = HEADER + "".join(f"2026-07-{day:02},neet,Bihar,mau,900\n" for day in range(1, 31))
    with pytest.raises(BadValue, match="mau stands on more than one day of a month, for 1 months"):
        store.load(write(tmp_path, text), export="users")
    assert store.current("active_users") == []


def test_rows_of_one_month_that_differ_in_nothing_kept_are_one_count(store, tmp_path):
    text = "active_on,platform,metric,active_users\n2026-07-31,android,mau,60\n2026-07-31,web,mau,40\n"
    store.load(write(tmp_path, text), export="users")
    assert [(str(day), n) for day, n in rows(store, "active_on, active_users")] == [("2026-07-01", 100)]


# -- nobody is stored -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    ["studentemail", "parentphone", "Student-Email", "mob", "Tel.", "user", "Candidate", "reg_no", "admission no",
     "imei", "mobilenumber2", "ENROLMENTNO", "sessionId", "customer_id", "apaar_id", "नाम", "मोबाइल नंबर",
     "asha@example.in"],
)  # fmt: skip
def test_near_misses_of_forbidden_names_are_known(column):
    assert names_a_person(column)


@pytest.mark.parametrize(
    "column",
    ["users", "students", "active_at", "app_version", "session_count", "platform", "customers", "registrations"],
)
def test_names_of_counts_and_their_dimensions_pass(column):
    assert not names_a_person(column)


PERSONS = [
    "asha@example.in", "Asha <asha@example.in>", "asha@okaxis", "call 98765-43210", "+91 98765 43210",
    "tel:09876543210", "+1 (415) 555-0100 22", "९८७६५४३२१०", "NEET26-12345678", "roll 20260001",
    "id=123e4567-e89b-12d3-a456-426614174000",
    "sha256:d41d8cd98f00b204e9800998ecf8427e", "PAN ABCDE1234F",
]  # fmt: skip


@pytest.mark.parametrize("value", PERSONS)
@pytest.mark.parametrize("place", ["product", "state", "metric"])
def test_a_person_inside_a_value_refuses_the_file_and_stays_nowhere(store, tmp_path, capfd, value, place):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    cell = {"product": "neet", "state": "Bihar", "metric": "dau"} | {place: value}
    line = f"2026-07-01,{cell['product']},{cell['state']},{cell['metric']},50\n"
    write(inbox, HEADER + "2026-07-01,neet,Goa,dau,50\n" + line * 2)
    report = ingest_exports(store.loader, [ExportConfig(name="users", location=str(inbox))])
    (refused,) = report.refused
    assert f"{place} looks like a person" in refused.reason
    assert "in 2 rows" in refused.reason
    assert store.current("active_users") == []
    stored = [path.read_bytes() for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    needle = re.sub(r"\s", " ", value).encode()
    assert not [data for data in stored if needle in data or needle.lower() in data]
    said = "".join(capfd.readouterr()) + refused.reason
    assert value not in said
    assert store.engine.rows("SELECT COUNT(*) FROM duckdb_tables() WHERE table_name = 'counts'") == [(0,)]


@pytest.mark.parametrize(
    "value", ["NEET 2026-27", "batch 2026-2027", "neet_2026_05_03", "class@9", "Jammu & Kashmir", "v1.2.3", "decade"]
)
def test_what_only_resembles_a_person_is_told_apart(value):
    # an @ between two characters is an address of somebody (UPI needs no dot): better a file too many refused
    assert looks_like_a_person(value) == ("@" in value)


def test_a_file_without_a_header_is_refused_and_its_first_row_is_told_nowhere(store, tmp_path):
    text = "2026-07-01,asha@example.in,9876543210\n2026-07-02,ravi@example.in,9876543211\n"
    with pytest.raises(UnknownExport) as caught:
        store.load(write(tmp_path, text), export="users")
    assert "looks like a person" in str(caught.value)
    assert not re.search("asha|98765", str(caught.value))


def test_a_person_as_the_name_of_a_column_is_refused_and_told_nowhere(store, tmp_path):
    text = "active_on,active_users,asha@example.in,e_mail\n2026-07-01,50,1,x\n"
    with pytest.raises(BadValue, match="about persons: one that looks like a person itself, e_mail") as caught:
        store.load(write(tmp_path, text), export="users")
    assert "asha" not in str(caught.value)


def test_a_negative_count_is_told_with_its_row(store, tmp_path):
    text = HEADER + "2026-07-01,neet,Bihar,dau,50\n2026-07-02,neet,Bihar,dau,-1\n2026-07-03,neet,Bihar,dau,-4\n"
    with pytest.raises(BadValue, match="negative in 2 rows") as caught:
        store.load(write(tmp_path, text), export="users")
    assert "users.csv, data row 2: active_users" in str(caught.value)


# -- small cells ----------------------------------------------------------------------------------------------------


def test_the_only_product_of_an_hour_is_not_named_where_it_is_small(store, tmp_path):
    store.load(write(tmp_path, HEADER + "2026-07-01,neet,Bihar,dau,7\n"), export="users")
    assert rows(store, "product, state, active_users") == [("other", "other", 7)]
    assert [event["message"] for event in store.events("merged")] == [
        "1 counts below 20 that stand alone are kept as 'other'"
    ]


def test_hours_and_metrics_are_merged_each_for_itself(store, tmp_path):
    text = "active_at,product,state,metric,active_users\n" + "".join(
        f"2026-07-01T{hour}:00:00Z,neet,{state},concurrent,{n}\n"
        for hour, state, n in (("09", "Bihar", 100), ("09", "Goa", 5), ("10", "Bihar", 100), ("10", "Goa", 25))
    )
    store.load(write(tmp_path, text), export="users")
    assert [(at.hour, state, n) for at, state, n in rows(store, "active_at, state, active_users")] == [
        (9, "other", 105), (10, "Bihar", 100), (10, "Goa", 25),
    ]  # fmt: skip


CELL = st.tuples(
    st.sampled_from(["2026-07-01", "2026-07-02"]),
    st.sampled_from([None, "2026-07-01 09:00:00", "2026-07-01 10:00:00"]),
    st.sampled_from(["dau", "concurrent"]), st.sampled_from(["neet", "tests", "other"]),
    st.sampled_from(["Bihar", "Goa", "Delhi", "other"]), st.integers(0, 45),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELL, min_size=1, max_size=40))
def test_every_day_hour_and_metric_keeps_its_total_and_no_cell_is_small_unless_that_is(tmp_path, engine, cells):
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE given (active_on DATE, active_at TIMESTAMP, metric VARCHAR, product VARCHAR,"
        " state VARCHAR, active_users BIGINT)"
    )
    engine.insert("given", cells)
    engine.copy_file("SELECT * FROM given", tmp_path / "in.parquet")
    events = write_counts(engine, [tmp_path / "in.parquet"], tmp_path / "out.parquet")
    found = engine.rows(
        "SELECT CAST(active_on AS VARCHAR), CAST(active_at AS VARCHAR), metric, product, state, active_users"
        " FROM read_parquet(?)",
        [str(tmp_path / "out.parquet")],
    )
    assert totals(found, 3) == totals(cells, 3)
    for width in (4, 5):  # products as much as their states
        for key, count in totals(found, width).items():
            assert count == 0 or count >= K or totals(cells, 3)[key[:3]] < K
    small = [count for count in totals(cells, 5).values() if 0 < count < K]
    assert bool(events) <= bool(small)


def totals(cells, width: int) -> dict[tuple[object, ...], int]:
    """Sums by the first columns."""
    sums: dict[tuple[object, ...], int] = defaultdict(int)
    for cell in cells:
        sums[tuple(cell[:width])] += cell[-1]
    return sums


# -- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('query = "SELECT 1"', 'query has no meaning for a folder; write location = "prometheus+https://…" or "post'),
        ('metric = "dau"', "metric has no meaning for a folder"),
        ('query = ""', "query"),
    ],
)  # fmt: skip
def test_a_setting_of_what_is_asked_is_a_fault_of_a_folder(tmp_path, lines, fault):
    path = write(
        tmp_path,
        f'[storage]\ndirectory = "store"\n[[exports]]\nname = "users"\nlocation = "in"\n{lines}\n',
        "kifayat.toml",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("location", "more", "fault"),
    [
        ("duckdb:///x/y.duckdb", {}, "query is missing"),
        ("duckdb://x/y.duckdb", {"query": "q"}, "three slashes"),
        ("sqlite:///x/y.db", {"query": "q", "password_env": "HOME"}, "password_env has no meaning for sqlite://"),
        ("sqlite:///x/y.db", {"query": "q", "since": "2026-07-01"}, "since has no meaning for sqlite://"),
        ("postgresql://h/db", {"query": "q", "token_env": "HOME"}, "token_env has no meaning for postgresql://"),
        ("prometheus+http://h", {"query": "q", "profile": "x"}, "profile has no meaning for prometheus+http://"),
    ],
)
def test_faults_of_what_is_asked_are_told_by_check(location, more, fault):
    (told,) = check_exports([ExportConfig(name="users", location=location, **more)])
    assert fault in told


def test_a_duckdb_file_that_is_too_much_for_the_memory_or_has_a_wrong_value_tells_no_value(tmp_path):
    with Engine(database=str(tmp_path / "app.duckdb")) as engine:
        engine.execute("CREATE TABLE sessions AS SELECT 'asha@example.in' AS student")
    export = ExportConfig(
        name="users", location=f"duckdb://{tmp_path}/app.duckdb", query="SELECT CAST(student AS INT) AS n FROM sessions"
    )
    (told,) = check_exports([export])
    assert "does not fit what the query makes of it" in told
    assert "asha" not in told


def test_a_query_of_a_sqlite_file_opens_no_other_file(tmp_path):
    import sqlite3

    sqlite3.connect(tmp_path / "app.sqlite").close()
    (tmp_path / "app.sqlite").touch()
    export = ExportConfig(
        name="users", location=f"sqlite://{tmp_path}/app.sqlite", query=f"ATTACH '{tmp_path}/new.sqlite' AS new"
    )
    assert "not authorized" in check_exports([export])[0]
    assert not (tmp_path / "new.sqlite").exists()
