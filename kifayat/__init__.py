"""Kifayat: cloud cost analytics. `App` is the Python door; `kifayat` on the command line has the same verbs."""

from typing import TYPE_CHECKING, Any

from kifayat.version import __version__

if TYPE_CHECKING:
    from kifayat.app import App, Refreshed

__all__ = ["App", "Refreshed", "__version__"]


def __getattr__(name: str) -> Any:
    """Load the engine only when the library is used, not for `kifayat --help`."""
    if name in ("App", "Refreshed"):
        from kifayat import app

        return getattr(app, name)
    raise AttributeError(name)
