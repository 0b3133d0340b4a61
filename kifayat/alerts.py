"""Alerts: what is alarming now against what was, told once when it begins and once when it ends.

The rules of each kind are in budget_alerts, anomaly_alerts and health_alerts; here is the life of an alert. Everything
that one check decides, alerts and messages, is one transaction of the ledger.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote

from core import Config
from core.service_sections import ChannelConfig, Severity, Topic
from notify import Kind, Message, post
from warehouse import BEGAN, TOLD_WITH, Alert, Ledger, Snapshot, feedback, latest_alerts, write_alert

EVERYBODY: Final[tuple[Topic, ...]] = ("finance", "engineering")
#: alarming opens an alert; lingering is neither: it opens none and ends none; over ends it.
State = Literal["alarming", "lingering", "over"]


@dataclass(frozen=True)
class Finding:
    """Something that is watched, and how it stands.

    Of the findings of one `group` only the one of the highest `rank` is told; the others are told with it. `ended` says
    why an alert is over. `is_recent`: False is not told by the very first check. `is_once`: never opens again.
    """

    alert_id: str
    subject: str
    severity: Severity
    title: str
    summary: str
    state: State
    facts: tuple[tuple[str, str], ...] = ()
    ended: Callable[[Alert], str] = field(default=lambda _: "it has ended", repr=False)
    group: str = ""
    rank: float = 0.0
    is_recent: bool = True
    is_once: bool = False

    def __post_init__(self) -> None:
        """Names of tags and files are anybody's text: one line of a decent length, as a subject of a mail wants it."""
        for name, most in (("subject", 200), ("title", 200), ("summary", 2000)):
            object.__setattr__(self, name, short(getattr(self, name), most))
        object.__setattr__(self, "facts", tuple((short(label, 200), short(text, 500)) for label, text in self.facts))


@dataclass(frozen=True)
class Watch:
    """All that is watched under one prefix of ids: what is open there and not found any more is over, for `gone`.

    `link`: the page where more is to be seen.
    """

    prefix: str
    kind: Kind
    findings: Sequence[Finding]
    gone: str
    topics: tuple[Topic, ...] = EVERYBODY
    link: str = ""


#: Schemes of exports that are asked for part by part, where others are files.
_ASKED: Final = ("aws://", "gcp://", "bigquery://")


def check(snapshot: Snapshot | None, ledger: Ledger, config: Config, now: datetime) -> list[Alert]:
    """Open and resolve alerts by what is published and what the ledger tells; returns those that changed.

    Without a snapshot only what the ledger tells is judged, and nothing else ends.
    """
    from kifayat import anomaly_alerts, budget_alerts, health_alerts

    page = config.report.page_url.rstrip("/")
    asked = [one.name for one in config.exports if one.location.startswith(_ASKED)]
    watches = health_alerts.of_ledger(ledger, config.alerts, now, page, asked)
    if snapshot is not None:
        watches += health_alerts.of_snapshot(snapshot, config.alerts, now, page)
        watches.append(budget_alerts.watch(snapshot, config.alerts, page))
        watches.append(anomaly_alerts.watch(snapshot, feedback(ledger), config.alerts, page))
    return settle(ledger, watches, config.channels, now, is_begun=snapshot is not None)


def settle(
    ledger: Ledger, watches: Sequence[Watch], channels: Sequence[ChannelConfig], now: datetime, *, is_begun: bool = True
) -> list[Alert]:
    """Compare what is found with what is open, in one transaction. `is_begun`: this counts as the first check."""
    changed: list[Alert] = []
    messages: list[Message] = []
    with ledger.transaction() as db:
        known = latest_alerts(db)
        is_first = BEGAN not in known
        for watch in watches:
            opened = _open(watch, known, is_first, now)
            closed = _close(watch, known, now)
            changed += [alert for alert, _ in (*opened, *closed)]
            messages += [message for alert, message in (*opened, *closed) if alert.is_told]
        if is_first and is_begun:
            changed.append(_begin(messages, changed, now))
        _write(db, changed)
        post(db, messages, channels, now)
    return [alert for alert in changed if alert.alert_id != BEGAN]


def _write(db: sqlite3.Connection, changed: Sequence[Alert]) -> None:
    for alert in changed:
        write_alert(db, alert)


def _open(watch: Watch, known: Mapping[str, Alert], is_first: bool, now: datetime) -> list[tuple[Alert, Message]]:
    top: dict[str, Finding] = {}
    for one in watch.findings:
        group = one.group or one.alert_id
        if (one.state == "alarming" or _is_open(known, one)) and one.rank >= top.get(group, one).rank:
            top[group] = one
    opened = []
    for one in watch.findings:
        before = known.get(one.alert_id)
        if one.state != "alarming" or _is_open(known, one) or (one.is_once and before is not None):
            continue
        facts, highest = dict(one.facts), top[one.group or one.alert_id]
        if is_first and not one.is_recent:
            facts[TOLD_WITH] = "nothing: it had begun long before alerts were first checked"
        elif highest is not one:
            facts[TOLD_WITH] = highest.title
        alert = Alert(
            one.alert_id if before is None else before.again(), watch.kind, one.subject, one.severity, one.title,
            facts, now,
        )  # fmt: skip
        opened.append((alert, Message(
            alert.alert_id, watch.kind, one.title, one.summary, now, one.severity, watch.topics, "trigger",
            alert.alert_id, one.facts, watch.link,
        )))  # fmt: skip
    return opened


def _close(watch: Watch, known: Mapping[str, Alert], now: datetime) -> list[tuple[Alert, Message]]:
    found = {one.alert_id: one for one in watch.findings}
    closed = []
    for base, alert in known.items():
        one = found.get(base)
        if not alert.is_open or not base.startswith(watch.prefix) or (one is not None and one.state != "over"):
            continue
        why = watch.gone if one is None else short(one.ended(alert), 500)
        facts = tuple(alert.facts.items()) if one is None else one.facts
        closed.append((alert.resolved(now, why), Message(
            f"{alert.alert_id}:resolved", watch.kind, f"Resolved: {alert.title}", f"{why[:1].upper()}{why[1:]}.", now,
            "info", watch.topics, "resolve", alert.alert_id, facts, watch.link,
        )))  # fmt: skip
    return closed


def _is_open(known: Mapping[str, Alert], one: Finding) -> bool:
    alert = known.get(one.alert_id)
    return alert is not None and alert.is_open


def _begin(messages: list[Message], changed: Sequence[Alert], now: datetime) -> Alert:
    """The row of the first check; what is old is told as one line, not as a message each."""
    old = sum(1 for alert in changed if not alert.is_told and alert.facts[TOLD_WITH].startswith("nothing"))
    told = f"{old} alerts that had begun long before are on the page and were not told" if old else "nothing was old"
    if old:
        messages.append(Message(BEGAN, "health", "Alerts are checked from now on", f"{told}.", now))
    return Alert(BEGAN, "health", "alerts", "info", "Alerts are checked from now on", {"Before": told}, now, now, told)


def safe(text: str) -> str:
    """A name as a part of an id: ASCII without colons, `#` or controls, and short."""
    plain = quote(text, safe=" ")
    if len(plain) <= 80:
        return plain
    from hashlib import sha256

    return f"{plain[:64]}~{sha256(text.encode()).hexdigest()[:12]}"


def short(text: str, most: int) -> str:
    """Text on one line of at most so many letters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def page_link(page: str, name: str) -> str:
    """The address of a page of the dashboard; "" where no address is configured."""
    return f"{page}/{name}" if page else ""
