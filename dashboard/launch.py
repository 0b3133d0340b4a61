"""Start Streamlit on `app.py` with safe settings: `launch.py CONFIG PORT ADDRESS [PARENT]`.

A script, not a module: `kifayat dashboard` becomes it; `kifayat serve` starts it and is its PARENT, which it does not
outlive: an orphan would keep the port.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import time
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


def warm() -> None:
    """Draw every page once to nobody: the first visitor then waits for no import, no opening of files and no query."""
    logging.disable(logging.WARNING)  # Streamlit says at every element that nobody is looking
    try:
        render, views = (importlib.import_module(f"dashboard.{name}") for name in ("app", "view"))
        for view in views.discover_views().values():
            render.render(view)
    except Exception as error:  # noqa: BLE001 - a page that fails will tell its visitor, and the server must come up
        sys.stderr.write(f"the pages could not be drawn in advance: {error}\n")
    finally:
        logging.disable(logging.NOTSET)


def end_with(parent: int) -> None:
    """End this process when another is its parent: the one that started it is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def main() -> None:
    """Become the server."""
    if len(sys.argv) not in (4, 5):
        raise SystemExit("launch.py takes a configuration file, a port, an address and perhaps a parent")
    if len(sys.argv) == 5:
        end_with(int(sys.argv[4]))
    flags = arguments(*sys.argv[1:4])
    warm()
    # the pages made Streamlit read its settings once without the flags; it would ask to be restarted for them
    logging.getLogger("streamlit.config").addFilter(lambda record: "please restart" not in record.getMessage())
    sys.argv = ["streamlit", *flags]
    importlib.import_module("streamlit.web.cli").main()


if __name__ == "__main__":
    main()
