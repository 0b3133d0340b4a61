"""What users, calendar and its own past do not explain: the anomalies of the week, and those still open."""

from __future__ import annotations

from typing import Any, Final

from kifayat.report.parts import Column, Edition, Section, clean, written
from kifayat.report.period import Week, days_text
from kifayat.report.reading import Reading

_FOUND: Final = """
SELECT anomaly_id, direction, ProviderName, COALESCE(x_Service, ServiceName, '(all)') AS service, SubAccountId,
    RegionId, first_day, last_day, is_open, expected_inr, actual_inr, impact_inr, explanation
FROM anomalies
WHERE first_day <= $last AND (last_day >= $first OR is_open)
ORDER BY ABS(impact_inr) DESC, anomaly_id
"""
_SUM: Final = """
SELECT SUM(impact_inr) AS impact, COUNT(*) AS found
FROM anomalies WHERE first_day <= $last AND (last_day >= $first OR is_open)
"""
_CAUSES: Final = """
SELECT causes.anomaly_id, position, dimension, value, causes.expected_inr, causes.actual_inr, causes.impact_inr
FROM anomaly_causes AS causes JOIN anomalies USING (anomaly_id)
WHERE first_day <= $last AND (last_day >= $first OR is_open)
ORDER BY ABS(anomalies.impact_inr) DESC, anomaly_id, position
"""


def unusual(reading: Reading, week: Week, edition: Edition) -> Section:
    """The anomalies with what they are made of; engineers see every cause."""
    title, days = "What was unusual", {"first": week.first, "last": week.last}
    answer = reading.ask("anomalies", _FOUND, **days)
    if not answer.rows:
        return Section("anomalies", title, reason=_nothing(reading, week))
    sums = reading.ask("anomalies_sum", _SUM, **days)
    causes = reading.ask("anomaly_causes", _CAUSES, **days)
    return Section(
        "anomalies",
        title,
        figures=(
            sums.figure("impact", "Above what was expected", "change"),
            sums.figure("found", "Anomalies", "count", note="of the week, or still open"),
        ),
        tables=(
            answer.table(
                "Against what was expected",
                Column("service", "Where"),
                Column("expected_inr", "Expected", "inr"),
                Column("actual_inr", "Billed", "inr"),
                Column("impact_inr", "More", "change"),
                Column("explanation", "What", is_note=True),
                shown=8 if edition == "engineering" else 3,
                note="At prices without commitments.",
            ),
            causes.table(
                "What they are made of",
                Column("dimension", "By"),
                Column("value", "Which"),
                Column("expected_inr", "Expected", "inr"),
                Column("impact_inr", "More", "change"),
                shown=10 if edition == "engineering" else 0,
            ),
        ),
        notes=tuple(_when(row, reading) for row in answer.rows[:3]),
    )


def _when(row: dict[str, Any], reading: Reading) -> str:
    where = " · ".join(clean(row[name]) for name in ("ProviderName", "service", "RegionId") if row[name])
    state = "still open" if row["is_open"] else "over"
    if (said := reading.verdicts.get(row["anomaly_id"])) is not None:
        state += f", said to be {said.verdict}" + (f" ({clean(said.reason)})" if said.reason else "")
    return f"{where}: {days_text(row['first_day'], row['last_day'])}, {state}, {written(row['impact_inr'], 'change')}."


def _nothing(reading: Reading, week: Week) -> str:
    """Why nothing is told: nobody looked, it could not be judged, or there was nothing."""
    # a generation of an older version has no such table
    if not reading.value("SELECT COUNT(*) FROM duckdb_views() WHERE view_name = 'anomaly_runs'"):
        return "nobody has looked for it yet: run `kifayat refresh`."
    run = reading.ask("anomaly_run", "SELECT judged_through, least_inr, reason FROM anomaly_runs").first
    if not run or run["judged_through"] is None:
        return f"not known: {clean(run['reason']) if run else 'nobody has looked yet'}."
    if run["judged_through"] < week.first:
        return f"not known: it was looked for only up to {written(run['judged_through'], 'day')}."
    doubt = f" But {clean(run['reason'])}." if run["reason"] else ""
    told = "nothing: every service cost what its users, the calendar and its own past explain"
    return f"{told}, up to {written(run['least_inr'], 'inr')}.{doubt}"
