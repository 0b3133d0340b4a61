"""What the engine's settings are for."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import Engine


def test_a_file_that_is_written_anew_under_its_name_is_read_anew(tmp_path):
    path = tmp_path / "0001.parquet"
    with Engine() as engine:
        for number in range(3):
            pq.write_table(pa.table({"n": [number] * 5000}), path)
            os.utime(path, (1, 1))  # within the same tick of the file system's clock
            assert engine.rows("SELECT MIN(n), MAX(n) FROM read_parquet(?)", (str(path),)) == [(number, number)]
