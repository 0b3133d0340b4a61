"""How long Kifayat takes from delivered files to published marts, against peers in the same run.

    python -m benchmarks.ingest --rows 1000000 5000000 10000000 --repeat 3

For every size and format: make the delivery once, then per repeat, interleaved and each in a
fresh process: the baselines, `kifayat ingest` into an empty store, and the same command again
with nothing new. Prints medians and ratios; keeps every run in one JSON file. Ratios hold for
the machine and the minute they were taken on; figures from elsewhere are never put beside them.
"""

import argparse
import json
import shlex
import shutil
import sys
from pathlib import Path

from benchmarks.layout import data_files, export_folder
from benchmarks.measure import Run, run
from benchmarks.report import (
    FULL,
    NOTHING_NEW,
    Results,
    Samples,
    growth,
    machine,
    medians,
    show,
    summary,
)

ROOT = Path(__file__).resolve().parent.parent
BASELINES = {
    "csv.gz": ("duckdb_count", "polars"),
    "parquet": ("duckdb_copy_42", "polars"),
}


def kifayat_command(given: str | None) -> list[str]:
    """The command to measure: `--kifayat`, else the `kifayat` installed beside this Python."""
    return shlex.split(given) if given else [str(Path(sys.executable).with_name("kifayat"))]


def make_delivery(work: Path, rows: int, format: str, months: int = 1) -> Path:
    """Make (or find) a delivery in a process of its own; return its bucket root."""
    bucket = work / "data" / f"{format}-{rows}-{months}m"
    command = [sys.executable, "-m", "benchmarks.make_cur", "--out", str(bucket)]
    command += ["--rows", str(rows), "--format", format, "--months", str(months)]
    run(command, cwd=ROOT, log=log_file(work, "make_cur"))
    return bucket


def log_file(work: Path, name: str) -> Path:
    """Where the stderr of the last `name` goes."""
    folder = work / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name.replace(', ', '-').replace(' ', '-')}.log"


def write_config(path: Path, storage: Path, bucket: Path, memory_limit: str) -> Path:
    """The smallest kifayat.toml that reads the delivery under `bucket`."""
    location = export_folder(bucket)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"[storage]\ndirectory = {json.dumps(str(storage))}\nkeep_months = 60\n\n"
        f"[engine]\nmemory_limit = {json.dumps(memory_limit)}\n\n"
        f'[[exports]]\nname = "cur"\nlocation = {json.dumps(str(location))}\n\n'
        # real rates, so that the rupees are derived and not only missing
        f'[[exports]]\nname = "fx"\nlocation = {json.dumps(str(ROOT / "data" / "samples" / "fx" / "sbi"))}\n',
        encoding="utf-8",
    )
    return path


def warm(bucket: Path) -> None:
    """Read every data file once, so that the first job does not pay for the disk."""
    for path in data_files(bucket):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def measure_case(given: argparse.Namespace, rows: int, format: str) -> Samples:
    """All repeats of one size and format."""
    bucket = make_delivery(given.work, rows, format)
    warm(bucket)
    storage = given.work / "storage"
    config = write_config(given.work / "kifayat.toml", storage, bucket, given.memory_limit)
    ingest = [*kifayat_command(given.kifayat), "--config", str(config), "ingest"]
    samples: Samples = {name: [] for name in (*BASELINES[format], FULL, NOTHING_NEW)}

    def whole_path() -> None:
        shutil.rmtree(storage, ignore_errors=True)
        for name in (FULL, NOTHING_NEW):
            note(name, run(ingest, log=log_file(given.work, name)))

    def baseline(name: str) -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.baselines",
            name,
            "--source",
            str(bucket),
        ]
        result = run(command, cwd=ROOT, log=log_file(given.work, name))
        if result.report().get("rows") != rows:
            raise SystemExit(f"{name} read {result.report().get('rows')} rows, expected {rows}")
        note(name, result)

    def note(name: str, result: Run) -> None:
        samples[name].append(result)
        print(
            f"{format:8} {rows:>12,} {name:22} {result.seconds:8.2f} s {result.cpu_seconds:8.2f} CPU-s"
            f" {result.peak_mb:8.0f} MB  load {result.load_before:.1f}",
            flush=True,
        )

    for repeat in range(given.repeat):
        jobs = [*BASELINES[format], FULL]
        for name in jobs if repeat % 2 == 0 else reversed(jobs):
            if name == FULL:
                whole_path()
            else:
                baseline(name)
    if given.verify:
        command = [
            sys.executable,
            "-m",
            "benchmarks.verify",
            "--config",
            str(config),
            "--source",
            str(bucket),
        ]
        print(
            "verified:",
            run(command, cwd=ROOT, log=log_file(given.work, "verify")).output.strip(),
        )
    shutil.rmtree(storage, ignore_errors=True)
    return samples


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000, 10_000_000])
    parser.add_argument("--formats", nargs="+", choices=list(BASELINES), default=list(BASELINES))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("bench-work"),
        help="deliveries, stores, logs, results",
    )
    parser.add_argument("--memory-limit", default="1GB", help="[engine] memory_limit for kifayat")
    parser.add_argument("--kifayat", help="command to measure instead of the installed kifayat")
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not compare totals at the end",
    )
    given = parser.parse_args()
    given.work = given.work.resolve()
    given.work.mkdir(parents=True, exist_ok=True)

    results: Results = {}
    for format in given.formats:
        for rows in given.rows:
            results[format, rows] = measure_case(given, rows, format)
    tables = {"medians": medians(results), "ratios": summary(results), "growth": growth(results)}
    report = {
        "machine": machine(),
        "memory_limit": given.memory_limit,
        "repeat": given.repeat,
        **tables,
        "runs": [
            {"format": format, "lines": lines, "job": name, **vars(one), "output": None}
            for (format, lines), samples in results.items()
            for name, runs in samples.items()
            for one in runs
        ],
    }
    target = given.work / "ingest.json"
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for title, lines_of_table in tables.items():
        if lines_of_table:
            print(f"\n{title}\n{show(lines_of_table)}")
    print(f"\n{target}")


if __name__ == "__main__":
    main()
