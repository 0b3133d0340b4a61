"""Faults 1 and 2: kill -9 while messages are sent loses none, and whatever comes twice bears the same id.

KIFAYAT_KILLS sets another number of kills, KIFAYAT_SEED other moments.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from office import Office, alert, email, webhook
from receivers import OK

from core import ChannelConfig

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KIFAYAT_KILLS", "100"))
SEED = int(os.environ.get("KIFAYAT_SEED", "20261128"))
TWO = ("cfo@example.in", "cto@example.in")


def sender(office: Office, **task: Any) -> subprocess.Popen[str]:
    paths = [str(ROOT), str(ROOT / "tests" / "support"), os.environ.get("PYTHONPATH", "")]
    channels = [config.model_dump(mode="json") for config in office.channels]
    words = json.dumps({"file": str(office.file), "channels": channels, **task})
    command = [sys.executable, str(Path(__file__).with_name("sender.py")), words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("kind", ["webhook", "pagerduty", "email"])
def test_a_kill_between_sending_and_recording_sends_once_more_under_the_same_id(office, web, box, kind):
    office.channels = [
        {
            "webhook": webhook(web),
            "email": email(box),
            "pagerduty": ChannelConfig(
                name="pager", kind="pagerduty", url=web.url, routing_key={"env": "HOOK_SECRET"}, allow_hosts=[web.host]
            ),
        }[kind]
    ]
    office.post(alert())
    process = sender(office, minutes=0)

    def taken_and_killed(*_: Any) -> Any:
        """The receiver has it; the sender never hears of it."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    web.script = [lambda: taken_and_killed() or OK]
    box.data = taken_and_killed
    assert process.wait(60) == -signal.SIGKILL
    process.communicate()
    box.data = lambda _: None
    assert office.deliver().sent == 0  # the lease of the dead sender has not run out
    office.clock.advance(timedelta(minutes=3))
    assert office.deliver().sent == 1
    if kind == "email":
        ids = [mail["Message-ID"] for _, mail in box.mails]
    elif kind == "webhook":
        ids = [headers["webhook-id"] for _, headers, _ in web.requests]
    else:
        ids = [json.loads(body)["dedup_key"] for _, _, body in web.requests]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    office.clock.advance(timedelta(days=1))
    assert office.deliver().sent == 0


@pytest.mark.slow
def test_a_hundred_kills_lose_no_message_and_each_duplicate_bears_the_same_id(office, web, box):
    office.channels = [webhook(web), email(box, to=TWO)]
    office.post()
    process = sender(office, kills=KILLS, seed=SEED)
    told = json.loads(process.communicate(timeout=600)[0])
    assert process.returncode == 0
    office.clock.advance(timedelta(minutes=told["minutes"]))
    for _ in range(10):
        office.clock.advance(timedelta(minutes=90))
        office.deliver()
    assert [one for one in office.entries() if one.state != "sent"] == [], f"seed {SEED}"
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    arrived = 0
    for _, headers, body in web.requests:
        seen["hook", json.loads(body)["data"]["event_id"]].add(headers["webhook-id"])
        arrived += 1
    for recipient, mail in box.mails:
        name = mail["Subject"].split()[1]
        seen[recipient, f"budget:{name}:2026:actual:80"].add(mail["Message-ID"])
        arrived += 1
    events = [f"budget:n{number}:2026:actual:80" for number in range(told["posted"])]
    assert set(seen) == {(to, event) for to in ("hook", *TWO) for event in events}, f"seed {SEED}"
    assert {len(ids) for ids in seen.values()} == {1}, f"seed {SEED}"
    assert len(set.union(*seen.values())) == len(seen)
    doubled = arrived - len(seen)
    print(f"{told}, {arrived} arrived, {doubled} of them twice, seed {SEED}")
    assert told["killed"] == KILLS
    assert told["left"] >= KILLS // 4, "the kills missed the sending"
    assert doubled <= 2 * KILLS  # at most one for each channel that a kill cut off
