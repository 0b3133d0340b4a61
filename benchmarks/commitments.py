"""What buying on sample paths is worth against buying on the last 30 days: `python -m benchmarks.commitments`.

Fleets that do not exist: exam-facing, core, batch, non-production and steady pools over three and a half years by the
hour, with a hump around an exam that moves by some days, growth, births, deaths. A year is known, the next is the term.
Where in May the hump stands, how levels wander and how noisy hours are is not written down of the fleets on which the
method was first tried: here it is set so that AWS's rule captures about what it captured there (base 88, 86, 23, 34, 84
and 88 % on the first of January, May, June, on 10 June, on the first of July and September; strong 88, 73, -152, -112,
69, 88), without a look at what ours captures.

Captured is what a purchase really saved of what hindsight would have saved. The forecaster sees history and exam days
only. `--portfolios N` (6) fleets of each kind; both kinds, base and strong.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.ahead import DEATHS_PER_YEAR, look_ahead
from recommender.portfolio import bill_of, optimise
from recommender.purchases import purchase
from recommender.tables import Demand

Floats32 = NDArray[np.float32]
FIRST: Final = np.datetime64("2022-07-01T00", "h")
YEARS: Final = 3.5
N_POOLS: Final = 200
KINDS: Final = ("exam", "core", "batch", "nonprod", "steady")
SHARES: Final = {"base": (0.35, 0.20, 0.10, 0.20, 0.15), "strong": (0.60, 0.15, 0.05, 0.10, 0.10)}
HUMPS: Final = {"base": (1.5, 4.0), "strong": (3.0, 7.0)}
#: Days of purchase: the first of each month of 2024, and 10 June.
DAYS: Final = (*(date(2024, month, 1) for month in range(1, 13)), date(2024, 6, 10))
#: Every so many hours a term is billed: coprime to 168.
STRIDE: Final = 5


@dataclass(frozen=True)
class World:
    """`usd` (n_pools, n_hours) on demand, prices as shares of it: `own` (n_pools,) and of the plan that all share."""

    hours: NDArray[np.datetime64]
    usd: Floats32
    own: NDArray[np.float64]
    shared: NDArray[np.float64]
    exams: tuple[date, ...]


def world(seed: int, kind: str) -> World:
    """One fleet."""
    rng = np.random.default_rng(seed)
    n_hours = int(YEARS * 8760)
    hours = FIRST + np.arange(n_hours) * np.timedelta64(1, "h")
    days = (hours - FIRST).astype(np.int64) / 24
    exams = tuple(date(year, 5, 17) + timedelta(days=int(rng.integers(-5, 6))) for year in range(2022, 2027))
    centres = [(np.datetime64(exam, "h") - FIRST).astype(np.int64) / 24 for exam in exams]
    season = np.sum([np.exp(-(((days - c) / 16) ** 2) / 2) for c in centres], axis=0)
    boards = np.sum([np.exp(-(((days - c + 110) / 10) ** 2) / 2) for c in centres], axis=0)
    courses = np.sum([np.exp(-(((days - c + 175) / 12) ** 2) / 2) for c in centres], axis=0)
    spikes = np.sum([np.abs(days - c - 0.4) < 0.25 for c in centres], axis=0)
    hour, weekday = hours.astype(np.int64) % 24, (hours.astype("datetime64[D]").astype(np.int64) + 3) % 7
    usd = np.zeros((N_POOLS, n_hours), dtype=np.float32)
    which = rng.choice(len(KINDS), N_POOLS, p=SHARES[kind])
    for pool in range(N_POOLS):
        name = KINDS[which[pool]]
        level = rng.lognormal(1.0, 0.8)
        growth = rng.normal(0.15, 0.22)
        walk = np.cumsum(rng.normal(0, 0.12 / np.sqrt(365), n_hours // 24 + 1))[(days).astype(int)]
        noise = _ar1(rng, n_hours, 0.97, 0.1)
        course = np.exp(np.log1p(max(growth, -0.6)) * days / 365 + walk + noise)
        day = 1 + rng.uniform(0.1, 0.5) * np.sin((hour - rng.integers(6, 12)) / 24 * 2 * np.pi)
        if name == "exam":
            course *= day * (
                1 + (rng.uniform(*HUMPS[kind]) - 1) * season + 0.25 * boards + 0.15 * courses + 0.8 * spikes
            )
        elif name == "core":
            course *= day * (1 + rng.uniform(0.1, 0.5) * season)
        elif name == "batch":
            course *= np.where((hour < rng.integers(3, 7)), 1.0, 0.05)
        elif name == "nonprod":
            course *= np.where((weekday < 5) & (hour >= 4) & (hour < 15), 1.0, rng.uniform(0.1, 0.6))
        born = rng.integers(0, n_hours) if rng.random() < 0.03 * YEARS else 0
        dead = int(8760 * rng.exponential(1 / DEATHS_PER_YEAR))
        usd[pool] = level * course
        usd[pool, :born], usd[pool, dead:] = 0, 0
    own = np.clip(1 - rng.normal(0.37, 0.025, N_POOLS), 0.55, 0.72)
    return World(hours, usd, own, np.clip(own + 0.14, 0.7, 0.86), exams)


def _ar1(rng: np.random.Generator, n: int, memory: float, spread: float) -> NDArray[np.float64]:
    from scipy.signal import lfilter  # type: ignore[import-untyped]

    return np.asarray(lfilter([np.sqrt(1 - memory**2) * spread], [1, -memory], rng.standard_normal(n)))


def known(one: World, day: date) -> slice:
    """The year before a day."""
    end = int((np.datetime64(day, "h") - FIRST).astype(np.int64))
    return slice(end - 8760, end)


def term(one: World, day: date) -> Floats32:
    """The year from a day, thinned."""
    start = int((np.datetime64(day, "h") - FIRST).astype(np.int64))
    return one.usd[:, start : start + 8760 : STRIDE]


def forecast(one: World, day: date, n_paths: int = 16) -> NDArray[np.float32]:
    """Sample paths of the term, side by side, from the year before."""
    before = known(one, day)
    demand = Demand(one.hours[before], tuple(f"{n:03d}" for n in range(N_POOLS)), one.usd[:, before])
    horizon = look_ahead(
        demand.fleet(one.exams), None, days=365, n_paths=n_paths, stride=11, seed=1, deaths_per_year=DEATHS_PER_YEAR
    )
    empty = np.zeros((n_paths, len(horizon.hours)))
    return np.stack([horizon.units.get((f"{n:03d}", 0), empty).ravel() for n in range(N_POOLS)]).astype(np.float32)


def quantile_levels(past: Floats32, own: NDArray[np.float64]) -> NDArray[np.float64]:
    """AWS's rule: the level that pays for itself over the look-back."""
    return np.array([np.quantile(row, 1 - price) for row, price in zip(past, own, strict=True)])


@dataclass(frozen=True)
class Hindsight:
    """The year from a day as it came, and what the best purchase would have saved: own commitments only, and joint."""

    real: Floats32
    own: float
    joint: float

    @classmethod
    def of(cls, one: World, day: date) -> Hindsight:
        """Of the term that begins on a day."""
        real = term(one, day)
        return cls(real, optimise(real, one.own).saving, optimise(real, one.own, one.shared).saving)

    def captured(self, one: World, levels: NDArray[np.float64], plan: float | None = None) -> float:
        """Realised saving as a share of hindsight's; with a plan, of the joint one's."""
        shared = None if plan is None else one.shared
        cost = bill_of(self.real, one.own, shared, levels, plan or 0.0)
        return (float(self.real.sum(dtype=np.float64)) - cost) / (self.own if plan is None else self.joint)


def one_shot(
    kind: str, portfolios: int
) -> tuple[dict[str, NDArray[np.float64]], list[tuple[float, float, float, float]]]:
    """Captured shares by policy, (n_portfolios, n_days), and (realised, expected, P10, P90) of each of our plans."""
    found: dict[str, list[list[float]]] = {
        name: [] for name in ("AWS 30 d", "AWS 60 d", "365 d", "ours", "AWS 30 joint", "ours, joint")
    }
    bands = []
    for seed in range(portfolios):
        one = world(seed, kind)
        rows: dict[str, list[float]] = {name: [] for name in found}
        for day in DAYS:
            before, best = one.usd[:, known(one, day)], Hindsight.of(one, day)
            for name, days in (("AWS 30 d", 30), ("AWS 60 d", 60), ("365 d", 365)):
                rows[name].append(best.captured(one, quantile_levels(before[:, -24 * days :: 3], one.own)))
            # the best of both on the look-back: at least what AWS's two recommendations one after the other are
            seen = optimise(before[:, -720::3], one.own, one.shared)
            rows["AWS 30 joint"].append(best.captured(one, seen.levels, seen.plan))
            paths = forecast(one, day)
            levels = optimise(paths, one.own).levels
            rows["ours"].append(best.captured(one, levels))
            both = optimise(paths, one.own, one.shared)
            rows["ours, joint"].append(best.captured(one, both.levels, both.plan))
            bands.append(_band(one, day, paths, both.levels, both.plan))
        for name, values in rows.items():
            found[name].append(values)
    return {name: np.array(values) for name, values in found.items()}, bands


def _band(
    one: World, day: date, paths: Floats32, levels: NDArray[np.float64], plan: float
) -> tuple[float, float, float, float]:
    """Realised saving a year and what the paths said of it."""
    n = 16
    said = []
    for part in np.split(paths, n, axis=1):
        cost = bill_of(part, one.own, one.shared, levels, plan)
        said.append((float(part.sum(dtype=np.float64)) - cost) / part.shape[1] * 8760)
    real = term(one, day)
    saved = (
        (float(real.sum(dtype=np.float64)) - bill_of(real, one.own, one.shared, levels, plan)) / real.shape[1] * 8760
    )
    low, high = np.quantile(said, (0.1, 0.9))
    return saved, float(np.mean(said)), float(low), float(high)


def steady_state(kind: str, portfolios: int, every_months: int) -> tuple[float, float]:
    """Base-stock purchases through 2024 and 2025: saving in the second year over that of the best monthly levels in
    hindsight (sized on what was really used in each month's term), and the utilisation."""
    ratios, uses = [], []
    months = [date(2024 + m // 12, m % 12 + 1, 1) for m in range(18)]
    for seed in range(portfolios):
        one = world(seed, kind)
        policies = {}
        for name in ("ours", "hindsight"):
            active: list[tuple[int, NDArray[np.float64]]] = []  # (hour of the end, levels)
            bought: list[tuple[int, int, NDArray[np.float64]]] = []
            for at, day in enumerate(months):
                start = int((np.datetime64(day, "h") - FIRST).astype(np.int64))
                if at % (every_months if name == "ours" else 1):
                    continue
                target = (
                    optimise(forecast(one, day, 8), one.own).levels
                    if name == "ours"
                    else optimise(term(one, day), one.own).levels
                )
                active = [(end, levels) for end, levels in active if end > start]
                held = np.sum([levels for _, levels in active], axis=0) if active else np.zeros(N_POOLS)
                step = purchase(target, held)
                active.append((start + 8760, step))
                bought.append((start, start + 8760, step))
            policies[name] = bought
        begin = int((np.datetime64("2025-01-01", "h") - FIRST).astype(np.int64))
        span = np.arange(begin, begin + 24 * 181, STRIDE)
        real = one.usd[:, span]
        saved = {}
        for name, bought in policies.items():
            level = np.zeros_like(real)
            for start, end, step in bought:
                level[:, (span >= start) & (span < end)] += step[:, None].astype(np.float32)
            used = np.minimum(real, level)
            saved[name] = float((used - level * one.own[:, None].astype(np.float32)).sum(dtype=np.float64))
            if name == "ours":
                uses.append(float(used.sum(dtype=np.float64) / level.sum(dtype=np.float64)))
        ratios.append(saved["ours"] / saved["hindsight"])
    return float(np.mean(ratios)), float(np.mean(uses))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portfolios", type=int, default=6)
    count = parser.parse_args().portfolios
    for kind in ("base", "strong"):
        found, bands = one_shot(kind, count)
        print(f"\n{kind}: captured % of hindsight by day of purchase, mean of {count} fleets of {N_POOLS} pools")
        print(f"{'':12}" + "".join(f"{day:%d%b}".rjust(8) for day in DAYS) + "    mean   worst")
        for name, values in found.items():
            mean = 100 * values.mean(axis=0)
            print(f"{name:12}" + "".join(f"{v:8.1f}" for v in mean) + f"{mean.mean():8.1f}{100 * values.min():8.1f}")
        for mine, theirs in (("ours", "AWS 30 d"), ("ours, joint", "AWS 30 joint"), ("ours, joint", "AWS 30 d")):
            over = 100 * (found[mine] - found[theirs]).mean(axis=0)
            print(f"{mine} over {theirs}: {over[:3].mean():+.1f} January to March, {over[-1]:+.1f} on 10 June")
        inside = np.mean([low <= saved <= high for saved, _, low, high in bands])
        below = np.mean([saved < low for saved, _, low, _ in bands])
        ratio = np.mean([saved / told for saved, told, _, _ in bands])
        print(
            f"realised / expected {ratio:.2f}; {inside:.0%} of {len(bands)} plans within P10 to P90, {below:.0%} below"
        )
        for months in (1, 3):
            share, used = steady_state(kind, min(count, 3), months)
            print(
                f"base-stock every {months} months: {share:.1%} of hindsight's monthly levels, utilisation {used:.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
