"""What the room promises."""

from __future__ import annotations

import core


def test_every_public_name_exists_and_is_listed_once():
    assert len(core.__all__) == len(set(core.__all__))
    assert all(hasattr(core, name) for name in core.__all__)


def test_every_public_class_and_function_has_a_docstring():
    bare = [name for name in core.__all__ if callable(getattr(core, name)) and not getattr(core, name).__doc__]
    assert bare == []
