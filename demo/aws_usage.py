"""Which machines ran in which hours, how busy they were, and how much of each meter was used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property

import numpy as np

from core import next_month
from demo import calendar
from demo.aws_fleet import ENVIRONMENTS, GROUPS, METERS, Group, Meter, Tags, When
from demo.aws_line import QUANTITY, Line
from demo.company import DAY, TEAMS, Company
from demo.prices import money
from demo.users import Users

#: In the last months the reports are by the hour for what runs; before that by the day.
HOURLY_MONTHS = 13
_IST_HALF_HOURS = 11


@dataclass(frozen=True)
class Machine:
    """One machine in one month: `on` tells for each hour of the month whether it ran."""

    group: Group
    id: str
    number: int
    on: np.ndarray


class Usage:
    """What was used, month by month. Hours are those of `company.hours`."""

    def __init__(self, company: Company, users: Users) -> None:
        self.company, self.users = company, users

    @cached_property
    def loads(self) -> dict[str, np.ndarray]:
        """How busy each service was, hour by hour."""
        return {service: self.users.load(service) for service in TEAMS}

    @cached_property
    def daily_loads(self) -> dict[str, np.ndarray]:
        """The mean of each day."""
        return {service: hours.reshape(-1, 24).mean(axis=1) for service, hours in self.loads.items()}

    def is_hourly(self, month: date) -> bool:
        """Whether the report of a month has hours."""
        months = self.company.billing_months
        return month in months[-HOURLY_MONTHS:]

    def when(self, what: When | str) -> np.ndarray:
        """The hours of a pattern: always, office, exam, never."""
        if what not in self._patterns:
            self._patterns[what] = self._pattern(what)
        return self._patterns[what]

    @cached_property
    def _patterns(self) -> dict[str, np.ndarray]:
        return {}

    def _pattern(self, what: str) -> np.ndarray:
        hours = self.company.hours
        if what in ("always", "never"):
            return np.full(len(hours), what == "always")
        if what == "office":
            half = np.arange(len(hours)) * 2 + _IST_HALF_HOURS
            weekday = ((hours.astype("datetime64[D]").astype(int) + (half % 48 < _IST_HALF_HOURS)) + 3) % 7
            return (weekday < 5) & (half % 48 >= 19) & (half % 48 < 42)
        window = np.zeros(len(hours), bool)
        for exam, _ in calendar.exams():
            start, end = np.datetime64(exam, "h") - 45 * 24, np.datetime64(exam, "h") + 3 * 24
            window |= (hours >= start) & (hours < end)
        return window

    def count(self, group: Group) -> np.ndarray:
        """How many machines of a group ran, hour by hour; a machine that the crowd asked for stays two hours more."""
        load = self.loads[group.service]
        wanted = group.least + np.ceil(np.maximum(load - 1, 0) * group.per_load)
        wanted = np.minimum(wanted, group.most)
        if group.per_load:
            wanted = np.maximum(wanted, np.maximum(np.roll(wanted, 1), np.roll(wanted, 2)))
        count = wanted.astype(int) * self.company.scale * self.when(group.when)
        hours = self.company.hours.astype("datetime64[D]")
        return count * ((hours >= np.datetime64(group.starts)) & (hours < np.datetime64(group.ends)))

    @cached_property
    def _counts(self) -> dict[str, np.ndarray]:
        return {group.name: self.count(group) for group in GROUPS}

    def machines(self, month: date, through: date) -> Iterator[Machine]:
        """The machines that ran in a month up to the end of a day."""
        at = self.company.hours_of(month, min(next_month(month), through + DAY))
        for group in GROUPS:
            count = self._counts[group.name][at]
            for number in range(int(count.max(initial=0))):
                # what is always there keeps its id; what the season adds is new every month
                keeps = number < group.least * self.company.scale
                yield Machine(group, self.machine_id(group, number, None if keeps else month), number, count > number)

    def machine_id(self, group: Group, number: int, month: date | None = None) -> str:
        """The resource id of a machine."""
        if group.kind == "ec2":
            return "i-" + self.company.code(group.name, number, month or "", length=17)
        service = {"rds": "rds", "cache": "elasticache"}[group.kind]
        noun = {"rds": "db", "cache": "cluster"}[group.kind]
        return f"arn:aws:{service}:ap-south-1:{group.account}:{noun}:{group.name}-{number + 1}"

    def meters(self, month: date, through: date) -> Iterator[tuple[Line, np.ndarray]]:
        """Lines of what is metered in a month, and what of their cost is out of the ordinary."""
        for meter in METERS:
            line, extra = self.metered(meter, month, through)
            if len(line.cost):
                yield line, extra

    def metered(self, meter: Meter, month: date, through: date) -> tuple[Line, np.ndarray]:
        """One meter in one month."""
        days = self.company.hours_of(month, min(next_month(month), through + DAY))
        at = slice(days.start // 24, days.stop // 24)
        dates = self.company.days[at]
        years = (dates - np.datetime64("2024-01-01")).astype(float) / 365.25
        rng = self.company.rng("meter", meter.usage_type, meter.resource)
        noise = 1 + meter.noise * rng.uniform(-1, 1, len(self.company.days))[at]
        load = self.daily_loads[meter.service][at] ** meter.bend if meter.bend else 1.0
        usual = meter.daily * self.company.scale * load * (1 + meter.growth) ** years * noise
        factor = np.ones(len(dates))
        for spike in meter.spikes:
            since = (dates - np.datetime64(spike.start)).astype(int)
            factor = np.where((since >= 0) & (since < spike.days), spike.factor, factor)
        digits = 0 if meter.daily > 5000 else 6
        amounts = [round(round(float(value), digits) * QUANTITY) for value in usual * factor]
        rate = money(meter.rate)
        costs = np.array([amount * rate // QUANTITY for amount in amounts], dtype=np.int64)
        extra = np.rint(costs * (1 - 1 / factor)).astype(np.int64)
        line = Line(
            "Usage", meter.account, meter.product, meter.usage_type, meter.operation, meter.resource,
            f"${meter.rate} per {meter.unit} of {meter.usage_type}", dates.astype("datetime64[h]"), 24,
            np.array(amounts, dtype=np.int64), costs, unit=meter.unit, list_rate=Decimal(meter.rate), term="OnDemand",
            tags=tags_of(meter.account, meter.service, meter.tags, meter.product_tag),
            texts={"product_product_family": meter.family, **dict(meter.texts)} if meter.family else dict(meter.texts),
        )  # fmt: skip
        kept = costs != 0
        return _picked(line, kept), extra[kept]


def _picked(line: Line, kept: np.ndarray) -> Line:
    return replace(line, start=line.start[kept], amount=line.amount[kept], cost=line.cost[kept])


def tags_of(account: str, service: str, given: Tags | None = None, product: str = "", name: str = "") -> Tags:
    """The tags by the company's rule, or what somebody typed."""
    if given is not None:
        return given
    tags = [("team", TEAMS[service]), ("env", ENVIRONMENTS.get(account, "prod")), ("service", service)]
    return (*tags, *([("product", product)] if product else []), *([("Name", name)] if name else []))
