"""One run over several deliveries: what one of them may not do to the others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from apps import deliver, make_app, total


def test_a_file_whose_name_is_not_utf_8_is_refused_and_stops_nothing(tmp_path):
    app = make_app(tmp_path)
    whole = deliver(tmp_path / "cur", "2026-07.csv", ["4"])
    odd = os.fsencode(tmp_path / "cur") + b"/caf\xe9.csv"
    shutil.copy(os.fsencode(whole), odd)
    for _ in range(2):
        (refused,) = app.ingest().report.refused
        assert "not UTF-8" in refused.reason
        assert "rename the file" in refused.reason
        assert total(app) == 4
        assert app.query("SELECT file FROM quarantine").rows == (("caf\\udce9.csv",),)
    Path(os.fsdecode(odd)).unlink()
    assert app.ingest().report.refused == ()
    assert app.query("SELECT file FROM quarantine").rows == ()


def test_a_secret_that_is_not_set_leaves_the_other_exports(tmp_path):
    more = '[[exports]]\nname = "peaks"\nlocation = "prometheus+https://prometheus.example"\nquery = "users"\n'
    app = make_app(tmp_path, more=more + 'token_env = "NOT_SET_ANYWHERE"\n')
    deliver(tmp_path / "cur", "2026-07.csv", ["4"])
    report = app.ingest().report
    ((name, reason),) = report.unreachable
    assert (name, total(app)) == ("peaks", 4)
    assert "NOT_SET_ANYWHERE" in reason
