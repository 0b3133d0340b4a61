"""How good the learner of schedules is: `python -m benchmarks.schedules`.

Resources that do not exist, whose use is known: learnt on 26 weeks, judged on the next 26. A false stop is a week in
which a resource is off in an hour in which it is used; the oracle stops every hour in which nobody works as a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import NotEnoughHistory
from recommender.action import Run
from recommender.schedule import activity, learn

_WEEKS: Final = 26
_FIRST: Final = np.datetime64("2025-06-02T00", "h")


@dataclass(frozen=True)
class Resource:
    """`cpu` (n_hours,) as measured, `used` when it was really used, `rhythm` when its people usually work."""

    kind: str
    cpu: NDArray[np.float64]
    used: NDArray[np.bool_]
    rhythm: NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """Share of resource-weeks with a stop during use, share of the oracle's quiet hours that are stopped, resources."""

    false_stop_ratio: float
    captured_ratio: float
    scheduled: int
    resources: int


def hours() -> NDArray[np.datetime64]:
    """52 weeks of UTC hours."""
    return np.arange(_FIRST, _FIRST + np.timedelta64(2 * _WEEKS * 168, "h"))


def fixture(count: int = 240, seed: int = 0) -> list[Resource]:
    """Office hours, Saturdays, early and late shifts, night batches and what is used all day, in equal parts."""
    rng = np.random.default_rng(seed)
    when = hours()
    ist = when.astype("datetime64[m]") + np.timedelta64(330, "m")
    weekday, minute = (ist.astype("datetime64[D]").astype(int) + 3) % 7, ist.astype(int) % 1440
    found = []
    for at in range(count):
        kind = ("office", "saturday", "late", "early", "batch", "always")[at % 6]
        start, end = {"office": (570, 1260), "saturday": (600, 1140), "late": (750, 1410), "early": (420, 990),
                      "batch": (60, 300), "always": (0, 1440)}[kind]  # fmt: skip
        start, end = start + 30 * int(rng.integers(-1, 2)), end + 30 * int(rng.integers(-1, 2))
        days = 7 if kind in ("batch", "always") else 6 if kind == "saturday" else 5
        rhythm = (weekday < days) & (minute >= start - 59) & (minute < end)
        used = rhythm & (rng.random(len(when)) > 0.25)  # lunch, meetings, days off
        if kind in ("office", "late"):  # releases in the evening, every second week
            for week in range(0, 2 * _WEEKS, 2):
                evening = week * 168 + 24 * int(rng.integers(0, 5)) + 15
                used[evening : evening + 2] = True
                rhythm[evening : evening + 2] = True
        idle, busy = rng.uniform(0.5, 3), rng.uniform(12, 60)
        cpu = np.where(used, busy * rng.lognormal(0, 0.35, len(when)), idle * rng.lognormal(0, 0.2, len(when)))
        found.append(Resource(kind, np.clip(cpu, 0, 100), used, rhythm))
    return found


def score(resources: list[Resource]) -> Score:
    """Learn on the first half, judge on the second."""
    when = hours()
    half = _WEEKS * 168
    false, weeks, quiet, stopped, scheduled = 0, 0, 0, 0.0, 0
    for one in resources:
        judged = slice(half, 2 * half)
        off = np.zeros(half)
        active = activity(one.cpu[:half])
        if active is not None:
            try:
                off = 1 - Run(learn(active, when[:half]).week).factors(when[judged])
                scheduled += bool(off.any())
            except NotEnoughHistory:
                pass
        wrong = (off > 0) & one.used[judged]
        false += int(wrong.reshape(_WEEKS, 168).any(axis=1).sum())
        weeks += _WEEKS
        oracle = ~one.rhythm[judged]
        quiet += int(oracle.sum())
        stopped += float(off[oracle].sum())
    return Score(false / weeks, stopped / quiet, scheduled, len(resources))


def main() -> None:
    """Print both figures by kind and over all."""
    resources = fixture()
    print(f"{'kind':10} {'false stops':>12} {'of oracle hours':>16} {'scheduled':>10}")
    for kind in dict.fromkeys(one.kind for one in resources):
        mine = [one for one in resources if one.kind == kind]
        if kind == "always":
            found = score([Resource("x", mine[0].cpu, mine[0].used, np.zeros_like(mine[0].rhythm)), *mine])
            print(f"{kind:10} {found.false_stop_ratio:12.2%} {'-':>16} {found.scheduled:7}/{len(mine)}")
            continue
        found = score(mine)
        print(f"{kind:10} {found.false_stop_ratio:12.2%} {found.captured_ratio:16.1%} {found.scheduled:7}/{len(mine)}")
    whole = score(resources)
    print(
        f"{'all':10} {whole.false_stop_ratio:12.2%} {whole.captured_ratio:16.1%} {whole.scheduled:7}/{len(resources)}"
    )
    print("bars: at most 1 % of resource-weeks with a false stop, at least 85 % of the oracle's hours")


if __name__ == "__main__":
    main()
