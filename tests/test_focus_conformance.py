"""The official FOCUS validator on what `export focus` writes: an AWS month, a Google month and everything together.

Needs Python 3.12 beside ours; where there is none, the tests are left out with a warning that says so.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path

import duckdb
import pytest

from core import parse_month

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.validator, pytest.mark.slow]


def _load_validator():
    spec = importlib.util.spec_from_file_location("focus_validator", ROOT / "tests" / "focus_validator.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["focus_validator"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def validate():
    module = _load_validator()
    try:
        module.find_python()
    except module.ValidatorUnavailable as error:
        warnings.warn(f"THE OFFICIAL FOCUS VALIDATOR DID NOT RUN: {error}", stacklevel=1)
        pytest.skip(f"the official FOCUS validator did not run: {error}")
    return module.validate


@pytest.fixture
def app(sample_company):
    return sample_company[0]


@pytest.mark.parametrize(
    "payer", ["111122223333", "01A2B3-C4D5E6-F7A8B9", None], ids=["an AWS month", "a Google month", "a mixed month"]
)
def test_the_official_validator_finds_nothing_but_known_false_alarms(app, validate, tmp_path, payer):
    target = tmp_path / "focus.parquet"
    assert app.export_focus(parse_month("2026-07"), target, payer=payer) > 500
    report = validate(target)
    assert report.passed > 300
    assert report.unexpected == ()


def test_the_rules_that_sleep_on_empty_charge_classes_hold_too(app, validate, tmp_path):
    # The model never applies "ChargeClass is not Correction" to an empty one: eleven rules about prices and
    # quantities would look at no row. With a word in it they look at all of them.
    target, armed = tmp_path / "focus.parquet", tmp_path / "armed.parquet"
    app.export_focus(parse_month("2026-07"), target)
    duckdb.sql(f"COPY (SELECT * REPLACE (COALESCE(ChargeClass, 'None') AS ChargeClass) FROM '{target}') TO '{armed}'")
    report = validate(armed)
    assert {failure.rule for failure in report.unexpected} <= {"ChargeClass-C-005-C"}
