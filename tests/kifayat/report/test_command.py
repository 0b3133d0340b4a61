"""`kifayat report`: files by their endings, errors that say what to do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from browsing import CHROMIUM
from typer.testing import CliRunner

from core import KifayatError, WrongUsage
from kifayat import App
from kifayat.cli import cli
from kifayat.report import Report
from kifayat.report.compose import ENDINGS, write

HEADS = {".html": b"<!DOCTYPE html>", ".txt": b"Acme", ".xlsx": b"PK", ".eml": b"Subject: Cloud cost of "}


def run(app: App, *words: str):
    return CliRunner().invoke(cli, ["--config", str(app.config.path), "report", *words])


@pytest.mark.parametrize("ending", sorted(HEADS))
def test_the_ending_of_the_file_says_how(weekly: Report, tmp_path: Path, ending):
    write(weekly, tmp_path / f"week{ending}")
    assert (tmp_path / f"week{ending}").read_bytes().startswith(HEADS[ending])


def test_another_ending_is_refused_with_those_there_are(weekly, tmp_path):
    with pytest.raises(WrongUsage, match=r"\.html, \.txt, \.xlsx, \.pdf, \.eml"):
        write(weekly, tmp_path / "week.docx")
    assert set(ENDINGS) == {*HEADS, ".pdf"}


def test_without_a_file_the_text_is_printed(acme, weekly):
    done = run(acme, "weekly", "--week", "2026-W30")
    assert done.exit_code == 0
    assert all(one.text in done.stdout for one in weekly.headline)
    assert run(acme, "monthly", "--edition", "engineering").stdout.startswith("Acme <b>Prep</b>\nClose of July 2026\n")


def test_what_cannot_be_reported_is_said(acme, tmp_path):
    assert "not a week" in str(run(acme, "weekly", "--week", "W30").exception)
    assert "no bill reaches" in str(run(acme, "weekly", "--week", "2027-W01").exception)
    assert "not a month" in str(run(acme, "monthly", "--month", "July").exception)
    assert "--open opens a file" in str(run(acme, "weekly", "--open").exception)
    assert run(acme, "weekly", "--out", str(tmp_path / "no" / "week.txt")).exception is not None


def test_without_a_browser_a_pdf_says_what_is_missing(weekly, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KIFAYAT_CHROMIUM", raising=False)
    with pytest.raises(KifayatError, match=r"printed by chromium.*KIFAYAT_CHROMIUM"):
        write(weekly, tmp_path / "week.pdf")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
def test_a_pdf_has_the_figures_on_its_pages(weekly, tmp_path, monkeypatch):
    monkeypatch.setenv("KIFAYAT_CHROMIUM", str(CHROMIUM))
    write(weekly, tmp_path / "week.pdf")
    data = (tmp_path / "week.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext here (poppler-utils): that it is a PDF was seen, its text was not read")
    command = ["pdftotext", "-layout", str(tmp_path / "week.pdf"), "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    for one in weekly.headline:
        assert one.text in told.stdout
