"""How near the portfolio optimiser comes to the linear programme, how fast it is, and what thinning hours costs.

`python -m benchmarks.portfolio [--pools 2000] [--hours 8760] [--instances 20]`. Gap: random instances that HiGHS can
still solve, whole. Speed: all hours, and every 5th (coprime to the 168 hours of a week), whose levels are then billed
on all hours. Ratios are of one run on one machine.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from models.design import Floats
from recommender.portfolio import bill_of, optimise


def fleet(seed: int, n_pools: int, n_hours: int) -> tuple[NDArray[np.float32], Floats, Floats]:
    """Pools with a day, a week and a season of their own, in on-demand dollars, and the prices of both products."""
    rng = np.random.default_rng(seed)
    at = np.arange(n_hours)
    day = np.sin(at * (2 * np.pi / 24)).astype(np.float32)
    week = ((at // 24) % 7 < 5).astype(np.float32)
    season = np.exp(-(((at - 0.35 * n_hours) / (0.044 * n_hours)) ** 2) / 2).astype(np.float32)
    demand = np.empty((n_pools, n_hours), dtype=np.float32)
    for pool in range(n_pools):
        shape = 1 + rng.uniform(0, 0.5) * day + rng.uniform(0, 0.4) * week + rng.uniform(0, 3) * season
        demand[pool] = rng.lognormal(1, 1) * shape * np.exp(0.1 * rng.standard_normal(n_hours, dtype=np.float32))
    return demand, rng.normal(0.63, 0.025, n_pools), rng.normal(0.77, 0.03, n_pools)


def highs(demand: Floats, price: Floats, rate: Floats) -> float:
    """The optimum of the whole linear programme: levels, plan, what each covers in each hour."""
    n, hours = demand.shape
    cells = n * hours
    one, none = sparse.identity(cells, format="csr"), sparse.csr_matrix
    rows = sparse.vstack(
        [
            sparse.hstack([-sparse.kron(sparse.identity(n), np.ones((hours, 1))), none((cells, 1)), one, 0 * one]),
            sparse.hstack([none((cells, n + 1)), one, one]),
            sparse.hstack(
                [
                    none((hours, n)),
                    -np.ones((hours, 1)),
                    none((hours, cells)),
                    sparse.kron(rate, sparse.identity(hours)),
                ]
            ),
        ]
    )
    found = linprog(
        np.concatenate([price * hours, [hours], -np.ones(2 * cells)]),
        A_ub=rows.tocsr(),
        b_ub=np.concatenate([np.zeros(cells), demand.ravel(), np.zeros(hours)]),
        method="highs-ds",
    )
    if not found.success:
        raise RuntimeError(f"HiGHS: {found.message}")
    return float(found.fun + demand.sum(dtype=np.float64))


def main() -> None:
    """Print the gaps and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("--pools", 2000), ("--hours", 8760), ("--instances", 20)):
        parser.add_argument(name, type=int, default=default)
    asked = parser.parse_args()
    gaps, faster = [], []
    for seed in range(asked.instances):
        small, price, rate = fleet(seed, 24, 168)
        demand = small.astype(np.float64)
        started = time.perf_counter()
        ours = optimise(demand, price, rate).cost
        between = time.perf_counter()
        gaps.append(100 * (ours / highs(demand, price, rate) - 1))
        faster.append((time.perf_counter() - between) / (between - started))
    if gaps:
        print(f"gap to HiGHS, {len(gaps)} instances of 24 x 168: worst {max(gaps):.4f} %, mean {np.mean(gaps):.4f} %")
        print(f"HiGHS takes {np.median(faster):.0f} times as long")
    demand, price, rate = fleet(0, asked.pools, asked.hours)
    started = time.perf_counter()
    whole = optimise(demand, price, rate)
    all_hours = time.perf_counter() - started
    started = time.perf_counter()
    thin = optimise(np.ascontiguousarray(demand[:, ::5]), price, rate)
    every_5th = time.perf_counter() - started
    worse = 100 * (bill_of(demand, price, rate, thin.levels, thin.plan) / whole.cost - 1)
    saved = 100 * whole.saving / whole.on_demand_cost
    print(f"{asked.pools} pools x {asked.hours} hours: {all_hours:.1f} s, saves {saved:.1f} %")
    print(f"every 5th hour: {every_5th:.1f} s ({all_hours / every_5th:.1f} times as fast), {worse:+.4f} % on all hours")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
