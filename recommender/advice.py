"""The plan and all that belongs to it as tables of a generation, and the folder in which they are kept between plans.

`make` reads a published snapshot and takes seconds; `insert` puts the newest result into a generation that is built.
Whoever asks what-if questions calls `prepare` once and `make_plan` as often as wanted: nothing is written then.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from core import NotEnoughHistory
from recommender import advice_rows
from recommender.calibration import calibrate, uncalibrated
from recommender.comparison import compare
from recommender.headroom import with_headroom
from recommender.held import returns
from recommender.plan import Decisions, Risk
from recommender.prepared import Prepared, Question, Say, prepare
from recommender.provider_advice import read_advice
from recommender.realised import Realised, ratios, realised_purchase, realised_saving, verdict
from warehouse import Decision, Engine, Proposal, Snapshot, path_list, quote

Rows = dict[str, list[dict[str, Any]]]
TABLES: Final = (
    "plan_runs", "plan_items", "plan_steps", "plan_holdings", "plan_coverage", "plan_curve", "plan_calibration",
    "plan_realised", "plan_comparison",
)  # fmt: skip
_KEPT: Final = 3


def decisions_of(made: Mapping[str, Decision]) -> Decisions:
    """What people decided, as a plan wants it: what was applied, dismissed or excluded is out, what was pinned in."""
    return Decisions(
        {
            item: (one.state, one.reason)
            for item, one in made.items()
            if one.state in ("applied", "dismissed", "excluded")
        },
        frozenset(item for item, one in made.items() if one.state == "pinned"),
    )


def make(
    snapshot: Snapshot, now: datetime, decided: Mapping[str, Decision], known: Sequence[Proposal],
    question: Question | None = None, say: Say = lambda _: None,
) -> tuple[Rows, list[Proposal]]:  # fmt: skip
    """All tables, and the proposals to be remembered. Raises NotEnoughHistory where no usage is billed."""
    started = time.monotonic()
    asked = question or Question()
    prepared = prepare(snapshot, now, asked, say)
    fleet = prepared.fleet
    back = returns(fleet, prepared.horizon, prepared.holdings, prepared.rates, decided, known)
    prepared = replace(prepared, actions=[*prepared.actions, *back])
    say("billing the last twelve months again")
    calibration = calibrate(snapshot, fleet, prepared.rates)
    plan = with_headroom(prepared.plan(decisions_of(decided), say))
    say("looking at what was applied")
    realised = list(_realised(snapshot, prepared, decided, known))
    first = {one.item: one.first_seen for one in known}
    rows: Rows = {name: [] for name in TABLES}
    rows["plan_items"] = advice_rows.items_rows(
        plan, prepared, decided, first, uncalibrated(calibration), ratios(realised)
    )
    rows["plan_items"] += advice_rows.past_rows(rows["plan_items"], known, decided, fleet.today)
    rows["plan_steps"] = advice_rows.steps_rows(plan)
    rows["plan_holdings"] = advice_rows.holdings_rows(prepared)
    rows["plan_coverage"] = advice_rows.coverage_rows(plan, prepared)
    rows["plan_curve"] = advice_rows.curve_rows(plan, prepared)
    rows["plan_calibration"] = [{**vars(one), "is_calibrated": one.is_calibrated} for one in calibration]
    rows["plan_realised"] = [vars(one) for one in realised]
    rows["plan_comparison"] = compare(prepared, plan, read_advice(snapshot), say)
    risk = Risk.of(plan.saving)
    rows["plan_runs"] = [{
        "made_at": now.replace(tzinfo=None), "known_through": plan.starts_on - timedelta(days=1),
        "starts_on": plan.starts_on, "n_paths": prepared.horizon.n_paths, "cost_before_inr": float(plan.before.mean()),
        "cost_after_inr": float(plan.after.mean()), "saving_inr": risk.expected, "saving_p10_inr": risk.p10,
        "saving_p90_inr": risk.p90,
        "saving_alone_inr": float(sum(item.alone.mean() for item in plan.items if item.alone is not None)),
        "inr_per_usd": fleet.inr.get("USD"), "rate_on": fleet.inr_on, "cost_of_capital": asked.cost_of_capital,
        "growth_per_year": asked.growth_per_year, "generation": snapshot.generation,
        "seconds": round(time.monotonic() - started, 1),
    }]  # fmt: skip
    proposals = [
        Proposal(item.id, item.action.check, item.action.workload, item.action.title,
                 first.get(item.id, fleet.today), fleet.today,
                 float(item.saving.mean()) if item.saving is not None else 0.0)
        for item in plan.items if item.state in ("planned", "no figure", "set aside")
    ]  # fmt: skip
    return rows, proposals


def _realised(
    snapshot: Snapshot, prepared: Prepared, decided: Mapping[str, Decision], known: Sequence[Proposal]
) -> Iterable[Realised]:
    proposals = {one.item: one for one in known}
    for item, decision in sorted(decided.items()):
        proposal = proposals.get(item)
        if decision.state != "applied" or proposal is None:
            continue
        found: tuple[float, int] | NotEnoughHistory
        try:
            if proposal.check == "commit":
                _, kind, scope, _ = proposal.workload.split(":")
                found = realised_purchase(
                    prepared.fleet, prepared.holdings, prepared.rates, kind, scope, decision.decided_on
                )
            else:
                found = realised_saving(
                    prepared.fleet, prepared.holdings, prepared.rates, prepared.users, proposal.workload,
                    decision.decided_on,
                )  # fmt: skip
        except NotEnoughHistory as error:
            found = error
        expected = decision.expected_inr if decision.expected_inr is not None else proposal.expected_inr
        yield verdict(item, proposal.check, proposal.title, decision.decided_on, expected, found)


def keep(rows: Rows, folder: Path, now: datetime) -> None:
    """Write the tables aside and move them into place whole; older results beyond the last three go."""
    import pyarrow as pa
    from pyarrow import parquet

    target = folder / now.strftime("%Y%m%dT%H%M%S%f")
    aside = target.with_name(target.name + ".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, table in rows.items():
        if table:
            parquet.write_table(pa.Table.from_pylist(table), aside / f"{name}.parquet", compression="zstd")
    shutil.rmtree(target, ignore_errors=True)  # a plan made at the same instant is replaced
    aside.rename(target)
    for old in _results(folder)[:-_KEPT]:
        shutil.rmtree(old)


def insert(engine: Engine, folder: Path) -> None:
    """Fill the plan's tables of the generation in use from the newest result, if there is one."""
    for result in _results(folder)[-1:]:
        for path in sorted(result.glob("*.parquet")):
            if path.stem in TABLES:
                engine.execute(
                    f"INSERT INTO {quote(path.stem)} BY NAME SELECT * FROM read_parquet({path_list([path])})"
                )


def _results(folder: Path) -> list[Path]:
    return (
        sorted(path for path in folder.glob("*") if path.is_dir() and path.suffix != ".tmp") if folder.is_dir() else []
    )
