"""Machines, databases and caches as lines of a bill: what commitments pay for, what is left on demand, the fees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import numpy as np

from core import next_month
from demo.aws_commitments import PLANS, RESERVATIONS, Plan, Reservation, commitment, cover, in_force, size_units
from demo.aws_fleet import PAYER, PROD, Group
from demo.aws_line import MONEY, QUANTITY, Line
from demo.aws_usage import Machine, Usage, tags_of
from demo.company import DAY
from demo.prices import ec2, hourly, money

_PRODUCTS = {"ec2": "AmazonEC2", "rds": "AmazonRDS", "cache": "AmazonElastiCache"}
_OPERATIONS = {"ec2": "RunInstances", "rds": "CreateDBInstance:0014", "cache": "CreateCacheCluster:0002"}
_FAMILIES = {"ec2": "Compute Instance", "rds": "Database Instance", "cache": "Cache Instance"}
_USAGE = {"ec2": "BoxUsage", "rds": "InstanceUsage", "cache": "NodeUsage"}


class Machines:
    """The lines of one month. `spent` holds what each node cost by day, `held` what each commitment did."""

    def __init__(self, usage: Usage, month: date, through: date) -> None:
        self.usage, self.month = usage, month
        company = usage.company
        at = company.hours_of(month, min(next_month(month), through + DAY))
        self.hours = company.hours[at]
        self.days = self.hours[::24]
        self.left = {plan.id: commitment(plan, company, self.hours) for plan in PLANS}
        self.reserved = {
            r.id: in_force(r.start, r.end, self.hours) * r.count * company.scale * QUANTITY for r in RESERVATIONS
        }
        #: Amortised cost of each Kubernetes node by day of the month, 1e-10 USD.
        self.nodes: dict[str, np.ndarray] = {}
        #: What each commitment covered, at on-demand prices, and what no plan covered by instance type (1e-10 USD).
        self.on_demand: dict[str, int] = defaultdict(int)
        self._uncovered: dict[str, int] = defaultdict(int)
        #: (plan, account, type) -> units and on-demand cost covered, by day.
        self._covered: dict[tuple[str, str, str], list[np.ndarray]] = {}
        self.lines = list(self._all(through))

    def _all(self, through: date) -> Iterator[Line]:
        for machine in self.usage.machines(self.month, through):
            if machine.group.kind == "ec2":
                yield from self._spot(machine) if machine.group.spot else self._instance(machine)
            else:
                yield from self._reserved(machine)
        for (plan_id, account, kind), (units, cost) in self._covered.items():
            plan = next(plan for plan in PLANS if plan.id == plan_id)
            some = cost > 0
            yield Line(
                "SavingsPlanNegation", account, "AmazonEC2", f"APS3-BoxUsage:{kind}", "RunInstances", "",
                f"SavingsPlanNegation used by AccountId : {account}", self.days[some], 24, units[some], -cost[some],
                texts={"savings_plan_savings_plan_a_r_n": plan.arn},
            )  # fmt: skip
        for plan in PLANS:
            yield from self._plan_fees(plan)
        for reservation in RESERVATIONS:
            yield from self._reservation_fees(reservation)

    def _line(
        self, kind: str, machine: Machine, units: np.ndarray, rate: int, what: str,
        more_texts: dict[str, str] | None = None, money_by_hour: dict[str, np.ndarray] | None = None,
    ) -> Line | None:  # fmt: skip
        """A line of a machine by the hour or the day; `units` are 1e-6 hours in each hour of the month."""
        group = machine.group
        amount = self._summed(units)
        some = amount > 0
        if not some.any():
            return None
        money_of = {name: self._summed(values)[some] for name, values in (money_by_hour or {}).items()}
        cost = self._summed(units * rate // QUANTITY)[some]
        texts = {
            "product_product_family": _FAMILIES[group.kind], "product_instance_type": group.type,
            "product_region_code": "ap-south-1", **(more_texts or {}),
        }  # fmt: skip
        if group.kind == "ec2":
            texts["line_item_availability_zone"] = f"ap-south-1{'abc'[machine.number % 3]}"
        usage = "SpotUsage" if group.spot else _USAGE[group.kind]
        operation = _OPERATIONS[group.kind] + (":SV001" if group.spot else "")
        starts, length = (self.hours, 1) if self.is_hourly else (self.days, 24)
        if kind == "DiscountedUsage":
            cost = cost * 0
        return Line(
            kind, group.account, _PRODUCTS[group.kind], f"APS3-{usage}:{group.type}", operation, machine.id, what,
            starts[some], length, amount[some], cost, unit="Hrs", list_rate=hourly(group.kind, group.type),
            term={"DiscountedUsage": "Reserved"}.get(kind, "Spot" if group.spot else "OnDemand"),
            tags=_tags(machine), texts=texts, money=money_of,
        )  # fmt: skip

    def more(self, plan: Plan) -> int:
        """What a plan could have covered besides, at on-demand prices in 1e-10 USD."""
        return sum(cost for kind, cost in self._uncovered.items() if plan.covers(kind))

    @property
    def is_hourly(self) -> bool:
        """Whether this month's report has hours."""
        return self.usage.is_hourly(self.month)

    def _summed(self, values: np.ndarray) -> np.ndarray:
        """By the hour or the day, as the report has it."""
        return values if self.is_hourly else values.reshape(-1, 24).sum(axis=1)

    def _spot(self, machine: Machine) -> Iterator[Line]:
        rng = self.usage.company.rng("spot", machine.id, self.month)
        price = ec2(machine.group.type, column="spot_avg_usd_hr")
        rate = (price * Decimal(str(round(rng.uniform(0.9, 1.12), 3)))).quantize(Decimal("0.000001"))
        units = machine.on.astype(np.int64) * QUANTITY
        what = f"{machine.group.type} Linux/UNIX Spot Instance-hour in Asia Pacific (Mumbai)"
        line = self._line(
            "Usage", machine, units, money(rate), what, more_texts={"line_item_unblended_rate": f"{rate:f}"}
        )
        if line:
            yield line

    def _instance(self, machine: Machine) -> Iterator[Line]:
        group = machine.group
        rate = money(hourly("ec2", group.type))
        wanted = machine.on.astype(np.int64) * QUANTITY
        amortised = np.zeros(len(self.hours), np.int64)
        for plan in PLANS:
            if not plan.covers(group.type) or not self.left[plan.id].any():
                continue
            units, used = cover(plan, rate, wanted, self.left[plan.id])
            self.left[plan.id] = self.left[plan.id] - used
            wanted = wanted - units
            amortised += used
            line = self._line(
                "SavingsPlanCoveredUsage", machine, units, rate, f"{group.type} covered by {plan.kind}",
                more_texts=_terms(plan), money_by_hour={"savings_plan_savings_plan_effective_cost": used},
            )  # fmt: skip
            if line:
                yield line
                by_day = [values.reshape(-1, 24).sum(axis=1) for values in (units, units * rate // QUANTITY)]
                key = plan.id, group.account, group.type
                before = self._covered.get(key, [np.zeros_like(values) for values in by_day])
                self._covered[key] = [old + new for old, new in zip(before, by_day, strict=True)]
                self.on_demand[plan.id] += int(by_day[1].sum())
        self._uncovered[group.type] += int((wanted * rate // QUANTITY).sum())
        what = f"${hourly('ec2', group.type)} per On Demand Linux {group.type} Instance Hour"
        line = self._line("Usage", machine, wanted, rate, what)
        if line:
            yield line
        if group.name == "eks-node":
            amortised += wanted * rate // QUANTITY
            self.nodes[machine.id] = amortised.reshape(-1, 24).sum(axis=1)

    def _reserved(self, machine: Machine) -> Iterator[Line]:
        group = machine.group
        rate = money(hourly(group.kind, group.type))
        wanted = machine.on.astype(np.int64) * QUANTITY
        # the own type first, so that a size in use keeps its reservation; then what is left over for other sizes
        for r in sorted(RESERVATIONS, key=lambda r: r.type != group.type):
            if r.kind != group.kind or not r.covers(group.type):
                continue
            mine, theirs = size_units(group.type), size_units(r.type)
            units = np.minimum(wanted, self.reserved[r.id] * theirs // mine)
            reserved = units * mine // theirs
            self.reserved[r.id] = self.reserved[r.id] - reserved
            wanted = wanted - units
            self.on_demand[r.id] += int((units * rate // QUANTITY).sum())
            line = self._line(
                "DiscountedUsage", machine, units, rate, f"{group.type} reserved instance applied",
                more_texts={"reservation_reservation_a_r_n": r.arn, "reservation_subscription_id": r.id},
                money_by_hour={
                    "reservation_effective_cost": reserved * r.hour // QUANTITY,
                    "reservation_amortized_upfront_cost_for_usage": reserved * r.upfront_hour // QUANTITY,
                    "reservation_recurring_fee_for_usage": reserved * (r.hour - r.upfront_hour) // QUANTITY,
                },
            )  # fmt: skip
            if line:
                yield line
        line = self._line("Usage", machine, wanted, rate, f"${hourly(group.kind, group.type)} per {group.type} hour")
        if line:
            yield line

    def _plan_fees(self, plan: Plan) -> Iterator[Line]:
        committed = commitment(plan, self.usage.company, self.hours).reshape(-1, 24).sum(axis=1)
        some = committed > 0
        if not some.any():
            return
        used = committed - self.left[plan.id].reshape(-1, 24).sum(axis=1)
        kind = "All" if plan.upfront else "No"
        usage_type = f"{'EC2SP:m6i' if plan.family else 'ComputeSP'}:1yr{kind}Upfront"
        if (
            plan.upfront
            and self.month <= plan.start < next_month(self.month)
            and np.datetime64(plan.start) in self.days
        ):
            whole = money(plan.hourly * self.usage.company.scale) * 24 * (plan.end - plan.start).days
            yield _fee("SavingsPlanUpfrontFee", PAYER, plan, usage_type, np.array([np.datetime64(plan.start, "h")]),
                       np.array([whole]), "1 year All Upfront Compute Savings Plan")  # fmt: skip
        cost = committed[some] * (0 if plan.upfront else 1)
        yield _fee(
            "SavingsPlanRecurringFee", PAYER, plan, usage_type, self.days[some], cost,
            f"1 year {kind} Upfront {plan.kind}",
            money={
                "savings_plan_total_commitment_to_date": committed[some],
                "savings_plan_used_commitment": used[some],
            },
        )  # fmt: skip

    def _reservation_fees(self, r: Reservation) -> Iterator[Line]:
        """The fee of the month, dated on its first day, and in the first month what is paid at once."""
        count = r.count * self.usage.company.scale
        start, end = max(self.month, r.start), min(next_month(self.month), r.end)
        if start >= end:
            return
        # in an open month the hours to come count as unused, as in AWS's own figure
        total = (end - start).days * 24 * count
        hours = int(in_force(r.start, r.end, self.hours).sum()) * count
        unused = (total - hours) * QUANTITY + int(self.reserved[r.id].sum())
        texts = {
            "reservation_reservation_a_r_n": r.arn, "reservation_subscription_id": r.id,
            "reservation_number_of_reservations": str(count),
        }  # fmt: skip
        product, usage_type = _PRODUCTS[r.kind], f"APS3-HeavyUsage:{r.type}"
        recurring = r.hour - r.upfront_hour
        at = np.array([np.datetime64(start, "h")])
        if r.upfront_hour and self.month <= r.start and np.datetime64(r.start) in self.days:
            whole = r.upfront_hour * 24 * (r.end - r.start).days * count
            yield Line("Fee", PROD, product, usage_type, _OPERATIONS[r.kind], r.arn,
                       f"Sign up charge for subscription: {r.id}", at, 24, np.array([count * QUANTITY]),
                       np.array([whole]), texts={**texts, "bill_bill_type": "Purchase"})  # fmt: skip
        yield Line(
            "RIFee", PROD, product, usage_type, _OPERATIONS[r.kind], r.arn, f"hourly fee per {r.type} reserved", at,
            (end - start).days * 24, np.array([total * QUANTITY]), np.array([total * recurring]), texts=texts,
            money={
                "reservation_amortized_upfront_fee_for_billing_period": np.array([total * r.upfront_hour]),
                "reservation_unused_amortized_upfront_fee_for_billing_period": np.array(
                    [unused * r.upfront_hour // QUANTITY]
                ),
                "reservation_unused_recurring_fee": np.array([unused * recurring // QUANTITY]),
            },
        )  # fmt: skip


def _terms(plan: Plan) -> dict[str, str]:
    return {
        "savings_plan_savings_plan_a_r_n": plan.arn, "savings_plan_offering_type": plan.kind,
        "savings_plan_payment_option": "All Upfront" if plan.upfront else "No Upfront",
        "savings_plan_purchase_term": "1yr",
    }  # fmt: skip


def _fee(
    kind: str, account: str, plan: Plan, usage_type: str, start: np.ndarray, cost: np.ndarray, what: str,
    money: dict[str, np.ndarray] | None = None,
) -> Line:  # fmt: skip
    return Line(
        kind, account, "ComputeSavingsPlans", usage_type, "", "", what, start, 24,
        np.full(len(cost), 24 * QUANTITY), cost, texts=_terms(plan), money=money or {},
    )  # fmt: skip


def _tags(machine: Machine) -> tuple[tuple[str, str], ...]:
    group: Group = machine.group
    name = f"{group.name}-{machine.number + 1}"
    return tags_of(group.account, group.service, group.tags, group.product, name)


def in_dollars(value: int) -> Decimal:
    """1e-10 USD as dollars."""
    return Decimal(value) / MONEY
