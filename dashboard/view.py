"""What a page is, and how the pages are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core import ConformanceFailed, discover_modules
from dashboard.context import Context


@dataclass(frozen=True)
class View:
    """One page. `icon` is a Material symbol (":material/…:"), `order` its place within the section."""

    title: str
    section: str
    order: int
    icon: str
    render: Callable[[Context], None]


def discover_views() -> dict[str, View]:
    """Every page by the name of its module, in order. Raises ConformanceFailed for a module without one."""
    found: dict[str, View] = {}
    for name, module in discover_modules("dashboard.views", "view").items():
        view = getattr(module, "VIEW", None)
        if not isinstance(view, View):
            raise ConformanceFailed(
                "a page has no VIEW", where=f"dashboard/views/{name}.py", expected="VIEW = View(title, section, …)"
            )
        found[name] = view
    return dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))
