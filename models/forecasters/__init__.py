"""Forecasters of one daily series, one file each: `make(calendar)` gives an estimator (`fit(days, y)`, `predict`).

`IS_SLOW` tells the backtest to try it on fewer origins. Which of them is believed is decided in `models.demand`.
"""
