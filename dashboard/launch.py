"""Start Streamlit on `app.py` with safe settings: `launch.py CONFIG PORT ADDRESS`.

A script, not a module: `kifayat dashboard` runs it as a process of its own.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

#: Nothing is told to anybody, no traceback reaches a page, no file is taken or served. Every option is a flag,
#: because a stray .streamlit/config.toml in the working directory must not weaken the page.
SETTINGS = {
    "server.headless": "true",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "server.enableStaticServing": "false",
    "server.fileWatcherType": "none",
    "server.maxUploadSize": "1",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
    # its own CSV export would not defuse formulas: the pages offer one that does
    "client.disableDataExport": "true",
}
THEME = {
    "theme.base": "light",
    "theme.primaryColor": "#0f6e6e",
    "theme.backgroundColor": "#fcfcfa",
    "theme.secondaryBackgroundColor": "#f2f4f1",
    "theme.textColor": "#1f2a2e",
    "theme.borderColor": "#dfe4e0",
    "theme.baseRadius": "0.5rem",
    "theme.showWidgetBorder": "true",
    "theme.dataframeHeaderBackgroundColor": "#f2f4f1",
}

LOOPBACK = ("localhost", "127.0.0.1", "::1")

#: Loaded before the first visitor comes, who would otherwise wait for them.
PRELOADED = ("altair", "pandas.io.formats.style", "pyarrow", "warehouse")


def arguments(config: str, port: str, address: str) -> list[str]:
    """What `streamlit` is called with."""
    app = Path(__file__).with_name("app.py")
    flags = SETTINGS | THEME | {"server.port": port, "server.address": address}
    hosts = [f"--server.allowedHosts={host}" for host in allowed_hosts(address)]
    return ["run", str(app), *[f"--{name}={value}" for name, value in flags.items()], *hosts, "--", config]


def allowed_hosts(address: str) -> list[str]:
    """Names under which a page of this machine may be asked for; none (any name) if it listens to others.

    Without them any web site could point its own name at 127.0.0.1 and read the bills through the visitor's
    browser. A proxy that passes on its public name adds it in STREAMLIT_SERVER_ALLOWED_HOSTS, separated by blanks.
    """
    if address not in LOOPBACK:
        return []
    return [*LOOPBACK, *os.environ.get("STREAMLIT_SERVER_ALLOWED_HOSTS", "").split()]


def main() -> None:
    """Become the server."""
    if len(sys.argv) != 4:
        raise SystemExit("launch.py takes a configuration file, a port and an address")
    sys.argv = ["streamlit", *arguments(*sys.argv[1:])]
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("streamlit.web.cli").main()


if __name__ == "__main__":
    main()
