"""Everything that a plan is made from, read once: fleet, horizon, commitments, rates, and what the checks propose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final, Literal

import numpy as np

from core import Config
from models.design import Floats
from recommender.action import Action
from recommender.ahead import Users, growth_ahead, log_users, look_ahead, read_users
from recommender.champion import disputed, trusted, with_champions
from recommender.checks import propose
from recommender.fleet import Fleet, Provider
from recommender.held import overlaps
from recommender.holdings import Holding, Rates, read_holdings, read_rates
from recommender.horizon import YEAR_HOURS, Horizon
from recommender.owned import unbilled
from recommender.plan import Decisions, Plan, make_plan
from recommender.reading import read_fleet, read_lines
from warehouse import Snapshot

Say = Callable[[str], None]
#: What is owed for a rupee in a year, where the company does not say: a prior for an Indian company.
COST_OF_CAPITAL: Final = 0.11
#: Years of bills that judge the forecasts of lines.
_JUDGED_YEARS: Final = 3


@dataclass(frozen=True)
class Question:
    """What a plan is asked with: `growth_per_year` of the users as the business states it, `inr_per_usd` instead of
    today's rate, the day of the next exam, `users` drawn for it instead of the forecast's paths, and every how many
    months commitments are bought."""

    growth_per_year: float | None = None
    inr_per_usd: float | None = None
    cost_of_capital: float = COST_OF_CAPITAL
    exam_on: date | None = None
    users: Users | None = None
    n_paths: int = 40
    seed: int = 0
    every_months: Literal[1, 3] = 3

    @classmethod
    def of(cls, config: Config) -> Question:
        """How the plan is asked where nothing else is said: [plan]."""
        asked = config.plan
        return cls(cost_of_capital=float(asked.cost_of_capital_pct) / 100, every_months=asked.buy_every_months)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything a plan is made from, read once."""

    fleet: Fleet
    horizon: Horizon
    holdings: list[Holding]
    rates: Rates
    actions: list[Action]
    users: Users | None = field(repr=False)
    cost_of_capital: float = COST_OF_CAPITAL
    every_months: Literal[1, 3] = 3

    def plan(self, decisions: Decisions | None = None, say: Say = lambda _: None) -> Plan:
        """The plan under these decisions; seconds."""
        return make_plan(
            self.fleet,
            self.horizon,
            self.holdings,
            self.rates,
            self.actions,
            decisions,
            cost_of_capital=self.cost_of_capital,
            every_months=self.every_months,
            say=say,
        )


def prepare(snapshot: Snapshot, now: datetime, question: Question | None = None, say: Say = lambda _: None) -> Prepared:
    """Read the fleet, look ahead, ask every check. Raises NotEnoughHistory where no usage is billed."""
    asked = question or Question()
    say("reading what is used by the hour")
    fleet = read_fleet(snapshot, now)
    if asked.inr_per_usd is not None:
        fleet = replace(fleet, inr={**fleet.inr, "USD": asked.inr_per_usd})
    if asked.exam_on is not None:
        past = tuple(day for day in fleet.exams if day <= fleet.today)
        fleet = replace(fleet, exams=(*past, asked.exam_on))
    end = (fleet.hours[-1] + 1).astype("datetime64[D]").astype(object)
    billed = read_holdings(snapshot, end - timedelta(days=40), end + timedelta(days=40))
    holdings = [one for one in billed if one.ends_on > end]
    users = asked.users or read_users(snapshot)
    fleet = replace(
        fleet,
        growth=growth_ahead(users, asked.growth_per_year),
        log_users=None if users is None else log_users(fleet, users),
    )
    horizon = look_ahead(fleet, users, n_paths=asked.n_paths, seed=asked.seed, growth_per_year=asked.growth_per_year)
    if asked.growth_per_year is None and (lines := disputed(fleet, users, horizon)):
        say(f"asking of {len(lines)} lines which forecast would have paid")
        hours = np.arange(fleet.hours[-1] + 1 - _JUDGED_YEARS * YEAR_HOURS, fleet.hours[-1] + 1)
        earlier = read_lines(snapshot, hours, resources=sorted(set(lines.values())))
        horizon = with_champions(fleet, horizon, trusted(fleet, lines, earlier))
    fleet = replace(fleet, users=users, spend_ahead=_spend_ahead(fleet, horizon))
    say(f"asking the checks about {len(fleet.workloads)} workloads")
    rates = read_rates(snapshot)
    actions = [*propose(fleet), *overlaps(fleet, holdings, rates), *unbilled(snapshot, fleet, end)]
    return Prepared(fleet, horizon, holdings, rates, actions, users, asked.cost_of_capital, asked.every_months)


def _spend_ahead(fleet: Fleet, horizon: Horizon) -> dict[tuple[Provider, str], Floats]:
    """What the year ahead costs at list by provider and currency of the bill, (n_paths,)."""
    found: dict[tuple[Provider, str], Floats] = {}
    for workload in fleet.workloads:
        for at, line in enumerate(workload.lines):
            if (units := horizon.units.get((workload.id, at))) is not None:
                key = workload.provider, line.currency
                found[key] = found.get(key, 0.0) + horizon.yearly(line.price * units.ravel())
    return found
