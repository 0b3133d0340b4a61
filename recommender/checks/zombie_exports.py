"""Exports that are written day by day and never read: dumps, reports, inventories that outlived who wanted them.

Only where the bill shows the writes of a bucket one by one, so that reads would show too, and none in a year with an
exam window in it. The export is ended at its source; its copies expire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from recommender.action import Action, Operator, Recipe, Remove
from recommender.checks._activity import evidence, exam_windows, is_kept_for_a_day, is_running, target
from recommender.fleet import Fleet, Workload

TITLE = "Exports that nobody reads"
OPERATOR = Operator.REMOVE
_EXPORT: Final = re.compile(r"(?<![a-z])(exports?|dumps?|reports?|inventory|usage-?report|extracts?)(?![a-z])", re.I)
#: Requests by the ending of their meters: of AWS and of Google.
_WRITES: Final = ("Requests-Tier1", "Class A Operations")
_READS: Final = ("Requests-Tier2", "Class B Operations", "DataTransfer-Out-Bytes")


def propose(fleet: Fleet) -> Iterator[Action]:
    """One action for each bucket that calls itself an export, was written to within a month and never read."""
    for workload in fleet.of("bucket"):
        stores = any("Storage" in line.meter for line in workload.lines)
        if not (stores and _EXPORT.search(workload.name) and is_running(workload) and fleet.in_exam_window.any()):
            continue
        if is_kept_for_a_day(workload) or _units(workload, _READS) > 0 or _units(workload, _WRITES, 30 * 24) <= 0:
            continue
        figures = {
            "Written": f"{_units(workload, _WRITES, 30 * 24):,.0f} requests in 30 days",
            "Read": "not once in the year, an exam window in it",
            "Coming windows": ", ".join(str(start) for start, _ in exam_windows(fleet)) or "none known",
        }  # fmt: skip
        yield Action(
            "zombie_exports", OPERATOR, workload.id, f"End the export into {workload.name}", Remove(),
            evidence(fleet, figures), Recipe("expire", target(workload), {"days": 30}), "medium",
            "its bill shows writes and not a single read", "hours", False,
            "switch the export on again; what has expired is made anew from its source",
            "somebody may keep it as evidence: ask its owner first",
        )  # fmt: skip


def _units(workload: Workload, endings: tuple[str, ...], hours: int = 0) -> float:
    return float(sum(line.hourly[-hours:].sum() for line in workload.lines if line.meter.endswith(endings)))
