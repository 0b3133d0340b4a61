"""What it takes to ask the clouds of a company instead of reading its files: requests, money, seconds.

    python -m benchmarks.pulls [--months 36] [--company FOLDER] [--work bench-work]

Writes the demo company (or takes one that `kifayat demo` wrote), puts the same files behind servers of this machine
(tests/support/twin.py), and loads both in this process: every export by its files and by its API, then the API again an
instant later, a day later and another day later. Requests and billed units are what the ledger of pulls has; prices
are those of `ingest/lookups/api_prices.csv`, without free tiers. Seconds are those of servers without a network, at
100 requests a second: `at 8/s` is how long the requests alone take at the default rate. Export by export the files
are timed in the same run, so that only the ratio is to be believed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core import FixedClock
from demo.company import Company
from demo.write import write_company
from kifayat import App
from warehouse import Pull, open_warehouse, recent_pulls

ROOT = Path(__file__).resolve().parent.parent
AT = datetime(2026, 8, 21, 3, tzinfo=UTC)
DAY = timedelta(days=1)
_RATE = 8
_LINE = "{:18}{:>7}{:>10}{:>9}{:>8}{:>9}{:>7}{:>10}  {}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--company", type=Path)
    parser.add_argument("--work", type=Path, default=Path("bench-work") / "pulls")
    given = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from twin import ENVIRONMENT, Twin

    os.environ.update(ENVIRONMENT)
    company = given.company
    if company is None:
        company = given.work / f"company-{given.months}"
        if not company.exists():
            write_company(company, Company(months=given.months), print)
    with Twin(company, given.work / f"run-{os.getpid()}") as twin:
        files = _timed(twin.config("files"), AT)
        config = twin.config("clouds")
        runs = [("cold", AT), ("again", AT), ("next day", AT + DAY), ("day after", AT + 2 * DAY)]
        asked = [(name, _timed(config, at), list(_pulls(config))) for name, at in runs]
    _print(files, asked, float(App.from_toml(config).inr_per_usd() or 0))


def _timed(config: Path, at: datetime) -> dict[str, float]:
    """Seconds by export; "" is the whole run with its marts. What is said begins with the export it is said of."""
    app = App.from_toml(config, FixedClock(at))
    names = [export.name for export in app.config.exports]
    found: Counter[str] = Counter()
    began = last = time.perf_counter()
    current = names[0]

    def say(text: str) -> None:
        nonlocal last, current
        now = time.perf_counter()
        found[current] += now - last  # type: ignore[assignment]  # Counter is of int only in its annotation
        name = text.partition(": ")[0]
        current, last = (name if name in names else "marts"), now

    app.ingest(say)
    say("")
    return {**found, "": time.perf_counter() - began}


def _pulls(config: Path) -> Iterator[Pull]:
    """Those of the last run."""
    app = App.from_toml(config)
    with open_warehouse(app.storage) as warehouse:
        pulls = recent_pulls(warehouse.ledger, limit=1000)
    known = getattr(_pulls, "known", 0)
    yield from (pull for pull in pulls if pull.pull_id > known)
    _pulls.known = max((pull.pull_id for pull in pulls), default=0)  # type: ignore[attr-defined]


def _print(files: dict[str, float], runs: list[tuple[str, dict[str, float], list[Pull]]], rupees: float) -> None:
    for name, seconds, pulls in runs:
        print(f"\n{name}: {seconds['']:.1f} s with the marts")
        print(_LINE.format("export", "parts", "requests", "at 8/s", "s", "files s", "ratio", "USD", "billed"))
        for pull in sorted(pulls, key=lambda one: one.export):
            took, by_files = seconds.get(pull.export, 0.0), files.get(pull.export, 0.0)
            requests = sum(pull.calls.values())
            billed = ", ".join(f"{count:,.4g} {unit}" for unit, count in pull.units.items())
            print(_LINE.format(
                pull.export, pull.parts, f"{requests:,}", f"{requests / _RATE:.0f}s", f"{took:.1f}", f"{by_files:.1f}",
                f"{took / by_files:.1f}" if by_files else "-", f"{pull.usd:.4f}", billed,
            ))  # fmt: skip
        by_service = Counter[str]()
        for pull in pulls:
            for call, count in pull.calls.items():
                by_service[call.partition(":")[0] if ":" in call else "google " + call.partition(".")[0]] += count
        usd = sum(pull.usd for pull in pulls)
        print(f"{sum(by_service.values()):,} requests, ${usd:.4f} = ₹{usd * rupees:.2f}: "
              + ", ".join(f"{service} {count:,}" for service, count in by_service.most_common()))  # fmt: skip


if __name__ == "__main__":
    main()
