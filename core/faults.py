"""Faults of a configuration as sentences: the key, what was found, what is expected, the nearest key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from core.registry import nearest

_TABLE = {"model_type", "model_attributes_type", "dict_type"}
_LIST = {"tuple_type", "list_type"}
_EXPECTED = {
    "string_type": 'text in quotes, such as "…"',
    "path_type": 'a path in quotes, such as "…"',
    "int_type": "a whole number without quotes",
    "int_parsing": "a whole number without quotes",
    "int_from_float": "a whole number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
    "tuple_type": 'a list, such as ["…", "…"]',
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "a text that is not empty",
}
_MISSING: dict[tuple[str | int, ...], str] = {
    ("storage",): ': write [storage] with directory = "…", the folder for everything that is kept',
    ("storage", "directory"): ": the folder for everything that is kept",
    ("exports",): ": write [[exports]] with name and location",
}


def faults_of(error: ValidationError, model: type[BaseModel], data: Mapping[str, Any]) -> list[str]:
    """One sentence for each fault that pydantic found in `data`; `model` tells the known keys."""
    found = error.errors(include_url=False)
    misspelt = {_meant(item["loc"], model) for item in found if item["type"] == "extra_forbidden"}
    return [
        _sentence(item, model, data)
        for item in found
        if not (item["type"] == "too_short" and item["input"])  # its members are at fault, not their number
        and not (item["type"] == "missing" and item["loc"] in misspelt)  # one mistake is one fault
    ]


def _meant(path: tuple[str | int, ...], model: type[BaseModel]) -> tuple[str | int, ...]:
    """The key that an unknown one is most like."""
    return (*path[:-1], nearest(str(path[-1]), _known_keys(model, path[:-1])) or "")


def _sentence(found: Mapping[str, Any], model: type[BaseModel], data: Mapping[str, Any]) -> str:
    path: tuple[str | int, ...] = found["loc"]
    key, kind = _dotted(path, data), found["type"]
    if kind == "extra_forbidden":
        return _unknown_key(key, str(path[-1]), _known_keys(model, path[:-1]))
    if kind == "missing":
        return f"{key} is missing" + _MISSING.get(path, "")
    if kind == "too_short" and path == ("exports",):
        return "exports is empty: write [[exports]] with name and location"
    if kind in _LIST and path == ("exports",):
        return "exports is one table: write [[exports]] with two brackets, once for each export"
    if kind in _TABLE:
        return f"{key} is {_shown(found['input'])}: expected a section, [{key}] with its keys below"
    if kind == "value_error":
        return f"{key}: {found['ctx']['error']}"
    if kind == "string_pattern_mismatch":
        return f"{key} is {_shown(found['input'])}: expected {_example(path)}"
    return f"{key} is {_shown(found['input'])}: expected {_expected(found)}"


def _unknown_key(key: str, name: str, known: Sequence[str]) -> str:
    guess = nearest(name, known)
    hint = f"Did you mean {guess}?" if guess else "Known here: " + ", ".join(known)
    return f"{key} is not a setting. {hint}"


def _known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys of the section at a path such as ("exports", 0)."""
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = _section_of(model.model_fields[step].annotation) or model
    return list(model.model_fields)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _dotted(path: Sequence[str | int], data: Mapping[str, Any]) -> str:
    """exports[0].location, with the export's name when it has one: exports[0] (aws).location."""
    text, at = "", data
    for step in path:
        at = _step(at, step)
        if isinstance(step, int):
            name = at.get("name") if isinstance(at, Mapping) else None
            text += f"[{step}]" + (f" ({name})" if isinstance(name, str) else "")
        else:
            text += f".{step}" if text else step
    return text or "the file"


def _step(at: Any, step: str | int) -> Any:
    try:
        return at[step]
    except (KeyError, IndexError, TypeError):
        return None


def _example(path: Sequence[str | int]) -> str:
    if path[-1] == "memory_limit":
        return 'a size such as "2GB" or "60%"'
    return "lower-case letters, digits, - and _, beginning with a letter or a digit"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _expected(found: Mapping[str, Any]) -> str:
    kind, bounds = found["type"], found.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**bounds)
    text = str(found["msg"]).removeprefix("Input should be ")  # of a kind that no setting has yet
    return text[:1].lower() + text[1:]
