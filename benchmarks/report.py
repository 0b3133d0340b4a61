"""Medians, ratios and growth of an ingest benchmark, and the machine they were taken on.

Pure arithmetic over finished runs; running them is the business of `ingest.py`.
"""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from benchmarks.measure import Run, median, table

FULL, NOTHING_NEW = "kifayat", "kifayat, nothing new"

Samples = dict[str, list[Run]]
Results = dict[tuple[str, int], Samples]


def ratio(samples: Samples, name: str, field: str = "seconds") -> float | None:
    """Median of the whole path over the median of `name`; None where `name` was not run."""
    peer = median([getattr(one, field) for one in samples.get(name, [])])
    return median([getattr(one, field) for one in samples[FULL]]) / peer if peer else None


def summary(results: Results) -> list[dict[str, object]]:
    """One row per size and format: medians of the whole path and its ratios."""
    rows = []
    for (format, lines), samples in results.items():
        seconds = median([one.seconds for one in samples[FULL]])
        rows.append(
            {
                "format": format,
                "lines": lines,
                "seconds": seconds,
                "cpu_seconds": median([one.cpu_seconds for one in samples[FULL]]),
                "peak_mb": median([one.peak_mb for one in samples[FULL]]),
                "lines_per_second": lines / seconds,
                "over_count": ratio(samples, "duckdb_count"),
                "over_copy_42": ratio(samples, "duckdb_copy_42"),
                "over_polars": ratio(samples, "polars"),
                "memory_over_polars": ratio(samples, "polars", "peak_mb"),
                "nothing_new_pct": 100 * median([one.seconds for one in samples[NOTHING_NEW]]) / seconds,
            }
        )
    return rows


def growth(results: Results) -> list[dict[str, object]]:
    """Per format, the largest size against the smallest: time and memory against lines."""
    rows = []
    for format in {format: None for format, _ in results}:
        sizes = sorted(lines for one, lines in results if one == format)
        if len(sizes) < 2:
            continue
        small, large = (results[format, size][FULL] for size in (sizes[0], sizes[-1]))
        rows.append(
            {
                "format": format,
                "from_lines": sizes[0],
                "to_lines": sizes[-1],
                "lines_times": sizes[-1] / sizes[0],
                "seconds_times": median([o.seconds for o in large]) / median([o.seconds for o in small]),
                "peak_mb_times": median([o.peak_mb for o in large]) / median([o.peak_mb for o in small]),
            }
        )
    return rows


def medians(results: Results) -> list[dict[str, object]]:
    """One row per size, format and job, with the spread."""
    return [
        {
            "format": format,
            "lines": lines,
            "job": name,
            "seconds": median([one.seconds for one in runs]),
            "fastest": min(one.seconds for one in runs),
            "slowest": max(one.seconds for one in runs),
            "cpu_seconds": median([one.cpu_seconds for one in runs]),
            "peak_mb": median([one.peak_mb for one in runs]),
        }
        for (format, lines), samples in results.items()
        for name, runs in samples.items()
    ]


def machine() -> dict[str, object]:
    """What the figures were taken on."""

    def installed(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in ("kifayat", "duckdb", "polars", "pyarrow", "isal")},
    }


def show(rows: list[dict[str, object]]) -> str:
    """Dicts with equal keys as a plain-text table."""
    return table([key.replace("_", " ") for key in rows[0]], [list(row.values()) for row in rows])
