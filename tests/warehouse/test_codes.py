"""Texts read as ENUMs are the same texts; what could not be one stays text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse import Engine, coded

TEXTS = ["a", "b", None, "", " a", "A", "a'; DROP TABLE x; --", '"q"', "line\nbreak", "ज़", "null", "\\", "x" * 500]


@pytest.fixture
def engine():
    with Engine() as engine:
        yield engine


def write(path: Path, *, use_dictionary: bool = True, **columns: list[str | None]) -> Path:
    pq.write_table(pa.table(columns), path, use_dictionary=use_dictionary)
    return path


def read(engine: Engine, path: Path, sql: str) -> list[tuple[object, ...]]:
    return engine.rows(f"SELECT {sql} FROM read_parquet('{path}', file_row_number = true) ORDER BY file_row_number")


def test_a_coded_column_gives_every_text_back(engine, tmp_path):
    path = write(tmp_path / "a.parquet", v=TEXTS * 50)
    codes = coded(engine, [path], {"v"})
    assert read(engine, path, codes["v"]) == read(engine, path, "v")
    assert engine.rows(f"SELECT DISTINCT typeof({codes['v']}) LIKE 'ENUM(%' FROM '{path}'") == [(True,)]


def test_words_for_nothing_become_null(engine, tmp_path):
    path = write(tmp_path / "a.parquet", v=TEXTS)
    codes = coded(engine, [path], {"v"}, null_words=["", "null"])
    assert read(engine, path, codes["v"]) == read(engine, path, "NULLIF(NULLIF(v, ''), 'null')")


def test_values_of_all_files_are_known(engine, tmp_path):
    files = [write(tmp_path / f"{name}.parquet", v=[name] * 3) for name in "abc"]
    codes = coded(engine, files, {"v"})
    assert [read(engine, file, codes["v"])[0][0] for file in files] == ["a", "b", "c"]


def test_columns_of_many_values_or_without_a_dictionary_or_not_asked_for_stay_text(engine, tmp_path):
    many = [str(number) for number in range(1001)]
    odd, empty = ["a\0b"] * 1001, [None] * 1001
    path = write(tmp_path / "a.parquet", many=many, few=["a"] * 1001, other=["b"] * 1001, odd=odd, empty=empty)
    assert set(coded(engine, [path], {"many", "few", "odd", "empty"})) == {"few"}
    plain = write(tmp_path / "b.parquet", few=["a"] * 10, use_dictionary=False)
    assert coded(engine, [plain], {"few"}) == {}


def test_an_enum_is_written_as_text(engine, tmp_path):
    path = write(tmp_path / "a.parquet", v=TEXTS)
    codes = coded(engine, [path], {"v"})
    engine.copy_file(f"SELECT {codes['v']} AS v FROM '{path}'", tmp_path / "b.parquet")
    assert engine.describe(f"SELECT v FROM '{tmp_path / 'b.parquet'}'") == [("v", "VARCHAR")]
    assert sorted(map(str, engine.rows(f"SELECT v FROM '{tmp_path / 'b.parquet'}'"))) == sorted(
        map(str, read(engine, path, "v"))
    )


def test_the_texts_that_a_select_repeats_in_every_row_are_known(engine):
    assert engine.constants(
        "WITH a AS (SELECT 1 AS n) SELECT 'it''s' AS x, n AS y, 3 AS z, NULL AS v, 2.5 AS u FROM a"
    ) == {"x": "it's"}
    assert engine.constants("SELECT 'a' AS x UNION ALL SELECT 'b' AS x") == {}
