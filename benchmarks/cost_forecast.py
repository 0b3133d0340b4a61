"""The demo company's last year of usage cost, told from the two before: `python -m benchmarks.cost_forecast`.

Ours along the users that came and along the users that were forecast, beside run-rate (the mean of 30 days), a line
through 30 days, and last year times growth. In INR at the rate of the origin, since nobody forecasts the dollar, and
once more at the rates that came. Then the elasticity of each service's load beside the truth of the demo.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from demo.company import Company
from demo.users import ELASTICITIES, Users
from demo.write import write_company
from kifayat import App
from models.cost_drivers import CostDriver
from models.cost_forecast import CostModel, Pool, UserPaths, months_of
from models.demand import DemandModel
from models.design import DAY, Floats
from models.neet import central, neet_calendar

TRAIN_DAYS = 730
DIMENSIONS = ("ProviderName", "ServiceName", "RegionId", "SubAccountId", "x_Team", "x_Environment", "x_Service")


def main() -> None:
    """Write, load, train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--strength", choices=("base", "strong"), default="base")
    parser.add_argument("--store", type=Path, help="a demo company that is loaded already: its kifayat.toml")
    asked = parser.parse_args()
    company = Company(seed=asked.seed, strength=asked.strength)
    with tempfile.TemporaryDirectory() as folder:
        config = asked.store
        if config is None:
            write_company(Path(folder) / "demo", company, print)
            config = Path(folder) / "demo" / "kifayat.toml"
            App.from_toml(config).ingest(print)
        _compare(App.from_toml(config), company)
    _elasticities(Users(company))


def _compare(app: App, company: Company) -> None:
    columns = ", ".join(f"COALESCE({name}, '') AS {name}" for name in DIMENSIONS)
    rows = app.query(
        f"SELECT x_ChargeOn, {columns}, BillingCurrency, CAST(SUM(ListCost) AS DOUBLE) AS listed,"
        " CAST(SUM(EffectiveCost) AS DOUBLE) AS effective, CAST(SUM(x_EffectiveCostInr) AS DOUBLE) AS inr"
        " FROM cost_daily WHERE ChargeCategory = 'Usage' GROUP BY ALL ORDER BY ALL"
    ).to_frame()
    days = company.days
    rows["at"] = ((rows["x_ChargeOn"].to_numpy().astype("datetime64[D]") - days[0]) / DAY).astype(int)
    rows = rows[rows["at"].between(0, len(days) - 6)]  # the newest days are not billed whole
    users = _known(app, len(days))
    cut, end = TRAIN_DAYS, len(days) - 5
    abroad = rows[(rows["BillingCurrency"] == "USD") & (rows["at"] < cut) & (rows["at"] >= cut - 30)]
    rates = {"INR": 1.0, "USD": float(abroad["inr"].sum() / abroad["effective"].sum())}
    pools = []
    for key, part in rows.groupby([*DIMENSIONS, "BillingCurrency"]):
        listed, effective = (
            np.bincount(part["at"], part[name], minlength=len(days)) for name in ("listed", "effective")
        )
        if effective[:cut].sum() > 0:
            pools.append(Pool(dict(zip(DIMENSIONS, key[:-1], strict=True)), key[-1], listed[:cut], effective[:cut]))
    model = CostModel().fit(days[:cut], users[:cut], pools)
    on = days[cut].astype(object)
    facts = neet_calendar()
    then = central(facts, on, on + timedelta(days=400))
    now = central(facts, days[-1].astype(object), days[-1].astype(object))
    ahead = days[cut:end]
    told = {}
    for name, calendar in (("ours, users as forecast", then), ("ours, exam dates as they came", now)):
        demand = DemandModel(calendar, candidates=("event_blend",)).fit(days[:cut], users[:cut])
        paths = demand.sample(ahead, 300)
        plain = demand.ridge_.without_events(ahead)
        level = float(demand.ridge_.without_events(days[cut - 28 : cut]).mean())
        told[name] = UserPaths(paths.astype(np.float32), np.median(paths, axis=0), plain, level)
    came = users[cut:end]
    told["ours, users as they came"] = UserPaths(np.tile(came.astype(np.float32), (300, 1)), came, plain, level)
    for label, amount in (("at the rate of the origin", rows["effective"] * rows["BillingCurrency"].map(rates)),
                          ("at the rates that came", rows["inr"])):  # fmt: skip
        actual = np.bincount(rows["at"], amount, minlength=len(days))
        _table(label, days, actual, cut, end, {
            name: model.forecast(ahead, paths, rates, [("total", "all")])["total", "all"].paths
            for name, paths in told.items()
        })  # fmt: skip


def _known(app: App, n_days: int) -> Floats:
    rows = app.query("SELECT dau FROM users_daily WHERE product = 'all' AND dau IS NOT NULL ORDER BY active_on").rows
    return np.array([float(count) for (count,) in rows])[:n_days]


def _table(label: str, days: np.ndarray, actual: Floats, cut: int, end: int, ours: dict[str, np.ndarray]) -> None:
    ahead, length = days[cut:end], end - cut
    slope, level = np.polyfit(np.arange(30), actual[cut - 30 : cut], 1)
    growth = actual[cut - 364 : cut].sum() / actual[cut - 728 : cut - 364].sum()
    methods = {name: paths.mean(axis=0) for name, paths in ours.items()}
    methods["run-rate"] = np.full(length, actual[cut - 30 : cut].mean())
    methods["line through 30 days"] = level + slope * (30 + np.arange(length))
    methods["last year x growth"] = actual[cut - 364 : cut - 364 + length] * growth
    months = [(ahead >= np.datetime64(start)) & (ahead < np.datetime64(stop)) for start, stop in months_of(ahead)]
    months = [inside for inside in months if inside.sum() >= 20]
    came = np.array([actual[cut:end][inside].sum() for inside in months])
    print(f"\n{label}: usage cost of {len(months)} months, ₹{came.sum() / 1e7:.2f} crore")
    rows = []
    for name, course in methods.items():
        said = np.array([course[inside].sum() for inside in months])
        row = {"method": name, "monthly WAPE": np.abs(said - came).sum() / came.sum(),
               "peak month": said[came.argmax()] / came.max() - 1, "year": said.sum() / came.sum() - 1}  # fmt: skip
        if name in ours:
            bands = np.array([np.quantile(ours[name][:, inside].sum(axis=1), (0.1, 0.9)) for inside in months])
            row["months in 80 %"] = ((came >= bands[:, 0]) & (came <= bands[:, 1])).mean()
        rows.append(row)
    print(pd.DataFrame(rows).set_index("method").round(4).to_string())


def _elasticities(users: Users) -> None:
    """From the daily load of each service (two years), what the formula of the demo says at the usual crowd."""
    days = users.company.days[:TRAIN_DAYS]
    dau = np.sum([counts for (product, _), counts in users.dau.items() if product == "all"], axis=0)[
        :TRAIN_DAYS
    ].astype(float)
    rows = []
    for service, law in ELASTICITIES.items():
        load = users.daily_load(service)[:TRAIN_DAYS]
        noisy = load * np.exp(np.random.default_rng(0).normal(0, 0.02, len(load)))
        driver = CostDriver().fit(days, dau, noisy)
        share = (load[-365:].mean() - law.fixed) / load[-365:].mean()
        true = share * law.bend
        low, high = driver.interval_
        rows.append({"service": service, "true": true, "found": driver.elasticity_, "low": low, "high": high,
                     "inside": low <= true <= high, "true fixed": 1 - share, "fixed": driver.fixed_share_})  # fmt: skip
    print("\nelasticity of the load of each service, with the middle 80 %")
    print(pd.DataFrame(rows).set_index("service").round(3).to_string())


if __name__ == "__main__":
    main()
