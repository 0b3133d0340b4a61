"""The figures by which forecasts are compared: all of one origin from its quantiles, then means over series."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from models.design import DAY, Days, Floats

QUANTILES: Final = np.array([0.025, *np.round(np.arange(0.05, 1, 0.05), 2), 0.975])
_MEDIAN, _LOW80, _HIGH80 = 10, 2, 18
EVENT_DAYS: Final = 21


def score(
    told: Floats, actual: Floats, history: Floats, ahead: Days, event: np.datetime64, is_dip: bool
) -> dict[str, float]:
    """Figures of one origin: `told` (n_days, n_quantiles), `actual` (n_days,), NaN unknown. A figure is NaN where less
    than 80 % of its days are known."""
    median, known = told[:, _MEDIAN], np.isfinite(actual)
    found: dict[str, float] = {}
    for days in (30, 90, 365):
        inside = known & (np.arange(len(actual)) < days)
        whole = known[:days].mean() >= 0.8
        found[f"wape{days}"] = _wape(median, actual, inside) if whole else np.nan
    whole = bool(known.mean() >= 0.8)
    near = np.abs((ahead - event) / DAY) <= EVENT_DAYS
    met = bool((known & near).sum() >= 0.8 * near.sum()) and bool(near.sum() >= 30)
    found["event_wape"] = _wape(median, actual, known & near) if met else np.nan
    step = np.nanmean(np.abs(history[7:] - history[:-7]))
    found["mase"] = float(np.abs(median - actual)[known].mean() / step) if whole else np.nan
    found["bias"] = float((median - actual)[known].sum() / actual[known].sum()) if whole else np.nan
    losses = np.maximum(QUANTILES * (actual[:, None] - told), (QUANTILES - 1) * (actual[:, None] - told))
    found["pinball"] = float(losses[known].mean() / actual[known].mean()) if whole else np.nan
    for name, low, high in (("80", _LOW80, _HIGH80), ("95", 0, -1)):
        inside = (actual >= told[:, low]) & (actual <= told[:, high])
        found[f"cover{name}"] = float(inside[known].mean()) if whole else np.nan
        found[f"event_cover{name}"] = float(inside[known & near].mean()) if met else np.nan
    found["width95"] = float((told[:, -1] - told[:, 0])[known].mean() / actual[known].mean()) if whole else np.nan
    found["peak_error"], found["peak_days"] = _peak(median, actual, known & near, is_dip) if met else (np.nan, np.nan)
    return found


def path_score(paths: Floats, actual: Floats, ahead: Days, event: np.datetime64, is_dip: bool) -> dict[str, float]:
    """What only paths (n_paths, n_days) can say: whether sums of months and the season's extreme lie in their bands."""
    known, months = np.isfinite(actual), ahead.astype("datetime64[M]")
    inside: dict[str, list[bool]] = {"month80": [], "month95": [], "extreme80": [], "extreme95": []}

    def judge(name: str, drawn: Floats, came: float) -> None:
        for level, (low, high) in (("80", (0.1, 0.9)), ("95", (0.025, 0.975))):
            inside[name + level].append(bool(np.quantile(drawn, low) <= came <= np.quantile(drawn, high)))

    for month in np.unique(months):
        chosen = months == month
        if known[chosen].all() and chosen.sum() >= 28:
            judge("month", paths[:, chosen].sum(axis=1), float(actual[chosen].sum()))
    near = known & (np.abs((ahead - event) / DAY) <= EVENT_DAYS)
    if near.sum() >= 34:
        width = 3 if is_dip else 7
        weeks = np.array([np.convolve(row, np.ones(width) / width, "valid") for row in paths[:, near]])
        came = np.convolve(actual[near], np.ones(width) / width, "valid")
        judge(
            "extreme", weeks.min(axis=1) if is_dip else weeks.max(axis=1), float(came.min() if is_dip else came.max())
        )
    return {name: float(np.mean(values)) if values else np.nan for name, values in inside.items()}


def _wape(told: Floats, actual: Floats, days: Floats) -> float:
    return float(np.abs(told - actual)[days].sum() / np.abs(actual[days]).sum())


def _peak(told: Floats, actual: Floats, days: Floats, is_dip: bool) -> tuple[float, float]:
    """Size (relative) and day of the highest week near the event, or of its lowest three days."""
    width = 3 if is_dip else 7
    said, came = (np.convolve(row[days], np.ones(width) / width, "valid") for row in (told, actual))
    at, there = (int(row.argmin() if is_dip else row.argmax()) for row in (said, came))
    return abs(said[at] / came[there] - 1), float(abs(at - there))


def by_series(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the origins, by series and method; the peak's error is a median, its day the share within one day."""
    groups = table.groupby(["series", "method"])
    means = groups.mean(numeric_only=True)
    means["peak_error"] = groups["peak_error"].median()
    means["peak_on_day"] = groups["peak_days"].apply(lambda days: (days.dropna() <= 1).mean())
    return means


def ratio(means: pd.DataFrame, figure: str, ours: str, theirs: str, series: list[str]) -> float:
    """Geometric mean over series of our figure divided by theirs."""
    parts = [means.loc[(name, ours), figure] / means.loc[(name, theirs), figure] for name in series]
    logs = np.log(np.array([part for part in parts if np.isfinite(part)], dtype=float))
    return float(np.exp(logs.mean())) if len(logs) else float("nan")
