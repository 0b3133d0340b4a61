"""What it takes to ask the clouds of a company instead of reading its files: requests, money, seconds.

    python -m benchmarks.pulls [--months 36] [--company FOLDER] [--work bench-work]

Writes the demo company (or takes one that `kifayat demo` wrote), puts the same files behind servers of this machine
(tests/support/twin.py), and loads them in this process: cold, again an instant later, a day later and another day
later; then the files into another store, whose tables must be the same. Requests and billed units are what the ledger
of pulls has; prices are those of `ingest/lookups/api_prices.csv`, without free tiers. Seconds are those of servers
without a network, at 100 requests a second: `at 8/s` is how long the requests alone take at the default rate. Only the
ratio to the files of the same run is to be believed.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
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
_LINE = "{:18}{:>7}{:>10}{:>9}{:>8}{:>10}  {}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--company", type=Path)
    parser.add_argument("--work", type=Path, default=Path("bench-work") / "pulls")
    given = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from twin import ENVIRONMENT, Twin
    from twin_compare import differences

    os.environ.update(ENVIRONMENT)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    company = given.company
    if company is None:
        company = given.work / f"company-{given.months}"
        if not company.exists():
            write_company(company, Company(months=given.months), print)
    runs: list[tuple[str, dict[str, float], list[Pull]]] = []
    known = 0
    with Twin(company, given.work / f"run-{os.getpid()}") as twin:
        config = twin.config("clouds")
        for name, at in (("cold", AT), ("again", AT), ("next day", AT + DAY), ("day after", AT + 2 * DAY)):
            seconds = _timed(config, at)
            app = App.from_toml(config, FixedClock(at))
            pulls = [pull for pull in _pulls(app) if pull.pull_id > known]
            known = max((known, *(pull.pull_id for pull in pulls)))
            _print(name, seconds, pulls, float(app.inr_per_usd() or 0))
            runs.append((name, seconds, pulls))
        by_files = twin.config("files")
        files = _timed(by_files, AT + 2 * DAY)
        _compare(files, runs[0][1])
        differ = differences(App.from_toml(by_files, FixedClock(AT + 2 * DAY)), app)
        print("tables that differ from those of the files:", ", ".join(differ) or "none")


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
        # what a part says of itself begins with its own name
        current, last = (name if name in names else current if "/" in name else "marts"), now

    app.ingest(say)
    say("")
    return {**found, "": time.perf_counter() - began}


def _pulls(app: App) -> list[Pull]:
    with open_warehouse(app.storage) as warehouse:
        return recent_pulls(warehouse.ledger, limit=1000)


def _print(name: str, seconds: dict[str, float], pulls: Sequence[Pull], rupees: float) -> None:
    print(f"\n{name}: {seconds['']:.1f} s with the marts ({seconds.get('marts', 0.0):.1f} s)")
    print(_LINE.format("export", "parts", "requests", "at 8/s", "s", "USD", "billed"))
    for pull in sorted(pulls, key=lambda one: one.export):
        requests, took = sum(pull.calls.values()), seconds.get(pull.export, 0.0)
        billed = ", ".join(f"{count:,.4g} {unit}" for unit, count in pull.units.items())
        print(_LINE.format(
            pull.export, pull.parts, f"{requests:,}", f"{requests / _RATE:.0f}s", f"{took:.1f}",
            f"{pull.usd:.4f}", billed,
        ))  # fmt: skip
    by_service = Counter[str]()
    for pull in pulls:
        for call, count in pull.calls.items():
            by_service[call.partition(":")[0] if ":" in call else "google " + call.partition(".")[0]] += count
    usd = sum(pull.usd for pull in pulls)
    told = ", ".join(f"{service} {count:,}" for service, count in by_service.most_common())
    print(f"{sum(by_service.values()):,} requests, ${usd:.4f} = ₹{usd * rupees:.2f}: {told}", flush=True)


def _compare(files: dict[str, float], cold: dict[str, float]) -> None:
    print(f"\nfiles: {files['']:.1f} s with the marts ({files.get('marts', 0.0):.1f} s)")
    for name in sorted(files.keys() & cold.keys(), key=lambda name: -cold[name]):
        one, other = cold[name], files[name]
        print(f"{name or 'all':18}{one:8.1f} s asked{other:8.1f} s files{one / other:7.1f} times")


if __name__ == "__main__":
    main()
