"""Run a command as a fresh process and say what it cost.

Wall time, CPU time (the process and all it waited for) and peak memory, measured from outside,
so that Kifayat and its peers are held against the same clock, start-up included. Not a profiler.
"""

import json
import math
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Run:
    """One process: seconds of wall clock, CPU seconds, peak MB (10^6 bytes) and its output."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str
    load_before: float

    def report(self) -> dict[str, object]:
        """The last line of the output as JSON; empty when it is not JSON."""
        lines = self.output.strip().splitlines()
        try:
            parsed = json.loads(lines[-1]) if lines else {}
        except json.JSONDecodeError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


class _GroupPeak(threading.Thread):
    """Largest sum of resident memory over the processes of one session, sampled.

    `ru_maxrss` knows the largest single process only; a job that forks workers needs the sum.
    Pages shared between the processes are counted once per process.
    """

    def __init__(self, session: int, every_seconds: float = 0.1) -> None:
        super().__init__(daemon=True)
        self.session, self.every_seconds = session, every_seconds
        self.peak_bytes = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(self.every_seconds):
            self.peak_bytes = max(self.peak_bytes, sum(map(self._resident, self._members())))

    def _members(self) -> list[str]:
        members = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                # pid (name) state ppid pgrp session ...; the name may hold spaces.
                if int(stat.rpartition(")")[2].split()[3]) == self.session:
                    members.append(entry.name)
        return members

    @staticmethod
    def _resident(pid: str) -> int:
        try:
            return int(Path("/proc", pid, "statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0


def run(command: Sequence[str], cwd: Path | None = None, log: Path | None = None) -> Run:
    """Run `command` in its own session to its end. Errors: SystemExit with its stderr if it fails.

    The caller must itself be small: Linux hands the peak memory of the process that forks down
    to the child, so import no engine in a process that measures.
    """
    load_before = os.getloadavg()[0]
    # An installed program finds its byte code; where that is switched off, every start would compile it anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    with (log or Path(os.devnull)).open("w") as errors:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        group = _GroupPeak(process.pid)
        group.start()
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    group.over.set()
    group.join()
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        told = log.read_text()[-2000:] if log else ""
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{output[-2000:]}\n{told}")
    return Run(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=max(usage.ru_maxrss * 1024, group.peak_bytes) / 1e6,
        output=output,
        load_before=load_before,
    )


def median(values: Sequence[float]) -> float:
    """The median, 0 for no values."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], pct: float) -> float:
    """Nearest-rank percentile, `pct` in 0-100: the smallest value with at least pct % at or below it."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * pct / 100) - 1)]


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain-text table: first column left, the others right."""
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(headers))]
    lines = [
        "  ".join(
            text.ljust(width) if n == 0 else text.rjust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
