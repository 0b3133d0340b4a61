"""The plan as a waterfall, and what-if: without some items, other growth, exam day, rupee or cost of capital."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import Any

import streamlit as st

from core import KifayatError
from dashboard import plan_items, waterfall, widgets
from dashboard.context import Context
from dashboard.forecast_charts import short_inr, whole_inr
from dashboard.plan_items import LEVERS
from dashboard.status import read_calendar, status
from dashboard.view import View
from recommender.advice import decisions_of
from recommender.plan import Decisions, Plan, Risk, State
from recommender.prepared import Prepared, Question
from recommender.whatif import prepare_question
from warehouse import Ledger, Snapshot, decisions


def render(context: Context) -> None:
    """Draw the page."""
    st.title("Plan builder")
    calendar = read_calendar(context)
    if calendar is None:
        st.info("The snapshot holds no charges yet. Add an export to kifayat.toml and run `kifayat ingest`.")
        return
    status(context, calendar)
    run = plan_items.read_run(context)
    if run is None:
        st.info(plan_items.NOTHING, icon=":material/lightbulb:")
        return
    steps = context.query("SELECT * FROM plan_steps ORDER BY position").to_dicts()
    _draw(run["cost_before_inr"], [(s["operator"], s["saving_inr"]) for s in steps], run["cost_after_inr"])
    widgets.table(
        [
            {
                "Lever": LEVERS[s["operator"]],
                "Items": s["items"],
                "Saves a year": s["saving_inr"],
                "Each alone, added up": s["alone_inr"],
            }
            for s in steps
        ],
        money=dict.fromkeys(("Saves a year", "Each alone, added up"), whole_inr),
        alt="What each lever saves on what the earlier ones left",
        key="plan-steps",
    )
    st.caption(
        "Levers in their order, each on what the earlier ones left, so the steps add up. Beside them what each item"
        " would save alone: a sum that nobody will ever see on a bill. " + plan_items.caption(run)
    )
    _what_if(context, run)


def _draw(before: float, steps: list[tuple[str, float]], after: float) -> None:
    bars = [waterfall.Step("Without the plan", Decimal(round(before)), is_total=True)]
    bars += [waterfall.Step(LEVERS[name], Decimal(-round(saving))) for name, saving in steps]
    bars.append(waterfall.Step("With the plan", Decimal(round(after)), is_total=True))
    most = max(steps, key=lambda step: step[1], default=("", 0.0))
    waterfall.draw(
        bars,
        lambda amount: short_inr(None if amount is None else float(amount)),
        alt_text=f"From {short_inr(before)} to {short_inr(after)} a year; the largest step is {most[0]}",
    )


@st.fragment
def _what_if(context: Context, run: Any) -> None:
    st.subheader("What if")
    rows = context.query("SELECT id, title FROM plan_items WHERE state = 'planned' ORDER BY position").rows
    titles = dict(rows)
    with st.form("what-if"):
        left_out = st.multiselect(
            "Leave out", list(titles), format_func=lambda item: widgets.visible(titles[item]), key="what-if-out"
        )
        usual = Question.of(context.config)
        columns = st.columns(4)
        with columns[0]:
            growth = st.number_input("Users' growth a year, % (empty: as forecast)", -90.0, 400.0, None, 5.0)
        with columns[1]:
            exam = st.date_input("Next exam (empty: as forecast)", None, format="DD/MM/YYYY")
        with columns[2]:
            rate = st.number_input("INR of one dollar (empty: today's)", 1.0, 1000.0, None, 1.0)
        with columns[3]:
            capital = st.number_input("Cost of capital a year, %", 0.0, 100.0, 100 * usual.cost_of_capital, 0.5)
        asked = st.form_submit_button("Make the plan again")
    if not asked:
        return
    try:
        with st.spinner("Billing the year again …"):
            key = (str(context.snapshot.storage), context.snapshot.generation)
            question = replace(
                usual, growth_per_year=None if growth is None else growth / 100, inr_per_usd=rate, exam_on=exam
            )
            prepared = replace(_prepared(key, question, context.snapshot, context), cost_of_capital=capital / 100)
            decided = _decided(context)
            out: dict[str, tuple[State, str]] = dict.fromkeys(left_out, ("excluded", "left out on the page"))
            made = prepared.plan(replace(decided, out={**decided.out, **out}))
    except KifayatError as error:
        st.error(widgets.escape(str(error)))
        return
    _answer(made, run)


@st.cache_resource(max_entries=3, show_spinner=False)
def _prepared(key: tuple[str, int], question: Question, _snapshot: Snapshot, _context: Context) -> Prepared:
    return prepare_question(_snapshot, _context.config, question, _context.clock.now(), lambda _: None)


def _decided(context: Context) -> Decisions:
    """What people decided: the plan is asked again with it, as it was made."""
    with closing(Ledger(context.snapshot.storage / "ledger.sqlite", readonly=True)) as ledger:
        return decisions_of(decisions(ledger))


def _answer(made: Plan, run: Any) -> None:
    before, after = float(made.before.mean()), float(made.after.mean())
    risk = Risk.of(made.saving)
    _draw(before, [(operator.name.lower(), value) for operator, value in made.by_operator().items()], after)
    difference = round(risk.expected - run["saving_inr"])
    beside = f"{short_inr(abs(difference))} {'more' if difference > 0 else 'less'} than" if difference else "as much as"
    st.caption(
        f"This plan saves {short_inr(risk.expected)} a year ({short_inr(risk.p10)} to {short_inr(risk.p90)} in eight of"
        f" ten courses), {beside} the published one."
        " Nothing was written; decisions stand on the recommendations page."
    )


VIEW = View("Plan builder", "Savings", 22, ":material/stacked_bar_chart:", render)
