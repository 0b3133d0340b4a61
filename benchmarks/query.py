"""How long a page waits: percentiles of the dashboard's queries through the product's own `App`.

    python -m benchmarks.query --rows 10000000 --months 36

Makes a delivery per month, ingests it with the real command, then runs each query many times
with filters drawn at random (a fixed seed), the rows fetched. The first call is reported apart.
"""

import argparse
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ingest import (
    kifayat_command,
    log_file,
    make_delivery,
    write_config,
)
from benchmarks.measure import percentile, run
from benchmarks.report import machine, show

# name -> SQL. The parameters $month, $month_from, $month_to, $day_from, $day_to, $team, $account,
# $service and $region are drawn at random for every call.
PAGES: dict[str, str] = {
    "overview: month totals": """
        SELECT x_BillingMonth, sum(x_BilledCostInr), sum(x_EffectiveCostInr)
        FROM cost_daily GROUP BY x_BillingMonth ORDER BY x_BillingMonth""",
    "overview: month by service": """
        SELECT x_BillingMonth, ServiceName, sum(x_EffectiveCostInr)
        FROM cost_daily GROUP BY ALL ORDER BY ALL""",
    "overview: services of a month against the one before": """
        SELECT ServiceName,
            sum(x_EffectiveCostInr) FILTER (x_BillingMonth = $month) AS now,
            sum(x_EffectiveCostInr) FILTER (x_BillingMonth = $month - INTERVAL 1 MONTH) AS before
        FROM cost_daily
        WHERE x_BillingMonth BETWEEN $month - INTERVAL 1 MONTH AND $month
        GROUP BY ServiceName ORDER BY now DESC NULLS LAST LIMIT 20""",
    "trend: daily by service category": """
        SELECT x_ChargeOn, ServiceCategory, sum(x_EffectiveCostInr)
        FROM cost_daily WHERE x_ChargeOn BETWEEN $day_from AND $day_to GROUP BY ALL ORDER BY ALL""",
    "trend: daily, one team": """
        SELECT x_ChargeOn, sum(x_EffectiveCostInr), sum(x_BilledCostInr)
        FROM cost_daily WHERE x_Team = $team GROUP BY x_ChargeOn ORDER BY x_ChargeOn""",
    "trend: daily, one account, one quarter": """
        SELECT x_ChargeOn, ServiceName, sum(x_EffectiveCostInr)
        FROM cost_daily
        WHERE SubAccountId = $account AND x_ChargeOn BETWEEN $day_from AND $day_to
        GROUP BY ALL ORDER BY ALL""",
    "accounts: top 20 of some months": """
        SELECT SubAccountId, sum(x_EffectiveCostInr) AS cost
        FROM cost_daily WHERE x_BillingMonth BETWEEN $month_from AND $month_to
        GROUP BY SubAccountId ORDER BY cost DESC LIMIT 20""",
    "teams: month by team and environment": """
        SELECT x_BillingMonth, x_Team, x_Environment, sum(x_EffectiveCostInr), sum(x_BilledCostInr)
        FROM cost_daily GROUP BY ALL ORDER BY ALL""",
    "teams: untagged share by month": """
        SELECT x_BillingMonth, sum(x_EffectiveCostInr) FILTER (x_Team IS NULL), sum(x_EffectiveCostInr)
        FROM cost_daily GROUP BY x_BillingMonth ORDER BY x_BillingMonth""",
    "regions: month by region, one service": """
        SELECT x_BillingMonth, RegionId, sum(x_EffectiveCostInr)
        FROM cost_daily WHERE ServiceName = $service GROUP BY ALL ORDER BY ALL""",
    "reconciliation: native currency by payer and category": """
        SELECT x_BillingMonth, ProviderName, BillingAccountId, BillingCurrency, ChargeCategory,
            sum(BilledCost), sum(EffectiveCost)
        FROM cost_daily GROUP BY ALL ORDER BY ALL""",
    "filters: distinct values": """
        SELECT list(DISTINCT SubAccountId), list(DISTINCT ServiceName), list(DISTINCT RegionId),
            list(DISTINCT x_Team), list(DISTINCT x_Environment)
        FROM cost_daily""",
    "drill-down: top 20 resources of a service in a month": """
        SELECT ResourceId, sum(EffectiveCost) AS cost
        FROM charges
        WHERE x_BillingMonth = $month AND ServiceName = $service
        GROUP BY ResourceId ORDER BY cost DESC LIMIT 20""",
    "drill-down: lines of an account and day": """
        SELECT ChargePeriodStart, ServiceName, ResourceId, BilledCost, EffectiveCost
        FROM charges
        WHERE x_BillingMonth = $month AND SubAccountId = $account
            AND ChargePeriodStart >= $month AND ChargePeriodStart < $month + INTERVAL 1 DAY
        ORDER BY EffectiveCost DESC LIMIT 200""",
}

FILTER_COLUMNS = {
    "month": "x_BillingMonth",
    "day": "x_ChargeOn",
    "team": "x_Team",
    "account": "SubAccountId",
    "service": "ServiceName",
    "region": "RegionId",
}

Query = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]


def filter_values(query: Query) -> dict[str, list[Any]]:
    """The values filters are drawn from, in a stable order."""
    found = {
        name: [row[0] for row in query(f"SELECT DISTINCT {column} FROM cost_daily WHERE {column} IS NOT NULL", {})]
        for name, column in FILTER_COLUMNS.items()
    }
    empty = [name for name, values in found.items() if not values]
    if empty:
        raise SystemExit(f"cost_daily has no value for {', '.join(empty)}: was anything ingested?")
    return {name: sorted(values) for name, values in found.items()}


def draw(values: dict[str, list[Any]], chance: random.Random) -> dict[str, Any]:
    """One random set of parameters; ranges are 1-3 months and 30-90 days."""
    months, days = values["month"], values["day"]
    first_month, first_day = chance.randrange(len(months)), chance.randrange(len(days))
    last_month = min(first_month + chance.randrange(3), len(months) - 1)
    last_day = min(first_day + chance.randrange(30, 91), len(days) - 1)
    return {
        **{name: chance.choice(found) for name, found in values.items() if name != "day"},
        "month_from": months[first_month],
        "month_to": months[last_month],
        "day_from": days[first_day],
        "day_to": days[last_day],
    }


def time_pages(query: Query, repetitions: int, seed: int) -> list[dict[str, object]]:
    """Milliseconds of every page query: first call, p50, p95 and slowest of the rest."""
    values, chance = filter_values(query), random.Random(seed)
    report: list[dict[str, object]] = []
    for name, sql in PAGES.items():
        elapsed_ms: list[float] = []
        rows = 0
        wanted = set(re.findall(r"\$(\w+)", sql))
        for _ in range(repetitions + 1):
            params = {key: value for key, value in draw(values, chance).items() if key in wanted}
            started = time.perf_counter()
            rows = max(rows, len(query(sql, params)))
            elapsed_ms.append((time.perf_counter() - started) * 1000)
        first, rest = elapsed_ms[0], elapsed_ms[1:]
        report.append(
            {
                "page query": name,
                "first_ms": round(first, 1),
                "p50_ms": round(percentile(rest, 50), 1),
                "p95_ms": round(percentile(rest, 95), 1),
                "max_ms": round(max(rest), 1),
                "most_rows": rows,
            }
        )
    return report


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="lines in all")
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--format", choices=["csv.gz", "parquet"], default="parquet")
    parser.add_argument("--repetitions", type=int, default=25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--work", type=Path, default=Path("bench-work"))
    parser.add_argument("--memory-limit", default="1GB")
    parser.add_argument("--kifayat", help="command to ingest with instead of the installed kifayat")
    given = parser.parse_args()
    work = given.work.resolve()

    bucket = make_delivery(work, given.rows, given.format, given.months)
    store = work / f"query-{given.format}-{given.rows}-{given.months}m"
    config = write_config(store / "kifayat.toml", store / "storage", bucket, given.memory_limit)
    command = [*kifayat_command(given.kifayat), "--config", str(config), "ingest"]
    ingested = run(command, log=log_file(work, "query-ingest"))
    print(f"ingest: {ingested.seconds:.1f} s, {ingested.peak_mb:.0f} MB")

    from benchmarks.verify import rows_of
    from kifayat import App  # type: ignore[attr-defined, unused-ignore]

    app = App.from_toml(config)
    pages = time_pages(lambda sql, params: rows_of(app.query(sql, params)), given.repetitions, given.seed)
    report = {
        "machine": machine(),
        "rows": given.rows,
        "months": given.months,
        "pages": pages,
    }
    target = work / "query.json"
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"{show(pages)}\n\n{target}")


if __name__ == "__main__":
    main()
