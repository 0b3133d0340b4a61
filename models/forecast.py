"""The forecast of the company as tables of a generation: made anew when asked and something changed, else taken again.

Results lie as Parquet files in a folder named after their inputs; a generation that is published without a new forecast
carries the last one, with the day on which it was made.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import Config, NotEnoughHistory
from models import forecast_inputs, forecast_tables, season_plan
from models.calendar import Calendar, Event
from models.crowd import CrowdHistory
from models.forecast_inputs import Bill
from models.forecast_tables import GIVEN, MIXTURE, Rows, Told
from warehouse import Engine, path_list, quote

#: Another method, another forecast: part of the name of what is kept.
VERSION: Final = 2
TABLES: Final = (
    "forecast_runs", "forecast_daily", "forecast_monthly", "forecast_events", "forecast_futures", "forecast_scores",
    "forecast_notes", "cost_forecasts", "cost_bands", "cost_drivers", "season_hours", "season_services",
    "budget_curves", "forecast_paths",
)  # fmt: skip
_KEPT: Final = 3
Say = Callable[[str], None]


@dataclass(frozen=True)
class ForecastSettings:
    """What the configuration says: events beside the shipped ones, what-if calendars, growth that the business states.

    `scenarios`: name -> event -> the day to which its next occurrence is moved. `growth_per_year`: 0.2 is a fifth.
    """

    events: tuple[Event, ...] = ()
    scenarios: tuple[tuple[str, tuple[tuple[str, date], ...]], ...] = ()
    growth_per_year: float | None = None
    horizon_days: int = 550
    n_paths: int = 400
    seed: int = 0

    @classmethod
    def of(cls, config: Config) -> ForecastSettings:
        """Events, scenarios and growth of [season], and the size of the forecast of [forecast]."""
        from models.neet import events_of

        season, size = config.season, config.forecast
        stated: list[dict[str, str | int | float | date | None]] = [
            event.model_dump(exclude_none=True) for event in season.events
        ]
        return cls(
            tuple(events_of(stated)),
            tuple((one.name, tuple(sorted(one.moves.items()))) for one in season.scenarios),
            None if season.growth_per_year_pct is None else float(season.growth_per_year_pct) / 100,
            size.horizon_days, size.paths, size.seed,
        )  # fmt: skip


def build(
    engine: Engine,
    settings: ForecastSettings,
    folder: Path,
    now: datetime,
    say: Say,
    *,
    refit: bool,
    force: bool = False,
) -> bool:
    """Fill the forecast's tables of the generation in use; returns whether a forecast was made.

    `folder` keeps results. Without `refit` the newest one is taken, or nothing where there is none. With it a new one
    is made unless one of the same inputs is there; `force` makes it in any case.
    """
    if not refit:
        newest = max(_results(folder), key=lambda path: path.stat().st_mtime, default=None)
        if newest is not None:
            _insert(engine, newest)
        return False
    crowd, bill = forecast_inputs.read_crowd(engine), forecast_inputs.read_bill(engine)
    if crowd is None:
        say("no forecast: nobody counts daily active users (feed active_users)")
        return False
    budgets = engine.dicts("SELECT * FROM budgets ORDER BY ALL")
    name = forecast_inputs.facts(
        VERSION, settings, crowd.days, *(v for _, v in sorted(crowd.dau.items())),
        *(v for _, v in sorted(crowd.peak.items())),
        *(v for _, v in sorted(crowd.by_state.items())), sorted((p, sorted(m.items())) for p, m in crowd.mau.items()),
        budgets, *([] if bill is None else [bill.days, bill.inr, bill.rates]),
    )  # fmt: skip
    target = folder / name
    if target.is_dir() and not force:
        say("the forecast is up to date: nothing it is made from has changed")
        target.touch()
        _insert(engine, target)
        return False
    started = time.monotonic()
    rows = make(crowd, bill, budgets, settings, say)
    rows["forecast_runs"] = [
        (now.replace(tzinfo=None), crowd.days[-1].astype(object), settings.horizon_days, settings.n_paths,
         settings.seed, len(crowd.dau) + len(crowd.by_state) + len(crowd.peak),
         round(time.monotonic() - started, 1), name)
    ]  # fmt: skip
    _keep(engine, rows, target)
    _insert(engine, target)
    for old in sorted(_results(folder), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old)
    return True


def make(
    crowd: CrowdHistory,
    bill: Bill | None,
    budgets: Sequence[Mapping[str, Any]],
    settings: ForecastSettings,
    say: Say,
) -> Rows:
    """All tables but forecast_runs, as rows. Everything hangs on the inputs and the seed."""
    from models.cost_forecast import CostModel
    from models.crowd import CrowdModel
    from models.neet import central, futures, neet_calendar, scenario

    known_on: date = (crowd.days[-1] + 1).astype(object)
    until = known_on + timedelta(days=settings.horizon_days)
    whole = neet_calendar(settings.events)

    def as_of(_: Calendar, on: date) -> Calendar:
        return central(whole, on, on + timedelta(days=settings.horizon_days))

    possible = futures(whole, known_on, until)
    given = possible[0].calendar
    say(f"fitting {len(crowd.dau)} products, {len(crowd.by_state)} states, backtests")
    try:
        model = CrowdModel(
            given, as_of=as_of, growth_per_year=settings.growth_per_year, random_state=settings.seed
        ).fit(crowd)
    except NotEnoughHistory as error:
        return {**{key: [] for key in TABLES}, "forecast_notes": [("dau", "all", "all", str(error))]}
    say("drawing paths of the users")
    ahead = np.datetime64(known_on, "D") + np.arange(settings.horizon_days)
    told = [Told(GIVEN, model.sample(ahead, settings.n_paths))]
    told.append(
        Told(MIXTURE, model.sample_futures(ahead, [(f.probability, f.calendar) for f in possible], settings.n_paths))
    )
    for name, moves in settings.scenarios:
        told.append(Told(name, model.sample(ahead, settings.n_paths, scenario(given, dict(moves)))))
    rows: Rows = {name: [] for name in TABLES}
    rows |= forecast_tables.user_rows(model, told)
    rows["forecast_paths"] = forecast_tables.path_rows(told[1])
    rows |= forecast_tables.score_rows(model)
    rows |= forecast_tables.calendar_rows(given, possible, known_on - timedelta(days=400), until)
    seasons = season_plan.seasons(given, known_on, until)
    if bill is not None:
        say(f"fitting {len(bill.pools)} pools of cost")
        users = forecast_inputs.align(crowd, bill.days)
        cost = CostModel(settings.seed).fit(bill.days, users, bill.pools)
        say("carrying the users' paths to rupees")
        found, _ = forecast_tables.cost_rows(cost, bill, model, {one.name: one.paths for one in told}, seasons)
        rows |= found
        rows["cost_bands"] = forecast_tables.past_bands(cost, bill, users) + rows["cost_bands"]
        rows["forecast_notes"] += [
            ("cost", "all", "all", f"{currency} has no rate to rupees, so its cost is not in the forecast")
            for currency in bill.without_rate
        ]
        paths = forecast_tables.user_paths(model, told[0].paths, bill.days)
        rows["budget_curves"] = forecast_tables.budget_rows(budgets, cost, bill, paths)
    if seasons:
        say("planning the season")
        rows |= _season(model, told[1], bill, seasons[0], crowd)
    return rows


def _season(model: Any, told: Told, bill: Bill | None, season: season_plan.Season, crowd: CrowdHistory) -> Rows:
    """season_hours and season_services of the next season, over the mixture of calendars."""
    product = "all" if "all" in told.paths.dau else next(iter(told.paths.dau))
    days = told.paths.days
    inside = season.holds(days)
    found: Rows = {}
    if product in told.paths.peak:
        shape = model.hours(days[inside], np.ones(int(inside.sum())))
        found["season_hours"] = season_plan.hours(told.paths.peak[product][:, inside], shape, days[inside])
    if bill is not None:
        users = forecast_tables.user_paths(model, told.paths, bill.days)
        ahead = bill.days[-1] + 1 + np.arange(users.given.shape[1])
        peaks = told.paths.peak.get(product)
        if peaks is not None:
            at_once = float(np.quantile(peaks[:, inside].max(axis=1), 0.5))
            found["season_services"] = season_plan.services(
                forecast_tables.service_costs(bill), bill.days, forecast_inputs.align(crowd, bill.days), ahead,
                users.given, at_once, season.holds(ahead),
            )  # fmt: skip
    return found


def _results(folder: Path) -> list[Path]:
    return (
        [path for path in folder.glob("*") if path.is_dir() and not path.name.endswith(".tmp")]
        if folder.is_dir()
        else []
    )


def _keep(engine: Engine, rows: Rows, target: Path) -> None:
    """Write the tables aside and move them into place whole."""
    import pyarrow as pa
    from pyarrow import parquet

    aside = target.with_name(target.name + ".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name in TABLES:
        columns = [column for column, _ in engine.describe(f"SELECT * FROM {quote(name)}")]
        if rows[name]:
            values = list(zip(*rows[name], strict=True))
            table = pa.table({column: pa.array(values[at]) for at, column in enumerate(columns)})
            parquet.write_table(table, aside / f"{name}.parquet", compression="zstd")
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def _insert(engine: Engine, folder: Path) -> None:
    for path in sorted(folder.glob("*.parquet")):
        engine.execute(f"INSERT INTO {quote(path.stem)} BY NAME SELECT * FROM read_parquet({path_list([path])})")
