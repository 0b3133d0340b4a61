"""Google's sustained-use discounts: what is left by commitments costs less the longer it runs in a month.

Only self-serve billing accounts have them, on some series. Hours may be thinned and of many stories, one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from models.design import Floats

#: Name -> (share of the month from which a tier runs, price in it as a share of the base price).
#: Google, "Sustained use discounts": to 30 % off for a whole month of N1, to 20 % for N2, N2D and C2.
#: The middle tiers of "n2" are of no source that was read again; over a whole month they make the 20 % that is stated.
SUSTAINED_TIERS: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "n1": ((0.0, 1.0), (0.25, 0.8), (0.5, 0.6), (0.75, 0.4)),
    "n2": ((0.0, 1.0), (0.25, 0.8678), (0.5, 0.733), (0.75, 0.6)),
}


def billing_months(hours: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """A number for each UTC hour, (n_hours,), that changes with Google's month (of the Pacific coast, where summer time
    moves an hour that is left out here), and where the hours go back."""
    months = (np.asarray(hours, dtype="datetime64[h]") - np.timedelta64(8, "h")).astype("datetime64[M]").astype(int)
    return np.asarray(np.concatenate([[0], np.cumsum((np.diff(months) != 0) | (np.diff(hours).astype(int) < 0))]))


def sustained_rates(units: Floats, months: NDArray[np.int64], tiers: Sequence[tuple[float, float]]) -> Floats:
    """What the last unit of each hour is billed at, as a share of the base price, (n_hours,), of `units` (n_hours,)
    that are left of one region, series and part; `months` (n_hours,) ascending, equal within a month.

    Each layer of usage (the k-th unit in use) climbs the tiers by itself, as Google's inferred instances do: vCPUs that
    run one after another count as one that runs on. So the k-th busiest hour of a month adds what the k-th hour costs.
    Hours that a month does not have here are taken to be like the others.
    """
    return _Ranked.of(units, months).rates(tiers)


def sustained_cost(units: Floats, months: NDArray[np.int64], tiers: Sequence[tuple[float, float]]) -> Floats:
    """What these units are billed at, in units at the base price, (n_hours,): each layer's month spread evenly over the
    hours in which it runs."""
    return _Ranked.of(units, months).cost(tiers)


@dataclass(frozen=True)
class _Ranked:
    """Hours by month, the busiest first: `order`, the share of the month that has run with each (`upto`) and before it
    (`since`), and the `units`, all (n_hours,)."""

    order: NDArray[np.int64]
    since: Floats
    upto: Floats
    units: Floats
    is_last: NDArray[np.bool_]

    @classmethod
    def of(cls, units: Floats, months: NDArray[np.int64]) -> Self:
        order = np.lexsort((-units, months))
        _, first, counts = np.unique(months, return_index=True, return_counts=True)
        rank = np.arange(len(units)) - np.repeat(first, counts)
        length = np.repeat(counts, counts)
        return cls(order, rank / length, (rank + 1) / length, units[order], rank + 1 == length)

    def rates(self, tiers: Sequence[tuple[float, float]]) -> Floats:
        edges, paid = _tiers(tiers)
        found = np.empty(len(self.order))
        more = np.interp(self.upto, edges, paid) - np.interp(self.since, edges, paid)
        found[self.order] = more / (self.upto - self.since)
        return found

    def cost(self, tiers: Sequence[tuple[float, float]]) -> Floats:
        edges, paid = _tiers(tiers)
        below = np.where(self.is_last, 0.0, np.append(self.units[1:], 0.0))
        layers = (self.units - below) * np.interp(self.upto, edges, paid) / self.upto
        # an hour pays for the layers that it and less busy hours of its month are in
        total = np.cumsum(layers[::-1])[::-1]
        later = np.append(total, 0.0)[np.flatnonzero(self.is_last) + 1]
        found = np.empty(len(self.order))
        found[self.order] = total - np.repeat(later, np.diff(np.append(-1, np.flatnonzero(self.is_last))))
        return found


def _tiers(tiers: Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    """Shares of a month, and what they cost in months at the base price, cumulated."""
    edges = np.array([edge for edge, _ in tiers] + [1.0])
    return edges, np.concatenate([[0.0], np.cumsum(np.diff(edges) * np.array([rate for _, rate in tiers]))])
