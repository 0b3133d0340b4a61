"""Become the dashboard: `kifayat` never imports Streamlit."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import NoReturn

from core import Config


def run_dashboard(config: Config, port: int, address: str) -> NoReturn:
    """Become the dashboard until it is stopped."""
    spec = importlib.util.find_spec("dashboard")
    folders = spec.submodule_search_locations if spec is not None else None
    assert folders, "the dashboard is part of Kifayat"
    script = Path(folders[0]) / "launch.py"
    command = [sys.executable, str(script), str(config.path), str(port), address]
    # In our place, not beside us: a signal that stops `kifayat dashboard` stops the server.
    os.execv(sys.executable, command)
