"""From the fitted models to the tables of a generation: users, calendar, scores, cost, season, budgets. No SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from core import NotEnoughHistory
from models import season_plan
from models.backtest import HORIZONS, Backtest, score
from models.calendar import Calendar
from models.cost_forecast import CostModel, CostPaths, UserPaths, fx_spread, months_of
from models.crowd import ALL, CrowdHistory, CrowdModel, CrowdPaths, MonthlyReach
from models.demand import OURS, DemandModel
from models.design import DAY, Days, Floats
from models.forecast_inputs import DIMENSIONS, Bill, align

LEVELS: Final = (0.025, 0.05, 0.10, 0.25, 0.5, 0.75, 0.90, 0.95, 0.975)
GIVEN, MIXTURE = "given", "mixture"
#: Stories that are kept for whoever plans with them; the quantiles are of all.
KEPT_PATHS = 40
Rows = dict[str, list[tuple[Any, ...]]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Told:
    """The paths of one calendar by its name: given, mixture, or a scenario's."""

    name: str
    paths: CrowdPaths


def user_rows(model: CrowdModel, told: Sequence[Told]) -> Rows:
    """forecast_daily and forecast_monthly."""
    daily: list[tuple[Any, ...]] = []
    monthly: list[tuple[Any, ...]] = []
    for one in told:
        dates = one.paths.days.astype(object)
        for metric, paths in (("dau", one.paths.dau), ("peak_concurrent", one.paths.peak)):
            for product, values in paths.items():
                figures = _figures(values)
                daily += [(metric, product, ALL, day, one.name, *row) for day, row in zip(dates, figures, strict=True)]
                if metric == "dau" and one.name == GIVEN:
                    for (owner, state), share in model.shares_.items():
                        if owner == product:
                            daily += [
                                (metric, product, state, day, one.name, *(share * row))
                                for day, row in zip(dates, figures, strict=True)
                            ]
        monthly += _months(model, one)
    return {"forecast_daily": daily, "forecast_monthly": monthly}


def _months(model: CrowdModel, one: Told) -> list[tuple[Any, ...]]:
    """Whole months from paths that begin with what is already known of the first one."""
    rows: list[tuple[Any, ...]] = []
    history, days = model.history_, one.paths.days
    rng = np.random.default_rng(model.random_state)
    for product, values in one.paths.dau.items():
        reach = _reach(history, product)
        known = np.nan_to_num(history.dau[product], nan=float(np.nanmean(history.dau[product])))
        usual = float(known[-365:].mean())
        for start, end in months_of(days):
            inside = (days >= np.datetime64(start, "D")) & (days < np.datetime64(end, "D"))
            before = known[history.days >= np.datetime64(start, "D")]
            if len(before) + inside.sum() < (end - start).days:
                continue
            whole = np.concatenate(
                [np.broadcast_to(before, (one.paths.n_paths, len(before))), values[:, inside]], axis=1
            )
            rows.append(("dau", product, start, one.name, len(before), *_figures(whole.mean(axis=1)[:, None])[0]))
            if reach is not None:
                rows.append(
                    (
                        "mau",
                        product,
                        start,
                        one.name,
                        len(before),
                        *_figures(reach.sample(whole, usual, rng)[:, None])[0],
                    )
                )
            if product in one.paths.peak:
                past = history.peak[product][history.days >= np.datetime64(start, "D")]
                most = np.maximum(one.paths.peak[product][:, inside].max(axis=1), np.nanmax(past, initial=0.0))
                rows.append(("peak_concurrent", product, start, one.name, len(before), *_figures(most[:, None])[0]))
    return rows


def _reach(history: CrowdHistory, product: str) -> MonthlyReach | None:
    """From days to months, learnt from whole months; None where months are not counted."""
    counts = history.mau.get(product, {})
    means, totals = [], []
    for month, users in sorted(counts.items()):
        end = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
        inside = (history.days >= np.datetime64(month, "D")) & (history.days < np.datetime64(end, "D"))
        if inside.sum() == (end - month).days:
            means.append(float(np.nanmean(history.dau[product][inside])))
            totals.append(float(users))
    try:
        return MonthlyReach().fit(np.array(means), np.array(totals))
    except NotEnoughHistory:
        return None


def path_rows(told: Told) -> list[tuple[Any, ...]]:
    """Rows of forecast_paths: the first stories of everybody, or of the only product."""
    paths = told.paths.dau["all"] if "all" in told.paths.dau else sum(told.paths.dau.values())
    days = told.paths.days.astype(object)
    return [
        (path, day, float(users)) for path, course in enumerate(np.asarray(paths)[:KEPT_PATHS])
        for day, users in zip(days, course, strict=True)
    ]  # fmt: skip


def score_rows(model: CrowdModel) -> Rows:
    """forecast_scores and forecast_notes: of each product, and of each state as a share of its product."""
    rows: list[tuple[Any, ...]] = []
    notes: list[tuple[Any, ...]] = []
    for metric, fitted in (("dau", model.demand_), ("peak_share", model.intraday_)):
        for product, demand in fitted.items():
            for one in demand.scores_:
                champion = one.candidate == demand.champion_[one.horizon]
                rows.append(_score(metric, product, ALL, asdict(one), champion))
            notes += [(metric, product, ALL, note) for note in demand.notes_]
    for (product, state), counts in model.history_.by_state.items():
        rows += _state_scores(model, product, state, counts)
    notes += [("peak_concurrent", product, ALL, reason) for product, reason in model.unseen_.items()]
    return {"forecast_scores": rows, "forecast_notes": notes}


def _score(metric: str, product: str, state: str, one: Mapping[str, Any], champion: bool) -> tuple[Any, ...]:
    names = ["wape", "mase", "bias", "event_wape", "peak_error", "peak_days", "pinball", "cover80", "cover95"]
    return (
        metric,
        product,
        state,
        one["candidate"],
        one["horizon"],
        one["origins"],
        *(one[n] for n in names),
        champion,
    )


def _state_scores(model: CrowdModel, product: str, state: str, counts: Floats) -> list[tuple[Any, ...]]:
    """What the product's forecast times the state's share at each origin would have been off."""
    demand, days, floor = model.demand_[product], model.history_.days, 0.0
    run = demand.run_
    truth, told = np.full_like(run.truth, np.nan), np.full_like(run.truth, np.nan)
    whole = model.history_.dau[product]
    for row, origin in enumerate(run.origins):
        at = int((origin - days[0]) / DAY)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = float(np.nanmedian((counts / whole)[max(at - 56, 0) : at])) if at else np.nan
            actual = np.log(counts[at : at + truth.shape[1]])
        truth[row, : len(actual)] = np.where(np.isfinite(actual), actual, np.nan)
        told[row] = run.logs[OURS][row] + np.log(share) if share > 0 else np.nan
    shared = Backtest(run.origins, truth, run.near, {OURS: told})
    step = np.abs(counts[7:] - counts[:-7])
    scale = float(np.nanmean(step)) if np.isfinite(step).any() else 0.0
    return [
        _score("dau", product, state, asdict(score(shared, OURS, days_ahead, floor, scale)), True)
        for days_ahead in HORIZONS
    ]


def calendar_rows(given: Calendar, futures: Iterable[Any], since: date, until: date) -> Rows:
    """forecast_events and forecast_futures."""
    return {
        "forecast_events": [
            (event.name, event.on, event.last, event.status, event.known_from)
            for event in given
            if since <= event.on < until
        ],
        "forecast_futures": [
            (future.label, future.probability,
             season_plan.exam_rows(Calendar(e for e in future.calendar if since <= e.on < until)))
            for future in futures
        ],
    }  # fmt: skip


def cost_rows(
    model: CostModel,
    bill: Bill,
    crowd: CrowdModel,
    told: Mapping[str, CrowdPaths],
    seasons: Sequence[season_plan.Season],
) -> tuple[Rows, dict[str, CostPaths]]:
    """cost_forecasts, cost_bands and cost_drivers; and the total's paths by the name of the calendar."""
    rows: list[tuple[Any, ...]] = []
    totals: dict[str, CostPaths] = {}
    spread = fx_spread(bill.fx)
    bands: list[tuple[Any, ...]] = []
    for name, paths in told.items():
        users = user_paths(crowd, paths, bill.days)
        groups = list(bill.inr_by) if name == GIVEN else [("total", "all")]
        first = bill.days[-1] + DAY
        ahead = first + np.arange(users.given.shape[1]) * DAY
        found = model.forecast(ahead, users, bill.rates, groups, fx_spread=spread)
        totals[name] = found["total", "all"]
        for (dimension, value), cost in found.items():
            rows += _cost_periods(dimension, value, name, cost, bill, seasons)
        if name == GIVEN:
            bands = _cost_bands(found, bill, ("total", "x_Service", "ProviderName"))
    return {"cost_forecasts": rows, "cost_bands": bands, "cost_drivers": _drivers(bill, crowd)}, totals


def user_paths(crowd: CrowdModel, paths: CrowdPaths, cost_days: Days) -> UserPaths:
    """Paths of everybody from the day after the last one billed: known days as they were, then the forecast."""
    product = ALL if ALL in paths.dau else next(iter(paths.dau))
    first = cost_days[-1] + DAY
    known = align(crowd.history_, np.arange(first, crowd.history_.days[-1] + DAY), product)
    ahead = paths.days >= first
    given = paths.dau[product][:, ahead]
    demand = crowd.demand_[product]
    days = np.concatenate([np.arange(first, crowd.history_.days[-1] + DAY), paths.days[ahead]])
    middle = np.quantile(given, 0.5, axis=0)
    expected = np.concatenate([known, middle])
    ridge = demand.ridge_
    # what the events make of a day, by the model's own shape, taken off the median of the paths
    effect = np.maximum(ridge.predict(days), 1e-9) / np.maximum(ridge.without_events(days), 1e-9)
    plain = expected / effect
    given = np.concatenate([np.broadcast_to(known.astype(np.float32), (len(given), len(known))), given], axis=1)
    return UserPaths(given, expected, plain, float(ridge.without_events(cost_days[-28:]).mean()))


def _cost_periods(
    dimension: str, value: str, calendar: str, cost: CostPaths, bill: Bill, seasons: Sequence[season_plan.Season]
) -> list[tuple[Any, ...]]:
    last = (cost.days[-1] + DAY).astype(object)
    first = bill.days[-1].astype(object)
    periods = [("month", start, end) for start, end in months_of(cost.days) if end <= last]
    year = first.year if first.month >= 4 else first.year - 1
    periods += [
        ("financial_year", date(y, 4, 1), date(y + 1, 4, 1)) for y in (year, year + 1) if date(y + 1, 4, 1) <= last
    ]
    periods += [("season", season.start, season.end) for season in seasons if season.end <= last]
    actual = bill.inr_by.get((dimension, value), np.zeros(len(bill.days)))
    rows = []
    for kind, start, end in periods:
        if end <= cost.days[0].astype(object):
            continue
        known = float(actual[(bill.days >= np.datetime64(start, "D")) & (bill.days < np.datetime64(end, "D"))].sum())
        sums, parts = cost.between(start, end)
        figures = _figures((sums + known)[:, None])[0]
        rows.append((dimension, value, kind, start, end, calendar, known, *figures,
                     *(parts[name] for name in ("base", "growth", "season", "fx", "unknown"))))  # fmt: skip
    return rows


def _cost_bands(found: Mapping[tuple[str, str], CostPaths], bill: Bill, wanted: Sequence[str]) -> list[tuple[Any, ...]]:
    rows = []
    for (dimension, value), cost in found.items():
        if dimension not in wanted:
            continue
        told = np.quantile(cost.paths, (0.025, 0.1, 0.5, 0.9, 0.975), axis=0)
        for at, day in enumerate(cost.days.astype(object)):
            rows.append((dimension, value, day, None, *(float(q) for q in told[:, at])))
    return rows


def past_bands(model: CostModel, bill: Bill, users: Floats, n_days: int = 180) -> list[tuple[Any, ...]]:
    """Rows of cost_bands for the last days: what the drivers expect at the users that came, and what was billed."""
    recent = bill.days[-n_days:]
    sums: dict[tuple[str, str], Floats] = {}
    for pool, driver, saved in zip(model.pools_, model.drivers_, model.saved_, strict=True):
        course = np.maximum(driver.refit_mean(bill.days, users)[-n_days:] - saved, 0) * bill.rates[pool.currency]
        for group in (
            ("total", "all"),
            ("x_Service", pool.key["x_Service"] or ""),
            ("ProviderName", pool.key["ProviderName"] or ""),
        ):
            sums[group] = sums.get(group, np.zeros(len(recent))) + course
    rows = []
    for group, course in sums.items():
        actual = bill.inr_by[group][-n_days:]
        ratio = np.log(np.maximum(actual, 1e-6) / np.maximum(course, 1e-6))
        usual = float(np.median(ratio))
        spread = max(1.4826 * float(np.median(np.abs(ratio - usual))), 0.005)
        for at, day in enumerate(recent.astype(object)):
            middle = course[at] * np.exp(usual)
            widths = [float(middle * np.exp(z * spread * 1.5)) for z in (-1.96, -1.2816, 0, 1.2816, 1.96)]
            rows.append((*group, day, float(actual[at]), *widths))
    return rows


def _drivers(bill: Bill, crowd: CrowdModel) -> list[tuple[Any, ...]]:
    """What each service's and provider's cost at list prices follows."""
    from models.cost_drivers import CostDriver

    users = align(crowd.history_, bill.days)
    rows: list[tuple[Any, ...]] = []
    for dimension in ("x_Service", "ServiceName", "ProviderName"):
        for value in sorted({pool.key[dimension] or "" for pool in bill.pools}):
            cost = np.sum(
                [p.list_cost * bill.rates[p.currency] for p in bill.pools if (p.key[dimension] or "") == value], axis=0
            )
            one = CostDriver().fit(bill.days, users, cost)
            elastic = one.kind_ == "elastic"
            rows.append((dimension, value, one.kind_, one.fixed_share_ if elastic else None,
                         one.elasticity_ if elastic else None,
                         *(one.interval_ if elastic else (None, None)), one.smooth_days_ - 1 if elastic else None,
                         int((cost > 0).sum()), one.reason_ or None))  # fmt: skip
    return rows


def service_costs(bill: Bill) -> dict[str, Floats]:
    """Daily cost at list prices in INR by service of the company, production first of all what it is."""
    found: dict[str, Floats] = {}
    for pool in bill.pools:
        service = pool.key["x_Service"] or ""
        if service:
            found[service] = found.get(service, np.zeros(len(bill.days))) + pool.list_cost * bill.rates[pool.currency]
    return found


def budget_rows(
    budgets: Sequence[Mapping[str, Any]], model: CostModel, bill: Bill, users: UserPaths
) -> list[tuple[Any, ...]]:
    """budget_curves: known cost and paths, cumulated over the months of the financial year, before tax."""
    rows: list[tuple[Any, ...]] = []
    names = {
        "provider": "ProviderName",
        "team": "x_Team",
        "environment": "x_Environment",
        "product": "x_Product",
        "service": "x_Service",
    }
    first = bill.days[-1] + DAY
    ahead = first + np.arange(users.given.shape[1]) * DAY
    for budget in budgets:
        chosen = [
            at for at, pool in enumerate(model.pools_)
            if all(budget[name] is None or pool.key[column] == budget[name] for name, column in names.items())
        ]  # fmt: skip
        if not chosen:
            continue
        part = CostModel(model.random_state)
        part.pools_ = [model.pools_[at] for at in chosen]
        part.drivers_, part.saved_ = [model.drivers_[at] for at in chosen], model.saved_[chosen]
        part.unplanned_ = model.unplanned_
        cost = part.forecast(ahead, users, bill.rates, [("total", "all")], fx_spread=fx_spread(bill.fx))["total", "all"]
        actual = np.sum([bill.inr_of_pools[at] for at in chosen], axis=0)
        year = int(budget["financial_year"])
        known_so_far, paths_so_far = 0.0, np.zeros(len(users.given))
        for month in range(12):
            start = date(year + (month + 3) // 12, (month + 3) % 12 + 1, 1)
            end = date(year + (month + 4) // 12, (month + 4) % 12 + 1, 1)
            if end > (ahead[-1] + DAY).astype(object):
                break
            known_so_far += float(actual[(bill.days >= np.datetime64(start)) & (bill.days < np.datetime64(end))].sum())
            paths_so_far = paths_so_far + cost.between(start, end)[0]
            low, middle, high = np.quantile(paths_so_far + known_so_far, (0.1, 0.5, 0.9))
            rows.append((budget["name"], year, start, float(budget["amount_inr"]), known_so_far, low, middle, high))
    return rows


def _figures(values: Any) -> Floats:
    """Mean and quantiles of paths (n_paths, n_days) as (n_days, 1 + n_levels)."""
    return np.column_stack([values.mean(axis=0, dtype=np.float64), np.quantile(values, LEVELS, axis=0).T])


__all__ = ["DIMENSIONS", "GIVEN", "MIXTURE", "DemandModel", "Told"]
