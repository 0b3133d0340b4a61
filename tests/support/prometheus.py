"""A real Prometheus on this machine, with samples of ours, where one is at hand."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROMETHEUS = os.environ.get("KIFAYAT_PROMETHEUS") or shutil.which("prometheus")
PROMTOOL = str(Path(PROMETHEUS).with_name("promtool")) if PROMETHEUS else None


@contextmanager
def running_prometheus(folder: Path, openmetrics: str = "") -> Iterator[str]:
    """Its address (host:port); `openmetrics` are samples with their seconds, in OpenMetrics text."""
    assert PROMETHEUS is not None
    assert PROMTOOL is not None
    (folder / "prometheus.yml").write_text("global: {}\n")
    if openmetrics:
        (folder / "samples.txt").write_text(openmetrics)
        made = [
            PROMTOOL,
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            folder / "samples.txt",
            folder / "data",
        ]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=20y",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/-/ready")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")
