"""Volumes that cost less in another form: gp2 as gp3 of the same speed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Nothing, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import evidence, is_running, target
from recommender.fleet import Fleet, Line, Workload
from recommender.prices import MissingPrice, Offer

TITLE = "Volumes that cost less in another form"
OPERATOR = Operator.MODERNISE
#: gp3 has that many IOPS and MiB/s without extra cost; more costs these shares of the GB price (AWS, CUDOS formula).
_FREE_IOPS: Final = 3000
_FREE_MIBPS: Final = 125
_IOPS_SHARE, _MIBPS_SHARE = 0.06, 0.5


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each gp2 volume."""
    for workload in fleet.of("disk"):
        for line in workload.lines:
            if line.sku == "gp2" and is_running(workload):
                yield _volume(fleet, workload, line)


def gp3_cost(gb: float, gp3_price: float) -> tuple[float, int, int]:
    """Price of a GB-month of a gp3 volume as fast as a gp2 one of `gb`, and its IOPS and MiB/s.

    A gp2 volume has 3 IOPS a GB, at least 100 and at most 16,000, and up to 250 MiB/s from 334 GB on (128 if small);
    gp3 has 3,000 and 125 in its price, more costs 0.06 and 0.5 of a GB price (AWS CUDOS, gp2 to gp3).
    """
    iops = int(np.clip(3 * gb, _FREE_IOPS, 16000))
    mibps = 250 if gb >= 334 else _FREE_MIBPS
    extra = _IOPS_SHARE * gp3_price * (iops - _FREE_IOPS) + _MIBPS_SHARE * gp3_price * (mibps - _FREE_MIBPS)
    return gp3_price + extra / max(gb, 1e-9), iops, mibps


def _volume(fleet: Fleet, workload: Workload, line: Line) -> Action:
    gb = float(line.hourly[-30 * 24 :].mean() * 730)
    try:
        listed = fleet.catalogue.price(Offer("aws", workload.region, "gp3"))
        ratio = float(listed.usd / fleet.catalogue.price(Offer("aws", workload.region, "gp2")).usd)
    except MissingPrice as error:
        return Action(
            "storage",
            OPERATOR,
            workload.id,
            f"{workload.name}: gp2 to gp3",
            Nothing(),
            evidence(fleet, {"Size": f"{gb:,.0f} GB"}),
            reason=str(error),
            confidence="low",
        )
    # the ratio of the list prices on what the bill charges for gp2
    price, iops, mibps = gp3_cost(gb, line.price * ratio)
    figures = {
        "Size": f"{gb:,.0f} GB",
        "gp2": f"${line.price:.4f} a GB and month",
        "gp3": f"${price:.4f}, with the same speed",
        "Speed": f"{iops:,} IOPS, {mibps} MiB/s",
    }
    if price >= line.price:
        return Action(
            "storage",
            OPERATOR,
            workload.id,
            f"{workload.name}: gp2 to gp3",
            Nothing(),
            evidence(fleet, figures),
            reason="as fast as it is, gp3 would cost more",
            confidence="high",
        )
    return Action(
        "storage",
        OPERATOR,
        workload.id,
        f"{workload.name}: gp2 to gp3, {gb:,.0f} GB",
        Swap({"gp2": Replacement("gp3", price)}),
        evidence(fleet, figures),
        Recipe(
            "change_volume",
            target(workload),
            {"type": "gp3", "from": "gp2", "iops": iops, "throughput_mibps": mibps, "size_gib": round(gb, 1)},
        ),
        "high",
        "the same speed; the volume stays attached",
        "minutes",
        False,
        "change the type back to gp2 after 6 hours",
        "slower for some hours while it changes",
        price_source=listed.source,
        price_on=listed.as_of,
    )
