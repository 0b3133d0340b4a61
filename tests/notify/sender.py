"""A process that delivers and may be killed at any moment: started by tests, with its task as JSON in its argument.

Kills run in children that are forked after the imports, so that a hundred of them do not pay for a hundred imports.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from office import NOON, alert

from core import AlertsConfig, ChannelConfig, FixedClock
from notify import Parcel, deliver, open_channels, post
from warehouse import Ledger


def run(file: Path, configs: list[ChannelConfig], minutes: int) -> None:
    """One round of delivery, so many minutes after noon."""
    clock = FixedClock(NOON + timedelta(minutes=minutes))
    deliver(file, open_channels(configs), AlertsConfig(group_minutes=0), clock)


def write(file: Path, configs: list[ChannelConfig], names: list[str]) -> None:
    """Post an alert for each name."""
    with closing(Ledger(file)) as ledger, ledger.transaction() as db:
        post(db, [alert(name) for name in names], configs, NOON)


def kill_often(file: Path, configs: list[ChannelConfig], kills: int, chance: random.Random) -> None:
    """Deliver in children that are killed. Prints: messages posted, children killed, kills that left a lease."""
    for channel in open_channels(configs):
        channel.draft(Parcel("warm", (alert(),), "cfo@example.in", NOON))  # what is imported late is imported now
    posted = killed = left = minutes = 0
    while killed < kills:
        minutes += 10  # leases have run out and waits are over
        with closing(Ledger(file)) as ledger:
            waiting = ledger.rows("SELECT COUNT(*) FROM outbox WHERE state = 'waiting'")[0][0]
        if waiting < 30:
            write(file, configs, [f"n{number}" for number in range(posted, posted + 20)])
            posted += 20
        child = os.fork()
        if child == 0:
            run(file, configs, minutes)
            os._exit(0)
        time.sleep(chance.uniform(0.0, 0.25))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        with closing(Ledger(file)) as ledger:
            left += bool(ledger.rows("SELECT 1 FROM outbox WHERE lease_until IS NOT NULL LIMIT 1"))
    print(json.dumps({"posted": posted, "killed": killed, "left": left, "minutes": minutes}))


def main() -> None:
    """argv: {"file", "channels", and either "minutes" or "kills" with "seed"}."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    file, configs = Path(task["file"]), [ChannelConfig(**one) for one in task["channels"]]
    if "kills" in task:
        kill_often(file, configs, task["kills"], random.Random(task["seed"]))
    else:
        run(file, configs, task["minutes"])


if __name__ == "__main__":
    main()
