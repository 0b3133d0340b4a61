"""Kifayat: cloud cost analytics. `App` is the Python door; `kifayat` on the command line has the same verbs."""

from kifayat.app import App, Refreshed
from kifayat.version import __version__

__all__ = ["App", "Refreshed", "__version__"]
