"""Where a generated delivery lies under its bucket root. Light: imports no engine.

PREFIX/NAME/20260701-20260801/<assembly id>/NAME-00001.csv.gz, with the manifest in the assembly
folder and in the period folder, as AWS lays out a legacy report that keeps previous versions.
"""

import json
from datetime import date
from pathlib import Path

PREFIX, NAME = "bench", "hourly"
FORMATS = {"csv.gz": ".csv.gz", "parquet": ".snappy.parquet"}
MANIFEST = f"{NAME}-Manifest.json"


def export_folder(bucket: Path) -> Path:
    """The report's folder: what an export's `location` should say."""
    return bucket / PREFIX / NAME


def period_folder(bucket: Path, start: date, end: date) -> Path:
    """The folder of one billing period."""
    return export_folder(bucket) / f"{start:%Y%m%d}-{end:%Y%m%d}"


def data_files(bucket: Path) -> list[Path]:
    """The data files of all periods, as the manifests in the period folders list them."""
    manifests = sorted(export_folder(bucket).glob(f"*/{MANIFEST}"))
    if not manifests:
        raise SystemExit(f"no manifest under {export_folder(bucket)}: run benchmarks.make_cur first")
    return [
        bucket / key for manifest in manifests for key in json.loads(manifest.read_text(encoding="utf-8"))["reportKeys"]
    ]


def is_csv(files: list[Path]) -> bool:
    """True for csv.gz deliveries, False for Parquet."""
    return files[0].name.endswith(FORMATS["csv.gz"])
