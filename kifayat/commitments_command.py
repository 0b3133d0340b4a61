"""`kifayat commitments` and `kifayat simulate`: what is held, what to buy, and any bill under any commitments."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core import WrongUsage

UsageOption = Annotated[Path | None, typer.Option("--usage", help="Hourly usage: hour, pool, on_demand.")]
ProductsOption = Annotated[Path | None, typer.Option("--products", help="What is for sale: pool, kind, rate.")]
AsOfOption = Annotated[
    datetime | None, typer.Option("--as-of", help="Know nothing from this day on.", formats=["%Y-%m-%d"])
]
ExamsOption = Annotated[str, typer.Option("--exams", help="Days of the exam, past and to come; NEET's if not said.")]
ToOption = Annotated[Path | None, typer.Option("--to", help="Write it: .csv, .json or .parquet.")]
CapitalOption = Annotated[
    float | None, typer.Option("--cost-of-capital", help="Per cent a year; 11 if not said.", min=0, max=100)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def commitments(
    context: typer.Context,
    usage: UsageOption = None,
    products: ProductsOption = None,
    as_of: AsOfOption = None,
    exams: ExamsOption = "",
    growth: Annotated[float | None, typer.Option(help="Growth a year in per cent, as the business states it.")] = None,
    cost_of_capital: CapitalOption = None,
    to: ToOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is held, what to buy and when; or what to buy for any table of hourly usage.

    Example: kifayat commitments
    Example: kifayat commitments --usage usage.csv --products products.csv --as-of 2026-06-10
    """
    from kifayat import cli
    from kifayat.output import chosen_format, show

    file_format = chosen_format("json" if as_json else None, to, ("csv", "json", "parquet"), None if to else "table")
    if usage is None:
        if products is not None or as_of is not None or exams or growth is not None or cost_of_capital is not None:
            raise WrongUsage(
                "--products, --as-of, --exams, --growth and --cost-of-capital belong to --usage",
                fix="give --usage FILE too",
            )
        show(cli._app(context).query(_HELD), file_format, to)
        return
    if products is None:
        raise WrongUsage("usage without products", fix="give --products FILE: pool, kind, rate")
    with cli.talk.status("reading"):
        day = None if as_of is None else as_of.date()
        capital = 0.11 if cost_of_capital is None else cost_of_capital / 100
        found = _advise(usage, products, day, _days(exams), growth, capital)
    show(found, file_format, to)


_HELD = """
SELECT * FROM (
SELECT
    'held' AS what, scope, kind, amount, unit, round(hourly_inr, 2) AS hourly_inr, starts_on, ends_on,
    utilization_ratio, NULL AS saving_inr
FROM plan_holdings
UNION ALL
SELECT
    'buy ' || id, name, title, NULL, NULL, round(locked_inr * 12 / locked_months / 8760, 2), starts_on,
    (starts_on + to_months(locked_months))::DATE, NULL, round(saving_inr, 2)
FROM plan_items WHERE operator = 'commit' AND state = 'planned'
) ORDER BY what <> 'held', starts_on, scope, what
"""


def simulate(
    context: typer.Context,
    usage: UsageOption = None,
    products: ProductsOption = None,
    held: Annotated[Path | None, typer.Option("--commitments", help="id, kind, pool, amount, starts, ends.")] = None,
    to: ToOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bill hourly usage under commitments as providers apply them: used, unused, left on demand, in USD.

    Example: kifayat simulate --usage usage.csv --products products.csv --commitments held.csv
    """
    del context
    from kifayat.output import chosen_format, show
    from recommender.tables import bill_of, read_commitments, read_demand, read_products
    from warehouse import Result

    if usage is None or products is None:
        raise WrongUsage("nothing to simulate", expected="--usage FILE --products FILE", fix="see docs/plan.md")
    file_format = chosen_format("json" if as_json else None, to, ("csv", "json", "parquet"), None if to else "table")
    demand = read_demand(usage)
    bill = bill_of(demand, read_products(products), read_commitments(held) if held is not None else [])
    rows: list[tuple[Any, ...]] = []
    for at, pool in enumerate(bill.pools):
        listed, left, covered = demand.usd[at].sum(), bill.left[at].sum(), bill.covered_cost[at].sum()
        rows.append(("pool", pool.name, _usd(listed), _usd(left), _usd(covered), None, None))
    for at, one in enumerate(bill.commitments):
        used, unused = (float(part[at].sum()) * one.fee for part in (bill.used, bill.unused))
        ratio = round(used / (used + unused), 4) if used + unused else None
        rows.append(("commitment", one.id, None, None, _usd(used), _usd(unused), ratio))
    total = [demand.usd.sum(), bill.on_demand_cost.sum(), bill.covered_cost.sum()]
    lost = bill.commitment_cost.sum() - bill.covered_cost.sum()
    rows.append(("all", "bill " + str(_usd(bill.cost.sum())), *map(_usd, total), _usd(lost), None))
    head = ("what", "name", "list_usd", "on_demand_usd", "covered_usd", "unused_usd", "utilization_ratio")
    show(Result(head, ("VARCHAR", "VARCHAR", *("DOUBLE",) * 5), tuple(rows)), file_format, to)


def _usd(amount: Any) -> float:
    return round(float(amount), 2) + 0.0  # no -0.0


def _days(text: str) -> tuple[date, ...]:
    if not text:
        from models.neet import expected_exam, neet_calendar

        known = {event.on for event in neet_calendar() if event.name == "exam"}
        return tuple(sorted(known | {expected_exam(year) for year in range(2027, 2031)}))
    try:
        return tuple(sorted(date.fromisoformat(part.strip()) for part in text.split(",")))
    except ValueError:
        raise WrongUsage(f"{text!r} are no days", where="--exams", expected="2026-05-03,2027-05-02") from None


def _advise(
    usage: Path, products: Path, as_of: date | None, exams: tuple[date, ...], growth: float | None,
    cost_of_capital: float,
) -> Any:  # fmt: skip
    """Levels and plan for the year from the day; the online rule where less than a year is known."""
    import numpy as np

    from recommender.champion import demand_ahead
    from recommender.portfolio import bill_of, optimise
    from recommender.purchases import online_levels
    from recommender.tables import effective, read_demand, read_products, shares
    from warehouse import Result

    demand, sold = read_demand(usage), read_products(products)
    if as_of is not None:
        demand = demand.before(as_of)
    ways, plan_ways = sold.own_ways(demand.pools, cost_of_capital), sold.shared_ways(demand, cost_of_capital)
    own, shared = shares(ways), None if plan_ways is None else shares(plan_ways)
    is_short = len(demand.hours) < 8760
    trusts: tuple[str, ...]
    if is_short:
        levels, plan, paths = online_levels(demand.usd, own, 8760), 0.0, demand.usd.astype(np.float32)
        trusts = ("online rule",) * len(demand.pools)
        why = (
            f"online rule: {len(demand.hours) // 24} of 365 days are known, so only what has paid for itself is bought"
        )
    else:
        known = demand_ahead(demand, own, exams, growth_per_year=None if growth is None else growth / 100)
        paths, trusts = known.paths, known.chosen
        planned = None if plan_ways is None else effective(plan_ways, cost_of_capital)
        best = optimise(paths, effective(ways, cost_of_capital), planned)
        levels, plan = best.levels, best.plan
        if shared is not None and planned is not None:
            # sized in what a dollar is worth, bought in dollars at plan rates
            plan *= float((shared / planned)[shared < 1].mean()) if (shared < 1).any() else 0.0
        why = "sized on sample paths of the year ahead, exam season included"
    n_hours = paths.shape[1]
    nothing = float(paths.sum()) / n_hours * 8760
    cost = bill_of(paths, own, shared, levels, plan) / n_hours * 8760
    rows: list[tuple[Any, ...]] = [
        (pool, "own", trust, way.name if way else None, round(float(level * rate), 4), round(float(level), 4),
         round(float(rate), 4), None, None)
        for pool, trust, way, level, rate in zip(demand.pools, trusts, ways, levels, own, strict=True)
    ]  # fmt: skip
    if plan_ways is not None:
        way = next((way for way in plan_ways if way is not None), None)
        rows.append(("*", "shared plan", None, way.name if way else None, round(plan, 4), None, None, None, None))
    whole = round(float((levels * own).sum()) + plan, 4)
    rows.append(("all", why, None, None, whole, None, None, _usd(nothing), _usd(nothing - cost) if whole else 0.0))
    head = (
        "pool",
        "what",
        "forecast",
        "way",
        "commit_usd_per_hour",
        "on_demand_usd_per_hour",
        "rate",
        "on_demand_usd_a_year",
        "saving_usd_a_year",
    )
    return Result(head, (*("VARCHAR",) * 4, *("DOUBLE",) * 5), tuple(rows))
