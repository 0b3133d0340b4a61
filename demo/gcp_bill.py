"""From usage to rows of the bill: windows, prices, credits, commitments' fees.

Both ways in which Google writes a spend-based commitment are in "Spend-based CUD data model" (Google Cloud
documentation): until 2025 a credit on usage at list price and a fee; from 2026 covered usage in rows of its own at
the lower price, and a fee that a FEE_UTILIZATION_OFFSET takes back as far as it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np

from demo.company import DAY, LAST
from demo.gcp_commitments import (
    FLEX_SHARE,
    FLEX_SKUS,
    FLEXIBLE,
    RESOURCE,
    Commitment,
    Cover,
    covers,
    hourly_price,
)
from demo.gcp_fleet import PROJECTS
from demo.gcp_line import MICRO, NEW_MODEL, Clock, Credit, Line, Windows, micro, pacific_midnight
from demo.gcp_skus import one_year_share, skus
from demo.gcp_usage import Usage
from demo.truth import Truth

#: Startup credits paid a part of two projects until they ran out.
PROMOTION_END = date(2025, 3, 1)
PROMOTED, PROMOTION_SHARE = ("pragati-analytics", "pragati-doubts"), 0.35
_PROMOTION = Credit("Google for Startups Cloud Program", "startup-2023-a", "PROMOTION")
_FREE = Credit("Free Tier", "free-tier", "FREE_TIER")
_SUSTAINED = Credit("Sustained Usage Discount", "sustained-usage-discount", "SUSTAINED_USAGE_DISCOUNT")
DEFAULT_MODEL, FLEX_MODEL = "Default", "Compute Flexible CUDs 1 Year"
_PAYER = "pragati-content"
#: System label of a fee: the SKU that used it.
_ORIGIN = "compute.googleapis.com/goog_originating_sku_id"


class Bill:
    """Rows of usage and fees of the whole history, and what the commitments did."""

    def __init__(self, clock: Clock, usages: list[Usage], truth: Truth) -> None:
        self.clock = clock
        self.lines: list[Line] = []
        #: By commitment: SKU -> list cost and own cost of what it covered in each Pacific day, millionths of a rupee.
        self._used: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
        for number, (usage, cover) in enumerate(zip(usages, covers(clock, usages), strict=True)):
            self._usage(number, usage, cover)
        for commitment in (*RESOURCE, *FLEXIBLE):
            if pacific_midnight(commitment.start) < clock.midnights[-1] and commitment.end > clock.company.first:
                self._fees(commitment, truth)

    def price(self, sku: str, windows: Windows) -> np.ndarray:
        """INR per unit in each window."""
        return skus()[sku].usd * windows.rate

    def _usage(self, number: int, usage: Usage, cover: Cover | None) -> None:
        clock = self.clock
        windows = clock.fine if usage.is_fine else clock.daily
        exported = clock.exported(windows, number)
        price = self.price(usage.sku, windows)
        line = Line(
            skus()[usage.sku], usage.project, windows.start, windows.end, exported,
            clock.invoice_month(windows.month, exported), micro(windows.total(usage.hourly)),
            np.zeros(len(price), np.int64), windows.rate, labels=usage.labels, resource=usage.resource,
            tags=usage.tags, system_labels=usage.system_labels,
        )  # fmt: skip
        if cover is None:
            self._file(self._with_credits(line, price, usage), line.amount > 0)
            return
        is_new = windows.start >= pacific_midnight(NEW_MODEL)
        flexible, resource = (micro(windows.total(hourly)) for hourly in (cover.flexible, cover.resource))
        open_part = usage.hourly - cover.resource - cover.flexible
        off = micro(windows.total(open_part * cover.sustained) * price)
        for is_after in (False, True):
            which = is_new if is_after else ~is_new
            part = replace(line, amount=line.amount - flexible, model=DEFAULT_MODEL) if is_after else line
            credits: list[tuple[Credit, np.ndarray]] = []
            for commitment in RESOURCE:
                during = self._during(windows, commitment)
                list_cost = np.where(during, np.rint(resource * price), 0).astype(np.int64)
                if list_cost.any():
                    kind = "CPU" if usage.sku.endswith("core") else "RAM"
                    name = f"Committed Usage Discount: {kind}"
                    credits.append((Credit(name, commitment.id, "COMMITTED_USAGE_DISCOUNT"), -list_cost))
                    self._count(commitment, usage.sku, windows, list_cost, list_cost, which)
            for commitment in FLEXIBLE:
                during = self._during(windows, commitment)
                list_cost = np.where(during, np.rint(flexible * price), 0).astype(np.int64)
                if not list_cost.any():
                    continue
                if is_after:
                    own = np.where(during, np.rint(flexible * price * FLEX_SHARE), 0).astype(np.int64)
                    covered = replace(line, amount=flexible, cost=own, model=FLEX_MODEL, discount=FLEX_SHARE,
                                      subscription=commitment.id)  # fmt: skip
                    self._file(covered, which & (own > 0))
                else:
                    own = np.rint(list_cost * FLEX_SHARE).astype(np.int64)
                    name = "Committed Usage Discount - dollar based"
                    credits.append((Credit(name, commitment.id, "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"), -list_cost))
                self._count(commitment, usage.sku, windows, list_cost, own, which)
            credits.append((_SUSTAINED, -off))
            self._file(self._with_credits(part, price, usage, credits), which & (part.amount > 0))

    def _with_credits(
        self, line: Line, price: np.ndarray, usage: Usage, credits: Iterable[tuple[Credit, np.ndarray]] = ()
    ) -> Line:
        """The line with its cost at list price and all credits; together they never take more than the cost."""
        cost = np.rint(line.amount * price).astype(np.int64)
        given = list(credits)
        if usage.free:
            days = (line.end - line.start) / np.timedelta64(86400, "s")
            free = cost if usage.free < 0 else np.minimum(cost, np.rint(usage.free * days * price * MICRO))
            given.append((_FREE, -free.astype(np.int64)))
        if usage.project in PROMOTED:
            rest = cost + sum(amount for _, amount in given)
            paid = np.rint(rest * PROMOTION_SHARE) * (line.start < pacific_midnight(PROMOTION_END))
            given.append((_PROMOTION, -paid.astype(np.int64)))
        kept, rest = [], cost
        for credit, amount in given:
            amount = np.maximum(amount, -rest)
            rest = rest + amount
            kept.append((credit, amount))
        return replace(line, cost=cost, credits=tuple(pair for pair in kept if pair[1].any()))

    def _file(self, line: Line, which: np.ndarray) -> None:
        """Keep the rows that there are; those of a project's first day have no project."""
        line = line.pick(which)
        since = PROJECTS[line.project].since if line.project else LAST
        is_first = line.start < pacific_midnight(since + DAY)
        if line.project and is_first.any() and since >= self.clock.company.first:
            self.lines += [replace(line.pick(is_first), project="", labels=(), tags=()), line.pick(~is_first)]
        elif len(line):
            self.lines.append(line)

    def _during(self, windows: Windows, commitment: Commitment) -> np.ndarray:
        start, end = pacific_midnight(commitment.start), pacific_midnight(commitment.end)
        return (windows.start >= start) & (windows.start < end)

    def _count(
        self, commitment: Commitment, sku: str, windows: Windows, list_cost: np.ndarray, own: np.ndarray,
        which: np.ndarray,
    ) -> None:  # fmt: skip
        days = len(self.clock.midnights)
        used = self._used.setdefault(commitment.id, {})
        before = used.get(sku, (np.zeros(days, np.int64), np.zeros(days, np.int64)))
        sums = []
        for total, amounts in zip(before, (list_cost, own), strict=True):
            total = total.copy()
            np.add.at(total, windows.day[which], amounts[which])
            sums.append(total)
        used[sku] = (sums[0], sums[1])

    def _fees(self, commitment: Commitment, truth: Truth) -> None:
        """What a commitment costs each day, whether it is used or not."""
        clock, windows = self.clock, self.clock.daily
        during = self._during(windows, commitment)
        hours = np.where(during, (windows.end - windows.start) / np.timedelta64(3600, "s"), 0.0) * clock.company.scale
        used = {sku: tuple(total[: len(hours)] for total in totals)
                for sku, totals in self._used.get(commitment.id, {}).items()}  # fmt: skip
        if commitment.is_flexible:
            fee = micro(hours * hourly_price(commitment) * windows.rate)
            left = fee.copy()
            for sku in FLEX_SKUS:
                if sku in used:
                    part = np.minimum(used[sku][1], left)
                    left = left - part
                    self._flexible_fee(commitment, part, sku)
            self._flexible_fee(commitment, left, "")
            costs = own = fee
            own = np.sum([totals[1] for totals in used.values()], axis=0)
        else:
            costs, own = np.zeros(len(hours), np.int64), np.zeros(len(hours))
            for sku, units in commitment.hourly.items():
                price = hourly_price(commitment, sku) / units
                fee = micro(hours * hourly_price(commitment, sku) * windows.rate)
                name = replace(skus()[f"cud.{sku.partition('.')[2]}"], usd=price)
                line = self._daily(name, micro(hours * units), fee, f"fee|{commitment.id}|{sku}")
                self._file(line, fee > 0)
                costs = costs + fee
                own = own + used[sku][0] * one_year_share("n2") if sku in used else own
        on_demand = np.sum([totals[0] for totals in used.values()], axis=0)
        self._remember(commitment, costs, own, on_demand, hours.sum(), truth)

    def _flexible_fee(self, commitment: Commitment, fee: np.ndarray, sku: str) -> None:
        """A fee row: before 2026 in units of a cent of list price, then in dollars with what was used taken back."""
        origin = ((_ORIGIN, sku_id(skus()[sku].name)),) if sku else ()
        rate = self.clock.daily.rate
        for is_after in (False, True):
            which = (self.clock.daily.start >= pacific_midnight(NEW_MODEL)) == is_after
            usd = 1.0 if is_after else 0.01 * FLEX_SHARE
            amount = np.rint(fee / (rate * usd)).astype(np.int64)
            line = self._daily(replace(skus()["flex"], usd=usd), amount, fee, f"fee|{commitment.id}|{sku}")
            line = replace(line, system_labels=origin, subscription=commitment.id)
            if is_after:
                offset = Credit("Fee utilization offset", commitment.id, "FEE_UTILIZATION_OFFSET")
                line = replace(line, model=DEFAULT_MODEL, credits=((offset, -fee),) if sku else ())
            self._file(line, which & (fee > 0))

    def _daily(self, sku, amount: np.ndarray, cost: np.ndarray, name: str) -> Line:  # type: ignore[no-untyped-def]
        windows = self.clock.daily
        exported = self.clock.exported(windows, name)
        month = self.clock.invoice_month(windows.month, exported)
        return Line(sku, _PAYER, windows.start, windows.end, exported, month, amount, cost, windows.rate)

    def _remember(
        self, commitment: Commitment, cost: np.ndarray, own: np.ndarray, listed: np.ndarray, hours: float, truth: Truth
    ) -> None:
        spent, used, on_demand = (Decimal(int(np.sum(values))) / MICRO for values in (cost, own, listed))
        if not spent:
            return
        percent = 100 * used / spent
        truth.commitments.append({
            "id": commitment.id, "provider": "Google Cloud",
            "kind": "flexible CUD 1 year" if commitment.is_flexible else "resource CUD N2 1 year",
            "start_on": commitment.start, "end_on": commitment.end - DAY,
            "hourly": round(spent * self.clock.company.scale / Decimal(float(hours)), 4), "currency": "INR",
            "cost": round(spent, 2), "used": round(used, 2), "on_demand_equivalent": round(on_demand, 2),
            "saved": round(on_demand - spent, 2), "utilization_pct": round(percent, 1),
            "verdict": "well" if percent >= 97 else "under",
        })  # fmt: skip


def sku_id(name: str) -> str:
    """Three groups of four: Google's own ids are not known for all, so these hang on the description."""
    import hashlib

    text = hashlib.sha256(name.encode()).hexdigest()[:12].upper()
    return f"{text[:4]}-{text[4:8]}-{text[8:]}"
