"""Anomalies found, missed and made up: on demo companies, whose injected ones are known, and on labelled series.

python -m benchmarks.anomalies COMPANY/kifayat.toml ... (loaded demo companies; none: public series only). Both kinds
are walked as if judged every day (hour): nothing is known of later ones. Beside it the usual rules: more than 1.3 times
the mean of the last seven days, and a rolling z-score of 28 (seven) days. Neighbouring alarms count once.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kifayat.app import App
from models.anomalies import judge
from models.anomaly_inputs import Usage, read_usage
from models.anomaly_watch import ALARM, Pace, watch
from models.design import Floats
from warehouse import Engine, path_list, read_pointer
from warehouse.snapshot import attach_generation

LEAST_INR = 5000.0
DATA = Path(__file__).parent / "data" / "nab_hourly.csv.gz"
SERVICES = {
    "AmazonCloudFront": "Amazon CloudFront", "AmazonS3": "Amazon Simple Storage Service", "AWSLambda": "AWS Lambda",
    "AmazonEC2": "Amazon Elastic Compute Cloud", "AmazonCloudWatch": "Amazon CloudWatch",
}  # fmt: skip
#: Days for which rupees of the truth, in dollars, are taken at one rate.
INR_PER_USD = 88.0


@dataclass
class Score:
    """Alarms of one method: delays (steps) of the anomalies that were found, and what alarms without one cost."""

    wanted: int = 0
    delays: list[int] = field(default_factory=list)
    false: list[float] = field(default_factory=list)

    def row(self, years: float | None = None) -> dict[str, Any]:
        found = len(self.delays)
        precision, recall = found / max(found + len(self.false), 1), found / max(self.wanted, 1)
        row = {
            "found": f"{found}/{self.wanted}",
            "recall": f"{recall:.2f}",
            "precision": f"{precision:.2f}",
            "F1": f"{2 * precision * recall / max(precision + recall, 1e-9):.2f}",
            "delay median": f"{np.median(self.delays):.0f}" if self.delays else "-",
            "worst": max(self.delays, default="-"),
            "false": len(self.false),
        }
        if years:
            row |= {"a year": f"{len(self.false) / years:.1f}", "lakh a year": f"{sum(self.false) / years / 1e5:.2f}"}
        return row


@dataclass(frozen=True)
class Alarm:
    """[first, last] in steps, the step on which it was raised, what it is worth, the services it is about."""

    first: int
    last: int
    raised: int
    inr: float
    services: frozenset[str]


def company(toml: Path) -> None:
    """The table of one demo company, three years of it."""
    app = App.from_toml(toml)
    with Engine() as engine:
        files = attach_generation(engine, app.storage, read_pointer(app.storage / "snapshots"))
        rollups = [path for folder in {file.parent for file in files} for path in folder.glob("rollup_*-meters-*")]
        engine.execute(f"CREATE VIEW rollup_meters AS SELECT * FROM read_parquet({path_list(rollups)})")
        usage = read_usage(engine, LEAST_INR / 4, n_days=1200)
    assert usage is not None
    truths = list(_truths(toml.parent / "truth" / "anomalies.csv", usage))
    judged = judge(usage, LEAST_INR)
    ours = [
        Alarm(one.first, one.last, one.detected, abs(one.impact), frozenset(
            usage.meters[at].service_name or "" for node in one.nodes for at in judged.nodes[node].meters))
        for one in judged.episodes
    ]  # fmt: skip
    years = len(usage.days) / 365
    rows = {"kifayat": _score(ours, truths), **{name: _score(rule, truths) for name, rule in _rules(usage)}}
    print(
        f"\n{toml.parent.name}: {len(truths)} anomalies of ₹{LEAST_INR:,.0f} or more, {years:.1f} years; delay in days"
    )
    print(pd.DataFrame({name: score.row(years) for name, score in rows.items()}).astype(object).T.to_string())
    for one in ours:
        if not any(_meets(one, truth) for truth in truths):
            days = f"{usage.days[one.first]} to {usage.days[one.last]}"
            print(f"  not in the truth: {days}, ₹{one.inr:,.0f}, {', '.join(sorted(one.services))[:90]}")


def _truths(path: Path, usage: Usage) -> Iterable[Alarm]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first, last = (int((np.datetime64(row[name]) - usage.days[0]) / np.timedelta64(1, "D"))
                           for name in ("start_on", "end_on"))  # fmt: skip
            inr = float(row["extra"]) * (INR_PER_USD if row["currency"] == "USD" else 1)
            if first >= Pace().warmup and inr >= LEAST_INR:
                yield Alarm(first, last, first, inr, frozenset({SERVICES.get(row["service"], row["service"])}))


def _meets(one: Alarm, truth: Alarm) -> bool:
    return one.first <= truth.last and one.last >= truth.first and bool(one.services & truth.services)


def _score(alarms: Sequence[Alarm], truths: Sequence[Alarm]) -> Score:
    score = Score(len(truths))
    for truth in truths:
        if raised := [one.raised for one in alarms if _meets(one, truth)]:
            score.delays.append(max(min(raised) - truth.first, 0))
    score.false = [one.inr for one in alarms if not any(_meets(one, truth) for truth in truths)]
    return score


def _rules(usage: Usage) -> Iterable[tuple[str, list[Alarm]]]:
    """The rules on the daily cost of each account, service and region, from the same impact on."""
    places: dict[tuple[Any, ...], Floats] = {}
    for at, meter in enumerate(usage.meters):
        places[meter[:5]] = places.get(meter[:5], np.zeros(len(usage.days))) + usage.inr[:, at]
    found: dict[str, list[Alarm]] = {}
    for place, cost in places.items():
        for name, flags, usual in _flags(cost, 7, 28):
            for first, last in _runs(flags & usage.settled[:, 0], 1):
                excess = cost[first : last + 1] - usual[first : last + 1]
                reached = np.flatnonzero(np.abs(np.cumsum(excess)) >= LEAST_INR)
                if len(reached):
                    one = Alarm(first, last, first + int(reached[0]), abs(excess.sum()), frozenset({place[3] or ""}))
                    found.setdefault(name, []).append(one)
    return found.items()


def _flags(values: Floats, week: int, month: int) -> Iterable[tuple[str, Any, Floats]]:
    series = pd.Series(values)
    mean = series.rolling(week).mean().shift(1).to_numpy()
    yield f"1.3 x mean of {week}", np.nan_to_num(values > 1.3 * mean).astype(bool), mean
    rolling = series.rolling(month, min_periods=min(month, 48))
    middle, spread = rolling.mean().shift(1).to_numpy(), rolling.std().shift(1).to_numpy()
    for limit in (3, 4):
        flags = np.abs(values - middle) > limit * np.maximum(spread, 1e-9)
        yield f"z-score {limit}, {month}", np.nan_to_num(flags).astype(bool), middle


def _runs(flags: Any, gap: int) -> list[tuple[int, int]]:
    at = np.flatnonzero(flags)
    parts = np.split(at, np.flatnonzero(np.diff(at) > gap) + 1) if len(at) else []
    return [(int(part[0]), int(part[-1])) for part in parts]


def public() -> None:
    """The table of the NAB series, by the hour: a window is found where an alarm begins in it."""
    scores: dict[str, Score] = {}
    for _, rows in pd.read_csv(DATA).groupby("series"):
        values, inside = rows["value"].to_numpy(float), rows["in_window"].to_numpy(bool)
        pace = _pace(len(values))
        watched = watch(values[:, None], pace=pace)
        odd = ((watched.more >= ALARM) | (watched.less >= ALARM))[:, 0]
        methods = [("kifayat", odd), *((name, flags) for name, flags, _ in _flags(values, 168, 168))]
        windows = [(a, b) for a, b in _runs(inside, 1) if b >= pace.warmup]
        for name, flags in methods:
            begins = [first for first, _ in _runs(flags & (np.arange(len(values)) >= pace.warmup), 6)]
            score = scores.setdefault(name, Score())
            score.wanted += len(windows)
            score.delays += [min(found) - a for a, b in windows if (found := [x for x in begins if a <= x <= b])]
            score.false += [0.0 for x in begins if not inside[x]]
    print("\nNAB, 20 series by the hour; delay in hours from the beginning of the window")
    print(pd.DataFrame({name: score.row() for name, score in scores.items()}).astype(object).T.to_string())


def _pace(n_hours: int) -> Pace:
    """By the week where there are six of them, else by the day; nothing is too small to matter."""
    if n_hours >= 6 * 168:
        return Pace(season=168, train=336, refit=24, warmup=504, spread=336, tail=1008, hold=72, remembered=0, floor=0)
    return Pace(season=24, train=336, refit=24, warmup=48, spread=168, tail=336, hold=48, remembered=0, floor=0)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("companies", nargs="*", type=Path, help="kifayat.toml of loaded demo companies")
    for toml in parser.parse_args().companies:
        company(toml)
    public()


if __name__ == "__main__":
    main()
