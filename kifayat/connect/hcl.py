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
    """Attributes and blocks; equals signs of neighbours stand below each other, as `terraform fmt` wants it."""
    pad, lines = "  " * depth, []
    run: list[tuple[str, str]] = []  # neighbours of one line each
    for key, value in [*body.items(), ("", None)]:
        inner = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Nested)]
        text_ = "" if inner or not key else _value(value, depth)
        if key and not inner and "\n" not in text_:
            run.append((_key(key), text_))
            continue
        width = max((len(name) for name, _ in run), default=0)
        lines += [f"{pad}{name.ljust(width)} = {one}\n" for name, one in run]
        run = []
        lines += [f"{pad}{key} {{\n{_body(one.body, depth + 1)}{pad}}}\n" for one in inner]
        if text_:
            lines.append(f"{pad}{_key(key)} = {text_}\n")
    return "".join(lines)


def _value(value: Any, depth: int) -> str:
    end = "  " * depth
    match value:
        case Ref():
            return value.code
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            return f"{{\n{_body(value, depth + 1)}{end}}}"
        case list() | tuple():
            if len(value) < 2:
                return "[" + "".join(_value(one, depth) for one in value) + "]"
            return "[\n" + "".join(f"{end}  {_value(one, depth + 1)},\n" for one in value) + f"{end}]"
    return text(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and not key[0].isdigit() else text(key)
