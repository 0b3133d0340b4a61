"""From odd series to anomalies: one cause is one anomaly, at the most specific scope that holds it.

Series are nodes: meters, and sums of them by place (account, service, region), by owner and by bill. Day by day, as it
would have been said on that day: odd meters of one place are one anomaly, three places of an account or four of a bill
that turn odd together are one of the account or bill, and a sum that is odd beyond its odd parts is one of its own.
What was taken from one meter of an account and given to another is none. Scope and first day never change afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.anomaly_inputs import Meter
from models.anomaly_watch import ALARM, DRIFT, Bools, Ints, Pace, Watched
from models.design import Floats

#: What turns odd within so many days of each other may have one cause.
_TOGETHER: Final = 2
_PLACES_OF_ACCOUNT, _PLACES_OF_BILL = 3, 4
#: A sum is odd by itself where its odd parts explain less than this; a move is one where less than this is left over.
_EXPLAINED, _LEFT_OVER = 0.5, 0.4


@dataclass(frozen=True)
class Node:
    """A sum of meters: its scope, with None for "any", and the positions of its meters."""

    scope: Meter
    meters: frozenset[int] = field(repr=False)

    @property
    def place(self) -> tuple[str | None, ...]:
        """Bill, account, service and region."""
        return self.scope[:5]


def nodes_of(meters: Sequence[Meter]) -> list[Node]:
    """Meters first, in their order, then the sums that are more than one of them: places, owners, bills."""
    sums: dict[Meter, set[int]] = defaultdict(set)
    for at, one in enumerate(meters):
        sums[one._replace(service=None, meter=None)].add(at)
    for at, one in enumerate(meters):
        sums[Meter(one.provider, one.payer, None, None, None, one.service, None)].add(at)
    for at, one in enumerate(meters):
        sums[Meter(one.provider, one.payer, None, None, None, None, None)].add(at)
    found = {frozenset({at}): Node(one, frozenset({at})) for at, one in enumerate(meters)}
    for scope, held in sums.items():
        found.setdefault(frozenset(held), Node(scope, frozenset(held)))
    return list(found.values())


def values_of(nodes: Sequence[Node], inr: Floats, starts: Ints, settled: Bools) -> tuple[Floats, Ints, Bools]:
    """Values (n, n_nodes), first days (n_nodes,) and whether settled (n, n_nodes), from those of the meters."""
    held = [sorted(node.meters) for node in nodes]
    return (
        np.column_stack([inr[:, at].sum(axis=1) for at in held]),
        np.array([starts[at].min() for at in held]),
        np.column_stack([settled[:, at].all(axis=1) for at in held]),
    )


@dataclass
class Episode:
    """An anomaly of the days [first, last]: its scope, its direction (1 more, -1 less), and the nodes that are odd."""

    scope: Meter
    sign: int
    first: int
    detected: int
    nodes: list[int]
    last: int = 0
    is_open: bool = True
    is_normal: bool = False
    expected: float = 0.0
    actual: float = 0.0
    score: float = 0.0

    @property
    def impact(self) -> float:
        """INR above (below zero: below) what was expected."""
        return self.actual - self.expected


def episodes(nodes: Sequence[Node], watched: Watched, values: Floats, least_inr: float) -> list[Episode]:
    """All anomalies of at least `least_inr` in the order in which they would have been told."""
    found = [one for sign in (1, -1) for one in _Direction(nodes, watched, values, least_inr, sign).run()]
    return sorted(found, key=lambda one: (one.detected, one.first, [part or "" for part in one.scope]))


class _Direction:
    def __init__(self, nodes: Sequence[Node], watched: Watched, values: Floats, least_inr: float, sign: int) -> None:
        self.nodes, self.values, self.least, self.sign = nodes, values, least_inr, sign
        self.watched = watched
        self.sums = np.vstack([np.zeros(len(nodes)), np.cumsum(watched.error, axis=0)]) * sign
        self.odd, self.other = (watched.more >= ALARM, watched.less >= ALARM)[::sign]
        self.since, self.since_other = (watched.since_more, watched.since_less)[::sign]
        self.open: list[Episode] = []
        self.done: list[Episode] = []

    def run(self) -> list[Episode]:
        for t in np.flatnonzero(self.odd.any(axis=1) | np.roll(self.odd.any(axis=1), 1)):
            self._close(int(t))
            taken = {meter for one in self.open for node in one.nodes for meter in self.nodes[node].meters}
            odd = [node for node in np.flatnonzero(self.odd[t]).tolist() if not self.nodes[node].meters & taken]
            if odd:
                self._raise(int(t), odd)
        for one in self.open:
            last = len(self.values) - 1
            one.is_open = any(self.odd[last, node] and not self.watched.calm[last, node] for node in one.nodes)
            self._measure(one, last)
        return self.done + self.open

    def _excess(self, node: int, t: int, since: int | None = None) -> float:
        start = int(self.since[t, node]) if since is None else since
        return float(self.sums[t + 1, node] - self.sums[start, node])

    def _close(self, t: int) -> None:
        """End what was back to normal, or has become it, on the day before."""
        for one in list(self.open):
            on = [node for node in one.nodes if self.odd[t, node]]
            was = [node for node in one.nodes if self.odd[t - 1, node] and not self.watched.calm[t - 1, node]]
            if t - 1 >= one.detected and (not on or not was):
                one.is_open = False
                one.is_normal = bool(was) and t - one.first >= Pace().hold
                self._measure(one, t - 1)
                self.open.remove(one)
                self.done.append(one)

    def _measure(self, one: Episode, until: int) -> None:
        days = slice(one.first, until + 1)
        scores = self.sign * self.watched.error[days][:, one.nodes] / self.watched.spread[days][:, one.nodes]
        loud = np.flatnonzero((scores > DRIFT).any(axis=1))
        one.last = max(one.first + (int(loud[-1]) if len(loud) else 0), min(one.detected, until))
        days = slice(one.first, one.last + 1)
        one.expected = float(self.watched.expected[days][:, one.nodes].sum())
        one.actual = float(self.values[days][:, one.nodes].sum())
        one.score = float(scores.max())

    def _raise(self, t: int, odd: Sequence[int]) -> None:
        """Open anomalies for the nodes that are odd on day `t`, or let open ones have them."""
        groups: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
        for node in odd:
            if len(self.nodes[node].meters) == 1 and not self._is_moved(node, t):
                groups[self.nodes[node].place].append(node)
        wide = [node for node in odd if len(self.nodes[node].meters) > 1]
        for node in sorted(wide, key=lambda node: len(self.nodes[node].meters)):
            within = self.nodes[node].meters
            parts = [part for group in groups.values() for part in group if self.nodes[part].meters & within]
            start = int(self.since[t, node])
            known = sum(max(self._excess(part, t, start), 0.0) for part in parts)
            excess = self._excess(node, t)
            if excess >= self.least and (known < self.least or excess - known > _EXPLAINED * excess):
                groups = defaultdict(list, {p: g for p, g in groups.items() if not set(g) & set(parts)})
                groups[self.nodes[node].place].append(node)
        firsts = {place: min(int(self.since[t, node]) for node in group) for place, group in groups.items()}
        for place in sorted(groups, key=lambda place: -self._sum(groups[place], t)):
            if place in firsts and self._sum(groups[place], t) >= self.least:
                self._tell(t, place, groups, firsts)

    def _sum(self, group: Iterable[int], t: int) -> float:
        return sum(self._excess(node, t) for node in group)

    def _is_moved(self, node: int, t: int) -> bool:
        """Whether other meters of the account went the other way at the same time, and little is left over."""
        scope, start, excess = self.nodes[node].scope, int(self.since[t, node]), self._excess(node, t)
        against = sum(
            float(self.sums[int(self.since_other[t, other]), other] - self.sums[t + 1, other])
            for other in np.flatnonzero(self.other[t]).tolist()
            if len(self.nodes[other].meters) == 1
            and self.nodes[other].scope[:3] == scope[:3]
            and abs(int(self.since_other[t, other]) - start) <= _TOGETHER + 1
        )
        return against > 0 and excess - against < _LEFT_OVER * excess

    def _tell(self, t: int, place: tuple[str | None, ...], groups: dict[tuple[str | None, ...], list[int]],
              firsts: dict[tuple[str | None, ...], int]) -> None:  # fmt: skip
        """One anomaly of a place, with the places that turned odd together with it."""
        group, first = groups[place], firsts[place]
        services = {self.nodes[node].scope.service for node in group}
        for one in self.open + self.done:
            inside = all(part is None or part == mine for part, mine in zip(one.scope[:5], place, strict=True))
            inside &= not one.scope.service or one.scope.service_name is None or services == {one.scope.service}
            if inside and abs(one.first - first) <= _TOGETHER:
                one.nodes += group if one.is_open else []  # what has ended is told already
                del firsts[place]
                return
        together = [other for other in firsts if abs(firsts[other] - first) <= _TOGETHER]
        account = [other for other in together if other[:3] == place[:3] and place[2] is not None]
        bill = [other for other in together if other[:2] == place[:2]]
        scope = self.nodes[group[0]].scope
        if len(account) >= _PLACES_OF_ACCOUNT or len(bill) >= _PLACES_OF_BILL:
            wide = account if len(account) >= _PLACES_OF_ACCOUNT else bill
            same = {self.nodes[node].scope.service for other in wide for node in groups[other]}
            scope = Meter(scope.provider, scope.payer, scope.account if wide is account else None, None, None,
                          same.pop() if len(same) == 1 else None, None)  # fmt: skip
            group, first = [node for other in wide for node in groups[other]], min(firsts[other] for other in wide)
            for other in wide:
                del firsts[other]
        else:
            if len(group) > 1:
                scope = scope._replace(meter=None, service=services.pop() if len(services) == 1 else None)
            del firsts[place]
        self.open.append(Episode(scope, self.sign, first, t, list(group)))


def daily(one: Episode, watched: Watched, values: Floats) -> tuple[Any, Any]:
    """Expected and actual of the days [first, last] of an anomaly, (n_days,) each."""
    days = slice(one.first, one.last + 1)
    return watched.expected[days][:, one.nodes].sum(axis=1), values[days][:, one.nodes].sum(axis=1)
