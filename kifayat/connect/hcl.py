"""Values as HCL, Terraform's language. Texts are quoted so that nothing in them is expanded; references are marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recommender.artefacts.terraform import text


@dataclass(frozen=True)
class Ref:
    """Something that Terraform computes: aws_s3_bucket.bills.arn. Never made of what somebody typed."""

    code: str


@dataclass(frozen=True)
class Nested:
    """A block within a block."""

    body: Mapping[str, Any]


def block(kind: str, *labels: str, **body: Any) -> str:
    """kind "label" { … }; a value that is a `Nested` (or several) is a block of its own."""
    return f"{' '.join([kind, *map(text, labels)])} {{\n{_body(body, 1)}}}\n"


def encoded(value: Any) -> Ref:
    """jsonencode(…), for policies."""
    return Ref(f"jsonencode({_value(value, 1)})")


def _body(body: Mapping[str, Any], depth: int) -> str:
    pad, lines = "  " * depth, []
    width = max((len(key) for key, value in body.items() if not _is_nested(value)), default=0)
    for key, value in body.items():
        if _is_nested(value):
            for one in value if isinstance(value, list) else [value]:
                lines.append(f"{pad}{key} {{\n{_body(one.body, depth + 1)}{pad}}}\n")
        else:
            lines.append(f"{pad}{key.ljust(width)} = {_value(value, depth)}\n")
    return "".join(lines)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Nested) or (isinstance(value, list) and bool(value) and isinstance(value[0], Nested))


def _value(value: Any, depth: int) -> str:
    pad = "  " * (depth + 1)
    match value:
        case Ref():
            return value.code.replace("\n", "\n" + "  " * (depth - 1))
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            inner = "".join(f"{pad}{_key(key)} = {_value(one, depth + 1)}\n" for key, one in value.items())
            return f"{{\n{inner}{'  ' * depth}}}"
        case list() | tuple():
            if len(value) < 2:
                return "[" + "".join(_value(one, depth) for one in value) + "]"
            inner = "".join(f"{pad}{_value(one, depth + 1)},\n" for one in value)
            return f"[\n{inner}{'  ' * depth}]"
    return text(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and not key[0].isdigit() else text(key)
