"""What is true of the company, beside its files: sums, resources, anomalies, commitments, the noise-free users.

Nothing that reads the exports may read this, except to score what it concluded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.files import write_csv, write_json
from demo.users import Users

#: Columns of resources.csv. `state`: idle, dormant, oversized, schedulable, spotable, untagged or ok (several rows
#: where several hold). `detail` says it in words of one line, `right_size` the instance type that would do,
#: `activity` when it is really needed ("Mon-Fri 09:30-21:00 IST"), `owner` team/service where the tags are missing.
RESOURCE = (
    "resource_id",
    "provider",
    "account",
    "service",
    "state",
    "since",
    "detail",
    "right_size",
    "activity",
    "owner",
)
#: Columns of anomalies.csv: `extra` is the cost above the normal course, in `currency`.
ANOMALY = ("id", "provider", "service", "resource_id", "start_on", "end_on", "extra", "currency", "why")
#: Columns of commitments.csv: over its life to the last day: what it cost, what of it was used, what the used part
#: would have cost on demand, and what was saved (on demand - cost). `verdict`: well, under or over used.
COMMITMENT = (
    "id", "provider", "kind", "start_on", "end_on", "hourly", "currency", "cost", "used", "on_demand_equivalent",
    "saved", "utilization_pct", "verdict",
)  # fmt: skip


@dataclass
class Truth:
    """Filled while the files are written."""

    #: (export, payer, month YYYY-MM, currency) -> rows and sum of the newest delivery.
    charges: dict[tuple[str, str, str, str], tuple[int, Decimal]] = field(default_factory=dict)
    #: Deliveries that a later one replaced.
    superseded: list[dict[str, Any]] = field(default_factory=list)
    feeds: dict[str, int] = field(default_factory=dict)
    resources: list[Mapping[str, Any]] = field(default_factory=list)
    anomalies: list[Mapping[str, Any]] = field(default_factory=list)
    commitments: list[Mapping[str, Any]] = field(default_factory=list)

    def charge(self, export: str, payer: str, month: date | str, currency: str, rows: int, total: Decimal) -> None:
        """Count rows of a bill; called again for the same bill, it adds."""
        key = (export, payer, month if isinstance(month, str) else f"{month:%Y-%m}", currency)
        had_rows, had = self.charges.get(key, (0, Decimal(0)))
        self.charges[key] = (had_rows + rows, had + total)

    def absorb(self, other: Truth) -> None:
        """Take over what another part of the company wrote."""
        for key, (rows, total) in other.charges.items():
            self.charge(*key, rows, total)
        for name, rows in other.feeds.items():
            self.feeds[name] = self.feeds.get(name, 0) + rows
        self.superseded += other.superseded
        self.resources += other.resources
        self.anomalies += other.anomalies
        self.commitments += other.commitments

    def write(self, folder: Path, users: Users) -> None:
        """Write everything into a folder of its own."""
        write_json(
            folder / "totals.json",
            {
                "what": "rows of the files and the exact sum of the provider's own amounts (GCP: cost plus credits)",
                "charges": [
                    {"export": e, "payer": p, "month": m, "currency": c, "rows": rows, "sum": f"{total.normalize():f}"}
                    for (e, p, m, c), (rows, total) in sorted(self.charges.items())
                ],
                "superseded": self.superseded,
                "feeds": dict(sorted(self.feeds.items())),
            },
        )
        for name, header, rows in (
            ("resources", RESOURCE, self.resources),
            ("anomalies", ANOMALY, self.anomalies),
            ("commitments", COMMITMENT, self.commitments),
        ):
            write_csv(folder / f"{name}.csv", header, _ordered(header, rows))
        days = [str(day) for day in users.company.days]
        write_csv(
            folder / "users.csv", ("active_on", "product", "expected_dau"),
            ((day, product, f"{value:.1f}") for product, curve in users.expected.items()
             for day, value in zip(days, curve, strict=True)),
        )  # fmt: skip


def _ordered(header: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterable[list[Any]]:
    for row in rows:
        if strange := set(row) - set(header):
            raise ValueError(f"no such column of the truth: {', '.join(sorted(strange))}")
        yield [row.get(name, "") for name in header]
