"""What formats share: times, names, comments. No format by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from recommender.action import Recipe

ZONE = "Asia/Kolkata"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def slug(text: str, most: int = 40) -> str:
    """A name that every cloud takes: small letters, digits and dashes, beginning with a letter."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:most].strip("-")
    return found if found[:1].isalpha() else f"x-{found}" if found else "x"


def one_line(text: str) -> str:
    """Text that ends no comment and turns no direction: control characters are left out."""
    return "".join(
        c if c.isprintable() and c not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068" else " " for c in text
    )


def comment(recipe: Recipe, what: str, back: str, mark: str = "#") -> str:
    """The lines that every artefact begins with."""
    name = one_line(recipe.target.get("name") or recipe.target["id"])
    return f"{mark} {what} ({name}). Times are {ZONE}.\n{mark} Undo: {back}\n"


def pauses(recipe: Recipe, how: str, mark: str = "#") -> str:
    """A line for formats that know no gaps: when the schedule has to be taken off by hand, and `how`."""
    days = [f"{first} to {end - timedelta(days=1)}" for first, end in days_without_stop(recipe.values)]
    return f"{mark} {how} for exams and releases: {', '.join(days)}.\n" if days else ""


def cron_of(values: Mapping[str, Any], word: str) -> tuple[int, int, str]:
    """Hour, minute and days of going "up" or "down"; a window that ends after midnight is ended on the days after."""
    hour, minute = clock(values["start" if word == "up" else "end"])
    days = values["days"] if word == "up" else values.get("stop_days") or values["days"]
    return hour, minute, cron_days(list(days))


def seasons(recipe: Recipe) -> str:
    """Other types by the calendar, as words for whoever runs the commands again then."""
    told = [f"{one_line(one['type'])} on {one['start']} until {one['end']}" for one in recipe.values.get("windows", ())]
    return f"; again with {', '.join(told)}, and back" if told else ""


def days_without_stop(values: Mapping[str, Any]) -> list[tuple[date, date]]:
    """Half-open ranges of days on which nothing may be stopped: the schedule's exceptions, each from the last day on
    which the target is started before it, so that it runs when the range begins."""
    starts = {DAYS.index(day) for day in values.get("days", ())}
    found: list[tuple[date, date]] = []
    for first, end in (tuple(map(date.fromisoformat, pair)) for pair in values.get("exceptions", ())):
        eve = next((day for back in range(1, 8) if (day := first - timedelta(back)).weekday() in starts), first)
        if found and eve <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((eve, end))
    return found


def spans_with_stop(values: Mapping[str, Any]) -> list[tuple[str | None, str | None]]:
    """Between those ranges: (from, until) in UTC for whatever stops the target; None is now, and for ever."""
    found: list[tuple[str | None, str | None]] = []
    start = None
    for first, end in days_without_stop(values):
        if first.isoformat() > values.get("made_on", ""):
            found.append((start, midnight(first)))
        start = midnight(end)
    return [*found, (start, None)]


def midnight(day: date) -> str:
    """The begin of an Indian day in UTC."""
    return datetime.combine(day, time(), ZoneInfo(ZONE)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_of(recipe: Recipe) -> str:
    """The target's name on one line: what a cloud would refuse is not written."""
    return one_line(recipe.target.get("name") or recipe.target["id"])


def short_id(recipe: Recipe) -> str:
    """The last part of an ARN or path."""
    return recipe.target["id"].rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def log_group(recipe: Recipe) -> str:
    """The name of a log group, slashes and all: what follows "log-group:" in its ARN."""
    _, found, rest = recipe.target["id"].partition("log-group:")
    return rest.removesuffix(":*") if found else recipe.target["id"]


def clock(text: str) -> tuple[int, int]:
    """Hours and minutes of "09:30"; 24:00 is the last minute of the day."""
    hour, minute = (int(part) for part in text.split(":"))
    return (23, 59) if hour >= 24 else (hour, minute)


def cron_days(days: list[str]) -> str:
    """MON-FRI, or the days one by one."""
    at = sorted(DAYS.index(day) for day in days)
    if len(at) > 2 and at == list(range(at[0], at[-1] + 1)):
        return f"{DAYS[at[0]]}-{DAYS[at[-1]]}".upper()
    return ",".join(DAYS[one] for one in at).upper()


def to_json(value: Any) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


#: What it does, how to undo it, and the commands as words.
Commands = tuple[str, str, list[list[str]]]


def on_aws(recipe: Recipe, service: str, operation: str, *words: str) -> list[str]:
    """A command of the AWS CLI in the target's region."""
    region = recipe.target.get("region") or "ap-south-1"
    return ["aws", service, operation, "--region", region, *words]
