"""A daily series as people hand it over: checked, one number a day, with a list of what is odd about it.

Not for models: they take the days and numbers that come out of here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core import BadValue, NotEnoughHistory
from models.design import Days, Floats


def known_days(days: Any, y: ArrayLike, where: str) -> tuple[Days, Floats]:
    """The days with a number, and the numbers, both (n_known,).

    Raises BadValue unless `days` and `y` are one-dimensional and equally long, days rise, and numbers are finite and
    not negative (NaN is unknown).
    """
    when, values = np.asarray(days, dtype="datetime64[D]"), np.asarray(y, dtype=np.float64)
    if when.ndim != 1 or when.shape != values.shape:
        raise BadValue(
            f"days of the shape {when.shape} and numbers of the shape {values.shape}", where=where,
            expected="one number for each day", fix="hand over two arrays of one length",
        )  # fmt: skip
    if len(when) > 1 and not (np.diff(when) > np.timedelta64(0, "D")).all():
        raise BadValue(
            "days do not rise", where=where, expected="each day once, oldest first", fix="sort and merge them"
        )
    if np.isinf(values).any() or (values < 0).any():
        raise BadValue(
            "a number is negative or infinite", where=where, expected="counts of zero or more, NaN where unknown",
            fix="correct them, or put NaN",
        )  # fmt: skip
    known = np.isfinite(values)
    return when[known], values[known]


def filled(when: Days, values: Floats) -> tuple[np.datetime64, Floats]:
    """The last day, and a number for every day up to it (n_days,): gaps are interpolated. Raises NotEnoughHistory."""
    if not len(values):
        raise NotEnoughHistory(0, 1, where="days with a number")
    at = ((when - when[0]) / np.timedelta64(1, "D")).astype(np.int64)
    return when[-1], np.interp(np.arange(at[-1] + 1), at, values)


def whole_days(when: Days, values: Floats) -> tuple[Days, Floats]:
    """Every day from the first to the last (n_days,); NaN where nothing is known. Raises NotEnoughHistory for none."""
    if not len(values):
        raise NotEnoughHistory(0, 1, where="days with a number")
    at = ((when - when[0]) / np.timedelta64(1, "D")).astype(np.int64)
    whole = np.full(at[-1] + 1, np.nan)
    whole[at] = values
    return when[0] + np.arange(len(whole)), whole
