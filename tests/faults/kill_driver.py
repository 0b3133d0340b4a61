"""Child of the kill test: ingests one configuration over and over until it is killed. Not a test.

Imports once, then forks: a fork is a process of its own, and two hundred of them do not pay for two hundred imports.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from core import FixedClock
from kifayat import App


def run(config: Path, day: int) -> None:
    """One ingest, in a child."""
    App.from_toml(config, FixedClock(datetime(2026, 8, day, 6, tzinfo=UTC))).ingest()


def main() -> None:
    """argv: configuration, number of kills, seed. Prints one line per child: killed or done, after how many ms."""
    config, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    killed = number = 0
    while killed < kills:
        print(f"deliver {number}", flush=True)
        sys.stdin.readline()  # the parent has put new files down
        child = os.fork()
        if child == 0:
            code = 0
            try:
                run(config, 10)
            except BaseException as error:  # noqa: BLE001 - the parent wants to know
                print(f"failed {type(error).__name__}: {error}", flush=True)
                code = 1
            os._exit(code)
        delay = chance.uniform(0.0, 0.25)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        number += 1
        print(f"{'killed' if os.WIFSIGNALED(status) else 'done'} {delay * 1000:.0f}", flush=True)
    print("end", flush=True)


if __name__ == "__main__":
    main()
