"""Become the dashboard: `kifayat` never imports Streamlit."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from core import Config, KifayatError


def run_dashboard(config: Config, port: int, address: str) -> NoReturn:
    """Become the dashboard until it is stopped. Raises KifayatError if it could not listen there."""
    require_free(port, address)
    # In our place, not beside us: a signal that stops `kifayat dashboard` stops the server.
    os.execv(sys.executable, dashboard_command(config, port, address))


def dashboard_command(config: Config, port: int, address: str) -> list[str]:
    """What starts the dashboard as a process."""
    spec = importlib.util.find_spec("dashboard")
    folders = spec.submodule_search_locations if spec is not None else None
    assert folders, "the dashboard is part of Kifayat"
    return [sys.executable, str(Path(folders[0]) / "launch.py"), str(config.path), str(port), address]


def require_free(port: int, address: str) -> None:
    """Try the port: Streamlit would say that it is taken, but not what to do. Raises KifayatError."""
    try:
        kind, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was just stopped is no obstacle
            probe.bind(place)
    except OSError as error:
        raise KifayatError(
            f"the dashboard cannot listen there: {error.strerror or error}", where=f"{address}, port {port}",
            fix="stop what uses the port (an older dashboard?), or choose another: kifayat dashboard --port 8502",
        ) from error  # fmt: skip
