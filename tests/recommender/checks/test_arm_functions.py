"""Functions on Arm by a price that is known: of the own bill, of the dated list, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from recommender.action import Nothing, Swap
from recommender.checks import arm_functions

pytestmark = pytest.mark.pure


def function(build: SimpleNamespace, id: str = "score", word: str = "", price: float = 0.0000166667) -> Any:
    meter = f"APS3-Lambda-GB-Second{word}"
    line = build.line(id, sku=meter, meter=meter, price=price, hourly=50_000.0, unit="Lambda-GB-Second")
    return build.workload(f"arn:aws:lambda:ap-south-1:1:function:{id}", kind="function", type=None, lines=[line])


def test_the_dated_list_price_of_mumbai_is_used(build: SimpleNamespace) -> None:
    (action,) = arm_functions.propose(build.fleet(function(build)))
    assert isinstance(action.change, Swap)
    new = action.change.to["APS3-Lambda-GB-Second"]
    assert (new.meter, new.price) == ("APS3-Lambda-GB-Second-ARM", 0.0000133334)
    assert (action.price_source, action.price_on) == ("aws_lambda_prices.csv", date(2026, 9, 17))


def test_the_own_bill_comes_first(build: SimpleNamespace) -> None:
    other = function(build, "other", "-ARM", 0.0000120000)
    (action,) = arm_functions.propose(build.fleet(function(build), other))
    assert isinstance(action.change, Swap)
    assert action.change.to["APS3-Lambda-GB-Second"].price == 0.0000120000
    assert action.price_source == "your own bill"


def test_a_region_without_a_price_is_a_reason_and_what_is_on_arm_is_left_alone(build: SimpleNamespace) -> None:
    (action,) = arm_functions.propose(build.fleet(replace(function(build), region="eu-north-1")))
    assert isinstance(action.change, Nothing)
    assert action.reason is not None
    assert "no list price" in action.reason
    assert list(arm_functions.propose(build.fleet(function(build, word="-ARM")))) == []


def test_an_own_price_that_is_lower_already_proposes_nothing(build: SimpleNamespace) -> None:
    assert list(arm_functions.propose(build.fleet(function(build, price=0.00001)))) == []
