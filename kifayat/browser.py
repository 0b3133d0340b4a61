"""Start the dashboard as a process of its own: `kifayat` never imports Streamlit."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from core import Config


def run_dashboard(config: Config, port: int, address: str) -> int:
    """Run the dashboard until it is stopped; returns its exit code."""
    spec = importlib.util.find_spec("dashboard")
    folders = spec.submodule_search_locations if spec is not None else None
    assert folders, "the dashboard is part of Kifayat"
    script = Path(folders[0]) / "launch.py"
    command = [sys.executable, str(script), str(config.path), str(port), address]
    try:
        return subprocess.run(command, check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode
    except KeyboardInterrupt:
        return 0
