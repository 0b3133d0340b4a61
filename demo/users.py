"""How many students come: by day, month and hour, product and state; and how busy each service is for it.

The noise-free curve is kept beside what was "observed". No person is modelled, only counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from core import next_month
from demo import calendar
from demo.company import DAY, LAST, SERVICES, Company

#: Product -> share of the daily users, how far it follows the exam, how far the Sunday mocks.
PRODUCTS = {"neet": (0.70, 1.0, 0.10), "test-series": (0.21, 1.35, 0.45), "foundation": (0.09, 0.15, 0.0)}
#: A student of two products is one student: the whole is this much smaller than the sum of the products.
OVERLAP = 0.08
STATES = {
    "Uttar Pradesh": 0.17, "Rajasthan": 0.15, "Bihar": 0.13, "Maharashtra": 0.12, "Tamil Nadu": 0.09,
    "Karnataka": 0.08, "Kerala": 0.07, "West Bengal": 0.06, "Telangana": 0.05, "Delhi": 0.04, "other": 0.04,
}  # fmt: skip
#: Daily users of an ordinary day in September 2023 at scale 1.
LEVEL = 172_000
GROWTH_PER_YEAR = 0.17
#: Height of the exam season above an ordinary day, on the logarithm.
HUMP = {"base": 0.62, "strong": 1.15}

#: Share of a day's users who are there in each hour of the Indian clock: before school, and in the evening.
_EVENING = np.array(
    [28, 16, 9, 8, 14, 34, 62, 70, 58, 46, 46, 48, 48, 46, 48, 56, 68, 86, 108, 128, 138, 132, 98, 56]
) / 1000  # fmt: skip
_IST_SHIFT = 11  # half hours between UTC and the Indian clock


@dataclass(frozen=True)
class Elasticity:
    """How a service follows the crowd: load = fixed + (1 - fixed) x crowd ^ bend, some hours late."""

    fixed: float
    bend: float
    lag_hours: int = 0
    smooth_hours: int = 1


ELASTICITIES = {
    "user": Elasticity(0.25, 0.90),
    "content": Elasticity(0.20, 0.95),
    "analytics": Elasticity(0.55, 0.70, lag_hours=4, smooth_hours=12),
    "assessment": Elasticity(0.15, 1.05),
    "communication": Elasticity(0.40, 0.75, lag_hours=1, smooth_hours=3),
    "payment": Elasticity(0.65, 0.60),
    "platform": Elasticity(0.50, 0.70),
}


class Users:
    """The students of a company. Arrays follow `company.days` (IST days) and `company.hours` (UTC hours)."""

    def __init__(self, company: Company) -> None:
        self.company = company

    @cached_property
    def expected(self) -> dict[str, np.ndarray]:
        """Daily users of each product without noise, shape (n_days,)."""
        curves = {}
        for product, (share, bend, mocks) in PRODUCTS.items():
            log = bend * self._season + mocks * self._mock_days + self._ordinary
            if product == "foundation":
                log = log - 0.25 * self._boards
            level = LEVEL * self.company.scale * share
            curves[product] = level * (1 + GROWTH_PER_YEAR) ** self._years * np.exp(log)
        return curves

    @cached_property
    def dau(self) -> dict[tuple[str, str], np.ndarray]:
        """Daily active users of each product ("all": counted once) and state, integers, shape (n_days,)."""
        found = {}
        for state, share in STATES.items():
            drift = 1 + 0.04 * np.sin(self._years * 2.1 + len(state))
            for product, curve in self.expected.items():
                noise = self.company.rng("dau", product, state).normal(0, 0.025, len(self._years))
                found[product, state] = np.rint(curve * share * drift * np.exp(noise)).astype(np.int64)
            both = np.sum([found[product, state] for product in PRODUCTS], axis=0)
            found["all", state] = np.rint(both * (1 - OVERLAP)).astype(np.int64)
        return found

    def mau(self, month: date) -> dict[tuple[str, str], int]:
        """Students seen at least once in a calendar month (IST), up to the last known day; never a sum of days.

        In the weeks before the exam the same students come more often: the ratio to the daily mean falls.
        """
        low, high = ((day - self.company.first).days for day in (month, min(next_month(month), LAST + DAY)))
        reach = (1 - np.exp(-(high - low) / 9)) / (1 - np.exp(-30 / 9))
        season = float(np.exp(-0.3 * self._season[low:high].mean()))
        ratio = 1 + 2.35 * season * reach
        return {key: round(float(days[low:high].mean()) * ratio) for key, days in self.dau.items()}

    @cached_property
    def concurrent(self) -> dict[tuple[str, str], np.ndarray]:
        """Students on the platform at the same time, hourly maximum, integers, shape (n_hours,)."""
        found = {}
        for (product, state), days in self.dau.items():
            if product == "all":
                continue
            noise = self.company.rng("concurrent", product, state).normal(0, 0.04, len(self.company.hours))
            crowd = days[self._day_of_hour] * (self._clock + self._bursts(product))
            found[product, state] = np.rint(crowd * np.exp(noise)).astype(np.int64)
        for state in STATES:
            both = np.sum([found[product, state] for product in PRODUCTS], axis=0)
            found["all", state] = np.rint(both * (1 - OVERLAP / 4)).astype(np.int64)
        return found

    @cached_property
    def crowd(self) -> np.ndarray:
        """Students at the same time in all of India, hourly, shape (n_hours,)."""
        return np.sum([hours for (product, _), hours in self.concurrent.items() if product == "all"], axis=0)

    def load(self, service: str) -> np.ndarray:
        """How busy a service is: about 1.0 on the average hour of the first year, shape (n_hours,), floats."""
        e = ELASTICITIES[service]
        crowd = self._testing if service == "assessment" else self.crowd / self._usual
        if service == "payment":
            crowd = crowd * (1 + 0.8 * self._admissions[self._day_of_hour])
        if e.smooth_hours > 1:
            crowd = np.convolve(np.pad(crowd, (e.smooth_hours - 1, 0), "edge"), np.ones(e.smooth_hours), "valid")
            crowd = crowd / e.smooth_hours
        crowd = np.concatenate([np.full(e.lag_hours, crowd[0]), crowd[: len(crowd) - e.lag_hours]])
        return e.fixed + (1 - e.fixed) * crowd**e.bend

    def daily_load(self, service: str) -> np.ndarray:
        """The mean of each UTC day, shape (n_days,)."""
        return self.load(service).reshape(-1, 24).mean(axis=1)

    @cached_property
    def _usual(self) -> float:
        return float(LEVEL * self.company.scale * (1 - OVERLAP) * 0.072)

    @cached_property
    def _testing(self) -> np.ndarray:
        tests = np.sum([hours for (product, _), hours in self.concurrent.items() if product == "test-series"], axis=0)
        return (0.6 * self.crowd + 1.2 * tests) / self._usual

    @cached_property
    def _years(self) -> np.ndarray:
        # growth is counted from one day for all lengths of history: fewer months are the end of the same company
        return (self.company.days - np.datetime64("2023-09-01")).astype(float) / 365.25

    @cached_property
    def _day_of_hour(self) -> np.ndarray:
        half_hours = np.arange(len(self.company.hours)) * 2 + _IST_SHIFT
        return np.minimum(half_hours // 48, len(self.company.days) - 1)

    @cached_property
    def _clock(self) -> np.ndarray:
        half_hours = np.arange(len(self.company.hours)) * 2 + _IST_SHIFT
        at = half_hours % 48 // 2
        return (_EVENING[at] + _EVENING[(at + 1) % 24]) / 2

    def _bursts(self, product: str) -> np.ndarray:
        """Mock tests on Sundays from 14:00 to 17:20, as the exam itself; and everybody at once on result day."""
        half_hours = np.arange(len(self.company.hours)) * 2 + _IST_SHIFT
        at = half_hours % 48 // 2
        mocks = self._mock_days[self._day_of_hour] * ((at >= 13) & (at < 18))
        results = self._result_days[self._day_of_hour] * np.select([at == 13, at == 14, at == 15], [0.30, 0.22, 0.10])
        return mocks * {"neet": 0.13, "test-series": 0.30}.get(product, 0.0) + (product != "foundation") * results

    def _since(self, day: date) -> np.ndarray:
        return (self.company.days - np.datetime64(day)).astype(int)

    @cached_property
    def _season(self) -> np.ndarray:
        """The exam season on the logarithm: a long climb, the top in the last days, a fall, a pause."""
        height, total = HUMP[self.company.strength], np.zeros(len(self.company.days))
        exams = calendar.exams()
        for day, share in exams:
            since = self._since(day)
            climb = share * height * np.exp(-np.maximum(-since - 2, 0) / 34)
            # nobody climbs towards the second exam of a year before the first one was cancelled
            before = max((other for other, _ in exams if other < day), default=None)
            if before is not None and (day - before).days < 120:
                climb = climb * np.clip((since + (day - before).days - 9) / 6, 0, 1)
            after = np.where(since == 0, 0.35 * height, -0.30 * np.exp(-np.maximum(since - 1, 0) / 16))
            after = np.where(since > 0, after, 0.0) + np.where(since == 0, 0.35 * height - climb, 0.0)
            total = total + np.where(since <= 0, climb, 0.0) + after
        return total

    @cached_property
    def _mock_days(self) -> np.ndarray:
        """How many of the usual crowd sit for a mock on a day: Sundays, more towards the exam."""
        sundays = (self.company.days.astype(int) + 4) % 7 == 0
        near = np.zeros(len(self.company.days))
        for day, _ in calendar.exams():
            since = self._since(day)
            near = np.maximum(near, np.where((since < -2) & (since >= -84), 1 - (-since) / 150, 0.0))
        return np.where(sundays, np.maximum(near, 0.25), 0.0)

    @cached_property
    def _result_days(self) -> np.ndarray:
        days = np.zeros(len(self.company.days))
        for event, height in (("result", 1.0), ("answer_key", 0.45), ("admit_card", 0.35), ("counselling_start", 0.3)):
            for day in calendar.event_days(event):
                days = np.maximum(days, height * (self._since(day) == 0))
        return days

    @cached_property
    def _admissions(self) -> np.ndarray:
        """New batches are sold in the weeks after the exam and, for droppers, after the result."""
        wave = np.zeros(len(self.company.days))
        for day, _ in calendar.exams():
            since = self._since(day)
            wave = np.maximum(wave, np.where((since > 10) & (since < 80), np.sin((since - 10) / 70 * np.pi), 0.0))
        return wave

    @cached_property
    def _boards(self) -> np.ndarray:
        during = np.zeros(len(self.company.days))
        for start, end in calendar.boards():
            since = self._since(start)
            during = np.maximum(during, ((since >= 0) & (since <= (end - start).days)).astype(float))
        return during

    @cached_property
    def _ordinary(self) -> np.ndarray:
        """Everything that is not the exam: weekdays, the school year, boards, festivals, event days."""
        weekday = (self.company.days.astype(int) + 3) % 7
        log = np.array([0.02, 0.03, 0.03, 0.02, -0.02, -0.01, 0.03])[weekday]
        # batches begin in June and fill up to December
        day_of_year = (self.company.days - self.company.days.astype("datetime64[Y]")).astype(int)
        log = log + 0.06 * np.sin((day_of_year - 230) / 365.25 * 2 * np.pi)
        log = log - 0.12 * self._boards + 0.35 * self._result_days
        for days, depth, width in ((calendar.DIWALI, 0.55, 2.2), (calendar.HOLI, 0.32, 1.0)):
            for day in days:
                log = log - depth * np.exp(-0.5 * (self._since(day) / width) ** 2)
        return log


__all__ = ["ELASTICITIES", "OVERLAP", "PRODUCTS", "SERVICES", "STATES", "Elasticity", "Users"]
