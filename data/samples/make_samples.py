"""Write the sample exports anew, byte for byte the same: python data/samples/make_samples.py [FOLDER]

Needs pyarrow for the Parquet files (it comes with the program's own environment); the bytes of those depend on its
version, their rows do not. Prints the exact sums of what was written and keeps them in totals.json.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from maker import aws_inc, aws_india, azure, feeds, gcp  # noqa: E402 - the folder of the script comes first
from maker.files import Totals, write_json  # noqa: E402
from maker.season import Dollar  # noqa: E402

#: The whole rate files, as they were published.
RATES = HERE.parents[1] / "tests" / "data" / "fx"
EXPORTS = ("aws-india", "aws-inc", "gcp", "azure", "fx", "invoices", "users")


def make(folder: Path) -> Totals:
    """Write every export into a folder, replacing what is there."""
    for name in EXPORTS:
        shutil.rmtree(folder / name, ignore_errors=True)
    dollar = Dollar(RATES / "usd_inr_sbi_tt_daily.csv")
    totals = Totals()
    invoices = aws_india.write(folder / aws_india.EXPORT, totals)
    aws_inc.write(folder / aws_inc.EXPORT, totals)
    google = gcp.write(folder / gcp.EXPORT, totals, dollar)
    azure.write(folder / azure.EXPORT, totals, dollar)
    feeds.write_all(folder, RATES, invoices, google, dollar, totals)
    write_json(folder / "totals.json", totals.as_json())
    return totals


def main() -> None:
    """Write the samples beside this script, or into the folder given."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE
    totals = make(folder)
    for (export, payer, month, currency), (rows, total) in sorted(totals.sums.items()):
        sys.stdout.write(f"{export:10} {payer[-24:]:24} {month} {currency} {rows:7,} rows {total.normalize():f}\n")
    for name, rows in sorted(totals.feeds.items()):
        sys.stdout.write(f"{name:10} {rows:,} rows\n")


if __name__ == "__main__":
    main()
