"""What is due is sent: leased, sent, recorded. At least once, normally once, and always under the same id.

Channels work side by side, each with seconds of its own, so that one that hangs stops no other. What fails for a while
waits longer each time; what fails for good is a dead letter, of which another channel of the topic operations is told.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from core import IST, AlertsConfig, Clock, ConfigError
from notify.channel import Channel, Parcel, Undelivered
from notify.guard import Blocked
from notify.message import Message
from notify.route import is_quiet, receivers
from notify.text import plain
from warehouse import Ledger, outbox

Say = Callable[[str], None]

#: A channel begins nothing new after so many seconds: the next round is near.
_ROUND_SECONDS = 15.0
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(hours=1)
#: About a day of trying.
_ATTEMPTS = 30
#: So many times a sender may die, or be killed, over one parcel.
_CUT_OFF = 100
_UNDELIVERED = "undelivered:"


@dataclass(frozen=True)
class Delivered:
    """What a round did, in rows (message, channel, recipient); `waiting` and `all_dead` are what stands there now."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    waiting: int = 0
    all_dead: int = 0


def deliver(
    ledger_file: Path, channels: Sequence[Channel], alerts: AlertsConfig, clock: Clock, say: Say = lambda _: None
) -> Delivered:
    """Send what is due on every channel. Safe to repeat, to kill, and to run in two processes at once."""
    by_name = {channel.name: channel for channel in channels}
    with closing(Ledger(ledger_file)) as ledger:
        due = outbox.due_channels(ledger, clock.now())
        gone = [name for name in due if name not in by_name]
        rounds = [_Round(ledger_file, by_name[name], channels, alerts, clock, say) for name in due if name in by_name]
        buried = sum(_bury_all(ledger, name, channels, clock, say) for name in gone)
        if rounds:
            with ThreadPoolExecutor(len(rounds), "deliver") as pool:
                list(pool.map(_Round.run, rounds))
        left = outbox.counts(ledger)
    return Delivered(
        sum(one.sent for one in rounds), sum(one.failed for one in rounds),
        buried + sum(one.dead for one in rounds), left["waiting"], left["dead"],
    )  # fmt: skip


def _bury_all(ledger: Ledger, name: str, channels: Sequence[Channel], clock: Clock, say: Say) -> int:
    """Messages for a channel that is configured no more: nobody else would ever look at them."""
    count = 0
    while (leased := outbox.lease(ledger, name, clock.now())) is not None:
        count += len(leased.event_ids)
        _bury(ledger, leased, f"no channel is called {name} any more", channels, clock.now(), say)
    return count


class _Round:
    """One channel's turn, in a thread and with a connection to the ledger of its own."""

    def __init__(
        self, ledger_file: Path, channel: Channel, channels: Sequence[Channel], alerts: AlertsConfig, clock: Clock,
        say: Say,
    ) -> None:  # fmt: skip
        self.ledger_file = ledger_file
        self.channel = channel
        self.channels = channels
        self.alerts = alerts
        self.clock = clock
        self.say = say
        self.sent = self.failed = self.dead = 0

    def run(self) -> None:
        """Send parcels until nothing is due, the time is over or the channel cannot be reached."""
        ends_at = time.monotonic() + _ROUND_SECONDS
        pause = 0.0
        minutes = self.alerts.group_minutes if self.channel.groups else 0
        gather = timedelta(minutes=minutes) if minutes else None
        with closing(Ledger(self.ledger_file)) as ledger:
            while time.monotonic() < ends_at:
                now = self.clock.now()
                leased = outbox.lease(ledger, self.channel.name, now, quiet=is_quiet(self.alerts, now), gather=gather)
                if leased is None:
                    return
                time.sleep(pause)
                if not self._send(ledger, leased, now):
                    return
                pause = self.channel.pause_seconds

    def _send(self, ledger: Ledger, leased: outbox.Leased, now: datetime) -> bool:
        """Whether the channel can go on."""
        count = len(leased.event_ids)
        try:
            if leased.attempts - leased.failures > _CUT_OFF:  # or what kills its sender would do so for ever
                raise Undelivered(f"it was begun {leased.attempts} times and never ended", is_permanent=True)
            if leased.recipient not in self.channel.recipients():  # whoever was taken off is told nothing more
                raise Undelivered("no recipient of the channel any more", is_permanent=True)
            messages = tuple(Message.from_json(body) for body in leased.bodies)
            self.channel.send(Parcel(leased.parcel, messages, leased.recipient, now))
        except Undelivered as error:
            failure = error
        except Blocked as error:
            failure = Undelivered(str(error), is_permanent=True)
        except ConfigError as error:  # a secret that is not there may be put there
            failure = Undelivered("; ".join(error.faults), is_channel=True)
        except Exception as error:  # noqa: BLE001 - one message that a channel cannot take may not stop the others
            failure = Undelivered(f"it could not be made: {type(error).__name__}", is_permanent=True)
        else:
            outbox.mark_sent(ledger, leased, self.clock.now())
            self.sent += count
            self.say(f"{self._where(leased)}: sent {plain(leased.parcel, 200)}")
            return True
        reason = plain(str(failure), 400)
        if failure.is_permanent or leased.failures + 1 >= _ATTEMPTS:
            self.dead += count
            _bury(ledger, leased, reason, self.channels, self.clock.now(), self.say)
        else:
            self.failed += count
            next_at = self.clock.now() + wait_after(leased.failures + 1, failure.retry_after)
            outbox.mark_failed(ledger, leased, reason, next_at, hold_channel=failure.retry_after is not None)
            self.say(f"{self._where(leased)}: not sent, tried again at {next_at.astimezone(IST):%H:%M} IST: {reason}")
        return not failure.is_channel

    def _where(self, leased: outbox.Leased) -> str:
        return leased.channel + (f" to {leased.recipient}" if leased.recipient else "")


def wait_after(failures: int, asked: timedelta | None = None) -> timedelta:
    """How long to wait after so many failures: doubled each time, spread by a quarter; not less than asked."""
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(failures - 1, 20)) * random.uniform(0.75, 1.25)
    return max(wait, asked or wait)


def _bury(
    ledger: Ledger, leased: outbox.Leased, reason: str, channels: Sequence[Channel], now: datetime, say: Say
) -> None:
    """Give a parcel up, and let another channel tell so: once a day for each recipient, and never of such a message."""
    with ledger.transaction() as db:
        if not outbox.mark_dead(db, leased, reason):
            return
        if not all(event_id.startswith(_UNDELIVERED) for event_id in leased.event_ids):
            told = _dead_letter(leased, reason, now)
            others = [channel for channel in channels if channel.name != leased.channel]
            outbox.put(
                db, told.event_id, told.kind, told.severity, told.key, told.title, told.to_json(),
                receivers(told, others), now,
            )  # fmt: skip
    say(f"{leased.channel}: given up, {plain(leased.parcel, 200)}: {reason}")


def _dead_letter(leased: outbox.Leased, reason: str, now: datetime) -> Message:
    where = leased.channel + (f" ({leased.recipient})" if leased.recipient else "")
    return Message(
        event_id=f"{_UNDELIVERED}{leased.channel}:{leased.recipient}:{now.astimezone(IST):%Y-%m-%d}",
        kind="health",
        title=f"{where} could not be told",
        summary=f"A message could not be delivered and is kept as a dead letter: {plain(leased.titles[0], 200)}\n"
        "`kifayat notify list --dead` shows all of them; `kifayat notify resend --dead` sends them once the cause is"
        " mended. Of others that fail there today nothing more is said.",
        occurred_at=now,
        severity="error",
        topics=("operations",),
        facts=(("Channel", leased.channel), ("Recipient", leased.recipient or "–"), ("Reason", reason),
               ("Messages", str(len(leased.titles)))),
    )  # fmt: skip
