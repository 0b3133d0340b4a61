"""Storage that costs less in another form: gp2 volumes as fast gp3, buckets nobody reads in a colder class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from recommender.action import Action, Nothing, Operator, Recipe, Replacement, Swap
from recommender.checks._activity import evidence, is_running, target
from recommender.fleet import Fleet, Line, Workload
from recommender.prices import MissingPrice, Offer

TITLE = "Volumes and buckets that cost less in another form"
OPERATOR = Operator.MODERNISE
#: gp3 has that many IOPS and MiB/s without extra cost; more costs these shares of the GB price (AWS, CUDOS formula).
_FREE_IOPS: Final = 3000
_FREE_MIBPS: Final = 125
_IOPS_SHARE, _MIBPS_SHARE = 0.06, 0.5
#: Colder classes by the ending of the meter of S3, with their least storage time in days.
_COLDER: Final = (("TimedStorage-GIR-ByteHrs", "GLACIER_IR", 90), ("TimedStorage-SIA-ByteHrs", "STANDARD_IA", 30))


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each gp2 volume, and for each bucket of which a year of bills shows no request."""
    for workload in fleet.of("disk"):
        for line in workload.lines:
            if line.sku == "gp2" and is_running(workload):
                yield _volume(fleet, workload, line)
    for workload in fleet.of("bucket"):
        if workload.provider == "aws" and is_running(workload):
            yield from _bucket(fleet, workload)


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


def _bucket(fleet: Fleet, workload: Workload) -> Iterator[Action]:
    standard = next((x for x in workload.lines if x.meter.endswith("-TimedStorage-ByteHrs")), None)
    if standard is None or any("Requests" in line.meter and line.hourly.any() for line in workload.lines):
        return
    colder = _own_price(fleet, workload)
    gb = float(standard.hourly[-30 * 24 :].mean() * 730)
    if colder is None:
        yield Action(
            "storage",
            OPERATOR,
            workload.id,
            f"{workload.name}: a colder class",
            Nothing(),
            evidence(fleet, {"Size": f"{gb:,.0f} GB"}),
            confidence="low",
            reason="no colder class of S3 is on your bill, so its price in this region is not known",
        )
        return
    meter, name, days, price = colder
    figures = {
        "Size": f"{gb:,.0f} GB in Standard at ${standard.price:.4f}",
        name: f"${price:.4f} a GB and month, as you pay elsewhere",
        "Requests": "none was billed in the year",
        "Least storage time": f"{days} days; reading costs extra",
    }
    yield Action(
        "storage",
        OPERATOR,
        workload.id,
        f"{workload.name}: {gb:,.0f} GB to {name}",
        Swap({standard.sku: Replacement(meter, price, meter=meter)}),
        evidence(fleet, figures),
        Recipe("storage_class", target(workload), {"to": name, "after_days": 30, "prefix": ""}),
        "low",
        "the bill shows no request, but not when single objects were read",
        "minutes",
        False,
        "copy the objects back to Standard",
        "objects that are read cost for each GB",
        price_source="your own bill",
    )


def _own_price(fleet: Fleet, workload: Workload) -> tuple[str, str, int, float] | None:
    """The next colder class of which the bill of the same region knows the price: meter, name, least days, price."""
    for ending, name, days in reversed(_COLDER):
        for other in fleet.of("bucket"):
            for line in other.lines:
                if other.region == workload.region and line.meter.endswith(ending) and line.price > 0:
                    return line.meter, name, days, line.price
    return None
