"""Every source there is, and every one that will be added: header, types, FOCUS rules, detection, golden rows."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
import sqlglot
from goldens import GOLDENS, expected_rows, golden_input, loaded_rows, shown_rows
from portable_sql import MACROS, faults, statement, tables, to_spark
from sqlglot import exp
from stores import fetch, open_store

from core import CHARGE_SCHEMA, COLUMNS, SERVICE_CATEGORIES
from ingest import recount
from ingest.convert import group_files
from ingest.source import LOOKUPS, Source, detect, lookup, sources, squeeze
from warehouse import FEEDS, Engine, quote, required, schema

SOURCES = sorted(sources().items())
EVERY = pytest.mark.parametrize("source", [source for _, source in SOURCES], ids=[name for name, _ in SOURCES])
CHARGES = pytest.mark.parametrize(
    "source",
    [source for _, source in SOURCES if source.into == "charges"],
    ids=[name for name, source in SOURCES if source.into == "charges"],
)
ORIGINS = {"row", "credit", "unused", "residue"}


# -- the header ---------------------------------------------------------------------------------------------------


@EVERY
def test_a_header_says_what_a_person_must_know(source: Source):
    assert source.title.strip()
    assert "\n" not in source.title
    assert source.into in ("charges", *FEEDS)
    assert source.partition in ("month", "files")
    assert source.formats
    assert set(source.formats) <= {"csv", "parquet", "json"}
    assert source.detect, "a source that asks for no column takes every file"


@EVERY
def test_a_feed_replaces_files_and_has_no_cost(source: Source):
    if source.into == "charges":
        (cost,) = [column for column in source.columns if column.name == source.cost]
        assert (cost.kind, cost.required) == ("decimal", True)
    else:
        assert (source.partition, source.cost) == ("files", "")


@EVERY
def test_no_two_columns_are_found_under_one_name(source: Source):
    names = Counter(squeeze(name) for column in source.columns for name in {column.path, *column.aliases})
    assert {name for name, count in names.items() if count > 1} == set()
    assert len({column.name.lower() for column in source.columns}) == len(source.columns)


@EVERY
def test_what_a_header_mentions_is_there(source: Source):
    declared = {column.name: column for column in source.columns}
    assert set(source.prefixes) <= set(declared)
    assert {declared[name].kind for name in source.prefixes} <= {"json"}
    if source.drop_null:
        assert source.drop_null in dict(schema(source.into))
    assert not {squeeze(name) for name in source.reject} & {squeeze(name) for name in source.detect}
    for name in source.lookups:
        assert (LOOKUPS / f"{name}.csv").is_file()


@EVERY
def test_lookups_are_used_and_have_a_row_per_key(source: Source):
    tree = statement(source.sql)
    joined = {join.this.name: join for join in tree.find_all(exp.Join) if isinstance(join.this, exp.Table)}
    assert set(source.lookups) <= tables(source.sql)
    for name in source.lookups:
        columns, rows = lookup(name)
        alias = joined[name].this.alias_or_name
        keys = [column.name for column in joined[name].args["on"].find_all(exp.Column) if column.table == alias]
        assert keys, f"{name} is joined on no column of its own"
        places = [columns.index(key) for key in keys]
        doubled = {key for key, n in Counter(tuple(row[at] for at in places) for row in rows).items() if n > 1}
        assert doubled == set(), f"a doubled key of {name} would double every charge that has it"


# -- the statement ------------------------------------------------------------------------------------------------


@EVERY
def test_a_statement_stays_in_the_portable_subset(source: Source):
    assert faults(source.sql) == []


@EVERY
def test_a_statement_reads_raw_load_and_its_lookups_only(source: Source):
    assert "raw" in tables(source.sql)
    assert tables(source.sql) <= {"raw", "load", *source.lookups}


@EVERY
def test_a_statement_has_words_in_spark(source: Source):
    assert sqlglot.parse_one(to_spark(source.sql), read="spark")


@EVERY
def test_dates_are_not_added_to(source: Source):
    dates = {column.name for column in source.columns if column.kind == "date"}
    for interval in statement(source.sql).find_all(exp.Interval):
        parent = interval.parent
        assert isinstance(parent, exp.Add | exp.Sub)
        assert not (isinstance(parent.this, exp.Column) and parent.this.name in dates)


def test_the_engine_has_every_macro_that_a_statement_may_use(engine: Engine):
    known = {row[0] for row in engine.rows("SELECT DISTINCT function_name FROM duckdb_functions() WHERE NOT internal")}
    assert known >= MACROS


def prepared(engine: Engine, source: Source) -> dict[str, str]:
    """Columns and types that a source yields from an empty `raw` of its declared types."""
    columns = ", ".join(f"CAST(NULL AS {column.sql_type}) AS {quote(column.name)}" for column in source.columns)
    engine.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT {columns}, FALSE AS x_is_rounded WHERE FALSE")
    engine.execute("CREATE OR REPLACE TEMP TABLE load (export_name VARCHAR, delivered_at TIMESTAMP, payer VARCHAR)")
    for name in source.lookups:
        declared = ", ".join(f"{quote(column)} VARCHAR" for column in lookup(name)[0])
        engine.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} ({declared})")
    return dict(engine.describe(source.sql))


@EVERY
def test_a_source_yields_columns_of_its_table_and_all_that_must_be_filled(source: Source, engine: Engine):
    yielded = prepared(engine, source)
    assert set(yielded) <= {name for name, _ in schema(source.into)}
    assert set(required(source.into)) - {"x_ExportName"} <= set(yielded)


@EVERY
def test_money_never_passes_through_a_float(source: Source, engine: Engine):
    yielded = prepared(engine, source)
    kinds = dict(schema(source.into))
    exact = {name for name, kind in kinds.items() if kind.startswith("DECIMAL")}
    floats = {name: yielded[name] for name in exact & set(yielded) if yielded[name] in ("DOUBLE", "FLOAT")}
    assert floats == {}


@EVERY
def test_a_source_that_extends_another_shares_its_statement(source: Source):
    base = {other.name for other in sources().values() if other.sql == source.sql and other.name != source.name}
    text = (Path(LOOKUPS).parent / "sources" / f"{source.name}.sql").read_text(encoding="utf-8")
    has_own = "SELECT" in text.partition("*/")[2]
    assert has_own or base


# -- the golden ---------------------------------------------------------------------------------------------------


def test_no_golden_is_left_of_a_source_that_is_gone():
    assert {path.name for path in GOLDENS.iterdir() if path.is_dir()} <= set(sources())


@EVERY
def test_a_golden_is_recognised_and_by_one_source_only(source: Source, engine: Engine, tmp_path: Path):
    for group, members in group_files(engine, [fetch(golden_input(source.name), tmp_path)]):
        names = list(group.physical)
        assert detect(names, group.format, members[0].name).name == source.name
        fitting = [
            len(other.detect)
            for other in sources().values()
            if group.format in other.formats and not other.missing(names) and not other.rejected(names)
        ]
        assert fitting.count(max(fitting)) == 1, "two sources ask for as many columns: which one wins is chance"


@EVERY
def test_a_golden_becomes_the_rows_beside_it(source: Source, engine: Engine, tmp_path: Path):
    columns, expected = expected_rows(source.name)
    assert columns
    assert expected
    found = loaded_rows(source.name, tmp_path, engine)
    assert set(columns) <= set(found[0])
    actual = [{name: row[name] for name in columns} for row in found]
    assert _sorted(actual) == _sorted(expected)


def _sorted(rows: list[dict[str, str]]) -> list[tuple[tuple[str, str], ...]]:
    return sorted(tuple(row.items()) for row in rows)


@CHARGES
def test_every_row_of_a_golden_is_a_charge_and_every_figure_is_billed(source: Source, engine: Engine, tmp_path: Path):
    with open_store(tmp_path, engine) as store:
        store.load(golden_input(source.name), export="golden")
        rows = shown_rows(store, "charges")
        found = list(recount(store.warehouse.ledger))
        assert all(one.is_reconciled and one.note == "" for one in found), found
        in_files = sum((one.files_cost or Decimal(0) for one in found), Decimal(0))
        assert sum(one.files_rows or 0 for one in found) == sum(row["x_RowOrigin"] == "row" for row in rows)
        assert store.total("x_SourceCost") == store.total("BilledCost") == in_files


@CHARGES
def test_words_of_focus_are_used_as_the_specification_lists_them(source: Source, engine: Engine, tmp_path: Path):
    rows = loaded_rows(source.name, tmp_path, engine)
    for name, column in COLUMNS.items():
        if column.allowed_values and name not in ("ServiceSubcategory", "ChargeCategory"):
            assert {row[name] for row in rows} - {""} <= set(column.allowed_values), name
    known = {row["ChargeCategory"] for row in rows if row["x_ChargeSubcategory"] != "Unclassified"}
    assert known <= set(COLUMNS["ChargeCategory"].allowed_values)
    assert {row["x_RowOrigin"] for row in rows} <= ORIGINS
    for row in rows:
        assert row["ServiceCategory"] in SERVICE_CATEGORIES, row["ServiceName"]
        if row["ServiceSubcategory"]:
            assert row["ServiceSubcategory"] in SERVICE_CATEGORIES[row["ServiceCategory"]]
        assert row["x_BillingMonth"].endswith("-01")
        assert row["ChargePeriodStart"] <= row["ChargePeriodEnd"]
        assert set(row) == {name for name, _ in CHARGE_SCHEMA}


# -- the whitelist itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a * b FROM raw",
        "SELECT a / b FROM raw",
        "SELECT AVG(a) FROM raw",
        "SELECT date_diff('hour', a, b) FROM raw",
        "SELECT LIST(a ORDER BY b) FROM raw",
        "SELECT a AT TIME ZONE 'Asia/Kolkata' FROM raw",
        "SELECT SUBSTRING(a, 0, 2) FROM raw",
        "SELECT CAST(a AS DATE) + INTERVAL 1 MONTH FROM raw",
        "SELECT MAP {'k': a} FROM raw",
        "SELECT map_from_entries([ROW('k', a)]) FROM raw",
        "SELECT LEN(a) FROM raw",
        "SELECT * REPLACE (1 AS a) FROM raw",
        "SELECT * EXCLUDE (a) FROM raw",
        "SELECT UNNEST(a) FROM raw",
        "SELECT QUANTILE_CONT(a, 0.5) FROM raw",
        "SELECT list_transform(a, lambda x: x) FROM raw",
        "SELECT a FROM raw QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1",
        "SELECT a FROM raw UNION SELECT b FROM raw",
        "SELECT raw.a FROM raw JOIN other ON raw.a = other.a",
        "SELECT regexp_extract(a, 'x(y)') FROM raw",
        "SELECT CAST(a AS DOUBLE) FROM raw",
        "SELECT strptime(a, '%Y') FROM raw",
        "SELECT my_macro(a) FROM raw",
        "SELECT random() FROM raw",
        "SELECT now() FROM raw",
        "PIVOT raw ON a USING SUM(b)",
    ],
)
def test_what_breaks_on_a_cluster_is_refused(sql: str):
    assert faults(sql) != []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CASE WHEN a IN ('x', 'y') THEN COALESCE(b, 0) - c ELSE NULLIF(b, 0) + 1 END AS d FROM raw",
        "SELECT TRY_CAST(a AS DECIMAL(38, 18)), CAST(b AS TIMESTAMP), DATE_TRUNC('month', b) FROM raw",
        "SELECT SPLIT_PART(a, '/', 1), regexp_extract(a, 'x(y)', 1), tags ->> 'team', MD FROM raw",
        "SELECT lower(a), upper(a), trim(a), concat(a, b), replace(a, 'x', 'y') FROM raw",
        "SELECT substr(a, 1, 2), strpos(a, 'x') FROM raw",
        "SELECT raw.*, l.b FROM raw LEFT JOIN lookup AS l ON raw.a = l.a UNION ALL SELECT raw.*, NULL FROM raw",
        "SELECT raw.*, u.c.amount FROM raw CROSS JOIN UNNEST(raw.credits) AS u (c)",
        "SELECT gcp_month_start(m), b + INTERVAL 12 HOUR FROM raw",
    ],
)
def test_what_every_engine_does_alike_is_allowed(sql: str):
    assert faults(sql) == []
    assert to_spark(sql)
