"""The bills of both AWS payers: usage, containers, discounts, credits, refunds, support and GST."""

# ruff: noqa: E501 - the table of meters reads best with one row a line

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from core import next_month
from demo.aws_commitments import PLANS, RESERVATIONS, Plan, Reservation, commitment, in_force
from demo.aws_fleet import ACCOUNTS, GROUPS, METERS, PAYER, PROD, SPOTABLE, Group, Meter
from demo.aws_inventory import inventory
from demo.aws_line import MONEY, QUANTITY, Bill, Line
from demo.aws_machines import Machines, in_dollars
from demo.aws_usage import Usage
from demo.aws_utilization import utilization
from demo.company import SERVICES, TEAMS, Company
from demo.prices import money
from demo.truth import Truth
from demo.users import Users

INDIA_SELLER = "Amazon Web Services India Private Limited"
INC_SELLER = "Amazon Web Services, Inc."
#: GST on cloud services in India.
GST = 18
EDP_FROM, EDP_PCT = date(2025, 1, 1), 6
_EDP_PRODUCTS = {"AmazonEC2", "AmazonCloudFront", "AmazonS3", "AmazonRDS"}
CREDIT_LAST, CREDIT_A_DAY = date(2025, 3, 31), 90
#: The leak of January 2026 is refunded in April.
REFUND_IN, REFUND = date(2026, 4, 1), Decimal("-960.40")
SPLIT_MONTHS = 18
_NAMESPACES = (*SERVICES, "monitoring")


class AwsIndia:
    """The payer of AWS India."""

    def __init__(self, company: Company, users: Users, truth: Truth) -> None:
        self.company, self.truth = company, truth
        self.usage = Usage(company, users)
        #: Commitment and month -> cost, used, on-demand equivalent, and what it could have covered besides (1e-10 USD).
        self._held: dict[tuple[str, date], tuple[int, int, int, int]] = {}
        self._extra: dict[tuple[str, date], int] = {}

    def bill(self, month: date, through: date, *, is_final: bool) -> Bill:
        """The bill of a month as it was known at the end of a day."""
        machines = Machines(self.usage, month, through)
        self._remember(machines)
        lines = list(machines.lines)
        for line, extra in self.usage.meters(month, through):
            lines.append(line)
            self._extra[line.resource + line.usage_type, month] = int(extra.sum())
        if month in self.company.billing_months[-SPLIT_MONTHS:]:
            lines += self._pods(machines)
        if month >= EDP_FROM:
            lines = list(_discounted(lines))
        days = machines.days.astype("datetime64[D]")
        if month <= CREDIT_LAST:
            cost = np.full(len(days), -CREDIT_A_DAY * self.company.scale * MONEY)
            lines.append(_once("Credit", PROD, "AmazonEC2", "Migration Acceleration Program credits", days, cost))
        if is_final:
            if month == REFUND_IN:
                refund = _once("Refund", PROD, "AmazonEC2", "Refund for NAT gateway data processing of January 2026", days[:1],
                               np.array([money(REFUND * self.company.scale)]))  # fmt: skip
                lines.append(replace(refund, texts={"bill_bill_type": "Refund"}))
            lines.append(_support(lines, month))
        lines += _tax(lines, month)
        names = ("aws", "marketplace", "refund")
        codes = {
            name: f"{'2132' if name == 'marketplace' else 'AIN'}{self.company.code('invoice', name, month, length=10, alphabet='0123456789')}"
            for name in names
        }
        return Bill(
            PAYER, "Pragati Education", month, through, is_final, tuple(lines), ACCOUNTS,
            codes if is_final else dict.fromkeys(names, ""),
            {"aws": INDIA_SELLER, "marketplace": INC_SELLER, "refund": INDIA_SELLER},
        )  # fmt: skip

    def utilization(self) -> pa.Table:
        """How busy machines were, by the hour of the last months."""
        return utilization(self.usage)

    def inventory(self) -> list[dict[str, Any]]:
        """What ran on the last day, and what else existed."""
        return inventory(self.usage)

    def tell_truth(self) -> None:
        """Which resources are what, what was out of the ordinary, and what the commitments were worth."""
        for group in GROUPS:
            states = [(group.state, group.detail)] if group.state else []
            if group.spot:
                states.append(("spotable", "on Spot already"))
            elif group.name in SPOTABLE:
                states.append(("spotable", "holds no state and may stop at any time"))
            for state, detail in states:
                for number in range(group.least * self.company.scale):
                    self.truth.resources.append(self._resource(group, number, state, detail))
        for meter in METERS:
            if meter.state:
                self.truth.resources.append({
                    "resource_id": meter.resource, "provider": "AWS", "account": meter.account, "service": meter.service,
                    "state": meter.state, "since": self.company.first, "detail": meter.detail,
                    "owner": f"{TEAMS[meter.service]}/{meter.service}",
                })  # fmt: skip
            for spike in meter.spikes:
                extra = self._extra_of(meter, spike.start)
                if extra and not spike.why.startswith("planned"):
                    self.truth.anomalies.append({
                        "id": spike.id, "provider": "AWS", "service": meter.product, "resource_id": meter.resource,
                        "start_on": spike.start, "end_on": date.fromordinal(spike.start.toordinal() + spike.days - 1),
                        "extra": in_dollars(extra), "currency": "USD", "why": spike.why,
                    })  # fmt: skip
        self._tell_commitments()

    def _resource(self, group: Group, number: int, state: str, detail: str) -> dict[str, object]:
        return {
            "resource_id": self.usage.machine_id(group, number), "provider": "AWS", "account": group.account,
            "service": group.service, "state": state, "since": max(group.starts, self.company.first), "detail": detail,
            "right_size": group.right_size if state == "oversized" else "",
            "activity": "Mon-Fri 09:30-21:00 IST" if group.needed == "office" else group.needed, "owner": group.owner,
        }  # fmt: skip

    def _extra_of(self, meter: Meter, start: date) -> int:
        spike = next(spike for spike in meter.spikes if spike.start == start)
        months = {date.fromordinal(start.toordinal() + n).replace(day=1) for n in range(spike.days)}
        return sum(self._extra.get((meter.resource + meter.usage_type, month), 0) for month in months)

    def _remember(self, machines: Machines) -> None:
        """Cost, used and on-demand equivalent of each commitment in a month, by its latest bill."""
        hours = machines.hours
        for plan in PLANS:
            cost = int(commitment(plan, self.company, hours).sum())
            if cost:
                used = cost - int(machines.left[plan.id].sum())
                self._held[plan.id, machines.month] = cost, used, machines.on_demand[plan.id], machines.more(plan)
        for r in RESERVATIONS:
            total = int(in_force(r.start, r.end, hours).sum()) * r.count * self.company.scale
            if total:
                used = total - int(machines.reserved[r.id].sum()) // QUANTITY
                self._held[r.id, machines.month] = total * r.hour, used * r.hour, machines.on_demand[r.id], 0

    def _tell_commitments(self) -> None:
        items: list[Plan | Reservation] = [*PLANS, *RESERVATIONS]
        for item in items:
            held = [figures for (name, _), figures in self._held.items() if name == item.id]
            if not held:
                continue
            cost, used, on_demand, more = (sum(column) for column in zip(*held, strict=True))
            share = 100 * used / cost
            hour = item.hourly if isinstance(item, Plan) else in_dollars(item.hour * item.count)
            # too little was bought where a quarter more of the same would still have been used
            verdict = "under" if share < 90 else "over" if more > on_demand / 4 else "well"
            self.truth.commitments.append({
                "id": item.arn, "provider": "AWS", "kind": item.kind, "start_on": item.start, "end_on": item.end,
                "hourly": hour * self.company.scale,
                "currency": "USD", "cost": in_dollars(cost), "used": in_dollars(used),
                "on_demand_equivalent": in_dollars(on_demand), "saved": in_dollars(on_demand - cost),
                "utilization_pct": f"{share:.2f}", "verdict": verdict,
            })  # fmt: skip

    def _pods(self, machines: Machines) -> Iterator[Line]:
        """Split cost allocation (AWS: EKS): by node, day and namespace a CPU and a memory line; together the node's cost."""
        days = machines.days
        at = (days - self.company.days[0].astype("datetime64[h]")).astype(int) // 24
        loads = np.array(
            [self.usage.daily_loads.get(name, self.usage.daily_loads["platform"])[at] for name in _NAMESPACES]
        )
        weights = loads * np.array([0.9, 1.5, 0.6, 1.6, 0.5, 0.6, 0.4])[:, None]
        shares = weights / weights.sum(axis=0)
        for node, all_days in machines.nodes.items():
            on = all_days > 0
            if not on.any():
                continue
            cost, running = all_days[on], days[on]
            busy = 0.62 + 0.2 * self.company.rng("node", node, machines.month).random(len(days))[on]
            for unit, part in (("vCPU", cost * 9 // 10), ("GB", cost - cost * 9 // 10)):
                used = np.floor(part * busy).astype(np.int64)
                pieces = [np.floor(used * share[on]).astype(np.int64) for share in shares[:-1]]
                pieces.append(used - np.sum(pieces, axis=0))
                idle = [np.floor((part - used) * share[on]).astype(np.int64) for share in shares[:-1]]
                idle.append(part - used - np.sum(idle, axis=0))
                for name, split, unused in zip(_NAMESPACES, pieces, idle, strict=True):
                    pod = f"{name}/{name}-api/{self.company.code('pod', name, node, length=12)}"
                    # what activated tags tell; two namespaces have none, and the pod's own name has to do
                    tags = (("aws:eks:namespace", name), ("aws:eks:deployment", f"{name}-api"))
                    yield Line(
                        "Usage", PROD, "AmazonEKS", f"APS3-EKS-EC2-{unit}-Hours", "EKSPod-EC2",
                        f"arn:aws:eks:ap-south-1:{PROD}:pod/pragati-prod/{pod}", f"AmazonEKS EC2 {unit} of a pod", running, 24,
                        np.full(len(running), 24 * QUANTITY), np.zeros(len(running), np.int64),
                        tags=() if name in ("payment", "monitoring") else tags,
                        texts={"split_line_item_parent_resource_id": node},
                        money={"split_line_item_split_cost": split, "split_line_item_unused_cost": unused},
                    )  # fmt: skip


class AwsInc:
    """The payer of AWS Inc.: disaster recovery in Singapore, models in Virginia, students abroad."""

    PAYER, LINKED = "123456789012", "210987654321"
    _METERS = (
        # product, usage type, operation, resource, unit, rate, daily, region, service, bend
        ("AmazonS3", "APS1-TimedStorage-GIR-ByteHrs", "GlacierInstantRetrievalStorage", "pragati-dr-copies", "GB-Mo", "0.005", 2900, "ap-southeast-1", "content", 0),
        ("AmazonEC2", "APS1-BoxUsage:m6g.xlarge", "RunInstances", "i-0dr00000000000001", "Hrs", "0.192", 24, "ap-southeast-1", "user", 0),
        ("AmazonRDS", "APS1-InstanceUsage:db.r6g.large", "CreateDBInstance:0014", "arn:aws:rds:ap-southeast-1:210987654321:db:dr-replica", "Hrs", "0.27", 24, "ap-southeast-1", "payment", 0),
        ("AmazonBedrock", "USE1-Claude-input-tokens", "InvokeModelInference", "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/doubts", "1K tokens", "0.003", 14_000, "us-east-1", "assessment", 1.0),
        ("AmazonBedrock", "USE1-Claude-output-tokens", "InvokeModelInference", "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/doubts", "1K tokens", "0.015", 2_000, "us-east-1", "assessment", 1.0),
        ("AmazonCloudFront", "US-DataTransfer-Out-Bytes", "GET", "arn:aws:cloudfront::210987654321:distribution/E1ABROAD", "GB", "0.085", 110, "", "content", 0.6),
        ("AmazonRoute53", "DNS-Queries", "A", "Z0GLOBAL", "Queries", "0.0000004", 4_200_000, "", "user", 0.8),
    )  # fmt: skip

    def __init__(self, company: Company, users: Users, truth: Truth) -> None:
        self.company = company
        self.usage = Usage(company, users)

    def bill(self, month: date, through: date, *, is_final: bool) -> Bill:
        """The bill of a month as it was known at the end of a day. No tax: it is an account abroad."""
        lines = []
        for product, usage_type, operation, resource, unit, rate, daily, region, service, bend in self._METERS:
            meter = Meter(self.LINKED, service, product, usage_type, operation, resource, unit, rate, daily, bend,
                          noise=0 if unit == "Hrs" else 0.05)  # fmt: skip
            line, _ = self.usage.metered(meter, month, through)
            tags = (("team", TEAMS[service]), ("env", "prod"), ("service", service))
            # a machine runs 24 hours a day, whatever the scale: there are more of them
            count = self.company.scale if unit == "Hrs" else 1
            for name in (resource, *(f"{resource}-{number + 1}" for number in range(1, count))):
                lines.append(replace(line, resource=name, region=region, tags=tags,
                                     amount=line.amount // count, cost=line.cost // count))  # fmt: skip
        number = self.company.code("inc", month, length=10, alphabet="0123456789") if is_final else ""
        names = {self.PAYER: "Pragati Global", self.LINKED: "Pragati DR"}
        return Bill(
            self.PAYER, "Pragati Global", month, through, is_final, tuple(lines), names,
            dict.fromkeys(("aws", "marketplace", "refund"), number),
            dict.fromkeys(("aws", "marketplace", "refund"), INC_SELLER),
        )  # fmt: skip


def _once(
    kind: str, account: str, product: str, what: str, days: np.ndarray, cost: np.ndarray, hours: int = 24
) -> Line:
    start = days.astype("datetime64[h]")
    return Line(
        kind, account, product, "", "", "", what, start, hours, np.zeros(len(cost), np.int64), cost.astype(np.int64)
    )


def _discounted(lines: list[Line]) -> Iterator[Line]:
    """Under the agreement usage has a net cost; the discount is a line per day, account and product."""
    discounts: dict[tuple[str, str], dict[np.datetime64, int]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        if line.kind == "Usage" and line.product in _EDP_PRODUCTS and line.operation != "EKSPod-EC2":
            off = line.cost * EDP_PCT // 100
            for day, amount in zip(line.start.astype("datetime64[D]"), off, strict=True):
                discounts[line.account, line.product][day] += int(amount)
            yield replace(line, money={**line.money, "line_item_net_unblended_cost": line.cost - off})
        else:
            yield line
    for (account, product), days in sorted(discounts.items()):
        cost = -np.array([days[day] for day in sorted(days)], dtype=np.int64)
        line = _once(
            "EdpDiscount",
            account,
            product,
            f"Enterprise Discount Program: {EDP_PCT} percent",
            np.array(sorted(days)),
            cost,
        )
        # the usage lines' net cost has it already
        yield replace(line, money={"line_item_net_unblended_cost": np.zeros(len(cost), np.int64)})


def _spend(lines: list[Line], seller: str = "") -> int:
    return sum(int(line.cost.sum()) for line in lines if line.texts.get("bill_billing_entity", "") == seller)


def _support(lines: list[Line], month: date) -> Line:
    """Business support: 10 % of the first 10,000 USD of the month, 7 % to 80,000, 5 % above."""
    spend = in_dollars(_spend(lines))
    fee = min(spend, Decimal(10_000)) * 10 + max(min(spend, Decimal(80_000)) - 10_000, Decimal(0)) * 7
    fee = ((fee + max(spend - 80_000, Decimal(0)) * 5) / 100).quantize(Decimal("0.01"))
    line = _once("Fee", PAYER, "AWSSupportBusiness", "AWS Support (Business)", np.array([np.datetime64(month)]), np.array([money(fee)]),
                 (next_month(month) - month).days * 24)  # fmt: skip
    return replace(line, usage_type="Dollar", amount=np.array([QUANTITY]))


def _tax(lines: list[Line], month: date) -> list[Line]:
    """IGST per account, product and invoice, in cents."""
    bases: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for line in lines:
        entity, bill_type = line.texts.get("bill_billing_entity", ""), line.texts.get("bill_bill_type", "")
        bases[line.account, line.product, entity, "Refund" if bill_type == "Refund" else ""] += int(line.cost.sum())
    taxes = []
    for (account, product, entity, bill_type), base in sorted(bases.items()):
        cents = round(base * GST / 100 / (MONEY // 100))
        if not cents:
            continue
        line = _once("Tax", account, product, f"IGST {GST}% on {product}", np.array([np.datetime64(month)]),
                     np.array([cents * (MONEY // 100)]), (next_month(month) - month).days * 24)  # fmt: skip
        texts = {"line_item_tax_type": "IGST"}
        texts |= {"bill_billing_entity": entity} if entity else {}
        texts |= {"bill_bill_type": bill_type} if bill_type else {}
        taxes.append(replace(line, amount=np.array([QUANTITY]), texts=texts))
    return taxes
