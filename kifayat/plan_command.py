"""`kifayat recommend` and `kifayat plan`: what to change, what it saves as one plan, what-if, export and decisions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import KifayatError, WrongUsage, nearest

if TYPE_CHECKING:
    from recommender.plan import Plan, State
    from warehouse import Result

ItemArgument = Annotated[str, typer.Argument(help="The id of an item.")]
_DAY = ["%Y-%m-%d"]
ExcludeOption = Annotated[list[str] | None, typer.Option("--exclude", help="Leave out an item, by its id.")]
GrowthOption = Annotated[float | None, typer.Option(help="Users' growth a year in per cent.", min=-90, max=400)]
ExamOption = Annotated[datetime | None, typer.Option("--exam-date", help="If the next exam is on it.", formats=_DAY)]
RateOption = Annotated[float | None, typer.Option("--usd-inr", help="INR of one dollar.", min=1, max=1000)]
CapitalOption = Annotated[
    float | None, typer.Option("--cost-of-capital", help="Per cent a year; else cost_of_capital_pct.", min=0, max=100)
]
FormOption = Annotated[str | None, typer.Option("--as", help="cli, terraform, c7n, …; none: list what there is.")]
OnOption = Annotated[datetime | None, typer.Option(help="The day it was done; else today.", formats=_DAY)]
plan = typer.Typer(name="plan", invoke_without_command=True, no_args_is_help=False)
_BAR = 32
#: Bills that end so many days ago are called old.
_OLD_DAYS = 7
_STEPS = {
    "remove": "Remove", "schedule": "Schedule", "resize": "Resize", "modernise": "Modernise", "spot": "Spot",
    "commit": "Commit",
}  # fmt: skip


def recommend(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what is not in the plan, and why.")] = False,
    published: Annotated[bool, typer.Option("--published", help="Show the plan in force; make none.")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
) -> None:
    """Ask every check, make one plan of what they propose, publish it and list it.

    Example: kifayat recommend
    Example: kifayat recommend --published --all --csv
    """
    from kifayat import cli
    from kifayat.output import chosen_format, show
    from warehouse import require_folder

    if as_json and as_csv:
        raise WrongUsage("--json and --csv together", fix="choose one")
    if to is not None:
        require_folder(to)
    given = "json" if as_json else "csv" if as_csv else None
    file_format = chosen_format(given, to, ("csv", "json", "parquet"), None if to is not None else "table")
    app = cli._app(context)
    if not published:
        with cli.talk.status("starting") as status:
            done = app.recommend(_teller(status))
        cli.talk.print(f"plan made; generation {done.generation} published", markup=False)
    found = app.query(
        "SELECT * FROM plan_items"
        + ("" if everything else " WHERE state IN ('planned', 'no figure')")
        + " ORDER BY position"
    )
    if not found.rows and not app.query("SELECT 1 FROM plan_runs").rows:
        raise WrongUsage("no plan has been made yet", fix="run `kifayat recommend` without --published")
    show(_table(found) if file_format == "table" else found, file_format, to)
    _tell_age(app.query("SELECT known_through FROM plan_runs").rows[0][0], app.clock.now().date())


def _tell_age(known_through: date, today: date) -> None:
    """Days of a plan are counted from the end of the bills: where that lies back, it is said."""
    from kifayat import cli

    if (days := (today - known_through).days) > _OLD_DAYS:
        cli.talk.print(
            f"the bills end on {known_through:%-d %B %Y}, {days} days ago: the plan's days are counted from then;"
            " `kifayat ingest` loads newer ones",
            markup=False,
        )


@plan.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    exclude: ExcludeOption = None,
    growth: GrowthOption = None,
    exam_date: ExamOption = None,
    usd_inr: RateOption = None,
    cost_of_capital: CapitalOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """The plan as a waterfall, with what-if questions; nothing is written.

    Example: kifayat plan --growth 30 --exam-date 2027-05-09
    Example: kifayat plan --exclude 7q8zadyk --usd-inr 100
    """
    if context.invoked_subcommand is not None:
        return
    from dataclasses import replace

    from kifayat import cli
    from recommender.prepared import Question

    app = cli._app(context)
    question = replace(
        Question.of(app.config), growth_per_year=None if growth is None else growth / 100, inr_per_usd=usd_inr,
        exam_on=None if exam_date is None else exam_date.date(),
    )  # fmt: skip
    if cost_of_capital is not None:
        question = replace(question, cost_of_capital=cost_of_capital / 100)
    with cli.talk.status("starting") as status:
        prepared, decided = app.prepare_plan(question, _teller(status))
        left: tuple[State, str] = "excluded", "left out on the command line"
        out = dict.fromkeys(exclude or (), left)
        # what is bought is known only once a plan is made, and to a person by the published one
        published = {item for (item,) in app.query("SELECT id FROM plan_items").rows}
        known = published | {action.id for action in prepared.actions}
        if unknown := sorted(set(out) - known):
            near = nearest(unknown[0], sorted(known))
            guess = f"; did you mean {near}?" if near else ""
            raise WrongUsage(
                f"no item has the id {', '.join(unknown)}{guess}",
                fix="`kifayat recommend --published --all` lists them",
            )
        decisions = replace(decided, out={**decided.out, **out})
        made = prepared.plan(decisions, _teller(status))
    if as_json:
        import json

        typer.echo(json.dumps(_as_dict(made), ensure_ascii=False, indent=2))
    else:
        _waterfall(made)
        for (saving,) in app.query("SELECT saving_inr FROM plan_runs").rows:
            cli.talk.print(
                f"as asked the plan saves {money(float(made.saving.mean()))} a year, the published one"
                f" {money(saving)}", markup=False,
            )  # fmt: skip
        _tell_age(made.starts_on - timedelta(days=1), app.clock.now().date())


@plan.command()
def export(
    context: typer.Context,
    item: ItemArgument,
    form: FormOption = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write it into a file.")] = None,
) -> None:
    """An item of the published plan ready to apply: commands, Terraform, policies. Kifayat itself changes nothing.

    Example: kifayat plan export 7q8zadyk --as terraform
    """
    import json

    from kifayat import cli
    from recommender.action import Recipe
    from recommender.artefacts import formats, render
    from warehouse import require_folder

    if to is not None:
        require_folder(to)
    app = cli._app(context)
    rows = app.query("SELECT recipe, title FROM plan_items WHERE id = $id", {"id": item}).rows
    if not rows:
        known = dict(app.query("SELECT id, title FROM plan_items").rows)
        near = nearest(item, known)
        guess = f"; did you mean {near} ({known[near]})?" if near else ""
        raise WrongUsage(
            f"no item of the plan has the id {item!r}{guess}", fix="`kifayat recommend --published --all` lists them"
        )
    if rows[0][0] is None:
        raise KifayatError(f"there is nothing to apply for {rows[0][1]}", fix="it is for a person to decide")
    told = json.loads(rows[0][0])
    recipe = Recipe(told["verb"], told["target"], told["values"])
    if form is None:
        if not (natural := formats(recipe)):
            raise KifayatError(
                f"there is no format for {rows[0][1]}", fix="follow its evidence: it is for a person to do"
            )
        typer.echo("\n".join(natural))
        return
    text = render(recipe, form)
    if to is None:
        typer.echo(text.rstrip("\n"))
    else:
        to.write_text(text, encoding="utf-8")
        cli.talk.print(f"wrote {to}", markup=False)


@plan.command()
def decide(
    context: typer.Context,
    item: ItemArgument,
    state: Annotated[str, typer.Argument(help="accepted, applied, dismissed, excluded, pinned or reopened.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: needed to dismiss or exclude.")] = "",
    on: OnOption = None,
) -> None:
    """Write down what was decided; the next plan keeps to it, and later bills are compared with what was applied.

    Example: kifayat plan decide 7q8zadyk applied --on 2026-09-01
    Example: kifayat plan decide 94cm0gkq dismissed --reason "needed for the audit until December"
    """
    from kifayat import cli
    from warehouse import CHOICES

    chosen = next((choice for choice in CHOICES if choice == state), None)
    if chosen is None:
        raise WrongUsage(f"{state!r} is no decision", expected=", ".join(CHOICES))
    cli._app(context).decide(item, chosen, reason, None if on is None else on.date())
    cli.talk.print(f"{item}: {chosen}; `kifayat recommend` makes the plan anew", markup=False)


def _teller(status: Any) -> Any:
    from kifayat import cli

    def say(text: str) -> None:
        status.update(text)
        if not cli.talk.is_terminal:
            cli.talk.print(text, markup=False)

    return say


def money(inr: float | None) -> str:
    """As people say it; a dash for what nobody knows."""
    from decimal import Decimal

    from core import compact_inr

    return "–" if inr is None else compact_inr(Decimal(round(inr)))


def _table(found: Result) -> Result:
    """What a person reads: id, lever, what, INR a month and a year with its band, confidence."""
    from warehouse import Result

    rows = []
    for row in found.to_dicts():
        year = row["saving_inr"]
        band = "–" if year is None else f"{money(row['saving_p10_inr'])} to {money(row['saving_p90_inr'])}"
        state = row["state"] if row["state"] == "planned" else f"{row['state']}: {row['why'] or ''}"
        month = money(None if year is None else year / 12)
        rows.append(
            (
                row["id"],
                row["operator"],
                row["title"],
                month,
                money(year),
                band,
                row["confidence"] if row["is_calibrated"] else f"{row['confidence']}, uncalibrated",
                row["status"],
                state,
            )
        )
    head = ("id", "lever", "what", "₹ a month", "₹ a year", "P10 to P90", "confidence", "status", "in the plan")
    return Result(head, (*("VARCHAR",) * 3, *("DOUBLE",) * 3, *("VARCHAR",) * 3), tuple(rows))


def _as_dict(made: Plan) -> dict[str, Any]:
    from recommender.plan import Risk

    return {
        "starts_on": made.starts_on.isoformat(), "cost_before_inr": float(made.before.mean()),
        "cost_after_inr": float(made.after.mean()), "saving_inr": vars(Risk.of(made.saving)),
        "steps": {operator.name.lower(): value for operator, value in made.by_operator().items()},
        "items": [
            {"id": item.id, "state": item.state, "operator": item.action.operator.name.lower(),
             "title": item.action.title, "why": item.why,
             "saving_inr": None if item.saving is None else float(item.saving.mean()),
             "alone_inr": None if item.alone is None else float(item.alone.mean())}
            for item in made.items
        ],
    }  # fmt: skip


def _waterfall(made: Plan) -> None:
    from kifayat.output import show
    from recommender.plan import Risk
    from warehouse import Result

    whole = float(made.before.mean())
    if whole <= 0:
        raise KifayatError("nothing is expected to be used in the year ahead, so there is nothing to plan")
    rows: list[tuple[Any, ...]] = [("Without the plan", None, money(whole), "█" * _BAR, None)]
    left, alone = whole, dict.fromkeys(made.by_operator(), 0.0)
    for item in made.planned:
        if item.alone is not None and item.action.operator in alone:
            alone[item.action.operator] += float(item.alone.mean())
    for operator, saving in made.by_operator().items():
        left -= saving
        bar = "█" * round(_BAR * left / whole) + "░" * round(_BAR * saving / whole)
        count = sum(1 for item in made.planned if item.action.operator is operator)
        rows.append((_STEPS[operator.name.lower()], count, f"- {money(saving)}", bar, money(alone[operator])))
    risk = Risk.of(made.saving)
    rows.append(("With the plan", len(made.planned), money(left), "█" * round(_BAR * left / whole), None))
    types = ("VARCHAR", "BIGINT", "DOUBLE", "VARCHAR", "DOUBLE")
    show(Result(("step", "items", "₹ a year", "", "each alone, added up"), types, tuple(rows)), None)
    typer.echo(
        f"\nThe year from {made.starts_on:%-d %B %Y}, without tax: {money(risk.expected)} saved"
        f" ({risk.expected / whole:.1%}), {money(risk.p10)} to {money(risk.p90)} in eight of ten years;"
        f" {money(risk.cvar5)} in the worst twentieth. Levers in their order, each on what the earlier ones left."
    )
