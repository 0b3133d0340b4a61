"""Does the plan save what it says: `python -m benchmarks.plan_truth --config kifayat-demo/kifayat.toml`.

The company that does not exist goes on for another year after its bills end: its generator says how many machines run
in each hour of it. The plan was made without knowing that. Its levers and purchases are applied to what was really
used, the year is billed with and without them, and the difference stands beside what the plan expected. Machines,
databases and caches of AWS come from the generator; what else is used is what the plan expected of it.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np

import demo.company

# before any other part of the generator is imported, and learns from it when the world ends
demo.company.LAST = date(2027, 9, 20)

from demo.aws_fleet import GROUPS  # noqa: E402
from demo.aws_usage import Usage as Truth  # noqa: E402
from demo.company import Company  # noqa: E402
from demo.users import Users  # noqa: E402
from kifayat import App  # noqa: E402
from recommender.book import Book  # noqa: E402
from recommender.horizon import Horizon, Key  # noqa: E402
from recommender.plan import Plan  # noqa: E402
from recommender.prepared import Prepared, Question  # noqa: E402
from recommender.usage import Usage  # noqa: E402


def really_used(prepared: Prepared, company: Company) -> Horizon:
    """The plan's hours as the generator goes on: one course."""
    truth = Truth(company, Users(company))
    ahead = prepared.horizon
    at = (ahead.hours - company.hours[0]).astype(np.int64)
    at = np.minimum(at, len(company.hours) - 1)
    units: dict[Key, np.ndarray] = {key: values.mean(axis=0)[None, :] for key, values in ahead.units.items()}
    replaced = 0
    for group in GROUPS:
        count = truth.count(group)[at]
        together = f"group/{group.account}/{group.name}"
        if together in prepared.fleet.workloads_by_id:
            units[together, 0] = count[None, :].astype(np.float64)
            replaced += 1
            continue
        for number in range(group.least * company.scale):
            workload = prepared.fleet.workloads_by_id.get(truth.machine_id(group, number))
            if workload is not None:
                line = next(i for i, one in enumerate(workload.lines) if one.sku.startswith(group.type))
                units[workload.id, line] = (count > number)[None, :].astype(np.float64)
                replaced += 1
    print(f"{replaced} workloads come from the generator")
    return Horizon(ahead.hours, units, 1)


def saved(prepared: Prepared, plan: Plan, horizon: Horizon) -> tuple[float, float]:
    """What the plan's levers and purchases save on a horizon, INR, and its cost without them."""
    book = Book(prepared.fleet, prepared.rates, horizon.columns)
    held = [one.commitment(prepared.fleet.inr[one.currency]) for one in plan.holdings]
    before = usage = Usage.of(prepared.fleet, horizon, book)
    bought = []
    for item in plan.planned:
        if item.purchase is not None:
            bought += item.purchase.commitments
        else:
            usage = usage.apply(item.action, plan.starts_on)
    cost = float(before.cost(held).mean())
    return cost - float(usage.cost([*held, *bought]).mean()), cost


def main() -> None:
    """Print what was expected and what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    config = parser.parse_args().config
    stamp = config.parent / "company.json"
    told = json.loads(stamp.read_text()) if stamp.is_file() else {}
    app = App.from_toml(config)
    prepared, decided = app.prepare_plan(Question())
    plan = prepared.plan(decided)
    company = Company(told.get("seed", 7), told.get("scale", 1), 49, told.get("strength", "base"))
    real = really_used(prepared, company)
    expected = float(plan.saving.mean())
    found, cost = saved(prepared, plan, real)
    whole = float(plan.before.mean())
    print(f"year without the plan: expected {whole:,.0f}, really {cost:,.0f} INR ({cost / whole - 1:+.1%})")
    print(
        f"saved by the plan: expected {expected:,.0f}, really {found:,.0f} INR ({found / expected - 1:+.1%}; bar 5 %)"
    )


if __name__ == "__main__":
    main()
