"""Anomalies of a generation: days on which something cost more or less than users, calendar and its own past explain.

Nothing is kept: the walk over all days is made anew at every publishing, and says of each day what would have been said
on it. An anomaly keeps its id while days are added to it, also where rows that came late
moved its first day: `known` are the anomalies that were published before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from core import NotEnoughHistory
from models import anomaly_causes
from models.anomaly_episodes import Episode, Node, episodes, nodes_of, values_of
from models.anomaly_inputs import Usage, read_usage
from models.anomaly_watch import Pace, Watched, crowd_forms, watch
from models.design import Floats
from warehouse import Engine

#: Anomalies that ended as many days before the last day are forgotten.
SHOWN_DAYS: Final = 400
#: Below such a part of the least impact a day's error is noise, and a meter is not looked at by itself.
_NOISE, _SMALL = 1 / 25, 1 / 4
#: Whole days of a meter may come this late (Google: up to nine days).
_MISSING_DAYS: Final = 10
#: Columns that tell a place apart, in both `anomalies` and what `known` is read from.
KNOWN: Final = "SELECT anomaly_id, direction, ProviderName, SubAccountId, ServiceName, RegionId, first_day, last_day FROM anomalies"  # noqa: E501
Known = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Judged:
    """What was found in the usage: the series, what was expected of them, and the anomalies."""

    nodes: list[Node]
    values: Floats
    watched: Watched
    episodes: list[Episode]


def judge(usage: Usage, least_inr: float) -> Judged:
    """Walk over all days of the usage. Raises NotEnoughHistory for fewer days than it takes to learn a level."""
    need = Pace().warmup + 1
    if len(usage.days) < need:
        raise NotEnoughHistory(len(usage.days), need, where="days of usage")
    nodes = nodes_of(usage.meters)
    values, starts, settled = values_of(nodes, usage.inr, usage.starts, usage.settled)
    late = np.vstack([settled[_MISSING_DAYS:], np.zeros((min(_MISSING_DAYS, len(settled)), len(nodes)), bool)])
    users = list(usage.users.values())
    watched = watch(
        values, crowd_forms(users) if users else None, starts=starts, settled=settled, whole=late[: len(settled)],
        counted=np.isfinite(users[0]) if users else None, before=usage.before, least=least_inr * _NOISE,
    )  # fmt: skip
    return Judged(nodes, values, watched, episodes(nodes, watched, values, least_inr))


def build(engine: Engine, say: Callable[[str], None], least_inr: float, known: Known = ()) -> None:
    """Fill `anomalies`, `anomaly_causes` and `anomaly_runs` of the generation in use.

    `least_inr`: impact from which on it is one. `known`: rows of KNOWN of the generation before.
    """
    say("looking for anomalies")
    usage = read_usage(engine, least_inr * _SMALL)
    if usage is None:
        engine.insert("anomaly_runs", [(None, 0, least_inr, "no usage with a rate to rupees is loaded")])
        return
    last: date = usage.days[-1].astype(object)
    reason = None if usage.users else "nobody counts daily active users: what a crowd costs is taken for odd"
    try:
        judged = judge(usage, least_inr)
    except NotEnoughHistory as error:
        engine.insert("anomaly_runs", [(last, len(usage.meters), least_inr, str(error))])
        return
    shown = [one for one in judged.episodes if len(usage.days) - one.last <= SHOWN_DAYS]
    charges = anomaly_causes.read_charges(engine, shown, judged.nodes, usage)
    ids = _ids(shown, usage, known)
    rows, parts = [], []
    for anomaly_id, one, behind in zip(ids, shown, charges, strict=True):
        lines = anomaly_causes.causes(one, judged.nodes, usage, judged.watched, behind)
        rows.append(_row(anomaly_id, one, usage, anomaly_causes.explain(one, usage, lines, behind)))
        parts += [
            (anomaly_id, position, line.dimension, line.value, line.expected_inr, line.actual_inr, line.impact_inr)
            for position, line in enumerate(lines, start=1)
        ]
    engine.insert("anomalies", rows)
    engine.insert("anomaly_causes", parts)
    engine.insert("anomaly_runs", [(last, len(judged.nodes), least_inr, reason)])


def _row(anomaly_id: str, one: Episode, usage: Usage, explanation: str) -> tuple[Any, ...]:
    scope = one.scope
    first, last, detected = (usage.days[at].astype(object) for at in (one.first, one.last, one.detected))
    expected, actual = round(one.expected, 2), round(one.actual, 2)
    return (
        anomaly_id, _direction(one), scope.provider, scope.service or None, scope.service_name, scope.account,
        scope.region, first, last, detected, one.is_open, expected, actual, round(actual - expected, 2),
        round(one.score, 1), explanation,
    )  # fmt: skip


def _direction(one: Episode) -> str:
    return "more" if one.sign > 0 else "less"


def _ids(found: Sequence[Episode], usage: Usage, known: Known) -> list[str]:
    """The id of each anomaly: of scope and first day, unless it was known by another one already."""
    ids = []
    for one in found:
        facts = f"{_direction(one)} {anomaly_causes.scope_key(one.scope)} {usage.days[one.first]}"
        ids.append(hashlib.sha256(facts.encode()).hexdigest()[:12])
    before = {row[0]: row for row in known}
    free = {name: row for name, row in before.items() if name not in ids}
    for at, one in enumerate(found):
        if ids[at] in before:
            continue
        first, last = (usage.days[day].astype(object) for day in (one.first, one.last))
        place = (_direction(one), one.scope.provider, one.scope.account, one.scope.service_name, one.scope.region)
        same = [
            (abs((row[6] - first).days), name)
            for name, row in free.items()
            if tuple(row[1:6]) == place and row[6] <= last + timedelta(days=1) and first <= row[7] + timedelta(days=1)
        ]
        if same:
            ids[at] = min(same)[1]
            del free[ids[at]]
    return ids
