"""The entry of the dashboard: what Streamlit runs, once per click. `streamlit run app.py -- kifayat.toml`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from core import ConfigError, KifayatError, SnapshotMissing
from dashboard.context import Context, config_path, open_context
from dashboard.view import View, discover_views
from dashboard.widgets import escape, style

TITLE = "Kifayat"


def render(view: View) -> None:
    """Draw one page; what is wrong with the store is told on it, never as a traceback."""
    context = _context()
    if context is None:
        return
    if context.snapshot.is_fallback:
        st.warning(
            "The newest published snapshot cannot be read; this is the last good one, "
            f"generation {context.snapshot.generation}. Run `kifayat refresh`."
        )
    try:
        view.render(context)
    except KifayatError as error:
        tell(error)


def _context() -> Context | None:
    try:
        return open_context(config_path())
    except SnapshotMissing as error:
        st.title("Nothing has been published yet")
        st.markdown("Load the exports first, then come back to this page:")
        st.code("kifayat ingest", language="sh")
        st.text(str(error))
    except ConfigError as error:
        st.title("The configuration has faults")
        st.text(str(error))
    except KifayatError as error:
        tell(error)
    return None


def tell(error: KifayatError) -> None:
    """The sentence of an error, with its words as text."""
    st.error(escape(str(error)))


def main() -> None:
    """Set up the frame and draw the page that was asked for."""
    # a Material icon of the title is fetched from a server of Google, a file comes from us
    st.set_page_config(page_title=TITLE, page_icon=Path(__file__).with_name("icon.svg"), layout="wide")
    style()
    sections: dict[str, list[st.Page]] = {}
    for name, view in discover_views().items():
        page = st.Page(
            partial(render, view), title=view.title, icon=view.icon, url_path=name, default=name == "overview"
        )
        sections.setdefault(view.section, []).append(page)
    st.navigation(sections).run()


if __name__ == "__main__":
    main()
