"""The weekly report: which sections, in which order, for whom; and what stands at its top."""

from __future__ import annotations

from typing import Final

from core import BadValue
from kifayat.report.advice import decisions, realised
from kifayat.report.ahead import budgets, forecast
from kifayat.report.health import health
from kifayat.report.parts import Edition, Figure, Report, Section, written
from kifayat.report.period import Week, last_week
from kifayat.report.reading import Reading
from kifayat.report.spend import Spend, spend
from kifayat.report.standing import Standing, late_warnings, old_warnings, read_standing, unpriced_warnings
from kifayat.report.unusual import unusual
from kifayat.report.users import per_user
from kifayat.report.why import last_month, why

#: The same figures for both; who pays reads of money and decisions first, who builds of what moved and what to do.
ORDER: Final[dict[Edition, tuple[str, ...]]] = {
    "finance": ("spend", "per-user", "decisions", "budgets", "forecast", "why", "realised", "anomalies", "health"),
    "engineering": ("anomalies", "spend", "decisions", "per-user", "why", "realised", "forecast", "budgets", "health"),
}
EMPTY: Final = "the snapshot holds no charges yet: add an export to kifayat.toml and run `kifayat ingest`."


def weekly(reading: Reading, edition: Edition, week: Week | None = None) -> Report:
    """The report of a week, or of the last one of which every punctual bill knows each day.

    Raises BadValue for a week that no bill reaches.
    """
    standing = read_standing(reading)
    if standing is None:
        return _empty(reading, edition, week)
    newest = last_week(standing.known_through)
    week = week or newest
    if week.first > standing.newest:
        raise BadValue(
            f"no bill reaches the week {week.label}, which begins on {written(week.first, 'day')}",
            expected=f"a week up to {newest.label}, the last one that is whole", fix="run `kifayat ingest` first",
        )  # fmt: skip
    unpriced = unpriced_warnings(reading, week.before.first.replace(day=1), week.last)
    spent = spend(reading, standing, week, edition, is_priced=not unpriced)
    month = last_month(reading, week.last.replace(day=1))
    users, per_user_figure = per_user(reading, month)
    ahead, _ = forecast(reading, week.last)
    decided, plan = decisions(reading, edition, standing.known_through)
    sections: dict[str, Section] = {
        "spend": spent.section,
        "why": why(reading, month, edition),
        "per-user": users,
        "forecast": ahead,
        "budgets": budgets(reading, week.last),
        "decisions": decided,
        "realised": realised(reading),
        "anomalies": unusual(reading, week, edition),
        "health": health(reading, standing, week.first),
    }
    late = late_warnings(standing, week.before.first, week.last)
    points = (
        _spent_in_words(week, spent),
        _users_in_words(per_user_figure),
        *(note for note in sections["budgets"].notes if " on track" not in note),
        *(f"Unusual: {note}" for note in sections["anomalies"].notes),
        _decided_in_words(decided),
    )
    return Report(
        "weekly",
        edition,
        week.label,
        reading.company or "Kifayat",
        f"Cloud cost of {week.text}",
        week.text,
        _age(reading, standing),
        reading.now,
        reading.snapshot.generation,
        (spent.week, spent.month, per_user_figure, plan),
        tuple(point for point in points if point),
        f"{_spent_in_words(week, spent)} {_users_in_words(per_user_figure)}".strip(),
        (*old_warnings(standing, reading.now), *late, *unpriced),
        tuple(sections[key] for key in ORDER[edition]),
        reading.page_url,
    )


def _spent_in_words(week: Week, spent: Spend) -> str:
    if spent.week.value is None:
        return f"What {week.text} cost is not known: {spent.week.reason}."
    told = f"{week.text} cost {spent.week.text}"
    if spent.change.value is None:
        return f"{told}; {spent.change.reason}."
    usage = spent.usage_change
    told += f", {spent.change.text} ({spent.change.note}) against the week before"
    # what comes at once, such as support on the first of a month, makes two weeks differ that are alike
    return told + (f"; usage alone {usage.text} ({usage.note})." if usage.is_shown else ".")


def _users_in_words(users: Figure) -> str:
    if users.value is None:
        return ""
    return f"{users.label.removeprefix('Per active user, ')} cost {users.text} per active user, {users.note}."


def _decided_in_words(section: Section) -> str:
    if not section.decisions:
        return ""
    first, more = section.decisions[0], len(section.decisions) - 1
    others = f", and {more} more below" if more else ""
    return f"To decide: {first.title}, {first.saving.text} a year{others}."


def _age(reading: Reading, standing: Standing) -> str:
    whole = written(standing.known_through, "day")
    return f"Data whole to {whole}, {standing.age(reading.now)} old"


def _empty(reading: Reading, edition: Edition, week: Week | None) -> Report:
    week = week or last_week(reading.now.date())
    return Report(
        "weekly", edition, week.label, reading.company or "Kifayat", f"Cloud cost of {week.text}", week.text,
        "No charges are loaded", reading.now, reading.snapshot.generation, (), (), f"{week.text}: {EMPTY}", (),
        (Section("spend", "What was spent", reason=EMPTY),), reading.page_url,
    )  # fmt: skip
