"""Time and peak memory of the demo company, by scale: writing its files, and loading and publishing them.

python -m benchmarks.demo --scales 1 10. The ratio at the end is the cost of a row at the larger scale to that at the
smaller: below 1 it grows slower than the company.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from benchmarks.measure import run


def main() -> None:
    """Measure each scale in fresh processes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", nargs="+", type=int, default=[1, 10])
    parser.add_argument("--work", type=Path, default=Path("bench-work"))
    options = parser.parse_args()
    print(f"{'scale':>6} {'rows':>12} {'write s':>8} {'MB':>6} {'load s':>8} {'MB':>6} {'s per million rows':>19}")
    per_row = []
    for scale in options.scales:
        folder = options.work / f"demo-{scale}"
        shutil.rmtree(folder, ignore_errors=True)
        options.work.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "kifayat"]
        written = run([*command, "demo", "--write", str(folder), "--scale", str(scale)])
        loaded = run([*command, "--config", str(folder / "kifayat.toml"), "ingest"])
        truth = json.loads((folder / "truth" / "totals.json").read_text(encoding="utf-8"))
        rows = sum(bill["rows"] for bill in truth["charges"])
        per_row.append((written.seconds + loaded.seconds) / rows)
        print(
            f"{scale:>6} {rows:>12,} {written.seconds:>8.1f} {written.peak_mb:>6.0f} {loaded.seconds:>8.1f}"
            f" {loaded.peak_mb:>6.0f} {per_row[-1] * 1e6:>19.1f}"
        )
        shutil.rmtree(folder)
    if len(per_row) > 1:
        print(f"a row at scale {options.scales[-1]} to one at {options.scales[0]}: {per_row[-1] / per_row[0]:.2f}")


if __name__ == "__main__":
    main()
