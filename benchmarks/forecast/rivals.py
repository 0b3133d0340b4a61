"""What others would have said: naive repetitions, statsforecast, gradient boosting, Prophet. All get the true calendar.

A rival takes days and numbers of the past (NaN unknown), the days ahead, the calendar and quantiles, and gives
(n_days, n_quantiles). Prophet and statsforecast are the extra `forecast-bench`, and never needed to run Kifayat.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd

from models.calendar import Calendar
from models.design import Days, Floats
from models.forecasters import boosting, event_naive, seasonal_naive
from models.series import filled

Rival = Callable[[Days, Floats, Days, Calendar, Floats], Floats]


def _with_errors(make: Callable[[Calendar], Any]) -> Rival:
    """A point forecast with a band: the quantiles of its relative errors over the last year of its own history."""

    def rival(days: Days, values: Floats, ahead: Days, calendar: Calendar, quantiles: Floats) -> Floats:
        told = make(calendar).fit(days, values).predict(ahead)
        cut = max(len(days) - 365, len(days) // 2)
        before = make(calendar).fit(days[:cut], values[:cut]).predict(days[cut:])
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.log(values[cut:]) - np.log(before)
        errors = errors[np.isfinite(errors)]
        return np.asarray(told[:, None] * np.exp(np.quantile(errors, quantiles) - np.median(errors))[None, :])

    return rival


class _NoGrowth(seasonal_naive.SeasonalNaive):
    def fit(self, days: Any, y: Any) -> Any:
        super().fit(days, y)
        self.growth_ = 1.0
        return self


def _prophet(events: bool, log: bool, **options: Any) -> Rival:
    def rival(days: Days, values: Floats, ahead: Days, calendar: Calendar, quantiles: Floats) -> Floats:
        from prophet import Prophet  # type: ignore[import-not-found]

        logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
        holidays = None
        if events:
            holidays = pd.DataFrame(
                [(e.name, pd.Timestamp(e.on), e.lo, e.hi + e.days - 1) for e in calendar],
                columns=["holiday", "ds", "lower_window", "upper_window"],
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = Prophet(holidays=holidays, uncertainty_samples=400, **options)
            table = pd.DataFrame({"ds": pd.to_datetime(days), "y": np.log(values) if log else values}).dropna()
            model.fit(table, seed=0)
            np.random.seed(0)
            samples = model.predictive_samples(pd.DataFrame({"ds": pd.to_datetime(ahead)}))["yhat"]
            told = model.predict(pd.DataFrame({"ds": pd.to_datetime(ahead)}))["yhat"].to_numpy()
        found = np.quantile(samples, quantiles, axis=1).T
        found[:, np.argmin(np.abs(quantiles - 0.5))] = told
        return np.asarray(np.exp(found) if log else found)

    return rival


def _statsforecast(kind: str) -> Rival:
    def rival(days: Days, values: Floats, ahead: Days, calendar: Calendar, quantiles: Floats) -> Floats:
        from statsforecast import models as library  # type: ignore[import-not-found]

        _, whole = filled(*_known(days, values))
        levels = sorted({round(100 * abs(2 * q - 1), 4) for q in quantiles if q != 0.5})
        if kind == "arima":
            angle = 2 * np.pi * np.arange(len(whole) + len(ahead))[:, None] / 365.25 * np.arange(1, 7)
            fourier = np.hstack([np.sin(angle), np.cos(angle)])
            model = library.AutoARIMA(season_length=7, max_p=3, max_q=3, max_P=1, max_Q=1, approximation=True)
            model = model.fit(whole, fourier[: len(whole)])
            told = model.predict(len(ahead), fourier[len(whole) :], level=levels)
        else:
            made = {"ets": lambda: library.AutoETS(7), "mstl": lambda: library.MSTL([7, 364])}[kind]()
            told = made.fit(whole).predict(len(ahead), level=levels)
        found = np.empty((len(ahead), len(quantiles)))
        for at, q in enumerate(quantiles):
            side = "mean" if q == 0.5 else f"{'lo' if q < 0.5 else 'hi'}-{round(100 * abs(2 * q - 1), 4):g}"
            key = next(
                k
                for k in told
                if k == side or (k[:2] == side[:2] and side != "mean" and float(k[3:]) == float(side[3:]))
            )
            found[:, at] = told[key]
        return np.maximum(found, 1e-9)

    return rival


def _known(days: Days, values: Floats) -> tuple[Days, Floats]:
    known = np.isfinite(values)
    return days[known], values[known]


RIVALS: Final[dict[str, Rival]] = {
    "naive 364": _with_errors(lambda _: _NoGrowth()),
    "naive 364 x growth": _with_errors(lambda _: seasonal_naive.SeasonalNaive()),
    "naive by event": _with_errors(event_naive.make),
    "boosting with events": _with_errors(boosting.make),
    "Prophet": _prophet(events=False, log=False),
    "Prophet + events": _prophet(events=True, log=False),
    "Prophet + events, log": _prophet(events=True, log=True, scaling="minmax"),
    "AutoETS": _statsforecast("ets"),
    "MSTL": _statsforecast("mstl"),
    "AutoARIMA": _statsforecast("arima"),
}
