"""Prometheus, or anything that speaks its HTTP API: concurrent users by the hour, asked week by week.

Of the labels only product and state are kept. A plain /metrics page is not read: it tells the present value only, so
that every hour in which nobody asked would be a hole, and what it tells is no peak; let a Prometheus read it.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from core import IST, ConfigError, ExportConfig
from ingest.locations import Location, Reading, Say
from ingest.locations._answers import option_faults, split_address
from ingest.locations._prometheus import PrometheusPull, address_faults
from ingest.pull import Part, text_table

SCHEMES = ("prometheus+http", "prometheus+https")

_COLUMNS: Final = ("active_on", "active_at", "product", "state", "metric", "active_users")


def open_at(export: ExportConfig, reading: Reading) -> Location:
    """The server of an export. Raises ConfigError if the query is missing or the address holds a secret."""
    address = split_address(export)
    faults = option_faults(export, ("endpoint", "profile", "region", "password_env")) + address_faults(export)
    if address.query or address.fragment:
        faults.append(f"exports.{export.name}.location: write the server's address only; what to ask goes into query")
    if faults:
        raise ConfigError(faults)
    return PrometheusLocation(export, reading)


class PrometheusLocation(PrometheusPull):
    """One query against one server."""

    def pull(self, part: Part, say: Say) -> pa.Table | None:
        """Users of the hours of a week that are over."""
        return text_table(_COLUMNS, [
            (
                at.astimezone(IST).date(), f"{at:%Y-%m-%dT%H:%M:%SZ}", labels.get("product", "all"),
                labels.get("state", "all"), self.export.metric, round(value),
            )
            for labels, samples in self.series(self.export.query or "", *self.hours(part))
            for at, value in samples
        ])  # fmt: skip
