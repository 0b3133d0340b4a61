"""Anomalies as alerts: those that go on, or were just found, and cost enough, until somebody says they were none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core import compact_inr
from core.service_sections import AlertsConfig, Severity
from kifayat.alerts import Finding, State, Watch, page_link, safe
from warehouse import REACH, Alert, Feedback, Snapshot, whole_through

Row = Mapping[str, Any]
#: The first check tells of what was found in the last days; what is older is on the page.
RECENT: Final = timedelta(days=14)
#: What has ended counts for so long after it was found: a spike on a day on which nobody looked is told too.
STAYS: Final = timedelta(days=4)
#: So many times the smallest impact is grave.
GRAVE: Final = 10
_CAUSES: Final = 3


def watch(snapshot: Snapshot, said: Mapping[str, Feedback], rules: AlertsConfig, page: str) -> Watch:
    """Every anomaly of the generation."""
    newest, complete_through = snapshot.query(REACH).rows[0]
    known = date.min if newest is None else whole_through(newest, complete_through)
    causes = snapshot.query("SELECT * FROM anomaly_causes ORDER BY anomaly_id, position").to_dicts()
    rows = snapshot.query("SELECT * FROM anomalies ORDER BY detected_on, anomaly_id").to_dicts()
    return anomaly_watch(rows, causes, said, rules, known, page)


def anomaly_watch(
    rows: Sequence[Row], causes: Sequence[Row], said: Mapping[str, Feedback], rules: AlertsConfig, known: date,
    page: str = "",
) -> Watch:  # fmt: skip
    """`rows` of anomalies, `causes` of anomaly_causes; `known` is the last day that is known."""
    findings = []
    for row in rows:
        mine = [cause for cause in causes if cause["anomaly_id"] == row["anomaly_id"]]
        verdict = said.get(row["anomaly_id"])
        findings.append(Finding(
            f"anomaly:{safe(row['anomaly_id'])}", anomaly_name(row), _severity(row, rules), _title(row),
            row["explanation"], _state(row, verdict, rules, known), anomaly_facts(row, mine),
            partial(_ended, row, verdict),
            is_recent=row["detected_on"] > known - RECENT, is_once=True,
        ))  # fmt: skip
    return Watch(
        "anomaly:", "anomaly", findings, "it is not seen any more: the bills, or what was expected, have changed",
        link=page_link(page, "alerts"),
    )  # fmt: skip


def _state(row: Row, verdict: Feedback | None, rules: AlertsConfig, known: date) -> State:
    is_past = not row["is_open"] and row["detected_on"] <= known - STAYS
    if is_past or (verdict is not None and verdict.verdict != "real"):
        return "over"
    return "alarming" if abs(row["impact_inr"]) >= rules.anomaly_min_inr else "lingering"


def _severity(row: Row, rules: AlertsConfig) -> Severity:
    is_grave = abs(row["impact_inr"]) >= GRAVE * rules.anomaly_min_inr
    if row["impact_inr"] > 0:
        return "error" if is_grave else "warning"
    return "warning" if is_grave else "info"  # less than expected: nobody loses money by waiting


def _ended(row: Row, verdict: Feedback | None, _: Alert) -> str:
    if verdict is not None and verdict.verdict != "real":
        return f"it was {verdict.verdict}: {verdict.reason}"
    return f"it ended on {row['last_day']:%-d %B %Y}: {_impact(row)}"


def _title(row: Row) -> str:
    return f"{anomaly_name(row)}: {_impact(row)}"


def _impact(row: Row) -> str:
    way = "above" if row["impact_inr"] > 0 else "below"
    return f"{_inr(abs(row['impact_inr']))} {way} what is expected"


def anomaly_name(row: Row) -> str:
    """Where it is: the service of the company or of the provider."""
    return " / ".join(row[name] for name in ("x_Service", "ServiceName") if row[name]) or row["ProviderName"]


def anomaly_facts(row: Row, causes: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """A row of anomalies with its largest causes as people read them."""
    places = (("Provider", "ProviderName"), ("Service", "ServiceName"), ("Account", "SubAccountId"),
              ("Region", "RegionId"))  # fmt: skip
    facts = [(label, row[name]) for label, name in places if row[name]]
    days = f"{row['first_day']:%-d %B %Y}"
    if row["last_day"] != row["first_day"]:
        days += f" to {row['last_day']:%-d %B %Y}"
    facts += [
        ("Days", days),
        ("Cost", _inr(row["actual_inr"])),
        ("Expected", _inr(row["expected_inr"])),
        ("Difference", _inr(row["impact_inr"])),
    ]
    facts += [
        (f"Cause {at}", f"{cause['dimension']} {cause['value']}: {_inr(cause['impact_inr'])}")
        for at, cause in enumerate(causes[:_CAUSES], 1)
    ]
    return tuple(facts)


def _inr(value: float) -> str:
    return compact_inr(Decimal(str(round(value, 2))))
