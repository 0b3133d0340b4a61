"""Counts of users, never users: columns and values about persons refuse a file, small cells are merged."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import BadValue
from ingest.persons import K, names_a_person, write_counts
from warehouse import Engine, Limits

HEADER = "active_on,product,state,metric,active_users\n"


def write(folder: Path, text: str, name: str = "users.csv") -> Path:
    """A feed file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "column",
    ["email", "StudentEmail", "phone_no", "Mobile Number", "uid", "user_id", "studentId", "enrolment_no", "FATHER_NAME",
     "date_of_birth", "BirthDate", "IP", "first name", "candidate-number", "registrationNo", "aadhaar", "userHash"],
)  # fmt: skip
def test_columns_about_persons_are_known_by_their_names(column):
    assert names_a_person(column)


@pytest.mark.parametrize(
    "column",
    ["active_on", "state", "product", "metric", "active_users", "users", "count", "zip", "school_type", "shipment"],
)
def test_columns_of_counts_are_not(column):
    assert not names_a_person(column)


@pytest.mark.parametrize("column", ["StudentEmail", "phone_no"])
def test_a_file_with_such_a_column_is_refused_whole(store, tmp_path, column):
    path = write(tmp_path, f"active_on,active_users,{column}\n2026-07-01,50,x\n")
    with pytest.raises(BadValue, match="about persons"):
        store.load(path, export="users")
    assert store.current("active_users") == []


@pytest.mark.parametrize(
    "value",
    ["asha@example.in", "+91 98765 43210", "9876543210", "STU20260001234", "123e4567-e89b-12d3-a456-426614174000",
     "d41d8cd98f00b204e9800998ecf8427e", "ABCDE1234F"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["product", "state", "metric"])
def test_values_that_look_like_a_person_refuse_the_file_and_are_told_nowhere(store, tmp_path, value, place):
    cell = {"product": "neet", "state": "Bihar", "metric": "dau"} | {place: value}
    row = f"2026-07-01,{cell['product']},{cell['state']},{cell['metric']},50\n"
    with pytest.raises(BadValue, match=f"{place} looks like a person") as caught:
        store.load(write(tmp_path, HEADER + row), export="users")
    assert value not in str(caught.value)
    assert store.current("active_users") == []
    kept = [path.read_bytes() for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    assert not [data for data in kept if value.encode() in data]


@pytest.mark.parametrize(
    "value", ["NEET 2026", "class-12", "Uttar Pradesh", "neet_2026_05_03", "all", "peak_concurrent"]
)
def test_ordinary_names_pass(store, tmp_path, value):
    store.load(write(tmp_path, HEADER + f"2026-07-01,{value},Bihar,dau,50\n"), export="users")
    assert [row["product"] for row in store.rows(kind="active_users")] == [value]


def test_a_negative_count_refuses_the_file(store, tmp_path):
    with pytest.raises(BadValue, match="negative in 1 rows"):
        store.load(write(tmp_path, HEADER + "2026-07-01,neet,Bihar,dau,-1\n"), export="users")


def test_monthly_counts_belong_to_the_first_of_their_month(store, tmp_path):
    store.load(write(tmp_path, HEADER + "2026-07-31,neet,Bihar,MAU,50\n"), export="users")
    assert [(str(row["active_on"]), row["metric"]) for row in store.rows(kind="active_users")] == [
        ("2026-07-01", "mau")
    ]


def test_a_month_that_is_delivered_again_replaces_what_it_brought(store, tmp_path):
    store.load(write(tmp_path, HEADER + "2026-07-01,neet,Bihar,mau,50\n"), export="users", group="2026-07")
    again = write(tmp_path, HEADER + "2026-07-01,neet,Bihar,mau,60\n", "again.csv")
    store.load(again, export="users", group="2026-07")
    assert [row["active_users"] for row in store.rows(kind="active_users")] == [60]


def test_small_states_become_other_and_the_next_one_joins_until_they_are_enough(store, tmp_path):
    rows = [("Bihar", 900), ("Goa", 3), ("Sikkim", 5), ("Kerala", 40), ("Delhi", 30)]
    text = HEADER + "".join(f"2026-07-01,neet,{state},dau,{count}\n" for state, count in rows)
    store.load(write(tmp_path, text), export="users")
    found = {row["state"]: row["active_users"] for row in store.rows(kind="active_users")}
    assert found == {"Bihar": 900, "Kerala": 40, "other": 38}
    assert [event["message"] for event in store.events("merged")] == [
        "2 counts below 20 were merged with their neighbours into 'other': 2 rows fewer"
    ]


def test_a_small_product_becomes_other_and_stated_totals_stay(store, tmp_path):
    rows = [("neet", "Bihar", 500), ("tests", "Bihar", 4), ("tests", "Goa", 3), ("art", "Goa", 30), ("all", "all", 520)]
    text = HEADER + "".join(f"2026-07-01,{product},{state},dau,{count}\n" for product, state, count in rows)
    store.load(write(tmp_path, text), export="users")
    found = {(row["product"], row["state"]): row["active_users"] for row in store.rows(kind="active_users")}
    assert found == {("neet", "Bihar"): 500, ("other", "other"): 37, ("all", "all"): 520}


def test_a_whole_below_twenty_is_kept_as_one_number(store, tmp_path):
    text = HEADER + "2026-07-01,neet,Bihar,dau,4\n2026-07-01,neet,Goa,dau,3\n"
    store.load(write(tmp_path, text), export="users")
    assert [(row["state"], row["active_users"]) for row in store.rows(kind="active_users")] == [("other", 7)]


CELL = st.tuples(
    st.sampled_from(["neet", "tests", "art", "other"]), st.sampled_from(["Bihar", "Goa", "Delhi", "other", "Kerala"]),
    st.integers(0, 60),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELL, min_size=1, max_size=20))
def test_totals_are_kept_and_no_cell_is_small_unless_the_whole_is(tmp_path, cells):
    with Engine(Limits(threads=1)) as engine:
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE given (active_on DATE, active_at TIMESTAMP, product VARCHAR, state VARCHAR,"
            " metric VARCHAR, active_users BIGINT)"
        )
        engine.insert("given", [("2026-07-01", None, product, state, "dau", count) for product, state, count in cells])
        engine.copy_file("SELECT * FROM given", tmp_path / "in.parquet")
        write_counts(engine, [tmp_path / "in.parquet"], tmp_path / "out.parquet")
        found = engine.rows(f"SELECT product, state, active_users FROM read_parquet('{tmp_path}/out.parquet')")
    total = sum(count for _, _, count in cells)
    assert sum(count for _, _, count in found) == total
    by_product: dict[str, int] = defaultdict(int)
    for product, _, count in found:
        by_product[product] += count
    if total >= K:
        assert [count for _, _, count in found if 0 < count < K] == []
        assert [count for count in by_product.values() if 0 < count < K] == []


def test_a_person_in_the_place_of_a_count_is_told_nowhere(store, tmp_path):
    with pytest.raises(BadValue) as caught:
        store.load(write(tmp_path, HEADER + "2026-07-01,neet,Bihar,dau,asha@example.in\n"), export="users")
    assert "asha" not in str(caught.value)
