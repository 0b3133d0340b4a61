"""One plan: its savings add up, no lever is counted twice, and nobody is worse off for having one more."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.action import Action, Evidence, Nothing, Operator, Recipe, Remove, Replacement, Run, Swap
from recommender.ahead import look_ahead
from recommender.bill import Kind
from recommender.fleet import Fleet
from recommender.holdings import Holding, Rates
from recommender.plan import Decisions, Plan, Risk, break_even_drop, make_plan

pytestmark = pytest.mark.pure

RATES = Rates({}, {Kind.INSTANCE_PLAN: 0.63, Kind.COMPUTE_PLAN: 0.77, Kind.FLEXIBLE_COMMITMENT: 0.72})
EVIDENCE = Evidence(date(2025, 8, 21), date(2026, 8, 21), {})
OFFICE = tuple(1.0 if day < 5 and 9 <= hour < 21 else 0.0 for day in range(7) for hour in range(24))


def action(operator: Operator, workload: str, change: object, check: str = "") -> Action:
    """A lever with the least of evidence."""
    return Action(check or operator.name.lower(), operator, workload, f"{operator.name} {workload}", change, EVIDENCE)  # type: ignore[arg-type]


def plan(fleet: Fleet, actions: list[Action], holdings: tuple[Holding, ...] = (), **more: object) -> Plan:
    """On a few courses of thinned hours."""
    return make_plan(fleet, look_ahead(fleet, None, n_paths=6, stride=131), holdings, RATES, actions, **more)  # type: ignore[arg-type]


def holding(amount: float, scope: str = "m6i/ap-south-1", kind: Kind = Kind.INSTANCE_PLAN) -> Holding:
    """A plan in force for two years."""
    return Holding(
        "sp", "aws", kind, scope, amount, 1.0, "USD", "", date(2026, 1, 1), date(2028, 1, 1), 1, "No Upfront"
    )


@pytest.fixture
def fleet(build: SimpleNamespace) -> Fleet:
    """Three machines: one idle, one of office hours, one that is used."""
    return build.fleet(*(build.workload(f"i-{n}", environment="dev") for n in range(3)))  # type: ignore[no-any-return]


def test_what_items_save_is_what_the_plan_saves(fleet: Fleet) -> None:
    made = plan(fleet, [action(Operator.REMOVE, "i-0", Remove()), action(Operator.SCHEDULE, "i-1", Run(OFFICE))])
    items = np.sum([item.saving for item in made.planned], axis=0)
    np.testing.assert_allclose(items, made.saving, rtol=1e-12)
    assert sum(made.by_operator().values()) == pytest.approx(float(made.saving.mean()), rel=1e-12)
    assert made.saving.mean() < made.before.mean()
    # one m6i.xlarge of 0.202 USD at 95 INR, all year, steady
    removed = next(item for item in made.planned if item.action.operator is Operator.REMOVE)
    assert removed.saving is not None
    assert removed.saving.mean() == pytest.approx(0.202 * 95 * 8760, rel=1e-6)


def test_a_lever_on_what_another_removed_saves_nothing_more(fleet: Fleet) -> None:
    made = plan(fleet, [action(Operator.REMOVE, "i-0", Remove()), action(Operator.SCHEDULE, "i-0", Run(OFFICE))])
    aside = next(item for item in made.items if item.action.operator is Operator.SCHEDULE)
    assert aside.state == "set aside"
    assert aside.alone is not None
    assert aside.alone.mean() > 0, "alone it would have saved, and that is shown"


def test_the_order_in_which_checks_came_changes_nothing(fleet: Fleet) -> None:
    actions = [
        action(Operator.SCHEDULE, "i-1", Run(OFFICE)), action(Operator.REMOVE, "i-0", Remove()),
        action(Operator.RESIZE, "i-2", Swap({"m6i.xlarge/linux": Replacement("m6i.large/linux", 0.101)})),
    ]  # fmt: skip
    first = plan(fleet, actions)
    random.Random(1).shuffle(actions)
    second = plan(fleet, actions)
    assert [item.id for item in first.items] == [item.id for item in second.items]
    np.testing.assert_array_equal(first.saving, second.saving)


def test_of_two_levers_of_a_kind_on_one_thing_the_better_is_taken(fleet: Fleet) -> None:
    def to(price: float, check: str) -> Action:
        swap = Swap({"m6i.xlarge/linux": Replacement("m6a.xlarge/linux", price)})
        return action(Operator.MODERNISE, "i-0", swap, check)

    dearer, little, best = to(0.3, "a_region"), to(0.19, "b_generation"), to(0.1, "c_processor")
    states = {item.id: item for item in plan(fleet, [dearer, little, best]).items if item.purchase is None}
    assert {one: item.state for one, item in states.items()} == {
        best.id: "planned", little.id: "set aside", dearer.id: "set aside",
    }  # fmt: skip
    assert "saves more" in states[little.id].why
    without = plan(fleet, [dearer, little, best], decisions=Decisions({best.id: ("excluded", "no images for it")}))
    assert {item.id: item.state for item in without.items}[little.id] == "planned", "the next best takes its place"
    pinned = plan(fleet, [little, best], decisions=Decisions(pinned=frozenset({little.id})))
    assert {item.id: item.state for item in pinned.items}[little.id] == "planned", "what is pinned stays"


def test_a_machine_is_modernised_from_the_size_that_the_plan_gives_it_before(fleet: Fleet) -> None:
    smaller = Swap({"m6i.xlarge/linux": Replacement("r6i.large/linux", 0.13)})
    resize = replace(
        action(Operator.RESIZE, "i-0", smaller),
        recipe=Recipe("resize", {"id": "i-0"}, {"from": "m6i.xlarge", "to": "r6i.large", "windows": []}),
    )
    newer = Swap({
        "m6i.xlarge/linux": Replacement("m6a.xlarge/linux", 0.1111),
        "r6i.large/linux": Replacement("r6a.large/linux", 0.07),
    })  # fmt: skip
    modernise = replace(
        action(Operator.MODERNISE, "i-0", newer), title="web: m6i.xlarge to m6a.xlarge",
        recipe=Recipe("modernise", {"id": "i-0"}, {"from": "m6i.xlarge", "to": "m6a.xlarge"}),
        twins={"m6i.xlarge": "m6a.xlarge", "r6i.large": "r6a.large"},
    )  # fmt: skip
    last = plan(fleet, [resize, modernise]).planned[1].action
    assert last.title == "web: r6i.large to r6a.large"
    assert last.recipe is not None
    assert (last.recipe.values["from"], last.recipe.values["to"]) == ("r6i.large", "r6a.large")
    assert last.rollback == "set the type back to r6i.large"
    assert last.id == modernise.id
    alone = plan(fleet, [resize, modernise], decisions=Decisions({resize.id: ("excluded", "not now")})).planned[0]
    assert alone.action.title == modernise.title, "without the resize it moves from what it is"


def test_sleeping_inside_a_paid_commitment_saves_nothing(fleet: Fleet) -> None:
    # 3 machines at 0.63 of 0.202 an hour: all of it is paid for two years
    made = plan(fleet, [action(Operator.SCHEDULE, "i-1", Run(OFFICE))], (holding(3 * 0.202 * 0.63),))
    assert made.items[0].state == "set aside"
    assert "paid for by commitments" in made.items[0].why
    assert made.saving.mean() == pytest.approx(0, abs=1)


def test_commitments_are_bought_for_what_the_levers_leave(fleet: Fleet) -> None:
    made = plan(fleet, [action(Operator.REMOVE, "i-0", Remove()), action(Operator.REMOVE, "i-1", Remove())])
    bought = [item.purchase for item in made.planned if item.purchase is not None]
    assert [one.kind for one in bought] == [Kind.INSTANCE_PLAN]
    assert bought[0].parts[0].amount == pytest.approx(0.202 * bought[0].way.share, abs=0.01), (
        "one machine is left of three"
    )
    assert break_even_drop(made.planned[-1], made.starts_on) == pytest.approx(0.37, abs=0.01)


def test_a_purchase_tells_which_levers_bring_what_it_covers_and_what_to_ask_before(fleet: Fleet) -> None:
    swap = Swap({"m6i.xlarge/linux": Replacement("m6a.xlarge/linux", 0.1111)})
    levers = [action(Operator.MODERNISE, f"i-{n}", swap) for n in range(2)]
    question = Action(
        "move_region", Operator.MODERNISE, "i-1", "May i-1 leave India?", Nothing(), EVIDENCE, reason="ask"
    )
    made = plan(fleet, [*levers, question])
    figures = {
        item.purchase.scope: item.action.evidence.figures for item in made.planned if item.purchase is not None
    }  # fmt: skip
    assert all(one.id in figures["m6a/ap-south-1"]["Do first"] for one in levers)
    assert question.id in figures["m6a/ap-south-1"]["Ask first"]
    assert "Do first" not in figures["m6i/ap-south-1"], "the third machine runs on it today"


def test_what_is_held_is_not_bought_again(fleet: Fleet) -> None:
    made = plan(fleet, [], (holding(3 * 0.202 * 0.63),))
    assert not [item for item in made.planned if item.purchase is not None]


def test_an_excluded_item_is_left_out_and_a_pinned_one_stays_in(fleet: Fleet) -> None:
    remove, sleep = action(Operator.REMOVE, "i-0", Remove()), action(Operator.SCHEDULE, "i-1", Run(OFFICE))
    without = plan(fleet, [remove, sleep], decisions=Decisions({remove.id: ("excluded", "needed until March")}))
    assert {item.id: item.state for item in without.items}[remove.id] == "excluded"
    assert next(item for item in without.items if item.id == remove.id).why == "needed until March"
    pinned = plan(fleet, [sleep], (holding(3 * 0.202 * 0.63),), decisions=Decisions(pinned=frozenset({sleep.id})))
    assert pinned.items[0].state == "planned"
    assert pinned.items[0].is_pinned


def test_an_item_without_a_figure_says_why_and_saves_nothing(fleet: Fleet) -> None:
    reason = Action("x", Operator.RESIZE, "i-0", "smaller", Nothing(), EVIDENCE, reason="no memory is measured")
    made = plan(fleet, [reason])
    assert (made.items[-1].state, made.items[-1].saving, made.items[-1].why) == (
        "no figure",
        None,
        "no memory is measured",
    )


def test_a_cheaper_type_inside_a_plan_of_its_family_is_not_worth_leaving_it(fleet: Fleet) -> None:
    # the family's plan is paid for two years: moving to a type at 0.9 of the price would pay twice
    swap = Swap({"m6i.xlarge/linux": Replacement("m6a.xlarge/linux", 0.18)})
    actions = [action(Operator.MODERNISE, f"i-{n}", swap) for n in range(3)]
    made = plan(fleet, actions, (holding(3 * 0.202 * 0.63),))
    assert all(item.state == "set aside" for item in made.items)


LEVERS = st.lists(
    st.tuples(
        st.sampled_from([Operator.REMOVE, Operator.SCHEDULE, Operator.RESIZE, Operator.MODERNISE]), st.integers(0, 2)
    ),
    max_size=6, unique=True,
)  # fmt: skip


def _lever(operator: Operator, n: int) -> Action:
    changes: dict[Operator, object] = {
        Operator.REMOVE: Remove(), Operator.SCHEDULE: Run(OFFICE),
        Operator.RESIZE: Swap({"m6i.xlarge/linux": Replacement("m6i.large/linux", 0.101)}),
        Operator.MODERNISE: Swap({
            "m6i.xlarge/linux": Replacement("m6a.xlarge/linux", 0.1111),
            "m6i.large/linux": Replacement("m6a.large/linux", 0.0556),
        }),
    }  # fmt: skip
    return action(operator, f"i-{n}", changes[operator])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(levers=LEVERS, more=st.tuples(st.sampled_from([Operator.SCHEDULE, Operator.RESIZE]), st.integers(0, 2)),
       held=st.floats(0, 0.4))  # fmt: skip
def test_one_more_lever_never_lowers_what_the_plan_saves(
    build: SimpleNamespace, levers: list[tuple[Operator, int]], more: tuple[Operator, int], held: float
) -> None:
    fleet = build.fleet(*(build.workload(f"i-{n}") for n in range(3)))
    holdings = (holding(round(held, 2)),) if held > 0.01 else ()
    few = plan(fleet, [_lever(*one) for one in levers], holdings)
    many = plan(fleet, [_lever(*one) for one in {*levers, more}], holdings)
    slack = 500 + 1e-3 * float(few.before.mean())  # below the least that an item must save, and cents of a commitment
    assert many.saving.mean() >= few.saving.mean() - slack
    assert -1 <= many.saving.mean() <= many.before.mean()
    np.testing.assert_allclose(
        np.sum([item.saving for item in many.planned], axis=0) if many.planned else 0, many.saving, atol=1e-3
    )


def test_risk_is_that_of_the_paths() -> None:
    risk = Risk.of(np.arange(-5.0, 95.0))
    assert (risk.expected, risk.loss_ratio, risk.cvar5) == (44.5, 0.05, -3.0)
    assert risk.p10 < risk.expected < risk.p90
