"""How large a machine type of Google Cloud is, read from its name: inventories tell only the name.

Source: "Machine families resource and comparison guide" (Compute Engine) and "About instance settings" (Cloud SQL).
Types whose name does not say it (a2-highgpu-1g) have no size here.
"""

from __future__ import annotations

import re
from typing import Final

_CUSTOM: Final = re.compile(r"^(?:[a-z]\d[a-z]?-|db-)?custom-(\d+)-(\d+)(?:-ext)?$")
_NAMED: Final = re.compile(r"^(?:db-)?([a-z]\d[a-z]?)-(standard|highmem|highcpu)-(\d+)(?:-lssd)?$")
_OPTIMIZED: Final = re.compile(r"^db-perf-optimized-N-(\d+)$")
#: GiB for each vCPU, where a series differs from the usual.
_USUAL: Final = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_OTHER: Final = {
    ("n1", "standard"): 3.75, ("n1", "highmem"): 6.5, ("n1", "highcpu"): 0.9, ("c2d", "highcpu"): 2.0,
    ("c3", "highcpu"): 2.0, ("c3d", "highcpu"): 2.0, ("c4", "highcpu"): 2.0, ("c4", "standard"): 3.75,
    ("c4", "highmem"): 7.75, ("c4a", "highcpu"): 2.0, ("n4", "highcpu"): 2.0,
}  # fmt: skip
_SHARED: Final = {
    "e2-micro": (2.0, 1.0), "e2-small": (2.0, 2.0), "e2-medium": (2.0, 4.0), "f1-micro": (1.0, 0.6),
    "g1-small": (1.0, 1.7), "db-f1-micro": (1.0, 0.6), "db-g1-small": (1.0, 1.7),
}  # fmt: skip


def size_of(machine_type: str) -> tuple[float, float] | None:
    """vCPUs and GiB, as n2-standard-8 -> (8.0, 32.0); None where the name does not tell."""
    if custom := _CUSTOM.match(machine_type):
        return float(custom[1]), float(custom[2]) / 1024
    if named := _NAMED.match(machine_type):
        vcpus = float(named[3])
        return vcpus, vcpus * _OTHER.get((named[1], named[2]), _USUAL[named[2]])
    if optimized := _OPTIMIZED.match(machine_type):
        return float(optimized[1]), 8 * float(optimized[1])
    return _SHARED.get(machine_type)
