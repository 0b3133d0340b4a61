"""What Google Cloud's things cost in Mumbai, USD per pricing unit.

Machines and disks from `facts/` (a vCPU and a GiB from the difference of two machine types of the same series);
everything else is of the size of the public list price, not checked against it.
"""

# ruff: noqa: E501 - the table of SKUs reads best with one row a line

from __future__ import annotations

import csv
from functools import cache

from demo.company import FACTS
from demo.gcp_line import Sku

GIB = 2**30
#: A pricing month of storage has 730 hours.
MONTH_HOURS = 730
_MONTH = MONTH_HOURS * 3600
CE = "Compute Engine"
#: Google's own ids where they are public.
SERVICES = {
    CE: "6F81-5844-456A", "Cloud Storage": "95FF-2EF5-5EA1", "BigQuery": "24E6-581D-38E5",
    "Cloud SQL": "9662-B51E-5089", "Vertex AI": "C7E2-9256-1C43", "Cloud Logging": "5490-F7B7-8DF6",
    "Cloud Pub/Sub": "A1E8-BE35-7EBC", "Networking": "E505-1604-58F8", "Kubernetes Engine": "CCD8-9BF1-090E",
    "Support": "2062-016F-44A2", "Invoice": "0000-INVO-ICE0",
}  # fmt: skip


@cache
def _machines() -> dict[str, dict[str, str]]:
    with (FACTS / "gcp_compute_prices.csv").open(encoding="utf-8", newline="") as file:
        return {row["machine_type"]: row for row in csv.DictReader(file)}


@cache
def size_of(machine: str) -> tuple[float, float]:
    """vCPUs and GiB of a machine type."""
    row = _machines()[machine]
    return float(row["vcpus"]), float(row["memory_gb"])


@cache
def prices(series: str, column: str = "hour_usd") -> tuple[float, float]:
    """USD of a vCPU hour and of a GiB hour of a series."""
    small, large = _machines()[f"{series}-standard-4"], _machines()[f"{series}-highmem-4"]
    gib = (float(large[column]) - float(small[column])) / (float(large["memory_gb"]) - float(small["memory_gb"]))
    return round((float(small[column]) - float(small["memory_gb"]) * gib) / 4, 9), round(gib, 9)


def one_year_share(series: str) -> float:
    """What a vCPU committed for a year costs as a part of its list price."""
    row = _machines()[f"{series}-standard-4"]
    return round(float(row["month_1y_cud_usd"]) / (float(row["hour_usd"]) * MONTH_HOURS), 4)


@cache
def _disk(name: str, kind: str = "disk") -> float:
    with (FACTS / "gcp_disk_and_bucket_prices.csv").open(encoding="utf-8", newline="") as file:
        return next(
            float(row["usd"]) for row in csv.DictReader(file) if (row["kind"], row["name"]) == (kind, name)
        )  # the plain month comes first


def _gpu() -> tuple[float, float, float]:
    """USD an hour of a G2 vCPU, GiB and L4: two sizes of one GPU; a GiB is taken to cost as on N2, relative to a vCPU."""
    four, eight = (float(_machines()[f"g2-standard-{size}"]["hour_usd"]) for size in (4, 8))
    core, gib = prices("n2")
    cpu = (eight - four) / (4 + 16 * gib / core)
    return round(cpu, 9), round(cpu * gib / core, 9), round(2 * four - eight, 9)


@cache
def skus() -> dict[str, Sku]:
    """All SKUs by a short name of our own."""
    found: dict[str, Sku] = {}

    def core(key: str, name: str, usd: float) -> None:
        found[key] = Sku(CE, name, "hour", usd, "seconds", 3600)

    def ram(key: str, name: str, usd: float) -> None:
        found[key] = Sku(CE, name, "gibibyte hour", usd, "byte-seconds", GIB * 3600)

    for series in ("e2", "n2"):
        cpu, gib = prices(series)
        core(f"{series}.core", f"{series.upper()} Instance Core running in Mumbai", cpu)
        ram(f"{series}.ram", f"{series.upper()} Instance Ram running in Mumbai", gib)
    cpu, gib = prices("n2", "hour_spot_usd")
    core("spot.core", "Spot Preemptible N2 Instance Core running in Mumbai", cpu)
    ram("spot.ram", "Spot Preemptible N2 Instance Ram running in Mumbai", gib)
    cpu, gib, gpu = _gpu()
    core("g2.core", "G2 Instance Core running in Mumbai", cpu)
    ram("g2.ram", "G2 Instance Ram running in Mumbai", gib)
    core("g2.gpu", "Nvidia L4 GPU attached to On Demand VMs running in Mumbai", gpu)
    for key, service, name, unit, usd in _PLAIN:
        base, factor = _BASE[unit]
        found[key] = Sku(service, name, unit, usd, base, factor)
    return found


_BASE = {
    "hour": ("seconds", 3600.0),
    "gibibyte hour": ("byte-seconds", GIB * 3600.0),
    "gibibyte month": ("byte-seconds", GIB * float(_MONTH)),
    "gibibyte": ("bytes", float(GIB)),
    "tebibyte": ("bytes", 1024.0 * GIB),
    "mebibyte": ("bytes", 1024.0**2),
    "count": ("requests", 1.0),
    "month": ("seconds", float(_MONTH)),
    "": ("", 1.0),
}
_BQ, _GCS, _SQL, _NET, _AI = "BigQuery", "Cloud Storage", "Cloud SQL", "Networking", "Vertex AI"
_PLAIN = (
    ("disk.balanced", CE, "Balanced PD Capacity in Mumbai", "gibibyte month", _disk("balanced")),
    ("disk.ssd", CE, "SSD backed PD Capacity in Mumbai", "gibibyte month", _disk("ssd")),
    ("disk.snapshot", CE, "Storage PD Snapshot in Mumbai", "gibibyte month", _disk("snapshot")),
    ("ip.idle", CE, "Static Ip Charge in Mumbai", "hour", 0.01),
    ("gke.fee", "Kubernetes Engine", "Zonal Kubernetes Clusters", "hour", 0.10),
    ("bq.analysis", _BQ, "Analysis (asia-south1)", "tebibyte", 7.19),
    ("bq.storage", _BQ, "Active Logical Storage (asia-south1)", "gibibyte month", 0.023),
    ("bq.longterm", _BQ, "Long Term Logical Storage (asia-south1)", "gibibyte month", 0.016),
    ("bq.stream", _BQ, "Streaming Insert (asia-south1)", "mebibyte", 0.00006),
    ("gcs.standard", _GCS, "Standard Storage Mumbai", "gibibyte month", _disk("standard", "gcs-bucket")),
    ("gcs.nearline", _GCS, "Nearline Storage Mumbai", "gibibyte month", _disk("nearline", "gcs-bucket")),
    ("gcs.coldline", _GCS, "Coldline Storage Mumbai", "gibibyte month", _disk("coldline", "gcs-bucket")),
    ("gcs.archive", _GCS, "Archive Storage Mumbai", "gibibyte month", _disk("archiv", "gcs-bucket")),
    ("gcs.class-a", _GCS, "Regional Standard Class A Operations", "count", 0.000005),
    ("gcs.class-b", _GCS, "Regional Standard Class B Operations", "count", 0.0000004),
    ("net.egress", _NET, "Network Internet Data Transfer Out from Mumbai to India", "gibibyte", 0.11),
    ("net.zone", _NET, "Network Inter Zone Data Transfer Out", "gibibyte", 0.01),
    ("nat.hour", _NET, "Cloud NAT Gateway: Uptime charge", "hour", 0.045),
    ("nat.data", _NET, "Cloud NAT Gateway: Data processing charge in Mumbai", "gibibyte", 0.045),
    ("sql.core", _SQL, "Cloud SQL for PostgreSQL: Zonal - vCPU in Mumbai", "hour", 0.0496),
    ("sql.ram", _SQL, "Cloud SQL for PostgreSQL: Zonal - RAM in Mumbai", "gibibyte hour", 0.0084),
    ("sql.ssd", _SQL, "Cloud SQL for PostgreSQL: Zonal - Standard storage in Mumbai", "gibibyte month", 0.204),
    ("ai.input", _AI, "Gemini 2.5 Flash Text Input - Predictions", "count", 0.0000003),
    ("ai.output", _AI, "Gemini 2.5 Flash Text Output - Predictions", "count", 0.0000025),
    ("log.volume", "Cloud Logging", "Log Storage cost", "gibibyte", 0.50),
    ("pubsub", "Cloud Pub/Sub", "Message Delivery Basic", "tebibyte", 40.0),
    ("support", "Support", "Standard Support Service", "month", 0.0),
    ("tax", "Invoice", "Tax: IGST 18%", "", 0.0),
    ("rounding", "Invoice", "Rounding error", "", 0.0),
    ("goodwill", "Invoice", "Goodwill adjustment", "", 0.0),
    ("cud.core", CE, "Commitment v1: N2 Cpu in Mumbai for 1 Year", "hour", 0.0),
    ("cud.ram", CE, "Commitment v1: N2 Ram in Mumbai for 1 Year", "gibibyte hour", 0.0),
    ("flex", CE, "Commitment - dollar based v1: GCE for 1 year", "hour", 0.0),
)  # fmt: skip
