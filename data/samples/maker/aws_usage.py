"""What the Indian payer's accounts used: metered lines, instances with and without the Savings Plan, spot, pods."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from maker.aws_rows import AWS_INC, Row, Rows, Span, number, tags, whole_day
from maker.files import ZERO, code, hexadecimal, places
from maker.fleet import (
    GROUPS,
    LINES,
    MARKETPLACE,
    PAYER,
    PLAN,
    PODS,
    PROD,
    SPOT,
    SPOT_LIST_RATE,
    Group,
    Line,
)
from maker.season import hour_shares, load_on, midnight, noise

#: Some resources are metered by the hour in the last month.
HOURLY_FROM = date(2026, 8, 1)
_FAMILIES = {"m": "General purpose", "c": "Compute optimized", "r": "Memory optimized", "t": "General purpose"}
_PLAN_TERMS = {
    "savingsPlan/SavingsPlanARN": PLAN.arn,
    "savingsPlan/OfferingType": "ComputeSavingsPlans",
    "savingsPlan/PaymentOption": "No Upfront",
    "savingsPlan/PurchaseTerm": "1yr",
}


def add_usage(rows: Rows) -> None:
    """All usage of the month, resource by resource."""
    for line in (*LINES, MARKETPLACE):
        for day in rows.days():
            _metered(rows, line, day)
    covered = _Coverage(rows)
    covered.add()
    for group in GROUPS:
        if not group.is_covered:
            for day in rows.days():
                _uncovered(rows, group, day)
    for day in rows.days():
        _spot(rows, day)
    covered.add_fees()
    if rows.has_split:
        _pods(rows, covered.node_costs)


def _metered(rows: Rows, line: Line, day: date) -> None:
    quantity = line.quantity(day)
    if not quantity:
        return
    pieces: list[tuple[Span, Decimal]] = [(whole_day(day), quantity)]
    if line.is_hourly and day >= HOURLY_FROM:
        pieces = [((at, at + timedelta(hours=1)), places(quantity * share, 6)) for at, share in hour_shares(day)]
    for span, amount in pieces:
        row = rows.add(
            "Usage",
            line.account,
            line.product,
            span,
            places(amount * Decimal(line.rate), 10),
            line.what,
            usage_type=line.usage_type,
            operation=line.operation,
            resource=line.resource,
            amount=amount,
        )
        if line is MARKETPLACE:
            row |= {
                "bill/InvoiceId": rows.invoices["marketplace"],
                "bill/BillingEntity": "AWS Marketplace",
                "bill/InvoicingEntity": AWS_INC,
                "lineItem/LegalEntity": "MongoDB, Inc.",
            }
        row |= {
            "lineItem/UnblendedRate": line.rate,
            "lineItem/BlendedRate": line.rate,
            "product/productFamily": line.family,
            "product/region": line.region,
        }
        rows.price(row, line.rate, line.unit)
        rows.discount(row, day)
        row |= tags(line.account, line.service, line.resource, line.tags)


def _instance(
    rows: Rows,
    kind: str,
    group: Group,
    index: int,
    day: date,
    hours: Decimal,
    *,
    span: Span | None = None,
    rate: str = "",
) -> Row:
    """A line of one instance; a `rate` of its own makes it a spot instance."""
    usage = "SpotUsage" if rate else "BoxUsage"
    what = f"${group.rate} per On Demand Linux {group.instance_type} Instance Hour"
    if rate:
        what = f"{group.instance_type} Linux/UNIX Spot Instance-hour in Asia Pacific (Mumbai)"
    row = rows.add(
        kind,
        group.account,
        "AmazonEC2",
        span or whole_day(day),
        places(hours * Decimal(rate or group.rate), 10),
        what,
        usage_type=f"APS3-{usage}:{group.instance_type}",
        operation="RunInstances:SV001" if rate else "RunInstances",
        resource=instance_id(group, index, day),
        amount=hours,
    )
    row |= {
        "lineItem/UnblendedRate": rate or group.rate,
        "lineItem/BlendedRate": rate or group.rate,
        "lineItem/AvailabilityZone": f"ap-south-1{'abc'[index % 3]}",
        "product/instanceType": group.instance_type,
        "product/instanceFamily": _FAMILIES.get(group.instance_type[0], "GPU instance"),
        "product/operatingSystem": "Linux",
        "product/tenancy": "Shared",
        "product/preInstalledSw": "NA",
        "product/productFamily": "Compute Instance",
        "product/region": "ap-south-1",
        "product/location": "Asia Pacific (Mumbai)",
    }
    rows.price(row, SPOT_LIST_RATE if rate else group.rate, "Hrs", term="Spot" if rate else "OnDemand")
    name = f"{group.name}-{index + 1}"
    row |= tags(group.account, group.service, name, group.tags, name=name)
    return row


def instance_id(group: Group, index: int, day: date) -> str:
    """The first machines of a group live on; those that the season adds are new every month."""
    keeps = index < max(int(group.base * 0.5), 1) or not group.bend
    return "i-" + hexadecimal(group.account, group.name, index, "" if keeps else f"{day:%Y-%m}")


def _uncovered(rows: Rows, group: Group, day: date) -> None:
    for index, hours in enumerate(group.running(day)):
        if group.is_hourly and day >= HOURLY_FROM:
            # Office hours begin at 09:30 in India, which is 04:00 UTC.
            opened = midnight(day) + timedelta(hours=0 if hours == 24 else 4)
            for n in range(int(hours)):
                span = opened + timedelta(hours=n), opened + timedelta(hours=n + 1)
                rows.discount(_instance(rows, "Usage", group, index, day, Decimal(1), span=span), day)
        else:
            rows.discount(_instance(rows, "Usage", group, index, day, hours), day)


def _spot(rows: Rows, day: date) -> None:
    for index in range(2):
        busy = SPOT.base / 2 * load_on(day, SPOT.service) ** SPOT.bend * 11 * noise(f"spot-{index}", day, 0.5)
        rate = places(Decimal(SPOT.rate) * Decimal(noise("spot-price", day, 0.08)), 6)
        _instance(rows, "Usage", SPOT, index, day, places(Decimal(min(busy, 24.0)), 6), rate=f"{rate:f}")


class _Coverage:
    """Production instances: the Savings Plan covers them in their order until the day's commitment is used up."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.used: dict[date, Decimal] = {}
        #: Hours and on-demand cost to cancel, by day, account and instance type.
        self.covered: dict[tuple[date, str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        #: Amortised and on-demand cost of each Kubernetes node.
        self.node_costs: dict[tuple[date, int], tuple[Decimal, Decimal]] = {}

    def add(self) -> None:
        """Covered lines, what was left on demand, and the negation lines."""
        by_instance: dict[str, list[Row]] = defaultdict(list)
        for day in self.rows.days():
            left = PLAN.hourly * 24 if PLAN.first <= day < PLAN.end else ZERO
            for group in (group for group in GROUPS if group.is_covered):
                for index, hours in enumerate(group.running(day)):
                    mark = len(self.rows.all)
                    left -= self._cover(group, index, day, hours, left)
                    by_instance[f"{group.name}-{index}"] += self.rows.all[mark:]
                    del self.rows.all[mark:]
            self.used[day] = PLAN.hourly * 24 - left
        for lines in by_instance.values():
            self.rows.all += lines
        for (day, account, instance_type), (hours, cost) in self.covered.items():
            usage_type = f"APS3-BoxUsage:{instance_type}"
            sku = code("sku", "AmazonEC2", usage_type, "RunInstances")
            row = self.rows.add(
                "SavingsPlanNegation",
                account,
                "AmazonEC2",
                whole_day(day),
                -cost,
                f"SavingsPlanNegation used by AccountId : {account} and UsageSku : {sku}",
                usage_type=usage_type,
                operation="RunInstances",
                amount=hours,
            )
            row |= {"savingsPlan/SavingsPlanARN": PLAN.arn, "product/region": "ap-south-1"}

    def _cover(self, group: Group, index: int, day: date, hours: Decimal, left: Decimal) -> Decimal:
        """Lines of one instance on a day; returns how much of the commitment it used."""
        plan_rate = places(Decimal(group.rate) * PLAN.share, 5)
        covered = min(hours, places(left / plan_rate, 6)) if left > 0 else ZERO
        if covered * plan_rate > left:  # rounding up must not use more than there is
            covered -= Decimal("0.000001")
        effective = places(covered * plan_rate, 10)
        on_demand = ZERO
        if covered:
            row = _instance(self.rows, "SavingsPlanCoveredUsage", group, index, day, covered)
            row |= {
                **_PLAN_TERMS,
                "savingsPlan/SavingsPlanRate": f"{plan_rate:f}",
                "savingsPlan/SavingsPlanEffectiveCost": number(effective),
                "savingsPlan/NetSavingsPlanEffectiveCost": number(effective),
            }
            used = self.covered[day, group.account, group.instance_type]
            used[0] += covered
            used[1] += Decimal(row["lineItem/UnblendedCost"])
        if hours > covered:
            row = _instance(self.rows, "Usage", group, index, day, hours - covered)
            self.rows.discount(row, day)
            on_demand = Decimal(row["lineItem/UnblendedCost"])
        if group is GROUPS[0]:
            self.node_costs[day, index] = effective + on_demand, places(hours * Decimal(group.rate), 10)
        return effective

    def add_fees(self) -> None:
        """One recurring fee a day: what was committed, and how much of it was used."""
        month_hours = (self.rows.whole_month[1] - self.rows.whole_month[0]) // timedelta(hours=1)
        for day in self.rows.days():
            if not PLAN.first <= day < PLAN.end:
                continue
            row = self.rows.add(
                "SavingsPlanRecurringFee",
                PAYER,
                "ComputeSavingsPlans",
                whole_day(day),
                PLAN.hourly * 24,
                "1 year No Upfront Compute Savings Plan",
                usage_type="ComputeSP:1yrNoUpfront",
                amount=Decimal(24),
            )
            row |= {
                **_PLAN_TERMS,
                "savingsPlan/TotalCommitmentToDate": number(PLAN.hourly * 24),
                "savingsPlan/UsedCommitment": number(self.used[day]),
                "savingsPlan/RecurringCommitmentForBillingPeriod": number(PLAN.hourly * month_hours),
                "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": number(ZERO),
                "savingsPlan/StartTime": f"{PLAN.first}T00:00:00.000Z",
                "savingsPlan/EndTime": f"{PLAN.end}T00:00:00.000Z",
            }


def _pods(rows: Rows, node_costs: dict[tuple[date, int], tuple[Decimal, Decimal]]) -> None:
    """Split cost allocation: a CPU and a memory line per pod; together they share out the node's amortised cost."""
    for node, pods in enumerate(PODS):
        for number_of_pod, (namespace, deployment, service, share) in enumerate(pods):
            names = f"{namespace}/{deployment}-{hexadecimal(deployment, length=10)}"
            pod = f"arn:aws:eks:ap-south-1:{PROD}:pod/pragati-prod/{names}/{hexadecimal('pod', deployment, length=12)}"
            for day in rows.days():
                for unit, capacity, is_rest in (("vCPU", 16, False), ("GB", 64, True)):
                    (split, unused), (list_split, list_unused) = (
                        _share(_weighted(cost, is_rest=is_rest), number_of_pod, [Decimal(p[3]) for p in pods])
                        for cost in node_costs[day, node]
                    )
                    usage = places(Decimal(share) * capacity * 24, 6)
                    row = rows.add(
                        "Usage",
                        PROD,
                        "AmazonEKS",
                        whole_day(day),
                        ZERO,
                        f"AmazonEKS EC2 {unit} of a pod",
                        usage_type=f"APS3-EKS-EC2-{unit}-Hours",
                        operation="EKSPod-EC2",
                        resource=pod,
                    )
                    row |= {
                        "splitLineItem/ParentResourceId": instance_id(GROUPS[0], node, day),
                        "splitLineItem/ReservedUsage": number(usage),
                        "splitLineItem/ActualUsage": number(places(usage * Decimal("0.62"), 6)),
                        "splitLineItem/SplitUsage": number(usage),
                        "splitLineItem/SplitUsageRatio": share,
                        "splitLineItem/SplitCost": number(split),
                        "splitLineItem/UnusedCost": number(unused),
                        "splitLineItem/PublicOnDemandSplitCost": number(list_split),
                        "splitLineItem/PublicOnDemandUnusedCost": number(list_unused),
                        "product/region": "ap-south-1",
                        **tags(PROD, service, deployment, name=deployment),
                    }


def _weighted(cost: Decimal, *, is_rest: bool) -> Decimal:
    """Nine tenths of a node's cost are its CPU, the rest its memory, to the last digit."""
    cpu = places(cost * Decimal("0.9"), 10)
    return cost - cpu if is_rest else cpu


def _share(part: Decimal, which: int, shares: list[Decimal]) -> tuple[Decimal, Decimal]:
    """A pod's own share of a node's cost and its share of what nobody asked for; the last pod takes the rest."""
    own = [places(part * share, 10) for share in shares]
    idle = part - sum(own, ZERO)
    unused = [places(idle * share / sum(shares, ZERO), 10) for share in shares]
    unused[-1] = idle - sum(unused[:-1], ZERO)
    return own[which], unused[which]
