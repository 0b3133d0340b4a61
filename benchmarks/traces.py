"""Purchases on series that were really measured: `python -m benchmarks.traces`.

Electricity of two countries, views of an article, waiting times of a park, as if a day's number were a demand. At each
date with two years before and one after, every rule buys one level for a year at 0.63 of on demand; captured is what it
saved of hindsight's best. AWS's rules look back 30 and 60 days, ours are the model alone and the champion that its own
record chooses.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from benchmarks.forecast.series import REAL, load
from recommender.champion import backtest, candidates, choose
from recommender.tables import Demand

RATE = np.array([0.63])
EVERY_DAYS = 56
RULES = ("AWS 30 d", "AWS 60 d", "365 d", "model", "champion")


def captured(name: str) -> dict[str, list[float]]:
    """Captured shares of each rule at each date."""
    series = load(name)
    known = np.isfinite(series.values)
    daily = np.interp(np.arange(len(known)), np.flatnonzero(known), series.values[known])
    hours = np.arange(series.days[0], series.days[-1] + 1, np.timedelta64(1, "h"))
    whole = Demand(hours, (name,), np.repeat(daily / 24, 24)[None, : len(hours)])
    exams: tuple[date, ...] = tuple(
        sorted(e.on for e in series.calendar.of(series.mains[0])) if len(series.mains) == 1 else ()
    )
    found: dict[str, list[float]] = {rule: [] for rule in RULES}
    for at in range(730 * 24, len(whole.hours) - 8760, EVERY_DAYS * 24):
        day = whole.hours[at].astype("datetime64[D]").astype(object)
        past, real = whole.before(day), whole.usd[0, at : at + 8760]
        ahead = candidates(past, exams, n_paths=12)
        champion = int(choose(backtest(past, RATE, exams), len(past.hours) / 8760 - 1)[0])
        levels = {
            "AWS 30 d": past.usd[0, -720:], "AWS 60 d": past.usd[0, -1440:], "365 d": past.usd[0, -8760:],
            "model": ahead[0][0], "champion": ahead[champion][0],
        }  # fmt: skip
        best = saved(real, float(np.quantile(real, 1 - RATE[0])))
        for rule, demand in levels.items():
            found[rule].append(saved(real, float(np.quantile(demand, 1 - RATE[0]))) / best)
    return found


def saved(real: np.ndarray, level: float) -> float:
    """USD of a year."""
    return float(np.minimum(real, level).sum() - RATE[0] * level * len(real))


def main() -> None:
    """Print the mean and the worst of each rule by series."""
    print(f"{'captured %, mean / worst':24}" + "".join(f"{rule:>18}" for rule in RULES) + "   champion - best rule")
    gaps = []
    for name in REAL:
        found = {rule: 100 * np.array(values) for rule, values in captured(name).items()}
        gaps.append(found["champion"].mean() - max(found[rule].mean() for rule in RULES[:3]))
        cells = "".join(f"{v.mean():10.1f} /{v.min():6.1f}" for v in found.values())
        print(f"{name:24}{cells}{gaps[-1]:12.1f} ({len(found['model'])} dates)", flush=True)
    print(f"bar: on average not worse than the best of AWS 30 d, 60 d and 365 d by more than 2: {np.mean(gaps):+.1f}")


if __name__ == "__main__":
    main()
