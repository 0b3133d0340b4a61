"""Our forecast beside others in one run: `python -m benchmarks.forecast`.

Origins 330, 75 and 21 days before each of the last four main events of a series, three years of training, a year ahead,
the true calendar for all. Prints figures by series and ratios (geometric means over the real series) beside the bars.
Rivals' forecasts are kept in --cache, so that a second run takes only ours.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecast.rivals import RIVALS
from benchmarks.forecast.scores import QUANTILES, by_series, path_score, ratio, score
from benchmarks.forecast.series import DEMO, MOVED, REAL, Origin, Series, load
from models.bands import public_errors
from models.demand import DemandModel
from models.design import Floats

OURS = "Kifayat"
PROPHETS = ("Prophet", "Prophet + events", "Prophet + events, log")
NAIVES = ("naive 364", "naive 364 x growth", "naive by event")
#: Figure, whom it is divided by, what it must not exceed, and what would be better still.
RATIOS = (
    ("wape365", "Prophet", 0.70, 0.62), ("wape365", "Prophet + events", 0.78, 0.68),
    ("wape365", "best Prophet", 0.80, 0.70), ("wape365", "naive 364 x growth", 0.75, 0.68),
    ("wape365", "boosting with events", None, None),
    ("wape90", "Prophet", 0.68, 0.62), ("wape30", "Prophet", 0.64, 0.58),
    ("event_wape", "Prophet + events", 0.90, 0.80), ("pinball", "Prophet", 0.70, 0.62),
    ("width95", "Prophet", 1.3, None),
)  # fmt: skip


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", nargs="*", default=[*REAL, *DEMO, *MOVED])
    parser.add_argument("--rivals", nargs="*", default=list(RIVALS))
    parser.add_argument("--cache", type=Path, default=Path("build/forecast-cache"))
    parser.add_argument("--out", type=Path, help="write all scores into this CSV file")
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    rows = [row for name in asked.series for row in _rows(load(name), asked.rivals, asked.cache)]
    table = pd.DataFrame(rows)
    if asked.out:
        table.to_csv(asked.out, index=False)
    report(table)


def _rows(series: Series, rivals: list[str], cache: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    missing: set[str] = set()
    for origin in series.origins():
        _days, values, ahead, actual = series.split(origin)
        *ours, paths = _ours(series, origin)
        told: dict[str, tuple[Floats, float]] = {OURS: (ours[0], ours[1])}
        for name in rivals:
            try:
                told[name] = _theirs(name, series, origin, cache)
            except ImportError:
                missing.add(name)
        for method, (quantiles, seconds) in told.items():
            figures = score(quantiles, actual, values, ahead, origin.event, series.is_dip)
            if method == OURS:
                figures |= path_score(paths, actual, ahead, origin.event, series.is_dip)
            rows.append({"series": series.name, "event": str(origin.event), "lead": origin.lead, "method": method,
                         **figures, "seconds": seconds})  # fmt: skip
        print(f"{series.name} {origin.day} done", flush=True)
    for name in sorted(missing):
        print(f"{name}: not installed (extra forecast-bench), so not compared")
    return rows


def _ours(series: Series, origin: Origin) -> tuple[Floats, float, Floats]:
    days, values, ahead, _ = series.split(origin)
    started = time.perf_counter()
    # the bands of a series must not know its own errors from the shipped table
    model = DemandModel(series.calendar, public=public_errors(without=series.name)).fit(days, values)
    return model.predict_quantiles(ahead, QUANTILES), time.perf_counter() - started, model.sample(ahead, 400)


def _theirs(name: str, series: Series, origin: Origin, cache: Path) -> tuple[Floats, float]:
    days, values, ahead, _ = series.split(origin)
    inputs = repr((name, series.name, str(origin.day), values.tobytes(), hash_of(series), QUANTILES.tolist()))
    path = cache / f"{hashlib.sha256(inputs.encode()).hexdigest()[:24]}.npz"
    if not path.exists():
        started = time.perf_counter()
        quantiles = RIVALS[name](days, values, ahead, series.calendar, QUANTILES)
        np.savez(path, quantiles=quantiles, seconds=time.perf_counter() - started)
    kept = np.load(path)
    return kept["quantiles"], float(kept["seconds"])


def hash_of(series: Series) -> str:
    """A name for the events of a series."""
    return hashlib.sha256(
        repr([(e.on, e.name, e.lo, e.hi, e.days, e.size) for e in series.calendar]).encode()
    ).hexdigest()


def report(table: pd.DataFrame) -> None:
    """Print figures by series, then the ratios with their bars."""
    means = by_series(table)
    pd.set_option("display.width", 220, "display.max_columns", 30, "display.max_rows", 200)
    print(means.drop(columns=["lead", "peak_days"]).round(3).to_string())
    methods = set(table["method"])
    real = [name for name in REAL if name in set(table["series"])]
    prophets = [name for name in PROPHETS if name in methods]
    best = [(n, min(prophets, key=lambda p, n=n: means.loc[(n, p), "wape365"])) for n in real] if prophets else []
    print(
        f"\nratios, geometric means over {len(real)} real series;"
        f" origins: {len(table.groupby(['series', 'event', 'lead']))}"
    )
    for figure, rival, must, stretch in RATIOS:
        if rival == "best Prophet" and best:
            logs = [np.log(means.loc[(n, OURS), figure] / means.loc[(n, p), figure]) for n, p in best]
            value = float(np.exp(np.nanmean(logs)))
        elif rival in methods:
            value = ratio(means, figure, OURS, rival, real)
        else:
            continue
        _line(f"{figure} / {rival}", value, must, stretch)
    ours = means.xs(OURS, level="method").loc[real]
    _line(
        "peak size error, median",
        float(table[(table.method == OURS) & table.series.isin(real)].peak_error.median()),
        0.05,
        0.04,
    )
    days = table[(table.method == OURS) & table.series.isin(real)].peak_days.dropna()
    _line("peak within one day, share", float((days <= 1).mean()), 0.75, 0.82, at_least=True)
    for figure, low, high in (
        ("cover80", 0.77, 0.86),
        ("cover95", 0.93, 0.98),
        ("event_cover80", 0.76, 1),
        ("event_cover95", 0.91, 1),
    ):
        value = float(ours[figure].mean())
        met = "met" if low <= value <= high else "MISSED"
        print(f"{figure:42s} {value:6.3f}   within {low}..{high}: {met}; lowest series {ours[figure].min():.3f}")
    for figure in ("month80", "month95", "extreme80", "extreme95"):
        print(f"{'paths: ' + figure:42s} {float(ours[figure].mean()):6.3f}   lowest series {ours[figure].min():.3f}")
    naive = [m for m in NAIVES if m in methods]
    if naive:
        worst = max(means.loc[(n, OURS), "wape365"] / min(means.loc[(n, m), "wape365"] for m in naive) for n in real)
        _line("worst series / its best naive", float(worst), 1.05, 1.0)
    _report_moved(table, means)


def _report_moved(table: pd.DataFrame, means: pd.DataFrame) -> None:
    """The exam that was on one day in every year of training and then moved: peaks, and the error beside Prophet's."""
    for name in (name for name in MOVED if name in set(table["series"])):
        ours = table[(table["method"] == OURS) & (table["series"] == name)]
        line = f"{name}: peak off by {ours.peak_days.max():g} days and {ours.peak_error.max():.1%} at most"
        if (name, "Prophet + events") in means.index:
            error = means.loc[(name, OURS)] / means.loc[(name, "Prophet + events")]
            line += f"; wape90 / Prophet + events {error['wape90']:.2f}, wape365 {error['wape365']:.2f} (must 0.40)"
        print(line)


def _line(label: str, value: float, must: float | None, stretch: float | None, at_least: bool = False) -> None:
    def met(bar: float | None) -> str:
        return "-" if bar is None else f"{bar} {'met' if (value >= bar if at_least else value <= bar) else 'MISSED'}"

    print(f"{label:42s} {value:6.3f}   must {met(must):14s} stretch {met(stretch)}")


if __name__ == "__main__":
    main()
