"""Functions on Arm: a GB-second costs less there, by the own bill in the region, else by a dated list price.

That a function runs as long on Arm as before is taken, not measured; most run shorter. Not in an exam season.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from recommender.action import Action, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import after_season, evidence, is_running, target
from recommender.checks._transfer import LEAST_INR, ask, monthly_inr
from recommender.fleet import Fleet, Line, Workload
from recommender.prices import MissingPrice, Offer

TITLE = "Functions that would cost less on Arm"
OPERATOR = Operator.MODERNISE
_ARM = "Lambda-GB-Second-ARM"


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each function on x86 where the price on Arm is known, a reason for each dear one where not."""
    for workload in fleet.of("function"):
        line = next((x for x in workload.lines if x.meter.endswith("Lambda-GB-Second")), None)
        if line is None or not is_running(workload) or line.currency != "USD":
            continue
        name = workload.id.rsplit(":", 1)[-1]
        figures = {"Now": f"${line.price:.10f} a GB-second on x86"}
        found = _price(fleet, workload)
        if isinstance(found, str):
            if monthly_inr(fleet, line) >= LEAST_INR:
                yield ask(fleet, "arm_functions", workload, f"{name} on Arm", figures, found)
            continue
        yield from _action(fleet, workload, line, name, figures, *found)


def _price(fleet: Fleet, workload: Workload) -> tuple[float, str, date | None] | str:
    """USD of a GB-second on Arm, its source and day; else why it is not known."""
    for other in fleet.of("function"):
        for line in other.lines:
            if line.meter.endswith(_ARM) and other.region == workload.region and line.price > 0:
                return line.price, "your own bill", None
    try:
        listed = fleet.catalogue.price(Offer("aws", workload.region, _ARM))
    except MissingPrice as error:
        return str(error)
    return float(listed.usd), listed.source, listed.as_of


def _action(
    fleet: Fleet, workload: Workload, line: Line, name: str, figures: dict[str, str], price: float, source: str,
    on: date | None,
) -> Iterator[Action]:  # fmt: skip
    if price >= line.price:
        return
    figures |= {
        "On Arm": f"${price:.10f} a GB-second ({price / line.price - 1:+.0%}), {source}",
        "Taken": "that it runs as long as on x86",
    }  # fmt: skip
    meter = line.meter.replace("Lambda-GB-Second", _ARM)
    yield Action(
        "arm_functions", OPERATOR, workload.id, f"{name}: x86_64 to arm64",
        Swap({line.sku: Replacement(meter, price, meter=meter)}), evidence(fleet, figures),
        Recipe("arm", target(workload), {"architecture": "arm64"}), "medium",
        "how long it runs on Arm was not measured: compare one version's duration", "hours", False,
        "publish the x86_64 build again", "native dependencies must exist for Arm",
        starts_on=after_season(fleet), price_source=source, price_on=on,
    )  # fmt: skip
